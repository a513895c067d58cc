//! Passes: made, found, downloaded for either wallet, explained.
//!
//! Owns `/api/{tenantId}/passes…` and the public images of a template. An API key opens everything of its tenant; the link that a holder has
//! opens one pass and needs no key. A void pass is not handed out any more: its link says so and names the successor.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde::{Deserialize, Serialize};

use super::{Answer, Call, Problem, caller, json, method, respond, text};
use crate::access::Scope;
use crate::apple::package::pkpass;
use crate::flow::Flow;
use crate::google::link::{SavedPass, save_token};
use crate::identity::{Millis, PassId};
use crate::installation;
use crate::ports::Host;
use crate::rebuild::{self, RebuildError};
use crate::run::effect::{SendError, Which, kind_of, send_google};
use crate::run::{self, Fetched};
use crate::store::{EffectKind, PassState, PassSubject, PassView, Priority, Store, TaskSubject};
use crate::tenant::Tenant;
use crate::words;

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
    let identifier = |name: &str| body.identifiers.get(name).filter(|value| !value.is_empty());
    let subject = match (identifier(MOVEMENT), identifier(CONTACT)) {
        (Some(movement), None) => PassSubject::Movement(movement.clone()),
        (None, Some(contact)) => PassSubject::Contact(contact.clone()),
        _ => {
            let message = format!("exactly one of {MOVEMENT} and {CONTACT} is expected");
            return Err(Problem::field("identifiers", &message));
        }
    };
    if let Some(view) = find_subject(flow, tenant, &subject).await? {
        return answer_id(call, &view);
    }
    let task = match (&subject, identifier(FILE)) {
        (PassSubject::Contact(number), _) => TaskSubject::Contact(number.clone()),
        (PassSubject::Movement(_), Some(file)) => TaskSubject::File(file.clone()),
        (PassSubject::Movement(_), None) => {
            return Err(Problem::field(
                "identifiers",
                "no pass for this movement yet; add secutix.fileId and it is looked up in SecuTix",
            ));
        }
    };
    let here = demand(flow, tenant, task, None).await?;
    match find_subject(flow, tenant, &subject).await? {
        Some(view) => answer_id(call, &view),
        // Another caller's run is at it and not over: nobody knows yet whether there is one.
        None if !here => Err(Problem::unavailable()),
        None => Err(Problem::not_found("ticket or contact in SecuTix")),
    }
}

/// Until then no worker takes a task that is to be run here; should this process end in between, one does afterwards.
const HEAD_START: Millis = 1_000;

