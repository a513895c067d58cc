//! A run for one who waits: a shop, a buyer, a phone.
//!
//! Owns who makes the run (this request, or whoever is at it already), how long somebody else's is waited for, and what its end means to
//! the caller. Does not own the run (`run`) nor what is answered when there is a pass.

use std::time::Duration;

use super::{Call, Problem, caller};
use crate::flow::Flow;
use crate::identity::{HOUR, Millis};
use crate::ports::{Clock, Host};
use crate::run::{self, Fetched, Outcome, RunReport};
use crate::secutix::SecutixError;
use crate::store::{Next, PassSubject, Priority, Store, TaskSubject};
use crate::tenant::Tenant;

/// Until then no worker takes a task that is to be run here; should this process end in between, one does afterwards.
const HEAD_START: Millis = 1_000;
/// How often it is looked whether somebody else's run is over, and how many times: five seconds, about what a buyer's page is waited for.
const LOOK: Duration = Duration::from_millis(100);
const LOOKS: u32 = 50;
/// Longest wait that a caller is told: budgets and pauses are counted in minutes.
const LONGEST: Millis = HOUR;

/// What somebody waits for.
pub struct Demand<'a> {
    pub subject: TaskSubject,
    /// Passes that there is to be one of for each; with the facts that they are built from.
    pub wanted: &'a [PassSubject],
    /// What the caller has fetched already.
    pub fetched: Option<Fetched>,
}

/// Runs the task of a subject now, or waits until somebody else's run has brought what is wanted.
pub async fn demand<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    call: &Call,
    demand: Demand<'_>,
) -> Result<Ended, Problem> {
    let store = flow.host.store();
    let later = flow.now() + HEAD_START;
    let id = flow.uuid();
    let task = store.enqueue(&tenant.id, demand.subject, &id, Priority::Demand, later);
    let task = task.await.map_err(caller::unavailable)?;
    for _ in 0..LOOKS {
        let now = flow.now();
        let lease = store.claim_task(&tenant.id, &task, now, now + flow.options.lease);
        if let Some(mut lease) = lease.await.map_err(caller::unavailable)? {
            lease.priority = Priority::Demand;
            let request = run::Request {
                correlation: call.correlation.clone(),
                traceparent: caller::traceparent(&call.headers),
                fetched: demand.fetched,
            };
            let report = run::run(flow, lease, Some(request)).await.map_err(caller::unavailable)?;
            return ended(flow, &report);
        }
        flow.host.clock().wait(LOOK).await;
        if are_there(flow, tenant, demand.wanted).await? {
            return Ok(Ended::Looked);
        }
    }
    Err(Problem::under_way())
}

async fn are_there<H: Host>(flow: &Flow<H>, tenant: &Tenant, wanted: &[PassSubject]) -> Result<bool, Problem> {
    for subject in wanted {
        let view = flow.host.store().pass_by_subject(&tenant.id, subject).await.map_err(caller::unavailable)?;
        if view.is_none_or(|view| view.pass.sealed.is_none()) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// How a run ended that nothing stood in the way of.
pub enum Ended {
    /// It has looked, this one or somebody else's: what is not there now is not in SecuTix.
    Looked,
    /// Nothing of the file is written before a person has decided.
    WaitsForPerson,
    /// It could make no pass, and that is our fault.
    Failed(Outcome),
}

impl Ended {
    /// Why there is no pass after it.
    pub fn no_pass(self) -> Problem {
        match self {
            Self::Looked => Problem::not_found("ticket or contact in SecuTix"),
            Self::WaitsForPerson => Problem::waits_for_person(),
            Self::Failed(outcome) => caller::internal(format_args!("no pass was made: {}", outcome.name())),
        }
    }
}

/// What the run's outcome means to the one who waits: how it ended, or what stood in its way.
fn ended<H: Host>(flow: &Flow<H>, report: &RunReport) -> Result<Ended, Problem> {
    match report.outcome {
        Outcome::Done
        | Outcome::Unchanged
        | Outcome::AbsenceUnconfirmed
        | Outcome::BetweenTickets
        | Outcome::NotFound
        | Outcome::Refused => Ok(Ended::Looked),
        Outcome::VoidLimit => Ok(Ended::WaitsForPerson),
        Outcome::PassNotBuilt
        | Outcome::NoSuchTenant
        | Outcome::TokenUnreadable
        | Outcome::SealedPartUnreadable
        | Outcome::NotPlanned
        | Outcome::Sandbox => Ok(Ended::Failed(report.outcome)),
        Outcome::CredentialsRefused => Err(Problem::secutix_refuses_us()),
        Outcome::BudgetSpent | Outcome::Throttled => {
            let until = match report.next {
                Next::Wait { at } => at,
                _ => flow.now(),
            };
            Err(Problem::upstream_busy("SecuTix", seconds_until(flow.now(), until)))
        }
        Outcome::Unreachable | Outcome::NotReady | Outcome::Unreadable | Outcome::NoFile => {
            Err(Problem::upstream("SecuTix"))
        }
        Outcome::LeaseLost | Outcome::Conflict | Outcome::SandboxBusy | Outcome::Merged | Outcome::Overran => {
            Err(Problem::under_way())
        }
    }
}

/// What a failed call to SecuTix means to the caller. That it refuses *our* credentials is our fault and never the caller's 401.
pub fn failed<H: Host>(flow: &Flow<H>, error: SecutixError) -> Problem {
    match error {
        SecutixError::CredentialsRefused { .. } => Problem::secutix_refuses_us(),
        SecutixError::NotFound | SecutixError::NoIdentifier => Problem::not_found("file in SecuTix"),
        SecutixError::BudgetSpent { until } | SecutixError::Throttled { until } => {
            Problem::upstream_busy("SecuTix", seconds_until(flow.now(), until))
        }
        SecutixError::Store(error) => caller::unavailable(error),
        other => {
            tracing::error!(error = %other, "SecuTix");
            Problem::upstream("SecuTix")
        }
    }
}

pub(super) fn seconds_until(now: Millis, until: Millis) -> u32 {
    let left = (until - now).clamp(1, LONGEST);
    u32::try_from((left + 999) / 1_000).unwrap_or(1)
}
