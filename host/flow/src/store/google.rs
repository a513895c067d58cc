//! What is kept for Google's sake, as data and operations of their own: root keys, the round of those who look whether a pass is still
//! there, what a class or an object looked like when it was last written, and how often a holder was notified.
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

/// What Google was last brought of a class or an object: MACs, and nothing that could be read back.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Brought {
    /// Of all of it; empty: a write was begun, and nobody knows how it ended.
    pub body: String,
    /// Of what its holders are told of when it changes; empty: of nothing.
    pub told: String,
    /// Digest of the template that it was made by.
    pub template: String,
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
    /// Ends the tenant's round where it stands: what it has not handed out is left to the next.
    fn end_presence_round(&self, tenant: &TenantId) -> impl Future<Output = StoreResult<()>> + MaybeSend;
    /// Asks for a look at this pass, at `at` or later, out of turn.
    fn recheck_presence(
        &self,
        tenant: &TenantId,
        pass: &PassId,
        at: Millis,
    ) -> impl Future<Output = StoreResult<()>> + MaybeSend;
    /// What was last brought of a resource (`eventTicketClass/3388….x`); none: as far as is known, nothing.
    fn google_brought(
        &self,
        tenant: &TenantId,
        resource: &str,
    ) -> impl Future<Output = StoreResult<Option<Brought>>> + MaybeSend;
    fn keep_google_brought(
        &self,
        tenant: &TenantId,
        resource: &str,
        brought: Brought,
    ) -> impl Future<Output = StoreResult<()>> + MaybeSend;

    /// Takes one of the `most` notifications that the holders of a target (a pass, a class) may get in `window` before `now`; those of `along` (the
    /// class of the pass) are counted with them. False: there is none left.
    fn take_google_notification(
        &self,
        tenant: &TenantId,
        target: &str,
        along: Option<&str>,
        now: Millis,
        window: Millis,
        most: i64,
    ) -> impl Future<Output = StoreResult<bool>> + MaybeSend;
    /// Nobody was notified: what was taken at `at` may be taken again.
    fn give_back_google_notification(
        &self,
        tenant: &TenantId,
        target: &str,
        at: Millis,
    ) -> impl Future<Output = StoreResult<()>> + MaybeSend;
}
