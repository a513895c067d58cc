//! The server as a host of the flow: one type that bundles the ports.
//!
//! Owns the bundle, the clock and the randomness. Does not own any of the capabilities: the sandbox (`engine`), the only place that dials
//! (`egress`), the keys (`signer`), the database (`store`), the tenants (`config`).

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use passerelle_flow::identity::{Millis, TenantId};
use passerelle_flow::ports::{Clock, Host, Random};
use passerelle_flow::tenant::Tenant;
use passerelle_sandbox::Sandbox;

use crate::config::Tenants;
use crate::egress::Egress;
use crate::plugins::Plugins;
use crate::signer::KeySigner;
use crate::store::SqliteStore;

/// What a server is made of.
pub struct ServerHost {
    pub clock: Arc<ServerClock>,
    pub random: SystemRandom,
    pub egress: Egress,
    pub signer: Arc<KeySigner>,
    pub sandbox: Sandbox,
    pub plugins: Plugins,
    pub store: SqliteStore,
    pub tenants: Arc<Tenants>,
}

impl Host for ServerHost {
    type Clock = ServerClock;
    type Random = SystemRandom;
    type Http = Egress;
    type Signer = KeySigner;
    type Connector = Sandbox;
    type Plugins = Plugins;
    type Store = SqliteStore;

    fn clock(&self) -> &ServerClock {
        &self.clock
    }
    fn random(&self) -> &SystemRandom {
        &self.random
    }
    fn http(&self) -> &Egress {
        &self.egress
    }
    fn signer(&self) -> &KeySigner {
        &self.signer
    }
    fn connector(&self) -> &Sandbox {
        &self.sandbox
    }
    fn plugins(&self) -> &Plugins {
        &self.plugins
    }
    fn store(&self) -> &SqliteStore {
        &self.store
    }
    fn tenant(&self, id: &TenantId) -> Option<Arc<Tenant>> {
        self.tenants.get(id)
    }
    fn tenants(&self) -> Vec<Arc<Tenant>> {
        self.tenants.all().values().cloned().collect()
    }
}

/// The time of day, which tests and the demo may put forward: nothing has to sleep to see what happens an hour later.
#[derive(Default)]
pub struct ServerClock {
    ahead: AtomicI64,
}

impl ServerClock {
    pub fn advance(&self, millis: Millis) {
        self.ahead.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for ServerClock {
    fn now(&self) -> Millis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX).saturating_add(self.ahead.load(Ordering::SeqCst))
    }

    async fn wait(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

/// The operating system's randomness.
#[derive(Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, target: &mut [u8]) {
        // It fails only when the system has no randomness at all. A key made without would be worse than no process.
        if aws_lc_rs::rand::fill(target).is_err() {
            tracing::error!("the operating system has no randomness");
            std::process::abort();
        }
    }
}
