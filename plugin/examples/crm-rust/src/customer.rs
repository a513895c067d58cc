//! The customer of a pass, asked of the CRM.
//!
//! Owns the one request and the reading of its answer. What follows from the answer differs between the hooks, and is theirs.

use passerelle_plugin::{Call, Pass, Request, Response, Value};

/// What the CRM knows; nothing of somebody whom it does not know.
#[derive(Default)]
pub struct Customer {
    pub id: Option<String>,
    pub tier: Option<String>,
}

pub enum Lookup {
    /// The answer is not there yet: this is what to ask for.
    Ask(Request),
    Found(Customer),
    /// The CRM has no such customer.
    Unknown,
    /// Not now: worth another try.
    Busy,
    /// Not at all: another try would end the same.
    Refused,
}

pub fn look_up(call: &Call, crm: &str, pass: &Pass) -> Lookup {
    let Some(movement) = pass.identifier("secutix.movementId") else { return Lookup::Unknown };
    match call.answer("customer") {
        None => Lookup::Ask(
            Request::get("customer", format!("{crm}/customers"))
                .query("movement", movement)
                .header("accept", "application/json")
                .credential("crm"),
        ),
        Some(Ok(response)) => match response.status {
            200 => read(response).map_or(Lookup::Unknown, Lookup::Found),
            404 => Lookup::Unknown,
            429 | 503 => Lookup::Busy,
            _ => Lookup::Refused,
        },
        Some(Err(failure)) if failure.may_pass() => Lookup::Busy,
        Some(Err(_)) => Lookup::Refused,
    }
}

fn read(response: &Response) -> Option<Customer> {
    let body = response.json().filter(Value::is_object)?;
    let text = |name| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    Some(Customer { id: text("customerId"), tier: text("tier") })
}
