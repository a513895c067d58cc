//! The store's part for what a person does with passes. Which operation reads and which writes; nothing else.

use passerelle_flow::identity::{Millis, PassId, TenantId};
use passerelle_flow::store::{
    Audience, ByHand, Change, Deactivated, GoogleNotice, Happening, NoticeReport, NoticeWrite, PassNotice, StoreResult,
};
use passerelle_sqlite::by_hand;

use super::EdgeStore;
use super::session::Database;

impl<D: Database> ByHand for EdgeStore<D> {
    async fn audience(&self, tenant: &TenantId, audience: &Audience) -> StoreResult<Vec<PassId>> {
        self.session.read(|conn| by_hand::audience(conn, tenant, audience))
    }

    async fn post_notice(&self, notice: NoticeWrite) -> StoreResult<u64> {
        self.session.write(|conn| by_hand::post(conn, &notice))
    }

    async fn notice(&self, tenant: &TenantId, id: &str) -> StoreResult<Option<NoticeReport>> {
        self.session.read(|conn| by_hand::notice(conn, tenant, id))
    }

    async fn newest_notice(&self, tenant: &TenantId, pass: &PassId) -> StoreResult<Option<PassNotice>> {
        self.session.read(|conn| by_hand::newest(conn, tenant, pass))
    }

    async fn settle_notice(&self, tenant: &TenantId, pass: &PassId, seq: i64, google: GoogleNotice) -> StoreResult<()> {
        self.session.write(|conn| by_hand::settle(conn, tenant, pass, seq, google))
    }

    async fn deactivate(
        &self,
        tenant: &TenantId,
        pass: &PassId,
        change: Change,
        happening: Option<Happening>,
        now: Millis,
    ) -> StoreResult<Deactivated> {
        self.session.write(|conn| by_hand::deactivate(conn, tenant, pass, &change, happening, now))
    }
}
