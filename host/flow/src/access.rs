//! API keys: what one looks like, whether it is the one that was made, and what it may do.
//!
//! Owns the text form, the scopes and the judgement; pure. Does not own where keys are kept (`store`, or the tenant's configuration) nor how a
//! caller shows one (`http`).
//! A key is `psk_<environment>_<id>_<secret>`: the prefix lets secret scanners find a leaked one, the environment tells staging from
//! production at sight, the id finds the row, and only a hash of the secret is stored.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::identity::{Millis, TenantId};
use crate::ports::Random;
use crate::store::ApiKeyRow;

const PREFIX: &str = "psk";

/// 62^8 identifiers: two of a million keys meet with a chance of 0.2 %, and the store refuses the second one's row.
const ID_LENGTH: usize = 8;

/// 256 bits, so that a fast hash is enough: there is nothing to guess.
const SECRET_BYTES: usize = 32;

/// Characters of a label: one line of a list.
const LONGEST_LABEL: usize = 100;

/// 32 bytes in base64 without padding.
const SECRET_LENGTH: usize = 43;

/// What a key may do. The names are The Wallet Crew's, so that those who come from there find theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum Scope {
    #[serde(rename = "Pass.Read")]
    PassRead,
    #[serde(rename = "Pass.Write")]
    PassWrite,
    #[serde(rename = "Webhook.Read")]
    WebhookRead,
    #[serde(rename = "Webhook.Write")]
    WebhookWrite,
    #[serde(rename = "Insights.Read")]
    InsightsRead,
}

impl Scope {
    pub const ALL: [Self; 5] =
        [Self::PassRead, Self::PassWrite, Self::WebhookRead, Self::WebhookWrite, Self::InsightsRead];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PassRead => "Pass.Read",
            Self::PassWrite => "Pass.Write",
            Self::WebhookRead => "Webhook.Read",
            Self::WebhookWrite => "Webhook.Write",
            Self::InsightsRead => "Insights.Read",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a key is for, in words: one line.
pub fn is_label(text: &str) -> bool {
    text.chars().count() <= LONGEST_LABEL && !text.chars().any(char::is_control)
}

/// Not one of the five.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a scope is one of Pass.Read, Pass.Write, Webhook.Read, Webhook.Write, Insights.Read")]
pub struct NoSuchScope;

impl std::str::FromStr for Scope {
    type Err = NoSuchScope;
    fn from_str(text: &str) -> Result<Self, NoSuchScope> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or(NoSuchScope)
    }
}

/// Which installation made a key: `live`, `staging`. 1 to 12 of a-z and 0-9.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment(String);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    #[error("an environment is named by 1 to 12 of a-z and 0-9")]
    Environment,
    #[error("this does not look like an API key")]
    Form,
}

impl Environment {
    pub fn parse(text: &str) -> Result<Self, AccessError> {
        let fits = (1..=12).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        fits.then(|| Self(text.to_owned())).ok_or(AccessError::Environment)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A key as its owner has it. Its `Debug` and the store show the id only.
#[derive(Clone)]
pub struct ApiKey {
    environment: Environment,
    id: String,
    secret: Zeroizing<String>,
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({})", self.id)
    }
}

impl ApiKey {
    pub fn new<R: Random>(environment: Environment, random: &R) -> Self {
        let secret = Zeroizing::new(random.bytes::<SECRET_BYTES>());
        // The alphabet of pass identifiers: letters and digits, nothing to escape or to break a line at.
        let mut id = crate::identity::PassId::from_random(random.bytes()).as_str().to_owned();
        id.truncate(ID_LENGTH);
        Self { environment, id, secret: Zeroizing::new(URL_SAFE_NO_PAD.encode(secret.as_slice())) }
    }

    /// Is it what the public part of a key looks like?
    pub fn is_id(text: &str) -> bool {
        text.len() == ID_LENGTH && text.bytes().all(|c| c.is_ascii_alphanumeric())
    }

    pub fn parse(text: &str) -> Result<Self, AccessError> {
        // At most four parts: the secret's alphabet has the underscore too.
        let mut parts = text.splitn(4, '_');
        let mut next = || parts.next().ok_or(AccessError::Form);
        let (prefix, environment, id, secret) = (next()?, next()?, next()?, next()?);
        let fits = prefix == PREFIX
            && Self::is_id(id)
            && secret.len() == SECRET_LENGTH
            && secret.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_');
        if !fits {
            return Err(AccessError::Form);
        }
        let environment = Environment::parse(environment).map_err(|_| AccessError::Form)?;
        Ok(Self { environment, id: id.to_owned(), secret: Zeroizing::new(secret.to_owned()) })
    }

    /// Finds the row.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The whole key, to be shown once.
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{PREFIX}_{}_{}_{}", self.environment.as_str(), self.id, self.secret.as_str()))
    }

    /// What is stored of the secret.
    pub fn secret_sha256(&self) -> String {
        hex::encode(self.digest())
    }

    /// Is it the key of this row? Takes the same time wherever the two differ.
    pub fn matches(&self, row: &ApiKeyRow) -> bool {
        let mut stored = [0_u8; 32];
        // A row that is no digest matches nothing; the id is public, so telling it apart early gives nothing away.
        let readable = hex::decode_to_slice(&row.secret_sha256, &mut stored).is_ok();
        readable && row.id == self.id && bool::from(self.digest().ct_eq(&stored))
    }

    fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.secret.as_bytes()).into()
    }
}

