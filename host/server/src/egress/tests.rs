//! What the other side of the socket sees.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, Method, Request, Response, StatusCode, Version, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use passerelle_flow::identity::TenantId;
use passerelle_flow::ports::{ClientIdentity, Http as _, HttpFailure, HttpRequest, HttpResponse, KeyRef};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use self::bodies::{Endless, Silent};
use super::{Egress, Found, Names};
use crate::config::{self, Settings, Tenants};
use crate::private_key::PrivateKey;
use crate::signer::KeySigner;

mod addresses;
mod bodies;
mod hostile;
mod turns;

type Answer = Response<BoxBody<Bytes, Infallible>>;

fn answer(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()).boxed());
    *answer.status_mut() = status;
    answer
}

/// What a receiver saw of a request, beyond the request.
struct Seen {
    request: Request<Incoming>,
    certificate: Option<Vec<u8>>,
}

/// A server on the loopback address; gone when dropped.
struct Receiver {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Receiver {
    async fn start<F>(tls: Option<ServerConfig>, answering: impl Fn(Seen) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let (counted, answering) = (connections.clone(), Arc::new(answering));
        let tls = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let (tls, answering) = (tls.clone(), answering.clone());
                tokio::spawn(async move {
                    let Some(tls) = tls else { return serve(TokioIo::new(stream), None, answering).await };
                    if let Ok(stream) = tls.accept(stream).await {
                        let peer =
                            stream.get_ref().1.peer_certificates().and_then(|chain| Some(chain.first()?.to_vec()));
                        serve(TokioIo::new(stream), peer, answering).await;
                    }
                });
            }
        });
        Self { address, connections, task }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}/path?query", self.address)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve<I, F>(io: I, certificate: Option<Vec<u8>>, answering: Arc<impl Fn(Seen) -> F>)
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let service = service_fn(|request| {
        let answer = answering(Seen { request, certificate: certificate.clone() });
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(io, service).await;
}

/// An authority of its own, a server that it certifies, and a client.
struct Trust {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Trust {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    fn root(&self) -> Vec<u8> {
        self.issuer.der().to_vec()
    }

    fn leaf(&self, purpose: ExtendedKeyUsagePurpose) -> (CertificateDer<'static>, KeyPair) {
        let mut params = CertificateParams::new(["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
        params.extended_key_usages = vec![purpose];
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().der().clone(), key)
    }

    fn server(&self, protocols: &[&str], client_certificate: bool) -> ServerConfig {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder =
            ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
        let builder = if client_certificate {
            let mut roots = RootCertStore::empty();
            roots.add(self.issuer.der().clone()).unwrap();
            builder.with_client_cert_verifier(
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap(),
            )
        } else {
            builder.with_no_client_auth()
        };
        let (certificate, key) = self.leaf(ExtendedKeyUsagePurpose::ServerAuth);
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let mut config = builder.with_single_cert(vec![certificate], key.into()).unwrap();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        config
    }
}

fn egress(settings: &config::Egress) -> Egress {
    egress_of(tenants(), settings)
}

/// None, and no keys but those that a test holds.
fn tenants() -> Tenants {
    Tenants::new(&Settings::parse("passerelle.toml", b"", Path::new("/nonexistent")).unwrap())
}

fn egress_of(tenants: Tenants, settings: &config::Egress) -> Egress {
    Egress::new(settings, Arc::new(KeySigner::new(Arc::new(tenants)))).unwrap()
}

fn open() -> config::Egress {
    config::Egress {
        allow: vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()],
        plain_http: true,
        ..Default::default()
    }
}

fn get(url: impl Into<String>) -> HttpRequest {
    HttpRequest {
        method: Method::GET,
        url: url.into(),
        headers: Vec::new(),
        body: Bytes::new(),
        timeout: Duration::from_secs(30),
        response_limit: 1000,
        identity: None,
        on_behalf_of: None,
    }
}

fn body(response: Result<HttpResponse, HttpFailure>) -> Bytes {
    response.unwrap().body
}

#[tokio::test]
async fn the_inside_of_the_network_is_not_dialled_by_address_or_by_name() {
    let receiver = Receiver::start(None, async |_| answer(StatusCode::OK, "inside")).await;
    let plain = config::Egress { plain_http: true, ..Default::default() };
    let port = receiver.address.port();
    for host in
        ["127.0.0.1", "localhost", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "127.1", "2130706433", "0x7f000001"]
    {
        for scheme in ["http", "https"] {
            let failure = egress(&plain).send(get(format!("{scheme}://{host}:{port}/"))).await.unwrap_err();
            // A number that the system's resolver does not take for an address does not lead anywhere either.
            assert!(matches!(failure, HttpFailure::Denied | HttpFailure::Unreachable), "{scheme} {host}: {failure:?}");
        }
    }
    assert_eq!(egress(&plain).send(get(receiver.url("http"))).await.unwrap_err(), HttpFailure::Denied);
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn what_the_operator_opened_is_called_and_answers() {
    let receiver = Receiver::start(None, async |seen: Seen| {
        assert_eq!(seen.request.headers()[header::AUTHORIZATION], "Bearer token");
        assert_eq!((seen.request.method(), seen.request.uri().path()), (&Method::POST, "/path"));
        answer(StatusCode::CREATED, seen.request.into_body().collect().await.unwrap().to_bytes())
    })
    .await;
    let egress = egress(&open());
    for _ in 0..3 {
        let request = HttpRequest {
            method: Method::POST,
            headers: vec![(header::AUTHORIZATION, "Bearer token".to_owned())],
            body: Bytes::from_static(b"said"),
            ..get(receiver.url("http"))
        };
        let response = egress.send(request).await.unwrap();
        assert_eq!((response.status, &*response.body), (StatusCode::CREATED, &b"said"[..]));
    }
    // One connection, used again.
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn plain_http_is_for_those_who_asked_for_it() {
    let receiver = Receiver::start(None, async |_| answer(StatusCode::OK, "")).await;
    let egress = egress(&config::Egress { plain_http: false, ..open() });
    assert_eq!(egress.send(get(receiver.url("http"))).await.unwrap_err(), HttpFailure::Denied);
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn a_request_that_is_not_one_is_not_sent() {
    let receiver = Receiver::start(None, async |_| answer(StatusCode::OK, "")).await;
    let egress = egress(&open());
    let address = receiver.address;
    for url in [
        format!("http://user:secret@{address}/"),
        format!("ftp://{address}/"),
        format!("{address}/"),
        "http://127.0.0.1:0/".to_owned(),
        "/path".to_owned(),
        "http:///path".to_owned(),
        format!("http://{address}/\r\nx: y"),
        "https://exämple.org/".to_owned(),
        String::new(),
    ] {
        assert_eq!(egress.send(get(&url)).await.unwrap_err(), HttpFailure::Invalid, "{url}");
    }
    let header = (HeaderName::from_static("x-test"), "a\r\nhost: evil".to_owned());
    let request = HttpRequest { headers: vec![header], ..get(receiver.url("http")) };
    assert_eq!(egress.send(request).await.unwrap_err(), HttpFailure::Invalid);
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn a_redirect_is_an_answer_like_any_other() {
    let elsewhere = Receiver::start(None, async |_| answer(StatusCode::OK, "elsewhere")).await;
    let location = elsewhere.url("http");
    let receiver = Receiver::start(None, move |_| {
        let mut answer = answer(StatusCode::FOUND, "");
        answer.headers_mut().insert(header::LOCATION, location.parse().unwrap());
        std::future::ready(answer)
    })
    .await;
    let response = egress(&open()).send(get(receiver.url("http"))).await.unwrap();
    assert_eq!(response.status, StatusCode::FOUND);
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn an_answer_ends_at_its_limit_whether_announced_or_not() {
    let receiver = Receiver::start(None, async |seen: Seen| {
        match seen.request.uri().query().unwrap_or_default() {
            "exact" => answer(StatusCode::OK, vec![b'x'; 1000]),
            "announced" => answer(StatusCode::OK, vec![b'x'; 1001]),
            // Chunks without an end: reading it to the end would never return.
            _ => Response::new(Endless.boxed()),
        }
    })
    .await;
    let egress = egress(&open());
    let ask = |what: &str| egress.send(get(format!("http://{}/?{what}", receiver.address)));
    assert_eq!(body(ask("exact").await).len(), 1000);
    assert_eq!(ask("announced").await.unwrap_err(), HttpFailure::TooLarge);
    assert_eq!(ask("endless").await.unwrap_err(), HttpFailure::TooLarge);
    let head = HttpRequest { method: Method::HEAD, ..get(format!("http://{}/?announced", receiver.address)) };
    assert!(egress.send(head).await.unwrap().body.is_empty());
}

#[tokio::test]
async fn silence_ends_with_the_requests_time() {
    let receiver = Receiver::start(None, async |seen: Seen| {
        if seen.request.uri().query() == Some("nothing") {
            std::future::pending::<()>().await;
        }
        // A head, and then a body that never comes.
        Response::new(Silent.boxed())
    })
    .await;
    let egress = egress(&open());
    for what in ["nothing", "body"] {
        let url = format!("http://{}/?{what}", receiver.address);
        let request = HttpRequest { timeout: Duration::from_millis(100), ..get(url) };
        assert_eq!(egress.send(request).await.unwrap_err(), HttpFailure::TimedOut, "{what}");
    }
    assert_eq!(receiver.connections(), 2);
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(egress(&open()).send(get(url)).await.unwrap_err(), HttpFailure::Unreachable);
}

#[tokio::test]
async fn a_server_is_believed_when_a_root_vouches_for_it() {
    let trust = Trust::new();
    let version = async |seen: Seen| answer(StatusCode::OK, format!("{:?}", seen.request.version()));
    let receiver = Receiver::start(Some(trust.server(&["h2", "http/1.1"], false)), version).await;
    let stranger = egress(&open());
    assert_eq!(stranger.send(get(receiver.url("https"))).await.unwrap_err(), HttpFailure::Unreachable);
    let settings = config::Egress { extra_roots: vec![trust.root()], ..open() };
    assert_eq!(body(egress(&settings).send(get(receiver.url("https"))).await), "HTTP/2.0");

    let old = Receiver::start(Some(trust.server(&["http/1.1"], false)), version).await;
    assert_eq!(body(egress(&settings).send(get(old.url("https"))).await), "HTTP/1.1");
}

#[tokio::test]
async fn a_client_certificate_is_shown_over_one_http2_connection() {
    let trust = Trust::new();
    let (certificate, key) = trust.leaf(ExtendedKeyUsagePurpose::ClientAuth);
    let tenants = tenants();
    let name = |key: &str| {
        let tenant = TenantId::parse("demo").unwrap();
        KeyRef { tenant, reference: format!("file:{key}"), passphrase: None, content: [0; 16] }
    };
    for (key, pair) in [("pass.key", &key), ("other.key", &KeyPair::generate().unwrap())] {
        tenants.hold(name(key), PrivateKey::from_pem(pair.serialize_pem().as_bytes()).unwrap());
    }

    let expected = certificate.to_vec();
    let receiver = Receiver::start(Some(trust.server(&["h2"], true)), move |seen| {
        let known = seen.certificate.as_ref() == Some(&expected) && seen.request.version() == Version::HTTP_2;
        std::future::ready(answer(if known { StatusCode::OK } else { StatusCode::FORBIDDEN }, ""))
    })
    .await;
    let egress = egress_of(tenants, &config::Egress { extra_roots: vec![trust.root()], ..open() });
    let identity = |key: &str| Some(ClientIdentity { chain: vec![certificate.to_vec()], key: name(key) });
    let push = || egress.send(HttpRequest { identity: identity("pass.key"), ..get(receiver.url("https")) });
    let (a, b, c) = tokio::join!(push(), push(), push());
    for response in [a, b, c, push().await] {
        assert_eq!(response.unwrap().status, StatusCode::OK);
    }
    assert_eq!(receiver.connections(), 1);

    // Without it the handshake fails; with a key that is not the certificate's, or none, nothing is dialled; in the clear it is never shown.
    assert_eq!(egress.send(get(receiver.url("https"))).await.unwrap_err(), HttpFailure::Unreachable);
    assert_eq!(receiver.connections(), 2);
    for key in ["other.key", "absent.key"] {
        let request = HttpRequest { identity: identity(key), ..get(receiver.url("https")) };
        assert_eq!(egress.send(request).await.unwrap_err(), HttpFailure::Invalid);
    }
    let plain = HttpRequest { identity: identity("pass.key"), ..get(receiver.url("http")) };
    assert_eq!(egress.send(plain).await.unwrap_err(), HttpFailure::Denied);
    assert_eq!(receiver.connections(), 2);

    let old = Receiver::start(Some(trust.server(&["http/1.1"], true)), async |_| answer(StatusCode::OK, "")).await;
    let request = HttpRequest { identity: identity("pass.key"), ..get(old.url("https")) };
    assert_eq!(egress.send(request).await.unwrap_err(), HttpFailure::Unreachable);
}
