//! Apple's push service (wallets.md 1.7): HTTP/2 only, a client certificate or a provider token, one endpoint; it wakes the phone that owns the token.
//!
//! Owns the tokens, the answers and the record of pushes. Does not own the handshake (`listener`) nor what a woken phone does.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::apple::signature::uid_of;
use crate::authority::PushKey;
use crate::jws::{Key, verify};
use crate::listener::{Answer, Peer, Service, respond_json, service};
use crate::secutix::random_hex;
use crate::{Millis, now};

/// Seconds: a token that is older than an hour is refused.
const PROVIDER_TOKEN_LIFETIME: i64 = 3_600;
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
    pub proof: PushProof,
    pub status: u16,
    pub reason: Option<String>,
}

/// How the caller proved to be the passes' maker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PushProof {
    Certificate,
    ProviderToken,
    None,
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
    /// By identifier, with the pass types of their teams.
    keys: HashMap<String, (PushKey, String)>,
    /// When each provider token was first seen.
    provider_tokens: HashMap<String, Millis>,
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

    /// From now on provider tokens of this key are good for passes of that type.
    pub fn know(&self, key: &PushKey, pass_type: &str) {
        self.state().keys.insert(key.id.clone(), (key.clone(), pass_type.to_owned()));
    }

    /// How many different provider tokens were shown. Apple refuses a team that makes them more often than every twenty minutes.
    pub fn provider_tokens(&self) -> usize {
        self.state().provider_tokens.len()
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
        let bearer = header("authorization");
        let proof = match (&certificate, &bearer) {
            // Apple looks at the token where there is one.
            (_, Some(_)) => PushProof::ProviderToken,
            (Some(_), None) => PushProof::Certificate,
            (None, None) => PushProof::None,
        };
        let verdict = match scripted {
            Some(PushReply::Reset) => None,
            Some(PushReply::TooManyRequests) => Some(Err((429, "TooManyRequests", None))),
            Some(PushReply::InternalServerError) => Some(Err((500, "InternalServerError", None))),
            Some(PushReply::ServiceUnavailable) => Some(Err((503, "ServiceUnavailable", None))),
            None => {
                let allowed = match &bearer {
                    Some(bearer) => state.of_team(bearer).map(Some),
                    None => Ok(certificate),
                };
                Some(
                    allowed
                        .and_then(|uid| state.judge(request, &token, header("apns-topic").as_deref(), uid.as_deref())),
                )
            }
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
            proof,
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
    /// The pass type that a provider token speaks for (Apple, "Establishing a token-based connection to APNs").
    fn of_team(&mut self, authorization: &str) -> Result<String, (u16, &'static str, Option<Millis>)> {
        let invalid = (403, "InvalidProviderToken", None);
        let token = authorization.strip_prefix("bearer ").ok_or(invalid)?;
        let header = token.split('.').next().and_then(|part| URL_SAFE_NO_PAD.decode(part).ok()).ok_or(invalid)?;
        let header: Value = serde_json::from_slice(&header).map_err(|_| invalid)?;
        let id = header.get("kid").and_then(Value::as_str).ok_or(invalid)?;
        let (key, pass_type) = self.keys.get(id).ok_or(invalid)?;
        let claims = verify(token, &Key::Es256(&key.public_key)).map_err(|_| invalid)?;
        if claims.get("iss").and_then(Value::as_str) != Some(&key.team) {
            return Err(invalid);
        }
        let issued = claims.get("iat").and_then(Value::as_i64).ok_or(invalid)?;
        if !(0..=PROVIDER_TOKEN_LIFETIME).contains(&(now() / 1000 - issued)) {
            return Err((403, "ExpiredProviderToken", None));
        }
        let pass_type = pass_type.clone();
        self.provider_tokens.entry(token.to_owned()).or_insert_with(now);
        Ok(pass_type)
    }

    /// Apple's order of complaint: path, method, certificate and topic, headers, payload, token.
    fn judge(&self, request: &Request<Bytes>, token: &str, topic: Option<&str>, uid: Option<&str>) -> Judged {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        if token.is_empty() || token.contains('/') {
            return Err((404, "BadPath", None));
        }
        if request.method() != Method::POST {
            return Err((405, "MethodNotAllowed", None));
        }
        let Some(uid) = uid else { return Err((403, "MissingProviderToken", None)) };
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
