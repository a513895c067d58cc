//! `passerelle plugin`: from a new folder to a plugin in force.
//!
//! Owns what the commands print. Does not own building (`build`), the folder's files (`folder`), nor what a replay compares (`replay`).

#![allow(clippy::print_stdout)] // what a command is asked for goes to standard output

use std::path::Path;

use anyhow::{Context as _, bail};
use passerelle_flow::hooks::endpoint;
use passerelle_flow::identity::TenantId;
use passerelle_flow::plugin::case::Case;
use passerelle_flow::plugin::setup::{PluginLimits, PluginSetup};
use passerelle_flow::ports::Clock as _;
use passerelle_flow::store::{DeliveryPage, DeliveryState, Outbox as _, WebhookWrite};
use passerelle_sandbox::{Plugin as Component, SIZE, artefact};
use serde_json::{Value, json};

use super::compiler::{self, Compiler};
use super::folder::{self, PluginFolder};
use super::machine_code::Standing;
use super::{build, new, replay};
use crate::cli::{Configured, Plugin, PluginOf};
use crate::commands::{open_store, runtime, settings};
use crate::config::{Settings, Tenants};
use crate::host::ServerClock;
use crate::{report_file, server};

pub fn perform(plugin: Plugin) -> anyhow::Result<bool> {
    match plugin {
        Plugin::New { lang, name, into } => new::make(lang, &name, &into),
        Plugin::Build { folder, out, target } => build::build(&folder, out.as_deref(), target),
        Plugin::Check { file, tenant, configured, report } => {
            let against = tenant.map(|tenant| (tenant.0, configured));
            check(&file, against, report.as_deref())
        }
        Plugin::Test { file, cases, tenant, configured, report } => {
            let of = tenant.map(|tenant| setup_of(&tenant.0, &configured)).transpose()?;
            test(&file, &cases, of.as_ref(), report.as_deref())
        }
        Plugin::Replay(arguments) => replay::replay(&arguments),
        Plugin::Install { of, file } => install(&of, &file),
        Plugin::Rollback { of } => {
            let (settings, tenant) = named(&of)?;
            PluginFolder::of(&settings.tenants, &tenant).roll_back()?;
            println!("The plugin of {tenant} and the one before it have changed places.");
            Ok(true)
        }
        Plugin::Remove { of } => {
            let (settings, tenant) = named(&of)?;
            if PluginFolder::of(&settings.tenants, &tenant).remove()? {
                println!("Removed. `passerelle plugin rollback {tenant}` brings it back.");
            } else {
                println!("{tenant} has no plugin.");
            }
            Ok(true)
        }
        Plugin::Status { of } => status(&of),
        Plugin::Enable { of } => enable(&of),
        Plugin::Compile { to } => match compiler::child(&to) {
            0 => Ok(true),
            code => std::process::exit(code),
        },
    }
}

/// A component from a file, compiled in this process: whoever calls these commands waits for it, and may stop it.
pub fn load(file: &Path) -> anyhow::Result<Component> {
    let wasm = folder::read(file, SIZE)?.with_context(|| format!("there is no file {}", file.display()))?;
    Component::load(&server::engine(None)?, &wasm).with_context(|| file.display().to_string())
}

fn check(file: &Path, against: Option<(TenantId, Configured)>, report: Option<&Path>) -> anyhow::Result<bool> {
    let wasm = folder::read(file, SIZE)?.with_context(|| format!("there is no file {}", file.display()))?;
    let engine = server::engine(None)?;
    let began = std::time::Instant::now();
    let component = match Component::load(&engine, &wasm) {
        Ok(component) => component,
        Err(error) => {
            println!("{}: {error}", file.display());
            told_in(report, &json!({ "ok": false, "error": error.to_string() }))?;
            return Ok(false);
        }
    };
    let took = began.elapsed().as_secs_f64();
    let hooks: Vec<_> = component.hooks().into_iter().map(|hook| hook.name()).collect();
    let digest = hex::encode(component.digest());
    println!("{}: a plugin for passerelle:tenant@0.1", file.display());
    println!("  size      {} KB, compiled in {took:.1} s", wasm.len().div_ceil(1024));
    println!("  sha256    {digest}");
    println!("  imports   nothing that could be called");
    println!("  hooks     {}", hooks.join(", "));
    let mut told = json!({ "ok": true, "bytes": wasm.len(), "sha256": digest, "hooks": hooks });
    if let Some((tenant, configured)) = against {
        let settings = settings(&configured)?;
        let installed = PluginFolder::of(&settings.tenants, &tenant).read(SIZE)?;
        let difference = match installed {
            None => format!("{tenant} has no plugin yet"),
            Some(before) if before == wasm => format!("{tenant} has this very plugin"),
            Some(before) => {
                let earlier = Component::load(&engine, &before).map(|component| component.hooks()).unwrap_or_default();
                let now = component.hooks();
                let names = |hooks: Vec<_>| -> Vec<&str> {
                    hooks.into_iter().map(|hook: &passerelle_flow::plugin::hook::Hook| hook.name()).collect()
                };
                let added = names(now.difference(&earlier).collect());
                let gone = names(earlier.difference(&now).collect());
                let mut parts = vec![format!("{} KB before", before.len().div_ceil(1024))];
                if !added.is_empty() {
                    parts.push(format!("new hooks: {}", added.join(", ")));
                }
                if !gone.is_empty() {
                    parts.push(format!("hooks that are gone: {}", gone.join(", ")));
                }
                if added.is_empty() && gone.is_empty() {
                    parts
                        .push("the same hooks; `passerelle plugin replay` shows what it would do otherwise".to_owned());
                }
                parts.join("; ")
            }
        };
        println!("  installed {difference}");
        if let Value::Object(told) = &mut told {
            told.insert("installed".to_owned(), difference.into());
        }
    }
    told_in(report, &told)?;
    Ok(true)
}

