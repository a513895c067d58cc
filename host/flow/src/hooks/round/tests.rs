use std::task::{Context, Waker};

use passerelle_contract::tenant::choose_template::Candidate;
use passerelle_contract::tenant::types::{Method, Request};

use super::*;
use crate::hooks::event;
use crate::options::Options;
use crate::plugin::allow::Destination;
use crate::plugin::hook::{Event, Returned};
use crate::plugin::request::Breach;
use crate::plugin::setup::ROUNDS;
use crate::ports::HttpResponse;
use crate::scripted::{ScriptedHost, answer, run as block, tenant};

const NOW: Millis = 1_773_511_331_500;

fn question(name: &str, url: &str) -> Request {
    let (name, url) = (name.to_owned(), url.to_owned());
    Request { name, method: Method::Get, url, headers: vec![], body: vec![], credential: None }
}

fn allowed() -> Tenant {
    let mut tenant = tenant();
    tenant.plugin.allow = vec![Destination::parse("https://crm.example", false).unwrap()];
    tenant
}

/// How it ends, and the addresses that were called.
fn ended(
    plugin: fn(HookCall) -> Result<Returned, SandboxFailure>,
    answers: Vec<Result<HttpResponse, HttpFailure>>,
) -> (Ended, Vec<String>) {
    let flow = Flow::new(ScriptedHost::new(NOW, answers).with_plugin(plugin), Options::default());
    let tenant = allowed();
    let ended = block(run(&flow, &tenant, &installed(&flow, &tenant), call(&tenant), patience())).unwrap().ended;
    (ended, flow.host.requests().into_iter().map(|request| request.url).collect())
}

fn installed(flow: &Flow<ScriptedHost>, tenant: &Tenant) -> Installed {
    flow.host.plugins().presence(tenant).installed().unwrap()
}

fn patience() -> Patience {
    Patience::of_run(NOW, false)
}

fn call(tenant: &Tenant) -> HookCall {
    let candidate = Candidate { kind: String::new(), selectors: vec![], templates: vec![], default: String::new() };
    HookCall { call: event::call(tenant, "e", NOW), event: Event::ChooseTemplate(candidate) }
}

#[test]
fn answers_come_in_the_order_of_the_questions_and_a_failure_is_an_answer() {
    let plugin = |call: HookCall| {
        let told = |answer: &Answer| match &answer.outcome {
            Ok(response) => format!("{}:{}", answer.name, response.status),
            Err(failure) => format!("{}:{failure:?}", answer.name),
        };
        Ok(Ok(match call.call.answers.len() {
            0 => Turn::Ask(vec![
                question("a", "https://crm.example/a"),
                question("elsewhere", "https://evil.example/"),
                question("b", "https://crm.example/b"),
            ]),
            3 => Turn::Ask(vec![question("c", "https://crm.example/c")]),
            _ => Turn::Chosen(call.call.answers.iter().map(told).collect::<Vec<_>>().join(" ")),
        }))
    };
    let answers = vec![answer(200, &[], "{}"), Err(HttpFailure::TimedOut), answer(404, &[], "")];
    let (ended, called) = ended(plugin, answers);
    let Ended::Decided(Turn::Chosen(told)) = ended else { panic!("{ended:?}") };
    assert_eq!(told, "a:200 elsewhere:Failure::Denied b:Failure::TimedOut c:404");
    // What is forbidden was not even tried.
    assert_eq!(called, ["https://crm.example/a", "https://crm.example/b", "https://crm.example/c"]);
}

#[test]
fn a_fourth_question_an_empty_one_and_a_repeated_one_break_the_contract() {
    let endless = |call: HookCall| {
        Ok(Ok(Turn::Ask(vec![question(&format!("n{}", call.call.answers.len()), "https://crm.example/")])))
    };
    let (ended, called) = self::ended(endless, vec![answer(200, &[], ""), answer(200, &[], ""), answer(200, &[], "")]);
    assert!(matches!(ended, Ended::Failed(PluginFailure::Contract(Breach::Endless))), "{ended:?}");
    assert_eq!(called.len(), ROUNDS);
    let (ended, called) = self::ended(|_| Ok(Ok(Turn::Ask(vec![]))), vec![]);
    assert!(matches!(ended, Ended::Failed(PluginFailure::Contract(Breach::AskedNothing))), "{ended:?}");
    assert!(called.is_empty());
    let again = |_| Ok(Ok(Turn::Ask(vec![question("a", "https://crm.example/")])));
    let (ended, called) = self::ended(again, vec![answer(200, &[], "")]);
    assert!(matches!(&ended, Ended::Failed(PluginFailure::Contract(Breach::AskedAlready(name))) if name == "a"));
    assert_eq!(called.len(), 1);
    let (ended, _) = self::ended(|_| Ok(Ok(Turn::Deliver(vec![]))), vec![]);
    assert!(matches!(ended, Ended::Failed(PluginFailure::Contract(Breach::OtherHook))), "{ended:?}");
}

