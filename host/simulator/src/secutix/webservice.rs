//! SecuTix's web services, the part that Passerelle calls: REST-RPC, POST only, JSON (domain.md 3.1 to 3.5).
//!
//! Owns routes, the envelope, the order of refusals (unreachable, down, throttled, unauthorised, malformed) and the record of calls.
//! Does not own the answers' inside (`rendering`).

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

use crate::Millis;
use crate::listener::{Answer, Peer, Service, respond, respond_json, service};
use crate::secutix::credentials::Refusal;
use crate::secutix::notifier::Notice;
use crate::secutix::oddities::Oddities;
use crate::secutix::{Institution, State, printing, rendering};

const FILE_FROM_SECRET: &str = "/tnseb/backend-apis/externalOrderService/v1_33/getFileDetailsFromOrderSecretId";
const FILE: &str = "/tnseb/backend-apis/externalOrderService/v1_33/getFileDetails";
const UPDATE_REFERENCES: &str = "/tnseb/backend-apis/externalOrderService/v1_33/updateExternalReferences";
const REFERENCE: &str = "/tnseb/backend-apis/externalOrderService/v1_33/getExternalReference";
const ALIVE: &str = "/tnseb/backend-apis/catalogService/v1_33/isCatalogServiceAlive";
const CONTACT: &str = "/tnco/backend-apis/contactInformationPublicService/v2_21/getContactData";
const AUTH: &str = "/tnai/backend-apis/v1/auth";

/// SecuTix's "too many requests" (domain.md 3.1).
const THROTTLED: u16 = 509;
/// `details` of `getContactData` (domain.md 3.5).
const DETAILS: [&str; 12] = [
    "GENERAL",
    "QUALITIES",
    "AUTHORIZATIONS",
    "CRITERIA",
    "INDICATORS",
    "ADVANTAGES",
    "ADDRESSES",
    "COM_MEANS",
    "FINANCIAL",
    "CONNECTIONS",
    "INDIVIDUAL_PHOTO",
    "INVALIDATED_QUALITIES",
];

/// One call as it came in. Headers without `authorization` and `cookie`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceCall {
    pub at: Millis,
    pub method: String,
    /// Last segment of the path, such as `getFileDetails`.
    pub endpoint: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// 0: the connection was broken instead.
    pub status: u16,
    /// Why it was refused, where it was.
    pub refusal: Option<String>,
}

impl Institution {
    pub(crate) fn service(&self) -> Service {
        service(self.clone(), |institution, _: Peer, request| async move { institution.serve(request).await })
    }

    async fn serve(&self, request: Request<Bytes>) -> Answer {
        let wait = self.state().oddities.slow;
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        let second = self.now().div_euclid(1000);
        let outcome = self.outcome(&request, second);
        let mut call = ServiceCall {
            at: self.now(),
            method: request.method().to_string(),
            endpoint: request.uri().path().rsplit('/').next().unwrap_or_default().to_owned(),
            path: request.uri().path().to_owned(),
            headers: visible_headers(&request),
            body: visible_body(&request),
            status: 0,
            refusal: outcome.refusal,
        };
        let answer = match outcome.response {
            Some(response) => {
                call.status = response.status().as_u16();
                Answer::Respond(response)
            }
            None => Answer::HangUp,
        };
        let announced = self.echo(&call);
        self.state().calls.push(call);
        if let Some(notice) = announced {
            let institution = self.clone();
            tokio::spawn(async move { institution.deliver(notice).await });
        }
        answer
    }

    /// What is announced of a write of ours, where SecuTix takes it for a change of the order.
    fn echo(&self, call: &ServiceCall) -> Option<Notice> {
        let state = self.state();
        if call.path != UPDATE_REFERENCES || call.status != 200 || !state.oddities.announce_references {
            return None;
        }
        let body: Value = serde_json::from_str(&call.body).ok()?;
        let ids = state.ids_of(body.get("id")?.as_i64()?)?;
        Some(Notice::of("MODIFIED", &ids))
    }

