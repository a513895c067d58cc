//! Backfills as data: which passes are compared with the other side, and where a comparison stands.

use std::future::Future;

use super::StoreResult;
use super::happening::{HappeningKind, StoredHappening};
use crate::identity::{Millis, PassId, TenantId};
use crate::maybe_send::{MaybeSend, MaybeSync};

/// Where a comparison stands. One per tenant and target; a new one takes the place of the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackfillState {
    /// Passes whose status changed from here on are compared.
    pub since: Millis,
    pub begun_at: Millis,
    /// The last pass that was compared; passes go in the order of their ids.
    pub position: Option<PassId>,
    pub looked: i64,
    pub repaired: i64,
    /// None: it is not at its end.
    pub ended_at: Option<Millis>,
}

pub trait Backfills: MaybeSync {
    /// Passes whose installation status changed since then, in the order of their ids, after this one.
    fn changed_installations(
        &self,
        tenant: &TenantId,
        since: Millis,
        after: Option<&PassId>,
        limit: u32,
    ) -> impl Future<Output = StoreResult<Vec<PassId>>> + MaybeSend;
    /// How many there are.
    fn count_changed_installations(
        &self,
        tenant: &TenantId,
        since: Millis,
        after: Option<&PassId>,
    ) -> impl Future<Output = StoreResult<u64>> + MaybeSend;
    /// The last that happened to the pass, of these kinds.
    fn last_happening(
        &self,
        tenant: &TenantId,
        pass: &PassId,
        kinds: &[HappeningKind],
    ) -> impl Future<Output = StoreResult<Option<StoredHappening>>> + MaybeSend;
    /// What SecuTix is to be told of the pass is on its way.
    fn report_waits(&self, tenant: &TenantId, pass: &PassId) -> impl Future<Output = StoreResult<bool>> + MaybeSend;
    fn backfill(
        &self,
        tenant: &TenantId,
        target: &str,
    ) -> impl Future<Output = StoreResult<Option<BackfillState>>> + MaybeSend;
    fn keep_backfill(
        &self,
        tenant: &TenantId,
        target: &str,
        state: BackfillState,
    ) -> impl Future<Output = StoreResult<()>> + MaybeSend;
}
