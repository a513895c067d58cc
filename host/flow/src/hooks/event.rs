//! From a happening to what a hook is called with.
//!
//! Owns the shape. Does not own what a happening says (`happening`); identifiers that name a person are opened here, for this one call.

use passerelle_contract::tenant::types::{Call, Pass, Wallet};
use passerelle_contract::tenant::{on_order_changed, on_pass_installed, on_pass_uninstalled};
use serde_json::{Map, Value};

use crate::happening::{self, PropertiesError};
use crate::identity::Millis;
use crate::plugin::hook::{Event, Hook, HookCall};
use crate::store::{HappeningKind, StoredHappening};
use crate::tenant::Tenant;

/// Which hook is told of it.
pub const fn hook_of(kind: HappeningKind) -> Option<Hook> {
    match kind {
        HappeningKind::PassInstalled => Some(Hook::OnPassInstalled),
        HappeningKind::PassUninstalled => Some(Hook::OnPassUninstalled),
        HappeningKind::PassCreated | HappeningKind::PassUpdated | HappeningKind::PassDeactivated => {
            Some(Hook::OnOrderChanged)
        }
        HappeningKind::WebhookTest | HappeningKind::WebhookDisabled => None,
    }
}

/// The happenings that a hook is told of.
pub fn kinds_of(hook: Hook) -> impl Iterator<Item = HappeningKind> {
    HappeningKind::ALL.into_iter().filter(move |kind| hook_of(*kind) == Some(hook))
}

/// The call for a happening; none: no hook is told of such.
pub fn of_happening(tenant: &Tenant, stored: &StoredHappening) -> Result<Option<HookCall>, PropertiesError> {
    let happening = &stored.happening;
    let Some(hook) = hook_of(happening.kind) else { return Ok(None) };
    let properties = happening::properties_of(tenant, happening)?;
    let text = |name: &str| properties.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let pass = Pass {
        id: text("passId"),
        kind: text("passKind"),
        template: text("passType"),
        identifiers: pairs(properties.get("identifiers")),
        metadata: pairs(properties.get("metadata")),
    };
    let wallet = if text("device") == "google" { Wallet::Google } else { Wallet::Apple };
    let count = properties.get("activeRegistrationCount").and_then(Value::as_u64);
    let active_registrations = count.and_then(|count| u32::try_from(count).ok()).unwrap_or(0);
    let wallet_status = text("walletStatus");
    let event = match hook {
        Hook::OnPassInstalled => {
            let fields = fields(&properties);
            let installed = on_pass_installed::Installed { pass, wallet, active_registrations, wallet_status, fields };
            Event::OnPassInstalled(installed)
        }
        Hook::OnPassUninstalled => {
            let fields = fields(&properties);
            Event::OnPassUninstalled(on_pass_uninstalled::Uninstalled {
                pass,
                wallet,
                active_registrations,
                wallet_status,
                fields,
            })
        }
        Hook::ChooseTemplate | Hook::ShapePayload | Hook::OnOrderChanged => {
            let names = properties.get("fields").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let change = on_order_changed::Change {
                pass,
                action: text("action"),
                use_case: text("useCase"),
                reason: text("reason"),
                fields: names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            };
            let some = |name: &str| Some(text(name)).filter(|text| !text.is_empty());
            let (file, order) = (some("fileId"), some("orderId"));
            Event::OnOrderChanged(on_order_changed::OrderChanged { file, order, changes: vec![change] })
        }
    };
    Ok(Some(HookCall { call: call(tenant, &happening.id, happening.at), event }))
}

/// The first round of a call.
pub fn call(tenant: &Tenant, id: &str, at: Millis) -> Call {
    Call {
        id: id.to_owned(),
        tenant: tenant.id.as_str().to_owned(),
        at: u64::try_from(at).unwrap_or(0),
        settings: tenant.plugin.settings.clone(),
        answers: vec![],
    }
}

fn pairs(value: Option<&Value>) -> Vec<(String, String)> {
    let Some(Value::Object(object)) = value else { return vec![] };
    let text = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
    object.iter().filter_map(text).collect()
}

/// What has no place of its own in the contract.
fn fields(properties: &Map<String, Value>) -> Vec<(String, String)> {
    const PLACED: [&str; 5] = ["passId", "passKind", "passType", "device", "walletStatus"];
    let text = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
    properties.iter().filter(|(name, _)| !PLACED.contains(&name.as_str())).filter_map(text).collect()
}
