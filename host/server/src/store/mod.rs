//! The store in one SQLite file.
//!
//! Owns the file, its one writer and its readers. Does not own the statements (`passerelle_sqlite`), nor what the operations promise: that
//! is `passerelle_flow::store`, and the conformance suite holds this store and any other to it. Bounds: the writer's queue and groups
//! (`writer`), the readers' number.

mod attributes;
mod backfills;
mod by_hand;
mod connection;
mod fault;
mod google;
mod insights;
pub mod measure;
mod outbox;
mod pass_list;
mod readers;
mod schema;
mod vibes;
mod writer;

use std::path::Path;
use std::time::Duration;

use passerelle_flow::identity::{Millis, PassId, TenantId};
use passerelle_flow::store::{
    Accept, Accepted, Adoption, ApiKeyRow, DataKey, Depth, Device, EffectKind, EffectLease, EffectNext, Erased,
    Erasure, FileView, Finish, Finished, Installation, InstallationWrite, PassSubject, PassView, PendingSignal,
    Priority, Quota, Register, Registered, Reissued, RunRecord, SignalKey, Spend, Spent, Store, StoreResult,
    StoredChange, StuckTask, SubjectLog, TaskLease, TaskSubject, UpdatedSince,
};
use passerelle_sqlite::{
    api_keys, budget, data_keys, devices, effects, finish, installations, leases, passes, pulse, retention, tasks,
};

pub use self::schema::OpenError;
use self::writer::WhenFull::{Refuse, Wait};

#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Writes that may wait for the writer: at twenty thousand a second about a fifth of a second, well under what a caller waits.
    pub queue: usize,
    /// Writes that share a commit. Measured on a disk that syncs in 2 ms, more than this gains nothing.
    pub group: usize,
    /// Reads that may go on at once.
    pub readers: usize,
    /// Bytes that the file may grow to; none: as far as the disk goes. A full store refuses what is new and loses nothing.
    pub size_limit: Option<u64>,
    /// Questions (Insights) that go on at once. Two of the readers' number, so that one that takes its time keeps no other waiting.
    pub questions: usize,
    /// How long a question may take: the log cannot be moved into the file beyond what it reads meanwhile. A million events are grouped by a
    /// property in two and a half seconds.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { queue: 4096, group: 256, readers: 4, size_limit: None, questions: 2, patience: Duration::from_secs(10) }
    }
}

pub struct SqliteStore {
    writer: writer::Writer,
    readers: readers::Readers,
    questions: readers::Readers,
    patience: Duration,
}

impl SqliteStore {
    /// Opens the file, and makes it (for its user alone) when it is not there.
    pub fn open(path: &Path, options: Options) -> Result<Self, OpenError> {
        let conn = schema::writer(path, options.size_limit)?;
        let writer = writer::Writer::start(conn, options.queue, options.group)?;
        let readers = |most| readers::Readers::new(path.to_owned(), most);
        let (questions, patience) = (readers(options.questions), options.patience);
        Ok(Self { writer, readers: readers(options.readers), questions, patience })
    }

    /// Finishes the writes that wait, moves the log into the file and closes it. Whatever is asked later is refused.
    pub async fn close(&self) {
        self.readers.close();
        self.questions.close();
        self.writer.close().await;
    }
}

impl Store for SqliteStore {
    async fn accept(&self, accept: Accept) -> StoreResult<Accepted> {
        self.writer.call(Refuse, move |conn| tasks::accept(conn, &accept)).await
    }

    async fn enqueue(
        &self,
        tenant: &TenantId,
        subject: TaskSubject,
        id: &str,
        priority: Priority,
        at: Millis,
    ) -> StoreResult<String> {
        let (tenant, id) = (tenant.clone(), id.to_owned());
        self.writer.call(Refuse, move |conn| tasks::enqueue(conn, &tenant, subject, &id, priority, at)).await
    }

    async fn claim(&self, now: Millis, lease_until: Millis, quota: Quota) -> StoreResult<Vec<TaskLease>> {
        self.writer.call(Wait, move |conn| leases::claim(conn, now, lease_until, quota)).await
    }

    async fn claim_task(
        &self,
        tenant: &TenantId,
        task: &str,
        now: Millis,
        lease_until: Millis,
    ) -> StoreResult<Option<TaskLease>> {
        let (tenant, task) = (tenant.clone(), task.to_owned());
        self.writer.call(Wait, move |conn| leases::claim_task(conn, &tenant, &task, now, lease_until)).await
    }

    async fn adopt(&self, lease: &TaskLease, file: &str, now: Millis) -> StoreResult<Adoption> {
        let (lease, file) = (lease.clone(), file.to_owned());
        self.writer.call(Wait, move |conn| leases::adopt(conn, &lease, &file, now)).await
    }

