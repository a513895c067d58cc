//! Apple's rules for `pass.json` (wallets.md 1.2, 1.5): what Wallet refuses, and what it silently drops, both as errors.
//!
//! Owns the rules for what Passerelle writes (event tickets, store cards, generic passes); rules of boarding passes and of payment
//! are left out. All violations at once.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

const STYLES: [&str; 6] = ["eventTicket", "storeCard", "generic", "coupon", "boardingPass", "posterGeneric"];
const FIELD_GROUPS: [&str; 6] =
    ["headerFields", "primaryFields", "secondaryFields", "auxiliaryFields", "backFields", "additionalInfoFields"];
const BARCODE_FORMATS: [&str; 4] =
    ["PKBarcodeFormatQR", "PKBarcodeFormatPDF417", "PKBarcodeFormatAztec", "PKBarcodeFormatCode128"];
const DATE_KEYS: [&str; 2] = ["expirationDate", "relevantDate"];
/// Wallet reads no more places than this.
const PLACES: usize = 10;
/// Shortest `authenticationToken`.
const TOKEN: usize = 16;

pub(crate) fn broken(pass: &Value, members: &BTreeMap<String, Vec<u8>>, allow_http: bool) -> Vec<String> {
    let Some(pass) = pass.as_object() else { return vec!["not an object".to_owned()] };
    let mut broken = Vec::new();
    identity(pass, &mut broken);
    web_service(pass, allow_http, &mut broken);
    barcodes(pass, &mut broken);
    relevance(pass, &mut broken);
    style(pass, &mut broken);
    if !["icon.png", "icon@2x.png", "icon@3x.png"].iter().any(|name| members.contains_key(*name)) {
        broken.push("no icon".to_owned());
    }
    let image = |name: &&String| name.ends_with(".png");
    for name in members.keys().filter(image) {
        if !members.get(name).is_some_and(|bytes| bytes.starts_with(b"\x89PNG\r\n\x1a\n")) {
            broken.push(format!("{name}: not a PNG"));
        }
    }
    broken
}

fn identity(pass: &Map<String, Value>, broken: &mut Vec<String>) {
    if pass.get("formatVersion").and_then(Value::as_u64) != Some(1) {
        broken.push("formatVersion: not the number 1".to_owned());
    }
    for key in ["passTypeIdentifier", "serialNumber", "teamIdentifier", "organizationName", "description"] {
        if pass.get(key).and_then(Value::as_str).is_none_or(str::is_empty) {
            broken.push(format!("{key}: missing"));
        }
    }
    if pass.get("voided").is_some_and(|voided| !voided.is_boolean()) {
        broken.push("voided: not a boolean".to_owned());
    }
    for key in ["backgroundColor", "foregroundColor", "labelColor"] {
        if pass.get(key).is_some_and(|colour| !colour.as_str().is_some_and(is_colour)) {
            broken.push(format!("{key}: neither rgb(r,g,b) nor #RRGGBB"));
        }
    }
}

fn web_service(pass: &Map<String, Value>, allow_http: bool, broken: &mut Vec<String>) {
    let url = pass.get("webServiceURL").map(|url| url.as_str().unwrap_or_default());
    let token = pass.get("authenticationToken").map(|token| token.as_str().unwrap_or_default());
    if url.is_some() != token.is_some() {
        broken.push("webServiceURL and authenticationToken: one without the other".to_owned());
    }
    let secure = |url: &str| url.starts_with("https://") || allow_http && url.starts_with("http://");
    if url.is_some_and(|url| !secure(url)) {
        broken.push("webServiceURL: not https".to_owned());
    }
    if token.is_some_and(|token| token.len() < TOKEN) {
        broken.push("authenticationToken: shorter than 16".to_owned());
    }
}

fn barcodes(pass: &Map<String, Value>, broken: &mut Vec<String>) {
    let Some(barcodes) = pass.get("barcodes") else { return };
    let Some(barcodes) = barcodes.as_array() else { return broken.push("barcodes: not a list".to_owned()) };
    for barcode in barcodes {
        let text = |key: &str| barcode.get(key).and_then(Value::as_str);
        if !text("format").is_some_and(|format| BARCODE_FORMATS.contains(&format)) {
            broken.push("barcodes.format: unknown".to_owned());
        }
        if text("message").is_none_or(str::is_empty) {
            broken.push("barcodes.message: not a text".to_owned());
        }
        if text("messageEncoding").is_none() {
            broken.push("barcodes.messageEncoding: missing".to_owned());
        }
    }
}

