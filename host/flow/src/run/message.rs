//! A message to a pass at Google.
//!
//! Owns which message a pass is told, and that it stays on the object. Does not own how often its holder is notified (`notification`).

use serde_json::{Map, Value};

use super::effect::{SendError, Sent, Which, google_next, kind_of, pass_of, send_google};
use super::notification::{Holders, notifying};
use super::resource::class_target;
use crate::flow::Flow;
use crate::google::{GoogleError, PassKind, messages};
use crate::notice::{self, NoticeError, Shown};
use crate::ports::Host;
use crate::rebuild::{self, BuiltGoogle};
use crate::store::{ByHand as _, EffectLease, EffectNext, GoogleNotice, PassState, PassView, StoreResult};
use crate::tenant::Tenant;

pub(super) async fn google_message<H: Host>(flow: &Flow<H>, tenant: &Tenant, lease: &EffectLease) -> StoreResult<Sent> {
    let gone = Sent::Next(EffectNext::Gone);
    let Some(view) = pass_of(flow, lease).await? else { return Ok(gone) };
    let id = &view.pass.id;
    let shown = match notice::of_pass(flow, tenant, id).await {
        Ok(Some(shown)) => shown,
        Ok(None) => return Ok(gone),
        Err(NoticeError::Store(error)) => return Err(error),
        // Another seal key than before.
        Err(error) => return Ok(Sent::Person(error.to_string())),
    };
    // A pass that has ended is told of its end and of nothing else.
    if shown.google != GoogleNotice::Waiting || view.pass.state == PassState::Void {
        return Ok(Sent::Next(EffectNext::Have(lease.want)));
    }
    let told = tell(flow, tenant, &view, &shown).await;
    let state = match &told {
        Ok(state) => *state,
        Err(_) => return google_next(flow, lease, told.map(drop)),
    };
    flow.host.store().settle_notice(&tenant.id, id, shown.seq, state).await?;
    // A later message may have come meanwhile: its level is still wanted.
    Ok(Sent::Next(EffectNext::Have(shown.seq)))
}

async fn tell<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    view: &PassView,
    shown: &Shown,
) -> Result<GoogleNotice, SendError> {
    let built = rebuild::rebuild_view(flow, tenant, view).await?.google.ok_or(SendError::NotConfigured)?;
    let kind = kind_of(&built)?;
    // Its holder was notified of what became of the event, too.
    let class = class_target(&built.class_key);
    let holders = Holders { target: view.pass.id.as_str(), along: Some(&class) };
    let notified = notifying(flow, tenant, holders, |notify| add(flow, tenant, view, kind, shown, notify)).await?;
    Ok(if notified { GoogleNotice::Notified } else { GoogleNotice::Silent })
}

async fn add<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    view: &PassView,
    kind: PassKind,
    shown: &Shown,
    notify: bool,
) -> Result<(), SendError> {
    let (host, tokens, pass) = (&flow.host, &flow.google_tokens, &view.pass.id);
    let message = shown.text.google(tenant, &shown.id, notify);
    match messages::add(host, tenant, tokens, kind, pass, message.clone()).await {
        // The object is gone, or was never made: make it, once.
        Err(GoogleError::NotReady) => {
            send_google(flow, tenant, view, Which::Object).await?;
            Ok(messages::add(host, tenant, tokens, kind, pass, message).await?)
        }
        done => Ok(done?),
    }
}

/// Puts the last message into an object that is to be written, since an update replaces the object and with it what was added. Which message it is,
/// and how far; none: there is none.
pub(super) async fn put_into<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    view: &PassView,
    google: &mut BuiltGoogle,
) -> Result<Option<(String, GoogleNotice)>, SendError> {
    let shown = match notice::of_pass(flow, tenant, &view.pass.id).await {
        Ok(shown) => shown.filter(|_| view.pass.state == PassState::Live),
        Err(NoticeError::Store(error)) => return Err(error.into()),
        // A message that cannot be read any more is no reason for a pass that is not up to date.
        Err(error) => {
            tracing::error!(tenant = %tenant.id, pass = %view.pass.id, %error, "a message is not shown");
            None
        }
    };
    let Some(shown) = shown else { return Ok(None) };
    if let Some(messages) = shown.in_object(tenant) {
        let mut object: Map<String, Value> =
            serde_json::from_slice(&google.object_body).map_err(|_| GoogleError::Body)?;
        object.insert("messages".to_owned(), messages);
        google.object_body = Value::Object(object).to_string().into_bytes();
    }
    Ok(Some((shown.id, shown.google)))
}
