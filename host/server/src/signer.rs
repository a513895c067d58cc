//! Signs with the private keys that the tenants' configurations refer to.
//!
//! Owns who is given a key's signatures: the flow, and TLS, where rustls is given something that signs. Does not own which keys are in force
//! (`config::tenants` parses them with the tenant that they are of) nor the keys themselves (`private_key`).

use std::sync::Arc;

use passerelle_flow::ports::{KeyRef, SignFailure, SignatureAlgorithm, Signer};
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

    fn key(&self, key: &KeyRef) -> Result<PrivateKey, SignFailure> {
        self.tenants.key(key).ok_or_else(|| {
            tracing::error!(tenant = %key.tenant, reference = key.reference, "a private key is not in force");
            SignFailure::Missing
        })
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
