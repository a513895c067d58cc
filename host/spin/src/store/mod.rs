//! The store in Spin's SQLite.
//!
//! Owns which operation reads and which writes. Does not own the statements (`passerelle_sqlite`), the connection (`session`), nor what the
//! operations promise: that is `passerelle_flow::store`, and the conformance suite holds this store to it as it holds the server's.
//! Bounds: one connection per instance, a statement waits five seconds for another instance's transaction.

mod attributes;
mod backfills;
mod by_hand;
mod google;
mod insights;
mod outbox;
mod pass_list;
pub mod session;
mod vibes;

use passerelle_flow::identity::{Millis, PassId, TenantId};
use passerelle_flow::store::{
    Accept, Accepted, Adoption, ApiKeyRow, DataKey, Depth, Device, EffectKind, EffectLease, EffectNext, Erased,
    Erasure, FileView, Finish, Finished, Installation, InstallationWrite, PassSubject, PassView, PendingSignal,
    Priority, Quota, Register, Registered, Reissued, RunRecord, SignalKey, Spend, Spent, Store, StoreResult,
    StoredChange, StuckTask, SubjectLog, TaskLease, TaskSubject, UpdatedSince,
};
use passerelle_sqlite::opening::execute;
use passerelle_sqlite::{
    api_keys, budget, data_keys, devices, effects, finish, installations, leases, passes, pulse, retention, tasks,
};

use self::session::{Database, Session};

pub struct EdgeStore<D: Database> {
    session: Session<D>,
}

impl<D: Database> EdgeStore<D> {
    /// Nothing is opened yet: an instance that never needs the store does not touch it.
    pub fn new(database: D) -> Self {
        Self { session: Session::new(database) }
    }
}

impl<D: Database> Store for EdgeStore<D> {
    async fn accept(&self, accept: Accept) -> StoreResult<Accepted> {
        self.session.write(|conn| tasks::accept(conn, &accept))
    }

    async fn enqueue(
        &self,
        tenant: &TenantId,
        subject: TaskSubject,
        id: &str,
        priority: Priority,
        at: Millis,
    ) -> StoreResult<String> {
        self.session.write(|conn| tasks::enqueue(conn, tenant, subject, id, priority, at))
    }

    async fn claim(&self, now: Millis, lease_until: Millis, quota: Quota) -> StoreResult<Vec<TaskLease>> {
        self.session.write(|conn| leases::claim(conn, now, lease_until, quota))
    }

    async fn claim_task(
        &self,
        tenant: &TenantId,
        task: &str,
        now: Millis,
        lease_until: Millis,
    ) -> StoreResult<Option<TaskLease>> {
        self.session.write(|conn| leases::claim_task(conn, tenant, task, now, lease_until))
    }

    async fn adopt(&self, lease: &TaskLease, file: &str, now: Millis) -> StoreResult<Adoption> {
        self.session.write(|conn| leases::adopt(conn, lease, file, now))
    }

    async fn finish(&self, finish: Finish) -> StoreResult<Finished> {
        self.session.write(|conn| finish::finish(conn, &finish))
    }

    async fn file_view(&self, tenant: &TenantId, file: &str) -> StoreResult<FileView> {
        self.session.read(|conn| passes::file_view(conn, tenant, file))
    }

    async fn pass(&self, tenant: &TenantId, id: &PassId) -> StoreResult<Option<PassView>> {
        self.session.read(|conn| passes::by_id(conn, tenant, id))
    }

    async fn pass_by_subject(&self, tenant: &TenantId, subject: &PassSubject) -> StoreResult<Option<PassView>> {
        self.session.read(|conn| passes::by_subject(conn, tenant, subject))
    }

    async fn pass_of_class(&self, tenant: &TenantId, class: &str) -> StoreResult<Option<PassView>> {
        self.session.read(|conn| passes::of_class(conn, tenant, class))
    }

    async fn file_of_token(&self, tenant: &TenantId, token_mac: &str) -> StoreResult<Option<String>> {
        self.session.read(|conn| tasks::file_of_token(conn, tenant, token_mac))
    }

    async fn history(&self, tenant: &TenantId, id: &PassId) -> StoreResult<Vec<StoredChange>> {
        self.session.read(|conn| passes::history(conn, tenant, id))
    }

    async fn runs(&self, tenant: &TenantId, subject: &TaskSubject, limit: u32) -> StoreResult<Vec<RunRecord>> {
        self.session.read(|conn| tasks::runs(conn, tenant, subject.clone(), limit))
    }

    async fn log(&self, tenant: &TenantId, subject: &TaskSubject, limit: u32) -> StoreResult<SubjectLog> {
        self.session.read(|conn| tasks::log(conn, tenant, subject.clone(), limit))
    }

    async fn data_key(&self, tenant: &TenantId, candidate: DataKey) -> StoreResult<DataKey> {
        self.session.write(|conn| data_keys::data_key(conn, tenant, candidate))
    }

    async fn erase(&self, erasure: Erasure) -> StoreResult<Erased> {
        let erased = self.session.write(|conn| retention::erase(conn, &erasure))?;
        if erased.keys > 0 {
            // Until then the deleted rows can still be read in the log. Another instance that reads just now keeps part of it: the next erasure
            // or the ordinary checkpoint moves that.
            self.session.outside(|conn| execute(conn, "PRAGMA wal_checkpoint(TRUNCATE)"))?;
        }
        Ok(erased)
    }

