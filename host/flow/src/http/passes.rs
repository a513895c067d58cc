//! Passes: made, found, downloaded for either wallet, described.
//!
//! Owns `/api/{tenantId}/passes…` but for the history, and the public images of a template. An API key opens everything of its tenant; the link that a holder has
//! opens one pass and needs no key. A void pass is not handed out any more: its link says so and names the successor.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};

use super::demand::{Demand, demand};
use super::save::save;
use super::{Answer, Call, Problem, caller, json, method, respond, text};
use crate::access::Scope;
use crate::apple::package::pkpass;
use crate::flow::Flow;
use crate::identity::{PassId, contact_number, secutix_id};
use crate::installation;
use crate::ports::Host;
use crate::rebuild::{self, RebuildError};
use crate::store::{PassState, PassSubject, PassView, Store, TaskSubject};
use crate::tenant::Tenant;

/// `secutix.movementId` for tickets, `secutix.contactNumber` for cards.
const MOVEMENT: &str = "secutix.movementId";
const CONTACT: &str = "secutix.contactNumber";
/// Beside a movement that is not known here yet: the file to look it up in.
const FILE: &str = "secutix.fileId";

#[derive(Deserialize)]
struct Create {
    identifiers: BTreeMap<String, String>,
}

/// `POST /api/{tenantId}/passes?passType=T`: finds or makes the pass of an identifier; answers its id, as The Wallet Crew's SDK expects.
pub async fn create<H: Host>(flow: &Flow<H>, tenant: &Tenant, call: &Call) -> Answer {
    method(call, "POST")?;
    caller::authorise(flow, tenant, call, Scope::PassWrite).await?;
    let body: Create = serde_json::from_slice(&call.body)
        .map_err(|_| Problem::field("identifiers", "{\"identifiers\": {\"secutix.movementId\": \"…\"}} is expected"))?;
    let identifier = |name: &str| body.identifiers.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let subject = subject_of("identifiers", identifier(MOVEMENT), identifier(CONTACT))?;
    let pass_type = call.query("passType");
    if pass_type.is_some_and(|wanted| !tenant.templates.contains_key(wanted)) {
        return Err(Problem::field("passType", "there is no template of that name"));
    }
    if let Some(view) = find_subject(flow, tenant, &subject).await? {
        return answer_typed(call, &view, pass_type);
    }
    let task = match (&subject, identifier(FILE)) {
        (PassSubject::Contact(number), _) => TaskSubject::Contact(number.clone()),
        (PassSubject::Movement(_), Some(file)) => {
            let message = format!("{FILE}: a SecuTix file id (int64) is expected");
            TaskSubject::File(secutix_id(file).ok_or_else(|| Problem::field("identifiers", &message))?)
        }
        (PassSubject::Movement(_), None) => {
            return Err(Problem::field(
                "identifiers",
                "no pass for this movement yet; add secutix.fileId and it is looked up in SecuTix",
            ));
        }
    };
    let wanted = [subject];
    let ended = demand(flow, tenant, call, Demand { subject: task, wanted: &wanted, fetched: None }).await?;
    let [subject] = wanted;
    match find_subject(flow, tenant, &subject).await? {
        Some(view) => answer_typed(call, &view, pass_type),
        None => Err(ended.no_pass()),
    }
}

/// Exactly one identifier; a movement's in the one form that it is known by, a contact's in a form that holds nothing else.
fn subject_of(field: &str, movement: Option<&str>, contact: Option<&str>) -> Result<PassSubject, Problem> {
    match (movement, contact) {
        (Some(movement), None) => {
            let message = format!("{MOVEMENT}: a SecuTix movement id (int64) is expected");
            secutix_id(movement).map(PassSubject::Movement).ok_or_else(|| Problem::field(field, &message))
        }
        (None, Some(contact)) => {
            let message = format!("{CONTACT}: 1 to 20 letters, digits, - and _ are expected");
            let number = contact_number(contact).map(str::to_owned);
            number.map(PassSubject::Contact).ok_or_else(|| Problem::field(field, &message))
        }
        _ => Err(Problem::field(field, &format!("exactly one of {MOVEMENT} and {CONTACT} is expected"))),
    }
}

async fn find_subject<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    subject: &PassSubject,
) -> Result<Option<PassView>, Problem> {
    flow.host.store().pass_by_subject(&tenant.id, subject).await.map_err(caller::unavailable)
}