/// Why a caller is turned away. The first two are 401, and who reads the answer cannot tell them apart; the last is 403.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such key, another secret, or a key of another tenant.
    #[error("the API key is not valid")]
    Unknown,
    #[error("the API key has expired or was revoked")]
    Ended,
    #[error("the API key lacks the scope {0}")]
    Scope(Scope),
}

/// May whoever shows this key do this for this tenant now?
pub fn permits(
    key: &ApiKey,
    row: Option<&ApiKeyRow>,
    tenant: &TenantId,
    scope: Scope,
    now: Millis,
) -> Result<(), Refusal> {
    let row = row.filter(|row| key.matches(row) && row.tenant == *tenant).ok_or(Refusal::Unknown)?;
    let ended = row.revoked_at.is_some() || row.expires_at.is_some_and(|at| at <= now);
    if ended {
        return Err(Refusal::Ended);
    }
    // Exactly this scope: Pass.Write does not imply Pass.Read, as in the source.
    let granted = row.scopes.iter().any(|granted| granted == scope.as_str());
    if granted { Ok(()) } else { Err(Refusal::Scope(scope)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(std::sync::atomic::AtomicU8);
    impl Random for Counting {
        fn fill(&self, target: &mut [u8]) {
            for byte in target {
                *byte = self.0.fetch_add(37, std::sync::atomic::Ordering::Relaxed);
            }
        }
    }

    fn key() -> ApiKey {
        ApiKey::new(Environment::parse("live").unwrap(), &Counting(5.into()))
    }

    fn tenant(name: &str) -> TenantId {
        TenantId::parse(name).unwrap()
    }

    fn row(key: &ApiKey) -> ApiKeyRow {
        ApiKeyRow {
            id: key.id().to_owned(),
            tenant: tenant("demo"),
            secret_sha256: key.secret_sha256(),
            scopes: vec!["Pass.Read".to_owned()],
            label: String::new(),
            created_at: 0,
            expires_at: Some(1_000),
            revoked_at: None,
        }
    }

    #[test]
    fn a_key_is_read_as_it_was_shown() {
        let key = key();
        let shown = key.reveal();
        assert!(shown.starts_with("psk_live_"));
        assert_eq!(shown.len(), "psk_live_".len() + 8 + 1 + 43);
        let read = ApiKey::parse(&shown).unwrap();
        assert_eq!(read.reveal(), shown);
        assert!(read.matches(&row(&key)));
        assert!(!format!("{read:?}").contains(key.secret.as_str()));
    }

    #[test]
    fn a_secret_with_underscores_stays_whole() {
        let secret = format!("_{}_-{}", "a".repeat(20), "b".repeat(20));
        let read = ApiKey::parse(&format!("psk_live_abcdefgh_{secret}")).unwrap();
        assert_eq!(read.secret.as_str(), secret);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let good = key().reveal();
        let cases = [
            String::new(),
            "psk_live_abcdefgh".to_owned(),
            good.replacen("psk", "sk", 1),
            good.replacen("live", "LIVE", 1),
            good.replacen("live", "", 1),
            format!("{}x", good.as_str()),
            good[..good.len() - 1].to_owned(),
            format!("{}é", &good[..good.len() - 2]),
            format!("{} ", &good[..good.len() - 1]),
        ];
        for case in cases {
            assert!(ApiKey::parse(&case).is_err(), "{case}");
        }
    }

    #[test]
    fn only_the_key_that_was_made_matches_its_row() {
        let key = key();
        let mut other = row(&key);
        other.secret_sha256.replace_range(63.., if other.secret_sha256.ends_with('0') { "1" } else { "0" });
        assert!(!key.matches(&other));
        assert!(!key.matches(&ApiKeyRow { id: "AAAAAAAA".to_owned(), ..row(&key) }));
        assert!(!key.matches(&ApiKeyRow { secret_sha256: String::new(), ..row(&key) }));
        assert!(!key.matches(&ApiKeyRow { secret_sha256: "zz".repeat(32), ..row(&key) }));
    }

    #[test]
    fn a_key_permits_its_scopes_for_its_tenant_until_it_ends() {
        let key = key();
        let row = row(&key);
        let ask = |row: Option<&ApiKeyRow>, name: &str, scope, now| permits(&key, row, &tenant(name), scope, now);
        assert_eq!(ask(Some(&row), "demo", Scope::PassRead, 999), Ok(()));
        assert_eq!(ask(Some(&row), "demo", Scope::PassRead, 1_000), Err(Refusal::Ended));
        assert_eq!(ask(Some(&row), "demo", Scope::PassWrite, 0), Err(Refusal::Scope(Scope::PassWrite)));
        assert_eq!(ask(Some(&row), "other", Scope::PassRead, 0), Err(Refusal::Unknown));
        assert_eq!(ask(None, "demo", Scope::PassRead, 0), Err(Refusal::Unknown));
        let revoked = ApiKeyRow { revoked_at: Some(1), ..row.clone() };
        assert_eq!(ask(Some(&revoked), "demo", Scope::PassRead, 0), Err(Refusal::Ended));
        // A stranger's guess at an ended key learns nothing about it.
        let guess = ApiKey::parse(&format!("psk_live_{}_{}", key.id(), "A".repeat(43))).unwrap();
        assert_eq!(permits(&guess, Some(&revoked), &tenant("demo"), Scope::PassRead, 0), Err(Refusal::Unknown));
    }

    #[test]
    fn scopes_are_read_as_they_are_written() {
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
            assert_eq!(serde_json::from_value::<Scope>(scope.as_str().into()).unwrap(), scope);
        }
        assert_eq!("pass.read".parse::<Scope>(), Err(NoSuchScope));
    }
}
