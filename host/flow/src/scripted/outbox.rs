//! The part of the store that webhooks are in, which a provider's protocol never asks.

use super::*;
use crate::store::{
    Delivery, DeliveryAttempt, DeliveryFinish, DeliveryFinished, DeliveryLease, DeliveryPage, DeliveryQuota, Happening,
    Outbox, PluginRequestWrite, PluginRequests, ReplaySince, ReplayStep, Replayed, StoreResult, StoredHappening,
    Webhook, WebhookMade, WebhookWrite,
};

impl Outbox for Budgets {
    async fn create_webhook(&self, _: &TenantId, _: WebhookWrite, _: u32, _: Millis) -> StoreResult<WebhookMade> {
        panic!("no protocol asks for this")
    }
    async fn webhook(&self, _: &TenantId, _: &str) -> StoreResult<Option<Webhook>> {
        panic!("no protocol asks for this")
    }
    async fn webhooks(&self, _: &TenantId) -> StoreResult<Vec<Webhook>> {
        panic!("no protocol asks for this")
    }
    async fn update_webhook(&self, _: &TenantId, _: i64, _: WebhookWrite, _: Millis) -> StoreResult<bool> {
        panic!("no protocol asks for this")
    }
    async fn delete_webhook(&self, _: &TenantId, _: &str) -> StoreResult<bool> {
        panic!("no protocol asks for this")
    }
    async fn claim_deliveries(&self, _: Millis, _: Millis, _: DeliveryQuota) -> StoreResult<Vec<DeliveryLease>> {
        panic!("no protocol asks for this")
    }
    async fn finish_delivery(&self, _: DeliveryFinish) -> StoreResult<DeliveryFinished> {
        panic!("no protocol asks for this")
    }
    async fn deliveries(&self, _: &TenantId, _: &str, _: DeliveryPage) -> StoreResult<Vec<Delivery>> {
        panic!("no protocol asks for this")
    }
    async fn delivery(&self, _: &TenantId, _: &str, _: &str) -> StoreResult<Option<(Delivery, Vec<DeliveryAttempt>)>> {
        panic!("no protocol asks for this")
    }
    async fn replay_delivery(&self, _: &TenantId, _: &str, _: &str, _: Millis) -> StoreResult<Replayed> {
        panic!("no protocol asks for this")
    }
    async fn replay_since(&self, _: &TenantId, _: &str, _: ReplaySince) -> StoreResult<Option<ReplayStep>> {
        panic!("no protocol asks for this")
    }
    async fn test_webhook(&self, _: &TenantId, _: &str, _: Happening, _: Millis) -> StoreResult<bool> {
        panic!("no protocol asks for this")
    }
    async fn happenings(
        &self,
        _: &TenantId,
        _: Millis,
        _: Option<(Millis, String)>,
        _: u32,
    ) -> StoreResult<Vec<StoredHappening>> {
        panic!("no protocol asks for this")
    }
    async fn plugin_requests(&self, _: &TenantId, _: &str) -> StoreResult<PluginRequests> {
        panic!("no protocol asks for this")
    }
    async fn keep_plugin_requests(
        &self,
        _: &TenantId,
        _: &str,
        _: i64,
        _: Vec<PluginRequestWrite>,
        _: Millis,
    ) -> StoreResult<bool> {
        panic!("no protocol asks for this")
    }
    async fn plugin_request_sent(&self, _: &TenantId, _: &str, _: i64, _: (&str, u16), _: Millis) -> StoreResult<bool> {
        panic!("no protocol asks for this")
    }
}
