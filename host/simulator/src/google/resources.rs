//! Classes and objects: insert, get, update, patch, addMessage, with the rules that Google documents (wallets.md 2.1, 2.2).
//!
//! Owns what is stored and what is refused. Does not own who may ask. Knows the three kinds that Passerelle writes.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::schema;
use crate::{Millis, now};

/// Notifications of a pass in 24 hours (wallets.md 2.1).
const NOTIFICATIONS: usize = 3;
const DAY: i64 = 86_400;
/// Google takes ten places and rejects an eleventh.
const PLACES: usize = 10;
const STATES: [&str; 4] = ["ACTIVE", "COMPLETED", "EXPIRED", "INACTIVE"];
const BARCODE_TYPES: [&str; 12] = [
    "AZTEC",
    "CODE_39",
    "CODE_128",
    "CODABAR",
    "DATA_MATRIX",
    "EAN_8",
    "EAN_13",
    "ITF_14",
    "PDF_417",
    "QR_CODE",
    "UPC_A",
    "TEXT_ONLY",
];
const DEPRECATED: [&str; 5] = ["locations", "kind", "version", "infoModuleData", "allowMultipleUsersPerObject"];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    EventTicketClass,
    EventTicketObject,
    LoyaltyClass,
    LoyaltyObject,
    GenericClass,
    GenericObject,
}

impl Kind {
    pub fn of(collection: &str) -> Option<Self> {
        let all = [
            Self::EventTicketClass,
            Self::EventTicketObject,
            Self::LoyaltyClass,
            Self::LoyaltyObject,
            Self::GenericClass,
            Self::GenericObject,
        ];
        all.into_iter().find(|kind| kind.collection() == collection)
    }

    pub fn collection(self) -> &'static str {
        match self {
            Self::EventTicketClass => "eventTicketClass",
            Self::EventTicketObject => "eventTicketObject",
            Self::LoyaltyClass => "loyaltyClass",
            Self::LoyaltyObject => "loyaltyObject",
            Self::GenericClass => "genericClass",
            Self::GenericObject => "genericObject",
        }
    }

    /// As Google's description names it.
    fn resource(self) -> &'static str {
        match self {
            Self::EventTicketClass => "EventTicketClass",
            Self::EventTicketObject => "EventTicketObject",
            Self::LoyaltyClass => "LoyaltyClass",
            Self::LoyaltyObject => "LoyaltyObject",
            Self::GenericClass => "GenericClass",
            Self::GenericObject => "GenericObject",
        }
    }

    /// None for a class.
    pub fn class(self) -> Option<Self> {
        match self {
            Self::EventTicketObject => Some(Self::EventTicketClass),
            Self::LoyaltyObject => Some(Self::LoyaltyClass),
            Self::GenericObject => Some(Self::GenericClass),
            _ => None,
        }
    }

    fn required(self) -> &'static [&'static str] {
        match self {
            Self::EventTicketClass => &["id", "issuerName", "eventName", "reviewStatus"],
            Self::EventTicketObject | Self::LoyaltyObject => &["id", "classId", "state"],
            Self::LoyaltyClass => &["id", "issuerName", "programName", "programLogo", "reviewStatus"],
            Self::GenericClass => &["id"],
            Self::GenericObject => &["id", "classId", "cardTitle", "header"],
        }
    }

    fn is_reviewed(self) -> bool {
        matches!(self, Self::EventTicketClass | Self::LoyaltyClass)
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Refused {
    pub status: StatusCode,
    pub reason: &'static str,
    pub message: String,
}

impl Refused {
    pub fn new(status: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self { status, reason, message: message.into() }
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", message)
    }

    pub fn unknown(id: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "notFound", format!("{id} not found"))
    }
}

#[derive(Default)]
pub(crate) struct Resources {
    stored: BTreeMap<(Kind, String), Value>,
    written: BTreeMap<(Kind, String), Millis>,
    pub warnings: Vec<String>,
    /// Seconds at which the holders of a pass, or of all passes of a class, were notified.
    notified: BTreeMap<(Kind, String), Vec<i64>>,
    /// Updates that told the holders of what they changed.
    pub announced: Vec<Announcement>,
    /// The next requests for a notification are refused, so many: somebody else has used them up.
    pub exhausted: u32,
}

/// An update that notified: Google does so for some fields, when the update asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    pub collection: &'static str,
    pub id: String,
    pub fields: Vec<&'static str>,
}

/// "Event details or seat information" (wallets.md 2.2): other fields notify nobody.
const ANNOUNCED: [(Kind, &[&str]); 2] =
    [(Kind::EventTicketClass, &["eventName", "venue", "dateTime"]), (Kind::EventTicketObject, &["seatInfo"])];

