//! Answers that are read without trouble and must not be acted upon: what a plugin asks to have sent, or to have put onto a pass.

use passerelle_contract::tenant::types::{Method, Request};
use passerelle_flow::plugin::allow::Destination;
use passerelle_flow::plugin::credential::{Credential, Kind};
use passerelle_flow::plugin::hook::{Hook, Turn};
use passerelle_flow::plugin::setup::PluginSetup;
use zeroize::Zeroizing;

use super::events::request;

/// What a tenant allows the guests: one address, and one credential for another.
pub fn setup() -> PluginSetup {
    let to = |text: &str| Destination::parse(text, false).unwrap();
    let kind = Kind::Bearer { token: Zeroizing::new("t".to_owned()) };
    PluginSetup {
        allow: vec![to("https://crm.example"), to("https://shop.example")],
        credentials: [("shop".to_owned(), Credential { hosts: vec![to("https://shop.example")], kind })].into(),
        ..PluginSetup::default()
    }
}

/// One such answer, and words of the sentence by which it is turned down.
#[derive(Clone)]
pub struct Answered {
    pub name: &'static str,
    pub tried: String,
    pub hook: Hook,
    pub turn: Turn,
    pub refused: &'static str,
}

pub fn answered() -> Vec<Answered> {
    [rounds(), addresses(), headers(), others(), variables()].concat()
}

fn asks(name: &'static str, tried: &str, requests: Vec<Request>, refused: &'static str) -> Answered {
    Answered { name, tried: tried.to_owned(), hook: Hook::ChooseTemplate, turn: Turn::Ask(requests), refused }
}

/// One request, which would be sent if it were as it should.
fn delivers(name: &'static str, tried: impl Into<String>, request: Request, refused: &'static str) -> Answered {
    Answered { name, tried: tried.into(), hook: Hook::OnPassInstalled, turn: Turn::Deliver(vec![request]), refused }
}

fn rounds() -> Vec<Answered> {
    let many = (0..17).map(|n| request(&format!("r{n}"))).collect();
    vec![
        asks("asks-nothing", "Asks, and for nothing.", vec![], "asks for nothing"),
        asks("asks-again", "Asks again by a name that was answered.", vec![request("a")], "asked for already: a"),
        asks(
            "same-name-twice",
            "Two requests of one answer have the same name.",
            vec![request("a"), request("a")],
            "two requests have the name a",
        ),
        asks(
            "seventeen-requests",
            "One request more than an answer may have.",
            many,
            "17 requests sent at once, more than the 16",
        ),
    ]
}

fn addresses() -> Vec<Answered> {
    const FORM: &str = "an absolute URL of at most 2048 ASCII characters is expected";
    const USER: &str = "user and password do not belong in the address";
    const LIST: &str = "is not on the list of addresses";
    [
        ("userinfo", "https://crm.example@evil.example/", USER),
        ("userinfo-with-password", "https://crm.example:443@evil.example/", USER),
        ("unicode-host", "https://crm\u{ff0e}example/", FORM),
        ("unicode-that-looks-alike", "https://\u{441}rm.example/", FORM),
        ("escaped-host", "https://crm%2eexample/", FORM),
        ("port-0", "https://crm.example:0/", FORM),
        ("port-without-number", "https://crm.example:/", FORM),
        ("port-with-sign", "https://crm.example:+443/", FORM),
        ("port-beyond", "https://crm.example:65979/", FORM),
        ("two-ports", "https://crm.example:443:80/", FORM),
        ("backslash", "https://evil.example\\@crm.example/", FORM),
        ("blank", "https://crm.example /", FORM),
        ("tab-in-the-scheme", "ht\ttps://crm.example/", FORM),
        ("line-break", "https://crm.example/\r\nhost: evil.example", FORM),
        ("nul", "https://crm.example/\0", FORM),
        ("origin-form", "/members", FORM),
        ("no-scheme", "//crm.example/members", FORM),
        ("other-scheme", "gopher://crm.example/", FORM),
        ("file", "file:///etc/passwd", FORM),
        ("no-host", "https:///members", FORM),
        ("literal-that-is-none", "https://[crm.example]/", FORM),
        ("fragment", "https://crm.example/#@evil.example", "a fragment"),
        ("not-on-the-list", "https://evil.example/", LIST),
        ("begins-like-the-list", "https://crm.example.evil.example/", LIST),
        ("ends-like-the-list", "https://evilcrm.example/", LIST),
        ("below-the-list", "https://api.crm.example/", LIST),
        ("dot-at-the-end", "https://crm.example./", LIST),
        ("in-the-clear", "http://crm.example/", LIST),
        ("other-port", "https://crm.example:8443/", LIST),
        ("metadata-service", "https://169.254.169.254/latest/meta-data/iam/", LIST),
        ("loopback", "https://127.0.0.1/", LIST),
        ("loopback-in-ipv6-clothes", "https://[::ffff:127.0.0.1]/", LIST),
        ("loopback-as-a-number", "https://2130706433/", FORM),
    ]
    .into_iter()
    .map(|(name, url, refused)| {
        let tried = format!("Wants a request sent to {}", url.escape_debug());
        delivers(name, tried, Request { url: url.to_owned(), ..request("a") }, refused)
    })
    .chain([delivers(
        "long-address",
        "Wants a request sent to an address of 3,000 characters.",
        Request { url: format!("https://crm.example/{}", "x".repeat(2980)), ..request("a") },
        FORM,
    )])
    .collect()
}

