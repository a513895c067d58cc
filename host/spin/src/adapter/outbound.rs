//! Outbound HTTP: `wasi:http`, with this program's own limits of time and size.
//!
//! Owns the total time, the size of an answer, and what an error code means to the flow. Does not own which addresses may be called
//! (`allowed_outbound_hosts` and `block_networks` of Spin), nor the client certificate of Apple's push: Spin presents the one that its runtime
//! configuration names for that host (`[[client_tls]]`), so [`HttpRequest::identity`] is not looked at here. Redirects are not followed.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::header::{CONTENT_LENGTH, HeaderValue};
use http::{HeaderMap, Request, StatusCode, Uri};
use passerelle_flow::identity::TenantId;
use passerelle_flow::ports::{Http, HttpFailure, HttpRequest, HttpResponse};
use spin_sdk::http::{FullBody, IntoRequest as _};
use spin_sdk::time::sleep;
use spin_sdk::wasip3::http::client;
use spin_sdk::wasip3::http::types::{self, ErrorCode, RequestOptions};
use spin_sdk::wasip3::http_compat::RequestOptionsExtension;

use super::message;

pub struct Outbound {
    /// Trials only.
    pub plain_http: bool,
}

impl Http for Outbound {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpFailure> {
        // The host's own limits are ten minutes each; this one is the flow's, over all of them.
        let timeout = request.timeout;
        match select(pin!(self.exchange(request)), pin!(sleep(timeout))).await {
            Either::Left((answer, _)) => answer,
            Either::Right(((), _)) => Err(HttpFailure::TimedOut),
        }
    }

    async fn deliver(&self, request: HttpRequest) -> Result<HttpResponse, HttpFailure> {
        let (limit, mut end) = (request.response_limit, pin!(sleep(request.timeout)));
        let response = match select(pin!(self.begin(request)), end.as_mut()).await {
            Either::Left((response, _)) => response?,
            Either::Right(_) => return Err(HttpFailure::TimedOut),
        };
        let (status, headers) = head(&response)?;
        Ok(HttpResponse { status, headers, body: message::answered(response).beginning(limit, end).await })
    }

    /// Which addresses may be called Spin knows, and tells nobody before one is. A literal address is somebody's machine and no receiver's name,
    /// so it is for trials, as plain HTTP is.
    fn vet(&self, url: &str) -> Result<(), HttpFailure> {
        let url: Uri = url.parse().map_err(|_| HttpFailure::Invalid)?;
        let host = url.host().unwrap_or_default().trim_end_matches('.');
        // A name that ends in a number is an address in some spelling.
        let literal = host.starts_with('[')
            || host.rsplit('.').next().is_none_or(|last| last.starts_with(|c: char| c.is_ascii_digit()));
        let trial = url.scheme_str() == Some("http") || literal || host.eq_ignore_ascii_case("localhost");
        if trial && !self.plain_http { Err(HttpFailure::Denied) } else { Ok(()) }
    }
}

/// A request to another component of the application, through its private route: no address is looked up and no wire is used.
pub async fn chained(
    component: &str,
    body: Bytes,
    timeout: Duration,
    limit: usize,
) -> Result<HttpResponse, HttpFailure> {
    let request = HttpRequest {
        method: http::Method::POST,
        url: format!("http://{component}.spin.internal/"),
        headers: vec![(http::header::CONTENT_TYPE, "application/json".to_owned())],
        body,
        timeout,
        response_limit: limit,
        identity: None,
        on_behalf_of: None,
    };
    // Plain, as such requests are; that is nobody's to configure.
    Outbound { plain_http: true }.send(request).await
}

impl Outbound {
    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, HttpFailure> {
        let limit = request.response_limit;
        let whose = Whose::of(&request);
        let response = self.begin(request).await?;
        let (status, headers) = head(&response)?;
        let body = message::answered(response).read(limit).await.map_err(|code| failed(&whose, code))?;
        Ok(HttpResponse { status, headers, body: body.ok_or(HttpFailure::TooLarge)? })
    }

    /// As far as the head of the answer.
    async fn begin(&self, request: HttpRequest) -> Result<types::Response, HttpFailure> {
        let url: Uri = request.url.parse().map_err(|_| HttpFailure::Invalid)?;
        let whose = Whose::of(&request);
        if url.authority().is_none_or(|authority| authority.as_str().contains('@')) {
            return Err(HttpFailure::Invalid);
        }
        if url.scheme_str() == Some("http") && !self.plain_http {
            return Err(HttpFailure::Denied);
        }
        let request = compose(request, url)?;
        client::send(request).await.map_err(|code| failed(&whose, code))
    }
}

