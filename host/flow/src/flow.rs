//! The flow over one host: what a server's routes and workers, and Spin's handler, call.
//!
//! Owns the bundle (host, numbers, what outlives a request) and the two halves of each loop: claim, and run or send. Does not own
//! threads or timers: a host decides when and how often.

use std::time::Duration;

use crate::alarm::{Alarms, Allowance};
use crate::backfill;
use crate::google::TokenCache;
use crate::google::presence::{self, Batch, Looked};
use crate::hooks;
use crate::identity::{HOUR, Millis, uuid};
use crate::options::{LEASE_MARGIN, Options, Retention};
use crate::plugin::PluginState;
use crate::ports::{Clock, Host, Random};
use crate::run::{self, RunReport};
use crate::store::{
    DeliveryLease, DeliveryQuota, EffectLease, Erased, Erasure, Insights, Outbox as _, Quota, Store, StoreResult,
    TaskLease,
};
use crate::tally::Tally;
use crate::tenant::Tenant;
use crate::webhook;

/// Rows of each kind that one transaction of the erasure deletes: a few milliseconds in which nobody else writes.
const ERASED_AT_ONCE: u32 = 500;
/// Transactions of one erasure; what is left then is the next one's. At 500 rows each 50,000 an hour, more than a day's notifications of a busy
/// venue.
const ERASURES: u32 = 100;

pub struct Flow<H: Host> {
    pub host: H,
    pub options: Options,
    pub(crate) google_tokens: TokenCache,
    /// What came of Google's callbacks.
    pub callbacks: Tally,
    /// Events that were told of passes without the identifier that they are joined by, by the kind of pass.
    pub missing_identifiers: Tally,
    /// And of Vibes'.
    pub vibes_callbacks: Tally,
    pub(crate) alarms: Alarms,
    pub(crate) phone_logs: Allowance,
    /// Of the tenants' plugins: which of them fail, and the tokens that they are given.
    pub plugins: PluginState,
}

impl<H: Host> Flow<H> {
    pub fn new(host: H, options: Options) -> Self {
        Self {
            host,
            options,
            google_tokens: TokenCache::default(),
            callbacks: Tally::default(),
            missing_identifiers: Tally::default(),
            vibes_callbacks: Tally::default(),
            alarms: Alarms::default(),
            phone_logs: Allowance::default(),
            plugins: PluginState::default(),
        }
    }

    pub(crate) fn now(&self) -> Millis {
        self.host.clock().now()
    }

    /// A UUIDv7 of now.
    pub(crate) fn uuid(&self) -> String {
        uuid(self.now(), self.host.random().bytes())
    }

    /// Leases up to `limit` due tasks; each is to be given to [`Flow::run`].
    pub async fn claim(&self, limit: u32) -> StoreResult<Vec<TaskLease>> {
        let now = self.now();
        let quota = Quota { limit, per_tenant: self.options.tasks_per_tenant, per_kind: u32::MAX };
        self.host.store().claim(now, now + self.options.lease, quota).await
    }

    /// Runs one leased task.
    pub async fn run(&self, lease: TaskLease) -> StoreResult<RunReport> {
        run::run(self, lease, None).await
    }

    /// How long the work under a lease may take. A host stops it then and calls [`Flow::overran`], so that nobody else gets the lease while
    /// it is still being worked at.
    pub fn patience(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.options.lease - LEASE_MARGIN).unwrap_or(0))
    }

    /// Records that a run was stopped: it counts as a failed attempt.
    pub async fn overran(&self, lease: TaskLease) -> StoreResult<RunReport> {
        run::overran(self, lease).await
    }

    /// Leases up to `limit` due effects; each is to be given to [`Flow::send`].
    pub async fn claim_effects(&self, limit: u32) -> StoreResult<Vec<EffectLease>> {
        let now = self.now();
        let (per_tenant, per_kind) = (self.options.effects_per_tenant, self.options.effects_per_kind);
        let quota = Quota { limit, per_tenant, per_kind };
        self.host.store().claim_effects(now, now + self.options.lease, quota).await
    }

    /// Sends one leased effect.
    pub async fn send(&self, lease: EffectLease) -> StoreResult<()> {
        run::effect::send(self, lease).await
    }

    /// Records that sending was stopped: it counts as a failed attempt.
    pub async fn overran_effect(&self, lease: EffectLease) -> StoreResult<()> {
        run::effect::overran(self, lease).await
    }

    /// Leases up to `limit` due deliveries of webhooks; each is to be given to [`Flow::deliver`].
    pub async fn claim_deliveries(&self, limit: u32) -> StoreResult<Vec<DeliveryLease>> {
        let now = self.now();
        let all = self.options.deliveries;
        let quota = DeliveryQuota {
            limit,
            per_endpoint: self.options.webhooks.per_endpoint,
            // However many endpoints hang until the time-out, half of the senders are for those that answer; and of what is left a quarter is for
            // those that have none.
            failing: (all / 2).max(1),
            shared: (all / 4 * 3).max(1),
        };
        self.host.store().claim_deliveries(now, now + self.options.lease, quota).await
    }

    /// Sends one leased delivery.
    pub async fn deliver(&self, lease: DeliveryLease) -> StoreResult<()> {
        webhook::send::send(self, lease).await
    }

    /// Records that sending was stopped: it counts as a failed attempt.
    pub async fn overran_delivery(&self, lease: DeliveryLease) -> StoreResult<()> {
        webhook::send::overran(self, lease).await
    }

    /// Erases what the tenants' retention no longer allows, and records of the past that have been kept long enough.
    pub async fn erase_due(&self) -> StoreResult<Erased> {
        let (now, retention) = (self.now(), self.options.retention);
        let erasure = Erasure {
            now,
            notifications_before: now - retention.notifications,
            runs_before: now - retention.runs.max(Retention::LEAST_RUNS),
            changes_before: now - retention.history,
            batch: ERASED_AT_ONCE,
        };
        let mut all = Erased::default();
        for _ in 0..ERASURES {
            let erased = self.host.store().erase(erasure).await?;
            all.keys += erased.keys;
            all.records += erased.records;
            all.more = erased.more;
            if !erased.more {
                break;
            }
        }
        Ok(all)
    }

    /// Writes the figures of this hour (`Metrics` of the Insights) for every tenant that has none yet. How many. May be called as often as one
    /// likes and by several at once.
    pub async fn keep_figures(&self) -> StoreResult<u64> {
        let now = self.now();
        let hour = now - now.rem_euclid(HOUR);
        let figures = self.host.store().figures(hour).await?;
        if figures.is_empty() { Ok(0) } else { self.host.store().keep_figures(hour, figures).await }
    }

    /// Passes whose presence at Google is to be looked at next, to be given to [`Flow::look`]; none: no round has anything left.
    pub async fn claim_look(&self) -> StoreResult<Option<Batch>> {
        presence::claim(self).await
    }

    /// Gives the tenant's plugin, as it is now, its place among those who are told what happens; or takes it away.
    pub async fn settle_plugin(&self, tenant: &Tenant) -> StoreResult<()> {
        hooks::endpoint::settle(self, tenant).await
    }

    /// One step of a tenant's daily comparison with the other side. False: none is due, or each waits for its turn.
    pub async fn backfill_due(&self) -> StoreResult<bool> {
        backfill::daily(self).await
    }

    /// Asks Google whether anybody still has these passes.
    pub async fn look(&self, batch: Batch) -> StoreResult<Looked> {
        presence::look(self, batch).await
    }
}
