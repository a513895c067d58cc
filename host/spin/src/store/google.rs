//! The store's part for Google's sake. Which operation reads and which writes; nothing else.

use passerelle_flow::identity::{Millis, PassId, TenantId};
use passerelle_flow::store::{Brought, GoogleLedger, KeptRoots, StoreResult};
use passerelle_sqlite::google;

use super::EdgeStore;
use super::session::Database;

impl<D: Database> GoogleLedger for EdgeStore<D> {
    async fn google_roots(&self, url: &str) -> StoreResult<Option<KeptRoots>> {
        self.session.read(|conn| google::roots(conn, url))
    }

    async fn keep_google_roots(&self, url: &str, roots: KeptRoots) -> StoreResult<()> {
        self.session.write(|conn| google::keep_roots(conn, url, &roots))
    }

    async fn claim_presence(
        &self,
        now: Millis,
        every: Millis,
        limit: u32,
    ) -> StoreResult<Option<(TenantId, Vec<PassId>)>> {
        self.session.write(|conn| google::claim_presence(conn, now, every, limit))
    }

    async fn end_presence_round(&self, tenant: &TenantId) -> StoreResult<()> {
        self.session.write(|conn| google::end_round(conn, tenant))
    }

    async fn recheck_presence(&self, tenant: &TenantId, pass: &PassId, at: Millis) -> StoreResult<()> {
        self.session.write(|conn| google::recheck(conn, tenant, pass, at))
    }

    async fn google_brought(&self, tenant: &TenantId, resource: &str) -> StoreResult<Option<Brought>> {
        self.session.read(|conn| google::brought(conn, tenant, resource))
    }

    async fn keep_google_brought(&self, tenant: &TenantId, resource: &str, brought: Brought) -> StoreResult<()> {
        self.session.write(|conn| google::keep_brought(conn, tenant, resource, &brought))
    }

    async fn take_google_notification(
        &self,
        tenant: &TenantId,
        target: &str,
        along: Option<&str>,
        now: Millis,
        window: Millis,
        most: i64,
    ) -> StoreResult<bool> {
        self.session.write(|conn| google::take_notification(conn, tenant, target, along, (now, window), most))
    }

    async fn give_back_google_notification(&self, tenant: &TenantId, target: &str, at: Millis) -> StoreResult<()> {
        self.session.write(|conn| google::give_back_notification(conn, tenant, target, at))
    }
}
