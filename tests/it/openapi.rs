//! The published description against what is served: every path of it is routed, every route is in it, and what is answered is as it says.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use crate::house::{House, Reply};

/// What an instance has that its schema does not allow.
pub fn errors(document: &Value, schema: &str, instance: &Value) -> Vec<String> {
    let schema = json!({"$ref": format!("#/components/schemas/{schema}"), "components": document["components"]});
    let validator = jsonschema::validator_for(&schema).unwrap();
    validator.iter_errors(instance).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// `/api/{tenantId}/passes` as `/api/{}/passes`.
fn shape(path: &str) -> String {
    let segments = path.split('/').map(|segment| if segment.starts_with('{') { "{}" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

/// The shapes that a source file routes: its slice patterns, below the prefix that they are matched behind.
fn patterns(source: &str, prefix: &str) -> BTreeSet<String> {
    let mut shapes = BTreeSet::new();
    // Behind the tests there are no routes, and before `match` no patterns.
    for line in source.lines().map(str::trim).filter(|line| line.starts_with("[\"")) {
        let arm = line.split("=>").next().unwrap().split(" if ").next().unwrap();
        for pattern in arm.split(" | ") {
            let inner = pattern.trim().trim_start_matches('[').trim_end_matches(']');
            let parts: Vec<&str> = inner.split(',').map(str::trim).collect();
            if parts.iter().any(|part| part.starts_with("rest @")) {
                continue;
            }
            let segment = |part: &&str| match part.strip_prefix('"') {
                Some(literal) => literal.trim_end_matches('"').to_owned(),
                None => "{}".to_owned(),
            };
            let path = parts.iter().map(segment).collect::<Vec<_>>().join("/");
            let own = ["openapi.json", "metrics", "robots.txt"];
            let top = path.starts_with("health") || own.contains(&path.as_str());
            shapes.insert(if top { format!("/{path}") } else { format!("{prefix}/{path}") });
        }
    }
    shapes
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_described_is_routed_and_what_is_routed_is_described() {
    let house = House::new().await;
    let document = house.send("GET", "/openapi.json", &[], "").await.json();
    let paths = document["paths"].as_object().unwrap();
    for (path, item) in paths {
        let described: BTreeSet<&str> = item.as_object().unwrap().keys().map(String::as_str).collect();
        let url = path
            .replace("{tenantId}", "demo")
            .replace("{passTypeIdentifier}", house.stage.world.pass_type())
            .replace("{template}", "event-ticket")
            .replace("{file}", "icon.png")
            .replace("{fileId}", "1")
            .split('/')
            .map(|segment| if segment.starts_with('{') { "AAAAAAAAAAAAAAAA" } else { segment })
            .collect::<Vec<_>>()
            .join("/");
        for method in ["get", "post", "put", "patch", "delete"] {
            let reply = house.send(&method.to_uppercase(), &url, &[], "").await;
            if described.contains(method) {
                assert_ne!(reply.status, 405, "{method} {url}");
                let slug =
                    serde_json::from_slice(&reply.body).map(|body: Value| body["type"].clone()).unwrap_or_default();
                assert_ne!(slug, "urn:passerelle:problem:unknown-path", "{method} {url}");
                // What comes is one of the answers that the description has.
                let known = item[method]["responses"].as_object().unwrap();
                assert!(known.contains_key(reply.status.as_str()), "{method} {url} answered {}", reply.status);
            } else {
                assert_eq!(reply.status, 405, "{method} {url} is served and not described");
                let allowed: BTreeSet<String> =
                    reply.header("allow").split(',').map(|method| method.trim().to_lowercase()).collect();
                let expected: BTreeSet<String> = described.iter().map(|method| (*method).to_owned()).collect();
                assert_eq!(allowed, expected, "{url}");
            }
        }
    }

    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/flow/src/http");
    let read = |name: &str| std::fs::read_to_string(sources.join(name)).unwrap();
    let mut routed = patterns(&read("mod.rs"), "/api/{}");
    routed.extend(patterns(&read("apple.rs"), "/apple/{}/v1"));
    let described: BTreeSet<String> = paths.keys().map(|path| shape(path)).collect();
    assert_eq!(routed, described);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_answered_is_as_it_is_described() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let document = house.send("GET", "/openapi.json", &[], "").await.json();
    let serial = &sold.held[0].serial;
    let answers = [
        (format!("/api/demo/external/secutix/orders/getTicketsUrl/{}", sold.file), "Tickets"),
        (format!("/api/demo/passes/{serial}"), "Pass"),
        ("/health/ready".to_owned(), "Readiness"),
    ];
    for (path, schema) in answers {
        let reply = house.get(&path).await;
        assert_eq!(reply.status, 200, "{path}");
        assert_eq!(errors(&document, schema, &reply.json()), Vec::<String>::new(), "{path}: {:#}", reply.json());
    }
    let history = house.get(&format!("/api/demo/passes/{serial}/history")).await.json();
    assert!(!history.as_array().unwrap().is_empty());
    for line in history.as_array().unwrap() {
        assert_eq!(errors(&document, "Change", line), Vec::<String>::new(), "{line:#}");
    }

    let stage = &house.stage;
    let webhooks = house.key_for(&["Webhook.Read", "Webhook.Write"]).await;
    let ask = async |method: &str, path: &str, body: Value| {
        let headers = [("x-api-key", webhooks.as_str()), ("content-type", "application/json")];
        house.send(method, &format!("/api/demo/webhooks{path}"), &headers, body.to_string()).await.json()
    };
    let draft = json!({"endpoint": stage.world.crm().desk("crm").url(), "events": ["*"]});
    let made = ask("POST", "", draft).await;
    let id = made["id"].as_str().unwrap();
    let event = ask("POST", &format!("/{id}/test"), json!({})).await;
    let event = event["eventId"].as_str().unwrap();
    crate::house::until("a delivery", async || {
        ask("GET", &format!("/{id}/deliveries/{event}"), json!({})).await["state"] == "delivered"
    })
    .await;
    let told = [
        (made.clone(), "WebhookWithSecret"),
        (ask("GET", &format!("/{id}"), json!({})).await, "Webhook"),
        (ask("POST", &format!("/{id}/secret"), json!({"overlapSeconds": 60})).await, "WebhookWithSecret"),
        (ask("GET", &format!("/{id}/deliveries"), json!({})).await["deliveries"][0].clone(), "Delivery"),
        (ask("GET", &format!("/{id}/deliveries/{event}"), json!({})).await, "DeliveryWithAttempts"),
        (ask("GET", &format!("/{id}"), json!({})).await, "Webhook"),
    ];
    for (body, schema) in told {
        assert_eq!(errors(&document, schema, &body), Vec::<String>::new(), "{schema}: {body:#}");
    }

    let typed = ("content-type", "application/json");
    let key = ("x-api-key", house.stage.caller.key());
    let listener = house.listener();
    house.stage.world.secutix().oddities(|odd| odd.refuse_credentials = true);
    let tickets = format!("/api/demo/external/secutix/orders/getTicketsUrl/{}", sold.file);
    let problems: Vec<(u16, Reply)> = vec![
        (400, house.send("POST", &listener, &[typed], "{}").await),
        (400, house.send("POST", "/api/demo/passes", &[typed, key], "{}").await),
        (401, house.send("GET", &tickets, &[], "").await),
        (
            401,
            house
                .send("GET", &format!("/apple/demo/v1/passes/{}/{serial}", house.stage.world.pass_type()), &[], "")
                .await,
        ),
        (404, house.send("GET", "/api/nobody/passes/x", &[], "").await),
        (404, house.send("GET", "/nothing", &[], "").await),
        (404, house.send("GET", "/%zz", &[], "").await),
        (404, house.get("/api/demo/passes/AAAAAAAAAAAAAAAA").await),
        (405, house.send("DELETE", "/health/live", &[], "").await),
        (413, house.send("POST", &listener, &[typed], " ".repeat(1_000_000)).await),
        (415, house.send("POST", &listener, &[("content-type", "text/plain")], "{}").await),
        (502, house.get(&tickets).await),
    ];
    for (status, reply) in &problems {
        assert_eq!(reply.status.as_u16(), *status);
        let body = reply.json();
        assert_eq!(errors(&document, "ProblemDetails", &body), Vec::<String>::new(), "{body:#}");
        assert_eq!(body["status"], *status);
        assert!(body["type"].as_str().unwrap().starts_with("urn:passerelle:problem:"));
    }
    // A judge that takes everything would prove nothing.
    assert!(!errors(&document, "ProblemDetails", &json!({"type": 1})).is_empty());
    assert!(!errors(&document, "Tickets", &json!({"fileId": "1", "tickets": [{}]})).is_empty());

    house.stage.server().unwrap().flow.host.store.close().await;
    let down = house
        .send("POST", &listener, &[typed], json!({"orderSecretToken": "t", "state": "", "lastUpdate": ""}).to_string())
        .await;
    assert_eq!(down.status, 503);
    assert_eq!(errors(&document, "ProblemDetails", &down.json()), Vec::<String>::new());
}
