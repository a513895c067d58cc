//! A notification on its way in: judged by the connector, recorded, and only then acknowledged.
//!
//! Owns the step from bytes to a committed task. Does not own HTTP (`http::orders`) nor what the order turns out to be (`run`).
//! Bounded by the connector's own limits on size and depth.

use passerelle_contract::webhook::{Notification, OrderChange, Rejection};

use crate::flow::Flow;
use crate::ports::{Clock, Connector, Host, SandboxFailure};
use crate::refusal::code_of;
use crate::sealing::{SealError, TenantKeys};
use crate::store::{Accept, Accepted, Priority, Store, StoreError};
use crate::tenant::Tenant;

/// SecuTix's longest state has twenty letters; the connector takes 64.
const LONGEST_STATE: usize = 64;
/// What is kept of a state that is no code.
const OTHER_STATE: &str = "OTHER";

/// Why nothing was accepted.
#[derive(Debug, thiserror::Error)]
pub enum NotificationError {
    /// The sender's mistake, every violation at once.
    #[error("the notification is not one")]
    Rejected(Rejection),
    /// Ours; the sender should try again.
    #[error(transparent)]
    Sandbox(#[from] SandboxFailure),
    /// Ours; the sender should try again.
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// What is known of a request beside its body.
#[derive(Clone, Debug)]
pub struct Origin {
    pub correlation: String,
    pub traceparent: Option<String>,
}

/// Accepts a notification: `Ok` means that it is on disk and will end in an outcome that a person can read.
pub async fn accept<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    notification: Notification,
    origin: Origin,
) -> Result<Accepted, NotificationError> {
    let change = flow.host.connector().validate(notification).await?.map_err(NotificationError::Rejected)?;
    let keys = &tenant.keys;
    if !change.unknown_fields.is_empty() {
        // Names and no values: what SecuTix has begun to tell is worth a look.
        tracing::info!(tenant = %tenant.id, fields = ?change.unknown_fields, "a notification has fields that are not known");
    }
    let token_mac = token_mac(keys, &change.token);
    let token_sealed =
        keys.seal_small(flow.host.random(), &["task", tenant.id.as_str(), &token_mac], change.token.as_bytes())?;
    let accepted = flow
        .host
        .store()
        .accept(Accept {
            tenant: tenant.id.clone(),
            id: flow.uuid(),
            correlation: origin.correlation,
            traceparent: origin.traceparent,
            token_mac,
            token_sealed,
            priority: priority(&change),
            // A text that is no code could name a person; an empty one says that none was told.
            state: if change.state.is_empty() {
                change.state
            } else {
                code_of(&change.state, LONGEST_STATE).unwrap_or(OTHER_STATE).to_owned()
            },
            movement: change.sale_movement,
            ticket: change.ticket,
            unknown_fields: change.unknown_fields,
            now: flow.host.clock().now(),
            debounce: flow.options.debounce,
            max_wait: flow.options.max_wait,
        })
        .await?;
    Ok(accepted)
}

/// How an order token is known in the store, which never holds one in the clear.
pub fn token_mac(keys: &TenantKeys, token: &str) -> String {
    keys.mac("order-token", &[token.as_bytes()])
}

/// A mere MODIFIED can wait behind what makes a ticket valid or void; the hint decides the order of work and nothing else.
fn priority(change: &OrderChange) -> Priority {
    if change.state.eq_ignore_ascii_case("MODIFIED") { Priority::Low } else { Priority::Normal }
}
