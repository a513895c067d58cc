//! A provider token for Apple's push service: a JWT with ES256, in place of the client certificate.
//!
//! Owns the token and how long it serves. Does not own the key, which stays in the host's signer. Apple wants a new one every 20 to 60 minutes
//! and refuses who asks with a new one more often. So the token's time is that of the running 40 minutes and not of now, and whoever keeps it
//! keeps it until the next; a host that keeps nothing and signs alike each time makes the same one again.

use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use der::asn1::UintRef;
use der::{Decode as _, Reader as _, SliceReader};

use crate::identity::Millis;
use crate::ports::{KeyRef, SignFailure, SignatureAlgorithm, Signer};

/// Between Apple's 20 and 60.
const PERIOD: Millis = 40 * 60_000;
/// Bytes of each half of an ES256 signature (RFC 7518, 3.4).
const HALF: usize = 32;

/// The key of a team's push tokens, as Apple's developer pages give it out (`AuthKey_<id>.p8`).
#[derive(Clone)]
pub struct PushKey {
    /// Ten letters and digits (JWT `kid`).
    pub id: String,
    pub key: KeyRef,
    made: Arc<Mutex<Option<Made>>>,
}

#[derive(Clone)]
struct Made {
    /// Which period since 1970.
    period: i64,
    token: Arc<str>,
}

impl PushKey {
    pub fn new(id: String, key: KeyRef) -> Self {
        Self { id, key, made: Arc::default() }
    }

    /// The value of `authorization`.
    pub(super) async fn bearer<S: Signer>(&self, signer: &S, team: &str, now: Millis) -> Result<Arc<str>, SignFailure> {
        let period = now.div_euclid(PERIOD);
        let kept = self.made.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(made) = kept.filter(|made| made.period == period) {
            return Ok(made.token);
        }
        if signer.algorithm(&self.key).await? != SignatureAlgorithm::EcdsaP256Sha256Der {
            return Err(SignFailure::Unsupported);
        }
        let issued = period * PERIOD / 1000;
        let header = serde_json::json!({"alg": "ES256", "kid": self.id, "typ": "JWT"}).to_string();
        let claims = serde_json::json!({"iss": team, "iat": issued}).to_string();
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = raw(&signer.sign(&self.key, signed.as_bytes()).await?).ok_or(SignFailure::Refused)?;
        let token: Arc<str> = format!("bearer {signed}.{}", URL_SAFE_NO_PAD.encode(signature)).into();
        *self.made.lock().unwrap_or_else(PoisonError::into_inner) = Some(Made { period, token: token.clone() });
        Ok(token)
    }
}

/// `SEQUENCE { r, s }` as JWS has it: both numbers in full width, one behind the other.
fn raw(signature: &[u8]) -> Option<Vec<u8>> {
    let mut reader = SliceReader::new(signature).ok()?;
    let halves = reader.sequence(|reader| {
        let (r, s) = (UintRef::decode(reader)?, UintRef::decode(reader)?);
        Ok::<_, der::Error>([r.as_bytes().to_vec(), s.as_bytes().to_vec()])
    });
    let mut out = Vec::with_capacity(2 * HALF);
    for half in halves.ok()? {
        out.resize(out.len() + HALF.checked_sub(half.len())?, 0);
        out.extend(half);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, KeyPair, UnparsedPublicKey};

    use super::*;
    use crate::apple::certificates::{Authority, KeyKind, TEAM, identity};
    use crate::scripted::{Keys, key, run};

    const NOW: Millis = 1_773_511_331_500;

    #[test]
    fn a_token_is_signed_for_the_team_and_kept_for_forty_minutes() {
        let (_, keys) = identity(&Authority::new("G4"), &KeyKind::P256);
        let push_key = PushKey::new("ABC123DEFG".to_owned(), key("apple"));
        let at = |now: Millis| run(push_key.bearer(&keys, TEAM, now)).unwrap();
        let token = at(NOW);
        let jwt = token.strip_prefix("bearer ").unwrap();
        let (signed, signature) = jwt.rsplit_once('.').unwrap();
        let parts: Vec<serde_json::Value> = signed
            .split('.')
            .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
            .collect();
        assert_eq!(parts[0], serde_json::json!({"alg": "ES256", "kid": "ABC123DEFG", "typ": "JWT"}));
        assert_eq!(parts[1]["iss"], TEAM);
        let issued = parts[1]["iat"].as_i64().unwrap() * 1000;
        assert!((0..PERIOD).contains(&(NOW - issued)), "Apple refuses one that is older than an hour");
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, keys.p256["apple"].public_key().as_ref())
            .verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap())
            .unwrap();
        assert_eq!(at(issued + PERIOD - 1), token);
        assert_ne!(at(issued + PERIOD), token);
    }

    #[test]
    fn a_key_that_cannot_sign_so_says_so() {
        let push_key = PushKey::new("ABC123DEFG".to_owned(), key("apple"));
        let refused = |keys: &Keys| run(push_key.bearer(keys, TEAM, NOW)).unwrap_err();
        assert_eq!(refused(&Keys::rsa("apple")), SignFailure::Unsupported);
        assert_eq!(refused(&Keys::default()), SignFailure::Missing);
    }

    #[test]
    fn short_numbers_are_written_in_full() {
        let raw = raw(b"\x30\x07\x02\x01\x05\x02\x02\x00\x80").unwrap();
        assert_eq!((raw.len(), raw[31], raw[63]), (64, 5, 0x80));
        assert!(raw[..31].iter().all(|byte| *byte == 0));
        assert_eq!(super::raw(b"\x30\x03\x02\x01\x05"), None);
    }
}
