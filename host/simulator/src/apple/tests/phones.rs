//! A phone against a web service that does what it is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};

use super::pushes::push;
use super::signer::{PASS_TYPE, TEAM, pkpass, ticket};
use crate::apple::phone::AddError;
use crate::listener::{Answer, Listener, Peer, Transport, respond, respond_json, service};
use crate::{AppleConfig, PhoneEvent, Simulator, SimulatorConfig};

const SOON: Duration = Duration::from_secs(10);

#[derive(Default)]
struct Desk {
    /// Serial to package and Last-Modified.
    passes: BTreeMap<String, (Vec<u8>, String)>,
    tag: Value,
    registered: Vec<String>,
    log: Vec<String>,
    /// Answered first, once each.
    failures: Vec<StatusCode>,
}

struct Venue {
    world: Simulator,
    desk: Arc<Mutex<Desk>>,
    listener: Listener,
}

impl Venue {
    async fn open() -> Self {
        let apple = AppleConfig { pass_type: PASS_TYPE.to_owned(), team: TEAM.to_owned(), ..AppleConfig::default() };
        let world = Simulator::start(SimulatorConfig { apple, ..SimulatorConfig::default() }).await.unwrap();
        let desk = Arc::new(Mutex::new(Desk { tag: json!("1"), ..Desk::default() }));
        let answering = service(Arc::clone(&desk), |desk, _: Peer, request| async move {
            Answer::Respond(answer(&mut desk.lock().unwrap(), &request))
        });
        let listener = Listener::start(0, Transport::Plain, answering).await.unwrap();
        Self { world, desk, listener }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.listener.port())
    }

    fn put(&self, serial: &str, second: u32, change: impl FnOnce(&mut Value)) {
        let mut pass = ticket(serial, &self.url());
        change(&mut pass);
        let bytes = pkpass(&pass, self.world.pass_certificate());
        let modified = format!("Sun, 22 Nov 2026 10:00:{second:02} GMT");
        self.desk.lock().unwrap().passes.insert(serial.to_owned(), (bytes, modified));
    }

    fn link(&self, serial: &str) -> String {
        format!("{}/v1/passes/{PASS_TYPE}/{serial}", self.url())
    }
}

fn answer(desk: &mut Desk, request: &Request<Bytes>) -> Response<Bytes> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let method = request.method().as_str();
    let path = request.uri().path().trim_matches('/').to_owned();
    desk.log.push(format!("{method} {}", request.uri().path_and_query().unwrap()));
    let plain = |status| respond(status, "text/plain", "");
    if !desk.failures.is_empty() {
        return plain(desk.failures.remove(0));
    }
    let segments: Vec<&str> = path.split('/').collect();
    let listing = segments.len() == 5 && method == "GET";
    let downloading = segments.get(1) == Some(&"passes");
    if header("authorization").as_deref() != Some("ApplePass 0123456789abcdef")
        && !listing
        && !downloading
        && segments.get(1) != Some(&"log")
    {
        return plain(StatusCode::UNAUTHORIZED);
    }
    match (method, segments.as_slice()) {
        ("POST", ["v1", "devices", _, "registrations", PASS_TYPE, serial]) => {
            let body: Value = serde_json::from_slice(request.body()).unwrap();
            assert_eq!(body["pushToken"].as_str().unwrap().len(), 64);
            desk.registered.push((*serial).to_owned());
            plain(StatusCode::CREATED)
        }
        ("DELETE", ["v1", "devices", _, "registrations", PASS_TYPE, serial]) => {
            desk.registered.retain(|found| found != serial);
            plain(StatusCode::OK)
        }
        ("GET", ["v1", "devices", _, "registrations", PASS_TYPE]) => {
            let since = request.uri().query().and_then(|query| query.strip_prefix("passesUpdatedSince="));
            if since.is_some() && since == desk.tag.as_str() {
                return plain(StatusCode::NO_CONTENT);
            }
            let body = json!({"serialNumbers": desk.registered, "lastUpdated": desk.tag});
            respond_json(StatusCode::OK, &body)
        }
        ("GET", ["v1", "passes", PASS_TYPE, serial]) => {
            let (bytes, modified) = desk.passes.get(*serial).unwrap();
            if header("if-modified-since").as_ref() == Some(modified) {
                return plain(StatusCode::NOT_MODIFIED);
            }
            let mut response = respond(StatusCode::OK, "application/vnd.apple.pkpass", bytes.clone());
            response.headers_mut().insert("last-modified", modified.parse().unwrap());
            response
        }
        ("POST", ["v1", "log"]) => plain(StatusCode::OK),
        _ => plain(StatusCode::NOT_FOUND),
    }
}

