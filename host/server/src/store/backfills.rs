//! The store's part for backfills. Which operation reads and which writes; nothing else.

use passerelle_flow::identity::{Millis, PassId, TenantId};
use passerelle_flow::store::{BackfillState, Backfills, HappeningKind, StoreResult, StoredHappening};
use passerelle_sqlite::backfills;

use super::SqliteStore;
use super::writer::WhenFull::Wait;

impl Backfills for SqliteStore {
    async fn changed_installations(
        &self,
        tenant: &TenantId,
        since: Millis,
        after: Option<&PassId>,
        limit: u32,
    ) -> StoreResult<Vec<PassId>> {
        let (tenant, after) = (tenant.clone(), after.cloned());
        self.readers.call(move |conn| backfills::changed(conn, &tenant, since, after.as_ref(), limit)).await
    }

    async fn count_changed_installations(
        &self,
        tenant: &TenantId,
        since: Millis,
        after: Option<&PassId>,
    ) -> StoreResult<u64> {
        let (tenant, after) = (tenant.clone(), after.cloned());
        self.readers.call(move |conn| backfills::count(conn, &tenant, since, after.as_ref())).await
    }

    async fn last_happening(
        &self,
        tenant: &TenantId,
        pass: &PassId,
        kinds: &[HappeningKind],
    ) -> StoreResult<Option<StoredHappening>> {
        let (tenant, pass, kinds) = (tenant.clone(), pass.clone(), kinds.to_vec());
        self.readers.call(move |conn| backfills::last_happening(conn, &tenant, &pass, &kinds)).await
    }

    async fn report_waits(&self, tenant: &TenantId, pass: &PassId) -> StoreResult<bool> {
        let (tenant, pass) = (tenant.clone(), pass.clone());
        self.readers.call(move |conn| backfills::report_waits(conn, &tenant, &pass)).await
    }

    async fn backfill(&self, tenant: &TenantId, target: &str) -> StoreResult<Option<BackfillState>> {
        let (tenant, target) = (tenant.clone(), target.to_owned());
        self.readers.call(move |conn| backfills::state(conn, &tenant, &target)).await
    }

    async fn keep_backfill(&self, tenant: &TenantId, target: &str, state: BackfillState) -> StoreResult<()> {
        let (tenant, target) = (tenant.clone(), target.to_owned());
        self.writer.call(Wait, move |conn| backfills::keep(conn, &tenant, &target, &state)).await
    }
}
