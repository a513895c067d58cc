//! One wallet's presence: a register in which the newest signal wins, and the earliest proof of an installation is remembered.
//!
//! Owns the order of signals: by time, then by event id, then by what they say, so that it is total and arrival does not matter.

use crate::contract::installation::{Kind, Presence, Signal};

/// Joins one signal. Twice the same is once.
pub(super) fn join(presence: &mut Presence, signal: &Signal) {
    let (installed, count) = outcome(signal);
    // A removal proves that the pass had been there; a poll that finds nothing does not.
    let proves = installed || matches!(signal.kind, Kind::Removed | Kind::InferredRemoval);
    if proves {
        presence.first_at = Some(presence.first_at.map_or(signal.at, |first| first.min(signal.at)));
    }
    let held = (presence.changed_at, presence.event.as_deref(), presence.installed, presence.count);
    if (Some(signal.at), Some(signal.event.as_str()), installed, count) > held {
        presence.installed = installed;
        presence.count = count;
        presence.changed_at = Some(signal.at);
        presence.event = Some(signal.event.clone());
    }
}

/// Whether the wallet holds the pass after the signal, and on how many devices. A source that counts is believed: with two iPads,
/// one removal leaves the pass installed.
fn outcome(signal: &Signal) -> (bool, u32) {
    let said = matches!(signal.kind, Kind::Installed | Kind::Present);
    let count = signal.count.unwrap_or(u32::from(said));
    (count > 0, count)
}
