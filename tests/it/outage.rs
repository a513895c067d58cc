//! The other side is down, slow to answer, or says no: the passes stay as they are, the work waits, and it is done when the other side is back.

use passerelle_flow::store::Store as _;
use passerelle_server::demo::stage::StageOptions;
use passerelle_simulator::{Holder, Oddities, Origin, PhoneEvent, PushReply};
use serde_json::Value;

use crate::house::{BACKOFF, House, Sold, until};

/// What SecuTix says to a 509 without a time: the window of its limit, and a little.
const A_MINUTE: i64 = 61_000;

/// Highest count of failed attempts of any task.
fn attempts(house: &House) -> i64 {
    let database = rusqlite::Connection::open(&house.stage.settings.store).unwrap();
    database.query_row("SELECT coalesce(max(attempts), 0) FROM task", [], |row| row.get(0)).unwrap()
}

async fn reprint(house: &House, sold: &Sold) {
    let change = house.stage.world.secutix().reprint(sold.movement(0), Origin::TicketShop).await.unwrap();
    assert!(change.receipts.iter().all(passerelle_simulator::Receipt::accepted));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pass_stays_while_secutix_is_down_and_follows_when_it_is_back() {
    type Outage = (&'static str, fn(&mut Oddities), &'static str);
    let outages: [Outage; 5] = [
        ("503", |odd| odd.down = true, "unreachable"),
        ("broken connections", |odd| odd.unreachable = true, "unreachable"),
        ("answers that break off", |odd| odd.truncated = 1000, "unreadable"),
        ("200 with a failure", |odd| odd.failure_status = Some("internal_error".to_owned()), "refused"),
        ("in_progress", |odd| odd.in_progress = 1000, "not-ready"),
    ];
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let secutix = house.stage.world.secutix();
    for (name, begin, outcome) in outages {
        let (before, calls) = (house.shown(&sold.held[0]), house.fetches());
        secutix.oddities(begin);
        reprint(&house, &sold).await;
        house.outcome(sold.file, outcome).await;
        assert!(house.fetches() > calls, "{name}: SecuTix was not asked");
        assert_eq!(house.shown(&sold.held[0]), before, "{name}");
        assert_eq!(attempts(&house), 1, "{name}: a failed attempt counts");

        secutix.behave();
        house.advance(BACKOFF).await;
        house.up_to_date(&sold).await;
        house.stage.rest().await.unwrap();
        assert_eq!(attempts(&house), 0, "{name}");
    }
    house.never_void(&sold.held[0]);
    let depth = house.depth().await;
    assert_eq!((depth.tasks_dead, depth.effects_dead), (0, 0));
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_connection_is_an_outage_like_any_other() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let url = house.stage.world.addresses().secutix;
    // Bound and dropped: nobody listens there.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    house.rewrite("tenant.toml", |text| text.replace(&url, &format!("https://{closed}"))).await;
    reprint(&house, &sold).await;
    house.outcome(sold.file, "unreachable").await;
    house.never_void(&sold.held[0]);
    house.rewrite("tenant.toml", |text| text.replace(&format!("https://{closed}"), &url)).await;
    house.advance(BACKOFF).await;
    house.up_to_date(&sold).await;
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_credentials_are_our_fault_and_the_task_waits_for_a_person() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let annex = house.second_tenant(|text| text).await;
    let secret = house.folder.path().join("tenants/demo/secutix.secret");
    let right = std::fs::read_to_string(secret).unwrap();
    house.rewrite("secutix.secret", |_| "another secret than was agreed".to_owned()).await;
    let listed = format!("external/secutix/orders/getTicketsUrl/{}", sold.file);
    let path = format!("/api/demo/{listed}");
    let fetches = house.fetches();
    // Nobody asks again within the minute, and the reason stays the reason.
    for _ in 0..2 {
        let reply = house.get(&path).await;
        assert_eq!(reply.status, 502, "never the caller's 401");
        assert_eq!(reply.header("content-type"), "application/problem+json");
        assert_eq!(reply.json()["type"], "urn:passerelle:problem:secutix-credentials");
        assert_eq!(house.fetches() - fetches, 1);
    }
    // Another tenant of the institution has credentials of its own.
    assert_eq!(annex.get(&house, &listed).await.status, 200);

    house.advance(A_MINUTE).await;
    reprint(&house, &sold).await;
    house.outcome(sold.file, "credentials-refused").await;
    assert_eq!(attempts(&house), 0, "the task is not to blame");
    house.never_void(&sold.held[0]);

    house.rewrite("secutix.secret", |_| right).await;
    house.advance(A_MINUTE).await;
    house.up_to_date(&sold).await;
    assert_eq!(house.get(&path).await.status, 200);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_509_nobody_asks_that_endpoint_until_the_minute_is_over() {
    let house = House::new().await;
    let (first, second) = (house.sold("CARMEN", &["Ada"]).await, house.sold("CARMEN", &["Grace"]).await);
    let secutix = house.stage.world.secutix();
    secutix.set_rate_limit(0);
    let calls = house.fetches();
    reprint(&house, &first).await;
    house.outcome(first.file, "throttled").await;
    assert_eq!(house.fetches() - calls, 1);

    reprint(&house, &second).await;
    house.outcome(second.file, "budget-spent").await;
    let demand = house.get(&format!("/api/demo/external/secutix/orders/getTicketsUrl/{}", second.file)).await;
    assert_eq!(demand.status, 503);
    assert!(demand.header("retry-after").parse::<u32>().unwrap() > 0);
    let refused = secutix.calls().iter().filter(|call| call.status == 509).count();
    assert_eq!((refused, house.fetches() - calls), (1, 1), "SecuTix was asked although it had said stop");
    assert_eq!(attempts(&house), 0);
    assert_eq!(house.depth().await.tasks_ready, 2);
    // Another endpoint of the institution is not concerned by it.
    let contact = secutix.create_contact(&Holder::new("Sofia", "Kovalevskaya"), true);
    let body = serde_json::json!({"identifiers": {"secutix.contactNumber": contact}}).to_string();
    let headers = [("x-api-key", house.stage.caller.key()), ("content-type", "application/json")];
    let asked = || secutix.calls().iter().filter(|call| call.endpoint == "getContactData").count();
    assert_eq!(asked(), 0);
    secutix.set_rate_limit(60);
    assert_eq!(house.send("POST", "/api/demo/passes", &headers, body).await.status, 200);
    assert_eq!(asked(), 1);

    house.advance(A_MINUTE).await;
    house.up_to_date(&first).await;
    house.up_to_date(&second).await;
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_minute_sees_more_requests_than_the_budget_has() {
    const LIMIT_PER_MINUTE: usize = 5;
    let tenant = |text: String| text.replace("# requests_per_minute = 60", "requests_per_minute = 5");
    let house = House::with(StageOptions { tenant: Some(tenant), ..StageOptions::default() }).await;
    let secutix = house.stage.world.secutix();
    let mut movements = Vec::new();
    for index in 0..13 {
        let holder = Holder::new(&format!("Holder{index}"), "Lovelace");
        movements.extend(secutix.sell_single("CARMEN", holder, Origin::TicketShop).await.unwrap().movements());
    }
    let mut minutes = 0;
    while house.depth().await.tasks_ready + house.depth().await.tasks_leased > 0 {
        house.nothing_due().await;
        if house.depth().await.tasks_ready > 0 {
            // In steps that are no part of a minute, so that windows of every offset are seen.
            house.advance(17_000).await;
            minutes += 1;
            assert!(minutes < 40, "the work does not get done: {:?}", house.depth().await);
        }
    }
    for movement in movements {
        let found = house.get(&format!("/api/demo/passes/findPass?secutix.movementId={movement}")).await;
        assert_eq!(found.status, 200, "{movement} was left behind");
    }
    let calls = secutix.calls();
    assert!(calls.iter().all(|call| call.status == 200));
    let endpoints: std::collections::BTreeSet<&str> = calls.iter().map(|call| call.endpoint.as_str()).collect();
    for endpoint in endpoints {
        let times: Vec<i64> = calls.iter().filter(|call| call.endpoint == endpoint).map(|call| call.at).collect();
        for (index, begin) in times.iter().enumerate() {
            // A request is counted when it leaves and seen when it arrives; a second covers the difference.
            let within = times.iter().skip(index).filter(|at| **at - begin < 59_000).count();
            assert!(within <= LIMIT_PER_MINUTE, "{within} calls of {endpoint} in a minute: {times:?}");
        }
    }
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_failed_is_sent_again() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let before = house.pushes().len();
    let failures =
        [PushReply::ServiceUnavailable, PushReply::InternalServerError, PushReply::TooManyRequests, PushReply::Reset];
    house.stage.world.push().script(failures);
    reprint(&house, &sold).await;
    for attempt in 1..=failures.len() {
        until("the next push", async || house.pushes().len() - before >= attempt).await;
        until("its failure was written down", async || failed_effects(&house) == 1).await;
        house.advance(BACKOFF).await;
    }
    house.up_to_date(&sold).await;
    let statuses: Vec<u16> = house.pushes().iter().skip(before).map(|push| push.status).collect();
    assert_eq!(statuses, [503, 500, 429, 0, 200]);
    house.stage.rest().await.unwrap();
    assert_eq!(house.depth().await.effects_dead, 0);
    house.end().await;
}

/// Effects that have failed and wait for another attempt.
fn failed_effects(house: &House) -> i64 {
    let database = rusqlite::Connection::open(&house.stage.settings.store).unwrap();
    let waiting = "SELECT count(*) FROM effect WHERE attempts > 0 AND state = 'ready'";
    database.query_row(waiting, [], |row| row.get(0)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_push_token_ends_the_registration_and_counts_as_a_removal() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let (serial, iphone) = (&sold.held[0].serial, &house.stage.iphone);
    assert!(house.described(serial).await["providers"].get("apple").is_some());
    let list = format!(
        "{}/apple/demo/v1/devices/{}/registrations/{}",
        house.base(),
        iphone.device(),
        house.stage.world.pass_type()
    );
    assert_eq!(house.send("GET", &list, &[], "").await.status, 200);

    iphone.wipe();
    reprint(&house, &sold).await;
    until("the push that is refused", async || house.pushes().last().is_some_and(|push| push.status == 410)).await;
    house.stage.rest().await.unwrap();
    assert_eq!(house.send("GET", &list, &[], "").await.status, 204);
    assert_eq!(house.described(serial).await["providers"].get("apple"), None);
    let pass = passerelle_flow::identity::PassId::parse(serial).unwrap();
    let stored =
        house.stage.server().unwrap().flow.host.store.installation(&house.stage.tenant, &pass).await.unwrap().unwrap();
    let status: Value = serde_json::from_str(&stored.body).unwrap();
    assert_eq!((&status["apple"]["installed"], &status["apple"]["count"]), (&Value::from(false), &Value::from(0)));

    let pushes = house.pushes().len();
    reprint(&house, &sold).await;
    house.stage.rest().await.unwrap();
    assert_eq!(house.pushes().len(), pushes, "a dead token was used again");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_google_says_the_pass_arrives_in_the_end() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let google = house.stage.world.google();
    for status in [503, 500, 429, 409, 404, 401] {
        let calls = google.calls().len();
        google.script([status]);
        reprint(&house, &sold).await;
        let answered = async || google.calls().iter().skip(calls).any(|call| call.status == status);
        until(&format!("Google's {status}"), answered).await;
        // What is mended within the attempt (401, 404) rests already; the others wait for their turn.
        until("the attempt is over", async || failed_effects(&house) == 1 || house.depth().await.effects_waiting == 0)
            .await;
        house.advance(BACKOFF).await;
        house.up_to_date(&sold).await;
        house.stage.rest().await.unwrap();
    }
    google.revoke_tokens();
    reprint(&house, &sold).await;
    house.up_to_date(&sold).await;
    house.stage.rest().await.unwrap();
    assert_eq!(house.depth().await.effects_dead, 0);
    // The iPhone was not concerned by any of it.
    assert!(!house.stage.iphone.log().iter().any(|entry| matches!(entry.event, PhoneEvent::Failed { .. })));
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_google_refuses_as_it_is_is_tried_three_times_and_comes_back_with_the_next_change() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let google = house.stage.world.google();
    let refused = || google.calls().iter().filter(|call| call.status == 400).count();
    google.script([400; 4]);
    reprint(&house, &sold).await;
    for attempt in 1..=3 {
        until("another attempt", async || refused() >= attempt).await;
        until("it is over", async || failed_effects(&house) == 1 || house.depth().await.effects_dead == 1).await;
        house.advance(BACKOFF).await;
    }
    until("it is given up", async || house.depth().await.effects_dead == 1).await;
    assert_eq!(refused(), 3);

    // The fourth is the next change's.
    reprint(&house, &sold).await;
    until("the next change", async || refused() == 4).await;
    house.advance(BACKOFF).await;
    house.up_to_date(&sold).await;
    house.end().await;
}
