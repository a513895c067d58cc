//! Webhooks over the real server, asserted from the receiver's side: what it saw, in which order, how it was signed, and what it made of it.
//!
//! Owns what the files below share: a house whose retries need no waiting, and endpoints of the simulated CRM. Bound: the clock is moved, and
//! nothing here waits for a time-out but for those of hostile receivers, which is half a second.

mod hostile;
mod managing;
mod order;
mod recipes;
mod signatures;
mod vibes;

use std::time::Duration;

use passerelle_flow::identity::Millis;
use passerelle_server::config::Settings;
use passerelle_server::demo::stage::StageOptions;
use passerelle_simulator::{CrmDesk, Received};
use serde_json::{Value, json};

use crate::house::{House, LIMIT, Reply, until};

/// For one attempt. Long enough for an answer of a loaded machine, short enough to meet some that never come.
const PATIENCE: Duration = Duration::from_millis(500);
const HOUR: Millis = 3_600_000;
const DAY: Millis = 86_400_000;

/// A house, and a key that may do everything with its webhooks.
struct Post {
    house: House,
    key: String,
}

impl Post {
    async fn new() -> Self {
        Self::with(StageOptions::default()).await
    }

    /// Hostile receivers are given up soon.
    async fn impatient() -> Self {
        let settings = |settings: &mut Settings| settings.options.webhooks.timeout = PATIENCE;
        Self::with(StageOptions { settings: Some(settings), ..StageOptions::default() }).await
    }

    async fn with(options: StageOptions) -> Self {
        let house = House::with(options).await;
        let key = house.key_for(&["Webhook.Read", "Webhook.Write"]).await;
        Self { house, key }
    }

    async fn ask(&self, method: &str, path: &str, body: &Value) -> Reply {
        self.house.with_key(method, &format!("/api/demo/webhooks{path}"), &self.key, body).await
    }

    async fn get(&self, path: &str) -> Value {
        let reply = self.ask("GET", path, &Value::Null).await;
        assert_eq!(reply.status, 200, "{path}: {}", String::from_utf8_lossy(&reply.body));
        reply.json()
    }

    fn desk(&self, name: &str) -> CrmDesk {
        self.house.stage.world.crm().desk(name)
    }

    /// An endpoint that sends to this desk, which verifies what comes. As it was answered.
    async fn endpoint(&self, desk: &CrmDesk, events: &[&str], more: Value) -> Value {
        let mut draft = json!({ "endpoint": desk.url(), "events": events });
        draft.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        let reply = self.ask("POST", "", &draft).await;
        assert_eq!(reply.status, 201, "{}", String::from_utf8_lossy(&reply.body));
        let made = reply.json();
        desk.trust(made["secret"].as_str().unwrap()).unwrap();
        made
    }

    /// A test event is sent to it; its id.
    async fn test(&self, endpoint: &Value) -> String {
        let path = format!("/{}/test", endpoint["id"].as_str().unwrap());
        let reply = self.ask("POST", &path, &Value::Null).await;
        assert_eq!(reply.status, 202, "{}", String::from_utf8_lossy(&reply.body));
        reply.json()["eventId"].as_str().unwrap().to_owned()
    }

    async fn delivery(&self, endpoint: &Value, event: &str) -> Value {
        self.get(&format!("/{}/deliveries/{event}", endpoint["id"].as_str().unwrap())).await
    }

    /// Waits until a delivery has failed so often, or is in the state.
    async fn until_delivery(&self, endpoint: &Value, event: &str, seen: impl Fn(&Value) -> bool) -> Value {
        until("the delivery as expected", async || seen(&self.delivery(endpoint, event).await)).await;
        self.delivery(endpoint, event).await
    }

    async fn seen(&self, desk: &CrmDesk, what: &str, seen: impl Fn(&[Received]) -> bool) -> Vec<Received> {
        let got = desk.wait_until(seen, LIMIT).await;
        got.unwrap_or_else(|_| panic!("{what}: {:#?}", kinds(&desk.received())))
    }
}

fn kinds(received: &[Received]) -> Vec<(String, String)> {
    received.iter().map(|one| (one.kind().to_owned(), one.answered.clone())).collect()
}

fn failed(times: u64) -> impl Fn(&Value) -> bool {
    move |delivery| delivery["failedAttempts"].as_u64() == Some(times)
}

fn is(state: &str) -> impl Fn(&Value) -> bool {
    move |delivery| delivery["state"] == state
}
