//! `GET /api/{tenantId}/external/secutix/orders/getTicketsUrl/{fileId}`: every ticket of a file, with its links.
//!
//! Reads SecuTix now (states and download addresses are not kept here) and joins what it says with the passes. A ticket that lives and has no
//! pass yet gets one on the way, from the same answer.

use std::collections::{HashMap, HashSet};

use http::StatusCode;
use serde::Serialize;

use super::demand::{Demand, demand, failed};
use super::item::{Links, links};
use super::{Answer, Call, Problem, bundle, caller, json, method, order_passes};
use crate::access::Scope;
use crate::flow::Flow;
use crate::identity::secutix_id;
use crate::ports::Host;
use crate::run::Fetched;
use crate::secutix::{Listing, SecutixClient, Ticket};
use crate::store::{PassState, PassSubject, Priority, Store, StoredPass, TaskSubject};
use crate::tenant::Tenant;

#[derive(Serialize)]
struct Tickets {
    #[serde(rename = "fileId")]
    file: String,
    tickets: Vec<TicketItem>,
    /// All passes of the file at once; absent without a live one.
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<Links>,
}

#[derive(Serialize)]
struct TicketItem {
    #[serde(flatten)]
    ticket: Ticket,
    #[serde(skip_serializing_if = "Option::is_none")]
    pass: Option<PassOfTicket>,
}

#[derive(Serialize)]
struct PassOfTicket {
    id: String,
    #[serde(rename = "passType")]
    pass_type: String,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<Links>,
}

pub async fn list<H: Host>(flow: &Flow<H>, tenant: &Tenant, call: &Call, file: &str) -> Answer {
    method(call, "GET")?;
    caller::authorise(flow, tenant, call, Scope::PassRead).await?;
    let file = secutix_id(file).ok_or_else(|| Problem::field("fileId", "a SecuTix file id (int64) is expected"))?;
    let trace = caller::traceparent(&call.headers);
    let client = SecutixClient::new(&flow.host, tenant).traced(trace.as_deref());
    let started_at = flow.now();
    let body = client.get_file(&file, Priority::Demand).await.map_err(|error| failed(flow, error))?;
    let listing = Listing::read(&body, &tenant.locales).map_err(|error| failed(flow, error))?;

    let store = flow.host.store();
    let mut view = store.file_view(&tenant.id, &file).await.map_err(caller::unavailable)?;
    // Whether a ticket without a pass lives is the connector's to say; the answer is at hand.
    let subjects = listing.tickets.iter().map(|ticket| PassSubject::Movement(ticket.movement.clone()));
    let known: HashSet<&PassSubject> = view.passes.iter().map(|pass| &pass.subject).collect();
    let wanted: Vec<PassSubject> = subjects.filter(|subject| !known.contains(subject)).collect();
    if !wanted.is_empty() {
        let fetched = Some(Fetched { body, started_at });
        demand(flow, tenant, call, Demand { subject: TaskSubject::File(file.clone()), wanted: &wanted, fetched })
            .await?;
        view = store.file_view(&tenant.id, &file).await.map_err(caller::unavailable)?;
    }
    let passes: HashMap<&PassSubject, &StoredPass> = view.passes.iter().map(|pass| (&pass.subject, pass)).collect();
    let tickets = listing
        .tickets
        .into_iter()
        .map(|ticket| {
            let subject = PassSubject::Movement(ticket.movement.clone());
            let pass = passes.get(&subject).map(|pass| PassOfTicket {
                id: pass.id.as_str().to_owned(),
                pass_type: pass.template.clone(),
                state: pass.state.as_str(),
                links: (pass.state == PassState::Live).then(|| links(tenant, &pass.id)),
            });
            TicketItem { ticket, pass }
        })
        .collect();
    let live = view.passes.iter().filter(|pass| pass.state == PassState::Live).count();
    let link = |device: &str| format!("{}&device={device}", order_passes::link(tenant, &file));
    let apple = ((1..=bundle::LIMIT).contains(&live) && tenant.apple.is_some()).then(|| link("apple"));
    let google = (live > 0 && tenant.google.is_some()).then(|| link("google"));
    let links = (apple.is_some() || google.is_some()).then_some(Links { apple, google });
    let mut response = json(&Tickets { file, tickets, links })?;
    *response.status_mut() = StatusCode::OK;
    Ok(response)
}
