//! The plan: from a verdict to the rows that one commit writes.
//!
//! Owns which pass is created, updated, voided or revived, when an absence is believed, and what its template makes of it. Does not own
//! the verdict (the connector) nor the commit (`run`). Voids on positive evidence at once, on absence only when a fetch that was
//! started long enough after the first says the same.

mod build;
mod draft;
mod shape;
mod told;
mod write;

use std::collections::{BTreeSet, HashMap};

use passerelle_contract::scenario::{self, Action, KnownPass, Verdict};
use passerelle_contract::types::{Subject, TicketPart};

use self::build::{build, current_events};
pub use self::draft::PassAction;
use self::draft::{draft, drop_unbuilt, link_successors};
pub use self::told::identifiers;
use self::told::told;
use self::write::{aliases, event_write, write};
use super::record::ActionRecord;
use super::{Fetched, Outcome};
use crate::flow::Flow;
use crate::hooks::choose::Chooser;
use crate::hooks::occasion::Occasion;
use crate::identity::{DAY, Millis};
use crate::options::Options;
use crate::parts::{self, PartError};
use crate::ports::{Host, Random};
use crate::rebuild::{self, RebuildError};
use crate::select::Stray;
use crate::store::{
    EventWrite, FileView, Happening, Hint, Next, OrderAlias, PassSubject, PassWrite, Priority, Store, StoreError,
    TaskLease,
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
    #[error("the tenant's plugin asks to be tried again later, or cannot be called now")]
    Plugin,
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
    pub outcome: Outcome,
    /// Passes that could not be built, and why: variables and templates by name.
    pub error: Option<String>,
    pub aliases: Vec<OrderAlias>,
    pub events: Vec<EventWrite>,
    pub passes: Vec<PassWrite>,
    pub happenings: Vec<Happening>,
    pub actions: Vec<ActionRecord>,
    /// What a person should mend, as codes.
    pub warnings: BTreeSet<&'static str>,
    /// When to look again: at an absence that needs a second fetch, for a ticket that is on its way.
    again: Option<Millis>,
}

/// Attempts at passes that a template could not be filled for: it may have been read while somebody was saving it. Further ones are vain
/// until a person mends it.
const TEMPLATE_ATTEMPTS: i64 = 3;
/// Runs that are read to tell since when a ticket has been on its way: the waits double, so a dozen cover a week; the rest is for notifications.
const RUNS_READ: u32 = 32;
/// A ticket that has not come after five days does not come by waiting; the next notification looks again.
const LONGEST_GAP: Millis = 5 * DAY;

impl Plan {
    pub fn next<H: Host>(&self, lease: &TaskLease, flow: &Flow<H>) -> Next {
        match (self.error.is_some(), self.again) {
            (true, _) => unfilled(lease.attempts, &flow.options, flow.now(), flow.host.random()),
            (false, Some(at)) => Next::Again { at },
            (false, None) => Next::Done,
        }
    }
}

/// What becomes of a task whose template could not be filled, where `attempts` have failed before. What it did not make is not written, so
/// the next look finds the same difference again, be it by itself, by `replay` or by a notification.
fn unfilled<R: Random>(attempts: i64, options: &Options, now: Millis, random: &R) -> Next {
    if attempts + 1 >= options.dead_after.min(TEMPLATE_ATTEMPTS) {
        return Next::Dead;
    }
    Next::Retry { at: now + options.retry.wait(attempts, random) }
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
    let stored: HashMap<_, _> = view.events.iter().map(|event| (event.key.as_str(), event.digest.as_str())).collect();
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
                snapshot: parts::open(tenant, pass)?.map(|opened| opened.part),
                shown: pass
                    .events
                    .iter()
                    .map(|(key, digest)| (key.clone(), stored.get(key.as_str()) == Some(&digest.as_str())))
                    .collect(),
            })
        })
        .collect()
}

