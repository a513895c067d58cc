//! SecuTix's answers, over any bytes and any sequence of looks.
//!
//! Owns the play: records of an input are answers (`f` of a file, `c` of a contact), notifications (`n`, the hints of the next look) and what happens to
//! the passes between two looks (`e`: their snapshots are erased; `v`: they are void). What a verdict may say is in `verdict`.

mod canonical;
mod verdict;

use std::collections::BTreeSet;

use passerelle_connector::contract::scenario::{Action, Answer, Hint, Observation, UseCase};
use passerelle_connector::contract::types::PassState;
use passerelle_connector::contract::webhook::Notification;
use passerelle_connector::scenario::classify;
use passerelle_connector::webhook::validate;

use crate::case_folder::Passes;
use crate::{Held, holds, script};

/// Looks of one input: a sale, a change, and what follows from both; more would be the same again.
const LOOKS: usize = 4;

pub fn check(data: &[u8]) -> Held {
    let mut passes = Passes::default();
    let mut hints = Vec::new();
    let mut looks = 0;
    for (kind, rest) in script::records(data) {
        match kind {
            b'n' => hints.extend(hint(rest)),
            b'e' => passes.known.iter_mut().for_each(|pass| pass.snapshot = None),
            b'v' => passes.known.iter_mut().for_each(|pass| pass.state = PassState::Void),
            b'f' | b'c' if looks < LOOKS => {
                looks += 1;
                let answer = if kind == b'f' { Answer::File(rest.to_vec()) } else { Answer::Contact(rest.to_vec()) };
                if look(&mut passes, &hints, &answer)? {
                    settles(&passes, &hints, &answer)?;
                }
                hints.clear();
            }
            _ => {}
        }
    }
    Ok(())
}

fn hint(body: &[u8]) -> Option<Hint> {
    let notification = Notification { content_type: Some("application/json".to_owned()), body: body.to_vec() };
    let change = validate(&notification).ok()?;
    Some(Hint { state: change.state, sale_movement: change.sale_movement, ticket: change.ticket })
}

/// One look, and what becomes of the passes; whether there was a verdict.
fn look(passes: &mut Passes, hints: &[Hint], answer: &Answer) -> Result<bool, String> {
    let observation = passes.observe(hints.to_vec(), answer.clone());
    let told = classify(&observation);
    holds!(told == classify(&observation), "the same observation is answered in two ways");
    match &told {
        Err(fault) => verdict::judge_fault(fault)?,
        Ok(verdict) => {
            verdict::judge(&observation, verdict)?;
            passes.apply(verdict);
        }
    }
    Ok(told.is_ok())
}

/// Looked at often enough, the same answer says nothing new: an absence is believed the second time, and then all is said.
fn settles(passes: &Passes, hints: &[Hint], answer: &Answer) -> Held {
    let mut passes = passes.clone();
    // The little host names a pass by the number of its subject, which a movement and a contact may share.
    let names: BTreeSet<_> = passes.known.iter().map(|pass| &pass.pass).collect();
    if names.len() < passes.known.len() {
        return Ok(());
    }
    for _ in 0..2 {
        look(&mut passes, hints, answer)?;
    }
    let observation: Observation = passes.observe(hints.to_vec(), answer.clone());
    // An answer may have an order twice, once with movements and once without; that is readable only as long as the order has no pass.
    let Ok(verdict) = classify(&observation) else { return Ok(()) };
    let busy = verdict.operations.iter().find(|operation| !matches!(operation.action, Action::Keep));
    holds!(busy.is_none(), "the same answer again leads to {busy:?}");
    let found = verdict.findings.iter().find(|finding| finding.use_case != UseCase::Nothing);
    holds!(found.is_none(), "the same answer again is found to be {found:?}");
    Ok(())
}
