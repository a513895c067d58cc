//! `passerelle apple reissue`: after a renewal of the certificate, every phone fetches its passes again.
//!
//! Owns the pace and the progress. Does not push: what is raised is wanted by the devices, and the running server sends it. A pass is signed when it
//! is fetched, so nothing is signed here.

#![allow(clippy::print_stdout)] // progress is what it is asked for

use std::time::Duration;

use anyhow::Context as _;
use passerelle_flow::identity::{Millis, TenantId};
use passerelle_flow::ports::Clock as _;
use passerelle_flow::store::Store;

use crate::cli::Apple;
use crate::commands::{known_tenant, open_store, runtime, settings};
use crate::host::ServerClock;
use crate::report_file;

/// Steps a second: progress is seen, and the writer's queue is not ours alone.
const STEPS: u32 = 4;

pub fn apple(arguments: &Apple) -> anyhow::Result<bool> {
    let Apple::Reissue { report, .. } = arguments;
    report_file::or_failure(report.as_deref(), reissue(arguments))
}

fn reissue(arguments: &Apple) -> anyhow::Result<bool> {
    let Apple::Reissue { configured, tenant, until, per_second, report } = arguments;
    let settings = settings(configured)?;
    let tenant = known_tenant(&settings, tenant.0.clone())?.0;
    runtime(None)?.block_on(async {
        let store = open_store(&settings)?;
        let clock = ServerClock::default();
        let pace = Pace { limit: per_second.div_ceil(STEPS), pause: Duration::from_secs(1) / STEPS };
        let done = raise(&store, &tenant, *until, pace, || clock.now(), |line| println!("{line}")).await?;
        store.close().await;
        if let Some(path) = report {
            let report = serde_json::json!({"ok": true, "passes": done.passes, "until": done.until});
            report_file::write(path, &report)?;
        }
        Ok(true)
    })
}

#[derive(Clone, Copy)]
pub struct Pace {
    /// Passes of a step.
    pub limit: u32,
    /// After it.
    pub pause: Duration,
}

pub struct Done {
    pub passes: u64,
    pub until: i64,
}

/// Raises all installed passes, step by step; each step is on disk when it is told.
pub async fn raise<S: Store>(
    store: &S,
    tenant: &TenantId,
    until: Option<i64>,
    pace: Pace,
    now: impl Fn() -> Millis,
    tell: impl Fn(String),
) -> anyhow::Result<Done> {
    let mut done = Done { passes: 0, until: until.unwrap_or_default() };
    let mut until = until;
    loop {
        let step = store.reissue(tenant, until, pace.limit, now()).await.context("the store cannot be written")?;
        if until.is_none() {
            tell(format!("If this is stopped: passerelle apple reissue --tenant {tenant} --until {}", step.until));
        }
        until = Some(step.until);
        done.until = step.until;
        done.passes += u64::from(step.raised);
        if step.raised > 0 {
            tell(format!("{} passes, {} left", done.passes, step.left));
        }
        if step.raised == 0 || step.left == 0 {
            tell(format!("Done: {} passes; the server tells their phones.", done.passes));
            return Ok(done);
        }
        tokio::time::sleep(pace.pause).await;
    }
}
