//! Vibes' API: registrations of callbacks, a test callback, and the items of a campaign.
//!
//! Owns the calls of domain.md 4.2 and 4.5 and their pace. Does not own what is to be registered (`registration`) nor what an item says (`items`).
//! Reads leniently, since fields are added: a registration of a kind that is not known here is a registration all the same, and stays somebody else's.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderName, Method};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::error::{VibesError, refusal};
use crate::identity::Millis;
use crate::ports::{Clock, Host, Http, HttpRequest};
use crate::refusal::code_of;
use crate::store::{Spend, Store};
use crate::tenant::Vibes;
use crate::turn;

/// Vibes answers a call of its configuration within a second or two.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Bytes of an answer: a list of 50 registrations is about 30 KB, 50 items with long tokens the same.
const RESPONSE_LIMIT: usize = 1 << 20;
/// Requests in a second: a tenth of Vibes' limit for a company (100), whose other programs have the rest.
const PER_SECOND: i64 = 10;
const SECOND: Millis = 1_000;
/// Turns that a call waits for, a second each.
const TURNS: u32 = 10;
/// Version 1 is what Vibes takes a call for that names none, and its records have another form.
const VERSION: (&str, &str) = ("x-api-version", "2");
const JSON: &str = "application/json";
/// Longest text of theirs that is shown: kinds, tokens of campaigns, identifiers.
const LONGEST: usize = 64;

/// The callbacks that tell of installations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Type {
    Install,
    Remove,
}

impl Type {
    pub const ALL: [Self; 2] = [Self::Install, Self::Remove];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Install => "wallet_item_install",
            Self::Remove => "wallet_item_remove",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| text.trim().eq_ignore_ascii_case(kind.name()))
    }
}

/// A registration as it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub kind: Type,
    pub campaign: String,
    /// Holds the secret.
    pub url: String,
    /// `POST`, or `PUT`.
    pub method: &'static str,
}

/// A registration as it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Registration {
    pub id: String,
    /// None: a callback about something else.
    pub kind: Option<Type>,
    /// The kind in Vibes' words, as far as it is a word.
    pub name: String,
    pub campaign: Option<String>,
    /// Holds a secret, ours or somebody else's.
    pub url: String,
    pub method: String,
    pub content_type: String,
    /// It ends by itself, or has not begun yet.
    pub limited: bool,
}

pub struct Client<'a, H: Host> {
    host: &'a H,
    vibes: &'a Vibes,
}

impl<'a, H: Host> Client<'a, H> {
    pub fn new(host: &'a H, vibes: &'a Vibes) -> Self {
        Self { host, vibes }
    }

    pub async fn list(&self) -> Result<Vec<Registration>, VibesError> {
        let body = self.call(Method::GET, "config/callbacks/", None).await?;
        Ok(listed(&body).ok_or(VibesError::Unreadable)?.iter().filter_map(Registration::read).collect())
    }

    pub async fn get(&self, id: &str) -> Result<Registration, VibesError> {
        let body = self.call(Method::GET, &one(id)?, None).await?;
        Registration::read(&body).ok_or(VibesError::Unreadable)
    }

    /// The identifier of the new registration.
    pub async fn create(&self, wanted: &Wanted) -> Result<String, VibesError> {
        let body = self.call(Method::POST, "config/callbacks/", Some(body(wanted))).await?;
        Ok(Registration::read(&body).ok_or(VibesError::Unreadable)?.id)
    }

    pub async fn change(&self, id: &str, wanted: &Wanted) -> Result<(), VibesError> {
        self.call(Method::PUT, &one(id)?, Some(body(wanted))).await.map(drop)
    }

    /// False: it was not there.
    pub async fn remove(&self, id: &str) -> Result<bool, VibesError> {
        found(self.call(Method::DELETE, &one(id)?, None).await)
    }

    /// Has Vibes send an invented callback of this kind to all that is registered for it. False: nothing is.
    pub async fn test(&self, kind: Type) -> Result<bool, VibesError> {
        let body = json!({"callback_type": kind.name()});
        found(self.call(Method::POST, "config/callback_events/test", Some(body)).await)
    }

