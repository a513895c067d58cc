//! An effect: one level to bring to the other side (a push, a patch), read when it is sent.
//!
//! Owns what is sent for each kind and what an answer means for the row. Does not own the protocols (`apple`, `google`). An effect that
//! is given up stays given up until something newer is wanted; what was wanted is never marked as had.

use std::borrow::Cow;
use std::time::Duration;

use zeroize::Zeroizing;

use super::message::{self, google_message};
use super::notification::Holders;
use super::resource::{self, Writing, class_target};
use super::secutix;
use crate::apple::push::{PushOutcome, push};
use crate::flow::Flow;
use crate::google::{GoogleError, PassKind, Worth, objects};
use crate::identity::{Millis, PassId};
use crate::installation::{self, Folded, InstallationError};
use crate::options::Backoff;
use crate::parts::PartError;
use crate::ports::{Host, SandboxFailure};
use crate::rebuild::{self, BuiltGoogle, RebuildError};
use crate::store::{EffectKind, EffectLease, EffectNext, PassView, Store, StoreError, StoreResult};
use crate::tenant::Tenant;

/// How long an effect waits for a person, who has to change the configuration, a certificate or a template; spread, so that the phones of a
/// venue do not come back in the same second. Longer than a task's minute: one fault stops thousands of them.
const PERSON_PAUSE: Backoff =
    Backoff { first: Duration::from_secs(300), factor: 1, most: Duration::from_secs(300), jitter_percent: 20 };
/// How far apart those are spread that wait for their turn at Google: over the next second, which has room for twenty.
const TURN: Backoff =
    Backoff { first: Duration::from_millis(500), factor: 1, most: Duration::from_millis(500), jitter_percent: 100 };
/// Attempts at what Google refuses as it is; with the default backoff a quarter of a minute.
const LASTING_ATTEMPTS: i64 = 3;

/// What came of sending.
pub(super) enum Sent {
    Next(EffectNext),
    /// The pass is not to blame, and what is wanted stays wanted: certificate, credential, key, template or configuration. Why.
    Person(String),
}

/// Sends one leased effect. `Err` only when the store itself fails.
pub async fn send<H: Host>(flow: &Flow<H>, lease: EffectLease) -> StoreResult<()> {
    let sent = match flow.host.tenant(&lease.tenant) {
        None => Sent::Person("the tenant is not in the configuration".to_owned()),
        Some(tenant) => match lease.kind {
            EffectKind::ApplePush => apple_push(flow, &tenant, &lease).await?,
            EffectKind::GoogleClass => google_class(flow, &tenant, &lease).await?,
            EffectKind::GoogleObject => google_object(flow, &tenant, &lease).await?,
            EffectKind::Installation => fold(flow, &tenant, &lease).await?,
            EffectKind::GoogleMessage => google_message(flow, &tenant, &lease).await?,
            EffectKind::SecutixReferences => secutix::references(flow, &tenant, &lease).await?,
            EffectKind::SecutixPrinted => secutix::printed(flow, &tenant, &lease).await?,
        },
    };
    record(flow, &lease, sent).await
}

/// Records that sending was stopped, because it took as long as its lease allows.
pub async fn overran<H: Host>(flow: &Flow<H>, lease: EffectLease) -> StoreResult<()> {
    let next = failed(flow, &lease, None, "it took longer than its lease".to_owned());
    record(flow, &lease, Sent::Next(next)).await
}

async fn record<H: Host>(flow: &Flow<H>, lease: &EffectLease, sent: Sent) -> StoreResult<()> {
    let (tenant, kind, target) = (&lease.tenant, lease.kind.name(), &lease.target);
    let next = match sent {
        Sent::Person(error) => {
            let now = flow.now();
            if flow.alarms.is_due(tenant, kind, now) {
                tracing::error!(%tenant, kind, %target, error, "effects wait for a person");
            } else {
                tracing::debug!(%tenant, kind, %target, error, "an effect waits for a person");
            }
            EffectNext::Wait { at: now + PERSON_PAUSE.wait(0, flow.host.random()) }
        }
        Sent::Next(next) => next,
    };
    match &next {
        EffectNext::Have(_) | EffectNext::Gone | EffectNext::Wait { .. } => {
            tracing::debug!(%tenant, kind, %target, ?next, "effect");
        }
        EffectNext::Retry { error, .. } => {
            tracing::warn!(%tenant, kind, %target, attempts = lease.attempts, error, "effect failed, will be tried again");
        }
        EffectNext::Dead { error } => tracing::error!(%tenant, kind, %target, error, "effect given up"),
    }
    flow.host.store().finish_effect(lease, next, flow.now()).await?;
    Ok(())
}

pub(super) fn failed<H: Host>(
    flow: &Flow<H>,
    lease: &EffectLease,
    after: Option<Duration>,
    error: String,
) -> EffectNext {
    if lease.attempts + 1 >= flow.options.effect_dead_after {
        return EffectNext::Dead { error };
    }
    let asked = after.and_then(|after| Millis::try_from(after.as_millis()).ok()).unwrap_or(0);
    EffectNext::Retry { at: flow.now() + asked.max(flow.options.retry.wait(lease.attempts, flow.host.random())), error }
}

