//! Does this private key belong to this certificate? A pass that is signed with another one is refused by every phone.
//!
//! Owns the comparison of the two public keys, for RSA and P-256. Keeps nothing: signing is a host's. Parses by hand what it needs of the three forms
//! that tools write (PKCS#8, PKCS#1, SEC 1): the numbers are compared, so nothing has to be proved about them.

use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef, UintRef};
use der::{Decode as _, Encode as _, Reader as _, SliceReader};
use p256::ecdsa::{SigningKey, VerifyingKey};
use p256::pkcs8::DecodePublicKey as _;
use x509_cert::Certificate;
use zeroize::Zeroizing;

use super::credential::{CredentialFault, pem_block};

/// RFC 8017, A.1.
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// RFC 5480, 2.1.1; the curve is the certificate's to say.
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

/// Bytes of an RSA modulus: 2048 bits, the least that Apple issues for and that anybody verifies.
const SHORTEST: usize = 256;

/// `certificate` in DER; `key` in PEM, or PKCS#8 in DER as a `.p12` file holds it.
pub fn belong_together(certificate: &[u8], key: &[u8]) -> Result<(), CredentialFault> {
    let certificate = Certificate::from_der(certificate).map_err(|_| CredentialFault::BadCertificate)?;
    let certified = certificate.tbs_certificate.subject_public_key_info;
    let private = PrivateKey::read(key).ok_or(CredentialFault::DamagedKey)?;
    let same = match &private {
        PrivateKey::Rsa(key) => {
            let own = numbers(key, true).ok_or(CredentialFault::DamagedKey)?;
            if own.first().is_none_or(|modulus| modulus.len() < SHORTEST) {
                return Err(CredentialFault::ShortKey);
            }
            numbers(certified.subject_public_key.raw_bytes(), false).is_some_and(|certified| certified == own)
        }
        PrivateKey::Ec(scalar) => {
            // Another curve has scalars of another length, or of the same that are no key here; no pass is signed on one.
            let own = SigningKey::from_slice(scalar).map_err(|_| CredentialFault::DamagedKey)?;
            let certified = certified.to_der().ok().and_then(|der| VerifyingKey::from_public_key_der(&der).ok());
            certified.is_some_and(|certified| certified == *own.verifying_key())
        }
    };
    if same { Ok(()) } else { Err(CredentialFault::OtherKey) }
}

enum PrivateKey {
    /// `RSAPrivateKey` in DER.
    Rsa(Zeroizing<Vec<u8>>),
    Ec(Zeroizing<Vec<u8>>),
}

impl PrivateKey {
    fn read(content: &[u8]) -> Option<Self> {
        let Some(text) = std::str::from_utf8(content).ok().filter(|text| text.contains("-----BEGIN ")) else {
            return Self::pkcs8(content);
        };
        if let Some(der) = pem_block(text, "PRIVATE KEY") {
            return Self::pkcs8(&der);
        }
        if let Some(der) = pem_block(text, "RSA PRIVATE KEY") {
            return Some(Self::Rsa(der));
        }
        pem_block(text, "EC PRIVATE KEY").and_then(|der| sec1(&der))
    }

    /// RFC 5208: version, algorithm, the key as its own standard has it; then attributes, which say nothing here.
    fn pkcs8(der: &[u8]) -> Option<Self> {
        let (algorithm, key) = SliceReader::new(der)
            .ok()?
            .sequence(|fields| {
                let _version: UintRef<'_> = fields.decode()?;
                let algorithm = fields.sequence(|fields| {
                    let algorithm: ObjectIdentifier = fields.decode()?;
                    rest(fields)?;
                    Ok(algorithm)
                })?;
                let key: OctetStringRef<'_> = fields.decode()?;
                rest(fields)?;
                Ok((algorithm, key))
            })
            .ok()?;
        match algorithm {
            RSA => Some(Self::Rsa(Zeroizing::new(key.as_bytes().to_vec()))),
            EC => sec1(key.as_bytes()),
            _ => None,
        }
    }
}

