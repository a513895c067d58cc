//! A callback of Google's: somebody has put a pass into Google Wallet, or taken it out.
//!
//! Owns the way from bytes to a signal that is written, and what is ignored on it. Does not own the signature (`ecv2`), the root keys (`roots`) nor the
//! fold (`installation`). A nonce counts once, in the store, whichever worker it reaches. Google promises no callback and gives none a time of its
//! own, so a signal has the time of its arrival, and `presence` reads at Google what was never told.

use passerelle_contract::types::Wallet;
use serde::Deserialize;

use super::ecv2::{self, Ecv2Error, SENDER};
use super::roots::{RootsError, roots};
use crate::flow::Flow;
use crate::identity::{Millis, PassId};
use crate::installation;
use crate::ports::Host;
use crate::store::{GoogleLedger as _, PendingSignal, SignalKey, SignalKind, Store, StoreError};
use crate::tenant::{Google, Tenant};

/// The name of the source in a signal, and so of the nonces that are remembered.
const SOURCE: &str = "google-callback";
/// After a removal Google is asked whether anybody has the pass still. Not at once: `hasUsers` may lag behind, and would take the removal back.
const RECHECK_AFTER: Millis = 300_000;
/// Google's nonces are UUIDs; longer than this is none and would only fill the store.
const LONGEST_NONCE: usize = 128;

/// What came of a callback that is Google's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Received {
    /// A signal was counted.
    Counted,
    /// Its nonce was counted before.
    Repeated,
    /// An event that says nothing of an installation: a new kind, or `activate`, which transit passes send.
    OtherEvent,
    /// The object is none of ours: another system writes to the same issuer, or the pass is gone.
    OtherObject,
}

impl Received {
    pub const fn code(self) -> &'static str {
        match self {
            Self::Counted => "counted",
            Self::Repeated => "repeated",
            Self::OtherEvent => "other-event",
            Self::OtherObject => "other-object",
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum CallbackError {
    #[error(transparent)]
    Envelope(#[from] Ecv2Error),
    /// Genuine and too old: a message that somebody has kept.
    #[error("the message has expired")]
    Stale,
    /// Signed by Google and not of the documented form.
    #[error("the message is not of the documented form")]
    Message,
    #[error(transparent)]
    Roots(#[from] RootsError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CallbackError {
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Envelope(Ecv2Error::Malformed) | Self::Message => "malformed",
            Self::Envelope(Ecv2Error::UntrustedKey) => "untrusted-key",
            Self::Envelope(Ecv2Error::ExpiredKey) => "expired-key",
            Self::Envelope(Ecv2Error::Forged) => "forged",
            Self::Stale => "stale",
            Self::Roots(_) => "no-root-keys",
            Self::Store(_) => "not-counted",
        }
    }
}

/// What Google says. `activate` has `objectIds` instead of `objectId`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    event_type: String,
    exp_time_millis: Millis,
    object_id: Option<String>,
    nonce: Option<String>,
}

/// Reads a message that has been verified; it must not have ended.
pub fn message(text: &str, now: Millis) -> Result<Message, CallbackError> {
    let message: Message = serde_json::from_str(text).map_err(|_| CallbackError::Message)?;
    // The scheme has an end of its own for messages, `messageExpiration`, which Wallet's do not have.
    if message.exp_time_millis <= now {
        return Err(CallbackError::Stale);
    }
    Ok(message)
}

/// Judges a callback, and counts it when it is a new word about one of our passes.
pub async fn receive<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    google: &Google,
    body: &[u8],
) -> Result<Received, CallbackError> {
    let roots = roots(flow, google).await?;
    let now = flow.now();
    let text = ecv2::verify(body, &roots, SENDER, &google.issuer, now)?;
    let message = message(&text, now)?;
    let kind = match message.event_type.as_str() {
        "save" => SignalKind::Installed,
        "del" => SignalKind::Removed,
        _ => return Ok(Received::OtherEvent),
    };
    let nonce = message.nonce.filter(|nonce| !nonce.is_empty() && nonce.len() <= LONGEST_NONCE);
    let (Some(nonce), Some(object)) = (nonce, message.object_id) else { return Err(CallbackError::Message) };
    let suffix = object.strip_prefix(&google.issuer).and_then(|rest| rest.strip_prefix('.'));
    let Some(id) = suffix.and_then(|suffix| PassId::parse(suffix).ok()) else { return Ok(Received::OtherObject) };
    let Some(view) = flow.host.store().pass(&tenant.id, &id).await? else { return Ok(Received::OtherObject) };
    if kind == SignalKind::Removed {
        // Others may hold it still: what one account has done says nothing of them, and Google is asked.
        flow.host.store().recheck_presence(&tenant.id, &id, now + RECHECK_AFTER).await?;
    }
    let key = SignalKey { source: SOURCE.to_owned(), event: nonce, at: now };
    let signal = PendingSignal { key, wallet: Wallet::Google, kind, active: None };
    let counted = installation::tell(flow, tenant, &view.pass.id, signal).await?;
    Ok(if counted { Received::Counted } else { Received::Repeated })
}