    async fn finish(&self, finish: Finish) -> StoreResult<Finished> {
        self.writer.call(Wait, move |conn| finish::finish(conn, &finish)).await
    }

    async fn file_view(&self, tenant: &TenantId, file: &str) -> StoreResult<FileView> {
        let (tenant, file) = (tenant.clone(), file.to_owned());
        self.readers.call(move |conn| passes::file_view(conn, &tenant, &file)).await
    }

    async fn pass(&self, tenant: &TenantId, id: &PassId) -> StoreResult<Option<PassView>> {
        let (tenant, id) = (tenant.clone(), id.clone());
        self.readers.call(move |conn| passes::by_id(conn, &tenant, &id)).await
    }

    async fn pass_by_subject(&self, tenant: &TenantId, subject: &PassSubject) -> StoreResult<Option<PassView>> {
        let (tenant, subject) = (tenant.clone(), subject.clone());
        self.readers.call(move |conn| passes::by_subject(conn, &tenant, &subject)).await
    }

    async fn pass_of_class(&self, tenant: &TenantId, class: &str) -> StoreResult<Option<PassView>> {
        let (tenant, class) = (tenant.clone(), class.to_owned());
        self.readers.call(move |conn| passes::of_class(conn, &tenant, &class)).await
    }

    async fn file_of_token(&self, tenant: &TenantId, token_mac: &str) -> StoreResult<Option<String>> {
        let (tenant, token_mac) = (tenant.clone(), token_mac.to_owned());
        self.readers.call(move |conn| tasks::file_of_token(conn, &tenant, &token_mac)).await
    }

    async fn history(&self, tenant: &TenantId, id: &PassId) -> StoreResult<Vec<StoredChange>> {
        let (tenant, id) = (tenant.clone(), id.clone());
        self.readers.call(move |conn| passes::history(conn, &tenant, &id)).await
    }

    async fn runs(&self, tenant: &TenantId, subject: &TaskSubject, limit: u32) -> StoreResult<Vec<RunRecord>> {
        let (tenant, subject) = (tenant.clone(), subject.clone());
        self.readers.call(move |conn| tasks::runs(conn, &tenant, subject, limit)).await
    }

    async fn log(&self, tenant: &TenantId, subject: &TaskSubject, limit: u32) -> StoreResult<SubjectLog> {
        let (tenant, subject) = (tenant.clone(), subject.clone());
        self.readers.call(move |conn| tasks::log(conn, &tenant, subject, limit)).await
    }

    async fn data_key(&self, tenant: &TenantId, candidate: DataKey) -> StoreResult<DataKey> {
        let tenant = tenant.clone();
        self.writer.call(Wait, move |conn| data_keys::data_key(conn, &tenant, candidate)).await
    }

    async fn erase(&self, erasure: Erasure) -> StoreResult<Erased> {
        let erased = self.writer.call(Wait, move |conn| retention::erase(conn, &erasure)).await?;
        if erased.keys > 0 {
            // Until then the deleted rows can still be read in the log.
            self.writer.checkpoint().await;
        }
        Ok(erased)
    }

    async fn claim_effects(&self, now: Millis, lease_until: Millis, quota: Quota) -> StoreResult<Vec<EffectLease>> {
        self.writer.call(Wait, move |conn| effects::claim(conn, now, lease_until, quota)).await
    }

    async fn finish_effect(&self, lease: &EffectLease, next: EffectNext, now: Millis) -> StoreResult<bool> {
        let lease = lease.clone();
        self.writer.call(Wait, move |conn| effects::finish(conn, &lease, &next, now)).await
    }

    async fn reached(
        &self,
        tenant: &TenantId,
        kind: EffectKind,
        target: &str,
        have: i64,
        now: Millis,
    ) -> StoreResult<()> {
        let (tenant, target) = (tenant.clone(), target.to_owned());
        self.writer.call(Wait, move |conn| effects::reached(conn, &tenant, kind, &target, have, now)).await
    }

    async fn effect_level(&self, tenant: &TenantId, kind: EffectKind, target: &str) -> StoreResult<Option<i64>> {
        let (tenant, target) = (tenant.clone(), target.to_owned());
        self.readers.call(move |conn| effects::level(conn, &tenant, kind, &target)).await
    }

    async fn register(&self, register: Register) -> StoreResult<Registered> {
        self.writer.call(Refuse, move |conn| devices::register(conn, &register)).await
    }

    async fn unregister(
        &self,
        tenant: &TenantId,
        device: &str,
        pass: &PassId,
        signal: &SignalKey,
        fold_at: Millis,
    ) -> StoreResult<Option<u32>> {
        let (tenant, device, pass, signal) = (tenant.clone(), device.to_owned(), pass.clone(), signal.clone());
        self.writer.call(Refuse, move |conn| devices::unregister(conn, &tenant, &device, &pass, &signal, fold_at)).await
    }

