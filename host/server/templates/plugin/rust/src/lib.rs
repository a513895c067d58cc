//! What the venue decides for itself. Each hook is a function from values to values: no network, no files, no clock but `call.at`. What it wants
//! sent, it returns, and the host sends it.

use passerelle_plugin::{Call, Fault, Installed, Plugin, Request, Turn, json, rfc3339};

struct Venue;

passerelle_plugin::export!(Venue);

impl Plugin for Venue {
    /// A pass came into a wallet: the CRM is told.
    fn on_pass_installed(call: &Call, event: &Installed) -> Result<Turn, Fault> {
        // `[plugin.settings]` of the tenant's configuration.
        let crm = call.required("crm")?;
        let body = json!({
            "event": "installed",
            "passId": event.pass.id,
            "passType": event.pass.template,
            "movementId": event.pass.identifier("secutix.movementId"),
            "wallet": event.wallet.name(),
            "at": rfc3339(call.at),
        });
        // `crm` names one of `[plugin.credentials]`; the host adds its value.
        let request = Request::post("wallet-event", format!("{crm}/wallet-events")).json(&body).credential("crm");
        Ok(Turn::Deliver(vec![request]))
    }

    // To know something first, return `Turn::Ask` with a request. The hook is called again, from its start, with the answer:
    //
    //     let Some(answer) = call.answer("customer") else {
    //         return Ok(Turn::Ask(vec![Request::get("customer", format!("{crm}/customers")).query("id", id).credential("crm")]));
    //     };

    // The other hooks have the host's defaults until they are written here:
    //
    //     fn on_pass_uninstalled(call: &Call, event: &Uninstalled) -> Result<Turn, Fault>
    //     fn on_order_changed(call: &Call, event: &OrderChanged) -> Result<Turn, Fault>
    //     fn choose_template(call: &Call, candidate: &Candidate) -> Result<Choice, Fault>
    //     fn shape_payload(call: &Call, subject: &Subject) -> Result<Shaping, Fault>
}
