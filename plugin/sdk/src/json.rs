//! JSON in bytes, as the contract hands over what the outside world owns the shape of.
//!
//! Owns one word for reading it; writing is `Request::json`.

use crate::Value;

/// Reads JSON: a response's body, [`Subject::ticket`](crate::Subject::ticket), one of [`Subject::events`](crate::Subject::events). None: the
/// bytes are no JSON, or are nested deeper than 128 times.
///
/// ```
/// use passerelle_plugin::{Value, parse_json};
///
/// let ticket = parse_json(br#"{"seat": {"row": "C"}}"#);
/// assert_eq!(ticket.as_ref().and_then(|ticket| ticket.pointer("/seat/row")).and_then(Value::as_str), Some("C"));
/// assert_eq!(parse_json(b"<html>"), None);
/// ```
pub fn parse_json(bytes: &[u8]) -> Option<Value> {
    serde_json::from_slice(bytes).ok()
}
