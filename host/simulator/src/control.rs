//! The simulator by hand, over HTTP, for integrators: sell, change, scan, look at files and phones, have Vibes call.
//!
//! Owns the routes under `/control` and the index page. Does not own what they do. Bounded by the loopback address, and by two
//! checks against web pages that a browser on the same machine has open: the Host must be a loopback name, and a write must be JSON
//! (which a page cannot send across origins without asking first, and is never allowed).

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use crate::listener::{Answer, Peer, Service, respond, respond_json, service};
use crate::world::World;

mod actions;

#[derive(Clone)]
pub(crate) struct Control {
    world: Arc<World>,
}

/// Why a control call did nothing.
#[derive(Debug, thiserror::Error)]
enum ControlError {
    #[error("no such path; GET / lists them")]
    NoPath,
    #[error("missing or wrong: {0}")]
    Missing(&'static str),
    #[error(transparent)]
    Institution(#[from] crate::secutix::InstitutionError),
    #[error(transparent)]
    Shop(#[from] crate::secutix::shop::ShopError),
    #[error(transparent)]
    Add(#[from] crate::apple::phone::AddError),
    #[error(transparent)]
    Save(#[from] crate::google::phone::SaveError),
    #[error("only local callers that send JSON")]
    Foreign,
}

impl ControlError {
    fn status(&self) -> StatusCode {
        match self {
            Self::NoPath => StatusCode::NOT_FOUND,
            Self::Foreign => StatusCode::FORBIDDEN,
            Self::Missing(_) | Self::Institution(_) => StatusCode::BAD_REQUEST,
            Self::Shop(_) | Self::Add(_) | Self::Save(_) => StatusCode::BAD_GATEWAY,
        }
    }
}

impl Control {
    pub fn new(world: Arc<World>) -> Self {
        Self { world }
    }

    pub fn service(&self) -> Service {
        service(self.clone(), |control, _: Peer, request| async move { Answer::Respond(control.serve(&request).await) })
    }

    async fn serve(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let path = request.uri().path();
        if let Err(error) = guard(request) {
            return respond_json(error.status(), &json!({"error": error.to_string()}));
        }
        match (request.method(), path) {
            (&Method::GET, "/") => respond(StatusCode::OK, "text/html; charset=utf-8", self.index()),
            (&Method::GET, "/control/root.pem") => {
                respond(StatusCode::OK, "application/x-pem-file", self.world.authority.root_pem())
            }
            _ => match self.act(request).await {
                Ok(body) => respond_json(StatusCode::OK, &body),
                Err(error) => respond_json(error.status(), &json!({"error": error.to_string()})),
            },
        }
    }

    async fn act(&self, request: &Request<Bytes>) -> Result<Value, ControlError> {
        let segments: Vec<&str> = request.uri().path().trim_matches('/').split('/').collect();
        let Some(("control", rest)) = segments.split_first().map(|(first, rest)| (*first, rest)) else {
            return Err(ControlError::NoPath);
        };
        if request.method() == Method::GET {
            return self.look(rest);
        }
        let body = if request.body().is_empty() {
            json!({})
        } else {
            serde_json::from_slice(request.body()).map_err(|_| ControlError::Missing("the body, in JSON"))?
        };
        self.perform(rest, &body).await
    }

    fn look(&self, path: &[&str]) -> Result<Value, ControlError> {
        let world = &self.world;
        let secutix = &world.institution;
        match path {
            ["state"] => Ok(json!({
                "addresses": world.addresses(),
                "files": secutix.files().len(),
                "waitingNotices": secutix.waiting_notices(),
                "secutixCalls": secutix.call_counts(),
                "googleCalls": world.google.call_counts(),
                "googleWarnings": world.google.warnings(),
                "pushes": world.push.records().len(),
            })),
            ["catalogue"] => Ok(json!(secutix.catalogue())),
            ["contacts"] => Ok(json!(secutix.contacts())),
            ["files"] => Ok(json!(secutix.files())),
            ["files", id] => {
                let id = id.parse().map_err(|_| ControlError::Missing("files/{id}: a number"))?;
                secutix.file_json(id).ok_or(ControlError::Institution(crate::InstitutionError::UnknownFile))
            }
            ["phones"] => {
                let iphones: Vec<Value> = world.iphones().values().map(actions::iphone_json).collect();
                let androids: Vec<Value> = world.androids().values().map(actions::android_json).collect();
                Ok(json!({"iphones": iphones, "androids": androids}))
            }
            ["crm"] => Ok(json!({"url": world.crm.url(), "desks": world.crm.desks()})),
            ["crm", name] => {
                let desk = world.crm.desk(name);
                Ok(
                    json!({"url": desk.url(), "records": desk.records(), "unmatched": desk.unmatched(), "received": desk.received()}),
                )
            }
            ["crm-api"] => {
                let api = world.crm.api();
                Ok(json!({"url": api.url(), "tokenUrl": api.token_url(), "issued": api.issued(), "calls": api.calls()}))
            }
            ["crm-api", "events"] => {
                Ok(json!(world.crm.api().events().iter().map(actions::event_json).collect::<Vec<_>>()))
            }
            ["oddities"] => Ok(json!(secutix.oddities(|oddities| oddities.clone()))),
            ["log", "secutix"] => Ok(json!(secutix.calls())),
            ["log", "prints"] => Ok(json!(secutix.prints())),
            ["references", movement] => {
                let id = movement.parse().map_err(|_| ControlError::Missing("references/{movement}: a number"))?;
                Ok(json!(secutix.movement_references(id)))
            }
            ["log", "google"] => Ok(json!(world.google.calls())),
            ["log", "callbacks"] => Ok(json!(world.google.callbacks())),
            ["log", "vibes"] => Ok(json!(world.vibes.calls())),
            ["log", "vibes-callbacks"] => Ok(json!(world.vibes.deliveries())),
            ["vibes"] => Ok(json!({
                "company": world.vibes.company(),
                "campaigns": world.vibes.campaigns(),
                "registrations": world.vibes.registrations(),
                "quirks": world.vibes.quirks(|_| {}),
            })),
            ["log", "push"] => Ok(json!(world.push.records())),
            ["log", "iphone", name] => Ok(json!(world.iphone(name).log())),
            _ => Err(ControlError::NoPath),
        }
    }

    fn index(&self) -> String {
        let addresses = self.world.addresses();
        let row = |name: &str, value: &str| format!("<tr><th>{name}</th><td><code>{value}</code></td></tr>");
        let rows = [
            row("SecuTix web service", &addresses.secutix),
            row("Apple push service", &addresses.push),
            row("Google Wallet API", &addresses.google_api),
            row("Google token endpoint", &addresses.google_token),
            row("Google save link", &addresses.google_save),
            row("Google root keys", &addresses.google_keys),
            row("CRM", &addresses.crm),
            row("Vibes' API", &addresses.vibes),
        ]
        .concat();
        let calls: String = actions::CALLS
            .iter()
            .map(|(call, what)| format!("<tr><td><code>{call}</code></td><td>{what}</td></tr>"))
            .collect();
        format!(
            "<!doctype html><meta charset=utf-8><title>Passerelle simulator</title>\
             <style>body{{font:16px/1.5 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem}}\
             td,th{{text-align:left;padding:.2rem 1rem .2rem 0;vertical-align:top}}</style>\
             <h1>Passerelle simulator</h1><p>A SecuTix institution, Apple, Google, phones and a CRM. All persons are invented; \
             nothing survives a restart.</p><h2>Addresses</h2><table>{rows}</table>\
             <p>All of them present certificates of <a href=/control/root.pem>this root</a>.</p>\
             <h2>Calls</h2><table>{calls}</table>"
        )
    }
}

fn guard(request: &Request<Bytes>) -> Result<(), ControlError> {
    let header = |name| request.headers().get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
    let host = header(http::header::HOST).or_else(|| request.uri().authority().map(|host| host.as_str()));
    let name = host.unwrap_or_default().rsplit_once(':').map_or(host.unwrap_or_default(), |(name, _)| name);
    let json = header(http::header::CONTENT_TYPE).is_some_and(|kind| kind.starts_with("application/json"));
    let one_host = request.headers().get_all(http::header::HOST).iter().count() <= 1;
    let local = one_host && matches!(name, "localhost" | "127.0.0.1");
    if local && (request.method() == Method::GET || json) { Ok(()) } else { Err(ControlError::Foreign) }
}
