//! Webhooks from a server and from Spin: the same play, and the CRM has to see the same.
//!
//! Owns the play and what is compared: types, sequence, signatures, what was answered, and the state that is told afterwards. Does not own what is right
//! about any of it (`webhooks` asks that of a server).

use passerelle_connector::contract::scenario::Answer;
use passerelle_simulator::{Behaviour, Received, Simulator};
use serde_json::{Value, json};

use super::BETWEEN;
use super::side::Side;
use crate::spin::{self, OwnFlag};

const TENANT: &str = "opera";

#[tokio::test(flavor = "multi_thread")]
async fn a_crm_is_told_the_same_by_a_server_and_by_an_edge() {
    let program = spin::program();
    let clock = spin::takes(&program, OwnFlag::ClockFile);
    let (world, server, edge) = Side::both(&[TENANT], &program, clock).await;
    let on_server = play(&world, &server, clock).await;
    let on_edge = play(&world, &edge, clock).await;
    assert_eq!(on_server, on_edge);
    assert!(on_server.len() >= 8, "{on_server:#?}");
    server.end().await;
    edge.end().await;
    world.stop().await;
}

async fn play(world: &Simulator, side: &Side, clock: bool) -> Vec<Value> {
    let desk = world.crm().desk(side.name);
    let base = format!("/api/{TENANT}/webhooks");
    let mut told = Vec::new();
    let draft = json!({ "endpoint": desk.url(), "events": ["pass.*"], "neostoreSignature": "hex" });
    let made = side.post(TENANT, &base, &draft).await;
    assert_eq!(made.status, 201, "{}: {}", side.name, String::from_utf8_lossy(&made.body));
    let made = made.json();
    desk.trust(made["secret"].as_str().unwrap()).unwrap();
    let id = made["id"].as_str().unwrap().to_owned();
    told.push(json!([made["events"], made["enabled"], made["format"], made["warnings"]]));
    for wrong in [
        json!({}),
        json!({ "endpoint": "ftp://a.example/", "events": ["*"] }),
        json!({ "endpoint": desk.url(), "events": ["x"] }),
    ] {
        let reply = side.post(TENANT, &base, &wrong).await;
        told.push(json!([reply.status.as_u16(), reply.json()["errors"]]));
    }

    // A purchase. The CRM is down at first, and then it is not.
    if clock {
        desk.behave(Behaviour::Recovers { after: 1, status: 500 });
    }
    side.other.answer(TENANT, Some(Answer::File(crate::edge::purchase())));
    let body = json!({"orderSecretToken": "9f3c0c7e5b", "state": "PAID", "lastUpdate": null}).to_string();
    let listener = format!("{base}/listeners/secutix/orders");
    assert_eq!(side.ask("POST", &listener, &[("content-type", "application/json")], body).await.status, 200);
    side.advance(BETWEEN);
    side.drive().await;
    // Its next attempt. Both clocks, or the receiver would take it for one of the future.
    side.advance(60_000);
    side.drive().await;
    told.extend(desk.received().iter().map(seen));

    let test = side.post(TENANT, &format!("{base}/{id}/test"), &json!({})).await;
    let event = test.json()["eventId"].as_str().unwrap().to_owned();
    side.drive().await;
    let delivery = side.get(TENANT, &format!("{base}/{id}/deliveries/{event}")).await.json();
    let attempt = &delivery["attempts"][0];
    told.push(json!([delivery["state"], delivery["eventType"], attempt["status"], attempt["response"]]));
    let again = side.post(TENANT, &format!("{base}/{id}/deliveries/{event}/replay"), &json!({})).await;
    told.push(json!(again.status.as_u16()));
    side.drive().await;
    let rotated = side.post(TENANT, &format!("{base}/{id}/secret"), &json!({ "overlapSeconds": 60 })).await.json();
    told.push(json!([rotated["secret"] != made["secret"], rotated["earlierSecrets"].as_array().map(Vec::len)]));
    side.post(TENANT, &format!("{base}/{id}/test"), &json!({})).await;
    side.drive().await;
    told.extend(desk.received().iter().map(seen));

    // Hostile, on the edge too: what follows the status does not matter, and an address elsewhere is not called.
    for behaviour in [
        Behaviour::EndlessBody,
        Behaviour::ShortBody,
        Behaviour::Redirects { status: 302, to: "http://169.254.169.254/".to_owned() },
        Behaviour::Status { status: 410, retry_after: None },
    ] {
        desk.behave(behaviour);
        let test = side.post(TENANT, &format!("{base}/{id}/test"), &json!({})).await;
        let event = test.json()["eventId"].as_str().unwrap().to_owned();
        side.drive().await;
        let delivery = side.get(TENANT, &format!("{base}/{id}/deliveries/{event}")).await.json();
        let attempt = &delivery["attempts"][0];
        told.push(json!([delivery["state"], attempt["status"], attempt["error"]]));
    }
    let row = side.get(TENANT, &format!("{base}/{id}")).await.json();
    told.push(json!([row["enabled"], row["disabledFor"]]));
    told
}

/// Of a request, what both hosts have to say alike.
fn seen(received: &Received) -> Value {
    let headers: Vec<&str> = ["content-type", "x-neostore-signature", "x-neostore-signature-previous"]
        .into_iter()
        .filter(|name| received.header(name).is_some())
        .collect();
    let signatures = received.header("webhook-signature").map(|list| list.split(' ').count());
    json!([
        received.kind(),
        received.sequence(),
        received.verified,
        received.repeated,
        received.answered,
        headers,
        signatures
    ])
}
