//! Save links and phones.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::Issuer;
use crate::SaveError;

const SOON: Duration = Duration::from_secs(10);

impl Issuer {
    fn claims(&self, objects: &[Value]) -> Value {
        json!({
            "iss": self.world.service_account().email,
            "aud": "google",
            "typ": "savetowallet",
            "iat": jiff::Timestamp::now().as_second(),
            "origins": ["passes.example.test"],
            "payload": {"eventTicketObjects": objects},
        })
    }

    fn link(&self, claims: &Value) -> String {
        format!("{}/{}", self.world.addresses().google_save, self.jwt(claims))
    }

    fn short(&self, suffix: &str) -> Value {
        json!({"id": self.id(suffix), "classId": self.id("carmen")})
    }
}

#[tokio::test]
async fn a_saved_ticket_shows_object_and_class_as_they_are_now() {
    let issuer = Issuer::open().await;
    let token = issuer.token().await;
    issuer.call(&token, Method::POST, "eventTicketClass", issuer.class()).await;
    issuer.call(&token, Method::POST, "eventTicketObject", issuer.object("t1")).await;
    let phone = issuer.world.android("ada");
    let shown = phone.save(&issuer.link(&issuer.claims(&[issuer.short("t1")]))).await.unwrap();
    assert_eq!(shown.len(), 1);
    assert_eq!((shown[0].title.as_deref(), shown[0].seat.as_deref()), (Some("Carmen"), Some("12")));
    assert_eq!((shown[0].barcode.as_deref(), shown[0].holder.as_deref()), (Some("0850001"), Some("Ada Lovelace")));
    assert!(shown[0].is_active());
    assert_eq!(issuer.world.google().resource("eventTicketObject", &issuer.id("t1")).unwrap()["hasUsers"], true);

    let renamed = json!({
        "eventName": {"defaultValue": {"language": "fr", "value": "Carmen, enfin"}}, "reviewStatus": "UNDER_REVIEW",
    });
    issuer.call(&token, Method::PATCH, &format!("eventTicketClass/{}", issuer.id("carmen")), renamed).await;
    let now = phone.wait_until(|view| view.title.as_deref() == Some("Carmen, enfin"), SOON).await.unwrap();
    assert!(now.updated_at >= shown[0].updated_at);

    let (waiting, dead) = (phone.clone(), json!({"state": "INACTIVE"}));
    let seen = tokio::spawn(async move { waiting.wait_until(|view| !view.is_active(), SOON).await });
    issuer.call(&token, Method::PATCH, &format!("eventTicketObject/{}", issuer.id("t1")), dead).await;
    assert_eq!(seen.await.unwrap().unwrap().state, "INACTIVE");

    assert!(phone.remove(&issuer.id("t1")).await);
    assert!(!phone.remove(&issuer.id("t1")).await);
    assert!(phone.passes().is_empty());
    assert_eq!(issuer.world.google().resource("eventTicketObject", &issuer.id("t1")).unwrap()["hasUsers"], false);
}

#[tokio::test]
async fn a_link_is_refused_for_each_thing_that_is_wrong_with_it() {
    let issuer = Issuer::open().await;
    let token = issuer.token().await;
    issuer.call(&token, Method::POST, "eventTicketClass", issuer.class()).await;
    issuer.call(&token, Method::POST, "eventTicketObject", issuer.object("t1")).await;
    let phone = issuer.world.android("ada");
    let good = issuer.claims(&[issuer.short("t1")]);
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        issuer.link(&claims)
    };
    let forged = format!("{}x", issuer.link(&good));
    let cases = [
        with("iss", json!("somebody@example.test")),
        with("aud", json!("apple")),
        with("typ", json!("JWT")),
        with("iat", json!("now")),
        with("payload", json!([])),
        with("payload", json!({"eventTickets": []})),
        // Neither stored nor whole.
        issuer.link(&issuer.claims(&[issuer.short("t2")])),
        forged,
    ];
    for (index, link) in cases.iter().enumerate() {
        let refused = phone.save(link).await;
        assert!(matches!(refused, Err(SaveError::Refused { status: 400, .. })), "case {index}: {refused:?}");
    }
    assert!(phone.passes().is_empty());
    assert!(issuer.world.google().calls().iter().all(|call| !call.path.contains("eyJ")));
}

#[tokio::test]
async fn a_link_with_a_whole_object_inserts_it_and_one_that_exists_is_not_overwritten() {
    let issuer = Issuer::open().await;
    let token = issuer.token().await;
    let phone = issuer.world.android("ada");
    let mut object = issuer.object("t1");
    object["textModulesData"] = json!([{"id": "a", "body": "long ".repeat(200)}]);
    let mut claims = issuer.claims(&[object]);
    claims["payload"]["eventTicketClasses"] = json!([issuer.class()]);
    phone.save(&issuer.link(&claims)).await.unwrap();
    let dead = json!({"state": "INACTIVE"});
    issuer.call(&token, Method::PATCH, &format!("eventTicketObject/{}", issuer.id("t1")), dead).await;
    let shown = phone.save(&issuer.link(&claims)).await.unwrap();
    assert_eq!(shown[0].state, "INACTIVE");
    // A class and an object in full make a link that browsers cut.
    assert!(issuer.world.google().warnings().iter().any(|warning| warning.starts_with("save link")));
}
