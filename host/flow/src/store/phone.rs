//! What phones tell, as data: registrations of Apple devices, and signals that were folded into an installation's status.

use passerelle_contract::types::Wallet;

use super::happening::Happening;
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

/// What a signal says of an installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalKind {
    Installed,
    Removed,
    /// The push service says that the device is gone.
    InferredRemoval,
    /// A look found it there.
    Present,
    /// A look found it nowhere.
    Absent,
}

/// A signal that was written, and is not folded yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingSignal {
    pub key: SignalKey,
    pub wallet: Wallet,
    pub kind: SignalKind,
    /// Active registrations of the pass after the change, where the source counts.
    pub active: Option<u32>,
}

/// An installation's status as it is to be from now on, and what follows from it.
#[derive(Clone, Debug)]
pub struct InstallationWrite {
    pub tenant: TenantId,
    pub pass: PassId,
    /// The version that was read; 0: none.
    pub expected: i64,
    /// JSON of `installation.status`.
    pub body: String,
    /// The signals that are in it now.
    pub signals: Vec<SignalKey>,
    /// Of the newest signal that is in it; 0: there is none.
    pub changed_at: Millis,
    /// Since when it is in each wallet, where it was not before; none: it is not.
    pub apple_since: Option<Millis>,
    pub google_since: Option<Millis>,
    pub happenings: Vec<Happening>,
    /// SecuTix's external references are to be brought up to it.
    pub references: bool,
    /// The ticket is to be reported PRINTED.
    pub printed: bool,
    pub now: Millis,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    pub version: i64,
    /// JSON of `installation.status`.
    pub body: String,
}