/// Runs the task of a subject now, because somebody waits. False: another worker has it and does the work, which may not be over yet.
pub async fn demand<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    subject: TaskSubject,
    fetched: Option<Fetched>,
) -> Result<bool, Problem> {
    let store = flow.host.store();
    let now = flow.now();
    let later = now + HEAD_START;
    let task =
        store.enqueue(&tenant.id, subject, &flow.uuid(), Priority::Demand, later).await.map_err(caller::unavailable)?;
    let lease =
        store.claim_task(&tenant.id, &task, now, now + flow.options.lease).await.map_err(caller::unavailable)?;
    let Some(mut lease) = lease else { return Ok(false) };
    lease.priority = Priority::Demand;
    let report = run::run(flow, lease, fetched).await.map_err(caller::unavailable)?;
    match report.outcome.as_str() {
        "credentials-refused" => Err(Problem::secutix_refuses_us()),
        "budget-spent" | "throttled" => Err(Problem::upstream_busy("SecuTix", 60)),
        "unreachable" | "not-ready" => Err(Problem::upstream("SecuTix")),
        _ => Ok(true),
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
    let subject = match (call.query(MOVEMENT), call.query(CONTACT)) {
        (Some(movement), None) => PassSubject::Movement(movement.to_owned()),
        (None, Some(contact)) => PassSubject::Contact(contact.to_owned()),
        _ => {
            let message = format!("exactly one of {MOVEMENT} and {CONTACT} is expected");
            return Err(Problem::field("query", &message));
        }
    };
    match find_subject(flow, tenant, &subject).await? {
        Some(view) if call.query("passType").is_none_or(|wanted| wanted == view.pass.template) => {
            answer_id(call, &view)
        }
        _ => Ok(super::empty(StatusCode::NO_CONTENT)),
    }
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
        "apple" => super::apple::package(flow, tenant, &view).await,
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
        error => internal(error),
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

/// The signed package. Facts come from the store; only erased ones are fetched again, and then the run has sealed them anew.
pub async fn apple_package<H: Host>(flow: &Flow<H>, tenant: &Tenant, view: &PassView) -> Result<Bytes, Problem> {
    let payload = match rebuild::rebuild_view(flow, tenant, view).await {
        Err(RebuildError::Erased) => {
            let fresh = refetch(flow, tenant, view).await?;
            rebuild::rebuild_view(flow, tenant, &fresh).await
        }
        other => other,
    }
    .map_err(not_built)?;
    let apple = payload.apple.ok_or_else(|| Problem::not_configured("Apple pass"))?;
    let template =
        tenant.templates.get(&view.pass.template).ok_or_else(|| Problem::not_configured("template of that name"))?;
    pkpass(&flow.host, tenant, template, &view.pass.id, &apple).await.map_err(internal)
}

/// Looks the pass up in SecuTix again, since what was sealed of it is erased.
async fn refetch<H: Host>(flow: &Flow<H>, tenant: &Tenant, view: &PassView) -> Result<PassView, Problem> {
    let subject = match (&view.pass.subject, &view.pass.file) {
        (PassSubject::Contact(number), _) => TaskSubject::Contact(number.clone()),
        (PassSubject::Movement(_), Some(file)) => TaskSubject::File(file.clone()),
        (PassSubject::Movement(_), None) => return Err(Problem::not_found("file of this pass")),
    };
    demand(flow, tenant, subject, None).await?;
    let fresh = flow.host.store().pass(&tenant.id, &view.pass.id).await.map_err(caller::unavailable)?;
    fresh.ok_or_else(|| Problem::not_found("pass"))
}

/// The save link: class and object are brought to Google first, so that the token stays short and later changes reach the phone.
async fn save<H: Host>(flow: &Flow<H>, tenant: &Tenant, call: &Call, view: &PassView) -> Answer {
    let google = tenant.google.as_ref().ok_or_else(|| Problem::not_configured("Google Wallet issuer"))?;
    let view = match &view.pass.sealed {
        Some(_) => view.clone(),
        None => refetch(flow, tenant, view).await?,
    };
    let store = flow.host.store();
    let id = view.pass.id.as_str();
    // The rows come first: what changes from here on is wanted, and what changed before is read below.
    let class = view.pass.google_class.clone();
    if let Some(class) = &class {
        store.reached(&tenant.id, EffectKind::GoogleClass, class, 0, flow.now()).await.map_err(caller::unavailable)?;
    }
    store.reached(&tenant.id, EffectKind::GoogleObject, id, 0, flow.now()).await.map_err(caller::unavailable)?;
    let known = store.effect_level(&tenant.id, EffectKind::GoogleObject, id).await.map_err(caller::unavailable)?;
    let view = store.pass(&tenant.id, &view.pass.id).await.map_err(caller::unavailable)?;
    let view = view.ok_or_else(|| Problem::not_found("pass"))?;
    let built = if known.unwrap_or(0) == 0 {
        let built = send_google(flow, tenant, &view, Which::Both).await.map_err(not_sent)?;
        let version = view.pass.version;
        let reached = store.reached(&tenant.id, EffectKind::GoogleObject, id, version, flow.now());
        reached.await.map_err(caller::unavailable)?;
        built
    } else {
        let payload = rebuild::rebuild_view(flow, tenant, &view).await.map_err(not_built)?;
        payload.google.ok_or_else(|| Problem::not_configured("Google pass"))?
    };
    let saved =
        SavedPass { kind: kind_of(&built).map_err(not_sent)?, class_key: &built.class_key, pass: &view.pass.id };
    let token = save_token(&flow.host, tenant, &[saved]).await.map_err(|error| not_sent(SendError::Google(error)))?;
    let address = format!("{}/{token}", google.save_url);
    let location = HeaderValue::from_str(&address).map_err(internal)?;
    let mut response: Response<Bytes> = if call.accepts("text/html") {
        respond(StatusCode::FOUND, "text/plain; charset=utf-8", address)
    } else {
        respond(StatusCode::OK, "text/plain; charset=utf-8", token)
    };
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

/// One line of `history`.
#[derive(Serialize)]
struct HistoryItem {
    seq: i64,
    at: String,
    action: String,
    #[serde(rename = "useCase")]
    use_case: String,
    /// Plain words, for support and for the holder.
    explanation: String,
    reason: String,
    fields: Vec<String>,
    #[serde(rename = "correlationIds")]
    correlation_ids: Vec<String>,
    run: Option<String>,
}

/// `GET /api/{tenantId}/passes/{id}/history`: why did my ticket change?
pub async fn history<H: Host>(flow: &Flow<H>, tenant: &Tenant, call: &Call, id: &str) -> Answer {
    method(call, "GET")?;
    caller::authorise(flow, tenant, call, Scope::PassRead).await?;
    let id = PassId::parse(id).map_err(|_| Problem::not_found("pass"))?;
    let store = flow.host.store();
    store.pass(&tenant.id, &id).await.map_err(caller::unavailable)?.ok_or_else(|| Problem::not_found("pass"))?;
    let changes = store.history(&tenant.id, &id).await.map_err(caller::unavailable)?;
    let items: Vec<HistoryItem> = changes
        .into_iter()
        .map(|stored| HistoryItem {
            seq: stored.seq,
            at: timestamp(stored.at),
            explanation: words::change(&stored.change),
            action: stored.change.action,
            use_case: stored.change.use_case,
            reason: stored.change.reason,
            fields: stored.change.fields,
            correlation_ids: stored.change.correlations,
            run: stored.run,
        })
        .collect();
    json(&items)
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

fn not_built(error: RebuildError) -> Problem {
    match error {
        RebuildError::Part(crate::parts::PartError::Store(error)) => caller::unavailable(error),
        RebuildError::Sandbox(crate::ports::SandboxFailure::Busy) => Problem::unavailable(),
        error => internal(error),
    }
}

fn not_sent(error: SendError) -> Problem {
    match error {
        SendError::NotConfigured => Problem::not_configured("Google pass"),
        SendError::Rebuild(error) => not_built(error),
        SendError::Store(error) => caller::unavailable(error),
        SendError::Google(error) => {
            tracing::error!(%error, "google wallet");
            Problem::upstream("Google Wallet")
        }
    }
}

fn internal(error: impl std::fmt::Display) -> Problem {
    tracing::error!(%error, "pass");
    Problem::internal()
}
