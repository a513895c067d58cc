//! A SecuTix institution: what it sells, whom it knows, what happened to its files, and the three faces it shows: the desk (methods
//! that a shop or an agent uses), the web service (what we fetch from), the notifier (what we hear from).
//!
//! Owns the one state behind them and its lock. Does not own the JSON form (`rendering`), the rules of a use case (`desk`), or
//! transport. Bounded by: memory; a clone is a handle on the same institution.

mod books;
pub mod catalogue;
pub mod change;
pub mod credentials;
pub mod desk;
pub mod model;
pub mod notifier;
pub mod oddities;
pub mod printing;
mod rendering;
pub(crate) mod shop;
#[cfg(test)]
mod tests;
mod throttle;
mod upkeep;
pub mod webservice;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
pub use credentials::Credentials;

use crate::caller::Caller;
use crate::secutix::catalogue::Catalogue;
use crate::secutix::model::{Contact, File, Ids};
use crate::secutix::notifier::{Delivery, Notice, Outbox, Receipt};
use crate::secutix::oddities::Oddities;
use crate::secutix::printing::PrintReport;
use crate::secutix::throttle::Throttle;
use crate::secutix::webservice::ServiceCall;
use crate::world::InstitutionConfig;
use crate::{Millis, now};

/// Why the institution did not do what its desk was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InstitutionError {
    #[error("no such file")]
    UnknownFile,
    #[error("no such movement")]
    UnknownMovement,
    #[error("the movement is cancelled or exchanged away")]
    MovementEnded,
    #[error("no such product")]
    UnknownProduct,
    #[error("no such performance, or it belongs to another product")]
    UnknownPerformance,
    #[error("no such contact")]
    UnknownContact,
    #[error("nobody to sell to")]
    NoHolder,
    #[error("the ticket shop cannot do that; the back office can")]
    BackOfficeOnly,
}

/// A handle on the institution.
#[derive(Clone)]
pub struct Institution {
    inner: Arc<Inner>,
}

struct Inner {
    credentials: Credentials,
    caller: Caller,
    state: Mutex<State>,
    /// Milliseconds that the web service's clock is ahead of the machine's.
    ahead: AtomicI64,
}

/// Everything that changes, under one lock that is never held across an await.
pub(crate) struct State {
    pub url: String,
    pub catalogue: Catalogue,
    pub contacts: BTreeMap<String, Contact>,
    pub files: BTreeMap<i64, File>,
    pub file_of_movement: HashMap<i64, i64>,
    pub file_of_secret: HashMap<String, i64>,
    pub contact_of_name: HashMap<(String, String), String>,
    pub ids: Ids,
    pub oddities: Oddities,
    pub throttle: Throttle,
    pub calls: Vec<ServiceCall>,
    /// `(kind, id)` to key to value, as `updateExternalReferences` left them.
    pub references: BTreeMap<(String, String), BTreeMap<String, String>>,
    pub prints: Vec<PrintReport>,
    pub listener: Option<String>,
    pub shop_key: Option<String>,
    pub delivery: Delivery,
    pub outbox: Outbox,
}

