//! Passes and sealed parts as data: what a run writes of one, and what is read back.

use serde::{Deserialize, Serialize};

use super::attribute::Attribute;
use super::event::StoredEvent;
use crate::identity::{Millis, PassId};

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PassSubject {
    /// `secutix.movementId`
    Movement(String),
    /// `secutix.contactNumber`
    Contact(String),
}

impl PassSubject {
    /// The name of the identifier, as The Wallet Crew writes it.
    pub fn identifier(&self) -> (&'static str, &str) {
        match self {
            Self::Movement(id) => ("secutix.movementId", id),
            Self::Contact(number) => ("secutix.contactNumber", number),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PassState {
    Live,
    Void,
}

impl PassState {
    pub const ALL: [Self; 2] = [Self::Live, Self::Void];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Void => "void",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// An authenticated ciphertext and the data key that it is under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Id of the data key.
    pub data_key: String,
    pub nonce: Vec<u8>,
    pub body: Vec<u8>,
}

/// A data key: one per retention group, wrapped by the tenant's key. When the row goes, what it sealed is erased, backups included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataKey {
    pub id: String,
    pub wrapped: Vec<u8>,
    /// Which of the tenant's keys wraps it (a fingerprint).
    pub wrapped_by: String,
    pub erase_at: Millis,
}

/// A pass as it is to be from now on.
#[derive(Clone, Debug)]
pub struct PassWrite {
    pub id: PassId,
    pub subject: PassSubject,
    /// The version that was read; none: it must not exist yet (neither the id nor the subject).
    pub expected: Option<i64>,
    pub file: Option<String>,
    pub order: Option<String>,
    pub ticket: Option<String>,
    pub state: PassState,
    pub successor: Option<PassId>,
    pub template: String,
    pub template_digest: String,
    /// Suffix of the Google class that the object belongs to.
    pub google_class: Option<String>,
    /// None: keep what is sealed (a void pass keeps showing what it was).
    pub sealed: Option<Sealed>,
    pub ticket_mac: String,
    pub apple_mac: Option<String>,
    pub google_mac: Option<String>,
    /// The events that it shows, in order, with the digest shown (hex).
    pub events: Vec<(String, String)>,
    /// First fetch in which the movement was absent; none when it was seen.
    pub absent_since: Option<Millis>,
    /// The holder sees a difference: version and tag rise, pushes are wanted. False: bookkeeping only. A new pass is always visible: it
    /// has version 1 and a tag.
    pub visible: bool,
    /// The Google object differs too, so it is wanted where its row exists, at the new version (so: only together with `visible`). A change
    /// of the event alone is a patch of the class.
    pub object_changed: bool,
    /// Attributes that it is given; those that it has beside them stay.
    pub attributes: Vec<Attribute>,
    /// For the history; none when nothing a person would ask about happened.
    pub change: Option<Change>,
}

/// One line of a pass's history: why it changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// `created`, `updated`, `voided`, `revived`
    pub action: String,
    /// The matrix row or other use case, as a code.
    pub use_case: String,
    pub reason: String,
    /// Names of what differs, never values.
    pub fields: Vec<String>,
    pub correlations: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredChange {
    pub seq: i64,
    pub at: Millis,
    /// The run that made it, none for a pass created on demand.
    pub run: Option<String>,
    pub change: Change,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPass {
    pub id: PassId,
    pub subject: PassSubject,
    pub version: i64,
    pub file: Option<String>,
    pub order: Option<String>,
    pub ticket: Option<String>,
    pub state: PassState,
    pub successor: Option<PassId>,
    pub template: String,
    pub template_digest: String,
    pub google_class: Option<String>,
    pub ticket_mac: String,
    pub apple_mac: Option<String>,
    pub google_mac: Option<String>,
    /// Update tag of the last visible change.
    pub tag: i64,
    /// For `Last-Modified`: whole seconds, rises with every visible change even within a second.
    pub modified_s: i64,
    pub absent_since: Option<Millis>,
    pub created_at: Millis,
    /// Of the last visible change.
    pub updated_at: Millis,
    /// None after erasure.
    pub sealed: Option<(Sealed, DataKey)>,
    /// Shown events in order: (key, digest shown as hex).
    pub events: Vec<(String, String)>,
}

/// A pass with the events that it shows, in the pass's order; an event that is not known is missing from the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassView {
    pub pass: StoredPass,
    pub events: Vec<StoredEvent>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileView {
    pub passes: Vec<StoredPass>,
    /// Every event that one of the passes shows.
    pub events: Vec<StoredEvent>,
}

impl FileView {
    /// A file that nothing is known of.
    pub fn empty() -> Self {
        Self { passes: vec![], events: vec![] }
    }
}
