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
