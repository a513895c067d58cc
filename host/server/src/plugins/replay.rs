//! `passerelle plugin replay`: what a plugin would have made of the last events, beside what the installed one makes of them.
//!
//! Owns the comparison. Reads the store of this machine and sends nothing: whatever a hook asks for fails as unreachable, for both, since what was
//! answered then is not kept. Hooks that are called within a run are not replayed: what they were called with is not kept either.

#![allow(clippy::print_stdout)] // a comparison is what it is run for

use std::path::Path;

use anyhow::Context as _;
use passerelle_flow::hooks::event;
use passerelle_flow::identity::TenantId;
use passerelle_flow::plugin::case::{Case, Played};
use passerelle_flow::plugin::hook::HookCall;
use passerelle_flow::ports::Clock as _;
use passerelle_flow::store::Outbox as _;
use passerelle_flow::tenant::Tenant;
use passerelle_flow::webhook::body::time;
use passerelle_sandbox::{Plugin, SIZE};

use super::command::load;
use super::folder::PluginFolder;
use crate::cli::{Configured, Since};
use crate::commands::{open_store, runtime, settings};
use crate::config::Tenants;
use crate::host::ServerClock;
use crate::server;

/// Events of one step.
const AT_ONCE: u32 = 500;

/// What came of it, counted.
#[derive(Default)]
struct Count {
    events: u64,
    differ: u64,
    failed: u64,
    unreadable: u64,
}

pub fn replay(
    file: &Path,
    configured: &Configured,
    tenant: &TenantId,
    since: &Since,
    all: bool,
) -> anyhow::Result<bool> {
    let settings = settings(configured)?;
    let (tenants, _) = Tenants::open(&settings);
    let loaded = tenants
        .get(tenant)
        .with_context(|| format!("there is no tenant {tenant} in force: `passerelle check` says why"))?;
    let new = load(file)?;
    let installed = match PluginFolder::of(&settings.tenants, tenant).read(SIZE)? {
        None => None,
        Some(wasm) => Some(Plugin::load(&server::engine(None)?, &wasm).context("the installed plugin")?),
    };
    let store = open_store(&settings)?;
    let since = since.millis(ServerClock::default().now());
    let count = runtime(None)?.block_on(async {
        let mut count = Count::default();
        let mut after = None;
        loop {
            let step = store.happenings(tenant, since, after.take(), AT_ONCE).await?;
            let Some(last) = step.last() else { break };
            after = Some((last.recorded_at, last.happening.id.clone()));
            for stored in &step {
                let call = match event::of_happening(&loaded, stored) {
                    Ok(Some(call)) => call,
                    Ok(None) => continue,
                    Err(_) => {
                        count.unreadable += 1;
                        continue;
                    }
                };
                let title =
                    format!("{} {} {}", time(stored.happening.at), stored.happening.kind.name(), stored.happening.id);
                compare(&loaded, &new, installed.as_ref(), call, &title, all, &mut count).await;
            }
        }
        store.close().await;
        anyhow::Ok(count)
    })?;
    println!(
        "{} events since {}; {} would be handled otherwise, {} failed",
        count.events,
        time(since),
        count.differ,
        count.failed
    );
    if count.unreadable > 0 {
        println!("{} could not be read: they were sealed with another key", count.unreadable);
    }
    Ok(count.failed == 0)
}

async fn compare(
    tenant: &Tenant,
    new: &Plugin,
    installed: Option<&Plugin>,
    call: HookCall,
    title: &str,
    all: bool,
    count: &mut Count,
) {
    count.events += 1;
    let case = Case::unanswered(call);
    let (setup, limits) = (&tenant.plugin, &tenant.plugin.limits);
    let after = case.play(setup, |call| new.call(limits, call)).await;
    let before = match installed {
        None => None,
        Some(installed) => Some(case.play(setup, |call| installed.call(limits, call)).await),
    };
    count.failed += u64::from(after.ended.is_err());
    let (was, is) = (before.as_ref().map(Played::told).unwrap_or_default(), after.told());
    let differs = was != is;
    count.differ += u64::from(differs);
    if !differs && !all {
        return;
    }
    println!("{title}");
    let (was, is): (Vec<&str>, Vec<&str>) = (was.lines().collect(), is.lines().collect());
    for line in &was {
        let mark = if is.contains(line) { ' ' } else { '-' };
        if mark == '-' {
            println!("{mark} {line}");
        }
    }
    for line in &is {
        println!("{} {line}", if was.contains(line) { ' ' } else { '+' });
    }
    println!();
}
