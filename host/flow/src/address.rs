//! An absolute address that others gave us, read once and in one way.
//!
//! Owns the form: whatever two parsers could take for two hosts (blanks, backslashes, user information, numbers in odd spellings) is not an address. Does not own whether
//! it may be called: an allow-list (`plugin::allow`) and the host's egress say so.

use std::net::{Ipv4Addr, Ipv6Addr};

use http::Uri;

/// Characters of an address: what servers commonly take in a request line.
const LONGEST: usize = 2_048;

/// `scheme://host[:port][/path][?query]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    text: String,
    pub encrypted: bool,
    /// In lower case; an IPv6 literal in its brackets.
    pub host: String,
    pub port: u16,
    /// With the query, never empty.
    pub path: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("an absolute URL of at most 2048 ASCII characters is expected, such as https://crm.example/hooks/wallet")]
    Form,
    #[error("user and password do not belong in the address: a secret path or the signature says who calls")]
    UserInfo,
    #[error("a fragment (#…) is never sent, so it has no meaning here")]
    Fragment,
}

impl Address {
    /// # Examples
    ///
    /// ```
    /// use passerelle_flow::address::{Address, AddressError};
    ///
    /// let address = Address::parse("https://CRM.example/hooks?k=1").unwrap();
    /// assert_eq!((address.host.as_str(), address.port, address.path.as_str()), ("crm.example", 443, "/hooks?k=1"));
    /// assert_eq!(Address::parse("https://user@crm.example/"), Err(AddressError::UserInfo));
    /// ```
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let plain =
            |c: u8| c.is_ascii_graphic() && !matches!(c, b'\\' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}');
        if text.len() > LONGEST || !text.bytes().all(plain) {
            return Err(AddressError::Form);
        }
        if text.contains('#') {
            return Err(AddressError::Fragment);
        }
        let url: Uri = text.parse().map_err(|_| AddressError::Form)?;
        let authority = url.authority().ok_or(AddressError::Form)?;
        if authority.as_str().contains('@') {
            return Err(AddressError::UserInfo);
        }
        let encrypted = match url.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(AddressError::Form),
        };
        let host = authority.host();
        // The root's dot may stand at the end; no other label is empty.
        let label = |label: &str| !label.is_empty() && label.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
        let named = host.strip_suffix('.').unwrap_or(host).split('.').all(label);
        let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        if is_number(host) && host.parse::<Ipv4Addr>().is_err() {
            return Err(AddressError::Form);
        }
        if !named && literal.is_none_or(|literal| literal.parse::<Ipv6Addr>().is_err()) {
            return Err(AddressError::Form);
        }
        // Digits and nothing else: `:` alone, or `:+443`, is a port for some and none for others.
        let after_host = authority.as_str().get(host.len()..).unwrap_or_default();
        let port = match after_host.strip_prefix(':') {
            None if !after_host.is_empty() => return Err(AddressError::Form),
            None if encrypted => 443,
            None => 80,
            Some(digits) if digits.bytes().all(|c| c.is_ascii_digit()) => {
                digits.parse().map_err(|_| AddressError::Form)?
            }
            Some(_) => return Err(AddressError::Form),
        };
        if port == 0 {
            return Err(AddressError::Form);
        }
        let path = url.path_and_query().map_or("/", |path| path.as_str());
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { text: text.to_owned(), encrypted, host: host.to_ascii_lowercase(), port, path })
    }

    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where it leads, without the way there: `https://crm.example:8443`. May be logged; a path may hold a token.
    pub fn origin(&self) -> String {
        let scheme = if self.encrypted { "https" } else { "http" };
        format!("{scheme}://{}:{}", self.host, self.port)
    }
}

/// Whether a name ends in a number. It is none: browsers and resolvers take it for an IPv4 address, be it written with four numbers or otherwise (127.1,
/// 0x7f000001, 2130706433), or for a mistake.
fn is_number(host: &str) -> bool {
    let last = host.strip_suffix('.').unwrap_or(host).rsplit('.').next().unwrap_or_default();
    let hex = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    last.bytes().all(|c| c.is_ascii_digit()) || hex.is_some_and(|digits| digits.bytes().all(|c| c.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_an_address_in_its_usual_spelling_only() {
        for text in
            ["https://10.0.0.1/", "https://[::1]/", "https://1.example/", "https://0x7f.example/", "https://a.b1/"]
        {
            assert!(Address::parse(text).is_ok(), "{text}");
        }
        for text in [
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0X7F.1/",
            "https://0x/",
            "https://0177.0.0.1/",
            "https://127.0.0.1./",
            "https://1.2.3.4.5/",
            "https://256.0.0.1/",
            "https://crm.443/",
            "https://crm.0x1f./",
        ] {
            assert_eq!(Address::parse(text), Err(AddressError::Form), "{text}");
        }
    }
}