/// `GET /api/{tenantId}/passes/findPass?passType=T&secutix.movementId=…`: 200 with the id, 204 when there is none.
pub async fn find<H: Host>(flow: &Flow<H>, tenant: &Tenant, call: &Call) -> Answer {
    method(call, "GET")?;
    caller::authorise(flow, tenant, call, Scope::PassRead).await?;
    let subject = subject_of("query", call.query(MOVEMENT), call.query(CONTACT))?;
    match find_subject(flow, tenant, &subject).await? {
        Some(view) if call.query("passType").is_none_or(|wanted| wanted == view.pass.template) => {
            answer_id(call, &view)
        }
        _ => Ok(super::empty(StatusCode::NO_CONTENT)),
    }
}

/// A template follows the tenant's rules and not the caller's wish; a caller who counts on another one is told.
fn answer_typed(call: &Call, view: &PassView, pass_type: Option<&str>) -> Answer {
    if pass_type.is_some_and(|wanted| wanted != view.pass.template) {
        let message =
            format!("this pass is of the type {}, which the tenant's selection rules say", view.pass.template);
        return Err(Problem::field("passType", &message));
    }
    answer_id(call, view)
}

fn answer_id(call: &Call, view: &PassView) -> Answer {
    if call.accepts("application/json") {
        return json(&serde_json::json!({ "id": view.pass.id.as_str() }));
    }
    Ok(text(StatusCode::OK, view.pass.id.as_str()))
}

/// A pass as the API shows it.
#[derive(Serialize)]
struct PassItem {
    id: String,
    #[serde(rename = "passType")]
    pass_type: String,
    state: &'static str,
    version: i64,
    identifiers: BTreeMap<&'static str, String>,
    #[serde(rename = "creationDate")]
    creation_date: String,
    #[serde(rename = "lastUpdateDate")]
    last_update_date: String,
    /// By wallet, when it was put there; a wallet without the pass is absent.
    providers: BTreeMap<&'static str, String>,
    links: Links,
    #[serde(skip_serializing_if = "Option::is_none")]
    successor: Option<String>,
}

/// Addresses for the holder. They carry their own proof.
#[derive(Serialize)]
pub struct Links {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apple: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub google: Option<String>,
}

pub fn links(tenant: &Tenant, pass: &PassId) -> Links {
    let link = rebuild::link(tenant, pass);
    Links {
        apple: tenant.apple.is_some().then(|| format!("{link}&device=apple")),
        google: tenant.google.is_some().then(|| format!("{link}&device=google")),
    }
}

/// `GET /api/{tenantId}/passes/{id}?device=apple|google`: the package, or the save token; without a device what is known of the pass.
pub async fn get<H: Host>(flow: &Flow<H>, tenant: &Tenant, call: &Call, id: &str) -> Answer {
    method(call, "GET")?;
    let id = PassId::parse(id).map_err(|_| Problem::not_found("pass"))?;
    match call.query("token") {
        Some(token) if tenant.keys.verify_link(&tenant.id, &id, token) => {}
        Some(_) => return Err(Problem::unauthorised()),
        None => caller::authorise(flow, tenant, call, Scope::PassRead).await?,
    }
    let view = flow.host.store().pass(&tenant.id, &id).await.map_err(caller::unavailable)?;
    let view = view.ok_or_else(|| Problem::not_found("pass"))?;
    let device = match call.query("device") {
        None if call.query("token").is_none() => return describe(flow, tenant, &view).await,
        None => wallet_of(call.header(header::USER_AGENT).unwrap_or_default()),
        Some(device) => device,
    };
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

async fn describe<H: Host>(flow: &Flow<H>, tenant: &Tenant, view: &PassView) -> Answer {
    let pass = &view.pass;
    let status = installation::status(flow, tenant, pass).await.map_err(|error| match error {
        installation::InstallationError::Store(error) => caller::unavailable(error),
        error => caller::internal(error),
    })?;
    let mut providers = BTreeMap::new();
    for (name, presence) in [("apple", &status.apple), ("google", &status.google)] {
        if let (true, Some(at)) = (presence.installed, presence.changed_at) {
            providers.insert(name, timestamp(i64::try_from(at).unwrap_or(0)));
        }
    }
    let (name, value) = pass.subject.identifier();
    json(&PassItem {
        id: pass.id.as_str().to_owned(),
        pass_type: pass.template.clone(),
        state: match pass.state {
            PassState::Live => "live",
            PassState::Void => "void",
        },
        version: pass.version,
        identifiers: BTreeMap::from([(name, value.to_owned())]),
        creation_date: timestamp(pass.created_at),
        last_update_date: timestamp(pass.updated_at),
        providers,
        links: links(tenant, &pass.id),
        successor: pass.successor.as_ref().map(|pass| pass.as_str().to_owned()),
    })
}

pub fn timestamp(millis: i64) -> String {
    jiff::Timestamp::from_millisecond(millis).map(|time| time.to_string()).unwrap_or_default()
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
