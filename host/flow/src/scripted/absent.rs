//! The ports that a provider's protocol never asks.

use super::*;
use crate::identity::PassId;
use crate::store::*;

fn absent<T>() -> T {
    panic!("no protocol asks for this")
}

impl Connector for ScriptedHost {
    async fn validate(
        &self,
        _: webhook::Notification,
    ) -> Result<Result<webhook::OrderChange, webhook::Rejection>, SandboxFailure> {
        absent()
    }
    async fn classify(
        &self,
        _: scenario::Observation,
    ) -> Result<Result<scenario::Verdict, scenario::Fault>, SandboxFailure> {
        absent()
    }
    async fn rebuild(&self, _: payload::Job) -> Result<Result<payload::Rebuilt, payload::Fault>, SandboxFailure> {
        absent()
    }
    async fn reduce(
        &self,
        _: installation::Context,
        _: installation::Status,
        _: Vec<installation::Signal>,
    ) -> Result<installation::Reduction, SandboxFailure> {
        absent()
    }
}

impl Store for Budgets {
    async fn spend(&self, spend: Spend) -> StoreResult<Spent> {
        Ok(self.take(&spend))
    }
    async fn pause(&self, scope: &str, until: Millis) -> StoreResult<()> {
        self.stop(scope, until);
        Ok(())
    }
    async fn paused(&self, scope: &str, now: Millis) -> StoreResult<Option<Millis>> {
        Ok(self.stopped(scope, now))
    }
    async fn accept(&self, _: Accept) -> StoreResult<Accepted> {
        absent()
    }
    async fn enqueue(&self, _: &TenantId, _: TaskSubject, _: &str, _: Priority, _: Millis) -> StoreResult<String> {
        absent()
    }
    async fn claim(&self, _: Millis, _: Millis, _: Quota) -> StoreResult<Vec<TaskLease>> {
        absent()
    }
    async fn claim_task(&self, _: &TenantId, _: &str, _: Millis, _: Millis) -> StoreResult<Option<TaskLease>> {
        absent()
    }
    async fn adopt(&self, _: &TaskLease, _: &str, _: Millis) -> StoreResult<Adoption> {
        absent()
    }
    async fn finish(&self, _: Finish) -> StoreResult<Finished> {
        absent()
    }
    async fn file_view(&self, _: &TenantId, _: &str) -> StoreResult<FileView> {
        absent()
    }
    async fn pass(&self, _: &TenantId, _: &PassId) -> StoreResult<Option<PassView>> {
        absent()
    }
    async fn pass_by_subject(&self, _: &TenantId, _: &PassSubject) -> StoreResult<Option<PassView>> {
        absent()
    }
    async fn pass_of_class(&self, _: &TenantId, _: &str) -> StoreResult<Option<PassView>> {
        absent()
    }
    async fn file_of_token(&self, _: &TenantId, _: &str) -> StoreResult<Option<String>> {
        absent()
    }
    async fn history(&self, _: &TenantId, _: &PassId) -> StoreResult<Vec<StoredChange>> {
        absent()
    }
    async fn runs(&self, _: &TenantId, _: &TaskSubject, _: u32) -> StoreResult<Vec<RunRecord>> {
        absent()
    }
    async fn log(&self, _: &TenantId, _: &TaskSubject, _: u32) -> StoreResult<SubjectLog> {
        absent()
    }
    async fn data_key(&self, _: &TenantId, _: DataKey) -> StoreResult<DataKey> {
        absent()
    }
    async fn erase(&self, _: Erasure) -> StoreResult<Erased> {
        absent()
    }
    async fn claim_effects(&self, _: Millis, _: Millis, _: Quota) -> StoreResult<Vec<EffectLease>> {
        absent()
    }
    async fn finish_effect(&self, _: &EffectLease, _: EffectNext, _: Millis) -> StoreResult<bool> {
        absent()
    }
    async fn reached(&self, _: &TenantId, _: EffectKind, _: &str, _: i64, _: Millis) -> StoreResult<()> {
        absent()
    }
    async fn effect_level(&self, _: &TenantId, _: EffectKind, _: &str) -> StoreResult<Option<i64>> {
        absent()
    }
    async fn register(&self, _: Register) -> StoreResult<Registered> {
        absent()
    }
    async fn unregister(
        &self,
        _: &TenantId,
        _: &str,
        _: &PassId,
        _: &SignalKey,
        _: Millis,
    ) -> StoreResult<Option<u32>> {
        absent()
    }
    async fn device(&self, _: &TenantId, _: &str) -> StoreResult<Option<Device>> {
        absent()
    }
    async fn forget_device(&self, _: &TenantId, _: &str, _: Millis, _: &str) -> StoreResult<Vec<(PassId, u32)>> {
        absent()
    }
    async fn updated_since(&self, _: &TenantId, _: &str, _: Option<i64>) -> StoreResult<UpdatedSince> {
        absent()
    }
    async fn installation(&self, _: &TenantId, _: &PassId) -> StoreResult<Option<Installation>> {
        absent()
    }
    async fn pending_signals(&self, _: &TenantId, _: &PassId, _: u32) -> StoreResult<Vec<PendingSignal>> {
        absent()
    }
    async fn signal(&self, _: &TenantId, _: &PassId, _: PendingSignal, _: Millis) -> StoreResult<bool> {
        absent()
    }
    async fn save_installation(&self, _: InstallationWrite) -> StoreResult<bool> {
        absent()
    }
    async fn put_api_key(&self, _: ApiKeyRow) -> StoreResult<()> {
        absent()
    }
    async fn api_key(&self, _: &str) -> StoreResult<Option<ApiKeyRow>> {
        absent()
    }
    async fn api_keys(&self, _: &TenantId) -> StoreResult<Vec<ApiKeyRow>> {
        absent()
    }
    async fn revoke_api_key(&self, _: &TenantId, _: &str, _: Millis) -> StoreResult<bool> {
        absent()
    }
    async fn stuck(&self, _: Option<&TenantId>) -> StoreResult<Vec<StuckTask>> {
        absent()
    }
    async fn reissue(&self, _: &TenantId, _: Option<i64>, _: u32, _: Millis) -> StoreResult<Reissued> {
        absent()
    }
    async fn replay(&self, _: &TenantId, _: &str, _: Millis) -> StoreResult<bool> {
        absent()
    }
    async fn depth(&self) -> StoreResult<Depth> {
        absent()
    }
    async fn effects_waiting(&self) -> StoreResult<i64> {
        absent()
    }
    async fn ping(&self) -> StoreResult<()> {
        absent()
    }
}
