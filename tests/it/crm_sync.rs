//! The source's page on keeping a CRM in step ("Sync pass installation status to your CRM"): a case for each line of its edge cases and of its
//! troubleshooting, with a CRM on a real socket.
//!
//! Owns those cases. Does not own how webhooks go out (`webhooks`) nor what SecuTix is told (`installation_status`).

use http::Method;
use passerelle_server::demo::stage::StageOptions;
use passerelle_simulator::{Behaviour, CrmDesk, CrmRecord};
use serde_json::{Value, json};

use crate::house::{BACKOFF, House, LIMIT, until};
use crate::installation_status::{Sale, reporting};

const EVENTS: [&str; 2] = ["Pass:Installed", "Pass:Uninstalled"];

/// A house with a CRM that listens.
struct Crm {
    house: House,
    key: String,
    desk: CrmDesk,
    webhook: Value,
}

impl Crm {
    async fn new() -> Self {
        Self::with(reporting()).await
    }

    async fn with(options: StageOptions) -> Self {
        let house = House::with(options).await;
        let scopes = ["Webhook.Read", "Webhook.Write", "Pass.Read", "Pass.Write", "Insights.Read"];
        let key = house.key_for(&scopes).await;
        let desk = house.stage.world.crm().desk("crm");
        let mut crm = Self { house, key, desk, webhook: Value::Null };
        let draft = json!({ "endpoint": crm.desk.url(), "events": EVENTS });
        crm.webhook = crm.ask(Method::POST, "webhooks", &draft).await;
        crm.desk.trust(crm.webhook["secret"].as_str().unwrap()).unwrap();
        crm
    }

    async fn ask(&self, method: Method, path: &str, body: &Value) -> Value {
        let reply = self.house.with_key(method.as_str(), &format!("/api/demo/{path}"), &self.key, body).await;
        assert!(reply.status.is_success(), "{path}: {} {}", reply.status, String::from_utf8_lossy(&reply.body));
        reply.json()
    }

    async fn deliveries(&self) -> Vec<Value> {
        let path = format!("webhooks/{}/deliveries", self.webhook["id"].as_str().unwrap());
        let list = self.ask(Method::GET, &path, &Value::Null).await;
        list["deliveries"].as_array().unwrap().clone()
    }

    fn record(&self, identifier: &str) -> CrmRecord {
        self.desk.records().remove(identifier).unwrap_or_default()
    }

    /// Waits until the CRM's record says so.
    async fn stands(&self, identifier: &str, status: &str) -> CrmRecord {
        until(status, async || self.record(identifier).wallet_status.as_deref() == Some(status)).await;
        self.record(identifier)
    }

    fn backfill(&self, arguments: &[&str]) -> String {
        self.house.command(&["backfill"], arguments)
    }
}

fn join(sale: &Sale) -> String {
    sale.movement.to_string()
}

/// "Installation is wallet-specific. A single customer can install on Apple and Google."
#[tokio::test(flavor = "multi_thread")]
async fn one_customer_may_have_it_in_both_wallets() {
    let crm = Crm::new().await;
    let sale = crm.house.sale("Ada").await;
    crm.house.stage.iphone.add(&sale.apple).await.unwrap();
    let apple = crm.stands(&join(&sale), "apple").await;
    assert!(apple.google_wallet_installed_at.is_none());
    crm.house.save(&sale).await;
    let both = crm.stands(&join(&sale), "both").await;
    assert_eq!(both.apple_wallet_installed_at, apple.apple_wallet_installed_at);
    assert_eq!(both.google_wallet_installed_at, both.wallet_last_changed_at);
    crm.house.end().await;
}

/// "An Apple uninstall does not imply Google uninstall."
#[tokio::test(flavor = "multi_thread")]
async fn what_leaves_one_wallet_stays_in_the_other() {
    let crm = Crm::new().await;
    let sale = crm.house.sale("Ada").await;
    crm.house.stage.iphone.add(&sale.apple).await.unwrap();
    let object = crm.house.save(&sale).await;
    crm.stands(&join(&sale), "both").await;
    assert!(crm.house.stage.iphone.remove(&sale.serial).await);
    let left = crm.stands(&join(&sale), "google").await;
    assert_eq!(left.wallet_last_event.as_deref(), Some("uninstalled"));
    assert!(crm.house.stage.android.remove(&object).await);
    crm.stands(&join(&sale), "none").await;
    crm.house.end().await;
}

