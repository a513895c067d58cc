//! Signs in the guest with the private keys that the tenants' configurations refer to.
//!
//! Owns the parsed keys for as long as the instance lives: parsing an RSA key costs as much as a signature. Does not own the reading of
//! references (`secrets`) nor the arithmetic (`private_key`). A key that was exchanged is in force with the next instance, as a tenant is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use passerelle_flow::ports::{KeyRef, SignFailure, SignatureAlgorithm, Signer};
use passerelle_flow::tenant::secret::SecretReference;

use crate::private_key::PrivateKey;
use crate::secrets::{Secrets, Variables};

pub struct KeySigner<V> {
    secrets: Arc<Secrets<V>>,
    parsed: Mutex<HashMap<KeyRef, PrivateKey>>,
}

impl<V: Variables> KeySigner<V> {
    pub fn new(secrets: Arc<Secrets<V>>) -> Self {
        Self { secrets, parsed: Mutex::default() }
    }

    async fn key(&self, key: &KeyRef) -> Result<PrivateKey, SignFailure> {
        if let Some(parsed) = self.parsed.lock().unwrap_or_else(PoisonError::into_inner).get(key) {
            return Ok(parsed.clone());
        }
        let reference = SecretReference::parse(&key.reference).map_err(|_| SignFailure::Missing)?;
        let content = self.secrets.read(&key.tenant, &reference).await.map_err(|fault| {
            tracing::error!(tenant = %key.tenant, %reference, %fault, "a private key cannot be read");
            SignFailure::Missing
        })?;
        let parsed = PrivateKey::from_pem(&content)?;
        self.parsed.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), parsed.clone());
        Ok(parsed)
    }
}

impl<V: Variables> Signer for KeySigner<V> {
    async fn algorithm(&self, key: &KeyRef) -> Result<SignatureAlgorithm, SignFailure> {
        Ok(self.key(key).await?.algorithm())
    }

    async fn sign(&self, key: &KeyRef, message: &[u8]) -> Result<Vec<u8>, SignFailure> {
        self.key(key).await?.sign(message)
    }
}

#[cfg(test)]
mod tests {
    use futures_executor::block_on;
    use passerelle_flow::identity::TenantId;

    use super::*;
    use crate::secrets::tests::Given;

    #[test]
    fn a_key_is_read_once_for_an_instance_and_belongs_to_its_tenant() {
        let pem = std::process::Command::new("openssl")
            .args(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"])
            .output()
            .unwrap();
        let pem = String::from_utf8(pem.stdout).unwrap();
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("own")).unwrap();
        std::fs::write(root.path().join("own/key"), &pem).unwrap();
        let secrets = Arc::new(Secrets::new(root.path(), Given::new([("pass_key", pem.as_str()), ("nonsense", "x")])));
        let signer = KeySigner::new(secrets.clone());
        let key = |tenant: &str, reference: &str| KeyRef {
            tenant: TenantId::parse(tenant).unwrap(),
            reference: reference.to_owned(),
            passphrase: None,
            content: [0; 16],
        };
        let variable = key("own", "variable:pass_key");
        assert_eq!(block_on(signer.algorithm(&variable)), Ok(SignatureAlgorithm::EcdsaP256Sha256Der));
        for _ in 0..3 {
            assert!(block_on(signer.sign(&variable, b"m")).is_ok());
        }
        assert_eq!(*secrets.variables().asked.lock().unwrap(), ["pass_key"]);
        assert!(block_on(signer.sign(&key("own", "file:key"), b"m")).is_ok());
        assert_eq!(block_on(signer.sign(&key("other", "file:key"), b"m")), Err(SignFailure::Missing));
        assert_eq!(block_on(signer.sign(&key("own", "variable:absent"), b"m")), Err(SignFailure::Missing));
        assert_eq!(block_on(signer.sign(&key("own", "variable:nonsense"), b"m")), Err(SignFailure::Unsupported));
    }
}
