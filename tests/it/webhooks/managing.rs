//! Endpoints over HTTP and on the command line: made, changed, looked at, sent again, deleted.

use passerelle_simulator::Behaviour;
use serde_json::json;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_is_made_shown_changed_and_deleted_and_its_secret_is_shown_once() {
    let post = Post::new().await;
    let desk = post.desk("crm");
    let draft = json!({ "endpoint": desk.url(), "events": ["Pass:Installed", "customer.*"], "description": "the CRM" });
    let made = post.ask("POST", "", &draft).await;
    assert_eq!(made.status, 201);
    let location = made.header("location").to_owned();
    let made = made.json();
    let id = made["id"].as_str().unwrap();
    assert_eq!((id.len(), location), (5, format!("/api/demo/webhooks/{id}")));
    assert_eq!(made["warnings"], json!(["nothing here has a name like customer.*"]));
    let shown = post.get(&format!("/{id}")).await;
    for name in ["endpoint", "events", "description"] {
        assert_eq!(shown[name], draft[name], "{name}");
    }
    assert_eq!(
        (&shown["enabled"], &shown["format"], &shown["neostoreSignature"]),
        (&json!(true), &json!("passerelle"), &json!("off"))
    );
    assert!(shown.get("secret").is_none() && shown.get("signatureSecret").is_none());
    assert_eq!(post.get("").await, json!([shown]));
    let changed = post
        .ask("PATCH", &format!("/{id}"), &json!({ "events": ["pass.*"], "neostoreSignature": "base64" }))
        .await
        .json();
    assert_eq!(
        (&changed["events"], &changed["description"], &changed["warnings"]),
        (&json!(["pass.*"]), &json!("the CRM"), &json!([]))
    );
    for (path, body) in [
        ("", json!({ "endpoint": desk.url() })),
        ("", json!({ "endpoint": desk.url(), "events": ["Pass"] })),
        ("", json!({ "endpoint": desk.url(), "events": ["*"], "colour": "red" })),
    ] {
        assert_eq!(post.ask("POST", path, &body).await.status, 400, "{body}");
    }
    assert_eq!(post.ask("PATCH", &format!("/{id}"), &json!({ "events": [] })).await.status, 400);
    assert_eq!(post.ask("POST", &format!("/{id}/secret"), &json!({ "overlapSeconds": 9_999_999 })).await.status, 400);
    assert_eq!(post.ask("POST", &format!("/{id}/replay"), &json!({ "since": "yesterday" })).await.status, 400);
    let early = post.ask("POST", &format!("/{id}/replay"), &json!({ "since": "2001-01-01T00:00:00Z" })).await;
    assert_eq!(early.status, 400);
    assert!(early.json()["errors"]["since"][0].as_str().unwrap().contains("not kept longer"));
    assert_eq!(post.ask("DELETE", &format!("/{id}"), &Value::Null).await.status, 204);
    for (method, path) in [
        ("GET", format!("/{id}")),
        ("DELETE", format!("/{id}")),
        ("POST", format!("/{id}/test")),
        ("GET", format!("/{id}/deliveries")),
    ] {
        assert_eq!(post.ask(method, &path, &Value::Null).await.status, 404, "{method} {path}");
    }
    for _ in 0..16 {
        assert_eq!(post.ask("POST", "", &draft).await.status, 201);
    }
    let full = post.ask("POST", "", &draft).await;
    assert_eq!((full.status.as_u16(), &full.json()["type"]), (409, &json!("urn:passerelle:problem:webhooks-full")));
    post.house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_key_may_do_is_what_its_scope_says_and_one_tenant_sees_nothing_of_another() {
    let post = Post::new().await;
    let desk = post.desk("crm");
    let made = post.endpoint(&desk, &["*"], json!({})).await;
    let id = made["id"].as_str().unwrap();
    let reads = post.house.key_for(&["Webhook.Read"]).await;
    let writes = post.house.key_for(&["Webhook.Write"]).await;
    let base = format!("/api/demo/webhooks/{id}");
    let ask = async |method: &str, path: &str, key: &str| {
        post.house.send(method, path, &[("x-api-key", key)], "").await.status.as_u16()
    };
    assert_eq!((ask("GET", &base, &reads).await, ask("GET", &base, &writes).await), (200, 403));
    assert_eq!(
        (ask("POST", &format!("{base}/test"), &writes).await, ask("POST", &format!("{base}/test"), &reads).await),
        (202, 403)
    );
    assert_eq!(ask("GET", &base, post.house.stage.caller.key()).await, 403);
    let annex = post.house.second_tenant(|text| text).await;
    assert_eq!(annex.get(&post.house, &format!("webhooks/{id}")).await.status, 403, "its key reads passes");
    assert_eq!(ask("GET", &format!("/api/annex/webhooks/{id}"), &reads).await, 401);
    post.house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_is_listed_page_by_page_with_what_was_answered_and_sent_again_when_asked() {
    let post = Post::new().await;
    let desk = post.desk("crm");
    let made = post.endpoint(&desk, &["Pass:Created"], json!({})).await;
    let id = made["id"].as_str().unwrap();
    let mut sent = Vec::new();
    for _ in 0..3 {
        let event = post.test(&made).await;
        post.until_delivery(&made, &event, is("delivered")).await;
        sent.push(event);
    }
    let list = async |query: &str| post.get(&format!("/{id}/deliveries{query}")).await;
    let first = list("?pageSize=2&state=delivered").await;
    let second = list(&format!("?pageSize=2&after={}", first["next"].as_str().unwrap())).await;
    let events: Vec<&str> = [&first, &second]
        .iter()
        .flat_map(|page| page["deliveries"].as_array().unwrap())
        .map(|delivery| delivery["eventId"].as_str().unwrap())
        .collect();
    let mut newest_first = sent.clone();
    newest_first.reverse();
    assert_eq!((events, &second["next"]), (newest_first.iter().map(String::as_str).collect(), &json!(null)));
    for query in ["?state=lost", "?pageSize=0", "?pageSize=101", "?after=x"] {
        assert_eq!(post.ask("GET", &format!("/{id}/deliveries{query}"), &Value::Null).await.status, 400, "{query}");
    }
    // Again, with the same id: the receiver knows it already.
    let again = post.ask("POST", &format!("/{id}/deliveries/{}/replay", sent[0]), &Value::Null).await;
    assert_eq!(again.status, 202);
    let seen = post.seen(&desk, "a fourth", |all| all.len() == 4).await;
    assert_eq!((seen[3].id(), seen[3].repeated), (sent[0].as_str(), true));
    let delivery =
        post.until_delivery(&made, &sent[0], |delivery| delivery["attempts"].as_array().unwrap().len() == 2).await;
    assert_eq!(
        (delivery["attempts"][1]["response"].as_str(), delivery["attempts"][1]["status"].as_u64()),
        (Some("thanks"), Some(200))
    );
    // One that is waiting is sent now, whatever its next attempt.
    desk.behave(Behaviour::Recovers { after: 1, status: 500 });
    let event = post.test(&made).await;
    post.until_delivery(&made, &event, failed(1)).await;
    assert_eq!(post.ask("POST", &format!("/{id}/deliveries/{event}/replay"), &Value::Null).await.status, 202);
    post.until_delivery(&made, &event, is("delivered")).await;
    assert_eq!(post.ask("POST", &format!("/{id}/deliveries/nothing/replay"), &Value::Null).await.status, 404);
    post.house.end().await;
}

/// The command line works on the store beside the running server, which sends what it wants.
#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_does_the_same_beside_a_running_server() {
    let post = Post::new().await;
    let desk = post.desk("crm");
    let run = |arguments: &str| {
        let words: Vec<&str> = ["webhook"].into_iter().chain(arguments.split(' ')).collect();
        post.house.command(&words, &[])
    };
    let made = run(&format!("create {} --event Pass:* --neostore-signature hex", desk.url()));
    let made: Value = serde_json::from_str(&made).unwrap();
    let id = made["id"].as_str().unwrap().to_owned();
    desk.trust(made["secret"].as_str().unwrap()).unwrap();
    let event = run(&format!("test {id}")).trim().to_owned();
    let seen = post.seen(&desk, "the test", |all| !all.is_empty()).await;
    assert_eq!((seen[0].id(), seen[0].verified), (event.as_str(), Some(true)));
    post.until_delivery(&made, &event, is("delivered")).await;
    let told: Value = serde_json::from_str(&run(&format!("deliveries {id} --event {event}"))).unwrap();
    assert_eq!(told["attempts"][0]["response"], "thanks");
    let rotated: Value = serde_json::from_str(&run(&format!("rotate {id} --overlap 0"))).unwrap();
    assert_ne!(rotated["secret"], made["secret"]);
    desk.distrust();
    desk.trust(rotated["secret"].as_str().unwrap()).unwrap();
    run(&format!("replay {id} --event {event}"));
    let seen = post.seen(&desk, "the test again", |all| all.len() == 2).await;
    assert_eq!((seen[1].id(), seen[1].verified), (event.as_str(), Some(true)));
    run(&format!("update {id} --disable --description off"));
    assert!(run("list").contains("off (person)"));
    run(&format!("update {id} --enable"));
    let since = run(&format!("replay {id} --since {}", jiff::Timestamp::now() - jiff::Span::new().hours(1)));
    assert!(since.contains("Deliveries that are wanted now: 0"), "{since}");
    run(&format!("delete {id}"));
    assert!(run("list").contains("No endpoints"));
    post.house.end().await;
}
