//! The whole of it: start, control, stop.

use http::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::caller::Caller;
use crate::{Simulator, SimulatorConfig};

struct Operator {
    world: Simulator,
    caller: Caller,
    url: String,
}

impl Operator {
    async fn start() -> Self {
        let world = Simulator::start(SimulatorConfig { control: true, ..SimulatorConfig::default() }).await.unwrap();
        let caller = Caller::new(world.authority()).unwrap();
        let url = world.addresses().control.unwrap();
        Self { world, caller, url }
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let headers = [("content-type", "application/json")];
        let url = format!("{}/control/{path}", self.url);
        let reply = self.caller.call(Method::POST, &url, &headers, body.to_string()).await.unwrap();
        (reply.status.as_u16(), serde_json::from_slice(&reply.body).unwrap())
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let reply = self.caller.call(Method::GET, &format!("{}/{path}", self.url), &[], "").await.unwrap();
        (reply.status.as_u16(), String::from_utf8(reply.body.to_vec()).unwrap())
    }
}

#[tokio::test]
async fn every_use_case_can_be_performed_by_hand() {
    let operator = Operator::start().await;
    let holders = json!([{"first_name": "Ada", "last_name": "L"}, {"first_name": "Ben", "last_name": "L"}]);
    let (status, sale) = operator.post("sell", json!({"product": "CARMEN", "holders": holders})).await;
    assert_eq!(status, 200, "{sale}");
    let movement = sale["after"][0]["movement"].clone();
    let (_, member) = operator.post("member", json!({"first_name": "Cleo", "last_name": "M"})).await;
    let steps = [
        ("reprint", json!({"movement": movement})),
        ("holder", json!({"movement": movement, "first_name": "Dan", "last_name": "L"})),
        ("cultural-contact", json!({"movement": movement, "contact": member["contact"]})),
        ("retitle", json!({"product": "CARMEN", "title": {"fr": "Carmen, enfin"}})),
        (
            "reschedule",
            json!({"performance": crate::FIRST_PERFORMANCE, "start": "2099-01-01T20:00:00+01:00[Europe/Zurich]"}),
        ),
        ("scan", json!({"movement": sale["after"][1]["movement"]})),
    ];
    for (path, body) in steps {
        let (status, answer) = operator.post(path, body).await;
        assert_eq!(status, 200, "{path}: {answer}");
    }
    let body = json!({"movement": movement, "first_name": "Eve", "last_name": "L", "origin": "back-office"});
    let (_, replaced) = operator.post("replace", body).await;
    let successor = replaced["after"][0]["movement"].clone();
    let body = json!({"movement": successor, "performance": crate::FIRST_PERFORMANCE + 2});
    let (_, exchanged) = operator.post("exchange", body).await;
    let (status, cancelled) = operator.post("cancel", json!({"movement": exchanged["after"][0]["movement"]})).await;
    assert_eq!((status, &cancelled["case"]), (200, &json!("cancellation")));
    let (status, refused) = operator.post("cancel", json!({"movement": movement})).await;
    assert_eq!((status, refused["error"].is_string()), (400, true));
    let file = operator.world.secutix().files()[0].id;
    let (status, body) = operator.get(&format!("control/files/{file}")).await;
    assert_eq!(status, 200);
    assert!(body.contains("EXCHANGE_ORGANIZATION") && body.contains("REFUND_ORGANIZATION"));
}

#[tokio::test]
async fn the_page_lists_the_calls_and_the_state_the_addresses() {
    let operator = Operator::start().await;
    let (status, page) = operator.get("").await;
    assert_eq!(status, 200);
    assert!(page.contains("/control/exchange") && page.contains(&operator.world.addresses().secutix));
    let (_, state) = operator.get("control/state").await;
    let state: Value = serde_json::from_str(&state).unwrap();
    assert_eq!(state["addresses"]["push"], json!(operator.world.addresses().push));
    let (_, pem) = operator.get("control/root.pem").await;
    assert_eq!(pem, operator.world.authority().root_pem());
    assert_eq!(operator.get("control/nothing").await.0, 404);
    let (status, _) = operator.post("oddities", json!({"numbers_as_strings": true})).await;
    assert_eq!(status, 200);
    operator.world.iphone("ada");
    assert!(operator.get("control/phones").await.1.contains("\"ada\""));
}

#[tokio::test]
async fn web_pages_of_a_browser_on_the_same_machine_are_refused() {
    let operator = Operator::start().await;
    let url = format!("{}/control/flush", operator.url);
    let simple = [("content-type", "text/plain")];
    assert_eq!(operator.caller.call(Method::POST, &url, &simple, "{}").await.unwrap().status, 403);
    let port = operator.url.rsplit_once(':').unwrap().1.to_owned();
    let rebound = [("content-type", "application/json"), ("host", "attacker.example")];
    // Two Host headers: the caller sends one of its own.
    let url = format!("http://127.0.0.1:{port}/control/flush");
    let reply = operator.caller.call(Method::POST, &url, &rebound, "{}").await;
    assert_eq!(reply.unwrap().status, 403);
    // One, of a name that was made to lead here.
    let mut stream = tokio::net::TcpStream::connect(format!("127.0.0.1:{port}")).await.unwrap();
    stream
        .write_all(b"GET /control/files HTTP/1.1\r\nHost: attacker.example\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
}

#[tokio::test]
async fn after_a_stop_nothing_answers_and_the_port_is_free_again() {
    let operator = Operator::start().await;
    assert_eq!(operator.get("").await.0, 200);
    let Operator { world, caller, url } = operator;
    world.stop().await;
    assert!(caller.call(Method::GET, &url, &[], "").await.is_err());
    let port = url.rsplit_once(':').unwrap().1.parse().unwrap();
    crate::listener::Listener::bind(port).await.unwrap();
}

#[tokio::test]
async fn two_worlds_do_not_trust_each_other() {
    let here = Simulator::start(SimulatorConfig::default()).await.unwrap();
    let there = Simulator::start(SimulatorConfig::default()).await.unwrap();
    let caller = Caller::new(here.authority()).unwrap();
    let call = async |url: String| caller.call(Method::POST, &url, &[], "").await;
    assert!(call(here.addresses().secutix).await.is_ok());
    assert!(call(there.addresses().secutix).await.is_err());
}

#[tokio::test]
async fn a_shop_without_a_key_of_the_connector_says_so_and_a_crm_that_heard_nothing_lists_nothing() {
    let operator = Operator::start().await;
    for phone in ["iphone", "android"] {
        let (status, answer) = operator.post(&format!("{phone}/ada/buy"), json!({"product": "CARMEN"})).await;
        assert_eq!(status, 502, "{answer}");
        assert!(answer["error"].as_str().unwrap().contains("has no API key"), "{answer}");
    }
    assert_eq!(operator.get("control/crm-api/events").await, (200, "[]".to_owned()));
    operator.world.stop().await;
}
