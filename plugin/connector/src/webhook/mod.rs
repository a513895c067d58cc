//! A notification of SecuTix: is it one, and which order does it speak of?
//!
//! Owns the contract of the order listener: media type, size, fields, ranges. Does not own what is done about it: `state` is a hint and
//! `lastUpdate` is compared by nobody. Every violation is told at once, by JSON pointer; names of fields are repeated there, values never are.

mod body;
mod fingerprint;
mod media_type;

use crate::contract::webhook::{Notification, OrderChange, Rejection, Violation};

/// Longest body in bytes. A notification has five short fields, about 200 bytes; this leaves room for unknown ones and is small enough to be
/// copied into a sandbox on every call. A host reads one byte more, so that a longer body is seen without being read.
pub const BODY_LIMIT: usize = 64 * 1024;

/// Most violations that one answer names: enough for a reader's patience. The contract's own fields come first: each has three at most
/// (twice there, too deep, and not what it should be), fifteen in all.
const MOST_VIOLATIONS: usize = 32;

/// The order that the notification speaks of, or everything that is wrong with it.
pub fn validate(notification: &Notification) -> Result<OrderChange, Rejection> {
    if !notification.content_type.as_deref().is_some_and(media_type::is_json) {
        return Err(Rejection::UnsupportedMediaType);
    }
    if notification.body.len() > BODY_LIMIT {
        return Err(Rejection::TooLarge);
    }
    // RFC 8259 §8.1 lets a reader ignore a byte order mark, and Java's writers add one.
    let body = notification.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&notification.body);
    let text = std::str::from_utf8(body)
        .map_err(|_| Rejection::Invalid(vec![violation(String::new(), Code::Encoding, "text in UTF-8")]))?;
    let mut change = body::read(text).map_err(Rejection::Invalid)?;
    change.fingerprint = fingerprint::of(&change);
    Ok(change)
}

/// What can be wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Code {
    /// Required and not there.
    Missing,
    /// Of another kind: an object for text, a fraction for an identifier.
    Type,
    /// A whole number outside of int64.
    Range,
    /// Empty, or longer than the contract allows.
    Length,
    /// Nested deeper than a reader should follow.
    Depth,
    /// Not UTF-8, or characters that are no text.
    Encoding,
    /// Not JSON.
    Syntax,
    /// The name stands twice in one object: readers would differ in which one counts.
    Duplicate,
}

impl Code {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Type => "type",
            Self::Range => "range",
            Self::Length => "length",
            Self::Depth => "depth",
            Self::Encoding => "encoding",
            Self::Syntax => "syntax",
            Self::Duplicate => "duplicate",
        }
    }
}

fn violation(field: String, code: Code, expected: &str) -> Violation {
    Violation { field, code: code.as_str().to_owned(), expected: expected.to_owned() }
}

#[cfg(test)]
mod tests;
