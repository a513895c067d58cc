//! The `signature` of a package: a detached CMS SignedData (RFC 5652) over the bytes of `manifest.json`.
//!
//! Owns the structure. Does not own the key, which stays in the host's signer, nor whether the certificate is the right one (`identity`).
//!
//! SHA-256 throughout; Apple's own tools write SHA-1 in old samples and SHA-256 today. The signed attributes are encoded once, as a DER SET OF in
//! sorted order, and those bytes are signed: an Android wallet is known to refuse passes whose attributes are not sorted.
//!
//! The structure is always the same but for the certificates, a time, a digest and the signature itself. So it is written as bytes: the
//! certificates are parsed and sorted once, and a signature costs what the key costs.

use der::{Decode as _, Encode as _};
use sha2::{Digest, Sha256};
use x509_cert::Certificate;

use crate::identity::Millis;
use crate::ports::{ClientIdentity, SignFailure, SignatureAlgorithm, Signer};

/// X.690: the tags that are used here, constructed where they are. The last two are context-specific.
const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const EXPLICIT_0: u8 = 0xa0;

/// RFC 5652, 5.1: `id-signedData`, 1.2.840.113549.1.7.2.
const ID_SIGNED_DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
/// RFC 5652, 4: `id-data`, 1.2.840.113549.1.7.1, content that is just bytes.
const ID_DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
/// RFC 5652, 11.1: `contentType`, 1.2.840.113549.1.9.3.
const CONTENT_TYPE: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03";
/// RFC 5652, 11.2: `messageDigest`, 1.2.840.113549.1.9.4.
const MESSAGE_DIGEST: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04";
/// RFC 5652, 11.3: `signingTime`, 1.2.840.113549.1.9.5; Wallet refuses a pass without it.
const SIGNING_TIME: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x05";
/// RFC 5754, 2.2: 2.16.840.1.101.3.4.2.1 as an AlgorithmIdentifier; the parameters are absent.
const SHA_256: &[u8] = b"\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01";
/// RFC 3370, 3.2: 1.2.840.113549.1.1.1 with NULL, the name of an RSA signature that every CMS reader must know.
const RSA_ENCRYPTION: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
/// RFC 5754, 3.3: 1.2.840.10045.4.3.2; the parameters are absent.
const ECDSA_WITH_SHA_256: &[u8] = b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02";
/// RFC 5652, 5.1 and 5.3: version 1, of a signer that is named by issuer and serial number.
const VERSION_1: &[u8] = &[1];
/// RFC 5652, 11.3: from the year 2050 on, a time is a GeneralizedTime.
const FIRST_GENERALIZED_YEAR: i16 = 2050;

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

/// What all signatures of one certificate have in common, encoded.
#[derive(Debug, Clone)]
pub struct Signatory {
    /// `[0] IMPLICIT CertificateSet`
    certificates: Vec<u8>,
    /// `IssuerAndSerialNumber` of the leaf.
    issuer_and_serial: Vec<u8>,
}

impl Signatory {
    /// Of a chain in DER, leaf first.
    pub fn of(chain: &[Vec<u8>]) -> Result<Self, SignatureError> {
        let decoded = chain.iter().map(|der| Certificate::from_der(der)).collect::<Result<Vec<_>, _>>();
        let decoded = decoded.map_err(|_| SignatureError::Chain)?;
        let leaf = &decoded.first().ok_or(SignatureError::Chain)?.tbs_certificate;
        let mut sorted: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
        // DER: the elements of a SET OF ascend as they are encoded.
        sorted.sort_unstable();
        sorted.dedup();
        Ok(Self {
            certificates: tlv(EXPLICIT_0, &sorted)?,
            issuer_and_serial: tlv(SEQUENCE, &[&leaf.issuer.to_der()?, &leaf.serial_number.to_der()?])?,
        })
    }

