//! `allowed_outbound_hosts`: which addresses a component may call.
//!
//! `scheme://host[:port]`, with `*` for each, `*.domain`, networks in CIDR notation, port ranges `a..b` (the end excluded, as Spin has
//! it), and `self` for the application's own address. Judged by name, before anything is resolved.

use std::net::IpAddr;

use http::Uri;

/// The name by which a component calls its own application.
pub const SELF: &str = "self.alt";
/// `<component>.spin.internal` is another component of the same application.
const INTERNAL: &str = "spin.internal";

#[derive(Debug, Clone, Default)]
pub struct AllowedHosts(Vec<AllowedHost>);

#[derive(Debug, Clone)]
struct AllowedHost {
    /// None: any.
    scheme: Option<String>,
    host: Host,
    ports: Ports,
}

#[derive(Debug, Clone)]
enum Host {
    Any,
    Myself,
    /// With its leading dot.
    Below(String),
    Network(IpAddr, u8),
    Name(String),
}

#[derive(Debug, Clone)]
enum Ports {
    Any,
    Range(std::ops::Range<u32>),
}

impl AllowedHosts {
    pub fn parse(texts: &[String]) -> Result<Self, String> {
        texts.iter().map(|text| AllowedHost::parse(text)).collect::<Result<_, _>>().map(Self)
    }

    pub fn allow(&self, uri: &Uri) -> bool {
        let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else { return false };
        if host == SELF {
            return self
                .0
                .iter()
                .any(|allowed| allowed.scheme_is(scheme) && matches!(allowed.host, Host::Any | Host::Myself));
        }
        let host = host.to_ascii_lowercase();
        let Some(port) = uri.port_u16().or_else(|| well_known_port(scheme)) else { return false };
        self.0.iter().any(|allowed| allowed.scheme_is(scheme) && allowed.host.is(&host) && allowed.ports.contain(port))
    }
}

impl AllowedHost {
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| Err(format!("`{text}` {why}"));
        let Some((scheme, rest)) = text.trim().split_once("://") else {
            return wrong("has no scheme");
        };
        if scheme != "*" && !scheme.chars().all(char::is_alphabetic) {
            return wrong("has a scheme that is none");
        }
        let (host, port) = match rest.trim_end_matches('/').rsplit_once(':') {
            // The colons of an IPv6 address are inside brackets.
            Some((host, port)) if !port.ends_with(']') => (host, port),
            _ => (rest.trim_end_matches('/'), ""),
        };
        if port.contains('/') || host.contains('{') {
            return wrong("has a path or a list, and may have neither");
        }
        let ports = match port {
            "*" => Ports::Any,
            "" => match well_known_port(scheme) {
                Some(port) => Ports::Range(port.into()..u32::from(port) + 1),
                None => return wrong("needs a port, because its scheme has no usual one"),
            },
            port => {
                let number = |text: &str| text.parse::<u16>().map(u32::from);
                let range = match port.split_once("..") {
                    Some((start, end)) => number(start).and_then(|start| Ok(start..number(end)?)),
                    None => number(port).map(|port| port..port + 1),
                };
                match range {
                    Ok(range) => Ports::Range(range),
                    Err(_) => return wrong("has a port that is no number"),
                }
            }
        };
        let Some(host) = Host::parse(host) else { return wrong("has a wildcard or a path where there may be none") };
        Ok(Self { scheme: (scheme != "*").then(|| scheme.to_owned()), host, ports })
    }

    fn scheme_is(&self, scheme: &str) -> bool {
        self.scheme.as_deref().is_none_or(|own| own == scheme)
    }
}

impl Host {
    fn parse(text: &str) -> Option<Self> {
        if let Some((network, bits)) = network(text) {
            return Some(Self::Network(network, bits));
        }
        match text {
            "*" => Some(Self::Any),
            "self" | SELF => Some(Self::Myself),
            _ => match text.strip_prefix('*') {
                Some(domain) if domain.starts_with('.') && !domain.contains(['*', '/']) => {
                    Some(Self::Below(domain.to_owned()))
                }
                None if !text.is_empty() && !text.contains(['*', '/']) => Some(Self::Name(text.to_owned())),
                _ => None,
            },
        }
    }