    async fn claim_effects(&self, now: Millis, lease_until: Millis, quota: Quota) -> StoreResult<Vec<EffectLease>> {
        self.session.write(|conn| effects::claim(conn, now, lease_until, quota))
    }

    async fn finish_effect(&self, lease: &EffectLease, next: EffectNext, now: Millis) -> StoreResult<bool> {
        self.session.write(|conn| effects::finish(conn, lease, &next, now))
    }

    async fn reached(
        &self,
        tenant: &TenantId,
        kind: EffectKind,
        target: &str,
        have: i64,
        now: Millis,
    ) -> StoreResult<()> {
        self.session.write(|conn| effects::reached(conn, tenant, kind, target, have, now))
    }

    async fn effect_level(&self, tenant: &TenantId, kind: EffectKind, target: &str) -> StoreResult<Option<i64>> {
        self.session.read(|conn| effects::level(conn, tenant, kind, target))
    }

    async fn register(&self, register: Register) -> StoreResult<Registered> {
        self.session.write(|conn| devices::register(conn, &register))
    }

    async fn unregister(
        &self,
        tenant: &TenantId,
        device: &str,
        pass: &PassId,
        signal: &SignalKey,
        fold_at: Millis,
    ) -> StoreResult<Option<u32>> {
        self.session.write(|conn| devices::unregister(conn, tenant, device, pass, signal, fold_at))
    }

    async fn device(&self, tenant: &TenantId, device: &str) -> StoreResult<Option<Device>> {
        self.session.read(|conn| devices::device(conn, tenant, device))
    }

    async fn forget_device(
        &self,
        tenant: &TenantId,
        device: &str,
        at: Millis,
        source: &str,
    ) -> StoreResult<Vec<(PassId, u32)>> {
        self.session.write(|conn| devices::forget_device(conn, tenant, device, at, source))
    }

    async fn updated_since(&self, tenant: &TenantId, device: &str, tag: Option<i64>) -> StoreResult<UpdatedSince> {
        self.session.read(|conn| devices::updated_since(conn, tenant, device, tag))
    }

    async fn installation(&self, tenant: &TenantId, pass: &PassId) -> StoreResult<Option<Installation>> {
        self.session.read(|conn| installations::installation(conn, tenant, pass))
    }

    async fn pending_signals(&self, tenant: &TenantId, pass: &PassId, limit: u32) -> StoreResult<Vec<PendingSignal>> {
        self.session.read(|conn| installations::pending(conn, tenant, pass, limit))
    }

    async fn signal(
        &self,
        tenant: &TenantId,
        pass: &PassId,
        signal: PendingSignal,
        fold_at: Millis,
    ) -> StoreResult<bool> {
        self.session.write(|conn| installations::signal(conn, tenant, pass, &signal, fold_at))
    }

    async fn save_installation(&self, write: InstallationWrite) -> StoreResult<bool> {
        self.session.write(|conn| installations::save(conn, &write))
    }

    async fn put_api_key(&self, row: ApiKeyRow) -> StoreResult<()> {
        self.session.write(|conn| api_keys::put(conn, &row))
    }

    async fn api_key(&self, id: &str) -> StoreResult<Option<ApiKeyRow>> {
        self.session.read(|conn| api_keys::by_id(conn, id))
    }

    async fn api_keys(&self, tenant: &TenantId) -> StoreResult<Vec<ApiKeyRow>> {
        self.session.read(|conn| api_keys::of_tenant(conn, tenant))
    }

    async fn revoke_api_key(&self, tenant: &TenantId, id: &str, now: Millis) -> StoreResult<bool> {
        self.session.write(|conn| api_keys::revoke(conn, tenant, id, now))
    }

    async fn spend(&self, spend: Spend) -> StoreResult<Spent> {
        self.session.write(|conn| budget::spend(conn, &spend))
    }

    async fn pause(&self, scope: &str, until: Millis) -> StoreResult<()> {
        self.session.write(|conn| budget::pause(conn, scope, until))
    }

    async fn paused(&self, scope: &str, now: Millis) -> StoreResult<Option<Millis>> {
        self.session.read(|conn| budget::paused(conn, scope, now))
    }

    async fn stuck(&self, tenant: Option<&TenantId>) -> StoreResult<Vec<StuckTask>> {
        self.session.read(|conn| tasks::stuck(conn, tenant))
    }

    async fn reissue(&self, tenant: &TenantId, until: Option<i64>, limit: u32, now: Millis) -> StoreResult<Reissued> {
        self.session.write(|conn| passes::reissue(conn, tenant, until, limit, now))
    }

    async fn replay(&self, tenant: &TenantId, task: &str, now: Millis) -> StoreResult<bool> {
        self.session.write(|conn| tasks::replay(conn, tenant, task, now))
    }

    async fn depth(&self) -> StoreResult<Depth> {
        self.session.read(tasks::depth)
    }

    async fn effects_waiting(&self) -> StoreResult<i64> {
        self.session.read(tasks::effects_waiting)
    }

    async fn ping(&self) -> StoreResult<()> {
        self.session.write(pulse::ping)
    }
}
