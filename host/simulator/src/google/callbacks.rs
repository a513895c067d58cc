//! Callbacks: what Google posts when somebody saves a pass or removes it, signed as Google signs (wallets.md 2.6).
//!
//! Owns the keys of this world, the envelope, the record of what was posted, and what may go wrong on the way (lost, repeated). Does not own when
//! it is posted (`phone`). The keys live as long as the world.

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde::Serialize;
use serde_json::{Value, json};

use super::resources::Kind;
use crate::authority::AuthorityError;
use crate::caller::Caller;
use crate::google::GoogleService;
use crate::secutix::random_hex;
use crate::{Millis, now};

const SENDER: &str = "GooglePayPasses";
const PROTOCOL: &str = "ECv2SigningOnly";
/// An intermediate key is good for a week longer than the messages that it signs (seen on real ones: 7.6 to 7.7 days).
const INTERMEDIATE_LIFETIME: Millis = 7 * 86_400_000;
/// How long a message is good: what real ones allow is not known; a few hours leave room for retries.
const MESSAGE_LIFETIME: Millis = 6 * 3_600_000;
/// Google's root keys are good for years.
const ROOT_LIFETIME: Millis = 10 * 365 * 86_400_000;
/// Google posts with its crawler's name.
const USER_AGENT: &str = "Googlebot";

/// The key that is published, and the one that signs messages.
pub(crate) struct CallbackKeys {
    root: EcdsaKeyPair,
    intermediate: EcdsaKeyPair,
}

/// One post, as it was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallbackRecord {
    pub at: Millis,
    pub url: String,
    /// `save`, `del`
    pub event: String,
    pub object: String,
    /// 0: no answer.
    pub status: u16,
}

/// What happens to callbacks on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallbackDelivery {
    /// None is posted, as in 2024, for months.
    pub lost: bool,
    /// Copies of each, with the same nonce.
    pub copies: u32,
}

impl Default for CallbackDelivery {
    fn default() -> Self {
        Self { lost: false, copies: 1 }
    }
}

impl CallbackKeys {
    pub fn new() -> Result<Self, AuthorityError> {
        let pair = || EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(|_| AuthorityError::Random);
        Ok(Self { root: pair()?, intermediate: pair()? })
    }

    /// The document at `/gp/m/issuer/keys`, with keys of other protocols as Google's has.
    pub fn document(&self) -> Value {
        let expires = (now() + ROOT_LIFETIME).to_string();
        let key = |protocol: &str, pair: &EcdsaKeyPair| json!({"keyValue": spki(pair), "protocolVersion": protocol, "keyExpiration": expires});
        json!({"keys": [
            {"keyValue": spki(&self.intermediate), "protocolVersion": "ECv1"},
            key("ECv2", &self.intermediate),
            key(PROTOCOL, &self.root),
        ]})
    }

    /// A whole envelope around a message.
    fn envelope(&self, recipient: &str, message: &str, key_expires_at: Millis) -> Value {
        // Google writes the sign of equality as an escape, and that is what it signs.
        let key = spki(&self.intermediate).replace('=', "\\u003d");
        let signed_key = format!("{{\"keyValue\":\"{key}\",\"keyExpiration\":\"{key_expires_at}\"}}");
        let of_key = sign(&self.root, &[SENDER, PROTOCOL, &signed_key]);
        let of_message = sign(&self.intermediate, &[SENDER, recipient, PROTOCOL, message]);
        json!({
            "signature": of_message,
            "intermediateSigningKey": {"signedKey": signed_key, "signatures": [of_key]},
            "protocolVersion": PROTOCOL,
            "signedMessage": message,
        })
    }
}

fn spki(pair: &EcdsaKeyPair) -> String {
    let der: Option<PublicKeyX509Der<'_>> = pair.public_key().as_der().ok();
    der.map(|der| STANDARD.encode(der.as_ref())).unwrap_or_default()
}

/// Over each text behind its length in four bytes, the lowest first.
fn sign(pair: &EcdsaKeyPair, texts: &[&str]) -> String {
    let mut bytes = Vec::new();
    for text in texts {
        bytes.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend(text.as_bytes());
    }
    pair.sign(&SystemRandom::new(), &bytes).map(|signature| STANDARD.encode(signature.as_ref())).unwrap_or_default()
}

impl GoogleService {
    /// Stands for `https://pay.google.com/gp/m/issuer/keys`.
    pub fn keys_url(&self) -> String {
        format!("{}{}", self.inner.settings.url, super::KEYS)
    }

    /// What a message would look like if Google signed it: for tests that post one themselves.
    pub fn signed_callback(&self, recipient: &str, message: &Value) -> Value {
        self.inner.keys.envelope(recipient, &message.to_string(), self.now() + INTERMEDIATE_LIFETIME)
    }

    /// What Google says when somebody saves (`save`) or removes (`del`) an object.
    pub fn callback_message(&self, event: &str, object: &str, class: &str) -> Value {
        let nonce = random_hex::<16>();
        json!({
            "classId": class,
            "objectId": object,
            "eventType": event,
            "expTimeMillis": self.now() + MESSAGE_LIFETIME,
            "count": 1,
            "nonce": nonce,
        })
    }

    pub fn deliver_callbacks(&self, delivery: CallbackDelivery) {
        self.state().delivery = delivery;
    }

    pub fn callbacks(&self) -> Vec<CallbackRecord> {
        self.state().callbacks.clone()
    }

    fn now(&self) -> Millis {
        self.second() * 1000
    }

    /// Posts to the address that the object's class names, when it names one.
    pub(super) async fn announce(&self, caller: &Caller, event: &str, kind: Kind, object: &str) {
        let Some((url, class, delivery)) = self.address_of(kind, object) else { return };
        if delivery.lost {
            return;
        }
        let message = self.callback_message(event, object, &class);
        let body = self.signed_callback(&self.inner.settings.issuer, &message).to_string();
        for _ in 0..delivery.copies {
            let headers = [("content-type", "application/json"), ("user-agent", USER_AGENT)];
            let status = match caller.call(Method::POST, &url, &headers, body.clone()).await {
                Ok(reply) => reply.status.as_u16(),
                Err(error) => {
                    tracing::debug!(%error, "a callback was not answered");
                    0
                }
            };
            let record = CallbackRecord {
                at: now(),
                url: url.clone(),
                event: event.to_owned(),
                object: object.to_owned(),
                status,
            };
            self.state().callbacks.push(record);
        }
    }

    fn address_of(&self, kind: Kind, object: &str) -> Option<(String, String, CallbackDelivery)> {
        let state = self.state();
        let class = state.resources.get(kind, object)?.get("classId")?.as_str()?.to_owned();
        let url = state.resources.get(kind.class()?, &class)?.pointer("/callbackOptions/url")?.as_str()?.to_owned();
        Some((url, class, state.delivery))
    }
}
