//! The body of a notification, read once, from front to back, with everything that is wrong with it.
//!
//! Owns the five fields' rules, duplicate names and depth. Does not build a tree: each value is judged as it passes, so a hostile body costs
//! what its bytes cost. Reading stops only where JSON itself is broken.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Code, MOST_VIOLATIONS, violation};
use crate::contract::webhook::{OrderChange, Violation};
use crate::lenient::{Name, parse_id};

/// The contract's body is flat. Unknown fields may hold something, but nothing that needs more than this; and the sandbox's stack is small.
const DEPTH_LIMIT: usize = 16;

/// SecuTix does not say how long a token is; those seen have 10 characters, and a UUID or a SHA-512 in hex (128) would still fit.
const TOKEN_LIMIT: usize = 256;

/// Longest `state` or `lastUpdate`, in bytes: a word, or a date in any notation.
const TEXT_LIMIT: usize = 64;

/// How many unknown fields are named, and how much of a name is kept: they go to a log that says how the contract grows.
const MOST_UNKNOWN: usize = 32;
const NAME_LIMIT: usize = 64;

const TOKEN: &str = "orderSecretToken";
const STATE: &str = "state";
const LAST_UPDATE: &str = "lastUpdate";
const TICKET: &str = "ticketId";
const MOVEMENT: &str = "saleMovementId";

/// The order change without its fingerprint, or every violation.
pub(super) fn read(text: &str) -> Result<OrderChange, Vec<Violation>> {
    match parse(text) {
        Ok(judged) => judged,
        // The parser takes a number beyond its floats for a broken body. It is JSON, and matters in two fields only.
        Err(_) => match numbers_in_range(text).map(|text| parse(&text)) {
            Some(Ok(judged)) => judged,
            _ => Err(vec![violation(String::new(), Code::Syntax, "one JSON object")]),
        },
    }
}

type Judged = Result<OrderChange, Vec<Violation>>;

/// The outer error: it is no JSON.
fn parse(text: &str) -> Result<Judged, serde_json::Error> {
    let mut sink = Sink::default();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let root = RootSeed { sink: &mut sink }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(match root {
        Some(fields) => fields.judge(sink),
        None => Err(vec![violation(String::new(), Code::Type, "a JSON object")]),
    })
}

/// The text with a number in place of each that no float holds, which is no identifier either; none where there is none.
pub(super) fn numbers_in_range(text: &str) -> Option<String> {
    let mut out = String::new();
    let (mut copied, mut at) = (0, 0);
    let bytes = text.as_bytes();
    while let Some(byte) = bytes.get(at) {
        let end = match byte {
            b'"' => end_of_text(bytes, at + 1),
            b'-' | b'0'..=b'9' => {
                let of_number = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
                at + bytes.get(at..)?.iter().take_while(|byte| of_number(byte)).count()
            }
            _ => at + 1,
        };
        if *byte != b'"' && text.get(at..end).is_some_and(is_beyond) {
            out.push_str(text.get(copied..at)?);
            out.push_str("1e300");
            copied = end;
        }
        at = end;
    }
    out.push_str(text.get(copied..)?);
    (copied > 0).then_some(out)
}

/// A number of JSON (Rust reads more notations) that no float holds. Whatever else it is, the parser says.
fn is_beyond(number: &str) -> bool {
    let digits = number.strip_prefix('-').unwrap_or(number);
    let whole = digits.find(['.', 'e', 'E']).unwrap_or(digits.len());
    let odd = whole == 0 || whole > 1 && digits.starts_with('0') || digits.contains(".e") || digits.contains(".E");
    !odd && !digits.ends_with('.') && number.parse().is_ok_and(f64::is_infinite)
}

