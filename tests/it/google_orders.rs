//! A whole order in one link.

use crate::house::House;
use passerelle_simulator::{Holder, Origin};
use serde_json::Value;

async fn link_of(house: &House, file: i64) -> Value {
    let path = format!("/api/demo/external/secutix/orders/getTicketsUrl/{file}");
    house.get(&path).await.json()["links"]["google"].clone()
}

async fn sell(house: &House, names: usize) -> i64 {
    let holders = (0..names).map(|at| Holder::new(&format!("Ada {at}"), "Lovelace")).collect();
    let sale = house.stage.world.secutix().sell_family("FLUTE", holders, Origin::TicketShop).await.unwrap();
    house.stage.rest().await.unwrap();
    sale.file().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_tap_saves_every_ticket_of_an_order() {
    let house = House::new().await;
    let file = sell(&house, 3).await;
    let link = link_of(&house, file).await;
    let link = link.as_str().unwrap();
    let sent = house.send("GET", link, &[("accept", "text/html")], "").await;
    assert_eq!(sent.status, 302, "{}", String::from_utf8_lossy(&sent.body));
    let shown = house.stage.android.save(sent.header("location")).await.unwrap();
    assert_eq!(shown.len(), 3);
    assert!(shown.iter().all(|pass| pass.is_active() && pass.barcode.is_some()));
    // Objects first, and a token that names them only.
    let google = house.stage.world.google();
    assert_eq!(google.call_counts()["POST eventTicketObject"], 3);
    assert_eq!(google.warnings(), Vec::<String>::new());

    // What has ended since is not in it any more.
    let tickets = house.get(&format!("/api/demo/external/secutix/orders/getTicketsUrl/{file}")).await.json();
    let movement = tickets["tickets"][0]["movementId"].as_str().unwrap().parse().unwrap();
    house.stage.world.secutix().cancel(movement).await.unwrap();
    house.stage.rest().await.unwrap();
    let again = house.send("GET", link, &[("accept", "text/html")], "").await;
    assert_eq!(house.stage.world.android("Grace").save(again.header("location")).await.unwrap().len(), 2);
    // A guess opens nothing.
    let wrong = link.replace("token=", "token=0");
    assert_eq!(house.send("GET", &wrong, &[], "").await.status, 401);
    let other = link.replace(&format!("/orders/{file}/"), &format!("/orders/{}/", file + 1));
    assert_eq!(house.send("GET", &other, &[], "").await.status, 401);
    assert_eq!(house.send("GET", &link.replace("device=google", "device=other"), &[], "").await.status, 400);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_too_long_for_an_address_gets_one_of_googles() {
    let house = House::new().await;
    let file = sell(&house, 12).await;
    let link = link_of(&house, file).await;
    let sent = house.send("GET", link.as_str().unwrap(), &[("accept", "text/html")], "").await;
    assert_eq!(sent.status, 302, "{}", String::from_utf8_lossy(&sent.body));
    let location = sent.header("location");
    assert!(location.len() < 200, "{location}");
    assert_eq!(house.stage.android.save(location).await.unwrap().len(), 12);
    let google = house.stage.world.google();
    assert_eq!(google.call_counts()["POST jwt"], 1);
    assert_eq!(google.warnings(), Vec::<String>::new());
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_would_open_nothing_is_not_handed_out() {
    let house = House::new().await;
    for (tickets, apple) in [(40, true), (41, false)] {
        let file = sell(&house, tickets).await;
        let path = format!("/api/demo/external/secutix/orders/getTicketsUrl/{file}");
        let links = house.get(&path).await.json()["links"].clone();
        assert_eq!((links["apple"].is_string(), links["google"].is_string()), (apple, true), "{tickets}");
        if let Some(link) = links["apple"].as_str() {
            assert_eq!(house.send("GET", link, &[], "").await.status, 200);
        }
    }
    house.end().await;
}
