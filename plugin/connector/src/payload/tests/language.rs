//! The template language: what each feature makes of the facts.

use serde_json::{Value, json};

use super::jobs::{Built, apple, built, carmen, compiled, event, field, job, only, small, ticket_body, translated};
use crate::contract::payload::Fault;
use crate::contract::types::EventPart;

const HEAD: &str = "kind = \"event-ticket\"\ndescription = \"x\"\n[apple]\n";

/// A pass with one field on its back.
fn with_back(lines: &str, body: &Value, events: Vec<EventPart>) -> Result<Built, Fault> {
    let template = format!("{HEAD}[[apple.back]]\nkey = \"f\"\n{lines}");
    only(&job(&compiled(&small(&template)), body, events))
}

/// What the field shows; none where it vanished.
fn shows(value: &str, body: &Value) -> Option<String> {
    let payload = with_back(&format!("value = {}", json!(value)), body, vec![carmen()]).unwrap();
    field(&apple(&payload), "eventTicket", "f").map(|field| field["value"].as_str().unwrap().to_owned())
}

#[test]
fn variables_groups_and_fallbacks() {
    let full = ticket_body();
    let mut bare = ticket_body();
    for key in ["row", "gate", "firstName"] {
        bare.as_object_mut().unwrap().remove(key);
    }
    bare["seat"] = json!("");
    for (value, with_all, with_few) in [
        ("{ticket.row}", Some("12"), None),
        ("Rang {ticket.row}", Some("Rang 12"), None),
        ("A[ rang {ticket.row}][ siège {ticket.seat}]", Some("A rang 12 siège 7"), Some("A")),
        ("[{ticket.row}]", Some("12"), None),
        ("{ticket.row|–}/{ticket.gate|tous}", Some("12/2"), Some("–/tous")),
        ("{fullName}", Some("Ada Lovelace"), Some("Lovelace")),
        ("{{x}} [[y]] {ticket.area}", Some("{x} [y] A"), Some("{x} [y] A")),
        (
            "{event.start:date} {event.start:iso}",
            Some("1er décembre 2026 2026-12-01T20:00:00+01:00"),
            Some("1er décembre 2026 2026-12-01T20:00:00+01:00"),
        ),
        ("{settings.phone}", Some("+41 22 555 01 00"), Some("+41 22 555 01 00")),
        ("{tenant.points|0}", Some("0"), Some("0")),
        ("{tenant.points}", None, None),
    ] {
        assert_eq!(shows(value, &full).as_deref(), with_all, "{value}");
        assert_eq!(shows(value, &bare).as_deref(), with_few, "{value}");
    }
    let demanded = with_back("value = \"{ticket.row!}\"", &bare, vec![carmen()]);
    assert_eq!(demanded, Err(Fault::Missing("ticket.row".to_owned())));
}

#[test]
fn conditions() {
    let mut body = ticket_body();
    body.as_object_mut().unwrap().remove("gate");
    for (when, holds) in [
        ("ticket.row", true),
        ("ticket.gate", false),
        ("!ticket.gate", true),
        ("!state.void", true),
        ("state.live and !state.used", true),
        ("ticket.zone3 == 'A'", true),
        ("ticket.zone3 == \\\"B\\\"", false),
        ("ticket.zone3 != 'B'", true),
        ("ticket.gate != '2'", true),
        ("ticket.gate or ticket.row and ticket.seat == '7'", true),
        ("ticket.gate and ticket.row or ticket.seat == '8'", false),
        ("event.state == 'RUNNING'", true),
        ("event.title == 'Carmen'", true),
    ] {
        let payload = with_back(&format!("value = \"y\"\nwhen = \"{when}\""), &body, vec![carmen()]).unwrap();
        assert_eq!(field(&apple(&payload), "eventTicket", "f").is_some(), holds, "{when}");
    }
}

