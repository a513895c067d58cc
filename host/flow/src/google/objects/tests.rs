use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::*;
use crate::ports::{HttpFailure, HttpResponse};
use crate::scripted::{Keys, ScriptedHost, answer, run, tenant};

const NOW: i64 = 1_773_511_331_500;
const ISSUER: &str = "3388000000012345678";
/// Of what is in the test's images.
const DIGEST: &str = "8f8cbb7d";
const TOKEN: &str = r#"{"access_token":"ya29.a","expires_in":3599}"#;

type Answer = Result<HttpResponse, HttpFailure>;

/// A host that has sold us a token, and then answers as told.
fn host(answers: impl IntoIterator<Item = Answer>) -> ScriptedHost {
    let answers = std::iter::once(answer(200, &[], TOKEN)).chain(answers);
    ScriptedHost::new(NOW, answers).with_keys(Keys::rsa("google"))
}

fn template(images: &[&str]) -> Template {
    Template {
        name: "member".into(),
        kind: "member-card",
        compiled: String::new(),
        digest: String::new(),
        images: images.iter().map(|name| ((*name).to_owned(), Bytes::from_static(b"png"))).collect(),
        apple_images: OnceLock::new(),
        locales: vec!["fr".into()],
    }
}

fn pass() -> PassId {
    PassId::parse("KlnqcxVLA9pS4ol5").unwrap()
}

fn built(kind: &str, class_body: &str) -> BuiltGoogle {
    BuiltGoogle {
        kind: kind.into(),
        class_key: "ticket.performance.1".into(),
        class_body: class_body.into(),
        object_body: br#"{"state":"ACTIVE"}"#.to_vec(),
        seen: Vec::new(),
    }
}

fn write_object(host: &ScriptedHost, exists: bool) -> Result<(), GoogleError> {
    let object = object_of(&tenant(), "member", &pass(), &built("eventTicket", "{}"))?;
    run(upsert(host, &tenant(), &TokenCache::default(), &object, write(exists)))
}

fn write(exists: bool) -> Write {
    Write { exists, notify: false, worth: Worth::Effect }
}

fn write_class(host: &ScriptedHost, kind: &str, body: &str, images: &[&str]) -> Result<(), GoogleError> {
    let mut tenant = tenant();
    tenant.templates.insert("member".into(), Arc::new(template(images)));
    let class = class_of(&tenant, "member", &built(kind, body))?;
    run(upsert(host, &tenant, &TokenCache::default(), &class, write(false)))
}

/// Method and address of what was sent after the token.
fn sent(host: &ScriptedHost) -> Vec<(String, String)> {
    let of = |url: &str| url.strip_prefix("https://walletobjects.googleapis.com/walletobjects/v1/").unwrap().to_owned();
    host.requests()
        .iter()
        .filter(|request| !request.url.ends_with("/token"))
        .map(|request| (request.method.to_string(), of(&request.url)))
        .collect()
}

fn body(host: &ScriptedHost) -> Value {
    serde_json::from_slice(&host.requests().last().unwrap().body).unwrap()
}

/// On every class: where Google says that a pass was saved.
fn callback() -> Value {
    json!({"url": "https://passes.example.org/api/opera/webhooks/listeners/google"})
}

fn update() -> (String, String) {
    ("PUT".into(), format!("eventTicketObject/{ISSUER}.KlnqcxVLA9pS4ol5"))
}

fn insert() -> (String, String) {
    ("POST".into(), "eventTicketObject".into())
}

#[test]
fn what_is_believed_to_exist_is_replaced_and_else_inserted() {
    let host_a = host([answer(200, &[], "{}")]);
    write_object(&host_a, true).unwrap();
    assert_eq!(sent(&host_a), [update()]);
    let host_b = host([answer(200, &[], "{}")]);
    write_object(&host_b, false).unwrap();
    assert_eq!(sent(&host_b), [insert()]);
    assert_eq!(
        body(&host_b),
        json!({"id": format!("{ISSUER}.KlnqcxVLA9pS4ol5"), "classId": format!("{ISSUER}.ticket.performance.1"), "state": "ACTIVE"})
    );
    assert_eq!(host_b.requests().last().unwrap().header("authorization"), Some("Bearer ya29.a"));
}

#[test]
fn a_wrong_belief_costs_one_request() {
    let host_a = host([answer(404, &[], ""), answer(200, &[], "{}")]);
    write_object(&host_a, true).unwrap();
    assert_eq!(sent(&host_a), [update(), insert()]);
    let host_b = host([answer(409, &[], ""), answer(200, &[], "{}")]);
    write_object(&host_b, false).unwrap();
    assert_eq!(sent(&host_b), [insert(), update()]);
}

