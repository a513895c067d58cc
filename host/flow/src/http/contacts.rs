//! `POST /api/{tenantId}/webhooks/listeners/secutix/contacts`: SecuTix says that a contact changed.
//!
//! Owns the reading of the number. SecuTix puts it where the address says (`?contactNumber=${contactNumber}`) or into a body; its contact webhooks
//! have no authentication, so the number is a hint like an order's token, and what it leads to is fetched. Only a contact that has a card is looked
//! at: a card is made when somebody asks for it, not when somebody's address changes. 200 once it is on disk.

use http::StatusCode;
use serde_json::Value;

use super::{Answer, Call, Problem, caller, empty, method};
use crate::flow::Flow;
use crate::ports::Host;
use crate::store::{PassState, PassSubject, Priority, Store, TaskSubject};
use crate::tenant::Tenant;

/// The placeholder's name in SecuTix, and the member of its answers.
const NUMBER: &str = "contactNumber";
/// SecuTix's own limit (apidocs, external identifiers).
const LONGEST: usize = 20;

pub async fn listen<H: Host>(flow: &Flow<H>, tenant: &Tenant, call: &Call) -> Answer {
    method(call, "POST")?;
    let number = call.query(NUMBER).map(str::to_owned).or_else(|| in_body(&call.body));
    let number = number.filter(|number| is_number(number));
    let number = number.ok_or_else(|| {
        Problem::field(NUMBER, "a SecuTix contact number is expected, in the query or in a JSON body")
    })?;
    let store = flow.host.store();
    let subject = PassSubject::Contact(number.clone());
    let card = store.pass_by_subject(&tenant.id, &subject).await.map_err(caller::unavailable)?;
    // A card that a person has ended stays ended.
    if card.is_none_or(|card| card.pass.state == PassState::Void) {
        tracing::debug!("a contact without a card has changed");
        return Ok(empty(StatusCode::OK));
    }
    let (id, at) = (flow.uuid(), flow.now() + flow.options.debounce);
    let task = store.enqueue(&tenant.id, TaskSubject::Contact(number), &id, Priority::Low, at);
    let task = task.await.map_err(caller::unavailable)?;
    tracing::info!(%task, "a contact with a card has changed");
    Ok(empty(StatusCode::OK))
}

/// At the top of a body, or in the record that stands there alone (`contactData` of SecuTix's own answer).
fn in_body(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let found = body.get(NUMBER).or_else(|| body.as_object()?.values().find_map(|record| record.get(NUMBER)))?;
    match found {
        Value::String(number) => Some(number.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn is_number(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_found_where_secutix_writes_it() {
        for body in [
            r#"{"contactNumber":"4711"}"#,
            r#"{"contactNumber":4711}"#,
            r#"{"contactData":{"contactNumber":"4711","individualContact":{}},"statusCode":"success"}"#,
        ] {
            assert_eq!(in_body(body.as_bytes()).as_deref(), Some("4711"), "{body}");
        }
        for body in ["", "[]", "{}", r#"{"contactNumber":null}"#, r#"{"contactNumber":["4711"]}"#] {
            assert_eq!(in_body(body.as_bytes()), None, "{body}");
        }
        assert!(is_number("4711") && is_number("C-1_a"));
        for text in ["", "${contactNumber}", "123456789012345678901", "47 11", "é"] {
            assert!(!is_number(text), "{text}");
        }
    }
}
