//! What Google posts and fetches: callbacks, and the rules for its robots.
//!
//! Owns the answers. Does not own the judgement (`google::callback`). Google posts with its crawler's name and keeps to `robots.txt`, so the paths
//! that it uses must be open there. Whoever posts something else learns the status and nothing more.

use http::StatusCode;

use super::{Answer, Call, Problem, caller, empty, method, text};
use crate::flow::Flow;
use crate::google::Ecv2Error;
use crate::google::callback::{CallbackError, Received, receive};
use crate::ports::Host;
use crate::tenant::Tenant;

/// Callbacks, and the images that classes name. Everything else is for those who have a link or a key.
const ROBOTS: &str = "User-agent: *\nAllow: /api/*/webhooks/listeners/google\nAllow: /api/*/templates/\nDisallow: /\n";

/// `GET /robots.txt`
pub fn robots(call: &Call) -> Answer {
    method(call, "GET")?;
    Ok(text(StatusCode::OK, ROBOTS))
}

/// `POST /api/{tenantId}/webhooks/listeners/google`. 200 also for what is ignored: Google would only send it again.
pub async fn listen<H: Host>(flow: &Flow<H>, tenant: &Tenant, call: &Call) -> Answer {
    method(call, "POST")?;
    let google = tenant.google.as_ref().ok_or_else(|| Problem::not_configured("Google Wallet issuer"))?;
    let received = receive(flow, tenant, google, &call.body).await;
    let code = received.as_ref().map_or_else(CallbackError::code, |received| received.code());
    flow.callbacks.count(&tenant.id, code);
    match received {
        Ok(Received::Counted | Received::Repeated | Received::OtherEvent) => {
            tracing::info!(code, "Google callback");
            Ok(empty(StatusCode::OK))
        }
        Ok(Received::OtherObject) => {
            tracing::warn!(code, "a Google callback is about an object that is not ours");
            Ok(empty(StatusCode::OK))
        }
        Err(CallbackError::Envelope(Ecv2Error::Malformed) | CallbackError::Message) => {
            tracing::info!(code, "what was posted is no Google callback");
            Err(Problem::field("body", "a callback of Google Wallet is expected"))
        }
        Err(error @ (CallbackError::Envelope(_) | CallbackError::Stale)) => {
            tracing::warn!(code, %error, "a Google callback was refused");
            Err(Problem::callback_refused())
        }
        Err(CallbackError::Store(error)) => Err(caller::unavailable(error)),
        Err(error @ CallbackError::Roots(_)) => {
            tracing::error!(code, %error, "a Google callback could not be judged");
            Err(Problem::unavailable())
        }
    }
}
