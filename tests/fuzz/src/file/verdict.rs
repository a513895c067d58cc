//! What a verdict and a fault may say, whatever the answer was.
//!
//! Owns the rules of `wit/connector`: every operation is of something that is there, and outside of the parts nothing is said but identifiers, codes
//! and names of fields from closed lists, so that no value of a ticket can leave. The answer is read a second time as serde_json's own tree.

use std::collections::{BTreeSet, HashSet};

use passerelle_connector::contract::scenario::{
    Action, Answer, Fault, Finding, Observation, Operation, UseCase, Verdict,
};
use passerelle_connector::contract::types::{Subject, TicketPart};
use passerelle_connector::scenario::{FIELDS, REASONS};
use serde_json::Value;

use super::canonical::is_canonical;
use crate::{Held, holds};

/// Names that a JSON pointer may be made of, besides places in lists.
const NAMES: [&str; 40] = [
    "area",
    "audienceSubCategory",
    "barCode",
    "beneficiaryFirstname",
    "beneficiaryLastname",
    "contactData",
    "contactNumber",
    "contactQualities",
    "creationDateTime",
    "culturalContactNumber",
    "doorsOpenDate",
    "endValidityDate",
    "fileDetailsData",
    "fileId",
    "fileState",
    "gate",
    "locations",
    "movementDatas",
    "movementId",
    "name",
    "operationDatas",
    "operationId",
    "orderDetailsDatas",
    "orderId",
    "orderOriginator",
    "orderSecretId",
    "performanceEndDate",
    "performanceId",
    "performanceName",
    "performanceStartDate",
    "performances",
    "productExternalName",
    "productId",
    "row",
    "seat",
    "seatCategory",
    "startValidityDate",
    "statusCode",
    "tariff",
    "tickets",
];
/// Pointers of one verdict, and characters of a code: the contract's.
const MOST_UNREAD: usize = 64;
const LONGEST_CODE: usize = 64;

pub fn judge_fault(fault: &Fault) -> Held {
    match fault {
        Fault::NotReady => Ok(()),
        Fault::Refused(code) => {
            holds!(is_code(code), "refused with {code:?}, which is no code");
            Ok(())
        }
        Fault::Unreadable(pointer) => is_pointer(pointer),
    }
}

pub fn judge(observation: &Observation, verdict: &Verdict) -> Held {
    let read = Read::of(&observation.answer);
    let is_file = matches!(observation.answer, Answer::File(_));
    holds!(verdict.file.is_some() == is_file, "the verdict's file is {:?}", verdict.file);
    holds!(verdict.file.as_deref().is_none_or(is_id), "the file {:?}", verdict.file);
    for (order, _) in &verdict.orders {
        holds!(is_id(order) && read.has("orderId", order), "the order {order:?} is in no answer");
    }
    holds!(verdict.unread.len() <= MOST_UNREAD, "{} pointers", verdict.unread.len());
    holds!(all_distinct(verdict.unread.iter()), "a pointer stands twice: {:?}", verdict.unread);
    verdict.unread.iter().try_for_each(|pointer| is_pointer(pointer))?;
    holds!(all_distinct(verdict.events.iter().map(|event| &event.key)), "an event stands twice");
    for event in &verdict.events {
        holds!(is_canonical(&event.body), "the event {:?} is {:?}", event.key, String::from_utf8_lossy(&event.body));
    }
    operations(observation, verdict, &read)?;
    findings(verdict, &read)
}

