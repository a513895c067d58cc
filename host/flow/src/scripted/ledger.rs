//! Of what is kept for Google's sake, the root keys; nothing of what a person does.

use super::*;
use crate::identity::PassId;
use crate::store::{
    Attribute, AttributeKind, Attributes, Audience, BackfillState, Backfills, Brought, ByHand, Change, Deactivated,
    Figure, GoogleLedger, GoogleNotice, Happening, HappeningKind, Insights, InstanceEvent, InstanceLook, NoticeReport,
    NoticeWrite, Outcome, PassLists, PassNotice, PassPage, PassQuery, Question, StoreResult, StoredHappening,
    VibesLedger,
};

impl GoogleLedger for Budgets {
    async fn google_roots(&self, url: &str) -> StoreResult<Option<KeptRoots>> {
        Ok(self.1.lock().unwrap().get(url).cloned())
    }
    async fn keep_google_roots(&self, url: &str, roots: KeptRoots) -> StoreResult<()> {
        self.1.lock().unwrap().insert(url.to_owned(), roots);
        Ok(())
    }
    async fn claim_presence(&self, _: Millis, _: Millis, _: u32) -> StoreResult<Option<(TenantId, Vec<PassId>)>> {
        panic!("no protocol asks for this")
    }
    async fn end_presence_round(&self, _: &TenantId) -> StoreResult<()> {
        panic!("no protocol asks for this")
    }
    async fn recheck_presence(&self, _: &TenantId, _: &PassId, _: Millis) -> StoreResult<()> {
        panic!("no protocol asks for this")
    }
    async fn google_brought(&self, _: &TenantId, _: &str) -> StoreResult<Option<Brought>> {
        panic!("no protocol asks for this")
    }
    async fn keep_google_brought(&self, _: &TenantId, _: &str, _: Brought) -> StoreResult<()> {
        panic!("no protocol asks for this")
    }
    async fn take_google_notification(
        &self,
        _: &TenantId,
        _: &str,
        _: Option<&str>,
        _: Millis,
        _: Millis,
        _: i64,
    ) -> StoreResult<bool> {
        panic!("no protocol asks for this")
    }
    async fn give_back_google_notification(&self, _: &TenantId, _: &str, _: Millis) -> StoreResult<()> {
        panic!("no protocol asks for this")
    }
}

impl ByHand for Budgets {
    async fn audience(&self, _: &TenantId, _: &Audience) -> StoreResult<Vec<PassId>> {
        panic!("no protocol asks for this")
    }
    async fn post_notice(&self, _: NoticeWrite) -> StoreResult<u64> {
        panic!("no protocol asks for this")
    }
    async fn notice(&self, _: &TenantId, _: &str) -> StoreResult<Option<NoticeReport>> {
        panic!("no protocol asks for this")
    }
    async fn newest_notice(&self, _: &TenantId, _: &PassId) -> StoreResult<Option<PassNotice>> {
        panic!("no protocol asks for this")
    }
    async fn settle_notice(&self, _: &TenantId, _: &PassId, _: i64, _: GoogleNotice) -> StoreResult<()> {
        panic!("no protocol asks for this")
    }
    async fn deactivate(
        &self,
        _: &TenantId,
        _: &PassId,
        _: Change,
        _: Option<Happening>,
        _: Millis,
    ) -> StoreResult<Deactivated> {
        panic!("no protocol asks for this")
    }
}

impl Attributes for Budgets {
    async fn attributes(&self, _: &TenantId, _: &PassId) -> StoreResult<Vec<Attribute>> {
        panic!("no protocol asks for this")
    }
    async fn set_attributes(
        &self,
        _: &TenantId,
        _: &PassId,
        _: Vec<Attribute>,
        _: Vec<(AttributeKind, String)>,
        _: Millis,
    ) -> StoreResult<bool> {
        panic!("no protocol asks for this")
    }
}

impl PassLists for Budgets {
    async fn list_passes(&self, _: PassQuery) -> StoreResult<PassPage> {
        panic!("no protocol asks for this")
    }
}

impl VibesLedger for Budgets {
    async fn vibes_event(&self, _: &TenantId, _: InstanceEvent, _: Millis) -> StoreResult<bool> {
        panic!("no protocol asks for this")
    }
    async fn vibes_look(&self, _: &TenantId, _: InstanceLook, _: Millis) -> StoreResult<bool> {
        panic!("no protocol asks for this")
    }
}

impl Backfills for Budgets {
    async fn changed_installations(
        &self,
        _: &TenantId,
        _: Millis,
        _: Option<&PassId>,
        _: u32,
    ) -> StoreResult<Vec<PassId>> {
        panic!("no protocol asks for this")
    }
    async fn count_changed_installations(&self, _: &TenantId, _: Millis, _: Option<&PassId>) -> StoreResult<u64> {
        panic!("no protocol asks for this")
    }
    async fn last_happening(
        &self,
        _: &TenantId,
        _: &PassId,
        _: &[HappeningKind],
    ) -> StoreResult<Option<StoredHappening>> {
        panic!("no protocol asks for this")
    }
    async fn report_waits(&self, _: &TenantId, _: &PassId) -> StoreResult<bool> {
        panic!("no protocol asks for this")
    }
    async fn backfill(&self, _: &TenantId, _: &str) -> StoreResult<Option<BackfillState>> {
        panic!("no protocol asks for this")
    }
    async fn keep_backfill(&self, _: &TenantId, _: &str, _: BackfillState) -> StoreResult<()> {
        panic!("no protocol asks for this")
    }
}

impl Insights for Budgets {
    async fn ask(&self, _: Question) -> StoreResult<Outcome> {
        panic!("no protocol asks for this")
    }
    async fn figures(&self, _: Millis) -> StoreResult<Vec<Figure>> {
        panic!("no protocol asks for this")
    }
    async fn keep_figures(&self, _: Millis, _: Vec<Figure>) -> StoreResult<u64> {
        panic!("no protocol asks for this")
    }
}
