//! The API's rules, asked over its socket.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;

use super::*;
use crate::caller::{Caller, Reply};
use crate::{Simulator, SimulatorConfig};

const PATIENCE: Duration = Duration::from_secs(10);
/// With every sort of character that form-encoding is for.
const SECRET: &str = "a:b+c%d é/=";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const JSON: (&str, &str) = ("content-type", "application/json");
const GRANT: &str = "grant_type=client_credentials";

struct Plugin {
    world: Simulator,
    caller: Caller,
    api: CrmApi,
}

impl Plugin {
    async fn start() -> Self {
        let world = Simulator::start(SimulatorConfig::default()).await.unwrap();
        let (caller, api) = (Caller::new(world.authority()).unwrap(), world.crm().api());
        api.register("crm", SECRET);
        api.know("42", Customer { customer_id: "C-7".to_owned(), tier: Some("gold".to_owned()) });
        Self { world, caller, api }
    }

    async fn call(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let url = format!("{}{path}", self.api.url());
        self.caller.call(method, &url, headers, body.to_owned()).await.unwrap()
    }

    async fn buys(&self, basic: &str, body: &str) -> (u16, Value) {
        let reply = self.call(Method::POST, "/oauth/token", &[("authorization", basic), FORM], body).await;
        (reply.status.as_u16(), serde_json::from_slice(&reply.body).unwrap())
    }

    async fn token(&self) -> String {
        let (status, body) = self.buys(&basic("crm", SECRET), GRANT).await;
        assert_eq!(status, 200, "{body}");
        format!("Bearer {}", body["access_token"].as_str().unwrap())
    }

    async fn asks(&self, bearer: &str, query: &str) -> (u16, Value) {
        let reply = self.call(Method::GET, &format!("/customers{query}"), &[("authorization", bearer)], "").await;
        (reply.status.as_u16(), serde_json::from_slice(&reply.body).unwrap())
    }

    async fn tells(&self, bearer: &str, key: &str, event: &str) -> (u16, Value) {
        let headers = [("authorization", bearer), ("idempotency-key", key), JSON];
        let body = json!({ "event": event, "passId": "p", "passType": "vip", "at": "2027-01-21T19:00:00.000Z" });
        let reply = self.call(Method::POST, "/wallet-events", &headers, &body.to_string()).await;
        (reply.status.as_u16(), serde_json::from_slice(&reply.body).unwrap_or_default())
    }
}

