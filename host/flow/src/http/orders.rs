//! `POST /api/{tenantId}/webhooks/listeners/secutix/orders`: SecuTix says that an order changed.
//!
//! 200 with an empty body once it is on disk. No authentication, as in the source: the order token is the only proof.

use bytes::Bytes;
use http::{Response, StatusCode, header};
use passerelle_contract::webhook::Notification;

use super::{Answer, Call, Problem, caller, empty, method};
use crate::flow::Flow;
use crate::notification::{NotificationError, Origin, accept};
use crate::ports::{Host, SandboxFailure};
use crate::tenant::Tenant;

pub async fn listen<H: Host>(flow: &Flow<H>, tenant: &Tenant, call: &Call) -> Answer {
    method(call, "POST")?;
    let notification =
        Notification { content_type: call.header(header::CONTENT_TYPE).map(str::to_owned), body: call.body.to_vec() };
    let origin = Origin { correlation: call.correlation.clone(), traceparent: caller::traceparent(&call.headers) };
    match accept(flow, tenant, notification, origin).await {
        Ok(accepted) => {
            tracing::info!(
                task = %accepted.task, joined = accepted.joined, generation = accepted.generation, "notification accepted"
            );
            Ok(acknowledge())
        }
        Err(NotificationError::Rejected(rejection)) => Err(Problem::rejection(&rejection)),
        Err(NotificationError::Store(error)) => Err(caller::unavailable(error)),
        Err(NotificationError::Sandbox(SandboxFailure::Busy | SandboxFailure::TimedOut)) => Err(Problem::unavailable()),
        Err(error) => {
            tracing::error!(%error, "notification not judged");
            Err(Problem::internal())
        }
    }
}

/// Empty: a body after I/O costs an extra packet on some hosts, and there is nothing to say.
fn acknowledge() -> Response<Bytes> {
    empty(StatusCode::OK)
}
