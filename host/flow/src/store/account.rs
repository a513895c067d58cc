//! Who may call and how often, as data: API keys, and budgets of what others allow us.

use crate::identity::{Millis, TenantId};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyRow {
    /// The public part of the key; finds the row.
    pub id: String,
    pub tenant: TenantId,
    /// SHA-256 of the secret part, hex. Fast is right: the secret has 256 bits.
    pub secret_sha256: String,
    pub scopes: Vec<String>,
    pub label: String,
    pub created_at: Millis,
    pub expires_at: Option<Millis>,
    pub revoked_at: Option<Millis>,
}

#[derive(Clone, Debug)]
pub struct Spend {
    /// `secutix/<institution>/<endpoint>`
    pub scope: String,
    pub now: Millis,
    /// In any `window` no more than `limit`.
    pub limit: i64,
    pub window: Millis,
    /// What this caller must leave for others: low priority may not take the last of it. A call counts from its time until just before
    /// its time plus `window`.
    pub reserve: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    Granted,
    /// Not now; not before this time.
    WaitUntil(Millis),
}
