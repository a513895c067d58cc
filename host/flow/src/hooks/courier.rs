//! One vetted request on its way: its turn, its credential, the host's limits.
//!
//! Owns what is done alike for an answer that a hook asked for and for a delivery. Does not own when it is tried again. Every request costs a turn of its
//! destination's budget, the repetition after a token that was refused and the purchase of a token too.

use http::header::USER_AGENT;
use http::{HeaderName, StatusCode};

use super::patience::Patience;
use crate::flow::Flow;
use crate::identity::Millis;
use crate::plugin::credential::{self, Kind};
use crate::plugin::request::Vetted;
use crate::plugin::token::{self, TokenError};
use crate::ports::{Host, Http as _, HttpFailure, HttpRequest, HttpResponse};
use crate::retry_after::retry_in;
use crate::store::{Spend, Store as _, StoreError};
use crate::tenant::Tenant;
use crate::token_cache::AccessToken;
use crate::turn;
use crate::webhook::send::millis;

const MINUTE: Millis = 60_000;
/// Turns that a request waits for, and how far away the last of them may be: the destination's minute, and no more than a lease can bear.
const TURNS: u32 = 2;
const TURN: Millis = 5_000;
/// A receiver tells us from others by it.
const AGENT: &str = concat!("Passerelle/", env!("CARGO_PKG_VERSION"), " (plugin)");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

#[derive(Debug, thiserror::Error)]
pub enum CourierError {
    #[error(transparent)]
    Http(#[from] HttpFailure),
    /// The destination's budget has none left before then.
    #[error("as many requests as the destination may get were sent")]
    OverBudget { until: Millis },
    #[error("the credential: {0}")]
    Token(TokenError),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The time that all hooks of the run or of the delivery have together.
    #[error("there is no time left for it")]
    OutOfTime,
}

impl From<TokenError> for CourierError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::OverBudget { until } => Self::OverBudget { until },
            TokenError::Store(error) => Self::Store(error),
            error => Self::Token(error),
        }
    }
}

/// What an answer is wanted for.
#[derive(Clone, Copy, Debug)]
pub enum Purpose<'a> {
    /// What it says: one of more bytes is none.
    Answer { longest: usize },
    /// That it was taken: the status is the answer, whatever follows. The key is what a receiver knows a repetition by.
    Delivery { key: &'a str },
}

/// Sends it.
pub async fn send<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    request: &Vetted,
    purpose: Purpose<'_>,
    patience: Patience,
) -> Result<HttpResponse, CourierError> {
    // A literal address of the inside is refused here, too: a host that has no egress of its own dials what it is told.
    flow.host.http().vet(request.address.as_str())?;
    let scope = format!("plugin/{}/{}", tenant.id, request.destination);
    take(flow, tenant, &scope, patience).await?;
    let kind = request.credential.as_ref().and_then(|name| tenant.plugin.credentials.get(name)).map(|it| &it.kind);
    let token = token(flow, tenant, kind, patience).await?;
    let response = attempt(flow, tenant, request, kind, token.as_ref(), purpose, patience).await?;
    if let Some(after) = retry_in(&response.headers, flow.now())
        && !response.status.is_success()
    {
        // It says when it can bear the next one, whichever event that is of.
        flow.host.store().pause(&scope, flow.now().saturating_add(millis(after))).await?;
    }
    match token {
        // It was withdrawn before its time: nobody is given it again, and this request gets one more chance.
        Some(refused) if response.status == StatusCode::UNAUTHORIZED => {
            flow.plugins.tokens.forget(&refused);
            let token = self::token(flow, tenant, kind, patience).await?;
            take(flow, tenant, &scope, patience).await?;
            attempt(flow, tenant, request, kind, token.as_ref(), purpose, patience).await
        }
        _ => Ok(response),
    }
}

/// One turn of the destination's budget.
async fn take<H: Host>(flow: &Flow<H>, tenant: &Tenant, scope: &str, patience: Patience) -> Result<(), CourierError> {
    let left = patience.left(flow.now()).ok_or(CourierError::OutOfTime)?;
    let longest = Millis::try_from(left.as_millis()).unwrap_or(TURN).min(TURN);
    let limit = i64::from(tenant.plugin.limits.requests_per_minute);
    let spend = |now| Spend { scope: scope.to_owned(), now, limit, window: MINUTE, reserve: 0 };
    match turn::take(&flow.host, TURNS, longest, spend).await? {
        None => Ok(()),
        Some(until) => Err(CourierError::OverBudget { until }),
    }
}

async fn token<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    kind: Option<&Kind>,
    patience: Patience,
) -> Result<Option<AccessToken>, CourierError> {
    let Some(Kind::OAuth2(client)) = kind else { return Ok(None) };
    let left = patience.left(flow.now()).ok_or(CourierError::OutOfTime)?;
    Ok(Some(token::get(&flow.plugins.tokens, &flow.host, tenant, client, left).await?))
}

async fn attempt<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    request: &Vetted,
    kind: Option<&Kind>,
    token: Option<&AccessToken>,
    purpose: Purpose<'_>,
    patience: Patience,
) -> Result<HttpResponse, CourierError> {
    let limits = &tenant.plugin.limits;
    let left = patience.left(flow.now()).ok_or(CourierError::OutOfTime)?;
    let mut headers = request.headers.clone();
    headers.push((USER_AGENT, AGENT.to_owned()));
    if let Purpose::Delivery { key } = purpose {
        headers.push((IDEMPOTENCY_KEY, key.to_owned()));
    }
    if let Some(kind) = kind {
        let added = credential::headers(kind, request, token.map(|token| &**token), flow.now());
        // A plugin may not have written in the credential's place.
        headers.retain(|(name, _)| added.iter().all(|(added, _)| added != name));
        headers.extend(added);
    }
    let request = HttpRequest {
        method: request.method.clone(),
        url: request.address.as_str().to_owned(),
        headers,
        body: request.body.clone(),
        timeout: limits.timeout.min(left),
        response_limit: match purpose {
            Purpose::Answer { longest } => longest,
            Purpose::Delivery { .. } => limits.response_body,
        },
        identity: None,
        on_behalf_of: Some(tenant.id.clone()),
    };
    Ok(match purpose {
        Purpose::Answer { .. } => flow.host.http().send(request).await?,
        Purpose::Delivery { .. } => flow.host.http().deliver(request).await?,
    })
}
