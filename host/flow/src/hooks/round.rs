//! A hook, from its first call to its decision: asked, answered, asked again.
//!
//! Owns the calls and the fetching, and what the breaker is told. Does not own the rules of the rounds (`plugin::rounds`), what a decision leads to, nor what
//! the default is. A request that fails is an answer; the plugin's own failure is not told to it.

use futures_util::future::join_all;
use http::HeaderMap;
use passerelle_contract::tenant::types::{Answer, Failure, Fault, Response};

use super::courier::{self, CourierError, Purpose};
use super::patience::Patience;
use crate::flow::Flow;
use crate::identity::Millis;
use crate::plugin::hook::{HookCall, Turn};
use crate::plugin::request::{Judged, Vetted};
use crate::plugin::rounds::{Rounds, Step};
use crate::plugin::setup::ANSWERS;
use crate::plugin::told::Told;
use crate::plugin::{Installed, PluginFailure};
use crate::ports::{Host, HttpFailure, Plugins, SandboxFailure};
use crate::store::StoreResult;
use crate::tenant::Tenant;
use crate::webhook::schedule::Asked;

/// Bytes of the headers of an answer that a plugin is given; what is beyond is left out, whole headers at a time.
const ANSWER_HEADERS: usize = 8 << 10;

/// How it ended.
#[derive(Debug)]
pub enum Ended {
    Decided(Turn),
    /// The plugin says that it can never be handled, and why: its words, which [`Told::speak`] says.
    Rejected(String),
    /// The plugin says: not now. With what its answers said of when.
    Retry(Asked),
    /// It trapped, ran into a limit or broke the contract.
    Failed(PluginFailure),
    /// It failed too often in a row and is left alone until then.
    Broken {
        until: Millis,
    },
    /// No sandbox was free, or another build has just taken its place. Nothing of it is the plugin's fault.
    Busy,
    /// The time that all hooks of the run or of the delivery have together is over.
    OutOfTime,
}

/// An event that went through a hook.
pub struct Ran {
    pub ended: Ended,
    /// With all answers that it was given.
    call: HookCall,
    /// Characters that are shown of the plugin's words.
    text: usize,
}

impl Ran {
    /// What the plugin knew, to hold its words against.
    pub fn told(&self) -> Told {
        Told::of(&self.call, self.text)
    }
}

/// Calls a hook of the tenant's plugin, and fetches what it asks for.
pub async fn run<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    installed: &Installed,
    call: HookCall,
    patience: Patience,
) -> StoreResult<Ran> {
    let (breakers, text) = (&flow.plugins.breakers, tenant.plugin.limits.text);
    if let Err(until) = breakers.admits(&tenant.id, &installed.digest, flow.now()) {
        return Ok(Ran { ended: Ended::Broken { until }, call, text });
    }
    let hook = call.event.hook().name();
    let mut course = Course { rounds: Rounds::new(call), asked: Asked::default() };
    let ended = course.run(flow, tenant, installed, patience).await?;
    let ran = Ran { ended, call: course.rounds.into_call(), text };
    match &ran.ended {
        Ended::Failed(failure) => {
            let failure = ran.told().speak(&failure.to_string());
            tracing::warn!(tenant = %tenant.id, hook, failure, "the tenant's plugin failed");
            if breakers.failed(&tenant.id, &installed.digest, flow.now()) {
                tracing::error!(tenant = %tenant.id, hook, failure, "the tenant's plugin has failed three times in a row and is left alone for a while; what it would decide is decided by the default, and what it would send waits");
            }
        }
        Ended::Decided(_) | Ended::Rejected(_) | Ended::Retry(_) => breakers.succeeded(&tenant.id, &installed.digest),
        Ended::Busy => {
            if flow.alarms.is_due(&tenant.id, "plugin-busy", flow.now()) {
                tracing::warn!(tenant = %tenant.id, hook, "no sandbox was free for the tenant's plugin, and it is called again later");
            }
        }
        Ended::OutOfTime => {
            if flow.alarms.is_due(&tenant.id, "plugin-slow", flow.now()) {
                tracing::warn!(tenant = %tenant.id, hook, "what the tenant's plugin asks for takes longer than a run or a delivery may");
            }
        }
        Ended::Broken { .. } => {}
    }
    Ok(ran)
}

struct Course {
    rounds: Rounds,
    /// The longest wait that an answer asked for.
    asked: Asked,
}

