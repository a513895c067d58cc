//! The plugin's place in the outbox, by hand: looked at, and switched on again. Where no command line reaches the store, this is how it is done.
//!
//! Owns what a person may change of it, which is one thing. Does not own the row (`hooks::endpoint`), nor deliveries and replays, which are those of any
//! endpoint (`manage`).

use serde_json::{Value, json};

use super::body::time;
use super::endpoint::{Draft, Violations};
use super::manage::{Desk, ManageError, ROUNDS};
use crate::hooks::endpoint::{ID, is_plugin};
use crate::identity::Millis;
use crate::plugin::Presence;
use crate::ports::Random;
use crate::store::{Store, Webhook, WebhookWrite};

impl<S: Store, R: Random> Desk<'_, S, R> {
    /// The row of the tenant's plugin. It is there once a host has taken up a plugin that is told of events.
    pub async fn plugin(&self) -> Result<Webhook, ManageError> {
        let row = self.store.webhook(&self.tenant.id, ID).await?;
        row.filter(|row| is_plugin(&row.settled)).ok_or(ManageError::NoSuchEndpoint)
    }

    /// Switches it on, as `change` has to say and no more. The row of one that was removed is there still, and stays off.
    pub async fn change_plugin(&self, change: &Draft, presence: &Presence) -> Result<Webhook, ManageError> {
        judge(change).map_err(ManageError::Invalid)?;
        for _ in 0..ROUNDS {
            let row = self.plugin().await?;
            if *presence == Presence::None {
                return Err(ManageError::NoPlugin);
            }
            if row.settled.enabled {
                return Ok(row);
            }
            let on = WebhookWrite { enabled: true, ..row.settled };
            if self.store.update_webhook(&self.tenant.id, row.version, on, self.now).await? {
                return self.plugin().await;
            }
        }
        Err(ManageError::Contended)
    }
}

fn judge(change: &Draft) -> Result<(), Violations> {
    const FIXED: &str = "is the plugin's own: nothing but enabled may be changed of it";
    // A plugin that was switched off by hand would be on again with the next reload or sweep: what is installed is called.
    const OFF: &str = "true is expected: a plugin is switched off by removing it";
    let Draft { description, endpoint, events, enabled, format, neostore_signature } = change;
    let fixed = [
        ("description", description.is_some()),
        ("endpoint", endpoint.is_some()),
        ("events", events.is_some()),
        ("format", format.is_some()),
        ("neostoreSignature", neostore_signature.is_some()),
    ];
    let fixed =
        fixed.into_iter().filter(|(_, given)| *given).map(|(name, _)| (name.to_owned(), vec![FIXED.to_owned()]));
    let mut wrong: Violations = fixed.collect();
    if *enabled != Some(true) {
        wrong.insert("enabled".to_owned(), vec![OFF.to_owned()]);
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// For a person. It has no address and no key.
pub fn shown(row: &Webhook, now: Millis) -> Value {
    json!({
        "id": row.settled.id,
        "format": "plugin",
        "events": row.settled.events.texts(),
        "enabled": row.settled.enabled,
        "createdAt": time(row.created_at),
        "updatedAt": time(row.updated_at),
        "failingSince": row.failing_since.map(time),
        "pausedUntil": row.not_before.filter(|at| *at > now).map(time),
        "disabledAt": row.disabled.map(|(at, _)| time(at)),
        "disabledFor": row.disabled.map(|(_, why)| why.name()),
    })
}