    async fn device(&self, tenant: &TenantId, device: &str) -> StoreResult<Option<Device>> {
        let (tenant, device) = (tenant.clone(), device.to_owned());
        self.readers.call(move |conn| devices::device(conn, &tenant, &device)).await
    }

    async fn forget_device(
        &self,
        tenant: &TenantId,
        device: &str,
        at: Millis,
        source: &str,
    ) -> StoreResult<Vec<(PassId, u32)>> {
        let (tenant, device, source) = (tenant.clone(), device.to_owned(), source.to_owned());
        self.writer.call(Wait, move |conn| devices::forget_device(conn, &tenant, &device, at, &source)).await
    }

    async fn updated_since(&self, tenant: &TenantId, device: &str, tag: Option<i64>) -> StoreResult<UpdatedSince> {
        let (tenant, device) = (tenant.clone(), device.to_owned());
        self.readers.call(move |conn| devices::updated_since(conn, &tenant, &device, tag)).await
    }

    async fn installation(&self, tenant: &TenantId, pass: &PassId) -> StoreResult<Option<Installation>> {
        let (tenant, pass) = (tenant.clone(), pass.clone());
        self.readers.call(move |conn| installations::installation(conn, &tenant, &pass)).await
    }

    async fn pending_signals(&self, tenant: &TenantId, pass: &PassId, limit: u32) -> StoreResult<Vec<PendingSignal>> {
        let (tenant, pass) = (tenant.clone(), pass.clone());
        self.readers.call(move |conn| installations::pending(conn, &tenant, &pass, limit)).await
    }

    async fn signal(
        &self,
        tenant: &TenantId,
        pass: &PassId,
        signal: PendingSignal,
        fold_at: Millis,
    ) -> StoreResult<bool> {
        let (tenant, pass) = (tenant.clone(), pass.clone());
        self.writer.call(Wait, move |conn| installations::signal(conn, &tenant, &pass, &signal, fold_at)).await
    }

    async fn save_installation(&self, write: InstallationWrite) -> StoreResult<bool> {
        self.writer.call(Wait, move |conn| installations::save(conn, &write)).await
    }

    async fn put_api_key(&self, row: ApiKeyRow) -> StoreResult<()> {
        self.writer.call(Wait, move |conn| api_keys::put(conn, &row)).await
    }

    async fn api_key(&self, id: &str) -> StoreResult<Option<ApiKeyRow>> {
        let id = id.to_owned();
        self.readers.call(move |conn| api_keys::by_id(conn, &id)).await
    }

    async fn api_keys(&self, tenant: &TenantId) -> StoreResult<Vec<ApiKeyRow>> {
        let tenant = tenant.clone();
        self.readers.call(move |conn| api_keys::of_tenant(conn, &tenant)).await
    }

    async fn revoke_api_key(&self, tenant: &TenantId, id: &str, now: Millis) -> StoreResult<bool> {
        let (tenant, id) = (tenant.clone(), id.to_owned());
        self.writer.call(Wait, move |conn| api_keys::revoke(conn, &tenant, &id, now)).await
    }

    async fn spend(&self, spend: Spend) -> StoreResult<Spent> {
        self.writer.call(Wait, move |conn| budget::spend(conn, &spend)).await
    }

    async fn pause(&self, scope: &str, until: Millis) -> StoreResult<()> {
        let scope = scope.to_owned();
        self.writer.call(Wait, move |conn| budget::pause(conn, &scope, until)).await
    }

    async fn paused(&self, scope: &str, now: Millis) -> StoreResult<Option<Millis>> {
        let scope = scope.to_owned();
        self.readers.call(move |conn| budget::paused(conn, &scope, now)).await
    }

    async fn stuck(&self, tenant: Option<&TenantId>) -> StoreResult<Vec<StuckTask>> {
        let tenant = tenant.cloned();
        self.readers.call(move |conn| tasks::stuck(conn, tenant.as_ref())).await
    }

    async fn reissue(&self, tenant: &TenantId, until: Option<i64>, limit: u32, now: Millis) -> StoreResult<Reissued> {
        let tenant = tenant.clone();
        self.writer.call(Wait, move |conn| passes::reissue(conn, &tenant, until, limit, now)).await
    }

    async fn replay(&self, tenant: &TenantId, task: &str, now: Millis) -> StoreResult<bool> {
        let (tenant, task) = (tenant.clone(), task.to_owned());
        self.writer.call(Wait, move |conn| tasks::replay(conn, &tenant, &task, now)).await
    }

    async fn depth(&self) -> StoreResult<Depth> {
        self.readers.call(tasks::depth).await
    }

    async fn effects_waiting(&self) -> StoreResult<i64> {
        self.readers.call(tasks::effects_waiting).await
    }

    async fn ping(&self) -> StoreResult<()> {
        self.writer.call(Refuse, pulse::ping).await
    }
}
