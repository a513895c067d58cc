//! Google's side: the token endpoint, the wallet API, the save link, the phones that show what was saved, and the
//! callbacks that tell of it.
//!
//! Owns one HTTPS socket's routes, the record of calls, scripted failures and the rate limit. Does not own the rules of resources
//! (`resources`, `schema`), of assertions (`token`), of links (`save`) or of callbacks (`callbacks`).

mod callbacks;
pub mod phone;
mod resources;
mod save;
mod schema;
#[cfg(test)]
mod tests;
mod token;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::watch;

pub(crate) use self::callbacks::CallbackKeys;
pub use self::callbacks::{CallbackDelivery, CallbackRecord};
pub use self::resources::Announcement;
use crate::google::resources::{Kind, Refused, Resources};
use crate::listener::{Answer, Peer, Service, respond_json, service};
use crate::{Millis, now};

/// Google's limit per project (wallets.md 2.1).
const REQUESTS_PER_SECOND: usize = 20;
const API: &str = "/walletobjects/v1/";
const SAVE: &str = "/gp/v/save/";
const KEYS: &str = "/gp/m/issuer/keys";

#[derive(Clone)]
pub(crate) struct GoogleSettings {
    pub issuer: String,
    pub account: String,
    /// PKCS#1 `RSAPublicKey` of the service account.
    pub public_key: Vec<u8>,
    /// `https://localhost:…`
    pub url: String,
}

/// One call as it came in, without its authorization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GoogleCall {
    pub at: Millis,
    pub method: String,
    /// A save link is recorded as `/gp/v/save/…`: the rest of it is a credential.
    pub path: String,
    pub body: String,
    pub status: u16,
    pub refusal: Option<String>,
}

/// A handle on the service.
#[derive(Clone)]
pub struct GoogleService {
    inner: Arc<Inner>,
}

struct Inner {
    settings: GoogleSettings,
    keys: CallbackKeys,
    state: Mutex<State>,
    /// Counts changes, for phones that wait.
    version: watch::Sender<u64>,
    /// Milliseconds that the clock which tokens are judged by is ahead of the machine's.
    ahead: AtomicI64,
}

#[derive(Default)]
struct State {
    resources: Resources,
    /// Access tokens with the second they expire.
    tokens: BTreeMap<String, i64>,
    /// Object ids by the phone that saved them.
    saved: BTreeMap<String, BTreeSet<(Kind, String)>>,
    calls: Vec<GoogleCall>,
    /// JWTs that were inserted, by the last part of their `saveUri`.
    inserted: BTreeMap<String, String>,
    script: VecDeque<u16>,
    rate_limited: bool,
    delivery: CallbackDelivery,
    callbacks: Vec<CallbackRecord>,
    recent: VecDeque<Instant>,
}