impl Resources {
    pub fn get(&self, kind: Kind, id: &str) -> Option<&Value> {
        self.stored.get(&(kind, id.to_owned()))
    }

    /// When it was last written.
    pub fn written(&self, kind: Kind, id: &str) -> Millis {
        self.written.get(&(kind, id.to_owned())).copied().unwrap_or_default()
    }

    pub fn ids(&self, kind: Kind) -> Vec<String> {
        self.stored.keys().filter(|(found, _)| *found == kind).map(|(_, id)| id.clone()).collect()
    }

    pub fn insert(&mut self, kind: Kind, mut body: Map<String, Value>, issuer: &str) -> Result<Value, Refused> {
        asks_to_notify(&mut body)?;
        let id = self.check(kind, &body, &body, issuer)?;
        if self.get(kind, &id).is_some() {
            let message = format!("Existing {} with id={id} found", kind.collection());
            return Err(Refused::new(StatusCode::CONFLICT, "existingResource", message));
        }
        self.store(kind, id, body)
    }

    /// Full replacement.
    pub fn update(
        &mut self,
        kind: Kind,
        id: &str,
        mut body: Map<String, Value>,
        issuer: &str,
        second: i64,
    ) -> Result<Value, Refused> {
        if self.get(kind, id).is_none() {
            return Err(Refused::unknown(id));
        }
        self.same_id(id, &body)?;
        let notify = asks_to_notify(&mut body)?;
        let id = self.check(kind, &body, &body, issuer)?;
        if notify {
            self.announce(kind, &id, &body, second)?;
        }
        self.store(kind, id, body)
    }

    /// Tells the holders of what an update changes, if it is among what they are told of.
    fn announce(&mut self, kind: Kind, id: &str, body: &Map<String, Value>, second: i64) -> Result<(), Refused> {
        let told = ANNOUNCED.iter().find(|(of, _)| *of == kind).map(|(_, fields)| *fields).unwrap_or_default();
        let before = self.get(kind, id);
        let changed = |field: &&&'static str| before.and_then(|it| it.get(**field)) != body.get(**field);
        let fields: Vec<&'static str> = told.iter().filter(changed).copied().collect();
        if fields.is_empty() {
            return Ok(());
        }
        self.notify(kind, id, second)?;
        self.announced.push(Announcement { collection: kind.collection(), id: id.to_owned(), fields });
        Ok(())
    }

    /// At most three notifications in 24 hours.
    fn notify(&mut self, kind: Kind, id: &str, second: i64) -> Result<(), Refused> {
        let notified = self.notified.entry((kind, id.to_owned())).or_default();
        notified.retain(|at| *at > second - DAY);
        if notified.len() >= NOTIFICATIONS || self.exhausted > 0 {
            self.exhausted = self.exhausted.saturating_sub(1);
            let message = "at most 3 notifications in 24 hours";
            return Err(Refused::new(StatusCode::BAD_REQUEST, "QuotaExceededException", message));
        }
        notified.push(second);
        Ok(())
    }

    /// Objects are merged, everything else (lists too) is replaced whole, null removes.
    pub fn patch(&mut self, kind: Kind, id: &str, body: Map<String, Value>, issuer: &str) -> Result<Value, Refused> {
        let Some(stored) = self.get(kind, id) else { return Err(Refused::unknown(id)) };
        self.same_id(id, &body)?;
        let mut merged = stored.clone();
        merge(&mut merged, &Value::Object(body.clone()));
        let Value::Object(mut merged) = merged else { return Err(Refused::invalid("not an object")) };
        // A request only: it is not part of the resource.
        merged.remove("notifyPreference");
        let id = self.check(kind, &merged, &body, issuer)?;
        self.store(kind, id, merged)
    }

