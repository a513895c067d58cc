//! From a name to a connection: resolved once, every answer judged, the judged address dialled, then TLS.
//!
//! Owns the order of these steps and the time that they may take. A literal address goes the same way as a name.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::names::Names;
use super::policy::{Policy, VettedAddress, vet};

/// For one address: a name may have several, and the next one deserves its chance.
const TCP: Duration = Duration::from_secs(4);
/// For name, TCP and TLS together.
const CONNECT: Duration = Duration::from_secs(10);

/// Why there is no connection. Found again by type in the error of the HTTP client.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    #[error("the URL has no host and port that can be called")]
    Url,
    #[error("plain http is not allowed")]
    Plain,
    #[error(transparent)]
    Forbidden(#[from] super::policy::Forbidden),
    #[error("the name does not resolve")]
    Name(#[source] io::Error),
    #[error("no address of the name answers")]
    Tcp(#[source] io::Error),
    #[error("no TLS connection")]
    Tls(#[source] io::Error),
    #[error("the server does not speak HTTP/2")]
    Protocol,
    #[error("no connection in time")]
    Slow,
}

/// hyper's connector.
#[derive(Clone)]
pub struct Dialer {
    pub policy: Arc<Policy>,
    pub names: Arc<dyn Names>,
    pub tls: Arc<ClientConfig>,
    /// Without HTTP/2 there is nothing to say to the other side.
    pub http2_only: bool,
}

impl tower_service::Service<Uri> for Dialer {
    type Response = Wire;
    type Error = DialError;
    type Future = Pin<Box<dyn Future<Output = Result<Wire, DialError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), DialError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, url: Uri) -> Self::Future {
        let dialer = self.clone();
        Box::pin(
            async move { tokio::time::timeout(CONNECT, dialer.connect(&url)).await.unwrap_or(Err(DialError::Slow)) },
        )
    }
}

impl Dialer {
    async fn connect(&self, url: &Uri) -> Result<Wire, DialError> {
        let encrypted = match url.scheme_str() {
            Some("https") => true,
            Some("http") if self.policy.plain_http => false,
            Some("http") => return Err(DialError::Plain),
            _ => return Err(DialError::Url),
        };
        // An IPv6 literal stands in brackets in a URL and nowhere else.
        let host = url.host().ok_or(DialError::Url)?.trim_start_matches('[').trim_end_matches(']');
        let port = url.port_u16().unwrap_or(if encrypted { 443 } else { 80 });
        let addresses = self.names.look_up(host, port).await.map_err(DialError::Name)?;
        let addresses = vet(addresses, &self.policy)?;
        let stream = dial(&addresses).await?;
        if !encrypted {
            return Ok(Wire::Plain(TokioIo::new(stream)));
        }
        let name = ServerName::try_from(host.to_owned()).map_err(|_| DialError::Url)?;
        let stream = TlsConnector::from(self.tls.clone()).connect(name, stream).await.map_err(DialError::Tls)?;
        if self.http2_only && stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            return Err(DialError::Protocol);
        }
        Ok(Wire::Tls(Box::new(TokioIo::new(stream))))
    }
}

/// One after the other: both families of one provider fail together or not at all, and an unroutable one fails at once.
async fn dial(addresses: &[VettedAddress]) -> Result<TcpStream, DialError> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses {
        match tokio::time::timeout(TCP, TcpStream::connect(address.get())).await {
            Ok(Ok(stream)) => {
                // Requests are written whole: waiting for more to send helps nobody. Failing to say so is no reason to give up.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(DialError::Tcp(last))
}

/// What hyper reads and writes.
pub enum Wire {
    Plain(TokioIo<TcpStream>),
    Tls(Box<TokioIo<TlsStream<TcpStream>>>),
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

impl Connection for Wire {
    fn connected(&self) -> Connected {
        match self {
            Self::Tls(stream) if stream.inner().get_ref().1.alpn_protocol() == Some(b"h2") => {
                Connected::new().negotiated_h2()
            }
            _ => Connected::new(),
        }
    }
}

impl Read for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buf),
        }
    }
}

impl Write for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}