impl GoogleService {
    pub(crate) fn new(settings: GoogleSettings, keys: CallbackKeys) -> Self {
        let inner =
            Inner { settings, keys, state: Mutex::default(), version: watch::Sender::new(0), ahead: AtomicI64::new(0) };
        Self { inner: Arc::new(inner) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stands for `https://walletobjects.googleapis.com/walletobjects/v1`.
    pub fn api_url(&self) -> String {
        format!("{}/walletobjects/v1", self.inner.settings.url)
    }

    /// Stands for `https://oauth2.googleapis.com/token`.
    pub fn token_url(&self) -> String {
        format!("{}/token", self.inner.settings.url)
    }

    /// Stands for `https://pay.google.com/gp/v/save`.
    pub fn save_url(&self) -> String {
        format!("{}/gp/v/save", self.inner.settings.url)
    }

    /// `collection` is Google's: `eventTicketObject`, `loyaltyClass`, ...
    pub fn resource(&self, collection: &str, id: &str) -> Option<Value> {
        let kind = Kind::of(collection)?;
        self.state().resources.get(kind, id).cloned()
    }

    /// Ids of a collection.
    pub fn ids(&self, collection: &str) -> Vec<String> {
        Kind::of(collection).map(|kind| self.state().resources.ids(kind)).unwrap_or_default()
    }

    pub fn calls(&self) -> Vec<GoogleCall> {
        self.state().calls.clone()
    }

    /// By method and collection, `PATCH eventTicketClass`; the token endpoint is `POST token`.
    pub fn call_counts(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for call in &self.state().calls {
            let path = call.path.strip_prefix(API).unwrap_or(&call.path).trim_start_matches('/');
            let collection = if path.starts_with("gp/m/") {
                "keys"
            } else if path.starts_with("gp/") {
                "save"
            } else {
                path.split('/').next().unwrap_or_default()
            };
            *counts.entry(format!("{} {collection}", call.method)).or_default() += 1;
        }
        counts
    }

    /// What Google would accept but advises against: deprecated fields, links longer than browsers take.
    pub fn warnings(&self) -> Vec<String> {
        self.state().resources.warnings.clone()
    }

    /// The next API calls are answered with these statuses, such as 500 and 503.
    pub fn script(&self, statuses: impl IntoIterator<Item = u16>) {
        self.state().script.extend(statuses);
    }

    /// Updates that notified the holders of what they changed, oldest first.
    pub fn announced(&self) -> Vec<Announcement> {
        self.state().resources.announced.clone()
    }

    /// The next requests that would notify somebody are refused, so many: another program has used the day's notifications up.
    pub fn exhaust_notifications(&self, times: u32) {
        self.state().resources.exhausted = times;
    }

    /// Whether the 21st request of a second is answered 429.
    pub fn limit_rate(&self, on: bool) {
        self.state().rate_limited = on;
    }

    /// Forgets the access tokens: the next call is answered 401.
    pub fn revoke_tokens(&self) {
        self.state().tokens.clear();
    }

    /// Puts the clock forward that tokens are judged by.
    pub fn advance(&self, millis: Millis) {
        self.inner.ahead.fetch_add(millis, Ordering::SeqCst);
    }

    pub(crate) fn second(&self) -> i64 {
        (now() + self.inner.ahead.load(Ordering::SeqCst)).div_euclid(1000)
    }

    pub(crate) fn service(&self) -> Service {
        service(self.clone(), |google, _: Peer, request| async move { Answer::Respond(google.serve(&request)) })
    }

    fn serve(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let path = request.uri().path();
        let outcome = match path.strip_prefix(SAVE) {
            Some(link) => self.save(link, request),
            None if path == "/token" => self.token(request),
            None if path == KEYS => Ok(self.inner.keys.document()),
            None => self.api(request),
        };
        let (status, body, refusal) = match outcome {
            Ok(body) => (StatusCode::OK, body, None),
            Err(refused) => (refused.status, refused.body(), Some(refused.message)),
        };
        let shown_path = if path.starts_with(SAVE) { format!("{SAVE}…") } else { path.to_owned() };
        let shown_body = match path {
            "/token" => String::new(),
            _ => String::from_utf8_lossy(request.body()).into_owned(),
        };
        self.state().calls.push(GoogleCall {
            at: now(),
            method: request.method().to_string(),
            path: shown_path,
            body: shown_body,
            status: status.as_u16(),
            refusal,
        });
        self.inner.version.send_modify(|version| *version += 1);
        let mut response = respond_json(status, &body);
        if path == KEYS {
            let good_for = http::HeaderValue::from_static("public, max-age=86400");
            response.headers_mut().insert(http::header::CACHE_CONTROL, good_for);
        }
        response
    }

    fn api(&self, request: &Request<Bytes>) -> Result<Value, Refused> {
        let mut state = self.state();
        if let Some(status) = state.script.pop_front() {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return Err(Refused::new(status, "backendError", "scripted"));
        }
        state.admit(Instant::now())?;
        let bearer = request.headers().get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = bearer.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        let second = self.second();
        if state.tokens.get(token).is_none_or(|expires| *expires <= second) {
            return Err(Refused::new(StatusCode::UNAUTHORIZED, "authError", "no valid access token"));
        }
        let not_found = || Refused::new(StatusCode::NOT_FOUND, "notFound", "no such method");
        let path = request.uri().path().strip_prefix(API).ok_or_else(not_found)?;
        if (request.method(), path) == (&Method::POST, "jwt") {
            drop(state);
            return self.insert_jwt(request);
        }
        let mut segments = path.split('/');
        let kind = segments.next().and_then(Kind::of).ok_or_else(not_found)?;
        let (id, verb) = (segments.next(), segments.next());
        let body = || match serde_json::from_slice(request.body()) {
            Ok(Value::Object(body)) => Ok(body),
            _ => Err(Refused::new(StatusCode::BAD_REQUEST, "parseError", "the body is not a JSON object")),
        };
        let issuer = &self.inner.settings.issuer;
        let resources = &mut state.resources;
        match (request.method(), id, verb) {
            (&Method::POST, None, None) => resources.insert(kind, body()?, issuer),
            (&Method::GET, None, None) => resources.list(kind, request.uri().query().unwrap_or_default()),
            (&Method::GET, Some(id), None) => resources.get(kind, id).cloned().ok_or_else(|| Refused::unknown(id)),
            (&Method::PUT, Some(id), None) => resources.update(kind, id, body()?, issuer, second),
            (&Method::PATCH, Some(id), None) => resources.patch(kind, id, body()?, issuer),
            (&Method::POST, Some(id), Some("addMessage")) => resources.add_message(kind, id, body()?, second),
            _ => Err(not_found()),
        }
    }
}

impl State {
    fn admit(&mut self, at: Instant) -> Result<(), Refused> {
        while self.recent.front().is_some_and(|first| at.duration_since(*first) >= Duration::from_secs(1)) {
            self.recent.pop_front();
        }
        if self.rate_limited && self.recent.len() >= REQUESTS_PER_SECOND {
            return Err(Refused::new(StatusCode::TOO_MANY_REQUESTS, "rateLimitExceeded", "20 requests per second"));
        }
        self.recent.push_back(at);
        Ok(())
    }
}

/// Google's form of an error.
impl Refused {
    fn body(&self) -> Value {
        json!({"error": {
            "code": self.status.as_u16(),
            "message": self.message,
            "errors": [{"message": self.message, "domain": "global", "reason": self.reason}],
        }})
    }
}
