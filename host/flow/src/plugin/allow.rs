//! Whom a tenant's plugin may call: the tenant's list, as data, and whether it permits an address.
//!
//! Owns the form of an entry and the comparison. It judges names only; what a name resolves to is judged by the host when it dials, so that both
//! have to agree. An entry grants nothing by itself: without a list, no request leaves.

use std::fmt;
use std::net::Ipv4Addr;

use crate::address::{Address, AddressError};

/// `https://api.crm.example`, `https://*.crm.example`, `https://crm.example:8443`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Destination {
    encrypted: bool,
    host: Host,
    port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Host {
    Exactly(String),
    /// Every name below it, however deep, and not itself. With its leading dot.
    Below(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    #[error("must be scheme, host and port, such as https://api.crm.example or https://*.crm.example:8443")]
    Form,
    #[error(
        "must begin with https://; http:// is for trials on one machine, with plain_http = true under [egress] of passerelle.toml"
    )]
    NotEncrypted,
    #[error(
        "must not be a whole top-level domain, below which everybody may buy a name, nor a number, below which there is none"
    )]
    TooWide,
}

impl Destination {
    /// # Examples
    ///
    /// ```
    /// use passerelle_flow::address::Address;
    /// use passerelle_flow::plugin::allow::Destination;
    ///
    /// let below = Destination::parse("https://*.crm.example", false).unwrap();
    /// assert!(below.permits(&Address::parse("https://eu.api.crm.example/x").unwrap()));
    /// assert!(!below.permits(&Address::parse("https://crm.example/x").unwrap()));
    /// assert!(!below.permits(&Address::parse("https://crm.example.evil.example/x").unwrap()));
    /// ```
    pub fn parse(text: &str, plain_http: bool) -> Result<Self, DestinationError> {
        let (wild, plain) = match text.split_once("://*.") {
            Some((scheme, rest)) => (true, format!("{scheme}://{rest}")),
            None => (false, text.to_owned()),
        };
        let address = Address::parse(&plain).map_err(|error| match error {
            AddressError::Form | AddressError::UserInfo | AddressError::Fragment => DestinationError::Form,
        })?;
        // The address adds the slash that was not written.
        let after = plain.split_once("://").map_or("", |(_, rest)| rest);
        if after.contains(['/', '?']) {
            return Err(DestinationError::Form);
        }
        if !address.encrypted && !plain_http {
            return Err(DestinationError::NotEncrypted);
        }
        if address.host.ends_with('.') || address.host.starts_with('.') || address.host.contains("..") {
            return Err(DestinationError::Form);
        }
        let is_number = address.host.starts_with('[') || address.host.parse::<Ipv4Addr>().is_ok();
        let host = match wild {
            true if !address.host.contains('.') || is_number => {
                return Err(DestinationError::TooWide);
            }
            true => Host::Below(format!(".{}", address.host)),
            false => Host::Exactly(address.host),
        };
        Ok(Self { encrypted: address.encrypted, host, port: address.port })
    }

    /// A name with a dot at its end is another name here, although it resolves alike: nobody writes it but who wants to be taken for another.
    pub fn permits(&self, address: &Address) -> bool {
        let host = match &self.host {
            Host::Exactly(host) => *host == address.host,
            Host::Below(suffix) => address.host.len() > suffix.len() && address.host.ends_with(suffix.as_str()),
        };
        host && self.encrypted == address.encrypted && self.port == address.port
    }
}

/// As it is written.
impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, usual) = if self.encrypted { ("https", 443) } else { ("http", 80) };
        match &self.host {
            Host::Exactly(host) => write!(f, "{scheme}://{host}")?,
            Host::Below(suffix) => write!(f, "{scheme}://*{suffix}")?,
        }
        if self.port == usual { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

/// Whether any of them does.
pub fn permits(list: &[Destination], address: &Address) -> bool {
    permitting(list, address).is_some()
}

/// The first that does.
pub fn permitting<'a>(list: &'a [Destination], address: &Address) -> Option<&'a Destination> {
    list.iter().find(|destination| destination.permits(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Destination, DestinationError> {
        Destination::parse(text, false)
    }

    #[test]
    fn an_entry_is_scheme_host_and_port_and_nothing_else() {
        for text in [
            "https://crm.example",
            "https://crm.example:8443",
            "https://*.crm.example",
            "https://[2001:db8::1]",
            "https://10.0.0.1",
        ] {
            assert!(of(text).is_ok(), "{text}");
        }
        for text in [
            "crm.example",
            "*",
            "https://*",
            "https://crm.example/",
            "https://crm.example/path",
            "https://crm.example?x",
            "https://user@crm.example",
            "https://crm.example.",
            "https://.crm.example",
            "https://a..b.example",
            "ftp://crm.example",
            "https://*.*.example",
            "https://cr*m.example",
            "https://crm.example:0",
            "https://crm.example:",
            "https://bücher.example",
            " https://crm.example",
        ] {
            assert_eq!(of(text), Err(DestinationError::Form), "{text}");
        }
        for text in ["https://*.com", "https://*.10.0.0.1", "https://*.[::1]"] {
            assert_eq!(of(text), Err(DestinationError::TooWide), "{text}");
        }
        assert_eq!(of("http://crm.example"), Err(DestinationError::NotEncrypted));
        assert!(Destination::parse("http://127.0.0.1:8080", true).is_ok());
    }

    #[test]
    fn an_address_is_permitted_by_scheme_host_and_port_together() {
        let exact = of("https://crm.example").unwrap();
        let cases = [
            ("https://crm.example", true),
            ("https://CRM.Example/a?b", true),
            ("https://crm.example:443/", true),
            ("https://crm.example:444/", false),
            ("http://crm.example/", false),
            ("https://crm.example./", false),
            ("https://api.crm.example/", false),
            ("https://xcrm.example/", false),
            ("https://crm.example.evil.example/", false),
        ];
        for (text, permitted) in cases {
            assert_eq!(exact.permits(&Address::parse(text).unwrap()), permitted, "{text}");
        }
        let below = of("https://*.crm.example:8443").unwrap();
        for (text, permitted) in [
            ("https://a.crm.example:8443", true),
            ("https://a.b.crm.example:8443", true),
            ("https://crm.example:8443", false),
            ("https://.crm.example:8443", false),
            ("https://acrm.example:8443", false),
            ("https://a.crm.example", false),
        ] {
            assert_eq!(Address::parse(text).is_ok_and(|address| below.permits(&address)), permitted, "{text}");
        }
    }
}