fn head(response: &types::Response) -> Result<(StatusCode, HeaderMap), HttpFailure> {
    let status = StatusCode::from_u16(response.get_status_code()).map_err(|_| HttpFailure::Unreachable)?;
    Ok((status, message::headers(&response.get_headers())))
}

/// What the log says of a request.
enum Whose {
    /// The host's name alone: paths hold push tokens and order tokens.
    Host(String),
    /// Not even that: the plugin has chosen it, and may have put a name into it.
    Plugin(TenantId),
}

impl Whose {
    fn of(request: &HttpRequest) -> Self {
        match &request.on_behalf_of {
            Some(tenant) => Self::Plugin(tenant.clone()),
            None => {
                let url = request.url.parse::<Uri>().ok();
                Self::Host(url.and_then(|url| url.host().map(str::to_owned)).unwrap_or_default())
            }
        }
    }
}

fn failed(whose: &Whose, code: ErrorCode) -> HttpFailure {
    let failure = failure(&code);
    match whose {
        Whose::Host(host) => tracing::warn!(host, %code, %failure, "no answer"),
        // Neither the code, which may have words of the other side in it.
        Whose::Plugin(tenant) => tracing::warn!(%tenant, %failure, "no answer to the tenant's plugin"),
    }
    failure
}

fn compose(request: HttpRequest, url: Uri) -> Result<types::Request, HttpFailure> {
    let HttpRequest { method, headers, body, timeout, .. } = request;
    let length = HeaderValue::from(body.len());
    let mut composed = Request::new(FullBody::<Bytes>::new(body));
    *composed.method_mut() = method;
    *composed.uri_mut() = url;
    for (name, value) in headers {
        composed.headers_mut().append(name, HeaderValue::from_str(&value).map_err(|_| HttpFailure::Invalid)?);
    }
    // Without it the body goes out in chunks, which not every web service takes.
    composed.headers_mut().insert(CONTENT_LENGTH, length);
    if let Some(options) = options(timeout) {
        composed.extensions_mut().insert(RequestOptionsExtension(options));
    }
    composed.into_request().map_err(|_| HttpFailure::Invalid)
}

/// The host gives up no later than we do, so that nothing is under way for minutes after we have stopped waiting. A host that has no such
/// limits says so, and ours still holds.
fn options(timeout: Duration) -> Option<RequestOptions> {
    let nanos = Some(u64::try_from(timeout.as_nanos()).ok()?);
    let options = RequestOptions::new();
    options.set_connect_timeout(nanos).ok()?;
    options.set_first_byte_timeout(nanos).ok()?;
    options.set_between_bytes_timeout(nanos).ok()?;
    Some(options)
}

fn failure(code: &ErrorCode) -> HttpFailure {
    match code {
        ErrorCode::HttpRequestDenied | ErrorCode::DestinationIpProhibited => HttpFailure::Denied,
        ErrorCode::DnsTimeout
        | ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::ConnectionWriteTimeout
        | ErrorCode::HttpResponseTimeout => HttpFailure::TimedOut,
        ErrorCode::HttpRequestLengthRequired
        | ErrorCode::HttpRequestBodySize(_)
        | ErrorCode::HttpRequestMethodInvalid
        | ErrorCode::HttpRequestUriInvalid
        | ErrorCode::HttpRequestUriTooLong
        | ErrorCode::HttpRequestHeaderSectionSize(_)
        | ErrorCode::HttpRequestHeaderSize(_)
        | ErrorCode::HttpRequestTrailerSectionSize(_)
        | ErrorCode::HttpRequestTrailerSize(_) => HttpFailure::Invalid,
        ErrorCode::HttpResponseBodySize(_)
        | ErrorCode::HttpResponseHeaderSectionSize(_)
        | ErrorCode::HttpResponseHeaderSize(_)
        | ErrorCode::HttpResponseTrailerSectionSize(_)
        | ErrorCode::HttpResponseTrailerSize(_) => HttpFailure::TooLarge,
        _ => HttpFailure::Unreachable,
    }
}
