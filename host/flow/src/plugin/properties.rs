//! Addresses, the allow-list and the judgement of requests against a second reading: written from RFC 3986 and RFC 9110, label by label and character
//! by character, without a parser in common.

use std::collections::HashSet;
use std::net::Ipv6Addr;

use http::Method;
use passerelle_contract::tenant::types::{Method as Wanted, Request};
use proptest::prelude::*;
use zeroize::Zeroizing;

use super::allow::{Destination, permits};
use super::credential::{Credential, Kind};
use super::request::{Vetted, judge};
use super::setup::PluginSetup;
use crate::address::Address;

/// What a text leads to, for whoever reads it with care.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Read {
    encrypted: bool,
    host: String,
    port: u16,
}

fn read(text: &str) -> Option<Read> {
    // What is not in RFC 3986 §2 cannot stand anywhere, nor a fragment, which is never sent.
    let allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/?[]@!$&'()*+,;=%";
    if text.chars().count() > 2048 || !text.chars().all(|c| allowed.contains(c)) {
        return None;
    }
    let (scheme, rest) = text.split_at(text.find(':')?);
    let encrypted = match scheme.to_lowercase().as_str() {
        "https" => true,
        "http" => false,
        _ => return None,
    };
    let rest = rest.strip_prefix("://")?;
    let authority = &rest[..rest.find(['/', '?']).unwrap_or(rest.len())];
    let (host, port) = if authority.starts_with('[') {
        let end = authority.find(']')?;
        authority[1..end].parse::<Ipv6Addr>().ok()?;
        authority.split_at(end + 1)
    } else {
        authority.split_at(authority.find(':').unwrap_or(authority.len()))
    };
    if !host.starts_with('[') {
        // The root's dot may stand at the end; no other label is empty.
        let labels: Vec<&str> = host.strip_suffix('.').unwrap_or(host).split('.').collect();
        let fits = |label: &&str| !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if !labels.iter().all(fits) {
            return None;
        }
        // What ends in a number is four numbers without superfluous zeros, or nothing (URL standard, "ends in a number").
        let last = labels.last()?.to_lowercase();
        let hexadecimal = last.strip_prefix("0x").is_some_and(|digits| digits.chars().all(|c| c.is_ascii_hexdigit()));
        if last.chars().all(|c| c.is_ascii_digit()) || hexadecimal {
            let plain = |part: &str| part.parse::<u8>().is_ok_and(|number| number.to_string() == part);
            if host.split('.').count() != 4 || !host.split('.').all(plain) {
                return None;
            }
        }
    }
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => {
            if encrypted {
                443
            } else {
                80
            }
        }
        Some(digits) if !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit()) => digits.parse().ok()?,
        _ => return None,
    };
    (port != 0).then(|| Read { encrypted, host: host.to_lowercase(), port })
}

/// Whether an entry of a list, as it is written, permits what was read: label by label from the end.
fn listed(entry: &str, read: &Read) -> bool {
    let (wild, plain) = match entry.strip_prefix("https://*.") {
        Some(rest) => (true, format!("https://{rest}")),
        None => (false, entry.to_owned()),
    };
    let Some(entry) = self::read(&plain) else { return false };
    let labels = |host: &str| host.split('.').rev().map(str::to_owned).collect::<Vec<_>>();
    let (wanted, given) = (labels(&entry.host), labels(&read.host));
    let named = match wild {
        true => given.len() > wanted.len() && given[..wanted.len()] == wanted[..],
        false => given == wanted,
    };
    named && (entry.encrypted, entry.port) == (read.encrypted, read.port)
}

/// Texts that are nearly addresses: what two parsers have read as two hosts before.
fn nearly() -> impl Strategy<Value = String> {
    const PARTS: &[&str] = &[
        "http",
        "https",
        "HTTPS",
        "://",
        ":",
        "//",
        "/",
        "\\",
        "@",
        "?",
        "#",
        "[",
        "]",
        "::1",
        "::ffff:127.0.0.1",
        "crm.example",
        "evil.example",
        "CRM.Example",
        ".",
        "..",
        "-",
        "443",
        "0",
        "00443",
        "65535",
        "65536",
        "+443",
        "%2e",
        "%",
        " ",
        "\t",
        "\r\n",
        "\0",
        "\u{e9}",
        "\u{3002}",
        "x",
        "*",
        "_",
        "~",
        "&",
        "=",
        "user:pw",
        "127.0.0.1",
        "127.1",
        "0x7f",
        "{",
        "|",
        "'",
        "(",
        ";",
    ];
    let parts = prop::collection::vec(prop::sample::select(PARTS), 0..7).prop_map(|parts| parts.concat());
    let begins = prop::sample::select(vec![
        "",
        "https://",
        "http://",
        "https://crm.example",
        "https://crm.example:443",
        "https://[::1]",
    ]);
    (begins, parts).prop_map(|(begin, rest)| format!("{begin}{rest}"))
}

