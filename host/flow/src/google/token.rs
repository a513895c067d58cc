//! The service account's access token: bought with a signed assertion, kept while it lasts.
//!
//! Owns the exchange (RFC 7523) and the cache. One exchange at a time per account: who comes meanwhile waits for it and shares its outcome, a
//! failure too. Knows no runtime: waiting is a list of wakers, so that it works on any executor. A failure is not kept; how soon to try again
//! is the caller's affair.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::error::{GoogleError, GoogleReason, refusal};
use super::jwt::rs256;
use crate::identity::Millis;
use crate::ports::{Clock, Host, Http, HttpRequest, KeyRef};
use crate::tenant::Google;

/// What the token may do: classes and objects of the issuer.
const SCOPE: &str = "https://www.googleapis.com/auth/wallet_object.issuer";
/// Seconds an assertion is valid; Google allows an hour at most, and ours is used at once.
const ASSERTION_LIFETIME: i64 = 300;
/// A token is not used in its last minute: clocks differ, and requests take time.
const MARGIN: Millis = 60_000;
/// The token endpoint answers within a second.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of an answer: a token of a KB or two.
const RESPONSE_LIMIT: usize = 16 << 10;

/// A bearer token. Shared by the requests of an hour, wiped when the last one is done with it.
pub(super) type AccessToken = Arc<Zeroizing<String>>;
type Outcome = Result<AccessToken, GoogleError>;

/// Access tokens of all service accounts. Kept beside the host for as long as the process runs.
#[derive(Default)]
pub struct TokenCache {
    slots: Mutex<HashMap<Account, Slot>>,
}

/// Whose token, and from where: a tenant whose configuration changed asks anew.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Account {
    name: String,
    key: KeyRef,
    token_url: String,
}

enum Slot {
    Held { token: AccessToken, until: Millis },
    Fetching(Arc<Exchange>),
}

/// One exchange under way, for those who wait for it.
#[derive(Default)]
struct Exchange {
    state: Mutex<Progress>,
}

#[derive(Default)]
struct Progress {
    /// Inner none: whoever fetched was dropped, and somebody else has to.
    ended: Option<Option<Outcome>>,
    wakers: Vec<Waker>,
}

enum Turn {
    Use(AccessToken),
    Wait(Arc<Exchange>),
    Fetch(Arc<Exchange>),
}

impl TokenCache {
    /// A token that is good for another minute at least.
    pub(super) async fn get<H: Host>(&self, host: &H, google: &Google) -> Outcome {
        let account =
            Account { name: google.account.clone(), key: google.key.clone(), token_url: google.token_url.clone() };
        loop {
            match self.turn(&account, host.clock().now()) {
                Turn::Use(token) => return Ok(token),
                Turn::Wait(exchange) => {
                    if let Some(outcome) = exchange.ended().await {
                        return outcome;
                    }
                }
                Turn::Fetch(exchange) => {
                    let fetching = Fetching { cache: self, account: &account, exchange, result: None };
                    return fetching.end(fetch(host, google).await);
                }
            }
        }
    }

    /// Google did not accept this token: nobody is given it again.
    pub(super) fn forget(&self, refused: &AccessToken) {
        lock(&self.slots).retain(|_, slot| !matches!(slot, Slot::Held { token, .. } if Arc::ptr_eq(token, refused)));
    }

    fn turn(&self, account: &Account, now: Millis) -> Turn {
        let mut slots = lock(&self.slots);
        match slots.get(account) {
            Some(Slot::Held { token, until }) if now < *until => return Turn::Use(token.clone()),
            Some(Slot::Fetching(exchange)) => return Turn::Wait(exchange.clone()),
            Some(Slot::Held { .. }) | None => {}
        }
        let exchange = Arc::new(Exchange::default());
        slots.insert(account.clone(), Slot::Fetching(exchange.clone()));
        Turn::Fetch(exchange)
    }
}

impl Exchange {
    async fn ended(&self) -> Option<Outcome> {
        poll_fn(|context| {
            let mut progress = lock(&self.state);
            if let Some(ended) = &progress.ended {
                return Poll::Ready(ended.clone());
            }
            if !progress.wakers.iter().any(|waker| waker.will_wake(context.waker())) {
                progress.wakers.push(context.waker().clone());
            }
            Poll::Pending
        })
        .await
    }
}

/// The duty to tell those who wait, kept even when the fetching future is dropped half-way.
struct Fetching<'a> {
    cache: &'a TokenCache,
    account: &'a Account,
    exchange: Arc<Exchange>,
    result: Option<(Outcome, Millis)>,
}

impl Fetching<'_> {
    /// `until`: how long the token may be used.
    fn end(mut self, fetched: Result<(AccessToken, Millis), GoogleError>) -> Outcome {
        let (outcome, until) = match fetched {
            Ok((token, until)) => (Ok(token), until),
            Err(error) => (Err(error), Millis::MIN),
        };
        self.result = Some((outcome.clone(), until));
        outcome
    }
}

impl Drop for Fetching<'_> {
    fn drop(&mut self) {
        let result = self.result.take();
        {
            let mut slots = lock(&self.cache.slots);
            match &result {
                Some((Ok(token), until)) => {
                    slots.insert(self.account.clone(), Slot::Held { token: token.clone(), until: *until });
                }
                Some((Err(_), _)) | None => {
                    slots.remove(self.account);
                }
            }
        }
        let mut progress = lock(&self.exchange.state);
        progress.ended = Some(result.map(|(outcome, _)| outcome));
        let wakers = std::mem::take(&mut progress.wakers);
        drop(progress);
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// A panic elsewhere does not spoil what is in here: every change is one assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Buys a token. With it, the time until which it may be used.
async fn fetch<H: Host>(host: &H, google: &Google) -> Result<(AccessToken, Millis), GoogleError> {
    #[derive(Deserialize)]
    struct Answer {
        access_token: String,
        /// Seconds. Absent: good for this request only.
        #[serde(default)]
        expires_in: u32,
    }
    let now = host.clock().now();
    let iat = now.div_euclid(1000);
    let claims = json!({
        "iss": google.account,
        "scope": SCOPE,
        "aud": google.token_url,
        "iat": iat,
        "exp": iat + ASSERTION_LIFETIME,
    });
    let assertion = rs256(host.signer(), &google.key, &claims).await?;
    // Of the two values only the grant type has characters to be escaped.
    let form = format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}");
    let request = HttpRequest {
        method: Method::POST,
        url: google.token_url.clone(),
        headers: vec![(CONTENT_TYPE, "application/x-www-form-urlencoded".to_owned())],
        body: Bytes::from(form),
        timeout: TIMEOUT,
        response_limit: RESPONSE_LIMIT,
        identity: None,
    };
    let response = host.http().send(request).await.map_err(GoogleError::Unanswered)?;
    match response.status.as_u16() {
        200 => {}
        // `invalid_grant` (the clock, the key), `invalid_client` (the account): all of them 400 or 401.
        400 | 401 => return Err(GoogleError::CredentialsRefused(GoogleReason::of(&response.body))),
        _ => return Err(refusal(&response, now)),
    }
    let answer: Answer = serde_json::from_slice(&response.body).map_err(|_| GoogleError::Unreadable)?;
    let token = Zeroizing::new(answer.access_token);
    // It goes into a header.
    if token.is_empty() || !token.bytes().all(|c| c.is_ascii_graphic()) {
        return Err(GoogleError::Unreadable);
    }
    let until = now.saturating_add(i64::from(answer.expires_in) * 1000 - MARGIN);
    Ok((Arc::new(token), until))
}

#[cfg(test)]
mod tests;
