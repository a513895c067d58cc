//! What is registered at Vibes, by hand and by itself, and what its list of items says.

use serde_json::{Map, Value, json};

use super::CAMPAIGN;
use crate::house::{House, until};

const FOREIGN: &str = "https://crm.example.org/vibes/their-secret";

impl House {
    /// Kind, campaign and end of the address of everything that is registered, in order.
    fn registered_at_vibes(&self) -> Vec<(String, String, String)> {
        let of = |record: &Value| {
            let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
            let kind = text("/callback_type").unwrap();
            let campaign = text(&format!("/{kind}/campaign_token"))
                .or_else(|| text("/wallet_item_install/campaign_token"))
                .unwrap();
            (kind, campaign, text("/destination/url").unwrap().rsplit('/').next().unwrap().to_owned())
        };
        let mut all: Vec<_> = self.stage.world.vibes().registrations().iter().map(of).collect();
        all.sort();
        all
    }

    /// Two for each of its campaigns, with this secret, and the one of somebody else.
    fn complete(&self, secret: &str) -> Vec<(String, String, String)> {
        let mut all = vec![("wallet_item_install".to_owned(), CAMPAIGN.to_owned(), "their-secret".to_owned())];
        for campaign in self.stage.world.vibes().campaigns() {
            for kind in ["wallet_item_install", "wallet_item_remove"] {
                all.push((kind.to_owned(), campaign.clone(), secret.to_owned()));
            }
        }
        all.sort();
        all
    }

    fn calls_to_vibes(&self, method: &str) -> usize {
        self.stage.world.vibes().calls().iter().filter(|call| call.method == method).count()
    }