#[tokio::test]
async fn a_changed_pass_is_fetched_and_its_banner_shown() {
    let venue = Venue::open().await;
    venue.put("S1", 1, |_| ());
    let phone = venue.world.iphone("ada");
    let shown = phone.add(&venue.link("S1")).await.unwrap();
    assert_eq!((shown.title.as_deref(), shown.barcode.as_deref()), (Some("Carmen"), Some("0850001")));
    assert_eq!(shown.fields["event"].label.as_deref(), Some("Spectacle"));
    assert_eq!(venue.desk.lock().unwrap().registered, ["S1"]);

    venue.put("S1", 2, |pass| {
        pass["eventTicket"]["secondaryFields"][0]["value"] = json!("14");
        pass["voided"] = json!(true);
    });
    phone.refresh().await;
    let shown = phone.wait_until(|pass| pass.voided, SOON).await.unwrap();
    assert_eq!(shown.field("seat"), Some("14"));
    let log = phone.log();
    let PhoneEvent::Replaced { changes, banners, .. } = &log.last().unwrap().event else {
        panic!("{log:?}");
    };
    assert_eq!(banners, &["Nouvelle place : 14"]);
    let changed: Vec<&str> = changes.iter().map(|change| change.key.as_str()).collect();
    assert_eq!(changed, ["seat", "voided"]);
}

#[tokio::test]
async fn a_push_is_enough() {
    let venue = Venue::open().await;
    venue.put("S1", 1, |_| ());
    let phone = venue.world.iphone("ada");
    phone.add(&venue.link("S1")).await.unwrap();
    venue.put("S1", 2, |pass| pass["barcodes"][0]["message"] = json!("0850002"));
    let certificate = Some(venue.world.pass_certificate());
    let pushed = push(&venue.world, certificate, phone.push_token(), &[("apns-topic", PASS_TYPE)], "{}").await;
    assert_eq!(pushed.unwrap().status, StatusCode::OK);
    phone.wait_until(|pass| pass.barcode.as_deref() == Some("0850002"), SOON).await.unwrap();
    let replaced = |event: &PhoneEvent| matches!(event, PhoneEvent::Replaced { .. });
    let entry = phone.wait_for_event(replaced, SOON).await.unwrap();
    assert!(entry.at >= venue.world.push().records()[0].at);
}

#[tokio::test]
async fn the_tag_is_sent_back_as_it_came_and_only_then_is_nothing_new() {
    let venue = Venue::open().await;
    venue.put("S1", 1, |_| ());
    venue.desk.lock().unwrap().tag = json!("seq 7/é");
    let phone = venue.world.iphone("ada");
    phone.add(&venue.link("S1")).await.unwrap();
    phone.refresh().await;
    phone.refresh().await;
    let log = venue.desk.lock().unwrap().log.clone();
    assert!(log.iter().any(|line| line.ends_with("?passesUpdatedSince=seq%207%2F%C3%A9")), "{log:?}");
    let events: Vec<PhoneEvent> = phone.log().into_iter().map(|entry| entry.event).collect();
    assert!(events.contains(&PhoneEvent::NotModified { serial: "S1".to_owned() }));
}

