//! What a CRM ends up with: every event of a pass, in its order, whatever it did meanwhile.

use passerelle_simulator::{Behaviour, Origin};
use serde_json::json;

use super::*;

/// Bought, put on both phones, changed, taken off one, cancelled: one story, as a CRM with two bad days reads it.
#[tokio::test(flavor = "multi_thread")]
async fn a_crm_that_fails_on_the_way_has_the_whole_story_in_its_order() {
    let post = Post::new().await;
    let desk = post.desk("crm");
    let endpoint = post.endpoint(&desk, &["Pass:*"], json!({})).await;
    desk.behave(Behaviour::Recovers { after: 2, status: 500 });
    let sold = post.house.sold("CARMEN", &["Ada"]).await;
    let pass = sold.held[0].serial.clone();
    // The second attempt is five seconds after the first, the third five minutes after that.
    post.seen(&desk, "a first attempt", |all| !all.is_empty()).await;
    post.house.advance(10_000).await;
    post.seen(&desk, "a second attempt", |all| all.len() >= 2).await;
    post.house.stage.world.secutix().reprint(sold.movement(0), Origin::BackOffice).await.unwrap();
    post.house.stage.rest().await.unwrap();
    assert_eq!(desk.taken().len(), 0, "what came later waits behind what failed");
    post.house.advance(HOUR).await;
    post.seen(&desk, "the story so far", |all| all.iter().filter(|one| one.taken).count() >= 4).await;
    // A night of refusals in the middle.
    desk.behave(Behaviour::Status { status: 503, retry_after: None });
    assert!(post.house.stage.iphone.remove(&pass).await);
    post.house.advance(60_000).await;
    let before = desk.received().len();
    post.seen(&desk, "a refusal", |all| all.len() > before || all.iter().any(|one| one.answered == "503")).await;
    post.house.stage.world.secutix().cancel(sold.movement(0)).await.unwrap();
    post.house.stage.rest().await.unwrap();
    desk.behave(Behaviour::Honest);
    post.house.advance(HOUR).await;
    let all = |seen: &[Received]| {
        let taken = |kind: &str| seen.iter().any(|one| one.taken && one.kind() == kind);
        taken("Pass:Uninstalled") && taken("Pass:Deactivated")
    };
    post.seen(&desk, "the end of the story", all).await;

    let taken = desk.taken();
    let sequence: Vec<i64> = taken.iter().map(|one| one.sequence().unwrap()).collect();
    let expected: Vec<i64> = (1..=sequence.len() as i64).collect();
    assert_eq!(sequence, expected, "{:#?}", kinds(&taken));
    assert!(taken.iter().all(|one| one.pass() == Some(pass.as_str()) && one.verified == Some(true)));
    assert_eq!(taken[0].kind(), "Pass:Created");
    let record = desk.records().remove(&sold.held[0].movement).unwrap();
    assert_eq!(record.wallet_status.as_deref(), Some("google"));
    assert_eq!(record.wallet_last_event.as_deref(), Some("uninstalled"));
    assert!(record.google_wallet_installed_at.is_some() && record.wallet_last_changed_at.is_some());
    assert_eq!(record.events, sequence.len() as u32, "each once");
    // Nothing of the receiver's bad days is held against it.
    let row = post.get(&format!("/{}", endpoint["id"].as_str().unwrap())).await;
    assert_eq!((&row["failingSince"], &row["enabled"]), (&json!(null), &json!(true)));
    post.house.end().await;
}

/// One never answers, one refuses connections, one is well: the last is not kept waiting by the others.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_endpoint_is_in_nobodys_way() {
    // With a patience that nothing in this test outlasts: whoever waited for the dead would be seen.
    let post = Post::new().await;
    let (hangs, well) = (post.desk("hangs"), post.desk("well"));
    hangs.behave(Behaviour::Hangs);
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = format!("https://localhost:{}/hooks/closed", nobody.local_addr().unwrap().port());
    drop(nobody);
    post.endpoint(&hangs, &["*"], json!({})).await;
    let refused = post.ask("POST", "", &json!({ "endpoint": closed, "events": ["*"] })).await.json();
    post.endpoint(&well, &["*"], json!({})).await;
    let first = post.house.sold("CARMEN", &["Ada", "Grace", "Mary"]).await;
    post.house.sold("CARMEN", &["Emmy", "Sophie", "Maria"]).await;
    let created = |all: &[Received]| all.iter().filter(|one| one.kind() == "Pass:Created").count() == 6;
    let installed = |all: &[Received]| all.iter().filter(|one| one.kind() == "Pass:Installed").count() == 12;
    post.seen(&well, "everything, at the one that is well", |all| created(all) && installed(all)).await;
    assert!(!hangs.received().is_empty() && hangs.received().iter().all(|one| !one.taken));
    let failing = post.get(&format!("/{}", refused["id"].as_str().unwrap())).await;
    assert!(failing["failingSince"].is_string(), "{failing}");
    // Of each pass the one that is well has seen all, in order.
    let of: Vec<i64> = well
        .taken()
        .iter()
        .filter(|one| one.pass() == Some(&first.held[0].serial))
        .filter_map(Received::sequence)
        .collect();
    assert_eq!(of, [1, 2, 3]);
    post.house.end().await;
}

