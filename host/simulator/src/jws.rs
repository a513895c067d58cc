//! Compact JSON web signatures, HS256, RS256 and ES256, as far as the four places that receive them need (SecuTix, Google's token
//! endpoint, Google's save link, Apple's push service).
//!
//! Owns the form and the signature. Does not own what the claims must say. Bounded by: exactly the algorithm that is expected,
//! never the one that the header asks for.

use aws_lc_rs::{hmac, signature};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    #[error("not three base64url parts")]
    Form,
    #[error("header or claims are not JSON objects")]
    Json,
    #[error("header alg is not the expected one")]
    Algorithm,
    #[error("header typ is not JWT")]
    Type,
    #[error("signature does not match")]
    Signature,
}

pub(crate) enum Key<'a> {
    Hs256(&'a [u8]),
    /// PKCS#1 `RSAPublicKey`.
    Rs256(&'a [u8]),
    /// An uncompressed point.
    Es256(&'a [u8]),
}

/// The claims, once the header and the signature have been found right.
pub(crate) fn verify(token: &str, key: &Key<'_>) -> Result<Map<String, Value>, JwsError> {
    let mut parts = token.split('.');
    let (Some(header), Some(claims), Some(seal), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(JwsError::Form);
    };
    let signed = token.get(..header.len() + 1 + claims.len()).ok_or(JwsError::Form)?;
    let seal = URL_SAFE_NO_PAD.decode(seal).map_err(|_| JwsError::Form)?;
    let header = object(header)?;
    let expected = match key {
        Key::Hs256(_) => "HS256",
        Key::Rs256(_) => "RS256",
        Key::Es256(_) => "ES256",
    };
    if header.get("alg").and_then(Value::as_str) != Some(expected) {
        return Err(JwsError::Algorithm);
    }
    if header.get("typ").and_then(Value::as_str) != Some("JWT") {
        return Err(JwsError::Type);
    }
    match key {
        Key::Hs256(secret) => {
            hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes(), &seal).is_ok()
        }
        Key::Rs256(public) => signature::UnparsedPublicKey::new(&signature::RSA_PKCS1_2048_8192_SHA256, public)
            .verify(signed.as_bytes(), &seal)
            .is_ok(),
        Key::Es256(public) => signature::UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, public)
            .verify(signed.as_bytes(), &seal)
            .is_ok(),
    }
    .then_some(())
    .ok_or(JwsError::Signature)?;
    object(claims)
}

/// HS256, for the tokens that SecuTix's own authentication service hands out.
pub(crate) fn sign_hs256(claims: &Value, secret: &[u8]) -> String {
    let header = URL_SAFE_NO_PAD.encode(br#"{"alg":"HS256","typ":"JWT"}"#);
    let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let seal = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(seal))
}

fn object(part: &str) -> Result<Map<String, Value>, JwsError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| JwsError::Form)?;
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(JwsError::Json),
    }
}
