//! Attributes of passes: which names and values there are, and which of them may stand in the clear.
//!
//! Owns the rules and the form in which a value is kept. Does not own the rows (`store`) nor who may set one (`http`). An identifier joins a pass
//! to a record of somebody else's; one that may name a person (an e-mail address, which is normalised, a telephone number, a word without a digit) is
//! found by its MAC, and sealed. Everything else stands in the clear with the pass. Metadata are words of the organiser's own: they are told to
//! endpoints sealed, as if they named somebody, and are in no report.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::identity::{PassId, TenantId};
use crate::ports::{Host, Random};
use crate::sealing::{SealError, TenantKeys};
use crate::store::{Attribute, AttributeKind, Attributes as _, KeptValue, StoreResult};
use crate::tenant::Tenant;

/// Characters of a name: `secutix.contactNumber` and the like.
const LONGEST_NAME: usize = 64;
/// Characters of a value in the clear: a UUID with a prefix, a URN.
const LONGEST_VALUE: usize = 128;
/// Characters of an e-mail address (RFC 5321, 4.5.3.1.3).
const LONGEST_EMAIL: usize = 254;
/// Attributes that one call may set: more is somebody's data set.
pub const MOST: usize = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttributeError {
    #[error("a name is 1 to 64 letters, digits, '.', '-' and '_', beginning with a letter")]
    Name,
    #[error("this one is what the pass is known by in SecuTix, and cannot be set")]
    Subject,
    #[error(
        "a value is 1 to 128 letters, digits and '.', '-', '_', ':', '/', '+', '=' without blanks; an identifier may also be an e-mail address"
    )]
    Value,
    #[error("an e-mail address is personal, so it can be an identifier only")]
    EmailAsMetadata,
}

/// A value that was judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttributeValue {
    Clear(String),
    /// Names somebody, or may; an e-mail address normalised.
    Personal(String),
}

/// A name as it may be given.
pub fn name(text: &str) -> Result<&str, AttributeError> {
    let mark = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_');
    let begins = text.bytes().next().is_some_and(|c| c.is_ascii_alphabetic());
    if !begins || text.len() > LONGEST_NAME || !text.bytes().all(mark) {
        return Err(AttributeError::Name);
    }
    Ok(text)
}

/// Parses a value. An e-mail address is whatever has an `@`.
///
/// ```
/// # use passerelle_flow::attribute::{AttributeValue, value};
/// # use passerelle_flow::store::AttributeKind::Identifier;
/// assert_eq!(value(Identifier, " Ada@Example.ORG "), Ok(AttributeValue::Personal("ada@example.org".to_owned())));
/// assert_eq!(value(Identifier, "crm-4711"), Ok(AttributeValue::Clear("crm-4711".to_owned())));
/// assert!(value(Identifier, "Ada Lovelace").is_err());
/// ```
pub fn value(kind: AttributeKind, text: &str) -> Result<AttributeValue, AttributeError> {
    if text.contains('@') {
        return match kind {
            AttributeKind::Identifier => email(text).map(AttributeValue::Personal).ok_or(AttributeError::Value),
            AttributeKind::Metadata => Err(AttributeError::EmailAsMetadata),
        };
    }
    let mark = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_' | b':' | b'/' | b'+' | b'=');
    if !(1..=LONGEST_VALUE).contains(&text.len()) || !text.bytes().all(mark) {
        return Err(AttributeError::Value);
    }
    // A number of a customer has a digit. What has none may well be a name, and what begins with a plus is a telephone number.
    let may_name = !text.bytes().any(|c| c.is_ascii_digit()) || text.starts_with('+');
    Ok(match kind {
        AttributeKind::Identifier if may_name => AttributeValue::Personal(text.to_owned()),
        AttributeKind::Identifier | AttributeKind::Metadata => AttributeValue::Clear(text.to_owned()),
    })
}

/// Trimmed and in lower case, the local part too: RFC 5321 lets a host tell `Ada` from `ada`, no mail provider does, and CRMs join without case.
/// Tags (`+x`) and dots stay: what they mean differs by provider.
fn email(text: &str) -> Option<String> {
    let text = text.trim();
    let (local, domain) = text.rsplit_once('@')?;
    let plain = |c: char| !c.is_control() && !c.is_whitespace();
    let fits = !local.is_empty()
        && domain.contains('.')
        && domain.split('.').all(|label| !label.is_empty())
        && !local.contains('@')
        && text.len() <= LONGEST_EMAIL
        && text.chars().all(plain);
    fits.then(|| text.to_lowercase())
}

