//! The plugin's place in the outbox over HTTP, where no command line may reach the store: looked at and switched on, and nothing else.

use passerelle_flow::hooks::endpoint::ID;
use passerelle_flow::store::{Outbox as _, WebhookWrite};
use serde_json::{Value, json};

use super::Plugged;
use crate::openapi::errors;

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_is_off_is_switched_on_over_http_and_nothing_else_of_it_is_changed() {
    let plugged = Plugged::new().await;
    let house = &plugged.house;
    let (reads, writes) = (house.key_for(&["Webhook.Read"]).await, house.key_for(&["Webhook.Write"]).await);
    let ask = async |method: &str, path: &str, key: &str, body: Value| {
        house.with_key(method, &format!("/api/demo/webhooks{path}"), key, &body).await
    };
    let on = json!({ "enabled": true });
    let document = house.send("GET", "/openapi.json", &[], "").await.json();
    let shown = ask("GET", "/plugin", &reads, Value::Null).await.json();
    assert_eq!(errors(&document, "PluginEndpoint", &shown), Vec::<String>::new(), "{shown:#}");
    assert_eq!((&shown["id"], &shown["enabled"]), (&json!("plugin"), &json!(true)));
    assert!(shown["events"].as_array().unwrap().contains(&json!("Pass:Installed")), "{shown}");

    // As after days of failures.
    let store = &house.stage.server().unwrap().flow.host.store;
    let row = store.webhook(&house.stage.tenant, ID).await.unwrap().unwrap();
    let off = WebhookWrite { enabled: false, ..row.settled.clone() };
    assert!(store.update_webhook(&house.stage.tenant, row.version, off, 1).await.unwrap());
    assert_eq!(ask("GET", "/plugin", &reads, Value::Null).await.json()["enabled"], false);

    assert_eq!(ask("PATCH", "/plugin", &reads, on.clone()).await.status, 403);
    for (body, field) in [
        (json!({ "enabled": true, "events": ["*"] }), "events"),
        (json!({ "enabled": true, "endpoint": "https://crm.example" }), "endpoint"),
        (json!({ "enabled": true, "format": "vibes" }), "format"),
        (json!({ "enabled": true, "description": "mine" }), "description"),
        (json!({ "enabled": true, "neostoreSignature": "hex" }), "neostoreSignature"),
        (json!({ "enabled": false }), "enabled"),
        (json!({}), "enabled"),
    ] {
        let refused = ask("PATCH", "/plugin", &writes, body).await;
        assert!(refused.problem(400, "invalid-request")["errors"][field].is_array(), "{field}");
    }
    for (method, path) in [("DELETE", "/plugin"), ("POST", "/plugin/secret")] {
        assert_eq!(ask(method, path, &writes, Value::Null).await.status, 404, "{method} {path}");
    }
    ask("POST", "/plugin/test", &writes, Value::Null).await.problem(409, "no-test-event");
    assert_eq!(ask("GET", "", &reads, Value::Null).await.json(), json!([]), "nobody has made it");

    let switched = ask("PATCH", "/plugin", &writes, on.clone()).await.json();
    assert_eq!(errors(&document, "PluginEndpoint", &switched), Vec::<String>::new(), "{switched:#}");
    assert_eq!((&switched["enabled"], &switched["disabledFor"]), (&json!(true), &Value::Null));
    assert_eq!(ask("PATCH", "/plugin", &writes, on).await.json()["updatedAt"], switched["updatedAt"], "on is on");
    let kept = store.webhook(&house.stage.tenant, ID).await.unwrap().unwrap().settled;
    assert_eq!(kept, row.settled);

    // And it is told of what happens.
    plugged.sell("FLUTE").await;
    plugged.told("created").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_was_removed_is_not_switched_on() {
    let plugged = Plugged::new().await;
    let key = plugged.house.key_for(&["Webhook.Read", "Webhook.Write"]).await;
    assert!(plugged.folder().remove().unwrap());
    plugged.house.stage.server().unwrap().reload_now().await;
    let path = "/api/demo/webhooks/plugin";
    assert_eq!(plugged.house.with_key("GET", path, &key, &Value::Null).await.json()["enabled"], false);
    let on = json!({ "enabled": true });
    plugged.house.with_key("PATCH", path, &key, &on).await.problem(409, "no-plugin");
    assert_eq!(plugged.house.with_key("GET", path, &key, &Value::Null).await.json()["enabled"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_without_a_plugin_has_no_such_place() {
    let plugged = Plugged::without().await;
    let key = plugged.house.key_for(&["Webhook.Read", "Webhook.Write"]).await;
    for (method, body) in [("GET", Value::Null), ("PATCH", json!({ "enabled": true }))] {
        let reply = plugged.house.with_key(method, "/api/demo/webhooks/plugin", &key, &body).await;
        assert_eq!(reply.status, 404, "{method}");
    }
}
