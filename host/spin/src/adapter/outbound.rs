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
use http::{Request, StatusCode, Uri};
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
}

impl Outbound {
    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, HttpFailure> {
        let url: Uri = request.url.parse().map_err(|_| HttpFailure::Invalid)?;
        let host = url.host().unwrap_or_default().to_owned();
        if url.authority().is_none_or(|authority| authority.as_str().contains('@')) {
            return Err(HttpFailure::Invalid);
        }
        if url.scheme_str() == Some("http") && !self.plain_http {
            return Err(HttpFailure::Denied);
        }
        let limit = request.response_limit;
        let failed = |code: ErrorCode| {
            let failure = failure(&code);
            // The host's name alone: paths hold push tokens and order tokens.
            tracing::warn!(host, %code, %failure, "no answer");
            failure
        };
        let request = compose(request, url)?;
        let response = client::send(request).await.map_err(failed)?;
        let status = StatusCode::from_u16(response.get_status_code()).map_err(|_| HttpFailure::Unreachable)?;
        let headers = message::headers(&response.get_headers());
        let body = message::answered(response).read(limit).await.map_err(failed)?;
        Ok(HttpResponse { status, headers, body: body.ok_or(HttpFailure::TooLarge)? })
    }
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
