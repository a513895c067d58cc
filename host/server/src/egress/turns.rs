//! How many requests a tenant's plugin may have under way.
//!
//! Owns the counting. Waiting for a turn is part of a request's own time. Nothing that the flow asks for by itself waits here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use passerelle_flow::identity::TenantId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Of one tenant, over all of its deliveries: as many as one answer may hold by default ([`passerelle_flow::plugin::setup::PluginLimits`]), and as many
/// connections as are kept open to one host. A receiver that is slow costs its own tenant's next requests their time, and no more sockets than these.
pub const AT_ONCE: usize = 16;
/// Tenants that are remembered. More than this and those of whom nothing is under way are forgotten.
const TENANTS: usize = 512;

#[derive(Default)]
pub struct Turns {
    of: Mutex<HashMap<TenantId, Arc<Semaphore>>>,
}

impl Turns {
    /// Given back when it is dropped. None: nobody closes the semaphore; a request goes on without.
    pub async fn take(&self, tenant: &TenantId) -> Option<OwnedSemaphorePermit> {
        let turns = {
            let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
            if of.len() >= TENANTS {
                of.retain(|_, turns| Arc::strong_count(turns) > 1);
            }
            of.entry(tenant.clone()).or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE))).clone()
        };
        turns.acquire_owned().await.ok()
    }
}
