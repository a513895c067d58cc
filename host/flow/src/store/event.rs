//! Facts of events as data. Not personal.

use crate::identity::Millis;

/// Facts of an event, as a fetch showed them. Not personal. The same digest is one more witness; another one from a newer fetch is a new
/// version with one witness, which is wanted of every Google class (whose row exists) of a pass that shows the event; another one from
/// an older fetch, or from one of the same millisecond, is ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventWrite {
    pub key: String,
    pub body: Vec<u8>,
    /// Hex.
    pub digest: String,
    /// When the fetch that showed it was *started*: an older fetch never overwrites a newer one.
    pub observed_at: Millis,
    pub ends_at: Option<Millis>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    pub key: String,
    pub version: i64,
    pub body: Vec<u8>,
    pub digest: String,
    pub observed_at: Millis,
    /// Fetches that agreed on this version.
    pub witnesses: i64,
    pub ends_at: Option<Millis>,
}
