//! Vibes' callbacks over real sockets: who may post them, what is read of them, what Vibes does with the answer, and what is registered there.

mod account;

use std::collections::BTreeMap;

use passerelle_flow::vibes::registration::ensure;
use passerelle_server::demo::stage::StageOptions;
use passerelle_simulator::{Holder, Origin, TimeForm, TypeField, VibesOutcome, VibesQuirks};
use serde_json::{Map, Value, json};

use crate::house::{House, Reply};

const CAMPAIGN: &str = "r3zhm8";
/// Longer than a removal waits for its being put back, shorter than a lease.
const QUIET: i64 = 10_000;
const MINUTE: i64 = 60_000;

/// A ticket that was sold, and is on no phone of ours.
struct Ticket {
    movement: i64,
    pass: String,
}

impl House {
    /// With the callbacks registered.
    async fn at_vibes() -> Self {
        let house = Self::new().await;
        house.register().await;
        house
    }

    async fn register(&self) {
        let flow = &self.stage.server().unwrap().flow;
        let tenant = flow.host.tenants.get(&self.stage.tenant).unwrap();
        ensure(flow, &tenant, tenant.vibes.as_ref().unwrap()).await.unwrap();
    }

    fn secret(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("tenants/demo/vibes.path")).unwrap()
    }

    async fn tickets(&self, names: &[&str]) -> Vec<Ticket> {
        let holders = names.iter().map(|name| Holder::new(name, "Lovelace")).collect();
        let sale = self.stage.world.secutix().sell_family("CARMEN", holders, Origin::TicketShop).await.unwrap();
        self.stage.rest().await.unwrap();
        // Whoever looks at the file's links has its passes made.
        self.get(&format!("/api/demo/external/secutix/orders/getTicketsUrl/{}", sale.file().unwrap())).await;
        let mut tickets = Vec::new();
        for movement in sale.movements() {
            let headers = [("x-api-key", self.stage.caller.key()), ("accept", "application/json")];
            let path = format!("/api/demo/passes/findPass?secutix.movementId={movement}");
            let found = self.send("GET", &path, &headers, "").await;
            assert_eq!(found.status, 200, "{}", String::from_utf8_lossy(&found.body));
            tickets.push(Ticket { movement, pass: found.json()["id"].as_str().unwrap().to_owned() });
        }
        tickets
    }

    /// An item that Vibes has given out for it, with a token that names a person beside ours.
    fn item(&self, movement: i64) -> String {
        let tokens = json!({"movement": movement.to_string(), "first_name": "Calrissian"});
        self.stage.world.vibes().item(CAMPAIGN, tokens.as_object().unwrap().clone())
    }

    fn outcomes_at_vibes(&self) -> Vec<(VibesOutcome, Vec<u16>)> {
        self.stage.world.vibes().deliveries().into_iter().map(|it| (it.outcome, it.statuses)).collect()
    }

    fn counted(&self) -> BTreeMap<&'static str, u64> {
        self.stage.server().unwrap().flow.vibes_callbacks.of(&self.stage.tenant)
    }

    /// Folded, with what waits for a pass to be put back.
    async fn settled(&self) {
        self.advance(QUIET).await;
        self.stage.rest().await.unwrap();
    }

    /// The wallets that hold it.
    async fn wallets(&self, ticket: &Ticket) -> Vec<String> {
        let providers = self.described(&ticket.pass).await["providers"].clone();
        providers.as_object().into_iter().flat_map(|it| it.keys().cloned()).collect()
    }

    async fn post_as(&self, method: &str, secret: &str, body: impl Into<bytes::Bytes>) -> Reply {
        let path = format!("/api/demo/webhooks/listeners/vibes/{secret}");
        self.send(method, &path, &[("content-type", "application/json")], body).await
    }

    async fn post_vibes(&self, body: &Value) -> Reply {
        self.post_as("POST", &self.secret(), body.to_string()).await
    }
}

