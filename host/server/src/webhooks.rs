//! `passerelle webhook`: endpoints by hand, on the store of this machine.
//!
//! Owns what the commands print. Does not own what is done (`passerelle_flow::webhook::manage`, as over HTTP), nor sending: the running server takes up
//! within a second what is wanted here.

#![allow(clippy::print_stdout)] // what a command is asked for goes to standard output

use anyhow::{Context as _, bail};
use passerelle_flow::ports::{Clock as _, HttpFailure};
use passerelle_flow::store::{DeliveryPage, Outbox as _};
use passerelle_flow::webhook::body::time;
use passerelle_flow::webhook::endpoint::{Draft, Violations};
use passerelle_flow::webhook::manage::{
    Desk, ManageError, delivery_shown, shown, shown_with_secrets, state_word, states,
};
use serde_json::Value;

use crate::cli::{EndpointOptions, Endpoints, Webhook};
use crate::commands::{known_tenant, open_store, runtime, settings};
use crate::config::{Settings, Tenants};
use crate::egress::{self, Policy};
use crate::host::{ServerClock, SystemRandom};
use crate::store::SqliteStore;

type StoreDesk<'a> = Desk<'a, SqliteStore, SystemRandom>;

pub fn perform(webhook: Webhook) -> anyhow::Result<bool> {
    match webhook {
        Webhook::List { whose } => at(&whose, async |desk, _| list(desk).await),
        Webhook::Create { whose, endpoint, options, disabled } => {
            let draft = Draft { endpoint: Some(endpoint), enabled: Some(!disabled), ..draft(options) };
            at(&whose, async |desk, settings| {
                let settled = draft.judge(vet(settings)).map_err(wrong)?;
                let (row, endpoint) = desk.create(settled).await.map_err(failed)?;
                print(&shown_with_secrets(&row, &endpoint, desk.now));
                eprintln!("The secret is shown once. `passerelle webhook test` sends a first event.");
                Ok(())
            })
        }
        Webhook::Show { whose, id } => at(&whose, async |desk, _| {
            let (row, endpoint) = desk.one(&id).await.map_err(failed)?;
            print(&shown(&row, &endpoint, desk.now));
            Ok(())
        }),
        Webhook::Update { whose, id, endpoint, options, enable, disable } => {
            let enabled = (enable || disable).then_some(enable);
            let change = Draft { endpoint, enabled, ..draft(options) };
            at(&whose, async |desk, settings| {
                let (row, endpoint) = desk.update(&id, &change, vet(settings)).await.map_err(failed)?;
                print(&shown(&row, &endpoint, desk.now));
                Ok(())
            })
        }
        Webhook::Delete { whose, id } => at(&whose, async |desk, _| {
            desk.delete(&id).await.map_err(failed)?;
            println!("Deleted: {id}");
            Ok(())
        }),
        Webhook::Rotate { whose, id, overlap } => at(&whose, async |desk, _| {
            let (row, endpoint) = desk.rotate(&id, overlap.saturating_mul(1_000)).await.map_err(failed)?;
            print(&shown_with_secrets(&row, &endpoint, desk.now));
            eprintln!("The secret is shown once. The one of before signs along for {overlap} seconds.");
            Ok(())
        }),
        Webhook::Deliveries { whose, id, event: Some(event), .. } => at(&whose, async |desk, _| {
            let (delivery, attempts) = desk.delivery(&id, &event).await.map_err(failed)?;
            let mut shown = delivery_shown(&delivery);
            if let Value::Object(shown) = &mut shown {
                let attempts = attempts.iter().map(|attempt| desk.attempt_shown(&id, &event, attempt)).collect();
                shown.insert("attempts".to_owned(), attempts);
            }
            print(&shown);
            Ok(())
        }),
        Webhook::Deliveries { whose, id, event: None, state, limit } => {
            let wanted = state.map(|word| states(&word).context("--state is waiting, sending, delivered or dead"));
            let page = DeliveryPage { states: wanted.transpose()?, after: None, limit };
            at(&whose, async |desk, _| deliveries(desk, &id, page).await)
        }
        Webhook::Replay { whose, id, event: Some(event), .. } => at(&whose, async |desk, _| {
            desk.replay(&id, &event).await.map_err(failed)?;
            println!("Wanted again: {event}");
            Ok(())
        }),
        Webhook::Replay { whose, id, event: None, since, delivered } => {
            let since: jiff::Timestamp = since
                .unwrap_or_default()
                .parse()
                .map_err(|_| anyhow::anyhow!("--since is a time such as 2026-03-14T18:00:00Z"))?;
            at(&whose, async |desk, settings| {
                let kept = settings.options.retention.notifications;
                let count = desk.replay_since(&id, since.as_millisecond(), delivered, kept).await.map_err(failed)?;
                println!("Deliveries that are wanted now: {count}");
                Ok(())
            })
        }
        Webhook::Test { whose, id } => at(&whose, async |desk, _| {
            let event = desk.test(&id, None).await.map_err(failed)?;
            println!("{event}");
            eprintln!("`passerelle webhook deliveries … {id} --event {event}` says what came of it.");
            Ok(())
        }),
        Webhook::Listen { .. } | Webhook::Verify { .. } => bail!("these need no store"),
    }
}

