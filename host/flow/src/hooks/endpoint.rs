//! The tenant's plugin as an endpoint of the outbox: what happens to passes is handed to it as it is to a webhook.
//!
//! Owns its row: which happenings it gets, by the hooks that it has. So what it is told comes in the order of each pass, at least once, with the
//! schedule, the pauses and the dead letters of webhooks, and is listed and replayed like them. Its row has no address and no secret.

use super::event::kinds_of;
use crate::flow::Flow;
use crate::plugin::{Installed, Presence};
use crate::ports::{Host, Plugins};
use crate::store::{DisabledFor, Outbox as _, StoreResult, WebhookMade, WebhookWrite};
use crate::tenant::Tenant;
use crate::webhook::endpoint::{Format, Settings};
use crate::webhook::pattern::Patterns;

/// Its id. Those of webhooks have five characters.
pub const ID: &str = "plugin";
/// A row may have changed between reading and writing, by another node that does the same.
const TRIES: u32 = 3;

/// Brings the row in line with the plugin that the tenant has now. To be called when a tenant was loaded, and as often as one likes. What happens
/// while there is no plugin is not kept for a later one; `passerelle plugin replay` shows it, and a replay of the endpoint sends it.
pub async fn settle<H: Host>(flow: &Flow<H>, tenant: &Tenant) -> StoreResult<()> {
    let wanted = match flow.host.plugins().presence(tenant) {
        Presence::Installed(installed) => write(&installed),
        Presence::None => None,
        // What waits for it is not given up because of a slip, and what happens meanwhile is kept for it.
        Presence::Unavailable(_) => return Ok(()),
    };
    for _ in 0..TRIES {
        let kept = flow.host.store().webhook(&tenant.id, ID).await?;
        let now = flow.now();
        let done = match (kept, &wanted) {
            (None, None) => true,
            (None, Some(wanted)) => {
                // Beside those that a person may make, so that there is room for it.
                let most = crate::webhook::endpoint::MOST + 1;
                let made = flow.host.store().create_webhook(&tenant.id, wanted.clone(), most, now).await?;
                made == WebhookMade::Made
            }
            (Some(kept), Some(wanted)) => {
                // The same build that was switched off because it failed for days stays off: another one begins anew.
                let failed = kept.disabled.is_some_and(|(_, why)| why != DisabledFor::Person);
                let in_place = kept.settled.enabled || failed;
                let same = in_place && kept.settled.sealed == wanted.sealed && kept.settled.events == wanted.events;
                same || flow.host.store().update_webhook(&tenant.id, kept.version, wanted.clone(), now).await?
            }
            (Some(kept), None) if !kept.settled.enabled => true,
            (Some(kept), None) => {
                let off = WebhookWrite { enabled: false, ..kept.settled };
                flow.host.store().update_webhook(&tenant.id, kept.version, off, now).await?
            }
        };
        if done {
            return Ok(());
        }
    }
    tracing::warn!(tenant = %tenant.id, "the plugin's place in the outbox was changed by somebody else at the same time; it is looked at again with the next reload");
    Ok(())
}

/// None: it has no hook that is told of anything.
fn write(installed: &Installed) -> Option<WebhookWrite> {
    let kinds: Vec<_> = installed.hooks.iter().flat_map(|hook| kinds_of(*hook)).collect();
    (!kinds.is_empty()).then(|| WebhookWrite {
        id: ID.to_owned(),
        events: Patterns::of_kinds(kinds),
        settings: Settings { format: Format::Plugin, neostore: None },
        // It has no address and no secrets: which build asks for these events is what there is to know.
        sealed: installed.digest.to_vec(),
        enabled: true,
    })
}

/// Is it the plugin's, and so nobody's to change by hand?
pub fn is_plugin(webhook: &WebhookWrite) -> bool {
    webhook.settings.format == Format::Plugin
}
