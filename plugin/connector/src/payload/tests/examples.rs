//! The example tenant's templates: what each shows, byte for byte (`UPDATE_GOLDEN=1` writes the goldens anew), and what must hold for all.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::jobs::{
    Built, all, apple, built, card_body, carmen, class, compiled, entries, event, field, item, job, object, only,
    performance, season, shown, source, ticket_body, translated,
};
use crate::contract::payload::{Fault, Job};
use crate::contract::types::PassState;
use crate::payload::rebuild;

fn cases() -> Vec<(&'static str, Job)> {
    let ticket = compiled(&source("event-ticket"));
    let card = compiled(&source("member-card"));
    let subscription = compiled(&source("season-ticket"));
    let single = || job(&ticket, &ticket_body(), vec![carmen()]);
    let mut used = ticket_body();
    used["used"] = json!(true);
    let mut void = single();
    void.items[0].state = PassState::Void;
    void.items[0]
        .variables
        .push(("host.successor".to_owned(), "https://passes.example.org/api/demo/passes/abc".to_owned()));
    let sparse = json!({ "kind": "ticket", "movement": "1", "ticket": "2", "barcode": "0042", "lastName": "Lovelace" });
    let bare = event("performance:9", &json!({ "key": "performance:9", "title": { "en": "Rehearsal" } }));
    let mut void_card = job(&card, &card_body(), vec![]);
    void_card.items[0].state = PassState::Void;
    vec![
        ("event-ticket", single()),
        ("event-ticket-used", job(&ticket, &used, vec![carmen()])),
        ("event-ticket-void", void),
        ("event-ticket-sparse", job(&ticket, &sparse, vec![bare])),
        ("season-ticket", job(&subscription, &ticket_body(), season())),
        ("member-card", job(&card, &card_body(), vec![])),
        ("member-card-void", void_card),
    ]
}

/// JSON with line breaks, its bytes otherwise as they are.
fn spread(json: &[u8]) -> String {
    let mut out = String::new();
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    for c in std::str::from_utf8(json).unwrap().chars() {
        let line = |out: &mut String, depth: usize| *out += &format!("\n{}", "  ".repeat(depth));
        match c {
            _ if quoted => {
                quoted = escaped || c != '"';
                escaped = c == '\\' && !escaped;
                out.push(c);
            }
            '{' | '[' => {
                depth += 1;
                out.push(c);
                line(&mut out, depth);
            }
            '}' | ']' => {
                depth -= 1;
                line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
            }
            _ => {
                quoted = c == '"';
                out.push(c);
            }
        }
    }
    out
}

fn told(payload: &Built) -> String {
    let mut out = String::new();
    let apple = payload.apple.as_ref().unwrap();
    let google = payload.google.as_ref().unwrap();
    writeln!(out, "== pass.json\n{}", spread(&apple.pass_json)).unwrap();
    for (locale, strings) in &apple.strings {
        writeln!(out, "== {locale}.lproj/pass.strings\n{}", std::str::from_utf8(strings).unwrap().trim_end()).unwrap();
    }
    writeln!(out, "== {} class {}\n{}", google.kind, google.class_key, spread(&google.class_body)).unwrap();
    writeln!(out, "== object\n{}", spread(&google.object_body)).unwrap();
    for (name, seen) in [("Apple", &apple.seen), ("Google", &google.seen)] {
        writeln!(out, "== what the holder sees at {name}\n{}", seen_text(seen)).unwrap();
    }
    out
}

