//! The flow over one host: what a server's routes and workers, and Spin's handler, call.
//!
//! Owns the bundle (host, numbers, the two caches that outlive a request) and the two halves of each loop: claim, and run or send. Does not own
//! threads or timers: a host decides when and how often.

use crate::google::TokenCache;
use crate::identity::Millis;
use crate::maybe_send::MaybeSend;
use crate::options::Options;
use crate::ports::{Clock, Host, Random};
use crate::run::{self, RunReport};
use crate::store::{EffectLease, Store, StoreResult, TaskLease};

pub struct Flow<H: Host> {
    pub host: H,
    pub options: Options,
    pub(crate) google_tokens: TokenCache,
}

impl<H: Host> Flow<H> {
    pub fn new(host: H, options: Options) -> Self {
        Self { host, options, google_tokens: TokenCache::default() }
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

    /// Leases up to `limit` due effects; each is to be given to [`Flow::send`].
    pub async fn claim_effects(&self, limit: u32) -> StoreResult<Vec<EffectLease>> {
        let now = self.now();
        self.host.store().claim_effects(now, now + self.options.lease, limit).await
    }

    /// Sends one leased effect.
    pub async fn send(&self, lease: EffectLease) -> StoreResult<()> {
        run::effect::send(self, lease).await
    }

    /// Erases what the tenants' retention no longer allows. Returns how many data keys went.
    pub fn erase_due(&self) -> impl Future<Output = StoreResult<u64>> + MaybeSend {
        self.host.store().erase(self.now())
    }
}
