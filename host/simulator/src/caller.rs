//! The HTTP client of the other side: what an iPhone, an Android phone and SecuTix's notifier call us with.
//!
//! Owns connections and time limits; trusts this world's root for `https`. Does not follow redirects, keep cookies, or retry:
//! those who call decide that. One connection per call, as a phone that was asleep would have.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::authority::{Authority, AuthorityError};

/// From the first byte of the connection to the last of the answer; an iPhone gives up after 30 s or so.
const TIMEOUT: Duration = Duration::from_secs(30);
/// No pass is larger: Wallet refuses far smaller ones.
const ANSWER_LIMIT: usize = 32 << 20;

#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("the address is not an absolute http or https URL")]
    Address,
    #[error("a header is not valid")]
    Header,
    #[error("no connection: {0}")]
    Connect(std::io::Error),
    #[error("the exchange broke off: {0}")]
    Exchange(#[from] hyper::Error),
    #[error("the answer broke off or was too large")]
    Body,
    #[error("no answer in time")]
    TimedOut,
}

pub(crate) struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

#[derive(Clone)]
pub(crate) struct Caller {
    tls: TlsConnector,
}

impl Caller {
    pub fn new(authority: &Authority) -> Result<Self, AuthorityError> {
        Ok(Self { tls: TlsConnector::from(authority.client_tls()?) })
    }

    pub async fn call(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Reply, CallError> {
        let exchange = self.exchange(method, url, headers, body.into());
        tokio::time::timeout(TIMEOUT, exchange).await.map_err(|_| CallError::TimedOut)?
    }

    async fn exchange(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Reply, CallError> {
        let uri: Uri = url.parse().map_err(|_| CallError::Address)?;
        let authority = uri.authority().ok_or(CallError::Address)?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(CallError::Address),
        };
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let mut request = Request::builder().method(method).uri(path).header(http::header::HOST, authority.as_str());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body)).map_err(|_| CallError::Header)?;
        let stream = TcpStream::connect((host.as_str(), port)).await.map_err(CallError::Connect)?;
        let _ = stream.set_nodelay(true);
        if secure {
            let name = ServerName::try_from(host).map_err(|_| CallError::Address)?;
            let stream = self.tls.connect(name, stream).await.map_err(CallError::Connect)?;
            send(stream, request).await
        } else {
            send(stream, request).await
        }
    }
}

async fn send<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Reply, CallError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let driver = AbortOnDrop(tokio::spawn(connection));
    let response = sender.send_request(request).await?;
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, ANSWER_LIMIT).collect().await.map_err(|_| CallError::Body)?.to_bytes();
    drop(driver);
    Ok(Reply { status: parts.status, headers: parts.headers, body })
}

/// The connection is driven for as long as the call lasts, not longer.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
