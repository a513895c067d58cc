//! A tenant's plugin on Spin that means harm: it takes nobody along, and what it fails at is told as on a server.

use passerelle_guests::Form;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Edge, LATER};
use crate::agreement::side::TRAPPING;
use crate::house::{LIMIT, until};
use crate::store::rows;

/// A plugin of two hooks, both of which trap at once. The others are the defaults that it is completed with.
pub fn trapping() -> Vec<u8> {
    const TEXT: &str = r#"
(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
    (global.set $free (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.get $free)
    (global.set $free (i32.add (global.get $free) (local.get $size))))
  (func (export "passerelle:tenant/choose-template@0.1.0#choose") (param i32) (result i32) (unreachable))
  (func (export "passerelle:tenant/on-order-changed@0.1.0#notify") (param i32) (result i32) (unreachable))
  (global $free (mut i32) (i32.const 1024)))"#;
    passerelle_guests::component(TEXT, Form::Module)
}

const DAY: i64 = 86_400_000;

impl Edge {
    /// The deliveries to the plugin, the newest first.
    async fn to_the_plugin(&self) -> Vec<Value> {
        let path = format!("/api/{TRAPPING}/webhooks/plugin/deliveries");
        self.side.get(TRAPPING, &path).await.json()["deliveries"].as_array().unwrap().clone()
    }

    async fn plugin(&self) -> Value {
        self.side.get(TRAPPING, &format!("/api/{TRAPPING}/webhooks/plugin")).await.json()
    }

    /// A notification, and all that comes of it.
    async fn sell(&self, tenant: &str) -> Value {
        assert_eq!(self.notify(tenant).await.status, 200);
        self.side.advance(LATER);
        self.side.drive().await;
        self.side.get(tenant, &format!("/api/{tenant}/passes")).await.json()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_traps_leaves_its_tenant_the_default_and_takes_no_request_along() {
    let edge = Edge::new(&["opera", TRAPPING]).await;
    // A host gives its plugin a place in the outbox before anything happens; the edge does with a sweep.
    edge.side.drive().await;
    let plain = edge.sell("opera").await;

    // It traps beside a request that is under way: both wait for SecuTix, and its run is the first to go on.
    edge.side.other.hold(&["opera", TRAPPING]);
    assert_eq!(edge.notify(TRAPPING).await.status, 200);
    edge.side.advance(LATER);
    until("its run asks SecuTix", async || {
        // Behind an answer the edge sweeps by itself.
        edge.plugin().await;
        edge.side.other.asked(TRAPPING) > 0
    })
    .await;
    let asked = edge.side.other.asked("opera");
    let tickets = edge.side.get("opera", "/api/opera/external/secutix/orders/getTicketsUrl/10000702600");
    let traps = async {
        until("SecuTix is being asked", async || edge.side.other.asked("opera") > asked).await;
        edge.side.other.hold(&["opera"]);
        until("the event's hook has trapped as well", async || {
            edge.to_the_plugin().await.first().is_some_and(|told| told["failedAttempts"] == 1)
        })
        .await;
        assert_eq!(edge.side.ask("GET", "/health/ready", &[], "").await.status, 200);
        edge.side.other.hold(&[]);
    };
    let (tickets, ()) = tokio::join!(tickets, traps);
    assert_eq!(tickets.status, 200, "{}", String::from_utf8_lossy(&tickets.body));

    edge.side.drive().await;
    let trapped = edge.side.get(TRAPPING, &format!("/api/{TRAPPING}/passes")).await.json();
    for name in ["passType", "state"] {
        assert!(plain[0][name].is_string(), "{plain}");
        assert_eq!(plain[0][name], trapped[0][name], "{name}");
    }
    let told = edge.to_the_plugin().await;
    assert_eq!((told.len(), &told[0]["state"]), (1, &json!("waiting")), "{told:?}");
    assert_eq!(told[0]["error"], "on-order-changed: the component panicked", "{told:?}");
    assert_eq!(edge.sell("opera").await.as_array().unwrap().len(), 1, "and those that follow are answered");
    edge.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_was_switched_off_stays_off_until_somebody_or_another_version_switches_it_on() {
    let edge = Edge::new(&[TRAPPING]).await;
    edge.side.drive().await;
    let database = rusqlite::Connection::open(&edge.side.database).unwrap();
    database.busy_timeout(LIMIT).unwrap();
    let edit = |set: &str| {
        let edited = database.execute(&format!("UPDATE webhook SET {set} WHERE id = 'plugin'"), []).unwrap();
        assert_eq!(edited, 1);
    };
    const FAILED: &str = "enabled = 0, disabled_at = 1, disabled_for = 'failing'";
    if edge.clock {
        edge.sell(TRAPPING).await;
        // Five days without a success; after a longer silence they would count anew.
        for _ in 0..6 {
            edge.side.advance(DAY);
            edge.side.drive().await;
        }
    } else {
        // Nobody waits for five days.
        edit(FAILED);
    }
    let off = edge.plugin().await;
    assert_eq!((&off["enabled"], &off["disabledFor"]), (&json!(false), &json!("failing")), "{off}");
    edge.side.drive().await;
    assert_eq!(edge.plugin().await["enabled"], false, "the same build stays off");

    let path = format!("/api/{TRAPPING}/webhooks/plugin");
    let on = edge.side.patch(TRAPPING, &path, &json!({ "enabled": true })).await;
    assert_eq!((on.status.as_u16(), &on.json()["enabled"]), (200, &json!(true)));
    edge.side.drive().await;
    assert_eq!(edge.plugin().await["enabled"], true);
    for delivery in edge.to_the_plugin().await {
        // What was given up is told again when somebody asks.
        let event = delivery["eventId"].as_str().unwrap();
        let replay = edge.side.post(TRAPPING, &format!("{path}/deliveries/{event}/replay"), &Value::Null).await;
        assert_eq!(replay.status, 202);
    }

    // Which build the row is of, the version says. A row of another one is what a deployment finds.
    let version = Sha256::digest(edge.side.plugin_version(TRAPPING));
    let kept = rows(&edge.side.database, "SELECT hex(sealed) FROM webhook WHERE id = 'plugin'");
    assert_eq!(kept, [[hex::encode_upper(version)]]);
    edit(&format!("{FAILED}, sealed = zeroblob(32)"));
    edge.side.sweep(0).await;
    assert_eq!(edge.plugin().await["enabled"], true, "another build begins anew");
    edge.end().await;
}
