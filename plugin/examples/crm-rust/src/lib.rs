//! Keeps a CRM in the picture, and the CRM's customers on their passes:
//!
//! - who buys one of certain products gets another template;
//! - a ticket's pass shows the customer's tier, which the CRM knows;
//! - the CRM is told when a pass comes into a wallet, leaves it, or changes with its order.
//!
//! Settings: `crm`, the CRM's address without a slash at its end; `vip_products`, codes of products separated by commas; `vip_template`, the template
//! that they get. Every request goes out with the tenant's credential `crm`.
//!
//! Owns the decisions and the bodies. What is looked up at the CRM is in `customer`.

mod customer;
#[cfg(test)]
mod tests;

use passerelle_plugin::{
    Call, Candidate, Choice, Fault, Installed, OrderChanged, Pass, Plugin, Request, Shaping, Subject, Turn,
    Uninstalled, Value, Wallet, json, rfc3339,
};

use crate::customer::{Customer, Lookup};

struct Crm;

passerelle_plugin::export!(Crm);

impl Plugin for Crm {
    fn choose_template(call: &Call, candidate: &Candidate) -> Result<Choice, Fault> {
        let product = candidate.selector("product");
        let is_vip = call.list("vip_products").any(|vip| Some(vip) == product);
        Ok(match call.setting("vip_template") {
            Some(template) if is_vip && candidate.offers(template) => Choice::Chosen(template.to_owned()),
            _ => Choice::Default,
        })
    }

    fn shape_payload(call: &Call, subject: &Subject) -> Result<Shaping, Fault> {
        let (Ok(crm), "eventTicket") = (call.required("crm"), subject.pass.kind.as_str()) else {
            return Ok(Shaping::Unchanged);
        };
        Ok(match customer::look_up(call, crm, &subject.pass) {
            Lookup::Ask(request) => Shaping::Ask(vec![request]),
            Lookup::Found(Customer { tier, .. }) => {
                Shaping::Variables(tier.map(|tier| ("tier".to_owned(), tier)).into_iter().collect())
            }
            Lookup::Unknown => Shaping::Variables(Vec::new()),
            // What the pass showed before is better than nothing.
            Lookup::Busy | Lookup::Refused => Shaping::Unchanged,
        })
    }

    fn on_pass_installed(call: &Call, event: &Installed) -> Result<Turn, Fault> {
        tell(call, "installed", &event.pass, event.wallet, &event.wallet_status)
    }

    fn on_pass_uninstalled(call: &Call, event: &Uninstalled) -> Result<Turn, Fault> {
        tell(call, "removed", &event.pass, event.wallet, &event.wallet_status)
    }

    fn on_order_changed(call: &Call, event: &OrderChanged) -> Result<Turn, Fault> {
        let crm = call.required("crm")?;
        let deliveries = event.changes.iter().enumerate().map(|(index, change)| {
            let body = json!({
                "event": change.action,
                "passId": change.pass.id,
                "passType": change.pass.template,
                "useCase": change.use_case,
                "fields": change.fields,
                "at": rfc3339(call.at),
            });
            wallet_event(format!("change-{index}"), crm, &body)
        });
        Ok(Turn::Deliver(deliveries.collect()))
    }
}

/// Looks the customer up and tells the CRM what became of the pass.
fn tell(call: &Call, event: &str, pass: &Pass, wallet: Wallet, wallet_status: &str) -> Result<Turn, Fault> {
    let crm = call.required("crm")?;
    let customer = match customer::look_up(call, crm, pass) {
        Lookup::Ask(request) => return Ok(Turn::Ask(vec![request])),
        Lookup::Busy => return Err(Fault::Retry),
        Lookup::Found(customer) => customer,
        // The event is worth more than the name that belongs to it.
        Lookup::Unknown | Lookup::Refused => Customer::default(),
    };
    let body = json!({
        "event": event,
        "passId": pass.id,
        "passType": pass.template,
        "wallet": wallet.name(),
        "walletStatus": wallet_status,
        "customerId": customer.id,
        "tier": customer.tier,
        "at": rfc3339(call.at),
    });
    Ok(Turn::Deliver(vec![wallet_event("wallet-event", crm, &body)]))
}

fn wallet_event(name: impl Into<String>, crm: &str, body: &Value) -> Request {
    Request::post(name, format!("{crm}/wallet-events")).json(body).credential("crm")
}
