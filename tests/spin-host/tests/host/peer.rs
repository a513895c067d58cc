//! The other side of outbound requests: a server that remembers what it saw, and that can keep an answer back.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, Version};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::app::LIMIT;

/// What arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    pub path: String,
    pub headers: HeaderMap,
    pub version: Version,
    /// Which of the peer's connections, counted from zero.
    pub connection: usize,
    pub certificate: bool,
}

pub struct Peer {
    pub address: SocketAddr,
    state: Arc<State>,
}

struct State {
    seen: Mutex<Vec<Seen>>,
    /// How many requests below `/gate` are being kept back.
    waiting: watch::Sender<usize>,
    open: watch::Sender<bool>,
}

impl Peer {
    pub async fn plain() -> Self {
        Self::listen(None).await
    }

    /// HTTP/2 or HTTP/1.1 by ALPN. With `client_authority` it asks for a certificate and insists.
    pub async fn secure(authority: &Authority, client_authority: Option<&Authority>) -> Self {
        Self::listen(Some(authority.acceptor(client_authority))).await
    }

    async fn listen(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state =
            Arc::new(State { seen: Mutex::default(), waiting: watch::Sender::new(0), open: watch::Sender::new(false) });
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            for connection in 0.. {
                let Ok((tcp, _)) = listener.accept().await else { return };
                let (state, tls) = (Arc::clone(&shared), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(state, tcp, connection, false).await,
                        Some(tls) => {
                            let Ok(stream) = tls.accept(tcp).await else { return };
                            let certificate = stream.get_ref().1.peer_certificates().is_some();
                            serve(state, stream, connection, certificate).await;
                        }
                    }
                });
            }
        });
        Self { address, state }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().unwrap().clone()
    }

    /// Until that many requests are being kept back.
    pub async fn keeps(&self, count: usize) {
        let mut waiting = self.state.waiting.subscribe();
        let reached = tokio::time::timeout(LIMIT, waiting.wait_for(|waiting| *waiting == count)).await;
        assert!(reached.is_ok(), "{count} requests never waited; {} did", *self.state.waiting.borrow());
    }

    /// Lets them go, and all that come later.
    pub fn open(&self) {
        self.state.open.send_replace(true);
    }
}

async fn serve(
    state: Arc<State>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    connection: usize,
    certificate: bool,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let state = Arc::clone(&state);
        async move {
            let path = request.uri().path().to_owned();
            state.seen.lock().unwrap().push(Seen {
                path: path.clone(),
                headers: request.headers().clone(),
                version: request.version(),
                connection,
                certificate,
            });
            if path.starts_with("/gate") {
                state.waiting.send_modify(|waiting| *waiting += 1);
                _ = state.open.subscribe().wait_for(|open| *open).await;
                state.waiting.send_modify(|waiting| *waiting -= 1);
            }
            Ok::<_, std::convert::Infallible>(Response::new(Full::new(Bytes::from(format!("peer {path}")))))
        }
    });
    _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
}

/// A certificate authority that nobody knows.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// `roots.pem`, `client.pem`, `client.key` for a runtime configuration in this folder.
    pub fn write(&self, folder: &Path) {
        std::fs::write(folder.join("roots.pem"), self.0.pem()).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["client".to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
        std::fs::write(folder.join("client.pem"), certificate.pem()).unwrap();
        std::fs::write(folder.join("client.key"), key.serialize_pem()).unwrap();
    }

    fn acceptor(&self, client_authority: Option<&Self>) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match client_authority {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.0.der().clone()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
                builder.with_client_cert_verifier(verifier)
            }
        };
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }
}
