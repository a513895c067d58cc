//! `shape-payload`: variables that the tenant's plugin adds to a pass whose ticket is new or has changed.
//!
//! Owns the call and what is made of its answer. Does not own the sealing: variables are sealed with the ticket (`parts`), so that a rebuild asks
//! nobody.

use passerelle_contract::tenant::shape_payload::Subject;
use passerelle_contract::tenant::types::Pass;
use passerelle_contract::types::{EventPart, TicketPart};

use super::event;
use super::occasion::{Decision, Occasion};
use super::round::{Ended, run};
use crate::attribute::Sorted;
use crate::flow::Flow;
use crate::happening::kind;
use crate::identity::PassId;
use crate::plugin::hook::{Event, Hook, HookCall, Turn};
use crate::plugin::{Presence, Until};
use crate::ports::{Host, Plugins};
use crate::store::{PassSubject, StoreResult};
use crate::tenant::Tenant;

/// What a template calls a plugin's variable by.
pub const PREFIX: &str = "tenant.";

/// One pass that is to be shaped.
pub struct Shaped<'a> {
    pub pass: Pass,
    pub ticket: &'a TicketPart,
    pub events: Vec<&'a EventPart>,
    /// Of the pass, within the run.
    pub id: &'a str,
}

/// A pass as the hook is told of it.
pub fn pass(id: &PassId, subject: &PassSubject, template: &str, known: Sorted) -> Pass {
    let (name, value) = subject.identifier();
    let of_the_subject = (name.to_owned(), value.to_owned());
    Pass {
        id: id.as_str().to_owned(),
        kind: kind(subject).to_owned(),
        template: template.to_owned(),
        identifiers: std::iter::once(of_the_subject).chain(known.identifiers).chain(known.personal).collect(),
        metadata: known.metadata.into_iter().collect(),
    }
}

/// Does nobody shape the tenant's passes? A plugin that cannot be called now may have shaped them before, and what it added stays.
pub fn is_unwanted<H: Host>(flow: &Flow<H>, tenant: &Tenant) -> bool {
    match flow.host.plugins().presence(tenant) {
        Presence::None => true,
        Presence::Unavailable(_) => false,
        Presence::Installed(installed) => !installed.hooks.contains(&Hook::ShapePayload),
    }
}

pub async fn shape<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    occasion: &Occasion,
    shaped: Shaped<'_>,
) -> StoreResult<Decision<Vec<(String, String)>>> {
    let installed = match flow.host.plugins().presence(tenant) {
        Presence::Installed(installed) => installed,
        Presence::Unavailable(Until::Soon) => return Ok(occasion.later()),
        Presence::Unavailable(Until::Mended) | Presence::None => return Ok(Decision::Undecided),
    };
    let subject = Subject {
        pass: shaped.pass,
        ticket: shaped.ticket.body.clone(),
        events: shaped.events.iter().map(|event| event.body.clone()).collect(),
    };
    let id = format!("{}.{}", occasion.id, shaped.id);
    let call = HookCall { call: event::call(tenant, &id, occasion.at), event: Event::ShapePayload(subject) };
    let ran = run(flow, tenant, &installed, call, occasion.patience).await?;
    Ok(match &ran.ended {
        Ended::Decided(Turn::Variables(variables)) => Decision::Made(variables.clone()),
        Ended::Decided(_) => Decision::Default,
        Ended::Rejected(words) => {
            let why = ran.told().speak(words);
            tracing::warn!(tenant = %tenant.id, why, "the tenant's plugin rejects to shape a pass");
            Decision::Undecided
        }
        other => occasion.undecided(other),
    })
}

/// As templates name them.
pub fn named(variables: &[(String, String)]) -> impl Iterator<Item = (String, String)> + '_ {
    variables.iter().map(|(name, value)| (format!("{PREFIX}{name}"), value.clone()))
}