async fn apple_push<H: Host>(flow: &Flow<H>, tenant: &Tenant, lease: &EffectLease) -> StoreResult<Sent> {
    let Some(device) = flow.host.store().device(&lease.tenant, &lease.target).await? else {
        return Ok(Sent::Next(EffectNext::Gone));
    };
    let token = match tenant.keys.open_small(&device.push_sealed, &["device", tenant.id.as_str(), &lease.target]) {
        Ok(token) => Zeroizing::new(String::from_utf8_lossy(&token).into_owned()),
        // Another seal key than before.
        Err(error) => return Ok(Sent::Person(error.to_string())),
    };
    // A token that is renewed while this one is being refused is another one, and good.
    let sent_at = flow.now();
    Ok(match push(&flow.host, tenant, &token).await {
        Ok(PushOutcome::Delivered) => Sent::Next(EffectNext::Have(lease.want)),
        Ok(PushOutcome::Gone { at }) => {
            let at = at.unwrap_or(sent_at);
            // The passes were removed, or the phone wiped, without a word to us.
            flow.host.store().forget_device(&lease.tenant, &lease.target, at, "apple-push").await?;
            // Renewed since: the level is still wanted, and is read anew.
            Sent::Next(match flow.host.store().device(&lease.tenant, &lease.target).await? {
                Some(_) => failed(flow, lease, None, "the push token was renewed meanwhile".to_owned()),
                None => EffectNext::Gone,
            })
        }
        Ok(PushOutcome::Retry { after, reason }) => Sent::Next(failed(flow, lease, after, reason.to_string())),
        Ok(PushOutcome::Refused { reason }) => Sent::Person(format!("Apple refuses the push: {reason}")),
        Err(error) => Sent::Person(error.to_string()),
    })
}

/// What the pass's phones told becomes part of its status.
async fn fold<H: Host>(flow: &Flow<H>, tenant: &Tenant, lease: &EffectLease) -> StoreResult<Sent> {
    let Some(view) = pass_of(flow, lease).await? else { return Ok(Sent::Next(EffectNext::Gone)) };
    let next = match installation::fold_pending(flow, tenant, &view.pass).await {
        Ok(Folded::All) => EffectNext::Have(lease.want),
        Ok(Folded::More) => EffectNext::Wait { at: flow.now() },
        Ok(Folded::Quiet { until }) => EffectNext::Wait { at: until },
        Err(error) => installation_failed(flow, lease, error)?,
    };
    Ok(Sent::Next(next))
}

/// The pass that an effect is about. None: there is none any more.
pub(super) async fn pass_of<H: Host>(flow: &Flow<H>, lease: &EffectLease) -> StoreResult<Option<PassView>> {
    let Ok(id) = PassId::parse(&lease.target) else { return Ok(None) };
    flow.host.store().pass(&lease.tenant, &id).await
}

pub(super) fn installation_failed<H: Host>(
    flow: &Flow<H>,
    lease: &EffectLease,
    error: InstallationError,
) -> StoreResult<EffectNext> {
    Ok(match error {
        InstallationError::Store(error) => return Err(error),
        // No sandbox was free: that says nothing about the signals.
        InstallationError::Sandbox(SandboxFailure::Busy) => {
            EffectNext::Wait { at: flow.now() + flow.options.retry.wait(0, flow.host.random()) }
        }
        error => failed(flow, lease, None, error.to_string()),
    })
}

async fn google_class<H: Host>(flow: &Flow<H>, tenant: &Tenant, lease: &EffectLease) -> StoreResult<Sent> {
    let Some(view) = flow.host.store().pass_of_class(&lease.tenant, &lease.target).await? else {
        return Ok(Sent::Next(EffectNext::Gone));
    };
    let sent = send_google(flow, tenant, &view, Which::Class).await.map(drop);
    google_next(flow, lease, sent)
}

async fn google_object<H: Host>(flow: &Flow<H>, tenant: &Tenant, lease: &EffectLease) -> StoreResult<Sent> {
    let Some(view) = pass_of(flow, lease).await? else { return Ok(Sent::Next(EffectNext::Gone)) };
    let sent = send_google(flow, tenant, &view, Which::Object).await.map(drop);
    google_next(flow, lease, sent)
}

