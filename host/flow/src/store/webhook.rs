//! Webhooks as data: endpoints, and one delivery of a happening to an endpoint. Each of them counts, and those of a pass go out one by one.

use std::future::Future;

use super::StoreResult;
use super::happening::{Happening, HappeningKind, StoredHappening};
use crate::identity::{Millis, PassId, TenantId};
use crate::maybe_send::{MaybeSend, MaybeSync};
use crate::webhook::endpoint::Settings;
use crate::webhook::pattern::Patterns;

/// What a person has settled about an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookWrite {
    pub id: String,
    pub events: Patterns,
    pub settings: Settings,
    /// Its address, its secrets and what it is for.
    pub sealed: Vec<u8>,
    pub enabled: bool,
}

impl WebhookWrite {
    /// Does the endpoint get happenings of this kind? A test is for one endpoint and fanned out to none.
    pub fn asks_for(&self, kind: HappeningKind) -> bool {
        kind != HappeningKind::WebhookTest && self.settings.format.carries(kind) && self.events.permits(kind)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    pub tenant: TenantId,
    pub settled: WebhookWrite,
    /// Rises with what is settled, and with nothing else.
    pub version: i64,
    pub created_at: Millis,
    pub updated_at: Millis,
    /// The first failure after the last success.
    pub failing_since: Option<Millis>,
    /// The endpoint is left alone until then.
    pub not_before: Option<Millis>,
    pub disabled: Option<(Millis, DisabledFor)>,
}

/// Why an endpoint is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisabledFor {
    /// Somebody wanted it.
    Person,
    /// It failed for days, without one success.
    Failing,
    /// It answered 410.
    Gone,
}

impl DisabledFor {
    pub const ALL: [Self; 3] = [Self::Person, Self::Failing, Self::Gone];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Failing => "failing",
            Self::Gone => "gone",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookMade {
    Made,
    /// Another endpoint has this id.
    Taken,
    /// The tenant has as many as it may have.
    Full,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// Goes out when it is due.
    Ready,
    /// Behind an earlier one of its pass.
    Queued,
    Leased,
    Delivered,
    /// Given up; nobody sends it unless somebody wants it again.
    Dead,
}

impl DeliveryState {
    pub const ALL: [Self; 5] = [Self::Ready, Self::Queued, Self::Leased, Self::Delivered, Self::Dead];
}

/// How many may be sent now. A slot is a delivery under way, wherever.
#[derive(Clone, Copy, Debug)]
pub struct DeliveryQuota {
    /// Leases of this claim.
    pub limit: u32,
    /// Under way to one endpoint that takes what it is sent. One that fails has one.
    pub per_endpoint: u32,
    /// Under way, over all endpoints, to those that fail: however many are dead, others find a slot.
    pub failing: u32,
    /// Under way in all, beyond which an endpoint gets no second slot: what is left is for those that have none.
    pub shared: u32,
}

/// One delivery to send, with all that sending needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryLease {
    pub webhook: Webhook,
    pub happening: StoredHappening,
    /// Of this delivery, rising: also the number of the attempt.
    pub lease_token: i64,
    /// Attempts that failed.
    pub attempts: i64,
}

/// One try, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryAttempt {
    /// The lease's token.
    pub n: i64,
    pub at: Millis,
    pub took_ms: i64,
    pub status: Option<u16>,
    pub error: Option<String>,
    /// The beginning of what was answered.
    pub response_sealed: Option<Vec<u8>>,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryEnd {
    Delivered,
    /// `pause`: the endpoint is left alone until then.
    Retry {
        at: Millis,
        pause: Millis,
        error: String,
    },
    /// It was the last attempt.
    Dead {
        pause: Millis,
        error: String,
    },
    /// The endpoint is not there any more, and says so: it is switched off.
    Gone {
        error: String,
    },
    /// Not the endpoint's doing: it is tried again at that time, and nothing is counted.
    Wait {
        at: Millis,
        error: String,
    },
    /// It is nothing for this endpoint any more.
    Pointless {
        error: String,
    },
}

#[derive(Clone, Debug)]
pub struct DeliveryFinish {
    pub tenant: TenantId,
    pub webhook: String,
    pub happening: String,
    pub lease_token: i64,
    pub end: DeliveryEnd,
    pub attempt: Option<DeliveryAttempt>,
    /// An endpoint that has failed since before then is switched off.
    pub failing_before: Millis,
    /// A failure before then does not belong to this one.
    pub failed_before: Millis,
    /// Written, and told to others, if the endpoint is switched off by this.
    pub notice: Happening,
    pub now: Millis,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryFinished {
    /// The lease was lost, and nothing was written.
    Lost,
    Recorded,
    /// And the endpoint was switched off.
    Disabled(DisabledFor),
}

/// A delivery, for those who look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub happening: String,
    pub kind: HappeningKind,
    pub pass: Option<PassId>,
    pub seq: Option<i64>,
    pub state: DeliveryState,
    pub created_at: Millis,
    pub run_at: Millis,
    pub attempts: i64,
    pub ended_at: Option<Millis>,
    pub error: Option<String>,
}

/// A page of deliveries: the newest first.
#[derive(Clone, Debug, Default)]
pub struct DeliveryPage {
    /// None: in any.
    pub states: Option<Vec<DeliveryState>>,
    /// Those after this one of an earlier page.
    pub after: Option<(Millis, String)>,
    pub limit: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replayed {
    Wanted,
    /// It is being sent right now.
    Sending,
    /// The endpoint is off.
    Disabled,
    /// There is no such endpoint or no such happening.
    Unknown,
}

/// What happened since a time, again. The rows of one step; the next begins after its last.
#[derive(Clone, Debug)]
pub struct ReplaySince {
    pub since: Millis,
    /// When and what was looked at last.
    pub after: Option<(Millis, String)>,
    /// Also what was delivered.
    pub delivered: bool,
    /// Happenings of one step.
    pub limit: u32,
    pub now: Millis,
}

/// A request that a tenant's plugin wants sent for a happening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginRequest {
    pub name: String,
    /// Its place among those of the happening.
    pub position: i64,
    /// None: it was sent, and what it said is not kept.
    pub sealed: Option<Vec<u8>>,
    pub sent_at: Option<Millis>,
    /// That it was taken with.
    pub status: Option<u16>,
}

