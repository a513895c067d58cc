//! The Pass Type ID certificate: is it the one that signs this tenant's passes, and for how long?
//!
//! Owns what can be told from the certificates alone, before anything is signed. Does not own the key (whether it belongs to the
//! certificate shows when a signature is verified) nor trust in Apple's root, which is the phone's affair.

use der::asn1::{Ia5StringRef, ObjectIdentifier, PrintableStringRef, TeletexStringRef, Utf8StringRef};
use der::{Decode, Tag, Tagged};
use x509_cert::Certificate;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, SubjectKeyIdentifier};
use x509_cert::name::Name;

use crate::identity::{DAY, Millis};

/// RFC 4519, 2.39: `UID`, which holds the pass type identifier in Apple's certificates.
const UID: ObjectIdentifier = ObjectIdentifier::new_unwrap("0.9.2342.19200300.100.1.1");
/// RFC 4519, 2.20: `OU`, which holds the team identifier.
const OU: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.11");
/// A certificate with less than this left is told: Apple issues a new one in minutes, but a person has to ask for it.
const SOON: Millis = 30 * DAY;

/// What is wrong with a certificate chain. Positions count from the leaf, 0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityProblem {
    #[error("there is no certificate")]
    Empty,
    #[error("certificate {position} of the chain is not X.509 in DER")]
    Unreadable { position: usize },
    #[error("certificate {position} of the chain is not valid before {}", day(.from))]
    NotYetValid { position: usize, from: Millis },
    #[error("certificate {position} of the chain has been invalid since {}", day(.since))]
    Expired { position: usize, since: Millis },
    #[error("certificate {position} of the chain expires on {}", day(.at))]
    ExpiresSoon { position: usize, at: Millis },
    #[error("the certificate is for the pass type {}, the tenant's is {configured}", .certificate.as_deref().unwrap_or("(none)"))]
    OtherPassType { certificate: Option<String>, configured: String },
    #[error("the certificate is of the team {}, the tenant's is {configured}", .certificate.as_deref().unwrap_or("(none)"))]
    OtherTeam { certificate: Option<String>, configured: String },
    /// The issuer's name says which of Apple's intermediates it is.
    #[error("the intermediate certificate is missing: add that of {issuer}")]
    NoIntermediate { issuer: String },
    #[error(
        "certificate {position} of the chain was issued by {issuer}, which is not the one that follows it: another generation of Apple's intermediate?"
    )]
    OtherIssuer { position: usize, issuer: String },
}

impl IdentityProblem {
    /// False: passes can still be signed, but somebody should act.
    pub fn is_fatal(&self) -> bool {
        !matches!(self, Self::ExpiresSoon { .. })
    }
}

/// Everything that is wrong with the chain (DER, leaf first) for passes of this type and team. Empty: it will do.
pub fn check_identity(chain: &[Vec<u8>], pass_type: &str, team: &str, now: Millis) -> Vec<IdentityProblem> {
    let mut problems = vec![];
    let mut certificates = vec![];
    for (position, der) in chain.iter().enumerate() {
        match Certificate::from_der(der) {
            Ok(certificate) => certificates.push((position, certificate)),
            Err(_) => problems.push(IdentityProblem::Unreadable { position }),
        }
    }
    for (position, certificate) in &certificates {
        problems.extend(check_validity(*position, certificate, now));
    }
    match certificates.first() {
        Some((0, leaf)) => problems.extend(check_leaf(leaf, pass_type, team)),
        _ if chain.is_empty() => problems.push(IdentityProblem::Empty),
        _ => {}
    }
    if let [(0, leaf)] = certificates.as_slice()
        && chain.len() == 1
        && leaf.tbs_certificate.issuer != leaf.tbs_certificate.subject
    {
        problems.push(IdentityProblem::NoIntermediate { issuer: leaf.tbs_certificate.issuer.to_string() });
    }
    for ((position, certificate), (_, next)) in certificates.iter().zip(certificates.iter().skip(1)) {
        if !was_issued_by(certificate, next) {
            let issuer = certificate.tbs_certificate.issuer.to_string();
            problems.push(IdentityProblem::OtherIssuer { position: *position, issuer });
        }
    }
    problems
}

fn check_validity(position: usize, certificate: &Certificate, now: Millis) -> Option<IdentityProblem> {
    let validity = &certificate.tbs_certificate.validity;
    let from = millis(validity.not_before.to_unix_duration());
    // A certificate is valid through the whole of its last second (RFC 5280, 4.1.2.5).
    let until = millis(validity.not_after.to_unix_duration()).saturating_add(1000);
    if now < from {
        Some(IdentityProblem::NotYetValid { position, from })
    } else if now >= until {
        Some(IdentityProblem::Expired { position, since: until })
    } else if now >= until - SOON {
        Some(IdentityProblem::ExpiresSoon { position, at: until })
    } else {
        None
    }
}

fn check_leaf(leaf: &Certificate, pass_type: &str, team: &str) -> Vec<IdentityProblem> {
    let subject = &leaf.tbs_certificate.subject;
    let mut problems = vec![];
    let uid = attribute(subject, UID);
    if uid.as_deref() != Some(pass_type) {
        problems.push(IdentityProblem::OtherPassType { certificate: uid, configured: pass_type.to_owned() });
    }
    let ou = attribute(subject, OU);
    if ou.as_deref() != Some(team) {
        problems.push(IdentityProblem::OtherTeam { certificate: ou, configured: team.to_owned() });
    }
    problems
}

/// By name, and by key identifier where both say one: Apple's generations of one intermediate are told apart by it.
fn was_issued_by(certificate: &Certificate, issuer: &Certificate) -> bool {
    if certificate.tbs_certificate.issuer != issuer.tbs_certificate.subject {
        return false;
    }
    let authority = certificate.tbs_certificate.get::<AuthorityKeyIdentifier>().ok().flatten();
    let subject = issuer.tbs_certificate.get::<SubjectKeyIdentifier>().ok().flatten();
    match (authority.and_then(|(_, id)| id.key_identifier), subject) {
        (Some(authority), Some((_, subject))) => authority == subject.0,
        _ => true,
    }
}

/// The first attribute of that type, in whichever of the usual string types.
fn attribute(name: &Name, oid: ObjectIdentifier) -> Option<String> {
    let found = name.0.iter().flat_map(|rdn| rdn.0.iter()).find(|attribute| attribute.oid == oid)?;
    let value = &found.value;
    match value.tag() {
        Tag::Utf8String => value.decode_as::<Utf8StringRef<'_>>().ok().map(|text| text.as_str().to_owned()),
        Tag::PrintableString => value.decode_as::<PrintableStringRef<'_>>().ok().map(|text| text.as_str().to_owned()),
        Tag::Ia5String => value.decode_as::<Ia5StringRef<'_>>().ok().map(|text| text.as_str().to_owned()),
        Tag::TeletexString => value.decode_as::<TeletexStringRef<'_>>().ok().map(|text| text.as_str().to_owned()),
        _ => None,
    }
}

fn millis(since_1970: std::time::Duration) -> Millis {
    Millis::try_from(since_1970.as_millis()).unwrap_or(Millis::MAX)
}

fn day(at: &Millis) -> String {
    jiff::Timestamp::from_millisecond(*at).map_or_else(|_| "(no date)".to_owned(), |at| at.strftime("%F").to_string())
}

#[cfg(test)]
mod tests;
