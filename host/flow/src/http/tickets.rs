//! `GET /api/{tenantId}/external/secutix/orders/getTicketsUrl/{fileId}`: every ticket of a file, with its links.
//!
//! Reads SecuTix now (states and download addresses are not kept here) and joins what it says with the passes. A living ticket that has no
//! pass yet gets one on the way, from the same answer.

use http::StatusCode;
use serde::Serialize;

use super::passes::{self, Links, links};
use super::{Answer, Call, Problem, caller, json, method};
use crate::access::Scope;
use crate::flow::Flow;
use crate::ports::Host;
use crate::run::Fetched;
use crate::secutix::{Listing, SecutixClient, SecutixError, Ticket};
use crate::store::{PassState, PassSubject, Priority, Store, TaskSubject};
use crate::tenant::Tenant;

#[derive(Serialize)]
struct Tickets {
    #[serde(rename = "fileId")]
    file: String,
    tickets: Vec<TicketItem>,
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
    if file.parse::<i64>().map_or(true, |id| id < 0) {
        return Err(Problem::field("fileId", "a SecuTix file id (int64) is expected"));
    }
    let started_at = flow.now();
    let body = SecutixClient::new(&flow.host, tenant).get_file(file, Priority::Demand).await.map_err(secutix)?;
    let listing = Listing::read(&body, &tenant.locales).map_err(secutix)?;

    let store = flow.host.store();
    let mut view = store.file_view(&tenant.id, file).await.map_err(caller::unavailable)?;
    let has_pass = |movement: &str, view: &crate::store::FileView| {
        view.passes.iter().any(|pass| pass.subject == PassSubject::Movement(movement.to_owned()))
    };
    if listing.tickets.iter().any(|ticket| ticket.living && !has_pass(&ticket.movement, &view)) {
        let fetched = Fetched { body, started_at };
        passes::demand(flow, tenant, TaskSubject::File(file.to_owned()), Some(fetched)).await?;
        view = store.file_view(&tenant.id, file).await.map_err(caller::unavailable)?;
    }
    let tickets = listing
        .tickets
        .into_iter()
        .map(|ticket| {
            let subject = PassSubject::Movement(ticket.movement.clone());
            let pass = view.passes.iter().find(|pass| pass.subject == subject).map(|pass| PassOfTicket {
                id: pass.id.as_str().to_owned(),
                pass_type: pass.template.clone(),
                state: if pass.state == PassState::Live { "live" } else { "void" },
                links: (pass.state == PassState::Live).then(|| links(tenant, &pass.id)),
            });
            TicketItem { ticket, pass }
        })
        .collect();
    let mut response = json(&Tickets { file: file.to_owned(), tickets })?;
    *response.status_mut() = StatusCode::OK;
    Ok(response)
}

/// SecuTix refusing *our* credentials is our fault and never the caller's 401.
fn secutix(error: SecutixError) -> Problem {
    match error {
        SecutixError::CredentialsRefused => {
            tracing::error!(
                "SecuTix refuses our credentials: check institution, operator, partner, secret and the clock"
            );
            Problem::secutix_refuses_us()
        }
        SecutixError::NotFound => Problem::not_found("file in SecuTix"),
        SecutixError::BudgetSpent { .. } | SecutixError::Throttled { .. } => Problem::upstream_busy("SecuTix", 60),
        SecutixError::Store(error) => caller::unavailable(error),
        other => {
            tracing::error!(error = %other, "getTicketsUrl");
            Problem::upstream("SecuTix")
        }
    }
}
