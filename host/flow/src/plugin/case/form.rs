//! Events and requests as JSON that people write: names in camelCase, pairs as objects, bodies as the JSON that they are.
//!
//! Owns the form, both ways. Does not own what an event is (`wit/tenant`).

use std::collections::BTreeMap;

use passerelle_contract::tenant::types::{Method, Pass, Request, Wallet};
use passerelle_contract::tenant::{
    choose_template, on_order_changed, on_pass_installed, on_pass_uninstalled, shape_payload,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::plugin::hook::{Event, Hook};

/// What is wrong with a case.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    #[error("the case is not as it should be: {0}")]
    Json(String),
    #[error("the event is none of {hook}: {why}")]
    Event { hook: &'static str, why: String },
}

type Pairs = BTreeMap<String, String>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PassForm {
    id: String,
    #[serde(default = "event_ticket")]
    kind: String,
    template: String,
    #[serde(default)]
    identifiers: Pairs,
    #[serde(default)]
    metadata: Pairs,
}

fn event_ticket() -> String {
    "eventTicket".to_owned()
}

impl From<PassForm> for Pass {
    fn from(form: PassForm) -> Self {
        Self {
            id: form.id,
            kind: form.kind,
            template: form.template,
            identifiers: form.identifiers.into_iter().collect(),
            metadata: form.metadata.into_iter().collect(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CandidateForm {
    #[serde(default = "event_ticket")]
    kind: String,
    #[serde(default)]
    selectors: Pairs,
    templates: Vec<String>,
    #[serde(default)]
    default: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SubjectForm {
    pass: PassForm,
    #[serde(default)]
    ticket: Value,
    #[serde(default)]
    events: Vec<Value>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WalletForm {
    Apple,
    Google,
}

impl From<WalletForm> for Wallet {
    fn from(form: WalletForm) -> Self {
        match form {
            WalletForm::Apple => Self::Apple,
            WalletForm::Google => Self::Google,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct InstallationForm {
    pass: PassForm,
    wallet: WalletForm,
    #[serde(default)]
    active_registrations: u32,
    #[serde(default)]
    wallet_status: String,
    #[serde(default)]
    fields: Pairs,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ChangeForm {
    pass: PassForm,
    action: String,
    #[serde(default)]
    use_case: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    fields: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OrderForm {
    #[serde(default)]
    file: Option<String>,
    #[serde(default)]
    order: Option<String>,
    changes: Vec<ChangeForm>,
}

pub(super) fn event(hook: Hook, event: Value) -> Result<Event, FormError> {
    fn read<T: DeserializeOwned>(hook: Hook, event: Value) -> Result<T, FormError> {
        serde_json::from_value(event).map_err(|why| FormError::Event { hook: hook.name(), why: why.to_string() })
    }
    Ok(match hook {
        Hook::ChooseTemplate => {
            let CandidateForm { kind, selectors, templates, default } = read(hook, event)?;
            let selectors = selectors.into_iter().collect();
            Event::ChooseTemplate(choose_template::Candidate { kind, selectors, templates, default })
        }
        Hook::ShapePayload => {
            let SubjectForm { pass, ticket, events } = read(hook, event)?;
            let events = events.into_iter().map(bytes).collect();
            Event::ShapePayload(shape_payload::Subject { pass: pass.into(), ticket: bytes(ticket), events })
        }
        Hook::OnPassInstalled => {
            let form: InstallationForm = read(hook, event)?;
            Event::OnPassInstalled(on_pass_installed::Installed {
                pass: form.pass.into(),
                wallet: form.wallet.into(),
                active_registrations: form.active_registrations,
                wallet_status: form.wallet_status,
                fields: form.fields.into_iter().collect(),
            })
        }
        Hook::OnPassUninstalled => {
            let form: InstallationForm = read(hook, event)?;
            Event::OnPassUninstalled(on_pass_uninstalled::Uninstalled {
                pass: form.pass.into(),
                wallet: form.wallet.into(),
                active_registrations: form.active_registrations,
                wallet_status: form.wallet_status,
                fields: form.fields.into_iter().collect(),
            })
        }
        Hook::OnOrderChanged => {
            let OrderForm { file, order, changes } = read(hook, event)?;
            let changes = changes.into_iter().map(|form| on_order_changed::Change {
                pass: form.pass.into(),
                action: form.action,
                use_case: form.use_case,
                reason: form.reason,
                fields: form.fields,
            });
            Event::OnOrderChanged(on_order_changed::OrderChanged { file, order, changes: changes.collect() })
        }
    })
}

/// A text is itself, any other JSON is its text, and nothing is nothing.
pub(super) fn bytes(value: Value) -> Vec<u8> {
    match value {
        Value::Null => vec![],
        Value::String(text) => text.into_bytes(),
        value => value.to_string().into_bytes(),
    }
}

pub(super) const fn method(method: Method) -> &'static str {
    match method {
        Method::Get => "get",
        Method::Post => "post",
        Method::Put => "put",
        Method::Patch => "patch",
        Method::Delete => "delete",
    }
}

/// A body that is JSON is compared as JSON.
pub(super) fn request(request: &Request) -> Value {
    let headers: Map<String, Value> =
        request.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.as_str().into())).collect();
    let body = match request.body.as_slice() {
        [] => Value::Null,
        body => serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(body).into()),
    };
    json!({
        "name": request.name,
        "method": method(request.method),
        "url": request.url,
        "headers": headers,
        "body": body,
        "credential": request.credential,
    })
}
