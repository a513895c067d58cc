//! One leased delivery: signed, sent, and what the answer makes of it.
//!
//! Owns one attempt. Does not own when it is due (`schedule`), nor the rows. A status is an answer as soon as it is there: what follows it is kept
//! for a person, as far as it comes within the limits, and decides nothing. Nothing of the path, the body or the answer is logged.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderName, Method, StatusCode};
use serde_json::json;

use super::body::{self, Body, BodyError};
use super::endpoint::Endpoint;
use super::schedule::Asked;
use crate::flow::Flow;
use crate::hooks;
use crate::identity::Millis;
use crate::ports::{Host, Http as _, HttpFailure, HttpRequest, HttpResponse};
use crate::store::{
    DeliveryAttempt, DeliveryEnd, DeliveryFinish, DeliveryFinished, DeliveryLease, Happening, HappeningKind,
    Outbox as _, StoreResult,
};
use crate::tenant::Tenant;

/// Bytes of an answer that are kept (as The Wallet Crew, Svix and the issue have it, about): enough for a stack trace.
pub const KEPT: usize = 16 * 1024;
/// How long a delivery waits for a person, who has to bring a tenant or a seal key back.
const PERSON_PAUSE: Millis = 300_000;
/// A receiver tells us from others by it.
const AGENT: &str = concat!("Passerelle/", env!("CARGO_PKG_VERSION"), " (webhooks)");

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
const NEOSTORE: HeaderName = HeaderName::from_static("x-neostore-signature");
const NEOSTORE_BEFORE: HeaderName = HeaderName::from_static("x-neostore-signature-previous");

/// Why an attempt is not even made.
#[derive(Debug, thiserror::Error)]
enum Held {
    #[error("the tenant is not in the configuration")]
    NoTenant,
    #[error("the endpoint's secrets: {0}")]
    Secrets(crate::sealing::SealError),
    #[error(transparent)]
    Body(BodyError),
}

/// Sends one leased delivery. `Err` only when the store itself fails.
pub async fn send<H: Host>(flow: &Flow<H>, lease: DeliveryLease) -> StoreResult<()> {
    let Some(tenant) = flow.host.tenant(&lease.webhook.tenant) else {
        return hold(flow, &lease, &Held::NoTenant).await;
    };
    if hooks::endpoint::is_plugin(&lease.webhook.settled) {
        let (end, attempt) = hooks::deliver::send(flow, &tenant, &lease).await?;
        return record(flow, &lease, end, attempt).await;
    }
    let endpoint = match Endpoint::open(&tenant.keys, &lease.webhook) {
        Ok(endpoint) => endpoint,
        Err(error) => return hold(flow, &lease, &Held::Secrets(error)).await,
    };
    let body = match body::make(&tenant, endpoint.settled.settings.format, &lease.happening) {
        Ok(body) => body,
        Err(BodyError::NotCarried) => {
            let end = DeliveryEnd::Pointless { error: BodyError::NotCarried.to_string() };
            return record(flow, &lease, end, None).await;
        }
        Err(error) => return hold(flow, &lease, &Held::Body(error)).await,
    };
    tell_of_missing(flow, &tenant, &lease, &body);
    let began = flow.now();
    let answer = flow.host.http().deliver(request(flow, &endpoint, &lease, body, began)).await;
    let took_ms = flow.now().saturating_sub(began).max(0);
    let (end, error) = judge(flow, &lease, &answer);
    let response_sealed = match &answer {
        Ok(answer) if !answer.body.is_empty() => {
            let kept = answer.body.get(..KEPT).unwrap_or(&answer.body);
            let happening = lease.happening.happening.id.as_str();
            let place = response_place(&tenant, &endpoint.id, happening, lease.lease_token);
            let place: Vec<&str> = place.iter().map(String::as_str).collect();
            // Not kept is better than not recorded.
            tenant.keys.seal_small(flow.host.random(), &place, kept).ok()
        }
        _ => None,
    };
    let status = answer.as_ref().ok().map(|answer| answer.status.as_u16());
    let attempt = DeliveryAttempt { n: lease.lease_token, at: began, took_ms, status, error, response_sealed };
    record(flow, &lease, end, Some(attempt)).await
}