/// The records of the log behind the template's fingerprint, a line each.
fn seen_text(seen: &[u8]) -> String {
    let records = seen[crate::template::format::FINGERPRINT..].split(|byte| *byte == crate::payload::text::END);
    let text = |record: &[u8]| {
        // A leaf begins with a mark and its number in four bytes; of leaves without a variable only that is left.
        let leaves = record.chunks(5).take_while(|leaf| leaf.first() == Some(&crate::payload::fill::LEAF)).count();
        String::from_utf8(record[leaves * 5..].to_vec()).unwrap()
    };
    records.map(text).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

#[test]
fn the_example_templates_give_what_is_on_record() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/payload");
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    for (name, job) in cases() {
        let now = told(&built(&job));
        let file = folder.join(format!("{name}.txt"));
        if update {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&file, &now).unwrap();
        }
        let then = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(now == then, "{name} differs from {}; UPDATE_GOLDEN=1 accepts this:\n{now}", file.display());
    }
}

#[test]
fn the_example_templates_have_no_warnings() {
    for name in ["event-ticket", "vip", "season-ticket", "member-card"] {
        let warnings = compiled(&source(name)).warnings;
        assert!(warnings.is_empty(), "{}", shown(&warnings));
    }
}

#[test]
fn one_batch_gives_the_same_as_one_by_one() {
    let single = job(&compiled(&source("event-ticket")), &ticket_body(), vec![carmen()]);
    let other =
        performance("performance:2", "Giselle", "Giselle", "2027-05-08T19:30:00+02:00", "2027-05-08T21:45:00+02:00");
    let mut batch = Job { events: vec![carmen(), other.clone()], items: Vec::new(), ..single };
    for number in 0..6 {
        let mut body = ticket_body();
        body["seat"] = json!(number.to_string());
        // Classes change to and fro, so that a class taken from another event's pass would show.
        let event = if number % 3 == 1 { other.clone() } else { carmen() };
        batch.items.push(item(&body, &[event]));
    }
    assert_eq!(rebuild(&batch).unwrap().classes.len(), 2, "each class is built once");
    for (item, in_batch) in batch.items.iter().zip(all(&batch)) {
        assert_eq!(only(&Job { items: vec![item.clone()], ..batch.clone() }), in_batch);
    }
}

#[test]
fn one_bad_ticket_spoils_no_other() {
    let mut batch = job(&compiled(&source("event-ticket")), &ticket_body(), vec![carmen()]);
    let mut nameless = ticket_body();
    nameless.as_object_mut().unwrap().remove("barcode");
    batch.items.push(item(&nameless, &[carmen()]));
    let mut unreadable = item(&ticket_body(), &[carmen()]);
    unreadable.ticket.body = b"{".to_vec();
    batch.items.push(unreadable);
    batch.items.push(item(&ticket_body(), &season()));
    let mut long = ticket_body();
    long["barcode"] = json!("1".repeat(2000));
    batch.items.push(item(&long, &[carmen()]));
    batch.items.push(item(&ticket_body(), &[carmen()]));
    let faults: Vec<_> = all(&batch).into_iter().map(|one| one.err()).collect();
    let missing = |name: &str| Some(Fault::Missing(name.to_owned()));
    assert_eq!(faults, [None, missing("barCode"), missing("ticket"), missing("event"), Some(Fault::TooLarge), None]);
}

#[test]
fn a_template_that_was_not_compiled_here_is_refused() {
    let good = job(&compiled(&source("event-ticket")), &ticket_body(), vec![carmen()]);
    let code = |template: String| rebuild(&Job { template, ..good.clone() });
    assert_eq!(code("kind = 'event-ticket'".to_owned()), Err(Fault::Template((0, 0, "corrupt".to_owned()))));
    let (magic, body) = (&good.template[..4], &good.template[5..]);
    assert_eq!(code(format!("{magic}\u{3}{body}")), Err(Fault::Template((0, 0, "version".to_owned()))));
}

#[test]
fn what_only_the_host_knows_is_not_in_the_pass() {
    for (name, job) in cases() {
        let pass = apple(&built(&job));
        for key in ["authenticationToken", "webServiceURL", "passTypeIdentifier", "teamIdentifier"] {
            assert!(pass.get(key).is_none(), "{name}: {key}");
        }
        assert_eq!(pass["serialNumber"], "KlnqcxVLA9pS4ol5");
    }
}

