//! The save link: class and object are brought to Google first, so that the token stays short and later changes reach the phone.
//!
//! Owns the order of reading and sending. What is sent here is sent without a lease, beside the workers; so it is read again afterwards,
//! and sent again until nothing has changed meanwhile: whatever landed last at Google is what is stored.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use super::passes::{not_built, refetch};
use super::{Answer, Call, Problem, caller, respond};
use crate::flow::Flow;
use crate::google::GoogleError;
use crate::google::link::{SavedPass, save_address, save_token};
use crate::identity::PassId;
use crate::ports::Host;
use crate::rebuild::{self, BuiltGoogle};
use crate::run::effect::{SendError, Which, kind_of, send_google};
use crate::store::{EffectKind, PassView, Store};
use crate::tenant::Tenant;

/// How often a pass may change while it is on its way to Google. It changes once in a season.
const ROUNDS: u32 = 5;
/// Seconds after which a caller may try again while a wave of changes uses up what Google allows.
const BUSY: u32 = 2;

pub async fn save<H: Host>(flow: &Flow<H>, tenant: &Tenant, call: &Call, view: &PassView) -> Answer {
    let google = tenant.google.as_ref().ok_or_else(|| Problem::not_configured("Google Wallet issuer"))?;
    let built = at_google(flow, tenant, call, view).await?;
    let kind = kind_of(&built).map_err(not_sent)?;
    let saved = SavedPass { kind, class_key: &built.class_key, pass: &view.pass.id };
    let token = save_token(&flow.host, tenant, &[saved]).await.map_err(|error| not_sent(SendError::Google(error)))?;
    let address = format!("{}/{token}", google.save_url);
    lead(call, address, token)
}

/// The passes of a file that live, in one link: a whole order is one tap.
pub async fn save_all<H: Host>(flow: &Flow<H>, tenant: &Tenant, call: &Call, passes: &[PassView]) -> Answer {
    let mut ready = Vec::new();
    for view in passes {
        let built = match at_google(flow, tenant, call, view).await {
            Ok(built) => built,
            // A template without a part for Google makes no pass to save; the others are still somebody's tickets.
            Err(problem) if problem.is_not_configured() => continue,
            Err(problem) => return Err(problem),
        };
        ready.push((kind_of(&built).map_err(not_sent)?, built, &view.pass.id));
    }
    if ready.is_empty() {
        return Err(Problem::not_found("pass of this file for Google Wallet"));
    }
    let saved: Vec<SavedPass<'_>> =
        ready.iter().map(|(kind, built, pass)| SavedPass { kind: *kind, class_key: &built.class_key, pass }).collect();
    let address = save_address(&flow.host, tenant, &flow.google_tokens, &saved).await;
    let address = address.map_err(|error| not_sent(SendError::Google(error)))?;
    lead(call, address.clone(), address)
}

/// A browser is sent there; a program reads where.
fn lead(call: &Call, address: String, body: String) -> Answer {
    let location = HeaderValue::from_str(&address).map_err(caller::internal)?;
    let mut response: Response<Bytes> = if call.accepts("text/html") {
        respond(StatusCode::FOUND, "text/plain; charset=utf-8", address)
    } else {
        respond(StatusCode::OK, "text/plain; charset=utf-8", body)
    };
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

/// The pass, with its class and object at Google as they are now.
async fn at_google<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    call: &Call,
    view: &PassView,
) -> Result<BuiltGoogle, Problem> {
    let id = &view.pass.id;
    // Erased; or made before its template had a part for Google, so that its class is written nowhere and would miss what changes.
    let stale = tenant.templates.get(&view.pass.template).is_some_and(|it| it.digest != view.pass.template_digest);
    if view.pass.sealed.is_none() || (view.pass.google_class.is_none() && stale) {
        refetch(flow, tenant, call, view).await?;
    }
    let store = flow.host.store();
    let target = id.as_str();
    // The row comes first: what changes from here on is wanted, and what changed before is read below.
    store.reached(&tenant.id, EffectKind::GoogleObject, target, 0, flow.now()).await.map_err(caller::unavailable)?;
    let known = store.effect_level(&tenant.id, EffectKind::GoogleObject, target).await.map_err(caller::unavailable)?;
    if known.unwrap_or(0) == 0 {
        return bring(flow, tenant, id).await;
    }
    let payload = rebuild::rebuild_view(flow, tenant, &read(flow, tenant, id).await?).await.map_err(not_built)?;
    payload.google.ok_or_else(|| Problem::not_configured("Google pass"))
}

/// Class and object as they are now, at Google. A worker may send a newer state at the same time, and ours may arrive after it.
async fn bring<H: Host>(flow: &Flow<H>, tenant: &Tenant, id: &PassId) -> Result<BuiltGoogle, Problem> {
    let state = |view: &PassView| {
        let events = view.events.iter().map(|event| (event.key.clone(), event.version));
        (view.pass.version, events.collect::<Vec<_>>())
    };
    let mut view = read(flow, tenant, id).await?;
    let mut which = Which::First;
    for _ in 0..ROUNDS {
        let built = send_google(flow, tenant, &view, which).await.map_err(not_sent)?;
        let after = read(flow, tenant, id).await?;
        if state(&view) == state(&after) {
            let level = view.pass.version;
            let reached =
                flow.host.store().reached(&tenant.id, EffectKind::GoogleObject, id.as_str(), level, flow.now());
            reached.await.map_err(caller::unavailable)?;
            return Ok(built);
        }
        (view, which) = (after, Which::Again);
    }
    Err(Problem::under_way())
}

async fn read<H: Host>(flow: &Flow<H>, tenant: &Tenant, id: &PassId) -> Result<PassView, Problem> {
    let view = flow.host.store().pass(&tenant.id, id).await.map_err(caller::unavailable)?;
    view.ok_or_else(|| Problem::not_found("pass"))
}

fn not_sent(error: SendError) -> Problem {
    match error {
        SendError::NotConfigured => Problem::not_configured("Google pass"),
        SendError::Rebuild(error) => not_built(error),
        SendError::Store(error) => caller::unavailable(error),
        SendError::Google(GoogleError::Store(error)) => caller::unavailable(error),
        SendError::Google(GoogleError::BudgetSpent { .. } | GoogleError::Throttled { .. }) => {
            Problem::upstream_busy("Google Wallet", BUSY)
        }
        SendError::Google(error) => {
            tracing::error!(%error, "google wallet");
            Problem::upstream("Google Wallet")
        }
    }
}