/// What a tenant lets its plugin do.
fn setup_of(tenant: &TenantId, configured: &Configured) -> anyhow::Result<PluginSetup> {
    let (tenants, _) = Tenants::open(&settings(configured)?);
    let loaded = tenants
        .get(tenant)
        .with_context(|| format!("there is no tenant {tenant} in force: `passerelle check` says why"))?;
    Ok(loaded.plugin.clone())
}

/// `of`: a tenant's. Without one nothing is denied.
fn test(
    file: &Path,
    cases: &[std::path::PathBuf],
    of: Option<&PluginSetup>,
    report: Option<&Path>,
) -> anyhow::Result<bool> {
    let component = load(file)?;
    let limits = of.map_or_else(PluginLimits::default, |setup| setup.limits);
    let (mut ok, mut told) = (true, Vec::new());
    let runtime = runtime(None)?;
    for path in cases {
        let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let case = Case::parse(&text).with_context(|| path.display().to_string())?;
        let hook = case.call.event.hook();
        if !component.hooks().contains(&hook) {
            println!("{}: the plugin has no {}, so the default decides\n", path.display(), hook.name());
        }
        let sandbox = |call| component.call(&limits, call);
        let played = match of {
            Some(setup) => runtime.block_on(case.play_for(setup, sandbox)),
            None => runtime.block_on(case.play(&PluginSetup::default(), sandbox)),
        };
        println!("{} ({})", path.display(), hook.name());
        print!("{}", played.told());
        let differences = case.expected.as_ref().map(|expected| played.differences(hook, expected));
        let fine = match &differences {
            Some(differences) => differences.is_empty() && played.denied.is_empty(),
            None => !played.failed(),
        };
        for difference in differences.iter().flatten() {
            println!("  NOT AS EXPECTED: {difference}");
        }
        if differences.is_some() && fine {
            println!("as expected");
        }
        println!();
        ok &= fine;
        told.push(json!({
            "case": path.display().to_string(), "ok": fine, "hook": hook.name(), "told": played.told(), "differences": differences,
            "denied": played.denied.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }));
    }
    let count = told.iter().filter(|case| case.get("ok") == Some(&Value::Bool(true))).count();
    println!("{count} of {} cases are fine", told.len());
    told_in(report, &json!({ "ok": ok, "cases": told }))?;
    Ok(ok)
}

fn install(of: &PluginOf, file: &Path) -> anyhow::Result<bool> {
    let (settings, tenant) = named(of)?;
    let wasm = folder::read(file, SIZE)?.with_context(|| format!("there is no file {}", file.display()))?;
    let engine = server::engine(None)?;
    let digest = artefact::digest(&wasm);
    let compiler = Compiler { program: std::env::current_exe()?, folder: server::compiled_folder(&settings) };
    println!("compiling {} KB in a process with limits", wasm.len().div_ceil(1024));
    let component = runtime(None)?.block_on(compiler.plugin(&engine, wasm.clone(), digest));
    let component = component.with_context(|| format!("{} is not installed", file.display()))?;
    let folder = PluginFolder::of(&settings.tenants, &tenant);
    folder.install(&wasm)?;
    let hooks: Vec<_> = component.hooks().into_iter().map(|hook| hook.name()).collect();
    println!("{} is in force for {tenant}: {}", folder.plugin().display(), hooks.join(", "));
    if folder.previous().is_file() {
        println!("The one before it is kept: `passerelle plugin rollback {tenant}`.");
    }
    let (tenants, _) = Tenants::open(&settings);
    if let Some(loaded) = tenants.get(&tenant)
        && loaded.plugin.allow.is_empty()
    {
        println!("It may call nobody yet: `allow` under [plugin] in tenant.toml names whom.");
    }
    Ok(true)
}

