//! What phones tell, as data: registrations of Apple devices, and signals that were folded into an installation's status.

use crate::identity::{Millis, PassId, TenantId};

#[derive(Clone, Debug)]
pub struct Register {
    pub tenant: TenantId,
    /// MAC of the device library identifier (hex): a device is personal data.
    pub device: String,
    pub push_mac: String,
    pub push_sealed: Vec<u8>,
    pub pass: PassId,
    pub now: Millis,
    /// What it tells of the installation, if it is news.
    pub signal: SignalKey,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registered {
    /// False: it was registered already (its push token is renewed all the same, and nothing is signalled).
    pub created: bool,
    /// Active registrations of the pass afterwards.
    pub active: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    pub push_sealed: Vec<u8>,
    /// When the phone last told its push token: a 410 older than that is about an earlier life of it.
    pub push_since: Millis,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdatedSince {
    pub serials: Vec<PassId>,
    /// The highest tag among them, of their changes and their registrations; to be asked for next time. Without any, the tag that was asked with (0 without one).
    pub tag: i64,
}

/// One step of fetching every installed pass anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reissued {
    /// The tag up to which passes are raised: to be given to the next step.
    pub until: i64,
    /// Passes that were raised in this step; 0: none is left.
    pub raised: u32,
    /// Passes that are still to be raised.
    pub left: u64,
}

/// One signal of a phone, remembered so that it counts once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignalKey {
    pub source: String,
    pub event: String,
    pub at: Millis,
}

/// What a change of registrations says of an installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalKind {
    Installed,
    Removed,
    /// The push service says that the device is gone.
    InferredRemoval,
}

/// A signal that was written with the change that it tells of, and is not folded yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingSignal {
    pub key: SignalKey,
    pub kind: SignalKind,
    /// Active registrations of the pass after the change.
    pub active: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    pub version: i64,
    /// JSON of `installation.status`.
    pub body: String,
}
