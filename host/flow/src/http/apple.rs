//! Apple's pass web service: the five calls that a phone makes (Wallet Passes, "Adding a Web Service to Update Passes").
//!
//! Owns the routes below `/apple/{tenantId}/v1`. Does not own the package (`apple::package`) nor the push (`run::effect`).
//! A wrong serial and a wrong token look the same from outside: 401. Device identifiers are kept as MACs, push tokens sealed.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use jiff::fmt::rfc2822::DateTimePrinter;
use serde::{Deserialize, Serialize};

use super::{Answer, Call, Problem, caller, complaint, empty, json, method, passes, respond};
use crate::apple::package::MEDIA_TYPE;
use crate::apple::push::PushToken;
use crate::flow::Flow;
use crate::identity::PassId;
use crate::installation;
use crate::ports::Host;
use crate::sealing::TenantKeys;
use crate::store::{PassView, Register, SignalKey, SignalKind, Store};
use crate::tenant::Tenant;

/// A device library identifier is 32 hex digits today; longer than this is no identifier.
const DEVICE_LENGTH: usize = 128;
/// Lines of one log call that are kept; phones send one or two.
const LOG_LINES: usize = 10;

pub async fn route<H: Host>(flow: &Flow<H>, tenant: &Tenant, call: &Call, path: &[&str]) -> Answer {
    let apple = tenant.apple.as_ref().ok_or_else(|| Problem::not_configured("Apple Wallet certificate"))?;
    let ours = |pass_type: &str| pass_type == apple.pass_type;
    match path {
        ["devices", device, "registrations", pass_type, serial] if ours(pass_type) => match call.method.as_str() {
            "POST" => register(flow, tenant, call, device, serial).await,
            "DELETE" => unregister(flow, tenant, call, device, serial).await,
            _ => Err(Problem::method("POST, DELETE")),
        },
        ["devices", device, "registrations", pass_type] if ours(pass_type) => {
            method(call, "GET")?;
            updated(flow, tenant, call, device).await
        }
        ["passes", pass_type, serial] if ours(pass_type) => {
            method(call, "GET")?;
            let view = authenticate(flow, tenant, call, serial).await?;
            latest(flow, tenant, call, &view).await
        }
        ["log"] => {
            method(call, "POST")?;
            log(flow, tenant, call)
        }
        // Another pass type than ours: as unknown as an unknown serial.
        ["devices", _, "registrations", _, _] | ["passes", _, _] => Err(Problem::apple_unauthorised()),
        ["devices", _, "registrations", _] => Ok(empty(StatusCode::NO_CONTENT)),
        _ => Err(Problem::unknown_path()),
    }
}

/// `Authorization: ApplePass <authenticationToken>`, compared in constant time; the token is derived from the serial, so none is stored.
async fn authenticate<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    call: &Call,
    serial: &str,
) -> Result<PassView, Problem> {
    let token = call
        .header(header::AUTHORIZATION)
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("ApplePass"))
        .map(|(_, token)| token.trim())
        .ok_or_else(Problem::apple_unauthorised)?;
    let id = PassId::parse(serial).map_err(|_| Problem::apple_unauthorised())?;
    if !tenant.keys.verify_apple(&tenant.id, &id, token) {
        return Err(Problem::apple_unauthorised());
    }
    flow.host.store().pass(&tenant.id, &id).await.map_err(caller::unavailable)?.ok_or_else(Problem::apple_unauthorised)
}

#[derive(Deserialize)]
struct Registration {
    #[serde(rename = "pushToken")]
    push_token: String,
}

async fn register<H: Host>(flow: &Flow<H>, tenant: &Tenant, call: &Call, device: &str, serial: &str) -> Answer {
    let view = authenticate(flow, tenant, call, serial).await?;
    let registration: Registration = serde_json::from_slice(&call.body)
        .map_err(|_| Problem::field("pushToken", "a JSON object with a text \"pushToken\" is expected"))?;
    let token = PushToken::parse(&registration.push_token)
        .ok_or_else(|| Problem::field("pushToken", "a push token is made of letters and digits"))?;
    let token = token.as_str();
    let keys = &tenant.keys;
    let device = device_mac(keys, device)?;
    let push_sealed = keys
        .seal_small(flow.host.random(), &["device", tenant.id.as_str(), &device], token.as_bytes())
        .map_err(caller::internal)?;
    let registered = flow
        .host
        .store()
        .register(Register {
            tenant: tenant.id.clone(),
            push_mac: keys.mac("push-token", &[token.as_bytes()]),
            push_sealed,
            pass: view.pass.id.clone(),
            now: flow.now(),
            signal: signal(flow),
            device,
        })
        .await
        .map_err(caller::unavailable)?;
    Ok(empty(if registered.created { StatusCode::CREATED } else { StatusCode::OK }))
}

