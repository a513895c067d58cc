//! Passes: downloaded for either wallet, described.
//!
//! Owns `GET /api/{tenantId}/passes/{id}`, and the public images of a template. An API key opens everything of its tenant; the link that a holder has
//! opens one pass and needs no key. A void pass is not handed out any more: its link says so and names the successor.

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};

use super::demand::{Demand, demand};
use super::item::item;
use super::save::save;
use super::{Answer, Call, Problem, caller, json, method, respond};
use crate::access::Scope;
use crate::apple::package::pkpass;
use crate::flow::Flow;
use crate::identity::PassId;
use crate::ports::Host;
use crate::rebuild::{self, RebuildError};
use crate::store::{
    Condition, Count, Order, PassLists as _, PassQuery, PassState, PassSubject, PassView, Start, Store, TaskSubject,
    TextTest,
};
use crate::tenant::Tenant;

/// `GET /api/{tenantId}/passes/{id}?device=apple|google`: the package, or the save token; without a device what is known of the pass.
pub async fn get<H: Host>(flow: &Flow<H>, tenant: &Tenant, call: &Call, id: &str) -> Answer {
    let id = PassId::parse(id).map_err(|_| Problem::not_found("pass"))?;
    match call.query("token") {
        Some(token) if tenant.keys.verify_link(&tenant.id, &id, token) => {}
        Some(_) => return Err(Problem::unauthorised()),
        None => caller::authorise(flow, tenant, call, Scope::PassRead).await?,
    }
    let device = match (call.query("device"), call.query("token")) {
        (Some(device), _) => device,
        (None, Some(_)) => wallet_of(call.header(header::USER_AGENT).unwrap_or_default()),
        (None, None) => return describe(flow, tenant, &id).await,
    };
    let view = flow.host.store().pass(&tenant.id, &id).await.map_err(caller::unavailable)?;
    let view = view.ok_or_else(|| Problem::not_found("pass"))?;
    if view.pass.state == PassState::Void {
        let successor = view.pass.successor.as_ref().map(|pass| rebuild::link(tenant, pass));
        return Err(Problem::void_pass(successor));
    }
    match device {
        "apple" => {
            let package = super::apple::package(flow, tenant, call, &view).await?;
            package.ok_or_else(Problem::erased)
        }
        "google" => save(flow, tenant, call, &view).await,
        _ => Err(Problem::field("device", "apple or google is expected")),
    }
}

/// A link that names no wallet is opened by the phone it is for; anything that is no Apple device gets Google's page.
fn wallet_of(user_agent: &str) -> &'static str {
    let apple = ["iPhone", "iPad", "Macintosh"].iter().any(|mark| user_agent.contains(mark));
    if apple { "apple" } else { "google" }
}

/// What is known of the pass, as a list has it.
pub async fn describe<H: Host>(flow: &Flow<H>, tenant: &Tenant, id: &PassId) -> Answer {
    let query = PassQuery {
        tenant: tenant.id.clone(),
        conditions: vec![Condition::Id(TextTest::In(vec![id.as_str().to_owned()]))],
        order: Order::Id,
        descending: false,
        start: Start::Offset(0),
        limit: 1,
        count: Count::Never,
    };
    let page = flow.host.store().list_passes(query).await.map_err(caller::unavailable)?;
    let (_, pass) = page.passes.first().ok_or_else(|| Problem::not_found("pass"))?;
    json(&item(tenant, pass))
}

/// The signed package. Facts come from the store; only erased ones are fetched again, and then the run has sealed them anew. None: they are
/// erased for good.
pub async fn apple_package<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    call: &Call,
    view: &PassView,
) -> Result<Option<Bytes>, Problem> {
    let payload = match rebuild::rebuild_view(flow, tenant, view).await {
        // SecuTix tells nothing of a ticket that has ended.
        Err(RebuildError::Erased) if view.pass.state == PassState::Void => return Ok(None),
        Err(RebuildError::Erased) => {
            let fresh = refetch(flow, tenant, call, view).await?;
            rebuild::rebuild_view(flow, tenant, &fresh).await
        }
        other => other,
    };
    let payload = match payload {
        Err(RebuildError::Erased) => return Ok(None),
        other => other.map_err(not_built)?,
    };
    let apple = payload.apple.ok_or_else(|| Problem::not_configured("Apple pass"))?;
    let template =
        tenant.templates.get(&view.pass.template).ok_or_else(|| Problem::not_configured("template of that name"))?;
    let package = pkpass(flow.host.signer(), flow.now(), tenant, template, &view.pass.id, &apple).await;
    package.map(Some).map_err(caller::internal)
}

/// Looks the pass up in SecuTix again: what was sealed of it is erased, or it was made by an older template.
pub async fn refetch<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    call: &Call,
    view: &PassView,
) -> Result<PassView, Problem> {
    let subject = match (&view.pass.subject, &view.pass.file) {
        (PassSubject::Contact(number), _) => TaskSubject::Contact(number.clone()),
        (PassSubject::Movement(_), Some(file)) => TaskSubject::File(file.clone()),
        (PassSubject::Movement(_), None) => return Err(Problem::not_found("file of this pass")),
    };
    let wanted = std::slice::from_ref(&view.pass.subject);
    demand(flow, tenant, call, Demand { subject, wanted, fetched: None }).await?;
    let fresh = flow.host.store().pass(&tenant.id, &view.pass.id).await.map_err(caller::unavailable)?;
    fresh.ok_or_else(|| Problem::not_found("pass"))
}

/// `GET /api/{tenantId}/templates/{template}/images/{file}`: Google fetches logos by address. Public, as the images on a pass are.
pub fn image(tenant: &Tenant, call: &Call, template: &str, file: &str) -> Answer {
    method(call, "GET")?;
    let image = tenant.templates.get(template).and_then(|template| template.images.get(file));
    let image = image.ok_or_else(|| Problem::not_found("image"))?;
    let mut response = respond(StatusCode::OK, "image/png", image.clone());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    Ok(response)
}

pub fn not_built(error: RebuildError) -> Problem {
    match error {
        RebuildError::Part(crate::parts::PartError::Store(error)) => caller::unavailable(error),
        RebuildError::Sandbox(crate::ports::SandboxFailure::Busy) => Problem::unavailable(),
        RebuildError::Erased => Problem::erased(),
        error => caller::internal(error),
    }
}
