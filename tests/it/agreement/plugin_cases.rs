//! The shared suite of cases, once on a server's sandbox and once behind the edge's component for plugins: a plugin is built once, and answers alike.
//!
//! Owns the comparison. Does not own the cases, nor what is right about an answer, which each of them says.

use passerelle_flow::plugin::setup::PluginSetup;
use passerelle_flow::ports::SandboxFailure;
use passerelle_guests::{GUESTS, call};
use passerelle_sandbox::{Capacity, Engine, Plugin};
use tokio::task::JoinSet;

use crate::plugin_examples::{cases, example};
use crate::plugin_host::PluginHost;

/// One behaviour in three languages.
const EXAMPLES: [&str; 3] = ["crm-rust", "crm-js", "crm-python"];

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_built_once_answers_every_case_alike_on_a_server_and_on_spin() {
    let on_spin = PluginHost::start(&EXAMPLES.map(|name| (name, example(name)))).await;
    let engine = Engine::new(Capacity::default()).unwrap();
    let (setup, cases) = (PluginSetup::default(), cases());
    let (mut wrong, mut calls) = (Vec::new(), 0);
    for name in EXAMPLES {
        let on_server = Plugin::load(&engine, &example(name)).unwrap();
        for (title, case) in &cases {
            let server = case.play(&setup, |call| on_server.call(&setup.limits, call)).await;
            let spin = case.play(&setup, |call| on_spin.call(name, call)).await;
            let differences = spin.differences(case.call.event.hook(), case.expected.as_ref().unwrap());
            wrong.extend(differences.into_iter().map(|difference| format!("{name}, {title}, on Spin: {difference}")));
            // To the byte: bodies, headers, and the order of both.
            let (server, spin) = (format!("{server:?}"), format!("{spin:?}"));
            if server != spin {
                wrong.push(format!("{name}, {title}:\n  server: {server}\n  spin:   {spin}"));
            }
            calls += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(calls, EXAMPLES.len() * cases.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_traps_takes_no_other_call_of_the_same_plugin_along() {
    /// As many at once as Spin gives to one instance.
    const AT_ONCE: usize = 16;
    let traps = GUESTS.iter().find(|guest| guest.name == "traps").unwrap();
    let on_spin = std::sync::Arc::new(PluginHost::start(&[("traps", traps.component())]).await);
    for _ in 0..8 {
        let mut calls = JoinSet::new();
        for at in 0..AT_ONCE {
            let (on_spin, mut call) = (on_spin.clone(), call(passerelle_flow::plugin::hook::Hook::ChooseTemplate));
            let traps = at % 4 == 0;
            call.call.id = if traps { "!".to_owned() } else { format!("call {at}") };
            calls.spawn(async move { (traps, on_spin.call("traps", call).await) });
        }
        for (traps, ended) in calls.join_all().await {
            let panicked = matches!(ended, Err(SandboxFailure::Panicked));
            assert_eq!(panicked, traps, "{ended:?}");
        }
    }
}
