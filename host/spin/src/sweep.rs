//! The sweep: due tasks, effects and deliveries, worked off within a budget.
//!
//! Owns the loop, which stands in for a server's workers: claim, run, look again, until nothing is due or the time is over. Does not own what a task
//! is (`passerelle_flow::run`), nor who may ask (`sweep_token`). Two sweeps at once are safe because a lease is, and one that is cut off leaves
//! leases that run out. Bounds: no claim after the budget, so many runs at once; what runs then is finished, which the flow's own time limits
//! bound.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use passerelle_flow::identity::Millis;
use passerelle_flow::store::{Depth, StoreResult};
use serde::Serialize;

/// Tasks at once: they mostly wait for SecuTix, which answers one a second in the long run. Half of a server's, since an instance has one
/// thread.
const TASKS: usize = 4;
/// Effects at once: half of a server's, for the same reason.
const EFFECTS: usize = 8;
/// Deliveries of webhooks at once: they wait for others, and an instance holds each with its body.
pub const DELIVERIES: u32 = 8;
/// How often it is looked for what has become due while something else runs or waits. A look that finds nothing writes nothing.
const LOOK: Duration = Duration::from_millis(100);

/// What the loop works on.
pub trait Work {
    type Task;
    type Effect;
    type Delivery;
    /// Held while something runs; given back while nothing does.
    type Turn;

    fn now(&self) -> Millis;
    fn sleep(&self, time: Duration) -> impl Future<Output = ()>;
    fn turn(&self) -> impl Future<Output = Self::Turn>;
    fn claim(&self, limit: u32) -> impl Future<Output = StoreResult<Vec<Self::Task>>>;
    fn run(&self, task: Self::Task) -> impl Future<Output = StoreResult<()>>;
    fn claim_effects(&self, limit: u32) -> impl Future<Output = StoreResult<Vec<Self::Effect>>>;
    fn send(&self, effect: Self::Effect) -> impl Future<Output = StoreResult<()>>;
    fn claim_deliveries(&self, limit: u32) -> impl Future<Output = StoreResult<Vec<Self::Delivery>>>;
    fn deliver(&self, delivery: Self::Delivery) -> impl Future<Output = StoreResult<()>>;
    fn depth(&self) -> impl Future<Output = StoreResult<Depth>>;
}

/// How long a sweep goes on.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Nothing is claimed after this time.
    pub until: Millis,
    /// Also wait for effects and deliveries whose next attempt is not due yet. When that is nobody knows but the store, so they are looked for until the end.
    pub effects: bool,
}

/// What a sweep did, for whoever asked for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Runs that ended in a record, whatever its outcome.
    pub tasks: u32,
    /// Pushes and patches that ended in a record.
    pub effects: u32,
    /// Webhooks that ended in a record: taken, refused or given up.
    pub deliveries: u32,
    /// Of all, those whose end the store did not take: their leases run out.
    pub unrecorded: u32,
    /// Tasks that wait for their time.
    pub tasks_waiting: i64,
    /// Effects that wait for theirs, or are under way elsewhere.
    pub effects_waiting: i64,
    /// Deliveries likewise.
    pub deliveries_waiting: i64,
    /// Nothing that was due is left.
    pub drained: bool,
}

enum Ran {
    Task(StoreResult<()>),
    Effect(StoreResult<()>),
    Delivery(StoreResult<()>),
}

/// How many of each are under way.
#[derive(Default)]
struct Running {
    tasks: usize,
    effects: usize,
    deliveries: usize,
}

