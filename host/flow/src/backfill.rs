//! Backfill: what the other side holds is compared with the passes, and what differs is put right.
//!
//! Owns which passes are compared, where a comparison stands, and what counts as different. Does not own the sending: what differs is wanted or
//! queued, and goes the way of everything else. The passes are the truth (domain.md 1.17). It may be stopped and run again at any time: a pass that
//! is compared twice is found right the second time. Bounded by SecuTix's budget, of which it takes what reports may take.

mod crm;
mod lacking;
mod secutix;
mod webhook;

pub use self::crm::{CRM_FIELDS, CrmRecord, Given, crm_record, give_identifier, identifier_of_ticket};
pub use self::lacking::{Lacking, lacking};
use serde::Serialize;

use crate::flow::Flow;
use crate::identity::{DAY, Millis, PassId};
use crate::installation::InstallationError;
use crate::ports::Host;
use crate::store::{BackfillState, Backfills as _, Store as _, StoreError, StoreResult};
use crate::tenant::{BackfillTarget, Tenant};

/// Passes of one step: at SecuTix's pace most of a minute.
const STEP: u32 = 32;

/// Something that the other side had otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Repair {
    pub pass: PassId,
    /// The external reference, or the endpoint.
    pub what: String,
    /// What the other side has; none: nothing.
    pub was: Option<String>,
    /// What it is told.
    pub now: String,
}

/// What one step did.
#[derive(Debug, Default)]
pub struct Step {
    pub looked: u32,
    pub repaired: Vec<Repair>,
    /// There is nothing to do before: the budget is spent.
    pub wait_until: Option<Millis>,
    /// The end was reached.
    pub done: bool,
    /// It cannot go on; where it stands is kept.
    pub stopped: Option<BackfillError>,
}

#[derive(Debug, thiserror::Error)]
pub enum BackfillError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Installation(InstallationError),
    /// SecuTix does not answer, or not in a way that can be read.
    #[error("SecuTix could not be read: {0}")]
    Secutix(crate::secutix::SecutixError),
    #[error(transparent)]
    Part(#[from] crate::parts::PartError),
    #[error(transparent)]
    Seal(#[from] crate::sealing::SealError),
    #[error(
        "the tenant tells SecuTix nothing: neither secutix.persist_installation_status nor [secutix.printing] is set"
    )]
    NothingWritten,
}

impl From<InstallationError> for BackfillError {
    fn from(error: InstallationError) -> Self {
        match error {
            InstallationError::Store(error) => Self::Store(error),
            other => Self::Installation(other),
        }
    }
}

/// A comparison: with whom, who wants it, and how thoroughly. Each has a state of its own, so that a person's and the day's do not take one another over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comparison {
    pub target: BackfillTarget,
    /// By itself, once a day; else by a person.
    pub daily: bool,
    /// Endpoints also get what they have acknowledged.
    pub again: bool,
}

impl Comparison {
    fn name(self) -> String {
        let by = match (self.daily, self.again) {
            (true, _) => "daily",
            (false, false) => "asked",
            (false, true) => "again",
        };
        format!("{}/{by}", self.target.name())
    }
}

/// Begins a comparison, or goes on with one that was stopped and reaches as far back.
pub async fn begin<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    comparison: Comparison,
    since: Millis,
    restart: bool,
) -> StoreResult<BackfillState> {
    let store = flow.host.store();
    let name = comparison.name();
    let known = store.backfill(&tenant.id, &name).await?;
    if let Some(known) = known.filter(|known| !restart && known.ended_at.is_none() && known.since <= since) {
        return Ok(known);
    }
    let state = BackfillState { since, begun_at: flow.now(), position: None, looked: 0, repaired: 0, ended_at: None };
    store.keep_backfill(&tenant.id, &name, state.clone()).await?;
    Ok(state)
}

