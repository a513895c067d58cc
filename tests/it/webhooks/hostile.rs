//! Receivers that are slow, dead, lying, redirecting or hostile. What it costs us is bounded, and what is believed is the status alone.

use passerelle_simulator::Behaviour;
use serde_json::json;

use super::*;

fn redirect(status: u16, to: &str) -> Behaviour {
    Behaviour::Redirects { status, to: to.to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_take_an_event_gets_it_again_and_takes_nothing_else() {
    let post = Post::impatient().await;
    let metadata = "http://169.254.169.254/latest/meta-data/";
    let cases = [
        ("hangs", Behaviour::Hangs, "no answer in time"),
        ("hangs-up", Behaviour::HangsUp, "no connection"),
        ("slow", Behaviour::Slow { millis: 60_000 }, "no answer in time"),
        ("babbles", Behaviour::Babbles, "no connection"),
        ("drips-headers", Behaviour::DripsHeaders, "no answer in time"),
        ("huge-headers", Behaviour::HugeHeaders, "no connection"),
        ("to-itself", redirect(307, "self"), "HTTP 307: redirects are not followed"),
        ("to-another", redirect(301, "https://localhost:1/"), "HTTP 301: redirects are not followed"),
        ("to-metadata", redirect(302, metadata), "HTTP 302: redirects are not followed"),
        ("refuses", Behaviour::Status { status: 400, retry_after: None }, "HTTP 400"),
        ("informs", Behaviour::Status { status: 304, retry_after: None }, "HTTP 304: redirects are not followed"),
    ];
    let mut sent = Vec::new();
    for (name, behaviour, error) in cases {
        let desk = post.desk(name);
        desk.behave(behaviour);
        let endpoint = post.endpoint(&desk, &["Pass:Created"], json!({})).await;
        let event = post.test(&endpoint).await;
        sent.push((name, desk, endpoint, event, error));
    }
    for (name, desk, endpoint, event, error) in &sent {
        let delivery = post.until_delivery(endpoint, event, failed(1)).await;
        assert_eq!(delivery["attempts"][0]["error"], *error, "{name}: {delivery:#}");
        assert_eq!(delivery["state"], "waiting", "{name}");
        // One request each: nobody was followed, and nobody asked twice at once.
        assert_eq!(desk.received().len(), 1, "{name}");
        desk.behave(Behaviour::Honest);
    }
    post.house.advance(HOUR).await;
    for (name, desk, endpoint, event, _) in &sent {
        post.until_delivery(endpoint, event, is("delivered")).await;
        let seen = desk.received();
        assert!(seen.iter().all(|one| one.id() == event && one.verified == Some(true)), "{name}");
    }
    post.house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_is_believed_whatever_comes_after_it_and_16_kb_of_that_are_kept() {
    let post = Post::impatient().await;
    let cases = [
        ("garbage", Behaviour::Garbage, 1),
        ("short", Behaviour::ShortBody, 9),
        ("endless", Behaviour::EndlessBody, 16_384),
        ("drips", Behaviour::Drips, 1),
        ("bomb", Behaviour::GzipBomb, 10),
    ];
    for (name, behaviour, least) in cases {
        let desk = post.desk(name);
        desk.behave(behaviour);
        let endpoint = post.endpoint(&desk, &["Pass:Created"], json!({})).await;
        let event = post.test(&endpoint).await;
        let delivery = post.until_delivery(&endpoint, &event, is("delivered")).await;
        let kept = delivery["attempts"][0]["response"].as_str().unwrap_or_default();
        // Bytes that are no text are shown as a mark of three each.
        assert!((least..=3 * 16_384).contains(&kept.len()), "{name}: {}", kept.len());
        if name == "endless" {
            assert_eq!(kept, "x".repeat(16_384));
        }
        assert_eq!((delivery["attempts"][0]["status"].as_u64(), desk.received().len()), (Some(200), 1), "{name}");
    }
    post.house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_time_gets_it_and_who_is_gone_is_asked_no_more() {
    let post = Post::new().await;
    let (busy, gone) = (post.desk("busy"), post.desk("gone"));
    busy.behave(Behaviour::Status { status: 429, retry_after: Some(1_800) });
    let endpoint = post.endpoint(&busy, &["Pass:Created"], json!({})).await;
    let first = post.test(&endpoint).await;
    post.until_delivery(&endpoint, &first, failed(1)).await;
    // Half an hour, for everything that is to go there.
    let second = post.test(&endpoint).await;
    post.house.advance(29 * 60_000).await;
    let waiting = post.delivery(&endpoint, &second).await;
    assert_eq!((waiting["state"].as_str(), waiting["attempts"].as_array().unwrap().len()), (Some("waiting"), 0));
    assert_eq!(busy.received().len(), 1);
    busy.behave(Behaviour::Honest);
    post.house.advance(2 * 60_000).await;
    for event in [&first, &second] {
        post.until_delivery(&endpoint, event, is("delivered")).await;
    }

    gone.behave(Behaviour::Status { status: 410, retry_after: None });
    let endpoint = post.endpoint(&gone, &["Pass:Created"], json!({})).await;
    let event = post.test(&endpoint).await;
    post.until_delivery(&endpoint, &event, is("dead")).await;
    let row = post.get(&format!("/{}", endpoint["id"].as_str().unwrap())).await;
    assert_eq!((&row["enabled"], &row["disabledFor"]), (&json!(false), &json!("gone")));
    let again = post.ask("POST", &format!("/{}/test", endpoint["id"].as_str().unwrap()), &Value::Null).await;
    assert_eq!(again.status, 409);
    post.house.advance(DAY).await;
    assert_eq!(gone.received().len(), 1);
    post.house.end().await;
}

/// What is refused when it is written down, and what only shows when it is dialled.
#[tokio::test(flavor = "multi_thread")]
async fn the_inside_of_the_network_is_no_receiver() {
    // As in production: no plain HTTP. The house's loopback stays open, or its simulator would not be reached.
    let settings = |settings: &mut Settings| settings.options.webhooks.timeout = PATIENCE;
    let post = Post::with(StageOptions { settings: Some(settings), ..StageOptions::default() }).await;
    for address in [
        "https://169.254.169.254/latest/",
        "https://[fd00:ec2::254]/",
        "https://[::ffff:169.254.169.254]/",
        "https://10.0.0.1/",
        "https://192.168.1.1:8443/hooks",
        "https://2852039166/",
        "https://0xa9fea9fe/",
        "https://169.254.43518/",
        "https://user:word@crm.example/",
        "https://crm.example\\@169.254.169.254/",
        "ftp://crm.example/",
        "file:///etc/passwd",
        "https://crm.example/#fragment",
    ] {
        let reply = post.ask("POST", "", &json!({ "endpoint": address, "events": ["*"] })).await;
        assert_eq!(reply.status, 400, "{address}");
        assert!(reply.json()["errors"]["endpoint"].is_array(), "{address}: {}", reply.json());
    }
    assert_eq!(post.get("").await, json!([]));
    post.house.end().await;
}
