//! Installation status: what was told of a pass in either wallet, folded into what SecuTix and a CRM are told.
//!
//! Owns the one way of a signal, wherever it comes from, and the read-reduce-write loop. Does not own the fold (the connector's `reduce`), when
//! a phone's signals are written (with the change of the registration that they tell of, by the store) nor the writing back (`run::secutix`,
//! `webhook`). A signal counts once, whatever the order of arrival and however often it is folded.

use std::collections::BTreeMap;

use passerelle_contract::installation::{Context, Kind, Presence, Reduction, Signal, Status};
use passerelle_contract::types::Wallet;

use crate::attribute::Sorted;
use crate::flow::Flow;
use crate::happening::{self, About};
use crate::identity::{Millis, PassId};
use crate::ports::{Connector, Host, SandboxFailure};
use crate::sealing::SealError;
use crate::store::{
    Happening, InstallationWrite, PendingSignal, SignalKind, Store, StoreError, StoreResult, StoredPass,
};
use crate::tenant::Tenant;

/// Two phones may speak of one pass at once; more rounds than this mean that something else is wrong.
const ROUNDS: u32 = 8;

#[derive(Debug, thiserror::Error)]
pub enum InstallationError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Sandbox(#[from] SandboxFailure),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error("the stored status is not of a known form")]
    Form,
    #[error("the status kept changing under us")]
    Contended,
}

/// As The Wallet Crew and Vibes name them.
pub const fn wallet_name(wallet: Wallet) -> &'static str {
    match wallet {
        Wallet::Apple => "apple",
        Wallet::Google => "google",
    }
}

/// Nothing known of either wallet.
pub fn unknown() -> Status {
    let presence = || Presence { installed: false, count: 0, changed_at: None, event: None, first_at: None };
    Status { apple: presence(), google: presence(), printed: None, written: vec![] }
}

/// The stored status of a pass.
pub async fn status<H: Host>(flow: &Flow<H>, tenant: &Tenant, pass: &StoredPass) -> Result<Status, InstallationError> {
    Ok(versioned(flow, tenant, &pass.id).await?.1)
}

async fn versioned<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    pass: &PassId,
) -> Result<(i64, Status), InstallationError> {
    match flow.host.store().installation(&tenant.id, pass).await? {
        None => Ok((0, unknown())),
        Some(stored) => {
            let status = serde_json::from_str(&stored.body).map_err(|_| InstallationError::Form)?;
            Ok((stored.version, status))
        }
    }
}

/// When a signal is to be folded. A removal waits: people put a pass back, and phones send it away and fetch it again when updates are switched
/// off and on. What is quick enough is one batch, and nothing to tell.
pub fn fold_at<H: Host>(flow: &Flow<H>, kind: SignalKind) -> Millis {
    match kind {
        SignalKind::Removed => flow.now() + flow.options.removal_quiet,
        SignalKind::Installed | SignalKind::InferredRemoval | SignalKind::Present | SignalKind::Absent => flow.now(),
    }
}

/// Writes what somebody told of a pass; it is folded by a worker. False: it was known.
pub async fn tell<H: Host>(flow: &Flow<H>, tenant: &Tenant, pass: &PassId, signal: PendingSignal) -> StoreResult<bool> {
    let fold_at = fold_at(flow, signal.kind);
    flow.host.store().signal(&tenant.id, pass, signal, fold_at).await
}

/// Signals that are folded at once; a pass that has more is folded again.
const FOLDED_AT_ONCE: u32 = 100;

/// What came of a fold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folded {
    All,
    /// There may be more.
    More,
    /// The pass was taken out so lately that it may come back: nothing is folded before.
    Quiet {
        until: Millis,
    },
}

/// Folds what was told of the pass.
pub async fn fold_pending<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    pass: &StoredPass,
) -> Result<Folded, InstallationError> {
    let store = flow.host.store();
    for _ in 0..ROUNDS {
        // Before the signals: whoever folds them meanwhile raises the version, and is noticed.
        let (version, before) = versioned(flow, tenant, &pass.id).await?;
        let pending = store.pending_signals(&tenant.id, &pass.id, FOLDED_AT_ONCE).await?;
        if pending.is_empty() {
            return Ok(Folded::All);
        }
        // Also one that joined others which were due. What somebody dates into the future waits for nothing.
        let soon = flow.now().saturating_add(flow.options.removal_quiet);
        let removals = pending.iter().filter(|signal| signal.kind == SignalKind::Removed && signal.key.at <= soon);
        let quiet = removals.map(|signal| signal.key.at.saturating_add(flow.options.removal_quiet)).max();
        if let Some(until) = quiet.filter(|until| *until > flow.now()) {
            return Ok(Folded::Quiet { until });
        }
        let signals = pending.iter().map(signal).collect();
        let reduction = flow.host.connector().reduce(context(tenant, pass), before, signals).await?;
        let mut happenings = Vec::new();
        if !reduction.events.is_empty() {
            let attributes = Sorted::of_pass(&flow.host, tenant, &pass.id).await?;
            let about = About::of(pass, &attributes);
            for emission in &reduction.events {
                happenings.extend(happening::of_emission(flow, tenant, &about, emission, &reduction.crm)?);
            }
        }
        let kinds: Vec<_> = happenings.iter().map(|happening| happening.kind.name()).collect();
        let told = kinds.join(" ");
        let write = InstallationWrite {
            signals: pending.iter().map(|signal| signal.key.clone()).collect(),
            happenings,
            references: !reduction.references.is_empty(),
            printed: reduction.print.is_some(),
            ..write(flow, tenant, &pass.id, version, &reduction.status)?
        };
        if store.save_installation(write).await? {
            if !told.is_empty() {
                tracing::info!(tenant = %tenant.id, pass = %pass.id, told, "installation");
            }
            let full = u32::try_from(pending.len()).is_ok_and(|count| count >= FOLDED_AT_ONCE);
            return Ok(if full { Folded::More } else { Folded::All });
        }
    }
    Err(InstallationError::Contended)
}