    /// The latest items of a campaign: about fifty, and there is no second page (domain.md 4.5).
    pub(super) async fn items(&self, campaign: &str) -> Result<Vec<Value>, VibesError> {
        let campaign = segment(campaign)?;
        let body = self.call(Method::GET, &format!("campaigns/wallet/{campaign}/items"), None).await?;
        Ok(listed(&body).ok_or(VibesError::Unreadable)?.clone())
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, VibesError> {
        self.spend().await?;
        let Vibes { url, company, username, password, .. } = self.vibes;
        let user = Zeroizing::new([username.as_bytes(), b":", password].concat());
        let request = HttpRequest {
            method,
            url: format!("{url}/companies/{company}/{path}"),
            headers: vec![
                (AUTHORIZATION, format!("Basic {}", STANDARD.encode(&*user))),
                (CONTENT_TYPE, JSON.to_owned()),
                (HeaderName::from_static(VERSION.0), VERSION.1.to_owned()),
            ],
            body: body.map(|body| Bytes::from(body.to_string())).unwrap_or_default(),
            timeout: TIMEOUT,
            response_limit: RESPONSE_LIMIT,
            identity: None,
            on_behalf_of: None,
        };
        let response = self.host.http().send(request).await.map_err(VibesError::Unanswered)?;
        if response.status.is_success() {
            // A removal may well be answered with nothing.
            let empty = response.body.trim_ascii().is_empty();
            return if empty {
                Ok(Value::Null)
            } else {
                serde_json::from_slice(&response.body).map_err(|_| VibesError::Unreadable)
            };
        }
        let now = self.host.clock().now();
        let error = refusal(&response, now);
        if let VibesError::Throttled { after } = error {
            let until = now.saturating_add(Millis::try_from(after.as_millis()).unwrap_or(0));
            self.host.store().pause(&self.scope(), until).await?;
        }
        Err(error)
    }

    /// Takes one request of the second's, and waits for a later one when there is none left.
    async fn spend(&self) -> Result<(), VibesError> {
        let spend = |now| Spend { scope: self.scope(), now, limit: PER_SECOND, window: SECOND, reserve: 0 };
        match turn::take(self.host, TURNS, 2 * SECOND, spend).await? {
            None => Ok(()),
            Some(until) => Err(VibesError::BudgetSpent { until }),
        }
    }

    /// Vibes counts by company.
    fn scope(&self) -> String {
        format!("vibes/{}", self.vibes.company)
    }
}

impl Registration {
    /// None: a record without an identifier that could be called by.
    fn read(record: &Value) -> Option<Self> {
        let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str);
        let id = match record.get("callback_id")? {
            Value::String(id) => segment(id).ok()?.to_owned(),
            Value::Number(id) => id.to_string(),
            _ => return None,
        };
        let name = text("/callback_type").or_else(|| text("/event_type")).unwrap_or_default();
        let kind = Type::parse(name);
        // The published example of a removal has its campaign under the key of the installation (domain.md 4.2).
        let keys = kind.map_or(Type::ALL, |kind| if kind == Type::Install { Type::ALL } else { [kind, Type::Install] });
        let campaign = keys.into_iter().find_map(|kind| text(&format!("/{}/campaign_token", kind.name())));
        Some(Self {
            id,
            kind,
            name: code_of(name, LONGEST).unwrap_or("?").to_owned(),
            campaign: campaign.and_then(|campaign| code_of(campaign, LONGEST)).map(str::to_owned),
            url: text("/destination/url").unwrap_or_default().to_owned(),
            method: text("/destination/method").unwrap_or("POST").to_ascii_uppercase(),
            content_type: text("/destination/content_type").unwrap_or(JSON).to_ascii_lowercase(),
            limited: text("/start_date").is_some() || text("/end_date").is_some(),
        })
    }

    /// It does what is wanted, and will go on doing it.
    pub(super) fn does(&self, wanted: &Wanted) -> bool {
        let json = self.content_type == JSON || self.content_type == "text/json";
        self.url == wanted.url && self.method == wanted.method && json && !self.limited
    }
}

/// `event_type` is the deprecated twin of `callback_type` and is not sent.
fn body(wanted: &Wanted) -> Value {
    let mut body = json!({
        "callback_type": wanted.kind.name(),
        "destination": {"url": wanted.url, "method": wanted.method, "content_type": JSON},
    });
    if let Some(members) = body.as_object_mut() {
        members.insert(wanted.kind.name().to_owned(), json!({"campaign_token": wanted.campaign}));
    }
    body
}

/// A list as it is, or as the one member of an object that is a list.
fn listed(body: &Value) -> Option<&Vec<Value>> {
    match body {
        Value::Array(list) => Some(list),
        Value::Object(members) => members.values().find_map(Value::as_array),
        _ => None,
    }
}

/// What can stand in an address as it is.
fn segment(text: &str) -> Result<&str, VibesError> {
    code_of(text, LONGEST).filter(|text| !text.starts_with('.')).ok_or(VibesError::Identifier)
}

fn one(id: &str) -> Result<String, VibesError> {
    Ok(format!("config/callbacks/{}", segment(id)?))
}

fn found(answer: Result<Value, VibesError>) -> Result<bool, VibesError> {
    match answer {
        Ok(_) => Ok(true),
        Err(VibesError::NotFound) => Ok(false),
        Err(error) => Err(error),
    }
}
