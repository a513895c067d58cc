//! A recording must mean what the answers mean that it was made from: every case, with its persons replaced, is judged as the case itself.

use std::path::Path;

use passerelle_connector::contract::scenario::{Answer, Verdict};
use passerelle_server::record::Scrubber;
use serde_json::{Value, json};

use crate::case_folder::{Case, Connector, Native, Passes, load_all};

/// Cases in which a name differs by what surrounds it, or by control characters in it, which a fake does not keep.
const OTHER_NOTATION: [&str; 2] = ["nothing-changed-in-other-notation", "hostile-nul-characters"];

/// All of a verdict but what a fake replaces.
fn skeleton(verdict: &Verdict) -> Value {
    let findings: Vec<Value> = verdict
        .findings
        .iter()
        .map(|finding| {
            let movements = finding.movements.len();
            json!({
                "use case": format!("{:?}", finding.use_case), "confidence": format!("{:?}", finding.confidence), "movements": movements,
                "facts": format!("{:?}", finding.facts), "originator": finding.originator, "successor": finding.successor.is_some(),
            })
        })
        .collect();
    let operations: Vec<Value> = verdict
        .operations
        .iter()
        .map(|operation| {
            let action = format!("{:?}", operation.action);
            json!({
                "action": action.split('(').next(), "evidence": action.contains("Positive"), "reason": operation.reason.code,
                "fields": operation.reason.fields, "successor": operation.successor.is_some(), "ticket": operation.ticket.is_some(),
            })
        })
        .collect();
    json!({
        "findings": findings, "operations": operations, "events": verdict.events.len(), "orders": verdict.orders.len(),
        "unsettled": verdict.unsettled, "unread": verdict.unread,
    })
}

/// The documents of a case in the order in which they are judged; none: one of them is no JSON, or too long to be a recording.
fn documents(case: &Case) -> Option<Vec<Value>> {
    let mut documents = Vec::new();
    for answer in case.before.iter().chain(case.steps.iter().filter_map(|step| step.after.as_ref())) {
        let (Answer::File(bytes) | Answer::Contact(bytes)) = answer;
        documents.push(serde_json::from_slice(bytes).ok().filter(|_| bytes.len() < 100_000)?);
    }
    for notification in case.steps.iter().filter_map(|step| step.notification.as_ref()) {
        documents.push(serde_json::from_slice(&notification.body).ok()?);
    }
    Some(documents)
}

/// What every step says, with the documents in the place of the case's own.
fn judged(case: &Case, documents: &[Value]) -> Vec<Value> {
    let mut documents = documents.iter();
    let mut of = |answer: &Answer| {
        let bytes = documents.next().unwrap().to_string().into_bytes();
        match answer {
            Answer::File(_) => Answer::File(bytes),
            Answer::Contact(_) => Answer::Contact(bytes),
        }
    };
    let before = case.before.as_ref().map(&mut of);
    let afters: Vec<_> = case.steps.iter().map(|step| step.after.as_ref().map(&mut of)).collect();
    let mut passes = Passes::default();
    if let Some(before) = before {
        let verdict = Native.classify(&passes.observe(vec![], before)).unwrap();
        passes.apply(&verdict);
    }
    let mut told = Vec::new();
    for (step, after) in case.steps.iter().zip(afters) {
        let mut hints = Vec::new();
        if let Some(notification) = &step.notification {
            let body = documents.next().unwrap().to_string().into_bytes();
            let notification = passerelle_connector::contract::webhook::Notification { body, ..notification.clone() };
            hints.extend(Native.validate(&notification).ok().map(|change| {
                passerelle_connector::contract::scenario::Hint {
                    state: change.state,
                    sale_movement: change.sale_movement,
                    ticket: change.ticket,
                }
            }));
        }
        let Some(after) = after else { continue };
        match Native.classify(&passes.observe(hints, after)) {
            Ok(verdict) => {
                passes.apply(&verdict);
                told.push(skeleton(&verdict));
            }
            Err(fault) => told.push(json!(format!("{fault:?}"))),
        }
    }
    told
}

#[test]
fn a_recording_is_judged_as_what_it_was_made_from() {
    let cases = load_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("cases")).unwrap();
    let mut compared = 0;
    for case in &cases {
        if OTHER_NOTATION.contains(&case.name.as_str()) {
            continue;
        }
        let Some(documents) = documents(case).filter(|documents| !documents.is_empty()) else { continue };
        let expected = judged(case, &documents);
        // Another key, other fakes: the order of numbers must not be luck.
        for key in [[1; 32], [2; 32], [3; 32]] {
            let scrubbed = Scrubber::new(&key).scrub(&documents);
            // A notification without its fields has nothing to replace; an answer always has.
            if case.steps.iter().any(|step| step.after.is_some()) {
                assert_ne!(scrubbed, documents, "{}", case.name);
            }
            assert_eq!(judged(case, &scrubbed), expected, "{}", case.name);
        }
        compared += 1;
    }
    assert!(compared > 60, "only {compared} cases were compared");
}
