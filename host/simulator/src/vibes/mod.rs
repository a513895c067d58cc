//! Vibes Platform's side: registrations of callbacks, items of wallet campaigns, and the callbacks that tell who has one (domain.md 4).
//!
//! Owns one HTTPS socket's routes, the rules for a registration, and the items. Does not own how a callback is delivered (`delivery`) nor what it
//! looks like (`message`). Refuses what the real one documents as wrong: no Basic credentials, another version of the API, an address that is too
//! long, a campaign that is not the company's.

mod delivery;
mod message;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub use self::delivery::{VibesDelivery, VibesOutcome};
pub use self::message::{TimeForm, TypeField};
use crate::caller::Caller;
use crate::listener::{Answer, Peer, Service, respond_json, service};
use crate::secutix::random_hex;
use crate::{Millis, now};

/// The two callbacks about wallet items.
pub(crate) const INSTALL: &str = "wallet_item_install";
pub(crate) const REMOVE: &str = "wallet_item_remove";
/// Characters of a destination (domain.md 4.2).
const MOST_URL: usize = 1024;
/// Items that the list has (domain.md 4.5).
const LISTED_ITEMS: usize = 50;

#[derive(Debug, Clone)]
pub struct VibesConfig {
    /// Company key.
    pub company: String,
    /// Tokens of its wallet campaigns.
    pub campaigns: Vec<String>,
}

impl Default for VibesConfig {
    fn default() -> Self {
        Self { company: "bi3bwNRk".to_owned(), campaigns: vec!["r3zhm8".to_owned(), "k7m2qp".to_owned()] }
    }
}

/// How callbacks and answers differ from the documented ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VibesQuirks {
    /// Which of the two fields says the type.
    pub type_field: TypeField,
    pub times: TimeForm,
    /// Copies of each callback, with the same `event_id`.
    pub copies: u32,
    /// Callbacks are made and wait for [`VibesService::release`].
    pub held: bool,
    /// A registration of a removal is shown with its campaign under `wallet_item_install`, as the published example has it.
    pub removal_under_install: bool,
    /// Minutes until the next attempt after a failed one; then the callback has failed.
    pub retries: Vec<u32>,
}

impl Default for VibesQuirks {
    /// The schedule of Vibes' older documentation: five repetitions, five minutes apart.
    fn default() -> Self {
        Self {
            type_field: TypeField::default(),
            times: TimeForm::default(),
            copies: 1,
            held: false,
            removal_under_install: false,
            retries: vec![5; 5],
        }
    }
}

/// One call of the API, as it came in, without its authorization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VibesCall {
    pub at: Millis,
    pub method: String,
    pub path: String,
    pub body: String,
    pub status: u16,
}

/// A handle on the platform.
#[derive(Clone)]
pub struct VibesService {
    inner: Arc<Inner>,
}

struct Inner {
    company: String,
    campaigns: Vec<String>,
    username: String,
    password: String,
    url: String,
    caller: Caller,
    state: Mutex<State>,
    /// Milliseconds that this clock is ahead of the machine's.
    ahead: AtomicI64,
    /// Held while callbacks are sent: those of one batch go one after the other.
    sending: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    quirks: VibesQuirks,
    registrations: BTreeMap<String, Registered>,
    items: BTreeMap<String, Item>,
    instances: BTreeMap<String, Instance>,
    deliveries: Vec<delivery::Pending>,
    downed: BTreeMap<String, delivery::Downed>,
    calls: Vec<VibesCall>,
    script: VecDeque<u16>,
    /// Numbers of registrations and items, so that lists have an order.
    next: u64,
}

/// A registration, as it was made.
#[derive(Clone)]
struct Registered {
    kind: String,
    campaign: String,
    url: String,
    method: Method,
    content_type: String,
    created_at: Millis,
    updated_at: Millis,
}

#[derive(Clone)]
struct Item {
    uuid: String,
    number: u64,
    campaign: String,
    tokens: Map<String, Value>,
    created_at: Millis,
}