/// Where the beginning of an answer opens.
pub fn response_place(tenant: &Tenant, webhook: &str, happening: &str, n: i64) -> [String; 5] {
    let parts = ["delivery_attempt", tenant.id.as_str(), webhook, happening];
    let [table, tenant, webhook, happening] = parts.map(str::to_owned);
    [table, tenant, webhook, happening, n.to_string()]
}

/// Records that sending was stopped, because it took as long as its lease allows.
pub async fn overran<H: Host>(flow: &Flow<H>, lease: DeliveryLease) -> StoreResult<()> {
    let error = "it took longer than its lease".to_owned();
    let end = failed(flow, &lease, Asked { after: None, busy: true }, error.clone());
    let began = flow.now();
    let attempt = DeliveryAttempt {
        n: lease.lease_token,
        at: began,
        took_ms: 0,
        status: None,
        error: Some(error),
        response_sealed: None,
    };
    record(flow, &lease, end, Some(attempt)).await
}

fn request<H: Host>(
    flow: &Flow<H>,
    endpoint: &Endpoint,
    lease: &DeliveryLease,
    body: Body,
    now: Millis,
) -> HttpRequest {
    let (id, seconds) = (lease.happening.happening.id.as_str(), now.div_euclid(1000));
    let bytes = body.bytes.as_slice();
    let mut signatures = Vec::new();
    for keys in endpoint.signing(now) {
        signatures.push(keys.secret.sign(id, seconds, bytes));
        signatures.push(keys.pair().sign(id, seconds, bytes));
    }
    let mut headers = vec![
        (CONTENT_TYPE, "application/json".to_owned()),
        (USER_AGENT, AGENT.to_owned()),
        (ID, id.to_owned()),
        (TIMESTAMP, seconds.to_string()),
        (SIGNATURE, signatures.join(" ")),
    ];
    if let Some(encoding) = endpoint.settled.settings.neostore {
        // That header has room for one signature, so the one of before is in another.
        let names = [NEOSTORE, NEOSTORE_BEFORE];
        let signing = names.into_iter().zip(endpoint.signing(now));
        headers.extend(signing.map(|(name, keys)| (name, keys.secret.sign_neostore(bytes, encoding))));
    }
    HttpRequest {
        method: Method::POST,
        url: endpoint.settled.address.clone(),
        headers,
        body: Bytes::copy_from_slice(bytes),
        timeout: flow.options.webhooks.timeout,
        response_limit: KEPT,
        identity: None,
        on_behalf_of: None,
    }
}

/// What an answer means, and what is written down of a failure.
fn judge<H: Host>(
    flow: &Flow<H>,
    lease: &DeliveryLease,
    answer: &Result<HttpResponse, HttpFailure>,
) -> (DeliveryEnd, Option<String>) {
    let (asked, error) = match answer {
        Ok(answer) if answer.status.is_success() => return (DeliveryEnd::Delivered, None),
        Ok(answer) if answer.status == StatusCode::GONE => {
            let error = "HTTP 410: the endpoint says that it is gone for good".to_owned();
            return (DeliveryEnd::Gone { error: error.clone() }, Some(error));
        }
        Ok(answer) => {
            let error = match answer.status.is_redirection() {
                true => format!("HTTP {}: redirects are not followed", answer.status.as_u16()),
                false => format!("HTTP {}", answer.status.as_u16()),
            };
            (Asked::of(answer, flow.now()), error)
        }
        Err(failure) => (Asked { after: None, busy: *failure == HttpFailure::TimedOut }, failure.to_string()),
    };
    (failed(flow, lease, asked, error.clone()), Some(error))
}

pub(crate) fn millis(time: Duration) -> Millis {
    Millis::try_from(time.as_millis()).unwrap_or(0)
}