    /// Signs `content` with the key of the leaf. The answer is the DER of a ContentInfo with the chain and without the content.
    pub async fn sign<S: Signer>(
        &self,
        signer: &S,
        identity: &ClientIdentity,
        content: &[u8],
        signing_time: Millis,
    ) -> Result<Vec<u8>, SignatureError> {
        let algorithm = match signer.algorithm(&identity.key).await? {
            SignatureAlgorithm::RsaPkcs1Sha256 => RSA_ENCRYPTION,
            SignatureAlgorithm::EcdsaP256Sha256Der => ECDSA_WITH_SHA_256,
        };
        let attributes = signed_attributes(content, signing_time)?;
        let signature = signer.sign(&identity.key, &attributes).await?;
        // Signed as a SET, written as [0]: RFC 5652, 5.4.
        let written = attributes.split_first().map(|(_, rest)| rest).unwrap_or_default();
        let version = tlv(INTEGER, &[VERSION_1])?;
        let signer_info = tlv(
            SEQUENCE,
            &[
                &version,
                &self.issuer_and_serial,
                SHA_256,
                &[EXPLICIT_0],
                written,
                algorithm,
                &tlv(OCTET_STRING, &[&signature])?,
            ],
        )?;
        let signed_data = tlv(
            SEQUENCE,
            &[
                &version,
                &tlv(SET, &[SHA_256])?,
                &tlv(SEQUENCE, &[ID_DATA])?,
                &self.certificates,
                &tlv(SET, &[&signer_info])?,
            ],
        )?;
        tlv(SEQUENCE, &[ID_SIGNED_DATA, &tlv(EXPLICIT_0, &[&signed_data])?])
    }
}

/// The three in the order that DER asks of a SET OF, which is that of their lengths: 26, 30 or 32, and 49 bytes.
fn signed_attributes(content: &[u8], signing_time: Millis) -> Result<Vec<u8>, SignatureError> {
    let attribute = |oid: &[u8], value: &[u8]| tlv(SEQUENCE, &[oid, &tlv(SET, &[value])?]);
    let digest = tlv(OCTET_STRING, &[&Sha256::digest(content)])?;
    tlv(
        SET,
        &[
            &attribute(CONTENT_TYPE, ID_DATA)?,
            &attribute(SIGNING_TIME, &time(signing_time)?)?,
            &attribute(MESSAGE_DIGEST, &digest)?,
        ],
    )
}

fn time(at: Millis) -> Result<Vec<u8>, SignatureError> {
    if at < 0 {
        return Err(SignatureError::Encoding);
    }
    let at = jiff::Timestamp::from_millisecond(at).map_err(|_| SignatureError::Encoding)?;
    let at = at.to_zoned(jiff::tz::TimeZone::UTC);
    if at.year() < FIRST_GENERALIZED_YEAR {
        tlv(UTC_TIME, &[at.strftime("%y%m%d%H%M%SZ").to_string().as_bytes()])
    } else {
        tlv(GENERALIZED_TIME, &[at.strftime("%Y%m%d%H%M%SZ").to_string().as_bytes()])
    }
}

/// Tag, length, and the parts one after the other.
fn tlv(tag: u8, parts: &[&[u8]]) -> Result<Vec<u8>, SignatureError> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let bytes = u32::try_from(length).map_err(|_| SignatureError::Encoding)?.to_be_bytes();
    let mut out = Vec::with_capacity(6 + length);
    out.push(tag);
    match bytes {
        [0, 0, 0, short] if short < 0x80 => out.push(short),
        [0, 0, 0, one] => out.extend([0x81, one]),
        [0, 0, two @ ..] => {
            out.push(0x82);
            out.extend(two);
        }
        four => {
            // A length has no leading zero.
            let skipped = four.iter().take_while(|byte| **byte == 0).count();
            out.push(0x84_u8.saturating_sub(u8::try_from(skipped).unwrap_or(0)));
            out.extend(four.iter().skip(skipped));
        }
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    Ok(out)
}

#[cfg(test)]
mod tests;
