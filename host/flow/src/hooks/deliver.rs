//! One leased delivery to the tenant's plugin: its hook is called once, what it wants sent is kept sealed, and sent.
//!
//! Owns the two halves and what lies between them. The hook's decision is on disk before the first request leaves, so that a crash or a failure
//! repeats the sending and not the decision. A request that was taken is not sent again: by its name, however often the event is told. Requests of one
//! event go out in their order, and the next event of the pass waits for the last of them.

use http::StatusCode;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::courier::{self, CourierError};
use super::event;
use super::round::{Ended, run};
use crate::flow::Flow;
use crate::identity::Millis;
use crate::plugin::Installed;
use crate::plugin::hook::{HookCall, Turn};
use crate::plugin::request::{Denial, Vetted, judge};
use crate::ports::{Host, HttpFailure, Plugins};
use crate::retry_after::retry_in;
use crate::sealing::SealError;
use crate::store::{
    DeliveryAttempt, DeliveryEnd, DeliveryLease, Outbox as _, PluginRequest, PluginRequestWrite, StoreResult,
};
use crate::tenant::Tenant;
use crate::webhook::schedule::Asked;
use crate::webhook::send::{failed, millis};
use passerelle_contract::tenant::types as contract;

/// How long a delivery waits for a plugin that is not there, or for a person.
const PERSON_PAUSE: Millis = 300_000;

/// Sends one leased delivery; how it ended, and the attempt that was made.
pub async fn send<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    lease: &DeliveryLease,
) -> StoreResult<(DeliveryEnd, Option<DeliveryAttempt>)> {
    let Some(installed) = flow.host.plugins().presence(tenant).installed() else {
        return Ok((wait(flow.now() + PERSON_PAUSE, "the tenant's plugin is not there"), None));
    };
    let began = flow.now();
    let outcome = deliver(flow, tenant, &installed, lease).await?;
    let end = match outcome {
        Outcome::Done => DeliveryEnd::Delivered,
        Outcome::Wait { until, why } => return Ok((wait(until, why), None)),
        Outcome::Failed { asked, error, .. } => failed(flow, lease, asked, error),
        Outcome::Hopeless { error } => DeliveryEnd::Pointless { error },
    };
    let error = match &end {
        DeliveryEnd::Retry { error, .. } | DeliveryEnd::Dead { error, .. } | DeliveryEnd::Pointless { error } => {
            Some(error.clone())
        }
        DeliveryEnd::Delivered | DeliveryEnd::Gone { .. } | DeliveryEnd::Wait { .. } => None,
    };
    let took_ms = flow.now().saturating_sub(began).max(0);
    let attempt =
        DeliveryAttempt { n: lease.lease_token, at: began, took_ms, status: None, error, response_sealed: None };
    Ok((end, Some(attempt)))
}

fn wait(at: Millis, why: &str) -> DeliveryEnd {
    DeliveryEnd::Wait { at, error: why.to_owned() }
}

enum Outcome {
    Done,
    /// Nothing was tried.
    Wait {
        until: Millis,
        why: &'static str,
    },
    Failed {
        asked: Asked,
        error: String,
    },
    /// Trying again changes nothing: a person's.
    Hopeless {
        error: String,
    },
}

impl Outcome {
    fn failed(error: impl ToString) -> Self {
        Self::Failed { asked: Asked { after: None, busy: false }, error: error.to_string() }
    }
}

async fn deliver<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    installed: &Installed,
    lease: &DeliveryLease,
) -> StoreResult<Outcome> {
    let id = lease.happening.happening.id.as_str();
    let kept = flow.host.store().plugin_requests(&tenant.id, id).await?;
    let kept = match kept.iter().any(|request| request.sent_at.is_none()) {
        true => kept,
        false => match decide(flow, tenant, installed, lease, kept).await? {
            Ok(decided) => decided,
            Err(outcome) => return Ok(outcome),
        },
    };
    for request in kept.into_iter().filter(|request| request.sent_at.is_none()) {
        let vetted = match open(tenant, id, &request) {
            Ok(Ok(vetted)) => vetted,
            // It was allowed when the hook wanted it; a person has changed their mind since.
            Ok(Err(denial)) => return Ok(Outcome::Hopeless { error: denial.to_string() }),
            Err(error) => return Ok(Outcome::failed(error)),
        };
        match one(flow, tenant, &vetted, &format!("{id}:{}", request.name)).await? {
            Ok(status) => {
                let sent = flow
                    .host
                    .store()
                    .plugin_request_sent(&tenant.id, id, lease.lease_token, (&request.name, status), flow.now())
                    .await?;
                if !sent {
                    return Ok(Outcome::Wait { until: flow.now(), why: "the lease was lost" });
                }
            }
            Err(outcome) => return Ok(outcome),
        }
    }
    Ok(Outcome::Done)
}