/// Works until nothing is due any more, or nothing will be before the end.
pub async fn sweep<W: Work>(work: &W, patience: Patience) -> StoreResult<Report> {
    let mut report = Report::default();
    loop {
        {
            let _turn = work.turn().await;
            drain(work, patience.until, &mut report).await?;
        }
        let depth = work.depth().await?;
        let now = work.now();
        report.tasks_waiting = depth.tasks_ready;
        report.effects_waiting = depth.effects_waiting;
        report.deliveries_waiting = depth.deliveries_waiting;
        report.drained = depth.oldest_due.is_none_or(|due| due > now);
        if now >= patience.until {
            return Ok(report);
        }
        let next_task = depth.oldest_due.filter(|due| *due < patience.until);
        // One that waits for a person waits longer than any sweep.
        let sent = depth.next_effect.into_iter().chain(depth.next_delivery);
        let next_sent = sent.min().filter(|due| patience.effects && *due < patience.until);
        let Some(next) = next_task.into_iter().chain(next_sent).min() else {
            return Ok(report);
        };
        // A notification may come meanwhile, so no wait is longer than a look; and what is due but not to be had yet is not asked for without one.
        work.sleep(if next > now { between(now, next).min(LOOK) } else { LOOK }).await;
    }
}

/// Claims and runs until a claim finds nothing and all that was claimed has ended.
async fn drain<W: Work>(work: &W, until: Millis, report: &mut Report) -> StoreResult<()> {
    let mut running = FuturesUnordered::new();
    let mut counts = Running::default();
    let outcome = loop {
        if work.now() < until {
            match claimed(work, &counts).await {
                Ok((tasks, effects, deliveries)) => {
                    counts.tasks += tasks.len();
                    counts.effects += effects.len();
                    counts.deliveries += deliveries.len();
                    for task in tasks {
                        running.push(Either::Left(async move { Ran::Task(work.run(task).await) }));
                    }
                    for effect in effects {
                        let sent = async move { Ran::Effect(work.send(effect).await) };
                        running.push(Either::Right(Either::Left(sent)));
                    }
                    for delivery in deliveries {
                        let sent = async move { Ran::Delivery(work.deliver(delivery).await) };
                        running.push(Either::Right(Either::Right(sent)));
                    }
                }
                // What is leased already is finished; it may well be recorded.
                Err(error) => break Err(error),
            }
        }
        if running.is_empty() {
            break Ok(());
        }
        match select(running.next(), pin!(work.sleep(LOOK))).await {
            Either::Left((Some(ran), _)) => count(report, &mut counts, &ran),
            Either::Left((None, _)) | Either::Right(_) => {}
        }
    };
    while let Some(ran) = running.next().await {
        count(report, &mut counts, &ran);
    }
    outcome
}

type Claimed<W> = (Vec<<W as Work>::Task>, Vec<<W as Work>::Effect>, Vec<<W as Work>::Delivery>);

async fn claimed<W: Work>(work: &W, running: &Running) -> StoreResult<Claimed<W>> {
    let free = |all: usize, taken: usize| u32::try_from(all.saturating_sub(taken)).unwrap_or(0);
    let tasks = free(TASKS, running.tasks);
    let effects = free(EFFECTS, running.effects);
    let deliveries = DELIVERIES.saturating_sub(u32::try_from(running.deliveries).unwrap_or(u32::MAX));
    let tasks = if tasks > 0 { work.claim(tasks).await? } else { vec![] };
    let effects = if effects > 0 { work.claim_effects(effects).await? } else { vec![] };
    let deliveries = if deliveries > 0 { work.claim_deliveries(deliveries).await? } else { vec![] };
    Ok((tasks, effects, deliveries))
}

fn count(report: &mut Report, counts: &mut Running, ran: &Ran) {
    let (running, ended, result) = match ran {
        Ran::Task(result) => (&mut counts.tasks, &mut report.tasks, result),
        Ran::Effect(result) => (&mut counts.effects, &mut report.effects, result),
        Ran::Delivery(result) => (&mut counts.deliveries, &mut report.deliveries, result),
    };
    *running = running.saturating_sub(1);
    match result {
        Ok(()) => *ended += 1,
        Err(error) => {
            tracing::error!(%error, "the end of a run was not recorded; its lease runs out");
            report.unrecorded += 1;
        }
    }
}

fn between(now: Millis, due: Millis) -> Duration {
    Duration::from_millis(u64::try_from(due.saturating_sub(now)).unwrap_or(0))
}

#[cfg(test)]
mod tests;