/// As a client writes it: each part form-encoded.
fn basic(id: &str, secret: &str) -> String {
    let encoded: String = secret
        .bytes()
        .map(|byte| match byte {
            b' ' => "+".to_owned(),
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect();
    format!("Basic {}", STANDARD.encode(format!("{id}:{encoded}")))
}

#[tokio::test]
async fn a_client_buys_a_token_that_opens_the_api_for_a_while() {
    let plugin = Plugin::start().await;
    let (status, sold) = plugin.buys(&basic("crm", SECRET), &format!("{GRANT}&scope=read+write&audience=x")).await;
    assert_eq!((status, &sold["token_type"], &sold["scope"]), (200, &json!("Bearer"), &json!("read write")));
    let token = format!("bearer {}", sold["access_token"].as_str().unwrap());
    assert_eq!(
        plugin.asks(&token, "?movement=42").await,
        (200, json!({"customerId": "C-7", "tier": "gold"})),
        "the scheme's letters do not count"
    );
    plugin.world.advance(sold["expires_in"].as_i64().unwrap() * 1000);
    assert_eq!(plugin.asks(&token, "?movement=42").await, (401, json!({"error": "invalid_token"})));
    plugin.api.tokens_last(3600);
    let first = plugin.token().await;
    assert_ne!(first, plugin.token().await);
    plugin.world.advance(1_000_000);
    assert_eq!(plugin.asks(&first, "?movement=42").await.0, 200);
    let issued: Vec<_> = plugin.api.issued().into_iter().map(|issued| (issued.client, issued.scope)).collect();
    let of = |scope: Option<&str>| ("crm".to_owned(), scope.map(str::to_owned));
    assert_eq!(issued, [of(Some("read write")), of(None), of(None)]);
    plugin.world.stop().await;
}

#[tokio::test]
async fn whoever_is_no_client_or_sends_another_form_gets_no_token() {
    let plugin = Plugin::start().await;
    let good = basic("crm", SECRET);
    let raw = format!("Basic {}", STANDARD.encode(format!("crm:{SECRET}")));
    for wrong in ["", "Basic", "Basic !", "Bearer x", &basic("crm", "other"), &basic("other", SECRET), &raw] {
        let (status, body) = plugin.buys(wrong, GRANT).await;
        assert_eq!((status, &body["error"]), (401, &json!("invalid_client")), "{wrong}");
    }
    for (form, error) in [
        ("", "invalid_request"),
        ("grant_type=", "invalid_request"),
        ("grant_type=password", "unsupported_grant_type"),
        ("grant_type=client_credentials&grant_type=client_credentials", "invalid_request"),
        ("grant_type=client_credentials&client_id=crm", "invalid_request"),
        ("grant_type=%zz", "invalid_request"),
    ] {
        let (status, body) = plugin.buys(&good, form).await;
        assert_eq!((status, &body["error"]), (400, &json!(error)), "{form}");
    }
    let json = plugin.call(Method::POST, "/oauth/token", &[("authorization", &good), JSON], GRANT).await;
    assert_eq!(json.status, 400);
    let got = plugin.call(Method::GET, "/oauth/token", &[("authorization", &good)], "").await;
    assert_eq!((got.status.as_u16(), got.header("allow")), (405, Some("POST")));
    plugin.api.refuse("crm", true);
    assert_eq!(plugin.buys(&good, GRANT).await.0, 401);
    plugin.api.refuse("crm", false);
    assert_eq!((plugin.buys(&good, GRANT).await.0, plugin.api.issued().len()), (200, 1));
    plugin.world.stop().await;
}

#[tokio::test]
async fn without_a_valid_token_nothing_is_told_and_nothing_is_taken() {
    let plugin = Plugin::start().await;
    let token = plugin.token().await;
    let none = plugin.call(Method::GET, "/customers?movement=42", &[], "").await;
    assert_eq!((none.status.as_u16(), none.header("www-authenticate")), (401, Some("Bearer")));
    let wrong = plugin.call(Method::GET, "/customers?movement=42", &[("authorization", "Bearer x")], "").await;
    assert_eq!(wrong.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
    let two = [("authorization", token.as_str()), ("authorization", token.as_str())];
    assert_eq!(plugin.call(Method::GET, "/customers?movement=42", &two, "").await.status, 400);
    plugin.api.withdraw_tokens();
    assert_eq!(plugin.asks(&token, "?movement=42").await.0, 401);
    assert_eq!(plugin.tells(&token, "k", "installed").await.0, 401);
    assert!(plugin.api.events().is_empty());
    assert!(plugin.api.calls_to(ApiRoute::WalletEvents).iter().all(|call| call.client.is_none()));
    plugin.world.stop().await;
}

#[tokio::test]
async fn a_customer_is_found_by_the_movement_alone() {
    let plugin = Plugin::start().await;
    let token = plugin.token().await;
    plugin.api.know("a b&c", Customer { customer_id: "C-8".to_owned(), tier: None });
    assert_eq!(plugin.asks(&token, "?movement=a%20b%26c").await, (200, json!({"customerId": "C-8"})));
    for (query, status) in [("", 400), ("?movement=", 400), ("?movement=42&x=1", 400), ("?movement=%zz", 400)] {
        assert_eq!(plugin.asks(&token, query).await.0, status, "{query}");
    }
    assert_eq!(plugin.asks(&token, "?movement=43").await.0, 404);
    plugin.api.forget("42");
    assert_eq!(plugin.asks(&token, "?movement=42").await.0, 404);
    plugin.world.stop().await;
}

#[tokio::test]
async fn an_event_counts_once_by_its_key_and_a_key_is_for_one_body() {
    let plugin = Plugin::start().await;
    let token = plugin.token().await;
    assert_eq!(plugin.tells(&token, "k1", "installed").await, (200, json!({"number": 1})));
    assert_eq!(plugin.tells(&token, "k2", "removed").await, (200, json!({"number": 2})));
    assert_eq!(plugin.tells(&token, "k1", "installed").await, (200, json!({"number": 1})));
    assert_eq!(plugin.tells(&token, "k1", "removed").await.0, 422);
    assert_eq!(plugin.tells(&token, "", "removed").await.0, 400);
    let headers = [("authorization", token.as_str()), ("idempotency-key", "k3"), JSON];
    for body in ["", "[]", "{\"event\":\"installed\"}"] {
        assert_eq!(plugin.call(Method::POST, "/wallet-events", &headers, body).await.status, 400, "{body}");
    }
    let plain = [headers[0], headers[1], ("content-type", "text/plain")];
    assert_eq!(plugin.call(Method::POST, "/wallet-events", &plain, "{}").await.status, 415);
    let events = plugin.api.events();
    let seen: Vec<_> = events.iter().map(|call| (call.event(), call.pass(), call.key())).collect();
    assert_eq!(seen, [("installed", Some("p"), "k1"), ("removed", Some("p"), "k2")]);
    // Another client's keys are its own.
    plugin.api.register("other", "secret");
    let (_, sold) = plugin.buys(&basic("other", "secret"), GRANT).await;
    let other = format!("Bearer {}", sold["access_token"].as_str().unwrap());
    assert_eq!(plugin.tells(&other, "k1", "removed").await, (200, json!({"number": 3})));
    assert_eq!(plugin.api.events().last().unwrap().client.as_deref(), Some("other"));
    plugin.world.stop().await;
}

#[tokio::test]
async fn a_route_fails_as_it_is_told_and_what_failed_was_not_taken() {
    let plugin = Plugin::start().await;
    let token = plugin.token().await;
    plugin.api.behave(ApiRoute::WalletEvents, Behaviour::Status { status: 429, retry_after: Some(7) });
    let headers = [("authorization", token.as_str()), ("idempotency-key", "k"), JSON];
    let told = plugin.call(Method::POST, "/wallet-events", &headers, "{}").await;
    assert_eq!((told.status.as_u16(), told.header("retry-after")), (429, Some("7")));
    plugin.api.behave(ApiRoute::WalletEvents, Behaviour::Recovers { after: 2, status: 500 });
    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.push(plugin.tells(&token, "k", "installed").await.0);
    }
    assert_eq!((answers, plugin.api.events().len()), (vec![500, 500, 200, 200], 1));
    plugin.api.behave(ApiRoute::Token, Behaviour::Status { status: 503, retry_after: None });
    let form = [("authorization", &*basic("crm", SECRET)), FORM];
    assert_eq!(plugin.call(Method::POST, "/oauth/token", &form, GRANT).await.status, 503);
    assert_eq!(plugin.api.issued().len(), 1);
    // The others go on as they were.
    assert_eq!(plugin.asks(&token, "?movement=42").await.0, 200);
    plugin.api.behave(ApiRoute::Customers, Behaviour::Hangs);
    let hanging = plugin.asks(&token, "?movement=42");
    let came = plugin.api.wait_until(|all| all.iter().any(|call| call.received.answered == "hangs"), PATIENCE);
    tokio::select! {
        _ = hanging => panic!("it answered"),
        came = came => assert!(came.is_ok()),
    }
    plugin.world.stop().await;
}

#[tokio::test]
async fn desks_and_the_api_stand_side_by_side() {
    let plugin = Plugin::start().await;
    let desk = plugin.world.crm().desk("customers");
    assert_eq!(plugin.call(Method::POST, "/hooks/customers", &[JSON], "{}").await.status, 200);
    assert_eq!((desk.received().len(), plugin.api.calls().len()), (1, 0));
    assert_eq!(plugin.call(Method::POST, "/elsewhere", &[JSON], "{}").await.status, 404);
    plugin.world.stop().await;
}