/// RFC 5915: version and scalar; the curve and the public key may follow.
fn sec1(der: &[u8]) -> Option<PrivateKey> {
    let scalar = SliceReader::new(der).ok()?.sequence(|fields| {
        let _version: UintRef<'_> = fields.decode()?;
        let scalar: OctetStringRef<'_> = fields.decode()?;
        rest(fields)?;
        Ok(Zeroizing::new(scalar.as_bytes().to_vec()))
    });
    scalar.ok().map(PrivateKey::Ec)
}

/// Modulus and exponent of an RSA key: the first two numbers of a public one, behind a version in a private one.
fn numbers(der: &[u8], private: bool) -> Option<[Vec<u8>; 2]> {
    SliceReader::new(der)
        .ok()?
        .sequence(|fields| {
            if private {
                let _version: UintRef<'_> = fields.decode()?;
            }
            let modulus: UintRef<'_> = fields.decode()?;
            let exponent: UintRef<'_> = fields.decode()?;
            rest(fields)?;
            Ok([modulus.as_bytes().to_vec(), exponent.as_bytes().to_vec()])
        })
        .ok()
}

/// What is left of a sequence is passed over.
fn rest<'a>(fields: &mut impl der::Reader<'a>) -> der::Result<()> {
    while !fields.is_finished() {
        let _: AnyRef<'_> = fields.decode()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;
    use crate::apple::certificates::Authority;

    /// As openssl writes it.
    fn converted(pem: &str, arguments: &[&str]) -> Vec<u8> {
        let mut child =
            Command::new("openssl").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(pem.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "openssl {arguments:?}");
        output.stdout
    }

    #[test]
    fn a_key_in_any_form_belongs_to_its_certificate_and_to_no_other() {
        let authority = Authority::new("G4");
        let rsa = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
        let p256 = rcgen::KeyPair::generate().unwrap();
        let leaf = |key| authority.chain("pass.org.example.demo", "A1B2C3D4E5", key)[0].clone();
        let (of_rsa, of_p256) = (leaf(&rsa), leaf(&p256));
        let (rsa, p256) = (rsa.serialize_pem(), p256.serialize_pem());
        for (own, other, key) in [(&of_rsa, &of_p256, &rsa), (&of_p256, &of_rsa, &p256)] {
            let forms = [
                key.clone().into_bytes(),
                [b"Bag Attributes\n  friendlyName: Ada\n", key.as_bytes()].concat(),
                converted(key, &["pkcs8", "-topk8", "-nocrypt", "-outform", "DER"]),
                converted(key, &["pkey", "-traditional"]),
            ];
            for form in forms {
                assert_eq!(belong_together(own, &form), Ok(()));
                assert_eq!(belong_together(other, &form), Err(CredentialFault::OtherKey));
            }
        }
        // `ecparam -genkey` writes the curve in front of the key.
        let with_curve =
            [converted("", &["ecparam", "-name", "prime256v1"]), converted(&p256, &["pkey", "-traditional"])];
        assert_eq!(belong_together(&of_p256, &with_curve.concat()), Ok(()));
    }

    #[test]
    fn what_is_no_key_is_told_apart_from_a_wrong_one() {
        let authority = Authority::new("G4");
        let leaf =
            authority.chain("pass.org.example.demo", "A1B2C3D4E5", &rcgen::KeyPair::generate().unwrap())[0].clone();
        let ed25519 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap().serialize_pem();
        for wrong in
            ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "0\u{3}\u{2}\u{1}\u{0}", &ed25519]
        {
            assert_eq!(belong_together(&leaf, wrong.as_bytes()), Err(CredentialFault::DamagedKey), "{wrong}");
        }
        assert_eq!(belong_together(b"no certificate", b""), Err(CredentialFault::BadCertificate));
    }
}
