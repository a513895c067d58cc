//! The store's part for backfills. Which operation reads and which writes; nothing else.

use passerelle_flow::identity::{Millis, PassId, TenantId};
use passerelle_flow::store::{BackfillState, Backfills, HappeningKind, StoreResult, StoredHappening};
use passerelle_sqlite::backfills;

use super::EdgeStore;
use super::session::Database;

impl<D: Database> Backfills for EdgeStore<D> {
    async fn changed_installations(
        &self,
        tenant: &TenantId,
        since: Millis,
        after: Option<&PassId>,
        limit: u32,
    ) -> StoreResult<Vec<PassId>> {
        self.session.read(|conn| backfills::changed(conn, tenant, since, after, limit))
    }

    async fn count_changed_installations(
        &self,
        tenant: &TenantId,
        since: Millis,
        after: Option<&PassId>,
    ) -> StoreResult<u64> {
        self.session.read(|conn| backfills::count(conn, tenant, since, after))
    }

    async fn last_happening(
        &self,
        tenant: &TenantId,
        pass: &PassId,
        kinds: &[HappeningKind],
    ) -> StoreResult<Option<StoredHappening>> {
        self.session.read(|conn| backfills::last_happening(conn, tenant, pass, kinds))
    }

    async fn report_waits(&self, tenant: &TenantId, pass: &PassId) -> StoreResult<bool> {
        self.session.read(|conn| backfills::report_waits(conn, tenant, pass))
    }

    async fn backfill(&self, tenant: &TenantId, target: &str) -> StoreResult<Option<BackfillState>> {
        self.session.read(|conn| backfills::state(conn, tenant, target))
    }

    async fn keep_backfill(&self, tenant: &TenantId, target: &str, state: BackfillState) -> StoreResult<()> {
        self.session.write(|conn| backfills::keep(conn, tenant, target, &state))
    }
}
