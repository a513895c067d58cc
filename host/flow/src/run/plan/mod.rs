//! The plan: from a verdict to the rows that one commit writes.
//!
//! Owns which pass is created, updated, voided or revived, when an absence is believed, and what its template makes of it. Does not own
//! the verdict (the connector) nor the commit (`run`). Voids on positive evidence at once, on absence only when a fetch that was
//! started long enough after the first says the same.

mod build;
mod draft;
mod write;

use std::collections::HashMap;

use passerelle_contract::scenario::{self, KnownPass, Verdict};
use passerelle_contract::types::{Subject, TicketPart};

use self::build::{build, current_events};
use self::draft::{draft, drop_unbuilt, link_successors};
use self::write::{aliases, event_write, write};
use super::Fetched;
use super::record::ActionRecord;
use crate::flow::Flow;
use crate::identity::Millis;
use crate::options::Options;
use crate::parts::{self, PartError};
use crate::ports::Host;
use crate::rebuild::{self, RebuildError};
use crate::store::{
    EventWrite, FileView, Hint, Next, OrderAlias, PassSubject, PassWrite, StoreError, TaskLease,
};
use crate::tenant::Tenant;

#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Part(PartError),
    #[error(transparent)]
    Rebuild(RebuildError),
}

impl From<PartError> for PlanError {
    fn from(error: PartError) -> Self {
        match error {
            PartError::Store(error) => Self::Store(error),
            other => Self::Part(other),
        }
    }
}

/// One look at SecuTix, and what is known beside it.
pub struct Look<'a> {
    pub fetched: &'a Fetched,
    pub view: &'a FileView,
    pub verdict: &'a Verdict,
    /// Facts of passes that were erased, where somebody asks for them.
    pub recovered: &'a HashMap<PassSubject, TicketPart>,
    /// Of whom the run answers, for the history.
    pub correlations: &'a [String],
}

pub struct Plan {
    pub outcome: &'static str,
    /// Passes that could not be built, and why: variables and templates by name.
    pub error: Option<String>,
    pub aliases: Vec<OrderAlias>,
    pub events: Vec<EventWrite>,
    pub passes: Vec<PassWrite>,
    pub actions: Vec<ActionRecord>,
    /// An absence that needs a second fetch.
    again: Option<Millis>,
}

impl Plan {
    pub fn next(&self, lease: &TaskLease, options: &Options) -> Next {
        // A template that cannot be filled is mended by a person. What it did not make is not written, so the next look finds the same
        // difference again, be it by `replay` or by a notification; until then trying again is vain.
        if self.error.is_some() && lease.attempts >= options.dead_after.min(3) {
            return Next::Dead;
        }
        match (self.error.is_some(), self.again) {
            (true, _) => Next::Retry { at: lease.lease_until },
            (false, Some(at)) => Next::Again { at },
            (false, None) => Next::Done,
        }
    }
}

/// What becomes of a task whose attempt failed.
pub fn retry<H: Host>(lease: &TaskLease, options: &Options, flow: &Flow<H>) -> Next {
    if lease.attempts + 1 >= options.dead_after {
        return Next::Dead;
    }
    Next::Retry { at: flow.now() + options.retry.wait(lease.attempts, flow.host.random()) }
}

pub fn subject_of(subject: &Subject) -> PassSubject {
    match subject {
        Subject::Movement(id) => PassSubject::Movement(id.clone()),
        Subject::Contact(number) => PassSubject::Contact(number.clone()),
    }
}

pub fn contract_hint(hint: &Hint) -> scenario::Hint {
    scenario::Hint { state: hint.state.clone(), sale_movement: hint.movement.clone(), ticket: hint.ticket.clone() }
}

/// The passes of the file as the connector sees them, unsealed for the call.
pub fn known_passes(tenant: &Tenant, view: &FileView) -> Result<Vec<KnownPass>, PartError> {
    let stored: HashMap<_, _> =
        view.events.iter().map(|event| (event.key.as_str(), event.digest.as_str())).collect();
    view.passes
        .iter()
        .map(|pass| {
            Ok(KnownPass {
                pass: pass.id.as_str().to_owned(),
                subject: rebuild::contract_subject(&pass.subject),
                state: rebuild::contract_state(pass.state),
                order: pass.order.clone(),
                file: pass.file.clone(),
                ticket: pass.ticket.clone(),
                snapshot: parts::open(tenant, pass)?,
                shown: pass
                    .events
                    .iter()
                    .map(|(key, digest)| (key.clone(), stored.get(key.as_str()) == Some(&digest.as_str())))
                    .collect(),
            })
        })
        .collect()
}

pub async fn make<H: Host>(flow: &Flow<H>, tenant: &Tenant, look: &Look<'_>) -> Result<Plan, PlanError> {
    let Look { fetched, view, verdict, .. } = *look;
    let mut errors = Vec::new();
    let mut again = None;
    let mut drafts = Vec::new();
    for operation in &verdict.operations {
        match draft(flow, tenant, look, operation, &mut again).await? {
            Ok(Some(draft)) => drafts.push(draft),
            Ok(None) => {}
            Err(problem) => errors.push(problem),
        }
    }
    link_successors(&mut drafts, view);
    let events = current_events(fetched, view, verdict);
    build(flow, tenant, &events, &mut drafts, &mut errors).await?;
    if drop_unbuilt(&mut drafts) {
        link_successors(&mut drafts, view);
        build(flow, tenant, &events, &mut drafts, &mut errors).await?;
    }

    let mut passes = Vec::new();
    let mut actions = Vec::new();
    for draft in drafts {
        let write = write(flow, tenant, look, &events, draft).await?;
        actions.push(ActionRecord::of(&write));
        passes.push(write);
    }
    let outcome = match (errors.is_empty(), again, passes.iter().any(|pass| pass.change.is_some())) {
        (false, _, _) => "pass-not-built",
        (true, Some(_), _) => "absence-unconfirmed",
        (true, None, true) => "done",
        (true, None, false) => "unchanged",
    };
    Ok(Plan {
        outcome,
        error: (!errors.is_empty()).then(|| errors.join("; ")),
        aliases: aliases(&tenant.keys, verdict),
        events: verdict.events.iter().map(|event| event_write(event, fetched.started_at)).collect(),
        passes,
        actions,
        again,
    })
}
