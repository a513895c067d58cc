//! Guests that mean harm, on a running server: what they did, what the other side saw, and what became of the passes.
//!
//! A guest answers every call with the same; what it answers is made here.

use passerelle_contract::tenant::types::{Fault, Request};
use passerelle_flow::plugin::hook::{Hook, Returned, Turn};
use passerelle_guests::upstream::{Behaviour, Upstream};
use passerelle_guests::{GUESTS, request, returning};
use serde_json::Value;

use super::{Plugged, component};
use crate::house::until;

/// A request to a server.
fn to(upstream: &Upstream, name: &str) -> Request {
    Request { url: upstream.url(), ..request(name) }
}

fn origin(upstream: &Upstream) -> String {
    format!("http://{}", upstream.address)
}

/// A house whose plugin answers an order's change with this, and may call that server.
async fn answering(upstream: &Upstream, returned: &Returned) -> Plugged {
    let plugged = Plugged::without().await;
    let crm = format!("allow = [\"{}\"]", plugged.api.url());
    plugged.configure(&crm, &format!("allow = [\"{}\"]", origin(upstream))).await;
    plugged.install(&returning(Hook::OnOrderChanged, returned)).await;
    plugged
}

fn says(text: &str) -> Behaviour {
    Behaviour::Says(text.as_bytes().to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_that_is_longer_than_an_answer_may_be_is_an_error_all_the_same() {
    let head = b"HTTP/1.1 500 Internal Server Error\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let chunk = [b"10000\r\n".to_vec(), vec![b'x'; 65_536], b"\r\n".to_vec()].concat();
    let upstream = Upstream::start("127.0.0.1", Behaviour::Endless { head, again: chunk }).await;
    let plugged = answering(&upstream, &Ok(Turn::Deliver(vec![to(&upstream, "event")]))).await;
    plugged.sell("FLUTE").await;
    until("it waits for its next attempt", async || {
        let waiting = plugged.deliveries("waiting").await;
        waiting.iter().any(|it| it["error"] == "request event: HTTP 500")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_traps_open_the_breaker_passes_go_on_without_it_and_a_build_that_works_is_told_all_of_it() {
    let plugged = Plugged::without().await;
    let traps = GUESTS.iter().find(|guest| guest.name == "traps-in-start").unwrap();
    plugged.install(&traps.component()).await;
    for _ in 0..4 {
        let (file, _) = plugged.sell("FLUTE").await;
        assert_eq!(plugged.pass(file).await["passType"], "event-ticket", "the default goes on");
    }
    let server = plugged.house.stage.server().unwrap();
    let open = server.flow.plugins.breakers.open(passerelle_flow::ports::Clock::now(&*server.clock));
    assert_eq!(open.len(), 1, "{open:?}");
    // Another build begins anew, and nothing of before keeps it from what it is told.
    plugged.install(&component("crm-rust")).await;
    plugged.sell("FLUTE").await;
    assert_eq!(plugged.told("created").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_keeps_the_template_that_a_plugin_chose_for_it_when_the_next_build_of_the_plugin_fails() {
    let plugged = Plugged::new().await;
    let (file, movement) = plugged.sell(super::SPECIAL).await;
    assert_eq!(plugged.pass(file).await["passType"], passerelle_server::example::PLUGIN_TEMPLATE);
    let traps = GUESTS.iter().find(|guest| guest.name == "traps-in-start").unwrap();
    plugged.install(&traps.component()).await;
    let origin = passerelle_simulator::Origin::TicketShop;
    let secutix = plugged.house.stage.world.secutix();
    secutix.reprint(movement.parse().unwrap(), origin).await.unwrap();
    plugged.house.stage.rest().await.unwrap();
    let pass = plugged.pass(file).await;
    assert_eq!(pass["passType"], passerelle_server::example::PLUGIN_TEMPLATE, "it is down, not of another mind");
    let (new, _) = plugged.sell(super::SPECIAL).await;
    assert_eq!(plugged.pass(new).await["passType"], "event-ticket", "a new one gets the default");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_gets_no_more_requests_a_minute_than_its_tenant_allows_and_the_rest_goes_out_later() {
    let taken = says("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
    let upstream = Upstream::start("127.0.0.1", taken).await;
    let plugged = answering(&upstream, &Ok(Turn::Deliver(vec![to(&upstream, "one"), to(&upstream, "two")]))).await;
    plugged.configure("[plugin]\n", "[plugin]\nlimits.requests_per_minute = 3\n").await;
    plugged.sell("FLUTE").await;
    until("the first event is told", async || {
        upstream.connections() >= 1 && plugged.deliveries("delivered").await.len() == 1
    })
    .await;
    plugged.sell("FLUTE").await;
    until("the second one waits for its turn", async || {
        let waiting = plugged.deliveries("waiting").await;
        waiting.iter().any(|it| it["error"] == "as many requests as the destination may get were sent")
    })
    .await;
    plugged.settled().await;
    plugged.house.advance(60_000).await;
    until("the second event is told", async || plugged.deliveries("delivered").await.len() == 2).await;
    assert_eq!(upstream.connections(), 4, "each request once");
}

#[tokio::test(flavor = "multi_thread")]
async fn words_that_would_name_somebody_reach_neither_the_list_nor_the_store() {
    let upstream = Upstream::start("127.0.0.1", says("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n")).await;
    let plugged = answering(&upstream, &Ok(Turn::Deliver(vec![]))).await;
    // SecuTix gives out movements in a row, so what the plugin will be told is known before.
    let (_, before) = plugged.sell("FLUTE").await;
    let next: Vec<String> = (1..50).map(|after| (before.parse::<i64>().unwrap() + after).to_string()).collect();
    plugged.install(&returning(Hook::OnOrderChanged, &Err(Fault::Reject(format!("no {}", next.join(" ")))))).await;
    plugged.sell("FLUTE").await;
    let dead = plugged.dead().await;
    let error = dead[0]["error"].as_str().unwrap().to_owned();
    assert!(error.starts_with("on-order-changed rejects it: (its words hold something"), "{error}");

    let named = next.iter().take(16).map(|movement| to(&upstream, movement)).collect();
    plugged.install(&returning(Hook::OnOrderChanged, &Ok(Turn::Deliver(named)))).await;
    let (_, movement) = plugged.sell("FLUTE").await;
    assert!(next.contains(&movement), "{movement}");
    until("the first request has failed", async || {
        let waiting = plugged.deliveries("waiting").await;
        waiting.iter().any(|it| it["error"].as_str().is_some_and(|error| error.contains("HTTP 500")))
    })
    .await;
    let stored = |text: &str| {
        let files = std::fs::read_dir(plugged.house.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let files = files.filter(|file| file.to_string_lossy().contains("sqlite"));
        files
            .map(|file| std::fs::read(file).unwrap())
            .any(|bytes| bytes.windows(text.len()).any(|it| it == text.as_bytes()))
    };
    assert!(stored("request "), "the positive control");
    // Movements of passes are what the store knows them by; others of the plugin's words are not.
    let never_sold = next.iter().find(|name| name.parse::<i64>().unwrap() > movement.parse::<i64>().unwrap()).unwrap();
    assert!(!stored(never_sold), "{never_sold} is the name of a request");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_whose_hook_is_gone_with_a_new_build_is_left_to_a_person_and_not_taken_for_told() {
    let upstream = Upstream::start("127.0.0.1", says("HTTP/1.1 503 Later\r\ncontent-length: 0\r\n\r\n")).await;
    let wanted = Ok(Turn::Deliver(vec![to(&upstream, "event")]));
    let plugged = answering(&upstream, &Err(Fault::Retry)).await;
    plugged.sell("FLUTE").await;
    until("it is to be told later", async || {
        plugged
            .deliveries("waiting")
            .await
            .iter()
            .any(|it| it["error"].as_str().is_some_and(|text| text.contains("later")))
    })
    .await;
    plugged.settled().await;
    plugged.install(&returning(Hook::OnPassInstalled, &wanted)).await;
    plugged.house.advance(crate::house::BACKOFF).await;
    let dead = plugged.dead().await;
    assert_eq!(dead[0]["error"], "the plugin has no on-order-changed any more", "{dead:?}");
    assert_eq!(upstream.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_of_a_token_that_is_refused_every_time_ends_at_its_own_limit() {
    let plugged = Plugged::new().await;
    let unauthorized = passerelle_simulator::Behaviour::Status { status: 401, retry_after: None };
    plugged.api.behave(passerelle_simulator::ApiRoute::WalletEvents, unauthorized);
    for _ in 0..12 {
        plugged.sell("FLUTE").await;
    }
    let waits = |it: &Value| {
        it["error"].as_str().is_some_and(|error| error.contains("as many requests") || error.contains("401"))
    };
    until("all of them wait", async || plugged.deliveries("waiting").await.iter().filter(|it| waits(it)).count() == 12)
        .await;
    assert!(plugged.api.issued().len() <= 6, "{}", plugged.api.issued().len());
}
