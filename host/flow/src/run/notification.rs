//! Something of which Google notifies its holders: with a notification as long as their day has one left, silent after that.
//!
//! Owns the count and the fallback. A notification is counted before it is asked for, and given back only when nobody was notified for sure: one that
//! is sent twice because its answer was lost is counted twice, so no holder is notified more often than Google allows. Does not own what is sent.

use std::future::Future;

use super::effect::SendError;
use crate::flow::Flow;
use crate::google::GoogleError;
use crate::google::messages::{MOST_NOTIFICATIONS, NOTIFY_WINDOW, is_quota};
use crate::maybe_send::MaybeSend;
use crate::ports::Host;
use crate::store::GoogleLedger as _;
use crate::tenant::Tenant;

/// Whose notifications are counted.
#[derive(Clone, Copy)]
pub(super) struct Holders<'a> {
    /// A pass, or a class, whose holders are all notified at once.
    pub target: &'a str,
    /// What is counted along: for a pass its class.
    pub along: Option<&'a str>,
}

/// Sends it; `send` is told whether to notify, and sends once more without when Google itself finds the day's notifications used up. True: with.
pub(super) async fn notifying<H: Host, F>(
    flow: &Flow<H>,
    tenant: &Tenant,
    holders: Holders<'_>,
    send: impl Fn(bool) -> F + MaybeSend,
) -> Result<bool, SendError>
where
    F: Future<Output = Result<(), SendError>> + MaybeSend,
{
    let Holders { target, along } = holders;
    let (store, now) = (flow.host.store(), flow.now());
    if !store.take_google_notification(&tenant.id, target, along, now, NOTIFY_WINDOW, MOST_NOTIFICATIONS).await? {
        send(false).await?;
        return Ok(false);
    }
    match send(true).await {
        Ok(()) => Ok(true),
        Err(SendError::Google(error)) if is_quota(&error) => {
            send(false).await?;
            Ok(false)
        }
        // An answer that is missing says nothing of who was notified.
        Err(error @ SendError::Google(GoogleError::Unanswered(_) | GoogleError::Unreadable)) => Err(error),
        Err(error) => {
            store.give_back_google_notification(&tenant.id, target, now).await?;
            Err(error)
        }
    }
}
