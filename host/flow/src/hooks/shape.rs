//! `shape-payload`: variables that the tenant's plugin adds to a pass whose ticket is new or has changed.
//!
//! Owns the call and what is made of its answer. Does not own the sealing: variables are sealed with the ticket (`parts`), so that a rebuild asks
//! nobody.

use passerelle_contract::tenant::shape_payload::Subject;
use passerelle_contract::tenant::types::Pass;
use passerelle_contract::types::{EventPart, TicketPart};

use super::choose::{Decision, RETRIES};
use super::event;
use super::round::{Ended, run};
use crate::flow::Flow;
use crate::identity::Millis;
use crate::plugin::hook::{Event, Hook, HookCall, Turn};
use crate::ports::{Host, Plugins};
use crate::store::StoreResult;
use crate::tenant::Tenant;

/// What a template calls a plugin's variable by.
pub const PREFIX: &str = "tenant.";

/// One pass that is to be shaped.
pub struct Shaped<'a> {
    pub pass: Pass,
    pub ticket: &'a TicketPart,
    pub events: Vec<&'a EventPart>,
    /// Of the run and the pass: the same for each attempt.
    pub id: String,
    pub at: Millis,
    /// Attempts of the run that failed.
    pub attempts: i64,
}

/// Does the tenant's plugin shape passes at all?
pub fn is_wanted<H: Host>(flow: &Flow<H>, tenant: &Tenant) -> bool {
    flow.host.plugins().presence(tenant).installed().is_some_and(|installed| installed.hooks.contains(&Hook::ShapePayload))
}

pub async fn shape<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    shaped: Shaped<'_>,
) -> StoreResult<Decision<Vec<(String, String)>>> {
    let Some(installed) = flow.host.plugins().presence(tenant).installed() else { return Ok(Decision::Default) };
    let subject = Subject {
        pass: shaped.pass,
        ticket: shaped.ticket.body.clone(),
        events: shaped.events.iter().map(|event| event.body.clone()).collect(),
    };
    let call = HookCall { call: event::call(tenant, &shaped.id, shaped.at), event: Event::ShapePayload(subject) };
    Ok(match run(flow, tenant, &installed, call).await? {
        Ended::Decided(Turn::Variables(variables)) => Decision::Made(variables),
        Ended::Retry if shaped.attempts < RETRIES => Decision::Again,
        Ended::Rejected(why) => {
            tracing::warn!(tenant = %tenant.id, why, "the tenant's plugin rejects to shape a pass");
            Decision::Default
        }
        Ended::Decided(_) | Ended::Retry | Ended::Failed(_) | Ended::Broken { .. } => Decision::Default,
    })
}

/// As templates name them.
pub fn named(variables: &[(String, String)]) -> impl Iterator<Item = (String, String)> + '_ {
    variables.iter().map(|(name, value)| (format!("{PREFIX}{name}"), value.clone()))
}
