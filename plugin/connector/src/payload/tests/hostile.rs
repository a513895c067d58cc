//! Properties: over facts of any content, and over bytes of any kind.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::jobs::{
    apple, built, carmen, compiled, event, field, job, object, season, small, source, ticket_body, translated,
};
use crate::contract::payload::Job;
use crate::contract::types::EventPart;
use crate::payload::rebuild;
use crate::template::Nfc;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,12}",
        any::<String>(),
        Just("Opéra".to_owned()),
        Just("Place \"{0}\" \\ %@\u{2028}\u{0}".to_owned())
    ]
}

fn date() -> impl Strategy<Value = String> {
    prop_oneof![
        (2000..2100_i32, 1..13, 1..29, 0..24).prop_map(|(y, m, d, h)| format!("{y}-{m:02}-{d:02}T{h:02}:30:00+02:00")),
        text(),
    ]
}

prop_compose! {
    /// The contents of an event: any, but with a title.
    fn body()(
        title in text().prop_filter("a title", |title| !title.is_empty()), other in option::of(text()), starts in option::of(date()),
        ends in option::of(date()), doors in option::of(date()), state in option::of(text()), city in option::of(text()),
        address in option::of(text()), venue in option::of(text()), room in option::of(text()), at in option::of((any::<f64>(), -180.0..180.0)),
    ) -> Value {
        let mut titles = json!({ "fr": title });
        if let Some(other) = other {
            titles["en"] = json!(other);
        }
        let names = |name: Option<String>| name.map(|name| json!({ "fr": name }));
        json!({
            "title": titles, "startsAt": starts, "endsAt": ends, "doorsAt": doors, "state": state,
            "venue": { "name": names(venue), "room": names(room), "city": city, "address": address,
                "latitude": at.map(|at| at.0), "longitude": at.map(|at| at.1) },
        })
    }
}

