//! Tokens and resources.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};

use super::{Issuer, SCOPE};
use crate::google::State;

#[tokio::test]
async fn an_assertion_is_refused_for_each_thing_that_is_wrong_with_it() {
    let issuer = Issuer::open().await;
    let now = jiff::Timestamp::now().as_second();
    let cases = [
        ("iss", json!("somebody@example.test")),
        ("scope", json!("https://www.googleapis.com/auth/drive")),
        ("aud", json!("https://example.test/token")),
        ("exp", json!(now - 1)),
        ("exp", json!(now + 7200)),
        ("iat", json!(now + 600)),
    ];
    for (name, value) in cases {
        let mut claims = issuer.assertion();
        claims[name] = value;
        let (status, body) = issuer.exchange(&issuer.jwt(&claims)).await;
        assert_eq!(status, 400, "{name}");
        assert!(body["error"]["message"].as_str().unwrap().contains(name), "{body}");
    }
    let good = issuer.jwt(&issuer.assertion());
    let mut forged = good.clone();
    forged.replace_range(forged.len() - 8.., "AAAAAAAA");
    assert_eq!(issuer.exchange(&forged).await.0, 400);
    let mut claims = issuer.assertion();
    claims["aud"] = json!("https://oauth2.googleapis.com/token");
    claims["scope"] = json!(format!("openid {SCOPE}"));
    assert_eq!(issuer.exchange(&issuer.jwt(&claims)).await.0, 200);
    // The assertion is a credential: no record has it.
    assert!(!serde_json::to_string(&issuer.world.google().calls()).unwrap().contains(&good));
}

#[tokio::test]
async fn nothing_is_served_without_a_living_token() {
    let issuer = Issuer::open().await;
    let call = async |token: &str| issuer.call(token, Method::POST, "eventTicketClass", issuer.class()).await.0;
    assert_eq!(call("guessed").await, 401);
    let token = issuer.token().await;
    assert_eq!(call(&token).await, 200);
    issuer.world.google().revoke_tokens();
    assert_eq!(call(&token).await, 401);
}

#[tokio::test]
async fn insert_get_update_and_patch_do_what_google_says() {
    let issuer = Issuer::open().await;
    let token = issuer.token().await;
    let (class, object) = (issuer.class(), issuer.object("t1"));
    let path = format!("eventTicketObject/{}", issuer.id("t1"));
    assert_eq!(issuer.call(&token, Method::POST, "eventTicketObject", object.clone()).await.0, 404);
    assert_eq!(issuer.call(&token, Method::POST, "eventTicketClass", class).await.0, 200);
    assert_eq!(issuer.call(&token, Method::GET, &path, json!({})).await.0, 404);
    assert_eq!(issuer.call(&token, Method::PATCH, &path, json!({})).await.0, 404);
    assert_eq!(issuer.call(&token, Method::POST, "eventTicketObject", object.clone()).await.0, 200);
    let (status, refused) = issuer.call(&token, Method::POST, "eventTicketObject", object.clone()).await;
    assert_eq!((status, &refused["error"]["errors"][0]["reason"]), (409, &json!("existingResource")));

    // Objects merge, lists are replaced whole, null removes.
    let patch = json!({
        "state": "INACTIVE",
        "seatInfo": {"row": {"defaultValue": {"language": "fr", "value": "A"}}},
        "textModulesData": [{"id": "c", "body": "3"}],
        "barcode": null,
    });
    let (status, patched) = issuer.call(&token, Method::PATCH, &path, patch).await;
    assert_eq!((status, &patched["state"]), (200, &json!("INACTIVE")));
    assert_eq!(patched["seatInfo"]["seat"], object["seatInfo"]["seat"]);
    assert_eq!(patched["seatInfo"]["row"]["defaultValue"]["value"], "A");
    assert_eq!(patched["textModulesData"], json!([{"id": "c", "body": "3"}]));
    assert_eq!(patched.get("barcode"), None);
    assert_eq!(patched["ticketHolderName"], "Ada Lovelace");

    // An update is all or nothing.
    let mut bare = object.clone();
    bare.as_object_mut().unwrap().remove("ticketHolderName");
    let (_, updated) = issuer.call(&token, Method::PUT, &path, bare.clone()).await;
    assert_eq!(updated, bare);
    let (_, read) = issuer.call(&token, Method::GET, &path, json!({})).await;
    assert_eq!(read, bare);

    let message = json!({"message": {"header": "h", "body": "b"}});
    let (status, answer) = issuer.call(&token, Method::POST, &format!("{path}/addMessage"), message).await;
    assert_eq!((status, &answer["resource"]["messages"][0]["body"]), (200, &json!("b")));
    let counts = issuer.world.google().call_counts();
    assert_eq!((counts["POST eventTicketObject"], counts["PATCH eventTicketObject"]), (4, 2));
}

