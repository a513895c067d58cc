//! The rules of the platform, asked over its socket.

use http::Method;
use serde_json::json;

use super::*;
use crate::{Simulator, SimulatorConfig};

async fn ask(world: &Simulator, method: &str, path: &str, headers: &[(&str, &str)], body: Value) -> (u16, Value) {
    let caller = Caller::new(world.authority()).unwrap();
    let vibes = world.vibes();
    let url = format!("{}/companies/{}/{path}", vibes.url(), vibes.company());
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let reply = caller.call(Method::from_bytes(method.as_bytes()).unwrap(), &url, headers, body).await.unwrap();
    (reply.status.as_u16(), serde_json::from_slice(&reply.body).unwrap())
}

fn user(world: &Simulator) -> String {
    let vibes = world.vibes();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", vibes.username(), vibes.password())))
}

#[tokio::test]
async fn a_call_without_the_right_user_version_or_body_is_refused() {
    let world = Simulator::start(SimulatorConfig::default()).await.unwrap();
    let user = user(&world);
    let json = ("content-type", "application/json");
    let good = [("authorization", user.as_str()), ("x-api-version", "2"), json];
    assert_eq!(ask(&world, "GET", "config/callbacks/", &good, Value::Null).await, (200, json!([])));
    let (status, body) = ask(&world, "GET", "config/callbacks/", &good[1..], Value::Null).await;
    assert_eq!((status, body["errors"][0]["code"].as_str()), (401, Some("unauthorized")));
    let old = [("authorization", user.as_str()), json];
    assert_eq!(ask(&world, "GET", "config/callbacks/", &old, Value::Null).await.0, 400);
    let wrong = [
        json!({}),
        json!({"callback_type": "message_mo"}),
        json!({"callback_type": INSTALL, INSTALL: {"campaign_token": "other"}, "destination": {"url": "https://a"}}),
        // The published example of a removal.
        json!({"callback_type": REMOVE, INSTALL: {"campaign_token": "r3zhm8"}, "destination": {"url": "https://a"}}),
        json!({"callback_type": INSTALL, INSTALL: {"campaign_token": "r3zhm8"}}),
        json!({"callback_type": INSTALL, INSTALL: {"campaign_token": "r3zhm8"}, "destination": {"url": "https://a", "method": "GET"}}),
        json!({"callback_type": INSTALL, INSTALL: {"campaign_token": "r3zhm8"}, "destination": {"url": format!("https://a/{}", "x".repeat(MOST_URL))}}),
    ];
    for body in wrong {
        assert_eq!(ask(&world, "POST", "config/callbacks/", &good, body.clone()).await.0, 400, "{body}");
    }
    for path in ["config/callbacks/1", "campaigns/wallet/other/items", "elsewhere"] {
        assert_eq!(ask(&world, "GET", path, &good, Value::Null).await.0, 404, "{path}");
    }
    world.stop().await;
}

#[tokio::test]
async fn an_answer_decides_whether_a_callback_comes_again() {
    let world = Simulator::start(SimulatorConfig::default()).await.unwrap();
    let vibes = world.vibes();
    // Its own API: without credentials it answers 401, which is final.
    vibes.registered(INSTALL, "r3zhm8", &format!("{}/companies/x/", vibes.url()));
    // And nobody at all, which is not.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    vibes.registered(INSTALL, "r3zhm8", &format!("http://{nobody}/"));
    vibes.registered(INSTALL, "k7m2qp", &format!("http://{nobody}/other-campaign"));
    vibes.quirks(|quirks| quirks.retries = vec![5, 5]);
    let item = vibes.item("r3zhm8", Map::new());
    let instance = vibes.install(&item, "apple").await;
    let seen = || vibes.deliveries().into_iter().map(|it| (it.outcome, it.statuses)).collect::<Vec<_>>();
    assert_eq!(seen(), [(VibesOutcome::Failed, vec![401]), (VibesOutcome::Waiting, vec![0])]);
    vibes.deliver_due().await;
    assert_eq!(seen()[1].1, [0], "not before its time");
    for attempts in [2, 3] {
        vibes.advance(300_000);
        vibes.deliver_due().await;
        assert_eq!(seen()[1].1.len(), attempts);
    }
    assert_eq!(seen()[1].0, VibesOutcome::Failed, "tried too often");
    assert!(vibes.remove(&instance).await && !vibes.remove(&instance).await);
    world.stop().await;
}

#[test]
fn times_are_written_in_every_form_that_was_seen() {
    let at = 1_525_706_853_664;
    assert_eq!(message::time(at, TimeForm::Millis), "2018-05-07T15:27:33.664Z");
    assert_eq!(message::time(at, TimeForm::Minutes), "2018-05-07T15:27Z");
    assert_eq!(message::time(at, TimeForm::Offset), "2018-05-07T10:27:33.664-05:00");
}
