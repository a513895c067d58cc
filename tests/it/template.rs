//! A template that cannot be filled, and one that was edited: no phone misses a change for it.

use passerelle_flow::ports::Clock as _;
use passerelle_flow::store::Store as _;
use passerelle_simulator::{Delivery, Notice, Origin};

use crate::house::{BACKOFF, House, until};

const TEMPLATE: &str = "templates/event-ticket/template.toml";
const FILLED: &str = "text = \"{barCode}\"";
/// No ticket of the simulator has it.
const MISSING: &str = "text = \"{barCode}{ticket.validFrom:iso!}\"";

/// After the template is mended: what still waits for its next attempt gets it, and a person releases what was given up meanwhile.
async fn released(house: &House) {
    house.advance(BACKOFF).await;
    let server = house.stage.server().unwrap();
    for task in server.flow.host.store.stuck(None).await.unwrap() {
        assert!(server.flow.host.store.replay(&task.tenant, &task.task, server.clock.now()).await.unwrap());
    }
}

/// What people read of a pass: (action, use case).
async fn told(house: &House, serial: &str) -> Vec<(String, String)> {
    let history = house.get(&format!("/api/demo/passes/{serial}/history")).await.json();
    let text = |item: &serde_json::Value, key: &str| item[key].as_str().unwrap().to_owned();
    history.as_array().unwrap().iter().map(|item| (text(item, "action"), text(item, "useCase"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_a_template_could_not_show_is_shown_when_the_template_is_mended() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let serial = &sold.held[0].serial;
    let (shown, history) = (house.shown(&sold.held[0]), told(&house, serial).await);
    house.rewrite(TEMPLATE, |text| text.replace(FILLED, MISSING)).await;
    house.stage.world.secutix().reprint(sold.movement(0), Origin::TicketShop).await.unwrap();
    house.outcome(sold.file, "pass-not-built").await;
    house.nothing_due().await;
    assert_eq!(house.shown(&sold.held[0]), shown);
    assert_eq!(told(&house, serial).await, history, "the history tells of a change that nobody was shown");

    house.rewrite(TEMPLATE, |text| text.replace(MISSING, FILLED)).await;
    released(&house).await;
    house.up_to_date(&sold).await;
    assert_eq!(told(&house, serial).await.len(), history.len() + 1);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_cannot_be_filled_is_tried_three_times_and_then_waits_for_a_person() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    house.rewrite(TEMPLATE, |text| text.replace(FILLED, MISSING)).await;
    house.stage.world.secutix().reprint(sold.movement(0), Origin::TicketShop).await.unwrap();
    let failed = async || house.outcomes(sold.file).await.iter().filter(|outcome| *outcome == "pass-not-built").count();
    for attempt in 1..=3 {
        until("an attempt", async || failed().await >= attempt).await;
        house.advance(BACKOFF).await;
    }
    until("it is given up", async || house.depth().await.tasks_dead == 1).await;
    assert_eq!(failed().await, 3);
    house.rewrite(TEMPLATE, |text| text.replace(MISSING, FILLED)).await;
    released(&house).await;
    house.up_to_date(&sold).await;
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_template_reaches_an_installed_pass_with_the_next_run_of_its_file() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let (held, secutix) = (&sold.held[0], house.stage.world.secutix());
    let notice = Notice::of("MODIFIED", &secutix.ticket_ids(sold.movement(0)).unwrap());
    house
        .rewrite(TEMPLATE, |text| text.replace("backgroundColor = \"#3a1030\"", "backgroundColor = \"#0a5030\""))
        .await;
    house.stage.rest().await.unwrap();
    let colour = || house.stage.apple(held).unwrap().raw["backgroundColor"].clone();
    let (before, pushes) = (colour(), house.pushes().len());
    assert!(secutix.notify(notice.clone()).await.accepted());
    until("the phone shows the new colour", async || colour() != before).await;
    house.stage.rest().await.unwrap();
    assert_eq!(house.pushes().len(), pushes + 1);
    assert_eq!(told(&house, &held.serial).await.last().unwrap().1, "template-change");

    // Once: what it shows now is what the template says.
    assert!(secutix.notify(notice).await.accepted());
    house.outcome(sold.file, "unchanged").await;
    house.stage.rest().await.unwrap();
    assert_eq!(house.pushes().len(), pushes + 1);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_ends_whatever_its_template_says_and_leads_nowhere_until_its_successor_is_made() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let old = &sold.held[0];
    let link = house.link(&old.serial).await;
    house.rewrite(TEMPLATE, |text| text.replace(FILLED, MISSING)).await;
    let secutix = house.stage.world.secutix();
    secutix.set_delivery(Delivery::silent());
    let change = secutix.exchange(sold.movement(0), house.performance("ORPHEE"), Origin::TicketShop).await.unwrap();
    assert!(secutix.notify(change.notices[0].clone()).await.accepted());
    house.outcome(sold.file, "pass-not-built").await;
    let gone = house.send("GET", &link, &[], "").await;
    assert_eq!(gone.status, 410, "a ticket that is exchanged away was handed out");
    assert!(!gone.json()["detail"].as_str().unwrap().contains("successor"), "it leads to a pass that was not made");

    house.rewrite(TEMPLATE, |text| text.replace(MISSING, FILLED)).await;
    released(&house).await;
    house.outcome(sold.file, "done").await;
    let gone = house.send("GET", &link, &[], "").await.json()["detail"].as_str().unwrap().to_owned();
    let (_, successor) = gone.split_once("successor: ").expect("no successor");
    let reply = house.send("GET", &format!("{successor}&device=apple"), &[], "").await;
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    until("the phones show that it is void", async || {
        house.stage.google(old).is_some_and(|view| view.state == "INACTIVE")
    })
    .await;
    house.end().await;
}