/// The MAC that an e-mail address is found by. One label for all identifiers: the same address under two names is joined by either.
pub fn email_mac(keys: &TenantKeys, email: &str) -> String {
    keys.mac("identifier-email", &[email.as_bytes()])
}

/// The value in the form in which it is kept. It opens on this pass and under this name only.
pub fn keep(
    keys: &TenantKeys,
    random: &impl Random,
    tenant: &TenantId,
    pass: &PassId,
    name: &str,
    value: &AttributeValue,
) -> Result<KeptValue, SealError> {
    match value {
        AttributeValue::Clear(text) => Ok(KeptValue::Clear(text.clone())),
        AttributeValue::Personal(email) => Ok(KeptValue::Sealed {
            mac: email_mac(keys, email),
            sealed: keys.seal_small(random, &place(tenant, pass, name), email.as_bytes())?,
        }),
    }
}

fn place<'a>(tenant: &'a TenantId, pass: &'a PassId, name: &'a str) -> [&'a str; 4] {
    ["pass_attribute", tenant.as_str(), pass.as_str(), name]
}

/// The attributes of a pass, apart: what may be read by anybody, and what is to be opened for those who may know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sorted {
    pub identifiers: BTreeMap<String, String>,
    pub metadata: BTreeMap<String, String>,
    /// Identifiers that name a person, opened.
    pub personal: BTreeMap<String, String>,
}

impl Sorted {
    /// Those that the pass has now.
    pub async fn of_pass<H: Host>(host: &H, tenant: &Tenant, pass: &PassId) -> StoreResult<Self> {
        let attributes = host.store().attributes(&tenant.id, pass).await?;
        Ok(Self::of(&tenant.keys, &tenant.id, pass, &attributes))
    }

    /// Sorts a pass's attributes and opens those that are sealed. What does not open any more (another seal key) is left out.
    pub fn of(keys: &TenantKeys, tenant: &TenantId, pass: &PassId, attributes: &[Attribute]) -> Self {
        let mut sorted = Self::default();
        for attribute in attributes {
            let name = attribute.name.clone();
            match (&attribute.value, attribute.kind) {
                (KeptValue::Clear(value), AttributeKind::Identifier) => {
                    sorted.identifiers.insert(name, value.clone());
                }
                (KeptValue::Clear(value), AttributeKind::Metadata) => {
                    sorted.metadata.insert(name, value.clone());
                }
                (KeptValue::Sealed { sealed, .. }, _) => {
                    if let Ok(opened) = keys.open_small(sealed, &place(tenant, pass, &name)) {
                        sorted.personal.insert(name, String::from_utf8_lossy(&opened).into_owned());
                    }
                }
            }
        }
        sorted
    }

    pub fn has_identifier(&self, name: &str) -> bool {
        self.identifiers.contains_key(name) || self.personal.contains_key(name)
    }
}

/// A map of names as a JSON object.
pub fn object(map: &BTreeMap<String, String>) -> Value {
    map.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use AttributeKind::{Identifier, Metadata};

    #[test]
    fn an_address_is_normalised_and_nothing_else_is_taken_for_one() {
        for (text, is) in [
            ("Ada@Example.org", Some("ada@example.org")),
            ("\tADA+opera@EXAMPLE.org\n", Some("ada+opera@example.org")),
            ("ada@localhost", None),
            ("ada@@example.org", None),
            ("@example.org", None),
            ("a da@example.org", None),
            ("ada@example..org", None),
        ] {
            let expected = is.map(|is| AttributeValue::Personal(is.to_owned())).ok_or(AttributeError::Value);
            assert_eq!(value(Identifier, text), expected, "{text}");
        }
        assert_eq!(value(Metadata, "ada@example.org"), Err(AttributeError::EmailAsMetadata));
    }

    #[test]
    fn what_may_be_a_name_does_not_stand_in_the_clear() {
        for text in ["", "Ada Lovelace", "Zoë", "a\0b", &"x".repeat(129)] {
            assert_eq!(value(Identifier, text), Err(AttributeError::Value), "{text}");
        }
        for text in ["Ada.Lovelace", "LOVELACE", "+41791234567"] {
            assert_eq!(value(Identifier, text), Ok(AttributeValue::Personal(text.to_owned())), "{text}");
        }
        for text in ["0", "4711", "urn:crm:4711/a", "QUJD+w=="] {
            assert_eq!(value(Metadata, text), Ok(AttributeValue::Clear(text.to_owned())), "{text}");
        }
        assert_eq!(name("crm.customerId"), Ok("crm.customerId"));
        for text in ["", ".a", "1a", "a b", "é", &"x".repeat(65)] {
            assert_eq!(name(text), Err(AttributeError::Name), "{text}");
        }
    }
}
