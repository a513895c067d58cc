//! Looks at Google whether anybody still has a pass: callbacks are best effort, and have been lost for months.
//!
//! Owns one batch: read each object's `hasUsers`, turn what differs from what we believe into a signal. Does not own where the round stands (the
//! store, so that it goes on after a restart and on any worker) nor how often it is asked for (a host). Bounded by its share of the budget:
//! what had no turn is asked for again.

use bytes::Bytes;
use http::Method;
use passerelle_contract::types::Wallet;
use serde::Deserialize;

use super::account::{Account, Worth};
use super::error::{GoogleError, refusal};
use super::resource::{PassKind, object_id};
use crate::flow::Flow;
use crate::identity::{Millis, PassId, TenantId};
use crate::installation::{self, InstallationError};
use crate::ports::{Clock, Host};
use crate::rebuild;
use crate::store::{GoogleLedger as _, PassView, PendingSignal, SignalKey, SignalKind, Store, StoreError, StoreResult};
use crate::tenant::{Google, Tenant};

const SOURCE: &str = "google-has-users";
/// Passes of one batch: what a round's share lets through in a second.
const BATCH: u32 = 10;
/// A pass that was saved so lately is not called absent: `hasUsers` may lag behind the phone.
const GRACE: Millis = 3_600_000;
/// After Google did not answer for a pass; one that it refuses waits for the next round.
const AGAIN: Millis = 900_000;
/// The cause under which that is told.
const ALARM: &str = "google-presence";

/// What a batch has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    pub passes: u32,
    /// Of them, those that are elsewhere than was believed.
    pub corrected: u32,
    /// The budget is spent: there is nothing to do before.
    pub wait_until: Option<Millis>,
    /// Google refuses our credentials, for which a person has to do something: the rest of the round is left out.
    pub stopped: bool,
}

/// Passes of one tenant that are to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    pub tenant: TenantId,
    pub passes: Vec<PassId>,
}

/// The next batch, of whichever tenant it is; none: no round has anything left.
pub async fn claim<H: Host>(flow: &Flow<H>) -> StoreResult<Option<Batch>> {
    let claimed = flow.host.store().claim_presence(flow.now(), flow.options.presence_every, BATCH).await?;
    Ok(claimed.map(|(tenant, passes)| Batch { tenant, passes }))
}

/// Looks at a batch.
pub async fn look<H: Host>(flow: &Flow<H>, batch: Batch) -> StoreResult<Looked> {
    let store = flow.host.store();
    let now = flow.now();
    let Batch { tenant: tenant_id, passes } = batch;
    let mut looked = Looked::default();
    let tenant = flow.host.tenant(&tenant_id);
    let Some((tenant, google)) = tenant.as_deref().and_then(|it| Some((it, it.google.as_ref()?))) else {
        return Ok(looked);
    };
    for pass in &passes {
        if let Some(until) = looked.wait_until {
            store.recheck_presence(&tenant_id, pass, until).await?;
            continue;
        }
        match look_at(flow, tenant, google, pass).await {
            Ok(corrected) => {
                looked.passes += 1;
                looked.corrected += u32::from(corrected);
            }
            Err(LookError::Store(error) | LookError::Google(GoogleError::Store(error))) => return Err(error),
            Err(LookError::Google(GoogleError::BudgetSpent { until })) => {
                store.recheck_presence(&tenant_id, pass, until).await?;
                looked.wait_until = Some(until);
            }
            Err(LookError::Google(error)) if error.is_transient() => {
                tracing::warn!(tenant = %tenant_id, %pass, %error, "Google does not say whether anybody has the pass");
                store.recheck_presence(&tenant_id, pass, now + AGAIN).await?;
            }
            // It would be said of every pass, and a token asked for each time: tomorrow's round looks whether somebody has put it right.
            Err(LookError::Google(error)) if error.needs_person() => {
                if flow.alarms.is_due(&tenant_id, ALARM, now) {
                    tracing::error!(tenant = %tenant_id, %error, "the round of looks at Google Wallet is stopped until the next one");
                }
                store.end_presence_round(&tenant_id).await?;
                looked.stopped = true;
                break;
            }
            Err(error) => {
                tracing::error!(tenant = %tenant_id, %pass, %error, "whether anybody has the pass is not known")
            }
        }
    }
    Ok(looked)
}

#[derive(Debug, thiserror::Error)]
enum LookError {
    #[error(transparent)]
    Google(#[from] GoogleError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Installation(InstallationError),
}

impl From<InstallationError> for LookError {
    fn from(error: InstallationError) -> Self {
        match error {
            InstallationError::Store(error) => Self::Store(error),
            other => Self::Installation(other),
        }
    }
}

/// Whether what we believed was wrong.
async fn look_at<H: Host>(flow: &Flow<H>, tenant: &Tenant, google: &Google, pass: &PassId) -> Result<bool, LookError> {
    let Some(view) = flow.host.store().pass(&tenant.id, pass).await? else { return Ok(false) };
    let Some(kind) = kind(flow, tenant, &view).await? else { return Ok(false) };
    // Of the moment before it is asked: whatever a callback says meanwhile is newer.
    let at = flow.now();
    let has_users = has_users(flow, google, kind, pass).await?;
    let status = installation::status(flow, tenant, &view.pass).await?;
    if has_users == status.google.installed {
        return Ok(false);
    }
    let lately = status.google.changed_at.and_then(|at| Millis::try_from(at).ok()).is_some_and(|it| at < it + GRACE);
    if !has_users && lately {
        flow.host.store().recheck_presence(&tenant.id, pass, at + GRACE).await?;
        return Ok(false);
    }
    let key = SignalKey { source: SOURCE.to_owned(), event: format!("{pass}/{at}"), at };
    let kind = if has_users { SignalKind::Present } else { SignalKind::Absent };
    let signal = PendingSignal { key, wallet: Wallet::Google, kind, active: None };
    installation::tell(flow, tenant, pass, signal).await?;
    Ok(true)
}

/// Which kind of object the pass is; none: it cannot be built any more, and is left alone.
async fn kind<H: Host>(flow: &Flow<H>, tenant: &Tenant, view: &PassView) -> Result<Option<PassKind>, LookError> {
    match rebuild::rebuild_view(flow, tenant, view).await {
        Ok(built) => Ok(built.google.and_then(|google| PassKind::parse(&google.kind))),
        Err(rebuild::RebuildError::Part(crate::parts::PartError::Store(error))) => Err(error.into()),
        Err(error) => {
            tracing::debug!(tenant = %tenant.id, pass = %view.pass.id, %error, "a pass is not looked at");
            Ok(None)
        }
    }
}

/// An object that is not there has nobody.
async fn has_users<H: Host>(
    flow: &Flow<H>,
    google: &Google,
    kind: PassKind,
    pass: &PassId,
) -> Result<bool, GoogleError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Object {
        #[serde(default)]
        has_users: bool,
    }
    let account = Account { host: &flow.host, google, tokens: &flow.google_tokens, worth: Worth::Round };
    let path = format!("{}/{}", kind.object_resource(), object_id(google, pass));
    let response = account.call(Method::GET, &path, Bytes::new()).await?;
    match response.status.as_u16() {
        200 => {
            let object: Object = serde_json::from_slice(&response.body).map_err(|_| GoogleError::Unreadable)?;
            Ok(object.has_users)
        }
        404 => Ok(false),
        _ => Err(refusal(&response, flow.host.clock().now())),
    }
}