#[test]
fn a_write_that_another_overtook_is_not_ready() {
    let host_a = host([answer(404, &[], ""), answer(409, &[], "")]);
    assert_eq!(write_object(&host_a, true), Err(GoogleError::NotReady));
    assert_eq!(sent(&host_a).len(), 2);
}

#[test]
fn an_object_without_its_class_is_not_ready() {
    assert_eq!(write_object(&host([answer(404, &[], "")]), false), Err(GoogleError::NotReady));
    let reason = r#"{"error":{"code":400,"errors":[{"reason":"classNotFound"}]}}"#;
    assert_eq!(write_object(&host([answer(400, &[], reason)]), false), Err(GoogleError::NotReady));
    // A class needs none: an insert that finds nothing is refused.
    let refused = write_class(&host([answer(404, &[], "")]), "eventTicket", "{}", &[]);
    assert!(matches!(refused, Err(GoogleError::Refused { .. })));
}

#[test]
fn a_refused_token_is_exchanged_once() {
    let host_a = host([answer(401, &[], ""), answer(200, &[], TOKEN), answer(200, &[], "{}")]);
    write_object(&host_a, true).unwrap();
    assert_eq!(sent(&host_a), [update(), update()]);
    let host_b = host([answer(401, &[], ""), answer(200, &[], TOKEN), answer(401, &[], "")]);
    assert_eq!(write_object(&host_b, true), Err(GoogleError::CredentialsRefused(GoogleReason::None)));
}