fn relevance(pass: &Map<String, Value>, broken: &mut Vec<String>) {
    for key in DATE_KEYS {
        if pass.get(key).is_some_and(|date| !date.as_str().is_some_and(is_date)) {
            broken.push(format!("{key}: not a date with an offset"));
        }
    }
    for entry in pass.get("relevantDates").and_then(Value::as_array).into_iter().flatten() {
        for (key, date) in entry.as_object().into_iter().flatten() {
            if !date.as_str().is_some_and(is_date) {
                broken.push(format!("relevantDates.{key}: not a date with an offset"));
            }
        }
    }
    if let Some(locations) = pass.get("locations") {
        let places = locations.as_array().map(Vec::as_slice).unwrap_or_default();
        if places.is_empty() || places.len() > PLACES {
            broken.push("locations: not 1 to 10".to_owned());
        }
        let numeric = |place: &Value, key: &str| place.get(key).is_some_and(Value::is_number);
        if !places.iter().all(|place| numeric(place, "latitude") && numeric(place, "longitude")) {
            broken.push("locations: latitude and longitude are not numbers".to_owned());
        }
    }
    // Wallet drops a string without a word.
    if pass.get("maxDistance").is_some_and(|distance| !distance.is_number()) {
        broken.push("maxDistance: not a number".to_owned());
    }
}

fn style(pass: &Map<String, Value>, broken: &mut Vec<String>) {
    let styles: Vec<&str> = STYLES.into_iter().filter(|style| pass.contains_key(*style)).collect();
    let [style] = styles.as_slice() else {
        if styles != ["generic", "posterGeneric"] {
            broken.push("not exactly one style".to_owned());
        }
        return;
    };
    if pass.contains_key("groupingIdentifier") && !matches!(*style, "eventTicket" | "boardingPass") {
        broken.push("groupingIdentifier: not in this style".to_owned());
    }
    let mut keys = BTreeSet::new();
    for group in FIELD_GROUPS {
        let Some(fields) = pass.get(*style).and_then(|style| style.get(group)) else { continue };
        let Some(fields) = fields.as_array() else {
            broken.push(format!("{group}: not a list"));
            continue;
        };
        for field in fields {
            let Some(key) = field.get("key").and_then(Value::as_str).filter(|key| !key.is_empty()) else {
                broken.push(format!("{group}: a field without a key"));
                continue;
            };
            if !keys.insert(key.to_owned()) {
                broken.push(format!("{group}.{key}: key used twice"));
            }
            if !field.get("value").is_some_and(|value| value.is_string() || value.is_number()) {
                broken.push(format!("{group}.{key}: no value"));
            }
            let message = field.get("changeMessage").map(|message| message.as_str().unwrap_or_default());
            // It may be a key into the strings, where the placeholder stands: those are judged when the banner is shown.
            if message.is_some_and(str::is_empty) {
                broken.push(format!("{group}.{key}: empty changeMessage"));
            }
            let dated = field.get("dateStyle").is_some() || field.get("timeStyle").is_some();
            if dated && !field.get("value").and_then(Value::as_str).is_some_and(is_date) {
                broken.push(format!("{group}.{key}: dateStyle without a date"));
            }
        }
    }
}

fn is_colour(text: &str) -> bool {
    let parts = |inner: &str| inner.split(',').filter(|part| part.trim().parse::<u8>().is_ok()).count() == 3;
    let hex = |digits: &str| matches!(digits.len(), 3 | 6) && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    match text.strip_prefix("rgb(").and_then(|rest| rest.strip_suffix(')')) {
        Some(inner) => inner.split(',').count() == 3 && parts(inner),
        None => text.strip_prefix('#').is_some_and(hex),
    }
}

/// `YYYY-MM-DDTHH:MM[:SS[.fff]]` with `Z` or `±HH:MM`, and nothing behind it.
pub(crate) fn is_date(text: &str) -> bool {
    let (Some(clock), Some(day)) = (text.get(11..), text.get(..10)) else { return false };
    let zoned = match clock.strip_suffix('Z') {
        Some(clock) => Some(clock),
        None => clock.split_at_checked(clock.len().saturating_sub(6)).and_then(|(clock, offset)| {
            let signed = offset.starts_with(['+', '-']) && offset.get(3..4) == Some(":");
            signed.then_some(clock)
        }),
    };
    let clock_is_right = zoned.is_some_and(|clock| clock.len() >= 5 && clock.parse::<jiff::civil::Time>().is_ok());
    text.get(10..11) == Some("T") && day.parse::<jiff::civil::Date>().is_ok() && clock_is_right
}
