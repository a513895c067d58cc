//! What is measured with: an order as SecuTix tells it, the passes that were made from it, and the order after a reprint.
//!
//! Made by rule for any number of tickets, and driven through the connector itself: the known passes hold what `classify` offered, and the
//! job holds what it updates.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use passerelle_connector::contract::{installation, payload, scenario, types, webhook};
use passerelle_connector::template::{TemplateSource, compile};
use serde_json::{Value, json};

/// One of each function's arguments, for a number of tickets.
pub struct Inputs {
    pub notification: webhook::Notification,
    pub observation: scenario::Observation,
    pub job: payload::Job,
    pub reduce: (installation::Context, installation::Status, Vec<installation::Signal>),
}

impl Inputs {
    pub fn for_tickets(tickets: u64) -> Result<Self> {
        let offered = classify(&observation(tickets, "B", Vec::new(), Vec::new()))?;
        let passes = offered.operations.iter().map(known_pass).collect::<Result<Vec<_>>>()?;
        let observation = observation(tickets, "R", passes, offered.events);
        let verdict = classify(&observation)?;
        let items = verdict.operations.iter().map(item).collect::<Result<Vec<_>>>()?;
        let settings = settings()?;
        let template = template(&settings)?;
        let job = payload::Job {
            template,
            locales: LANGUAGES.map(str::to_owned).to_vec(),
            settings,
            events: verdict.events,
            items,
        };
        Ok(Self { notification: notification(), observation, job, reduce: reduce(tickets) })
    }
}

fn classify(observation: &scenario::Observation) -> Result<scenario::Verdict> {
    match passerelle_connector::scenario::classify(observation) {
        Ok(verdict) => Ok(verdict),
        Err(fault) => bail!("the measured file is not read: {fault:?}"),
    }
}

fn notification() -> webhook::Notification {
    let body = json!({
        "orderSecretToken": "9f3c0c7e5b1d4f0e8a6b", "ticketId": 10_228_305_597_652_u64, "saleMovementId": 10_228_310_724_999_u64,
        "state": "MODIFIED", "lastUpdate": "2026-03-14T19:02:11.000+01:00",
    });
    webhook::Notification { content_type: Some("application/json".to_owned()), body: body.to_string().into_bytes() }
}

fn observation(
    tickets: u64,
    printing: &str,
    passes: Vec<scenario::KnownPass>,
    events: Vec<types::EventPart>,
) -> scenario::Observation {
    scenario::Observation {
        hints: vec![scenario::Hint { state: "MODIFIED".to_owned(), sale_movement: None, ticket: None }],
        answer: scenario::Answer::File(file(tickets, printing).to_string().into_bytes()),
        passes,
        events,
    }
}

/// One order of `tickets` tickets for one performance. Another `printing` is another ticket and barcode for every movement.
fn file(tickets: u64, printing: &str) -> Value {
    let movements = (0..tickets).map(|number| {
        let movement = 10_228_310_724_999 + number;
        let barcode = format!("{printing}085035041335220306{number:06}");
        let ticket = 10_228_305_597_652 + number + if printing == "B" { 0 } else { 1_000_000 };
        json!({
            "movementId": movement, "operationId": 10_228_310_724_422_u64, "type": "SALE", "movementState": "VALID", "barCode": barcode,
            "beneficiaryFirstname": "Ada", "beneficiaryLastname": format!("Lovelace {number}"), "culturalContactNumber": "4712",
            "area": "Parterre", "gate": "Gate 2", "row": (number / 32 + 1).to_string(), "seat": (number % 32 + 1).to_string(),
            "seatCategory": "CAT1", "audienceSubCategory": "Adult", "tariff": "FULL", "startValidityDate": null,
            "endValidityDate": null, "instanceNumber": 1,
            "tickets": [{"ticketId": ticket, "barcode": barcode, "ticketState": "VALID", "ticketUrl": null}],
        })
    });
    let movements: Vec<Value> = movements.collect();
    json!({
        "requestId": 1, "statusCode": "success", "statusDetail": null,
        "fileDetailsData": {
            "fileId": 10_000_702_600_u64, "fileState": "SOLDED", "lastModDateTime": "2026-03-14T19:02:11.000+01:00",
            "fileContacts": [{"role": "SALE", "contactNumber": "4711"}], "fileAttachments": [],
        },
        "orderDetailsDatas": [{
            "orderId": 10_000_702_652_u64, "orderSecretId": "9f3c0c7e5b1d4f0e8a6b", "orderType": "SALE", "orderState": "CLOSED",
            "orderOriginator": "TICKETSHOP", "creationDateTime": "2026-03-01T09:00:00.000+01:00", "salesChannelCode": "WEB",
            "operationDatas": [{
                "operationId": 10_228_310_724_422_u64, "kind": "SINGLE_ENTRY", "productId": 101, "productCode": "CARMEN",
                "productState": "RUNNING", "productFamilySubType": "OPERA",
                "productExternalName": {"translations": [{"locale": "fr", "value": "Carmen"}, {"locale": "en", "value": "Carmen"}]},
                "performanceId": 10_228_231_109_243_u64, "performanceStartDate": "2026-12-01T20:00:00.000+01:00",
                "performanceEndDate": "2026-12-01T23:00:00.000+01:00", "doorsOpenDate": null,
                "comfortVariableValues": [{"code": "WALLET", "value": "event-ticket"}],
                "locations": [{
                    "siteName": {"translations": [{"locale": "fr", "value": "Grand Théâtre"}, {"locale": "en", "value": "Grand Theatre"}]},
                    "spaceName": {"translations": [{"locale": "fr", "value": "Grande salle"}]},
                    "siteAddress": {
                        "firstAddressLine": "Boulevard du Théâtre 11", "zipCode": "1204", "locality": "Genève", "countryCode": "CH",
                        "latitude": 46.2, "longitude": 6.14,
                    },
                }],
            }],
            "movementDatas": movements,
        }],
    })
}

