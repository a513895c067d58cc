//! Apple's push service (wallets.md 1.7): HTTP/2 only, a client certificate, one endpoint; it wakes the phone that owns the token.
//!
//! Owns the tokens, the answers and the record of pushes. Does not own the handshake (`listener`) nor what a woken phone does.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::apple::signature::uid_of;
use crate::listener::{Answer, Peer, Service, respond_json, service};
use crate::secutix::random_hex;
use crate::{Millis, now};

/// Apple's limit for other than VoIP pushes.
const PAYLOAD_LIMIT: usize = 4096;

/// One push as it came in. The token is a credential of a phone that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PushRecord {
    pub at: Millis,
    pub token: String,
    pub topic: Option<String>,
    pub push_type: Option<String>,
    pub priority: Option<String>,
    pub status: u16,
    pub reason: Option<String>,
}

/// An answer set beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushReply {
    /// 429 TooManyRequests
    TooManyRequests,
    /// 500 InternalServerError
    InternalServerError,
    /// 503 ServiceUnavailable
    ServiceUnavailable,
    /// The stream breaks off.
    Reset,
}

/// A handle on the service.
#[derive(Clone, Default)]
pub struct PushService {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    phones: HashMap<String, Arc<Notify>>,
    gone: HashMap<String, Millis>,
    script: VecDeque<PushReply>,
    records: Vec<PushRecord>,
}

impl PushService {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every push so far, oldest first.
    pub fn records(&self) -> Vec<PushRecord> {
        self.state().records.clone()
    }

    /// The next pushes are answered so, one each; then normally again.
    pub fn script(&self, replies: impl IntoIterator<Item = PushReply>) {
        self.state().script.extend(replies);
    }

    /// From now on the token answers 410 Unregistered with this time.
    pub fn mark_gone(&self, token: &str, since: Millis) {
        self.state().gone.insert(token.to_owned(), since);
    }

    /// A token for a phone; its pushes wake `phone`.
    pub(crate) fn issue(&self, phone: Arc<Notify>) -> String {
        let token = random_hex::<32>();
        self.state().phones.insert(token.clone(), phone);
        token
    }

    pub(crate) fn service(&self) -> Service {
        service(self.clone(), |push, peer: Peer, request| async move { push.serve(&peer, &request) })
    }

    fn serve(&self, peer: &Peer, request: &Request<Bytes>) -> Answer {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let token = request.uri().path().strip_prefix("/3/device/").unwrap_or_default().to_owned();
        let mut state = self.state();
        let scripted = state.script.pop_front();
        let certificate = peer.certificate.as_ref().and_then(|certificate| uid_of(certificate));
        let verdict = match scripted {
            Some(PushReply::Reset) => None,
            Some(PushReply::TooManyRequests) => Some(Err((429, "TooManyRequests", None))),
            Some(PushReply::InternalServerError) => Some(Err((500, "InternalServerError", None))),
            Some(PushReply::ServiceUnavailable) => Some(Err((503, "ServiceUnavailable", None))),
            None => Some(state.judge(request, &token, header("apns-topic").as_deref(), certificate.as_deref())),
        };
        let (status, reason, since) = match &verdict {
            Some(Ok(())) => (200, None, None),
            Some(Err((status, reason, since))) => (*status, Some((*reason).to_owned()), *since),
            None => (0, None, None),
        };
        let phone = state.phones.get(&token).filter(|_| status == 200).cloned();
        state.records.push(PushRecord {
            at: now(),
            token,
            topic: header("apns-topic"),
            push_type: header("apns-push-type"),
            priority: header("apns-priority"),
            status,
            reason: reason.clone(),
        });
        drop(state);
        if let Some(phone) = phone {
            phone.notify_one();
        }
        if verdict.is_none() {
            return Answer::HangUp;
        }
        Answer::Respond(answer(status, reason.as_deref(), since, header("apns-id")))
    }
}

type Judged = Result<(), (u16, &'static str, Option<Millis>)>;

impl State {
    /// Apple's order of complaint: path, method, certificate and topic, headers, payload, token.
    fn judge(&self, request: &Request<Bytes>, token: &str, topic: Option<&str>, uid: Option<&str>) -> Judged {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        if token.is_empty() || token.contains('/') {
            return Err((404, "BadPath", None));
        }
        if request.method() != Method::POST {
            return Err((405, "MethodNotAllowed", None));
        }
        let Some(uid) = uid else { return Err((403, "BadCertificate", None)) };
        match topic {
            // Apple derives it from the certificate where it is for one topic; Passerelle is held to name it.
            None => return Err((400, "MissingTopic", None)),
            Some(topic) if topic != uid => return Err((400, "TopicDisallowed", None)),
            Some(_) => {}
        }
        if header("apns-priority").is_some_and(|priority| !["1", "5", "10"].contains(&priority)) {
            return Err((400, "BadPriority", None));
        }
        let types = ["background", "alert"];
        if header("apns-push-type").is_some_and(|kind| !types.contains(&kind)) {
            return Err((400, "InvalidPushType", None));
        }
        if request.body().is_empty() {
            return Err((400, "PayloadEmpty", None));
        }
        if request.body().len() > PAYLOAD_LIMIT {
            return Err((413, "PayloadTooLarge", None));
        }
        if !serde_json::from_slice::<Value>(request.body()).is_ok_and(|body| body.is_object()) {
            return Err((400, "PayloadEmpty", None));
        }
        if let Some(since) = self.gone.get(token) {
            return Err((410, "Unregistered", Some(*since)));
        }
        if !self.phones.contains_key(token) {
            return Err((400, "BadDeviceToken", None));
        }
        Ok(())
    }
}

fn answer(status: u16, reason: Option<&str>, since: Option<Millis>, id: Option<String>) -> Response<Bytes> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = match (reason, since) {
        (Some(reason), Some(since)) => respond_json(status, &json!({"reason": reason, "timestamp": since})),
        (Some(reason), None) => respond_json(status, &json!({"reason": reason})),
        (None, _) => {
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = status;
            response
        }
    };
    let id = id.unwrap_or_else(random_uuid);
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HeaderName::from_static("apns-id"), id);
    }
    response
}

/// In the canonical form that Apple asks for; its version bits are nobody's business here.
fn random_uuid() -> String {
    let digits = random_hex::<16>();
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}
