//! Standard Webhooks as a receiver reads them: `v1` with HMAC-SHA256, `v1a` with Ed25519, and the time.

use aws_lc_rs::{hmac, signature};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Received;
use crate::Millis;

/// Milliseconds that clocks may differ: what the reference libraries allow.
const TOLERANCE: Millis = 300_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("whsec_ or whpk_ with base64 behind it is expected, or the base64 of a secret alone")]
pub struct KeyError;

pub(super) enum Key {
    Secret(Box<hmac::Key>),
    Public(Vec<u8>),
}

impl Key {
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let decode = |text: &str| STANDARD.decode(text).map_err(|_| KeyError);
        match text.strip_prefix("whpk_") {
            Some(public) => decode(public).map(Self::Public),
            None => {
                let secret = decode(text.strip_prefix("whsec_").unwrap_or(text))?;
                Ok(Self::Secret(Box::new(hmac::Key::new(hmac::HMAC_SHA256, &secret))))
            }
        }
    }

    fn fits(&self, message: &[u8], version: &str, given: &[u8]) -> bool {
        match (self, version) {
            (Self::Secret(key), "v1") => hmac::verify(key, message, given).is_ok(),
            (Self::Public(key), "v1a") => {
                signature::UnparsedPublicKey::new(&signature::ED25519, key).verify(message, given).is_ok()
            }
            _ => false,
        }
    }
}

pub(super) fn verify(keys: &[Key], received: &Received, now: Millis) -> bool {
    let (Some(id), Some(time), Some(list)) =
        (received.header("webhook-id"), received.header("webhook-timestamp"), received.header("webhook-signature"))
    else {
        return false;
    };
    let Ok(seconds) = time.parse::<i64>() else { return false };
    if (now - seconds * 1000).abs() > TOLERANCE {
        return false;
    }
    let message = [id.as_bytes(), b".", time.as_bytes(), b".", &received.body].concat();
    list.split(' ').any(|entry| {
        let Some((version, text)) = entry.split_once(',') else { return false };
        STANDARD.decode(text).is_ok_and(|given| keys.iter().any(|key| key.fits(&message, version, &given)))
    })
}