pub async fn make<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    lease: &TaskLease,
    look: &Look<'_>,
) -> Result<Plan, PlanError> {
    let Look { fetched, view, verdict, .. } = *look;
    let mut errors = Vec::new();
    let mut again = None;
    let mut drafts = Vec::new();
    // Of the task and its generation: a repetition of the run asks under the same name.
    let id = format!("{}.{}", lease.task, lease.generation);
    let ends = verdict.operations.iter().any(|operation| matches!(operation.action, Action::End(_)));
    let hurried = ends || lease.priority == Priority::Demand;
    let occasion =
        Occasion::new(id, fetched.started_at, (lease.attempts, flow.options.dead_after), hurried, flow.now());
    let mut chooser = Chooser::default();
    for operation in &verdict.operations {
        match draft(flow, tenant, look, operation, &mut again, (&mut chooser, &occasion)).await? {
            Ok(Some(draft)) => drafts.push(draft),
            Ok(None) => {}
            Err(problem) => errors.push(problem),
        }
    }
    let warnings: BTreeSet<&'static str> = drafts.iter().filter_map(|draft| draft.stray).map(Stray::code).collect();
    for code in &warnings {
        tracing::warn!(tenant = %tenant.id, task = %lease.task, code, "a template that SecuTix names was passed over");
    }
    let absent = again.is_some();
    if verdict.unsettled
        && let Some(at) = next_look(flow, tenant, lease, fetched).await?
    {
        again = Some(again.unwrap_or(Millis::MAX).min(at));
    }
    link_successors(&mut drafts, view);
    let events = current_events(fetched, view, verdict);
    shape::shape(flow, tenant, &occasion, &events, &mut drafts).await?;
    build(flow, tenant, &events, &mut drafts, &mut errors).await?;
    if drop_unbuilt(&mut drafts) {
        link_successors(&mut drafts, view);
        build(flow, tenant, &events, &mut drafts, &mut errors).await?;
    }

    let mut passes = Vec::new();
    let mut happenings = Vec::new();
    let mut actions = Vec::new();
    for draft in drafts {
        let write = write(flow, tenant, look, &events, draft).await?;
        actions.push(ActionRecord::of(&write));
        happenings.extend(told(flow, tenant, &write).await?);
        passes.push(write);
    }
    let outcome = match (errors.is_empty(), absent, passes.iter().any(|pass| pass.change.is_some())) {
        (false, _, _) => Outcome::PassNotBuilt,
        (true, true, _) => Outcome::AbsenceUnconfirmed,
        (true, false, _) if verdict.unsettled => Outcome::BetweenTickets,
        (true, false, true) => Outcome::Done,
        (true, false, false) => Outcome::Unchanged,
    };
    Ok(Plan {
        outcome,
        error: (!errors.is_empty()).then(|| errors.join("; ")),
        aliases: aliases(&tenant.keys, verdict),
        events: verdict.events.iter().map(|event| event_write(event, fetched.started_at)).collect(),
        passes,
        happenings,
        actions,
        warnings,
        again,
    })
}

/// When to look again for a ticket that is on its way: as soon as for an absence, and then each time after as long as it has been waited already,
/// because most gaps are over in minutes and the call costs the same budget. None: it has been waited long enough.
async fn next_look<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    lease: &TaskLease,
    fetched: &Fetched,
) -> Result<Option<Millis>, PlanError> {
    let runs = flow.host.store().runs(&tenant.id, &lease.subject, RUNS_READ).await?;
    let fetches = runs.iter().filter_map(|run| Some((run.fetch_started_at?, run.outcome.as_str())));
    let since = fetches.take_while(|(_, outcome)| *outcome == Outcome::BetweenTickets.name()).map(|(at, _)| at).last();
    let waited = fetched.started_at - since.unwrap_or(fetched.started_at);
    let at = fetched.started_at + waited.max(tenant.safety.confirm_absence_after);
    Ok((waited < LONGEST_GAP).then_some(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Drawn(u8);
    impl Random for Drawn {
        fn fill(&self, target: &mut [u8]) {
            target.fill(self.0);
        }
    }

    #[test]
    fn a_template_that_cannot_be_filled_is_tried_three_times_with_the_waits_of_any_failure() {
        const NOW: Millis = 1_000_000;
        let options = Options::default();
        let next = |attempts, options: &Options, drawn| unfilled(attempts, options, NOW, &Drawn(drawn));
        for drawn in [0, 127, 255] {
            for attempts in 0..2 {
                let at = NOW + options.retry.wait(attempts, &Drawn(drawn));
                assert_eq!(next(attempts, &options, drawn), Next::Retry { at });
            }
        }
        assert_ne!(next(0, &options, 0), next(0, &options, 255), "all of them would come back together");
        assert_eq!(next(2, &options, 0), Next::Dead);
        assert_eq!(
            next(1, &Options { dead_after: 2, ..options }, 0),
            Next::Dead,
            "sooner, where all are given up sooner"
        );
    }
}