fn status(of: &PluginOf) -> anyhow::Result<bool> {
    let (settings, tenant) = named(of)?;
    let folder = PluginFolder::of(&settings.tenants, &tenant);
    match folder.read(SIZE)? {
        None => println!("{tenant} has no plugin: every hook means its default"),
        Some(wasm) => {
            println!("{}: {} KB", folder.plugin().display(), wasm.len().div_ceil(1024));
            let build = artefact::digest(&wasm);
            println!("  sha256       {}", hex::encode(build));
            let standing = Standing::of(&server::engine(None)?, &server::compiled_folder(&settings), build)?;
            println!("  machine code {standing}");
            println!("  left alone   after three failures in a row; whether it is now, the server's /metrics says:");
            println!("               passerelle_plugin_left_alone_until_timestamp_seconds");
        }
    }
    let (tenants, _) = Tenants::open(&settings);
    let loaded = tenants
        .get(&tenant)
        .with_context(|| format!("the configuration of {tenant} is broken: `passerelle check` says how"))?;
    let setup = &loaded.plugin;
    let hosts: Vec<String> = setup.allow.iter().map(ToString::to_string).collect();
    println!("  may call     {}", if hosts.is_empty() { "nobody".to_owned() } else { hosts.join(", ") });
    let credentials: Vec<&str> = setup.credentials.keys().map(String::as_str).collect();
    println!("  credentials  {}", if credentials.is_empty() { "none".to_owned() } else { credentials.join(", ") });
    let store = open_store(&settings)?;
    let waiting = runtime(None)?.block_on(async {
        let row = store.webhook(&tenant, endpoint::ID).await?;
        let states = [DeliveryState::Ready, DeliveryState::Queued, DeliveryState::Leased, DeliveryState::Dead];
        let page = |states: &[DeliveryState]| DeliveryPage { states: Some(states.to_vec()), after: None, limit: 1_000 };
        let [ready, queued, leased, dead] = states;
        let waiting = store.deliveries(&tenant, endpoint::ID, page(&[ready, queued, leased])).await?;
        let dead = store.deliveries(&tenant, endpoint::ID, page(&[dead])).await?;
        let found = (row, waiting, dead);
        store.close().await;
        anyhow::Ok(found)
    })?;
    let (row, waiting, dead) = waiting;
    match row {
        None => {
            println!("  events       none: no server has taken it up yet, or it has no hook that is told of events")
        }
        Some(row) if !row.settled.enabled => {
            println!("  events       none: it is switched off; `passerelle plugin enable {tenant}` switches it on")
        }
        Some(row) => println!("  events       {}", row.settled.events.texts().join(", ")),
    }
    println!("  waiting      {}", waiting.len());
    println!("  given up     {}", dead.len());
    for delivery in dead.iter().take(10) {
        println!("    {} {}: {}", delivery.happening, delivery.kind.name(), delivery.error.as_deref().unwrap_or(""));
    }
    if !dead.is_empty() {
        println!("`passerelle webhook replay --tenant {tenant} {} --event ID` tells one of them again.", endpoint::ID);
    }
    Ok(true)
}

fn enable(of: &PluginOf) -> anyhow::Result<bool> {
    let (settings, tenant) = named(of)?;
    if !PluginFolder::of(&settings.tenants, &tenant).plugin().is_file() {
        bail!(
            "{tenant} has no plugin, so there is nothing to switch on: `passerelle plugin install` brings one, `passerelle plugin rollback {tenant}` one that was removed"
        );
    }
    let store = open_store(&settings)?;
    let now = ServerClock::default().now();
    let done = runtime(None)?.block_on(async {
        let row = store.webhook(&tenant, endpoint::ID).await?;
        let done = match row {
            None => None,
            Some(row) if row.settled.enabled => Some(true),
            Some(row) => {
                let on = WebhookWrite { enabled: true, ..row.settled };
                Some(store.update_webhook(&tenant, row.version, on, now).await?)
            }
        };
        store.close().await;
        anyhow::Ok(done)
    })?;
    match done {
        None => bail!("{tenant} has no plugin that is told of events"),
        Some(false) => {
            bail!("somebody else has changed it at the same time; look with `passerelle plugin status {tenant}`")
        }
        Some(true) => {
            println!(
                "It is told of events again. `passerelle webhook replay --tenant {tenant} plugin --since …` tells it what it missed."
            );
            Ok(true)
        }
    }
}

/// The settings and the tenant, whose folder is there.
fn named(of: &PluginOf) -> anyhow::Result<(Settings, TenantId)> {
    let settings = settings(&of.configured)?;
    let tenant = of.tenant.0.clone();
    let folder = settings.tenants.join(tenant.as_str());
    if !folder.is_dir() {
        bail!("there is no tenant {tenant}: {} is no folder", folder.display());
    }
    Ok((settings, tenant))
}

fn told_in(report: Option<&Path>, told: &Value) -> anyhow::Result<()> {
    report.map_or(Ok(()), |path| report_file::write(path, told))
}
