//! `POST /api/{tenantId}/passes/{id}/deactivate`: a member card ends by a person's word.
//!
//! A contact is never cancelled in SecuTix, so nothing there ends a card. A ticket's pass is not ended here: SecuTix says whether a ticket lives, and
//! the next look at its file would bring the pass back.

use http::StatusCode;

use super::{Answer, Call, Problem, caller, empty, method};
use crate::access::Scope;
use crate::flow::Flow;
use crate::identity::PassId;
use crate::ports::Host;
use crate::store::{ByHand as _, Change, Deactivated, PassSubject, Store};
use crate::tenant::Tenant;

pub async fn deactivate<H: Host>(flow: &Flow<H>, tenant: &Tenant, call: &Call, id: &str) -> Answer {
    method(call, "POST")?;
    caller::authorise(flow, tenant, call, Scope::PassWrite).await?;
    let id = PassId::parse(id).map_err(|_| Problem::not_found("pass"))?;
    let store = flow.host.store();
    let view = store.pass(&tenant.id, &id).await.map_err(caller::unavailable)?;
    match view.map(|view| view.pass.subject) {
        None => return Err(Problem::not_found("pass")),
        Some(PassSubject::Movement(_)) => return Err(Problem::ticket_ends_in_secutix()),
        Some(PassSubject::Contact(_)) => {}
    }
    let change = Change {
        action: "voided".to_owned(),
        use_case: "card-removed".to_owned(),
        reason: "organiser".to_owned(),
        fields: vec![],
        correlations: vec![call.correlation.clone()],
    };
    match store.deactivate(&tenant.id, &id, change, flow.now()).await.map_err(caller::unavailable)? {
        Deactivated::Done | Deactivated::Already => Ok(empty(StatusCode::NO_CONTENT)),
        Deactivated::Unknown => Err(Problem::not_found("pass")),
    }
}
