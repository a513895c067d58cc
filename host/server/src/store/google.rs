//! The store's part for Google's sake. Which operation reads and which writes; nothing else.

use passerelle_flow::identity::{Millis, PassId, TenantId};
use passerelle_flow::store::{Brought, GoogleLedger, KeptRoots, StoreResult};
use passerelle_sqlite::{Connection, google};

use super::SqliteStore;
use super::writer::WhenFull::{Refuse, Wait};

impl GoogleLedger for SqliteStore {
    async fn google_roots(&self, url: &str) -> StoreResult<Option<KeptRoots>> {
        let url = url.to_owned();
        self.readers.call(move |conn| google::roots(conn, &url)).await
    }

    async fn keep_google_roots(&self, url: &str, roots: KeptRoots) -> StoreResult<()> {
        let url = url.to_owned();
        self.writer.call(Wait, move |conn| google::keep_roots(conn, &url, &roots)).await
    }

    async fn claim_presence(
        &self,
        now: Millis,
        every: Millis,
        limit: u32,
    ) -> StoreResult<Option<(TenantId, Vec<PassId>)>> {
        self.writer.call(Wait, move |conn| google::claim_presence(conn, now, every, limit)).await
    }

    async fn end_presence_round(&self, tenant: &TenantId) -> StoreResult<()> {
        let tenant = tenant.clone();
        self.writer.call(Wait, move |conn| google::end_round(conn, &tenant)).await
    }

    async fn recheck_presence(&self, tenant: &TenantId, pass: &PassId, at: Millis) -> StoreResult<()> {
        let (tenant, pass) = (tenant.clone(), pass.clone());
        self.writer.call(Refuse, move |conn| google::recheck(conn, &tenant, &pass, at)).await
    }

    async fn google_brought(&self, tenant: &TenantId, resource: &str) -> StoreResult<Option<Brought>> {
        let (tenant, resource) = (tenant.clone(), resource.to_owned());
        self.readers.call(move |conn| google::brought(conn, &tenant, &resource)).await
    }

    async fn keep_google_brought(&self, tenant: &TenantId, resource: &str, brought: Brought) -> StoreResult<()> {
        let (tenant, resource) = (tenant.clone(), resource.to_owned());
        self.writer.call(Wait, move |conn| google::keep_brought(conn, &tenant, &resource, &brought)).await
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
        let (tenant, target, along) = (tenant.clone(), target.to_owned(), along.map(str::to_owned));
        let take = move |conn: &dyn Connection| {
            google::take_notification(conn, &tenant, &target, along.as_deref(), (now, window), most)
        };
        self.writer.call(Wait, take).await
    }

    async fn give_back_google_notification(&self, tenant: &TenantId, target: &str, at: Millis) -> StoreResult<()> {
        let (tenant, target) = (tenant.clone(), target.to_owned());
        self.writer.call(Wait, move |conn| google::give_back_notification(conn, &tenant, &target, at)).await
    }
}