/// What SecuTix and a CRM are to be told of the pass as it stands.
pub async fn reduction<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    pass: &StoredPass,
) -> Result<Reduction, InstallationError> {
    let (_, status) = versioned(flow, tenant, &pass.id).await?;
    Ok(flow.host.connector().reduce(context(tenant, pass), status, vec![]).await?)
}

/// How our external references begin.
const REFERENCES: &str = "twc.";

/// What SecuTix has is not what was last confirmed: what differs is wanted of it again. Key, what it has, what it should have.
pub async fn correct<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    pass: &StoredPass,
    actual: &BTreeMap<String, String>,
) -> Result<Vec<(String, Option<String>, String)>, InstallationError> {
    for _ in 0..ROUNDS {
        let (version, mut status) = versioned(flow, tenant, &pass.id).await?;
        // Somebody else's references may name a person, and are nothing of ours.
        let ours = actual.iter().filter(|(key, _)| key.starts_with(REFERENCES));
        status.written = ours.map(|(key, value)| (key.clone(), value.clone())).collect();
        let reduction = flow.host.connector().reduce(context(tenant, pass), status, vec![]).await?;
        let printed = reduction.print.is_some();
        if reduction.references.is_empty() && !printed {
            return Ok(vec![]);
        }
        let references = !reduction.references.is_empty();
        let write =
            InstallationWrite { references, printed, ..write(flow, tenant, &pass.id, version, &reduction.status)? };
        if flow.host.store().save_installation(write).await? {
            let differs = reduction.references.into_iter().map(|(key, value)| {
                let was = actual.get(&key).cloned();
                (key, was, value)
            });
            let print = reduction.print.map(|ticket| ("printed".to_owned(), None, ticket));
            return Ok(differs.chain(print).collect());
        }
    }
    Err(InstallationError::Contended)
}

/// Tells how the pass stands once more. When the status changes meanwhile, that change is told anyway.
pub async fn tell_again<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    pass: &PassId,
    happening: Happening,
) -> Result<(), InstallationError> {
    let (version, status) = versioned(flow, tenant, pass).await?;
    let write = InstallationWrite { happenings: vec![happening], ..write(flow, tenant, pass, version, &status)? };
    flow.host.store().save_installation(write).await?;
    Ok(())
}

/// Records what SecuTix has confirmed.
pub async fn confirm<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    pass: &PassId,
    mut confirmed: impl FnMut(&mut Status),
) -> Result<(), InstallationError> {
    for _ in 0..ROUNDS {
        let (version, mut status) = versioned(flow, tenant, pass).await?;
        confirmed(&mut status);
        let write = write(flow, tenant, pass, version, &status)?;
        if flow.host.store().save_installation(write).await? {
            return Ok(());
        }
    }
    Err(InstallationError::Contended)
}

fn write<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    pass: &PassId,
    expected: i64,
    status: &Status,
) -> Result<InstallationWrite, InstallationError> {
    let since = |presence: &Presence| {
        presence.changed_at.filter(|_| presence.installed).and_then(|at| Millis::try_from(at).ok())
    };
    Ok(InstallationWrite {
        tenant: tenant.id.clone(),
        pass: pass.clone(),
        expected,
        body: serde_json::to_string(status).map_err(|_| InstallationError::Form)?,
        signals: vec![],
        changed_at: changed_at(status),
        apple_since: since(&status.apple),
        google_since: since(&status.google),
        happenings: vec![],
        references: false,
        printed: false,
        now: flow.now(),
    })
}

/// Of the newest signal in it.
fn changed_at(status: &Status) -> Millis {
    let newest = status.apple.changed_at.max(status.google.changed_at).unwrap_or(0);
    Millis::try_from(newest).unwrap_or(Millis::MAX)
}

fn context(tenant: &Tenant, pass: &StoredPass) -> Context {
    Context {
        pass: pass.id.as_str().to_owned(),
        template: pass.template.clone(),
        ticket: pass.ticket.clone(),
        persist_status: tenant.secutix.persist_installation_status,
        persist_printed: tenant.secutix.printing.is_some(),
    }
}

fn signal(pending: &PendingSignal) -> Signal {
    Signal {
        source: pending.key.source.clone(),
        event: pending.key.event.clone(),
        wallet: pending.wallet,
        kind: match pending.kind {
            SignalKind::Installed => Kind::Installed,
            SignalKind::Removed => Kind::Removed,
            SignalKind::InferredRemoval => Kind::InferredRemoval,
            SignalKind::Present => Kind::Present,
            SignalKind::Absent => Kind::Absent,
        },
        at: u64::try_from(pending.key.at).unwrap_or(0),
        count: pending.active,
    }
}
