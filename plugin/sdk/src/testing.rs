//! What a hook is called with, for native tests (`cargo test`): a plugin's hooks are functions, and need no sandbox to be tried.
//!
//! ```
//! use passerelle_plugin::{Call, Fault, Installed, Plugin, Turn, Wallet, testing};
//!
//! struct Strict;
//!
//! impl Plugin for Strict {
//!     fn on_pass_installed(call: &Call, _: &Installed) -> Result<Turn, Fault> {
//!         call.required("crm").map(|_| Turn::nothing())
//!     }
//! }
//!
//! let event = Installed {
//!     pass: testing::pass([("secutix.movementId", "4711")]),
//!     wallet: Wallet::Apple,
//!     active_registrations: 1,
//!     wallet_status: "apple".into(),
//!     fields: vec![],
//! };
//! let call = testing::call([("crm", "https://crm.example")]);
//! assert_eq!(Strict::on_pass_installed(&call, &event), Ok(Turn::nothing()));
//! ```
//!
//! Owns a call and a pass to begin with. Does not own cases as files: `passerelle plugin test` plays those, against the built plugin.

use crate::pairs::owned;
use crate::{Answer, Call, Failure, Pass, Response, Value};

/// A call of the tenant `demo` with these settings and without answers, which happened at 2027-01-21T19:00:00Z.
///
/// ```
/// use passerelle_plugin::{rfc3339, testing};
///
/// let call = testing::call([("crm", "https://crm.example")]);
/// assert_eq!(rfc3339(call.at), "2027-01-21T19:00:00.000Z");
/// ```
pub fn call<const N: usize>(settings: [(&str, &str); N]) -> Call {
    Call {
        id: "evt_1".to_owned(),
        tenant: "demo".to_owned(),
        at: 1_800_558_000_000,
        settings: owned(settings),
        answers: Vec::new(),
    }
}

/// The call of the next round: a request was answered, with JSON.
///
/// ```
/// use passerelle_plugin::{json, testing};
///
/// let call = testing::answered(testing::call([]), "customer", 200, &json!({ "tier": "gold" }));
/// assert!(call.answer("customer").is_some_and(|answer| answer.is_ok()));
/// ```
pub fn answered(mut call: Call, name: &str, status: u16, body: &Value) -> Call {
    let headers = owned([("content-type", "application/json")]);
    let response = Response { status, headers, body: body.to_string().into_bytes() };
    call.answers.push(Answer { name: name.to_owned(), outcome: Ok(response) });
    call
}

/// The call of the next round: a request was not answered.
///
/// ```
/// use passerelle_plugin::{Failure, testing};
///
/// let call = testing::failed(testing::call([]), "customer", Failure::Unreachable);
/// assert_eq!(call.answer("customer"), Some(Err(Failure::Unreachable)));
/// ```
pub fn failed(mut call: Call, name: &str, failure: Failure) -> Call {
    call.answers.push(Answer { name: name.to_owned(), outcome: Err(failure) });
    call
}

/// The pass `aB3xZ` of an event ticket, of the template `concert`, with these identifiers.
///
/// ```
/// let pass = passerelle_plugin::testing::pass([("secutix.movementId", "4711")]);
/// assert_eq!((pass.id.as_str(), pass.kind.as_str(), pass.template.as_str()), ("aB3xZ", "eventTicket", "concert"));
/// ```
pub fn pass<const N: usize>(identifiers: [(&str, &str); N]) -> Pass {
    Pass {
        id: "aB3xZ".to_owned(),
        kind: "eventTicket".to_owned(),
        template: "concert".to_owned(),
        identifiers: owned(identifiers),
        metadata: Vec::new(),
    }
}
