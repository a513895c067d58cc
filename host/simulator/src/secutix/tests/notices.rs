//! How changes are told to a listener.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};

use super::Partner;
use crate::listener::{Answer, Listener, Peer, Transport, respond_json, service};
use crate::secutix::model::{Holder, Origin};
use crate::secutix::notifier::{Delivery, Notice};
use crate::{FIRST_PERFORMANCE, Institution, InstitutionConfig, Simulator, SimulatorConfig};

/// What a connector heard, and what it answers.
#[derive(Default)]
struct Ear {
    heard: Vec<Value>,
    failures: usize,
}

async fn listen(secutix: &Institution) -> (Arc<Mutex<Ear>>, Listener) {
    let ear = Arc::new(Mutex::new(Ear::default()));
    let answering = service(Arc::clone(&ear), |ear, _: Peer, request| async move {
        let mut ear = ear.lock().unwrap();
        assert_eq!(request.headers()["content-type"], "application/json");
        if ear.failures > 0 {
            ear.failures -= 1;
            return Answer::Respond(respond_json(StatusCode::SERVICE_UNAVAILABLE, &json!({})));
        }
        ear.heard.push(serde_json::from_slice(request.body()).unwrap());
        Answer::Respond(respond_json(StatusCode::OK, &json!({"correlationId": format!("c-{}", ear.heard.len())})))
    });
    let listener = Listener::start(0, Transport::Plain, answering).await.unwrap();
    secutix.listen_at(&format!("http://127.0.0.1:{}/api/demo/webhooks/listeners/secutix/orders", listener.port()));
    (ear, listener)
}

fn states(ear: &Mutex<Ear>) -> Vec<String> {
    ear.lock().unwrap().heard.iter().map(|body| body["state"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_sale_is_told_at_once_with_the_five_fields() {
    let partner = Partner::meet().await;
    let (ear, _listener) = listen(partner.secutix()).await;
    let holders = vec![Holder::new("Ada", "L"), Holder::new("Ben", "L")];
    let sale = partner.secutix().sell_family("CARMEN", holders, Origin::TicketShop).await.unwrap();
    assert_eq!(sale.receipts.len(), 2);
    assert!(sale.receipts.iter().all(crate::Receipt::accepted));
    assert_eq!(sale.receipts[1].correlation.as_deref(), Some("c-2"));
    let heard = ear.lock().unwrap().heard.clone();
    let ids = &sale.after[0];
    assert_eq!(heard[0].as_object().unwrap().len(), 5);
    assert_eq!(heard[0]["ticketId"], json!(ids.ticket));
    assert_eq!(heard[0]["saleMovementId"], json!(ids.movement));
    assert_eq!(heard[0]["orderSecretToken"], json!(ids.order_secret));
    assert_eq!(heard[0]["state"], "PAID");
    assert!(heard[0]["lastUpdate"].is_string());
}

#[tokio::test]
async fn a_burst_is_so_many_equal_notices() {
    let partner = Partner::meet().await;
    let (ear, _listener) = listen(partner.secutix()).await;
    partner.secutix().set_delivery(Delivery::burst(7));
    let sale = partner.secutix().sell_single("CARMEN", Holder::new("Ada", "L"), Origin::TicketShop).await.unwrap();
    let heard = ear.lock().unwrap().heard.clone();
    assert_eq!((heard.len(), sale.receipts.len()), (7, 7));
    assert!(heard.iter().all(|body| body == &heard[0]));
}

#[tokio::test]
async fn a_batch_waits_for_its_flush_and_may_come_in_reverse() {
    let partner = Partner::meet().await;
    let secutix = partner.secutix();
    let (ear, _listener) = listen(secutix).await;
    secutix.set_delivery(Delivery { reversed: true, ..Delivery::batched() });
    let sale = secutix.sell_single("CARMEN", Holder::new("Ada", "L"), Origin::TicketShop).await.unwrap();
    secutix.exchange(sale.movement().unwrap(), FIRST_PERFORMANCE + 1, Origin::TicketShop).await.unwrap();
    assert_eq!((secutix.waiting_notices(), states(&ear).len()), (3, 0));
    let receipts = secutix.flush_batch().await;
    assert_eq!(receipts.len(), 3);
    assert_eq!(states(&ear), ["PAID", "CANCELLED", "PAID"]);
    let first = ear.lock().unwrap().heard[0]["orderSecretToken"].clone();
    assert_ne!(first, json!(sale.order_secret.unwrap()));
    assert!(secutix.flush_batch().await.is_empty());
}

#[tokio::test]
async fn a_batch_goes_out_by_itself_when_its_time_has_come() {
    let (heard, mut hearing) = tokio::sync::mpsc::unbounded_channel();
    let answering = service(heard, |heard, _: Peer, request| async move {
        heard.send(request.into_body()).unwrap();
        Answer::Respond(respond_json(StatusCode::OK, &json!({})))
    });
    let listener = Listener::start(0, Transport::Plain, answering).await.unwrap();
    let institution = InstitutionConfig {
        batch_interval: Some(Duration::from_millis(5)),
        listener: Some(format!("http://127.0.0.1:{}/", listener.port())),
        ..InstitutionConfig::default()
    };
    let world = Simulator::start(SimulatorConfig { institution, ..SimulatorConfig::default() }).await.unwrap();
    let sale = world.secutix().sell_single("CARMEN", Holder::new("Ada", "L"), Origin::TicketShop).await.unwrap();
    assert!(sale.receipts.is_empty());
    let body: Value = serde_json::from_slice(&hearing.recv().await.unwrap()).unwrap();
    assert_eq!(body["saleMovementId"], json!(sale.movement().unwrap()));
}

#[tokio::test]
async fn a_listener_that_fails_is_tried_again_and_one_that_is_not_there_is_reported() {
    let partner = Partner::meet().await;
    let secutix = partner.secutix();
    let (ear, listener) = listen(secutix).await;
    let patient = Delivery { attempts: 3, backoff: Duration::from_millis(1), ..Delivery::default() };
    secutix.set_delivery(patient);
    ear.lock().unwrap().failures = 2;
    let receipt = secutix.notify(Notice::of_order("MODIFIED", "abc")).await;
    assert_eq!((receipt.status, receipt.attempts), (Some(200), 3));
    ear.lock().unwrap().failures = 3;
    let receipt = secutix.notify(Notice::of_order("MODIFIED", "abc")).await;
    assert_eq!((receipt.status, receipt.attempts), (Some(503), 3));
    listener.stop().await;
    let receipt = secutix.notify(Notice::of_order("MODIFIED", "abc")).await;
    assert_eq!((receipt.status, receipt.attempts), (None, 3));
}

#[tokio::test]
async fn silence_is_kept_and_by_hand_anything_goes() {
    let partner = Partner::meet().await;
    let secutix = partner.secutix();
    let (ear, _listener) = listen(secutix).await;
    secutix.set_delivery(Delivery::silent());
    let sale = secutix.sell_single("CARMEN", Holder::new("Ada", "L"), Origin::TicketShop).await.unwrap();
    assert!(sale.receipts.is_empty() && states(&ear).is_empty());
    let notice = Notice { state: "TELEPORTED".to_owned(), ..sale.notices[0].clone() };
    secutix.notify(notice).await;
    assert_eq!(states(&ear), ["TELEPORTED"]);
}
