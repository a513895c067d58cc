//! The types of `wit/tenant`, field by field.

use passerelle_contract::tenant as contract;

use super::{Cross, record, variant};
use crate::bindings::tenant as guest;

variant!(types::Wallet { Apple, Google });
variant!(types::Method { Get, Post, Put, Patch, Delete });
record!(types::Request { name, method, url, headers, body, credential });
record!(types::Response { status, headers, body });
variant!(types::Failure { Denied, Unreachable, TimedOut, TooLarge, OverBudget });
record!(types::Answer { name, outcome });
record!(types::Call { id, tenant, at, settings, answers });
record!(types::Pass { id, kind, template, identifiers, metadata });
variant!(types::Fault { Reject(text), Retry });
variant!(types::Turn { Ask(requests), Deliver(requests) });

record!(choose_template::Candidate { kind, selectors, templates, default });
variant!(choose_template::Choice { Ask(requests), Chosen(name), Default });
record!(shape_payload::Subject { pass, ticket, events });
variant!(shape_payload::Shaping { Ask(requests), Variables(variables), Unchanged });
record!(on_pass_installed::Installed { pass, wallet, active_registrations, wallet_status, fields });
record!(on_pass_uninstalled::Uninstalled { pass, wallet, active_registrations, wallet_status, fields });
record!(on_order_changed::Change { pass, action, use_case, reason, fields });
record!(on_order_changed::OrderChanged { file, order, changes });
