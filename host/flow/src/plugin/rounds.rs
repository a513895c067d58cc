//! The rounds of one event, without the I/O: what a hook returned, and what that leads to.
//!
//! Owns how often a hook may ask, what it may ask again, and which answers are a breach. Does not own the call of the sandbox nor the fetching: a server
//! does both over sockets (`hooks::round`), a case plays both from a file (`case`).

use passerelle_contract::tenant::types::{Answer, Request};

use super::PluginFailure;
use super::hook::{HookCall, Returned, Turn};
use super::request::{Breach, Judged, judge, judge_variables};
use super::setup::{PluginSetup, ROUNDS};

/// One event on its way through a hook.
#[derive(Clone, Debug)]
pub struct Rounds {
    call: HookCall,
    asked: usize,
}

/// What comes next.
#[derive(Debug)]
pub enum Step {
    /// These are to be answered, in their order; then the hook is called again.
    Ask(Vec<Asked>),
    Ended(Result<Returned, PluginFailure>),
}

/// A request of an `ask`, as the plugin wrote it and as it was judged.
#[derive(Debug)]
pub struct Asked {
    pub written: Request,
    pub judged: Judged,
}

impl Rounds {
    pub fn new(call: HookCall) -> Self {
        Self { call, asked: 0 }
    }

    /// What the hook is called with now: from the start, with all answers so far.
    pub fn call(&self) -> &HookCall {
        &self.call
    }

    pub fn into_call(self) -> HookCall {
        self.call
    }

    /// Bytes of the answers so far, which each further call carries.
    pub fn size_of_answers(&self) -> usize {
        let sizes = self.call.call.answers.iter().map(|answer| answer.outcome.as_ref().map_or(0, |it| it.body.len()));
        sizes.sum()
    }

    pub fn answered(&mut self, answers: Vec<Answer>) {
        self.call.call.answers.extend(answers);
    }

    pub fn returned(&mut self, returned: Returned, setup: &PluginSetup) -> Step {
        let step = self.step(&returned, setup);
        match step {
            Ok(None) => Step::Ended(Ok(returned)),
            Ok(Some(asked)) => Step::Ask(asked),
            Err(breach) => Step::Ended(Err(breach.into())),
        }
    }

    /// None: it has decided.
    fn step(&mut self, returned: &Returned, setup: &PluginSetup) -> Result<Option<Vec<Asked>>, Breach> {
        let Ok(turn) = returned else { return Ok(None) };
        if !turn.fits(self.call.event.hook()) {
            return Err(Breach::OtherHook);
        }
        match turn {
            Turn::Ask(requests) => self.ask(requests, setup).map(Some),
            Turn::Deliver(requests) => judge(requests.clone(), setup).map(|_| None),
            Turn::Variables(variables) => judge_variables(variables).map(|()| None),
            Turn::Chosen(_) | Turn::Default => Ok(None),
        }
    }

    fn ask(&mut self, requests: &[Request], setup: &PluginSetup) -> Result<Vec<Asked>, Breach> {
        if self.asked >= ROUNDS {
            return Err(Breach::Endless);
        }
        if requests.is_empty() {
            return Err(Breach::AskedNothing);
        }
        let before = &self.call.call.answers;
        if let Some(again) = requests.iter().find(|request| before.iter().any(|answer| answer.name == request.name)) {
            return Err(Breach::AskedAlready(again.name.clone()));
        }
        let judged = judge(requests.to_vec(), setup)?;
        self.asked += 1;
        Ok(requests.iter().cloned().zip(judged).map(|(written, judged)| Asked { written, judged }).collect())
    }
}
