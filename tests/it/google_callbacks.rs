//! Google's callbacks: what a phone does is known, and whatever is not Google's word changes nothing.

use std::collections::BTreeMap;

use passerelle_simulator::CallbackDelivery;
use serde_json::{Value, json};

use crate::house::{House, Reply};

const HOUR: i64 = 3_600_000;

impl House {
    fn callbacks(&self) -> String {
        format!("{}/api/demo/webhooks/listeners/google", self.base())
    }

    async fn post_callback(&self, body: &Value) -> Reply {
        let headers = [("content-type", "application/json"), ("user-agent", "Googlebot")];
        self.send("POST", &self.callbacks(), &headers, body.to_string()).await
    }

    /// What Google would post about an object of ours, signed for our issuer.
    fn genuine(&self, event: &str, object: &str) -> Value {
        let google = self.stage.world.google();
        let message = google.callback_message(event, object, "class");
        google.signed_callback(self.stage.world.google_issuer(), &message)
    }

    fn tally(&self) -> BTreeMap<&'static str, u64> {
        self.stage.server().unwrap().flow.callbacks.of(&self.stage.tenant)
    }

    /// When the pass came into Google Wallet; none: it is not there.
    async fn in_google(&self, pass: &str) -> Option<String> {
        // What was told is folded by a worker.
        self.stage.rest().await.unwrap();
        self.described(pass).await.pointer("/providers/google").and_then(Value::as_str).map(str::to_owned)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_that_is_saved_and_removed_is_known_to_be() {
    let house = House::new().await;
    let google = house.stage.world.google();
    google.deliver_callbacks(CallbackDelivery { copies: 3, ..CallbackDelivery::default() });
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let held = &sold.held[0];
    assert!(house.in_google(&held.serial).await.is_some());
    // Three copies of one word are one word.
    assert_eq!(google.callbacks().iter().map(|callback| callback.status).collect::<Vec<_>>(), [200; 3]);
    assert_eq!(house.tally(), BTreeMap::from([("counted", 1), ("repeated", 2)]));

    assert!(house.stage.android.remove(&held.object).await);
    assert_eq!(house.in_google(&held.serial).await, None);
    assert_eq!(house.tally()["counted"], 2);
    // The keys were fetched for the first of six.
    assert_eq!(google.call_counts()["GET keys"], 1);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_forged_stale_or_foreign_is_refused_and_changes_nothing() {
    let house = House::new().await;
    let google = house.stage.world.google();
    google.deliver_callbacks(CallbackDelivery { lost: true, ..CallbackDelivery::default() });
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let object = &sold.held[0].object;
    assert_eq!(house.in_google(&sold.held[0].serial).await, None, "nobody has told");

    let mut forged = house.genuine("save", object);
    forged["signedMessage"] = json!(forged["signedMessage"].as_str().unwrap().replace("\"count\":1", "\"count\":2"));
    let message = google.callback_message("save", object, "class");
    let foreign = google.signed_callback("3388000000099999999", &message);
    let mut stale = google.callback_message("save", object, "class");
    stale["expTimeMillis"] = json!(stale["expTimeMillis"].as_i64().unwrap() - 7 * HOUR);
    let stale = google.signed_callback(house.stage.world.google_issuer(), &stale);
    let other: Value = serde_json::from_str(include_str!("../golden/google/ecv2-callback-vectors.json")).unwrap();
    // Google's own, years ago and to somebody else: its root key is not of this world.
    let other = &other["vectors"][0]["body"];
    for (refused, expected) in [(&forged, "forged"), (&foreign, "forged"), (&stale, "stale"), (other, "untrusted-key")]
    {
        let before = house.tally().get(expected).copied().unwrap_or(0);
        let reply = house.post_callback(refused).await;
        assert_eq!(reply.status, 401, "{expected}");
        assert_eq!(reply.json()["type"], "urn:passerelle:problem:callback-refused");
        assert_eq!(house.tally()[expected], before + 1);
    }
    for malformed in [json!({}), json!([]), json!({"signature": 1})] {
        assert_eq!(house.post_callback(&malformed).await.status, 400);
    }
    assert_eq!(house.tally()["malformed"], 3);
    assert_eq!(house.in_google(&sold.held[0].serial).await, None);
    // However much is wrong, the keys are fetched once.
    assert_eq!(google.call_counts()["GET keys"], 1);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_genuine_and_says_nothing_of_our_passes_is_answered_and_ignored() {
    let house = House::new().await;
    let google = house.stage.world.google();
    google.deliver_callbacks(CallbackDelivery { lost: true, ..CallbackDelivery::default() });
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let (held, issuer) = (&sold.held[0], house.stage.world.google_issuer());
    // What transit passes send: `objectIds`, and a device.
    let mut activate = google.callback_message("activate", &held.object, "class");
    activate.as_object_mut().unwrap().remove("objectId");
    activate["objectIds"] = json!([held.object]);
    activate["deviceContext"] = json!({"deviceId": "1"});
    let unknown = google.callback_message("shared", &held.object, "class");
    for message in [activate, unknown] {
        assert_eq!(house.post_callback(&google.signed_callback(issuer, &message)).await.status, 200);
    }
    for object in [format!("{issuer}.AAAAAAAAAAAAAAAA"), format!("{issuer}.another-system's"), "1.2".to_owned()] {
        assert_eq!(house.post_callback(&house.genuine("save", &object)).await.status, 200);
    }
    assert_eq!(house.tally(), BTreeMap::from([("other-event", 2), ("other-object", 3)]));
    assert_eq!(house.in_google(&held.serial).await, None);
    let metrics = house.send("GET", "/metrics", &[], "").await;
    let metrics = String::from_utf8(metrics.body.to_vec()).unwrap();
    for (outcome, count) in [("other-event", 2), ("other-object", 3)] {
        let line = format!("passerelle_google_callbacks_total{{tenant=\"demo\",outcome=\"{outcome}\"}} {count}\n");
        assert!(metrics.contains(&line), "{metrics}");
    }
    // And a word about ours is counted beside them.
    assert_eq!(house.post_callback(&house.genuine("save", &held.object)).await.status, 200);
    assert!(house.in_google(&held.serial).await.is_some());
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_robot_may_go_where_google_has_to() {
    let house = House::new().await;
    let rules = house.send("GET", "/robots.txt", &[], "").await;
    assert_eq!((rules.status.as_u16(), rules.header("content-type")), (200, "text/plain; charset=utf-8"));
    let rules = String::from_utf8(rules.body.to_vec()).unwrap();
    assert!(rules.lines().any(|line| line == "Allow: /api/*/webhooks/listeners/google"), "{rules}");
    assert!(rules.ends_with("Disallow: /\n"), "{rules}");
    house.end().await;
}