#[test]
fn a_session_of_the_host_is_not_given_to_the_plugin_nor_more_headers_than_it_may_have() {
    let plugin = |call: HookCall| {
        Ok(Ok(match call.call.answers.first() {
            None => Turn::Ask(vec![question("a", "https://crm.example/")]),
            Some(answer) => {
                let headers = &answer.outcome.as_ref().unwrap().headers;
                let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
                let session = headers.iter().any(|(name, _)| name == "set-cookie");
                Turn::Chosen(format!("{session} {}", bytes <= ANSWER_HEADERS))
            }
        }))
    };
    let long = "x".repeat(6_000);
    let headers = [("set-cookie", "session=1"), ("x-a", long.as_str()), ("x-b", long.as_str())];
    let (ended, _) = ended(plugin, vec![answer(200, &headers, "")]);
    assert!(matches!(&ended, Ended::Decided(Turn::Chosen(told)) if told == "false true"), "{ended:?}");
}

#[test]
fn three_failures_in_a_row_open_the_breaker_and_a_busy_sandbox_is_none() {
    let tenant = allowed();
    let flow = |plugin: fn(HookCall) -> Result<Returned, SandboxFailure>| {
        Flow::new(ScriptedHost::new(NOW, []).with_plugin(plugin), Options::default())
    };
    let failing = flow(|_| Err(SandboxFailure::Panicked));
    let installed = installed(&failing, &tenant);
    let once = |flow: &Flow<ScriptedHost>| block(run(flow, &tenant, &installed, call(&tenant), patience())).unwrap();
    for _ in 0..3 {
        assert!(matches!(once(&failing).ended, Ended::Failed(PluginFailure::Sandbox(SandboxFailure::Panicked))));
    }
    assert!(matches!(once(&failing).ended, Ended::Broken { until } if until > NOW));
    assert_eq!(failing.plugins.breakers.open(NOW).len(), 1);
    let busy = flow(|_| Err(SandboxFailure::Busy));
    for _ in 0..5 {
        assert!(matches!(once(&busy).ended, Ended::Busy));
    }
    let rejecting = flow(|_| Ok(Err(Fault::Reject("a\nb".repeat(200)))));
    for _ in 0..5 {
        let ran = once(&rejecting);
        let Ended::Rejected(words) = &ran.ended else { panic!() };
        let text = ran.told().speak(words);
        assert!(text.chars().count() == 256 && !text.contains('\n'));
    }
}

#[test]
fn what_the_answers_said_of_when_goes_with_a_hook_that_asks_to_be_tried_again_and_its_destination_is_left_alone() {
    let plugin = |call: HookCall| match call.call.answers.as_slice() {
        [] => Ok(Ok(Turn::Ask(vec![question("a", "https://crm.example/a"), question("b", "https://crm.example/b")]))),
        [_, second] => {
            assert_eq!(second.outcome.as_ref().unwrap_err(), &Failure::OverBudget);
            Ok(Err(Fault::Retry))
        }
        _ => panic!("one too many"),
    };
    let (ended, called) = ended(plugin, vec![answer(429, &[("retry-after", "90")], "")]);
    assert!(matches!(ended, Ended::Retry(Asked { after: Some(90_000), busy: true })), "{ended:?}");
    assert_eq!(called, ["https://crm.example/a"]);
}

#[test]
fn a_hook_is_not_called_again_when_the_time_of_its_run_is_over() {
    let plugin = |call: HookCall| match call.call.answers.len() {
        0 => Ok(Ok(Turn::Ask(vec![question("a", "https://crm.example/a")]))),
        _ => panic!("called again"),
    };
    let host = ScriptedHost::new(NOW, [answer(200, &[], "")]).with_plugin(plugin).holding();
    let flow = Flow::new(host, Options::default());
    let tenant = allowed();
    let installed = installed(&flow, &tenant);
    let mut running = Box::pin(run(&flow, &tenant, &installed, call(&tenant), patience()));
    // The answer is late.
    assert!(running.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    flow.host.advance(60_000);
    flow.host.release();
    let ran = block(running).unwrap();
    assert!(matches!(ran.ended, Ended::OutOfTime), "{:?}", ran.ended);
}
