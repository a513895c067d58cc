//! The store's part for webhooks: endpoints and deliveries. Which operation reads and which writes; nothing else.

use passerelle_flow::identity::{Millis, TenantId};
use passerelle_flow::store::{
    Delivery, DeliveryAttempt, DeliveryFinish, DeliveryFinished, DeliveryLease, DeliveryPage, DeliveryQuota, Happening,
    Outbox, PluginRequestWrite, PluginRequests, ReplaySince, ReplayStep, Replayed, StoreResult, StoredHappening,
    Webhook, WebhookMade, WebhookWrite,
};
use passerelle_sqlite::{Connection, deliveries, happenings, plugin_requests, replays, sent, webhooks};

use super::SqliteStore;
use super::writer::WhenFull::Wait;

impl Outbox for SqliteStore {
    async fn create_webhook(
        &self,
        tenant: &TenantId,
        webhook: WebhookWrite,
        most: u32,
        now: Millis,
    ) -> StoreResult<WebhookMade> {
        let tenant = tenant.clone();
        self.writer.call(Wait, move |conn| webhooks::create(conn, &tenant, &webhook, most, now)).await
    }

    async fn webhook(&self, tenant: &TenantId, id: &str) -> StoreResult<Option<Webhook>> {
        let (tenant, id) = (tenant.clone(), id.to_owned());
        self.readers.call(move |conn| webhooks::one(conn, &tenant, &id)).await
    }

    async fn webhooks(&self, tenant: &TenantId) -> StoreResult<Vec<Webhook>> {
        let tenant = tenant.clone();
        self.readers.call(move |conn| webhooks::all(conn, &tenant)).await
    }

    async fn update_webhook(
        &self,
        tenant: &TenantId,
        expected: i64,
        webhook: WebhookWrite,
        now: Millis,
    ) -> StoreResult<bool> {
        let tenant = tenant.clone();
        self.writer.call(Wait, move |conn| webhooks::update(conn, &tenant, expected, &webhook, now)).await
    }

    async fn delete_webhook(&self, tenant: &TenantId, id: &str) -> StoreResult<bool> {
        let (tenant, id) = (tenant.clone(), id.to_owned());
        self.writer.call(Wait, move |conn| webhooks::delete(conn, &tenant, &id)).await
    }

    async fn claim_deliveries(
        &self,
        now: Millis,
        lease_until: Millis,
        quota: DeliveryQuota,
    ) -> StoreResult<Vec<DeliveryLease>> {
        self.writer.call(Wait, move |conn| deliveries::claim(conn, now, lease_until, quota)).await
    }

    async fn finish_delivery(&self, finish: DeliveryFinish) -> StoreResult<DeliveryFinished> {
        self.writer.call(Wait, move |conn| deliveries::finish(conn, &finish)).await
    }

    async fn deliveries(&self, tenant: &TenantId, webhook: &str, page: DeliveryPage) -> StoreResult<Vec<Delivery>> {
        let (tenant, webhook) = (tenant.clone(), webhook.to_owned());
        self.readers.call(move |conn| sent::page(conn, &tenant, &webhook, &page)).await
    }

    async fn delivery(
        &self,
        tenant: &TenantId,
        webhook: &str,
        happening: &str,
    ) -> StoreResult<Option<(Delivery, Vec<DeliveryAttempt>)>> {
        let (tenant, webhook, happening) = (tenant.clone(), webhook.to_owned(), happening.to_owned());
        self.readers.call(move |conn| sent::one(conn, &tenant, &webhook, &happening)).await
    }

    async fn replay_delivery(
        &self,
        tenant: &TenantId,
        webhook: &str,
        happening: &str,
        now: Millis,
    ) -> StoreResult<Replayed> {
        let (tenant, webhook, happening) = (tenant.clone(), webhook.to_owned(), happening.to_owned());
        self.writer.call(Wait, move |conn| replays::one(conn, &tenant, &webhook, &happening, now)).await
    }

    async fn replay_since(
        &self,
        tenant: &TenantId,
        webhook: &str,
        step: ReplaySince,
    ) -> StoreResult<Option<ReplayStep>> {
        let (tenant, webhook) = (tenant.clone(), webhook.to_owned());
        self.writer.call(Wait, move |conn| replays::since(conn, &tenant, &webhook, &step)).await
    }

    async fn test_webhook(&self, tenant: &TenantId, webhook: &str, test: Happening, now: Millis) -> StoreResult<bool> {
        let (tenant, webhook) = (tenant.clone(), webhook.to_owned());
        self.writer.call(Wait, move |conn| replays::test(conn, &tenant, &webhook, &test, now)).await
    }

    async fn happenings(
        &self,
        tenant: &TenantId,
        since: Millis,
        after: Option<(Millis, String)>,
        limit: u32,
    ) -> StoreResult<Vec<StoredHappening>> {
        let tenant = tenant.clone();
        self.readers.call(move |conn| happenings::since(conn, &tenant, since, after.as_ref(), limit)).await
    }

    async fn plugin_requests(&self, tenant: &TenantId, happening: &str) -> StoreResult<PluginRequests> {
        let (tenant, happening) = (tenant.clone(), happening.to_owned());
        self.readers.call(move |conn| plugin_requests::of(conn, &tenant, &happening)).await
    }

    async fn keep_plugin_requests(
        &self,
        tenant: &TenantId,
        happening: &str,
        lease_token: i64,
        requests: Vec<PluginRequestWrite>,
        now: Millis,
    ) -> StoreResult<bool> {
        let (tenant, happening) = (tenant.clone(), happening.to_owned());
        let keep =
            move |conn: &dyn Connection| plugin_requests::keep(conn, &tenant, &happening, lease_token, &requests, now);
        self.writer.call(Wait, keep).await
    }

    async fn plugin_request_sent(
        &self,
        tenant: &TenantId,
        happening: &str,
        lease_token: i64,
        (name, status): (&str, u16),
        now: Millis,
    ) -> StoreResult<bool> {
        let (tenant, happening, name) = (tenant.clone(), happening.to_owned(), name.to_owned());
        let sent = move |conn: &dyn Connection| {
            plugin_requests::sent(conn, &tenant, &happening, lease_token, (&name, status), now)
        };
        self.writer.call(Wait, sent).await
    }
}