async fn unregister<H: Host>(flow: &Flow<H>, tenant: &Tenant, call: &Call, device: &str, serial: &str) -> Answer {
    let view = authenticate(flow, tenant, call, serial).await?;
    let device = device_mac(&tenant.keys, device)?;
    let signal = signal(flow);
    let fold_at = installation::fold_at(flow, SignalKind::Removed);
    flow.host
        .store()
        .unregister(&tenant.id, &device, &view.pass.id, &signal, fold_at)
        .await
        .map_err(caller::unavailable)?;
    // A DELETE without an earlier POST is a phone that we forgot: it is right already.
    Ok(empty(StatusCode::OK))
}

/// What a call says of the installation, should it change a registration: the store writes it in the same transaction, and it is folded later.
/// Phones give their calls no identity, and a call that is repeated changes no registration: each one that does is an event.
fn signal<H: Host>(flow: &Flow<H>) -> SignalKey {
    SignalKey { source: "apple".to_owned(), event: flow.uuid(), at: flow.now() }
}

#[derive(Serialize)]
struct Updated<'a> {
    #[serde(rename = "serialNumbers")]
    serial_numbers: Vec<&'a str>,
    /// A string: an integer makes iOS ignore the list.
    #[serde(rename = "lastUpdated")]
    last_updated: String,
}

async fn updated<H: Host>(flow: &Flow<H>, tenant: &Tenant, call: &Call, device: &str) -> Answer {
    let device = device_mac(&tenant.keys, device)?;
    // A tag that is not ours (another server's, a truncated one) is no tag: the phone gets everything once.
    let tag = call.query("passesUpdatedSince").and_then(|tag| tag.parse().ok());
    let updated = flow.host.store().updated_since(&tenant.id, &device, tag).await.map_err(caller::unavailable)?;
    if updated.serials.is_empty() {
        return Ok(empty(StatusCode::NO_CONTENT));
    }
    json(&Updated {
        serial_numbers: updated.serials.iter().map(PassId::as_str).collect(),
        last_updated: updated.tag.to_string(),
    })
}

async fn latest<H: Host>(flow: &Flow<H>, tenant: &Tenant, call: &Call, view: &PassView) -> Answer {
    let modified = view.pass.modified_s;
    let since = call.header(header::IF_MODIFIED_SINCE).and_then(|text| jiff::fmt::rfc2822::parse(text).ok());
    if since.is_some_and(|since| since.timestamp().as_second() >= modified) {
        return Ok(empty(StatusCode::NOT_MODIFIED));
    }
    // What is erased cannot change any more: the phone keeps what it has.
    Ok(package(flow, tenant, call, view).await?.unwrap_or_else(|| empty(StatusCode::NOT_MODIFIED)))
}

/// The signed package of a pass, with the `Last-Modified` of its last visible change. None: what it showed is erased.
pub async fn package<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    call: &Call,
    view: &PassView,
) -> Result<Option<Response<Bytes>>, Problem> {
    let Some(bytes) = passes::apple_package(flow, tenant, call, view).await? else { return Ok(None) };
    let mut response = respond(StatusCode::OK, MEDIA_TYPE, bytes);
    if let Some(value) = http_date(view.pass.modified_s) {
        response.headers_mut().insert(header::LAST_MODIFIED, value);
    }
    let name = format!("attachment; filename=\"{}.pkpass\"", view.pass.id);
    if let Ok(value) = HeaderValue::from_str(&name) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(Some(response))
}

fn http_date(seconds: i64) -> Option<HeaderValue> {
    let timestamp = jiff::Timestamp::from_second(seconds).ok()?;
    let text = DateTimePrinter::new().timestamp_to_rfc9110_string(&timestamp).ok()?;
    HeaderValue::from_str(&text).ok()
}

#[derive(Deserialize)]
struct Logs {
    #[serde(default)]
    logs: Vec<serde_json::Value>,
}

/// What phones complain of, kept in the log: it is the only word of a pass that a phone refuses. Anybody may send it and it may hold anything, so
/// few lines are kept, and of those the plain words alone.
fn log<H: Host>(flow: &Flow<H>, tenant: &Tenant, call: &Call) -> Answer {
    let logs = serde_json::from_slice::<Logs>(&call.body).map(|logs| logs.logs).unwrap_or_default();
    let (mut kept, sent) = (0, logs.len());
    for line in logs.iter().filter_map(|line| line.as_str()).take(LOG_LINES) {
        if !flow.phone_logs.admits(&tenant.id, flow.now()) {
            break;
        }
        kept += 1;
        tracing::warn!(tenant = %tenant.id, line = complaint::plain_words(line), "a phone complains");
    }
    if kept < sent {
        tracing::debug!(tenant = %tenant.id, sent, kept, "log lines of a phone were dropped");
    }
    Ok(Response::new(Bytes::new()))
}

fn device_mac(keys: &TenantKeys, device: &str) -> Result<String, Problem> {
    if device.is_empty() || device.len() > DEVICE_LENGTH {
        return Err(Problem::field("deviceLibraryIdentifier", "1 to 128 characters are expected"));
    }
    Ok(keys.mac("device", &[device.as_bytes()]))
}