    /// `classId` for objects, `issuerId` for classes; pages of `maxResults`, each with the `token` of the next.
    pub fn list(&self, kind: Kind, query: &str) -> Result<Value, Refused> {
        let asked = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        let (key, owner) = match kind.class() {
            Some(_) => ("classId", asked("classId")),
            None => ("issuerId", asked("issuerId")),
        };
        let owner = owner.ok_or_else(|| Refused::invalid(format!("{key}: required")))?;
        let belongs = |id: &str, value: &Value| match kind.class() {
            Some(_) => value.get("classId").and_then(Value::as_str) == Some(owner),
            None => id.strip_prefix(owner).is_some_and(|rest| rest.starts_with('.')),
        };
        let after = asked("token").unwrap_or_default();
        let all =
            self.stored.iter().filter(|((of, id), value)| *of == kind && belongs(id, value) && id.as_str() > after);
        let most = asked("maxResults").and_then(|most| most.parse().ok()).unwrap_or(usize::MAX);
        let mut page: Vec<(&String, &Value)> =
            all.map(|((_, id), value)| (id, value)).take(most.saturating_add(1)).collect();
        let more = page.len() > most;
        page.truncate(most);
        let next = page.last().filter(|_| more).map(|(id, _)| (*id).clone());
        let mut pagination = json!({"kind": "walletobjects#pagination", "resultsPerPage": page.len()});
        if let (Some(next), Some(fields)) = (next, pagination.as_object_mut()) {
            fields.insert("nextPageToken".to_owned(), Value::from(next));
        }
        let resources: Vec<&Value> = page.into_iter().map(|(_, value)| value).collect();
        Ok(json!({"resources": resources, "pagination": pagination}))
    }

    /// At most three messages of a pass notify in 24 hours.
    pub fn add_message(
        &mut self,
        kind: Kind,
        id: &str,
        body: Map<String, Value>,
        second: i64,
    ) -> Result<Value, Refused> {
        if let Some(wrong) = schema::wrong("AddMessageRequest", &body) {
            return Err(Refused::invalid(wrong.trim_start_matches('.')));
        }
        let Some(message) = body.get("message").filter(|message| message.is_object()).cloned() else {
            return Err(Refused::invalid("message: required"));
        };
        if self.get(kind, id).is_none() {
            return Err(Refused::unknown(id));
        }
        if message.get("messageType").and_then(Value::as_str) == Some("TEXT_AND_NOTIFY") {
            self.notify(kind, id, second)?;
        }
        let Some(Value::Object(stored)) = self.stored.get_mut(&(kind, id.to_owned())) else {
            return Err(Refused::unknown(id));
        };
        let messages = stored.entry("messages").or_insert_with(|| json!([]));
        if let Some(messages) = messages.as_array_mut() {
            messages.push(message);
        }
        Ok(json!({"resource": stored.clone()}))
    }

    /// Somebody has it in their wallet.
    pub fn set_has_users(&mut self, kind: Kind, id: &str, has: bool) {
        if let Some(Value::Object(stored)) = self.stored.get_mut(&(kind, id.to_owned())) {
            stored.insert("hasUsers".to_owned(), Value::Bool(has));
        }
    }

    fn same_id(&self, id: &str, body: &Map<String, Value>) -> Result<(), Refused> {
        match body.get("id").and_then(Value::as_str) {
            Some(other) if other != id => Err(Refused::invalid("id: not the one of the path")),
            _ => Ok(()),
        }
    }

    fn store(&mut self, kind: Kind, id: String, mut body: Map<String, Value>) -> Result<Value, Refused> {
        let had_users = self.get(kind, &id).and_then(|stored| stored.get("hasUsers")).cloned();
        if let Some(had_users) = had_users {
            body.insert("hasUsers".to_owned(), had_users);
        }
        let stored = Value::Object(body);
        self.written.insert((kind, id.clone()), now());
        self.stored.insert((kind, id), stored.clone());
        Ok(stored)
    }

    /// The id, when `whole` (what would be stored) and `sent` (what travelled) are right.
    fn check(
        &mut self,
        kind: Kind,
        whole: &Map<String, Value>,
        sent: &Map<String, Value>,
        issuer: &str,
    ) -> Result<String, Refused> {
        for name in kind.required() {
            let present = whole.get(*name).is_some_and(|value| !value.is_null() && value.as_str() != Some(""));
            if !present {
                return Err(Refused::invalid(format!("{name}: required")));
            }
        }
        let id = whole.get("id").and_then(Value::as_str).ok_or_else(|| Refused::invalid("id: not a string"))?;
        let suffix = id.strip_prefix(issuer).and_then(|rest| rest.strip_prefix('.'));
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if !suffix.is_some_and(|suffix| !suffix.is_empty() && suffix.bytes().all(allowed)) {
            let message = "id: not <issuerId>.<suffix> of letters, digits, '.', '_' and '-'";
            return Err(Refused::new(StatusCode::FORBIDDEN, "forbidden", message));
        }
        // Every write of a class asks for a review again; an approved class that is written without it is refused.
        if kind.is_reviewed() && sent.get("reviewStatus").and_then(Value::as_str) != Some("UNDER_REVIEW") {
            return Err(Refused::invalid("reviewStatus: UNDER_REVIEW expected on every write"));
        }
        if let Some(wrong) = schema::wrong(kind.resource(), whole) {
            return Err(Refused::invalid(wrong.trim_start_matches('.')));
        }
        check_texts(whole, "")?;
        self.check_places(whole)?;
        if let Some(class_kind) = kind.class() {
            self.check_object(class_kind, whole)?;
        } else {
            check_class(kind, whole)?;
        }
        for name in DEPRECATED.iter().filter(|name| sent.contains_key(**name)) {
            self.warnings.push(format!("{}: {name} is deprecated", kind.collection()));
        }
        Ok(id.to_owned())
    }

