//! Where an address leads, for whoever reads it as browsers and most clients do: the URL standard of the WHATWG, by the crate `url`.
//!
//! Owns the comparison of that reading with ours. It shares no code with `http::Uri`, on which ours is built, and it is lenient where ours is strict, so
//! whatever ours accepts has to lead to the same place.

use passerelle_flow::address::Address;
use url::{Host, Url};

/// What a text leads to.
pub struct Origin {
    pub encrypted: bool,
    pub host: Host<String>,
    pub port: u16,
    pub url: Url,
}

impl Origin {
    /// Of a text that ours takes for an address. None: it is none, or its name is in Punycode.
    pub fn read(text: &str) -> Option<Self> {
        let authority = text.split_once("://").and_then(|(_, rest)| rest.split(['/', '?']).next())?;
        if is_punycode(authority) {
            return None;
        }
        let url = Url::parse(text).ok()?;
        let encrypted = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let host = url.host()?.to_owned();
        Some(Self { encrypted, host, port: url.port_or_known_default()?, url })
    }

    pub fn is_of(&self, address: &Address) -> bool {
        let host = match &self.host {
            Host::Domain(name) => *name == address.host,
            Host::Ipv4(number) => number.to_string() == address.host,
            Host::Ipv6(number) => {
                let literal = address.host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
                literal.is_some_and(|literal| literal.parse() == Ok(*number))
            }
        };
        host && (self.encrypted, self.port) == (address.encrypted, address.port)
    }

    /// Whether an entry of an allow-list, as it is written, is of this origin: label by label from the end.
    pub fn is_listed(&self, entry: &str) -> bool {
        let (wild, plain) = match entry.split_once("://*.") {
            Some((scheme, rest)) => (true, format!("{scheme}://{rest}")),
            None => (false, entry.to_owned()),
        };
        let Some(entry) = Self::read(&plain) else { return false };
        let named = match (&entry.host, &self.host) {
            (Host::Domain(wanted), Host::Domain(given)) if wild => {
                let (mut wanted, mut given) = (wanted.rsplit('.'), given.rsplit('.'));
                wanted.all(|label| given.next() == Some(label)) && given.next().is_some()
            }
            (wanted, given) => !wild && wanted == given,
        };
        named && (entry.encrypted, entry.port) == (self.encrypted, self.port)
    }
}

/// A name in Punycode is passed on as it is, and leads nowhere else than it says. The URL standard decodes it and judges its letters, for which the crate
/// is not asked: its tables are left out (docs/dependencies.md).
pub fn is_punycode(host: &str) -> bool {
    host.to_ascii_lowercase().split('.').any(|label| label.starts_with("xn--"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_punycode_is_not_asked_about_and_a_path_that_looks_like_one_is() {
        assert!(Origin::read("https://a.XN--e1afmkfd.example/").is_none());
        assert!(Origin::read("https://axn--b.example/xn--?xn--").is_some());
    }
}
