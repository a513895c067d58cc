//! What follows from a status: external references of SecuTix (domain.md 1.11), PRINTED (1.12), fields of a CRM (1.17).
//!
//! Owns their names and values. Levels, not events: each says how things should be, and only what differs from what SecuTix has confirmed is
//! asked for, so that a lost write is written again.

use crate::contract::installation::{Context, Presence, Status};

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
            fields.push((name.to_owned(), rfc3339(at)));
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

/// UTC with milliseconds. Days by Howard Hinnant's `civil_from_days`.
fn rfc3339(millis: u64) -> String {
    let (seconds, milli) = (millis / 1000, millis % 1000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{milli:03}Z", second / 3600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::rfc3339;

    #[test]
    fn instants_are_written_in_utc() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(1_773_511_331_258), "2026-03-14T18:02:11.258Z");
        assert_eq!(rfc3339(951_782_399_999), "2000-02-28T23:59:59.999Z");
        assert_eq!(rfc3339(951_782_400_000), "2000-02-29T00:00:00.000Z");
    }
}