fn host() -> impl Strategy<Value = String> {
    let label = prop::sample::select(vec!["crm", "example", "evil", "api", "xcrm", "CRM", "a-b", "1"]);
    let dot = prop::sample::select(vec!["", "", "", "."]);
    let name = (prop::collection::vec(label, 1..5), dot).prop_map(|(labels, dot)| labels.join(".") + dot);
    prop_oneof![9 => name, 1 => Just("[::1]".to_owned()), 1 => Just("10.0.0.1".to_owned())]
}

fn origin() -> impl Strategy<Value = String> {
    let scheme = prop::sample::select(vec!["https", "https", "https", "HTTPS", "http"]);
    let port = prop::sample::select(vec!["", "", ":443", ":0443", ":8443", ":80"]);
    (scheme, host(), port).prop_map(|(scheme, host, port)| format!("{scheme}://{host}{port}"))
}

fn entry() -> impl Strategy<Value = String> {
    let known =
        prop::sample::select(vec!["https://crm.example", "https://*.crm.example", "https://*.example.crm:8443"]);
    let wild = prop::sample::select(vec!["", "", "*."]);
    let port = prop::sample::select(vec!["", "", ":443", ":8443"]);
    let any = (wild, host(), port).prop_map(|(wild, host, port)| format!("https://{wild}{host}{port}"));
    prop_oneof![1 => known.prop_map(str::to_owned), 2 => any]
}

fn url() -> impl Strategy<Value = String> {
    let path = prop::sample::select(vec!["", "/", "/a?b=c", "?q", "//evil.example/", "/@evil.example"]);
    prop_oneof![3 => (origin(), path).prop_map(|(origin, path)| origin + path), 1 => nearly()]
}

fn header() -> impl Strategy<Value = (String, String)> {
    let name = prop::sample::select(vec![
        "x-a",
        "Content-Type",
        "Authorization",
        "cookie",
        "HOST",
        "Content-Length",
        "transfer-encoding",
        "proxy-x",
        "x-forwarded-for",
        "te",
        "x a",
        "",
        "x\r\ny",
        "x:y",
        "\u{e9}",
        "accept",
    ]);
    let value =
        prop::sample::select(vec!["", "a", "a b", "\t", "a\r\nb: c", "a\nb", "\0", "\u{7f}", "\u{e9}", "\u{1b}[31m"]);
    (name.prop_map(str::to_owned), value.prop_map(str::to_owned))
}

fn request() -> impl Strategy<Value = Request> {
    let name = prop_oneof![4 => "[a-d]", 1 => prop::sample::select(vec!["", "a/b", "\u{e9}", "a b", "a\n"]).prop_map(str::to_owned)];
    let method = prop::sample::select(vec![Wanted::Get, Wanted::Post, Wanted::Put, Wanted::Patch, Wanted::Delete]);
    let headers = prop::collection::vec(header(), 0..3);
    let credential = prop::option::weighted(0.3, prop::sample::select(vec!["crm", "none", ""]).prop_map(str::to_owned));
    // Empty, small, and at the limits, without making a body of that size each time.
    let body = prop_oneof![4 => Just(0_usize), 4 => Just(3), 1 => Just(256 << 10), 1 => Just((256 << 10) + 1)];
    (name, method, url(), headers, body, credential).prop_map(|(name, method, url, headers, body, credential)| {
        Request { name, method, url, headers, body: vec![b'x'; body], credential }
    })
}

