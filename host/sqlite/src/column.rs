//! How the port's types are written in columns, and read back.
//!
//! Owns the texts, but those of a wallet and of a pass's state, which the API shows as well. All are part of the schema: changing one needs a
//! migration.

use passerelle_contract::types::Wallet;
use passerelle_flow::identity::{PassId, TenantId};
use passerelle_flow::installation::wallet_name;
use passerelle_flow::store::{
    AttributeKind, DeliveryState, EffectKind, PassState, PassSubject, Priority, SignalKind, TaskSubject,
};

use crate::Fault;

pub(crate) fn of_task_subject(subject: &TaskSubject) -> (&'static str, &str) {
    match subject {
        TaskSubject::Token(mac) => ("token", mac),
        TaskSubject::File(file) => ("file", file),
        TaskSubject::Contact(number) => ("contact", number),
    }
}

pub(crate) fn task_subject(kind: &str, subject: String) -> Result<TaskSubject, Fault> {
    match kind {
        "token" => Ok(TaskSubject::Token(subject)),
        "file" => Ok(TaskSubject::File(subject)),
        "contact" => Ok(TaskSubject::Contact(subject)),
        _ => Err(Fault::Corrupt("task.kind")),
    }
}

pub(crate) fn of_pass_subject(subject: &PassSubject) -> (&'static str, &str) {
    match subject {
        PassSubject::Movement(id) => ("movement", id),
        PassSubject::Contact(number) => ("contact", number),
    }
}

pub(crate) fn pass_subject(kind: &str, subject: String) -> Result<PassSubject, Fault> {
    match kind {
        "movement" => Ok(PassSubject::Movement(subject)),
        "contact" => Ok(PassSubject::Contact(subject)),
        _ => Err(Fault::Corrupt("pass.kind")),
    }
}

pub(crate) fn of_pass_state(state: PassState) -> &'static str {
    state.as_str()
}

pub(crate) fn pass_state(text: &str) -> Result<PassState, Fault> {
    PassState::parse(text).ok_or(Fault::Corrupt("pass.state"))
}

pub(crate) fn of_priority(priority: Priority) -> i64 {
    priority as i64
}

pub(crate) fn priority(number: i64) -> Result<Priority, Fault> {
    match number {
        0 => Ok(Priority::Demand),
        1 => Ok(Priority::Normal),
        2 => Ok(Priority::Low),
        _ => Err(Fault::Corrupt("task.priority")),
    }
}

pub(crate) fn of_effect_kind(kind: EffectKind) -> &'static str {
    match kind {
        EffectKind::ApplePush => "apple-push",
        EffectKind::GoogleClass => "google-class",
        EffectKind::GoogleObject => "google-object",
        EffectKind::Installation => "installation",
        EffectKind::GoogleMessage => "google-message",
        EffectKind::SecutixReferences => "secutix-references",
        EffectKind::SecutixPrinted => "secutix-printed",
    }
}

pub(crate) fn effect_kind(text: &str) -> Result<EffectKind, Fault> {
    match text {
        "apple-push" => Ok(EffectKind::ApplePush),
        "google-class" => Ok(EffectKind::GoogleClass),
        "google-object" => Ok(EffectKind::GoogleObject),
        "installation" => Ok(EffectKind::Installation),
        "google-message" => Ok(EffectKind::GoogleMessage),
        "secutix-references" => Ok(EffectKind::SecutixReferences),
        "secutix-printed" => Ok(EffectKind::SecutixPrinted),
        _ => Err(Fault::Corrupt("effect.kind")),
    }
}

pub(crate) fn of_signal_kind(kind: SignalKind) -> &'static str {
    match kind {
        SignalKind::Installed => "installed",
        SignalKind::Removed => "removed",
        SignalKind::InferredRemoval => "inferred-removal",
        SignalKind::Present => "present",
        SignalKind::Absent => "absent",
    }
}

pub(crate) fn signal_kind(text: &str) -> Result<SignalKind, Fault> {
    match text {
        "installed" => Ok(SignalKind::Installed),
        "removed" => Ok(SignalKind::Removed),
        "inferred-removal" => Ok(SignalKind::InferredRemoval),
        "present" => Ok(SignalKind::Present),
        "absent" => Ok(SignalKind::Absent),
        _ => Err(Fault::Corrupt("signal.kind")),
    }
}

pub(crate) fn of_wallet(wallet: Wallet) -> &'static str {
    wallet_name(wallet)
}

pub(crate) fn wallet(text: &str) -> Result<Wallet, Fault> {
    match text {
        "apple" => Ok(Wallet::Apple),
        "google" => Ok(Wallet::Google),
        _ => Err(Fault::Corrupt("signal.wallet")),
    }
}

pub(crate) fn of_attribute_kind(kind: AttributeKind) -> &'static str {
    match kind {
        AttributeKind::Identifier => "identifier",
        AttributeKind::Metadata => "metadata",
    }
}

pub(crate) fn attribute_kind(text: &str) -> Result<AttributeKind, Fault> {
    match text {
        "identifier" => Ok(AttributeKind::Identifier),
        "metadata" => Ok(AttributeKind::Metadata),
        _ => Err(Fault::Corrupt("pass_attribute.kind")),
    }
}

pub(crate) fn of_delivery_state(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Ready => "ready",
        DeliveryState::Queued => "queued",
        DeliveryState::Leased => "leased",
        DeliveryState::Delivered => "delivered",
        DeliveryState::Dead => "dead",
    }
}

pub(crate) fn delivery_state(text: &str) -> Result<DeliveryState, Fault> {
    let known = DeliveryState::ALL.into_iter().find(|state| of_delivery_state(*state) == text);
    known.ok_or(Fault::Corrupt("delivery.state"))
}

pub(crate) fn tenant(text: String) -> Result<TenantId, Fault> {
    TenantId::try_from(text).map_err(|_| Fault::Corrupt("tenant"))
}

pub(crate) fn pass_id(text: String) -> Result<PassId, Fault> {
    PassId::try_from(text).map_err(|_| Fault::Corrupt("pass.id"))
}

/// A list of names as JSON text.
pub(crate) fn of_names(names: &[String]) -> Result<String, Fault> {
    serde_json::to_string(names).map_err(|_| Fault::Refused("a list of names that is no JSON"))
}

pub(crate) fn names(text: &str) -> Result<Vec<String>, Fault> {
    serde_json::from_str(text).map_err(|_| Fault::Corrupt("a list of names"))
}
