//! Keys and certificates as files hold them: the sealing key, Apple's certificates, Google's service account.
//!
//! Owns the forms in which they are accepted. Does not own whether a certificate is the right one and still valid (`apple`), nor
//! private keys, which are read by the host's signer and by nobody else.

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose};
use der::Decode as _;
use sha2::{Digest as _, Sha256};
use x509_cert::Certificate;
use zeroize::{Zeroize as _, Zeroizing};

use super::problem::Area;
use crate::ports::KeyContent;

/// Bytes of a sealing key: ChaCha20-Poly1305's key, and what HKDF-free derivations by HMAC-SHA-256 expect.
pub const SEAL_KEY_BYTES: usize = 32;

/// A chain of an issuing authority has two or three certificates, and Apple has six generations of the intermediate, which may all be given; a
/// bundle of a whole root program has hundreds and is a mistake here.
const LONGEST_CHAIN: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialFault {
    #[error("a sealing key is 32 bytes, in base64, in hex or as they are; `passerelle key seal` makes one")]
    SealKeyLength,
    #[error(
        "32 printable characters are a password or half a key in hex, not a sealing key; `passerelle key seal` makes one"
    )]
    SealKeyText,
    #[error("all bytes of the sealing key are equal; `passerelle key seal` makes a real one")]
    SealKeyTrivial,
    #[error(
        "there is no certificate in it: expected PEM (\"-----BEGIN CERTIFICATE-----\") or the DER file as Apple delivers it"
    )]
    NoCertificate,
    #[error("the certificate in it is damaged")]
    BadCertificate,
    #[error("it holds more certificates than a chain has; give the pass certificate and its intermediate only")]
    TooManyCertificates,
    #[error("it is not a private key in PEM (\"-----BEGIN PRIVATE KEY-----\", or RSA or EC)")]
    NoPrivateKey,
    #[error(
        "the private key is protected by a passphrase; remove it with `openssl pkey -in FILE -out FILE` and restrict who may read the file"
    )]
    EncryptedKey,
    #[error("the private key is neither RSA nor P-256, or it is damaged")]
    DamagedKey,
    #[error("the RSA key is shorter than 2048 bits")]
    ShortKey,
    #[error(
        "the private key is not the one that the certificate was requested with; Keychain Access shows the pair that belongs together"
    )]
    OtherKey,
    #[error("the passphrase does not open the .p12 file")]
    Passphrase,
    #[error("the passphrase is not text in UTF-8")]
    PassphraseText,
    #[error(
        "the .p12 file is damaged, or protected in a way that is not known here (PBES2 with AES, and 3DES and RC2 as Keychain Access writes them, are)"
    )]
    Pkcs12,
    #[error("the .p12 file must hold exactly one private key, that of the pass certificate")]
    Pkcs12Keys,
    #[error("a .p12 file is opened by the server only; `openssl pkcs12 -in FILE -nodes -out FILE.pem` makes PEM of it")]
    Pkcs12Elsewhere,
    #[error(
        "it is not the key file of a service account: the JSON text \"{0}\" is missing (console.cloud.google.com, IAM, service accounts, keys)"
    )]
    ServiceAccount(&'static str),
}

impl CredentialFault {
    pub fn area(self) -> Area {
        match self {
            Self::NoCertificate
            | Self::BadCertificate
            | Self::TooManyCertificates
            | Self::DamagedKey
            | Self::ShortKey
            | Self::OtherKey
            | Self::Passphrase
            | Self::PassphraseText
            | Self::Pkcs12
            | Self::Pkcs12Keys
            | Self::Pkcs12Elsewhere => Area::Certificates,
            Self::SealKeyLength
            | Self::SealKeyText
            | Self::SealKeyTrivial
            | Self::NoPrivateKey
            | Self::EncryptedKey
            | Self::ServiceAccount(_) => Area::Secrets,
        }
    }
}

/// Editors and `echo` end a file with a line break that is no part of the secret.
pub fn without_line_break(mut secret: Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
    if secret.last() == Some(&b'\n') {
        secret.pop();
        if secret.last() == Some(&b'\r') {
            secret.pop();
        }
    }
    secret
}

/// With or without padding: people paste both.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::URL_SAFE, LENIENT);

