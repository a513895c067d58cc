//! The store's part for webhooks: endpoints and deliveries. Which operation reads and which writes; nothing else.

use passerelle_flow::identity::{Millis, TenantId};
use passerelle_flow::store::{
    Delivery, DeliveryAttempt, DeliveryFinish, DeliveryFinished, DeliveryLease, DeliveryPage, DeliveryQuota, Happening,
    Outbox, PluginRequestWrite, PluginRequests, ReplaySince, ReplayStep, Replayed, StoreResult, StoredHappening,
    Webhook, WebhookMade, WebhookWrite,
};
use passerelle_sqlite::{deliveries, happenings, plugin_requests, replays, sent, webhooks};

use super::EdgeStore;
use super::session::Database;

impl<D: Database> Outbox for EdgeStore<D> {
    async fn create_webhook(
        &self,
        tenant: &TenantId,
        webhook: WebhookWrite,
        most: u32,
        now: Millis,
    ) -> StoreResult<WebhookMade> {
        self.session.write(|conn| webhooks::create(conn, tenant, &webhook, most, now))
    }

    async fn webhook(&self, tenant: &TenantId, id: &str) -> StoreResult<Option<Webhook>> {
        self.session.read(|conn| webhooks::one(conn, tenant, id))
    }

    async fn webhooks(&self, tenant: &TenantId) -> StoreResult<Vec<Webhook>> {
        self.session.read(|conn| webhooks::all(conn, tenant))
    }

    async fn update_webhook(
        &self,
        tenant: &TenantId,
        expected: i64,
        webhook: WebhookWrite,
        now: Millis,
    ) -> StoreResult<bool> {
        self.session.write(|conn| webhooks::update(conn, tenant, expected, &webhook, now))
    }

    async fn delete_webhook(&self, tenant: &TenantId, id: &str) -> StoreResult<bool> {
        self.session.write(|conn| webhooks::delete(conn, tenant, id))
    }

    async fn claim_deliveries(
        &self,
        now: Millis,
        lease_until: Millis,
        quota: DeliveryQuota,
    ) -> StoreResult<Vec<DeliveryLease>> {
        self.session.write(|conn| deliveries::claim(conn, now, lease_until, quota))
    }

    async fn finish_delivery(&self, finish: DeliveryFinish) -> StoreResult<DeliveryFinished> {
        self.session.write(|conn| deliveries::finish(conn, &finish))
    }

    async fn deliveries(&self, tenant: &TenantId, webhook: &str, page: DeliveryPage) -> StoreResult<Vec<Delivery>> {
        self.session.read(|conn| sent::page(conn, tenant, webhook, &page))
    }

    async fn delivery(
        &self,
        tenant: &TenantId,
        webhook: &str,
        happening: &str,
    ) -> StoreResult<Option<(Delivery, Vec<DeliveryAttempt>)>> {
        self.session.read(|conn| sent::one(conn, tenant, webhook, happening))
    }

    async fn replay_delivery(
        &self,
        tenant: &TenantId,
        webhook: &str,
        happening: &str,
        now: Millis,
    ) -> StoreResult<Replayed> {
        self.session.write(|conn| replays::one(conn, tenant, webhook, happening, now))
    }

    async fn replay_since(
        &self,
        tenant: &TenantId,
        webhook: &str,
        step: ReplaySince,
    ) -> StoreResult<Option<ReplayStep>> {
        self.session.write(|conn| replays::since(conn, tenant, webhook, &step))
    }

    async fn test_webhook(&self, tenant: &TenantId, webhook: &str, test: Happening, now: Millis) -> StoreResult<bool> {
        self.session.write(|conn| replays::test(conn, tenant, webhook, &test, now))
    }

    async fn happenings(
        &self,
        tenant: &TenantId,
        since: Millis,
        after: Option<(Millis, String)>,
        limit: u32,
    ) -> StoreResult<Vec<StoredHappening>> {
        self.session.read(|conn| happenings::since(conn, tenant, since, after.as_ref(), limit))
    }

    async fn plugin_requests(&self, tenant: &TenantId, happening: &str) -> StoreResult<PluginRequests> {
        self.session.read(|conn| plugin_requests::of(conn, tenant, happening))
    }

    async fn keep_plugin_requests(
        &self,
        tenant: &TenantId,
        happening: &str,
        lease_token: i64,
        requests: Vec<PluginRequestWrite>,
        now: Millis,
    ) -> StoreResult<bool> {
        self.session.write(|conn| plugin_requests::keep(conn, tenant, happening, lease_token, &requests, now))
    }

    async fn plugin_request_sent(
        &self,
        tenant: &TenantId,
        happening: &str,
        lease_token: i64,
        request: (&str, u16),
        now: Millis,
    ) -> StoreResult<bool> {
        self.session.write(|conn| plugin_requests::sent(conn, tenant, happening, lease_token, request, now))
    }
}