/// One for each pass, in their order, and then the offers: of what is there and has no pass.
fn operations(observation: &Observation, verdict: &Verdict, read: &Read) -> Held {
    let (passes, operations) = (&observation.passes, &verdict.operations);
    holds!(operations.len() >= passes.len(), "{} operations for {} passes", operations.len(), passes.len());
    let (known, offered) = operations.split_at(passes.len());
    let with_pass: HashSet<&Subject> = passes.iter().map(|pass| &pass.subject).collect();
    let events: HashSet<&str> = verdict.events.iter().map(|event| event.key.as_str()).collect();
    for (pass, operation) in passes.iter().zip(known) {
        let same = operation.pass.as_ref() == Some(&pass.pass) && operation.subject == pass.subject;
        holds!(same, "{operation:?} in the place of {pass:?}");
        holds!(!matches!(operation.action, Action::Offer(_)), "what has a pass is offered: {operation:?}");
    }
    for operation in offered {
        holds!(operation.pass.is_none() && matches!(operation.action, Action::Offer(_)), "{operation:?} is of no pass");
        let there = match &operation.subject {
            Subject::Movement(id) => is_id(id) && read.has("movementId", id),
            Subject::Contact(number) => read.has("contactNumber", number),
        };
        holds!(there, "{:?} is offered and in no answer", operation.subject);
        holds!(!with_pass.contains(&operation.subject), "{:?} has a pass", operation.subject);
    }
    holds!(all_distinct(offered.iter().map(|it| format!("{:?}", it.subject))), "something is offered twice");
    let successors: Vec<&String> = operations.iter().filter_map(|operation| operation.successor.as_ref()).collect();
    holds!(all_distinct(successors.iter()), "a place is taken twice: {successors:?}");
    holds!(successors.iter().all(|id| is_id(id) && read.has("movementId", id)), "{successors:?}: in no answer");
    operations.iter().try_for_each(|operation| speaks_in_codes(operation, &events))
}

fn speaks_in_codes(operation: &Operation, events: &HashSet<&str>) -> Held {
    let reason = &operation.reason;
    holds!(REASONS.iter().any(|(code, _)| *code == reason.code), "the reason {:?}", reason.code);
    holds!(reason.fields.iter().all(|field| FIELDS.contains(&field.as_str())), "the fields {:?}", reason.fields);
    holds!(reason.fields.is_sorted_by(|one, next| one < next), "fields out of order: {:?}", reason.fields);
    for id in [&operation.order, &operation.ticket].into_iter().flatten() {
        holds!(is_id(id), "{id:?} as an order or a ticket");
    }
    match &operation.action {
        Action::Offer(part) | Action::Update(part) | Action::Revive(part) => is_whole(part, events),
        Action::End(_) | Action::Keep => Ok(()),
    }
}

/// A part is canonical JSON, and names only events that the verdict brings.
fn is_whole(part: &TicketPart, events: &HashSet<&str>) -> Held {
    holds!(is_canonical(&part.body), "a part is {:?}", String::from_utf8_lossy(&part.body));
    for key in &part.events {
        holds!(events.contains(key.as_str()), "the event {key:?} is not brought along");
    }
    Ok(())
}

fn findings(verdict: &Verdict, read: &Read) -> Held {
    let subjects: BTreeSet<&str> = verdict.operations.iter().map(|operation| named(&operation.subject)).collect();
    holds!(!verdict.findings.is_empty(), "no finding, not even that there is nothing");
    for Finding { use_case, originator, movements, successor, .. } in &verdict.findings {
        let nothing = *use_case == UseCase::Nothing;
        holds!(nothing == movements.is_empty(), "{use_case:?} of {movements:?}");
        holds!(!nothing || verdict.findings.len() == 1, "nothing, and beside it something");
        holds!(originator.as_deref().is_none_or(is_code), "the originator {originator:?}");
        for id in movements.iter().chain(successor) {
            holds!(
                subjects.contains(id.as_str()) || read.has("movementId", id),
                "{use_case:?} of {id:?}, which is nowhere"
            );
        }
    }
    let nothing = verdict.findings.iter().any(|finding| finding.use_case == UseCase::Nothing);
    let idle = verdict.operations.iter().all(|operation| matches!(operation.action, Action::Keep));
    holds!(!nothing || idle, "nothing happened, and yet {:?}", verdict.operations);
    Ok(())
}

fn named(subject: &Subject) -> &str {
    match subject {
        Subject::Movement(id) | Subject::Contact(id) => id,
    }
}

fn all_distinct<T: Ord>(list: impl Iterator<Item = T>) -> bool {
    let mut seen = BTreeSet::new();
    list.into_iter().all(|item| seen.insert(item))
}

fn is_id(text: &str) -> bool {
    text.parse::<i64>().is_ok_and(|number| number.to_string() == text)
}

/// A word that could not be a sentence about somebody.
fn is_code(text: &str) -> bool {
    text.len() <= LONGEST_CODE && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}