/// The place after the quotation mark that ends a text.
fn end_of_text(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[derive(Default)]
struct Sink {
    violations: Vec<Violation>,
}

impl Sink {
    /// Names that the contract does not know come from the sender in any number: they are told up to the limit, the five fields always.
    fn add(&mut self, field: &str, code: Code, expected: &str) {
        let told = self.violations.iter().any(|known| known.field == field && known.code == code.as_str());
        let room = is_contract(field) || self.violations.len() < MOST_VIOLATIONS;
        if !told && room {
            self.violations.push(violation(field.to_owned(), code, expected));
        }
    }

    /// As they were found; where they are too many, without the last of those that the contract does not know.
    fn told(mut self) -> Vec<Violation> {
        let known = self.violations.iter().filter(|violation| is_contract(&violation.field)).count();
        let mut room = MOST_VIOLATIONS.saturating_sub(known);
        self.violations.retain(|violation| {
            let fits = is_contract(&violation.field) || room > 0;
            room -= usize::from(fits && !is_contract(&violation.field));
            fits
        });
        self.violations
    }
}

/// Whether a pointer is one of the five fields.
fn is_contract(pointer: &str) -> bool {
    pointer.strip_prefix('/').is_some_and(|name| [TOKEN, STATE, LAST_UPDATE, TICKET, MOVEMENT].contains(&name))
}

/// A value as far as the contract cares.
enum Value<'a> {
    Null,
    Text(Cow<'a, str>),
    Whole(i64),
    TooLarge,
    Fraction,
    Other,
}

/// The fields as they came; none: not there.
#[derive(Default)]
struct Fields<'a> {
    token: Option<Value<'a>>,
    state: Option<Value<'a>>,
    last_update: Option<Value<'a>>,
    ticket: Option<Value<'a>>,
    movement: Option<Value<'a>>,
    unknown: Vec<String>,
}

impl<'a> Fields<'a> {
    fn slot(&mut self, name: &str) -> Option<&mut Option<Value<'a>>> {
        match name {
            TOKEN => Some(&mut self.token),
            STATE => Some(&mut self.state),
            LAST_UPDATE => Some(&mut self.last_update),
            TICKET => Some(&mut self.ticket),
            MOVEMENT => Some(&mut self.movement),
            _ => None,
        }
    }

    fn judge(self, mut sink: Sink) -> Result<OrderChange, Vec<Violation>> {
        let token = token(self.token, &mut sink);
        let state = text(self.state, "/state", &mut sink);
        let last_update = text(self.last_update, "/lastUpdate", &mut sink);
        let ticket = id(self.ticket, "/ticketId", &mut sink);
        let sale_movement = id(self.movement, "/saleMovementId", &mut sink);
        if !sink.violations.is_empty() {
            return Err(sink.told());
        }
        Ok(OrderChange {
            token,
            sale_movement,
            ticket,
            state,
            last_update,
            fingerprint: Vec::new(),
            unknown_fields: self.unknown,
        })
    }
}

fn token(value: Option<Value<'_>>, sink: &mut Sink) -> String {
    const FIELD: &str = "/orderSecretToken";
    match value {
        None | Some(Value::Null) => sink.add(FIELD, Code::Missing, "the order's secret token"),
        Some(Value::Text(text)) if text.trim().is_empty() => sink.add(FIELD, Code::Length, "at least one character"),
        Some(Value::Text(text)) if text.len() > TOKEN_LIMIT => sink.add(FIELD, Code::Length, "at most 256 bytes"),
        Some(Value::Text(text)) if text.chars().any(char::is_control) => {
            sink.add(FIELD, Code::Encoding, "text without control characters");
        }
        Some(Value::Text(text)) => return text.into_owned(),
        Some(_) => sink.add(FIELD, Code::Type, "text"),
    }
    String::new()
}

/// Required to be there; null and empty both mean that the sender does not know.
fn text(value: Option<Value<'_>>, field: &str, sink: &mut Sink) -> String {
    match value {
        None => sink.add(field, Code::Missing, "text, or null when unknown"),
        Some(Value::Null) => {}
        Some(Value::Text(text)) if text.len() > TEXT_LIMIT => sink.add(field, Code::Length, "at most 64 bytes"),
        Some(Value::Text(text)) if text.chars().any(char::is_control) => {
            sink.add(field, Code::Encoding, "text without control characters");
        }
        Some(Value::Text(text)) => return text.into_owned(),
        Some(_) => sink.add(field, Code::Type, "text, or null when unknown"),
    }
    String::new()
}

