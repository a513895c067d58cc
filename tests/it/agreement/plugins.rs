//! A tenant's plugin on a server and on Spin: built once, it decides the same, asks the same, and the CRM is told the same.
//!
//! Owns the play and what is compared. On the edge the plugin is a component of its own behind a private route; what is right about any of it, `plugins`
//! asks of a server.

use passerelle_connector::contract::scenario::Answer;
use passerelle_simulator::{ApiCall, ApiRoute, Behaviour, Customer, Simulator};
use serde_json::{Value, json};

use super::BETWEEN;
use super::side::{PLUGGED, Side};
use crate::spin::{self, OwnFlag};

const MOVEMENT: &str = "10228310724999";

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_decides_the_same_on_a_server_and_on_an_edge() {
    let program = spin::program();
    let clock = spin::takes(&program, OwnFlag::ClockFile);
    let (world, server, edge) = Side::both(&[PLUGGED], &program, clock).await;
    let customer = Customer { customer_id: "C-7".into(), tier: Some("gold".into()) };
    world.crm().api().know(MOVEMENT, customer);
    let on_server = play(&world, &server, clock).await;
    let on_edge = play(&world, &edge, clock).await;
    for (server, edge) in on_server.iter().zip(&on_edge) {
        assert_eq!(server, edge);
    }
    assert_eq!(on_server.len(), on_edge.len());
    let told: Vec<&str> = on_server.iter().filter_map(|line| line["body"]["event"].as_str()).collect();
    assert_eq!(told.last(), Some(&"removed"), "{on_server:#?}");
    assert!(on_server.contains(&json!({ "passType": "vip" })), "{on_server:#?}");
    server.end().await;
    edge.end().await;
    world.stop().await;
}

async fn play(world: &Simulator, side: &Side, clock: bool) -> Vec<Value> {
    let api = world.crm().api();
    let mut told = Vec::new();
    // A host gives its plugin a place in the outbox before anything happens; the edge does with a sweep.
    side.drive().await;
    if clock {
        // Down at first, and then it is not.
        api.behave(ApiRoute::WalletEvents, Behaviour::Recovers { after: 1, status: 503 });
    }
    side.other.answer(PLUGGED, Some(Answer::File(crate::edge::purchase())));
    let body = json!({"orderSecretToken": "9f3c0c7e5b", "state": "PAID", "lastUpdate": null}).to_string();
    let listener = format!("/api/{PLUGGED}/webhooks/listeners/secutix/orders");
    assert_eq!(side.ask("POST", &listener, &[("content-type", "application/json")], body).await.status, 200);
    side.advance(BETWEEN);
    side.drive().await;
    // The next attempt.
    side.advance(60_000);
    side.drive().await;
    let passes = side.get(PLUGGED, &format!("/api/{PLUGGED}/passes")).await.json();
    told.push(json!({ "passType": passes[0]["passType"] }));

    for (kind, event) in [("wallet_item_install", "1"), ("wallet_item_remove", "2")] {
        let callback = json!({
            "event_id": event, "event_type": kind, "event_date": format!("2026-03-14T19:38:0{event}.258+01:00"),
            "wallet_instance": {"unregistered_at": null, "wallet_instance_uid": "phone", "provider": "passbook"},
            "wallet_item": {"tokens": {"movement": MOVEMENT}},
            "wallet_campaign": {"token": "r3zhm8"},
        });
        let path = format!("/api/{PLUGGED}/webhooks/listeners/vibes/{}", side.vibes_secret(PLUGGED));
        let reply = side.ask("POST", &path, &[("content-type", "application/json")], callback.to_string()).await;
        assert_eq!(reply.status, 200, "{}: {}", side.name, String::from_utf8_lossy(&reply.body));
        // Due at once, so nothing has to be put forward: it would take the lease of what an edge does after its answer.
        side.drive().await;
    }
    // A token is kept by whoever bought it: a server buys one, an edge one for each of its instances.
    let own = |call: &&ApiCall| call.client.as_deref() == Some(side.name) && call.route != ApiRoute::Token;
    assert!(api.issued().iter().any(|issued| issued.client == side.name));
    told.extend(api.calls().iter().filter(own).map(seen));
    let given_up = side.get(PLUGGED, &format!("/api/{PLUGGED}/webhooks/plugin/deliveries")).await.json();
    let states = given_up["deliveries"].as_array().unwrap().iter().map(|one| json!([one["eventType"], one["state"]]));
    told.extend(states);
    told
}

/// A call without what differs between two runs: ids, times, tokens, and the widths that follow from them.
fn seen(call: &ApiCall) -> Value {
    const RANDOM: [&str; 7] = [
        "authorization",
        "idempotency-key",
        "host",
        "content-length",
        "connection",
        "accept-encoding",
        "transfer-encoding",
    ];
    let own = |name: &str| RANDOM.contains(&name) || name.starts_with("spin-") || name.starts_with("trace");
    let mut body = call.received.json.clone();
    if let Some(body) = body.as_object_mut() {
        for name in ["passId", "at"] {
            body.entry(name).and_modify(|value| *value = value.is_string().into());
        }
    }
    let mut headers: Vec<&(String, String)> = call.received.headers.iter().filter(|(name, _)| !own(name)).collect();
    headers.sort();
    json!({
        "route": call.route, "path": call.received.path, "method": call.received.method, "headers": headers,
        "body": body,
        "answered": call.received.answered, "taken": call.received.taken,
        "key": call.key().split_once(':').map(|(_, name)| name),
    })
}
