//! A private key in pure Rust: parsed from PEM, used to sign.
//!
//! Owns the two kinds that the wallets accept and the forms in which files hold them. Does not own where a key comes from (`signer`).
//! An RSA signature is always blinded with fresh randomness of the host. What is to be known of `rsa` in a sandbox stands in `docs/spin.md`:
//! its arithmetic is written for constant time, and nobody promises that a WebAssembly compiler keeps it so.

use std::sync::Arc;

use getrandom::SysRng;
use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use p256::pkcs8::DecodePrivateKey as _;
use passerelle_flow::ports::{SignFailure, SignatureAlgorithm};
use passerelle_flow::tenant::credential::pem_block;
use rsa::pkcs1::DecodeRsaPrivateKey as _;
use sha2::{Digest as _, Sha256};

#[derive(Clone)]
pub struct PrivateKey(Arc<Kind>);

enum Kind {
    Rsa(rsa::PrivateKey),
    Ecdsa(p256::ecdsa::SigningKey),
}

impl PrivateKey {
    /// The first private key of a PEM file. Certificates and parameters around it are passed over.
    pub fn from_pem(pem: &[u8]) -> Result<Self, SignFailure> {
        let pem = std::str::from_utf8(pem).map_err(|_| SignFailure::Unsupported)?;
        let kind = ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"].into_iter().find_map(|label| {
            let der = pem_block(pem, label)?;
            match label {
                "RSA PRIVATE KEY" => rsa::PrivateKey::from_pkcs1_der(&der).ok().map(Kind::Rsa),
                "EC PRIVATE KEY" => p256::SecretKey::from_sec1_der(&der).ok().map(|key| Kind::Ecdsa(key.into())),
                _ => p256::SecretKey::from_pkcs8_der(&der)
                    .ok()
                    .map(|key| Kind::Ecdsa(key.into()))
                    .or_else(|| rsa::PrivateKey::from_pkcs8_der(&der).ok().map(Kind::Rsa)),
            }
        });
        kind.map(|kind| Self(Arc::new(kind))).ok_or(SignFailure::Unsupported)
    }

    pub fn algorithm(&self) -> SignatureAlgorithm {
        match *self.0 {
            Kind::Rsa(_) => SignatureAlgorithm::RsaPkcs1Sha256,
            Kind::Ecdsa(_) => SignatureAlgorithm::EcdsaP256Sha256Der,
        }
    }

    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignFailure> {
        let digest = Sha256::digest(message);
        match &*self.0 {
            Kind::Rsa(key) => {
                key.pkcs1v15_sign_prehash_with_rng::<Sha256, _>(&mut SysRng, &digest).map_err(|_| SignFailure::Refused)
            }
            Kind::Ecdsa(key) => {
                let signature: p256::ecdsa::Signature = key.sign_prehash(&digest).map_err(|_| SignFailure::Refused)?;
                Ok(signature.to_der().as_bytes().to_vec())
            }
        }
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
        let bag = [b"Bag Attributes\n    friendlyName: x\n".as_slice(), &rsa].concat();
        let forms = [
            (rsa.clone(), SignatureAlgorithm::RsaPkcs1Sha256),
            (bag, SignatureAlgorithm::RsaPkcs1Sha256),
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
            b"-----END PRIVATE KEY-----\n-----BEGIN PRIVATE KEY-----\n".to_vec(),
            b"{\"type\":\"service_account\"}".to_vec(),
            vec![0xff, 0xfe],
            Vec::new(),
        ];
        for pem in others {
            assert_eq!(PrivateKey::from_pem(&pem).err(), Some(SignFailure::Unsupported));
        }
    }
}
