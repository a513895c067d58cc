//! HTTP messages between WASI's form and the flow's.
//!
//! Owns the reading of a body up to a limit, and the writing of an answer. The SDK's conversions are not used on the way in: they give up on a
//! header that they cannot read, and the caller would get an empty 500 instead of a problem.

use std::future::Future;
use std::pin::pin;

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use spin_sdk::wasip3::http::types::{self, ErrorCode, Fields, Trailers};
use spin_sdk::wasip3::{spawn, wit_future, wit_stream};
use spin_sdk::wit_bindgen::{FutureReader, FutureWriter, StreamReader, StreamResult};

/// Bytes that are asked for at once. An answer of SecuTix is up to some megabytes, a notification 200 bytes.
const CHUNK: usize = 32 * 1024;

/// A request, its body still to be read.
pub struct Incoming {
    pub method: Method,
    /// As it was sent; may be no path at all.
    pub target: String,
    pub headers: HeaderMap,
    pub body: Body,
}

/// A body on its way. `_received` tells the other side how reading went, and must live as long as it is read.
pub struct Body {
    stream: StreamReader<u8>,
    end: FutureReader<Result<Option<Trailers>, ErrorCode>>,
    _received: FutureWriter<Result<(), ErrorCode>>,
}

pub fn incoming(request: types::Request) -> Incoming {
    // A method that no library knows is one that no route takes.
    let method = Method::try_from(request.get_method()).unwrap_or(Method::TRACE);
    let target = request.get_path_with_query().unwrap_or_default();
    let headers = headers(&request.get_headers());
    let (received, reader) = wit_future::new(|| Ok(()));
    let (stream, end) = types::Request::consume_body(request, reader);
    Incoming { method, target, headers, body: Body { stream, end, _received: received } }
}

/// The body of an answer from outside.
pub fn answered(response: types::Response) -> Body {
    let (received, reader) = wit_future::new(|| Ok(()));
    let (stream, end) = types::Response::consume_body(response, reader);
    Body { stream, end, _received: received }
}

/// What cannot be a header here is passed over: nothing that we read is among it.
pub fn headers(fields: &Fields) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields.copy_all() {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_bytes(&value)) {
            headers.append(name, value);
        }
    }
    headers
}

impl Body {
    /// What comes of it within the limit and before `end` is over; how it ends does not matter.
    pub async fn beginning(mut self, limit: usize, end: impl Future<Output = ()>) -> Bytes {
        let mut kept = Vec::new();
        let mut end = pin!(end);
        while kept.len() < limit {
            let read = pin!(self.stream.read(Vec::with_capacity(CHUNK)));
            let Either::Left(((result, chunk), _)) = select(read, end.as_mut()).await else { break };
            kept.extend_from_slice(chunk.get(..limit - kept.len()).unwrap_or(&chunk));
            if !matches!(result, StreamResult::Complete(_)) {
                break;
            }
        }
        Bytes::from(kept)
    }

    /// None: longer than the limit; the rest is not read.
    pub async fn read(mut self, limit: usize) -> Result<Option<Bytes>, ErrorCode> {
        let mut whole = Vec::new();
        loop {
            let (result, chunk) = self.stream.read(Vec::with_capacity(CHUNK)).await;
            if whole.len().saturating_add(chunk.len()) > limit {
                return Ok(None);
            }
            whole.extend_from_slice(&chunk);
            match result {
                StreamResult::Complete(_) => {}
                StreamResult::Dropped => break,
                StreamResult::Cancelled => return Err(ErrorCode::ConnectionTerminated),
            }
        }
        // A body that was cut short ends its stream as a whole one does; this tells them apart.
        self.end.await?;
        Ok(Some(Bytes::from(whole)))
    }
}

/// With its length, so that the host need not write it in pieces; and without a body where there is none, which is one packet less after I/O.
pub fn outgoing(response: Response<Bytes>) -> Result<types::Response, ErrorCode> {
    let (mut parts, body) = response.into_parts();
    if !matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    let fields: Vec<(String, Vec<u8>)> =
        parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect();
    let fields = Fields::from_list(&fields).map_err(|error| ErrorCode::InternalError(Some(error.to_string())))?;
    let (ended, trailers) = wit_future::new(|| Ok(None));
    let (writer, contents) = if body.is_empty() {
        (None, None)
    } else {
        let (writer, contents) = wit_stream::new();
        (Some(writer), Some(contents))
    };
    let (response, _sent) = types::Response::new(fields, contents, trailers);
    // The status is one that `http` knows, so the host does, too.
    let _ = response.set_status_code(parts.status.as_u16());
    spawn(async move {
        if let Some(mut writer) = writer {
            // What is left over is for a caller who has gone.
            let _ = writer.write_all(body.to_vec()).await;
        }
        let _ = ended.write(Ok(None)).await;
    });
    Ok(response)
}
