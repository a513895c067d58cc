//! A socket on the loopback address that serves one function: plain HTTP, HTTPS, or HTTP/2 with a client certificate.
//!
//! Owns sockets, handshakes and the life of connections. Does not own routes or what they answer. Bounded by: the loopback
//! address, [`BODY_LIMIT`] per request, and its own drop, which ends every connection.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// Larger than any pass or file that a demo makes; a guard against a runaway client.
const BODY_LIMIT: usize = 16 << 20;
/// How long calls in progress may go on after a stop.
const GRACE: Duration = Duration::from_secs(1);

#[derive(Debug, thiserror::Error)]
#[error("port {port} of the loopback address cannot be bound: {source}")]
pub struct ListenError {
    port: u16,
    source: std::io::Error,
}

/// What a service makes of a request.
pub(crate) enum Answer {
    Respond(Response<Bytes>),
    /// The connection is closed without an answer.
    HangUp,
}

/// DER of the client's certificate, where one was shown.
#[derive(Clone, Default)]
pub(crate) struct Peer {
    pub certificate: Option<Arc<Vec<u8>>>,
}

pub(crate) type Service =
    Arc<dyn Fn(Peer, Request<Bytes>) -> Pin<Box<dyn Future<Output = Answer> + Send>> + Send + Sync>;

#[derive(Clone)]
pub(crate) enum Transport {
    Plain,
    Tls(Arc<rustls::ServerConfig>),
    Http2WithClientCertificate(Arc<rustls::ServerConfig>),
}

/// Makes a [`Service`] of an async function over shared state.
pub(crate) fn service<S, F, R>(state: S, handle: F) -> Service
where
    S: Clone + Send + Sync + 'static,
    F: Fn(S, Peer, Request<Bytes>) -> R + Send + Sync + 'static,
    R: Future<Output = Answer> + Send + 'static,
{
    Arc::new(move |peer, request| Box::pin(handle(state.clone(), peer, request)))
}

pub(crate) struct Socket {
    inner: TcpListener,
    port: u16,
}

pub(crate) struct Listener {
    port: u16,
    stop: watch::Sender<bool>,
    task: Option<tokio::task::JoinHandle<()>>,
}

impl Listener {
    pub async fn bind(port: u16) -> Result<Socket, ListenError> {
        let error = |source| ListenError { port, source };
        let inner = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await.map_err(error)?;
        let port = inner.local_addr().map_err(error)?.port();
        Ok(Socket { inner, port })
    }

    pub async fn start(port: u16, transport: Transport, service: Service) -> Result<Self, ListenError> {
        Ok(Self::bind(port).await?.serve(transport, service))
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Calls in progress finish; then everything is closed.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        if let Some(task) = self.task.take() {
            let _ = task.await;
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Socket {
    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn serve(self, transport: Transport, service: Service) -> Listener {
        let (stop, stopped) = watch::channel(false);
        let port = self.port;
        let task = tokio::spawn(accept(self.inner, transport, service, stopped));
        Listener { port, stop, task: Some(task) }
    }
}

/// Connections live in the set, so that dropping this future ends them too.
async fn accept(socket: TcpListener, transport: Transport, service: Service, mut stopped: watch::Receiver<bool>) {
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = socket.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(connection(stream, transport.clone(), Arc::clone(&service), graceful.watcher()));
                }
            }
            Some(_) = connections.join_next() => {}
            _ = stopped.wait_for(|stop| *stop) => break,
        }
    }
    drop(socket);
    let _ = tokio::time::timeout(GRACE, graceful.shutdown()).await;
    connections.shutdown().await;
}

async fn connection(stream: TcpStream, transport: Transport, service: Service, watcher: Watcher) {
    let _ = stream.set_nodelay(true);
    let (config, http2_only) = match transport {
        Transport::Plain => return serve(stream, Peer::default(), service, watcher, false).await,
        Transport::Tls(config) => (config, false),
        Transport::Http2WithClientCertificate(config) => (config, true),
    };
    // A failed handshake is the client's business: it sees the alert.
    let Ok(stream) = TlsAcceptor::from(config).accept(stream).await else { return };
    let session = stream.get_ref().1;
    if http2_only && session.alpn_protocol() != Some(b"h2") {
        return;
    }
    let leaf = session.peer_certificates().and_then(<[_]>::first).map(|leaf| Arc::new(leaf.to_vec()));
    serve(stream, Peer { certificate: leaf }, service, watcher, http2_only).await;
}

async fn serve<S>(stream: S, peer: Peer, service: Service, watcher: Watcher, http2_only: bool)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let handler = service_fn(move |request| exchange(Arc::clone(&service), peer.clone(), request));
    let builder = auto::Builder::new(TokioExecutor::new());
    let builder = if http2_only { builder.http2_only() } else { builder };
    let served = watcher.watch(builder.serve_connection(TokioIo::new(stream), handler).into_owned());
    // Broken connections are everyday life here: some switches break them on purpose.
    let _ = served.await;
}

/// The service asked for the connection to be closed.
#[derive(Debug, thiserror::Error)]
#[error("hung up")]
struct HungUp;

async fn exchange(service: Service, peer: Peer, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, HungUp> {
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, BODY_LIMIT).collect().await else {
        return Ok(respond(StatusCode::PAYLOAD_TOO_LARGE, "text/plain", "too large").map(Full::new));
    };
    match service(peer, Request::from_parts(parts, body.to_bytes())).await {
        Answer::Respond(response) => Ok(response.map(Full::new)),
        Answer::HangUp => Err(HungUp),
    }
}

/// A response whose parts are known to be valid.
pub(crate) fn respond(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    response
}

pub(crate) fn respond_json(status: StatusCode, body: &serde_json::Value) -> Response<Bytes> {
    respond(status, "application/json", body.to_string())
}
