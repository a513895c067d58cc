//! `addMessage`: a message on a pass, with or without a notification.
//!
//! Owns the call. Does not own the text (`notice`), the count of notifications (the store) nor the fallback (`run::message`).

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use super::account::{Account, Worth};
use super::error::{GoogleError, GoogleReason, refusal};
use super::resource::{PassKind, object_id};
use super::token::TokenCache;
use crate::identity::{Millis, PassId};
use crate::ports::{Clock, Host};
use crate::tenant::Tenant;

/// Notifications that the holder of a pass may get in [`NOTIFY_WINDOW`]: Google's rule, over messages and updates that notify.
pub const MOST_NOTIFICATIONS: i64 = 3;
pub const NOTIFY_WINDOW: Millis = 24 * 3_600_000;

/// Adds it. [`GoogleError::NotReady`]: the object is not there. A quota that Google sees exhausted is
/// [`GoogleReason::NotificationQuota`].
pub async fn add<H: Host>(
    host: &H,
    tenant: &Tenant,
    tokens: &TokenCache,
    kind: PassKind,
    pass: &PassId,
    message: Value,
) -> Result<(), GoogleError> {
    let google = tenant.google.as_ref().ok_or(GoogleError::NoGoogle)?;
    let account = Account { host, google, tokens, worth: Worth::Effect };
    let path = format!("{}/{}/addMessage", kind.object_resource(), object_id(google, pass));
    let body = Bytes::from(json!({ "message": message }).to_string());
    let response = account.call(Method::POST, &path, body).await?;
    match response.status.as_u16() {
        200..=299 => Ok(()),
        404 => Err(GoogleError::NotReady),
        _ => Err(refusal(&response, host.clock().now())),
    }
}

/// Google has counted more notifications than we have: another program writes to the same passes.
pub fn is_quota(error: &GoogleError) -> bool {
    matches!(error, GoogleError::Refused { reason: GoogleReason::NotificationQuota, .. })
}
