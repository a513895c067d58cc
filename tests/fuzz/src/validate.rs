//! The validation of notifications, over any media type and body.
//!
//! Owns the second reading of a body, by serde_json's own tree, and the ranges that `wit/connector` and the listener's contract promise. An input is
//! the media type on its first line (nothing: no header) and the body behind it.

use std::collections::BTreeSet;

use passerelle_connector::contract::webhook::{Notification, OrderChange, Rejection, Violation};
use passerelle_connector::webhook::{BODY_LIMIT, validate};
use serde_json::{Map, Value};

use crate::{Held, holds};

const CODES: [&str; 8] = ["missing", "type", "range", "length", "depth", "encoding", "syntax", "duplicate"];
/// All that a violation may say of what was expected: nothing else could be free of the input's bytes.
const EXPECTED: [&str; 13] = [
    "a JSON object",
    "a whole number of 64 bits, or null",
    "at least one character",
    "at most 16 levels",
    "at most 256 bytes",
    "at most 64 bytes",
    "every name once",
    "one JSON object",
    "text",
    "text in UTF-8",
    "text without control characters",
    "text, or null when unknown",
    "the order's secret token",
];
/// Violations and unknown names of one answer, characters of a name, bytes of a token and of the other texts: the contract's.
const MOST: usize = 32;
const NAME: usize = 64;
const TOKEN: usize = 256;
const TEXT: usize = 64;
const FIELDS: [&str; 5] = ["orderSecretToken", "saleMovementId", "ticketId", "state", "lastUpdate"];
/// These must be there; the others may be left out.
const REQUIRED: [&str; 3] = ["orderSecretToken", "state", "lastUpdate"];

pub fn check(data: &[u8]) -> Held {
    let notification = read(data);
    let answer = validate(&notification);
    holds!(answer == validate(&notification), "the same notification is answered in two ways");
    judge(&notification, &answer)
}

fn read(data: &[u8]) -> Notification {
    let mut parts = data.splitn(2, |byte| *byte == b'\n');
    let (kind, body) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let content_type = (!kind.is_empty()).then(|| String::from_utf8_lossy(kind).into_owned());
    Notification { content_type, body: body.to_vec() }
}

/// Whether an answer is one that this notification may get.
pub fn judge(notification: &Notification, answer: &Result<OrderChange, Rejection>) -> Held {
    let kind = notification.content_type.as_deref().unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let refused = matches!(answer, Err(Rejection::UnsupportedMediaType));
    holds!(refused || is_json(&essence), "{kind:?} was taken for JSON");
    // With parameters it is for the charset to decide.
    holds!(!refused || kind.contains(';') || !is_json(&essence), "{kind:?} was not taken for JSON");
    if refused {
        return Ok(());
    }
    let large = matches!(answer, Err(Rejection::TooLarge));
    holds!(
        large == (notification.body.len() > BODY_LIMIT),
        "a body of {} bytes, and large: {large}",
        notification.body.len()
    );
    let body = notification.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&notification.body);
    let tree = serde_json::from_slice::<Value>(body);
    match answer {
        Ok(change) => {
            ranges(change)?;
            fingerprint(change)?;
            match tree {
                Ok(Value::Object(fields)) => says(change, &fields),
                // A float cannot hold it, and JSON allows it.
                Err(error) if error.to_string().starts_with("number out of range") => Ok(()),
                other => Err(format!("accepted, and yet {other:?}")),
            }
        }
        Err(Rejection::Invalid(violations)) => {
            for violation in violations {
                is_clean(violation)?;
            }
            let distinct: BTreeSet<_> = violations.iter().map(|it| (&it.field, &it.code)).collect();
            holds!((1..=MOST).contains(&violations.len()), "{} violations", violations.len());
            holds!(distinct.len() == violations.len(), "told twice: {violations:?}");
            tree.map_or(Ok(()), |tree| is_founded(violations, &tree))
        }
        Err(Rejection::UnsupportedMediaType | Rejection::TooLarge) => Ok(()),
    }
}

