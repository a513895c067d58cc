//! A hook, from its first call to its decision: asked, answered, asked again.
//!
//! Owns the rounds, what counts as a breach, and what the breaker is told. Does not own what a decision leads to, nor what the default is. A request
//! that fails is an answer; the plugin's own failure is not told to it.

use http::HeaderMap;
use passerelle_contract::tenant::types::{Answer, Failure, Fault, Request, Response};

use super::courier::{self, CourierError};
use crate::flow::Flow;
use crate::identity::Millis;
use crate::plugin::hook::{HookCall, Turn};
use crate::plugin::request::{Breach, Vetted, judge, judge_variables, shown};
use crate::plugin::setup::ROUNDS;
use crate::plugin::{Installed, PluginFailure};
use crate::ports::{Host, HttpFailure, Plugins, SandboxFailure};
use crate::store::StoreResult;
use crate::tenant::Tenant;

/// Bytes of the headers of an answer that a plugin is given; what is beyond is left out, whole headers at a time.
const ANSWER_HEADERS: usize = 8 << 10;

/// How it ended.
#[derive(Debug)]
pub enum Ended {
    Decided(Turn),
    /// The plugin says that it can never be handled, and why: cut, and without control characters.
    Rejected(String),
    /// The plugin says: not now.
    Retry,
    /// It trapped, ran into a limit or broke the contract.
    Failed(PluginFailure),
    /// It failed too often in a row and is left alone until then.
    Broken {
        until: Millis,
    },
}

/// Calls a hook of the tenant's plugin, and fetches what it asks for.
pub async fn run<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    installed: &Installed,
    call: HookCall,
) -> StoreResult<Ended> {
    let now = flow.now();
    let breakers = &flow.plugins.breakers;
    if let Err(until) = breakers.admits(&tenant.id, &installed.digest, now) {
        return Ok(Ended::Broken { until });
    }
    let hook = call.event.hook();
    let ended = rounds(flow, tenant, installed, call).await?;
    match &ended {
        // No sandbox was free: that says nothing about the plugin.
        Ended::Failed(PluginFailure::Sandbox(SandboxFailure::Busy)) => {}
        Ended::Failed(failure) => {
            let now = flow.now();
            tracing::warn!(tenant = %tenant.id, hook = hook.name(), %failure, "the tenant's plugin failed");
            if breakers.failed(&tenant.id, &installed.digest, now) {
                tracing::error!(tenant = %tenant.id, hook = hook.name(), %failure, "the tenant's plugin has failed three times in a row and is left alone for a while; what it would decide is decided by the default, and what it would send waits");
            }
        }
        Ended::Decided(_) | Ended::Rejected(_) | Ended::Retry => breakers.succeeded(&tenant.id),
        Ended::Broken { .. } => {}
    }
    Ok(ended)
}

async fn rounds<H: Host>(flow: &Flow<H>, tenant: &Tenant, installed: &Installed, mut call: HookCall) -> StoreResult<Ended> {
    let hook = call.event.hook();
    for round in 0..=ROUNDS {
        let returned = match flow.host.plugins().call(tenant, &installed.digest, call.clone()).await {
            Ok(returned) => returned,
            Err(failure) => return Ok(Ended::Failed(PluginFailure::Sandbox(failure))),
        };
        let turn = match returned {
            Ok(turn) => turn,
            Err(Fault::Reject(text)) => return Ok(Ended::Rejected(shown(&text))),
            Err(Fault::Retry) => return Ok(Ended::Retry),
        };
        if !turn.fits(hook) {
            return Ok(Ended::Failed(Breach::OtherHook.into()));
        }
        let requests = match turn {
            Turn::Ask(requests) => requests,
            Turn::Variables(variables) => {
                return Ok(match judge_variables(&variables) {
                    Ok(()) => Ended::Decided(Turn::Variables(variables)),
                    Err(breach) => Ended::Failed(breach.into()),
                });
            }
            decided => return Ok(Ended::Decided(decided)),
        };
        if round == ROUNDS {
            break;
        }
        match ask(flow, tenant, requests, &call.call.answers).await? {
            Ok(answers) => call.call.answers.extend(answers),
            Err(breach) => return Ok(Ended::Failed(breach.into())),
        }
    }
    Ok(Ended::Failed(Breach::Endless.into()))
}

async fn ask<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    requests: Vec<Request>,
    before: &[Answer],
) -> StoreResult<Result<Vec<Answer>, Breach>> {
    if requests.is_empty() {
        return Ok(Err(Breach::AskedNothing));
    }
    if let Some(again) = requests.iter().find(|request| before.iter().any(|answer| answer.name == request.name)) {
        return Ok(Err(Breach::AskedAlready(again.name.clone())));
    }
    let judged = match judge(requests, &tenant.plugin) {
        Ok(judged) => judged,
        Err(breach) => return Ok(Err(breach)),
    };
    let mut answers = Vec::with_capacity(judged.len());
    for request in judged {
        answers.push(match request {
            Ok(request) => {
                let name = request.name.clone();
                Answer { name, outcome: fetch(flow, tenant, &request).await? }
            }
            Err((name, denial)) => {
                tracing::warn!(tenant = %tenant.id, %denial, "the tenant's plugin asked for what it may not have");
                Answer { name, outcome: Err(Failure::Denied) }
            }
        });
    }
    Ok(Ok(answers))
}

async fn fetch<H: Host>(flow: &Flow<H>, tenant: &Tenant, request: &Vetted) -> StoreResult<Result<Response, Failure>> {
    let failure = match courier::send(flow, tenant, request, None).await {
        Ok(response) => {
            return Ok(Ok(Response {
                status: response.status.as_u16(),
                headers: headers(&response.headers),
                body: response.body.to_vec(),
            }));
        }
        Err(CourierError::Store(error)) => return Err(error),
        Err(error) => {
            let origin = request.address.origin();
            tracing::info!(tenant = %tenant.id, request = request.name, origin, %error, "what the tenant's plugin asked for did not come");
            match error {
                CourierError::Http(HttpFailure::Denied | HttpFailure::Invalid) => Failure::Denied,
                CourierError::Http(HttpFailure::Unreachable) => Failure::Unreachable,
                CourierError::Http(HttpFailure::TimedOut) => Failure::TimedOut,
                CourierError::Http(HttpFailure::TooLarge) => Failure::TooLarge,
                CourierError::OverBudget { .. } => Failure::OverBudget,
                CourierError::Token(error) if error.needs_person() => Failure::Denied,
                CourierError::Token(_) => Failure::Unreachable,
                CourierError::Store(error) => return Err(error),
            }
        }
    };
    Ok(Err(failure))
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