fn is_pointer(pointer: &str) -> Held {
    let known = |segment: &str| NAMES.contains(&segment) || segment.parse::<u32>().is_ok();
    let good = pointer.is_empty() || pointer.strip_prefix('/').is_some_and(|names| names.split('/').all(known));
    holds!(good, "{pointer:?} is made of more than names of fields");
    Ok(())
}

/// The identifiers of the answer, read by somebody else: by name of the field, every text that one may be told as. A tree is stricter than the connector
/// about what neither reads (depth, numbers beyond floating point); where there is none, everything may be there.
struct Read(Option<HashSet<(String, String)>>);

impl Read {
    fn of(answer: &Answer) -> Self {
        let (Answer::File(bytes) | Answer::Contact(bytes)) = answer;
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut read = HashSet::new();
        Self(serde_json::from_slice(bytes).ok().map(|tree| {
            collect(&tree, &mut read);
            read
        }))
    }

    fn has(&self, name: &str, wanted: &str) -> bool {
        self.0.as_ref().is_none_or(|read| read.contains(&(name.to_owned(), wanted.to_owned())))
    }
}

fn collect(value: &Value, read: &mut HashSet<(String, String)>) {
    match value {
        Value::Array(list) => list.iter().for_each(|value| collect(value, read)),
        Value::Object(fields) => {
            for (name, value) in fields {
                read.extend(texts(value).into_iter().map(|text| (name.clone(), text)));
                collect(value, read);
            }
        }
        _ => {}
    }
}

/// An identifier may be a number or its text, and text is without what cannot be shown.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Number(number) => number.as_i64().map(|number| number.to_string()).into_iter().collect(),
        Value::String(text) => {
            let shown: String = text.chars().filter(|c| !c.is_control()).collect();
            let number = text.trim().parse::<i64>().ok().filter(|_| !text.trim().starts_with('+'));
            number.map(|number| number.to_string()).into_iter().chain([shown.trim().to_owned()]).collect()
        }
        _ => vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use passerelle_connector::scenario::classify;

    fn judged() -> (Observation, Verdict) {
        let file = include_bytes!("../../../cases/purchase-of-one-ticket/after.json");
        let answer = Answer::File(file.to_vec());
        let observation = Observation { hints: vec![], answer, passes: vec![], events: vec![] };
        let verdict = classify(&observation).unwrap();
        (observation, verdict)
    }

    #[test]
    fn a_verdict_that_says_more_than_it_may_is_found() {
        let (observation, verdict) = judged();
        assert_eq!(judge(&observation, &verdict), Ok(()));
        let doctored: [fn(&mut Verdict); 13] = [
            |it| it.file = None,
            |it| it.orders.push(("7".to_owned(), "token".to_owned())),
            |it| it.unread.push("/orderDetailsDatas/0/Ada".to_owned()),
            |it| it.events.clear(),
            |it| it.events[0].body.push(b' '),
            |it| it.operations[0].subject = Subject::Movement("7".to_owned()),
            |it| it.operations[0].pass = Some("pass".to_owned()),
            |it| it.operations[0].reason.code = "Ada Lovelace".to_owned(),
            |it| it.operations[0].reason.fields = vec!["Lovelace".to_owned()],
            |it| it.operations[0].ticket = Some("Ada".to_owned()),
            |it| it.operations[0].successor = Some("7".to_owned()),
            |it| it.findings[0].movements.clear(),
            |it| it.findings[0].originator = Some("by Ada Lovelace".to_owned()),
        ];
        for (at, doctor) in doctored.into_iter().enumerate() {
            let mut verdict = verdict.clone();
            doctor(&mut verdict);
            assert!(judge(&observation, &verdict).is_err(), "{at}");
        }
    }

    #[test]
    fn a_fault_that_says_more_than_it_may_is_found() {
        for good in [
            Fault::NotReady,
            Fault::Refused("error_invalid".to_owned()),
            Fault::Unreadable("/orderDetailsDatas/0".to_owned()),
        ] {
            assert_eq!(judge_fault(&good), Ok(()));
        }
        for bad in [
            Fault::Refused("no Ada".to_owned()),
            Fault::Unreadable("/Ada".to_owned()),
            Fault::Unreadable("x".to_owned()),
        ] {
            assert!(judge_fault(&bad).is_err(), "{bad:?}");
        }
    }
}