    fn is(&self, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Myself => false,
            Self::Below(domain) => host.ends_with(domain.as_str()),
            Self::Name(name) => host == name,
            Self::Network(network, bits) => {
                let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
                address.is_ok_and(|address| prefix(address, *bits) == prefix(*network, *bits))
            }
        }
    }
}

impl Ports {
    fn contain(&self, port: u16) -> bool {
        match self {
            Self::Any => true,
            Self::Range(range) => range.contains(&port.into()),
        }
    }
}

/// `127.0.0.1`, `10.0.0.0/8`, `[::1]`.
fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits.parse::<u8>().ok()?)),
        None => (text, None),
    };
    let address: IpAddr = address.trim_start_matches('[').trim_end_matches(']').parse().ok()?;
    let all = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.unwrap_or(all);
    (bits <= all).then_some((address, bits))
}

/// The first bits of an address, and which kind it is.
fn prefix(address: IpAddr, bits: u8) -> (bool, u128) {
    let (value, all) = match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    (address.is_ipv4(), value.checked_shr(all - u32::from(bits)).unwrap_or(0))
}

/// Spin's list: what a scheme without a port means.
fn well_known_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        "postgres" => Some(5432),
        "mysql" => Some(3306),
        "redis" => Some(6379),
        "mqtt" => Some(1883),
        _ => None,
    }
}

/// The component that `http://<component>.spin.internal/…` means.
pub fn neighbour(uri: &Uri) -> Option<String> {
    let (component, domain) = uri.host()?.split_once('.')?;
    (domain == INTERNAL).then(|| component.to_owned())
}

/// Whether a `Host` header claims to come from inside.
pub fn claims_inside(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name.split_once('.').is_some_and(|(_, domain)| domain == INTERNAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(allowed: &str, uri: &str) -> bool {
        AllowedHosts::parse(&[allowed.to_owned()]).unwrap().allow(&uri.parse().unwrap())
    }

    #[test]
    fn each_form_lets_through_what_it_says_and_nothing_else() {
        for (allowed, yes, no) in [
            ("https://example.org", "https://example.org/a", "http://example.org/a"),
            ("https://example.org", "https://EXAMPLE.org:443", "https://example.org:444"),
            ("https://*.example.org", "https://a.example.org", "https://example.org"),
            ("https://*.example.org", "https://a.b.example.org", "https://anexample.org"),
            ("http://127.0.0.1:*", "http://127.0.0.1:1234", "http://127.0.0.2:1234"),
            ("http://10.0.0.0/8:80", "http://10.1.2.3", "http://11.1.2.3"),
            ("http://[::1]:80", "http://[::1]/", "http://[::2]/"),
            ("http://host:8000..8002", "http://host:8001", "http://host:8002"),
            ("*://host:*", "https://host:1", "https://other:1"),
            ("http://self", "http://self.alt/x", "http://127.0.0.1/x"),
            ("http://worker.spin.internal", "http://worker.spin.internal/x", "http://other.spin.internal/x"),
        ] {
            assert!(allows(allowed, yes), "{allowed} should allow {yes}");
            assert!(!allows(allowed, no), "{allowed} should not allow {no}");
        }
    }

    #[test]
    fn what_is_not_a_host_is_refused() {
        for text in [
            "*",
            "example.org",
            "https://a*.org",
            "https://example.org/path/x",
            "ftp://x",
            "http://x:a",
            "{a}://x",
            "http://",
        ] {
            assert!(AllowedHosts::parse(&[text.to_owned()]).is_err(), "{text}");
        }
    }

    #[test]
    fn nothing_listed_means_nothing_allowed() {
        assert!(!AllowedHosts::default().allow(&"https://example.org".parse().unwrap()));
    }

    #[test]
    fn a_neighbour_is_told_by_its_name() {
        assert_eq!(neighbour(&"http://worker.spin.internal/a".parse().unwrap()).as_deref(), Some("worker"));
        assert_eq!(neighbour(&"http://a.b.spin.internal/a".parse().unwrap()), None);
        assert_eq!(neighbour(&"http://spin.internal/a".parse().unwrap()), None);
        assert!(claims_inside("worker.spin.internal:1234") && !claims_inside("example.org"));
    }
}
