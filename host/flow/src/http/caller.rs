//! Who calls, and how: correlation ids, path and query as text, API keys and their scopes.
//!
//! Owns the reading of what a caller sends about itself. The tenant comes from the path and the key must belong to it; nothing is taken from
//! a body. Keys are looked up by their public part and compared in constant time (`access`).

use http::HeaderMap;

use super::{CORRELATION, Call, Problem};
use crate::access::{ApiKey, Refusal, Scope, permits};
use crate::flow::Flow;
use crate::ports::Host;
use crate::store::Store;
use crate::tenant::Tenant;

/// A correlation id from outside is taken only when it can stand in a log line as it is.
pub fn correlation(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(CORRELATION)?.to_str().ok()?;
    let fits = (8..=64).contains(&text.len())
        && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.'));
    fits.then(|| text.to_owned())
}

/// W3C trace context, version 00; anything else is dropped rather than passed on.
pub fn traceparent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get("traceparent")?.to_str().ok()?;
    let mut parts = text.split('-');
    let hex = |part: Option<&str>, length: usize| {
        part.is_some_and(|part| part.len() == length && part.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f')))
    };
    let fits = parts.next() == Some("00") && hex(parts.next(), 32) && hex(parts.next(), 16) && hex(parts.next(), 2);
    (fits && parts.next().is_none()).then(|| text.to_owned())
}

/// Decoded segments of a path; none when it is not UTF-8 or hides a slash.
pub fn segments(path: &str) -> Option<Vec<String>> {
    path.strip_prefix('/')?
        .split('/')
        .map(|segment| decode(segment, false).filter(|text| !text.contains('/') && !text.contains('\0')))
        .collect()
}

/// A path as an answer repeats it: without the secret that the path of a listener ends with.
pub fn shown(path: &str) -> String {
    match path.split_once("/listeners/vibes/") {
        Some((before, _)) => format!("{before}/listeners/vibes/…"),
        None => path.to_owned(),
    }
}

pub fn query(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .filter_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode(key, true)?, decode(value, true)?))
        })
        .collect()
}

fn decode(text: &str, plus_is_space: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit =
                    |c: Option<u8>| c.and_then(|c| char::from(c).to_digit(16)).and_then(|d| u8::try_from(d).ok());
                digit(rest.next())? * 16 + digit(rest.next())?
            }
            b'+' if plus_is_space => b' ',
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

/// The caller has a key of this tenant with this scope.
pub async fn authorise<H: Host>(flow: &Flow<H>, tenant: &Tenant, call: &Call, scope: Scope) -> Result<(), Problem> {
    let text = call.header("x-api-key").ok_or_else(Problem::unauthorised)?;
    let key = ApiKey::parse(text).map_err(|_| Problem::unauthorised())?;
    let stored;
    // The configuration has the last word on an id that it names: a key that was ended there must not live on in the store.
    let row = match tenant.api_keys.iter().find(|row| row.id == key.id()) {
        Some(row) => Some(row),
        None => {
            stored = flow.host.store().api_key(key.id()).await.map_err(unavailable)?;
            stored.as_ref()
        }
    };
    match permits(&key, row, &tenant.id, scope, flow.now()) {
        Ok(()) => Ok(()),
        Err(Refusal::Scope(_)) => Err(Problem::forbidden(scope.as_str())),
        Err(_) => Err(Problem::unauthorised()),
    }
}

/// An `Accept` header names this media type.
pub fn accepts(accept: Option<&str>, media: &str) -> bool {
    accept.is_some_and(|accept| accept.split(',').any(|part| part.trim().starts_with(media)))
}

/// What went wrong with us goes to the log, where the request's span leads to it, not to the caller.
pub fn internal(error: impl std::fmt::Display) -> Problem {
    tracing::error!(%error, "request failed");
    Problem::internal()
}

/// The store's text goes to the log, not to the caller.
pub fn unavailable(error: crate::store::StoreError) -> Problem {
    tracing::error!(%error, "store");
    Problem::unavailable()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_decoded_once_and_hides_no_slash() {
        assert_eq!(
            segments("/api/demo/passes/a%20b"),
            Some(vec!["api".into(), "demo".into(), "passes".into(), "a b".into()])
        );
        assert_eq!(segments("/api/..%2fetc"), None);
        assert_eq!(segments("/api/%zz"), None);
        assert_eq!(segments("/api/%ff"), None);
    }

    #[test]
    fn an_answer_repeats_no_secret_of_a_path() {
        assert_eq!(shown("/api/demo/webhooks/listeners/vibes/s3cret/x"), "/api/demo/webhooks/listeners/vibes/…");
        assert_eq!(shown("/api/demo/webhooks/listeners/google"), "/api/demo/webhooks/listeners/google");
    }

    #[test]
    fn a_trace_parent_is_taken_only_in_its_exact_form() {
        let headers = |value: &'static str| {
            HeaderMap::from_iter([(
                http::HeaderName::from_static("traceparent"),
                http::HeaderValue::from_static(value),
            )])
        };
        assert!(traceparent(&headers("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")).is_some());
        assert!(traceparent(&headers("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x")).is_none());
        assert!(traceparent(&headers("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")).is_none());
    }
}
