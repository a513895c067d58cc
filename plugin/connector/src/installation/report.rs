//! What follows from a status: external references of SecuTix (domain.md 1.11), PRINTED (1.12), fields of a CRM (1.17).
//!
//! Owns their names and values. Levels, not events: each says how things should be, and only what differs from what SecuTix has confirmed is
//! asked for, so that a lost write is written again.

use crate::contract::installation::{Context, Presence, Status};
use crate::payload::date;

/// External references whose value differs from the confirmed one. Nothing before a first installation: most passes are never installed,
/// and SecuTix takes one reference per call, 60 calls a minute.
pub(super) fn references(context: &Context, status: &Status) -> Vec<(String, String)> {
    if !context.persist_status || !was_ever_installed(status) {
        return Vec::new();
    }
    let (state, device) = match (status.apple.installed, status.google.installed) {
        (true, true) => ("installed", "apple+google"),
        (true, false) => ("installed", "apple"),
        (false, true) => ("installed", "google"),
        (false, false) => ("uninstalled", "-"),
    };
    [
        ("twc.passId", context.pass.as_str()),
        ("twc.passType", context.template.as_str()),
        ("twc.status", state),
        ("twc.device", device),
    ]
    .into_iter()
    .filter(|(key, value)| !status.written.iter().any(|(name, written)| name == key && written == value))
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .collect()
}

/// The ticket to be reported PRINTED: on the first add to either wallet, and again when a reprint reaches a pass that is installed. Never taken back.
pub(super) fn print(context: &Context, status: &Status) -> Option<String> {
    let ticket = context.ticket.as_ref().filter(|_| context.persist_printed)?;
    let due = match &status.printed {
        None => was_ever_installed(status),
        Some(printed) => printed != ticket && (status.apple.installed || status.google.installed),
    };
    due.then(|| ticket.clone())
}

/// All fields, as they should be. Empty while no signal has come.
pub(super) fn crm(status: &Status) -> Vec<(String, String)> {
    let last = status.apple.changed_at.max(status.google.changed_at);
    let Some(last) = last else { return Vec::new() };
    let wallets = match (status.apple.installed, status.google.installed) {
        (true, true) => "both",
        (true, false) => "apple",
        (false, true) => "google",
        (false, false) => "none",
    };
    let mut fields = vec![("walletStatus".to_owned(), wallets.to_owned())];
    let mut instant = |name: &str, at: Option<u64>| {
        if let Some(at) = at {
            fields.push((name.to_owned(), date::utc(at)));
        }
    };
    instant("appleWalletInstalledAt", status.apple.first_at);
    instant("googleWalletInstalledAt", status.google.first_at);
    instant("walletLastChangedAt", Some(last));
    let newest = newest(status);
    if was_ever_installed(status) {
        let event = if newest.installed { "installed" } else { "uninstalled" };
        fields.push(("walletLastEvent".to_owned(), event.to_owned()));
    }
    fields
}

fn was_ever_installed(status: &Status) -> bool {
    status.apple.first_at.is_some() || status.google.first_at.is_some()
}

/// The wallet that spoke last; with equal times Google's, which is arbitrary and fixed.
fn newest(status: &Status) -> &Presence {
    if status.apple.changed_at > status.google.changed_at { &status.apple } else { &status.google }
}
