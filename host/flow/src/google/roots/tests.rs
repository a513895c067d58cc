use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::options::Options;
use crate::ports::HttpResponse;
use crate::scripted::{ScriptedHost, answer, run, tenant};

/// A public test key of Tink's.
const KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAENXvYqxD5WayKYhuXQevdGdLA8ifV4LsRS2uKvFo8wwyiwgQHB9DiKzG6T/P1Fu9Bl7zWy/se5Dy4wk1mJoPuxg==";
const HOUR: Millis = 3_600_000;

type Answer = Result<HttpResponse, HttpFailure>;

fn document() -> String {
    json!({"keys": [{"keyValue": KEY, "protocolVersion": "ECv2SigningOnly", "keyExpiration": "9000000000000"}]})
        .to_string()
}

fn flow(answers: impl IntoIterator<Item = Answer>) -> Arc<Flow<ScriptedHost>> {
    Arc::new(Flow::new(ScriptedHost::new(0, answers), Options::default()))
}

fn ask(flow: &Flow<ScriptedHost>) -> Result<usize, RootsError> {
    run(roots(flow, &tenant().google.unwrap())).map(|keys| keys.len())
}

#[test]
fn they_are_fetched_once_and_renewed_at_half_of_their_age() {
    let headers = [("cache-control", "public, max-age=7200, must-revalidate"), ("age", "3600")];
    let flow = flow([answer(200, &headers, &document()), answer(200, &headers, &document())]);
    assert_eq!(ask(&flow).unwrap(), 1);
    flow.host.advance(HOUR / 2 - 1);
    assert_eq!(ask(&flow).unwrap(), 1);
    assert_eq!(flow.host.requests().len(), 1);
    flow.host.advance(1);
    assert_eq!(ask(&flow).unwrap(), 1);
    assert_eq!(flow.host.requests().len(), 2);
    assert_eq!(flow.host.requests()[0].url, "https://pay.google.com/gp/m/issuer/keys");
}

#[test]
fn old_ones_are_used_until_they_end_when_they_cannot_be_renewed() {
    let headers = [("cache-control", "max-age=3600")];
    let flow = flow([answer(200, &headers, &document()), answer(503, &[], ""), Err(HttpFailure::TimedOut)]);
    ask(&flow).unwrap();
    flow.host.advance(HOUR / 2);
    assert_eq!(ask(&flow).unwrap(), 1);
    // The next attempt waits for its time, whoever asks.
    assert_eq!(ask(&flow).unwrap(), 1);
    assert_eq!(flow.host.requests().len(), 2);
    flow.host.advance(HOUR / 2);
    assert!(matches!(ask(&flow), Err(RootsError::Unanswered(HttpFailure::TimedOut))));
}

#[test]
fn a_document_without_one_of_our_keys_replaces_nothing() {
    let flow = flow([answer(200, &[], "{\"keys\":[]}")]);
    assert!(matches!(ask(&flow), Err(RootsError::Unreadable)));
    // Nobody fetches again at once.
    assert!(matches!(ask(&flow), Err(RootsError::UnderWay)));
    assert_eq!(flow.host.requests().len(), 1);
}

#[test]
fn a_header_with_a_slip_is_believed_within_bounds() {
    let of =
        |text: &'static str| good_for(&HeaderMap::from_iter([(CACHE_CONTROL, http::HeaderValue::from_static(text))]));
    assert_eq!((of("max-age=0"), of("max-age=4294967295")), (SHORTEST_AGE, LONGEST_AGE));
    assert_eq!(
        (of("no-store"), of("max-age=-1"), good_for(&HeaderMap::new())),
        (DEFAULT_AGE, DEFAULT_AGE, DEFAULT_AGE)
    );
}
