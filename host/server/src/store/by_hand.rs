//! The store's part for what a person does with passes. Which operation reads and which writes; nothing else.

use passerelle_flow::identity::{Millis, PassId, TenantId};
use passerelle_flow::store::{
    Audience, ByHand, Change, Deactivated, GoogleNotice, Happening, NoticeReport, NoticeWrite, PassNotice, StoreResult,
};
use passerelle_sqlite::by_hand;

use super::SqliteStore;
use super::writer::WhenFull::Wait;

impl ByHand for SqliteStore {
    async fn audience(&self, tenant: &TenantId, audience: &Audience) -> StoreResult<Vec<PassId>> {
        let (tenant, audience) = (tenant.clone(), audience.clone());
        self.readers.call(move |conn| by_hand::audience(conn, &tenant, &audience)).await
    }

    async fn post_notice(&self, notice: NoticeWrite) -> StoreResult<u64> {
        self.writer.call(Wait, move |conn| by_hand::post(conn, &notice)).await
    }

    async fn notice(&self, tenant: &TenantId, id: &str) -> StoreResult<Option<NoticeReport>> {
        let (tenant, id) = (tenant.clone(), id.to_owned());
        self.readers.call(move |conn| by_hand::notice(conn, &tenant, &id)).await
    }

    async fn newest_notice(&self, tenant: &TenantId, pass: &PassId) -> StoreResult<Option<PassNotice>> {
        let (tenant, pass) = (tenant.clone(), pass.clone());
        self.readers.call(move |conn| by_hand::newest(conn, &tenant, &pass)).await
    }

    async fn settle_notice(&self, tenant: &TenantId, pass: &PassId, seq: i64, google: GoogleNotice) -> StoreResult<()> {
        let (tenant, pass) = (tenant.clone(), pass.clone());
        self.writer.call(Wait, move |conn| by_hand::settle(conn, &tenant, &pass, seq, google)).await
    }

    async fn deactivate(
        &self,
        tenant: &TenantId,
        pass: &PassId,
        change: Change,
        happening: Option<Happening>,
        now: Millis,
    ) -> StoreResult<Deactivated> {
        let (tenant, pass) = (tenant.clone(), pass.clone());
        self.writer.call(Wait, move |conn| by_hand::deactivate(conn, &tenant, &pass, &change, happening, now)).await
    }
}
