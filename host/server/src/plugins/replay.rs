//! `passerelle plugin replay`: what a plugin would have made of the last events and passes, beside what the installed one makes of them.
//!
//! Owns which events and passes there are, and the counts. Reads the store of this machine and sends nothing: what a hook asks for is answered from a
//! file, the same for both, or fails as unreachable, since what was answered then is not kept; what the tenant's list forbids is
//! denied. Does not own how a difference is shown (`difference`),
//! nor what a plugin decides of a pass (`decision`).

#![allow(clippy::print_stdout)] // a comparison is what it is run for

mod decision;
mod difference;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use passerelle_flow::attribute::Sorted;
use passerelle_flow::hooks::event;
use passerelle_flow::hooks::recall::Recalled;
use passerelle_flow::identity::{Millis, TenantId};
use passerelle_flow::parts;
use passerelle_flow::plugin::case::{Answers, Case, answers};
use passerelle_flow::plugin::hook::{Hook, HookCall};
use passerelle_flow::ports::Clock as _;
use passerelle_flow::store::{
    Attributes as _, Condition, Count, Order, Outbox as _, PassLists as _, PassQuery, PassState, Start, Store as _,
    TimeTest,
};
use passerelle_flow::tenant::Tenant;
use passerelle_flow::webhook::body::time;
use passerelle_sandbox::{Plugin, SIZE};

use self::decision::{Decision, decide};
use super::command::load;
use super::folder::PluginFolder;
use crate::cli::Replay;
use crate::commands::{open_store, runtime, settings};
use crate::config::Tenants;
use crate::host::ServerClock;
use crate::server;
use crate::store::SqliteStore;

/// Events, or passes, of one step.
const AT_ONCE: u32 = 500;
/// What comes of an event where there is no plugin, or none with such a hook: what comes of the hook's default, too.
const NOTHING: &str = "sends nothing\n";

/// What came of one hook.
#[derive(Default)]
struct Tally {
    calls: u64,
    differ: u64,
    failed: u64,
}

/// Both plugins, and what is asked of them.
struct Comparison {
    tenant: std::sync::Arc<Tenant>,
    new: Plugin,
    installed: Option<Plugin>,
    answers: Answers,
    all: bool,
    values: bool,
    since: Millis,
    tallies: BTreeMap<Hook, Tally>,
    /// Events whose sealed part, or passes whose facts, are there no more or sealed with another key.
    unreadable: u64,
}

pub fn replay(arguments: &Replay) -> anyhow::Result<bool> {
    let settings = settings(&arguments.configured)?;
    let tenant: &TenantId = &arguments.tenant.0;
    let (tenants, _) = Tenants::open(&settings);
    let loaded = tenants
        .get(tenant)
        .with_context(|| format!("there is no tenant {tenant} in force: `passerelle check` says why"))?;
    let folder = PluginFolder::of(&settings.tenants, tenant);
    let installed = match folder.read(SIZE)? {
        None => None,
        Some(wasm) => Some(Plugin::load(&server::engine(None)?, &wasm).context("the installed plugin")?),
    };
    let mut comparison = Comparison {
        tenant: loaded,
        new: load(&arguments.file)?,
        installed,
        answers: arguments.answers.as_deref().map(read_answers).transpose()?.unwrap_or_default(),
        all: arguments.all,
        values: arguments.show_values,
        since: arguments.since.millis(ServerClock::default().now()),
        tallies: BTreeMap::new(),
        unreadable: 0,
    };
    match &comparison.installed {
        Some(_) => println!("--- installed  {}", folder.plugin().display()),
        None => println!("--- installed  none"),
    }
    println!("+++ new        {}\n", arguments.file.display());
    let store = open_store(&settings)?;
    runtime(None)?.block_on(async {
        comparison.events(&store).await?;
        comparison.passes(&store).await?;
        store.close().await;
        anyhow::Ok(())
    })?;
    Ok(comparison.told())
}

fn read_answers(file: &Path) -> anyhow::Result<Answers> {
    let text = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    answers(&text).with_context(|| file.display().to_string())
}

impl Comparison {
    /// In the order in which they happened.
    async fn events(&mut self, store: &SqliteStore) -> anyhow::Result<()> {
        let tenant = self.tenant.clone();
        let mut after = None;
        loop {
            let step = store.happenings(&tenant.id, self.since, after.take(), AT_ONCE).await?;
            let Some(last) = step.last() else { return Ok(()) };
            after = Some((last.recorded_at, last.happening.id.clone()));
            for stored in &step {
                match event::of_happening(&tenant, stored) {
                    Ok(Some(call)) => {
                        let happening = &stored.happening;
                        let title = format!("{} {} {}", time(happening.at), happening.kind.name(), happening.id);
                        self.event(call, &title).await;
                    }
                    Ok(None) => {}
                    Err(_) => self.unreadable += 1,
                }
            }
        }
    }