pub(crate) fn failed<H: Host>(flow: &Flow<H>, lease: &DeliveryLease, asked: Asked, error: String) -> DeliveryEnd {
    let (schedule, now) = (&flow.options.webhooks, flow.now());
    let pause = schedule.pause(lease.webhook.failing_since, asked, now);
    match schedule.wait(lease.attempts + 1, asked, flow.host.random()) {
        Some(wait) => DeliveryEnd::Retry { at: now.saturating_add(wait), pause, error },
        None => DeliveryEnd::Dead { pause, error },
    }
}

async fn hold<H: Host>(flow: &Flow<H>, lease: &DeliveryLease, held: &Held) -> StoreResult<()> {
    let (tenant, now) = (&lease.webhook.tenant, flow.now());
    if flow.alarms.is_due(tenant, "webhook", now) {
        tracing::error!(%tenant, webhook = %lease.webhook.settled.id, error = %held, "deliveries wait for a person");
    }
    let end = DeliveryEnd::Wait { at: now + PERSON_PAUSE, error: held.to_string() };
    record(flow, lease, end, None).await
}

/// Who cannot match a pass to a record is told so in the event; the operator is told here, once, and by the count.
fn tell_of_missing<H: Host>(flow: &Flow<H>, tenant: &Tenant, lease: &DeliveryLease, body: &Body) {
    if !body.missing_identifier || lease.attempts > 0 {
        return;
    }
    // A word of ours: what is counted by is a constant.
    let kind = match body.pass_kind.as_deref() {
        Some("customerCard") => "customerCard",
        _ => "eventTicket",
    };
    if flow.missing_identifiers.count(&tenant.id, kind) == 1 {
        let identifier = tenant.crm.identifier.as_deref().unwrap_or_default();
        tracing::warn!(tenant = %tenant.id, kind, identifier, "passes are told of without the identifier that the CRM joins by ([crm] identifier)");
    }
}

async fn record<H: Host>(
    flow: &Flow<H>,
    lease: &DeliveryLease,
    end: DeliveryEnd,
    attempt: Option<DeliveryAttempt>,
) -> StoreResult<()> {
    let (tenant, webhook) = (&lease.webhook.tenant, lease.webhook.settled.id.as_str());
    let happening = &lease.happening.happening;
    match &end {
        DeliveryEnd::Delivered => tracing::debug!(%tenant, webhook, event = %happening.id, "webhook delivered"),
        DeliveryEnd::Retry { error, .. } => {
            tracing::warn!(%tenant, webhook, event = %happening.id, attempts = lease.attempts + 1, error, "webhook failed, will be tried again");
        }
        DeliveryEnd::Dead { error, .. } => {
            tracing::error!(%tenant, webhook, event = %happening.id, error, "webhook given up; `passerelle webhook replay` sends it again");
        }
        DeliveryEnd::Wait { .. } | DeliveryEnd::Gone { .. } | DeliveryEnd::Pointless { .. } => {}
    }
    let (now, schedule) = (flow.now(), &flow.options.webhooks);
    let gone = matches!(end, DeliveryEnd::Gone { .. });
    let finish = DeliveryFinish {
        tenant: tenant.clone(),
        webhook: webhook.to_owned(),
        happening: happening.id.clone(),
        lease_token: lease.lease_token,
        end,
        attempt,
        failing_before: now.saturating_sub(schedule.disable_after),
        failed_before: now.saturating_sub(schedule.apart),
        notice: Happening {
            id: flow.uuid(),
            kind: HappeningKind::WebhookDisabled,
            at: now,
            operation: None,
            pass: None,
            properties: json!({ "webhookId": webhook, "reason": if gone { "gone" } else { "failing" } }).to_string(),
            sealed: None,
        },
        now,
    };
    if let DeliveryFinished::Disabled(why) = flow.host.store().finish_delivery(finish).await? {
        let why = why.name();
        tracing::error!(%tenant, webhook, why, "a webhook endpoint was switched off and gets nothing any more; once it is mended, enable it and replay what it missed");
    }
    Ok(())
}
