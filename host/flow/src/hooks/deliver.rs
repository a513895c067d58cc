//! One leased delivery to the tenant's plugin: its hook is called once, what it wants sent is kept sealed, and sent.
//!
//! Owns the two halves and what lies between them. The hook's decision is on disk before the first request leaves, so that a crash or a failure
//! repeats the sending and not the decision. A request that was taken is not sent again: by its name, however often the event is told. Requests of one
//! event go out in their order, and the next event of the pass waits for the last of them.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::courier::{self, CourierError, Purpose};
use super::event;
use super::patience::Patience;
use super::round::{Ended, run};
use crate::flow::Flow;
use crate::identity::Millis;
use crate::plugin::hook::{HookCall, Turn};
use crate::plugin::request::{Denial, Vetted, judge, shown};
use crate::plugin::told::Told;
use crate::plugin::{Installed, Presence, Until};
use crate::ports::{Host, HttpFailure, Plugins};
use crate::sealing::SealError;
use crate::store::{
    DeliveryAttempt, DeliveryEnd, DeliveryLease, Outbox as _, PluginRequest, PluginRequestWrite, StoreResult,
};
use crate::tenant::Tenant;
use crate::webhook::schedule::Asked;
use crate::webhook::send::failed;
use passerelle_contract::tenant::types as contract;

/// How long a delivery waits for a plugin that is not there: a person brings it back, and looks whether it is told again.
const PERSON_PAUSE: Millis = 60_000;
/// How long a delivery waits for a plugin that is being compiled, or for a sandbox: the one takes seconds, the other less.
const MOMENT: Millis = 5_000;

/// Sends one leased delivery; how it ended, and the attempt that was made.
pub async fn send<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    lease: &DeliveryLease,
) -> StoreResult<(DeliveryEnd, Option<DeliveryAttempt>)> {
    let began = flow.now();
    let installed = match flow.host.plugins().presence(tenant) {
        Presence::Installed(installed) => installed,
        Presence::Unavailable(Until::Soon) => {
            return Ok((wait(began + MOMENT, "the tenant's plugin is not ready"), None));
        }
        Presence::Unavailable(Until::Mended) => {
            return Ok((wait(began + PERSON_PAUSE, "the tenant's plugin cannot be used"), None));
        }
        Presence::None => return Ok((wait(began + PERSON_PAUSE, "the tenant's plugin is not there"), None)),
    };
    let patience = Patience::of_delivery(began + flow.options.lease, tenant.plugin.limits.timeout);
    let delivery = Delivery { flow, tenant, lease, id: lease.happening.happening.id.as_str(), patience };
    let (end, status) = match delivery.deliver(&installed).await? {
        Outcome::Done { status } => (DeliveryEnd::Delivered, status),
        Outcome::Wait { until, why } => return Ok((wait(until, why), None)),
        Outcome::Failed { asked, status, error } => (unpaused(failed(flow, lease, asked, error), began), status),
        Outcome::Hopeless { error } => (DeliveryEnd::Pointless { error }, None),
    };
    let error = match &end {
        DeliveryEnd::Retry { error, .. } | DeliveryEnd::Dead { error, .. } | DeliveryEnd::Pointless { error } => {
            Some(error.clone())
        }
        DeliveryEnd::Delivered | DeliveryEnd::Gone { .. } | DeliveryEnd::Wait { .. } => None,
    };
    let took_ms = flow.now().saturating_sub(began).max(0);
    let attempt = DeliveryAttempt { n: lease.lease_token, at: began, took_ms, status, error, response_sealed: None };
    Ok((end, Some(attempt)))
}

/// A plugin has many receivers, and one that fails keeps its own requests waiting (`courier`): not those to the others.
fn unpaused(end: DeliveryEnd, now: Millis) -> DeliveryEnd {
    match end {
        DeliveryEnd::Retry { at, error, .. } => DeliveryEnd::Retry { at, pause: now, error },
        DeliveryEnd::Dead { error, .. } => DeliveryEnd::Dead { pause: now, error },
        end => end,
    }
}

