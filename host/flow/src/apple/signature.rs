//! The `signature` of a package: a detached CMS SignedData (RFC 5652) over the bytes of `manifest.json`.
//!
//! Owns the structure. Does not own the key, which stays in the host's signer, nor whether the certificate is the right one (`identity`).
//!
//! SHA-256 throughout; Apple's own tools write SHA-1 in old samples and SHA-256 today. The signed attributes are encoded once, as a DER SET OF in
//! sorted order, and those bytes are signed: an Android wallet is known to refuse passes whose attributes are not sorted.

use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos,
};
use der::asn1::{GeneralizedTime, ObjectIdentifier, OctetString, SetOfVec, UtcTime};
use der::{Any, Decode, Encode, Tag};
use sha2::{Digest, Sha256};
use x509_cert::Certificate;
use x509_cert::attr::Attribute;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_cert::time::Time;

use crate::identity::Millis;
use crate::ports::{ClientIdentity, SignFailure, SignatureAlgorithm, Signer};

/// RFC 5652, 4: content that is just bytes.
const ID_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
/// RFC 5652, 5.1
const ID_SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
/// RFC 5652, 11.1
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
/// RFC 5652, 11.2
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
/// RFC 5652, 11.3; Wallet refuses a pass without it.
const SIGNING_TIME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.5");
/// RFC 5754, 2.2
const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
/// RFC 3370, 3.2: the name of an RSA signature that every CMS reader must know.
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// RFC 5754, 3.3
const ECDSA_WITH_SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
/// 2050-01-01T00:00:00Z in seconds: from here on a time is a GeneralizedTime (RFC 5652, 11.3).
const YEAR_2050: u64 = 2_524_608_000;

#[derive(Debug, Clone, thiserror::Error)]
pub enum SignatureError {
    #[error("the certificate chain is empty or not X.509 in DER")]
    Chain,
    #[error(transparent)]
    Key(#[from] SignFailure),
    /// The clock is before 1970, or a structure is larger than DER allows.
    #[error("the signature cannot be encoded")]
    Encoding,
}

impl From<der::Error> for SignatureError {
    fn from(_: der::Error) -> Self {
        Self::Encoding
    }
}

/// Signs `content` with the identity's key. The answer is the DER of a ContentInfo with the chain and without the content.
pub async fn sign<S: Signer>(
    signer: &S,
    identity: &ClientIdentity,
    content: &[u8],
    signing_time: Millis,
) -> Result<Vec<u8>, SignatureError> {
    let chain = decode(&identity.chain)?;
    let leaf = chain.first().ok_or(SignatureError::Chain)?;
    let algorithm = signer.algorithm(&identity.key).await?;
    let attributes = signed_attributes(content, signing_time)?;
    let signature = signer.sign(&identity.key, &attributes.to_der()?).await?;
    let signer_info = SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: leaf.tbs_certificate.issuer.clone(),
            serial_number: leaf.tbs_certificate.serial_number.clone(),
        }),
        digest_alg: sha_256(),
        signed_attrs: Some(attributes),
        signature_algorithm: match algorithm {
            SignatureAlgorithm::RsaPkcs1Sha256 => {
                AlgorithmIdentifierOwned { oid: RSA_ENCRYPTION, parameters: Some(Any::new(Tag::Null, [])?) }
            }
            SignatureAlgorithm::EcdsaP256Sha256Der => {
                AlgorithmIdentifierOwned { oid: ECDSA_WITH_SHA_256, parameters: None }
            }
        },
        signature: OctetString::new(signature)?,
        unsigned_attrs: None,
    };
    let certificates = chain.into_iter().map(CertificateChoices::Certificate).collect::<Vec<_>>();
    let signed_data = SignedData {
        version: CmsVersion::V1,
        digest_algorithms: SetOfVec::try_from(vec![sha_256()])?,
        encap_content_info: EncapsulatedContentInfo { econtent_type: ID_DATA, econtent: None },
        certificates: Some(CertificateSet(SetOfVec::try_from(certificates)?)),
        crls: None,
        signer_infos: SignerInfos(SetOfVec::try_from(vec![signer_info])?),
    };
    Ok(ContentInfo { content_type: ID_SIGNED_DATA, content: Any::encode_from(&signed_data)? }.to_der()?)
}

fn decode(chain: &[Vec<u8>]) -> Result<Vec<Certificate>, SignatureError> {
    chain.iter().map(|der| Certificate::from_der(der).map_err(|_| SignatureError::Chain)).collect()
}

/// RFC 5754, 2: the parameters are absent.
fn sha_256() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid: SHA_256, parameters: None }
}

/// `SetOfVec` sorts as DER asks, whatever the order here.
fn signed_attributes(content: &[u8], signing_time: Millis) -> Result<SetOfVec<Attribute>, SignatureError> {
    let digest = Sha256::digest(content);
    Ok(SetOfVec::try_from(vec![
        attribute(CONTENT_TYPE, Any::encode_from(&ID_DATA)?)?,
        attribute(SIGNING_TIME, Any::encode_from(&time(signing_time)?)?)?,
        attribute(MESSAGE_DIGEST, Any::new(Tag::OctetString, digest.as_slice())?)?,
    ])?)
}

fn attribute(oid: ObjectIdentifier, value: Any) -> Result<Attribute, SignatureError> {
    Ok(Attribute { oid, values: SetOfVec::try_from(vec![value])? })
}

fn time(at: Millis) -> Result<Time, SignatureError> {
    let seconds = u64::try_from(at / 1000).map_err(|_| SignatureError::Encoding)?;
    let since_1970 = std::time::Duration::from_secs(seconds);
    if seconds < YEAR_2050 {
        return Ok(Time::UtcTime(UtcTime::from_unix_duration(since_1970)?));
    }
    Ok(Time::GeneralTime(GeneralizedTime::from_unix_duration(since_1970)?))
}

#[cfg(test)]
mod tests;