    fn outcome(&self, request: &Request<Bytes>, second: i64) -> Outcome {
        let path = request.uri().path();
        let mut state = self.state();
        if state.oddities.unreachable {
            return Outcome { response: None, refusal: Some("unreachable".to_owned()) };
        }
        if state.oddities.down {
            return Outcome::refused(StatusCode::SERVICE_UNAVAILABLE, "down", "maintenance");
        }
        let ahead = Duration::from_millis(u64::try_from(self.ahead()).unwrap_or(0));
        if !state.throttle.admit(path, Instant::now() + ahead) {
            let status = StatusCode::from_u16(THROTTLED).unwrap_or(StatusCode::TOO_MANY_REQUESTS);
            let response = respond(status, "text/html", "<html><body>Bandwidth Limit Exceeded</body></html>");
            return Outcome { response: Some(response), refusal: Some("throttled".to_owned()) };
        }
        if !is_endpoint(path) && !printing::is_printing(path) {
            return Outcome::refused(StatusCode::NOT_FOUND, "not_found", "no such service or method");
        }
        if request.method() != Method::POST {
            return Outcome::refused(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "REST-RPC is POST only");
        }
        let content_type = request.headers().get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let expected = if path == printing::IMPORT { "text/csv" } else { "application/json" };
        if !content_type.is_some_and(|value| value.starts_with(expected)) {
            return Outcome::refused(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "bad_request",
                &format!("{expected} expected"),
            );
        }
        if path != AUTH {
            let header = request.headers().get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok());
            let judged = if state.oddities.refuse_credentials {
                Err(Refusal::Switched)
            } else {
                self.credentials().judge(header, second)
            };
            if let Err(refusal) = judged {
                return Outcome::refused(StatusCode::UNAUTHORIZED, "unauthorized", &refusal.to_string());
            }
        }
        if printing::is_printing(path) {
            return print(request, &mut state, self.now());
        }
        let Ok(Value::Object(body)) = serde_json::from_slice::<Value>(request.body()) else {
            return Outcome::refused(StatusCode::BAD_REQUEST, "bad_request", "the body is not a JSON object");
        };
        self.dispatch(path, &Value::Object(body), &mut state, second)
    }

    fn dispatch(&self, path: &str, body: &Value, state: &mut State, second: i64) -> Outcome {
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
        let number = |pointer: &str| body.pointer(pointer).and_then(Value::as_i64);
        match path {
            FILE_FROM_SECRET => match text("/orderSecretId") {
                Some(secret) => {
                    let file = state.file_of_secret.get(secret).copied();
                    file_outcome(file, state)
                }
                None => Outcome::malformed("orderSecretId: a string"),
            },
            FILE => match number("/fileId") {
                Some(file) => file_outcome(state.files.contains_key(&file).then_some(file), state),
                None => Outcome::malformed("fileId: an integer"),
            },
            CONTACT => {
                let details = body.get("details").and_then(Value::as_array);
                let known = |detail: &Value| detail.as_str().is_some_and(|detail| DETAILS.contains(&detail));
                if !details.is_some_and(|details| details.iter().all(known)) {
                    return Outcome::malformed("details: a list of the documented ones");
                }
                let Some(contact) = text("/contactNumber") else {
                    return Outcome::malformed("contactNumber: a string");
                };
                match state.contacts.get(contact).map(rendering::contact_answer) {
                    Some(answer) => Outcome::answered(&state.oddities.disfigure(answer)),
                    None => Outcome::failed("contact_not_found"),
                }
            }
            UPDATE_REFERENCES => {
                let (id, kind) = (reference_target(body), text("/externalReferenceKind"));
                let (key, value) = (text("/externalReference/key"), text("/externalReference/value"));
                let (Some(id), Some(kind), Some(key), Some(value)) = (id, kind, key, value) else {
                    return Outcome::malformed("id, externalReferenceKind, externalReference{key, value}");
                };
                let known = match kind {
                    "MOVEMENT" => id.parse().is_ok_and(|id: i64| state.file_of_movement.contains_key(&id)),
                    "ORDER" => {
                        state.files.values().flat_map(|file| &file.orders).any(|order| order.id.to_string() == id)
                    }
                    "CONTACT" => state.contacts.contains_key(&id),
                    _ => return Outcome::malformed("externalReferenceKind: ORDER, MOVEMENT or CONTACT"),
                };
                if !known {
                    return Outcome::failed("reference_target_not_found");
                }
                let target = state.references.entry((kind.to_owned(), id)).or_default();
                target.insert(key.to_owned(), value.to_owned());
                Outcome::answered(&envelope("success", None))
            }
            REFERENCE => {
                let (Some(id), Some(kind)) = (reference_target(body), text("/externalReferenceKind")) else {
                    return Outcome::malformed("id, externalReferenceKind");
                };
                let found = state.references.get(&(kind.to_owned(), id.clone())).cloned().unwrap_or_default();
                let list: Vec<Value> = found.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
                let mut answer = envelope("success", None);
                if let Some(fields) = answer.as_object_mut() {
                    fields.insert("externalReferences".to_owned(), json!({"id": id, "externalReferences": list}));
                }
                Outcome::answered(&state.oddities.disfigure(answer))
            }
            ALIVE => Outcome::answered(&envelope("success", None)),
            AUTH => {
                let ours = self.credentials();
                let right = text("/operator") == Some(&ours.operator)
                    && text("/partner") == Some(&ours.partner)
                    && text("/secret") == Some(&ours.secret);
                match right {
                    true => Outcome::answered(&json!({"token": ours.issue(second)})),
                    false => Outcome::refused(StatusCode::UNAUTHORIZED, "unauthorized", "operator, partner or secret"),
                }
            }
            _ => Outcome::refused(StatusCode::NOT_FOUND, "not_found", "no such service or method"),
        }
    }
}

