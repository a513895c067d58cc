//! What a plugin asks for, over any requests, variables, lists and credentials.
//!
//! Owns a second judge, written from `wit/tenant` and docs/plugins.md: it says beforehand whether an answer breaks the contract, and which request is sent and
//! which is denied. Records: an entry of the list (`a`), a credential with its hosts (`c`), the limits of requests and body (`l`), a request (`r`: name,
//! method, address, credential behind `=`, body, and pairs of headers), a variable (`v`).

use std::collections::{BTreeMap, HashSet};

use passerelle_contract::tenant::types::{Method, Request};
use passerelle_flow::address::Address;
use passerelle_flow::plugin::allow::Destination;
use passerelle_flow::plugin::credential::{Credential, Kind};
use passerelle_flow::plugin::request::{Denial, Judged, Vetted, judge, judge_variables, shown};
use passerelle_flow::plugin::setup::PluginSetup;
use zeroize::Zeroizing;

use crate::origin::{Origin, is_punycode};
use crate::{Held, holds, script};

/// Of a request: characters of its name, its headers and their bytes. Of a pass: its variables, bytes of each, characters of a name. Characters of
/// a text for an operator. All docs/plugins.md's.
const NAME: usize = 64;
const HEADERS: usize = 32;
const HEADER_BYTES: usize = 4096;
const VARIABLES: usize = 64;
const VARIABLE: usize = 4096;
const TEXT: usize = 256;

const RESERVED: [&str; 18] = [
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
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
];
const RESERVED_FAMILIES: [&str; 4] = ["proxy-", "sec-", "spin-", "x-forwarded-"];

/// An input, read.
#[derive(Default)]
pub struct Asked {
    setup: PluginSetup,
    /// As they are written; those that are entries.
    allow: Vec<String>,
    bound: BTreeMap<String, Vec<String>>,
    pub requests: Vec<Request>,
    variables: Vec<(String, String)>,
}

pub fn check(data: &[u8]) -> Held {
    let asked = Asked::read(data);
    told(&asked.requests)?;
    let variables = judge_variables(&asked.variables).is_ok();
    holds!(variables == may_be_added(&asked.variables), "variables accepted: {variables}, {:?}", asked.variables);
    asked.is_judged_as(judge(asked.requests.clone(), &asked.setup).ok())
}

impl Asked {
    pub fn read(data: &[u8]) -> Self {
        let mut asked = Self::default();
        for (kind, rest) in script::records(data) {
            let mut fields = script::fields(rest);
            let mut next = || fields.next().map(script::text).unwrap_or_default();
            match kind {
                b'a' => asked.allow.extend(is_entry(next())),
                b'c' => {
                    let name = next();
                    let hosts = fields.filter_map(|field| is_entry(script::text(field))).collect();
                    asked.bound.insert(name, hosts);
                }
                b'l' => {
                    let limits = &mut asked.setup.limits;
                    limits.requests = next().parse().unwrap_or(limits.requests);
                    limits.request_body = next().parse().unwrap_or(limits.request_body);
                }
                b'r' => {
                    let (name, method, url, credential) = (next(), method(&next()), next(), next());
                    let body = fields.next().map(script::bytes).unwrap_or_default();
                    let credential = credential.strip_prefix('=').map(str::to_owned);
                    let rest: Vec<String> = fields.map(script::text).collect();
                    let pairs = rest.chunks(2).filter_map(|pair| Some((pair.first()?.clone(), pair.get(1)?.clone())));
                    asked.requests.push(Request { name, method, url, headers: pairs.collect(), body, credential });
                }
                b'v' => asked.variables.push((next(), next())),
                _ => {}
            }
        }
        asked.setup.allow = destinations(&asked.allow);
        let kind = || Kind::Bearer { token: Zeroizing::new("t".to_owned()) };
        let credential = |hosts: &Vec<String>| Credential { hosts: destinations(hosts), kind: kind() };
        asked.setup.credentials = asked.bound.iter().map(|(name, hosts)| (name.clone(), credential(hosts))).collect();
        asked
    }

    /// None: all of them together break the contract.
    pub fn is_judged_as(&self, judged: Option<Vec<Judged>>) -> Held {
        let names: HashSet<&str> = self.requests.iter().map(|request| request.name.as_str()).collect();
        let few = self.requests.len() <= self.setup.limits.requests && names.len() == self.requests.len();
        let clean =
            few && self.requests.iter().all(|request| keeps_the_contract(request, self.setup.limits.request_body));
        holds!(judged.is_some() == clean, "accepted: {}, {:?}", judged.is_some(), self.requests);
        let judged = judged.unwrap_or_default();
        holds!(!clean || judged.len() == self.requests.len(), "{} judged of {}", judged.len(), self.requests.len());
        self.requests.iter().zip(&judged).try_for_each(|(request, judged)| self.is_as(request, judged))
    }

