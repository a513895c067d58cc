//! The Pass Type ID certificate: is it the one that signs this tenant's passes, and for how long?
//!
//! Owns what can be told from the certificates alone, before anything is signed. Does not own the key (whether it belongs to the
//! certificate shows when a signature is verified) nor trust in Apple's root, which is the phone's affair.

use der::asn1::{Ia5StringRef, ObjectIdentifier, PrintableStringRef, TeletexStringRef, Utf8StringRef};
use der::{Decode, Tag, Tagged};
use x509_cert::Certificate;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, ExtendedKeyUsage, KeyUsage, SubjectKeyIdentifier};
use x509_cert::name::Name;

use super::expiry::MONTH;
use super::signature::Signatory;
use crate::identity::Millis;

/// RFC 4519, 2.39: `UID`, which holds the pass type identifier in Apple's certificates.
const UID: ObjectIdentifier = ObjectIdentifier::new_unwrap("0.9.2342.19200300.100.1.1");
/// RFC 4519, 2.20: `OU`, which holds the team identifier.
const OU: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.11");
/// Apple's extended key usage of Pass Type ID certificates.
const PASS_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113635.100.4.14");

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
    #[error(
        "the certificate is not one for signing passes: its key usage lacks {lacks}; Pass Type IDs have certificates of their own"
    )]
    OtherUsage { lacks: &'static str },
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
    PassIdentity::read(chain, pass_type, team).problems(now)
}

/// A chain, read once: what does not depend on the time is judged, what does is kept.
#[derive(Debug, Clone)]
pub struct PassIdentity {
    lasting: Vec<IdentityProblem>,
    /// Of each certificate that can be read, from the leaf: its position, and from when until when it is valid.
    validity: Vec<(usize, Millis, Millis)>,
    signatory: Option<Signatory>,
}

impl PassIdentity {
    pub fn read(chain: &[Vec<u8>], pass_type: &str, team: &str) -> Self {
        let mut lasting = vec![];
        let mut certificates = vec![];
        for (position, der) in chain.iter().enumerate() {
            match Certificate::from_der(der) {
                Ok(certificate) => certificates.push((position, certificate)),
                Err(_) => lasting.push(IdentityProblem::Unreadable { position }),
            }
        }
        match certificates.first() {
            Some((0, leaf)) => lasting.extend(check_leaf(leaf, pass_type, team)),
            _ if chain.is_empty() => lasting.push(IdentityProblem::Empty),
            _ => {}
        }
        if let [(0, leaf)] = certificates.as_slice()
            && chain.len() == 1
            && leaf.tbs_certificate.issuer != leaf.tbs_certificate.subject
        {
            lasting.push(IdentityProblem::NoIntermediate { issuer: leaf.tbs_certificate.issuer.to_string() });
        }
        for ((position, certificate), (_, next)) in certificates.iter().zip(certificates.iter().skip(1)) {
            if !was_issued_by(certificate, next) {
                let issuer = certificate.tbs_certificate.issuer.to_string();
                lasting.push(IdentityProblem::OtherIssuer { position: *position, issuer });
            }
        }
        let validity = certificates.iter().map(|(position, certificate)| {
            let (from, until) = validity(certificate);
            (*position, from, until)
        });
        Self { validity: validity.collect(), lasting, signatory: Signatory::of(chain).ok() }
    }

    /// What is wrong whatever the time is.
    pub fn lasting_problems(&self) -> &[IdentityProblem] {
        &self.lasting
    }

    pub fn problems(&self, now: Millis) -> Vec<IdentityProblem> {
        let passing = self.validity.iter().filter_map(|(position, from, until)| judge(*position, *from, *until, now));
        passing.chain(self.lasting.iter().cloned()).collect()
    }

    /// What signs the passes at this time, or what keeps it from doing so.
    pub(super) fn signatory(&self, now: Millis) -> Result<&Signatory, IdentityProblem> {
        if let Some(problem) = self.lasting.iter().find(|problem| problem.is_fatal()) {
            return Err(problem.clone());
        }
        let passing = self.validity.iter().filter_map(|(position, from, until)| judge(*position, *from, *until, now));
        if let Some(problem) = passing.into_iter().find(IdentityProblem::is_fatal) {
            return Err(problem);
        }
        self.signatory.as_ref().ok_or(IdentityProblem::Empty)
    }

    /// When the first of the chain's certificates expires. None: none can be read.
    pub fn expires_at(&self) -> Option<Millis> {
        self.validity.iter().map(|(_, _, until)| *until).min()
    }
}

/// The chain of the pass certificate out of what was given: the leaf, then whoever issued it, and so on, without the root, which the phone has.
/// The issuer is found by name and key identifier and never by its generation, so that several may be given. One that is not there is left
/// out; in its place stands a certificate that is not its issuer, if one was given, for [`PassIdentity::read`] to tell.
pub fn arrange(mut pool: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let decode = |der: &[u8]| Certificate::from_der(der).ok();
    let is_leaf = |der: &Vec<u8>| decode(der).is_some_and(|one| attribute(&one.tbs_certificate.subject, UID).is_some());
    let at = pool.iter().position(is_leaf).unwrap_or(0);
    if at >= pool.len() {
        return pool;
    }
    let mut chain = vec![pool.remove(at)];
    while let Some(last) = chain.last().and_then(|der| decode(der)) {
        let issuer = |der: &Vec<u8>| decode(der).is_some_and(|other| was_issued_by(&last, &other));
        let Some(at) = pool.iter().position(issuer) else { break };
        let issuer = pool.remove(at);
        let is_root = decode(&issuer).is_some_and(|it| it.tbs_certificate.issuer == it.tbs_certificate.subject);
        if is_root && chain.len() > 1 {
            break;
        }
        chain.push(issuer);
        if is_root {
            break;
        }
    }
    if chain.len() == 1 {
        chain.extend(pool.into_iter().find(|der| chain.first() != Some(der)));
    }
    chain
}

/// From when, and until when it is not valid any more.
fn validity(certificate: &Certificate) -> (Millis, Millis) {
    let validity = &certificate.tbs_certificate.validity;
    // A certificate is valid through the whole of its last second (RFC 5280, 4.1.2.5).
    let until = millis(validity.not_after.to_unix_duration()).saturating_add(1000);
    (millis(validity.not_before.to_unix_duration()), until)
}

fn judge(position: usize, from: Millis, until: Millis, now: Millis) -> Option<IdentityProblem> {
    if now < from {
        Some(IdentityProblem::NotYetValid { position, from })
    } else if now >= until {
        Some(IdentityProblem::Expired { position, since: until })
    } else if now >= until - MONTH {
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
    problems.extend(lacking(leaf).map(|lacks| IdentityProblem::OtherUsage { lacks }));
    problems
}

/// What a Pass Type ID certificate may do and this one may not: phones look at both. Absent extensions restrict nothing (RFC 5280, 4.2.1.3 and 12).
fn lacking(leaf: &Certificate) -> Option<&'static str> {
    let usage = leaf.tbs_certificate.get::<KeyUsage>().ok().flatten();
    if usage.is_some_and(|(_, usage)| !usage.digital_signature()) {
        return Some("digitalSignature");
    }
    let extended = leaf.tbs_certificate.get::<ExtendedKeyUsage>().ok().flatten();
    extended.filter(|(_, extended)| !extended.0.contains(&PASS_SIGNING)).map(|_| "1.2.840.113635.100.4.14")
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
