//! Names of things: tenants, passes, runs. Each is parsed once, at the edge, and carries its rule from then on.
//!
//! Owns: the textual rules. Does not own: who may use a name (`http::access`) or where it is kept (`store`).

use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// A tenant: the name of its folder and a segment of every path. `[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`, the rule of a DNS label, so that
/// it can stand in a host name, a path and a file name without escaping.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TenantId(String);

/// The text was not a name of that kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    #[error("a tenant is named by 1 to 63 of a-z, 0-9 and -, beginning and ending with a letter or a digit")]
    Tenant,
    #[error("a pass is named by 16 letters and digits")]
    Pass,
}

impl TenantId {
    /// ```
    /// # use passerelle_flow::identity::TenantId;
    /// assert!(TenantId::parse("opera-de-demo").is_ok());
    /// assert!(TenantId::parse("../etc").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        let inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        let edge = |c: Option<&u8>| c.is_some_and(|c| *c != b'-');
        let bytes = text.as_bytes();
        let fits = (1..=63).contains(&bytes.len())
            && bytes.iter().all(|c| inner(*c))
            && edge(bytes.first())
            && edge(bytes.last());
        fits.then(|| Self(text.to_owned())).ok_or(IdentityError::Tenant)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for TenantId {
    type Error = IdentityError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<TenantId> for String {
    fn from(id: TenantId) -> Self {
        id.0
    }
}

/// A pass: its serial number on both wallets. 16 of `[A-Za-z0-9]`, the shape that The Wallet Crew's identifiers have
/// (domain.md 1.13), about 95 bits of randomness: not guessable, but no credential either.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PassId(String);

impl PassId {
    /// Letters and digits of a new identifier, drawn from 16 random bytes. 256 is no multiple of 62, so the first eight letters are
    /// 25 % likelier than the rest: 94.9 bits instead of 95.3, which nothing here depends on.
    pub fn from_random(random: [u8; 16]) -> Self {
        const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        Self(random.iter().filter_map(|byte| ALPHABET.get(usize::from(*byte) % 62)).map(|c| char::from(*c)).collect())
    }

    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        let fits = text.len() == 16 && text.bytes().all(|c| c.is_ascii_alphanumeric());
        fits.then(|| Self(text.to_owned())).ok_or(IdentityError::Pass)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PassId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PassId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for PassId {
    type Error = IdentityError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<PassId> for String {
    fn from(id: PassId) -> Self {
        id.0
    }
}

/// A SecuTix identifier in the one form that it is known by here: an int64 that is not negative, printed anew. `007` and `+7` would else
/// be other files than `7`, each with a task of its own.
///
/// ```
/// # use passerelle_flow::identity::secutix_id;
/// assert_eq!(secutix_id("+007").as_deref(), Some("7"));
/// assert_eq!(secutix_id("-7"), None);
/// ```
pub fn secutix_id(text: &str) -> Option<String> {
    text.parse::<i64>().ok().filter(|id| *id >= 0).map(|id| id.to_string())
}

/// A SecuTix contact's number as it may be asked for: 1 to 20 (SecuTix's own limit, domain.md 1.7) of letters, digits, `-` and `_`. It is kept in
/// the clear before SecuTix has confirmed it, so it must have no room for anything else, a name or an address.
///
/// ```
/// # use passerelle_flow::identity::contact_number;
/// assert_eq!(contact_number("004711"), Some("004711"));
/// assert_eq!(contact_number("ada@example.org"), None);
/// ```
pub fn contact_number(text: &str) -> Option<&str> {
    let fits =
        (1..=20).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'));
    fits.then_some(text)
}

/// A UUIDv7 of a time: identifiers of notifications, runs, correlations and happenings sort by it.
pub fn uuid(at: Millis, random: [u8; 10]) -> String {
    let millis = u64::try_from(at).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid().to_string()
}

/// Milliseconds since 1970-01-01T00:00:00Z, as everywhere in the store. Signed, as both databases have it.
pub type Millis = i64;

/// RFC 3339, or a date, or a date and a time without an offset, which is UTC then.
///
/// ```
/// # use passerelle_flow::identity::{DAY, HOUR, moment};
/// assert_eq!(moment("1970-01-02T01:00:00+01:00"), Some(DAY));
/// assert_eq!(moment("1970-01-02T01:00:00"), Some(DAY + HOUR));
/// assert_eq!(moment("1970-01-02"), Some(DAY));
/// assert_eq!(moment("soon"), None);
/// ```
pub fn moment(text: &str) -> Option<Millis> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at.as_millisecond());
    }
    let at = text.parse::<DateTime>().ok()?;
    at.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp().as_millisecond())
}

/// An hour.
pub const HOUR: Millis = 3_600_000;
/// A day of 24 hours.
pub const DAY: Millis = 86_400_000;