impl Institution {
    pub(crate) fn new(config: &InstitutionConfig, caller: Caller) -> Self {
        let credentials = Credentials {
            institution: config.institution.clone(),
            operator: config.operator.clone(),
            partner: config.partner.clone(),
            secret: config.secret.clone().unwrap_or_else(random_hex::<32>),
        };
        let state = State {
            url: String::new(),
            catalogue: Catalogue::opera(),
            contacts: BTreeMap::new(),
            files: BTreeMap::new(),
            file_of_movement: HashMap::new(),
            file_of_secret: HashMap::new(),
            contact_of_name: HashMap::new(),
            ids: Ids::default(),
            oddities: Oddities::default(),
            throttle: Throttle::new(config.requests_per_minute),
            calls: Vec::new(),
            references: BTreeMap::new(),
            prints: Vec::new(),
            listener: config.listener.clone(),
            shop_key: None,
            // Who asks for an interval asks for batches.
            delivery: config.batch_interval.map_or_else(Delivery::default, |_| Delivery::batched()),
            outbox: Outbox::default(),
        };
        Self { inner: Arc::new(Inner { credentials, caller, state: Mutex::new(state), ahead: AtomicI64::new(0) }) }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn caller(&self) -> &Caller {
        &self.inner.caller
    }

    pub(crate) fn set_url(&self, url: &str) {
        url.clone_into(&mut self.state().url);
    }

    /// `https://localhost:…`, without a final slash.
    pub fn url(&self) -> String {
        self.state().url.clone()
    }

    pub fn credentials(&self) -> &Credentials {
        &self.inner.credentials
    }

    /// Where changes are announced from now on.
    pub fn listen_at(&self, url: &str) {
        self.state().listener = Some(url.to_owned());
    }

    /// How changes are announced from now on.
    pub fn set_delivery(&self, delivery: Delivery) {
        self.state().delivery = delivery;
    }

    /// Changes the documented oddities: `secutix.oddities(|o| o.numbers_as_strings = true)`.
    pub fn oddities<T>(&self, change: impl FnOnce(&mut Oddities) -> T) -> T {
        change(&mut self.state().oddities)
    }

    /// Every oddity off.
    pub fn behave(&self) {
        self.state().oddities = Oddities::default();
    }

    /// Calls per endpoint and minute before HTTP 509. Takes effect with the next call.
    pub fn set_rate_limit(&self, requests_per_minute: u32) {
        self.state().throttle = Throttle::new(requests_per_minute);
    }

    pub fn file(&self, file: i64) -> Option<File> {
        self.state().files.get(&file).cloned()
    }

    pub fn files(&self) -> Vec<File> {
        self.state().files.values().cloned().collect()
    }

    pub fn contact(&self, number: &str) -> Option<Contact> {
        self.state().contacts.get(number).cloned()
    }

    pub fn contacts(&self) -> Vec<Contact> {
        self.state().contacts.values().cloned().collect()
    }

    pub fn catalogue(&self) -> Catalogue {
        self.state().catalogue.clone()
    }

    /// The file as the web service would show it now, without oddities: for `tests/cases` and `passerelle explain`.
    pub fn file_json(&self, file: i64) -> Option<serde_json::Value> {
        let state = self.state();
        state.files.get(&file).map(|file| rendering::file_answer(file, &state, &Oddities::default()))
    }

    pub fn contact_json(&self, number: &str) -> Option<serde_json::Value> {
        self.state().contacts.get(number).map(rendering::contact_answer)
    }

    /// What `updateExternalReferences` wrote for a movement.
    pub fn movement_references(&self, movement: i64) -> BTreeMap<String, String> {
        self.references("MOVEMENT", &movement.to_string())
    }

    /// Somebody else at the institution changes an external reference; none: deletes it.
    pub fn meddle(&self, movement: i64, key: &str, value: Option<&str>) {
        let mut state = self.state();
        let references = state.references.entry(("MOVEMENT".to_owned(), movement.to_string())).or_default();
        match value {
            Some(value) => references.insert(key.to_owned(), value.to_owned()),
            None => references.remove(key),
        };
    }

    /// What it wrote for a contact.
    pub fn contact_references(&self, number: &str) -> BTreeMap<String, String> {
        self.references("CONTACT", number)
    }

    fn references(&self, kind: &str, id: &str) -> BTreeMap<String, String> {
        self.state().references.get(&(kind.to_owned(), id.to_owned())).cloned().unwrap_or_default()
    }

    /// Every call of the web service, oldest first.
    pub fn calls(&self) -> Vec<ServiceCall> {
        self.state().calls.clone()
    }

    /// How often each endpoint was called, refused calls included.
    pub fn call_counts(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for call in &self.state().calls {
            *counts.entry(call.endpoint.clone()).or_default() += 1;
        }
        counts
    }

    /// The number of calls of all endpoints so far: take it before and after a scenario.
    pub fn call_count(&self) -> u64 {
        u64::try_from(self.state().calls.len()).unwrap_or(u64::MAX)
    }

    /// Puts the web service's clock forward: tokens are judged, calls counted and dated by it. Notices keep the machine's time.
    pub fn advance(&self, millis: Millis) {
        self.inner.ahead.fetch_add(millis, Ordering::SeqCst);
    }

    pub(crate) fn ahead(&self) -> Millis {
        self.inner.ahead.load(Ordering::SeqCst)
    }

    pub(crate) fn now(&self) -> Millis {
        now() + self.ahead()
    }

    /// Announces something by hand, whatever the delivery is set to: one delivery, now.
    pub async fn notify(&self, notice: Notice) -> Receipt {
        self.deliver(notice).await
    }

    /// Announces a batch that has been waiting, in the order and with the duplicates that the delivery asks for.
    pub async fn flush_batch(&self) -> Vec<Receipt> {
        self.flush().await
    }
}

/// Hex of `N` random bytes.
pub(crate) fn random_hex<const N: usize>() -> String {
    let mut bytes = [0; N];
    if SystemRandom::new().fill(&mut bytes).is_err() {
        // aws-lc-rs aborts the process rather than return here; a constant would only weaken a test.
        tracing::error!("no randomness");
    }
    hex::encode(bytes)
}
