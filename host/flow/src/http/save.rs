//! The save link: class and object are brought to Google first, so that the token stays short and later changes reach the phone.
//!
//! Owns the order of reading and sending. What is sent here is sent without a lease, beside the workers; so it is read again afterwards,
//! and sent again until nothing has changed meanwhile: whatever landed last at Google is what is stored.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use super::passes::{not_built, refetch};
use super::{Answer, Call, Problem, caller, respond};
use crate::flow::Flow;
use crate::google::link::{SavedPass, save_token};
use crate::identity::PassId;
use crate::ports::Host;
use crate::rebuild::{self, BuiltGoogle};
use crate::run::effect::{SendError, Which, kind_of, send_google};
use crate::store::{EffectKind, PassView, Store};
use crate::tenant::Tenant;

/// How often a pass may change while it is on its way to Google. It changes once in a season.
const ROUNDS: u32 = 5;

pub async fn save<H: Host>(flow: &Flow<H>, tenant: &Tenant, call: &Call, view: &PassView) -> Answer {
    let google = tenant.google.as_ref().ok_or_else(|| Problem::not_configured("Google Wallet issuer"))?;
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
    let built = if known.unwrap_or(0) == 0 {
        bring(flow, tenant, id).await?
    } else {
        let payload = rebuild::rebuild_view(flow, tenant, &read(flow, tenant, id).await?).await.map_err(not_built)?;
        payload.google.ok_or_else(|| Problem::not_configured("Google pass"))?
    };
    let saved = SavedPass { kind: kind_of(&built).map_err(not_sent)?, class_key: &built.class_key, pass: id };
    let token = save_token(&flow.host, tenant, &[saved]).await.map_err(|error| not_sent(SendError::Google(error)))?;
    let address = format!("{}/{token}", google.save_url);
    let location = HeaderValue::from_str(&address).map_err(caller::internal)?;
    let mut response: Response<Bytes> = if call.accepts("text/html") {
        respond(StatusCode::FOUND, "text/plain; charset=utf-8", address)
    } else {
        respond(StatusCode::OK, "text/plain; charset=utf-8", token)
    };
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

/// Class and object as they are now, at Google. A worker may send a newer state at the same time, and ours may arrive after it.
async fn bring<H: Host>(flow: &Flow<H>, tenant: &Tenant, id: &PassId) -> Result<BuiltGoogle, Problem> {
    let state = |view: &PassView| {
        let events = view.events.iter().map(|event| (event.key.clone(), event.version));
        (view.pass.version, events.collect::<Vec<_>>())
    };
    let mut view = read(flow, tenant, id).await?;
    for _ in 0..ROUNDS {
        let built = send_google(flow, tenant, &view, Which::Both).await.map_err(not_sent)?;
        let after = read(flow, tenant, id).await?;
        if state(&view) == state(&after) {
            let level = view.pass.version;
            let reached =
                flow.host.store().reached(&tenant.id, EffectKind::GoogleObject, id.as_str(), level, flow.now());
            reached.await.map_err(caller::unavailable)?;
            return Ok(built);
        }
        view = after;
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
        SendError::Google(error) => {
            tracing::error!(%error, "google wallet");
            Problem::upstream("Google Wallet")
        }
    }
}
