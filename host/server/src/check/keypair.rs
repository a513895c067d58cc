//! Does this private key belong to this certificate? A pass that is signed with another one is refused by every phone.
//!
//! Owns the comparison of the two public keys. Does not sign (`signer`).

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, RsaKeyPair};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum PairProblem {
    #[error("the private key is neither RSA (2048 bits or more) nor P-256, or it is damaged")]
    Key,
    #[error(
        "the private key is not the one that the certificate was requested with; Keychain Access shows the pair that belongs together"
    )]
    Other,
}

/// `certificate` in DER, `key` in PEM.
pub(super) fn belong_together(certificate: &[u8], key: &[u8]) -> Result<(), PairProblem> {
    // A chain that is not X.509 is told by whoever looks at certificates; here it only matches no key.
    let certificate = Certificate::from_der(certificate).map_err(|_| PairProblem::Other)?;
    let certified = certificate.tbs_certificate.subject_public_key_info.subject_public_key;
    let own = public_key(key).ok_or(PairProblem::Key)?;
    if certified.as_bytes() == Some(own.as_slice()) { Ok(()) } else { Err(PairProblem::Other) }
}

/// As certificates have it: RSAPublicKey in DER, or the uncompressed point.
fn public_key(pem: &[u8]) -> Option<Vec<u8>> {
    let rsa = |pair: RsaKeyPair| pair.public_key().as_ref().to_vec();
    let ecdsa = |pair: EcdsaKeyPair| pair.public_key().as_ref().to_vec();
    match PrivateKeyDer::from_pem_slice(pem).ok()? {
        PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()).ok().map(rsa),
        PrivateKeyDer::Sec1(key) => {
            EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_ASN1_SIGNING, key.secret_sec1_der()).ok().map(ecdsa)
        }
        PrivateKeyDer::Pkcs8(key) => {
            let der = key.secret_pkcs8_der();
            let p256 = || EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der).ok().map(ecdsa);
            RsaKeyPair::from_pkcs8(der).ok().map(rsa).or_else(p256)
        }
        _ => None,
    }
}