/// Apple's own checks of pass.json, as far as they concern what we write.
#[test]
fn every_pass_keeps_the_rules_of_apple() {
    for (name, job) in cases() {
        let payload = built(&job);
        let pass = apple(&payload);
        assert_eq!(pass["formatVersion"], 1);
        for key in ["serialNumber", "organizationName", "description"] {
            assert!(pass[key].as_str().is_some_and(|text| !text.is_empty()), "{name}: {key}");
        }
        let styles: Vec<&str> =
            ["eventTicket", "storeCard", "generic"].into_iter().filter(|style| pass.get(style).is_some()).collect();
        assert_eq!(styles.len(), 1, "{name}");
        let mut keys = Vec::new();
        for field in pass[styles[0]].as_object().unwrap().values().flat_map(|group| group.as_array().unwrap()) {
            keys.push(field["key"].as_str().unwrap());
            assert!(field["value"].as_str().is_some_and(|value| !value.is_empty()), "{name}: {field}");
            assert!(
                field.get("changeMessage").is_none_or(|text| text.as_str().unwrap().contains("%@")),
                "{name}: {field}"
            );
            if field.get("dateStyle").is_some() {
                assert!(
                    crate::payload::date::Stamp::parse(field["value"].as_str().unwrap()).is_some(),
                    "{name}: {field}"
                );
            }
        }
        let all = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), all, "{name}: keys are unique");
        let void = pass.get("voided").is_some();
        assert_eq!(void, job.items[0].state == PassState::Void, "{name}");
        for key in ["barcodes", "barcode"] {
            assert_eq!(pass.get(key).is_none(), void, "{name}: {key}");
        }
        for key in ["relevantDates", "relevantDate", "locations", "semantics"] {
            assert!(!void || pass.get(key).is_none(), "{name}: {key}");
        }
        for (locale, strings) in &payload.apple.as_ref().unwrap().strings {
            let mut keys: Vec<String> =
                entries(std::str::from_utf8(strings).unwrap()).into_iter().map(|(key, _)| key).collect();
            let all = keys.len();
            keys.sort_unstable();
            keys.dedup();
            assert_eq!(keys.len(), all, "{name}: {locale}: no key twice");
        }
    }
}

#[test]
fn a_ticket_says_where_when_and_whose() {
    let payload = built(&job(&compiled(&source("event-ticket")), &ticket_body(), vec![carmen()]));
    let pass = apple(&payload);
    let value = |key: &str| field(&pass, "eventTicket", key).map(|field| field["value"].as_str().unwrap());
    assert_eq!(value("title"), Some("Carmen"));
    assert_eq!(value("start"), Some("2026-12-01T20:00:00+01:00"));
    assert_eq!(value("when"), Some("mardi 1er décembre 2026, 20:00 – 23:00"));
    assert_eq!(value("venue"), Some("Grand Théâtre, Grande salle"));
    assert_eq!((value("zone"), value("row"), value("seat")), (Some("A"), Some("12"), Some("7")));
    assert_eq!(value("holder"), Some("Ada Lovelace"));
    assert_eq!((value("used"), value("void"), value("successor"), value("doors")), (None, None, None, None));
    assert_eq!(pass["barcodes"][0]["message"], "085035041335220306680099");
    assert_eq!(pass["barcodes"][0]["altText"], "085035041335220306680099");
    assert_eq!(pass["barcode"], pass["barcodes"][0]);
    assert_eq!(
        pass["relevantDates"],
        json!([{ "date": "2026-12-01T20:00:00+01:00", "relevantDate": "2026-12-01T20:00:00+01:00" }])
    );
    assert_eq!(pass["expirationDate"], "2026-12-02T23:00:00+01:00");
    assert_eq!(pass["locations"][0]["latitude"], 46.2017);
    assert_eq!(pass["semantics"]["seats"][0]["seatRow"], "12");
    // The phone's language decides; a language that a fact lacks gets the default one's text.
    assert_eq!(translated(&payload, "en", value("venue").unwrap()), "Grand Théâtre, Main hall");
    assert_eq!(translated(&payload, "en", value("when").unwrap()), "Tuesday 1 December 2026, 20:00 – 23:00");
    assert_eq!(translated(&payload, "de", value("when").unwrap()), "Dienstag, 1. Dezember 2026, 20:00 – 23:00");
    assert_eq!(translated(&payload, "de", value("venue").unwrap()), "Grand Théâtre, Grande salle");
    let start = field(&pass, "eventTicket", "start").unwrap();
    assert_eq!(translated(&payload, "de", start["changeMessage"].as_str().unwrap()), "Neuer Beginn: %@");

    let (class, object) = (class(&payload), object(&payload));
    assert_eq!(class["eventName"]["defaultValue"], json!({ "language": "fr", "value": "Carmen" }));
    assert_eq!(class["dateTime"], json!({ "start": "2026-12-01T20:00:00+01:00", "end": "2026-12-01T23:00:00+01:00" }));
    assert_eq!(class["venue"]["address"]["defaultValue"]["value"], "Place de Neuve 5, 1204 Genève, CH");
    assert_eq!(class["issuerName"], "Opéra de Démonstration");
    assert_eq!(object["state"], "ACTIVE");
    assert_eq!(object["ticketHolderName"], "Ada Lovelace");
    assert_eq!(object["barcode"]["value"], "085035041335220306680099");
    assert_eq!(object["seatInfo"]["seat"]["defaultValue"]["value"], "7");
    assert_eq!(object["reservationInfo"]["confirmationCode"], "10000702652");
    assert_eq!(payload.google.unwrap().class_key, "event-ticket.performance.10228231109243");
}

