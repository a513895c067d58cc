//! The store's port: about thirty coarse operations, each one transaction with plain data in and out.
//!
//! Owns what each operation promises; the data that crosses is in the files beside, by noun. Does not own SQL, files or threads (a host),
//! nor what anything means (`run`, `http`). Values that name a person arrive here sealed or as MACs; the store never sees one in the clear.
//!
//! Invariants, tested against a model on every implementation: `done <= claimed <= wanted` per task, equal at rest, and `done < wanted`
//! for whatever does not rest; one live lease per task; a lease's writes happen under its token or not at all; tags rise in commit order
//! per tenant; `have <= want` per effect, equal at rest; what was acknowledged survives a crash.

mod account;
mod attribute;
mod backfill;
mod by_hand;
mod effect;
mod erasure;
mod event;
mod google;
mod happening;
mod insights;
mod pass;
mod pass_list;
mod phone;
mod run;
mod stuck;
mod task;
mod vibes;
mod webhook;

use std::future::Future;

pub use self::account::{ApiKeyRow, Spend, Spent};
pub use self::attribute::{Attribute, AttributeKind, Attributes, KeptValue};
pub use self::backfill::{BackfillState, Backfills};
pub use self::by_hand::{
    AppleNotice, Audience, ByHand, Deactivated, GoogleNotice, NoticeReport, NoticeResult, NoticeWrite, PassNotice,
};
pub use self::effect::{EffectKind, EffectLease, EffectNext};
pub use self::erasure::{Erased, Erasure};
pub use self::event::{EventWrite, StoredEvent};
pub use self::google::{Brought, GoogleLedger, KeptRoots};
pub use self::happening::{Happening, HappeningKind, StoredHappening};
pub use self::insights::{Bound, Cell, Figure, Insights, Outcome, Question, Rows};
pub use self::pass::{
    Change, DataKey, FileView, PassState, PassSubject, PassView, PassWrite, Sealed, StoredChange, StoredPass,
};
pub use self::pass_list::{
    Condition, Count, ListedPass, Order, PassLists, PassPage, PassQuery, Position, Start, SubjectKind, TextTest,
    TimeTest, Wallets,
};
pub use self::phone::{
    Device, Installation, InstallationWrite, PendingSignal, Register, Registered, Reissued, SignalKey, SignalKind,
    UpdatedSince,
};
pub use self::run::{
    Finish, Finished, LoggedNotification, LoggedRun, Next, OrderAlias, RunRecord, SubjectLog, VoidLimit,
};
pub use self::stuck::{Depth, StuckTask};
pub use self::task::{Accept, Accepted, Adoption, Hint, Priority, Quota, TaskLease, TaskSubject};
pub use self::vibes::{InstanceEvent, InstanceLook, VibesLedger};
pub use self::webhook::{
    Delivery, DeliveryAttempt, DeliveryEnd, DeliveryFinish, DeliveryFinished, DeliveryLease, DeliveryPage,
    DeliveryQuota, DeliveryState, DisabledFor, Outbox, PluginRequest, PluginRequestWrite, PluginRequests, ReplaySince,
    ReplayStep, Replayed, Webhook, WebhookMade, WebhookWrite,
};
use crate::identity::{Millis, PassId, TenantId};
use crate::maybe_send::{MaybeSend, MaybeSync};

/// The store cannot answer. The caller reads "try again later"; the log reads the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Busy, closed, full disk, lost connection: nothing was changed.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// What was read cannot be what was written.
    #[error("the store holds something unreadable: {0}")]
    Corrupt(String),
}

pub type StoreResult<T> = Result<T, StoreError>;

