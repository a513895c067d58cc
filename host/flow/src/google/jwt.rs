//! RS256 tokens in the name of the service account: the save link and the assertion that buys an access token.
//!
//! Owns the compact form. Does not own the claims nor the key, which stays in the host's signer.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::error::GoogleError;
use crate::ports::{KeyRef, SignatureAlgorithm, Signer};

/// JWS compact serialisation (RFC 7515) with RSASSA-PKCS1-v1_5 and SHA-256.
pub(super) async fn rs256<S: Signer>(signer: &S, key: &KeyRef, claims: &Value) -> Result<String, GoogleError> {
    if signer.algorithm(key).await? != SignatureAlgorithm::RsaPkcs1Sha256 {
        return Err(GoogleError::NotRsa);
    }
    let header = URL_SAFE_NO_PAD.encode(br#"{"alg":"RS256","typ":"JWT"}"#);
    let input = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let signature = signer.sign(key, input.as_bytes()).await?;
    Ok(format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature)))
}
