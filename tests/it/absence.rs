//! A ticket that SecuTix does not show any more may be cancelled, or the answer may be odd. Its pass ends when a second look agrees, and not before.

use passerelle_simulator::{Delivery, Notice};

use crate::house::{BACKOFF, House, until};

/// `confirm_absence_after_s` of the example tenant, and a little.
const CONFIRMED: i64 = 121_000;

#[tokio::test(flavor = "multi_thread")]
async fn an_absent_ticket_is_void_when_a_second_look_agrees_and_not_before() {
    let house = House::new().await;
    let sold = house.sold("FLUTE", &["Marie", "Pierre"]).await;
    let (gone, stays) = (&sold.held[0], &sold.held[1]);
    let before = (house.shown(gone), house.shown(stays));
    let secutix = house.stage.world.secutix();
    secutix.oddities(|odd| odd.cancelled_is_absent = true);
    // Only that something changed is said, or the notice itself would be evidence of a sort.
    secutix.set_delivery(Delivery::silent());
    let change = secutix.cancel(sold.movement(0)).await.unwrap();
    let notice = Notice::of_order("MODIFIED", &change.before[0].order_secret);
    let fetches = house.fetches();
    assert!(secutix.notify(notice.clone()).await.accepted());
    house.outcome(sold.file, "absence-unconfirmed").await;
    assert_eq!((house.shown(gone), house.shown(stays)), before);

    // A second look that comes too soon is no second opinion.
    house.advance(20_000).await;
    assert!(secutix.notify(notice).await.accepted());
    until("the second fetch", async || house.fetches() == fetches + 2).await;
    house.nothing_due().await;
    house.never_void(gone);

    house.advance(CONFIRMED).await;
    house.void(gone).await;
    house.stage.rest().await.unwrap();
    assert_eq!(house.fetches(), fetches + 3);
    assert_eq!(house.shown(stays), before.1);
    house.never_void(stays);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_comes_back_was_never_void() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let before = house.shown(&sold.held[0]);
    let secutix = house.stage.world.secutix();
    secutix.oddities(|odd| odd.missing_movements = 1);
    let notice = Notice::of("MODIFIED", &secutix.ticket_ids(sold.movement(0)).unwrap());
    assert!(secutix.notify(notice.clone()).await.accepted());
    house.outcome(sold.file, "absence-unconfirmed").await;
    house.advance(CONFIRMED).await;
    house.outcome(sold.file, "unchanged").await;
    house.stage.rest().await.unwrap();
    assert_eq!(house.shown(&sold.held[0]), before);

    // The first absence is forgotten: another one begins anew, long after it.
    secutix.oddities(|odd| odd.missing_movements = 1);
    assert!(secutix.notify(notice).await.accepted());
    house.outcome(sold.file, "absence-unconfirmed").await;
    house.never_void(&sold.held[0]);
    house.advance(CONFIRMED).await;
    house.outcome(sold.file, "unchanged").await;
    house.never_void(&sold.held[0]);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_comes_back_after_its_end_shows_nothing_of_it() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let held = &sold.held[0];
    let before = house.shown(held);
    let secutix = house.stage.world.secutix();
    secutix.oddities(|odd| odd.missing_movements = u32::MAX);
    let notice = Notice::of("MODIFIED", &secutix.ticket_ids(sold.movement(0)).unwrap());
    assert!(secutix.notify(notice.clone()).await.accepted());
    house.outcome(sold.file, "absence-unconfirmed").await;
    house.advance(CONFIRMED).await;
    house.void(held).await;
    house.stage.rest().await.unwrap();
    let dead = house.stage.google(held).unwrap().object;
    assert!(dead["textModulesData"].to_string().contains("\"void\""), "{dead:#}");

    secutix.behave();
    assert!(secutix.notify(notice).await.accepted());
    house.up_to_date(&sold).await;
    house.stage.rest().await.unwrap();
    let (apple, google) = house.shown(held);
    assert_eq!(google, before.1);
    assert_eq!(apple, before.0);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_that_ended_in_another_file_lives_again_in_this_one() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let held = &sold.held[0];
    let secutix = house.stage.world.secutix();
    secutix.oddities(|odd| odd.missing_movements = 2);
    let notice = Notice::of("MODIFIED", &secutix.ticket_ids(sold.movement(0)).unwrap());
    assert!(secutix.notify(notice.clone()).await.accepted());
    house.outcome(sold.file, "absence-unconfirmed").await;
    house.advance(CONFIRMED).await;
    house.void(held).await;
    house.stage.rest().await.unwrap();

    // As if those looks had been at the file that the movement was in before. The simulator moves none.
    let database = rusqlite::Connection::open(&house.stage.settings.store).unwrap();
    assert_eq!(database.execute("UPDATE pass SET file = '4711' WHERE id = ?1", [&held.serial]).unwrap(), 1);
    assert!(secutix.notify(notice).await.accepted());
    house.up_to_date(&sold).await;
    assert_eq!(house.described(&held.serial).await["state"], "live");
    let history = house.get(&format!("/api/demo/passes/{}/history", held.serial)).await.json();
    assert_eq!(history.as_array().unwrap().last().unwrap()["action"], "revived");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_cannot_be_read_voids_nothing_however_often_it_comes() {
    let house = House::new().await;
    let sold = house.sold("FLUTE", &["Marie", "Pierre"]).await;
    let before: Vec<_> = sold.held.iter().map(|held| house.shown(held)).collect();
    let secutix = house.stage.world.secutix();
    let notice = Notice::of("CANCELLED", &secutix.ticket_ids(sold.movement(0)).unwrap());
    secutix.oddities(|odd| odd.missing_orders = u32::MAX);
    assert!(secutix.notify(notice).await.accepted());
    for attempt in 1..=4 {
        let unreadable = async || house.outcomes(sold.file).await.iter().filter(|it| *it == "unreadable").count();
        until("another unreadable answer", async || unreadable().await >= attempt).await;
        house.nothing_due().await;
        house.advance(CONFIRMED + BACKOFF).await;
    }
    for (held, before) in sold.held.iter().zip(before) {
        assert_eq!(house.shown(held), before);
        house.never_void(held);
    }
    secutix.behave();
    house.advance(CONFIRMED + BACKOFF).await;
    house.outcome(sold.file, "unchanged").await;
    house.end().await;
}