impl Course {
    async fn run<H: Host>(
        &mut self,
        flow: &Flow<H>,
        tenant: &Tenant,
        installed: &Installed,
        patience: Patience,
    ) -> StoreResult<Ended> {
        loop {
            if patience.left(flow.now()).is_none() {
                return Ok(Ended::OutOfTime);
            }
            let call = self.rounds.call().clone();
            let returned = match flow.host.plugins().call(tenant, &installed.digest, call).await {
                Ok(returned) => returned,
                Err(SandboxFailure::Busy) => return Ok(Ended::Busy),
                Err(failure) => return Ok(Ended::Failed(failure.into())),
            };
            let asked = match self.rounds.returned(returned, &tenant.plugin) {
                Step::Ask(asked) => asked,
                Step::Ended(ended) => {
                    return Ok(match ended {
                        Ok(Ok(turn)) => Ended::Decided(turn),
                        Ok(Err(Fault::Reject(words))) => Ended::Rejected(words),
                        Ok(Err(Fault::Retry)) => Ended::Retry(self.asked),
                        Err(failure) => Ended::Failed(failure),
                    });
                }
            };
            let denied = asked.iter().find_map(|asked| asked.judged.as_ref().err());
            if let Some((_, denial)) = denied
                && flow.alarms.is_due(&tenant.id, "plugin-denied", flow.now())
            {
                let denial = Told::of(self.rounds.call(), tenant.plugin.limits.text).speak(&denial.to_string());
                tracing::warn!(tenant = %tenant.id, denial, "the tenant's plugin asked for what it may not have");
            }
            // Together: what one answer asks for depends on nothing but the answers before it, and the buyer waits for the slowest and not for the sum.
            let share = ANSWERS.saturating_sub(self.rounds.size_of_answers()) / asked.len().max(1);
            let terms = Terms { patience, longest: share.min(tenant.plugin.limits.response_body) };
            let fetched = join_all(asked.into_iter().map(|asked| answer(flow, tenant, asked.judged, terms))).await;
            let mut answers = Vec::with_capacity(fetched.len());
            for fetched in fetched {
                let (answer, asked) = fetched?;
                self.asked.busy |= asked.busy;
                self.asked.after = self.asked.after.max(asked.after);
                answers.push(answer);
            }
            self.rounds.answered(answers);
        }
    }
}

/// Of what is asked for in one round.
#[derive(Clone, Copy)]
struct Terms {
    patience: Patience,
    /// Bytes of one answer.
    longest: usize,
}

/// And what the other side said about when.
async fn answer<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    judged: Judged,
    terms: Terms,
) -> StoreResult<(Answer, Asked)> {
    match judged {
        Ok(request) => {
            let (outcome, asked) = fetch(flow, tenant, &request, terms).await?;
            Ok((Answer { name: request.name, outcome }, asked))
        }
        Err((name, _)) => Ok((Answer { name, outcome: Err(Failure::Denied) }, Asked::default())),
    }
}

async fn fetch<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    request: &Vetted,
    Terms { patience, longest }: Terms,
) -> StoreResult<(Result<Response, Failure>, Asked)> {
    let failure = match courier::send(flow, tenant, request, Purpose::Answer { longest }, patience).await {
        Ok(response) => {
            let asked = Asked::of(&response, flow.now());
            let response = Response {
                status: response.status.as_u16(),
                headers: headers(&response.headers),
                body: response.body.to_vec(),
            };
            return Ok((Ok(response), asked));
        }
        Err(CourierError::Store(error)) => return Err(error),
        Err(error) => {
            tracing::info!(tenant = %tenant.id, destination = %request.destination, %error, "what the tenant's plugin asked for did not come");
            match error {
                CourierError::Http(HttpFailure::Denied | HttpFailure::Invalid) => Failure::Denied,
                CourierError::Http(HttpFailure::Unreachable) => Failure::Unreachable,
                CourierError::Http(HttpFailure::TimedOut) | CourierError::OutOfTime => Failure::TimedOut,
                CourierError::Http(HttpFailure::TooLarge) => Failure::TooLarge,
                CourierError::OverBudget { .. } => Failure::OverBudget,
                CourierError::Token(error) if error.needs_person() => Failure::Denied,
                CourierError::Token(_) => Failure::Unreachable,
                CourierError::Store(error) => return Err(error),
            }
        }
    };
    Ok((Err(failure), Asked::default()))
}

fn headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let mut left = ANSWER_HEADERS;
    let mut given = Vec::new();
    for (name, value) in headers {
        // A session of ours at that server is none of the plugin's.
        let (false, Ok(value)) = (name == http::header::SET_COOKIE, value.to_str()) else { continue };
        let Some(rest) = left.checked_sub(name.as_str().len() + value.len()) else { break };
        left = rest;
        given.push((name.as_str().to_owned(), value.to_owned()));
    }
    given
}

#[cfg(test)]
mod tests;