#[test]
fn a_plugin_s_variable_is_shown_and_without_it_its_field_is_not_there() {
    let vip = compiled(&source("vip"));
    let shown = |variables: &[(&str, &str)]| {
        let mut job = job(&vip, &ticket_body(), vec![carmen()]);
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        job.items[0].variables.extend(variables.iter().map(owned));
        let payload = built(&job);
        let tier = field(&apple(&payload), "eventTicket", "tier").cloned();
        let modules = object(&payload)["textModulesData"].as_array().cloned().unwrap_or_default();
        (tier, modules.into_iter().find(|module| module["id"] == "tier"))
    };
    let (apple_tier, google_tier) = shown(&[("tenant.tier", "gold")]);
    assert_eq!(apple_tier.unwrap()["value"], "gold");
    assert_eq!(google_tier.unwrap()["body"], "gold");
    assert_eq!(shown(&[]), (None, None));
    assert_eq!(shown(&[("tenant.other", "gold")]), (None, None));
}

#[test]
fn states_show_on_both_wallets() {
    let states: Vec<(Value, Value)> =
        cases().iter().take(3).map(|(_, job)| built(job)).map(|payload| (apple(&payload), object(&payload))).collect();
    let shows = |at: usize, key: &str| field(&states[at].0, "eventTicket", key).is_some();
    assert_eq!(
        states.iter().map(|(_, object)| object["state"].as_str().unwrap()).collect::<Vec<_>>(),
        ["ACTIVE", "COMPLETED", "INACTIVE"]
    );
    assert_eq!([0, 1, 2].map(|at| shows(at, "used")), [false, true, false]);
    assert_eq!([0, 1, 2].map(|at| shows(at, "void")), [false, false, true]);
    assert_eq!([0, 1, 2].map(|at| shows(at, "successor")), [false, false, true]);
    assert_eq!(states[2].1["linksModuleData"]["uris"][0]["uri"], "https://passes.example.org/api/demo/passes/abc");
    assert!(states[2].1.get("barcode").is_none());
    assert_eq!(states[2].0["expirationDate"], "2000-01-01T00:00:00Z");
}

