//! Jobs to test with: the example tenant's templates, and an event, a season, a ticket and a card that nobody has.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::contract::payload::{ApplePass, Fault, GoogleClass, GooglePass, Item, Job, PassPayload, Rebuilt};
use crate::contract::types::{EventPart, PassState, Subject, TicketPart};
use crate::payload::rebuild;
use crate::template::{Compiled, TemplateError, TemplateSource, compile};

pub(super) const LOCALES: [&str; 3] = ["fr", "en", "de"];

pub(super) fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/tenants/demo/templates")
}

pub(super) fn settings() -> Vec<(String, String)> {
    vec![
        ("phone".to_owned(), "+41 22 555 01 00".to_owned()),
        ("website".to_owned(), "https://opera.example.org".to_owned()),
    ]
}

/// A template's folder, as a host reads it.
pub(super) fn source(name: &str) -> TemplateSource {
    let folder = examples().join(name);
    let text = |file: String| std::fs::read_to_string(folder.join(file)).unwrap();
    let images = std::fs::read_dir(folder.join("images")).unwrap();
    TemplateSource {
        name: name.to_owned(),
        template: text("template.toml".to_owned()),
        locales: LOCALES.map(|tag| (tag.to_owned(), text(format!("{tag}.toml")))).to_vec(),
        images: images.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect(),
        settings: settings(),
        ..TemplateSource::default()
    }
}

pub(super) fn shown(errors: &[TemplateError]) -> String {
    errors.iter().map(|error| format!("{error}\n")).collect()
}

pub(super) fn compiled(source: &TemplateSource) -> Compiled {
    compile(source).unwrap_or_else(|errors| panic!("{}", shown(&errors)))
}

/// A template of one wallet's part only, with texts in French and English.
pub(super) fn small(template: &str) -> TemplateSource {
    TemplateSource {
        name: "small".to_owned(),
        template: template.to_owned(),
        locales: vec![("fr".to_owned(), String::new()), ("en".to_owned(), String::new())],
        images: ["icon.png", "icon@2x.png", "icon@3x.png"].map(str::to_owned).to_vec(),
        settings: settings(),
        ..TemplateSource::default()
    }
}

pub(super) fn event(key: &str, body: &Value) -> EventPart {
    let body = serde_json::to_vec(body).unwrap();
    EventPart { key: key.to_owned(), body, ends_at: None }
}

pub(super) fn performance(key: &str, fr: &str, en: &str, start: &str, end: &str) -> EventPart {
    let body = json!({
        "key": key, "kind": "SINGLE_ENTRY", "product": "CARMEN", "state": "RUNNING",
        "title": { "fr": fr, "en": en },
        "startsAt": start, "endsAt": end, "doorsAt": null,
        "venue": {
            "name": { "fr": "Grand Théâtre", "en": "Grand Théâtre" }, "room": { "fr": "Grande salle", "en": "Main hall" },
            "address": "Place de Neuve 5", "postalCode": "1204", "city": "Genève", "country": "CH",
            "latitude": 46.2017, "longitude": 6.1421,
        },
    });
    event(key, &body)
}

pub(super) fn carmen() -> EventPart {
    performance(
        "performance:10228231109243",
        "Carmen",
        "Carmen",
        "2026-12-01T20:00:00+01:00",
        "2026-12-01T23:00:00+01:00",
    )
}

pub(super) fn season() -> Vec<EventPart> {
    vec![
        event(
            "product:101",
            &json!({ "key": "product:101", "kind": "SEASONTICKET", "product": "SAISON",
            "title": { "fr": "Saison 26/27", "en": "Season 26/27", "de": "Spielzeit 26/27" } }),
        ),
        carmen(),
        performance(
            "performance:2",
            "La Flûte enchantée",
            "The Magic Flute",
            "2027-02-14T15:00:00+01:00",
            "2027-02-14T18:00:00+01:00",
        ),
        performance("performance:3", "Giselle", "Giselle", "2027-05-08T19:30:00+02:00", "2027-05-08T21:45:00+02:00"),
    ]
}

pub(super) fn ticket_body() -> Value {
    json!({
        "kind": "ticket", "movement": "10228310724999", "ticket": "10228305597652", "order": "10000702652",
        "barcode": "085035041335220306680099", "firstName": "Ada", "lastName": "Lovelace", "contact": "4712",
        "area": "A", "gate": "2", "row": "12", "seat": "7", "seatCategory": "CAT 1", "audience": "Adulte", "tariff": "Plein tarif",
        "used": false,
    })
}

