//! Last-minute messages: counted before, sent once, shown by both wallets, never more often than Google allows.

use serde_json::{Value, json};

use crate::house::{House, LIMIT, Reply, Sold};

const DAY: i64 = 86_400_000;
const ENTRY: &str = "Mise à jour : les informations d'accès ont changé. Votre billet dans Wallet est à jour.";

impl House {
    async fn message(&self, body: &Value) -> Reply {
        let headers = [("x-api-key", self.stage.caller.key()), ("content-type", "application/json")];
        self.send("POST", "/api/demo/passes/notifications", &headers, body.to_string()).await
    }

    async fn previewed(&self, to: &Value, text: &str) -> (u64, String) {
        let reply = self.message(&json!({"to": to, "text": text, "dryRun": true})).await;
        assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
        let body = reply.json();
        (body["count"].as_u64().unwrap(), body["token"].as_str().unwrap().to_owned())
    }

    /// Previews, sends, and waits until it is sent. The message's id.
    pub async fn told(&self, to: &Value, text: &str) -> String {
        let (count, token) = self.previewed(to, text).await;
        let reply = self.message(&json!({"to": to, "text": text, "token": token})).await;
        assert_eq!((reply.status.as_u16(), reply.json()["told"].as_u64()), (202, Some(count)));
        self.stage.rest().await.unwrap();
        reply.json()["id"].as_str().unwrap().to_owned()
    }

    pub async fn results(&self, id: &str) -> Vec<Value> {
        let reply = self.get(&format!("/api/demo/passes/notifications/{id}")).await;
        assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
        reply.json()["results"].as_array().unwrap().clone()
    }

    fn listed(&self, sold: &Sold) -> Value {
        json!({"passes": sold.held.iter().map(|held| held.serial.clone()).collect::<Vec<_>>()})
    }

