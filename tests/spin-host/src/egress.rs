//! The way out of one component: judged by its `allowed_outbound_hosts`, then to itself, to a neighbour, or into the network.
//!
//! A sender of our own, because the one that comes with wasmtime speaks HTTP/1.1 only and trusts one fixed list. HTTP/2 by ALPN; its
//! connections are pooled and multiplexed per host. Each component has a pool of its own: a connection that was opened with one component's
//! client certificate is never lent to another.

mod dial;
mod tls;

use std::error::Error as StdError;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::{Request, Response, Uri};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::{Sleep, sleep, timeout};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::allowed_hosts::{AllowedHosts, SELF, neighbour};
use dial::{DialError, Dialer};
pub use tls::TlsConfigs;

/// Spin's default for connecting, for the first byte and between bytes alike.
const DEFAULT: Duration = Duration::from_secs(600);

/// The other components of the application, as `<component>.spin.internal` reaches them.
pub trait Neighbours: Send + Sync {
    fn call(
        &self,
        component: String,
        request: Request<WasiBody>,
    ) -> Pin<Box<dyn Future<Output = Response<WasiBody>> + Send>>;
}

/// Known only once the server listens.
pub struct Inside {
    pub address: SocketAddr,
    pub neighbours: Arc<dyn Neighbours>,
}

pub struct Egress {
    allowed: AllowedHosts,
    inside: Arc<OnceLock<Inside>>,
    client: Client<Dialer, WasiBody>,
}

impl Egress {
    pub fn new(allowed: AllowedHosts, tls: TlsConfigs, pooling: bool, inside: Arc<OnceLock<Inside>>) -> Self {
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_timer(TokioTimer::new());
        if !pooling {
            builder.pool_max_idle_per_host(0);
        }
        Self { allowed, inside, client: builder.build(Dialer::new(tls)) }
    }

    async fn send(
        self: Arc<Self>,
        mut request: Request<WasiBody>,
        options: RequestOptions,
    ) -> Result<Response<WasiBody>, Error> {
        if !self.allowed.allow(request.uri()) {
            return Err(Error::HttpRequestDenied);
        }
        // The client sets its own from the URI; a neighbour must not be told another.
        request.headers_mut().remove(HOST);
        let inside = self.inside.get().ok_or(Error::ConfigurationError)?;
        if request.uri().host() == Some(SELF) {
            *request.uri_mut() = own(request.uri(), inside.address).ok_or(Error::HttpRequestUriInvalid)?;
        } else if let Some(component) = neighbour(request.uri()) {
            return Ok(inside.neighbours.call(component, request).await);
        }
        let sending = dial::within(options.connect_timeout.unwrap_or(DEFAULT), self.client.request(request));
        let response = timeout(options.first_byte_timeout.unwrap_or(DEFAULT), sending)
            .await
            .map_err(|_| Error::ConnectionReadTimeout)?
            .map_err(|error| translated(&error))?;
        let limit = options.between_bytes_timeout.unwrap_or(DEFAULT);
        Ok(response.map(|body| Unhurried { body, limit, sleep: None }.boxed_unsync()))
    }
}

/// `http://self.alt/path` is this application's own address.
fn own(uri: &Uri, address: SocketAddr) -> Option<Uri> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    Uri::builder().scheme("http").authority(address.to_string()).path_and_query(path).build().ok()
}

/// What a guest is told, which is what Spin tells it.
fn translated(error: &hyper_util::client::legacy::Error) -> Error {
    let mut cause = error.source();
    while let Some(found) = cause {
        if let Some(dial) = found.downcast_ref::<DialError>() {
            return match dial {
                DialError::Uri => Error::HttpRequestUriInvalid,
                DialError::Name(_) => {
                    Error::DnsError { rcode: Some("address not available".to_owned()), info_code: Some(0) }
                }
                DialError::Slow => Error::ConnectionTimeout,
                DialError::Tcp(_) => Error::ConnectionRefused,
                DialError::Tls(_) => Error::TlsProtocolError,
            };
        }
        // The guest's own body broke its promise.
        if let Some(Error::HttpRequestBodySize(size)) = found.downcast_ref::<Error>() {
            return Error::HttpRequestBodySize(*size);
        }
        cause = found.source();
    }
    eprintln!("an outbound request failed: {error:?}");
    Error::HttpProtocolError
}

/// wasmtime's door to it.
pub struct Hooks(Arc<Egress>);

impl Hooks {
    pub fn new(egress: Arc<Egress>) -> Self {
        Self(egress)
    }
}

/// Failures of the connection itself arrive through the body.
type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, Io), Error>> + Send> {
        let sending = Arc::clone(&self.0).send(request, options.unwrap_or_default());
        Box::new(async move { Ok((sending.await?, Box::new(async { Ok(()) }) as Io)) })
    }
}

/// An answer's body, with a bound on the silence between its frames.
struct Unhurried {
    body: hyper::body::Incoming,
    limit: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Body for Unhurried {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.sleep = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Error::Hyper)));
        }
        let limit = self.limit;
        ready!(self.sleep.get_or_insert_with(|| Box::pin(sleep(limit))).as_mut().poll(cx));
        Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
