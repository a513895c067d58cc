//! The flow over one host: what a server's routes and workers, and Spin's handler, call.
//!
//! Owns the bundle (host, numbers, what outlives a request) and the two halves of each loop: claim, and run or send. Does not own
//! threads or timers: a host decides when and how often.

use std::time::Duration;

use crate::alarm::Alarms;
use crate::google::presence::{self, Batch, Looked};
use crate::google::{Tally, TokenCache};
use crate::identity::Millis;
use crate::maybe_send::MaybeSend;
use crate::options::{LEASE_MARGIN, Options};
use crate::ports::{Clock, Host, Random};
use crate::run::{self, RunReport};
use crate::store::{EffectLease, Store, StoreResult, TaskLease};

pub struct Flow<H: Host> {
    pub host: H,
    pub options: Options,
    pub(crate) google_tokens: TokenCache,
    /// What came of Google's callbacks.
    pub callbacks: Tally,
    pub(crate) alarms: Alarms,
}

impl<H: Host> Flow<H> {
    pub fn new(host: H, options: Options) -> Self {
        Self {
            host,
            options,
            google_tokens: TokenCache::default(),
            callbacks: Tally::default(),
            alarms: Alarms::default(),
        }
    }

    pub(crate) fn now(&self) -> Millis {
        self.host.clock().now()
    }

    /// A UUIDv7 of now: identifiers of notifications, runs and correlations sort by time.
    pub(crate) fn uuid(&self) -> String {
        let millis = u64::try_from(self.now()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &self.host.random().bytes::<10>()).into_uuid().to_string()
    }

    /// Leases up to `limit` due tasks; each is to be given to [`Flow::run`].
    pub async fn claim(&self, limit: u32) -> StoreResult<Vec<TaskLease>> {
        let now = self.now();
        self.host.store().claim(now, now + self.options.lease, limit).await
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
        self.host.store().claim_effects(now, now + self.options.lease, limit).await
    }

    /// Sends one leased effect.
    pub async fn send(&self, lease: EffectLease) -> StoreResult<()> {
        run::effect::send(self, lease).await
    }

    /// Records that sending was stopped: it counts as a failed attempt.
    pub async fn overran_effect(&self, lease: EffectLease) -> StoreResult<()> {
        run::effect::overran(self, lease).await
    }

    /// Passes whose presence at Google is to be looked at next, to be given to [`Flow::look`]; none: no round has anything left.
    pub async fn claim_look(&self) -> StoreResult<Option<Batch>> {
        presence::claim(self).await
    }

    /// Asks Google whether anybody still has these passes.
    pub async fn look(&self, batch: Batch) -> StoreResult<Looked> {
        presence::look(self, batch).await
    }

    /// Erases what the tenants' retention no longer allows. Returns how many data keys went.
    pub fn erase_due(&self) -> impl Future<Output = StoreResult<u64>> + MaybeSend {
        self.host.store().erase(self.now())
    }
}
