//! Installation status: signals of phones folded into what SecuTix and a CRM will be told.
//!
//! Owns the read-reduce-write loop. Does not own the fold (the connector's `reduce`), when signals are written (with the change of the
//! registration that they tell of, by the store) nor the writing back (effects of a later step read the stored status). A signal counts once,
//! whatever the order of arrival and however often it is folded.

use passerelle_contract::installation::{Context, Kind, Presence, Reduction, Signal, Status};
use passerelle_contract::types::Wallet;

use crate::flow::Flow;
use crate::identity::Millis;
use crate::ports::{Connector, Host, SandboxFailure};
use crate::store::{PendingSignal, SignalKey, SignalKind, Store, StoreError, StoredPass};
use crate::tenant::Tenant;

/// Two phones may speak of one pass at once; more rounds than this mean that something else is wrong.
const ROUNDS: u32 = 8;

#[derive(Debug, thiserror::Error)]
pub enum InstallationError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Sandbox(#[from] SandboxFailure),
    #[error("the stored status is not of a known form")]
    Form,
    #[error("the status kept changing under us")]
    Contended,
}

/// Nothing known of either wallet.
pub fn unknown() -> Status {
    let presence = || Presence { installed: false, count: 0, changed_at: None, event: None, first_at: None };
    Status { apple: presence(), google: presence(), printed: None, written: vec![] }
}

/// The stored status of a pass.
pub async fn status<H: Host>(flow: &Flow<H>, tenant: &Tenant, pass: &StoredPass) -> Result<Status, InstallationError> {
    match flow.host.store().installation(&tenant.id, &pass.id).await? {
        None => Ok(unknown()),
        Some(stored) => serde_json::from_str(&stored.body).map_err(|_| InstallationError::Form),
    }
}

/// Signals that are folded at once; a pass that has more is folded again.
const FOLDED_AT_ONCE: u32 = 100;

/// Folds what the store has written of the pass's phones. True: there may be more.
pub async fn fold_pending<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    pass: &StoredPass,
) -> Result<bool, InstallationError> {
    let pending = flow.host.store().pending_signals(&tenant.id, &pass.id, FOLDED_AT_ONCE).await?;
    let more = u32::try_from(pending.len()).is_ok_and(|count| count >= FOLDED_AT_ONCE);
    if !pending.is_empty() {
        apply(flow, tenant, pass, pending.iter().map(signal).collect()).await?;
    }
    Ok(more)
}

/// Registrations are Apple's; Google has none.
fn signal(pending: &PendingSignal) -> Signal {
    Signal {
        source: pending.key.source.clone(),
        event: pending.key.event.clone(),
        wallet: Wallet::Apple,
        kind: match pending.kind {
            SignalKind::Installed => Kind::Installed,
            SignalKind::Removed => Kind::Removed,
            SignalKind::InferredRemoval => Kind::InferredRemoval,
        },
        at: u64::try_from(pending.key.at).unwrap_or(0),
        count: Some(pending.active),
    }
}

/// Counts the signals that are new. None: all of them were known.
pub async fn apply<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    pass: &StoredPass,
    signals: Vec<Signal>,
) -> Result<Option<Reduction>, InstallationError> {
    let key = |signal: &Signal| SignalKey {
        source: signal.source.clone(),
        event: signal.event.clone(),
        at: Millis::try_from(signal.at).unwrap_or(Millis::MAX),
    };
    for _ in 0..ROUNDS {
        let keys: Vec<SignalKey> = signals.iter().map(key).collect();
        let keys = flow.host.store().new_signals(&tenant.id, &keys).await?;
        let fresh: Vec<Signal> = signals.iter().filter(|signal| keys.contains(&key(signal))).cloned().collect();
        if fresh.is_empty() {
            return Ok(None);
        }
        let stored = flow.host.store().installation(&tenant.id, &pass.id).await?;
        let (version, before) = match stored {
            None => (0, unknown()),
            Some(stored) => (stored.version, serde_json::from_str(&stored.body).map_err(|_| InstallationError::Form)?),
        };
        let context = Context {
            pass: pass.id.as_str().to_owned(),
            template: pass.template.clone(),
            ticket: pass.ticket.clone(),
            persist_status: true,
            persist_printed: true,
        };
        let reduction = flow.host.connector().reduce(context, before, fresh).await?;
        let body = serde_json::to_string(&reduction.status).map_err(|_| InstallationError::Form)?;
        if flow.host.store().save_installation(&tenant.id, &pass.id, version, &body, &keys).await? {
            for event in &reduction.events {
                tracing::info!(tenant = %tenant.id, pass = %pass.id, event = %event.name, wallet = ?event.wallet, "installation");
            }
            return Ok(Some(reduction));
        }
    }
    Err(InstallationError::Contended)
}
