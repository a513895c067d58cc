//! A plugin that wants what it may not have, fails, or says no: what becomes of the event, and that nobody else is touched.

use passerelle_simulator::ApiRoute;
use serde_json::Value;

use super::{Plugged, component};

fn error(delivery: &Value) -> &str {
    delivery["error"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_not_on_the_list_is_never_called_and_the_operator_reads_why() {
    let plugged = Plugged::without().await;
    // The list names somebody else; the credential is bound to the CRM all the same.
    let api = plugged.api.url().to_owned();
    plugged.configure(&format!("allow = [\"{api}\"]"), "allow = [\"https://other.example\"]").await;
    plugged.install(&component("crm-rust")).await;
    let (file, _) = plugged.sell("FLUTE").await;
    let dead = plugged.dead().await;
    assert!(error(&dead[0]).contains("is not on the list of addresses that this plugin may call"), "{dead:?}");
    assert!(!error(&dead[0]).contains("wallet-events"), "a path may hold a token: {dead:?}");
    assert!(plugged.api.calls().is_empty(), "nobody was called, not even for a token");
    // The pass is there, as without a plugin.
    assert_eq!(plugged.pass(file).await["passType"], "event-ticket");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_up_is_told_again_by_hand_once_it_is_allowed_and_what_was_sent_is_not() {
    let plugged = Plugged::without().await;
    let api = plugged.api.url().to_owned();
    let (theirs, nobody) = (format!("allow = [\"{api}\"]"), "allow = [\"https://other.example\"]");
    plugged.configure(&theirs, nobody).await;
    plugged.install(&component("crm-rust")).await;
    plugged.sell("FLUTE").await;
    let event = plugged.dead().await[0]["eventId"].as_str().unwrap().to_owned();
    plugged.configure(nobody, &theirs).await;
    let key = plugged.house.key_for(&["Webhook.Write"]).await;
    let path = format!("/api/demo/webhooks/plugin/deliveries/{event}/replay");
    assert_eq!(plugged.house.with_key("POST", &path, &key, &Value::Null).await.status, 202);
    let told = plugged.told("created").await;
    assert_eq!(told.len(), 1);
    assert!(told[0].key().starts_with(&event));
    // Wanted again, it is decided anew and sent anew: the receiver knows it by its key.
    plugged.settled().await;
    assert_eq!(plugged.house.with_key("POST", &path, &key, &Value::Null).await.status, 202);
    let again =
        |calls: &[passerelle_simulator::ApiCall]| calls.iter().filter(|call| call.event() == "created").count() == 2;
    plugged.api.wait_until(again, crate::house::LIMIT).await.unwrap();
    assert_eq!(plugged.api.events().len(), 1, "taken once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_setting_is_told_in_the_plugins_own_words() {
    let plugged = Plugged::new().await;
    let api = plugged.api.url().to_owned();
    plugged.configure(&format!("crm = \"{api}\"\n"), "").await;
    plugged.sell("FLUTE").await;
    let dead = plugged.dead().await;
    assert_eq!(error(&dead[0]), "on-order-changed rejects it: the setting crm is missing");
    assert!(plugged.api.calls_to(ApiRoute::WalletEvents).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_a_secret_nor_a_person_is_found_in_the_store() {
    let plugged = Plugged::new().await;
    let (file, movement) = plugged.sell("FLUTE").await;
    // Those of a pass go out one after the other, so this one first.
    plugged.told("created").await;
    let customer = passerelle_simulator::Customer {
        customer_id: "customer-of-nobody".into(),
        tier: Some("tier-of-nobody".into()),
    };
    plugged.api.know(&movement, customer);
    plugged
        .api
        .behave(ApiRoute::WalletEvents, passerelle_simulator::Behaviour::Status { status: 500, retry_after: None });
    let link = plugged.house.stage.links(file).await.unwrap().remove(0);
    plugged.house.stage.iphone.add(&link.apple).await.unwrap();
    let failed = |call: &passerelle_simulator::ApiCall| call.event() == "installed" && !call.received.taken;
    plugged.api.wait_until(|calls| calls.iter().any(failed), crate::house::LIMIT).await.unwrap();
    plugged.settled().await;
    // What waits to be sent is in the store by now, and what was bought for it in memory.
    let store = plugged.house.folder.path();
    let files = std::fs::read_dir(store).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = files.filter(|file| file.to_string_lossy().contains("sqlite")).collect();
    assert!(!files.is_empty());
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        for text in ["customer-of-nobody", "tier-of-nobody", super::CLIENT.secret, "wallet-events"] {
            let found = bytes.windows(text.len()).any(|window| window == text.as_bytes());
            assert!(!found, "{} holds {text}", file.display());
        }
    }
}