/// "Some customers reinstall quickly. Use timestamps to avoid flapping": the events come in the wrong order, and the later time wins.
#[tokio::test(flavor = "multi_thread")]
async fn whichever_event_comes_last_the_latest_time_wins() {
    let crm = Crm::new().await;
    let sale = crm.house.sale("Ada").await;
    crm.house.stage.iphone.add(&sale.apple).await.unwrap();
    crm.stands(&join(&sale), "apple").await;
    assert!(crm.house.stage.iphone.remove(&sale.serial).await);
    crm.stands(&join(&sale), "none").await;
    crm.house.stage.iphone.add(&sale.apple).await.unwrap();
    let last = crm.stands(&join(&sale), "apple").await;
    // The removal once more, by hand: an old event, and a repeated one.
    let removal = crm.desk.taken().iter().find(|one| one.kind() == "Pass:Uninstalled").unwrap().id().to_owned();
    let path = format!("webhooks/{}/deliveries/{removal}/replay", crm.webhook["id"].as_str().unwrap());
    crm.ask(Method::POST, &path, &Value::Null).await;
    let again = |all: &[passerelle_simulator::Received]| all.iter().any(|one| one.id() == removal && one.repeated);
    crm.desk.wait_until(again, LIMIT).await.unwrap();
    assert_eq!(crm.record(&join(&sale)), last);
    crm.house.end().await;
}

/// "If you do not see events, start with signature validation. Then check endpoint availability and retry handling."
#[tokio::test(flavor = "multi_thread")]
async fn why_no_event_arrives_is_in_the_deliveries() {
    let crm = Crm::new().await;
    // The CRM verifies with another secret.
    crm.desk.distrust();
    crm.desk.trust(&format!("whsec_{}", "QUJD".repeat(8))).unwrap();
    let sale = crm.house.sale("Ada").await;
    crm.house.stage.iphone.add(&sale.apple).await.unwrap();
    until("the refusal is seen", async || crm.deliveries().await.iter().any(|one| one["failedAttempts"] == 1)).await;
    let event = crm.deliveries().await[0]["eventId"].as_str().unwrap().to_owned();
    let path = format!("webhooks/{}/deliveries/{event}", crm.webhook["id"].as_str().unwrap());
    assert_eq!(crm.ask(Method::GET, &path, &Value::Null).await["attempts"][0]["status"], 401);
    assert!(crm.record(&join(&sale)).wallet_status.is_none());
    // Mended, and then the endpoint is away: what it missed arrives by itself.
    crm.desk.trust(crm.webhook["secret"].as_str().unwrap()).unwrap();
    crm.desk.behave(Behaviour::Status { status: 503, retry_after: None });
    crm.house.advance(BACKOFF).await;
    until("it was away", async || crm.deliveries().await.iter().any(|one| one["failedAttempts"] == 2)).await;
    crm.desk.behave(Behaviour::Honest);
    crm.house.advance(10 * 60_000).await;
    crm.stands(&join(&sale), "apple").await;
    crm.house.end().await;
}

/// "If you see duplicates, add idempotency in your CRM write path."
#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_has_the_id_of_the_first_and_changes_nothing() {
    let crm = Crm::new().await;
    let sale = crm.house.sale("Ada").await;
    crm.house.stage.iphone.add(&sale.apple).await.unwrap();
    let before = crm.stands(&join(&sale), "apple").await;
    let printed = crm.backfill(&["--since", "1d", "--to", "webhook", "--again"]);
    assert!(printed.contains("had acknowledged, is told Pass:Installed"), "{printed}");
    crm.desk.wait_until(|all| all.len() == 2, LIMIT).await.unwrap();
    let received = crm.desk.received();
    assert_eq!((received[0].id(), received[0].kind()), (received[1].id(), received[1].kind()));
    assert!(received[1].repeated);
    assert_eq!(crm.record(&join(&sale)), before);
    crm.house.end().await;
}