#[tokio::test]
async fn an_integer_tag_is_ignored_as_ios_does() {
    let venue = Venue::open().await;
    venue.put("S1", 1, |_| ());
    venue.desk.lock().unwrap().tag = json!(7);
    let phone = venue.world.iphone("ada");
    phone.add(&venue.link("S1")).await.unwrap();
    venue.put("S1", 2, |pass| pass["voided"] = json!(true));
    phone.refresh().await;
    assert!(!phone.pass("S1").unwrap().voided);
    assert!(matches!(phone.log().last().unwrap().event, PhoneEvent::Failed { step: "list", .. }));
}

#[tokio::test]
async fn what_failed_for_now_is_tried_again_and_a_refusal_is_not() {
    let venue = Venue::open().await;
    venue.put("S1", 1, |_| ());
    let phone = venue.world.iphone("ada");
    phone.add(&venue.link("S1")).await.unwrap();
    venue.put("S1", 2, |pass| pass["voided"] = json!(true));
    venue.desk.lock().unwrap().failures = vec![StatusCode::SERVICE_UNAVAILABLE, StatusCode::BAD_GATEWAY];
    phone.refresh().await;
    assert!(phone.pass("S1").unwrap().voided);
    let before = venue.desk.lock().unwrap().log.len();
    venue.desk.lock().unwrap().failures = vec![StatusCode::UNAUTHORIZED];
    phone.refresh().await;
    assert_eq!(venue.desk.lock().unwrap().log.len(), before + 1);
}

#[tokio::test]
async fn a_new_token_on_an_installed_pass_is_refused_and_complained_of_when_broken() {
    let venue = Venue::open().await;
    venue.put("S1", 1, |_| ());
    let phone = venue.world.iphone("ada");
    phone.add(&venue.link("S1")).await.unwrap();
    venue.put("S1", 2, |pass| pass["authenticationToken"] = json!("fedcba9876543210"));
    phone.refresh().await;
    assert!(matches!(phone.log().last().unwrap().event, PhoneEvent::Failed { step: "update", .. }));
    venue.put("S1", 3, |pass| pass["formatVersion"] = json!(2));
    phone.refresh().await;
    assert_eq!(venue.desk.lock().unwrap().log.last().unwrap(), "POST /v1/log");
}

#[tokio::test]
async fn several_passes_are_kept_apart_and_removal_is_told() {
    let venue = Venue::open().await;
    for serial in ["S1", "S2", "S3"] {
        venue.put(serial, 1, |_| ());
    }
    let (ada, ben) = (venue.world.iphone("ada"), venue.world.iphone("ben"));
    assert_ne!(ada.push_token(), ben.push_token());
    for serial in ["S1", "S2"] {
        ada.add(&venue.link(serial)).await.unwrap();
    }
    ben.add(&venue.link("S3")).await.unwrap();
    assert_eq!((ada.passes().len(), ben.passes().len()), (2, 1));
    assert!(ada.remove("S1").await);
    assert!(!ada.remove("S1").await);
    assert_eq!(venue.desk.lock().unwrap().registered, ["S2", "S3"]);
    // The world hands out the same phone for the same name.
    assert_eq!(venue.world.iphone("ada").passes().len(), 1);
}

#[tokio::test]
async fn a_download_that_is_no_pass_is_refused() {
    let venue = Venue::open().await;
    venue.put("S1", 1, |pass| pass["teamIdentifier"] = json!("TEAM999999"));
    let phone = venue.world.iphone("ada");
    assert!(matches!(phone.add(&venue.link("S1")).await, Err(AddError::Package(_))));
    assert!(matches!(phone.add(&format!("{}/nowhere", venue.url())).await, Err(AddError::Status(401))));
    assert!(matches!(phone.add("ftp://127.0.0.1/").await, Err(AddError::Call(_))));
    assert!(phone.passes().is_empty());
}

#[tokio::test]
async fn waiting_in_vain_ends() {
    let venue = Venue::open().await;
    let limit = Duration::from_millis(20);
    let phone = venue.world.iphone("ada");
    assert_eq!(phone.wait_until(|_| true, limit).await.unwrap_err(), crate::NotSeen(limit));
}
