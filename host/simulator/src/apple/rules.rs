//! Apple's rules for `pass.json` (wallets.md 1.2, 1.5): what Wallet refuses, and what it silently drops, both as errors.
//!
//! Owns the rules for what Passerelle writes (event tickets, store cards, generic passes); rules of boarding passes and of payment
//! are left out. All violations at once.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use der::Decode as _;
use der::asn1::ObjectIdentifier;
use serde_json::{Map, Value};
use x509_cert::spki::SubjectPublicKeyInfoRef;

use crate::apple::view::parse_strings;

const STYLES: [&str; 6] = ["eventTicket", "storeCard", "generic", "coupon", "boardingPass", "posterGeneric"];
const FIELD_GROUPS: [&str; 6] =
    ["headerFields", "primaryFields", "secondaryFields", "auxiliaryFields", "backFields", "additionalInfoFields"];
const BARCODE_FORMATS: [&str; 4] =
    ["PKBarcodeFormatQR", "PKBarcodeFormatPDF417", "PKBarcodeFormatAztec", "PKBarcodeFormatCode128"];
/// Of iOS 27; an older phone shows the first of the list that it knows.
const NEWER_FORMATS: [&str; 4] =
    ["PKBarcodeFormatCode39", "PKBarcodeFormatCodabar", "PKBarcodeFormatEAN13", "PKBarcodeFormatI2of5"];
const SEMANTIC_DATES: [&str; 9] = [
    "eventStartDate",
    "eventEndDate",
    "venueOpenDate",
    "venueDoorsOpenDate",
    "venueGatesOpenDate",
    "venueBoxOfficeOpenDate",
    "venueFanZoneOpenDate",
    "venueParkingLotsOpenDate",
    "venueCloseDate",
];
/// Bytes that a reader takes.
const NFC_MESSAGE: usize = 64;
/// A public key on an elliptic curve, and the curve P-256 (RFC 5480).
const ELLIPTIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const GUIDE_SUFFIX: &str = "URL";
const DATE_KEYS: [&str; 2] = ["expirationDate", "relevantDate"];
/// Wallet reads no more places than this.
const PLACES: usize = 10;
/// Shortest `authenticationToken`.
const TOKEN: usize = 16;

