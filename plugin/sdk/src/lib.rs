//! What a plugin for Passerelle is written with.
//!
//! A plugin decides for one venue: which template a pass gets, what else stands on it, and what a CRM is told when it is installed, removed or
//! changed. It runs in a sandbox without network, files, clock or randomness. It is handed values and hands values back; what it wants sent, it
//! returns as [`Request`]s, and the host checks and sends them.
//!
//! Implement [`Plugin`], whose methods all have the host's defaults, and [`export!`] it:
//!
//! ```
//! use passerelle_plugin::{Call, Fault, Installed, Plugin, Request, Turn, export, json, rfc3339};
//!
//! struct Crm;
//!
//! impl Plugin for Crm {
//!     fn on_pass_installed(call: &Call, event: &Installed) -> Result<Turn, Fault> {
//!         let url = format!("{}/wallet-events", call.required("crm")?);
//!         let body = json!({ "pass": event.pass.id, "wallet": event.wallet.name(), "at": rfc3339(call.at) });
//!         Ok(Turn::Deliver(vec![Request::post("wallet-event", url).json(&body).credential("crm")]))
//!     }
//! }
//!
//! export!(Crm);
//! ```
//!
//! # Ask first, then answer
//!
//! A hook that needs to know something first returns `Ask` with requests. The host sends them and calls the hook again, from the start and in a
//! fresh instance, with the answers in [`Call::answers`]: three rounds of asking at most. A request that failed is an answer too.
//!
//! ```
//! use passerelle_plugin::{Call, Fault, Installed, Plugin, Request, Turn};
//!
//! struct Greeter;
//!
//! impl Plugin for Greeter {
//!     fn on_pass_installed(call: &Call, event: &Installed) -> Result<Turn, Fault> {
//!         let Some(customer) = event.pass.identifier("crm.customerId") else { return Ok(Turn::nothing()) };
//!         match call.answer("customer") {
//!             None => Ok(Turn::Ask(vec![
//!                 Request::get("customer", "https://crm.example/customers").query("id", customer).credential("crm"),
//!             ])),
//!             Some(Ok(response)) if response.status == 200 => {
//!                 Ok(Turn::Deliver(vec![Request::post("greeting", "https://crm.example/greetings").credential("crm")]))
//!             }
//!             Some(Ok(_)) => Ok(Turn::nothing()),
//!             Some(Err(_)) => Err(Fault::Retry),
//!         }
//!     }
//! }
//! ```
//!
//! # Building
//!
//! `passerelle plugin build` does it: a `cdylib` for `wasm32-unknown-unknown`, whose standard library imports nothing, made into a component. A
//! panic is a trap there; each hook says what the host does then. Elsewhere the same crate builds as ordinary Rust, so that hooks are tested with
//! `cargo test`, for which [`testing`] has what to call them with.
//!
//! Owns the trait and what is said shorter with it. Does not own the contract, which is `wit/tenant`, nor what the host does with a plugin's word.

#[doc(hidden)]
pub mod bindings;
mod call;
mod exports;
mod json;
mod pairs;
mod percent;
mod plugin;
mod request;
mod response;
pub mod testing;
mod time;

pub use bindings::exports::passerelle::tenant::choose_template::{Candidate, Choice};
pub use bindings::exports::passerelle::tenant::on_order_changed::{Change, OrderChanged};
pub use bindings::exports::passerelle::tenant::on_pass_installed::Installed;
pub use bindings::exports::passerelle::tenant::on_pass_uninstalled::Uninstalled;
pub use bindings::exports::passerelle::tenant::shape_payload::{Shaping, Subject};
pub use bindings::exports::passerelle::tenant::types::{
    Answer, Bytes, Call, Failure, Fault, Instant, Method, Pass, Request, Response, Turn, Wallet,
};
#[doc(hidden)]
pub use exports::is_plugin;
pub use json::parse_json;
pub use percent::percent_encode;
pub use plugin::Plugin;
pub use serde_json::{self, Value, json};
pub use time::rfc3339;
