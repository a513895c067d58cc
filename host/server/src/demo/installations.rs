//! The second half of the play: what a holder does with a pass, and what SecuTix and a CRM know of it afterwards.
//!
//! Owns the steps and what each must lead to. Does not own the table (`report`). What is judged is what the other sides hold: the external
//! references and the ticket at the simulated SecuTix, the webhook that the simulated CRM received and verified, and the fields that it keeps.
//!
//! Bounded by SecuTix's budget: of sixty keys a minute reports may write forty-eight, and the whole play writes forty-five at most.

use std::collections::BTreeMap;

use anyhow::Context as _;
use http::Method;
use passerelle_simulator::{CrmDesk, Holder, Iphone, Origin, Received};
use serde_json::{Value, json};

use super::report::{InstallationStep, Told};
use super::stage::{LIMIT, Stage};

/// What must be known after a step.
struct Expected {
    status: &'static str,
    device: &'static str,
    wallets: &'static str,
    last: &'static str,
    /// The event that a step leads to; none: nothing that anybody is told of.
    event: Option<&'static str>,
}

const fn told(
    status: &'static str,
    device: &'static str,
    wallets: &'static str,
    last: &'static str,
    event: &'static str,
) -> Expected {
    Expected { status, device, wallets, last, event: Some(event) }
}

const INSTALLED: &str = "Pass:Installed";
const REMOVED: &str = "Pass:Uninstalled";

/// One ticket, and who looks at it.
struct Watched<'a> {
    stage: &'a Stage,
    desk: CrmDesk,
    movement: i64,
    ticket: i64,
    /// Events that the CRM has been told of this pass.
    heard: usize,
    steps: Vec<InstallationStep>,
}

pub(super) async fn play(stage: &Stage) -> anyhow::Result<Vec<InstallationStep>> {
    let secutix = stage.world.secutix();
    let desk = stage.world.crm().desk("demo");
    subscribe(stage, &desk).await?;
    secutix.oddities(|odd| odd.tickets_unprinted = true);
    let sale = secutix.sell_single("CARMEN", Holder::new("Ada", "Byron"), Origin::TicketShop).await;
    secutix.oddities(|odd| odd.tickets_unprinted = false);
    let file = sale?.file().context("a sale without a file")?;
    stage.rest().await?;
    let links = stage.links(file).await?;
    let link = links.first().context("no ticket")?;
    let movement = link.movement.parse()?;
    let ticket = secutix.ticket_ids(movement).context("no ticket")?.ticket;
    let mut watched = Watched { stage, desk, movement, ticket, heard: 0, steps: Vec::new() };

    let (first, second) = (stage.world.iphone("Ada's iPhone"), stage.world.iphone("Ada's second iPhone"));
    let both = "apple+google";
    first.add(&link.apple).await?;
    watched.step("added on an iPhone", told("installed", "apple", "apple", "installed", INSTALLED)).await?;
    let object = stage.save(&link.google).await?;
    watched.step("added on an Android phone", told("installed", both, "both", "installed", INSTALLED)).await?;
    second.add(&link.apple).await?;
    watched.step("added on a second iPhone", told("installed", both, "both", "installed", INSTALLED)).await?;
    remove(&first, &link.serial).await?;
    let nothing = Expected { event: None, ..told("installed", both, "both", "installed", "") };
    watched.step("removed from one of two iPhones", nothing).await?;
    remove(&second, &link.serial).await?;
    watched.step("removed from the last iPhone", told("installed", "google", "google", "uninstalled", REMOVED)).await?;
    anyhow::ensure!(stage.android.remove(&object).await, "the Android phone had no pass to remove");
    watched.step("removed from the Android phone", told("uninstalled", "-", "none", "uninstalled", REMOVED)).await?;
    first.add(&link.apple).await?;
    watched.step("added again", told("installed", "apple", "apple", "installed", INSTALLED)).await?;
    Ok(watched.steps)
}

/// The CRM asks to be told, and gets the secret that it verifies with.
async fn subscribe(stage: &Stage, desk: &CrmDesk) -> anyhow::Result<()> {
    let body = json!({ "description": "the demo's CRM", "endpoint": desk.url(), "events": ["Pass:Installed", "Pass:Uninstalled"] });
    let made = stage.caller.json(Method::POST, &format!("/api/{}/webhooks", stage.tenant), Some(body)).await?;
    let secret = made.get("secret").and_then(Value::as_str).context("a webhook without a secret")?;
    desk.trust(secret).context("the webhook's secret")
}

async fn remove(phone: &Iphone, serial: &str) -> anyhow::Result<()> {
    anyhow::ensure!(phone.remove(serial).await, "{} had no pass to remove", phone.name());
    Ok(())
}

impl Watched<'_> {
    async fn step(&mut self, case: &str, expected: Expected) -> anyhow::Result<()> {
        self.stage.rest().await?;
        self.heard += usize::from(expected.event.is_some());
        let (movement, heard) = (self.movement.to_string(), self.heard);
        let mine = |received: &&Received| {
            received.taken
                && received.json.pointer("/data/properties/identifiers/secutix.movementId").and_then(Value::as_str)
                    == Some(&movement)
        };
        let mut missing = Vec::new();
        let seen = self.desk.wait_until(|all| all.iter().filter(mine).count() >= heard, LIMIT).await;
        if seen.is_err() {
            missing.push("a webhook".to_owned());
        }
        let received: Vec<Received> = self.desk.received().iter().filter(mine).cloned().collect();
        if received.len() > heard {
            missing.push(format!("one event, not {}", received.len() - heard + 1));
        }
        let webhook = expected.event.and_then(|_| received.last()).map(|received| Told {
            event: received.kind().to_owned(),
            sequence: received.sequence().unwrap_or_default(),
            verified: received.verified == Some(true),
        });
        if let Some(event) = expected.event
            && webhook.as_ref().is_none_or(|webhook| webhook.event != event || !webhook.verified)
        {
            missing.push(format!("{event}, signed"));
        }
        let secutix = self.stage.world.secutix();
        let references = secutix.movement_references(self.movement);
        for (key, value) in [("twc.status", expected.status), ("twc.device", expected.device)] {
            if references.get(key).map(String::as_str) != Some(value) {
                missing.push(format!("{key} {value}"));
            }
        }
        let printing = secutix.ticket_state(self.ticket).map(|state| state.code()).unwrap_or_default();
        if printing != "PRINTED" || secutix.prints().iter().filter(|print| print.ticket == self.ticket).count() != 1 {
            missing.push("PRINTED once".to_owned());
        }
        let record = self.desk.records().remove(&movement).unwrap_or_default();
        let is = |field: &Option<String>, value: &str| field.as_deref() == Some(value);
        if !is(&record.wallet_status, expected.wallets) || !is(&record.wallet_last_event, expected.last) {
            missing.push(format!("walletStatus {}, walletLastEvent {}", expected.wallets, expected.last));
        }
        let crm = [
            ("walletStatus", record.wallet_status),
            ("appleWalletInstalledAt", record.apple_wallet_installed_at),
            ("googleWalletInstalledAt", record.google_wallet_installed_at),
            ("walletLastChangedAt", record.wallet_last_changed_at),
            ("walletLastEvent", record.wallet_last_event),
        ];
        let crm: BTreeMap<String, String> =
            crm.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        self.steps.push(InstallationStep {
            case: case.to_owned(),
            references,
            printing: printing.to_owned(),
            webhook,
            crm,
            ok: missing.is_empty(),
            missing,
        });
        Ok(())
    }
}
