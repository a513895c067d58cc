use passerelle_contract::tenant::types::{Method as Wanted, Request};
use zeroize::Zeroizing;

use super::*;
use crate::plugin::allow::Destination;
use crate::plugin::credential::{Credential, Kind};

fn setup() -> PluginSetup {
    let to = |text: &str| Destination::parse(text, false).unwrap();
    let kind = Kind::Bearer { token: Zeroizing::new("t".into()) };
    PluginSetup {
        allow: vec![to("https://crm.example"), to("https://other.example")],
        credentials: [("crm".to_owned(), Credential { hosts: vec![to("https://crm.example")], kind })].into(),
        ..PluginSetup::default()
    }
}

fn request() -> Request {
    Request {
        name: "a".into(),
        method: Wanted::Post,
        url: "https://crm.example/events?x=1".into(),
        headers: vec![("Content-Type".into(), "application/json".into())],
        body: b"{}".to_vec(),
        credential: Some("crm".into()),
    }
}

fn outcome(request: Request) -> Result<Result<Vetted, (String, Denial)>, Breach> {
    judge(vec![request], &setup()).map(|mut judged| judged.pop().unwrap())
}

#[test]
fn a_request_to_an_allowed_address_with_a_credential_that_is_bound_to_it_may_be_sent() {
    let vetted = outcome(request()).unwrap().unwrap();
    assert_eq!((vetted.method.as_str(), vetted.address.as_str()), ("POST", "https://crm.example/events?x=1"));
    assert_eq!(vetted.headers, [(http::header::CONTENT_TYPE, "application/json".to_owned())]);
    assert_eq!(vetted.credential.as_deref(), Some("crm"));
}

#[test]
fn what_the_tenants_setup_forbids_is_a_denial_of_that_request_alone() {
    let elsewhere = Request { name: "b".into(), url: "https://evil.example/".into(), ..request() };
    let unknown = Request { name: "c".into(), credential: Some("crn".into()), ..request() };
    let unbound = Request { name: "d".into(), url: "https://other.example/".into(), ..request() };
    let judged = judge(vec![request(), elsewhere, unknown, unbound], &setup()).unwrap();
    assert!(judged[0].is_ok());
    assert!(matches!(&judged[1], Err((name, Denial::NotAllowed { .. })) if name == "b"));
    assert!(matches!(&judged[2], Err((name, Denial::NoCredential { .. })) if name == "c"));
    assert!(matches!(&judged[3], Err((name, Denial::NotBound { .. })) if name == "d"));
    // Nothing that is said of it holds a path or a query.
    assert!(judged.iter().filter_map(|one| one.as_ref().err()).all(|(_, denial)| !denial.to_string().contains("x=1")));
}

#[test]
fn what_no_plugin_may_write_is_a_breach() {
    let url = |url: &str| Request { url: url.into(), ..request() };
    for text in [
        "https://crm.example@evil.example/",
        "https://user:pw@crm.example/",
        "https://crm.example:0/",
        "https://crm.example:/",
        "//crm.example/",
        "/events",
        "crm.example",
        "https://",
        "https://crm.example\\@evil.example/",
        "https://crm.exa mple/",
        "https://crm.example/\r\nHost: evil",
        "https://bücher.example/",
        "ftp://crm.example/",
        "file:///etc/passwd",
        "https://crm.example/#x",
        "https://crm.example/{x}",
    ] {
        assert!(matches!(outcome(url(text)), Err(Breach::Address { .. })), "{text}");
    }
    let header = |name: &str, value: &str| Request { headers: vec![(name.into(), value.into())], ..request() };
    for (name, value) in
        [("x", "a\r\nb: c"), ("x", "a\nb"), ("x", "\0"), ("x\r\ny", "a"), ("x y", "a"), ("", "a"), ("x", "é\u{7f}")]
    {
        assert!(matches!(outcome(header(name, value)), Err(Breach::Header { .. })), "{name:?} {value:?}");
    }
    for name in [
        "Authorization",
        "COOKIE",
        "host",
        "Content-Length",
        "transfer-encoding",
        "Connection",
        "Proxy-Authorization",
        "proxy-x",
        "X-Forwarded-For",
        "Forwarded",
        "spin-client-addr",
        "Sec-Fetch-Mode",
        "Idempotency-Key",
        "te",
        "upgrade",
        "expect",
    ] {
        assert!(matches!(outcome(header(name, "x")), Err(Breach::Reserved { .. })), "{name}");
    }
    let body = vec![0; setup().limits.request_body + 1];
    assert!(matches!(outcome(Request { body, ..request() }), Err(Breach::Body { .. })));
    assert!(matches!(outcome(Request { method: Wanted::Get, ..request() }), Err(Breach::BodyOfGet(_))));
    for name in ["", "a b", "ä", &"x".repeat(65), "a/b", "a:b"] {
        assert!(matches!(outcome(Request { name: name.into(), ..request() }), Err(Breach::Name)), "{name:?}");
    }
    let many = (0..17).map(|n| Request { name: format!("r{n}"), ..request() }).collect();
    assert_eq!(judge(many, &setup()), Err(Breach::TooMany { count: 17, most: 16 }));
    assert_eq!(judge(vec![request(), request()], &setup()), Err(Breach::SameName("a".into())));
    let headers = (0..33).map(|n| (format!("x-{n}"), String::new())).collect();
    assert!(matches!(outcome(Request { headers, ..request() }), Err(Breach::Headers { .. })));
}

#[test]
fn a_text_of_a_plugin_is_one_short_line() {
    assert_eq!(shown("a\nb\u{1b}[31mc"), "a b [31mc");
    assert_eq!(shown(&"é".repeat(1000)).chars().count(), TEXT);
}

#[test]
fn variables_are_few_small_and_named_as_templates_can_name_them() {
    let one = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    assert_eq!(judge_variables(&one("tier_2", "gold")), Ok(()));
    assert_eq!(judge_variables(&[]), Ok(()));
    for name in ["", "a.b", "a b", "é", &"x".repeat(65)] {
        assert_eq!(judge_variables(&one(name, "")), Err(Breach::Variable), "{name:?}");
    }
    assert!(matches!(judge_variables(&one("a", &"x".repeat(4097))), Err(Breach::Variables { .. })));
    let many: Vec<_> = (0..65).map(|n| (format!("v{n}"), String::new())).collect();
    assert!(matches!(judge_variables(&many), Err(Breach::Variables { .. })));
}
