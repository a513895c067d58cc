//! Signatures of webhooks: Standard Webhooks `v1` (HMAC-SHA256) and `v1a` (Ed25519), and The Wallet Crew's `X-NEOSTORE-SIGNATURE`.
//!
//! Owns the secrets' texts, signing and verifying; pure. Does not own where a secret is kept (`endpoint`).
//!
//! One secret of 48 random bytes has two spellings, so that nobody has to keep two: `signatureSecret` is its base64 (64 characters, the length that
//! The Wallet Crew's have), and `whsec_` before it makes it a secret of Standard Webhooks. `v1` is keyed with the 48 bytes, as the standard says;
//! `X-NEOSTORE-SIGNATURE` with the 64 characters as they are, as The Wallet Crew's page says. The Ed25519 key is another one: its public half,
//! `whpk_…`, is no secret, so a receiver that keeps only that has nothing to lose.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::identity::Millis;
use crate::ports::Random;
use crate::sealing::hmac_sha256;

/// 384 bits: within the standard's 24 to 64, and the base64 of it has no padding.
const SECRET: usize = 48;
/// Bytes of a symmetric key that is read. The standard has 24 to 64; keys that Svix has made, its own documentation's among them, have 18.
const SYMMETRIC: std::ops::RangeInclusive<usize> = 16..=64;
/// Seconds that a receiver's clock may differ: the reference libraries' five minutes.
pub const TOLERANCE_S: i64 = 300;

const SYMMETRIC_PREFIX: &str = "whsec_";
const SECRET_KEY_PREFIX: &str = "whsk_";
const PUBLIC_KEY_PREFIX: &str = "whpk_";

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error(
        "a secret is whsec_ and the base64 of 16 to 64 bytes, or the 64 characters of signatureSecret; a public key is whpk_ and the base64 of 32 bytes"
    )]
    Form,
}

/// What an endpoint signs with. Shows nothing of itself.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    pub fn new<R: Random>(random: &R) -> Self {
        let bytes = Zeroizing::new(random.bytes::<SECRET>());
        Self(Zeroizing::new(bytes.to_vec()))
    }

    /// `whsec_…`, or the same without it.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.strip_prefix(SYMMETRIC_PREFIX).unwrap_or(text);
        let bytes = STANDARD.decode(text).map(Zeroizing::new).map_err(|_| KeyError::Form)?;
        if SYMMETRIC.contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(KeyError::Form) }
    }

    /// `signatureSecret`: the 64 characters.
    pub fn plain(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.0.as_slice()))
    }

    /// `whsec_…`.
    pub fn standard(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{SYMMETRIC_PREFIX}{}", self.plain().as_str()))
    }

    /// `v1,…`.
    pub fn sign(&self, id: &str, timestamp_s: i64, body: &[u8]) -> String {
        format!("v1,{}", STANDARD.encode(hmac_sha256(&self.0, &signed(id, timestamp_s, body))))
    }

    /// The value of `X-NEOSTORE-SIGNATURE`.
    pub fn sign_neostore(&self, body: &[u8], encoding: Neostore) -> String {
        let mac = hmac_sha256(self.plain().as_bytes(), body);
        match encoding {
            Neostore::Hex => hex::encode(mac),
            Neostore::Base64 => STANDARD.encode(mac),
        }
    }

    /// Is it the body's `X-NEOSTORE-SIGNATURE`, in either encoding? In constant time.
    pub fn verifies_neostore(&self, body: &[u8], given: &str) -> bool {
        let mac = hmac_sha256(self.plain().as_bytes(), body);
        let given = hex::decode(given.trim()).or_else(|_| STANDARD.decode(given.trim()));
        given.is_ok_and(|given| bool::from(given.as_slice().ct_eq(&mac)))
    }
}

/// How `X-NEOSTORE-SIGNATURE` is written; The Wallet Crew's page does not say (docs/assumptions.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Neostore {
    Hex,
    Base64,
}

/// The key of `v1a`, made of 32 random bytes.
pub struct KeyPair(SigningKey);

impl KeyPair {
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// `v1a,…`.
    pub fn sign(&self, id: &str, timestamp_s: i64, body: &[u8]) -> String {
        format!("v1a,{}", STANDARD.encode(self.0.sign(&signed(id, timestamp_s, body)).to_bytes()))
    }

    /// `whpk_…`.
    pub fn public(&self) -> String {
        format!("{PUBLIC_KEY_PREFIX}{}", STANDARD.encode(self.0.verifying_key().as_bytes()))
    }
}

/// What is signed. Neither the id nor the time has a full stop in it, so no two of these are the same bytes.
fn signed(id: &str, timestamp_s: i64, body: &[u8]) -> Vec<u8> {
    [format!("{id}.{timestamp_s}.").as_bytes(), body].concat()
}

/// What a receiver verifies with.
#[derive(Debug)]
pub enum Verifier {
    Symmetric(Secret),
    Public(Box<VerifyingKey>),
}

impl Verifier {
    /// `whsec_…`, `signatureSecret` or `whpk_…`.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        if text.starts_with(SECRET_KEY_PREFIX) {
            return Err(KeyError::Form);
        }
        let Some(public) = text.strip_prefix(PUBLIC_KEY_PREFIX) else {
            return Secret::parse(text).map(Self::Symmetric);
        };
        let bytes = STANDARD.decode(public).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let key = bytes.and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok());
        key.map(Box::new).map(Self::Public).ok_or(KeyError::Form)
    }

    fn verifies(&self, message: &[u8], version: &str, signature: &[u8]) -> bool {
        match (self, version) {
            (Self::Symmetric(secret), "v1") => bool::from(hmac_sha256(&secret.0, message).as_slice().ct_eq(signature)),
            // Strictly: a key or a signature of small order fits many messages.
            (Self::Public(key), "v1a") => {
                Signature::from_slice(signature).is_ok_and(|signature| key.verify_strict(message, &signature).is_ok())
            }
            _ => false,
        }
    }
}

/// The three headers as they came.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    pub id: &'a str,
    pub timestamp: &'a str,
    pub signature: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    #[error("webhook-id or webhook-timestamp is missing or not what the standard says")]
    Headers,
    #[error("webhook-timestamp is too old: more than the tolerance before now")]
    Old,
    #[error("webhook-timestamp is in the future: more than the tolerance after now")]
    Future,
    #[error("none of the signatures was made over this body with this secret")]
    Forged,
}

/// Is it what was sent, and sent now? One of several signatures is enough: during a rotation there is one per secret.
pub fn verify(
    verifier: &Verifier,
    received: Received<'_>,
    body: &[u8],
    now: Millis,
    tolerance_s: i64,
) -> Result<(), VerifyError> {
    let well_formed = !received.id.is_empty() && !received.id.contains('.');
    let timestamp: i64 = received.timestamp.parse().ok().filter(|_| well_formed).ok_or(VerifyError::Headers)?;
    let age = now.div_euclid(1000).saturating_sub(timestamp);
    if age > tolerance_s {
        return Err(VerifyError::Old);
    }
    if age < -tolerance_s {
        return Err(VerifyError::Future);
    }
    let message = signed(received.id, timestamp, body);
    let known = received.signature.split_ascii_whitespace().any(|signature| {
        let Some((version, text)) = signature.split_once(',') else { return false };
        STANDARD.decode(text).is_ok_and(|signature| verifier.verifies(&message, version, &signature))
    });
    if known { Ok(()) } else { Err(VerifyError::Forged) }
}

#[cfg(test)]
mod tests;