/// Compares the next passes, and keeps where it stands.
pub async fn step<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    comparison: Comparison,
    state: &mut BackfillState,
) -> Result<Step, StoreError> {
    let store = flow.host.store();
    let passes = store.changed_installations(&tenant.id, state.since, state.position.as_ref(), STEP).await?;
    let mut step = Step { done: passes.len() < usize::try_from(STEP).unwrap_or(usize::MAX), ..Step::default() };
    for id in passes {
        let compared = match store.pass(&tenant.id, &id).await {
            Ok(Some(view)) => compare(flow, tenant, comparison, &view.pass).await,
            Ok(None) => Ok(Compared::Seen(vec![])),
            Err(error) => Err(error.into()),
        };
        match compared {
            Ok(Compared::Seen(repairs)) => step.repaired.extend(repairs),
            Ok(Compared::Wait(until)) => {
                step.wait_until = Some(until);
                step.done = false;
                break;
            }
            // What was put right before is told all the same.
            Err(error) => {
                step.stopped = Some(error);
                step.done = false;
                break;
            }
        }
        step.looked += 1;
        state.position = Some(id);
    }
    state.looked = state.looked.saturating_add(step.looked.into());
    state.repaired = state.repaired.saturating_add(i64::try_from(step.repaired.len()).unwrap_or(i64::MAX));
    state.ended_at = step.done.then(|| flow.now());
    store.keep_backfill(&tenant.id, &comparison.name(), state.clone()).await?;
    Ok(step)
}

/// What came of one pass.
enum Compared {
    /// What was put right.
    Seen(Vec<Repair>),
    /// Its turn has not come.
    Wait(Millis),
}

async fn compare<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    comparison: Comparison,
    pass: &crate::store::StoredPass,
) -> Result<Compared, BackfillError> {
    match comparison.target {
        BackfillTarget::Secutix => secutix::compare(flow, tenant, pass).await,
        BackfillTarget::Webhook => webhook::compare(flow, tenant, pass, comparison.again).await,
    }
}

/// One step of what is due by itself, of whichever tenant. False: nothing is, or waits for its turn.
pub async fn daily<H: Host>(flow: &Flow<H>) -> StoreResult<bool> {
    for tenant in flow.host.tenants() {
        for target in &tenant.backfill.targets {
            let comparison = Comparison { target: *target, daily: true, again: false };
            let Some(mut state) = due(flow, &tenant, comparison).await? else { continue };
            let step = step(flow, &tenant, comparison, &mut state).await?;
            for repair in &step.repaired {
                tracing::warn!(tenant = %tenant.id, target = target.name(), pass = %repair.pass, what = repair.what, "the other side differed and is told again");
            }
            if let Some(error) = step.stopped {
                // Said once and left to tomorrow: what stops one pass stops them all.
                tracing::error!(tenant = %tenant.id, target = target.name(), %error, "the comparison with the other side is stopped until tomorrow");
                state.ended_at = Some(flow.now());
                flow.host.store().keep_backfill(&tenant.id, &comparison.name(), state).await?;
                continue;
            }
            if step.done {
                let (looked, repaired) = (state.looked, state.repaired);
                tracing::info!(tenant = %tenant.id, target = target.name(), looked, repaired, "compared with the other side");
            }
            if step.wait_until.is_none() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// The comparison that is under way, or begins because its time has come.
async fn due<H: Host>(flow: &Flow<H>, tenant: &Tenant, comparison: Comparison) -> StoreResult<Option<BackfillState>> {
    let now = flow.now();
    let today = now.div_euclid(DAY) * DAY + tenant.backfill.at;
    let time = if today <= now { today } else { today - DAY };
    match flow.host.store().backfill(&tenant.id, &comparison.name()).await? {
        Some(state) if state.ended_at.is_none() => Ok(Some(state)),
        Some(state) if state.begun_at >= time => Ok(None),
        _ => begin(flow, tenant, comparison, time - tenant.backfill.span, true).await.map(Some),
    }
}
