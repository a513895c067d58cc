//! Retention as data: what has been kept long enough.

use crate::identity::Millis;

/// What may go now, and how much of it in one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Data keys whose time has come by now.
    pub now: Millis,
    /// Notifications that are answered, signals that are folded, deliveries that ended and their attempts, and identifiers of persons in what
    /// everybody was told, from before this time.
    pub notifications_before: Millis,
    /// Runs that ended before this time, unless their task is not at rest: then they say what it waits for.
    pub runs_before: Millis,
    /// Changes of passes from before this time. The last of each pass stays: it explains what a phone shows.
    pub changes_before: Millis,
    /// Rows of each kind.
    pub batch: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Data keys.
    pub keys: u64,
    /// Rows of the record: notifications, signals, runs, changes.
    pub records: u64,
    /// A batch was full: there may be more.
    pub more: bool,
}