/// RFC 9110 §8.3.1 and RFC 6839.
fn is_json(essence: &str) -> bool {
    let tchar = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    match essence.split_once('/') {
        Some(("application", "json") | ("text", "json")) => true,
        Some(("application", subtype)) => {
            subtype.chars().all(tchar) && subtype.strip_suffix("+json").is_some_and(|name| !name.is_empty())
        }
        _ => false,
    }
}

fn ranges(change: &OrderChange) -> Held {
    let OrderChange { token, sale_movement, ticket, state, last_update, unknown_fields, fingerprint: _ } = change;
    holds!(!token.trim().is_empty() && token.len() <= TOKEN, "a token of {} bytes", token.len());
    holds!(
        state.len() <= TEXT && last_update.len() <= TEXT,
        "texts of {} and {} bytes",
        state.len(),
        last_update.len()
    );
    for text in [token, state, last_update].into_iter().chain(unknown_fields) {
        holds!(!text.contains(char::is_control), "a control character in {text:?}");
    }
    for id in [sale_movement, ticket].into_iter().flatten() {
        holds!(id.parse::<i64>().is_ok_and(|number| number.to_string() == *id), "{id:?} is no identifier");
    }
    holds!(unknown_fields.len() <= MOST, "{} unknown fields", unknown_fields.len());
    for name in unknown_fields {
        holds!(name.chars().count() <= NAME && !FIELDS.contains(&name.as_str()), "{name:?} as an unknown field");
    }
    Ok(())
}

/// The five fields can be read back out of it, and there is nothing else in it.
fn fingerprint(change: &OrderChange) -> Held {
    let mut rest = change.fingerprint.as_slice();
    let fields = [
        Some(&change.token),
        change.sale_movement.as_ref(),
        change.ticket.as_ref(),
        Some(&change.state),
        Some(&change.last_update),
    ];
    for field in fields {
        let Some((length, after)) = rest.split_first_chunk::<4>() else {
            return Err("the fingerprint ends before its fields".to_owned());
        };
        let length = u32::from_be_bytes(*length);
        let text = (length != u32::MAX)
            .then(|| after.split_at_checked(length as usize))
            .map(|split| split.unwrap_or((&[], &[])));
        holds!(
            text.map(|(text, _)| text) == field.map(String::as_bytes),
            "the fingerprint has another field than {field:?}"
        );
        rest = text.map_or(after, |(_, after)| after);
    }
    holds!(rest.is_empty(), "{} bytes behind the fingerprint's fields", rest.len());
    Ok(())
}

/// An accepted change has the values that the body has.
fn says(change: &OrderChange, fields: &Map<String, Value>) -> Held {
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    for (name, value) in
        [("orderSecretToken", &change.token), ("state", &change.state), ("lastUpdate", &change.last_update)]
    {
        holds!(fields.contains_key(name) && text(name) == value, "{name} is not {value:?}");
    }
    for (name, value) in [("saleMovementId", &change.sale_movement), ("ticketId", &change.ticket)] {
        let said = match fields.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => {
                Some(text.parse::<i64>().map_err(|_| format!("{name} was accepted: {text:?}"))?)
            }
            Some(other) => Some(other.as_i64().ok_or_else(|| format!("{name} was accepted: {other}"))?),
        };
        holds!(said.map(|number| number.to_string()) == *value, "{name} is not {value:?}");
    }
    let unknown: BTreeSet<String> =
        fields.keys().filter(|name| !FIELDS.contains(&name.as_str())).map(|it| shown(it)).collect();
    holds!(
        change.unknown_fields.iter().all(|name| unknown.contains(name)),
        "unknown fields that are not there: {change:?}"
    );
    holds!(unknown.is_empty() == change.unknown_fields.is_empty(), "unknown fields are not told: {unknown:?}");
    Ok(())
}

