//! An Android phone with Google Wallet: saves by link, shows object and class as they are stored now.
//!
//! Owns the merged view. Does not own the storage: Google pushes a changed resource to phones by itself, so the phone reads it where
//! it is.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use serde::Serialize;
use serde_json::Value;

use crate::caller::{CallError, Caller};
use crate::google::resources::Kind;
use crate::google::{GoogleService, save};
use crate::{Millis, NotSeen, seen};

#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    #[error("save link: {0}")]
    Call(#[from] CallError),
    #[error("save link: refused with {status}: {message}")]
    Refused { status: u16, message: String },
}

/// What the phone shows of one object.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GoogleView {
    pub object_id: String,
    pub class_id: String,
    /// `eventTicketObject`, `loyaltyObject`, `genericObject`.
    pub collection: &'static str,
    /// Name of the event, the programme or the card.
    pub title: Option<String>,
    /// The class's start.
    pub date: Option<String>,
    pub venue: Option<String>,
    pub holder: Option<String>,
    /// Section, row, seat and gate, as far as they are known.
    pub seat: Option<String>,
    pub barcode: Option<String>,
    /// `ACTIVE`, `COMPLETED`, `EXPIRED`, `INACTIVE`.
    pub state: String,
    /// When object or class were last written: Google shows it from then on.
    pub updated_at: Millis,
    pub object: Value,
    pub class: Value,
}

impl GoogleView {
    pub fn is_active(&self) -> bool {
        self.state == "ACTIVE"
    }
}

/// A handle on one phone.
#[derive(Clone)]
pub struct GooglePhone {
    name: Arc<str>,
    google: GoogleService,
    caller: Caller,
}

impl GooglePhone {
    pub(crate) fn new(name: &str, google: GoogleService, caller: Caller) -> Self {
        Self { name: Arc::from(name), google, caller }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Opens a save link. The objects that it has now, those of before included.
    pub async fn save(&self, link: &str) -> Result<Vec<GoogleView>, SaveError> {
        let before = self.saved();
        let headers = [(save::PHONE, &*self.name)];
        let reply = self.caller.call(Method::GET, link, &headers, Bytes::new()).await?;
        if reply.status != StatusCode::OK {
            let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
            let message = body.pointer("/error/message").and_then(Value::as_str).unwrap_or_default().to_owned();
            return Err(SaveError::Refused { status: reply.status.as_u16(), message });
        }
        for (kind, id) in self.saved().difference(&before) {
            self.google.announce(&self.caller, "save", *kind, id).await;
        }
        Ok(self.passes())
    }

    fn saved(&self) -> BTreeSet<(Kind, String)> {
        self.google.state().saved.get(&*self.name).cloned().unwrap_or_default()
    }

    /// Whether it had it.
    pub async fn remove(&self, object_id: &str) -> bool {
        let Some(kind) = self.forget(object_id) else { return false };
        self.google.inner.version.send_modify(|version| *version += 1);
        self.google.announce(&self.caller, "del", kind, object_id).await;
        true
    }

    fn forget(&self, object_id: &str) -> Option<Kind> {
        let mut state = self.google.state();
        let saved = state.saved.entry(self.name.to_string()).or_default();
        let entry = saved.iter().find(|(_, id)| id == object_id).cloned()?;
        saved.remove(&entry);
        let still_used = state.saved.values().any(|saved| saved.contains(&entry));
        state.resources.set_has_users(entry.0, object_id, still_used);
        Some(entry.0)
    }

    pub fn pass(&self, object_id: &str) -> Option<GoogleView> {
        self.passes().into_iter().find(|view| view.object_id == object_id)
    }

    pub fn passes(&self) -> Vec<GoogleView> {
        let state = self.google.state();
        let saved = state.saved.get(&*self.name).into_iter().flatten();
        saved
            .filter_map(|(kind, id)| {
                let object = state.resources.get(*kind, id)?;
                let class_id = object.get("classId").and_then(Value::as_str)?;
                let class = state.resources.get(kind.class()?, class_id)?;
                let written = state.resources.written(*kind, id).max(state.resources.written(kind.class()?, class_id));
                Some(GoogleView { updated_at: written, ..view(*kind, object, class) })
            })
            .collect()
    }

    /// Waits until an object shows what `condition` looks for.
    pub async fn wait_until(
        &self,
        condition: impl Fn(&GoogleView) -> bool,
        limit: Duration,
    ) -> Result<GoogleView, NotSeen> {
        let look = move || self.passes().into_iter().find(|view| condition(view));
        seen(&self.google.inner.version, look, limit).await
    }
}

fn view(kind: Kind, object: &Value, class: &Value) -> GoogleView {
    let plain = |whole: &Value, pointer: &str| whole.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let localized = |whole: &Value, pointer: &str| plain(whole, &format!("{pointer}/defaultValue/value"));
    let title = match kind {
        Kind::EventTicketObject => localized(class, "/eventName"),
        Kind::LoyaltyObject => plain(class, "/programName").or_else(|| localized(class, "/localizedProgramName")),
        _ => localized(object, "/cardTitle"),
    };
    let seat: Vec<String> = ["section", "row", "seat", "gate"]
        .iter()
        .filter_map(|part| localized(object, &format!("/seatInfo/{part}")))
        .collect();
    let header = || localized(object, "/header");
    GoogleView {
        object_id: plain(object, "/id").unwrap_or_default(),
        class_id: plain(object, "/classId").unwrap_or_default(),
        collection: kind.collection(),
        title,
        date: plain(class, "/dateTime/start"),
        venue: localized(class, "/venue/name"),
        holder: plain(object, "/ticketHolderName").or_else(|| plain(object, "/accountName")).or_else(header),
        seat: (!seat.is_empty()).then(|| seat.join(" ")),
        barcode: plain(object, "/barcode/value"),
        // A generic object may leave it out.
        state: plain(object, "/state").unwrap_or_else(|| "ACTIVE".to_owned()),
        updated_at: 0,
        object: object.clone(),
        class: class.clone(),
    }
}
