use super::*;
use crate::apple::certificates::{self, Authority, KeyKind};
use crate::scripted::{ScriptedHost, answer, run, tenant};

const NOW: Millis = 1_773_511_331_500;
const TOKEN: &str = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0";

fn once(answered: Result<HttpResponse, HttpFailure>) -> Result<PushOutcome, PushError> {
    run(push(&ScriptedHost::new(NOW, [answered]), &tenant(), TOKEN))
}

fn outcome(status: u16, body: &str) -> PushOutcome {
    once(answer(status, &[], body)).unwrap()
}

#[test]
fn a_push_is_an_empty_dictionary_under_the_pass_certificate() {
    let (identity, _) = certificates::identity(&Authority::new("G4"), &KeyKind::P256);
    let host = ScriptedHost::new(NOW, [answer(200, &[], "")]);
    let sent = run(push(&host, &certificates::tenant(identity.clone()), TOKEN));
    assert_eq!(sent, Ok(PushOutcome::Delivered));
    let requests = host.requests();
    let [request] = requests.as_slice() else { panic!("one request") };
    assert_eq!(request.method, Method::POST);
    assert_eq!(request.url, format!("https://api.push.apple.com/3/device/{TOKEN}"));
    assert_eq!(request.body, "{}");
    assert_eq!(request.header("apns-topic"), Some("pass.org.example.tickets"));
    assert_eq!(request.header("apns-push-type"), Some("background"));
    assert_eq!(request.header("apns-priority"), Some("5"));
    assert_eq!(request.identity, Some(identity));
}

#[test]
fn with_a_push_key_a_token_is_the_proof_and_no_certificate_is_shown() {
    let (identity, keys) = certificates::identity(&Authority::new("G4"), &KeyKind::P256);
    let host = ScriptedHost::new(NOW, [answer(200, &[], ""), answer(200, &[], "")]).with_keys(keys);
    let mut tenant = certificates::tenant(identity);
    let key = crate::apple::PushKey::new("ABC123DEFG".to_owned(), crate::scripted::key("apple"));
    tenant.apple.as_mut().unwrap().push_key = Some(key);
    for _ in 0..2 {
        assert_eq!(run(push(&host, &tenant, TOKEN)), Ok(PushOutcome::Delivered));
    }
    let requests = host.requests();
    assert!(requests.iter().all(|request| request.identity.is_none()));
    let proofs: Vec<_> = requests.iter().map(|request| request.header("authorization").unwrap()).collect();
    assert!(proofs[0].starts_with("bearer ") && proofs[0] == proofs[1], "Apple refuses who makes one for each push");
    let key = crate::apple::PushKey::new("ABC123DEFG".to_owned(), crate::scripted::key("absent"));
    tenant.apple.as_mut().unwrap().push_key = Some(key);
    assert_eq!(run(push(&host, &tenant, TOKEN)), Err(PushError::Key(SignFailure::Missing)));
}

#[test]
fn a_dead_token_is_gone_with_the_time_that_apple_says() {
    let gone = |at| PushOutcome::Gone { at };
    assert_eq!(outcome(410, r#"{"reason":"Unregistered","timestamp":1773511000123}"#), gone(Some(1_773_511_000_123)));
    assert_eq!(outcome(410, r#"{"reason":"ExpiredToken"}"#), gone(None));
    assert_eq!(outcome(410, ""), gone(None));
    assert_eq!(outcome(400, r#"{"reason":"BadDeviceToken"}"#), gone(None));
    assert_eq!(outcome(400, r#"{"reason":"DeviceTokenNotForTopic"}"#), gone(None));
}

#[test]
fn what_passes_is_tried_again() {
    let retry = |after: Option<u64>, reason| Ok(PushOutcome::Retry { after: after.map(Duration::from_secs), reason });
    let busy = answer(429, &[("retry-after", "30")], r#"{"reason":"TooManyRequests"}"#);
    assert_eq!(once(busy), retry(Some(30), PushReason::TooManyRequests));
    assert_eq!(once(answer(503, &[], r#"{"reason":"Shutdown"}"#)), retry(None, PushReason::Shutdown));
    assert_eq!(once(answer(500, &[], "<html>")), retry(None, PushReason::None));
    for failure in [HttpFailure::Unreachable, HttpFailure::TimedOut, HttpFailure::TooLarge] {
        assert_eq!(once(Err(failure)), retry(None, PushReason::NoAnswer(failure)));
    }
}

#[test]
fn our_own_faults_are_refusals_with_a_reason() {
    let refused = |reason| PushOutcome::Refused { reason };
    assert_eq!(outcome(403, r#"{"reason":"BadCertificate"}"#), refused(PushReason::BadCertificate));
    assert_eq!(outcome(400, r#"{"reason":"TopicDisallowed"}"#), refused(PushReason::TopicDisallowed));
    assert_eq!(outcome(405, r#"{"reason":"MethodNotAllowed"}"#), refused(PushReason::Other("MethodNotAllowed".into())));
    assert_eq!(outcome(400, "not json"), refused(PushReason::None));
    assert_eq!(outcome(302, r#"{"reason":"BadDeviceToken"}"#), refused(PushReason::BadDeviceToken));
    // What is no code may hold anything, and is not told in part.
    assert_eq!(outcome(400, r#"{"reason":"the pass of Ada"}"#), refused(PushReason::None));
    assert_eq!(outcome(400, &format!(r#"{{"reason":"{}"}}"#, "evil".repeat(100))), refused(PushReason::None));
    assert_eq!(PushReason::BadCertificate.to_string(), "BadCertificate");
}

#[test]
fn what_cannot_be_sent_is_an_error() {
    assert_eq!(once(Err(HttpFailure::Denied)), Err(PushError::NotSent(HttpFailure::Denied)));
    assert_eq!(once(Err(HttpFailure::Invalid)), Err(PushError::NotSent(HttpFailure::Invalid)));
    let none = Tenant { apple: None, ..tenant() };
    assert_eq!(run(push(&ScriptedHost::new(NOW, []), &none, TOKEN)), Err(PushError::NoApple));
}

#[test]
fn a_token_is_a_plain_path_segment_and_stays_out_of_debug_output() {
    for bad in ["", "a/b", "a b", "..", "a%2F", "é", &"a".repeat(201)] {
        assert!(PushToken::parse(bad).is_none(), "{bad}");
        let outcome = run(push(&ScriptedHost::new(NOW, []), &tenant(), bad));
        assert_eq!(outcome, Ok(PushOutcome::Gone { at: None }), "nothing was sent");
    }
    let token = PushToken::parse(&"a".repeat(200)).unwrap();
    assert!(!format!("{token:?}").contains('a'));
}
