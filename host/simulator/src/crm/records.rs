//! What a CRM keeps of what it was told: a record per identifier, with the fields of domain.md 1.17.
//!
//! Owns the rules that a receiver needs: an id counts once, and the newest time wins, in whatever order things arrive.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::Received;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CrmRecord {
    pub wallet_status: Option<String>,
    pub apple_wallet_installed_at: Option<String>,
    pub google_wallet_installed_at: Option<String>,
    pub wallet_last_changed_at: Option<String>,
    pub wallet_last_event: Option<String>,
    /// Time of the newest event that was applied, as it was written.
    pub newest: String,
    /// Events of the record, each once.
    pub events: u32,
}

#[derive(Default)]
pub(super) struct Records {
    by_identifier: BTreeMap<String, CrmRecord>,
    known: BTreeSet<String>,
    unmatched: u64,
}

impl Records {
    pub fn knows(&self, id: &str) -> bool {
        self.known.contains(id)
    }

    pub fn all(&self) -> BTreeMap<String, CrmRecord> {
        self.by_identifier.clone()
    }

    pub fn unmatched(&self) -> u64 {
        self.unmatched
    }

    pub fn apply(&mut self, join: &str, received: &Received) {
        if !self.known.insert(received.id().to_owned()) {
            return;
        }
        let Some(properties) = received.json.pointer("/data/properties") else { return };
        let Some(identifiers) = properties.get("identifiers") else { return };
        let Some(value) = identifiers.get(join).and_then(Value::as_str) else {
            self.unmatched += 1;
            return;
        };
        let record = self.by_identifier.entry(value.to_owned()).or_default();
        record.events += 1;
        let time = received.json.get("timestamp").and_then(Value::as_str).unwrap_or_default();
        // One format with a fixed width, so texts compare as times.
        if properties.get("walletStatus").is_none() || time < record.newest.as_str() {
            return;
        }
        let text = |name: &str| properties.get(name).and_then(Value::as_str).map(str::to_owned);
        record.wallet_status = text("walletStatus");
        record.apple_wallet_installed_at = text("appleWalletInstalledAt");
        record.google_wallet_installed_at = text("googleWalletInstalledAt");
        record.wallet_last_changed_at = text("walletLastChangedAt");
        record.wallet_last_event = text("walletLastEvent");
        record.newest = time.to_owned();
    }
}