fn pass_of(subject: &types::Subject) -> String {
    let (types::Subject::Movement(id) | types::Subject::Contact(id)) = subject;
    format!("pass{:0>12}", id.get(id.len().saturating_sub(12)..).unwrap_or_default())
}

fn known_pass(operation: &scenario::Operation) -> Result<scenario::KnownPass> {
    let scenario::Action::Offer(ticket) = &operation.action else {
        bail!("a purchase is not offered: {:?}", operation.reason)
    };
    Ok(scenario::KnownPass {
        pass: pass_of(&operation.subject),
        subject: operation.subject.clone(),
        state: types::PassState::Live,
        order: operation.order.clone(),
        file: Some("10000702600".to_owned()),
        ticket: operation.ticket.clone(),
        snapshot: Some(ticket.clone()),
        shown: ticket.events.iter().map(|key| (key.clone(), true)).collect(),
    })
}

fn item(operation: &scenario::Operation) -> Result<payload::Item> {
    let scenario::Action::Update(ticket) = &operation.action else {
        bail!("a reprint is no update: {:?}", operation.reason)
    };
    Ok(payload::Item {
        pass: pass_of(&operation.subject),
        subject: operation.subject.clone(),
        state: types::PassState::Live,
        ticket: ticket.clone(),
        variables: vec![("host.organization".to_owned(), "Opéra de Démonstration".to_owned())],
    })
}

const LANGUAGES: [&str; 3] = ["fr", "en", "de"];

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/tenants/demo");

fn settings() -> Result<Vec<(String, String)>> {
    let tenant: toml::Table = std::fs::read_to_string(Path::new(EXAMPLE).join("tenant.toml"))?.parse()?;
    let settings = tenant.get("settings").and_then(toml::Value::as_table).context("the example has settings")?;
    let text = |value: &toml::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Ok(settings.iter().map(|(name, value)| (name.clone(), text(value))).collect())
}

/// The event ticket of the example tenant: three languages, the fields that a venue shows.
fn template(settings: &[(String, String)]) -> Result<String> {
    let folder = Path::new(EXAMPLE).join("templates/event-ticket");
    let text =
        |name: String| std::fs::read_to_string(folder.join(&name)).with_context(|| format!("the example's {name}"));
    let locales = LANGUAGES.map(|language| Ok((language.to_owned(), text(format!("{language}.toml"))?)));
    let images =
        std::fs::read_dir(folder.join("images"))?.map(|image| Ok(image?.file_name().to_string_lossy().into_owned()));
    let source = TemplateSource {
        name: "event-ticket".to_owned(),
        template: text("template.toml".to_owned())?,
        locales: locales.into_iter().collect::<Result<_>>()?,
        images: images.collect::<std::io::Result<_>>()?,
        settings: settings.to_vec(),
        ..TemplateSource::default()
    };
    match compile(&source) {
        Ok(compiled) => Ok(compiled.text),
        Err(errors) => bail!("the example's template does not compile: {errors:?}"),
    }
}

/// As many signals as there are tickets: phones come and go.
fn reduce(signals: u64) -> (installation::Context, installation::Status, Vec<installation::Signal>) {
    let context = installation::Context {
        pass: "pass000000000001".to_owned(),
        template: "event-ticket".to_owned(),
        ticket: Some("10228305597652".to_owned()),
        persist_status: true,
        persist_printed: true,
    };
    let absent = installation::Presence { installed: false, count: 0, first_at: None, changed_at: None, event: None };
    let status = installation::Status { apple: absent.clone(), google: absent, printed: None, written: Vec::new() };
    let signal = |number: u64| installation::Signal {
        source: if number.is_multiple_of(2) { "apple" } else { "google-callback" }.to_owned(),
        event: format!("event-{number}"),
        wallet: if number.is_multiple_of(2) { types::Wallet::Apple } else { types::Wallet::Google },
        kind: if number % 5 == 4 { installation::Kind::Removed } else { installation::Kind::Installed },
        at: 1_773_500_000_000 + number * 1000,
        count: (number.is_multiple_of(2)).then_some(1),
    };
    (context, status, (0..signals).map(signal).collect())
}
