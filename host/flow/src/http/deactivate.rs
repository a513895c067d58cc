//! `POST /api/{tenantId}/passes/{id}/deactivate`: a member card ends by a person's word.
//!
//! A contact is never cancelled in SecuTix, so nothing there ends a card. A ticket's pass is not ended here: SecuTix says whether a ticket lives, and
//! the next look at its file would bring the pass back.

use http::StatusCode;

use super::{Answer, Call, Problem, caller, empty, method};
use crate::access::Scope;
use crate::attribute::Sorted;
use crate::flow::Flow;
use crate::happening::{self, About};
use crate::identity::PassId;
use crate::ports::Host;
use crate::store::{ByHand as _, Change, Deactivated, PassState, PassSubject, Store};
use crate::tenant::Tenant;

pub async fn deactivate<H: Host>(flow: &Flow<H>, tenant: &Tenant, call: &Call, id: &str) -> Answer {
    method(call, "POST")?;
    caller::authorise(flow, tenant, call, Scope::PassWrite).await?;
    let id = PassId::parse(id).map_err(|_| Problem::not_found("pass"))?;
    let store = flow.host.store();
    let view = store.pass(&tenant.id, &id).await.map_err(caller::unavailable)?;
    let pass = view.ok_or_else(|| Problem::not_found("pass"))?.pass;
    if matches!(pass.subject, PassSubject::Movement(_)) {
        return Err(Problem::ticket_ends_in_secutix());
    }
    let change = Change {
        action: "voided".to_owned(),
        use_case: "card-removed".to_owned(),
        reason: "organiser".to_owned(),
        fields: vec![],
        correlations: vec![call.correlation.clone()],
    };
    let attributes = Sorted::of_pass(&flow.host, tenant, &id).await.map_err(caller::unavailable)?;
    let about = About { state: PassState::Void, ..About::of(&pass, &attributes) };
    let happening = happening::of_change(flow, tenant, &about, &change, flow.now()).map_err(caller::internal)?;
    match store.deactivate(&tenant.id, &id, change, happening, flow.now()).await.map_err(caller::unavailable)? {
        Deactivated::Done | Deactivated::Already => Ok(empty(StatusCode::NO_CONTENT)),
        Deactivated::Unknown => Err(Problem::not_found("pass")),
    }
}
