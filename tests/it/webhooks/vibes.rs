//! An endpoint that knows Vibes' callbacks gets those, and nothing else.

use passerelle_simulator::Origin;
use serde_json::json;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn who_knows_vibes_gets_its_two_callbacks_and_nothing_else() {
    let post = Post::new().await;
    let (vibes, ours) = (post.desk("vibes"), post.desk("ours"));
    let endpoint = post.endpoint(&vibes, &["*"], json!({ "format": "vibes" })).await;
    post.endpoint(&ours, &["Pass:Uninstalled"], json!({})).await;
    let sold = post.house.sold("CARMEN", &["Ada"]).await;
    let pass = sold.held[0].serial.clone();
    post.house.stage.world.secutix().reprint(sold.movement(0), Origin::BackOffice).await.unwrap();
    post.house.stage.rest().await.unwrap();
    assert!(post.house.stage.iphone.remove(&pass).await);
    post.house.advance(60_000).await;
    let seen = post.seen(&vibes, "three callbacks", |all| all.len() == 3).await;
    let kinds: Vec<&str> = seen.iter().map(Received::kind).collect();
    assert_eq!(kinds, ["wallet_item_install", "wallet_item_install", "wallet_item_remove"]);
    let removed = &seen[2].json;
    assert_eq!(removed["wallet_instance"]["provider"], "apple");
    assert_eq!(
        removed["wallet_instance"]["registered_at"],
        seen.iter().find(|one| one.json["wallet_instance"]["provider"] == "apple").unwrap().json["event_date"]
    );
    assert_eq!(removed["wallet_instance"]["unregistered_at"], removed["event_date"]);
    assert_eq!(removed["wallet_item"]["uuid"], json!(pass));
    assert_eq!(removed["wallet_item"]["tokens"]["secutix.movementId"], json!(sold.held[0].movement));
    assert_eq!(removed["wallet_campaign"]["token"], "event-ticket");
    assert_eq!(removed["event_id"].as_str(), Some(seen[2].id()));
    assert!(seen.iter().all(|one| one.verified == Some(true)));
    // The same moment in our words.
    let same = post.seen(&ours, "ours", |all| !all.is_empty()).await.remove(0);
    assert_eq!((same.id(), &same.json["timestamp"]), (seen[2].id(), &removed["event_date"]));
    let test = post.ask("POST", &format!("/{}/test", endpoint["id"].as_str().unwrap()), &Value::Null).await;
    assert_eq!((test.status.as_u16(), &test.json()["type"]), (409, &json!("urn:passerelle:problem:no-test-event")));
    post.house.end().await;
}
