//! From a URI to a connection: name, TCP, and TLS where the scheme says so.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::tls::TlsConfigs;

/// Found again by type in the error of the HTTP client.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    #[error("the URI has no host that can be called")]
    Uri,
    #[error("the name does not resolve")]
    Name(#[source] io::Error),
    #[error("no connection in time")]
    Slow,
    #[error("no address of the name answers")]
    Tcp(#[source] io::Error),
    #[error("no TLS connection")]
    Tls(#[source] io::Error),
}

tokio::task_local! {
    /// hyper's client has no other way to say per request how long its connector may take.
    static LIMIT: Duration;
}

/// Runs a request whose connection, if it needs a new one, must come about within `limit`.
pub fn within<F: Future>(limit: Duration, request: F) -> impl Future<Output = F::Output> {
    LIMIT.scope(limit, request)
}

/// hyper's connector.
#[derive(Clone)]
pub struct Dialer {
    tls: TlsConfigs,
}

impl Dialer {
    pub fn new(tls: TlsConfigs) -> Self {
        Self { tls }
    }

    async fn dial(self, uri: Uri, limit: Duration) -> Result<Link, DialError> {
        let secure = uri.scheme_str() == Some("https");
        let host = uri.host().ok_or(DialError::Uri)?;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let addresses: Vec<_> = tokio::net::lookup_host((bare, port)).await.map_err(DialError::Name)?.collect();
        let tcp = tokio::time::timeout(limit, TcpStream::connect(addresses.as_slice()))
            .await
            .map_err(|_| DialError::Slow)?
            .map_err(DialError::Tcp)?;
        tcp.set_nodelay(true).map_err(DialError::Tcp)?;
        if !secure {
            return Ok(Link::Plain(TokioIo::new(tcp)));
        }
        let name = ServerName::try_from(bare.to_owned()).map_err(|_| DialError::Uri)?;
        let stream = TlsConnector::from(self.tls.of(bare)).connect(name, tcp).await;
        let stream = stream.inspect_err(|error| eprintln!("no TLS connection to {bare}: {error}"));
        Ok(Link::Tls(TokioIo::new(Box::new(stream.map_err(DialError::Tls)?))))
    }
}

impl tower_service::Service<Uri> for Dialer {
    type Response = Link;
    type Error = DialError;
    type Future = Pin<Box<dyn Future<Output = Result<Link, DialError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), DialError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        // Taken now: the client may finish the dialling on a task of its own.
        let limit = LIMIT.try_with(|limit| *limit).unwrap_or(super::DEFAULT);
        Box::pin(self.clone().dial(uri, limit))
    }
}

pub enum Link {
    Plain(TokioIo<TcpStream>),
    Tls(TokioIo<Box<TlsStream<TcpStream>>>),
}

impl Connection for Link {
    fn connected(&self) -> Connected {
        match self {
            Self::Tls(stream) if stream.inner().get_ref().1.alpn_protocol() == Some(b"h2") => {
                Connected::new().negotiated_h2()
            }
            _ => Connected::new(),
        }
    }
}

impl Read for Link {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl Write for Link {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
