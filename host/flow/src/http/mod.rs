//! The HTTP surface: `Request<Bytes> -> Response<Bytes>`, the same on every host.
//!
//! Owns the routes and what every answer has in common (correlation id, problem details, no caching of anything personal). Does not own
//! sockets, TLS, or the reading of bodies: a host hands over a body that is at most one byte longer than [`crate::options::Options::body_limit`].

mod apple;
mod bundle;
mod caller;
mod complaint;
mod contacts;
mod create;
mod deactivate;
mod demand;
mod given;
mod google;
mod health;
mod history;
mod insights;
mod item;
mod metrics;
mod notifications;
mod order_passes;
mod orders;
mod pass_list;
mod passes;
mod patch;
mod problem;
mod save;
mod tickets;
mod vibes;
mod webhooks;

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};

pub use problem::{Problem, TYPE_PREFIX};
use tracing::Instrument;

use crate::flow::Flow;
use crate::identity::TenantId;
use crate::ports::Host;
use crate::tenant::Tenant;

/// The header that carries the correlation id, in both directions.
pub const CORRELATION: &str = "x-correlation-id";

/// Who calls, in a request's extensions: the address of the socket's other end, or what a proxy that the host trusts says of it. A host that does
/// not know leaves it out. Never what a caller says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// A request, taken apart once.
pub(crate) struct Call {
    pub method: Method,
    /// Percent-decoded segments.
    pub path: Vec<String>,
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub peer: Option<IpAddr>,
    pub correlation: String,
}

impl Call {
    pub fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// `Accept` names this media type, so a person or a program asks for it.
    pub fn accepts(&self, media: &str) -> bool {
        caller::accepts(self.header(header::ACCEPT), media)
    }
}

pub(crate) type Answer = Result<Response<Bytes>, Problem>;

impl<H: Host> Flow<H> {
    /// Answers a request. Never fails: what goes wrong becomes a problem detail.
    pub async fn handle(&self, request: Request<Bytes>) -> Response<Bytes> {
        let (parts, body) = request.into_parts();
        let correlation = caller::correlation(&parts.headers).unwrap_or_else(|| self.uuid());
        let accept = parts.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let raw_path = parts.uri.path().to_owned();
        let segments = caller::segments(&raw_path);
        // On every line that is written on the way, whatever the level: the answer names the id, and the log must lead on from there.
        // The path stays out of it: it may hold a link's proof or a device.
        let span = tracing::error_span!("request", %correlation, tenant = tracing::field::Empty);
        if let Some(tenant) = segments.as_deref().and_then(tenant_named) {
            span.record("tenant", tracing::field::display(tenant));
        }
        let answered = async {
            let answer = match segments {
                None => Err(Problem::unknown_path()),
                Some(path) => {
                    let call = Call {
                        method: parts.method,
                        path,
                        query: caller::query(parts.uri.query().unwrap_or_default()),
                        headers: parts.headers,
                        body,
                        peer: parts.extensions.get::<Peer>().map(|peer| peer.0),
                        correlation: correlation.clone(),
                    };
                    route(self, &call).await
                }
            };
            if let Err(problem) = &answer {
                tracing::info!(status = problem.status, problem = problem.slug(), "request refused");
            }
            answer
        };
        let answer = answered.instrument(span).await;
        let response = answer.unwrap_or_else(|problem| problem.response(accept.as_deref(), &raw_path, &correlation));
        finish(response, &correlation)
    }

    /// The answer to a request whose body a host could not read.
    pub fn refuse(&self, problem: Problem, headers: &HeaderMap, path: &str) -> Response<Bytes> {
        refuse(problem, headers, path, || self.uuid())
    }

    /// The answer of a host's own route, with what every answer has.
    pub fn report<T: serde::Serialize>(&self, value: &T, headers: &HeaderMap, path: &str) -> Response<Bytes> {
        match json(value) {
            Ok(response) => {
                let correlation = caller::correlation(headers).unwrap_or_else(|| self.uuid());
                finish(response, &correlation)
            }
            Err(problem) => self.refuse(problem, headers, path),
        }
    }
}

/// For a host that has no flow yet: its answers carry a correlation id all the same.
pub fn refuse(problem: Problem, headers: &HeaderMap, path: &str, fresh: impl FnOnce() -> String) -> Response<Bytes> {
    let correlation = caller::correlation(headers).unwrap_or_else(fresh);
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    tracing::info!(%correlation, status = problem.status, problem = problem.slug(), "request refused");
    finish(problem.response(accept, path, &correlation), &correlation)
}

/// The tenant that a path names, for a host that loads tenants when they are asked for: before it hands the request over.
pub fn tenant_in(path: &str) -> Option<TenantId> {
    let segments = caller::segments(path)?;
    let first = segments.first().map(String::as_str);
    let tenant = segments.get(1).filter(|_| matches!(first, Some("api" | "apple")))?;
    TenantId::parse(tenant).ok()
}

