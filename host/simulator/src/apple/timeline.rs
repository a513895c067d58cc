//! What happened on a phone, in order, with times: the demo's and the support agent's "every step of the update chain".
//!
//! Owns the shape of the log. Does not own what is logged when (`phone`).

use serde::Serialize;

use crate::Millis;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PhoneEntry {
    pub at: Millis,
    pub event: PhoneEvent,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum PhoneEvent {
    /// Downloaded, checked, shown.
    Added {
        serial: String,
    },
    /// The web service knows the phone; 201 new, 200 known before.
    Registered {
        serial: String,
        status: u16,
    },
    /// A push came in.
    Woken,
    /// The answer to "what changed since".
    Listed {
        tag: Option<String>,
        serials: Vec<String>,
    },
    NotModified {
        serial: String,
    },
    /// A newer version is shown. No changes: the same content once more.
    Replaced {
        serial: String,
        changes: Vec<FieldChange>,
        banners: Vec<String>,
    },
    Removed {
        serial: String,
        status: Option<u16>,
    },
    /// What the phone tried, and why it did not work.
    Failed {
        step: &'static str,
        reason: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// The field's key, or `title`, `date`, `barcode`, `voided`, `expirationDate`.
    pub key: String,
    pub before: Option<String>,
    pub after: Option<String>,
    /// What the lock screen shows: the changeMessage with the new value. None: a silent change.
    pub banner: Option<String>,
}

impl FieldChange {
    /// None when nothing changed.
    pub(crate) fn between(
        key: &str,
        before: Option<&str>,
        after: Option<&str>,
        banner: Option<String>,
    ) -> Option<Self> {
        (before != after).then(|| Self {
            key: key.to_owned(),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
            banner,
        })
    }
}
