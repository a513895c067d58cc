//! A request that a plugin wants sent, judged before anything of it leaves.
//!
//! Owns what a request may be: its name, its address, its headers, its sizes, and the credential that it names. Does not own the sending
//! (`hooks::courier`), nor what the address resolves to (the host's egress). A request that only this tenant's list forbids is a *denial*, which the plugin
//! is told and may act on; one that no plugin may ever write is a *breach* of the contract, as a trap is.

use std::collections::HashSet;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};
use passerelle_contract::tenant::types as contract;

use super::allow::{Destination, permits, permitting};
use super::setup::{PluginLimits, PluginSetup, TEXT};
use crate::address::Address;

/// Characters of a request's name: it is part of an idempotency key and of a row's key.
const LONGEST_NAME: usize = 64;
/// Headers of a request: several times what any API asks for.
const MOST_HEADERS: usize = 32;
/// Bytes of a request's headers, names and values: what servers commonly take is 8 KB, and a credential joins them.
const HEADERS: usize = 4 << 10;

/// Variables of a pass that a plugin may add, bytes of each, and letters of a name: a pass has not room for more.
const MOST_VARIABLES: usize = 64;
const LONGEST_VARIABLE: usize = 4 << 10;
const LONGEST_VARIABLE_NAME: usize = 64;

/// Set by the host, by the credential, or by the connection; or a way to be taken for somebody else.
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
const RESERVED_PREFIXES: [&str; 4] = ["proxy-", "sec-", "spin-", "x-forwarded-"];

/// A request that may be sent: nothing else is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vetted {
    pub name: String,
    pub method: Method,
    pub address: Address,
    pub headers: Vec<(HeaderName, String)>,
    pub body: Bytes,
    /// A name that the tenant's setup has, bound to this address.
    pub credential: Option<String>,
    /// The entry of the list that permits it: what its requests are counted by. An entry for all names below one is one destination, or a plugin would
    /// have as many budgets as it can think of names.
    pub destination: Destination,
}

/// Why a request is not sent, in words for whoever set the plugin up. They hold no path, no header and no body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    #[error("request {name}: {origin} is not on the list of addresses that this plugin may call ([plugin] allow)")]
    NotAllowed { name: String, origin: String },
    #[error("request {name}: there is no credential {credential:?} ([plugin.credentials])")]
    NoCredential { name: String, credential: String },
    #[error("request {name}: the credential {credential:?} is not for {origin} ([plugin.credentials] hosts)")]
    NotBound { name: String, credential: String, origin: String },
}

/// What no plugin may write. Ends the event for it, as a trap does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    #[error("it wants {count} requests sent at once, more than the {most} that are allowed")]
    TooMany { count: usize, most: usize },
    #[error("a request's name is not 1 to 64 of a-z A-Z 0-9 . _ -")]
    Name,
    #[error("two requests have the name {0}")]
    SameName(String),
    #[error("request {name}: {why}")]
    Address { name: String, why: crate::address::AddressError },
    #[error("request {name}: more than {MOST_HEADERS} headers, or more than {HEADERS} bytes of them")]
    Headers { name: String },
    #[error("request {name}: a header's name or value has characters that no header may have")]
    Header { name: String },
    #[error("request {name}: the header {header} is the host's to set")]
    Reserved { name: String, header: String },
    #[error("request {name}: its body has {size} bytes, more than the {most} that are allowed")]
    Body { name: String, size: usize, most: usize },
    #[error("request {0}: a GET carries no body")]
    BodyOfGet(String),
    #[error("a request's name was asked for already: {0}")]
    AskedAlready(String),
    #[error("it asked more than {} times", super::setup::ROUNDS)]
    Endless,
    #[error("it asks for nothing: an `ask` without a request would go on for ever")]
    AskedNothing,
    #[error("{count} variables, or one of more than {most_bytes} bytes, are more than are allowed")]
    Variables { count: usize, most_bytes: usize },
    #[error("a variable's name is not 1 to 64 letters, digits and _")]
    Variable,
    #[error("its answer is none that this hook may give")]
    OtherHook,
}

/// A request that may be sent; or its name, and why it may not.
pub type Judged = Result<Vetted, (String, Denial)>;

