//! Who may ask for what, over a real socket: keys and scopes, the holder's link, and what the answers hold.

use passerelle_flow::identity::TenantId;
use passerelle_flow::ports::Clock as _;
use passerelle_flow::store::Store as _;
use passerelle_server::demo::stage::StageOptions;
use passerelle_server::keys::{self, NewKey};
use passerelle_simulator::{Holder, Origin};
use serde_json::{Value, json};

use crate::house::{House, Package, Sold};

impl House {
    async fn key(&self, tenant: &str, scopes: &[&str], expires: Option<&str>, made_ago: i64) -> String {
        let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let new = NewKey {
            environment: self.stage.settings.environment.clone(),
            tenant: TenantId::parse(tenant).unwrap(),
            scopes: &scopes,
            label: "test",
            expires,
        };
        let host = &self.stage.server().unwrap().flow.host;
        keys::create(&host.store, &host.random, host.clock.now() - made_ago, new).await.unwrap().to_string()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_path_that_needs_a_key_refuses_all_but_a_valid_one_with_its_scope() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let serial = &sold.held[0].serial;
    let card = json!({"identifiers": {"secutix.movementId": sold.held[0].movement}});
    let paths = [
        ("GET", format!("/api/demo/external/secutix/orders/getTicketsUrl/{}", sold.file), Value::Null, "Pass.Read"),
        ("POST", "/api/demo/passes".to_owned(), card, "Pass.Write"),
        (
            "GET",
            format!("/api/demo/passes/findPass?secutix.movementId={}", sold.held[0].movement),
            Value::Null,
            "Pass.Read",
        ),
        ("GET", format!("/api/demo/passes/{serial}"), Value::Null, "Pass.Read"),
        ("GET", format!("/api/demo/passes/{serial}?device=apple"), Value::Null, "Pass.Read"),
        ("GET", format!("/api/demo/passes/{serial}?device=google"), Value::Null, "Pass.Read"),
        ("GET", format!("/api/demo/passes/{serial}/history"), Value::Null, "Pass.Read"),
    ];
    let all = ["Pass.Read", "Pass.Write"];
    let good = house.key("demo", &all, Some("1h"), 0).await;
    let others = house.key("other", &all, None, 0).await;
    let expired = house.key("demo", &all, Some("1h"), 3_600_001).await;
    let revoked = house.key("demo", &all, None, 0).await;
    let id = revoked.split('_').nth(2).unwrap();
    let now = house.stage.server().unwrap().clock.now();
    assert!(house.stage.server().unwrap().flow.host.store.revoke_api_key(&house.stage.tenant, id, now).await.unwrap());
    let (head, secret) = good.split_at(good.len() - 43);
    let wrong = format!("{head}{}", secret.chars().rev().collect::<String>());
    let unknown = good.replacen(good.split('_').nth(2).unwrap(), "00000000", 1);
    let secutix_calls = house.fetches();
    for (method, path, body, scope) in &paths {
        let headers = [("content-type", "application/json")];
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let none = house.send(method, path, &headers, text).await;
        none.problem(401, "unauthorised");
        assert!(!none.header("www-authenticate").is_empty(), "{path}");
        for (key, what) in [
            ("", "empty"),
            ("psk_demo_x", "no key at all"),
            (wrong.as_str(), "wrong secret"),
            (unknown.as_str(), "unknown"),
            (others.as_str(), "another tenant's"),
            (expired.as_str(), "expired"),
            (revoked.as_str(), "revoked"),
        ] {
            let reply = house.with_key(method, path, key, body).await;
            assert_eq!(reply.status, 401, "{path} with a key that is {what}");
            reply.problem(401, "unauthorised");
        }
        let without: Vec<&str> = all.into_iter().chain(["Insights.Read"]).filter(|other| other != scope).collect();
        let lacking = house.key("demo", &without, None, 0).await;
        house.with_key(method, path, &lacking, body).await.problem(403, "forbidden");
        let enough = house.key("demo", &[scope], None, 0).await;
        assert_eq!(house.with_key(method, path, &enough, body).await.status, 200, "{path}");
        assert_eq!(house.with_key(method, path, &good, body).await.status, 200, "{path}");
    }
    // Only those who were let in cost a request to SecuTix.
    assert_eq!(house.fetches() - secutix_calls, 2);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_404_and_what_is_no_identifier_is_400() {
    let house = House::new().await;
    house.get("/api/demo/external/secutix/orders/getTicketsUrl/4711").await.problem(404, "not-found");
    house.get("/api/demo/external/secutix/orders/getTicketsUrl/abc").await.problem(400, "invalid-request");
    house.get("/api/demo/passes/AAAAAAAAAAAAAAAA").await.problem(404, "not-found");
    house.get("/api/demo/passes/AAAAAAAAAAAAAAAA/history").await.problem(404, "not-found");
    house.get("/api/demo/passes/not-an-id").await.problem(404, "not-found");
    for path in ["/api/nobody/passes/AAAAAAAAAAAAAAAA", "/api/nobody/external/secutix/orders/getTicketsUrl/1"] {
        house.get(path).await.problem(404, "unknown-tenant");
    }
    house.get("/api/demo/passes/findPass").await.problem(400, "invalid-request");
    let two = house.get("/api/demo/passes/findPass?secutix.movementId=1&secutix.contactNumber=2").await;
    two.problem(400, "invalid-request");
    house.get("/api/demo/nothing").await.problem(404, "unknown-path");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_holders_link_needs_no_key_and_opens_one_pass_only() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada", "Grace"]).await;
    let links: Vec<String> = [house.link(&sold.held[0].serial).await, house.link(&sold.held[1].serial).await].into();
    let package = Package::of(&house.send("GET", &links[0], &[], "").await);
    assert_eq!(package.pass["serialNumber"], sold.held[0].serial.as_str());
    let google = links[0].replace("device=apple", "device=google");
    let browser = house.send("GET", &google, &[("accept", "text/html")], "").await;
    assert_eq!(browser.status, 302);
    assert!(browser.header("location").starts_with(&house.stage.world.addresses().google_save));
    assert_eq!(house.send("GET", &google, &[], "").await.status, 200);
    // The wallet that a link without one is for is the one of the phone that opens it.
    let plain = links[0].replace("&device=apple", "");
    let iphone = house.send("GET", &plain, &[("user-agent", "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0)")], "").await;
    assert_eq!(iphone.header("content-type"), "application/vnd.apple.pkpass");
    let other = house
        .send("GET", &plain, &[("user-agent", "Mozilla/5.0 (Linux; Android 16)"), ("accept", "text/html")], "")
        .await;
    assert_eq!(other.status, 302);

    let token = links[0].split_once("token=").unwrap().1.split('&').next().unwrap();
    let flipped: String = token.chars().rev().collect();
    let others = links[1].split_once("token=").unwrap().1.split('&').next().unwrap();
    let apple = house.package(&sold.held[0].serial).await.pass["authenticationToken"].as_str().unwrap().to_owned();
    for wrong in ["", "x", &flipped, others, &token[1..], &format!("{token}0"), &apple] {
        let reply = house.send("GET", &links[0].replace(token, wrong), &[], "").await;
        reply.problem(401, "unauthorised");
    }
    // It is the proof of this pass, not of its history or of a list.
    let history = format!("/api/demo/passes/{}/history?token={token}", sold.held[0].serial);
    house.send("GET", &history, &[], "").await.problem(401, "unauthorised");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn find_pass_answers_the_id_or_204() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let path = format!("/api/demo/passes/findPass?secutix.movementId={}", sold.held[0].movement);
    let found = house.get(&path).await;
    assert_eq!((found.status.as_u16(), found.body.as_ref()), (200, sold.held[0].serial.as_bytes()));
    assert!(found.header("content-type").starts_with("text/plain"));
    let typed = house.get(&format!("{path}&passType=event-ticket")).await;
    assert_eq!(typed.status, 200);
    let headers = [("x-api-key", house.stage.caller.key()), ("accept", "application/json")];
    let links = house.described(&sold.held[0].serial).await["links"].clone();
    let both = json!({"id": sold.held[0].serial, "links": links});
    assert_eq!(house.send("GET", &path, &headers, "").await.json(), both);
    for none in [
        format!("{path}&passType=member-card"),
        "/api/demo/passes/findPass?secutix.movementId=1".to_owned(),
        "/api/demo/passes/findPass?secutix.contactNumber=nobody".to_owned(),
    ] {
        let reply = house.get(&none).await;
        assert_eq!((reply.status.as_u16(), reply.body.len()), (204, 0), "{none}");
    }
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_card_is_made_from_its_contact_and_made_once() {
    let house = House::new().await;
    let secutix = house.stage.world.secutix();
    let contact = secutix.create_contact(&Holder::new("Sofia", "Kovalevskaya"), true);
    let body = json!({"identifiers": {"secutix.contactNumber": contact}});
    let post = async |body: &Value| house.with_key("POST", "/api/demo/passes", house.stage.caller.key(), body).await;
    let made = post(&body).await;
    assert_eq!(made.status, 200, "{}", String::from_utf8_lossy(&made.body));
    let calls = secutix.call_count();
    let again = post(&body).await;
    assert_eq!((again.status.as_u16(), &again.body), (200, &made.body));
    assert_eq!(secutix.call_count(), calls, "a card that is known was looked up again");
    let id = String::from_utf8(made.body.to_vec()).unwrap();
    let described = house.described(&id).await;
    assert_eq!(described["passType"], "member-card");
    assert_eq!(described["identifiers"], json!({"secutix.contactNumber": contact}));
    let view = house.stage.iphone.add(&house.link(&id).await).await.unwrap();
    assert_eq!(view.barcode.as_deref(), Some(contact.as_str()));

    post(&json!({"identifiers": {"secutix.contactNumber": "999999"}})).await.problem(404, "not-found");
    for wrong in [
        json!({}),
        json!({"identifiers": {}}),
        json!({"identifiers": {"secutix.contactNumber": "1", "secutix.movementId": "2"}}),
        json!({"identifiers": {"secutix.movementId": "2"}}),
        json!({"identifiers": {"secutix.contactNumber": 1}}),
        json!({"identifiers": {"secutix.contactNumber": "Sofia Kovalevskaya"}}),
        json!({"identifiers": {"secutix.contactNumber": "sofia@example.org"}}),
        json!({"identifiers": {"secutix.contactNumber": "4".repeat(21)}}),
        json!({"identifiers": {"secutix.contactNumber": "4".repeat(100_000)}}),
        json!([]),
    ] {
        post(&wrong).await.problem(400, "invalid-request");
    }
    let long = format!("/api/demo/passes/findPass?secutix.contactNumber={}", "4".repeat(21));
    house.get(&long).await.problem(400, "invalid-request");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_is_not_in_its_file_is_404_whatever_else_happens_there_and_503_where_a_person_has_to_decide() {
    let tenant = |text: String| text.replace("voids_per_hour = 200", "voids_per_hour = 1");
    let house = House::with(StageOptions { tenant: Some(tenant), ..StageOptions::default() }).await;
    let (reprinted, cancelled) =
        (house.sold("CARMEN", &["Ada"]).await, house.sold("FLUTE", &["Marie", "Pierre", "Irene"]).await);
    let secutix = house.stage.world.secutix();
    let absent = async |sold: &Sold| {
        let body = json!({"identifiers": {"secutix.movementId": "1", "secutix.fileId": sold.file.to_string()}});
        house.with_key("POST", "/api/demo/passes", house.stage.caller.key(), &body).await
    };
    absent(&reprinted).await.problem(404, "not-found");
    secutix.oddities(|odd| odd.reprint_gap = 2);
    secutix.reprint(reprinted.movement(0), Origin::TicketShop).await.unwrap();
    house.outcome(reprinted.file, "between-tickets").await;
    absent(&reprinted).await.problem(404, "not-found");
    assert_eq!(house.outcomes(reprinted.file).await[0], "between-tickets");

    secutix.cancel(cancelled.movement(0)).await.unwrap();
    house.void(&cancelled.held[0]).await;
    secutix.cancel(cancelled.movement(1)).await.unwrap();
    house.outcome(cancelled.file, "void-limit").await;
    absent(&cancelled).await.problem(503, "waits-for-person");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_ticket_of_a_file_is_listed_with_all_that_a_buyer_needs() {
    let house = House::new().await;
    let sold = house.sold("FLUTE", &["Marie", "Pierre"]).await;
    let secutix = house.stage.world.secutix();
    let reply = house.get(&format!("/api/demo/external/secutix/orders/getTicketsUrl/{}", sold.file)).await;
    assert_eq!(reply.header("cache-control"), "no-store");
    let body = reply.json();
    assert_eq!(body["fileId"], sold.file.to_string());
    let file = secutix.file(sold.file).unwrap();
    let movements: Vec<_> = file.orders.iter().flat_map(|order| &order.movements).collect();
    assert_eq!(body["tickets"].as_array().unwrap().len(), movements.len());
    let (performance, catalogue) = (house.performance("FLUTE"), secutix.catalogue());
    for (listed, movement) in body["tickets"].as_array().unwrap().iter().zip(movements) {
        assert_eq!(listed["movementId"], movement.id.to_string());
        assert_eq!(listed["orderId"], file.orders[0].id.to_string());
        assert_eq!(listed["ticketId"], movement.tickets[0].id.to_string());
        assert_eq!(listed["ticketState"], "VALID");
        assert_eq!(listed["event"]["performanceId"], performance.to_string());
        assert_eq!(listed["event"]["productCode"], "FLUTE");
        let titles = &catalogue.product("FLUTE").unwrap().title;
        assert!(titles.values().any(|title| listed["event"]["title"] == title.as_str()), "{listed}");
        assert!(listed["event"]["startsAt"].as_str().unwrap().contains("T20:00"), "{listed}");
        let seat = &movement.seat;
        let expected = json!({"area": seat.area, "row": seat.row, "seat": seat.seat, "category": seat.category});
        assert_eq!(listed["seat"], expected);
        let url = format!("{}/tnci/tickets/{}.pdf", secutix.url(), movement.tickets[0].id);
        assert_eq!(listed["downloadUrl"], url);
        let held = sold.held.iter().find(|held| held.movement == movement.id.to_string()).unwrap();
        assert_eq!(listed["pass"]["id"], held.serial.as_str());
        assert_eq!(listed["pass"]["passType"], "event-ticket");
        assert_eq!(listed["pass"]["state"], "live");
        for wallet in ["apple", "google"] {
            let link = listed["pass"]["links"][wallet].as_str().unwrap();
            assert!(link.starts_with(&house.base()) && link.contains(&held.serial), "{link}");
        }
    }
    // After a cancellation its pass is void, and nothing leads to it.
    secutix.cancel(sold.movement(0)).await.unwrap();
    house.void(&sold.held[0]).await;
    let body = house.get(&format!("/api/demo/external/secutix/orders/getTicketsUrl/{}", sold.file)).await.json();
    let of = |movement: &str| {
        let listed = body["tickets"].as_array().unwrap().iter().find(|listed| listed["movementId"] == movement);
        listed.cloned().unwrap_or_default()
    };
    let (gone, stays) = (of(&sold.held[0].movement), of(&sold.held[1].movement));
    assert_eq!((&gone["pass"]["state"], gone["pass"].get("links")), (&json!("void"), None));
    assert_eq!(stays["pass"]["state"], "live");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_explains_in_plain_words_and_holds_no_value_of_the_ticket() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Augustina"]).await;
    let secutix = house.stage.world.secutix();
    let serial = &sold.held[0].serial;
    let mut values = vec!["Augustina".to_owned(), "Lovelace".to_owned(), house.barcode(sold.movement(0))];
    let reprint = secutix.reprint(sold.movement(0), Origin::TicketShop).await.unwrap();
    let correlation = reprint.receipts[0].correlation.clone().unwrap();
    house.up_to_date(&sold).await;
    values.push(house.barcode(sold.movement(0)));
    house.stage.rest().await.unwrap();
    secutix.change_holder(sold.movement(0), Holder::new("Hedwigis", "Lamarr"), Origin::TicketShop).await.unwrap();
    values.extend(["Hedwigis".to_owned(), "Lamarr".to_owned(), house.barcode(sold.movement(0))]);
    house.up_to_date(&sold).await;
    house.stage.rest().await.unwrap();
    secutix.cancel(sold.movement(0)).await.unwrap();
    house.void(&sold.held[0]).await;
    values.push(reprint.after[0].order_secret.clone());

    let reply = house.get(&format!("/api/demo/passes/{serial}/history")).await;
    assert_eq!(reply.status, 200);
    let text = String::from_utf8(reply.body.to_vec()).unwrap();
    for value in &values {
        assert!(!text.contains(value.as_str()), "{text}");
    }
    let history = reply.json();
    let told: Vec<(&str, &str)> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["action"].as_str().unwrap(), item["useCase"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [("created", "purchase"), ("updated", "reprint"), ("updated", "holder-change"), ("voided", "cancellation")]
    );
    let explained: Vec<&str> =
        history.as_array().unwrap().iter().map(|item| item["explanation"].as_str().unwrap()).collect();
    assert!(explained[1].contains("printed again") && explained[1].contains("barcode"), "{}", explained[1]);
    assert!(explained[2].contains("another person") && explained[2].contains("holder's name"), "{}", explained[2]);
    assert!(explained[3].contains("cancelled") && explained[3].contains("invalid"), "{}", explained[3]);
    for item in history.as_array().unwrap() {
        // A code without a sentence would stand there as it is.
        let sentence = item["explanation"].as_str().unwrap();
        assert!(!sentence.contains(item["reason"].as_str().unwrap()), "{sentence}");
        assert!(item["at"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
    }
    assert!(history[1]["correlationIds"].as_array().unwrap().contains(&Value::from(correlation)));
    house.end().await;
}
