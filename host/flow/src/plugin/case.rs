//! A case: a recorded event, what the world would answer, and what a plugin is expected to make of it. `passerelle plugin test` plays it.
//!
//! Owns the form, which is JSON for people to write, and the playing, without a network: what a plugin asks for is answered from the case, or not at
//! all. Does not own the sandbox that the plugin is called in.

mod form;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use passerelle_contract::tenant::types::{Answer, Call, Failure, Fault, Request, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::PluginFailure;
use super::hook::{Hook, HookCall, Returned, Turn};
use super::request::{Denial, judge, shown};
use super::rounds::{Rounds, Step};
use super::setup::PluginSetup;
use crate::ports::SandboxFailure;

pub use form::FormError;

/// A case, as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    hook: Hook,
    call: WrittenCall,
    event: Value,
    #[serde(default)]
    answers: BTreeMap<String, WrittenAnswer>,
    expect: Option<Expected>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCall {
    id: String,
    tenant: String,
    at: u64,
    #[serde(default)]
    settings: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum WrittenAnswer {
    Failed {
        failure: WrittenFailure,
    },
    Answered {
        status: u16,
        #[serde(default)]
        headers: BTreeMap<String, String>,
        #[serde(default)]
        body: Value,
    },
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WrittenFailure {
    Denied,
    Unreachable,
    TimedOut,
    TooLarge,
    OverBudget,
}

/// What a case expects: the names that are asked for, round by round, and the end.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    #[serde(default)]
    pub asked: Vec<Vec<String>>,
    /// Some of those requests in full, by name.
    #[serde(default)]
    pub requests: BTreeMap<String, Value>,
    pub result: Value,
}

/// What the world answers, by the name of a request. What is not there fails as unreachable.
pub type Answers = BTreeMap<String, Result<Response, Failure>>;

/// Answers alone, as a case has them, or those of a whole case.
pub fn answers(text: &[u8]) -> Result<Answers, FormError> {
    if let Ok(case) = Case::parse(text) {
        return Ok(case.answers);
    }
    let written = serde_json::from_slice(text).map_err(|error| FormError::Json(error.to_string()))?;
    Ok(outcomes(written))
}

fn outcomes(written: BTreeMap<String, WrittenAnswer>) -> Answers {
    written.into_iter().map(|(name, answer)| (name, answer.outcome())).collect()
}

/// A case that can be played.
pub struct Case {
    pub call: HookCall,
    answers: Answers,
    pub expected: Option<Expected>,
}

/// What a plugin made of a case.
#[derive(Debug)]
pub struct Played {
    /// Requests that it asked to be answered, round by round.
    pub asked: Vec<Vec<Request>>,
    pub ended: Result<Returned, PluginFailure>,
    /// Requests, asked for or to be delivered, that the tenant's list forbids; none where it is played for no tenant.
    pub denied: Vec<Denial>,
}

impl Case {
    pub fn parse(text: &[u8]) -> Result<Self, FormError> {
        let written: Written = serde_json::from_slice(text).map_err(|error| FormError::Json(error.to_string()))?;
        let event = form::event(written.hook, written.event)?;
        let answers = outcomes(written.answers);
        let WrittenCall { id, tenant, at, settings } = written.call;
        let call = Call { id, tenant, at, settings: settings.into_iter().collect(), answers: vec![] };
        Ok(Self { call: HookCall { call, event }, answers, expected: written.expect })
    }

    /// A case about an event that happened, which nobody answers for.
    pub fn unanswered(call: HookCall) -> Self {
        Self::answered(call, Answers::new())
    }

    /// The same, with the answers of somebody who was not there.
    pub fn answered(call: HookCall, answers: Answers) -> Self {
        Self { call, answers, expected: None }
    }

    /// Plays it for no tenant: whom the plugin calls, and with what, is nobody's to forbid. `sandbox` is one call of the plugin.
    pub async fn play<F: Future<Output = Result<Returned, SandboxFailure>>>(
        &self,
        setup: &PluginSetup,
        sandbox: impl Fn(HookCall) -> F,
    ) -> Played {
        self.run(setup, false, sandbox).await
    }

    /// Plays it as for the tenant whose setup it is: what its list forbids is answered `denied`, whatever the case says.
    pub async fn play_for<F: Future<Output = Result<Returned, SandboxFailure>>>(
        &self,
        setup: &PluginSetup,
        sandbox: impl Fn(HookCall) -> F,
    ) -> Played {
        self.run(setup, true, sandbox).await
    }

    async fn run<F: Future<Output = Result<Returned, SandboxFailure>>>(
        &self,
        setup: &PluginSetup,
        listed: bool,
        sandbox: impl Fn(HookCall) -> F,
    ) -> Played {
        let (mut asked, mut denied) = (Vec::<Vec<Request>>::new(), Vec::new());
        let mut rounds = Rounds::new(self.call.clone());
        let ended = loop {
            let returned = match sandbox(rounds.call().clone()).await {
                Ok(returned) => returned,
                Err(failure) => break Err(failure.into()),
            };
            let requests = match rounds.returned(returned, setup) {
                Step::Ended(ended) => break ended,
                Step::Ask(requests) => requests,
            };
            let (mut answers, mut written) = (Vec::new(), Vec::new());
            for request in requests {
                let name = request.written.name.clone();
                let outcome = match request.judged {
                    Err((_, denial)) if listed => {
                        denied.push(denial);
                        Err(Failure::Denied)
                    }
                    _ => self.answers.get(&name).cloned().unwrap_or(Err(Failure::Unreachable)),
                };
                answers.push(Answer { name, outcome });
                written.push(request.written);
            }
            rounds.answered(answers);
            asked.push(written);
        };
        if let (true, Ok(Ok(Turn::Deliver(requests)))) = (listed, &ended) {
            // A breach has ended it already.
            let judged = judge(requests.clone(), setup).unwrap_or_default();
            denied.extend(judged.into_iter().filter_map(|judged| judged.err().map(|(_, denial)| denial)));
        }
        Played { asked, ended, denied }
    }
}

impl WrittenAnswer {
    fn outcome(self) -> Result<Response, Failure> {
        match self {
            Self::Failed { failure } => Err(match failure {
                WrittenFailure::Denied => Failure::Denied,
                WrittenFailure::Unreachable => Failure::Unreachable,
                WrittenFailure::TimedOut => Failure::TimedOut,
                WrittenFailure::TooLarge => Failure::TooLarge,
                WrittenFailure::OverBudget => Failure::OverBudget,
            }),
            Self::Answered { status, headers, body } => {
                let headers = headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
                Ok(Response { status, headers, body: form::bytes(body) })
            }
        }
    }
}

impl Played {
    /// As a case would expect it.
    pub fn as_expected(&self) -> Result<Expected, PluginFailure> {
        let names = |requests: &Vec<Request>| requests.iter().map(|request| request.name.clone()).collect();
        Ok(Expected {
            asked: self.asked.iter().map(names).collect(),
            requests: self
                .asked
                .iter()
                .flatten()
                .map(|request| (request.name.clone(), form::request(request)))
                .collect(),
            result: match &self.ended {
                Err(failure) => return Err(failure.clone()),
                Ok(returned) => result(returned),
            },
        })
    }

    /// The plugin broke its contract, or wants what its tenant does not let it have.
    pub fn failed(&self) -> bool {
        self.ended.is_err() || !self.denied.is_empty()
    }

    /// What differs from what was expected, in lines for a person; none: nothing does.
    pub fn differences(&self, hook: Hook, expected: &Expected) -> Vec<String> {
        let got = match self.as_expected() {
            Ok(got) => got,
            Err(failure) => return vec![format!("it failed: {failure}")],
        };
        let mut differences = Vec::new();
        if got.asked != expected.asked {
            differences.push(format!("asked for {:?}, expected {:?}", got.asked, expected.asked));
        }
        for (name, wanted) in &expected.requests {
            let mut wanted = full(wanted.clone());
            if let Value::Object(wanted) = &mut wanted {
                wanted.insert("name".to_owned(), name.as_str().into());
            }
            let asked = got.requests.get(name).cloned().unwrap_or(Value::Null);
            if asked != wanted {
                differences.push(format!("asked {asked}, expected {wanted}"));
            }
        }
        let (got, wanted) = (normal(hook, got.result), normal(hook, expected.result.clone()));
        if got != wanted {
            differences.push(format!("answered {got}, expected {wanted}"));
        }
        differences
    }

    /// For a person: what it would have done.
    pub fn told(&self) -> String {
        let mut text = String::new();
        for (round, requests) in self.asked.iter().enumerate() {
            _ = writeln!(text, "round {}: asks for", round + 1);
            requests.iter().for_each(|request| tell(&mut text, request));
        }
        match &self.ended {
            Err(failure) => _ = writeln!(text, "fails: {failure}"),
            Ok(Err(Fault::Reject(why))) => _ = writeln!(text, "rejects it: {}", shown(why)),
            Ok(Err(Fault::Retry)) => text.push_str("asks to be tried again later\n"),
            Ok(Ok(Turn::Default)) => text.push_str("leaves it to the default\n"),
            Ok(Ok(Turn::Chosen(name))) => _ = writeln!(text, "chooses the template {name}"),
            Ok(Ok(Turn::Variables(variables))) if variables.is_empty() => text.push_str("sets no variables\n"),
            Ok(Ok(Turn::Variables(variables))) => {
                text.push_str("sets the variables\n");
                for (name, value) in variables {
                    _ = writeln!(text, "  tenant.{name} = {value}");
                }
            }
            Ok(Ok(Turn::Deliver(requests))) if requests.is_empty() => text.push_str("sends nothing\n"),
            Ok(Ok(Turn::Deliver(requests))) => {
                text.push_str("sends\n");
                requests.iter().for_each(|request| tell(&mut text, request));
            }
            Ok(Ok(Turn::Ask(_))) => {}
        }
        for denial in &self.denied {
            _ = writeln!(text, "denied: {}", shown(&denial.to_string()));
        }
        text
    }
}

fn tell(text: &mut String, request: &Request) {
    let credential = request.credential.as_ref().map(|name| format!("  with credential {name}")).unwrap_or_default();
    _ = writeln!(
        text,
        "  {}: {} {}{credential}",
        request.name,
        form::method(request.method).to_uppercase(),
        request.url
    );
    for (name, value) in &request.headers {
        _ = writeln!(text, "    {name}: {value}");
    }
    if !request.body.is_empty() {
        _ = writeln!(text, "    {}", String::from_utf8_lossy(&request.body));
    }
}

fn result(returned: &Returned) -> Value {
    match returned {
        Err(Fault::Reject(text)) => json!({ "reject": text }),
        Err(Fault::Retry) => "retry".into(),
        Ok(Turn::Default) => "default".into(),
        Ok(Turn::Chosen(name)) => json!({ "chosen": name }),
        Ok(Turn::Variables(variables)) => {
            let variables: Map<String, Value> =
                variables.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
            json!({ "variables": variables })
        }
        Ok(Turn::Deliver(requests)) => json!({ "deliver": requests.iter().map(form::request).collect::<Vec<_>>() }),
        Ok(Turn::Ask(requests)) => json!({ "ask": requests.iter().map(form::request).collect::<Vec<_>>() }),
    }
}

/// `unchanged` is how `shape-payload` says `default`; a request that is written without what is empty is the same request.
fn normal(hook: Hook, result: Value) -> Value {
    match result {
        Value::String(word) if word == "unchanged" && hook == Hook::ShapePayload => "default".into(),
        Value::Object(object) => Value::Object(
            object
                .into_iter()
                .map(|(name, value)| match value {
                    Value::Array(requests) => (name, requests.into_iter().map(full).collect()),
                    value => (name, value),
                })
                .collect(),
        ),
        other => other,
    }
}

fn full(request: Value) -> Value {
    let Value::Object(mut request) = request else { return request };
    request.entry("headers").or_insert_with(|| json!({}));
    request.entry("body").or_insert(Value::Null);
    request.entry("credential").or_insert(Value::Null);
    // An empty body is none.
    if request.get("body").and_then(Value::as_str) == Some("") {
        request.insert("body".to_owned(), Value::Null);
    }
    Value::Object(request)
}

#[cfg(test)]
mod tests;