/// Calls the hook and keeps what it wants sent, but for what was sent under the same name before.
async fn decide<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    installed: &Installed,
    lease: &DeliveryLease,
    sent: Vec<PluginRequest>,
) -> StoreResult<Result<Vec<PluginRequest>, Outcome>> {
    let call = match event::of_happening(tenant, &lease.happening) {
        Ok(Some(call)) if installed.hooks.contains(&call.event.hook()) => call,
        // The build that asked for it is not the one of now.
        Ok(_) => return Ok(Ok(vec![])),
        Err(error) => return Ok(Err(Outcome::failed(error))),
    };
    let id = call.call.id.clone();
    let requests = match hook(flow, tenant, installed, call).await? {
        Ok(requests) => requests,
        Err(outcome) => return Ok(Err(outcome)),
    };
    let mut writes = Vec::new();
    let mut kept = Vec::new();
    for (position, request) in requests.into_iter().enumerate() {
        if sent.iter().any(|sent| sent.name == request.name) {
            continue;
        }
        let sealed = match seal(flow, tenant, &id, &request) {
            Ok(sealed) => sealed,
            Err(error) => return Ok(Err(Outcome::failed(error))),
        };
        let position = i64::try_from(position).unwrap_or(i64::MAX);
        let name = request.name;
        writes.push(PluginRequestWrite { name: name.clone(), position, sealed: sealed.clone() });
        kept.push(PluginRequest { name, position, sealed: Some(sealed), sent_at: None, status: None });
    }
    let written =
        flow.host.store().keep_plugin_requests(&tenant.id, &id, lease.lease_token, writes, flow.now()).await?;
    if !written {
        return Ok(Err(Outcome::Wait { until: flow.now(), why: "the lease was lost" }));
    }
    Ok(Ok(kept))
}

/// The requests of the hook's decision, each of which is one that may be sent.
async fn hook<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    installed: &Installed,
    call: HookCall,
) -> StoreResult<Result<Vec<contract::Request>, Outcome>> {
    let name = call.event.hook().name();
    let requests = match run(flow, tenant, installed, call).await? {
        Ended::Decided(Turn::Deliver(requests)) => requests,
        Ended::Decided(_) => return Ok(Err(Outcome::Hopeless { error: format!("{name}: an answer of another hook") })),
        Ended::Rejected(text) => return Ok(Err(Outcome::Hopeless { error: format!("{name} rejects it: {text}") })),
        Ended::Retry => return Ok(Err(Outcome::failed(format!("{name} asks to be tried again later")))),
        Ended::Failed(failure) => return Ok(Err(Outcome::failed(format!("{name}: {failure}")))),
        Ended::Broken { until } => {
            return Ok(Err(Outcome::Wait { until, why: "the tenant's plugin has failed too often and is left alone" }));
        }
    };
    // Judged before anything is kept: who wants one thing that is forbidden gets none of it, and a person is told.
    match judge(requests.clone(), &tenant.plugin) {
        Ok(judged) => match judged.into_iter().find_map(Result::err) {
            None => Ok(Ok(requests)),
            Some((_, denial)) => Ok(Err(Outcome::Hopeless { error: denial.to_string() })),
        },
        Err(breach) => Ok(Err(Outcome::Hopeless { error: format!("{name} broke its contract: {breach}") })),
    }
}

/// The status that it was taken with.
async fn one<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    request: &Vetted,
    key: &str,
) -> StoreResult<Result<u16, Outcome>> {
    let name = &request.name;
    Ok(match courier::send(flow, tenant, request, Some(key)).await {
        Ok(response) if response.status.is_success() => Ok(response.status.as_u16()),
        Ok(response) => {
            let after = retry_in(&response.headers, flow.now()).map(millis);
            let busy = response.status == StatusCode::TOO_MANY_REQUESTS;
            let error = format!("request {name}: HTTP {}", response.status.as_u16());
            Err(Outcome::Failed { asked: Asked { after, busy }, error })
        }
        Err(CourierError::Store(error)) => return Err(error),
        // Of ours, and no fault of the receiver.
        Err(CourierError::OverBudget { until }) => {
            Err(Outcome::Wait { until, why: "as many requests as the destination may get were sent" })
        }
        // It came, whatever it was: a body that is too long is an answer to the delivery all the same.
        Err(CourierError::Http(HttpFailure::TooLarge)) => Ok(StatusCode::OK.as_u16()),
        Err(CourierError::Http(failure @ (HttpFailure::Denied | HttpFailure::Invalid))) => {
            Err(Outcome::Hopeless { error: format!("request {name}: {failure}") })
        }
        Err(error) => {
            let busy = matches!(error, CourierError::Http(HttpFailure::TimedOut));
            Err(Outcome::Failed { asked: Asked { after: None, busy }, error: format!("request {name}: {error}") })
        }
    })
}

/// What is kept of a request until it is sent.
#[derive(Serialize, Deserialize)]
struct Kept {
    request: contract::Request,
}

fn place<'a>(tenant: &'a Tenant, happening: &'a str, name: &'a str) -> [&'a str; 4] {
    ["plugin_request", tenant.id.as_str(), happening, name]
}

fn seal<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    happening: &str,
    request: &contract::Request,
) -> Result<Vec<u8>, SealError> {
    let kept = Kept { request: request.clone() };
    let text = serde_json::to_vec(&kept).map(Zeroizing::new).map_err(|_| SealError::Form)?;
    tenant.keys.seal_small(flow.host.random(), &place(tenant, happening, &request.name), &text)
}

/// Opened and judged again: the list of now decides, not that of then.
fn open(tenant: &Tenant, happening: &str, request: &PluginRequest) -> Result<Result<Vetted, Denial>, OpenError> {
    let sealed = request.sealed.as_ref().ok_or(SealError::Form)?;
    let text = tenant.keys.open_small(sealed, &place(tenant, happening, &request.name))?;
    let Kept { request } = serde_json::from_slice(&text).map_err(|_| SealError::Form)?;
    let judged = judge(vec![request], &tenant.plugin)?.pop().ok_or(SealError::Form)?;
    Ok(judged.map_err(|(_, denial)| denial))
}

#[derive(Debug, thiserror::Error)]
enum OpenError {
    #[error("what was kept of the request: {0}")]
    Seal(#[from] SealError),
    #[error(transparent)]
    Breach(#[from] crate::plugin::request::Breach),
}