fn wait(at: Millis, why: &str) -> DeliveryEnd {
    DeliveryEnd::Wait { at, error: why.to_owned() }
}

enum Outcome {
    /// With the status of the last request, if there was one.
    Done {
        status: Option<u16>,
    },
    /// Not the plugin's doing nor the receiver's: nothing is counted.
    Wait {
        until: Millis,
        why: &'static str,
    },
    Failed {
        asked: Asked,
        status: Option<u16>,
        error: String,
    },
    /// Trying again changes nothing: a person's.
    Hopeless {
        error: String,
    },
}

impl Outcome {
    fn failed(error: impl ToString) -> Self {
        Self::Failed { asked: Asked::default(), status: None, error: error.to_string() }
    }
}

/// One event on its way to the plugin, and what the plugin wants on its way to others.
struct Delivery<'a, H: Host> {
    flow: &'a Flow<H>,
    tenant: &'a Tenant,
    lease: &'a DeliveryLease,
    /// Of the happening.
    id: &'a str,
    patience: Patience,
}

impl<H: Host> Delivery<'_, H> {
    async fn deliver(&self, installed: &Installed) -> StoreResult<Outcome> {
        let store = self.flow.host.store();
        let kept = store.plugin_requests(&self.tenant.id, self.id).await?;
        let kept = match kept.decided || kept.requests.iter().any(|request| request.sent_at.is_none()) {
            true => kept.requests,
            false => match self.decide(installed, kept.requests).await? {
                Ok(decided) => decided,
                Err(outcome) => return Ok(outcome),
            },
        };
        let mut last = None;
        for request in kept.into_iter().filter(|request| request.sent_at.is_none()) {
            let opened = match self.open(&request) {
                Ok(opened) => opened,
                // A key may come back. What no plugin may send any more, and what cannot be read with its key, stays as it is.
                Err(error @ OpenError::Seal(SealError::Form) | error @ OpenError::Breach(_)) => {
                    return Ok(Outcome::Hopeless { error: format!("a request that was kept: {}", error.kind()) });
                }
                Err(error) => return Ok(Outcome::failed(error)),
            };
            let vetted = match opened.judged {
                Ok(vetted) => vetted,
                // It was allowed when the hook wanted it; a person has changed their mind since.
                Err(denial) => return Ok(Outcome::Hopeless { error: denied(&opened.label, &denial) }),
            };
            let status = match self.one(&vetted, &opened.label).await? {
                Ok(status) => status,
                Err(outcome) => return Ok(outcome),
            };
            last = Some(status);
            let sent = (request.name.as_str(), status);
            let now = self.flow.now();
            if !store.plugin_request_sent(&self.tenant.id, self.id, self.lease.lease_token, sent, now).await? {
                return Ok(Outcome::Wait { until: now, why: "the lease was lost" });
            }
        }
        Ok(Outcome::Done { status: last })
    }

    /// Calls the hook and keeps what it wants sent, but for what was sent under the same name before.
    async fn decide(
        &self,
        installed: &Installed,
        sent: Vec<PluginRequest>,
    ) -> StoreResult<Result<Vec<PluginRequest>, Outcome>> {
        let call = match event::of_happening(self.tenant, &self.lease.happening) {
            Ok(Some(call)) => call,
            Ok(None) => return Ok(Ok(vec![])),
            Err(error) => return Ok(Err(Outcome::failed(error))),
        };
        let hook = call.event.hook();
        if !installed.hooks.contains(&hook) {
            // The build that asked for it is not the one of now. A person knows whether it is still wanted; a build that has the hook is told by a replay.
            let error = format!("the plugin has no {} any more", hook.name());
            return Ok(Err(Outcome::Hopeless { error }));
        }
        let wanted = match self.hook(installed, call).await? {
            Ok(wanted) => wanted,
            Err(outcome) => return Ok(Err(outcome)),
        };
        // After those that were sent already, whose rows stay.
        let first = sent.iter().map(|sent| sent.position + 1).max().unwrap_or(0);
        let mut writes = Vec::new();
        let mut kept = Vec::new();
        for (position, wanted) in (first..).zip(wanted) {
            let name = self.row(&wanted.request.name);
            if sent.iter().any(|sent| sent.name == name || sent.name == wanted.request.name) {
                continue;
            }
            let sealed = match self.seal(&name, &wanted) {
                Ok(sealed) => sealed,
                Err(error) => return Ok(Err(Outcome::failed(error))),
            };
            writes.push(PluginRequestWrite { name: name.clone(), position, sealed: sealed.clone() });
            kept.push(PluginRequest { name, position, sealed: Some(sealed), sent_at: None, status: None });
        }
        let (flow, token) = (self.flow, self.lease.lease_token);
        let now = flow.now();
        if !flow.host.store().keep_plugin_requests(&self.tenant.id, self.id, token, writes, now).await? {
            return Ok(Err(Outcome::Wait { until: now, why: "the lease was lost" }));
        }
        Ok(Ok(kept))
    }

    /// The requests of the hook's decision, each of which is one that may be sent.
    async fn hook(&self, installed: &Installed, call: HookCall) -> StoreResult<Result<Vec<Kept>, Outcome>> {
        let name = call.event.hook().name();
        let ran = run(self.flow, self.tenant, installed, call, self.patience).await?;
        let told = ran.told();
        let requests = match ran.ended {
            Ended::Decided(Turn::Deliver(requests)) => requests,
            Ended::Decided(_) => {
                return Ok(Err(Outcome::Hopeless { error: format!("{name}: an answer of another hook") }));
            }
            Ended::Rejected(words) => {
                return Ok(Err(Outcome::Hopeless { error: format!("{name} rejects it: {}", told.speak(&words)) }));
            }
            Ended::Retry(asked) => {
                let error = format!("{name} asks to be tried again later");
                return Ok(Err(Outcome::Failed { asked, status: None, error }));
            }
            Ended::Failed(failure) => {
                return Ok(Err(Outcome::failed(format!("{name}: {}", told.speak(&failure.to_string())))));
            }
            Ended::OutOfTime => {
                return Ok(Err(Outcome::failed(format!("{name}: what it asks for takes longer than a delivery may"))));
            }
            Ended::Broken { until } => {
                return Ok(Err(Outcome::Wait {
                    until,
                    why: "the tenant's plugin has failed too often and is left alone",
                }));
            }
            Ended::Busy => {
                let until = self.flow.now() + MOMENT;
                return Ok(Err(Outcome::Wait { until, why: "no sandbox was free for the tenant's plugin" }));
            }
        };
        let kept: Vec<Kept> =
            requests.into_iter().enumerate().map(|(at, request)| Kept::new(request, at, &told)).collect();
        // Judged before anything is kept: who wants one thing that is forbidden gets none of it, and a person is told.
        match judge(kept.iter().map(|kept| kept.request.clone()).collect(), &self.tenant.plugin) {
            Ok(judged) => match judged.into_iter().find_map(Result::err) {
                None => Ok(Ok(kept)),
                Some((_, denial)) => Ok(Err(Outcome::Hopeless { error: told.speak(&denial.to_string()) })),
            },
            Err(breach) => {
                let error = format!("{name} broke its contract: {}", told.speak(&breach.to_string()));
                Ok(Err(Outcome::Hopeless { error }))
            }
        }
    }

    /// The status that it was taken with.
    async fn one(&self, request: &Vetted, label: &str) -> StoreResult<Result<u16, Outcome>> {
        let key = format!("{}:{}", self.id, request.name);
        let purpose = Purpose::Delivery { key: &key };
        Ok(match courier::send(self.flow, self.tenant, request, purpose, self.patience).await {
            Ok(response) if response.status.is_success() => Ok(response.status.as_u16()),
            Ok(response) => {
                let asked = Asked::of(&response, self.flow.now());
                let status = response.status.as_u16();
                let error = format!("request {label}: HTTP {status}");
                Err(Outcome::Failed { asked, status: Some(status), error })
            }
            Err(CourierError::Store(error)) => return Err(error),
            // Of ours, and no fault of the receiver.
            Err(CourierError::OverBudget { until }) => {
                Err(Outcome::Wait { until, why: "as many requests as the destination may get were sent" })
            }
            // What was taken is not sent again, so the next lease goes on from here.
            Err(CourierError::OutOfTime) => {
                Err(Outcome::Wait { until: self.flow.now(), why: "the rest goes out with the next lease" })
            }
            Err(CourierError::Http(failure @ (HttpFailure::Denied | HttpFailure::Invalid))) => {
                Err(Outcome::Hopeless { error: format!("request {label}: {failure}") })
            }
            Err(error) => {
                let busy = matches!(error, CourierError::Http(HttpFailure::TimedOut));
                let asked = Asked { after: None, busy };
                Err(Outcome::Failed { asked, status: None, error: format!("request {label}: {error}") })
            }
        })
    }

    /// What a row knows a request by: the name itself is the plugin's, and might be a barcode.
    fn row(&self, name: &str) -> String {
        self.tenant.keys.mac("plugin-request", &[self.id.as_bytes(), name.as_bytes()])
    }

    fn place<'p>(&'p self, row: &'p str) -> [&'p str; 4] {
        ["plugin_request", self.tenant.id.as_str(), self.id, row]
    }

    fn seal(&self, row: &str, kept: &Kept) -> Result<Vec<u8>, SealError> {
        let text = serde_json::to_vec(kept).map(Zeroizing::new).map_err(|_| SealError::Form)?;
        self.tenant.keys.seal_small(self.flow.host.random(), &self.place(row), &text)
    }

    /// Opened and judged again: the list of now decides, not that of then.
    fn open(&self, request: &PluginRequest) -> Result<Opened, OpenError> {
        let sealed = request.sealed.as_ref().ok_or(SealError::Form)?;
        let text = self.tenant.keys.open_small(sealed, &self.place(&request.name))?;
        let Kept { request, label } = serde_json::from_slice(&text).map_err(|_| SealError::Form)?;
        let judged = judge(vec![request], &self.tenant.plugin)?.pop().ok_or(SealError::Form)?;
        Ok(Opened { label, judged: judged.map_err(|(_, denial)| denial) })
    }
}