/// What is known of a plugin's decision about a happening.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PluginRequests {
    /// Its hook has decided: what is not sent yet is to be sent, and the hook is not called again. Until somebody wants the delivery again.
    pub decided: bool,
    /// In order; what was sent is among them.
    pub requests: Vec<PluginRequest>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginRequestWrite {
    pub name: String,
    pub position: i64,
    pub sealed: Vec<u8>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplayStep {
    /// Deliveries that are wanted now, and were not before.
    pub wanted: u64,
    /// Where to go on; none: that was all.
    pub next: Option<(Millis, String)>,
}

pub trait Outbox: MaybeSync {
    /// `most`: endpoints that a tenant may have.
    fn create_webhook(
        &self,
        tenant: &TenantId,
        webhook: WebhookWrite,
        most: u32,
        now: Millis,
    ) -> impl Future<Output = StoreResult<WebhookMade>> + MaybeSend;
    fn webhook(&self, tenant: &TenantId, id: &str) -> impl Future<Output = StoreResult<Option<Webhook>>> + MaybeSend;
    /// The oldest first.
    fn webhooks(&self, tenant: &TenantId) -> impl Future<Output = StoreResult<Vec<Webhook>>> + MaybeSend;
    /// False: another version is there, or none. One that is switched off gives up what waits for it; one that is switched on begins without
    /// a past, and gets what happens from then on.
    fn update_webhook(
        &self,
        tenant: &TenantId,
        expected: i64,
        webhook: WebhookWrite,
        now: Millis,
    ) -> impl Future<Output = StoreResult<bool>> + MaybeSend;
    /// With its deliveries. False: there is none.
    fn delete_webhook(&self, tenant: &TenantId, id: &str) -> impl Future<Output = StoreResult<bool>> + MaybeSend;

    /// Leases due deliveries: endpoints without any under way first. Nothing is claimed while an earlier one of the same pass and endpoint waits or
    /// is under way, nor before the endpoint's pause is over. A lease that has run out counts as an expiry; the third makes the delivery dead.
    fn claim_deliveries(
        &self,
        now: Millis,
        lease_until: Millis,
        quota: DeliveryQuota,
    ) -> impl Future<Output = StoreResult<Vec<DeliveryLease>>> + MaybeSend;
    /// The attempt, what becomes of the delivery and what becomes of the endpoint are one transaction.
    fn finish_delivery(
        &self,
        finish: DeliveryFinish,
    ) -> impl Future<Output = StoreResult<DeliveryFinished>> + MaybeSend;

    fn deliveries(
        &self,
        tenant: &TenantId,
        webhook: &str,
        page: DeliveryPage,
    ) -> impl Future<Output = StoreResult<Vec<Delivery>>> + MaybeSend;
    /// With its attempts, the first one first.
    fn delivery(
        &self,
        tenant: &TenantId,
        webhook: &str,
        happening: &str,
    ) -> impl Future<Output = StoreResult<Option<(Delivery, Vec<DeliveryAttempt>)>>> + MaybeSend;
    /// Sends it again, or for the first time, now.
    fn replay_delivery(
        &self,
        tenant: &TenantId,
        webhook: &str,
        happening: &str,
        now: Millis,
    ) -> impl Future<Output = StoreResult<Replayed>> + MaybeSend;
    /// Of what was recorded since a time, all that the endpoint asks for now and has not got: what was given up, and what happened while it was off
    /// or not there. None: there is no such endpoint, or it is off.
    fn replay_since(
        &self,
        tenant: &TenantId,
        webhook: &str,
        step: ReplaySince,
    ) -> impl Future<Output = StoreResult<Option<ReplayStep>>> + MaybeSend;
    /// Writes a happening for this endpoint alone. False: there is no such endpoint, or it is off.
    fn test_webhook(
        &self,
        tenant: &TenantId,
        webhook: &str,
        test: Happening,
        now: Millis,
    ) -> impl Future<Output = StoreResult<bool>> + MaybeSend;

    /// Happenings that were recorded since, in that order, after those of an earlier step.
    fn happenings(
        &self,
        tenant: &TenantId,
        since: Millis,
        after: Option<(Millis, String)>,
        limit: u32,
    ) -> impl Future<Output = StoreResult<Vec<StoredHappening>>> + MaybeSend;

    /// What the plugin wants sent for a happening, and what was sent of it.
    fn plugin_requests(
        &self,
        tenant: &TenantId,
        happening: &str,
    ) -> impl Future<Output = StoreResult<PluginRequests>> + MaybeSend;
    /// Keeps the plugin's decision, be it to send nothing, under the lease of the delivery to it. False: the lease was lost.
    fn keep_plugin_requests(
        &self,
        tenant: &TenantId,
        happening: &str,
        lease_token: i64,
        requests: Vec<PluginRequestWrite>,
        now: Millis,
    ) -> impl Future<Output = StoreResult<bool>> + MaybeSend;
    /// One of them was taken. False: the lease was lost.
    fn plugin_request_sent(
        &self,
        tenant: &TenantId,
        happening: &str,
        lease_token: i64,
        request: (&str, u16),
        now: Millis,
    ) -> impl Future<Output = StoreResult<bool>> + MaybeSend;
}
