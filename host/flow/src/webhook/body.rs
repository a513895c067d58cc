//! What is sent: our body, and Vibes'.
//!
//! Owns both shapes. Does not own the properties (`happening`). Identifiers that name a person are opened here, for this one body, and kept by
//! nobody. Ours is that of Standard Webhooks, with The Wallet Crew's names in it (domain.md 1.13, where the shape is derived: docs/assumptions.md).

use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::endpoint::Format;
use crate::happening::{self, PropertiesError};
use crate::store::{HappeningKind, StoredHappening};
use crate::tenant::Tenant;

#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    #[error(transparent)]
    Properties(#[from] PropertiesError),
    #[error("the body is no JSON")]
    Form,
    #[error("this format has no such event")]
    NotCarried,
}

/// A body, and the identifier that its pass lacks.
pub struct Body {
    pub bytes: Zeroizing<Vec<u8>>,
    pub missing_identifier: bool,
    /// `passKind` of what lacks it.
    pub pass_kind: Option<String>,
}

pub fn make(tenant: &Tenant, format: Format, stored: &StoredHappening) -> Result<Body, BodyError> {
    let happening = &stored.happening;
    if !format.carries(happening.kind) {
        return Err(BodyError::NotCarried);
    }
    let properties = happening::properties_of(tenant, happening)?;
    let missing_identifier = properties.contains_key("missingIdentifier");
    let pass_kind = properties.get("passKind").and_then(Value::as_str).map(str::to_owned);
    let body = match format {
        // Never asked: a plugin is called instead.
        Format::Passerelle | Format::Plugin => ours(tenant, stored, properties),
        Format::Vibes => vibes(tenant, stored, &properties),
    };
    let bytes = serde_json::to_vec(&body).map(Zeroizing::new).map_err(|_| BodyError::Form)?;
    Ok(Body { bytes, missing_identifier, pass_kind })
}

fn ours(tenant: &Tenant, stored: &StoredHappening, properties: Map<String, Value>) -> Value {
    let happening = &stored.happening;
    let mut data = json!({
        "eventId": happening.id,
        "eventType": happening.kind.name(),
        "tenantId": tenant.id.as_str(),
        "properties": properties,
    });
    if let Value::Object(data) = &mut data {
        if let Some(operation) = &happening.operation {
            data.insert("operationId".to_owned(), operation.as_str().into());
        }
        if let Some(seq) = stored.seq {
            data.insert("sequence".to_owned(), seq.into());
        }
    }
    json!({ "type": happening.kind.name(), "timestamp": time(happening.at), "data": data })
}

/// Vibes' callback (domain.md 4.3). What it has and we do not know (an expiry, an installation of its own) is null or made of the pass; the
/// addresses have Vibes' form, since receivers cut names out of them, and nothing is served there.
fn vibes(tenant: &Tenant, stored: &StoredHappening, properties: &Map<String, Value>) -> Value {
    let text = |name: &str| properties.get(name).and_then(Value::as_str);
    let (pass, template) = (text("passId").unwrap_or_default(), text("passType").unwrap_or_default());
    let provider = text("device").unwrap_or_default();
    let installed = stored.happening.kind == HappeningKind::PassInstalled;
    let callback = if installed { "wallet_item_install" } else { "wallet_item_remove" };
    let at = time(stored.happening.at);
    let first = text(if provider == "google" { "googleWalletInstalledAt" } else { "appleWalletInstalledAt" });
    let registered = if installed { Some(at.as_str()) } else { first };
    let unregistered = if installed { None } else { Some(at.as_str()) };
    let mut tokens = Map::new();
    for group in ["metadata", "identifiers"] {
        if let Some(Value::Object(values)) = properties.get(group) {
            tokens.extend(values.clone());
        }
    }
    let campaign = format!("/companies/{}/campaigns/wallet/{template}", tenant.id);
    json!({
        "event_id": stored.happening.id,
        "event_type": callback,
        "callback_type": callback,
        "event_date": at,
        "wallet_instance": {
            "registered_at": registered,
            "unregistered_at": unregistered,
            // Vibes has one per device. A device names a person, so this says no more than which wallet.
            "wallet_instance_uid": format!("{pass}-{provider}"),
            "provider": provider,
        },
        "wallet_item": {
            "uuid": pass,
            "wallet_object_uid": pass,
            "expiration_date": null,
            "tokens": tokens,
            "url": format!("{campaign}/items/{pass}"),
        },
        "wallet_campaign": { "wallet_campaign_uid": template, "token": template, "url": campaign },
    })
}

/// RFC 3339 with milliseconds, always: who compares texts compares times.
pub fn time(at: crate::identity::Millis) -> String {
    let written = jiff::Timestamp::from_millisecond(at).map(|at| at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string());
    written.unwrap_or_default()
}