    fn is_as(&self, request: &Request, judged: &Judged) -> Held {
        let url = request.url.as_str();
        let Some(origin) = Origin::read(url) else {
            let unread = Address::parse(url).is_ok_and(|address| is_punycode(&address.host));
            holds!(unread, "{url:?} is an address for nobody else");
            return Ok(());
        };
        let on = |list: &[String]| list.iter().any(|entry| origin.is_listed(entry));
        // Of an IPv6 address, which has many spellings, ours knows only the one that is written.
        let spelled = matches!(origin.host, url::Host::Ipv6(_));
        let denied = match judged {
            Ok(vetted) => {
                is_the_same(vetted, request)?;
                holds!(origin.is_of(&vetted.address), "{url:?} leads to {}", vetted.address.origin());
                None
            }
            Err((name, denial)) => {
                holds!(*name == request.name, "{name:?} is denied in the place of {:?}", request.name);
                says_no_more_than_it_may(denial, request)?;
                Some(denial)
            }
        };
        let credential = request.credential.as_ref().map(|name| self.bound.get(name));
        let right = match (denied, credential) {
            (Some(Denial::NotAllowed { .. }), _) => spelled || !on(&self.allow),
            (_, _) if !on(&self.allow) => false,
            (Some(Denial::NoCredential { .. }), credential) => credential == Some(None),
            (Some(Denial::NotBound { .. }), Some(Some(hosts))) => spelled || !on(hosts),
            (Some(Denial::NotBound { .. }), _) => false,
            (None, None) => true,
            (None, Some(hosts)) => hosts.is_some_and(|hosts| on(hosts)),
        };
        holds!(right, "{url:?} with {:?} is judged as {denied:?}", request.credential);
        Ok(())
    }
}

fn is_entry(text: String) -> Option<String> {
    Destination::parse(&text, false).is_ok().then_some(text)
}

fn destinations(entries: &[String]) -> Vec<Destination> {
    entries.iter().filter_map(|entry| Destination::parse(entry, false).ok()).collect()
}

fn method(text: &str) -> Method {
    match text {
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "PATCH" => Method::Patch,
        "DELETE" => Method::Delete,
        _ => Method::Get,
    }
}

fn keeps_the_contract(request: &Request, most: usize) -> bool {
    let Request { name, method, url, headers, body, .. } = request;
    let named =
        (1..=NAME).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    let few = headers.len() <= HEADERS && bytes <= HEADER_BYTES;
    let body = body.len() <= most && (body.is_empty() || !matches!(method, Method::Get));
    // Whether it is an address is the business of another target.
    named && few && body && headers.iter().all(|(name, value)| is_header(name, value)) && Address::parse(url).is_ok()
}

/// RFC 9110 §5.1 and §5.5, and nothing that is the host's to set.
fn is_header(name: &str, value: &str) -> bool {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let lower = name.to_ascii_lowercase();
    let hosts = RESERVED.contains(&lower.as_str()) || RESERVED_FAMILIES.iter().any(|family| lower.starts_with(family));
    let plain = value.bytes().all(|byte| byte == b'\t' || byte >= b' ' && byte != 0x7f);
    !name.is_empty() && name.chars().all(token) && !hosts && plain
}

fn is_the_same(vetted: &Vetted, request: &Request) -> Held {
    let method = match request.method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Patch => "PATCH",
        Method::Delete => "DELETE",
    };
    let same = vetted.name == request.name
        && vetted.method.as_str() == method
        && vetted.address.as_str() == request.url
        && vetted.body == request.body
        && vetted.credential == request.credential;
    let headers = vetted.headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.clone()));
    let wanted = request.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
    holds!(same && headers.eq(wanted), "{vetted:?} of {request:?}");
    Ok(())
}

/// No path, no header, no body: what is left when name, origin and credential are taken out are words of our own.
fn says_no_more_than_it_may(denial: &Denial, request: &Request) -> Held {
    let origin = Address::parse(&request.url).map(|address| address.origin()).unwrap_or_default();
    let credential = request.credential.clone().unwrap_or_default();
    let name = &request.name;
    let right = match denial {
        Denial::NotAllowed { .. } => {
            format!(
                "request {name}: {origin} is not on the list of addresses that this plugin may call ([plugin] allow)"
            )
        }
        Denial::NoCredential { .. } => {
            format!("request {name}: there is no credential {credential:?} ([plugin.credentials])")
        }
        Denial::NotBound { .. } => {
            format!("request {name}: the credential {credential:?} is not for {origin} ([plugin.credentials] hosts)")
        }
    };
    holds!(denial.to_string() == right, "{denial}");
    Ok(())
}