    /// Messages that Google was asked to add, by type.
    fn asked(&self) -> Vec<String> {
        let calls = self.stage.world.google().calls();
        let added = calls.iter().filter(|call| call.path.ends_with("/addMessage") && call.status == 200);
        let kind = |body: &str| serde_json::from_str::<Value>(body).unwrap()["message"]["messageType"].clone();
        added.map(|call| kind(&call.body).as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_reaches_everybody_of_a_performance_on_both_phones() {
    let house = House::new().await;
    let concerned = house.sold("CARMEN", &["Ada", "Grace"]).await;
    let other = house.sold("FLUTE", &["Emmy"]).await;
    let to = json!({"performance": house.performance("CARMEN").to_string()});
    let before = house.shown(&other.held[0]);
    let (count, _) = house.previewed(&to, "entry-changed").await;
    assert_eq!((count, house.asked().len()), (2, 0), "a dry run sends nothing");
    let id = house.told(&to, "entry-changed").await;

    for held in &concerned.held {
        let shows =
            |view: &passerelle_simulator::PassView| view.serial == held.serial && view.raw.to_string().contains(ENTRY);
        house.stage.iphone.wait_until(shows, LIMIT).await.expect("the iPhone does not show it");
        let object = house.stage.google(held).unwrap().object;
        assert_eq!(object["messages"][0]["body"], ENTRY);
        assert_eq!(object["messages"][0]["localizedBody"]["translatedValues"].as_array().unwrap().len(), 2);
    }
    // The phone announces it: the field says how.
    let announced = house.stage.iphone.log().into_iter().any(|entry| format!("{entry:?}").contains(ENTRY));
    assert!(announced);
    assert_eq!(house.asked(), ["TEXT_AND_NOTIFY"; 2]);
    for result in house.results(&id).await {
        assert_eq!((&result["apple"], &result["google"]), (&json!("pushed"), &json!("notified")), "{result}");
        assert_eq!((&result["failed"], &result["superseded"]), (&json!(false), &json!(false)));
    }
    assert_eq!(house.shown(&other.held[0]), before);
    let history = house.get(&format!("/api/demo/passes/{}/history", concerned.held[0].serial)).await.json();
    assert_eq!(history.as_array().unwrap().last().unwrap()["action"], "message", "{history:#}");

    // What changes later leaves the message where it is.
    house.stage.world.secutix().reprint(concerned.movement(0), passerelle_simulator::Origin::TicketShop).await.unwrap();
    house.up_to_date(&concerned).await;
    assert_eq!(house.stage.google(&concerned.held[0]).unwrap().object["messages"][0]["body"], ENTRY);
    assert!(house.stage.apple(&concerned.held[0]).unwrap().raw.to_string().contains(ENTRY));
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fourth_message_of_a_day_is_silent() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let to = house.listed(&sold);
    let mut ids = Vec::new();
    for text in ["entry-changed", "details-changed", "entry-changed", "details-changed"] {
        house.advance(1_000).await;
        ids.push(house.told(&to, text).await);
    }
    assert_eq!(house.asked(), ["TEXT_AND_NOTIFY", "TEXT_AND_NOTIFY", "TEXT_AND_NOTIFY", "TEXT"]);
    assert_eq!(house.results(&ids[3]).await[0]["google"], "silent");
    assert_eq!(house.results(&ids[0]).await[0]["superseded"], true);
    // A day after the first there is room again.
    house.advance(DAY).await;
    house.told(&to, "entry-changed").await;
    assert_eq!(house.asked().last().unwrap(), "TEXT_AND_NOTIFY");
    // Google refused none of them.
    assert!(
        house.stage.world.google().calls().iter().all(|call| !call.path.ends_with("/addMessage") || call.status == 200)
    );
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_to_passes_that_nobody_has_previewed() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let template = json!({"template": "event-ticket"});
    let (count, token) = house.previewed(&template, "entry-changed").await;
    house.sold("CARMEN", &["Grace"]).await;
    let changed = house.message(&json!({"to": template, "text": "entry-changed", "token": token})).await;
    assert_eq!(changed.json()["type"], "urn:passerelle:problem:audience-changed");
    let counted = house.message(&json!({"to": template, "text": "entry-changed", "count": count})).await;
    assert_eq!(counted.status, 409);
    let (_, token) = house.previewed(&template, "entry-changed").await;
    let other_text = house.message(&json!({"to": template, "text": "details-changed", "token": token})).await;
    assert_eq!(other_text.status, 409);
    for (wrong, status) in [
        (json!({"to": template, "text": "entry-changed"}), 400),
        (json!({"to": template, "text": "entry-changed", "token": "1.a"}), 400),
        (json!({"to": template, "text": "nothing", "dryRun": true}), 400),
        (json!({"to": template, "message": {"en": "Doors at 7"}, "dryRun": true}), 400),
        (json!({"to": {"template": "none"}, "text": "entry-changed", "dryRun": true}), 400),
        (json!({"to": {"everybody": true}, "text": "entry-changed", "dryRun": true}), 400),
    ] {
        assert_eq!(house.message(&wrong).await.status, status, "{wrong}");
    }
    assert_eq!(house.asked(), Vec::<String>::new());

    // With the same token it is the same message, however often it is sent.
    let to = house.listed(&sold);
    let (_, token) = house.previewed(&to, "entry-changed").await;
    let body = json!({"to": to, "text": "entry-changed", "token": token});
    for told in [1, 0, 0] {
        let reply = house.message(&body).await;
        assert_eq!((reply.status.as_u16(), reply.json()["told"].as_u64()), (202, Some(told)));
    }
    house.stage.rest().await.unwrap();
    assert_eq!(house.asked().len(), 1);
    let keyless = house.send("POST", "/api/demo/passes/notifications", &[], body.to_string()).await;
    assert_eq!(keyless.status, 401);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_follows_its_contact_and_ends_by_a_persons_word() {
    let house = House::new().await;
    let secutix = house.stage.world.secutix();
    let contact = secutix.create_contact(&passerelle_simulator::Holder::new("Sofia", "Kovalevskaya"), true);
    let card = house.stage.put_card(&contact).await.unwrap();
    house.stage.rest().await.unwrap();
    let listener = format!("/api/demo/webhooks/listeners/secutix/contacts?contactNumber={contact}");
    secutix.change_contact(&contact, &passerelle_simulator::Holder::new("Sonya", "Kovalevsky")).unwrap();
    assert_eq!(secutix.announce_contact(&contact).await, Some(200));
    let renamed = |view: &passerelle_simulator::GoogleView| view.holder.as_deref() == Some("Sonya Kovalevsky");
    house.stage.android.wait_until(renamed, LIMIT).await.expect("the Android phone does not show it");
    let shows = |view: &passerelle_simulator::PassView| view.raw.to_string().contains("Sonya Kovalevsky");
    house.stage.iphone.wait_until(shows, LIMIT).await.expect("the iPhone does not show it");

    // Somebody without a card gets none by changing an address.
    let nobody = secutix.create_contact(&passerelle_simulator::Holder::new("Emmy", "Noether"), true);
    let before = house.fetches_of_contacts();
    assert!(before > 1, "the card was made, and followed");
    let body = json!({"contactNumber": nobody}).to_string();
    let typed = [("content-type", "application/json")];
    let reply = house.send("POST", "/api/demo/webhooks/listeners/secutix/contacts", &typed, body).await;
    assert_eq!(reply.status, 200);
    house.stage.rest().await.unwrap();
    assert_eq!(house.fetches_of_contacts(), before);
    assert_eq!(house.send("POST", "/api/demo/webhooks/listeners/secutix/contacts", &typed, "{}").await.status, 400);

    let end = format!("/api/demo/passes/{}/deactivate", card.serial);
    let key = [("x-api-key", house.stage.caller.key())];
    assert_eq!(house.send("POST", &end, &[], "").await.status, 401);
    for _ in 0..2 {
        assert_eq!(house.send("POST", &end, &key, "").await.status, 204);
    }
    house.void(&card).await;
    // It stays ended when the contact changes again.
    secutix.change_contact(&contact, &passerelle_simulator::Holder::new("Sofia", "Kovalevskaya")).unwrap();
    assert_eq!(house.send("POST", &listener, &[], "").await.status, 200);
    house.stage.rest().await.unwrap();
    house.void(&card).await;

    let sold = house.sold("CARMEN", &["Ada"]).await;
    let ticket = format!("/api/demo/passes/{}/deactivate", sold.held[0].serial);
    assert_eq!(house.send("POST", &ticket, &key, "").await.status, 409);
    house.end().await;
}

impl House {
    fn fetches_of_contacts(&self) -> usize {
        self.stage.world.secutix().calls().iter().filter(|call| call.endpoint.starts_with("getContactData")).count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_listed_and_gets_no_message_is_named() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada", "Grace"]).await;
    house.stage.world.secutix().cancel(sold.movement(1)).await.unwrap();
    house.void(&sold.held[1]).await;
    let (living, ended) = (&sold.held[0].serial, &sold.held[1].serial);
    let to = json!({"passes": [ended, living, "AAAAAAAAAAAAAAAA"]});
    let previewed = house.message(&json!({"to": to, "text": "entry-changed", "dryRun": true})).await.json();
    assert_eq!((&previewed["count"], &previewed["leftOut"]), (&json!(1), &json!([ended, "AAAAAAAAAAAAAAAA"])));
    let sent = house.message(&json!({"to": to, "text": "entry-changed", "count": 1})).await.json();
    assert_eq!((&sent["told"], &sent["leftOut"]), (&json!(1), &json!([ended, "AAAAAAAAAAAAAAAA"])));
    house.stage.rest().await.unwrap();
    house.end().await;
}
