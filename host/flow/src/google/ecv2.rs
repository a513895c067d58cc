//! ECv2SigningOnly: how Google signs what it posts (the scheme of Google Pay's tokens, of which Wallet's callbacks use the signing half).
//!
//! Owns the envelope's form, what each signature is over, and whose keys count. Pure: time, root keys and the recipient are arguments, so that
//! both hosts judge alike and a recorded message can be judged at its own time. Does not own where root keys come from (`roots`) nor what a
//! message means (`callback`). The recipient is always ours: a message that names another issuer is signed for another issuer.
//! Bounded by the host's limit on a body, and by [`SIGNATURES`] and the root keys, which are Google's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use p256::pkcs8::DecodePublicKey as _;
use serde::Deserialize;

use crate::identity::Millis;

/// The only protocol that is taken. An envelope of another one is refused, however well it is signed.
pub const PROTOCOL: &str = "ECv2SigningOnly";
/// Who signs callbacks of Wallet, as the signature has it. Google's test pages name another sender; every callback that was seen has this one.
pub const SENDER: &str = "GooglePayPasses";
/// Signatures of an intermediate key that are tried: Google sends one, two while its root key changes. More cost time and mean nothing.
const SIGNATURES: usize = 8;

/// Why an envelope says nothing. A caller is told the status alone; which check failed is for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ecv2Error {
    #[error("not an envelope of {PROTOCOL}")]
    Malformed,
    #[error("no root key of Google's that is still good has signed the intermediate key")]
    UntrustedKey,
    #[error("the intermediate key has expired")]
    ExpiredKey,
    /// Changed on the way, signed by another key, or meant for another recipient: the signature does not tell which.
    #[error("the message is not signed for us")]
    Forged,
}

/// One of Google's root keys.
#[derive(Clone, Debug)]
pub struct RootKey {
    pub key: VerifyingKey,
    pub expires_at: Millis,
}

/// `{"keys": [{"keyValue", "protocolVersion", "keyExpiration"}]}`, as Google publishes it: those of our protocol, whose key is one and whose end
/// is told. None: the document has not even the form.
pub fn root_keys(document: &[u8]) -> Option<Vec<RootKey>> {
    #[derive(Deserialize)]
    struct Document {
        keys: Vec<Listed>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Listed {
        key_value: Option<String>,
        protocol_version: Option<String>,
        key_expiration: Option<String>,
    }
    let document: Document = serde_json::from_slice(document).ok()?;
    let read = |listed: Listed| {
        let ours = listed.protocol_version.as_deref() == Some(PROTOCOL);
        let key = ours.then(|| public_key(listed.key_value.as_deref()?)).flatten()?;
        // A root key without an end would be trusted for ever, by mistake or by malice.
        Some(RootKey { key, expires_at: listed.key_expiration?.parse().ok()? })
    };
    Some(document.keys.into_iter().filter_map(read).collect())
}

fn public_key(text: &str) -> Option<VerifyingKey> {
    VerifyingKey::from_public_key_der(&STANDARD.decode(text).ok()?).ok()
}

/// Exactly these four members (Tink refuses more, and so does this).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Envelope {
    protocol_version: String,
    signature: String,
    intermediate_signing_key: IntermediateKey,
    signed_message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct IntermediateKey {
    signed_key: String,
    signatures: Vec<String>,
}

/// The text within `signedKey`. It may have further members.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SignedKey {
    key_value: String,
    /// Milliseconds, as a text.
    key_expiration: String,
}

/// The signed message of an envelope, when a root key's holder has signed it for `recipient`. Its own time is the caller's to check.
pub fn verify(body: &[u8], roots: &[RootKey], sender: &str, recipient: &str, now: Millis) -> Result<String, Ecv2Error> {
    let envelope: Envelope = serde_json::from_slice(body).map_err(|_| Ecv2Error::Malformed)?;
    let Envelope { protocol_version, signature, intermediate_signing_key, signed_message } = envelope;
    if protocol_version != PROTOCOL {
        return Err(Ecv2Error::Malformed);
    }
    let IntermediateKey { signed_key, signatures } = intermediate_signing_key;
    // The texts go in as they were decoded once: an escape within them stays one.
    let over_key = length_values(&[sender, PROTOCOL, &signed_key]);
    let mut good = roots.iter().filter(|root| root.expires_at > now);
    let signatures: Vec<Signature> = signatures.iter().take(SIGNATURES).filter_map(|text| decoded(text)).collect();
    let signed_by = |key: &VerifyingKey| signatures.iter().any(|it| key.verify(&over_key, it).is_ok());
    if !good.any(|root| signed_by(&root.key)) {
        return Err(Ecv2Error::UntrustedKey);
    }
    let signed: SignedKey = serde_json::from_str(&signed_key).map_err(|_| Ecv2Error::Malformed)?;
    let expires_at: Millis = signed.key_expiration.parse().map_err(|_| Ecv2Error::Malformed)?;
    if expires_at <= now {
        return Err(Ecv2Error::ExpiredKey);
    }
    let key = public_key(&signed.key_value).ok_or(Ecv2Error::Malformed)?;
    let signature = decoded(&signature).ok_or(Ecv2Error::Forged)?;
    let over_message = length_values(&[sender, recipient, PROTOCOL, &signed_message]);
    key.verify(&over_message, &signature).map_err(|_| Ecv2Error::Forged)?;
    Ok(signed_message)
}

/// A signature in ASN.1 DER, strictly: a second spelling of the same numbers is none.
fn decoded(text: &str) -> Option<Signature> {
    Signature::from_der(&STANDARD.decode(text).ok()?).ok()
}

/// Each text behind its length in bytes, four bytes, the lowest first.
fn length_values(texts: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for text in texts {
        // A text of 4 GB is no body that a host takes.
        bytes.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend(text.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests;
