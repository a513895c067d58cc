//! The web service over HTTPS: who is let in, how often, and what is recorded.

use serde_json::{Value, json};

use super::{ORDERS, Partner};
use crate::jws;
use crate::secutix::model::{Holder, Origin};

#[tokio::test]
async fn a_token_is_refused_for_each_thing_that_is_wrong_with_it() {
    let partner = Partner::meet().await;
    let sale = partner.secutix().sell_single("CARMEN", Holder::new("Ada", "L"), Origin::TicketShop).await.unwrap();
    let body = json!({"fileId": sale.files[0]}).to_string();
    let path = format!("{ORDERS}/getFileDetails");
    let secret = partner.world.credentials().secret.clone();
    let with = |name: &str, value: Value| {
        let mut claims = partner.claims();
        claims[name] = value;
        format!("Bearer {}", jws::sign_hs256(&claims, secret.as_bytes()))
    };
    let now = jiff::Timestamp::now().as_second();
    let good = format!("Bearer {}", partner.token());
    let headless = good.split_once('.').unwrap().1;
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"; // {"alg":"none","typ":"JWT"}
    let untyped = "eyJhbGciOiJIUzI1NiJ9"; // {"alg":"HS256"}
    let cases = [
        ("no header", String::new()),
        ("another scheme", good.replace("Bearer", "Basic")),
        ("another key", format!("Bearer {}", jws::sign_hs256(&partner.claims(), b"guessed"))),
        ("alg none", format!("Bearer {none}.{headless}")),
        ("no typ", format!("Bearer {untyped}.{headless}")),
        ("two parts", good.rsplit_once('.').unwrap().0.to_owned()),
        ("institution", with("sub", json!("OTHER"))),
        ("operator", with("aud", json!("OTHER"))),
        ("partner", with("iss", json!("OTHER"))),
        ("iat missing", with("iat", Value::Null)),
        ("iat in milliseconds", with("iat", json!(now * 1000))),
        ("iat ahead", with("iat", json!(now + 60))),
        ("iat stale", with("iat", json!(now - 31))),
        ("exp passed", with("exp", json!(now - 1))),
        ("exp a text", with("exp", json!((now + 30).to_string()))),
    ];
    for (name, authorization) in &cases {
        let reply = partner.call_with(&path, authorization, &body).await.unwrap();
        assert_eq!(reply.status, 401, "{name}");
        let envelope: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(envelope["statusCode"], "unauthorized", "{name}");
    }
    assert_eq!(partner.call_with(&path, &good, &body).await.unwrap().status, 200);
    assert_eq!(partner.call_with(&path, &with("iat", json!(now - 10)), &body).await.unwrap().status, 200);

    let calls = partner.secutix().calls();
    assert_eq!(calls.len(), cases.len() + 2);
    assert!(calls.iter().all(|call| call.headers.iter().all(|(name, _)| name != "authorization")));
    assert_eq!(calls.iter().filter(|call| call.refusal.is_some()).count(), cases.len());
}

#[tokio::test]
async fn the_61st_call_of_a_minute_is_509_and_other_endpoints_are_not_concerned() {
    let partner = Partner::meet().await;
    let path = format!("{ORDERS}/getFileDetails");
    for _ in 0..60 {
        assert_eq!(partner.call(&path, json!({"fileId": 1})).await.0, 200);
    }
    assert_eq!(partner.call(&path, json!({"fileId": 1})).await.0, 509);
    let alive = "/tnseb/backend-apis/catalogService/v1_33/isCatalogServiceAlive";
    assert_eq!(partner.call(alive, json!({})).await.0, 200);
    let counts = partner.secutix().call_counts();
    assert_eq!((counts["getFileDetails"], counts["isCatalogServiceAlive"]), (61, 1));
    assert_eq!(partner.secutix().call_count(), 62);
}

#[test]
fn the_window_of_the_throttle_slides() {
    use std::time::{Duration, Instant};

    use crate::secutix::throttle::Throttle;

    let mut throttle = Throttle::new(2);
    let start = Instant::now();
    let at = |seconds: u64| start + Duration::from_secs(seconds);
    assert!(throttle.admit("a", at(0)));
    assert!(throttle.admit("a", at(30)));
    assert!(!throttle.admit("a", at(59)));
    assert!(throttle.admit("b", at(59)));
    assert!(throttle.admit("a", at(60)));
    assert!(!throttle.admit("a", at(89)));
    assert!(throttle.admit("a", at(90)));
}

