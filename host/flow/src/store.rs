//! The store's port: about thirty coarse operations, each one transaction with plain data in and out.
//!
//! Owns: the data that crosses, and what each operation promises. Does not own: SQL, files, threads (a host), nor what anything means
//! (`worker`, `http`). Values that name a person arrive here sealed or as MACs; the store never sees one in the clear.
//!
//! Invariants, tested against a model on every implementation: `done <= claimed <= wanted` per task, equal at rest, and `done < wanted`
//! for whatever does not rest; one live lease per task; a lease's writes happen under its token or not at all; tags rise in commit order per tenant; `have <= want` per effect, equal at
//! rest; what was acknowledged survives a crash.

use std::future::Future;

use serde::{Deserialize, Serialize};

use crate::identity::{Millis, PassId, TenantId};
use crate::maybe_send::{MaybeSend, MaybeSync};

/// The store cannot answer. The caller reads "try again later"; the log reads the text.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Busy, closed, full disk, lost connection: nothing was changed.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// What was read cannot be what was written.
    #[error("the store holds something unreadable: {0}")]
    Corrupt(String),
}

pub type StoreResult<T> = Result<T, StoreError>;

// ---------------------------------------------------------------------------------------------------------------------------------
// Tasks
// ---------------------------------------------------------------------------------------------------------------------------------

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
    pub token_sealed: Vec<u8>,
    /// MAC over the five fields: an index for people, never a reason to drop a notification.
    pub fingerprint_mac: String,
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

/// The right to run a task until `lease_until`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskLease {
    pub tenant: TenantId,
    pub task: String,
    pub subject: TaskSubject,
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

/// What becomes of a task after a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Answered. Idle, or ready again at once when a newer notification came during the run. Ends a release from the void limit.
    Done,
    /// Answered, and looked at again at this time (a second fetch that must agree); at once when a newer notification came during the run.
    Again { at: Millis },
    /// Failed; tried again, and not sooner whatever joins. Counts as an attempt.
    Retry { at: Millis },
    /// Could not be tried (budget, pause). Does not count. Only something more urgent than what has waited may run sooner. A run that
    /// waits as the one before it did (same outcome, no calls) replaces its record.
    Wait { at: Millis },
    /// Given up; `replay` brings it back, and so does a newer notification, also one that came during the run. Nothing that was accepted
    /// is lost.
    Dead,
    /// A person decides; `replay` lets it go on, released from the void limit. A newer notification has it run again, not released.
    Held,
}

/// The outcome of a run, for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// UUIDv7
    pub id: String,
    pub fetch_started_at: Option<Millis>,
    /// A code: `done`, `unchanged`, `not-ready`, `refused`, `unreachable`, ...
    pub outcome: String,
    /// Codes and field names only.
    pub error: Option<String>,
    /// JSON: findings as codes, identifiers and facts. Never a value of a ticket.
    pub findings: String,
    /// Calls made to SecuTix.
    pub secutix_calls: i64,
}

