//! Is the `signature` of a pass one that Wallet accepts? (wallets.md 1.1)
//!
//! Owns the whole judgement, from the bytes: CMS SignedData, version 1, detached, one signer by issuer and serial number, signed
//! attributes contentType, messageDigest and signingTime in DER order, SHA-256, a chain from the leaf over the enclosed intermediate to
//! the trusted root, and what the leaf says about itself. Deliberately refuses SHA-1, which Wallet still reads: nobody should write it.

use aws_lc_rs::{digest, signature};
use cms::cert::CertificateChoices;
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{SignedData, SignerIdentifier, SignerInfo};
use der::asn1::{Any, ObjectIdentifier, OctetString, SetOfVec};
use der::{Decode, Encode};
use x509_cert::Certificate;
use x509_cert::attr::Attribute;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage};
use x509_cert::time::Time;

use crate::authority::PassTrust;

const ID_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const ID_SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SIGNING_TIME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.5");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const UID: ObjectIdentifier = ObjectIdentifier::new_unwrap("0.9.2342.19200300.100.1.1");
const ORGANIZATIONAL_UNIT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.11");
const PASS_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113635.100.4.14");
const PASS_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113635.100.6.1.16");
/// Signing times this far ahead of the phone's clock are taken for a clock that is off, not for a lie.
const AHEAD: i64 = 300;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("not CMS SignedData: {0}")]
    Encoding(&'static str),
    #[error("SignedData is not detached over id-data, version 1")]
    Form,
    #[error("not exactly one signer, named by issuer and serial number")]
    Signer,
    #[error("the digest is not SHA-256")]
    Digest,
    #[error("signed attribute {0} is missing, doubled or wrong")]
    Attribute(&'static str),
    #[error("the signed attributes are not in DER order")]
    Order,
    #[error("the manifest is not the one that was signed")]
    Manifest,
    #[error("the signature does not verify")]
    Signature,
    #[error("the chain does not lead to a trusted root: {0}")]
    Chain(&'static str),
    #[error("the certificate had expired, or was not valid yet, at the signing time")]
    Validity,
    #[error("the certificate is not a Pass Type ID certificate: {0}")]
    Certificate(&'static str),
    #[error("the certificate is for another passTypeIdentifier or teamIdentifier than pass.json")]
    Identity,
}

type Checked<T> = Result<T, SignatureError>;

/// Verifies `signature` over `manifest`, for a pass of that type and team, on a phone whose clock shows that second.
pub(crate) fn verify(
    signature: &[u8],
    manifest: &[u8],
    pass_type: &str,
    team: &str,
    trust: &PassTrust,
    second: i64,
) -> Checked<()> {
    let info = ContentInfo::from_der(signature).map_err(|_| SignatureError::Encoding("ContentInfo"))?;
    if info.content_type != ID_SIGNED_DATA {
        return Err(SignatureError::Form);
    }
    let data: SignedData = info.content.decode_as().map_err(|_| SignatureError::Encoding("SignedData"))?;
    let encapsulated = &data.encap_content_info;
    if data.version != CmsVersion::V1 || encapsulated.econtent_type != ID_DATA || encapsulated.econtent.is_some() {
        return Err(SignatureError::Form);
    }
    let certificates = certificates(&data);
    let [signer] = data.signer_infos.0.as_slice() else { return Err(SignatureError::Signer) };
    let SignerIdentifier::IssuerAndSerialNumber(sid) = &signer.sid else { return Err(SignatureError::Signer) };
    let leaf = certificates
        .iter()
        .find(|found| {
            found.tbs_certificate.issuer == sid.issuer && found.tbs_certificate.serial_number == sid.serial_number
        })
        .ok_or(SignatureError::Signer)?;
    if signer.digest_alg.oid != SHA256 || data.digest_algorithms.iter().all(|algorithm| algorithm.oid != SHA256) {
        return Err(SignatureError::Digest);
    }
    let signed_at = check_attributes(signer, signature, manifest)?;
    if signed_at > second + AHEAD {
        return Err(SignatureError::Attribute("signingTime"));
    }
    check_signature(signer, leaf)?;
    check_chain(leaf, &certificates, trust, signed_at)?;
    check_leaf(leaf, pass_type, team)
}

/// The `UID` of a pass certificate's subject: the topic that it may push to.
pub(crate) fn uid_of(certificate: &[u8]) -> Option<String> {
    subject(&Certificate::from_der(certificate).ok()?, UID)
}

fn certificates(data: &SignedData) -> Vec<Certificate> {
    let choices = data.certificates.iter().flat_map(|set| set.0.iter());
    choices
        .filter_map(|choice| match choice {
            CertificateChoices::Certificate(certificate) => Some(certificate.clone()),
            CertificateChoices::Other(_) => None,
        })
        .collect()
}

/// The signing time, once the attributes are right.
fn check_attributes(signer: &SignerInfo, whole: &[u8], manifest: &[u8]) -> Checked<i64> {
    let attributes = signer.signed_attrs.as_ref().ok_or(SignatureError::Attribute("all"))?;
    let set = attributes.to_der().map_err(|_| SignatureError::Encoding("signed attributes"))?;
    // The parser sorts what it reads, so the order in the file is judged by finding the sorted form, retagged [0], in it.
    let mut implicit = set;
    if let Some(tag) = implicit.first_mut() {
        *tag = 0xa0;
    }
    if !whole.windows(implicit.len()).any(|window| window == implicit) {
        return Err(SignatureError::Order);
    }
    let content_type: ObjectIdentifier = attribute(attributes, CONTENT_TYPE, "contentType")?;
    if content_type != ID_DATA {
        return Err(SignatureError::Attribute("contentType"));
    }
    let digest: OctetString = attribute(attributes, MESSAGE_DIGEST, "messageDigest")?;
    if digest.as_bytes() != digest::digest(&digest::SHA256, manifest).as_ref() {
        return Err(SignatureError::Manifest);
    }
    let time: Time = attribute(attributes, SIGNING_TIME, "signingTime")?;
    Ok(seconds(time))
}

fn attribute<T>(attributes: &SetOfVec<Attribute>, oid: ObjectIdentifier, name: &'static str) -> Checked<T>
where
    T: for<'a> Decode<'a>,
{
    let mut found = attributes.iter().filter(|attribute| attribute.oid == oid);
    let (Some(attribute), None) = (found.next(), found.next()) else { return Err(SignatureError::Attribute(name)) };
    let [value] = attribute.values.as_slice() else { return Err(SignatureError::Attribute(name)) };
    decode(value).ok_or(SignatureError::Attribute(name))
}

fn decode<T: for<'a> Decode<'a>>(value: &Any) -> Option<T> {
    T::from_der(&value.to_der().ok()?).ok()
}

fn check_signature(signer: &SignerInfo, leaf: &Certificate) -> Checked<()> {
    let attributes = signer.signed_attrs.as_ref().ok_or(SignatureError::Attribute("all"))?;
    let signed = attributes.to_der().map_err(|_| SignatureError::Encoding("signed attributes"))?;
    let key = &leaf.tbs_certificate.subject_public_key_info;
    let algorithm = signer.signature_algorithm.oid;
    let allowed = match key.algorithm.oid {
        RSA => [RSA, RSA_SHA256].contains(&algorithm),
        EC_PUBLIC_KEY => algorithm == ECDSA_SHA256,
        _ => false,
    };
    if !allowed {
        return Err(SignatureError::Signature);
    }
    verify_bytes(leaf, &signed, signer.signature.as_bytes()).ok_or(SignatureError::Signature)
}

/// `signer`'s key over `message`, whichever of the two kinds it is.
fn verify_bytes(signer: &Certificate, message: &[u8], seal: &[u8]) -> Option<()> {
    let key = &signer.tbs_certificate.subject_public_key_info;
    let bytes = key.subject_public_key.as_bytes()?;
    let algorithm: &'static dyn signature::VerificationAlgorithm = match key.algorithm.oid {
        RSA => &signature::RSA_PKCS1_2048_8192_SHA256,
        EC_PUBLIC_KEY => &signature::ECDSA_P256_SHA256_ASN1,
        _ => return None,
    };
    signature::UnparsedPublicKey::new(algorithm, bytes).verify(message, seal).ok()
}

fn check_chain(leaf: &Certificate, enclosed: &[Certificate], trust: &PassTrust, second: i64) -> Checked<()> {
    let root = Certificate::from_der(&trust.root).map_err(|_| SignatureError::Chain("no trusted root"))?;
    let intermediate = enclosed
        .iter()
        .find(|found| found.tbs_certificate.subject == leaf.tbs_certificate.issuer && *found != leaf)
        .ok_or(SignatureError::Chain("the intermediate is not enclosed"))?;
    for (child, parent, what) in
        [(leaf, intermediate, "leaf to intermediate"), (intermediate, &root, "intermediate to root")]
    {
        let issued = child.tbs_certificate.issuer == parent.tbs_certificate.subject;
        let constraints = parent.tbs_certificate.get::<BasicConstraints>().ok().flatten();
        let message = child.tbs_certificate.to_der().map_err(|_| SignatureError::Chain(what))?;
        let seal = child.signature.as_bytes().ok_or(SignatureError::Chain(what))?;
        if !issued || !constraints.is_some_and(|(_, constraints)| constraints.ca) {
            return Err(SignatureError::Chain(what));
        }
        verify_bytes(parent, &message, seal).ok_or(SignatureError::Chain(what))?;
        let validity = &child.tbs_certificate.validity;
        if second < seconds(validity.not_before) || second > seconds(validity.not_after) {
            return Err(SignatureError::Validity);
        }
    }
    Ok(())
}

fn check_leaf(leaf: &Certificate, pass_type: &str, team: &str) -> Checked<()> {
    let tbs = &leaf.tbs_certificate;
    let usage = tbs.get::<KeyUsage>().ok().flatten();
    if !usage.is_some_and(|(_, usage)| usage.digital_signature()) {
        return Err(SignatureError::Certificate("key usage"));
    }
    let extended = tbs.get::<ExtendedKeyUsage>().ok().flatten();
    if !extended.is_some_and(|(_, usages)| usages.0.contains(&PASS_KEY_USAGE)) {
        return Err(SignatureError::Certificate("extended key usage"));
    }
    let marked = tbs.extensions.iter().flatten().any(|extension| extension.extn_id == PASS_TYPE);
    if !marked {
        return Err(SignatureError::Certificate("extension 1.2.840.113635.100.6.1.16"));
    }
    let same =
        subject(leaf, UID).as_deref() == Some(pass_type) && subject(leaf, ORGANIZATIONAL_UNIT).as_deref() == Some(team);
    if same { Ok(()) } else { Err(SignatureError::Identity) }
}

fn subject(certificate: &Certificate, oid: ObjectIdentifier) -> Option<String> {
    let names = certificate.tbs_certificate.subject.0.iter().flat_map(|name| name.0.iter());
    let value = names.into_iter().find(|name| name.oid == oid)?.value.value().to_vec();
    String::from_utf8(value).ok()
}

fn seconds(time: Time) -> i64 {
    i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX)
}
