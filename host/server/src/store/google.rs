//! The store's part for Google's sake. Which operation reads and which writes; nothing else.

use passerelle_flow::identity::{Millis, PassId, TenantId};
use passerelle_flow::store::{GoogleLedger, KeptRoots, StoreResult};
use passerelle_sqlite::google;

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

    async fn recheck_presence(&self, tenant: &TenantId, pass: &PassId, at: Millis) -> StoreResult<()> {
        let (tenant, pass) = (tenant.clone(), pass.clone());
        self.writer.call(Refuse, move |conn| google::recheck(conn, &tenant, &pass, at)).await
    }

    async fn take_google_notification(
        &self,
        tenant: &TenantId,
        pass: &PassId,
        now: Millis,
        window: Millis,
        most: i64,
    ) -> StoreResult<bool> {
        let (tenant, pass) = (tenant.clone(), pass.clone());
        self.writer.call(Wait, move |conn| google::take_notification(conn, &tenant, &pass, now, window, most)).await
    }

    async fn give_back_google_notification(&self, tenant: &TenantId, pass: &PassId, at: Millis) -> StoreResult<()> {
        let (tenant, pass) = (tenant.clone(), pass.clone());
        self.writer.call(Wait, move |conn| google::give_back_notification(conn, &tenant, &pass, at)).await
    }
}