/// Nothing in it that RFC 9110 does not allow, and nothing that is the host's.
fn clean(name: &str, value: &str) -> bool {
    const HOSTS: &[&str] = &[
        "authorization",
        "connection",
        "content-length",
        "cookie",
        "cookie2",
        "expect",
        "forwarded",
        "host",
        "http2-settings",
        "idempotency-key",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "via",
    ];
    let token =
        !name.is_empty() && name.chars().all(|c| "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz".contains(c));
    let hosts = HOSTS.contains(&name)
        || ["proxy-", "sec-", "spin-", "x-forwarded-"].iter().any(|prefix| name.starts_with(prefix));
    token && !hosts && value.bytes().all(|byte| byte == b'\t' || byte >= b' ' && byte != 0x7f)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_address_is_what_a_second_reading_makes_of_it(text in prop_oneof![nearly(), url()]) {
        let first = Address::parse(&text).ok();
        let first = first.map(|it| Read { encrypted: it.encrypted, host: it.host, port: it.port });
        prop_assert_eq!(first, read(&text), "{:?}", text);
    }

    #[test]
    fn an_address_that_is_one_leads_to_the_path_behind_its_authority(text in url()) {
        if let Ok(address) = Address::parse(&text) {
            let rest = &text[text.find("://").unwrap() + 3..];
            let path = &rest[rest.find(['/', '?']).unwrap_or(rest.len())..];
            let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
            prop_assert_eq!(address.path, path);
        }
    }

    #[test]
    fn a_list_permits_what_a_second_reading_finds_on_it(entries in prop::collection::vec(entry(), 0..4), text in url()) {
        let list: Vec<(String, Destination)> =
            entries.into_iter().filter_map(|entry| Some((entry.clone(), Destination::parse(&entry, false).ok()?))).collect();
        if let (Ok(address), Some(read)) = (Address::parse(&text), read(&text)) {
            let found = list.iter().any(|(entry, _)| listed(entry, &read));
            let list: Vec<Destination> = list.into_iter().map(|(_, destination)| destination).collect();
            prop_assert_eq!(permits(&list, &address), found, "{} by {:?}", text, list);
        }
    }

    /// What is no entry grants nothing, and what is one says again what it grants.
    #[test]
    fn an_entry_is_written_as_it_is_read(text in prop_oneof![entry(), nearly()]) {
        if let Ok(destination) = Destination::parse(&text, true) {
            prop_assert_eq!(Destination::parse(&destination.to_string(), true), Ok(destination), "{}", text);
        }
    }

    #[test]
    fn a_request_that_may_be_sent_is_allowed_bound_and_clean(
        requests in prop::collection::vec(request(), 0..18),
        entries in prop::collection::vec(entry(), 0..4),
        bound in prop::collection::vec(entry(), 0..2),
    ) {
        // What is no entry never gets into a list.
        let is_entry = |entry: &String| Destination::parse(entry, false).is_ok();
        let [entries, bound] = [entries, bound].map(|list| list.into_iter().filter(is_entry).collect::<Vec<_>>());
        let destinations = |entries: &[String]| -> Vec<Destination> {
            entries.iter().filter_map(|entry| Destination::parse(entry, false).ok()).collect()
        };
        let credential = Credential { hosts: destinations(&bound), kind: Kind::Bearer { token: Zeroizing::new("t".into()) } };
        let credentials = [("crm".to_owned(), credential)].into();
        let setup = PluginSetup { allow: destinations(&entries), credentials, ..PluginSetup::default() };
        let Ok(judged) = judge(requests.clone(), &setup) else { return Ok(()) };

        prop_assert!(judged.len() == requests.len() && requests.len() <= 16);
        let names: HashSet<&str> = requests.iter().map(|request| request.name.as_str()).collect();
        prop_assert_eq!(names.len(), requests.len());
        for (request, judged) in requests.iter().zip(judged) {
            let read = read(&request.url);
            let allowed = read.as_ref().is_some_and(|read| entries.iter().any(|entry| listed(entry, read)));
            let may = match &request.credential {
                None => true,
                Some(name) => name == "crm" && read.as_ref().is_some_and(|read| bound.iter().any(|entry| listed(entry, read))),
            };
            prop_assert_eq!(judged.is_ok(), allowed && may, "{:?}", request.url);
            if let Ok(vetted) = judged {
                let Vetted { name, method, address, headers, body, credential, .. } = vetted;
                prop_assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c)) && (1..=64).contains(&name.len()));
                prop_assert_eq!((address.as_str(), &credential), (request.url.as_str(), &request.credential));
                prop_assert!(method != Method::GET || body.is_empty());
                prop_assert!(body == request.body && body.len() <= 256 << 10);
                prop_assert!(headers.iter().all(|(name, value)| clean(name.as_str(), value)));
                prop_assert_eq!(headers.len(), request.headers.len());
            }
        }
    }
}
