//! Rows of plugins: the guests that compute, grow, trap and lie, and those whose answers must not be acted upon.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use passerelle_flow::plugin::case::Case;
use passerelle_flow::plugin::hook::{Hook, Turn};
use passerelle_flow::plugin::request::judge;
use passerelle_flow::plugin::setup::PluginSetup;
use passerelle_guests::requests::{Answered, answered, setup};
use passerelle_guests::{Ends, GUESTS, Guest, call, returning};
use passerelle_sandbox::Plugin;

use crate::compiled::Loader;
use crate::row::{Expected, Once, Table};

/// Two ticks: what a budget is exact to.
const EXACT_TO: Duration = Duration::from_millis(10);
/// What a call takes that ends by itself: four rounds, and a plugin that is judged.
const AT_ONCE: Duration = Duration::from_millis(50);
/// What a child takes to start, look at a component and refuse it. It makes an engine of its own first.
const REFUSAL: Duration = Duration::from_secs(1);
/// Turns that the guests which hold what they may have take at a time; the neighbour needs one.
const CROWD: usize = 3;

pub async fn rows(table: &mut Table, loader: &Loader) -> Result<()> {
    let setup = setup();
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
async fn play(plugin: &Plugin, setup: &PluginSetup, hook: Hook) -> Once {
    let began = Instant::now();
    let played = Case::unanswered(call(hook)).play(setup, |call| plugin.call(&setup.limits, call)).await;
    let stopped_by = match played.ended {
        Err(failure) => failure.to_string(),
        Ok(Ok(Turn::Deliver(requests))) => match judge(requests, setup).map(|mut judged| judged.pop()) {
            Ok(Some(Err((_, denial)))) => denial.to_string(),
            Ok(sent) => format!("nothing: {sent:?} would be sent"),
            Err(breach) => breach.to_string(),
        },
        Ok(other) => format!("nothing: {other:?}"),
    };
    Once { stopped_by, lived: began.elapsed() }
}

async fn called(table: &mut Table, loader: &Loader, setup: &PluginSetup, guest: &Guest) -> Result<()> {
    if !table.wants(guest.name) {
        return Ok(());
    }
    let (stopped_by, within) = match guest.ends {
        Ends::Stopped(failure @ (passerelle_flow::ports::SandboxFailure::Cpu | passerelle_flow::ports::SandboxFailure::Memory)) => {
            (failure.to_string(), setup.limits.cpu + EXACT_TO)
        }
        Ends::Stopped(failure) => (failure.to_string(), AT_ONCE),
        Ends::Breach(words) => (words.to_owned(), AT_ONCE),
        Ends::Answers | Ends::Refused(_) => bail!("{} is not called here", guest.name),
    };
    let crowd = if guest.name.starts_with("holds-") { CROWD } else { 1 };
    let room = (setup.limits.memory as u64 >> 10) * crowd as u64;
    let plugin = loader.load(guest.component()).await.with_context(|| guest.name.to_owned())?;
    let expected = Expected { case: guest.name.to_owned(), tried: guest.tried(), stopped_by, within, room };
    table
        .row(expected, async || {
            if crowd == 1 {
                return Ok(play(&plugin, setup, Hook::ChooseTemplate).await);
            }
            let one = || play(&plugin, setup, Hook::ChooseTemplate);
            let (a, b, c) = tokio::join!(one(), one(), one());
            Ok(if a.stopped_by == b.stopped_by && b.stopped_by == c.stopped_by { a } else { c })
        })
        .await
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

async fn answers(table: &mut Table, loader: &Loader, setup: &PluginSetup, case: Answered) -> Result<()> {
    if !table.wants(case.name) {
        return Ok(());
    }
    let plugin = loader.load(returning(case.hook, &Ok(case.turn))).await.with_context(|| case.name.to_owned())?;
    let expected = Expected {
        case: case.name.to_owned(),
        tried: case.tried,
        stopped_by: case.refused.to_owned(),
        within: AT_ONCE,
        room: 0,
    };
    table.row(expected, async || Ok(play(&plugin, setup, case.hook).await)).await
}
