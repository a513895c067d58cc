//! A pass as its holder sees it: localised, by field; and what differs between two of its versions.
//!
//! Owns reading `pass.json` for people. Does not own whether it is valid (`rules`).

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::apple::package::Package;
use crate::apple::timeline::FieldChange;

/// What the phone shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PassView {
    pub pass_type: String,
    pub serial: String,
    /// `eventTicket`, `storeCard`, ...
    pub style: String,
    pub organization: String,
    pub description: String,
    /// Name of the event where semantics tell it, else the first primary field, else the logo's text.
    pub title: Option<String>,
    /// Start of the event as written, else `relevantDate`.
    pub date: Option<String>,
    /// Message of the first barcode.
    pub barcode: Option<String>,
    pub voided: bool,
    pub expires: Option<String>,
    /// Every field by its key, in the phone's language.
    pub fields: BTreeMap<String, Field>,
    /// As the web service dated it.
    pub last_modified: Option<String>,
    /// `pass.json` itself.
    pub raw: Value,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Field {
    pub label: Option<String>,
    pub value: String,
    /// `changeMessage`, in the phone's language.
    pub message: Option<String>,
}

impl PassView {
    pub fn field(&self, key: &str) -> Option<&str> {
        self.fields.get(key).map(|field| field.value.as_str())
    }

    pub(crate) fn of(package: &Package, language: &str, last_modified: Option<String>) -> Self {
        let pass = &package.pass;
        let words = package.strings.get(language).or_else(|| package.strings.values().next());
        let localised = |text: &str| words.and_then(|words| words.get(text)).cloned().unwrap_or(text.to_owned());
        let text = |pointer: &str| pass.pointer(pointer).and_then(Value::as_str).map(localised);
        let style = ["eventTicket", "storeCard", "generic", "coupon", "boardingPass", "posterGeneric"]
            .into_iter()
            .find(|style| pass.get(*style).is_some())
            .unwrap_or_default();
        let mut fields = BTreeMap::new();
        let groups = pass.get(style).and_then(Value::as_object).into_iter().flatten();
        for (_, group) in groups {
            for field in group.as_array().into_iter().flatten() {
                let part = |key: &str| field.get(key).and_then(Value::as_str).map(localised);
                let value = match field.get("value") {
                    Some(Value::String(value)) => localised(value),
                    Some(value) => value.to_string(),
                    None => String::new(),
                };
                if let Some(key) = field.get("key").and_then(Value::as_str) {
                    let shown = Field { label: part("label"), value, message: part("changeMessage") };
                    fields.insert(key.to_owned(), shown);
                }
            }
        }
        let primary = || {
            let first = pass.get(style)?.get("primaryFields")?.get(0)?.get("key")?.as_str()?;
            fields.get(first).map(|field| field.value.clone())
        };
        Self {
            pass_type: text("/passTypeIdentifier").unwrap_or_default(),
            serial: text("/serialNumber").unwrap_or_default(),
            style: style.to_owned(),
            organization: text("/organizationName").unwrap_or_default(),
            description: text("/description").unwrap_or_default(),
            title: text("/semantics/eventName").or_else(primary).or_else(|| text("/logoText")),
            date: text("/semantics/eventStartDate").or_else(|| text("/relevantDate")),
            barcode: pass.pointer("/barcodes/0/message").and_then(Value::as_str).map(str::to_owned),
            voided: pass.get("voided").and_then(Value::as_bool).unwrap_or(false),
            expires: text("/expirationDate"),
            fields,
            last_modified,
            raw: pass.clone(),
        }
    }

    /// What a newer version changed: fields by key, then what is not a field under its own name.
    pub(crate) fn changes(&self, newer: &Self) -> Vec<FieldChange> {
        let keys = self.fields.keys().chain(newer.fields.keys().filter(|key| !self.fields.contains_key(*key)));
        let mut changes: Vec<FieldChange> = keys
            .filter_map(|key| {
                let (before, after) = (self.field(key), newer.field(key));
                let banner = newer.fields.get(key).and_then(|field| {
                    let message = field.message.as_deref().filter(|message| message.contains("%@"))?;
                    Some(message.replace("%@", &field.value))
                });
                FieldChange::between(key, before, after, banner)
            })
            .collect();
        let others = [
            ("title", &self.title, &newer.title),
            ("date", &self.date, &newer.date),
            ("barcode", &self.barcode, &newer.barcode),
            ("expirationDate", &self.expires, &newer.expires),
        ];
        changes.extend(
            others.into_iter().filter_map(|(key, before, after)| {
                FieldChange::between(key, before.as_deref(), after.as_deref(), None)
            }),
        );
        let word = |voided: bool| if voided { "true" } else { "false" };
        changes.extend(FieldChange::between("voided", Some(word(self.voided)), Some(word(newer.voided)), None));
        changes
    }
}

/// `"key" = "text";` with `\"`, `\\` and `\n`, UTF-8 or UTF-16 with a mark. None: not that.
pub(crate) fn parse_strings(bytes: &[u8]) -> Option<BTreeMap<String, String>> {
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes)?,
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes)?,
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8(rest.to_vec()).ok()?,
        rest => String::from_utf8(rest.to_vec()).ok()?,
    };
    let mut table = BTreeMap::new();
    let mut rest = skip(&text)?;
    while !rest.is_empty() {
        let (key, after) = quoted(rest)?;
        let after = skip(skip(after)?.strip_prefix('=')?)?;
        let (value, after) = quoted(after)?;
        rest = skip(skip(after)?.strip_prefix(';')?)?;
        table.insert(key, value);
    }
    Some(table)
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
    if rest.is_empty() { String::from_utf16(&units).ok() } else { None }
}

/// Behind white space and comments. None: a comment without an end.
fn skip(text: &str) -> Option<&str> {
    let mut text = text.trim_start();
    while let Some(comment) = text.strip_prefix("/*") {
        text = comment.split_once("*/")?.1.trim_start();
    }
    Some(text)
}

fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.strip_prefix('"')?.chars();
    loop {
        match characters.next()? {
            '"' => return Some((value, characters.as_str())),
            '\\' => match characters.next()? {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                'r' => value.push('\r'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
}