#[tokio::test]
async fn each_rule_for_a_resource_is_enforced() {
    let issuer = Issuer::open().await;
    let token = issuer.token().await;
    let insert = async |kind: &str, body: &Value| issuer.call(&token, Method::POST, kind, body.clone()).await.0;
    let with = |body: Value, name: &str, value: Value| {
        let mut body = body;
        body[name] = value;
        body
    };
    let class = issuer.class();
    assert_eq!(insert("eventTicketClass", &with(class.clone(), "id", json!("1.carmen"))).await, 403);
    assert_eq!(insert("eventTicketClass", &with(class.clone(), "id", json!(issuer.id("ü")))).await, 403);
    assert_eq!(insert("eventTicketClass", &with(class.clone(), "issuerName", json!(""))).await, 400);
    assert_eq!(insert("eventTicketClass", &with(class.clone(), "reviewStatus", json!("APPROVED"))).await, 400);
    assert_eq!(insert("eventTicketClass", &with(class.clone(), "venue", json!({"name": {}}))).await, 400);
    let half = json!({"defaultValue": {"language": "fr"}});
    assert_eq!(insert("eventTicketClass", &with(class.clone(), "eventName", half)).await, 400);
    let places = |count: usize| json!(vec![json!({"latitude": 46.2, "longitude": 6.1}); count]);
    assert_eq!(insert("eventTicketClass", &with(class.clone(), "merchantLocations", places(11))).await, 400);
    assert_eq!(insert("eventTicketClass", &with(class.clone(), "merchantLocations", places(10))).await, 200);
    assert_eq!(insert("boardingClass", &class).await, 404);

    // A patch without the review status is refused: the class may have been approved meanwhile.
    let path = format!("eventTicketClass/{}", issuer.id("carmen"));
    let silent = json!({"issuerName": "Opera"});
    assert_eq!(issuer.call(&token, Method::PATCH, &path, silent).await.0, 400);
    let asking = json!({"issuerName": "Opera", "reviewStatus": "UNDER_REVIEW"});
    assert_eq!(issuer.call(&token, Method::PATCH, &path, asking).await.0, 200);

    let object = issuer.object("t1");
    assert_eq!(insert("eventTicketObject", &with(object.clone(), "state", json!("VOID"))).await, 400);
    let numeric = json!({"type": "QR_CODE", "value": 850_001});
    assert_eq!(insert("eventTicketObject", &with(object.clone(), "barcode", numeric)).await, 400);
    assert_eq!(issuer.world.google().warnings(), Vec::<String>::new());
    assert_eq!(insert("eventTicketObject", &with(object.clone(), "locations", places(1))).await, 200);
    assert_eq!(issuer.world.google().warnings(), ["eventTicketObject: locations is deprecated"]);

    let programme = json!({
        "id": issuer.id("members"), "issuerName": "Opera", "programName": "Friends",
        "programLogo": {"sourceUri": {"uri": "https://example.test/logo.png"}}, "reviewStatus": "UNDER_REVIEW",
    });
    assert_eq!(insert("loyaltyClass", &with(programme.clone(), "programLogo", Value::Null)).await, 400);
    assert_eq!(insert("loyaltyClass", &programme).await, 200);
    let card = json!({"id": issuer.id("m1"), "classId": issuer.id("members"), "state": "ACTIVE", "accountId": "4711"});
    assert_eq!(insert("loyaltyObject", &card).await, 200);
}

#[tokio::test]
async fn the_21st_request_of_a_second_is_429_when_that_is_on() {
    let issuer = Issuer::open().await;
    let token = issuer.token().await;
    let google = issuer.world.google();
    // Twenty requests whose second does not end during the test.
    let later = Instant::now() + Duration::from_secs(600);
    google.state().recent = std::iter::repeat_n(later, 20).collect();
    let path = format!("eventTicketClass/{}", issuer.id("none"));
    let read = async || issuer.call(&token, Method::GET, &path, json!({})).await.0;
    assert_eq!(read().await, 404);
    google.limit_rate(true);
    assert_eq!(read().await, 429);
    google.state().recent.clear();
    assert_eq!(read().await, 404);
}

#[test]
fn the_second_of_the_rate_limit_slides() {
    let mut state = State { rate_limited: true, ..State::default() };
    let start = Instant::now();
    let at = |millis: u64| start + Duration::from_millis(millis);
    assert!((0..20).all(|index| state.admit(at(index * 10)).is_ok()));
    assert_eq!(state.admit(at(999)).unwrap_err().status, 429);
    assert!(state.admit(at(1000)).is_ok());
    assert!(state.admit(at(1001)).is_err());
}

#[tokio::test]
async fn scripted_failures_come_first_and_once() {
    let issuer = Issuer::open().await;
    let token = issuer.token().await;
    issuer.world.google().script([503, 500]);
    let insert = async || issuer.call(&token, Method::POST, "eventTicketClass", issuer.class()).await.0;
    assert_eq!([insert().await, insert().await, insert().await], [503, 500, 200]);
}

#[tokio::test]
async fn an_update_notifies_when_it_asks_for_it_and_changes_what_holders_are_told_of() {
    let issuer = Issuer::open().await;
    let token = issuer.token().await;
    let path = format!("eventTicketClass/{}", issuer.id("carmen"));
    assert_eq!(issuer.call(&token, Method::POST, "eventTicketClass", issuer.class()).await.0, 200);
    let put = async |start: u32, asks: bool| {
        let mut class = issuer.class();
        class["dateTime"]["start"] = json!(format!("2027-01-01T{start}:00:00+01:00"));
        if asks {
            class["notifyPreference"] = json!("NOTIFY_ON_UPDATE");
        }
        let (status, body) = issuer.call(&token, Method::PUT, &path, class).await;
        assert_eq!(body.get("notifyPreference"), None, "it is of one request");
        (status, issuer.world.google().announced().len())
    };
    assert_eq!(put(19, false).await, (200, 0));
    assert_eq!(put(19, true).await, (200, 0), "nothing has changed");
    for (start, announced) in [(18, 1), (17, 2), (16, 3)] {
        assert_eq!(put(start, true).await, (200, announced));
    }
    assert_eq!(put(15, true).await, (400, 3), "three in 24 hours");
    assert_eq!(put(15, false).await, (200, 3));
    let mut wrong = issuer.class();
    wrong["notifyPreference"] = json!("notifyOnUpdate");
    assert_eq!(issuer.call(&token, Method::PUT, &path, wrong).await.0, 400);
}
