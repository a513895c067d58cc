//! Checks of what plugins want sent.

use passerelle_flow::hooks::endpoint::ID;

use super::webhooks::{QUOTA, ended, endpoint, happened};
use super::*;

checks! {
    a_decision_to_send_nothing_is_one,
    requests_are_kept_in_their_order_and_one_that_was_sent_keeps_nothing_of_what_it_said,
    only_the_holder_of_the_deliverys_lease_writes_them,
    a_delivery_that_is_wanted_again_forgets_what_was_not_sent_and_all_of_it_after_it_was_delivered,
    they_go_with_the_delivery_that_they_are_of,
}

async fn lease<E: Engine>(engine: &E, now: Millis) -> DeliveryLease {
    let mut leases = engine.store().claim_deliveries(now, now + LEASE, QUOTA).await.unwrap();
    assert_eq!(leases.len(), 1);
    leases.remove(0)
}

/// An event for the plugin, leased.
async fn told<E: Engine>(engine: &E, now: Millis) -> DeliveryLease {
    let made = engine.store().create_webhook(&opera(), endpoint(ID, &["Pass:Created"]), 17, 0).await.unwrap();
    assert_eq!(made, WebhookMade::Made);
    happened(engine, 0, now, &[("h1", HappeningKind::PassCreated)]).await;
    lease(engine, now).await
}

fn wanted(names: &[&str]) -> Vec<PluginRequestWrite> {
    let write = |(position, name): (i64, &&str)| PluginRequestWrite {
        name: (*name).to_owned(),
        position,
        sealed: format!("sealed {name}").into_bytes(),
    };
    (0..).zip(names).map(write).collect()
}

async fn kept<E: Engine>(engine: &E) -> Vec<(String, bool, Option<u16>)> {
    let kept = engine.store().plugin_requests(&opera(), "h1").await.unwrap().requests;
    assert!(kept.iter().all(|request| request.sealed.is_none() == request.sent_at.is_some()));
    kept.into_iter().map(|request| (request.name, request.sent_at.is_some(), request.status)).collect()
}

async fn decided<E: Engine>(engine: &E) -> bool {
    engine.store().plugin_requests(&opera(), "h1").await.unwrap().decided
}

fn row(name: &str, sent: Option<u16>) -> (String, bool, Option<u16>) {
    (name.to_owned(), sent.is_some(), sent)
}

pub async fn requests_are_kept_in_their_order_and_one_that_was_sent_keeps_nothing_of_what_it_said<E: Engine>(
    engine: &E,
) {
    let lease = told(engine, 10).await;
    let (store, token) = (engine.store(), lease.lease_token);
    assert!(store.keep_plugin_requests(&opera(), "h1", token, wanted(&["b", "a"]), 11).await.unwrap());
    assert_eq!(kept(engine).await, [row("b", None), row("a", None)]);
    assert!(store.plugin_request_sent(&opera(), "h1", token, ("b", 204), 12).await.unwrap());
    assert_eq!(kept(engine).await, [row("b", Some(204)), row("a", None)]);
    assert!(decided(engine).await);
    assert_eq!(store.plugin_requests(&opera(), "h2").await.unwrap(), PluginRequests::default());
}

pub async fn only_the_holder_of_the_deliverys_lease_writes_them<E: Engine>(engine: &E) {
    let lost = told(engine, 10).await;
    let held = lease(engine, 10 + LEASE).await;
    let store = engine.store();
    assert!(!store.keep_plugin_requests(&opera(), "h1", lost.lease_token, wanted(&["a"]), 11).await.unwrap());
    assert!(kept(engine).await.is_empty());
    assert!(store.keep_plugin_requests(&opera(), "h1", held.lease_token, wanted(&["a"]), 11).await.unwrap());
    assert!(!store.plugin_request_sent(&opera(), "h1", lost.lease_token, ("a", 200), 12).await.unwrap());
    assert_eq!(kept(engine).await, [row("a", None)]);
    store.finish_delivery(ended(&held, DeliveryEnd::Delivered, 13)).await.unwrap();
    assert!(!store.plugin_request_sent(&opera(), "h1", held.lease_token, ("a", 200), 14).await.unwrap());
}

pub async fn a_delivery_that_is_wanted_again_forgets_what_was_not_sent_and_all_of_it_after_it_was_delivered<
    E: Engine,
>(
    engine: &E,
) {
    let first = told(engine, 10).await;
    let store = engine.store();
    store.keep_plugin_requests(&opera(), "h1", first.lease_token, wanted(&["a", "b"]), 11).await.unwrap();
    store.plugin_request_sent(&opera(), "h1", first.lease_token, ("a", 200), 12).await.unwrap();
    let given_up = DeliveryEnd::Dead { pause: 12, error: "HTTP 500".to_owned() };
    store.finish_delivery(ended(&first, given_up, 12)).await.unwrap();
    assert_eq!(store.replay_delivery(&opera(), ID, "h1", 20).await.unwrap(), Replayed::Wanted);
    assert_eq!(kept(engine).await, [row("a", Some(200))], "what was sent is known, so that it is not sent twice");
    assert!(!decided(engine).await, "and its hook decides anew");
    let second = lease(engine, 20).await;
    store.finish_delivery(ended(&second, DeliveryEnd::Delivered, 21)).await.unwrap();
    assert_eq!(store.replay_delivery(&opera(), ID, "h1", 30).await.unwrap(), Replayed::Wanted);
    assert!(kept(engine).await.is_empty(), "a person wants all of it again");
}

pub async fn they_go_with_the_delivery_that_they_are_of<E: Engine>(engine: &E) {
    let lease = told(engine, 10).await;
    let store = engine.store();
    store.keep_plugin_requests(&opera(), "h1", lease.lease_token, wanted(&["a"]), 11).await.unwrap();
    let erasure =
        |before| Erasure { now: before, notifications_before: before, runs_before: 0, changes_before: 0, batch: 100 };
    store.erase(erasure(1_000)).await.unwrap();
    assert_eq!(kept(engine).await, [row("a", None)], "somebody is to be told yet");
    store.finish_delivery(ended(&lease, DeliveryEnd::Delivered, 1_000)).await.unwrap();
    store.erase(erasure(2_000)).await.unwrap();
    assert!(kept(engine).await.is_empty());
}

pub async fn a_decision_to_send_nothing_is_one<E: Engine>(engine: &E) {
    let lease = told(engine, 10).await;
    assert!(!decided(engine).await);
    assert!(engine.store().keep_plugin_requests(&opera(), "h1", lease.lease_token, vec![], 11).await.unwrap());
    assert!(decided(engine).await && kept(engine).await.is_empty());
}
