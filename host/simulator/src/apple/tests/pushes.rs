//! Whom the push service serves, and what it answers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::apple::push::PushReply;
use crate::authority::{Identity, parts, provider};
use crate::{Simulator, SimulatorConfig};

pub struct Pushed {
    pub status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl Pushed {
    fn reason(&self) -> &str {
        self.body["reason"].as_str().unwrap_or_default()
    }
}

fn client(world: &Simulator, identity: Option<&Identity>, alpn: &[u8]) -> Arc<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_root_certificates(world.authority().anchors().unwrap());
    let mut config = match identity {
        Some(identity) => {
            let (chain, key) = parts(identity).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![alpn.to_vec()];
    Arc::new(config)
}

/// None: no exchange came about.
pub async fn push(
    world: &Simulator,
    identity: Option<&Identity>,
    token: &str,
    headers: &[(&str, &str)],
    body: &'static str,
) -> Option<Pushed> {
    let url = world.addresses().push;
    let port: u16 = url.rsplit_once(':').unwrap().1.parse().unwrap();
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let config = client(world, identity, b"h2");
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(config).connect(name, stream).await.ok()?;
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.ok()?;
    let driver = tokio::spawn(connection);
    let mut request = Request::builder().method("POST").uri(format!("{url}/3/device/{token}")).version(Version::HTTP_2);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from_static(body.as_bytes()))).unwrap();
    let response = sender.send_request(request).await.ok()?;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.ok()?.to_bytes();
    driver.abort();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Some(Pushed { status: parts.status, headers: parts.headers, body })
}

fn topic(world: &Simulator) -> (&'static str, String) {
    ("apns-topic", world.pass_type().to_owned())
}

#[tokio::test]
async fn a_push_with_the_pass_certificate_wakes_the_phone() {
    let world = Simulator::start(SimulatorConfig::default()).await.unwrap();
    let phone = world.iphone("ada");
    let (name, topic) = topic(&world);
    let headers = [(name, topic.as_str()), ("apns-push-type", "background"), ("apns-priority", "5")];
    let pushed = push(&world, Some(world.pass_certificate()), phone.push_token(), &headers, "{}").await.unwrap();
    assert_eq!(pushed.status, StatusCode::OK);
    assert_eq!(pushed.headers["apns-id"].len(), 36);
    let woken = |event: &crate::PhoneEvent| matches!(event, crate::PhoneEvent::Woken);
    phone.wait_for_event(woken, Duration::from_secs(5)).await.unwrap();
    let records = world.push().records();
    assert_eq!((records.len(), records[0].status), (1, 200));
    assert_eq!(records[0].topic.as_deref(), Some(world.pass_type()));
}

#[tokio::test]
async fn nobody_without_a_certificate_of_the_intermediate_or_a_provider_token_is_served() {
    let world = Simulator::start(SimulatorConfig::default()).await.unwrap();
    let phone = world.iphone("ada");
    let (name, topic) = topic(&world);
    let headers = [(name, topic.as_str())];
    let refused = push(&world, None, phone.push_token(), &headers, "{}").await.unwrap();
    assert_eq!((refused.status.as_u16(), refused.reason()), (403, "MissingProviderToken"));
    let nonsense = [headers[0], ("authorization", "bearer a.b.c")];
    let refused = push(&world, Some(world.pass_certificate()), phone.push_token(), &nonsense, "{}").await.unwrap();
    assert_eq!((refused.status.as_u16(), refused.reason()), (403, "InvalidProviderToken"));
    // One of the same root, but not of the intermediate.
    let server = world.authority().server_identity(&["localhost"]).unwrap();
    assert!(push(&world, Some(&server), phone.push_token(), &headers, "{}").await.is_none());
    assert_eq!(world.push().records().len(), 2, "with another authority's not even a connection comes about");
}

#[tokio::test]
async fn http_1_is_not_spoken() {
    let world = Simulator::start(SimulatorConfig::default()).await.unwrap();
    let port: u16 = world.addresses().push.rsplit_once(':').unwrap().1.parse().unwrap();
    let config = client(&world, Some(world.pass_certificate()), b"http/1.1");
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let connected = TlsConnector::from(config).connect(ServerName::try_from("localhost").unwrap(), stream).await;
    assert!(connected.is_err());
}

#[tokio::test]
async fn each_mistake_has_its_reason() {
    let world = Simulator::start(SimulatorConfig::default()).await.unwrap();
    let phone = world.iphone("ada");
    let token = phone.push_token();
    let (name, topic) = topic(&world);
    let right = (name, topic.as_str());
    let identity = Some(world.pass_certificate());
    let case = async |token: &str, headers: &[(&str, &str)], body: &'static str| {
        let pushed = push(&world, identity, token, headers, body).await.unwrap();
        (pushed.status.as_u16(), pushed.reason().to_owned())
    };
    assert_eq!(case(token, &[], "{}").await, (400, "MissingTopic".to_owned()));
    assert_eq!(case(token, &[("apns-topic", "pass.other")], "{}").await, (400, "TopicDisallowed".to_owned()));
    assert_eq!(case(token, &[right, ("apns-priority", "7")], "{}").await, (400, "BadPriority".to_owned()));
    assert_eq!(case(token, &[right, ("apns-push-type", "voip")], "{}").await, (400, "InvalidPushType".to_owned()));
    assert_eq!(case(token, &[right], "").await, (400, "PayloadEmpty".to_owned()));
    assert_eq!(case(token, &[right], "[]").await, (400, "PayloadEmpty".to_owned()));
    assert_eq!(case("00ff", &[right], "{}").await, (400, "BadDeviceToken".to_owned()));
    assert_eq!(case("", &[right], "{}").await, (404, "BadPath".to_owned()));
    assert!(phone.log().is_empty());
}

#[tokio::test]
async fn a_token_that_is_gone_says_since_when() {
    let world = Simulator::start(SimulatorConfig::default()).await.unwrap();
    let phone = world.iphone("ada");
    let (name, topic) = topic(&world);
    let headers = [(name, topic.as_str())];
    world.push().mark_gone(phone.push_token(), 1_700_000_000_123);
    let pushed = push(&world, Some(world.pass_certificate()), phone.push_token(), &headers, "{}").await.unwrap();
    assert_eq!((pushed.status.as_u16(), pushed.reason()), (410, "Unregistered"));
    assert_eq!(pushed.body["timestamp"], 1_700_000_000_123_i64);
}

#[tokio::test]
async fn an_erased_phone_tells_nobody_and_its_token_is_gone() {
    let world = Simulator::start(SimulatorConfig::default()).await.unwrap();
    let phone = world.iphone("ada");
    let (name, topic) = topic(&world);
    phone.wipe();
    let headers = [(name, topic.as_str())];
    let pushed = push(&world, Some(world.pass_certificate()), phone.push_token(), &headers, "{}");
    assert_eq!(pushed.await.unwrap().status, StatusCode::GONE);
    assert!(phone.log().is_empty());
}

#[tokio::test]
async fn scripted_answers_come_first_and_once() {
    let world = Simulator::start(SimulatorConfig::default()).await.unwrap();
    let phone = world.iphone("ada");
    let (name, topic) = topic(&world);
    let headers = [(name, topic.as_str())];
    world.push().script([PushReply::TooManyRequests, PushReply::ServiceUnavailable, PushReply::Reset]);
    let once = || push(&world, Some(world.pass_certificate()), phone.push_token(), &headers, "{}");
    assert_eq!(once().await.unwrap().status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(once().await.unwrap().status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(once().await.is_none());
    assert_eq!(once().await.unwrap().status, StatusCode::OK);
}
