//! What is kept for Google's sake, as data and operations of their own: root keys, the round of those who look whether a pass is still
//! there, and how often a holder was notified.
//!
//! Part of the store's port ([`super::Store`] asks for it). Each operation is one transaction.

use std::future::Future;

use super::StoreResult;
use crate::identity::{Millis, PassId, TenantId};
use crate::maybe_send::{MaybeSend, MaybeSync};

/// Google's document of root keys, as it was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptRoots {
    pub document: String,
    /// From then on it is fetched again when somebody needs it.
    pub renew_at: Millis,
    /// From then on it is not used.
    pub expires_at: Millis,
}

pub trait GoogleLedger: MaybeSync {
    fn google_roots(&self, url: &str) -> impl Future<Output = StoreResult<Option<KeptRoots>>> + MaybeSend;
    fn keep_google_roots(&self, url: &str, roots: KeptRoots) -> impl Future<Output = StoreResult<()>> + MaybeSend;

    /// Passes that Google holds an object of, to be looked at there: up to `limit` of one tenant. Those that were asked for come first; then
    /// the tenant's round goes on where it was left, in the order of the passes, and begins anew `every` after it began; the first
    /// one begins `every` after the tenant is first seen here. What is handed out is
    /// not handed out again in this round: whoever is cut off leaves it to the next.
    fn claim_presence(
        &self,
        now: Millis,
        every: Millis,
        limit: u32,
    ) -> impl Future<Output = StoreResult<Option<(TenantId, Vec<PassId>)>>> + MaybeSend;
    /// Asks for a look at this pass, at `at` or later, out of turn.
    fn recheck_presence(
        &self,
        tenant: &TenantId,
        pass: &PassId,
        at: Millis,
    ) -> impl Future<Output = StoreResult<()>> + MaybeSend;
    /// Takes one of the `most` notifications that a pass may get in `window` before `now`. False: there is none left.
    fn take_google_notification(
        &self,
        tenant: &TenantId,
        pass: &PassId,
        now: Millis,
        window: Millis,
        most: i64,
    ) -> impl Future<Output = StoreResult<bool>> + MaybeSend;
    /// Nobody was notified: what was taken at `at` may be taken again.
    fn give_back_google_notification(
        &self,
        tenant: &TenantId,
        pass: &PassId,
        at: Millis,
    ) -> impl Future<Output = StoreResult<()>> + MaybeSend;
}
