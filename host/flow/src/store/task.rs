//! Tasks as data: what one is about, the notifications that it answers, and the right to run it.
//!
//! Owns what crosses when a notification is accepted, a task is claimed, and its file becomes known.

use serde::{Deserialize, Serialize};

use crate::identity::{Millis, TenantId};

/// What a task is about. One task per subject, so one run at a time per subject.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TaskSubject {
    /// MAC of an order token whose file is not known yet (hex).
    Token(String),
    /// A SecuTix file.
    File(String),
    /// A SecuTix contact, for its member card.
    Contact(String),
}

/// Who goes first. Smaller is sooner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Priority {
    /// A person or a phone waits.
    Demand = 0,
    /// An unknown ticket, a cancellation, a purchase, a scan.
    Normal = 1,
    /// A mere MODIFIED, reconciliation, status written back.
    Low = 2,
}

/// One accepted notification, before its 200.
#[derive(Clone, Debug)]
pub struct Accept {
    pub tenant: TenantId,
    /// UUIDv7: the notification's own identity.
    pub id: String,
    pub correlation: String,
    pub traceparent: Option<String>,
    /// MAC of the order token (hex); the store resolves it to a file when it knows one.
    pub token_mac: String,
    /// Kept while the file is not known, and not a moment longer: it opens the order to whoever has it.
    pub token_sealed: Vec<u8>,
    pub state: String,
    pub movement: Option<String>,
    pub ticket: Option<String>,
    pub unknown_fields: Vec<String>,
    pub priority: Priority,
    pub now: Millis,
    /// Trailing edge: a task that waits runs `debounce` after its newest notification...
    pub debounce: Millis,
    /// ...but no later than this after its first, or a hot order would starve.
    pub max_wait: Millis,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// A new task has the id of the notification that made it.
    pub task: String,
    /// It joined a task that already waited or ran (not one that rested or was given up: that one it woke).
    pub joined: bool,
    pub generation: i64,
}

/// One notification as its run sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    pub notification: String,
    pub correlation: String,
    pub traceparent: Option<String>,
    pub state: String,
    pub movement: Option<String>,
    pub ticket: Option<String>,
    pub received_at: Millis,
}

/// How much one claim may lease, and how much of it one tenant may have. What is in flight already counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    pub limit: u32,
    /// Leases in flight of one tenant.
    pub per_tenant: u32,
    /// Of these, leases of one kind of effect. Tasks have no kinds.
    pub per_kind: u32,
}

impl Quota {
    /// As many as are due, whoever's they are.
    pub fn of(limit: u32) -> Self {
        Self { limit, per_tenant: u32::MAX, per_kind: u32::MAX }
    }
}

/// The right to run a task until `lease_until`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskLease {
    pub tenant: TenantId,
    pub task: String,
    pub subject: TaskSubject,
    /// Of a task whose file is not known yet.
    pub token_sealed: Option<Vec<u8>>,
    /// The generation that this run answers.
    pub generation: i64,
    /// The fencing token: rises with every claim.
    pub lease_token: i64,
    pub lease_until: Millis,
    /// Runs that failed since the last that did not.
    pub attempts: i64,
    pub priority: Priority,
    /// A person has released this task from the void limit.
    pub released: bool,
    /// Notifications that no earlier run has answered and this one does, in the order in which they were accepted.
    pub hints: Vec<Hint>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adoption {
    /// The task is the file's now; the lease goes on.
    Adopted,
    /// The file already had a task: it took over the notifications and the runs, it is ready (or runs once more after the run that
    /// it is in), and this task and its lease are gone.
    Merged,
    LeaseLost,
}
