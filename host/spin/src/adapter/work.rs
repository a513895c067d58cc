//! The sweep's work on a real instance, and the sweep that follows an answer.
//!
//! Owns both, and that nothing is worked at longer than its lease allows. The latter is a bonus: it makes passes follow within a second, it is cut
//! off with the process or by `--request-timeout`, and what it leaves is the scheduler's. It erases as well, so that where nobody calls the sweep
//! nothing is kept for ever. Bounded by its time, and one per instance.

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::{Either, select};
use passerelle_flow::identity::Millis;
use passerelle_flow::ports::{Clock as _, Host as _};
use passerelle_flow::store::{DeliveryLease, Depth, EffectLease, Store as _, StoreResult, TaskLease};
use spin_sdk::time::sleep;
use spin_sdk::wasip3::spawn;

use super::edge::Edge;
use super::turn::Turn;
use crate::sweep::{Patience, Work, sweep};

/// Time for the longest wait for more notifications (5 s) and what follows from the run.
const BONUS: Millis = 10_000;

/// As often as a server.
const ERASE_EVERY: Millis = 3_600_000;

thread_local! {
    static SWEEPING: Cell<bool> = const { Cell::new(false) };
    /// When this instance has last looked for what is to be erased.
    static ERASED: Cell<Option<Millis>> = const { Cell::new(None) };
}

pub struct Live {
    edge: Rc<Edge>,
    /// A sweep that was asked for is a request and has its turn already.
    has_turn: bool,
}

impl Live {
    pub fn asked(edge: Rc<Edge>) -> Self {
        Self { edge, has_turn: true }
    }
}

impl Work for Live {
    type Task = TaskLease;
    type Effect = EffectLease;
    type Delivery = DeliveryLease;
    type Turn = Option<Turn>;

    fn now(&self) -> Millis {
        self.edge.flow.host.clock().now()
    }

    async fn sleep(&self, time: Duration) {
        sleep(time).await;
    }

    async fn turn(&self) -> Option<Turn> {
        if self.has_turn { None } else { Some(Turn::between_requests().await) }
    }

    async fn claim(&self, limit: u32) -> StoreResult<Vec<TaskLease>> {
        self.edge.flow.claim(limit).await
    }

    async fn run(&self, task: TaskLease) -> StoreResult<()> {
        // A tenant that is not to be had is the run's to record: it waits, and nothing is lost.
        let _ = self.edge.prepare(&task.tenant).await;
        let flow = &self.edge.flow;
        match select(pin!(flow.run(task.clone())), pin!(sleep(flow.patience()))).await {
            Either::Left((ended, _)) => ended.map(drop),
            Either::Right(_) => flow.overran(task).await.map(drop),
        }
    }

    async fn claim_effects(&self, limit: u32) -> StoreResult<Vec<EffectLease>> {
        self.edge.flow.claim_effects(limit).await
    }

    async fn send(&self, effect: EffectLease) -> StoreResult<()> {
        let _ = self.edge.prepare(&effect.tenant).await;
        let flow = &self.edge.flow;
        match select(pin!(flow.send(effect.clone())), pin!(sleep(flow.patience()))).await {
            Either::Left((ended, _)) => ended,
            Either::Right(_) => flow.overran_effect(effect).await,
        }
    }

    async fn claim_deliveries(&self, limit: u32) -> StoreResult<Vec<DeliveryLease>> {
        self.edge.flow.claim_deliveries(limit).await
    }

    async fn deliver(&self, delivery: DeliveryLease) -> StoreResult<()> {
        let _ = self.edge.prepare(&delivery.webhook.tenant).await;
        let flow = &self.edge.flow;
        match select(pin!(flow.deliver(delivery.clone())), pin!(sleep(flow.patience()))).await {
            Either::Left((ended, _)) => ended,
            Either::Right(_) => flow.overran_delivery(delivery).await,
        }
    }

    async fn depth(&self) -> StoreResult<Depth> {
        self.edge.flow.host.store().depth().await
    }
}

/// Starts a sweep that nobody waits for, unless this instance has one going.
pub fn sweep_afterwards(edge: Rc<Edge>) {
    struct Ended;
    impl Drop for Ended {
        fn drop(&mut self) {
            SWEEPING.set(false);
        }
    }

    if SWEEPING.replace(true) {
        return;
    }
    let ended = Ended;
    spawn(async move {
        let _ended = ended;
        let work = Live { edge, has_turn: false };
        // Effects in their backoff are left to the scheduler: waiting for them after every request would keep instances for nothing.
        let patience = Patience { until: work.now() + BONUS, effects: false };
        if let Err(error) = sweep(&work, patience).await {
            tracing::error!(%error, "the sweep after an answer ended");
        }
        let now = work.now();
        if ERASED.get().is_none_or(|last| now - last >= ERASE_EVERY) {
            ERASED.set(Some(now));
            if let Err(error) = work.edge.flow.erase_due().await {
                tracing::error!(%error, "erase");
            }
            if let Err(error) = work.edge.flow.keep_figures().await {
                tracing::error!(%error, "the hour's figures");
            }
        }
    });
}
