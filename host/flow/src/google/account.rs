//! The Wallet API as one service account sees it: a call, its token, its place in the budget, and what stops all callers.
//!
//! Owns the budget's division and that a 429 is heard by everybody. Does not own what is called (`objects`, `messages`, `presence`) nor the counting,
//! which is the store's, because all workers and nodes share it. Google counts per Cloud project, whoever calls; the project is the domain of
//! the account's address.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, StatusCode};

use super::error::{GoogleError, GoogleReason, refusal};
use super::token::{self, TokenCache};
use crate::identity::Millis;
use crate::ports::{Clock, Host, Http, HttpRequest, HttpResponse};
use crate::store::{Spend, Store};
use crate::tenant::Google;
use crate::turn;

/// Google answers a write within a second or two; a class whose images it fetches takes longer.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Bytes of an answer, which repeats the whole resource: a rich class is about 20 KB.
const RESPONSE_LIMIT: usize = 1 << 20;
/// Milliseconds that the limit is counted over: Google says requests per second.
const WINDOW: Millis = 1_000;
/// One part in so many is left by effects for a person who waits for a link.
const EFFECT_LEAVES: i64 = 5;
/// One part in so many is left by the round of looks for everybody else.
const ROUND_LEAVES: i64 = 2;
/// Turns that a person's call waits for: each is a second at most, and a buyer's page is waited for about so long.
const TURNS: u32 = 5;

/// Who pays for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worth {
    /// Somebody waits: may take the last, and waits for a turn.
    Person,
    /// A worker sends an effect. It is not held up: whoever has to wait gives the worker back to Apple's pushes.
    Effect,
    /// A look at what is installed, which has all day.
    Round,
}

pub(super) struct Account<'a, H: Host> {
    pub host: &'a H,
    pub google: &'a Google,
    pub tokens: &'a TokenCache,
    pub worth: Worth,
}

impl<H: Host> Account<'_, H> {
    /// Any answer but a refused token, tried twice, and a refused rate, which pauses the project for everybody.
    pub async fn call(&self, method: Method, path: &str, body: Bytes) -> Result<HttpResponse, GoogleError> {
        let mut response = self.send(method.clone(), path, body.clone()).await?;
        if response.status == StatusCode::UNAUTHORIZED {
            // The token was revoked, or Google's clock is ahead: once more with another one.
            response = self.send(method, path, body).await?;
        }
        if response.status == StatusCode::UNAUTHORIZED {
            return Err(GoogleError::CredentialsRefused(GoogleReason::of(&response.body)));
        }
        let now = self.host.clock().now();
        if !response.status.is_success()
            && let GoogleError::Throttled { after } = refusal(&response, now)
        {
            let until = now.saturating_add(Millis::try_from(after.as_millis()).unwrap_or(0));
            self.host.store().pause(&self.scope(), until).await?;
            return Err(GoogleError::Throttled { after });
        }
        Ok(response)
    }

    async fn send(&self, method: Method, path: &str, body: Bytes) -> Result<HttpResponse, GoogleError> {
        self.spend().await?;
        let token = token::get(self.tokens, self.host, self.google).await?;
        let mut headers = vec![(AUTHORIZATION, format!("Bearer {}", token.as_str()))];
        if method != Method::GET {
            headers.push((CONTENT_TYPE, "application/json".to_owned()));
        }
        let request = HttpRequest {
            method,
            url: format!("{}/{path}", self.google.api_url),
            headers,
            body,
            timeout: TIMEOUT,
            response_limit: RESPONSE_LIMIT,
            identity: None,
            on_behalf_of: None,
        };
        let response = self.host.http().send(request).await.map_err(GoogleError::Unanswered)?;
        if response.status == StatusCode::UNAUTHORIZED {
            self.tokens.forget(&token);
        }
        Ok(response)
    }

    /// Takes one request of the second's.
    async fn spend(&self) -> Result<(), GoogleError> {
        let turns = if self.worth == Worth::Person { TURNS } else { 0 };
        match turn::take(self.host, turns, WINDOW, |now| self.request(now)).await? {
            None => Ok(()),
            Some(until) => Err(GoogleError::BudgetSpent { until }),
        }
    }

    fn request(&self, now: Millis) -> Spend {
        let limit = self.google.requests_per_second.max(1);
        let reserve = match self.worth {
            Worth::Person => 0,
            Worth::Effect => limit / EFFECT_LEAVES,
            Worth::Round => limit / ROUND_LEAVES,
        };
        Spend { scope: self.scope(), now, limit, window: WINDOW, reserve }
    }

    fn scope(&self) -> String {
        let account = self.google.account.as_str();
        format!("google/{}", account.rsplit_once('@').map_or(account, |(_, project)| project))
    }
}

#[cfg(test)]
mod tests;