/// An item on a device.
#[derive(Clone)]
struct Instance {
    item: String,
    /// `apple`, `google`
    provider: String,
    registered_at: Millis,
    unregistered_at: Option<Millis>,
}

/// Why a call is refused.
struct Refused(StatusCode, &'static str, &'static str);

type Outcome = Result<(StatusCode, Value), Refused>;

impl VibesService {
    pub(crate) fn new(config: &VibesConfig, url: String, caller: Caller) -> Self {
        let inner = Inner {
            company: config.company.clone(),
            campaigns: config.campaigns.clone(),
            username: "passerelle".to_owned(),
            password: random_hex::<16>(),
            url,
            caller,
            state: Mutex::default(),
            ahead: AtomicI64::new(0),
            sending: tokio::sync::Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Stands for `https://public-api.vibescm.com`.
    pub fn url(&self) -> String {
        self.inner.url.clone()
    }

    pub fn company(&self) -> &str {
        &self.inner.company
    }

    pub fn campaigns(&self) -> &[String] {
        &self.inner.campaigns
    }

    pub fn username(&self) -> &str {
        &self.inner.username
    }

    pub fn password(&self) -> &str {
        &self.inner.password
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Millis {
        now() + self.inner.ahead.load(Ordering::SeqCst)
    }

    /// Puts the clock forward that events and repetitions go by.
    pub fn advance(&self, millis: Millis) {
        self.inner.ahead.fetch_add(millis, Ordering::SeqCst);
    }

    pub fn quirks(&self, change: impl FnOnce(&mut VibesQuirks)) -> VibesQuirks {
        let mut state = self.state();
        change(&mut state.quirks);
        state.quirks.clone()
    }

    pub fn calls(&self) -> Vec<VibesCall> {
        self.state().calls.clone()
    }

    /// The next API calls are answered with these statuses.
    pub fn script(&self, statuses: impl IntoIterator<Item = u16>) {
        self.state().script.extend(statuses);
    }

    /// What is registered, as the API shows it.
    pub fn registrations(&self) -> Vec<Value> {
        let state = self.state();
        state.registrations.iter().map(|(id, it)| self.record(id, it, &state.quirks)).collect()
    }

    /// Somebody else's, or an old one of ours; its identifier.
    pub fn registered(&self, kind: &str, campaign: &str, url: &str) -> String {
        let body = json!({"callback_type": kind, kind: {"campaign_token": campaign}, "destination": {"url": url}});
        let made = self.create(&mut self.state(), &body);
        let id = |record: &Value| record.get("callback_id").and_then(Value::as_str).map(str::to_owned);
        made.ok().and_then(|(_, record)| id(&record)).unwrap_or_default()
    }

    /// Somebody removes a registration by hand. Whether it was there.
    pub fn cancel(&self, id: &str) -> bool {
        self.state().registrations.remove(id).is_some()
    }

    /// A new item of a campaign, not on any device yet.
    pub fn item(&self, campaign: &str, tokens: Map<String, Value>) -> String {
        let (uuid, created_at) = (message::uuid(), self.now());
        let mut state = self.state();
        state.next += 1;
        let item = Item { uuid: uuid.clone(), number: state.next, campaign: campaign.to_owned(), tokens, created_at };
        state.items.insert(uuid.clone(), item);
        uuid
    }

    /// The item comes to a device, and whoever has registered for that is told. Returns the installation; empty: there is no such item.
    pub async fn install(&self, item: &str, provider: &str) -> String {
        let (uid, at) = (message::uuid(), self.now());
        let found = self.state().items.get(item).cloned();
        let Some(found) = found else { return String::new() };
        let instance =
            Instance { item: item.to_owned(), provider: provider.to_owned(), registered_at: at, unregistered_at: None };
        self.state().instances.insert(uid.clone(), instance.clone());
        self.announce(INSTALL, &found, &uid, &instance, at).await;
        uid
    }

    /// Whether it was there.
    pub async fn remove(&self, instance: &str) -> bool {
        let at = self.now();
        let told = {
            let mut state = self.state();
            let found = state.instances.get_mut(instance).filter(|found| found.unregistered_at.is_none());
            let Some(found) = found else { return false };
            found.unregistered_at = Some(at);
            let found = found.clone();
            state.items.get(&found.item).cloned().map(|item| (item, found))
        };
        let Some((item, found)) = told else { return false };
        self.announce(REMOVE, &item, instance, &found, at).await;
        true
    }

    pub(crate) fn service(&self) -> Service {
        service(self.clone(), |vibes, _: Peer, request| async move { Answer::Respond(vibes.serve(&request)) })
    }

    fn serve(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let (status, body) = self.answer(request).unwrap_or_else(|Refused(status, code, message)| {
            (status, json!({"errors": [{"message": message, "code": code}]}))
        });
        self.state().calls.push(VibesCall {
            at: self.now(),
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            body: String::from_utf8_lossy(request.body()).into_owned(),
            status: status.as_u16(),
        });
        respond_json(status, &body)
    }

    fn answer(&self, request: &Request<Bytes>) -> Outcome {
        if let Some(status) = self.state().script.pop_front() {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return Err(Refused(status, "scripted", "scripted"));
        }
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let user = STANDARD.encode(format!("{}:{}", self.inner.username, self.inner.password));
        if header("authorization") != Some(&format!("Basic {user}")) {
            return Err(Refused(StatusCode::UNAUTHORIZED, "unauthorized", "wrong credentials"));
        }
        if header("x-api-version") != Some("2") || header("content-type") != Some("application/json") {
            return Err(Refused(StatusCode::BAD_REQUEST, "version", "X-API-Version: 2 and JSON are expected"));
        }
        let not_found = || Refused(StatusCode::NOT_FOUND, "not_found", "no such thing");
        let path = request.uri().path();
        let own = path.strip_prefix(&format!("/companies/{}/", self.inner.company)).ok_or_else(not_found)?;
        let body = || match serde_json::from_slice(request.body()) {
            Ok(body @ Value::Object(_)) => Ok(body),
            _ => Err(Refused(StatusCode::BAD_REQUEST, "json", "the body is no JSON object")),
        };
        let segments: Vec<&str> = own.split('/').collect();
        let mut state = self.state();
        match (request.method().as_str(), segments.as_slice()) {
            ("POST", ["config", "callbacks", ""]) => self.create(&mut state, &body()?),
            ("GET", ["config", "callbacks", ""]) => {
                let list = state.registrations.iter().map(|(id, it)| self.record(id, it, &state.quirks)).collect();
                Ok((StatusCode::OK, Value::Array(list)))
            }
            ("GET", ["config", "callbacks", id]) => {
                let found = state.registrations.get(*id).ok_or_else(not_found)?;
                Ok((StatusCode::OK, self.record(id, found, &state.quirks)))
            }
            ("PUT", ["config", "callbacks", id]) => {
                let created_at = state.registrations.get(*id).ok_or_else(not_found)?.created_at;
                let changed = Registered { created_at, ..self.judge(&body()?)? };
                state.registrations.insert((*id).to_owned(), changed.clone());
                Ok((StatusCode::OK, self.record(id, &changed, &state.quirks)))
            }
            ("DELETE", ["config", "callbacks", id]) => {
                state.registrations.remove(*id).ok_or_else(not_found)?;
                Ok((StatusCode::OK, json!({"message": "cancelled"})))
            }
            ("POST", ["config", "callback_events", "test"]) => {
                let body = body()?;
                let kind = body.get("callback_type").and_then(Value::as_str).unwrap_or_default();
                if !state.registrations.values().any(|it| it.kind == kind) {
                    return Err(not_found());
                }
                drop(state);
                let event = self.invent(kind);
                Ok((StatusCode::CREATED, json!({"message": "queued", "event_id": event})))
            }
            ("GET", ["campaigns", "wallet", campaign, "items"]) => {
                if !self.inner.campaigns.iter().any(|known| known == campaign) {
                    return Err(not_found());
                }
                let mut items: Vec<&Item> = state.items.values().filter(|it| it.campaign == *campaign).collect();
                items.sort_by_key(|item| std::cmp::Reverse(item.number));
                let list = items.into_iter().take(LISTED_ITEMS).map(|item| self.shown(item, &state)).collect();
                Ok((StatusCode::OK, Value::Array(list)))
            }
            _ => Err(not_found()),
        }
    }

    /// The same again is a second registration: nothing says that it is refused.
    fn create(&self, state: &mut State, body: &Value) -> Outcome {
        let made = self.judge(body)?;
        state.next += 1;
        let id = format!("{:08}", state.next);
        let record = self.record(&id, &made, &state.quirks);
        state.registrations.insert(id, made);
        Ok((StatusCode::CREATED, record))
    }

    fn judge(&self, body: &Value) -> Result<Registered, Refused> {
        let wrong = |code, message| Refused(StatusCode::BAD_REQUEST, code, message);
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
        let kind = text("/callback_type").ok_or_else(|| wrong("callback_type", "callback_type is required"))?;
        if ![INSTALL, REMOVE].contains(&kind) {
            return Err(wrong("callback_type", "not a callback of wallet items"));
        }
        let campaign = text(&format!("/{kind}/campaign_token"));
        let campaign = campaign.filter(|token| self.inner.campaigns.iter().any(|known| known == token));
        let campaign = campaign.ok_or_else(|| wrong("campaign_token", "no such campaign under the type's own key"))?;
        let url = text("/destination/url").filter(|url| url.starts_with("http") && url.len() <= MOST_URL);
        let url = url.ok_or_else(|| wrong("destination", "destination.url is required, 1024 characters at most"))?;
        let method = match text("/destination/method").unwrap_or("POST") {
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            _ => return Err(wrong("destination", "destination.method is POST or PUT")),
        };
        let content_type = text("/destination/content_type").unwrap_or("application/json");
        if !["application/json", "text/json"].contains(&content_type) {
            return Err(wrong("destination", "destination.content_type is application/json or text/json"));
        }
        let at = self.now();
        Ok(Registered {
            kind: kind.to_owned(),
            campaign: campaign.to_owned(),
            url: url.to_owned(),
            method,
            content_type: content_type.to_owned(),
            created_at: at,
            updated_at: at,
        })
    }

    fn record(&self, id: &str, it: &Registered, quirks: &VibesQuirks) -> Value {
        let key = if quirks.removal_under_install { INSTALL } else { it.kind.as_str() };
        let time = |at| message::time(at, TimeForm::Millis);
        json!({
            "callback_id": id,
            "callback_type": it.kind,
            "event_type": it.kind,
            key: {"campaign_token": it.campaign},
            "destination": {"url": it.url, "method": it.method.as_str(), "content_type": it.content_type},
            "url": format!("/companies/{}/config/callbacks/{id}", self.inner.company),
            "created_at": time(it.created_at),
            "updated_at": time(it.updated_at),
        })
    }

    /// As the list of items has it, where wallets have other names.
    fn shown(&self, item: &Item, state: &State) -> Value {
        let own = || state.instances.values().filter(|instance| instance.item == item.uuid);
        let provider = own().next_back().map_or("apple", |instance| instance.provider.as_str());
        let provider = if provider == "google" { "google_wallet" } else { "passbook" };
        let time = |at| message::time(at, TimeForm::Millis);
        json!({
            "wallet_item_id": item.uuid,
            "active": own().any(|instance| instance.unregistered_at.is_none()),
            "tokens": item.tokens,
            "provider": provider,
            "locations": [],
            "created_at": time(item.created_at),
            "updated_at": time(item.created_at),
            "url": message::item_url(&self.inner.company, item),
        })
    }
}
