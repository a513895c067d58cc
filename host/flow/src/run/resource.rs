//! One class or object of Google's: written when it is not there as it is to be, and announced when its holders should know.
//!
//! Owns both decisions, which are made of what Google was last brought. A holder is told of the event's own change (title, place, time) and of
//! another seat, never of a template's, nor after the event. Does not own how often (`notification`), the protocol (`google::objects`), nor what a class
//! or an object says (the connector).

use super::effect::SendError;
use super::notification::{Holders, notifying};
use crate::flow::Flow;
use crate::google::Worth;
use crate::google::objects::{self, Resource, Write};
use crate::ports::Host;
use crate::store::{Brought, GoogleLedger as _, PassState, PassView};
use crate::tenant::Tenant;

/// A resource that is to be written, and for whom.
pub(super) struct Writing<'a> {
    pub resource: Resource,
    /// The pass that it was made of; for a class any of its passes.
    pub view: &'a PassView,
    pub holders: Holders<'a>,
    pub worth: Worth,
    /// Believed to be there, whatever is known of it.
    pub exists: bool,
    /// Left alone when Google has it already, as far as is known.
    pub once: bool,
}

/// Under which the notifications of a class are counted. No pass's identifier has a dot.
pub(super) fn class_target(class_key: &str) -> String {
    format!("class.{class_key}")
}

/// What is kept of a resource that has been brought: nothing that could be read back.
fn brought(tenant: &Tenant, view: &PassView, resource: &Resource) -> Brought {
    let mac = |label: &str, bytes: &[u8]| tenant.keys.mac(label, &[bytes]);
    let told = resource.told();
    let template = tenant.templates.get(&view.pass.template).map(|template| template.digest.clone());
    Brought {
        body: mac("google-body", &resource.body()),
        told: if told.is_empty() { String::new() } else { mac("google-told", &told) },
        template: template.unwrap_or_default(),
    }
}

/// Whether the holders of what has changed should be told of it.
fn is_news<H: Host>(flow: &Flow<H>, view: &PassView, before: &Brought, now: &Brought) -> bool {
    let ends = view.events.iter().filter_map(|event| event.ends_at).max();
    let over = ends.is_some_and(|end| end < flow.now());
    let known = !before.told.is_empty() && !now.told.is_empty();
    // Another template words things anew, and that is no news of the event.
    let worded_alike = before.template == now.template;
    view.pass.state == PassState::Live && known && worded_alike && before.told != now.told && !over
}

/// Writes it, unless Google has it.
pub(super) async fn write<H: Host>(flow: &Flow<H>, tenant: &Tenant, writing: Writing<'_>) -> Result<(), SendError> {
    let Writing { resource, view, worth, .. } = &writing;
    let (store, key) = (flow.host.store(), resource.key());
    let before = store.google_brought(&tenant.id, &key).await?;
    let after = brought(tenant, view, resource);
    if writing.once && before.as_ref().is_some_and(|before| before.body == after.body) {
        return Ok(());
    }
    if let Some(before) = &before {
        // A write that is cut off leaves nobody believing in what was there, and the next one still knows what the holders know.
        let unsure = Brought { body: String::new(), ..before.clone() };
        store.keep_google_brought(&tenant.id, &key, unsure).await?;
    }
    let exists = writing.exists || before.is_some();
    let send = |notify| {
        let write = Write { exists, notify, worth: *worth };
        async move { Ok(objects::upsert(&flow.host, tenant, &flow.google_tokens, resource, write).await?) }
    };
    if before.as_ref().is_some_and(|before| is_news(flow, view, before, &after)) {
        notifying(flow, tenant, writing.holders, send).await?;
    } else {
        send(false).await?;
    }
    store.keep_google_brought(&tenant.id, &key, after).await?;
    Ok(())
}