/// The operations. Each is one transaction; a future that resolves to `Ok` has been committed and synced.
pub trait Store:
    GoogleLedger + ByHand + Attributes + Backfills + Insights + Outbox + PassLists + VibesLedger + MaybeSync
{
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

    /// Leases due tasks until `lease_until`, as many as the quota allows: the tenant with the fewest in flight first, a tenant's own by
    /// priority and time.
    /// A lease that has run out counts as an expiry, leaves a run record (`worker-lost`), and may be claimed again; the third since a
    /// run came to an end makes the task dead, since it kills workers.
    fn claim(
        &self,
        now: Millis,
        lease_until: Millis,
        quota: Quota,
    ) -> impl Future<Output = StoreResult<Vec<TaskLease>>> + MaybeSend;

    /// Leases this one task if it is ready or idle, due or not: a person waits for it. An idle one gets a generation of its own to answer.
    /// None when it is leased, dead, held or not there. No quota stands in the way.
    fn claim_task(
        &self,
        tenant: &TenantId,
        task: &str,
        now: Millis,
        lease_until: Millis,
    ) -> impl Future<Output = StoreResult<Option<TaskLease>>> + MaybeSend;

    /// The token's file is known now, also to `accept`: from here on the token stands for the file, and its sealed value is deleted.
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

    /// The newest runs and notifications of a subject, `limit` of each. Those of a task that was merged are its file's.
    fn log(
        &self,
        tenant: &TenantId,
        subject: &TaskSubject,
        limit: u32,
    ) -> impl Future<Output = StoreResult<SubjectLog>> + MaybeSend;

    /// The data key of a retention group: the one that is there, or `candidate`. A later `erase_at` wins.
    fn data_key(&self, tenant: &TenantId, candidate: DataKey)
    -> impl Future<Output = StoreResult<DataKey>> + MaybeSend;
    /// Deletes what was kept long enough, a batch of each: what data keys sealed whose time has come, then the keys themselves; and
    /// records of the past.
    fn erase(&self, erasure: Erasure) -> impl Future<Output = StoreResult<Erased>> + MaybeSend;

    /// Leases due effects, as many as the quota allows: the tenant and kind with the fewest in flight first, then by time.
    fn claim_effects(
        &self,
        now: Millis,
        lease_until: Millis,
        quota: Quota,
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

    /// A new registration is signalled, and the fold of the signal is wanted. The device may have downloaded the pass long ago: where the
    /// pass has changed since it was made, a push is wanted, and the list of what changed has it once.
    fn register(&self, register: Register) -> impl Future<Output = StoreResult<Registered>> + MaybeSend;
    /// None: it was not registered. Else the active registrations of the pass that are left, and the signal is written, to be folded at
    /// `fold_at` or later. A device without any is forgotten, with the push that waits for it.
    fn unregister(
        &self,
        tenant: &TenantId,
        device: &str,
        pass: &PassId,
        signal: &SignalKey,
        fold_at: Millis,
    ) -> impl Future<Output = StoreResult<Option<u32>>> + MaybeSend;
    fn device(&self, tenant: &TenantId, device: &str) -> impl Future<Output = StoreResult<Option<Device>>> + MaybeSend;
    /// The push service says that the token is gone: every registration of the device ends, unless the token was renewed after `at`.
    /// Returns the passes that lost a registration, each with those it still has; each is signalled, as an event of `source`.
    fn forget_device(
        &self,
        tenant: &TenantId,
        device: &str,
        at: Millis,
        source: &str,
    ) -> impl Future<Output = StoreResult<Vec<(PassId, u32)>>> + MaybeSend;
    /// Passes of the device that have changed, or were registered after a change, later than `tag`; all of them without one.
    fn updated_since(
        &self,
        tenant: &TenantId,
        device: &str,
        tag: Option<i64>,
    ) -> impl Future<Output = StoreResult<UpdatedSince>> + MaybeSend;
    /// Has phones fetch passes again that look as they did: up to `limit` passes that a phone has and whose tag is `until` at most, the lowest
    /// first, get a new tag and a later `Last-Modified`, and their devices are to be told. Without `until`, the tenant's tag of now. What is
    /// raised is above it, so that a step that is repeated goes on where the last one ended.
    fn reissue(
        &self,
        tenant: &TenantId,
        until: Option<i64>,
        limit: u32,
        now: Millis,
    ) -> impl Future<Output = StoreResult<Reissued>> + MaybeSend;

    fn installation(
        &self,
        tenant: &TenantId,
        pass: &PassId,
    ) -> impl Future<Output = StoreResult<Option<Installation>>> + MaybeSend;
    /// Signals of the pass that were written and are not folded yet: the oldest first, `limit` at most.
    fn pending_signals(
        &self,
        tenant: &TenantId,
        pass: &PassId,
        limit: u32,
    ) -> impl Future<Output = StoreResult<Vec<PendingSignal>>> + MaybeSend;
    /// Writes what was told of a pass, and wants it folded at `fold_at` or later. False: it is known already.
    fn signal(
        &self,
        tenant: &TenantId,
        pass: &PassId,
        signal: PendingSignal,
        fold_at: Millis,
    ) -> impl Future<Output = StoreResult<bool>> + MaybeSend;
    /// False, and nothing was written: another version is there (`expected` is 0 for none), or one of the signals has been folded since.
    /// Signals, status, happenings and what SecuTix is to be told change together.
    fn save_installation(&self, write: InstallationWrite) -> impl Future<Output = StoreResult<bool>> + MaybeSend;

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
    /// Until when the scope is paused; none: it is not. Spends nothing.
    fn paused(&self, scope: &str, now: Millis) -> impl Future<Output = StoreResult<Option<Millis>>> + MaybeSend;

    fn stuck(&self, tenant: Option<&TenantId>) -> impl Future<Output = StoreResult<Vec<StuckTask>>> + MaybeSend;
    /// A dead task gets another chance, a held one (also one that a notification has woken, unless it runs) is released from the void limit
    /// until a run of it is `Done`. False: it is neither.
    fn replay(&self, tenant: &TenantId, task: &str, now: Millis)
    -> impl Future<Output = StoreResult<bool>> + MaybeSend;
    fn depth(&self) -> impl Future<Output = StoreResult<Depth>> + MaybeSend;
    /// [`Depth::effects_waiting`] alone, along indexes: for who asks with every effect that is put off.
    fn effects_waiting(&self) -> impl Future<Output = StoreResult<i64>> + MaybeSend;
    /// Can a transaction be committed right now?
    fn ping(&self) -> impl Future<Output = StoreResult<()>> + MaybeSend;
}