/// With the tenant's keys, which open what an endpoint is.
fn at(
    whose: &Endpoints,
    work: impl AsyncFnOnce(&StoreDesk<'_>, &Settings) -> anyhow::Result<()>,
) -> anyhow::Result<bool> {
    let settings = settings(&whose.configured)?;
    let id = known_tenant(&settings, whose.tenant.0.clone())?.0;
    // This one alone: the others are not asked about, and what is wrong with it `check` says.
    let loaded = Tenants::new(&settings).examine(&id).outcome.ok();
    let tenant = loaded.context("the tenant is not in force; `passerelle check` says why")?.tenant;
    runtime(None)?.block_on(async {
        let store = open_store(&settings)?;
        let desk = Desk { store: &store, random: &SystemRandom, tenant: &tenant, now: ServerClock::default().now() };
        let done = work(&desk, &settings).await;
        store.close().await;
        done.map(|()| true)
    })
}

fn vet(settings: &Settings) -> impl Fn(&str) -> Result<(), HttpFailure> {
    let policy = Policy { allow: settings.egress.allow.clone(), plain_http: settings.egress.plain_http };
    move |url| egress::vet(url, &policy)
}

fn draft(options: EndpointOptions) -> Draft {
    let EndpointOptions { events, description, format, neostore_signature } = options;
    let events = (!events.is_empty()).then_some(events);
    Draft { description, events, format, neostore_signature, ..Draft::default() }
}

fn failed(error: ManageError) -> anyhow::Error {
    match error {
        ManageError::Invalid(violations) => wrong(violations),
        other => other.into(),
    }
}

fn wrong(violations: Violations) -> anyhow::Error {
    let lines: Vec<String> = violations
        .into_iter()
        .flat_map(|(field, all)| all.into_iter().map(move |what| format!("{field}: {what}")))
        .collect();
    anyhow::anyhow!("the endpoint is not as it should be:\n{}", lines.join("\n"))
}

fn print(value: &Value) {
    println!("{}", serde_json::to_string_pretty(value).unwrap_or_default());
}

async fn list(desk: &StoreDesk<'_>) -> anyhow::Result<()> {
    let endpoints = desk.list().await.map_err(failed)?;
    if endpoints.is_empty() {
        println!(
            "No endpoints. `passerelle webhook create --tenant {} --event \"Pass:*\" URL` makes one.",
            desk.tenant.id
        );
        return Ok(());
    }
    let mut table = table(["ID", "STATE", "EVENTS", "FORMAT", "ENDPOINT", "FOR"]);
    for (row, endpoint) in endpoints {
        let state = match (row.disabled, row.failing_since) {
            (Some((_, why)), _) => format!("off ({})", why.name()),
            (None, Some(since)) => format!("failing since {}", time(since)),
            (None, None) => "on".to_owned(),
        };
        let settled = &endpoint.settled;
        table.add_row([
            endpoint.id.clone(),
            state,
            settled.events.texts().join(" "),
            settled.draft().format.unwrap_or_default(),
            settled.address.clone(),
            settled.description.clone(),
        ]);
    }
    println!("{table}");
    Ok(())
}

async fn deliveries(desk: &StoreDesk<'_>, id: &str, page: DeliveryPage) -> anyhow::Result<()> {
    desk.one(id).await.map_err(failed)?;
    let found = desk.store.deliveries(&desk.tenant.id, id, page).await?;
    if found.is_empty() {
        println!("No deliveries.");
        return Ok(());
    }
    let mut table = table(["EVENT", "TYPE", "PASS", "SEQUENCE", "STATE", "FAILED", "WHY"]);
    for delivery in found {
        table.add_row([
            delivery.happening,
            delivery.kind.name().to_owned(),
            delivery.pass.map(|pass| pass.to_string()).unwrap_or_default(),
            delivery.seq.map(|seq| seq.to_string()).unwrap_or_default(),
            state_word(delivery.state).to_owned(),
            delivery.attempts.to_string(),
            delivery.error.unwrap_or_default(),
        ]);
    }
    println!("{table}");
    Ok(())
}

fn table<const N: usize>(header: [&str; N]) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::NOTHING).set_header(header);
    table
}