pub(super) fn google_next<H: Host>(
    flow: &Flow<H>,
    lease: &EffectLease,
    sent: Result<(), SendError>,
) -> StoreResult<Sent> {
    let dead = |error: String| Sent::Next(EffectNext::Dead { error });
    Ok(match sent {
        Ok(()) => Sent::Next(EffectNext::Have(lease.want)),
        Err(SendError::Store(error) | SendError::Rebuild(RebuildError::Part(PartError::Store(error)))) => {
            return Err(error);
        }
        Err(SendError::Google(GoogleError::Store(error))) => return Err(error),
        // Its turn has not come: that is no failure, however often. Spread, or all of them would come for the same turn.
        Err(SendError::Google(GoogleError::BudgetSpent { until })) => {
            let spread = TURN.wait(0, flow.host.random());
            Sent::Next(EffectNext::Wait { at: until.max(flow.now()) + spread })
        }
        Err(error @ SendError::NotConfigured) => Sent::Person(error.to_string()),
        Err(SendError::Rebuild(
            error @ (RebuildError::NoTemplate(_) | RebuildError::Template(_) | RebuildError::Part(_)),
        )) => Sent::Person(error.to_string()),
        Err(SendError::Rebuild(error @ RebuildError::Erased)) => dead(error.to_string()),
        Err(SendError::Google(error)) if error.needs_person() => Sent::Person(error.to_string()),
        // Our fault: a few attempts, in case it is not.
        Err(SendError::Google(error)) if !error.is_transient() && lease.attempts + 1 >= LASTING_ATTEMPTS => {
            dead(error.to_string())
        }
        Err(SendError::Google(error)) => Sent::Next(failed(flow, lease, error.retry_after(), error.to_string())),
        Err(error) => Sent::Next(failed(flow, lease, None, error.to_string())),
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Which {
    Class,
    Object,
    /// A first save: the object, and the class unless Google has it already. The class is an event's, and thousands save a ticket of it.
    First,
    /// It changed while it was brought there. Ours may have been the last to arrive: both are written, whatever is known of them.
    Again,
}

#[derive(Debug, thiserror::Error)]
pub enum SendError {
    #[error("the tenant has no Google Wallet issuer, or the template no Google part")]
    NotConfigured,
    #[error(transparent)]
    Rebuild(#[from] RebuildError),
    #[error(transparent)]
    Google(#[from] GoogleError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Builds a pass as it is now and brings its class, its object or both to Google. Returns what was built.
pub async fn send_google<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    view: &PassView,
    which: Which,
) -> Result<BuiltGoogle, SendError> {
    if tenant.google.is_none() {
        return Err(SendError::NotConfigured);
    }
    let mut google = followed(flow, tenant, view).await?;
    let worth = if matches!(which, Which::First | Which::Again) { Worth::Person } else { Worth::Effect };
    let template = &view.pass.template;
    let pass = view.pass.id.as_str();
    let class_target = class_target(&google.class_key);
    // What was saved once is believed to be there, and a wrong belief costs one request.
    let exists = which != Which::First;
    let class = objects::class_of(tenant, template, &google)?;
    let class = |once, exists| {
        let (resource, holders) = (class.clone(), Holders { target: class_target.as_str(), along: None });
        resource::write(flow, tenant, Writing { resource, view, holders, worth, exists, once })
    };
    let object = |google: &BuiltGoogle, exists| {
        let resource = objects::object_of(tenant, template, &view.pass.id, google);
        let holders = Holders { target: pass, along: Some(class_target.as_str()) };
        async move {
            let writing = Writing { resource: resource?, view, holders, worth, exists, once: false };
            resource::write(flow, tenant, writing).await
        }
    };
    if which != Which::Object {
        class(which == Which::First, exists).await?;
    }
    if which != Which::Class {
        let shown = message::put_into(flow, tenant, view, &mut google).await?;
        match object(&google, exists).await {
            // The class was never made, or under another template, or is not what was believed: make it, once.
            Err(SendError::Google(GoogleError::NotReady)) => {
                class(false, false).await?;
                object(&google, exists).await?;
            }
            done => done?,
        }
        // One that was added meanwhile is gone with what it was added to: once more, with it.
        if message::put_into(flow, tenant, view, &mut google).await? != shown {
            object(&google, true).await?;
        }
    }
    Ok(google)
}

/// A pass as it is now, for Google, with a class that is followed: its row is there, so that what changes of an event from here on is wanted of
/// it. A pass may come to a new class by another performance or template.
async fn followed<H: Host>(flow: &Flow<H>, tenant: &Tenant, view: &PassView) -> Result<BuiltGoogle, SendError> {
    let store = flow.host.store();
    let mut view = Cow::Borrowed(view);
    loop {
        let payload = rebuild::rebuild_view(flow, tenant, &view).await?;
        let google = payload.google.ok_or(SendError::NotConfigured)?;
        let class = google.class_key.as_str();
        if store.effect_level(&tenant.id, EffectKind::GoogleClass, class).await?.is_some() {
            return Ok(google);
        }
        store.reached(&tenant.id, EffectKind::GoogleClass, class, 0, flow.now()).await?;
        // What changed before there was a row is seen by reading again.
        if let Some(now) = store.pass(&tenant.id, &view.pass.id).await? {
            view = Cow::Owned(now);
        }
    }
}

/// Which pair of Google's resources the connector has built.
pub fn kind_of(google: &BuiltGoogle) -> Result<PassKind, SendError> {
    PassKind::parse(&google.kind).ok_or(SendError::NotConfigured)
}
