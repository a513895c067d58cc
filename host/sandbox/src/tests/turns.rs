//! Who gets a turn while plugins compute for as long as they may.
//!
//! Nobody waits in these engines: a call has its turn at once, or is refused.

use passerelle_flow::plugin::hook::Hook;
use passerelle_flow::plugin::setup::PluginLimits;
use passerelle_guests::{GUESTS, call, good};
use tokio::sync::Semaphore;

use super::*;
use crate::Plugin;

fn at_once(calls: u32) -> Engine {
    Engine::new(Capacity { calls, patience: Duration::ZERO }).unwrap()
}

/// Computes until somebody stops waiting for it.
const FOR_EVER: fn() -> PluginLimits =
    || PluginLimits { cpu: Duration::from_secs(3600), wall: Duration::from_secs(3600), ..PluginLimits::default() };

fn computing(engine: &Engine) -> Plugin {
    let guest = GUESTS.iter().find(|guest| guest.name == "loop-in-the-export").unwrap();
    Plugin::load(engine, &guest.component()).unwrap()
}

async fn compute(plugin: &Plugin) -> SandboxFailure {
    plugin.call(&FOR_EVER(), call(Hook::ChooseTemplate)).await.unwrap_err()
}

/// A call of the connector that keeps its turn until it may end.
async fn hold(engine: &Engine, entered: &Semaphore, end: &Semaphore) -> Result<(), SandboxFailure> {
    let guest = async |_: &mut wasmtime::Store<crate::meter::Meter>| {
        entered.add_permits(1);
        end.acquire().await.unwrap().forget();
        Ok(())
    };
    engine.call(&LIMITS, guest).await
}

#[tokio::test]
async fn plugins_that_compute_for_ever_hold_half_of_the_turns_and_the_connector_has_the_rest_at_once() {
    let engine = at_once(8);
    let tenants: Vec<_> = (0..5).map(|_| computing(&engine)).collect();
    let [a, b, c, d, e] = tenants.as_slice() else { unreachable!() };
    let (entered, end) = (Semaphore::new(0), Semaphore::new(0));
    let connector = async {
        // A tenant has two of the plugins' four turns, and no third.
        assert_eq!(compute(a).await, SandboxFailure::Busy);
        assert_eq!(compute(b).await, SandboxFailure::Busy);
        // Others find none left, be it their first.
        for other in [c, d, e] {
            assert_eq!(compute(other).await, SandboxFailure::Busy);
        }
        let four = || hold(&engine, &entered, &end);
        let fifth = async {
            entered.acquire_many(4).await.unwrap().forget();
            let refused = hold(&engine, &entered, &end).await;
            end.add_permits(4);
            refused
        };
        tokio::join!(four(), four(), four(), four(), fifth)
    };
    tokio::select! {
        biased;
        ended = async { tokio::join!(compute(a), compute(a), compute(b), compute(b)) } => panic!("{ended:?}"),
        turns = connector => {
            assert_eq!(turns, (Ok(()), Ok(()), Ok(()), Ok(()), Err(SandboxFailure::Busy)));
        }
    }
    // What was dropped has given its turns back.
    let good = Plugin::load(&engine, &good()).unwrap();
    assert!(good.call(&PluginLimits::default(), call(Hook::ChooseTemplate)).await.is_ok());
}

#[tokio::test]
async fn one_tenant_leaves_the_others_half_of_the_plugins_turns() {
    let engine = at_once(4);
    let (hostile, neighbour) = (computing(&engine), Plugin::load(&engine, &good()).unwrap());
    let beside = async {
        for _ in 0..5 {
            assert_eq!(compute(&hostile).await, SandboxFailure::Busy);
            assert!(neighbour.call(&PluginLimits::default(), call(Hook::ChooseTemplate)).await.is_ok());
        }
    };
    tokio::select! {
        biased;
        ended = compute(&hostile) => panic!("{ended:?}"),
        () = beside => {}
    }
}

#[tokio::test]
async fn the_build_that_takes_anothers_place_has_its_turns_and_no_more() {
    let engine = at_once(4);
    let before = computing(&engine);
    let after = Plugin::load(&engine, &good()).unwrap().in_place_of(&before);
    let beside = async { after.call(&PluginLimits::default(), call(Hook::ChooseTemplate)).await };
    tokio::select! {
        biased;
        ended = compute(&before) => panic!("{ended:?}"),
        answer = beside => assert_eq!(answer, Err(SandboxFailure::Busy)),
    }
    assert!(after.call(&PluginLimits::default(), call(Hook::ChooseTemplate)).await.is_ok());
}

#[tokio::test]
async fn an_engine_of_one_turn_gives_it_to_whoever_comes() {
    let engine = at_once(1);
    let good = Plugin::load(&engine, &good()).unwrap();
    assert!(good.call(&PluginLimits::default(), call(Hook::ChooseTemplate)).await.is_ok());
    assert_eq!(run(&engine, &LIMITS, &guest(r#"(func (export "run"))"#)).await, Ok(()));
}