/// All requests of one answer. The outer error is the plugin's breach, an inner one a denial of that request alone.
pub fn judge(requests: Vec<contract::Request>, setup: &PluginSetup) -> Result<Vec<Judged>, Breach> {
    let most = setup.limits.requests;
    if requests.len() > most {
        return Err(Breach::TooMany { count: requests.len(), most });
    }
    let mut names = HashSet::new();
    let mut judged = Vec::with_capacity(requests.len());
    for request in requests {
        if !is_name(&request.name) {
            return Err(Breach::Name);
        }
        if !names.insert(request.name.clone()) {
            return Err(Breach::SameName(request.name));
        }
        judged.push(one(request, setup)?);
    }
    Ok(judged)
}

fn one(request: contract::Request, setup: &PluginSetup) -> Result<Judged, Breach> {
    let contract::Request { name, method, url, headers, body, credential } = request;
    let address = Address::parse(&url).map_err(|why| Breach::Address { name: name.clone(), why })?;
    let headers = vetted_headers(&name, headers)?;
    let limits: &PluginLimits = &setup.limits;
    if body.len() > limits.request_body {
        return Err(Breach::Body { name, size: body.len(), most: limits.request_body });
    }
    let method = match method {
        contract::Method::Get if !body.is_empty() => return Err(Breach::BodyOfGet(name)),
        contract::Method::Get => Method::GET,
        contract::Method::Post => Method::POST,
        contract::Method::Put => Method::PUT,
        contract::Method::Patch => Method::PATCH,
        contract::Method::Delete => Method::DELETE,
    };
    let Some(destination) = permitting(&setup.allow, &address).cloned() else {
        return Ok(Err((name.clone(), Denial::NotAllowed { name, origin: address.origin() })));
    };
    if let Some(wanted) = &credential {
        match setup.credentials.get(wanted) {
            None => return Ok(Err((name.clone(), Denial::NoCredential { name, credential: wanted.clone() }))),
            Some(bound) if !permits(&bound.hosts, &address) => {
                let (credential, origin) = (wanted.clone(), address.origin());
                return Ok(Err((name.clone(), Denial::NotBound { name, credential, origin })));
            }
            Some(_) => {}
        }
    }
    Ok(Ok(Vetted { name, method, address, headers, body: body.into(), credential, destination }))
}

fn vetted_headers(name: &str, headers: Vec<(String, String)>) -> Result<Vec<(HeaderName, String)>, Breach> {
    let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if headers.len() > MOST_HEADERS || bytes > HEADERS {
        return Err(Breach::Headers { name: name.to_owned() });
    }
    let mut vetted = Vec::with_capacity(headers.len());
    for (header, value) in headers {
        let header: HeaderName = header.parse().map_err(|_| Breach::Header { name: name.to_owned() })?;
        // Neither a line break nor a NUL, so that nothing can be smuggled behind it.
        HeaderValue::from_str(&value).map_err(|_| Breach::Header { name: name.to_owned() })?;
        if is_reserved(&header) {
            return Err(Breach::Reserved { name: name.to_owned(), header: header.to_string() });
        }
        vetted.push((header, value));
    }
    Ok(vetted)
}

/// Is it a header that no plugin may write?
pub fn is_reserved(header: &HeaderName) -> bool {
    let header = header.as_str();
    RESERVED.contains(&header) || RESERVED_PREFIXES.iter().any(|prefix| header.starts_with(prefix))
}

pub fn is_name(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.len())
        && name.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-'))
}

/// What a plugin may add to a pass.
pub fn judge_variables(variables: &[(String, String)]) -> Result<(), Breach> {
    if variables.len() > MOST_VARIABLES || variables.iter().any(|(_, value)| value.len() > LONGEST_VARIABLE) {
        return Err(Breach::Variables { count: variables.len(), most_bytes: LONGEST_VARIABLE });
    }
    let named = |name: &str| {
        (1..=LONGEST_VARIABLE_NAME).contains(&name.len())
            && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
    };
    let all = variables.iter().all(|(name, _)| named(name));
    if all { Ok(()) } else { Err(Breach::Variable) }
}

/// A plugin's text for an operator's list: on one line, and no longer than that.
pub fn shown(text: &str) -> String {
    cut(text, TEXT)
}

/// The same, with so many characters.
pub fn cut(text: &str, most: usize) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(most).collect()
}

#[cfg(test)]
mod tests;
