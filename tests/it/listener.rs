//! The order listener over a real socket: what is refused, how, and that nothing refused leaves a trace.

use serde_json::json;

use crate::house::House;

async fn accepted(house: &House) -> i64 {
    use passerelle_flow::store::Store as _;
    let depth = house.stage.server().unwrap().flow.host.store.depth().await.unwrap();
    depth.tasks_ready + depth.tasks_leased + depth.tasks_dead + depth.tasks_held
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_notification_is_told_everything_at_once_and_leaves_nothing() {
    let house = House::new().await;
    let reply = house
        .notify(&json!({"ticketId": "x", "saleMovementId": 9_223_372_036_854_775_808_u64, "orderSecretToken": ""}))
        .await;
    let told = reply.problem(400, "invalid-request");
    let errors = told["errors"].as_object().unwrap();
    for field in ["ticketId", "saleMovementId", "orderSecretToken", "state", "lastUpdate"] {
        assert!(
            errors.get(field).is_some_and(|messages| !messages.as_array().unwrap().is_empty()),
            "{field}: {errors:?}"
        );
    }
    for (body, what) in [("", "empty"), ("[]", "a list"), ("{", "cut short"), ("\u{feff}nul", "no JSON")] {
        let reply = house.send("POST", &house.listener(), &[("content-type", "application/json")], body).await;
        assert_eq!(reply.status, 400, "{what}");
    }
    let latin1 = house
        .send(
            "POST",
            &house.listener(),
            &[("content-type", "application/json")],
            vec![b'{', b'"', 0xe9, b'"', b':', b'1', b'}'],
        )
        .await;
    latin1.problem(400, "invalid-request");
    assert_eq!(accepted(&house).await, 0);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn media_type_size_tenant_and_method_have_answers_of_their_own() {
    let house = House::new().await;
    let body = json!({"orderSecretToken": "t", "state": "PAID", "lastUpdate": "now"}).to_string();
    let post = |media: &'static str, body: String| {
        let house = &house;
        async move { house.send("POST", &house.listener(), &[("content-type", media)], body).await }
    };
    post("text/plain", body.clone()).await.problem(415, "unsupported-media-type");
    post("application/json; charset=iso-8859-1", body.clone()).await.problem(415, "unsupported-media-type");
    let long = json!({"orderSecretToken": "t".repeat(100_000), "state": "PAID", "lastUpdate": ""}).to_string();
    post("application/json", long).await.problem(413, "too-large");
    let unread = post("application/json", " ".repeat(1_000_000)).await;
    unread.problem(413, "too-large");
    assert_eq!(unread.header("connection"), "close", "the next request would be sent into a connection that ends");
    let url = format!("{}/api/nobody/webhooks/listeners/secutix/orders", house.base());
    let nobody = house.send("POST", &url, &[("content-type", "application/json")], body.clone()).await;
    nobody.problem(404, "unknown-tenant");
    let get = house.send("GET", &house.listener(), &[], "").await;
    get.problem(405, "method-not-allowed");
    assert_eq!(get.header("allow"), "POST");
    for media in ["application/json", "text/json", "application/vnd.secutix+json", "Application/JSON; charset=UTF-8"] {
        let reply = post(media, body.clone()).await;
        assert_eq!(reply.status, 200, "{media}: {}", String::from_utf8_lossy(&reply.body));
        assert!(reply.body.is_empty());
    }
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correlation_id_is_kept_when_it_is_decent_and_replaced_when_it_is_not() {
    let house = House::new().await;
    let body = json!({"orderSecretToken": "t", "state": "PAID", "lastUpdate": "now"}).to_string();
    let send = |correlation: &'static str| {
        let (house, body) = (&house, body.clone());
        async move {
            let headers = [("content-type", "application/json"), ("x-correlation-id", correlation)];
            house.send("POST", &house.listener(), &headers, body).await
        }
    };
    assert_eq!(send("order-4711.a_b").await.header("x-correlation-id"), "order-4711.a_b");
    for indecent in ["short", "with space and more", "semi;colon;semi;colon"] {
        let given = send(indecent).await.header("x-correlation-id").to_owned();
        assert_ne!(given, indecent);
        assert_eq!(given.len(), 36, "{given}");
    }
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_is_written_in_the_form_that_is_asked_for() {
    let house = House::new().await;
    for (accept, content_type) in [
        ("application/json", "application/json"),
        ("text/json", "text/json"),
        ("text/plain", "text/plain; charset=utf-8"),
        ("*/*", "application/problem+json"),
    ] {
        let headers = [("content-type", "application/json"), ("accept", accept)];
        let reply = house.send("POST", &house.listener(), &headers, "{}").await;
        assert_eq!(reply.header("content-type"), content_type);
        assert!(String::from_utf8_lossy(&reply.body).contains("orderSecretToken"));
    }
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_down_acknowledges_nothing() {
    let house = House::new().await;
    house.stage.server().unwrap().flow.host.store.close().await;
    let reply = house.notify(&json!({"orderSecretToken": "t", "state": "PAID", "lastUpdate": "now"})).await;
    reply.problem(503, "unavailable");
    assert!(reply.header("retry-after").parse::<u32>().unwrap() > 0);
    let ready = house.send("GET", "/health/ready", &[], "").await;
    assert_eq!(ready.status, 503);
    assert_eq!(house.send("GET", "/health/live", &[], "").await.status, 200);
}
