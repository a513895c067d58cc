//! Signs with the private keys that the tenants' configurations refer to.
//!
//! Owns who is given a key's signatures: the flow, and TLS, where rustls is given something that signs. Does not own which keys are in force
//! (`config::tenants` parses them with the tenant that they are of) nor the keys themselves (`private_key`).

use std::sync::Arc;

use passerelle_flow::ports::{KeyRef, SignFailure, SignatureAlgorithm, Signer};
use passerelle_flow::tenant::credential::key_content;
use passerelle_flow::tenant::secret::SecretReference;
use rustls::sign::SigningKey;

use crate::config::Tenants;
use crate::private_key::PrivateKey;

/// The port, and the client side of TLS.
pub struct KeySigner {
    tenants: Arc<Tenants>,
}

impl KeySigner {
    pub fn new(tenants: Arc<Tenants>) -> Self {
        Self { tenants }
    }

    /// For a TLS client certificate.
    pub fn tls_key(&self, key: &KeyRef) -> Result<Arc<dyn SigningKey>, SignFailure> {
        Ok(self.key(key)?.signing_key())
    }

    /// One of a tenant that is not in force is read, if it is still the one that was meant: another one's signature fits no certificate.
    fn key(&self, key: &KeyRef) -> Result<PrivateKey, SignFailure> {
        if let Some(parsed) = self.tenants.key(key) {
            return Ok(parsed);
        }
        let reader = self.tenants.secrets(&key.tenant);
        let reference = SecretReference::parse(&key.reference).map_err(|_| SignFailure::Missing)?;
        let same = reader.read(&reference).is_ok_and(|content| key_content(&content) == key.content);
        if !same {
            tracing::error!(tenant = %key.tenant, %reference, "a private key is gone, or has become another one");
            return Err(SignFailure::Missing);
        }
        PrivateKey::read(|reference| reader.read(reference), key)
    }
}

impl Signer for KeySigner {
    async fn algorithm(&self, key: &KeyRef) -> Result<SignatureAlgorithm, SignFailure> {
        Ok(self.key(key)?.algorithm())
    }

    /// On the calling thread: RSA with 2048 bits takes less than a millisecond, P-256 a twentieth of that. Handing it to another thread and
    /// back would be noticeable beside it and keep the processor no less busy.
    async fn sign(&self, key: &KeyRef, message: &[u8]) -> Result<Vec<u8>, SignFailure> {
        self.key(key)?.sign(message)
    }
}
