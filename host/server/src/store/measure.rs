//! How many notifications a second the store accepts here, each on the disk before it is answered.
//!
//! Owns the load: so many clients, each accepting one after another, over as many tokens, so that most of them join a task as in a burst.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use passerelle_flow::identity::TenantId;
use passerelle_flow::store::{Accept, Priority, Store, StoreError};
use serde::Serialize;

use super::{OpenError, Options, SqliteStore};

#[derive(Clone, Copy, Debug, Serialize)]
pub struct Report {
    pub clients: usize,
    pub accepted: u64,
    pub seconds: f64,
    pub per_second: f64,
    /// Microseconds from the call to the answer.
    pub p50_us: u128,
    pub p99_us: u128,
}

#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a client stopped: {0}")]
    Client(#[from] tokio::task::JoinError),
    #[error("the tenant's name is no name")]
    Tenant(#[from] passerelle_flow::identity::IdentityError),
}

/// Orders that notifications are about: enough that tasks differ, few enough that notifications join.
const TOKENS: u64 = 1000;

pub async fn measure_accepts(path: &Path, clients: usize, lasting: Duration) -> Result<Report, MeasureError> {
    let store = Arc::new(SqliteStore::open(path, Options::default())?);
    let tenant = TenantId::parse("measure")?;
    let count = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..clients {
        let (store, tenant, count) = (Arc::clone(&store), tenant.clone(), Arc::clone(&count));
        running.spawn(async move {
            let mut latencies = Vec::new();
            while began.elapsed() < lasting {
                let n = count.fetch_add(1, Ordering::Relaxed);
                let asked = Instant::now();
                store.accept(notification(&tenant, n)).await?;
                latencies.push(asked.elapsed().as_micros());
            }
            Ok::<_, StoreError>(latencies)
        });
    }
    let mut latencies = Vec::new();
    while let Some(client) = running.join_next().await {
        latencies.extend(client??);
    }
    let seconds = began.elapsed().as_secs_f64();
    store.close().await;
    latencies.sort_unstable();
    let quantile =
        |percent: usize| latencies.get(latencies.len().saturating_sub(1) * percent / 100).copied().unwrap_or(0);
    let accepted = u64::try_from(latencies.len()).unwrap_or(u64::MAX);
    let per_second = f64::from(u32::try_from(accepted).unwrap_or(u32::MAX)) / seconds;
    Ok(Report { clients, accepted, seconds, per_second, p50_us: quantile(50), p99_us: quantile(99) })
}

fn notification(tenant: &TenantId, n: u64) -> Accept {
    Accept {
        tenant: tenant.clone(),
        id: format!("{n:032x}"),
        correlation: format!("{n:032x}"),
        traceparent: None,
        token_mac: format!("{:064x}", n % TOKENS),
        token_sealed: vec![0; 64],
        state: "MODIFIED".to_owned(),
        movement: Some("10228310724999".to_owned()),
        ticket: None,
        unknown_fields: Vec::new(),
        priority: Priority::Low,
        now: i64::try_from(n).unwrap_or(i64::MAX),
        debounce: 500,
        max_wait: 5000,
    }
}
