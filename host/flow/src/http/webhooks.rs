//! `/api/{tenantId}/webhooks`: endpoints of others, what was sent to them, and sending again.
//!
//! Owns the routes, what they take and what they answer. Does not own what an endpoint may be nor what is done with it (`webhook::manage`). A secret is
//! in the answer that made it and in no other. The tenant's plugin is an endpoint as well, of which a person may change whether it is on.
//! (`/webhooks/listeners/…` is where others call us.)

use http::{HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Call, Problem, accepted, body, caller, empty, json as respond_json};
use crate::access::Scope;
use crate::flow::Flow;
use crate::hooks::endpoint::ID as PLUGIN;
use crate::identity::Millis;
use crate::ports::{Host, Http as _, Plugins as _};
use crate::store::{DeliveryPage, Outbox as _};
use crate::tenant::Tenant;
use crate::webhook::endpoint::{Draft, LONGEST_OVERLAP};
use crate::webhook::manage::{Desk, ManageError, OVERLAP, delivery_shown, shown, shown_with_secrets, states};
use crate::webhook::plugin;

/// Deliveries of a page, unless a caller wants another number; as passes are (domain.md 1.15).
const PAGE: u32 = 20;
const LARGEST_PAGE: u32 = 100;

/// `/webhooks` and what is below it, but the listeners.
pub async fn route<H: Host>(flow: &Flow<H>, tenant: &Tenant, call: &Call, path: &[&str]) -> Answer {
    let path = path.get(1..).unwrap_or_default();
    let desk = Desk { store: flow.host.store(), random: flow.host.random(), tenant, now: flow.now() };
    let scope = if matches!(call.method.as_str(), "GET" | "HEAD") { Scope::WebhookRead } else { Scope::WebhookWrite };
    let allow = match path {
        [] => "GET, POST",
        [_] => "GET, PATCH, DELETE",
        [_, "deliveries"] | [_, "deliveries", _] => "GET",
        [_, "secret" | "replay" | "test"] | [_, "deliveries", _, "replay"] => "POST",
        _ => return Err(Problem::unknown_path()),
    };
    let method = if call.method == http::Method::HEAD { "GET" } else { call.method.as_str() };
    if !allow.split(", ").any(|allowed| allowed == method) {
        return Err(Problem::method(allow));
    }
    caller::authorise(flow, tenant, call, scope).await?;
    let vet = |url: &str| flow.host.http().vet(url);
    match (method, path) {
        ("GET", []) => {
            let endpoints = desk.list().await.map_err(problem)?;
            let now = desk.now;
            respond_json(&endpoints.iter().map(|(row, endpoint)| shown(row, endpoint, now)).collect::<Vec<_>>())
        }
        ("POST", []) => {
            let draft: Draft = body(call, "{\"endpoint\": \"https://…\", \"events\": [\"Pass:*\"]}")?;
            let settled = draft.judge(vet).map_err(Problem::invalid)?;
            let (row, endpoint) = desk.create(settled).await.map_err(problem)?;
            tracing::info!(webhook = %endpoint.id, "a webhook endpoint was made");
            let mut response = respond_json(&shown_with_secrets(&row, &endpoint, desk.now))?;
            *response.status_mut() = StatusCode::CREATED;
            let location = HeaderValue::from_str(&format!("/api/{}/webhooks/{}", tenant.id, endpoint.id));
            if let Ok(location) = location {
                response.headers_mut().insert(http::header::LOCATION, location);
            }
            Ok(response)
        }
        ("GET", [PLUGIN]) => respond_json(&plugin::shown(&desk.plugin().await.map_err(problem)?, desk.now)),
        ("PATCH", [PLUGIN]) => {
            let change = body(call, "{\"enabled\": true}")?;
            let presence = flow.host.plugins().presence(tenant);
            let row = desk.change_plugin(&change, &presence).await.map_err(problem)?;
            tracing::info!("the plugin was switched on");
            respond_json(&plugin::shown(&row, desk.now))
        }
        ("GET", [id]) => {
            let (row, endpoint) = desk.one(id).await.map_err(problem)?;
            respond_json(&shown(&row, &endpoint, desk.now))
        }
        ("PATCH", [id]) => {
            let change: Draft = body(call, "an object of what is to change")?;
            let (row, endpoint) = desk.update(id, &change, vet).await.map_err(problem)?;
            tracing::info!(webhook = %endpoint.id, enabled = endpoint.settled.enabled, "a webhook endpoint was changed");
            respond_json(&shown(&row, &endpoint, desk.now))
        }
        ("DELETE", [id]) => {
            desk.delete(id).await.map_err(problem)?;
            tracing::info!(webhook = %id, "a webhook endpoint was deleted");
            Ok(empty(StatusCode::NO_CONTENT))
        }
        ("POST", [id, "secret"]) => {
            let (row, endpoint) = desk.rotate(id, overlap(call)?).await.map_err(problem)?;
            tracing::info!(webhook = %endpoint.id, "a webhook endpoint has new secrets");
            respond_json(&shown_with_secrets(&row, &endpoint, desk.now))
        }
        ("GET", [id, "deliveries"]) => list(flow, &desk, call, id).await,
        ("GET", [id, "deliveries", event]) => {
            let (delivery, attempts) = desk.delivery(id, event).await.map_err(problem)?;
            let attempts = attempts.iter().map(|attempt| desk.attempt_shown(id, event, attempt)).collect();
            let mut shown = delivery_shown(&delivery);
            if let Value::Object(shown) = &mut shown {
                shown.insert("attempts".to_owned(), attempts);
            }
            respond_json(&shown)
        }
        ("POST", [id, "deliveries", event, "replay"]) => {
            desk.replay(id, event).await.map_err(problem)?;
            accepted(&json!({ "eventId": event }))
        }
        ("POST", [id, "replay"]) => {
            let since: Since = body(call, "{\"since\": \"2026-03-14T18:00:00Z\"}")?;
            let at: jiff::Timestamp = since
                .since
                .parse()
                .map_err(|_| Problem::field("since", "a time such as 2026-03-14T18:00:00Z is expected"))?;
            let kept = flow.options.retention.notifications;
            let count = desk.replay_since(id, at.as_millisecond(), since.delivered, kept).await.map_err(problem)?;
            accepted(&json!({ "deliveries": count }))
        }
        ("POST", [id, "test"]) => {
            let event = desk.test(id, Some(call.correlation.clone())).await.map_err(problem)?;
            accepted(&json!({ "eventId": event }))
        }
        _ => Err(Problem::method(allow)),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Since {
    since: String,
    /// Also what was delivered.
    #[serde(default)]
    delivered: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Overlap {
    overlap_seconds: Option<i64>,
}

fn overlap(call: &Call) -> Result<Millis, Problem> {
    if call.body.is_empty() {
        return Ok(OVERLAP);
    }
    let given: Overlap = body(call, "{\"overlapSeconds\": 86400}")?;
    let Some(seconds) = given.overlap_seconds else { return Ok(OVERLAP) };
    let overlap = seconds.saturating_mul(1000);
    match (0..=LONGEST_OVERLAP).contains(&overlap) {
        true => Ok(overlap),
        false => Err(Problem::field("overlapSeconds", "0 to 604800 (a week) is expected")),
    }
}

async fn list<H: Host>(flow: &Flow<H>, desk: &Desk<'_, H::Store, H::Random>, call: &Call, id: &str) -> Answer {
    let state = call.query("state").map(|word| {
        states(word).ok_or_else(|| Problem::field("state", "waiting, sending, delivered or dead is expected"))
    });
    let size = call.query("pageSize").map_or(Some(PAGE), |text| text.parse().ok());
    let size = size.filter(|size| (1..=LARGEST_PAGE).contains(size));
    let limit = size.ok_or_else(|| Problem::field("pageSize", "1 to 100 is expected"))?;
    let after = call.query("after").map(|text| {
        let (at, event) = text.split_once('.')?;
        Some((at.parse().ok()?, event.to_owned()))
    });
    let after = match after {
        Some(None) => return Err(Problem::field("after", "the next of an earlier page is expected")),
        Some(Some(after)) => Some(after),
        None => None,
    };
    desk.exists(id).await.map_err(problem)?;
    let page = DeliveryPage { states: state.transpose()?, after, limit };
    let found = flow.host.store().deliveries(&desk.tenant.id, id, page).await.map_err(caller::unavailable)?;
    let full = u32::try_from(found.len()).is_ok_and(|count| count >= limit);
    let next = found.last().filter(|_| full).map(|last| format!("{}.{}", last.created_at, last.happening));
    respond_json(&json!({ "deliveries": found.iter().map(delivery_shown).collect::<Vec<_>>(), "next": next }))
}

fn problem(error: ManageError) -> Problem {
    match error {
        ManageError::NoSuchEndpoint => Problem::not_found("webhook"),
        ManageError::NoSuchEvent => Problem::not_found("event for this webhook"),
        ManageError::Invalid(violations) => Problem::invalid(violations),
        ManageError::TooEarly(_) => Problem::field("since", &error.to_string()),
        ManageError::Full => Problem::webhook("webhooks-full", &error.to_string()),
        ManageError::Disabled => Problem::webhook("webhook-disabled", &error.to_string()),
        ManageError::NoPlugin => Problem::webhook("no-plugin", &error.to_string()),
        ManageError::Rotating(_) => Problem::webhook("webhook-rotating", &error.to_string()),
        ManageError::Sending => Problem::webhook("webhook-sending", &error.to_string()),
        ManageError::NoTest => Problem::webhook("no-test-event", &error.to_string()),
        ManageError::Store(error) => caller::unavailable(error),
        ManageError::Contended => Problem::under_way(),
        ManageError::Seal(error) => caller::internal(error),
    }
}
