//! Rows of plugins: the guests that compute, grow, trap and lie, and those whose answers must not be acted upon.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use passerelle_flow::plugin::case::Case;
use passerelle_flow::plugin::hook::{Hook, Turn};
use passerelle_flow::plugin::request::judge;
use passerelle_flow::plugin::setup::PluginSetup;
use passerelle_flow::ports::SandboxFailure;
use passerelle_guests::requests::{Answered, answered, setup};
use passerelle_guests::{Ends, GUESTS, Guest, call, returning};
use passerelle_sandbox::Plugin;

use crate::THREADS;
use crate::compiled::Loader;
use crate::row::{Expected, Once, Table};

/// Two ticks: what a budget is exact to.
const EXACT_TO: Duration = Duration::from_millis(10);
/// What a call takes that ends by itself: four rounds, and a plugin that is judged.
const AT_ONCE: Duration = Duration::from_millis(50);
/// What a child takes to start, look at a component and refuse it. It makes an engine of its own first.
const REFUSAL: Duration = Duration::from_secs(1);
/// Tenants that have brought the guest, and call it at the same time, each in a task of its own: more than there are threads, and all turns that plugins
/// have on the smallest server where that is so, but one, which is the neighbour's.
const CROWD: usize = 3;
/// Calls at a time of that server, half of which are plugins'.
pub const CALLS: u32 = 2 * (CROWD as u32 + 1);

pub async fn rows(table: &mut Table, loader: &Loader) -> Result<()> {
    let setup = Arc::new(setup());
    for guest in GUESTS.iter().filter(|guest| guest.ends != Ends::Answers) {
        match guest.ends {
            Ends::Refused(words) => refused(table, loader, guest, words).await?,
            _ => called(table, loader, &setup, guest).await?,
        }
    }
    let trap = GUESTS.iter().find(|guest| guest.name == "traps").context("the guest that traps for some events")?;
    trap_and_go_on(table, loader, trap).await?;
    for case in answered() {
        answers(table, loader, &setup, case).await?;
    }
    Ok(())
}

/// Played as the flow plays it, to its end.
async fn play(plugin: Arc<Plugin>, setup: Arc<PluginSetup>, hook: Hook) -> Once {
    let began = Instant::now();
    let played = Case::unanswered(call(hook)).play(&setup, |call| plugin.call(&setup.limits, call)).await;
    let stopped_by = match played.ended {
        Err(failure) => failure.to_string(),
        Ok(Ok(Turn::Deliver(requests))) => match judge(requests, &setup).map(|mut judged| judged.pop()) {
            Ok(Some(Err((_, denial)))) => denial.to_string(),
            Ok(sent) => format!("nothing: {sent:?} would be sent"),
            Err(breach) => breach.to_string(),
        },
        Ok(other) => format!("nothing: {other:?}"),
    };
    Once { stopped_by, lived: began.elapsed() }
}

/// Several at the same time: the one that ended otherwise than it should, or the one that lived longest.
async fn crowd(tenants: &[Arc<Plugin>], setup: &Arc<PluginSetup>, hook: Hook, expected: &str) -> Result<Once> {
    let all: Vec<_> = tenants.iter().map(|plugin| tokio::spawn(play(plugin.clone(), setup.clone(), hook))).collect();
    let mut longest: Option<Once> = None;
    for one in all {
        let one = one.await?;
        if !one.stopped_by.contains(expected) {
            return Ok(one);
        }
        if longest.as_ref().is_none_or(|longest| longest.lived < one.lived) {
            longest = Some(one);
        }
    }
    longest.context("a crowd has at least one")
}

async fn tenants(loader: &Loader, wasm: Vec<u8>, name: &str) -> Result<Vec<Arc<Plugin>>> {
    let mut tenants = Vec::with_capacity(CROWD);
    for _ in 0..CROWD {
        tenants.push(Arc::new(loader.load(wasm.clone()).await.with_context(|| name.to_owned())?));
    }
    Ok(tenants)
}

async fn called(table: &mut Table, loader: &Loader, setup: &Arc<PluginSetup>, guest: &Guest) -> Result<()> {
    let computes = |budget| budget * CROWD as u32 / THREADS + EXACT_TO;
    let (stopped_by, within) = match guest.ends {
        // Memory is written to before it is found to be too much.
        Ends::Stopped(failure @ (SandboxFailure::Cpu | SandboxFailure::Memory)) => {
            (failure.to_string(), computes(setup.limits.cpu))
        }
        Ends::Stopped(failure) => (failure.to_string(), AT_ONCE),
        Ends::Breach(words) => (words.to_owned(), AT_ONCE),
        Ends::Answers | Ends::Refused(_) => bail!("{} is not called here", guest.name),
    };
    if !table.wants(guest.name) {
        return Ok(());
    }
    let tenants = tenants(loader, guest.component(), guest.name).await?;
    let expected = Expected {
        case: guest.name.to_owned(),
        tried: guest.tried(),
        stopped_by: stopped_by.clone(),
        within,
        room: room(setup),
    };
    table.row(expected, async || crowd(&tenants, setup, Hook::ChooseTemplate, &stopped_by).await).await
}

/// What a crowd may take, in KB.
fn room(setup: &PluginSetup) -> u64 {
    ((setup.limits.memory + setup.limits.output) * CROWD) as u64 >> 10
}

/// The refusal is the child's where bytes or imports say enough, and the host's own where the exports do.
async fn refused(table: &mut Table, loader: &Loader, guest: &Guest, words: &str) -> Result<()> {
    let wasm = guest.component();
    let expected = Expected {
        case: guest.name.to_owned(),
        tried: guest.tried(),
        stopped_by: words.to_owned(),
        within: REFUSAL,
        room: 0,
    };
    table.row(expected, async || loader.refusal(wasm.clone()).await).await
}

async fn trap_and_go_on(table: &mut Table, loader: &Loader, guest: &Guest) -> Result<()> {
    let plugin = loader.load(guest.component()).await?;
    let limits = setup().limits;
    let expected = Expected {
        case: "traps-for-one-event".to_owned(),
        tried: "Traps for one event of its tenant; the next event of the same tenant is told to it.".to_owned(),
        stopped_by: "the component panicked, and the next event was answered".to_owned(),
        within: AT_ONCE,
        room: 0,
    };
    table
        .row(expected, async || {
            let (began, mut traps) = (Instant::now(), call(Hook::ChooseTemplate));
            traps.call.id = "!".to_owned();
            let trapped = plugin.call(&limits, traps).await;
            let next = plugin.call(&limits, call(Hook::ChooseTemplate)).await;
            let stopped_by = match (trapped, next) {
                (Err(failure), Ok(Ok(Turn::Default))) => format!("{failure}, and the next event was answered"),
                other => format!("{other:?}"),
            };
            Ok(Once { stopped_by, lived: began.elapsed() })
        })
        .await
}

async fn answers(table: &mut Table, loader: &Loader, setup: &Arc<PluginSetup>, case: Answered) -> Result<()> {
    if !table.wants(case.name) {
        return Ok(());
    }
    let tenants = tenants(loader, returning(case.hook, &Ok(case.turn)), case.name).await?;
    let expected = Expected {
        case: case.name.to_owned(),
        tried: case.tried,
        stopped_by: case.refused.to_owned(),
        within: AT_ONCE,
        room: room(setup),
    };
    table.row(expected, async || crowd(&tenants, setup, case.hook, case.refused).await).await
}