/// "If you cannot match events to customers, you are missing an identifier. Add it to the pass data, then backfill to repair history."
#[tokio::test(flavor = "multi_thread")]
async fn an_identifier_that_was_missing_is_added_and_history_is_repaired() {
    let joined = |text: String| format!("{text}\n[crm]\nidentifier = \"email\"\n");
    let crm = Crm::with(StageOptions { tenant: Some(joined), ..reporting() }).await;
    crm.house.stage.world.crm().join_by("email");
    let sale = crm.house.sale("Ada").await;
    crm.house.stage.iphone.add(&sale.apple).await.unwrap();
    let told = crm.desk.wait_until(|all| all.len() == 1, LIMIT).await.unwrap();
    assert_eq!(told[0].json["data"]["properties"]["missingIdentifier"], "email", "told, and flagged");
    assert_eq!(crm.desk.unmatched(), 1);

    let ids = crm.house.folder.path().join("ids.csv");
    std::fs::write(&ids, format!("secutix.movementId,email\n{},Ada@Example.org\n", sale.movement)).unwrap();
    let printed = crm.backfill(&["--identifiers", ids.to_str().unwrap(), "--since", "1d", "--to", "webhook"]);
    assert!(printed.contains("webhook: 1 passes compared, 1 repairs"), "{printed}");
    let record = crm.stands("ada@example.org", "apple").await;
    assert!(record.apple_wallet_installed_at.is_some());
    let printed = crm.backfill(&["--since", "1d", "--to", "webhook"]);
    assert!(printed.contains("webhook: 1 passes compared, 0 repairs"), "{printed}");
    crm.house.end().await;
}

/// "If your CRM and passes disagree, trust the Pass API. Then fix the CRM record and keep going": an endpoint that was away too long for its
/// retries.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_up_while_the_crm_was_down_is_sent_by_the_backfill() {
    let crm = Crm::new().await;
    crm.desk.behave(Behaviour::Status { status: 500, retry_after: None });
    let sale = crm.house.sale("Ada").await;
    crm.house.stage.iphone.add(&sale.apple).await.unwrap();
    until("it was tried", async || !crm.desk.received().is_empty()).await;
    // Given up by hand: three days of retries are another test's.
    let store = rusqlite::Connection::open(&crm.house.stage.settings.store).unwrap();
    until("it waits", async || {
        store.execute("UPDATE delivery SET state = 'dead', ended_at = 1 WHERE state = 'ready'", []).unwrap() == 1
    })
    .await;
    crm.desk.behave(Behaviour::Honest);
    let pass = crm.ask(Method::GET, &format!("passes/{}", sale.serial), &Value::Null).await;
    assert_eq!(pass["installationStatus"], "apple");
    assert!(crm.record(&join(&sale)).wallet_status.is_none(), "they disagree");
    let printed = crm.backfill(&["--since", "1d", "--to", "webhook"]);
    assert!(printed.contains("had given up, is told Pass:Installed"), "{printed}");
    crm.stands(&join(&sale), "apple").await;
    crm.house.end().await;
}

/// A webhook that was made after the passes were installed: "rebuilding your CRM state after downtime".
#[tokio::test(flavor = "multi_thread")]
async fn a_new_endpoint_is_told_of_what_was_installed_before_it() {
    let crm = Crm::new().await;
    let sale = crm.house.sale("Ada").await;
    crm.house.stage.iphone.add(&sale.apple).await.unwrap();
    crm.stands(&join(&sale), "apple").await;
    let late = crm.house.stage.world.crm().desk("late");
    let made = crm.ask(Method::POST, "webhooks", &json!({ "endpoint": late.url(), "events": ["Pass:*"] })).await;
    late.trust(made["secret"].as_str().unwrap()).unwrap();
    let printed = crm.backfill(&["--since", "1d", "--to", "webhook"]);
    let told = format!("endpoint {}: had nothing, is told Pass:Installed", made["id"].as_str().unwrap());
    assert!(printed.contains(&told), "{printed}");
    until("the new one knows", async || {
        late.records().get(&join(&sale)).is_some_and(|record| record.wallet_status.as_deref() == Some("apple"))
    })
    .await;
    assert_eq!(crm.desk.received().len(), 1, "the old one was told nothing again");
    crm.house.end().await;
}

/// "Use Insights for trends and monitoring. Validate that installs and uninstalls match expectations."
#[tokio::test(flavor = "multi_thread")]
async fn reports_count_what_the_crm_was_told() {
    let crm = Crm::new().await;
    for name in ["Ada", "Grace"] {
        let sale = crm.house.sale(name).await;
        crm.house.stage.iphone.add(&sale.apple).await.unwrap();
        crm.stands(&join(&sale), "apple").await;
    }
    let body = json!({
        "query": "Events | where eventType == name and timestamp > ago(7d) | summarize n = count() by bin(timestamp, 1d)",
        "parameters": { "name": "Pass:Installed" },
    });
    let answer = crm.ask(Method::POST, "insights/query", &body).await;
    let counts: i64 = answer["rows"].as_array().unwrap().iter().filter_map(|row| row[1].as_i64()).sum();
    assert_eq!(counts, 2);
    crm.house.end().await;
}