#[test]
fn a_season_lists_its_performances_and_its_class_is_one_of_that_list() {
    let template = compiled(&source("season-ticket"));
    let payload = built(&job(&template, &ticket_body(), season()));
    let pass = apple(&payload);
    let programme = field(&pass, "eventTicket", "programme").unwrap()["value"].as_str().unwrap();
    assert_eq!(programme.lines().count(), 3, "{programme}");
    assert!(programme.contains("dimanche 14 février 2027, 15:00 – La Flûte enchantée, Grand Théâtre"), "{programme}");
    assert!(translated(&payload, "en", programme).contains("Sunday 14 February 2027, 15:00 – The Magic Flute"));
    assert_eq!(pass["relevantDates"].as_array().unwrap().len(), 3);
    assert_eq!(pass["locations"].as_array().unwrap().len(), 1, "one house, one place");
    assert_eq!(pass["expirationDate"], "2027-05-09T21:45:00+02:00");
    assert_eq!(
        class(&payload)["eventName"]["translatedValues"][1],
        json!({ "language": "de", "value": "Spielzeit 26/27" })
    );
    assert_eq!(
        class(&payload)["dateTime"],
        json!({ "start": "2026-12-01T20:00:00+01:00", "end": "2027-05-08T21:45:00+02:00" })
    );

    // The same product with two of the three performances: another list, hence another class.
    let mut chosen = job(&template, &ticket_body(), season());
    chosen.items[0].ticket.events.remove(2);
    let (all, some) = (payload.google.unwrap().class_key, built(&chosen).google.unwrap().class_key);
    assert_ne!(all, some);
    assert!(
        all.starts_with("season-ticket.product.101.") && some.starts_with("season-ticket.product.101."),
        "{all} {some}"
    );
    assert!(all.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)));
}

#[test]
fn what_is_seen_differs_where_the_holder_would_and_only_there() {
    let template = compiled(&source("event-ticket"));
    let seen = |body: &Value, event| {
        let payload = built(&job(&template, body, vec![event]));
        let google = payload.google.unwrap();
        (payload.apple.unwrap().seen, google.class_body, google.seen)
    };
    let now = seen(&ticket_body(), carmen());
    assert_eq!(now, seen(&ticket_body(), carmen()));

    let mut unseen = ticket_body();
    unseen["movement"] = json!("1");
    unseen["validFrom"] = json!("2026-12-01T18:00:00+01:00");
    assert_eq!(now, seen(&unseen, carmen()));

    let mut reseated = ticket_body();
    reseated["seat"] = json!("8");
    let reseated = seen(&reseated, carmen());
    assert!(now.0 != reseated.0 && now.1 == reseated.1 && now.2 != reseated.2);

    let later = performance(
        "performance:10228231109243",
        "Carmen",
        "Carmen",
        "2026-12-01T20:30:00+01:00",
        "2026-12-01T23:00:00+01:00",
    );
    let later = seen(&ticket_body(), later);
    assert!(now.0 != later.0 && now.1 != later.1 && now.2 == later.2);

    // Two facts that swap places, which their mere concatenation would not show.
    let (mut left, mut right) = (ticket_body(), ticket_body());
    (left["row"], left["seat"]) = (json!("1"), json!("23"));
    (right["row"], right["seat"]) = (json!("12"), json!("3"));
    assert_ne!(seen(&left, carmen()).2, seen(&right, carmen()).2);
    for (body, absent) in [(&mut left, "row"), (&mut right, "seat")] {
        (body["row"], body["seat"]) = (json!("1"), json!("1"));
        body.as_object_mut().unwrap().remove(absent);
    }
    assert_ne!(seen(&left, carmen()).2, seen(&right, carmen()).2);
}

#[test]
fn an_event_without_a_title_cannot_be_shown() {
    let untitled = event("performance:1", &json!({ "key": "performance:1", "startsAt": "2026-12-01T20:00:00+01:00" }));
    let job = job(&compiled(&source("event-ticket")), &ticket_body(), vec![untitled]);
    assert_eq!(only(&job), Err(Fault::Missing("event.title".to_owned())));
}
