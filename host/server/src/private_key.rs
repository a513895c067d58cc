//! A private key, parsed: what it can do, and nothing of what it is.
//!
//! Owns the forms in which a key enters: PEM (PKCS#8, PKCS#1 for RSA, SEC1 for P-256), or a `.p12`. It is never written and leaves only as
//! signatures. Does not own the reading of references (`config::secrets`) nor what is signed.

use std::sync::Arc;

use passerelle_flow::ports::{KeyRef, SignFailure, SignatureAlgorithm};
use passerelle_flow::tenant::credential::{self, without_line_break};
use passerelle_flow::tenant::secret::{SecretProblem, SecretReference};
use rustls::SignatureScheme;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::SigningKey;
use zeroize::Zeroizing;

use crate::pkcs12;

/// A parsed key of one of the two kinds that the wallets accept.
#[derive(Clone)]
pub struct PrivateKey {
    key: Arc<dyn SigningKey>,
    algorithm: SignatureAlgorithm,
}

impl PrivateKey {
    /// Of a PEM file, or of a `.p12` with its passphrase.
    pub(crate) fn read(
        secrets: impl Fn(&SecretReference) -> Result<Zeroizing<Vec<u8>>, SecretProblem>,
        key: &KeyRef,
    ) -> Result<Self, SignFailure> {
        let read = |reference: &str| {
            let reference = SecretReference::parse(reference).map_err(|_| SignFailure::Missing)?;
            secrets(&reference).map_err(|problem| {
                tracing::error!(tenant = %key.tenant, %reference, %problem, "a private key cannot be read");
                SignFailure::Missing
            })
        };
        let content = read(&key.reference)?;
        if !credential::is_pkcs12(&content) {
            return Self::from_pem(&content);
        }
        let passphrase = key.passphrase.as_deref().map(read).transpose()?.unwrap_or_default();
        let passphrase = without_line_break(passphrase);
        let text = std::str::from_utf8(&passphrase).map_err(|_| SignFailure::Unsupported)?;
        let opened = pkcs12::open(&content, text).map_err(|_| SignFailure::Unsupported)?;
        Self::from_pkcs8(&opened.key)
    }

    /// The first private key of a PEM file. Certificates and parameters around it are passed over.
    pub fn from_pem(pem: &[u8]) -> Result<Self, SignFailure> {
        Self::from_der(PrivateKeyDer::from_pem_slice(pem).map_err(|_| SignFailure::Unsupported)?)
    }

    pub fn from_pkcs8(der: &[u8]) -> Result<Self, SignFailure> {
        Self::from_der(PrivatePkcs8KeyDer::from(der.to_vec()).into())
    }

    fn from_der(der: PrivateKeyDer<'static>) -> Result<Self, SignFailure> {
        let key = any_supported_type(&Zeroizing::new(der)).map_err(|_| SignFailure::Unsupported)?;
        let kinds = [SignatureAlgorithm::RsaPkcs1Sha256, SignatureAlgorithm::EcdsaP256Sha256Der];
        let algorithm = kinds.into_iter().find(|kind| key.choose_scheme(&[scheme(*kind)]).is_some());
        Ok(Self { key, algorithm: algorithm.ok_or(SignFailure::Unsupported)? })
    }

    /// For TLS.
    pub fn signing_key(&self) -> Arc<dyn SigningKey> {
        Arc::clone(&self.key)
    }

    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignFailure> {
        let signer = self.key.choose_scheme(&[scheme(self.algorithm)]).ok_or(SignFailure::Unsupported)?;
        signer.sign(message).map_err(|_| SignFailure::Refused)
    }
}

/// TLS has both under these names.
fn scheme(algorithm: SignatureAlgorithm) -> SignatureScheme {
    match algorithm {
        SignatureAlgorithm::RsaPkcs1Sha256 => SignatureScheme::RSA_PKCS1_SHA256,
        SignatureAlgorithm::EcdsaP256Sha256Der => SignatureScheme::ECDSA_NISTP256_SHA256,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;

    /// OpenSSL makes the keys and checks the signatures: it has nothing in common with what signs here.
    fn openssl(args: &[&str], input: &[u8]) -> Vec<u8> {
        let mut child = Command::new("openssl")
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl is installed by `cargo xtask test`");
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "openssl {args:?}");
        output.stdout
    }

    fn verified(pem: &[u8], message: &[u8], signature: &[u8]) -> bool {
        let folder = tempfile::tempdir().unwrap();
        let [key, signed] = ["key.pem", "signature"].map(|name| folder.path().join(name).to_str().unwrap().to_owned());
        std::fs::write(&key, openssl(&["pkey", "-pubout"], pem)).unwrap();
        std::fs::write(&signed, signature).unwrap();
        openssl(&["dgst", "-sha256", "-verify", &key, "-signature", &signed], message).starts_with(b"Verified OK")
    }

    #[test]
    fn every_form_of_both_kinds_signs_what_openssl_verifies() {
        let rsa = openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], b"");
        let ec = openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], b"");
        let forms = [
            (rsa.clone(), SignatureAlgorithm::RsaPkcs1Sha256),
            (openssl(&["rsa", "-traditional"], &rsa), SignatureAlgorithm::RsaPkcs1Sha256),
            (ec, SignatureAlgorithm::EcdsaP256Sha256Der),
            // With a block of parameters in front.
            (openssl(&["ecparam", "-name", "prime256v1", "-genkey"], b""), SignatureAlgorithm::EcdsaP256Sha256Der),
        ];
        for (pem, algorithm) in forms {
            let key = PrivateKey::from_pem(&pem).unwrap();
            assert_eq!(key.algorithm(), algorithm);
            assert!(verified(&pem, b"a manifest", &key.sign(b"a manifest").unwrap()));
        }
    }

    #[test]
    fn other_keys_and_other_files_are_refused() {
        let rsa = openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], b"");
        let others = [
            openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"], b""),
            openssl(&["genpkey", "-algorithm", "ED25519"], b""),
            openssl(&["pkcs8", "-topk8", "-passout", "pass:secret"], &rsa),
            openssl(&["pkey", "-pubout"], &rsa),
            b"-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n".to_vec(),
            b"{\"type\":\"service_account\"}".to_vec(),
            Vec::new(),
        ];
        for pem in others {
            assert_eq!(PrivateKey::from_pem(&pem).err(), Some(SignFailure::Unsupported));
        }
    }
}