/// A movement's or an order's is a number, a contact's a text.
fn reference_target(body: &Value) -> Option<String> {
    match body.get("id")? {
        Value::Number(number) => Some(number.as_i64()?.to_string()),
        Value::String(text) => Some(text.clone()),
        _ => None,
    }
}

fn print(request: &Request<Bytes>, state: &mut State, at: Millis) -> Outcome {
    let path = request.uri().path();
    let tickets = match printing::tickets(path, request.uri().query(), request.body()) {
        Ok(tickets) => tickets,
        Err(expected) => return Outcome::malformed(expected),
    };
    let way = path.rsplit('/').next().unwrap_or_default();
    for ticket in tickets {
        if !state.report_printed(ticket, way, at) {
            return Outcome::failed("ticket_not_found");
        }
    }
    Outcome::answered(&envelope("success", None))
}

struct Outcome {
    response: Option<Response<Bytes>>,
    refusal: Option<String>,
}

impl Outcome {
    fn answered(answer: &Value) -> Self {
        Self { response: Some(respond_json(StatusCode::OK, answer)), refusal: None }
    }

    /// HTTP 200 with a `statusCode` that is not `success` (domain.md 3.3).
    fn failed(code: &str) -> Self {
        let response = respond_json(StatusCode::OK, &envelope(code, Some(code)));
        Self { response: Some(response), refusal: Some(code.to_owned()) }
    }

    fn malformed(expected: &str) -> Self {
        Self::refused(StatusCode::BAD_REQUEST, "bad_request", expected)
    }

    fn refused(status: StatusCode, code: &str, detail: &str) -> Self {
        let response = respond_json(status, &envelope(code, Some(detail)));
        Self { response: Some(response), refusal: Some(detail.to_owned()) }
    }
}

fn file_outcome(file: Option<i64>, state: &mut State) -> Outcome {
    let Some(file) = file else { return Outcome::failed("file_not_found") };
    if let Some(status) = state.oddities.failure_status.clone() {
        return Outcome::failed(&status);
    }
    if Oddities::take(&mut state.oddities.in_progress) {
        return Outcome::failed("in_progress");
    }
    let shown = state.oddities.clone();
    Oddities::take(&mut state.oddities.reprint_gap);
    Oddities::take(&mut state.oddities.newest_order_gap);
    Oddities::take(&mut state.oddities.missing_movements);
    Oddities::take(&mut state.oddities.missing_orders);
    let truncated = Oddities::take(&mut state.oddities.truncated);
    let Some(file) = state.files.get(&file) else { return Outcome::failed("file_not_found") };
    let answer = shown.disfigure(rendering::file_answer(file, state, &shown));
    if truncated {
        let text = answer.to_string();
        let cut = text.char_indices().nth(text.chars().count() * 2 / 3).map_or(0, |(index, _)| index);
        let body = text.get(..cut).unwrap_or_default().to_owned();
        return Outcome { response: Some(respond(StatusCode::OK, "application/json", body)), refusal: None };
    }
    Outcome::answered(&answer)
}

fn envelope(code: &str, detail: Option<&str>) -> Value {
    json!({"requestId": 1, "statusCode": code, "statusDetail": detail})
}

fn is_endpoint(path: &str) -> bool {
    [FILE_FROM_SECRET, FILE, UPDATE_REFERENCES, REFERENCE, ALIVE, CONTACT, AUTH].contains(&path)
}

fn visible_headers(request: &Request<Bytes>) -> Vec<(String, String)> {
    let secret = [http::header::AUTHORIZATION, http::header::COOKIE];
    let text = |value: &http::HeaderValue| value.to_str().unwrap_or("(not text)").to_owned();
    let headers = request.headers().iter().filter(|(name, _)| !secret.contains(name));
    headers.map(|(name, value)| (name.to_string(), text(value))).collect()
}

/// The authentication call carries the shared secret.
fn visible_body(request: &Request<Bytes>) -> String {
    match request.uri().path() {
        AUTH => String::new(),
        _ => String::from_utf8_lossy(request.body()).into_owned(),
    }
}
