//! `GET /health/ready`: can this process do its work right now? For load balancers and people; says nothing of any tenant's data.

use http::StatusCode;
use serde::Serialize;

use super::{Answer, Call, method, respond};
use crate::flow::Flow;
use crate::ports::Host;
use crate::store::Store;

#[derive(Serialize)]
struct Readiness {
    status: &'static str,
    store: &'static str,
    tasks_ready: i64,
    tasks_running: i64,
    /// Given up: `passerelle stuck list` shows them.
    tasks_dead: i64,
    /// Waiting for a person: `passerelle stuck list` shows them.
    tasks_held: i64,
    effects_waiting: i64,
    effects_dead: i64,
    /// Age of the oldest due task. The one figure to be alarmed by.
    oldest_due_seconds: i64,
    /// Whole days until the first of the tenants' Apple certificates ends, negative afterwards. Absent: nobody has Apple Wallet.
    #[serde(skip_serializing_if = "Option::is_none")]
    apple_certificate_days_left: Option<i64>,
}

pub async fn ready<H: Host>(flow: &Flow<H>, call: &Call) -> Answer {
    method(call, "GET")?;
    let store = flow.host.store();
    let depth = match store.ping().await {
        Ok(()) => store.depth().await,
        Err(error) => Err(error),
    };
    // Everything else goes on when one has ended, so it makes nobody unready.
    let apple_certificate_days_left = flow.certificate_days_left();
    let (status, readiness) = match depth {
        Ok(depth) => (
            StatusCode::OK,
            Readiness {
                status: "ready",
                store: "up",
                tasks_ready: depth.tasks_ready,
                tasks_running: depth.tasks_leased,
                tasks_dead: depth.tasks_dead,
                tasks_held: depth.tasks_held,
                effects_waiting: depth.effects_waiting,
                effects_dead: depth.effects_dead,
                oldest_due_seconds: depth.oldest_due.map_or(0, |due| ((flow.now() - due) / 1000).max(0)),
                apple_certificate_days_left,
            },
        ),
        Err(error) => {
            tracing::error!(%error, "not ready");
            let down = Readiness {
                status: "not ready",
                store: "down",
                tasks_ready: 0,
                tasks_running: 0,
                tasks_dead: 0,
                tasks_held: 0,
                effects_waiting: 0,
                effects_dead: 0,
                oldest_due_seconds: 0,
                apple_certificate_days_left,
            };
            (StatusCode::SERVICE_UNAVAILABLE, down)
        }
    };
    Ok(respond(status, "application/json", serde_json::to_vec(&readiness).unwrap_or_default()))
}
