//! `passerelle backfill`: what SecuTix, the endpoints and a CRM hold is compared with the passes, and put right.
//!
//! Owns the order of the targets, the waiting for SecuTix's turn, and the progress. Does not own what is compared and how it is repaired
//! (`passerelle_flow::backfill`): the running server sends what is wanted here. May be stopped at any time and run again.

mod identifiers;
mod records;

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::time::Duration;

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};
use passerelle_flow::backfill::{self, Comparison, Repair};
use passerelle_flow::flow::Flow;
use passerelle_flow::identity::Millis;
use passerelle_flow::ports::{Clock as _, Host as _};
use passerelle_flow::store::Backfills as _;
use passerelle_flow::tenant::{BackfillTarget, Tenant};
use serde::Serialize;

use crate::cli::{Backfill, BackfillTo};
use crate::commands::{runtime, settings};
use crate::host::ServerHost;
use crate::{logging, report_file, server};

/// What was done, for `--report`.
#[derive(Serialize, Default)]
pub struct Report {
    pub ok: bool,
    /// By target.
    pub targets: BTreeMap<&'static str, TargetReport>,
}

#[derive(Serialize, Default)]
pub struct TargetReport {
    /// Passes that this run has compared.
    pub passes: u64,
    pub repairs: Vec<Repair>,
}

pub fn backfill(arguments: &Backfill) -> anyhow::Result<bool> {
    report_file::or_failure(arguments.report.as_deref(), run(arguments))
}

fn run(arguments: &Backfill) -> anyhow::Result<bool> {
    let settings = settings(&arguments.configured)?;
    logging::for_people(false);
    runtime(None)?.block_on(async {
        let (host, _) = server::host(&settings, None, None, None)?;
        let id = &arguments.tenant.0;
        let tenant =
            host.tenant(id).with_context(|| format!("the tenant {id} is not in force; `passerelle check` says why"))?;
        let flow = Flow::new(host, settings.options);
        let report = all(&flow, &tenant, arguments).await?;
        flow.host.store.close().await;
        if let Some(path) = &arguments.report {
            report_file::write(path, &report)?;
        }
        Ok(report.ok)
    })
}

async fn all(flow: &Flow<ServerHost>, tenant: &Tenant, arguments: &Backfill) -> anyhow::Result<Report> {
    let chosen = chosen(arguments, flow.host.clock.now())?;
    let mut report = Report { ok: true, ..Report::default() };
    if let Some(file) = &arguments.identifiers {
        report.targets.insert("identifiers", identifiers::give(flow, tenant, file.as_deref()).await?);
    }
    let Some(since) = &arguments.since else { return Ok(report) };
    let since = since.millis(flow.host.clock.now());
    for target in chosen {
        let (name, done) = match target {
            BackfillTo::File => {
                let Some(out) = &arguments.out else { bail!("--to file needs --out FILE") };
                ("file", records::write(flow, tenant, since, out).await?)
            }
            BackfillTo::Webhook => ("webhook", compare(flow, tenant, BackfillTarget::Webhook, since, arguments).await?),
            // Asked for by nobody in particular, and switched off: there is nothing to compare.
            BackfillTo::Secutix if arguments.to.is_empty() && !tenant.secutix.is_told() => {
                say("secutix: it is told nothing (secutix.persist_installation_status and [secutix.printing]).");
                continue;
            }
            BackfillTo::Secutix => ("secutix", compare(flow, tenant, BackfillTarget::Secutix, since, arguments).await?),
        };
        report.targets.insert(name, done);
    }
    Ok(report)
}

/// The targets, where the arguments go together: what is wrong is told before anything is begun.
fn chosen(arguments: &Backfill, now: Millis) -> anyhow::Result<Vec<BackfillTo>> {
    let chosen = match arguments.to.as_slice() {
        [] => vec![BackfillTo::Secutix, BackfillTo::Webhook],
        chosen => chosen.to_vec(),
    };
    let has = |target| chosen.contains(&target);
    if has(BackfillTo::File) != arguments.out.is_some() {
        bail!("--to file and --out FILE go together");
    }
    if arguments.again && !has(BackfillTo::Webhook) {
        bail!("--again is for --to webhook: SecuTix is told what differs");
    }
    if arguments.since.as_ref().is_some_and(|since| since.millis(now) > now) {
        bail!("--since is in the future");
    }
    Ok(chosen)
}

async fn compare(
    flow: &Flow<ServerHost>,
    tenant: &Tenant,
    target: BackfillTarget,
    since: Millis,
    arguments: &Backfill,
) -> anyhow::Result<TargetReport> {
    let comparison = Comparison { target, daily: false, again: arguments.again };
    let mut state = backfill::begin(flow, tenant, comparison, since, arguments.restart).await?;
    let left = flow.host.store.count_changed_installations(&tenant.id, state.since, state.position.as_ref()).await?;
    if let Some(position) = &state.position {
        say(&format!(
            "{}: going on after {position}; {} passes were compared before, with {} repairs",
            target.name(),
            state.looked,
            state.repaired
        ));
    }
    let bar = bar(left, target.name());
    let mut done = TargetReport::default();
    loop {
        let step = backfill::step(flow, tenant, comparison, &mut state).await?;
        done.passes += u64::from(step.looked);
        bar.inc(step.looked.into());
        for repair in step.repaired {
            bar.suspend(|| say(&told(&repair)));
            done.repairs.push(repair);
        }
        if let Some(error) = step.stopped {
            bar.finish_and_clear();
            return Err(error).with_context(|| {
                let (passes, repairs) = (done.passes, done.repairs.len());
                format!("stopped after {passes} passes and {repairs} repairs; the same command goes on from there")
            });
        }
        if step.done {
            break;
        }
        if let Some(until) = step.wait_until {
            let wait = u64::try_from(until - flow.host.clock.now()).unwrap_or(0).clamp(100, 60_000);
            bar.set_message("waiting for SecuTix's budget");
            tokio::time::sleep(Duration::from_millis(wait)).await;
            bar.set_message("");
        }
    }
    bar.finish_and_clear();
    say(&format!("{}: {} passes compared, {} repairs", target.name(), done.passes, done.repairs.len()));
    Ok(done)
}

fn told(repair: &Repair) -> String {
    let was = repair.was.as_deref().unwrap_or("nothing");
    format!("  {}  {}: had {was}, is told {}", repair.pass, repair.what, repair.now)
}

/// A bar for a person in front of it. A file or a pipe gets the lines alone.
fn bar(length: u64, name: &'static str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(length);
    let style = ProgressStyle::with_template("{prefix:>12} {wide_bar} {pos}/{len} {eta} {msg}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar.set_prefix(name);
    bar
}

#[allow(clippy::print_stdout)] // what the command is asked for
fn say(line: &str) {
    println!("{line}");
}
