//! What a guest is called about: one small event of each hook, the same every time.

use passerelle_contract::tenant::types::{Call, Method, Pass, Request, Wallet};
use passerelle_contract::tenant::{
    choose_template, on_order_changed, on_pass_installed, on_pass_uninstalled, shape_payload,
};
use passerelle_flow::plugin::hook::{Event, Hook, HookCall};

/// The templates that there are to choose from; the good plugin takes the first.
const TEMPLATES: [&str; 2] = ["gold", "silver"];

/// The first round of a call of this hook.
pub fn call(hook: Hook) -> HookCall {
    let call = Call {
        id: "01935f6a".to_owned(),
        tenant: "demo".to_owned(),
        at: 1_764_000_000_000,
        settings: vec![("list".to_owned(), "members".to_owned())],
        answers: vec![],
    };
    let pass = || Pass {
        id: "0d4b3f9e".to_owned(),
        kind: "eventTicket".to_owned(),
        template: "silver".to_owned(),
        identifiers: vec![("secutix.movementId".to_owned(), "10228310724999".to_owned())],
        metadata: vec![],
    };
    let (active_registrations, wallet_status, fields) = (1, "apple".to_owned(), vec![]);
    let event = match hook {
        Hook::ChooseTemplate => Event::ChooseTemplate(choose_template::Candidate {
            kind: "eventTicket".to_owned(),
            selectors: vec![("tariff".to_owned(), "member".to_owned())],
            templates: TEMPLATES.map(str::to_owned).to_vec(),
            default: "silver".to_owned(),
        }),
        Hook::ShapePayload => {
            Event::ShapePayload(shape_payload::Subject { pass: pass(), ticket: b"{}".to_vec(), events: vec![] })
        }
        Hook::OnPassInstalled => Event::OnPassInstalled(on_pass_installed::Installed {
            pass: pass(),
            wallet: Wallet::Apple,
            active_registrations,
            wallet_status,
            fields,
        }),
        Hook::OnPassUninstalled => Event::OnPassUninstalled(on_pass_uninstalled::Uninstalled {
            pass: pass(),
            wallet: Wallet::Apple,
            active_registrations,
            wallet_status,
            fields,
        }),
        Hook::OnOrderChanged => {
            let change = on_order_changed::Change {
                pass: pass(),
                action: "updated".to_owned(),
                use_case: "reprint".to_owned(),
                reason: "barcode".to_owned(),
                fields: vec!["barcode".to_owned()],
            };
            let (file, order) = (Some("10228310724".to_owned()), None);
            Event::OnOrderChanged(on_order_changed::OrderChanged { file, order, changes: vec![change] })
        }
    };
    HookCall { call, event }
}

/// A request that nothing is wrong with, for what is made wrong about it.
pub fn request(name: &str) -> Request {
    Request {
        name: name.to_owned(),
        method: Method::Post,
        url: "https://crm.example/members".to_owned(),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: b"{}".to_vec(),
        credential: None,
    }
}