/// Everything that a run changes, in one transaction under its lease.
#[derive(Clone, Debug)]
pub struct Finish {
    pub tenant: TenantId,
    pub task: String,
    pub lease_token: i64,
    pub generation: i64,
    pub now: Millis,
    pub next: Next,
    pub run: RunRecord,
    /// Every order of the file: (MAC of its token, order id, file). The newest word wins.
    pub aliases: Vec<OrderAlias>,
    pub events: Vec<EventWrite>,
    pub passes: Vec<PassWrite>,
    /// At most this many passes of the tenant may go from live to void since `since` (this run included). A run that voids nothing is
    /// never stopped by it.
    pub void_limit: Option<VoidLimit>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VoidLimit {
    pub most: i64,
    pub since: Millis,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderAlias {
    pub token_mac: String,
    pub order: String,
    pub file: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finished {
    /// Committed. The passes whose tag rose, with their new version.
    Committed { changed: Vec<(PassId, i64)> },
    /// Nothing was written: another worker has the task.
    LeaseLost,
    /// Nothing was written: a pass has another version or another subject than expected, is written twice, or its sealed part is under a
    /// data key that has been erased meanwhile. Read again and plan again.
    Conflict,
    /// Nothing was written: so many voids in the hour.
    VoidLimit { voids: i64 },
}

// ---------------------------------------------------------------------------------------------------------------------------------
// Passes, events, sealed parts
// ---------------------------------------------------------------------------------------------------------------------------------

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PassSubject {
    /// `secutix.movementId`
    Movement(String),
    /// `secutix.contactNumber`
    Contact(String),
}

impl PassSubject {
    /// The name of the identifier, as The Wallet Crew writes it.
    pub fn identifier(&self) -> (&'static str, &str) {
        match self {
            Self::Movement(id) => ("secutix.movementId", id),
            Self::Contact(number) => ("secutix.contactNumber", number),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PassState {
    Live,
    Void,
}

/// An authenticated ciphertext and the data key that it is under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Id of the data key.
    pub data_key: String,
    pub nonce: Vec<u8>,
    pub body: Vec<u8>,
}

/// A data key: one per retention group, wrapped by the tenant's key. When the row goes, what it sealed is erased, backups included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataKey {
    pub id: String,
    pub wrapped: Vec<u8>,
    /// Which of the tenant's keys wraps it (a fingerprint).
    pub wrapped_by: String,
    pub erase_at: Millis,
}

/// A pass as it is to be from now on.
#[derive(Clone, Debug)]
pub struct PassWrite {
    pub id: PassId,
    pub subject: PassSubject,
    /// The version that was read; none: it must not exist yet (neither the id nor the subject).
    pub expected: Option<i64>,
    pub file: Option<String>,
    pub order: Option<String>,
    pub ticket: Option<String>,
    pub state: PassState,
    pub successor: Option<PassId>,
    pub template: String,
    pub template_digest: String,
    /// Suffix of the Google class that the object belongs to.
    pub google_class: Option<String>,
    /// None: keep what is sealed (a void pass keeps showing what it was).
    pub sealed: Option<Sealed>,
    pub ticket_mac: String,
    pub apple_mac: Option<String>,
    pub google_mac: Option<String>,
    /// The events that it shows, in order, with the digest shown (hex).
    pub events: Vec<(String, String)>,
    /// First fetch in which the movement was absent; none when it was seen.
    pub absent_since: Option<Millis>,
    /// The holder sees a difference: version and tag rise, pushes are wanted. False: bookkeeping only. A new pass is always visible: it
    /// has version 1 and a tag.
    pub visible: bool,
    /// The Google object differs too, so it is wanted where its row exists, at the new version (so: only together with `visible`). A change
    /// of the event alone is a patch of the class.
    pub object_changed: bool,
    /// For the history; none when nothing a person would ask about happened.
    pub change: Option<Change>,
}

/// One line of a pass's history: why it changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// `created`, `updated`, `voided`, `revived`
    pub action: String,
    /// The matrix row or other use case, as a code.
    pub use_case: String,
    pub reason: String,
    /// Names of what differs, never values.
    pub fields: Vec<String>,
    pub correlations: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredChange {
    pub seq: i64,
    pub at: Millis,
    /// The run that made it, none for a pass created on demand.
    pub run: Option<String>,
    pub change: Change,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPass {
    pub id: PassId,
    pub subject: PassSubject,
    pub version: i64,
    pub file: Option<String>,
    pub order: Option<String>,
    pub ticket: Option<String>,
    pub state: PassState,
    pub successor: Option<PassId>,
    pub template: String,
    pub template_digest: String,
    pub google_class: Option<String>,
    pub ticket_mac: String,
    pub apple_mac: Option<String>,
    pub google_mac: Option<String>,
    /// Update tag of the last visible change.
    pub tag: i64,
    /// For `Last-Modified`: whole seconds, rises with every visible change even within a second.
    pub modified_s: i64,
    pub absent_since: Option<Millis>,
    pub created_at: Millis,
    /// Of the last visible change.
    pub updated_at: Millis,
    /// None after erasure.
    pub sealed: Option<(Sealed, DataKey)>,
    /// Shown events in order: (key, digest shown as hex).
    pub events: Vec<(String, String)>,
}

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

/// A pass with the events that it shows, in the pass's order; an event that is not known is missing from the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassView {
    pub pass: StoredPass,
    pub events: Vec<StoredEvent>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileView {
    pub passes: Vec<StoredPass>,
    /// Every event that one of the passes shows.
    pub events: Vec<StoredEvent>,
}

impl FileView {
    /// A file that nothing is known of.
    pub fn empty() -> Self {
        Self { passes: vec![], events: vec![] }
    }
}

// ---------------------------------------------------------------------------------------------------------------------------------
// Effects
// ---------------------------------------------------------------------------------------------------------------------------------

/// Level effects: what is sent is read when it is sent, so only the newest matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum EffectKind {
    /// Target: a device (MAC, hex). One push per device and wave; the phone asks for the list. The level is an update tag.
    ApplePush,
    /// Target: a class key. The level is a count of the row's own: it begins where `reached` put it and rises by one per run in which an
    /// event of the class rose.
    GoogleClass,
    /// Target: a pass. The level is the pass's version.
    GoogleObject,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EffectLease {
    pub tenant: TenantId,
    pub kind: EffectKind,
    pub target: String,
    /// The level to reach.
    pub want: i64,
    pub lease_token: i64,
    pub attempts: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EffectNext {
    /// The other side has this level now (at most `want`).
    Have(i64),
    /// Failed; counts as an attempt. So does a lease that runs out, and the third in a row is `Dead`.
    Retry {
        at: Millis,
        error: String,
    },
    Wait {
        at: Millis,
    },
    /// Given up until something newer is wanted, which may have happened while it was sent.
    Dead {
        error: String,
    },
    /// The target is gone for good: the row is deleted, unless something newer was wanted while it was sent.
    Gone,
}

// ---------------------------------------------------------------------------------------------------------------------------------
// Apple devices, installation
// ---------------------------------------------------------------------------------------------------------------------------------

#[derive(Clone, Debug)]
pub struct Register {
    pub tenant: TenantId,
    /// MAC of the device library identifier (hex): a device is personal data.
    pub device: String,
    pub push_mac: String,
    pub push_sealed: Vec<u8>,
    pub pass: PassId,
    pub now: Millis,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registered {
    /// False: it was registered already (its push token is renewed all the same).
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
    /// The highest tag among them; to be asked for next time. Without any, the tag that was asked with (0 without one).
    pub tag: i64,
}

/// One signal of a phone, remembered so that it counts once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignalKey {
    pub source: String,
    pub event: String,
    pub at: Millis,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    pub version: i64,
    /// JSON of `installation.status`.
    pub body: String,
}

// ---------------------------------------------------------------------------------------------------------------------------------
// API keys, budget, inspection
// ---------------------------------------------------------------------------------------------------------------------------------

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

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StuckTask {
    pub tenant: TenantId,
    pub task: String,
    pub subject: TaskSubject,
    /// `dead` or `held`
    pub state: String,
    pub attempts: i64,
    pub error: Option<String>,
    pub since: Millis,
}

/// Counts, for health and for those who wait for rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    pub tasks_ready: i64,
    pub tasks_leased: i64,
    pub tasks_dead: i64,
    pub tasks_held: i64,
    pub effects_waiting: i64,
    pub effects_dead: i64,
    /// When the oldest ready task became, or becomes, due.
    pub oldest_due: Option<Millis>,
}

/// The operations. Each is one transaction; a future that resolves to `Ok` has been committed and synced.
pub trait Store: MaybeSync {
    /// Records a notification and joins or enqueues its task. The task is the file's when the token's file is known.
    /// A waiting task runs `debounce` from now, at most `max_wait` after the first notification that it waits with, and never before what
    /// `Retry` or `Wait` said; its priority is that of the most urgent. One that is leased runs once more. An idle, dead or held one
    /// becomes ready. Refused when too many writes wait already.
    fn accept(&self, accept: Accept) -> impl Future<Output = StoreResult<Accepted>> + MaybeSend;

    /// Makes sure that a task for the subject runs once more, at `at` or sooner, without a notification (a contact's card, a demand). Joins
    /// and wakes as `accept` does, and keeps a backoff as it does. Returns the task's id, which is `id` when it is new.
    fn enqueue(
        &self,
        tenant: &TenantId,
        subject: TaskSubject,
        id: &str,
        priority: Priority,
        at: Millis,
    ) -> impl Future<Output = StoreResult<String>> + MaybeSend;

    /// Leases up to `limit` due tasks until `lease_until`: one of each tenant before the second of any, a tenant's own by priority and time.
    /// A lease that has run out counts as an expiry, leaves a run record (`worker-lost`), and may be claimed again; the third since a
    /// run came to an end makes the task dead, since it kills workers.
    fn claim(
        &self,
        now: Millis,
        lease_until: Millis,
        limit: u32,
    ) -> impl Future<Output = StoreResult<Vec<TaskLease>>> + MaybeSend;

    /// Leases this one task if it is ready or idle, due or not: a person waits for it. An idle one gets a generation of its own to answer.
    /// None when it is leased, dead, held or not there.
    fn claim_task(
        &self,
        tenant: &TenantId,
        task: &str,
        now: Millis,
        lease_until: Millis,
    ) -> impl Future<Output = StoreResult<Option<TaskLease>>> + MaybeSend;

    /// The token's file is known now, also to `accept`: from here on the token stands for the file.
    fn adopt(
        &self,
        lease: &TaskLease,
        file: &str,
        now: Millis,
    ) -> impl Future<Output = StoreResult<Adoption>> + MaybeSend;

    fn finish(&self, finish: Finish) -> impl Future<Output = StoreResult<Finished>> + MaybeSend;

    fn file_view(&self, tenant: &TenantId, file: &str) -> impl Future<Output = StoreResult<FileView>> + MaybeSend;
    fn pass(&self, tenant: &TenantId, id: &PassId) -> impl Future<Output = StoreResult<Option<PassView>>> + MaybeSend;
    fn pass_by_subject(
        &self,
        tenant: &TenantId,
        subject: &PassSubject,
    ) -> impl Future<Output = StoreResult<Option<PassView>>> + MaybeSend;
    /// Any pass of the class, a live one if there is one: a class is rebuilt from the event facts of one of its passes.
    fn pass_of_class(
        &self,
        tenant: &TenantId,
        class: &str,
    ) -> impl Future<Output = StoreResult<Option<PassView>>> + MaybeSend;
    /// The file of an order, by the MAC of its token.
    fn file_of_token(
        &self,
        tenant: &TenantId,
        token_mac: &str,
    ) -> impl Future<Output = StoreResult<Option<String>>> + MaybeSend;
    fn history(
        &self,
        tenant: &TenantId,
        id: &PassId,
    ) -> impl Future<Output = StoreResult<Vec<StoredChange>>> + MaybeSend;
    /// Newest first. Those of a task that was merged are its file's.
    fn runs(
        &self,
        tenant: &TenantId,
        subject: &TaskSubject,
        limit: u32,
    ) -> impl Future<Output = StoreResult<Vec<RunRecord>>> + MaybeSend;

    /// The data key of a retention group: the one that is there, or `candidate`. A later `erase_at` wins.
    fn data_key(&self, tenant: &TenantId, candidate: DataKey)
    -> impl Future<Output = StoreResult<DataKey>> + MaybeSend;
    /// Deletes data keys whose time has come, and what they sealed. Returns how many.
    fn erase(&self, now: Millis) -> impl Future<Output = StoreResult<u64>> + MaybeSend;

    /// Leases up to `limit` due effects: one of each tenant and kind before the second of any, then by time.
    fn claim_effects(
        &self,
        now: Millis,
        lease_until: Millis,
        limit: u32,
    ) -> impl Future<Output = StoreResult<Vec<EffectLease>>> + MaybeSend;
    /// False: the lease was lost, and nothing was written.
    fn finish_effect(
        &self,
        lease: &EffectLease,
        next: EffectNext,
        now: Millis,
    ) -> impl Future<Output = StoreResult<bool>> + MaybeSend;
    /// The other side was brought to this level in passing (a save link): later changes are wanted from here on. Creates the row. Levels only
    /// rise, so to lose no change between reading and sending: call it with 0, read, send, call it with what was read.
    fn reached(
        &self,
        tenant: &TenantId,
        kind: EffectKind,
        target: &str,
        have: i64,
        now: Millis,
    ) -> impl Future<Output = StoreResult<()>> + MaybeSend;
    /// Whether the row exists, and what the other side has.
    fn effect_level(
        &self,
        tenant: &TenantId,
        kind: EffectKind,
        target: &str,
    ) -> impl Future<Output = StoreResult<Option<i64>>> + MaybeSend;

    fn register(&self, register: Register) -> impl Future<Output = StoreResult<Registered>> + MaybeSend;
    /// None: it was not registered. Else the active registrations of the pass that are left. A device without any is forgotten, with the
    /// push that waits for it.
    fn unregister(
        &self,
        tenant: &TenantId,
        device: &str,
        pass: &PassId,
    ) -> impl Future<Output = StoreResult<Option<u32>>> + MaybeSend;
    fn device(&self, tenant: &TenantId, device: &str) -> impl Future<Output = StoreResult<Option<Device>>> + MaybeSend;
    /// The push service says that the token is gone: every registration of the device ends, unless the token was renewed after `at`.
    /// Returns the passes that lost a registration, each with those it still has.
    fn forget_device(
        &self,
        tenant: &TenantId,
        device: &str,
        at: Millis,
    ) -> impl Future<Output = StoreResult<Vec<(PassId, u32)>>> + MaybeSend;
    /// Passes of the device whose tag is greater than `tag`; all of them without one.
    fn updated_since(
        &self,
        tenant: &TenantId,
        device: &str,
        tag: Option<i64>,
    ) -> impl Future<Output = StoreResult<UpdatedSince>> + MaybeSend;

    fn installation(
        &self,
        tenant: &TenantId,
        pass: &PassId,
    ) -> impl Future<Output = StoreResult<Option<Installation>>> + MaybeSend;
    /// Those of the signals that have not been counted yet.
    fn new_signals(
        &self,
        tenant: &TenantId,
        keys: &[SignalKey],
    ) -> impl Future<Output = StoreResult<Vec<SignalKey>>> + MaybeSend;
    /// False, and nothing was written: another version is there (`expected` is 0 for none), or one of the signals has been counted since.
    /// Signals and status change together.
    fn save_installation(
        &self,
        tenant: &TenantId,
        pass: &PassId,
        expected: i64,
        body: &str,
        signals: &[SignalKey],
    ) -> impl Future<Output = StoreResult<bool>> + MaybeSend;

    /// Writes or replaces; the id of another tenant's key is refused.
    fn put_api_key(&self, row: ApiKeyRow) -> impl Future<Output = StoreResult<()>> + MaybeSend;
    fn api_key(&self, id: &str) -> impl Future<Output = StoreResult<Option<ApiKeyRow>>> + MaybeSend;
    fn api_keys(&self, tenant: &TenantId) -> impl Future<Output = StoreResult<Vec<ApiKeyRow>>> + MaybeSend;
    /// False: there is no such key.
    fn revoke_api_key(
        &self,
        tenant: &TenantId,
        id: &str,
        now: Millis,
    ) -> impl Future<Output = StoreResult<bool>> + MaybeSend;

    fn spend(&self, spend: Spend) -> impl Future<Output = StoreResult<Spent>> + MaybeSend;
    /// The other side said stop: nobody spends in this scope before `until`. A shorter pause does not end a longer one.
    fn pause(&self, scope: &str, until: Millis) -> impl Future<Output = StoreResult<()>> + MaybeSend;

    fn stuck(&self, tenant: Option<&TenantId>) -> impl Future<Output = StoreResult<Vec<StuckTask>>> + MaybeSend;
    /// A dead task gets another chance, a held one is released from the void limit until a run of it is `Done`. False: it is neither.
    fn replay(&self, tenant: &TenantId, task: &str, now: Millis)
    -> impl Future<Output = StoreResult<bool>> + MaybeSend;
    fn depth(&self) -> impl Future<Output = StoreResult<Depth>> + MaybeSend;
    /// Can a transaction be committed right now?
    fn ping(&self) -> impl Future<Output = StoreResult<()>> + MaybeSend;
}