    fn vibes(&self, words: &[&str]) -> String {
        self.command(&["vibes", words[0]], &words[1..])
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn registering_twice_is_registering_once_and_touches_nobody_elses() {
    let house = House::new().await;
    let vibes = house.stage.world.vibes();
    vibes.registered("wallet_item_install", CAMPAIGN, FOREIGN);
    house.register().await;
    assert_eq!(house.registered_at_vibes(), house.complete(&house.secret()));
    // The key of a removal is its own (domain.md 4.2), and calls name their version.
    let removal = vibes.calls().into_iter().find(|call| call.body.contains("wallet_item_remove")).unwrap();
    let sent: Value = serde_json::from_str(&removal.body).unwrap();
    assert!(sent["wallet_item_remove"]["campaign_token"].is_string() && sent.get("wallet_item_install").is_none());

    // Read back with either key, it is found.
    let written = house.calls_to_vibes("POST");
    for removal_under_install in [false, true] {
        vibes.quirks(|it| it.removal_under_install = removal_under_install);
        house.register().await;
    }
    assert_eq!((house.calls_to_vibes("POST"), house.calls_to_vibes("PUT")), (written, 0));
    vibes.quirks(|it| it.removal_under_install = false);

    // A new secret: the registrations follow, and until then the old one is taken too.
    let tenant = house.folder.path().join("tenants/demo");
    let old = house.secret();
    std::fs::rename(tenant.join("vibes.path"), tenant.join("vibes.path.old")).unwrap();
    std::fs::write(tenant.join("vibes.path"), "fedcba9876543210fedcba9876543210").unwrap();
    let previous = "\n[vibes]\nprevious_path_secret = \"file:vibes.path.old\"\n";
    house.rewrite("tenant.toml", |text| text.replace("\n[vibes]\n", previous)).await;
    assert_eq!(house.post_as("POST", &old, "[]").await.status, 400, "it opens still");
    house.register().await;
    assert_eq!(house.registered_at_vibes(), house.complete("fedcba9876543210fedcba9876543210"));
    assert_eq!((house.calls_to_vibes("POST"), house.calls_to_vibes("PUT")), (written, 4), "changed, not made anew");

    // A campaign that is no longer configured.
    house.rewrite("tenant.toml", |text| text.replace(", \"k7m2qp\"", "")).await;
    house.register().await;
    let mut left = house.complete("fedcba9876543210fedcba9876543210");
    left.retain(|(_, campaign, _)| campaign == CAMPAIGN);
    assert_eq!(house.registered_at_vibes(), left);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_registers_by_itself_when_it_is_told_to_and_tries_again() {
    let house = House::new().await;
    let vibes = house.stage.world.vibes();
    vibes.registered("wallet_item_install", CAMPAIGN, FOREIGN);
    // Credentials, a failure of theirs and too many requests: nobody waits for it, and it comes right.
    vibes.script([401, 500, 429]);
    house.rewrite("tenant.toml", |text| text.replace("\n[vibes]\n", "\n[vibes]\nregister_at_start = true\n")).await;
    until("the first attempt", async || !vibes.calls().is_empty()).await;
    assert_eq!(house.send("GET", "/health/ready", &[], "").await.status, 200);
    let complete = house.complete(&house.secret());
    until("it is registered", async || {
        house.stage.server().unwrap().clock.advance(10_000);
        house.registered_at_vibes() == complete
    })
    .await;
    // A day later somebody has removed one by hand.
    let calls = vibes.calls().len();
    assert!(vibes.cancel(vibes.registrations().last().unwrap()["callback_id"].as_str().unwrap()));
    assert_ne!(house.registered_at_vibes(), complete);
    until("it is there again", async || {
        house.stage.server().unwrap().clock.advance(3_600_000);
        house.registered_at_vibes() == complete
    })
    .await;
    assert!(vibes.calls().len() > calls);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_register_show_change_test_and_remove() {
    let house = House::new().await;
    let vibes = house.stage.world.vibes();
    assert!(house.vibes(&["list"]).contains("Nothing is registered"));
    let foreign = vibes.registered("wallet_item_install", CAMPAIGN, FOREIGN);
    let report = house.folder.path().join("report.json");
    let said = house.vibes(&["register", "--report", report.to_str().unwrap()]);
    assert!(said.contains("4 created, 0 changed, 0 removed, 0 as they should be"), "{said}");
    let report: Value = serde_json::from_str(&std::fs::read_to_string(&report).unwrap()).unwrap();
    assert_eq!(report, json!({"ok": true, "created": 4, "changed": 0, "removed": 0, "unchanged": 0}));
    assert!(house.vibes(&["register"]).contains("4 as they should be"));

    let listed = house.vibes(&["list"]);
    assert_eq!(listed.lines().filter(|line| line.contains(" yes ")).count(), 4, "{listed}");
    assert!(listed.contains("https://crm.example.org/vibes/…"), "{listed}");
    for secret in [house.secret().as_str(), "their-secret"] {
        assert!(!listed.contains(secret), "{listed}");
    }

    let own = vibes.registrations().last().unwrap()["callback_id"].as_str().unwrap().to_owned();
    house.vibes(&["change", &own, "--method", "PUT"]);
    assert_eq!(vibes.registrations().last().unwrap()["destination"]["method"], "PUT");
    let tried = std::process::Command::new(crate::process::binary())
        .args(["vibes", "remove", "--config", &house.config(), "--tenant", "demo", &foreign])
        .output()
        .unwrap();
    assert!(!tried.status.success() && String::from_utf8_lossy(&tried.stderr).contains("--foreign"), "{tried:?}");

    // Vibes' own test reaches us, and is none of our passes.
    house.vibes(&["test", "--kind", "remove"]);
    until("the test callbacks", async || house.counted().get("unmatched") == Some(&2)).await;

    house.vibes(&["remove", &own]);
    assert_eq!(vibes.registrations().len(), 4);
    assert!(house.vibes(&["register"]).contains("1 created"));
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_callback_told_is_found_among_the_items() {
    let house = House::new().await;
    let vibes = house.stage.world.vibes();
    let tickets = house.tickets(&["Ada", "Grace"]).await;
    // Nothing was registered when they were installed.
    let mut instances = Vec::new();
    for ticket in &tickets {
        instances.push(vibes.install(&house.item(ticket.movement), "google").await);
    }
    vibes.item(CAMPAIGN, Map::new());
    let report = house.folder.path().join("report.json");
    let said = house.vibes(&["backfill", "--report", report.to_str().unwrap()]);
    assert!(said.contains("r3zhm8: 3 items, 2 corrected, 1 that are none of our passes"), "{said}");
    assert!(said.contains("latest fifty"), "{said}");
    house.settled().await;
    for ticket in &tickets {
        assert_eq!(house.wallets(ticket).await, ["google"]);
    }
    assert!(house.vibes(&["backfill", "--campaign", CAMPAIGN]).contains("0 corrected"), "once");
    // From now on they are told, but one removal is lost; the list knows.
    assert!(vibes.remove(&instances[0]).await);
    house.register().await;
    let flow = &house.stage.server().unwrap().flow;
    let tenant = flow.host.tenants.get(&house.stage.tenant).unwrap();
    let look = async || {
        let account = tenant.vibes.as_ref().unwrap();
        passerelle_flow::vibes::items::backfill(flow, &tenant, account, CAMPAIGN).await.unwrap().corrected
    };
    assert_eq!(look().await, 0, "so soon after it was found, it is not called gone: the list may lag");
    house.advance(3_600_000).await;
    assert_eq!(look().await, 1);
    house.settled().await;
    assert_eq!(house.wallets(&tickets[0]).await, Vec::<String>::new());
    assert_eq!(house.wallets(&tickets[1]).await, ["google"]);
    house.end().await;
}