/// A name as it may be told: short, and without characters that a terminal obeys.
fn shown(name: &str) -> String {
    name.chars().take(NAME).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// A violation has a field, a code and an expectation that are the contract's own; of the input it has at most a name.
fn is_clean(violation: &Violation) -> Held {
    let Violation { field, code, expected } = violation;
    holds!(CODES.contains(&code.as_str()), "the code {code:?}");
    holds!(EXPECTED.contains(&expected.as_str()), "expected: {expected:?}");
    let Some(name) = field.strip_prefix('/') else {
        return if field.is_empty() { Ok(()) } else { Err(format!("{field:?} is no JSON pointer")) };
    };
    let plain = name.replace("~1", "").replace("~0", "");
    holds!(!plain.contains(['/', '~']) && !name.contains(char::is_control), "{field:?} is no JSON pointer");
    holds!(
        name.replace("~1", "/").replace("~0", "~").chars().count() <= NAME,
        "a name of {} bytes is told",
        name.len()
    );
    Ok(())
}

/// What is told is wrong indeed, as far as a tree shows it, and what must be there and is not is told.
fn is_founded(violations: &[Violation], tree: &Value) -> Held {
    let told = |field: &str, code: &str| violations.iter().any(|it| it.field == field && it.code == code);
    holds!(!violations.iter().any(|it| it.code == "syntax"), "JSON was refused as none");
    let Value::Object(fields) = tree else {
        holds!(told("", "type"), "no object, and not told: {violations:?}");
        return Ok(());
    };
    for violation in violations.iter().filter(|it| it.code != "missing") {
        let names = || {
            fields
                .keys()
                .any(|name| violation.field == format!("/{}", shown(name).replace('~', "~0").replace('/', "~1")))
        };
        holds!(violation.code == "encoding" && violation.field.is_empty() || names(), "{violation:?} is of no field");
    }
    // Of two values under one name a tree has the last, and the connector judges the first.
    let is_double = |name: &str| told(&format!("/{name}"), "duplicate");
    for name in REQUIRED.into_iter().filter(|name| !is_double(name)) {
        let missing = match fields.get(name) {
            None => true,
            Some(value) => name == "orderSecretToken" && value.is_null(),
        };
        holds!(told(&format!("/{name}"), "missing") == missing, "{name} missing: {missing}, and told otherwise");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"orderSecretToken":"t","state":"PAID","lastUpdate":null,"ticketId":7,"holder":"Ada"}"#;

    fn good() -> (Notification, OrderChange) {
        let notification = read(format!("application/json\n{GOOD}").as_bytes());
        let change = validate(&notification).unwrap();
        (notification, change)
    }

    #[test]
    fn a_change_that_is_not_what_the_body_says_is_found() {
        let (notification, change) = good();
        assert_eq!(judge(&notification, &Ok(change.clone())), Ok(()));
        let doctored: [fn(&mut OrderChange); 8] = [
            |it| it.token = "other".to_owned(),
            |it| it.token.push_str(&"t".repeat(TOKEN)),
            |it| it.state.push('\n'),
            |it| it.ticket = Some("07".to_owned()),
            |it| it.ticket = None,
            |it| it.sale_movement = Some("7".to_owned()),
            |it| it.unknown_fields.clear(),
            |it| it.fingerprint.push(0),
        ];
        for (at, doctor) in doctored.into_iter().enumerate() {
            let mut change = change.clone();
            doctor(&mut change);
            assert!(judge(&notification, &Ok(change)).is_err(), "{at}");
        }
    }

    #[test]
    fn a_rejection_without_a_reason_or_with_a_value_in_it_is_found() {
        let (notification, change) = good();
        let of = |field: &str, code: &str, expected: &str| {
            let [field, code, expected] = [field, code, expected].map(str::to_owned);
            Err(Rejection::Invalid(vec![Violation { field, code, expected }]))
        };
        for wrong in [
            Err(Rejection::UnsupportedMediaType),
            Err(Rejection::TooLarge),
            Err(Rejection::Invalid(vec![])),
            of("/state", "range", "at most Ada"),
            of("/state", "odd", "text"),
            of("/nowhere", "type", "text"),
            of("/state/ADA", "type", "text"),
            of("/state", "missing", "text, or null when unknown"),
            of("", "syntax", "one JSON object"),
        ] {
            assert!(judge(&notification, &wrong).is_err(), "{wrong:?}");
        }
        let xml = Notification { content_type: Some("application/xml".to_owned()), ..notification };
        assert!(judge(&xml, &Ok(change)).is_err());
    }
}