/// What every answer has.
fn finish(mut response: Response<Bytes>, correlation: &str) -> Response<Bytes> {
    if let Ok(value) = HeaderValue::from_str(correlation) {
        response.headers_mut().insert(CORRELATION, value);
    }
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn route<H: Host>(flow: &Flow<H>, call: &Call) -> Answer {
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    match path.as_slice() {
        ["health", "live"] => only(call, "GET", || Ok(text(StatusCode::OK, "live\n"))),
        ["health", "ready"] => health::ready(flow, call).await,
        ["metrics"] => metrics::tell(flow, call).await,
        ["robots.txt"] => google::robots(call),
        ["openapi.json"] => only(call, "GET", || Ok(json_bytes(include_str!("openapi.json").as_bytes()))),
        ["api", tenant, rest @ ..] => {
            let tenant = tenant_of(flow, tenant)?;
            match rest {
                ["webhooks", "listeners", "secutix", "orders"] => orders::listen(flow, &tenant, call).await,
                ["webhooks", "listeners", "secutix", "contacts"] => contacts::listen(flow, &tenant, call).await,
                ["webhooks", "listeners", "google"] => google::listen(flow, &tenant, call).await,
                ["webhooks", "listeners", "vibes", secret] => vibes::listen(flow, &tenant, call, secret).await,
                ["webhooks"] => webhooks::route(flow, &tenant, call, rest).await,
                ["webhooks", _] => webhooks::route(flow, &tenant, call, rest).await,
                ["webhooks", _, "secret"] => webhooks::route(flow, &tenant, call, rest).await,
                ["webhooks", _, "replay"] => webhooks::route(flow, &tenant, call, rest).await,
                ["webhooks", _, "test"] => webhooks::route(flow, &tenant, call, rest).await,
                ["webhooks", _, "deliveries"] => webhooks::route(flow, &tenant, call, rest).await,
                ["webhooks", _, "deliveries", _] => webhooks::route(flow, &tenant, call, rest).await,
                ["webhooks", _, "deliveries", _, "replay"] => webhooks::route(flow, &tenant, call, rest).await,
                ["external", "secutix", "orders", "getTicketsUrl", file] => {
                    tickets::list(flow, &tenant, call, file).await
                }
                ["insights", "query"] => insights::query(flow, &tenant, call).await,
                ["orders", file, "passes"] => order_passes::get(flow, &tenant, call, file).await,
                ["passes"] => match call.method.as_str() {
                    "POST" => create::create(flow, &tenant, call).await,
                    "GET" | "HEAD" => pass_list::list(flow, &tenant, call).await,
                    _ => Err(Problem::method("GET, POST")),
                },
                ["passes", "findPass"] => create::find(flow, &tenant, call).await,
                ["passes", "notifications"] => notifications::send(flow, &tenant, call).await,
                ["passes", "notifications", id] => notifications::tell(flow, &tenant, call, id).await,
                ["passes", id] => match call.method.as_str() {
                    "PATCH" => patch::patch(flow, &tenant, call, id).await,
                    "GET" | "HEAD" => passes::get(flow, &tenant, call, id).await,
                    _ => Err(Problem::method("GET, PATCH")),
                },
                ["passes", id, "deactivate"] => deactivate::deactivate(flow, &tenant, call, id).await,
                ["passes", id, "history"] => history::tell(flow, &tenant, call, id).await,
                ["templates", template, "images", image @ ..] => {
                    passes::image(&tenant, call, template, &image.join("/"))
                }
                _ => Err(Problem::unknown_path()),
            }
        }
        ["apple", tenant, "v1", rest @ ..] => {
            let tenant = tenant_of(flow, tenant)?;
            apple::route(flow, &tenant, call, rest).await
        }
        _ => Err(Problem::unknown_path()),
    }
}

/// The tenant that a path names, before it is known whether there is one.
fn tenant_named(path: &[String]) -> Option<TenantId> {
    match path {
        [area, tenant, ..] if area == "api" || area == "apple" => TenantId::parse(tenant).ok(),
        _ => None,
    }
}

fn tenant_of<H: Host>(flow: &Flow<H>, name: &str) -> Result<Arc<Tenant>, Problem> {
    let id = TenantId::parse(name).map_err(|_| Problem::unknown_tenant())?;
    flow.host.tenant(&id).ok_or_else(Problem::unknown_tenant)
}

/// For paths that take one method; HEAD goes where GET goes.
pub(crate) fn method(call: &Call, allow: &'static str) -> Result<(), Problem> {
    let fits = call.method.as_str() == allow || (allow == "GET" && call.method == Method::HEAD);
    if fits { Ok(()) } else { Err(Problem::method(allow)) }
}

fn only(call: &Call, allow: &'static str, answer: impl FnOnce() -> Answer) -> Answer {
    method(call, allow)?;
    answer()
}

pub(crate) fn respond(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

pub(crate) fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

pub(crate) fn text(status: StatusCode, body: &str) -> Response<Bytes> {
    respond(status, "text/plain; charset=utf-8", body.to_owned())
}

pub(crate) fn json_bytes(body: &[u8]) -> Response<Bytes> {
    respond(StatusCode::OK, "application/json", body.to_vec())
}

pub(crate) fn json<T: serde::Serialize>(value: &T) -> Answer {
    match serde_json::to_vec(value) {
        Ok(body) => Ok(respond(StatusCode::OK, "application/json", body)),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written");
            Err(Problem::internal())
        }
    }
}

/// What was taken and is yet to be done.
pub(crate) fn accepted<T: serde::Serialize>(value: &T) -> Answer {
    let mut response = json(value)?;
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response)
}

/// The body as JSON of one form; else what is expected.
pub(crate) fn body<T: serde::de::DeserializeOwned>(call: &Call, expected: &str) -> Result<T, Problem> {
    serde_json::from_slice(&call.body).map_err(|_| Problem::field("body", &format!("{expected} is expected")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tenant_of_a_path_is_the_one_that_the_routes_see() {
        for path in ["/api/demo/passes", "/apple/demo/v1/passes/a/b", "/api/d%65mo/passes", "/api/demo"] {
            assert_eq!(tenant_in(path).as_ref().map(TenantId::as_str), Some("demo"), "{path}");
        }
        for path in ["/", "/health/ready", "/api", "/demo/api", "/api/Demo/x", "/api/..%2fdemo/x", "/api/%zz/x"] {
            assert_eq!(tenant_in(path), None, "{path}");
        }
    }
}
