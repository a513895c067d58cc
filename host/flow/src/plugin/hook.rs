//! The five hooks in one shape: what one is called with, and what it may answer.
//!
//! Owns the names and the shape, which hosts carry to the plugin and back, be it over a sandbox's call or Spin's private route. Does not own what
//! an answer leads to (`round`, `deliver`).

use passerelle_contract::tenant::types::{Call, Fault, Request};
use passerelle_contract::tenant::{
    choose_template, on_order_changed, on_pass_installed, on_pass_uninstalled, shape_payload,
};
use serde::{Deserialize, Serialize};

/// An interface of `wit/tenant`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hook {
    ChooseTemplate,
    ShapePayload,
    OnPassInstalled,
    OnPassUninstalled,
    OnOrderChanged,
}

impl Hook {
    pub const ALL: [Self; 5] = [
        Self::ChooseTemplate,
        Self::ShapePayload,
        Self::OnPassInstalled,
        Self::OnPassUninstalled,
        Self::OnOrderChanged,
    ];

    /// As the WIT has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ChooseTemplate => "choose-template",
            Self::ShapePayload => "shape-payload",
            Self::OnPassInstalled => "on-pass-installed",
            Self::OnPassUninstalled => "on-pass-uninstalled",
            Self::OnOrderChanged => "on-order-changed",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hook| hook.name() == name)
    }
}

/// What a hook is called about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    ChooseTemplate(choose_template::Candidate),
    ShapePayload(shape_payload::Subject),
    OnPassInstalled(on_pass_installed::Installed),
    OnPassUninstalled(on_pass_uninstalled::Uninstalled),
    OnOrderChanged(on_order_changed::OrderChanged),
}

impl Event {
    pub const fn hook(&self) -> Hook {
        match self {
            Self::ChooseTemplate(_) => Hook::ChooseTemplate,
            Self::ShapePayload(_) => Hook::ShapePayload,
            Self::OnPassInstalled(_) => Hook::OnPassInstalled,
            Self::OnPassUninstalled(_) => Hook::OnPassUninstalled,
            Self::OnOrderChanged(_) => Hook::OnOrderChanged,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookCall {
    pub call: Call,
    pub event: Event,
}

/// What a hook answers. Each of them has some of these cases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Turn {
    Ask(Vec<Request>),
    /// `choose-template`: this one.
    Chosen(String),
    /// `shape-payload`: these, and no others.
    Variables(Vec<(String, String)>),
    /// `choose-template`: `default`; `shape-payload`: `unchanged`.
    Default,
    Deliver(Vec<Request>),
}

impl Turn {
    /// May this hook end so?
    pub const fn fits(&self, hook: Hook) -> bool {
        match self {
            Self::Ask(_) => true,
            Self::Chosen(_) => matches!(hook, Hook::ChooseTemplate),
            Self::Variables(_) => matches!(hook, Hook::ShapePayload),
            Self::Default => matches!(hook, Hook::ChooseTemplate | Hook::ShapePayload),
            Self::Deliver(_) => {
                matches!(hook, Hook::OnPassInstalled | Hook::OnPassUninstalled | Hook::OnOrderChanged)
            }
        }
    }
}

/// What a call returned.
pub type Returned = Result<Turn, Fault>;

impl From<choose_template::Choice> for Turn {
    fn from(choice: choose_template::Choice) -> Self {
        match choice {
            choose_template::Choice::Ask(requests) => Self::Ask(requests),
            choose_template::Choice::Chosen(name) => Self::Chosen(name),
            choose_template::Choice::Default => Self::Default,
        }
    }
}

impl From<shape_payload::Shaping> for Turn {
    fn from(shaping: shape_payload::Shaping) -> Self {
        match shaping {
            shape_payload::Shaping::Ask(requests) => Self::Ask(requests),
            shape_payload::Shaping::Variables(variables) => Self::Variables(variables),
            shape_payload::Shaping::Unchanged => Self::Default,
        }
    }
}

impl From<passerelle_contract::tenant::types::Turn> for Turn {
    fn from(turn: passerelle_contract::tenant::types::Turn) -> Self {
        match turn {
            passerelle_contract::tenant::types::Turn::Ask(requests) => Self::Ask(requests),
            passerelle_contract::tenant::types::Turn::Deliver(requests) => Self::Deliver(requests),
        }
    }
}