#[tokio::test]
async fn a_file_is_found_by_each_of_its_orders_and_not_by_a_guess() {
    let partner = Partner::meet().await;
    let secutix = partner.secutix();
    let sale = secutix.sell_single("CARMEN", Holder::new("Ada", "L"), Origin::TicketShop).await.unwrap();
    let refund = secutix.cancel(sale.movement().unwrap()).await.unwrap();
    let path = format!("{ORDERS}/getFileDetailsFromOrderSecretId");
    for secret in [sale.order_secret.unwrap(), refund.order_secret.unwrap()] {
        let (status, file) = partner.call(&path, json!({"orderSecretId": secret})).await;
        assert_eq!((status, &file["fileDetailsData"]["fileId"]), (200, &json!(sale.files[0])));
        assert_eq!(file["orderDetailsDatas"].as_array().unwrap().len(), 2);
    }
    let (status, file) = partner.call(&path, json!({"orderSecretId": "0000000000"})).await;
    assert_eq!((status, &file["statusCode"]), (200, &json!("file_not_found")));
}

#[tokio::test]
async fn requests_that_stray_from_the_protocol_are_refused() {
    let partner = Partner::meet().await;
    let file = format!("{ORDERS}/getFileDetails");
    assert_eq!(partner.call(&file, json!({"fileId": "10000702600"})).await.0, 400);
    assert_eq!(partner.call(&file, json!({})).await.0, 400);
    assert_eq!(partner.call(&file, json!([])).await.0, 400);
    assert_eq!(partner.call(&format!("{ORDERS}/getEverything"), json!({})).await.0, 404);
    let bearer = format!("Bearer {}", partner.token());
    assert_eq!(partner.call_with(&file, &bearer, "{").await.unwrap().status, 400);
    let contact = "/tnco/backend-apis/contactInformationPublicService/v2_21/getContactData";
    let details = json!({"contactNumber": "4711", "details": ["EVERYTHING"]});
    assert_eq!(partner.call(contact, details).await.0, 400);
}

#[tokio::test]
async fn external_references_are_kept_per_movement_and_key() {
    let partner = Partner::meet().await;
    let secutix = partner.secutix();
    let sale = secutix.sell_single("CARMEN", Holder::new("Ada", "L"), Origin::TicketShop).await.unwrap();
    let movement = sale.movement().unwrap();
    let path = format!("{ORDERS}/updateExternalReferences");
    let write = |id: i64, key: &str, value: &str| json!({"id": id, "externalReferenceKind": "MOVEMENT", "externalReference": {"key": key, "value": value}});
    for (key, value) in [("twc.status", "installed"), ("twc.device", "apple"), ("twc.device", "apple+google")] {
        let (status, answer) = partner.call(&path, write(movement, key, value)).await;
        assert_eq!((status, &answer["statusCode"]), (200, &json!("success")));
    }
    let references = secutix.movement_references(movement);
    assert_eq!(references.len(), 2);
    assert_eq!(references["twc.device"], "apple+google");
    let read = json!({"id": movement, "externalReferenceKind": "MOVEMENT"});
    let (_, answer) = partner.call(&format!("{ORDERS}/getExternalReference"), read).await;
    assert_eq!(answer["externalReferences"]["externalReferences"].as_array().unwrap().len(), 2);
    let (status, answer) = partner.call(&path, write(1, "twc.status", "installed")).await;
    assert_eq!((status, &answer["statusCode"]), (200, &json!("reference_target_not_found")));
}

#[tokio::test]
async fn the_authentication_service_hands_out_a_token_that_opens() {
    let partner = Partner::meet().await;
    let ours = partner.world.credentials();
    let auth = "/tnai/backend-apis/v1/auth";
    let right = json!({"operator": ours.operator, "partner": ours.partner, "secret": ours.secret});
    let wrong = json!({"operator": ours.operator, "partner": ours.partner, "secret": "guessed"});
    assert_eq!(partner.call_with(auth, "", &wrong.to_string()).await.unwrap().status, 401);
    let reply = partner.call_with(auth, "", &right.to_string()).await.unwrap();
    let token: Value = serde_json::from_slice(&reply.body).unwrap();
    let bearer = format!("Bearer {}", token["token"].as_str().unwrap());
    let alive = "/tnseb/backend-apis/catalogService/v1_33/isCatalogServiceAlive";
    assert_eq!(partner.call_with(alive, &bearer, "{}").await.unwrap().status, 200);
    // The shared secret is in no record.
    let records = serde_json::to_string(&partner.secutix().calls()).unwrap();
    assert!(!records.contains(&ours.secret));
}

#[tokio::test]
async fn a_member_is_answered_with_the_quality() {
    let partner = Partner::meet().await;
    let number = partner.secutix().create_contact(&Holder::new("Ada", "Lovelace"), true);
    let path = "/tnco/backend-apis/contactInformationPublicService/v2_21/getContactData";
    let asked = json!({"contactNumber": number, "details": ["GENERAL", "QUALITIES", "COM_MEANS"]});
    let (status, answer) = partner.call(path, asked).await;
    assert_eq!(status, 200);
    assert_eq!(answer["contactData"]["individualContact"]["firstname"], "Ada");
    assert_eq!(answer["contactData"]["contactQualities"][0]["code"], "MEMBER");
    let asked = json!({"contactNumber": "1", "details": []});
    assert_eq!(partner.call(path, asked).await.1["statusCode"], "contact_not_found");
}