fn headers() -> Vec<Answered> {
    const HEADER: &str = "characters that no header may have";
    const HOST: &str = "is the host's to set";
    let one = |name: &'static str, header: &str, value: &str, refused| {
        let tried = format!("Wants the header {}: {}", header.escape_debug(), value.escape_debug());
        let headers = vec![(header.to_owned(), value.to_owned())];
        delivers(name, tried, Request { headers, ..request("a") }, refused)
    };
    let many = (0..33).map(|n| (format!("x-{n}"), String::new())).collect();
    let long = vec![("x-long".to_owned(), "x".repeat(5000))];
    vec![
        one("line-break-in-a-value", "x-a", "b\r\nhost: evil.example", HEADER),
        one("bare-line-feed-in-a-value", "x-a", "b\nhost: evil.example", HEADER),
        one("nul-in-a-value", "x-a", "b\0", HEADER),
        one("line-break-in-a-name", "x-a\r\nhost", "evil.example", HEADER),
        one("colon-in-a-name", "x-a: b", "c", HEADER),
        one("header-without-a-name", "", "b", HEADER),
        one("authorization", "Authorization", "Bearer stolen", HOST),
        one("cookie", "COOKIE", "session=1", HOST),
        one("host", "Host", "evil.example", HOST),
        one("content-length", "content-length", "1", HOST),
        one("transfer-encoding", "Transfer-Encoding", "chunked", HOST),
        one("connection", "connection", "upgrade", HOST),
        one("proxy-authorization", "Proxy-Authorization", "Basic x", HOST),
        one("forwarded-for", "X-Forwarded-For", "127.0.0.1", HOST),
        one("idempotency-key", "idempotency-key", "1", HOST),
        delivers(
            "many-headers",
            "Wants 33 headers.",
            Request { headers: many, ..request("a") },
            "more than 32 headers",
        ),
        delivers(
            "long-header",
            "Wants a header of 5,000 bytes.",
            Request { headers: long, ..request("a") },
            "more than 32 headers",
        ),
    ]
}

fn others() -> Vec<Answered> {
    let (body, credential) = (vec![b'x'; (256 << 10) + 1], |name: &str| Some(name.to_owned()));
    vec![
        delivers(
            "large-body",
            "Wants a body of 256 KB and a byte sent.",
            Request { body, ..request("a") },
            "its body has 262145 bytes",
        ),
        delivers(
            "get-with-a-body",
            "Wants a body sent with a GET.",
            Request { method: Method::Get, ..request("a") },
            "a GET carries no body",
        ),
        delivers("long-name", "Gives a request a name of 65 letters.", request(&"n".repeat(65)), "name is not 1 to 64"),
        delivers("name-with-a-path", "Gives a request the name `../a`.", request("../a"), "name is not 1 to 64"),
        delivers(
            "no-such-credential",
            "Names a credential that the tenant has not.",
            Request { credential: credential("crm"), ..request("a") },
            "there is no credential \"crm\"",
        ),
        delivers(
            "credential-of-another-address",
            "Wants the shop's credential sent to the CRM.",
            Request { credential: credential("shop"), ..request("a") },
            "the credential \"shop\" is not for",
        ),
    ]
}

fn variables() -> Vec<Answered> {
    let shapes = |name, tried: &str, variables, refused| Answered {
        name,
        tried: tried.to_owned(),
        hook: Hook::ShapePayload,
        turn: Turn::Variables(variables),
        refused,
    };
    let many = (0..65).map(|n| (format!("v{n}"), String::new())).collect();
    let (long, dotted) = (vec![("v".to_owned(), "x".repeat(4097))], vec![("event.title".to_owned(), "x".to_owned())]);
    vec![
        shapes("many-variables", "Adds 65 variables to a pass.", many, "65 variables"),
        shapes("long-variable", "Adds a variable of 4,097 bytes to a pass.", long, "more than 4096 bytes"),
        shapes(
            "variable-of-the-host",
            "Adds a variable with the name of one of the host's.",
            dotted,
            "a variable's name is not",
        ),
    ]
}