    fn check_places(&self, whole: &Map<String, Value>) -> Result<(), Refused> {
        let Some(places) = whole.get("merchantLocations") else { return Ok(()) };
        let places = places.as_array().ok_or_else(|| Refused::invalid("merchantLocations: not a list"))?;
        if places.len() > PLACES {
            return Err(Refused::invalid("merchantLocations: more than 10"));
        }
        let numeric = |place: &Value, key: &str| place.get(key).is_some_and(Value::is_number);
        if !places.iter().all(|place| numeric(place, "latitude") && numeric(place, "longitude")) {
            return Err(Refused::invalid("merchantLocations: latitude and longitude"));
        }
        Ok(())
    }

    fn check_object(&self, class_kind: Kind, whole: &Map<String, Value>) -> Result<(), Refused> {
        let class = whole.get("classId").and_then(Value::as_str).unwrap_or_default();
        if self.get(class_kind, class).is_none() {
            return Err(Refused::new(StatusCode::NOT_FOUND, "classNotFound", format!("{class} not found")));
        }
        if whole.get("state").is_some_and(|state| !state.as_str().is_some_and(|state| STATES.contains(&state))) {
            return Err(Refused::invalid("state: unknown"));
        }
        if let Some(barcode) = whole.get("barcode") {
            let text = |key: &str| barcode.get(key).and_then(Value::as_str);
            if !text("type").is_some_and(|kind| BARCODE_TYPES.contains(&kind)) {
                return Err(Refused::invalid("barcode.type: unknown"));
            }
            if text("value").is_none() {
                return Err(Refused::invalid("barcode.value: not a string"));
            }
        }
        for key in ["ticketHolderName", "ticketNumber", "accountId", "accountName"] {
            if whole.get(key).is_some_and(|value| !value.is_string()) {
                return Err(Refused::invalid(format!("{key}: not a string")));
            }
        }
        Ok(())
    }
}

/// Takes the wish out of a body: it is of this request, and no part of the resource.
fn asks_to_notify(body: &mut Map<String, Value>) -> Result<bool, Refused> {
    match body.remove("notifyPreference") {
        None => Ok(false),
        Some(wish) if wish == "NOTIFY_ON_UPDATE" => Ok(true),
        Some(_) => Err(Refused::invalid("notifyPreference: unknown")),
    }
}

fn check_class(kind: Kind, whole: &Map<String, Value>) -> Result<(), Refused> {
    if kind != Kind::EventTicketClass {
        return Ok(());
    }
    if let Some(venue) = whole.get("venue")
        && !(venue.get("name").is_some() && venue.get("address").is_some())
    {
        return Err(Refused::invalid("venue: name and address are both required"));
    }
    let long = |id: &Value| id.as_str().is_none_or(|id| id.chars().count() > 64);
    if whole.get("eventId").is_some_and(long) {
        return Err(Refused::invalid("eventId: longer than 64"));
    }
    Ok(())
}

/// Every LocalizedString in the resource, wherever it is.
fn check_texts(fields: &Map<String, Value>, path: &str) -> Result<(), Refused> {
    for (name, value) in fields {
        let path = format!("{path}{name}");
        let nested: Vec<&Map<String, Value>> = match value {
            Value::Object(nested) => vec![nested],
            Value::Array(items) => items.iter().filter_map(Value::as_object).collect(),
            _ => Vec::new(),
        };
        for nested in nested {
            let translations = nested.get("translatedValues").and_then(Value::as_array).into_iter().flatten();
            for text in nested.get("defaultValue").into_iter().chain(translations) {
                let part = |key: &str| text.get(key).and_then(Value::as_str).is_some_and(|part| !part.is_empty());
                if !part("language") || !part("value") {
                    return Err(Refused::invalid(format!("{path}: language and value are both required")));
                }
            }
            check_texts(nested, &format!("{path}."))?;
        }
    }
    Ok(())
}

fn merge(target: &mut Value, patch: &Value) {
    let (Value::Object(target), Value::Object(patch)) = (&mut *target, patch) else {
        patch.clone_into(target);
        return;
    };
    for (name, value) in patch {
        if value.is_null() {
            target.remove(name);
        } else {
            merge(target.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}