#[test]
fn one_text_with_two_translations_is_told_apart() {
    let opera = event(
        "performance:1",
        &json!({ "title": { "fr": "Opéra", "en": "Opera" }, "venue": { "name": { "fr": "Opéra", "en": "Opera House" } } }),
    );
    let mut body = ticket_body();
    body["row"] = json!("Opéra");
    body["seat"] = json!("Place");
    let template = format!(
        "{HEAD}
        [[apple.back]]
        key = \"label\"
        label = {{ fr = \"Place\", en = \"Seat\" }}
        value = \"{{ticket.seat}}\"
        [[apple.back]]
        key = \"square\"
        label = {{ fr = \"Place\", en = \"Square\" }}
        value = \"{{event.title}}\"
        [[apple.back]]
        key = \"venue\"
        value = \"{{venue.name}}\"
        [[apple.back]]
        key = \"again\"
        value = \"{{venue.name}}\"
        [[apple.back]]
        key = \"row\"
        value = \"{{ticket.row}}\"
        "
    );
    let payload = built(&job(&compiled(&small(&template)), &body, vec![opera]));
    let pass = apple(&payload);
    let in_both = |key: &str, part: &str| {
        let text = field(&pass, "eventTicket", key).unwrap()[part].as_str().unwrap().to_owned();
        (text.replace('\u{200b}', ""), translated(&payload, "en", &text).replace('\u{200b}', ""))
    };
    let pair = |fr: &str, en: &str| (fr.to_owned(), en.to_owned());
    assert_eq!(in_both("label", "label"), pair("Place", "Seat"));
    assert_eq!(in_both("square", "label"), pair("Place", "Square"));
    assert_eq!(in_both("label", "value"), pair("Place", "Place"));
    assert_eq!(in_both("square", "value"), pair("Opéra", "Opera"));
    assert_eq!(in_both("venue", "value"), pair("Opéra", "Opera House"));
    assert_eq!(in_both("again", "value"), pair("Opéra", "Opera House"));
    assert_eq!(in_both("row", "value"), pair("Opéra", "Opéra"));
}

#[test]
fn a_date_alone_is_left_to_the_phone() {
    let lines = "value = \"{event.start}\"\ntimeStyle = \"short\"";
    let pass = apple(&with_back(lines, &ticket_body(), vec![carmen()]).unwrap());
    let expected = json!({
        "key": "f", "value": "2026-12-01T20:00:00+01:00", "dateStyle": "PKDateStyleNone", "timeStyle": "PKDateStyleShort",
        "ignoresTimeZone": true,
    });
    assert_eq!(field(&pass, "eventTicket", "f"), Some(&expected));
    let without_offset = event("performance:1", &json!({ "title": { "fr": "x" }, "startsAt": "2026-12-01T20:00:00" }));
    let pass = apple(&with_back(lines, &ticket_body(), vec![without_offset]).unwrap());
    assert_eq!(field(&pass, "eventTicket", "f"), None, "Apple refuses a date without an offset");
    assert!(pass.get("relevantDates").is_none() && pass.get("expirationDate").is_none());
}

#[test]
fn the_language_of_a_fact_is_the_nearest() {
    for (titles, fr, en) in [
        (json!({ "fr": "F", "en": "E" }), "F", "E"),
        (json!({ "fr-CH": "F", "en-GB": "E" }), "F", "E"),
        (json!({ "fr": "F" }), "F", "F"),
        (json!({ "de": "D" }), "D", "D"),
        (json!({ "en": "E", "de": "D" }), "E", "E"),
    ] {
        let event = event("performance:1", &json!({ "title": titles }));
        let payload = with_back("value = \"{event.title}\"", &ticket_body(), vec![event]).unwrap();
        let shown = field(&apple(&payload), "eventTicket", "f").unwrap()["value"].as_str().unwrap().to_owned();
        assert_eq!((shown.as_str(), translated(&payload, "en", &shown).as_str()), (fr, en), "{titles}");
    }
}

#[test]
fn a_barcode_beyond_ascii_is_utf_8() {
    let template = format!("{HEAD}[barcode]\nformat = \"aztec\"\n").replace("[apple]\n", "") + "[apple]\n";
    for (barcode, encoding) in [("0042", "iso-8859-1"), ("é42", "utf-8")] {
        let mut body = ticket_body();
        body["barcode"] = json!(barcode);
        let pass = apple(&built(&job(&compiled(&small(&template)), &body, vec![carmen()])));
        let expected = json!({ "format": "PKBarcodeFormatAztec", "message": barcode, "messageEncoding": encoding });
        assert_eq!(pass["barcodes"], json!([expected]));
    }
}