/// 32 bytes as base64, hex or raw.
pub fn seal_key(content: &[u8]) -> Result<Zeroizing<[u8; SEAL_KEY_BYTES]>, CredentialFault> {
    let text = content.trim_ascii();
    // Raw first: bytes that happen to begin or end with white space are a key all the same. A random key is printable throughout
    // with a probability of 1e-14; a password of 32 characters always is.
    let decoded = if content.len() == SEAL_KEY_BYTES && !text.iter().all(u8::is_ascii_graphic) {
        Zeroizing::new(content.to_vec())
    } else if text.len() == SEAL_KEY_BYTES {
        return Err(CredentialFault::SealKeyText);
    } else {
        let decoded = match text.len() {
            length if length == 2 * SEAL_KEY_BYTES => hex::decode(text).ok(),
            _ => STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok(),
        };
        Zeroizing::new(decoded.ok_or(CredentialFault::SealKeyLength)?)
    };
    let mut key = <[u8; SEAL_KEY_BYTES]>::try_from(decoded.as_slice()).map_err(|_| CredentialFault::SealKeyLength)?;
    let trivial = key.iter().all(|byte| Some(byte) == key.first());
    let sealed = Zeroizing::new(key);
    key.zeroize();
    if trivial { Err(CredentialFault::SealKeyTrivial) } else { Ok(sealed) }
}

/// The text form that `passerelle key seal` writes.
pub fn seal_key_text(key: &[u8; SEAL_KEY_BYTES]) -> Zeroizing<String> {
    Zeroizing::new(general_purpose::STANDARD.encode(key))
}

/// The content of the first block with this label; none: there is none, or it is damaged. It may be a private key.
pub fn pem_block(pem: &str, label: &str) -> Option<Zeroizing<Vec<u8>>> {
    let (_, rest) = pem.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let mut letters = Zeroizing::new(String::with_capacity(body.len()));
    letters.extend(body.split_ascii_whitespace());
    general_purpose::STANDARD.decode(letters.as_bytes()).ok().map(Zeroizing::new)
}

/// The certificates of a PEM file in its order, or the one of a DER file. Text around the blocks, as exports from PKCS#12 have it, and
/// blocks of other kinds are passed over.
pub fn certificates(content: &[u8]) -> Result<Vec<Vec<u8>>, CredentialFault> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    /// The first byte of a DER SEQUENCE, which a certificate is; no PEM file begins with it, since its text would.
    const SEQUENCE: u8 = 0x30;

    let mut chain = Vec::new();
    if content.first() == Some(&SEQUENCE) && Certificate::from_der(content).is_ok() {
        chain.push(content.to_vec());
        return Ok(chain);
    }
    let text = String::from_utf8_lossy(content);
    let mut rest: &str = &text;
    while let Some((_, after)) = rest.split_once(BEGIN) {
        let (body, after) = after.split_once(END).ok_or(CredentialFault::BadCertificate)?;
        let letters: String = body.split_ascii_whitespace().collect();
        let der = STANDARD.decode(letters).map_err(|_| CredentialFault::BadCertificate)?;
        Certificate::from_der(&der).map_err(|_| CredentialFault::BadCertificate)?;
        chain.push(der);
        if chain.len() > LONGEST_CHAIN {
            return Err(CredentialFault::TooManyCertificates);
        }
        rest = after;
    }
    if chain.is_empty() { Err(CredentialFault::NoCertificate) } else { Ok(chain) }
}

/// An uncompressed P-256 point in SubjectPublicKeyInfo, in base64. Whether it lies on the curve is the phone's affair.
pub fn is_p256_public_key(text: &str) -> bool {
    /// RFC 5480, 2: id-ecPublicKey with secp256r1, and a bit string of 65 bytes that begins with 4.
    const HEAD: &[u8] =
        b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00\x04";
    const LENGTH: usize = 91;
    STANDARD.decode(text).is_ok_and(|der| der.len() == LENGTH && der.starts_with(HEAD))
}

/// What a `.p12` file holds.
pub struct Pkcs12 {
    /// DER, in no order that means anything.
    pub certificates: Vec<Vec<u8>>,
    /// PKCS#8 in DER.
    pub key: Zeroizing<Vec<u8>>,
}

/// Opens a `.p12` file with its passphrase; empty where it has none.
pub type OpenPkcs12 = fn(content: &[u8], passphrase: &str) -> Result<Pkcs12, CredentialFault>;

/// A PKCS#12 file is a DER SEQUENCE of a version and what is protected (RFC 7292, 4), a certificate is one of three parts; no PEM begins so.
pub fn is_pkcs12(content: &[u8]) -> bool {
    content.first() == Some(&0x30) && Certificate::from_der(content).is_err()
}

/// Looks at the armour of a private key only, so that a wrong file is noticed when the configuration is read and not at the first pass.
pub fn private_key_armour(content: &[u8]) -> Result<(), CredentialFault> {
    const PLAIN: [&str; 3] =
        ["-----BEGIN PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----", "-----BEGIN EC PRIVATE KEY-----"];
    let text = std::str::from_utf8(content).map_err(|_| CredentialFault::NoPrivateKey)?;
    if text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") || text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(CredentialFault::EncryptedKey);
    }
    if PLAIN.iter().any(|armour| text.contains(armour)) { Ok(()) } else { Err(CredentialFault::NoPrivateKey) }
}