    async fn event(&mut self, call: HookCall, title: &str) {
        let hook = call.event.hook();
        let has = |plugin: &Plugin| plugin.hooks().contains(&hook);
        if !has(&self.new) && !self.installed.as_ref().is_some_and(has) {
            return;
        }
        let (was, _) = self.told_by(self.installed.as_ref(), &call).await;
        let (is, failed) = self.told_by(Some(&self.new), &call).await;
        let differs = was != is;
        self.count(hook, differs, failed);
        if differs || self.all {
            println!("{title}");
            difference::print(&was, &is);
        }
    }

    /// What a plugin makes of an event, and whether it fails.
    async fn told_by(&self, plugin: Option<&Plugin>, call: &HookCall) -> (String, bool) {
        let Some(plugin) = plugin.filter(|plugin| plugin.hooks().contains(&call.event.hook())) else {
            return (NOTHING.to_owned(), false);
        };
        let limits = &self.tenant.plugin.limits;
        let case = Case::answered(call.clone(), self.answers.clone());
        let played = case.play_for(&self.tenant.plugin, |call| plugin.call(limits, call)).await;
        (played.told(), played.failed())
    }

    /// Passes that live and have changed since, the one that changed first before the others.
    async fn passes(&mut self, store: &SqliteStore) -> anyhow::Result<()> {
        let within = |plugin: &Plugin| {
            let hooks = plugin.hooks();
            [Hook::ChooseTemplate, Hook::ShapePayload].iter().any(|hook| hooks.contains(hook))
        };
        if !within(&self.new) && !self.installed.as_ref().is_some_and(within) {
            return Ok(());
        }
        let tenant = self.tenant.clone();
        let mut start = Start::Offset(0);
        loop {
            let query = PassQuery {
                tenant: tenant.id.clone(),
                conditions: vec![
                    Condition::Updated(TimeTest::AtLeast(self.since)),
                    Condition::State(vec![PassState::Live]),
                ],
                order: Order::Updated,
                descending: false,
                start,
                limit: AT_ONCE,
                count: Count::Never,
            };
            let page = store.list_passes(query).await?;
            for (_, listed) in &page.passes {
                // It may have gone since the list was made.
                let Some(view) = store.pass(&tenant.id, &listed.id).await? else { continue };
                let Ok(Some(opened)) = parts::open(&tenant, &view.pass) else {
                    self.unreadable += 1;
                    continue;
                };
                let attributes = store.attributes(&tenant.id, &listed.id).await?;
                let attributes = Sorted::of(&tenant.keys, &tenant.id, &listed.id, &attributes);
                self.pass(&Recalled { tenant: &tenant, view: &view, opened: &opened, attributes: &attributes }).await;
            }
            match page.passes.into_iter().next_back() {
                Some((position, _)) if page.more => start = Start::After(position),
                _ => return Ok(()),
            }
        }
    }

    async fn pass(&mut self, pass: &Recalled<'_>) {
        let was = decide(pass, self.installed.as_ref(), &self.answers).await;
        let is = decide(pass, Some(&self.new), &self.answers).await;
        let mut differs = false;
        for hook in [Hook::ChooseTemplate, Hook::ShapePayload] {
            if !was.asked(hook) && !is.asked(hook) {
                continue;
            }
            let other = was.of(hook).ne(is.of(hook));
            differs |= other;
            self.count(hook, other, is.failed(hook));
        }
        if differs || self.all {
            println!("{} pass {}", time(pass.view.pass.updated_at), pass.view.pass.id);
            Decision::print(&was, &is, self.values);
        }
    }

    fn count(&mut self, hook: Hook, differs: bool, failed: bool) {
        let tally = self.tallies.entry(hook).or_default();
        tally.calls += 1;
        tally.differ += u64::from(differs);
        tally.failed += u64::from(failed);
    }

    /// The counts. False: the new plugin has failed.
    fn told(&self) -> bool {
        for (hook, Tally { calls, differ, failed }) in &self.tallies {
            println!("{:<20} {differ} of {calls} differ, {failed} failed", hook.name());
        }
        let sum = |of: fn(&Tally) -> u64| self.tallies.values().map(of).sum::<u64>();
        let failed = sum(|tally| tally.failed);
        println!(
            "since {}: {} of {} would be handled otherwise, {failed} failed",
            time(self.since),
            sum(|tally| tally.differ),
            sum(|tally| tally.calls),
        );
        if self.unreadable > 0 {
            println!("{} could not be read: their facts are erased, or sealed with another key", self.unreadable);
        }
        failed == 0
    }
}
