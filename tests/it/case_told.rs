//! The form of `expected.json`: what the connector answers, told for a reader, and compared.
//!
//! Owns the words. Everything of an answer is in it.

use std::collections::BTreeSet;

use passerelle_connector::contract::payload::{GoogleClass, PassPayload};
use passerelle_connector::contract::scenario::{self, Action, Evidence, Fact, Fault, Finding, Operation, Verdict};
use passerelle_connector::contract::types::Subject;
use passerelle_connector::contract::webhook::{self, OrderChange, Rejection};
use serde_json::{Map, Value, json};

/// A list longer than this is told by its length and its first two: 10,000 movements are no reading.
const LONGEST_LIST: usize = 24;

/// The first difference, with its pointer.
pub fn difference(expected: &Value, actual: &Value, pointer: String) -> Option<String> {
    match (expected, actual) {
        (Value::Object(left), Value::Object(right)) => {
            let names: BTreeSet<_> = left.keys().chain(right.keys()).collect();
            names.into_iter().find_map(|name| match (left.get(name), right.get(name)) {
                (Some(left), Some(right)) => difference(left, right, format!("{pointer}/{name}")),
                (left, right) => Some(format!("{pointer}/{name}: expected {left:?}, got {right:?}")),
            })
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => left
            .iter()
            .zip(right)
            .enumerate()
            .find_map(|(at, (left, right))| difference(left, right, format!("{pointer}/{at}"))),
        (left, right) => (left != right).then(|| format!("{pointer}: expected {left}, got {right}")),
    }
}

pub fn tell_validation(answer: &Result<OrderChange, Rejection>) -> Value {
    match answer {
        Ok(OrderChange { token, sale_movement, ticket, state, last_update, fingerprint, unknown_fields }) => json!({
            "accepted": {
                "token": token, "saleMovement": sale_movement, "ticket": ticket, "state": state, "lastUpdate": last_update,
                "fingerprintLength": fingerprint.len(), "unknownFields": unknown_fields,
            }
        }),
        Err(Rejection::UnsupportedMediaType) => json!({"rejected": "unsupported-media-type"}),
        Err(Rejection::TooLarge) => json!({"rejected": "too-large"}),
        Err(Rejection::Invalid(violations)) => {
            let tell = |it: &webhook::Violation| format!("{} {}: {}", it.field, it.code, it.expected);
            json!({"rejected": violations.iter().map(tell).collect::<Vec<_>>()})
        }
    }
}

pub fn tell_classification(answer: &Result<Verdict, Fault>) -> Value {
    match answer {
        Err(Fault::NotReady) => json!({"fault": "not-ready"}),
        Err(Fault::Refused(code)) => json!({"fault": "refused", "code": code}),
        Err(Fault::Unreadable(pointer)) => json!({"fault": "unreadable", "pointer": pointer}),
        Ok(Verdict { file, orders, findings, operations, events, unsettled, unread }) => {
            let mut told = json!({
            "file": file,
            "orders": list(orders, |(order, token)| json!(format!("{order} {token}"))),
            "findings": list(findings, tell_finding),
            "operations": list(operations, tell_operation),
            "events": list(events, |event| json!({"key": event.key, "endsAt": event.ends_at, "body": body(&event.body)})),
            "unread": unread,
            });
            if let Some(told) = told.as_object_mut().filter(|_| *unsettled) {
                told.insert("unsettled".to_owned(), true.into());
            }
            told
        }
    }
}

fn list<T>(items: &[T], tell: impl Fn(&T) -> Value) -> Value {
    if items.len() <= LONGEST_LIST {
        return items.iter().map(tell).collect();
    }
    json!({"count": items.len(), "first": items.iter().take(2).map(tell).collect::<Value>()})
}

fn tell_finding(finding: &Finding) -> Value {
    let Finding { use_case, confidence, facts, originator, movements, successor } = finding;
    json!({
        "useCase": name(use_case),
        "confidence": name(confidence),
        "originator": originator,
        "movements": list(movements, |movement| json!(movement)),
        "successor": successor,
        "facts": tell_facts(facts),
    })
}

/// `observed (matrix: says, confidence)`, in the matrix's order.
fn tell_facts(facts: &scenario::Facts) -> Value {
    let scenario::Facts {
        ticket_shop,
        back_office,
        new_transaction,
        new_ticket,
        new_movement,
        new_order,
        new_file,
        email_sent,
        update_pass,
        deactivate_pass,
    } = facts;
    [
        ("01 ticket shop", ticket_shop),
        ("02 back office", back_office),
        ("03 new transaction", new_transaction),
        ("04 new ticket", new_ticket),
        ("05 new movement", new_movement),
        ("06 new order", new_order),
        ("07 new file", new_file),
        ("08 email sent", email_sent),
        ("09 update pass", update_pass),
        ("10 deactivate pass", deactivate_pass),
    ]
    .into_iter()
    .map(|(column, fact)| {
        let Fact { observed, matrix, confidence } = fact;
        let told = format!("{} (matrix: {}, {})", name(observed), name(matrix), name(confidence));
        (column.to_owned(), Value::String(told))
    })
    .collect::<Map<_, _>>()
    .into()
}

fn tell_operation(operation: &Operation) -> Value {
    let Operation { subject, pass, order, ticket, successor, action, reason } = operation;
    let subject = match subject {
        Subject::Movement(id) => format!("movement {id}"),
        Subject::Contact(id) => format!("contact {id}"),
    };
    let mut told = Map::new();
    told.insert("subject".to_owned(), subject.into());
    told.insert("pass".to_owned(), pass.clone().into());
    told.insert("order".to_owned(), order.clone().into());
    told.insert("ticket".to_owned(), ticket.clone().into());
    told.insert("successor".to_owned(), successor.clone().into());
    told.insert("reason".to_owned(), json!({"code": reason.code, "fields": reason.fields}));
    let (action, part) = match action {
        Action::Offer(part) => ("offer", Some(part)),
        Action::Update(part) => ("update", Some(part)),
        Action::Revive(part) => ("revive", Some(part)),
        Action::End(Evidence::Positive) => ("end (positive)", None),
        Action::End(Evidence::Absence) => ("end (absence)", None),
        Action::Keep => ("keep", None),
    };
    told.insert("action".to_owned(), action.into());
    if let Some(part) = part {
        let selectors: std::collections::BTreeMap<String, String> = serde_json::from_str(&part.selectors).unwrap();
        let selectors: Vec<_> = selectors.iter().map(|(name, value)| format!("{name}={value}")).collect();
        told.insert(
            "part".to_owned(),
            json!({"body": body(&part.body), "events": part.events, "selectors": selectors}),
        );
    }
    Value::Object(told)
}

/// What a holder reads: Apple's fields by their keys and what is said of the pass as a whole, Google's class and object.
pub fn tell_payload(payload: &PassPayload, classes: &[GoogleClass]) -> Result<Value, String> {
    let mut told = Map::new();
    if let Some(apple) = &payload.apple {
        let pass = body(&apple.pass_json);
        let mut fields = Map::new();
        gather(&pass, &mut fields);
        let of_pass = |name: &str| pass.get(name).cloned().unwrap_or_default();
        told.insert(
            "apple".to_owned(),
            json!({
                "voided": of_pass("voided"), "expirationDate": of_pass("expirationDate"), "relevantDates": of_pass("relevantDates"),
                "barcodes": of_pass("barcodes"), "fields": fields,
            }),
        );
    }
    if let Some(google) = &payload.google {
        let class = usize::try_from(google.class).ok().and_then(|class| classes.get(class)).ok_or("no such class")?;
        // What is the same for every pass of the template is on record with the template.
        let event = body(&class.body);
        let of_event = |name: &str| event.get(name).cloned().unwrap_or_default();
        told.insert(
            "google".to_owned(),
            json!({
                "class": class.key, "eventName": of_event("eventName"), "dateTime": of_event("dateTime"),
                "object": body(&google.object_body),
            }),
        );
    }
    Ok(told.into())
}

/// Every object with a key and a value, wherever it is.
fn gather(value: &Value, into: &mut Map<String, Value>) {
    match value {
        Value::Object(members) => {
            if let (Some(Value::String(key)), Some(value)) = (members.get("key"), members.get("value")) {
                into.insert(key.clone(), value.clone());
            }
            members.values().for_each(|member| gather(member, into));
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, into)),
        _ => {}
    }
}

/// Canonical JSON, to be read.
fn body(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|error| json!({"not JSON": error.to_string()}))
}

/// A case of an enum, as the contract writes it.
fn name(value: &impl std::fmt::Debug) -> String {
    let mut name = String::new();
    for letter in format!("{value:?}").rsplit("::").next().unwrap_or_default().chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}