/// Five days of refusals, and one hour of being well would have saved it.
#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_fails_for_five_days_is_switched_off_with_a_notice_and_has_the_rest_when_it_is_back() {
    let post = Post::new().await;
    let (dead, watch) = (post.desk("dead"), post.desk("watch"));
    let since = jiff::Timestamp::now().to_string();
    let endpoint = post.endpoint(&dead, &["Pass:*"], json!({})).await;
    let id = endpoint["id"].as_str().unwrap();
    post.endpoint(&watch, &["webhook.disabled"], json!({})).await;
    dead.behave(Behaviour::Status { status: 500, retry_after: None });
    // Something happens every day, so that there always is something to try.
    let mut days = 0;
    let nothing_under_way = async || {
        until("nothing is under way", async || {
            let sending = post.get(&format!("/{id}/deliveries?state=sending")).await;
            sending["deliveries"].as_array().unwrap().is_empty()
        })
        .await;
    };
    let mut before = 0;
    loop {
        post.house.sold("CARMEN", &["Ada"]).await;
        post.seen(&dead, "an attempt", |all| all.len() > before).await;
        let row = post.get(&format!("/{id}")).await;
        if row["enabled"] == false {
            break;
        }
        assert!(days < 7, "still on: {row:#}");
        // A clock that is put forward while one is under way takes its lease away.
        nothing_under_way().await;
        // What was tried already is tried again as well, and keeps what has just happened waiting for some minutes: either is an attempt.
        before = dead.received().len();
        post.house.advance(DAY / 2).await;
        days += 1;
        nothing_under_way().await;
        post.house.advance(DAY / 2).await;
        nothing_under_way().await;
        if post.get(&format!("/{id}")).await["enabled"] == false {
            break;
        }
    }
    assert!((4..=6).contains(&days), "{days}");
    let row = post.get(&format!("/{id}")).await;
    assert_eq!(row["disabledFor"], "failing");
    let told = post.seen(&watch, "the notice", |all| !all.is_empty()).await;
    assert_eq!((told[0].kind(), &told[0].json["data"]["properties"]["webhookId"]), ("Webhook:Disabled", &json!(id)));
    assert_eq!(told[0].json["data"]["properties"]["reason"], "failing");
    let waiting = post.get(&format!("/{id}/deliveries?state=waiting")).await;
    assert_eq!(waiting["deliveries"], json!([]));

    // What happens while it is off is not for it, and not lost.
    let before = dead.received().len();
    let later = post.house.sold("CARMEN", &["Grace"]).await;
    dead.behave(Behaviour::Honest);
    let off = post.ask("POST", &format!("/{id}/replay"), &json!({ "since": since })).await;
    assert_eq!(
        (off.status.as_u16(), off.json()["type"].as_str().unwrap().to_owned()),
        (409, "urn:passerelle:problem:webhook-disabled".to_owned())
    );
    assert_eq!(dead.received().len(), before);
    let on = post.ask("PATCH", &format!("/{id}"), &json!({ "enabled": true })).await;
    assert_eq!((on.status.as_u16(), &on.json()["failingSince"]), (200, &json!(null)));
    let replayed = post.ask("POST", &format!("/{id}/replay"), &json!({ "since": since })).await;
    assert_eq!(replayed.status, 202);
    let count = replayed.json()["deliveries"].as_u64().unwrap();
    let all = post.seen(&dead, "all of it", |all| all.iter().filter(|one| one.taken).count() as u64 >= count).await;
    assert!(all.iter().any(|one| one.taken && one.pass() == Some(&later.held[0].serial)));
    for pass in dead.taken().iter().filter_map(Received::pass) {
        let seen: Vec<i64> =
            dead.taken().iter().filter(|one| one.pass() == Some(pass)).filter_map(Received::sequence).collect();
        assert_eq!(seen, (1..=seen.len() as i64).collect::<Vec<_>>());
    }
    post.house.end().await;
}

/// The tenant joins by an identifier that nobody has set.
#[tokio::test(flavor = "multi_thread")]
async fn a_pass_without_the_identifier_is_sent_with_a_flag_and_counted() {
    let tenant = |text: String| format!("{text}\n[crm]\nidentifier = \"crm.customerId\"\n");
    let post = Post::with(StageOptions { tenant: Some(tenant), ..StageOptions::default() }).await;
    post.house.stage.world.crm().join_by("crm.customerId");
    let desk = post.desk("crm");
    post.endpoint(&desk, &["Pass:Installed"], json!({})).await;
    post.house.sold("CARMEN", &["Ada"]).await;
    let seen = post.seen(&desk, "both wallets", |all| all.len() == 2).await;
    assert!(seen.iter().all(|one| one.json["data"]["properties"]["missingIdentifier"] == "crm.customerId"));
    assert_eq!((desk.unmatched(), desk.records().len()), (2, 0));
    let metrics = async || {
        let reply = post.house.send("GET", "/metrics", &[], "").await;
        String::from_utf8_lossy(&reply.body).into_owned()
    };
    // What the CRM has, we may still have to write down.
    until("no delivery waits", async || metrics().await.contains("passerelle_deliveries{state=\"waiting\"} 0")).await;
    let metrics = metrics().await;
    assert!(
        metrics.contains("passerelle_missing_identifiers_total{tenant=\"demo\",kind=\"eventTicket\"} 2"),
        "{metrics}"
    );
    post.house.end().await;
}