/// The keys of a season, with any contents.
fn programme() -> impl Strategy<Value = Vec<EventPart>> {
    vec(body(), 4).prop_map(|bodies| season().iter().zip(&bodies).map(|(part, body)| event(&part.key, body)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn googles_object_holds_nothing_of_the_event(left in programme(), right in programme(), void in any::<bool>()) {
        for name in ["event-ticket", "season-ticket"] {
            let template = compiled(&source(name));
            let [left, right] = [&left, &right].map(|events| {
                let mut job = job(&template, &ticket_body(), events.clone());
                if void {
                    job.items[0].state = crate::contract::types::PassState::Void;
                }
                built(&job)
            });
            let (left, right) = (left.google.unwrap(), right.google.unwrap());
            prop_assert_eq!(left.seen, right.seen);
            prop_assert_eq!(left.object_body, right.object_body);
            prop_assert_eq!(left.class_key, right.class_key);
        }
    }

    #[test]
    fn the_same_job_gives_the_same_bytes(events in programme(), name in text()) {
        let mut body = ticket_body();
        body["firstName"] = json!(name);
        let job = job(&compiled(&source("season-ticket")), &body, events);
        prop_assert_eq!(rebuild(&job), rebuild(&job));
    }

    #[test]
    fn any_name_comes_through(first in text(), last in text(), row in text()) {
        let mut body = ticket_body();
        (body["firstName"], body["lastName"], body["row"]) = (json!(first), json!(last), json!(row));
        let payload = built(&job(&compiled(&source("event-ticket")), &body, vec![carmen()]));
        let full = [first.as_str(), last.as_str()].into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>().join(" ");
        let (pass, object) = (apple(&payload), object(&payload));
        prop_assert_eq!(object["ticketHolderName"].as_str().unwrap_or_default(), &full);
        prop_assert_eq!(object["seatInfo"]["row"]["defaultValue"]["value"].as_str().unwrap_or_default(), &row);
        for (key, expected) in [("holder", &full), ("row", &row)] {
            // Invisible marks may follow where the text is also a translated one.
            let shown = field(&pass, "eventTicket", key).map_or("", |field| field["value"].as_str().unwrap());
            let without_marks = |shown: &str| shown.strip_prefix(expected.as_str()).map(|rest| rest.replace('\u{200b}', ""));
            prop_assert_eq!(without_marks(shown), Some(String::new()));
            for locale in ["fr", "en", "de"] {
                prop_assert_eq!(without_marks(&translated(&payload, locale, shown)), Some(String::new()), "{}", locale);
            }
        }
    }

    #[test]
    fn any_title_is_shown_to_each_in_their_language(fr in text(), en in text()) {
        prop_assume!(!fr.is_empty());
        let event = event("performance:1", &json!({ "title": { "fr": fr, "en": en } }));
        let payload = built(&job(&compiled(&source("event-ticket")), &ticket_body(), vec![event]));
        let pass = apple(&payload);
        let shown = field(&pass, "eventTicket", "title").unwrap()["value"].as_str().unwrap();
        prop_assert!(shown.starts_with(&fr));
        let expected = if en.is_empty() { &fr } else { &en };
        prop_assert_eq!(&translated(&payload, "en", shown), expected);
    }

    #[test]
    fn no_bytes_of_a_ticket_or_an_event_make_it_panic(ticket in vec(any::<u8>(), 0..200), event in vec(any::<u8>(), 0..200)) {
        let mut job = job(&compiled(&source("event-ticket")), &ticket_body(), vec![carmen()]);
        job.events[0].body = event;
        let _ = rebuild(&job);
        job.events = vec![carmen()];
        job.items[0].ticket.body = ticket;
        let _ = rebuild(&job);
    }

    #[test]
    fn no_json_of_a_ticket_or_an_event_makes_it_panic(cut in 0.0..1.0, insert in "[\\{\\}\\[\\]:,\"0-9a-z.\\\\-]{0,4}") {
        let mut job = job(&compiled(&source("event-ticket")), &ticket_body(), vec![carmen()]);
        for body in [&mut job.events[0].body, &mut job.items[0].ticket.body] {
            let at = (body.len() as f64 * cut) as usize;
            body.splice(at..at, insert.bytes());
        }
        let _ = rebuild(&job);
    }

    #[test]
    fn no_damage_to_a_template_makes_it_panic(cut in 0.0..1.0, other in any::<char>(), truncate in any::<bool>()) {
        rebuild_damaged(job(&compiled(&source("season-ticket")), &ticket_body(), season()), cut, other, truncate);
    }

    /// With every kind of node and part.
    #[test]
    fn no_damage_to_a_template_of_a_poster_makes_it_panic(cut in 0.0..1.0, other in any::<char>(), truncate in any::<bool>()) {
        let mut source = small(POSTER);
        source.images.push("artwork.png".to_owned());
        source.nfc = Some(Nfc { encryption_public_key: "MFkw".to_owned(), requires_authentication: false });
        rebuild_damaged(job(&compiled(&source), &ticket_body(), season()), cut, other, truncate);
    }
}

/// With one character of the compiled template exchanged, and perhaps all behind it gone.
fn rebuild_damaged(mut job: Job, cut: f64, other: char, truncate: bool) {
    let mut characters: Vec<char> = job.template.chars().collect();
    let at = 5 + ((characters.len() - 6) as f64 * cut) as usize;
    characters[at] = other;
    if truncate {
        characters.truncate(at + 1);
    }
    job.template = characters.into_iter().collect();
    let _ = rebuild(&job);
}

const POSTER: &str = r#"
kind = "event-ticket"
description = "x"
[barcode]
[relevance]
endDate = "{event.end}"
[apple]
[apple.poster]
upcomingEvents = true
addOnURL = "{tenant.addOn}"
[[apple.featuredActions]]
identifier = "a"
type = "shop"
url = "{settings.website}"
[[apple.back]]
key = "a"
value = "{ticket.seat}"
attributedValue = "{ticket.row} <a href='{settings.website}'>x</a>"
[apple.back.semantics]
seat = { seatRow = "{ticket.row}" }
[[apple.back]]
key = "b"
value = "{ticket.seat}"
numberStyle = "decimal"
[[apple.back]]
key = "c"
value = "{event.doors:time|x}"
"#;