#[test]
fn other_answers_are_told_apart() {
    assert_eq!(
        write_object(&host([answer(429, &[], "")]), true),
        Err(GoogleError::Throttled { after: Duration::from_secs(1) })
    );
    assert!(matches!(write_object(&host([answer(503, &[], "")]), true), Err(GoogleError::Unavailable(_))));
    let refused = write_object(&host([answer(400, &[], r#"{"error":{"status":"INVALID_ARGUMENT"}}"#)]), true);
    let Err(GoogleError::Refused { status, reason }) = refused else { panic!("{refused:?}") };
    assert_eq!((status.as_u16(), reason.to_string().as_str()), (400, "INVALID_ARGUMENT"));
    assert_eq!(
        write_object(&host([Err(HttpFailure::Unreachable)]), true),
        Err(GoogleError::Unanswered(HttpFailure::Unreachable))
    );
}

#[test]
fn a_class_is_completed_with_what_google_demands() {
    let host_a = host([answer(200, &[], "{}")]);
    let source = r#"{"eventName":{"defaultValue":{"language":"fr","value":"Carmen"}},"reviewStatus":"APPROVED"}"#;
    write_class(&host_a, "eventTicket", source, &[]).unwrap();
    assert_eq!(sent(&host_a), [("POST".into(), "eventTicketClass".into())]);
    assert_eq!(
        body(&host_a),
        json!({
            "id": format!("{ISSUER}.ticket.performance.1"), "reviewStatus": "UNDER_REVIEW", "issuerName": "Opéra de Démo",
            "eventName": {"defaultValue": {"language": "fr", "value": "Carmen"}}, "callbackOptions": callback(),
        })
    );
    let host_b = host([answer(200, &[], "{}")]);
    write_class(&host_b, "eventTicket", r#"{"issuerName":"Grand Théâtre"}"#, &[]).unwrap();
    assert_eq!(body(&host_b)["issuerName"], "Grand Théâtre");
}

#[test]
fn a_loyalty_class_has_the_logo_that_it_must_have() {
    let host_a = host([answer(200, &[], "{}")]);
    write_class(&host_a, "loyalty", r#"{"programName":"Amis"}"#, &["icon.png", "logo@2x.png"]).unwrap();
    assert_eq!(
        body(&host_a)["programLogo"],
        json!({
            "sourceUri": {"uri": "https://passes.example.org/api/opera/templates/member/images/logo@2x.png?v=8f8cbb7d"},
            "contentDescription": {"defaultValue": {"language": "fr", "value": "Opéra de Démo"}},
        })
    );
    let host_b = host([answer(200, &[], "{}")]);
    let own = r#"{"programLogo":{"sourceUri":{"uri":"https://cdn.example.org/logo.png"}}}"#;
    write_class(&host_b, "loyalty", own, &["icon.png"]).unwrap();
    assert_eq!(body(&host_b)["programLogo"]["sourceUri"]["uri"], "https://cdn.example.org/logo.png");
    let none = ScriptedHost::new(NOW, []);
    assert_eq!(write_class(&none, "loyalty", "{}", &[]), Err(GoogleError::NoLogo("member".into())));
}

#[test]
fn a_generic_class_has_no_such_fields() {
    let host_a = host([answer(200, &[], "{}")]);
    write_class(&host_a, "generic", "{}", &[]).unwrap();
    assert_eq!(body(&host_a), json!({"id": format!("{ISSUER}.ticket.performance.1"), "callbackOptions": callback()}));
}

#[test]
fn what_cannot_be_sent_is_not() {
    let none = ScriptedHost::new(NOW, []);
    assert_eq!(write_class(&none, "generic", "[]", &[]), Err(GoogleError::Body));
    assert_eq!(write_class(&none, "flight", "{}", &[]), Err(GoogleError::Kind));
    let built = built("generic", "{}");
    assert_eq!(class_of(&tenant(), "gone", &built).err(), Some(GoogleError::NoTemplate("gone".into())));
    let without = Tenant { google: None, ..tenant() };
    assert_eq!(object_of(&without, "member", &pass(), &built).err(), Some(GoogleError::NoGoogle));
    assert!(none.requests().is_empty());
}

#[test]
fn a_write_may_move_between_threads() {
    fn moves<F: Future + Send>(_: &F) {}
    fn of_any_host<H: Host>(host: &H) {
        let object = object_of(&tenant(), "member", &pass(), &built("generic", "{}")).unwrap();
        moves(&upsert(host, &tenant(), &TokenCache::default(), &object, write(true)));
    }
    of_any_host(&host([]));
}

#[test]
fn an_update_that_is_to_be_told_says_so_and_nothing_of_it_is_kept() {
    let host_a = host([answer(200, &[], "{}"), answer(200, &[], "{}")]);
    let object = object_of(&tenant(), "member", &pass(), &built("eventTicket", "{}")).unwrap();
    let tokens = TokenCache::default();
    run(upsert(&host_a, &tenant(), &tokens, &object, Write { notify: true, ..write(true) })).unwrap();
    assert_eq!(body(&host_a)["notifyPreference"], "NOTIFY_ON_UPDATE");
    run(upsert(&host_a, &tenant(), &tokens, &object, write(true))).unwrap();
    assert_eq!(body(&host_a).get("notifyPreference"), None);
}

#[test]
fn holders_are_told_of_the_event_and_of_their_seat_and_of_nothing_else() {
    let class = |body: &str| {
        let mut tenant = tenant();
        tenant.templates.insert("member".into(), Arc::new(template(&[])));
        class_of(&tenant, "member", &built("eventTicket", body)).unwrap().told()
    };
    let of = class(r#"{"eventName":"a","dateTime":{"start":"1"},"finePrint":"x"}"#);
    assert_eq!(of, class(r#"{"eventName":"a","dateTime":{"start":"1"},"finePrint":"y","heroImage":"z"}"#));
    assert_ne!(of, class(r#"{"eventName":"a","dateTime":{"start":"2"},"finePrint":"x"}"#));
    assert_ne!(of, class(r#"{"eventName":"a","dateTime":{"start":"1"},"venue":"b"}"#));
    let object = |kind: &str, body: &str| {
        let built = BuiltGoogle { object_body: body.as_bytes().to_vec(), ..built(kind, "{}") };
        object_of(&tenant(), "member", &pass(), &built).unwrap().told()
    };
    let seated = object("eventTicket", r#"{"state":"ACTIVE","seatInfo":{"seat":"7"}}"#);
    assert_eq!(seated, object("eventTicket", r#"{"state":"COMPLETED","seatInfo":{"seat":"7"}}"#));
    assert_ne!(seated, object("eventTicket", r#"{"state":"ACTIVE","seatInfo":{"seat":"8"}}"#));
    assert_eq!(object("generic", r#"{"header":"a"}"#), Vec::<u8>::new());
}

#[test]
fn an_image_of_the_template_becomes_an_address_that_changes_with_it() {
    let mut tenant = tenant();
    tenant.templates.insert("member".into(), Arc::new(template(&["google/hero.png"])));
    let source = r#"{"heroImage":{"sourceUri":{"uri":"google/hero.png"}},"logo":{"sourceUri":{"uri":"https://cdn.example.org/a.png"}},
        "imageModulesData":[{"id":"a","mainImage":{"sourceUri":{"uri":"google/hero.png"}}}]}"#;
    let class: Value =
        serde_json::from_slice(&class_of(&tenant, "member", &built("eventTicket", source)).unwrap().body()).unwrap();
    let address = format!("https://passes.example.org/api/opera/templates/member/images/google/hero.png?v={DIGEST}");
    assert_eq!(class["heroImage"]["sourceUri"]["uri"], address);
    assert_eq!(class["imageModulesData"][0]["mainImage"]["sourceUri"]["uri"], address);
    assert_eq!(class["logo"]["sourceUri"]["uri"], "https://cdn.example.org/a.png");
    let object = BuiltGoogle { object_body: source.as_bytes().to_vec(), ..built("generic", "{}") };
    let object: Value =
        serde_json::from_slice(&object_of(&tenant, "member", &pass(), &object).unwrap().body()).unwrap();
    assert_eq!(object["heroImage"]["sourceUri"]["uri"], address);
}
