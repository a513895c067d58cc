//! Tenants' plugins that mean harm, called as the host calls them: through the hooks of the contract, in rounds, with their answers judged.

use passerelle_flow::plugin::PluginFailure;
use passerelle_flow::plugin::case::{Case, Played};
use passerelle_flow::plugin::hook::{Hook, HookCall, Turn};
use passerelle_flow::plugin::request::judge;
use passerelle_flow::plugin::setup::{Parts, PluginLimits, PluginSetup};
use passerelle_flow::ports::SandboxFailure;
use passerelle_guests::requests::{answered, setup};
use passerelle_guests::{Ends, Form, GUESTS, call, component, good, good_with_imported_types, returning};

use super::*;
use crate::{Plugin, artefact};

/// A tenant's, with less time: a guest that uses all of it should not take half a second of a test.
const TENANT: fn() -> PluginLimits =
    || PluginLimits { cpu: Duration::from_millis(50), wall: Duration::from_secs(60), ..PluginLimits::default() };

async fn play(plugin: &Plugin, setup: &PluginSetup, call: HookCall) -> Played {
    let limits = TENANT();
    Case::unanswered(call).play(setup, |call| plugin.call(&limits, call)).await
}

fn load(engine: &Engine, text: &str) -> Plugin {
    Plugin::load(engine, &component(text, Form::Module)).unwrap()
}

fn guest_named(name: &str) -> &'static passerelle_guests::Guest {
    GUESTS.iter().find(|guest| guest.name == name).unwrap()
}

async fn is_well(neighbour: &Plugin) -> bool {
    let chosen = neighbour.call(&TENANT(), call(Hook::ChooseTemplate)).await;
    chosen == Ok(Ok(Turn::Chosen("gold".to_owned())))
}

#[tokio::test]
async fn every_guest_ends_as_it_must_and_its_neighbour_is_answered_after_each() {
    let (engine, setup) = (engine(), setup());
    let neighbour = Plugin::load(&engine, &good()).unwrap();
    for guest in GUESTS {
        let name = guest.name;
        let ended = match Plugin::load(&engine, &guest.component()) {
            Err(error) => {
                let sentence = error.to_string();
                assert!(!sentence.chars().any(|c| c.is_control()), "{name}: {sentence:?}");
                match guest.ends {
                    Ends::Refused(words) if sentence.contains(words) => Ok(()),
                    _ => Err(format!("refused: {sentence}")),
                }
            }
            Ok(plugin) => match (play(&plugin, &setup, call(Hook::ChooseTemplate)).await.ended, guest.ends) {
                (Ok(Ok(_)), Ends::Answers) => Ok(()),
                (Err(PluginFailure::Sandbox(failure)), Ends::Stopped(expected)) if failure == expected => Ok(()),
                (Err(PluginFailure::Contract(breach)), Ends::Breach(words)) if breach.to_string().contains(words) => {
                    Ok(())
                }
                (ended, _) => Err(format!("{ended:?}")),
            },
        };
        assert_eq!(ended, Ok(()), "{name} should have ended in {:?}", guest.ends);
        assert!(is_well(&neighbour).await, "after {name}");
    }
}

#[tokio::test]
async fn an_answer_that_must_not_be_acted_upon_is_turned_down_in_one_sentence() {
    let (engine, setup) = (engine(), setup());
    for case in answered() {
        let plugin = Plugin::load(&engine, &returning(case.hook, &Ok(case.turn.clone()))).unwrap();
        let played = play(&plugin, &setup, call(case.hook)).await;
        let sentence = match played.ended {
            Err(failure) => failure.to_string(),
            Ok(Ok(Turn::Deliver(requests))) => match judge(requests, &setup).unwrap().pop() {
                Some(Err((_, denial))) => denial.to_string(),
                other => panic!("{}: {other:?} would be sent", case.name),
            },
            Ok(other) => panic!("{}: {other:?}", case.name),
        };
        assert!(sentence.contains(case.refused), "{}: {sentence}", case.name);
        assert!(!sentence.chars().any(|c| c.is_control()), "{}: {sentence:?}", case.name);
    }
}

#[tokio::test]
async fn the_clock_is_told_apart_from_the_processor() {
    let engine = engine();
    let plugin = Plugin::load(&engine, &guest_named("loop-in-the-export").component()).unwrap();
    let by_the_clock =
        PluginLimits { cpu: Duration::from_secs(3600), wall: Duration::from_millis(30), ..PluginLimits::default() };
    assert_eq!(plugin.call(&by_the_clock, call(Hook::ChooseTemplate)).await, Err(SandboxFailure::TimedOut));
    assert_eq!(plugin.call(&TENANT(), call(Hook::ChooseTemplate)).await, Err(SandboxFailure::Cpu));
}