pub(crate) fn broken(pass: &Value, members: &BTreeMap<String, Vec<u8>>, allow_http: bool) -> Vec<String> {
    let mut broken = Vec::new();
    poster(pass, &mut broken);
    let Some(pass) = pass.as_object() else { return vec!["not an object".to_owned()] };
    identity(pass, &mut broken);
    web_service(pass, allow_http, &mut broken);
    barcodes(pass, &mut broken);
    relevance(pass, &mut broken);
    beacons(pass, &mut broken);
    semantics(pass.get("semantics"), "semantics", &mut broken);
    nfc(pass, &mut broken);
    addresses(pass, &mut broken);
    style(pass, &mut broken);
    placeholders(pass, members, &mut broken);
    if !["icon.png", "icon@2x.png", "icon@3x.png"].iter().any(|name| members.contains_key(*name)) {
        broken.push("no icon".to_owned());
    } else {
        // Apple warns of a scale that is missing: the phone then draws another one, blurred.
        let missing = ["icon@2x.png", "icon@3x.png"].into_iter().filter(|name| !members.contains_key(*name));
        broken.extend(missing.map(|name| format!("{name}: missing")));
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
    let format = |barcode: &Value| barcode.get("format").and_then(Value::as_str).unwrap_or_default().to_owned();
    let older = barcodes.iter().any(|barcode| BARCODE_FORMATS.contains(&format(barcode).as_str()));
    for barcode in barcodes {
        let text = |key: &str| barcode.get(key).and_then(Value::as_str);
        let format = format(barcode);
        if NEWER_FORMATS.contains(&format.as_str()) {
            if !older {
                broken.push("barcodes.format: none that a phone before iOS 27 shows".to_owned());
            }
        } else if !BARCODE_FORMATS.contains(&format.as_str()) {
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

fn beacons(pass: &Map<String, Value>, broken: &mut Vec<String>) {
    let Some(beacons) = pass.get("beacons") else { return };
    let beacons = beacons.as_array().map(Vec::as_slice).unwrap_or_default();
    if beacons.is_empty() {
        broken.push("beacons: not a list with something in it".to_owned());
    }
    for beacon in beacons {
        if !beacon.get("proximityUUID").and_then(Value::as_str).is_some_and(is_uuid) {
            broken.push("beacons.proximityUUID: not a UUID".to_owned());
        }
        for key in ["major", "minor"] {
            let number = beacon.get(key);
            if number.is_some_and(|number| number.as_u64().is_none_or(|number| number > u16::MAX.into())) {
                broken.push(format!("beacons.{key}: not a number of 16 bits"));
            }
        }
    }
}

/// Of the pass, of a field or of a performance.
fn semantics(semantics: Option<&Value>, place: &str, broken: &mut Vec<String>) {
    let Some(semantics) = semantics else { return };
    let Some(semantics) = semantics.as_object() else { return broken.push(format!("{place}: not an object")) };
    for key in SEMANTIC_DATES {
        if semantics.get(key).is_some_and(|date| !date.as_str().is_some_and(is_date)) {
            broken.push(format!("{place}.{key}: not a date with an offset"));
        }
    }
    let date = semantics.get("eventStartDateInfo").and_then(|info| info.get("date"));
    if date.is_some_and(|date| !date.as_str().is_some_and(is_date)) {
        broken.push(format!("{place}.eventStartDateInfo.date: not a date with an offset"));
    }
    for key in ["totalPrice", "balance"] {
        let Some(money) = semantics.get(key) else { continue };
        let text = |key: &str| money.get(key).and_then(Value::as_str);
        if text("amount").is_none_or(|amount| amount.parse::<f64>().is_err()) || text("currencyCode").is_none() {
            broken.push(format!("{place}.{key}: not an amount as a text, with its currency"));
        }
    }
}

fn poster(pass: &Value, broken: &mut Vec<String>) {
    let poster = pass.get("preferredStyleSchemes").and_then(Value::as_array);
    let poster = poster.is_some_and(|schemes| schemes.iter().any(|scheme| scheme == "posterEventTicket"));
    if !poster {
        return;
    }
    for pointer in ["/nfc", "/semantics/eventName", "/semantics/venueName"] {
        if pass.pointer(pointer).is_none() {
            broken.push(format!("{pointer}: missing, and a poster needs it"));
        }
    }
    if pass.pointer("/featuredActions").is_some() {
        broken.push("featuredActions: not on a poster".to_owned());
    }
}

fn nfc(pass: &Map<String, Value>, broken: &mut Vec<String>) {
    let Some(nfc) = pass.get("nfc") else { return };
    let text = |key: &str| nfc.get(key).and_then(Value::as_str).unwrap_or_default();
    if text("message").is_empty() || text("message").len() > NFC_MESSAGE {
        broken.push("nfc.message: not 1 to 64 bytes".to_owned());
    }
    let key = STANDARD.decode(text("encryptionPublicKey")).unwrap_or_default();
    let key = SubjectPublicKeyInfoRef::from_der(&key).map(|key| key.algorithm);
    if !key.is_ok_and(|key| key.oid == ELLIPTIC && key.parameters_oid().is_ok_and(|curve| curve == P256)) {
        broken.push("nfc.encryptionPublicKey: not a P-256 key in base64".to_owned());
    }
    if !nfc.get("requiresAuthentication").is_some_and(Value::is_boolean) {
        broken.push("nfc.requiresAuthentication: missing".to_owned());
    }
}

/// Links of the event guide.
fn addresses(pass: &Map<String, Value>, broken: &mut Vec<String>) {
    let links = pass.iter().filter(|(key, _)| key.ends_with(GUIDE_SUFFIX) || *key == "contactVenueWebsite");
    for (key, url) in links.filter(|(key, _)| !["webServiceURL", "appLaunchURL"].contains(&key.as_str())) {
        if !url.as_str().is_some_and(|url| url.starts_with("https://")) {
            broken.push(format!("{key}: not https"));
        }
    }
}

/// A change message without its placeholder shows no value, in whatever language.
fn placeholders(pass: &Map<String, Value>, members: &BTreeMap<String, Vec<u8>>, broken: &mut Vec<String>) {
    let strings = members.iter().filter(|(name, _)| name.ends_with("/pass.strings"));
    let tables: Vec<_> = strings.filter_map(|(name, bytes)| Some((name, parse_strings(bytes)?))).collect();
    let styles = STYLES.into_iter().filter_map(|style| pass.get(style)?.as_object());
    let fields = styles.flat_map(|style| style.values()).filter_map(Value::as_array).flatten();
    for message in fields.filter_map(|field| field.get("changeMessage")?.as_str()).filter(|text| !text.is_empty()) {
        if tables.is_empty() && !message.contains("%@") {
            broken.push(format!("changeMessage {message:?}: no %@"));
        }
        for (name, table) in &tables {
            if !table.get(message).map_or(message, String::as_str).contains("%@") {
                broken.push(format!("changeMessage {message:?}: no %@ in {name}"));
            }
        }
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
            semantics(field.get("semantics"), &format!("{group}.{key}.semantics"), broken);
            let message = field.get("changeMessage").map(|message| message.as_str().unwrap_or_default());
            // It may be a key into the strings, where the placeholder stands (`placeholders`).
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

fn is_uuid(text: &str) -> bool {
    let hexadecimal = text.split('-').all(|group| group.bytes().all(|digit| digit.is_ascii_hexdigit()));
    hexadecimal && text.split('-').map(str::len).eq([8, 4, 4, 4, 12])
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