fn id(value: Option<Value<'_>>, field: &str, sink: &mut Sink) -> Option<String> {
    const EXPECTED: &str = "a whole number of 64 bits, or null";
    match value {
        None | Some(Value::Null) => None,
        Some(Value::Whole(number)) => Some(number.to_string()),
        Some(Value::Text(text)) => {
            let number = parse_id(&text);
            if number.is_none() {
                let digits = text.strip_prefix('-').unwrap_or(&text);
                let whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
                sink.add(field, if whole { Code::Range } else { Code::Type }, EXPECTED);
            }
            number.map(|number| number.to_string())
        }
        Some(Value::TooLarge) => {
            sink.add(field, Code::Range, EXPECTED);
            None
        }
        Some(Value::Fraction | Value::Other) => {
            sink.add(field, Code::Type, EXPECTED);
            None
        }
    }
}

/// A name as it may be logged: short, and without characters that a terminal obeys.
fn printable(name: &str) -> String {
    name.chars().take(NAME_LIMIT).map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// JSON pointer of a field of the body (RFC 6901).
fn pointer(name: &str) -> String {
    format!("/{}", printable(name).replace('~', "~0").replace('/', "~1"))
}

/// The whole body; none: it is JSON, but no object.
struct RootSeed<'s> {
    sink: &'s mut Sink,
}

impl<'de> DeserializeSeed<'de> for RootSeed<'_> {
    type Value = Option<Fields<'de>>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for RootSeed<'_> {
    type Value = Option<Fields<'de>>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields::default();
        let mut names = BTreeSet::new();
        while let Some(Name(name)) = map.next_key()? {
            let again = names.contains(&name);
            if again {
                self.sink.add(&pointer(&name), Code::Duplicate, "every name once");
            }
            let field = pointer(&name);
            let value = map.next_value_seed(ValueSeed { sink: self.sink, field: &field, depth: 1 })?;
            let known_enough = fields.unknown.len() >= MOST_UNKNOWN;
            match fields.slot(&name) {
                // The first one stands; that there are two is told already.
                Some(slot) if slot.is_none() => *slot = Some(value),
                Some(_) => {}
                None if again || known_enough => {}
                None => fields.unknown.push(printable(&name)),
            }
            names.insert(name);
        }
        Ok(Some(fields))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }
    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// One value. Violations within it are told at the field of the body that holds it.
struct ValueSeed<'s, 'f> {
    sink: &'s mut Sink,
    field: &'f str,
    depth: usize,
}

impl ValueSeed<'_, '_> {
    fn too_deep(&mut self) -> bool {
        let too_deep = self.depth >= DEPTH_LIMIT;
        if too_deep {
            self.sink.add(self.field, Code::Depth, "at most 16 levels");
        }
        too_deep
    }
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_, '_> {
    type Value = Value<'de>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_, '_> {
    type Value = Value<'de>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }
    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Value::Other)
    }
    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Value::Whole(number))
    }
    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(number).map_or(Value::TooLarge, Value::Whole))
    }
    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        // 2^63: digits beyond 64 bits arrive here as a float without a fraction.
        let beyond = number.abs() >= 9_223_372_036_854_775_808.0;
        Ok(if beyond { Value::TooLarge } else { Value::Fraction })
    }
    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }
    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Self::Value, A::Error> {
        if self.too_deep() {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(Value::Other);
        }
        let (field, depth) = (self.field, self.depth + 1);
        while seq.next_element_seed(ValueSeed { sink: self.sink, field, depth })?.is_some() {}
        Ok(Value::Other)
    }
    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
        if self.too_deep() {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(Value::Other);
        }
        let (field, depth) = (self.field, self.depth + 1);
        let mut names = BTreeSet::new();
        while let Some(Name(name)) = map.next_key()? {
            map.next_value_seed(ValueSeed { sink: self.sink, field, depth })?;
            if !names.insert(name) {
                self.sink.add(field, Code::Duplicate, "every name once");
            }
        }
        Ok(Value::Other)
    }
}