#[tokio::test]
async fn a_plugin_that_trapped_is_called_for_the_next_event_as_if_nothing_had_been() {
    let engine = engine();
    let plugin = load(&engine, guest_named("traps").text);
    let about = |id: &str| {
        let mut call = call(Hook::ChooseTemplate);
        call.call.id = id.to_owned();
        call
    };
    for _ in 0..3 {
        assert_eq!(plugin.call(&TENANT(), about("!1")).await, Err(SandboxFailure::Panicked));
        assert_eq!(plugin.call(&TENANT(), about("2")).await, Ok(Ok(Turn::Default)));
    }
    let remembers = load(&engine, guest_named("remembers").text);
    for _ in 0..8 {
        assert_eq!(remembers.call(&TENANT(), call(Hook::ChooseTemplate)).await, Ok(Ok(Turn::Default)));
    }
}

#[tokio::test]
async fn nothing_that_a_guest_says_in_its_panic_leaves_the_sandbox() {
    let guest = guest_named("panics-with-a-secret");
    assert!(guest.text.contains("ada.lovelace"));
    let failure =
        Plugin::load(&engine(), &guest.component()).unwrap().call(&TENANT(), call(Hook::ChooseTemplate)).await;
    let failure = PluginFailure::from(failure.unwrap_err());
    assert!(!format!("{failure} {failure:?}").contains("ada"));
}

#[tokio::test]
async fn guests_that_hold_all_that_they_may_have_leave_their_neighbour_its_room() {
    let engine = Engine::new(Capacity { calls: 8, patience: Duration::from_millis(20) }).unwrap();
    let neighbour = Plugin::load(&engine, &good()).unwrap();
    for name in ["holds-many-memories", "holds-many-instances"] {
        let tenants = [(); 2].map(|()| Plugin::load(&engine, &guest_named(name).component()).unwrap());
        let [one, other] = &tenants;
        let limits = PluginLimits { cpu: Duration::from_millis(200), ..TENANT() };
        // All turns but one that plugins may have are theirs.
        let hold = async |hostile: &Plugin| hostile.call(&limits, call(Hook::ChooseTemplate)).await;
        let beside = async {
            let mut well = true;
            for _ in 0..10 {
                well &= is_well(&neighbour).await;
                tokio::task::yield_now().await;
            }
            well
        };
        let (a, b, c, well) = tokio::join!(hold(one), hold(one), hold(other), beside);
        assert_eq!([a, b, c], [Err(SandboxFailure::Cpu), Err(SandboxFailure::Cpu), Err(SandboxFailure::Cpu)], "{name}");
        assert!(well, "{name}");
    }
}

#[tokio::test]
async fn a_tenant_that_allows_fewer_parts_is_told_that_its_plugin_has_too_many() {
    let engine = engine();
    let ends = async |name: &str, parts: Parts| {
        let plugin = Plugin::load(&engine, &guest_named(name).component()).unwrap();
        plugin.call(&PluginLimits { parts, ..TENANT() }, call(Hook::ChooseTemplate)).await
    };
    let most = Parts::MOST;
    for (name, parts) in [
        ("holds-many-instances", Parts { instances: 2, ..most }),
        ("holds-many-memories", Parts { memories: 2, ..most }),
        ("holds-many-instances", Parts { tables: 0, memories: 0, ..most }),
        ("grows-its-tables", Parts { table_elements: 5_000, ..most }),
    ] {
        assert_eq!(ends(name, parts).await, Err(SandboxFailure::Memory), "{name}: {parts:?}");
    }
    // A trap in a start function is one, although it happens at the same time.
    assert_eq!(ends("traps-in-start", most).await, Err(SandboxFailure::Panicked));
    assert_eq!(ends("loop-in-start", most).await, Err(SandboxFailure::Cpu));
}

#[tokio::test]
async fn types_of_the_contract_may_be_imported_since_there_is_nothing_to_call_in_them() {
    let engine = engine();
    let wasm = good_with_imported_types();
    let plugin = Plugin::load(&engine, &wasm).unwrap();
    assert_eq!(plugin.hooks(), [Hook::ChooseTemplate].into());
    assert!(is_well(&plugin).await);
    // The connector is ours, and imports nothing at all.
    assert!(matches!(load::load(&engine, &wasm, Imports::None), Err(LoadError::Imports(_))));
}

#[test]
fn what_is_no_component_is_refused_in_one_sentence() {
    let engine = engine();
    let refused = |wasm: &[u8]| Plugin::load(&engine, wasm).map(drop).unwrap_err();
    assert!(matches!(refused(&passerelle_guests::module(passerelle_guests::GOOD)), LoadError::CoreModule));
    let machine_code = artefact::compile(&good()).unwrap();
    assert!(matches!(refused(&machine_code), LoadError::Precompiled));
    let oversize = [good(), vec![0; crate::SIZE]].concat();
    assert!(matches!(refused(&oversize), LoadError::TooLarge(_)));
    // The child is no laxer.
    assert!(matches!(artefact::compile(&machine_code).unwrap_err(), LoadError::Precompiled));
    assert!(matches!(artefact::compile(&oversize).unwrap_err(), LoadError::TooLarge(_)));
    assert!(matches!(artefact::compile(&guest_named("imports-wasi").component()).unwrap_err(), LoadError::Imports(_)));
}