/// As Vibes posts it.
fn callback(kind: &str, event: &str, at: &str, device: &str, movement: i64) -> Value {
    json!({
        "event_id": event, "callback_type": kind, "event_date": at,
        "wallet_instance": {"registered_at": "2026-03-14T18:38Z", "unregistered_at": null, "wallet_instance_uid": device, "provider": "apple"},
        "wallet_item": {"uuid": "item-1", "tokens": {"movement": movement.to_string(), "first_name": "Calrissian"}},
        "wallet_campaign": {"token": CAMPAIGN},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_that_vibes_gave_out_is_known_to_come_and_go() {
    let house = House::at_vibes().await;
    let ticket = house.tickets(&["Ada"]).await.remove(0);
    let vibes = house.stage.world.vibes();
    assert_eq!(house.wallets(&ticket).await, Vec::<String>::new());
    let item = house.item(ticket.movement);
    let (iphone, android) = (vibes.install(&item, "apple").await, vibes.install(&item, "google").await);
    house.settled().await;
    assert_eq!(house.wallets(&ticket).await, ["apple", "google"]);
    assert!(vibes.remove(&iphone).await);
    house.settled().await;
    assert_eq!(house.wallets(&ticket).await, ["google"]);
    assert!(vibes.remove(&android).await);
    house.settled().await;
    assert_eq!(house.wallets(&ticket).await, Vec::<String>::new());
    assert_eq!(house.outcomes_at_vibes(), vec![(VibesOutcome::Done, vec![200]); 4]);
    assert_eq!(house.counted(), BTreeMap::from([("counted", 4)]));
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_device_that_lets_go_leaves_the_pass_to_the_other() {
    let house = House::at_vibes().await;
    let ticket = house.tickets(&["Ada"]).await.remove(0);
    let vibes = house.stage.world.vibes();
    let item = house.item(ticket.movement);
    let (phone, watch) = (vibes.install(&item, "apple").await, vibes.install(&item, "apple").await);
    assert!(vibes.remove(&phone).await);
    house.settled().await;
    assert_eq!(house.wallets(&ticket).await, ["apple"], "the watch has it");
    assert!(vibes.remove(&watch).await);
    house.settled().await;
    assert_eq!(house.wallets(&ticket).await, Vec::<String>::new());
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_shape_and_every_time_that_was_seen_is_read_and_a_copy_counts_once() {
    let house = House::at_vibes().await;
    let vibes = house.stage.world.vibes();
    let forms = [
        (TypeField::Both, TimeForm::Millis),
        (TypeField::CallbackType, TimeForm::Offset),
        (TypeField::EventType, TimeForm::Minutes),
        (TypeField::Neither, TimeForm::Offset),
        (TypeField::Neither, TimeForm::Minutes),
    ];
    let tickets = house.tickets(&["Ada", "Grace", "Hedy", "Mary", "Emmy"]).await;
    for ((type_field, times), ticket) in forms.into_iter().zip(&tickets) {
        vibes.quirks(|it| *it = VibesQuirks { type_field, times, copies: 3, ..VibesQuirks::default() });
        let instance = vibes.install(&house.item(ticket.movement), "google").await;
        house.settled().await;
        assert_eq!(house.wallets(ticket).await, ["google"], "{type_field:?} {times:?}");
        // The next minute: some times have no seconds.
        house.advance(MINUTE).await;
        assert!(vibes.remove(&instance).await);
        house.settled().await;
        assert_eq!(house.wallets(ticket).await, Vec::<String>::new(), "{type_field:?} {times:?}");
    }
    assert_eq!(house.counted(), BTreeMap::from([("counted", 10), ("repeated", 20)]));
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_the_other_way_round_ends_as_if_it_had_not() {
    let house = House::at_vibes().await;
    let vibes = house.stage.world.vibes();
    let tickets = house.tickets(&["Ada", "Grace"]).await;
    for (ticket, reversed) in tickets.iter().zip([false, true]) {
        vibes.quirks(|it| it.held = true);
        let item = house.item(ticket.movement);
        let phone = vibes.install(&item, "apple").await;
        vibes.advance(1_000);
        let watch = vibes.install(&item, "apple").await;
        vibes.advance(1_000);
        assert!(vibes.remove(&watch).await);
        vibes.advance(1_000);
        let android = vibes.install(&item, "google").await;
        vibes.advance(1_000);
        assert!(vibes.remove(&android).await);
        house.stage.server().unwrap().clock.advance(4_000);
        vibes.release(reversed).await;
        house.settled().await;
        assert_eq!(house.wallets(ticket).await, ["apple"], "reversed: {reversed}");
        assert!(vibes.remove(&phone).await);
        house.settled().await;
        assert_eq!(house.wallets(ticket).await, Vec::<String>::new(), "reversed: {reversed}");
    }
    assert_eq!(house.counted(), BTreeMap::from([("counted", 12)]));
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_none_of_ours_is_answered_counted_and_kept_nowhere() {
    let house = House::at_vibes().await;
    let ticket = house.tickets(&["Ada"]).await.remove(0);
    let good = |event: &str| callback("wallet_item_install", event, "2026-03-14T18:38:05Z", "b1f0", ticket.movement);
    let with = |event: &str, pointer: &str, value: Value| {
        let mut body = good(event);
        *body.pointer_mut(pointer).unwrap() = value;
        body
    };
    for (body, code) in [
        (with("1", "/wallet_item/tokens/movement", json!("4711")), "unmatched"),
        (with("2", "/wallet_item/tokens", json!({"first_name": "Calrissian"})), "unmatched"),
        (with("3", "/callback_type", json!("message_mo")), "other-type"),
        (with("4", "/wallet_instance/provider", json!("samsung")), "other-provider"),
        (with("5", "/wallet_campaign/token", json!("another")), "other-campaign"),
    ] {
        let before = house.counted().get(code).copied().unwrap_or(0);
        assert_eq!(house.post_vibes(&body).await.status, 200, "{code}");
        assert_eq!(house.counted()[code], before + 1);
    }
    house.settled().await;
    assert_eq!(house.wallets(&ticket).await, Vec::<String>::new());
    let store = house.stage.settings.store.clone();
    let kept = "SELECT count(*) FROM signal WHERE source LIKE 'vibes%' UNION ALL SELECT count(*) FROM vibes_instance";
    assert_eq!(crate::store::rows(&store, kept), [["Integer(0)"], ["Integer(0)"]]);

    // And one that is ours is counted beside them.
    assert_eq!(house.post_vibes(&good("6")).await.status, 200);
    assert_eq!(crate::store::rows(&store, kept), [["Integer(1)"], ["Integer(1)"]]);
    let metrics = house.send("GET", "/metrics", &[], "").await;
    let metrics = String::from_utf8(metrics.body.to_vec()).unwrap();
    for (outcome, count) in [("unmatched", 2), ("other-type", 1), ("counted", 1)] {
        let line = format!("passerelle_vibes_callbacks_total{{tenant=\"demo\",outcome=\"{outcome}\"}} {count}\n");
        assert!(metrics.contains(&line), "{metrics}");
    }
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_secret_there_is_nothing_and_either_method_is_taken_with_it() {
    let house = House::at_vibes().await;
    let ticket = house.tickets(&["Ada"]).await.remove(0);
    let body = callback("wallet_item_install", "1", "2026-03-14T18:38:05Z", "b1f0", ticket.movement).to_string();
    let annex = house.second_tenant(|text| text.split("\n[vibes]\n").next().unwrap().to_owned()).await;
    drop(annex);
    // A secret that is wrong, one that is cut short, and a tenant that is not at Vibes look alike.
    let secret = house.secret();
    let correlation = ("x-correlation-id", "the-same-one");
    let mut seen = Vec::new();
    for path in [
        format!("/api/demo/webhooks/listeners/vibes/{}", "0".repeat(64)),
        format!("/api/demo/webhooks/listeners/vibes/{}", &secret[1..]),
        format!("/api/demo/webhooks/listeners/vibes/{}", secret.to_uppercase()),
        format!("/api/annex/webhooks/listeners/vibes/{secret}"),
    ] {
        let reply = house.send("POST", &path, &[("content-type", "application/json"), correlation], body.clone()).await;
        let mut told = reply.problem(404, "not-found");
        assert!(!told.to_string().contains(&secret), "{told}");
        told.as_object_mut().unwrap().remove("instance");
        seen.push(told);
    }
    assert!(seen.iter().all(|told| *told == seen[0]), "{seen:#?}");
    assert_eq!(house.counted(), BTreeMap::new(), "a stranger is not counted");
    assert_eq!(house.post_as("GET", &secret, "").await.header("allow"), "POST, PUT");

    // Behind the secret, what is wrong is told, and the secret is not.
    let told = house.post_as("POST", &secret, "[]").await;
    told.problem(400, "invalid-request");
    assert!(!told.json().to_string().contains(&secret));
    assert_eq!(house.post_as("PUT", &secret, body).await.status, 200);
    house.settled().await;
    assert_eq!(house.wallets(&ticket).await, ["apple"]);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn named_sources_are_asked_for_beside_the_secret() {
    let proxied = StageOptions {
        settings: Some(|settings| settings.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()]),
        ..StageOptions::default()
    };
    let house = House::with(proxied).await;
    let sources = "\n[vibes]\nsources = [\"192.0.2.0/24\"]\n";
    house.rewrite("tenant.toml", |text| text.replace("\n[vibes]\n", sources)).await;
    let ticket = house.tickets(&["Ada"]).await.remove(0);
    let body = callback("wallet_item_install", "1", "2026-03-14T18:38:05Z", "b1f0", ticket.movement).to_string();
    let path = format!("/api/demo/webhooks/listeners/vibes/{}", house.secret());
    for (forwarded, status) in [
        ("6.6.6.6", 404),
        // What a stranger writes before the proxy's own word is not heard.
        ("192.0.2.7, 6.6.6.6", 404),
        ("6.6.6.6, 192.0.2.7", 200),
    ] {
        let headers = [("content-type", "application/json"), ("x-forwarded-for", forwarded)];
        let reply = house.send("POST", &path, &headers, body.clone()).await;
        assert_eq!(reply.status.as_u16(), status, "{forwarded}");
    }
    assert_eq!(house.counted(), BTreeMap::from([("counted", 1), ("other-source", 2)]));
    house.end().await;

    // Without a proxy that is trusted, the socket's other end is who calls, whatever the header says.
    let house = House::new().await;
    house.rewrite("tenant.toml", |text| text.replace("\n[vibes]\n", sources)).await;
    let path = format!("/api/demo/webhooks/listeners/vibes/{}", house.secret());
    let headers = [("content-type", "application/json"), ("x-forwarded-for", "192.0.2.7")];
    house.send("POST", &path, &headers, "{}").await.problem(404, "not-found");
    house.rewrite("tenant.toml", |text| text.replace("192.0.2.0/24", "127.0.0.0/8")).await;
    house.send("POST", &path, &headers, "{}").await.problem(400, "invalid-request");
    house.end().await;
}

/// As the documentation publishes its example, which is not JSON.
const PASTED: &str = r#"{
  {
  "event_id": "0f0e0d0c-0b0a-4908-8706-050403020100",
  "event_type": "wallet_item_install", //deprecated
  "event_date": "2018-05-07T15:27:33.664Z",
  "wallet_instance": {
    "registered_at": "2017-01-14T14:30Z",
    "unregistered_at": NULL,
    "provider": "google"
  },
  "wallet_item": { "tokens": { "first_name": "Calrissian" } }
}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_pasted_example_is_told_what_of_it_is_not_json() {
    let house = House::new().await;
    let reply = house.post_as("POST", &house.secret(), PASTED).await;
    reply.problem(400, "invalid-request");
    let told = reply.json()["errors"]["body"].as_array().unwrap().clone();
    let told: Vec<&str> = told.iter().filter_map(Value::as_str).collect();
    assert!(told[0].contains("example of Vibes' documentation"), "{told:#?}");
    for (line, what) in [(2, "second {"), (4, "comment"), (8, "NULL")] {
        assert!(told.iter().any(|it| it.starts_with(&format!("line {line}: ")) && it.contains(what)), "{told:#?}");
    }
    assert!(!reply.json().to_string().contains("Calrissian"));
    // Corrected as it says, it is read.
    let corrected = PASTED.replacen("{\n  {", "{", 1).replace(" //deprecated", "").replace("NULL", "null");
    assert_eq!(house.post_as("POST", &house.secret(), corrected).await.status, 200);
    for (body, what) in [("", "empty"), ("[1]", "object"), ("{}", "callback_type"), ("{\"a\":", "line 1, column 5")] {
        let reply = house.post_as("POST", &house.secret(), body).await;
        reply.problem(400, "invalid-request");
        assert!(reply.json()["errors"]["body"][0].as_str().unwrap().contains(what), "{}", reply.json());
    }
    let large = format!("{{\"a\": \"{}\"}}", "x".repeat(70_000));
    house.post_as("POST", &house.secret(), large).await.problem(413, "too-large");
    assert_eq!(house.counted(), BTreeMap::from([("malformed", 5), ("too-large", 1), ("unmatched", 1)]));
    house.end().await;
}

/// What Vibes does with each answer (domain.md 4.4), line by line.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_down_is_asked_again_and_what_can_never_be_read_is_not() {
    let house = House::at_vibes().await;
    let vibes = house.stage.world.vibes();
    let ticket = house.tickets(&["Ada"]).await.remove(0);
    let item = house.item(ticket.movement);

    // Somebody else writes for longer than we wait: 503, and it comes again by the schedule.
    let other = rusqlite::Connection::open(&house.stage.settings.store).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    vibes.install(&item, "apple").await;
    assert_eq!(house.outcomes_at_vibes(), [(VibesOutcome::Waiting, vec![503])]);
    other.execute_batch("COMMIT").unwrap();
    vibes.deliver_due().await;
    assert_eq!(house.outcomes_at_vibes()[0].1, [503], "not before its time");
    vibes.advance(5 * MINUTE);
    vibes.deliver_due().await;
    assert_eq!(house.outcomes_at_vibes(), [(VibesOutcome::Done, vec![503, 200])]);
    house.settled().await;
    assert_eq!(house.wallets(&ticket).await, ["apple"], "nothing was lost");
    assert_eq!(house.counted(), BTreeMap::from([("counted", 1), ("not-counted", 1)]));

    // A 4XX is final: here, an address whose secret is wrong.
    let wrong = format!("{}/api/demo/webhooks/listeners/vibes/{}", house.base(), "0".repeat(64));
    vibes.registered("wallet_item_install", CAMPAIGN, &wrong);
    vibes.install(&item, "apple").await;
    let last = house.outcomes_at_vibes().split_off(1);
    assert_eq!(last, [(VibesOutcome::Done, vec![200]), (VibesOutcome::Failed, vec![404])]);

    // A store that is gone acknowledges nothing; the schedule ends in the failure queue.
    house.stage.server().unwrap().flow.host.store.close().await;
    vibes.quirks(|it| it.retries = vec![5]);
    vibes.remove(&vibes.install(&vibes.item(CAMPAIGN, Map::new()), "apple").await).await;
    let down = callback("wallet_item_remove", "9", "2026-03-14T18:38:05Z", "b1f0", ticket.movement);
    let reply = house.post_vibes(&down).await;
    reply.problem(503, "unavailable");
    assert!(reply.header("retry-after").parse::<u32>().unwrap() > 0);
    vibes.install(&item, "google").await;
    vibes.advance(5 * MINUTE);
    vibes.deliver_due().await;
    let last = house.outcomes_at_vibes();
    assert!(last.contains(&(VibesOutcome::Failed, vec![503, 503])), "{last:?}");
}
