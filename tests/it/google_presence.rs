//! What Google holds, when nobody told us.

use passerelle_simulator::CallbackDelivery;
use serde_json::Value;

use crate::house::{House, until};

const DAY: i64 = 86_400_000;

async fn in_google(house: &House, pass: &str) -> bool {
    house.described(pass).await.pointer("/providers/google").is_some_and(Value::is_string)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_of_lost_callbacks_is_made_good_by_looking() {
    let house = House::new().await;
    let google = house.stage.world.google();
    google.deliver_callbacks(CallbackDelivery { lost: true, ..CallbackDelivery::default() });
    let sold = house.sold("FLUTE", &["Ada", "Grace"]).await;
    let (kept, removed) = (&sold.held[0], &sold.held[1]);
    for held in &sold.held {
        assert!(!in_google(&house, &held.serial).await, "nobody has told");
    }
    // Rounds are a day apart from the moment on that a worker first sees the tenant.
    house.stage.server().unwrap().flow.claim_look().await.unwrap();
    house.advance(DAY + 1).await;
    until("both are found", async || in_google(&house, &kept.serial).await && in_google(&house, &removed.serial).await)
        .await;

    assert!(house.stage.android.remove(&removed.object).await);
    assert!(in_google(&house, &removed.serial).await, "nobody has told");
    house.advance(DAY + 1).await;
    until("the removal is found", async || !in_google(&house, &removed.serial).await).await;
    assert!(in_google(&house, &kept.serial).await);
    house.end().await;
}