/// A denial without the plugin's own words: what it was told when it chose them is not known any more.
fn denied(label: &str, denial: &Denial) -> String {
    let why = match denial {
        Denial::NotAllowed { .. } => {
            "its address is no longer on the list of those that this plugin may call ([plugin] allow)"
        }
        Denial::NoCredential { .. } => "the credential that it names is not there any more ([plugin.credentials])",
        Denial::NotBound { .. } => {
            "the credential that it names is no longer for its address ([plugin.credentials] hosts)"
        }
    };
    format!("request {label}: {why}")
}

/// What is kept of a request until it is sent.
#[derive(Clone, Serialize, Deserialize)]
struct Kept {
    request: contract::Request,
    /// What it is called in a list and a log: by its name, or by its place where the name would name somebody.
    #[serde(default)]
    label: String,
}

impl Kept {
    fn new(request: contract::Request, at: usize, told: &Told) -> Self {
        let label = if told.is_in(&request.name) { format!("number {}", at + 1) } else { shown(&request.name) };
        Self { request, label }
    }
}

struct Opened {
    label: String,
    judged: Result<Vetted, Denial>,
}

#[derive(Debug, thiserror::Error)]
enum OpenError {
    #[error("what was kept of the request: {0}")]
    Seal(#[from] SealError),
    #[error(transparent)]
    Breach(#[from] crate::plugin::request::Breach),
}

impl OpenError {
    /// Without the plugin's own words.
    const fn kind(&self) -> &'static str {
        match self {
            Self::Seal(_) => "it cannot be read any more",
            Self::Breach(_) => "the tenant's limits do not allow it any more",
        }
    }
}