/// Tells this content of a key from every other.
pub fn key_content(content: &[u8]) -> KeyContent {
    let digest = Sha256::digest(content);
    digest.first_chunk().copied().unwrap_or_default()
}

/// `client_email` of a Google service account's key file; its private key must be there too, and is left to the signer.
pub fn service_account(content: &[u8]) -> Result<String, CredentialFault> {
    #[derive(serde::Deserialize)]
    struct KeyFile {
        client_email: Option<String>,
        private_key: Option<String>,
    }
    let file: KeyFile = serde_json::from_slice(content).map_err(|_| CredentialFault::ServiceAccount("client_email"))?;
    let key = Zeroizing::new(file.private_key.ok_or(CredentialFault::ServiceAccount("private_key"))?);
    private_key_armour(key.as_bytes())?;
    file.client_email.filter(|email| email.contains('@')).ok_or(CredentialFault::ServiceAccount("client_email"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> [u8; 32] {
        std::array::from_fn(|i| u8::try_from(i * 7 + 3).unwrap_or(255))
    }

    #[test]
    fn a_seal_key_is_read_raw_in_hex_and_in_base64() {
        let padded = seal_key_text(&key());
        let forms: [&[u8]; 5] = [
            &key(),
            hex::encode(key()).as_bytes(),
            format!("{}\n", padded.as_str()).as_bytes(),
            padded.trim_end_matches('=').as_bytes(),
            general_purpose::URL_SAFE.encode(key()).as_bytes(),
        ]
        .map(|form| &*form.to_vec().leak());
        for form in forms {
            assert_eq!(*seal_key(form).unwrap(), key());
        }
    }

    #[test]
    fn a_raw_key_keeps_bytes_that_look_like_white_space() {
        let mut spaced = key();
        spaced[0] = b' ';
        spaced[31] = b'\n';
        assert_eq!(*seal_key(&spaced).unwrap(), spaced);
    }

    #[test]
    fn what_is_no_seal_key_is_told_apart() {
        assert_eq!(seal_key(b"short"), Err(CredentialFault::SealKeyLength));
        assert_eq!(seal_key(&[1; 31]), Err(CredentialFault::SealKeyLength));
        assert_eq!(seal_key(hex::encode(&key()[..16]).as_bytes()), Err(CredentialFault::SealKeyText));
        assert_eq!(seal_key(hex::encode([0_u8; 32]).as_bytes()), Err(CredentialFault::SealKeyTrivial));
        assert_eq!(seal_key("g".repeat(64).as_bytes()), Err(CredentialFault::SealKeyLength));
    }

    #[test]
    fn a_file_without_certificates_says_so_and_a_damaged_one_too() {
        assert_eq!(certificates(b""), Err(CredentialFault::NoCertificate));
        assert_eq!(
            certificates(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"),
            Err(CredentialFault::NoCertificate)
        );
        let damaged = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
        assert_eq!(certificates(damaged), Err(CredentialFault::BadCertificate));
        assert_eq!(certificates(b"-----BEGIN CERTIFICATE-----\nAAAA"), Err(CredentialFault::BadCertificate));
    }

    #[test]
    fn a_private_key_is_known_by_its_armour() {
        assert_eq!(private_key_armour(b"Bag Attributes\n-----BEGIN PRIVATE KEY-----\n"), Ok(()));
        assert_eq!(private_key_armour(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n"), Err(CredentialFault::EncryptedKey));
        assert_eq!(private_key_armour(b"-----BEGIN CERTIFICATE-----\n"), Err(CredentialFault::NoPrivateKey));
        assert_eq!(private_key_armour(&[0xff, 0xfe]), Err(CredentialFault::NoPrivateKey));
    }

    #[test]
    fn a_service_account_has_an_address_and_a_key() {
        let full =
            br#"{"type":"service_account","client_email":"a@b.iam","private_key":"-----BEGIN PRIVATE KEY-----\nx"}"#;
        assert_eq!(service_account(full), Ok("a@b.iam".to_owned()));
        assert_eq!(
            service_account(br#"{"client_email":"a@b.iam"}"#),
            Err(CredentialFault::ServiceAccount("private_key"))
        );
        let nameless = br#"{"private_key":"-----BEGIN PRIVATE KEY-----\nx"}"#;
        assert_eq!(service_account(nameless), Err(CredentialFault::ServiceAccount("client_email")));
        assert_eq!(service_account(b"no json"), Err(CredentialFault::ServiceAccount("client_email")));
    }
}
