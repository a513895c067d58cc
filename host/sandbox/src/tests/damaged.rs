//! Components and answers that somebody has damaged, by chance or by intent: whatever the bytes are, the host goes on.

use passerelle_contract::tenant::types::{Fault, Method, Request};
use passerelle_flow::plugin::hook::{Event, Hook, Returned, Turn};
use passerelle_flow::plugin::request::{judge, judge_variables};
use passerelle_flow::plugin::setup::PluginLimits;
use passerelle_guests::requests::setup;
use passerelle_guests::{Form, MIRROR, MIRROR_AT, call, component, good, image};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;
use crate::Plugin;

fn limits() -> PluginLimits {
    PluginLimits { cpu: Duration::from_millis(20), wall: Duration::from_secs(60), ..PluginLimits::default() }
}

fn now<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// A plugin that answers with the bytes that it is given.
struct Mirror(Plugin);

impl Mirror {
    fn new(engine: &Engine) -> Self {
        Self(Plugin::load(engine, &component(MIRROR, Form::Module)).unwrap())
    }

    fn answers(&self, bytes: Vec<u8>) -> Result<Returned, SandboxFailure> {
        let mut call = call(Hook::ShapePayload);
        let Event::ShapePayload(subject) = &mut call.event else { unreachable!() };
        subject.ticket = bytes;
        now(self.0.call(&limits(), call))
    }
}

fn requests() -> impl Strategy<Value = Vec<Request>> {
    let method = prop::sample::select(vec![Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete]);
    let headers = prop::collection::vec((".{0,8}", ".{0,8}"), 0..3);
    let body = prop::collection::vec(any::<u8>(), 0..40);
    let request = (".{0,8}", method, "(https://crm.example/)?.{0,8}", headers, body, prop::option::of(".{0,4}"));
    let request = request.prop_map(|(name, method, url, headers, body, credential)| Request {
        name,
        method,
        url,
        headers,
        body,
        credential,
    });
    prop::collection::vec(request, 0..5)
}

/// Whatever `shape` may return.
fn returned() -> impl Strategy<Value = Returned> {
    prop_oneof![
        4 => requests().prop_map(|requests| Ok(Turn::Ask(requests))),
        2 => prop::collection::vec((".{0,8}", ".{0,20}"), 0..5).prop_map(|pairs| Ok(Turn::Variables(pairs))),
        1 => Just(Ok(Turn::Default)),
        1 => ".{0,40}".prop_map(|text| Err(Fault::Reject(text))),
        1 => Just(Err(Fault::Retry)),
    ]
}

#[test]
fn what_a_guest_answers_is_what_the_host_reads() {
    let mirror = Mirror::new(&engine());
    let mut runner = TestRunner::new(Config { cases: 256, failure_persistence: None, ..Config::default() });
    let property = runner.run(&returned(), |returned| {
        prop_assert_eq!(mirror.answers(image(&returned, MIRROR_AT)), Ok(returned));
        Ok(())
    });
    property.unwrap();
}

#[test]
fn an_answer_with_anything_in_it_is_read_or_breaks_the_contract_and_nothing_else() {
    let mirror = Mirror::new(&engine());
    // Small numbers are lengths and cases, those around the answer are places in it, and the rest is anything.
    let word =
        prop_oneof![Just(0), 1..100_u32, (0..400_u32).prop_map(|at| MIRROR_AT + at), Just(u32::MAX), any::<u32>(),];
    let damage = prop::collection::vec((any::<prop::sample::Index>(), word, any::<bool>()), 1..6);
    let mut runner = TestRunner::new(Config { cases: 2_000, failure_persistence: None, ..Config::default() });
    let property = runner.run(&(returned(), damage), |(returned, damage)| {
        let mut bytes = image(&returned, MIRROR_AT);
        for (at, word, whole) in damage {
            let at = at.index(bytes.len() - 3);
            let (at, length) = if whole { (at & !3, 4) } else { (at, 1) };
            bytes[at..at + length].copy_from_slice(&word.to_le_bytes()[..length]);
        }
        match mirror.answers(bytes) {
            Ok(Ok(Turn::Ask(requests))) => drop(judge(requests, &setup())),
            Ok(Ok(Turn::Variables(variables))) => drop(judge_variables(&variables)),
            Ok(_) => {}
            Err(failure) => prop_assert_eq!(failure, SandboxFailure::Aborted),
        }
        Ok(())
    });
    property.unwrap();
}

#[test]
fn a_component_that_ends_anywhere_is_refused_or_does_no_harm() {
    let (engine, whole) = (engine(), good());
    for length in 0..whole.len() {
        // What is behind the last section that matters is names, so some of them load.
        if let Ok(plugin) = Plugin::load(&engine, &whole[..length]) {
            let answer = now(plugin.call(&limits(), call(Hook::ChooseTemplate)));
            assert_eq!(answer, Ok(Ok(Turn::Chosen("gold".to_owned()))), "cut at {length}");
        }
    }
}

#[test]
fn a_component_with_any_bytes_changed_is_refused_or_ends() {
    let (engine, whole) = (engine(), good());
    let neighbour = Plugin::load(&engine, &whole).unwrap();
    let damage = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4);
    let mut runner = TestRunner::new(Config { cases: 400, failure_persistence: None, ..Config::default() });
    let property = runner.run(&damage, |damage| {
        let mut wasm = whole.clone();
        for (at, byte) in damage {
            let at = at.index(wasm.len());
            wasm[at] = byte;
        }
        if let Ok(plugin) = Plugin::load(&engine, &wasm) {
            let _ = now(plugin.call(&limits(), call(Hook::ChooseTemplate)));
        }
        let well = now(neighbour.call(&limits(), call(Hook::ChooseTemplate)));
        prop_assert_eq!(well, Ok(Ok(Turn::Chosen("gold".to_owned()))));
        Ok(())
    });
    property.unwrap();
}
