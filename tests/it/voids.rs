//! A mistake in SecuTix (or in us) that would end many passes at once waits for a person's word.

use passerelle_flow::store::{Store as _, TaskSubject};
use passerelle_server::demo::stage::StageOptions;
use passerelle_simulator::{Delivery, Notice};

use crate::house::{House, until};

#[tokio::test(flavor = "multi_thread")]
async fn more_voids_than_allowed_wait_until_a_person_releases_them() {
    let tenant = |text: String| text.replace("voids_per_hour = 200", "voids_per_hour = 2");
    let house = House::with(StageOptions { tenant: Some(tenant), ..StageOptions::default() }).await;
    let sold = house.sold("FLUTE", &["Marie", "Pierre", "Irene", "Helene"]).await;
    let other = house.sold("CARMEN", &["Ada"]).await;
    let before: Vec<_> = sold.held.iter().map(|held| house.shown(held)).collect();
    let secutix = house.stage.world.secutix();
    secutix.set_delivery(Delivery::silent());
    let mut secret = String::new();
    for index in 0..3 {
        secret.clone_from(&secutix.cancel(sold.movement(index)).await.unwrap().before[0].order_secret);
    }
    assert!(secutix.notify(Notice::of_order("CANCELLED", &secret)).await.accepted());
    until("the task is held", async || house.depth().await.tasks_held == 1).await;
    house.stage.rest().await.unwrap();
    for (held, before) in sold.held.iter().zip(&before) {
        assert_eq!(house.shown(held), *before);
        house.never_void(held);
    }
    let ready = house.send("GET", "/health/ready", &[], "").await;
    assert_eq!(ready.json()["tasks_held"], 1);

    let store = &house.stage.server().unwrap().flow.host.store;
    let stuck = store.stuck(Some(&house.stage.tenant)).await.unwrap();
    let [task] = stuck.as_slice() else { panic!("{stuck:?}") };
    assert_eq!((task.state.as_str(), &task.subject), ("held", &TaskSubject::File(sold.file.to_string())));

    // It stops this file and nobody else's.
    secutix.set_delivery(Delivery::default());
    secutix.reprint(other.movement(0), passerelle_simulator::Origin::TicketShop).await.unwrap();
    house.up_to_date(&other).await;
    house.never_void(&sold.held[0]);

    let now = passerelle_flow::ports::Clock::now(&*house.stage.server().unwrap().clock);
    assert!(store.replay(&house.stage.tenant, &task.task, now).await.unwrap());
    for held in &sold.held[..3] {
        house.void(held).await;
    }
    house.stage.rest().await.unwrap();
    house.never_void(&sold.held[3]);
    assert_eq!(house.shown(&sold.held[3]), before[3]);
    assert_eq!(store.stuck(None).await.unwrap(), []);
    assert!(!store.replay(&house.stage.tenant, &task.task, now).await.unwrap(), "a release is for one run");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stopped_once_waits_for_a_word_however_often_and_late_it_is_announced() {
    let tenant = |text: String| text.replace("voids_per_hour = 200", "voids_per_hour = 2");
    let house = House::with(StageOptions { tenant: Some(tenant), ..StageOptions::default() }).await;
    let (others, sold) = (house.sold("FLUTE", &["Marie", "Pierre"]).await, house.sold("CARMEN", &["Ada"]).await);
    let secutix = house.stage.world.secutix();
    for (index, held) in others.held.iter().enumerate() {
        secutix.cancel(others.movement(index)).await.unwrap();
        house.void(held).await;
    }
    // One more than the hour has room for, by itself far below the limit.
    let secret = secutix.cancel(sold.movement(0)).await.unwrap().before[0].order_secret.clone();
    house.outcome(sold.file, "void-limit").await;

    for hour in 1..=2 {
        house.advance(3_601_000).await;
        let runs = house.outcomes(sold.file).await.len();
        assert!(secutix.notify(Notice::of_order("CANCELLED", &secret)).await.accepted());
        until("another run", async || house.outcomes(sold.file).await.len() > runs).await;
        house.nothing_due().await;
        assert_eq!(house.outcomes(sold.file).await[0], "void-limit", "hour {hour}");
        assert_eq!(house.depth().await.tasks_held, 1);
        house.never_void(&sold.held[0]);
    }
    let server = house.stage.server().unwrap();
    let stuck = server.flow.host.store.stuck(None).await.unwrap();
    let [task] = stuck.as_slice() else { panic!("{stuck:?}") };
    let now = passerelle_flow::ports::Clock::now(&*server.clock);
    assert!(server.flow.host.store.replay(&house.stage.tenant, &task.task, now).await.unwrap());
    let serial = &sold.held[0].serial;
    until("it is void", async || house.described(serial).await["state"] == "void").await;
    assert_eq!(server.flow.host.store.stuck(None).await.unwrap(), []);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tenants_of_one_institution_have_one_limit() {
    let tenant = |text: String| text.replace("voids_per_hour = 200", "voids_per_hour = 2");
    let house = House::with(StageOptions { tenant: Some(tenant), ..StageOptions::default() }).await;
    let sold = house.sold("FLUTE", &["Marie", "Pierre", "Irene"]).await;
    let annex = house.second_tenant(|text| text).await;
    let listed = annex.get(&house, &format!("external/secutix/orders/getTicketsUrl/{}", sold.file)).await.json();
    let passes: Vec<_> = listed["tickets"].as_array().unwrap().iter().map(|it| it["pass"]["id"].clone()).collect();
    assert_eq!(passes.len(), 3, "{listed}");

    let secutix = house.stage.world.secutix();
    let mut secret = String::new();
    for index in 0..2 {
        secret.clone_from(&secutix.cancel(sold.movement(index)).await.unwrap().before[0].order_secret);
        house.void(&sold.held[index]).await;
    }
    house.stage.rest().await.unwrap();
    let notice = serde_json::json!({"orderSecretToken": secret, "state": "CANCELLED", "lastUpdate": ""});
    assert_eq!(annex.notify(&house, &notice).await.status, 200);
    until("the other tenant's task is held", async || house.depth().await.tasks_held == 1).await;
    for pass in &passes {
        let path = format!("passes/{}", pass.as_str().unwrap());
        assert_eq!(annex.get(&house, &path).await.json()["state"], "live");
    }
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_voids_as_allowed_need_nobody_and_an_hour_later_they_are_forgotten() {
    let tenant = |text: String| text.replace("voids_per_hour = 200", "voids_per_hour = 2");
    let house = House::with(StageOptions { tenant: Some(tenant), ..StageOptions::default() }).await;
    let sold = house.sold("FLUTE", &["Marie", "Pierre", "Irene", "Helene"]).await;
    let secutix = house.stage.world.secutix();
    for index in 0..2 {
        secutix.cancel(sold.movement(index)).await.unwrap();
        house.void(&sold.held[index]).await;
        house.stage.rest().await.unwrap();
    }
    house.advance(3_601_000).await;
    secutix.cancel(sold.movement(2)).await.unwrap();
    // Not on the iPhone: it takes no pass that was signed an hour from now.
    let (android, third) = (&house.stage.android, &sold.held[2]);
    let void = |view: &passerelle_simulator::GoogleView| view.object_id == third.object && view.state == "INACTIVE";
    android.wait_until(void, crate::house::LIMIT).await.unwrap();
    assert_eq!(house.described(&third.serial).await["state"], "void");
    assert_eq!(house.depth().await.tasks_held, 0);
    house.never_void(&sold.held[3]);
    house.end().await;
}
