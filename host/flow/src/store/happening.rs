//! Happenings as data: what others are told, one by one. Unlike a level, each of them counts.
//!
//! A happening is written with the change that it tells of, in one transaction; the store numbers those of a pass without a gap and hands each
//! to the endpoints that ask for its kind. What is in it is made by `happening`; who gets it is decided by `webhook`.

use crate::identity::{Millis, PassId};

/// What may happen. The names are The Wallet Crew's where it has one (domain.md 1.13).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HappeningKind {
    PassCreated,
    PassUpdated,
    PassDeactivated,
    PassInstalled,
    PassUninstalled,
    /// Somebody tries an endpoint.
    WebhookTest,
    /// An endpoint was switched off because it kept failing.
    WebhookDisabled,
}

impl HappeningKind {
    pub const ALL: [Self; 7] = [
        Self::PassCreated,
        Self::PassUpdated,
        Self::PassDeactivated,
        Self::PassInstalled,
        Self::PassUninstalled,
        Self::WebhookTest,
        Self::WebhookDisabled,
    ];

    /// `Category:Name`, as it is kept, matched and told.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PassCreated => "Pass:Created",
            Self::PassUpdated => "Pass:Updated",
            Self::PassDeactivated => "Pass:Deactivated",
            Self::PassInstalled => "Pass:Installed",
            Self::PassUninstalled => "Pass:Uninstalled",
            Self::WebhookTest => "Webhook:Test",
            Self::WebhookDisabled => "Webhook:Disabled",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A happening that is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// UUIDv7. An endpoint gets it as `webhook-id`, on every attempt the same.
    pub id: String,
    pub kind: HappeningKind,
    /// When it happened, which may be before it was heard of.
    pub at: Millis,
    /// Correlation id of what led to it.
    pub operation: Option<String>,
    /// None: it is not about a pass.
    pub pass: Option<PassId>,
    /// A JSON object, canonical. Names nobody.
    pub properties: String,
    /// A sealed JSON object of identifiers that name a person, by name; opened when it is sent.
    pub sealed: Option<Vec<u8>>,
}

/// A happening that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredHappening {
    pub happening: Happening,
    /// Of those of its pass, from 1.
    pub seq: Option<i64>,
    pub recorded_at: Millis,
}