fn may_be_added(variables: &[(String, String)]) -> bool {
    let named =
        |name: &str| (1..=64).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    variables.len() <= VARIABLES && variables.iter().all(|(name, value)| named(name) && value.len() <= VARIABLE)
}

/// A plugin's words on an operator's screen: one line, and no longer than that.
fn told(requests: &[Request]) -> Held {
    for request in requests {
        let line = shown(&String::from_utf8_lossy(&request.body));
        holds!(line.chars().count() <= TEXT && !line.contains(char::is_control), "shown as {line:?}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETUP: &str = "ahttps://crm.example\x1eccrm\x1fhttps://crm.example\x1e";
    const GOOD: &str = "ra\x1fPOST\x1fhttps://crm.example/x\x1f=crm\x1f{}\x1fX-A\x1f1";

    fn asked(request: &str) -> Asked {
        Asked::read(format!("{SETUP}{request}").as_bytes())
    }

    #[test]
    fn a_request_that_is_sent_and_should_not_be_is_found() {
        let judged = judge(asked(GOOD).requests, &asked(GOOD).setup).unwrap();
        assert!(judged[0].is_ok());
        assert_eq!(asked(GOOD).is_judged_as(Some(judged.clone())), Ok(()));
        assert!(asked(GOOD).is_judged_as(None).is_err(), "a good one is no breach");
        for other in [
            "ra\x1fPOST\x1fhttps://evil.example/x\x1f=crm\x1f{}\x1fX-A\x1f1",
            "ra\x1fPOST\x1fhttps://crm.example/x\x1f=other\x1f{}\x1fX-A\x1f1",
            "ra\x1fGET\x1fhttps://crm.example/x\x1f=crm\x1f{}\x1fX-A\x1f1",
            "ra\x1fPOST\x1fhttps://crm.example/x\x1f=crm\x1f{}\x1fCookie\x1f1",
            "ra\x1fPOST\x1fhttps://crm.example/x\x1f=crm\x1f{}\x1fX-A\x1f1\r\nb: c",
            "ra/b\x1fPOST\x1fhttps://crm.example/x\x1f=crm\x1f{}\x1fX-A\x1f1",
            "ra\x1fPOST\x1fhttps://crm.example/x\x1f=crm\x1f{}\x1fX-B\x1f1",
            "ra\x1fPOST\x1fhttps://crm.example/x\x1f=crm\x1fx\x1d262145\x1fX-A\x1f1",
        ] {
            assert!(asked(other).is_judged_as(Some(judged.clone())).is_err(), "{other:?}");
        }
    }

    #[test]
    fn a_denial_for_another_reason_or_with_a_path_in_it_is_found() {
        let denied = |denial: Denial| Some(vec![Err(("a".to_owned(), denial))]);
        let name = || "a".to_owned();
        let origin = || "https://crm.example:443".to_owned();
        for wrong in [
            Denial::NotAllowed { name: name(), origin: origin() },
            Denial::NotBound { name: name(), credential: "crm".to_owned(), origin: origin() },
            Denial::NoCredential { name: name(), credential: "crm".to_owned() },
        ] {
            assert!(asked(GOOD).is_judged_as(denied(wrong.clone())).is_err(), "{wrong}");
        }
        let elsewhere = asked("ra\x1fPOST\x1fhttps://evil.example/secret");
        let origin = "https://evil.example:443";
        let with = |origin: &str| denied(Denial::NotAllowed { name: name(), origin: origin.to_owned() });
        assert_eq!(elsewhere.is_judged_as(with(origin)), Ok(()));
        assert!(elsewhere.is_judged_as(with("https://evil.example:443/secret")).is_err());
    }

    #[test]
    fn variables_are_few_short_and_named() {
        let one = |name: &str, value: usize| vec![(name.to_owned(), "x".repeat(value))];
        assert!(may_be_added(&one("tier_1", VARIABLE)));
        for bad in [one("", 1), one("a-b", 1), one("a", VARIABLE + 1), vec![one("a", 1).remove(0); VARIABLES + 1]] {
            assert!(!may_be_added(&bad));
        }
    }
}