pub(super) fn card_body() -> Value {
    json!({
        "kind": "card", "contact": "4711", "barcode": "4711", "firstName": "Ada", "lastName": "Lovelace", "title": "Mme",
        "quality": "FRIEND", "qualityName": { "fr": "Amie de l'opéra", "en": "Friend of the opera" },
    })
}

pub(super) fn item(body: &Value, events: &[EventPart]) -> Item {
    Item {
        pass: "KlnqcxVLA9pS4ol5".to_owned(),
        subject: Subject::Movement("10228310724999".to_owned()),
        state: PassState::Live,
        ticket: TicketPart {
            body: serde_json::to_vec(body).unwrap(),
            events: events.iter().map(|event| event.key.clone()).collect(),
            selectors: Vec::new(),
        },
        variables: vec![("host.organization".to_owned(), "Opéra de Démonstration".to_owned())],
    }
}

/// A job of one pass.
pub(super) fn job(compiled: &Compiled, body: &Value, events: Vec<EventPart>) -> Job {
    Job {
        template: compiled.text.clone(),
        locales: compiled.locales.clone(),
        settings: settings(),
        items: vec![item(body, &events)],
        events,
    }
}

/// A pass with its class beside it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Built {
    pub apple: Option<ApplePass>,
    pub google: Option<BuiltGoogle>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct BuiltGoogle {
    pub kind: String,
    pub class_key: String,
    pub class_body: Vec<u8>,
    pub object_body: Vec<u8>,
    pub seen: Vec<u8>,
}

/// Every pass of the job, with its class.
pub(super) fn all(job: &Job) -> Vec<Result<Built, Fault>> {
    let Rebuilt { classes, passes } = rebuild(job).unwrap();
    let google = |GooglePass { class, object_body, seen }: GooglePass| {
        let GoogleClass { kind, key: class_key, body: class_body } = classes[class as usize].clone();
        BuiltGoogle { kind, class_key, class_body, object_body, seen }
    };
    let built = |pass: PassPayload| Built { apple: pass.apple, google: pass.google.map(google) };
    passes.into_iter().map(|pass| pass.map(built)).collect()
}

/// The only pass of the job.
pub(super) fn built(job: &Job) -> Built {
    only(job).unwrap()
}

pub(super) fn only(job: &Job) -> Result<Built, Fault> {
    let mut passes = all(job);
    assert_eq!(passes.len(), 1);
    passes.pop().unwrap()
}

pub(super) fn apple(payload: &Built) -> Value {
    serde_json::from_slice(&payload.apple.as_ref().unwrap().pass_json).unwrap()
}

pub(super) fn class(payload: &Built) -> Value {
    serde_json::from_slice(&payload.google.as_ref().unwrap().class_body).unwrap()
}

pub(super) fn object(payload: &Built) -> Value {
    serde_json::from_slice(&payload.google.as_ref().unwrap().object_body).unwrap()
}

/// A field of the Apple pass by its key.
pub(super) fn field<'v>(pass: &'v Value, style: &str, key: &str) -> Option<&'v Value> {
    pass[style]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|fields| fields.as_array().unwrap())
        .find(|field| field["key"] == key)
}

/// What a phone in that language shows for a text of pass.json.
pub(super) fn translated(payload: &Built, locale: &str, text: &str) -> String {
    let strings = &payload.apple.as_ref().unwrap().strings;
    let (_, file) = strings.iter().find(|(tag, _)| tag == locale).unwrap();
    entries(std::str::from_utf8(file).unwrap())
        .into_iter()
        .find(|(key, _)| key == text)
        .map_or_else(|| text.to_owned(), |(_, value)| value)
}

/// A reader of strings files: `"key" = "value";` with C's escapes.
pub(super) fn entries(file: &str) -> Vec<(String, String)> {
    let mut rest = file;
    let mut entries = Vec::new();
    let quoted = |rest: &mut &str| {
        let mut text = String::new();
        let mut chars = rest.strip_prefix('"').unwrap().char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    *rest = &rest[at + 2..];
                    return text;
                }
                '\\' => match chars.next().unwrap().1 {
                    'n' => text.push('\n'),
                    'r' => text.push('\r'),
                    't' => text.push('\t'),
                    'U' => {
                        assert_eq!((0..4).map(|_| chars.next().unwrap().1).collect::<String>(), "0000");
                        text.push('\0');
                    }
                    other => text.push(other),
                },
                other => text.push(other),
            }
        }
        panic!("a text without an end: {file}")
    };
    while !rest.is_empty() {
        let key = quoted(&mut rest);
        rest = rest.strip_prefix(" = ").unwrap();
        let value = quoted(&mut rest);
        rest = rest.strip_prefix(";\n").unwrap();
        entries.push((key, value));
    }
    entries
}
