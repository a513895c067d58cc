//! Endpoints by hand: made, changed, given new secrets, tried, and sent again what they missed.
//!
//! Owns these operations, once for the HTTP surface and the command line. Does not own who may ask for them.

use serde_json::{Value, json};

use super::body::time;
use super::endpoint::{self, Draft, Endpoint, Settled, Violations};
use super::send::response_place;
use crate::hooks::endpoint::is_plugin;
use crate::identity::{Millis, uuid};
use crate::ports::{HttpFailure, Random};
use crate::sealing::SealError;
use crate::store::{
    Delivery, DeliveryAttempt, DeliveryState, Happening, HappeningKind, ReplaySince, Replayed, Store, StoreError,
    Webhook, WebhookMade,
};
use crate::tenant::Tenant;

/// Somebody else changes the same endpoint: more rounds than this mean that something else is wrong. Also tries for an id of five characters.
pub(super) const ROUNDS: u32 = 8;
/// Happenings of one step of a replay: the store has one writer, which others wait for.
const AT_ONCE: u32 = 500;
/// How long an earlier secret signs along unless somebody says otherwise: a day, in which a deployment comes about.
pub const OVERLAP: Millis = crate::identity::DAY;

#[derive(Debug, thiserror::Error)]
pub enum ManageError {
    #[error("there is no such endpoint")]
    NoSuchEndpoint,
    #[error("there is no such event, or it was kept long enough")]
    NoSuchEvent,
    #[error("the endpoint is not as it should be")]
    Invalid(Violations),
    #[error("a tenant has 16 endpoints at most; delete one that is not needed")]
    Full,
    #[error("the endpoint is switched off; enable it first")]
    Disabled,
    #[error("the tenant has no plugin, so there is nothing to switch on; install one first")]
    NoPlugin,
    #[error("it is being sent right now; look at it in a moment")]
    Sending,
    #[error(
        "neither Vibes' format nor a plugin has a test event: put a pass on a phone; an address can be tried with the format passerelle"
    )]
    NoTest,
    #[error(
        "two earlier secrets still sign along, the first until {}; wait for it, or rotate with an overlap of 0, which ends them at once",
        time(*.0)
    )]
    Rotating(Millis),
    #[error("identifiers that name a person are not kept longer, so what happened before {} is not sent again", time(*.0))]
    TooEarly(Millis),
    #[error("somebody else keeps changing it")]
    Contended,
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What the operations need.
pub struct Desk<'a, S, R> {
    pub store: &'a S,
    pub random: &'a R,
    pub tenant: &'a Tenant,
    pub now: Millis,
}

impl<S: Store, R: Random> Desk<'_, S, R> {
    pub async fn list(&self) -> Result<Vec<(Webhook, Endpoint)>, ManageError> {
        let rows = self.store.webhooks(&self.tenant.id).await?;
        // A plugin is no endpoint that a person has made or may change.
        rows.into_iter().filter(|row| !is_plugin(&row.settled)).map(|row| self.open(row)).collect()
    }

    pub async fn one(&self, id: &str) -> Result<(Webhook, Endpoint), ManageError> {
        self.open(self.row(id).await?)
    }

    pub async fn create(&self, settled: Settled) -> Result<(Webhook, Endpoint), ManageError> {
        let mut endpoint = Endpoint::new(self.random, settled);
        for _ in 0..ROUNDS {
            let write = endpoint.seal(&self.tenant.keys, self.random, &self.tenant.id, self.now)?;
            match self.store.create_webhook(&self.tenant.id, write, endpoint::MOST, self.now).await? {
                WebhookMade::Made => return self.one(&endpoint.id).await,
                WebhookMade::Full => return Err(ManageError::Full),
                WebhookMade::Taken => endpoint.id = endpoint::id(self.random),
            }
        }
        Err(ManageError::Contended)
    }

    pub async fn update(
        &self,
        id: &str,
        change: &Draft,
        vet: impl Fn(&str) -> Result<(), HttpFailure>,
    ) -> Result<(Webhook, Endpoint), ManageError> {
        // An address that is not called any more may still be switched off.
        let vet = |url: &str| if change.endpoint.is_some() { vet(url) } else { Ok(()) };
        for _ in 0..ROUNDS {
            let (row, mut endpoint) = self.one(id).await?;
            let draft = change.clone().over(endpoint.settled.draft());
            endpoint.settled = draft.judge(vet).map_err(ManageError::Invalid)?;
            if self.write(&row, &endpoint).await? {
                return self.one(id).await;
            }
        }
        Err(ManageError::Contended)
    }

    /// New secrets. The ones of before sign along for `overlap`.
    pub async fn rotate(&self, id: &str, overlap: Millis) -> Result<(Webhook, Endpoint), ManageError> {
        for _ in 0..ROUNDS {
            let (row, mut endpoint) = self.one(id).await?;
            endpoint.rotate(self.random, overlap, self.now).map_err(ManageError::Rotating)?;
            if self.write(&row, &endpoint).await? {
                return Ok((row, endpoint));
            }
        }
        Err(ManageError::Contended)
    }

    pub async fn delete(&self, id: &str) -> Result<(), ManageError> {
        if is_plugin(&self.row(id).await?.settled) {
            return Err(ManageError::NoSuchEndpoint);
        }
        let deleted = self.store.delete_webhook(&self.tenant.id, id).await?;
        if deleted { Ok(()) } else { Err(ManageError::NoSuchEndpoint) }
    }

    pub async fn delivery(&self, id: &str, event: &str) -> Result<(Delivery, Vec<DeliveryAttempt>), ManageError> {
        self.row(id).await?;
        self.store.delivery(&self.tenant.id, id, event).await?.ok_or(ManageError::NoSuchEvent)
    }

    pub async fn replay(&self, id: &str, event: &str) -> Result<(), ManageError> {
        self.row(id).await?;
        match self.store.replay_delivery(&self.tenant.id, id, event, self.now).await? {
            Replayed::Wanted => Ok(()),
            Replayed::Sending => Err(ManageError::Sending),
            Replayed::Disabled => Err(ManageError::Disabled),
            Replayed::Unknown => Err(ManageError::NoSuchEvent),
        }
    }

    /// How many are sent again, or for the first time. `kept`: how long identifiers of persons are.
    pub async fn replay_since(
        &self,
        id: &str,
        since: Millis,
        delivered: bool,
        kept: Millis,
    ) -> Result<u64, ManageError> {
        self.row(id).await?;
        let earliest = self.now.saturating_sub(kept);
        if since < earliest {
            return Err(ManageError::TooEarly(earliest));
        }
        let (mut after, mut wanted) = (None, 0_u64);
        loop {
            let step = ReplaySince { since, after, delivered, limit: AT_ONCE, now: self.now };
            let step = self.store.replay_since(&self.tenant.id, id, step).await?.ok_or(ManageError::Disabled)?;
            wanted = wanted.saturating_add(step.wanted);
            after = step.next;
            if after.is_none() {
                return Ok(wanted);
            }
        }
    }

    /// Sends a test event to this endpoint alone. Its id.
    pub async fn test(&self, id: &str, operation: Option<String>) -> Result<String, ManageError> {
        let row = self.row(id).await?;
        if !row.settled.settings.format.carries(HappeningKind::WebhookTest) {
            return Err(ManageError::NoTest);
        }
        let event = uuid(self.now, self.random.bytes());
        let test = Happening {
            id: event.clone(),
            kind: HappeningKind::WebhookTest,
            at: self.now,
            operation,
            pass: None,
            properties: json!({ "webhookId": id }).to_string(),
            sealed: None,
        };
        let written = self.store.test_webhook(&self.tenant.id, id, test, self.now).await?;
        if written { Ok(event) } else { Err(ManageError::Disabled) }
    }

    /// Whether there is such an endpoint, the tenant's plugin among them.
    pub async fn exists(&self, id: &str) -> Result<(), ManageError> {
        self.row(id).await.map(drop)
    }

    async fn row(&self, id: &str) -> Result<Webhook, ManageError> {
        self.store.webhook(&self.tenant.id, id).await?.ok_or(ManageError::NoSuchEndpoint)
    }

    fn open(&self, row: Webhook) -> Result<(Webhook, Endpoint), ManageError> {
        if is_plugin(&row.settled) {
            return Err(ManageError::NoSuchEndpoint);
        }
        let endpoint = Endpoint::open(&self.tenant.keys, &row)?;
        Ok((row, endpoint))
    }

    async fn write(&self, row: &Webhook, endpoint: &Endpoint) -> Result<bool, ManageError> {
        let write = endpoint.seal(&self.tenant.keys, self.random, &self.tenant.id, self.now)?;
        Ok(self.store.update_webhook(&self.tenant.id, row.version, write, self.now).await?)
    }

    /// An attempt, for a person.
    pub fn attempt_shown(&self, id: &str, event: &str, attempt: &DeliveryAttempt) -> Value {
        let place = response_place(self.tenant, id, event, attempt.n);
        let place: Vec<&str> = place.iter().map(String::as_str).collect();
        let response = attempt.response_sealed.as_ref().and_then(|sealed| {
            let opened = self.tenant.keys.open_small(sealed, &place).ok()?;
            Some(String::from_utf8_lossy(&opened).into_owned())
        });
        json!({
            "at": time(attempt.at),
            "tookMs": attempt.took_ms,
            "status": attempt.status,
            "error": attempt.error,
            "response": response,
        })
    }
}

/// An endpoint, for a person. Secrets are shown when they are made, and never again.
pub fn shown(row: &Webhook, endpoint: &Endpoint, now: Millis) -> Value {
    let mut shown = serde_json::to_value(endpoint.settled.draft()).unwrap_or_default();
    if let Value::Object(shown) = &mut shown {
        let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
        put("id", endpoint.id.as_str().into());
        put("publicKey", endpoint.keys().pair().public().into());
        put("createdAt", time(row.created_at).into());
        put("updatedAt", time(row.updated_at).into());
        put("failingSince", row.failing_since.map(time).into());
        put("pausedUntil", row.not_before.filter(|at| *at > now).map(time).into());
        put("disabledAt", row.disabled.map(|(at, _)| time(at)).into());
        put("disabledFor", row.disabled.map(|(_, why)| why.name()).into());
        let earlier = endpoint.signing(now).skip(1);
        let earlier =
            earlier.filter_map(|keys| Some(json!({ "publicKey": keys.pair().public(), "until": time(keys.until()?) })));
        put("earlierSecrets", earlier.collect());
        put("warnings", endpoint.settled.warnings().into());
    }
    shown
}

/// The same with its secrets, for whoever has just made them.
pub fn shown_with_secrets(row: &Webhook, endpoint: &Endpoint, now: Millis) -> Value {
    let mut shown = shown(row, endpoint, now);
    if let Value::Object(shown) = &mut shown {
        let secret = &endpoint.keys().secret;
        shown.insert("signatureSecret".to_owned(), secret.plain().as_str().into());
        shown.insert("secret".to_owned(), secret.standard().as_str().into());
    }
    shown
}

/// In the words of the API: whoever looks does not tell apart why something waits.
pub const fn state_word(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Ready | DeliveryState::Queued => "waiting",
        DeliveryState::Leased => "sending",
        DeliveryState::Delivered => "delivered",
        DeliveryState::Dead => "dead",
    }
}

/// The states that a word means.
pub fn states(word: &str) -> Option<Vec<DeliveryState>> {
    let states: Vec<DeliveryState> =
        DeliveryState::ALL.into_iter().filter(|state| state_word(*state) == word).collect();
    (!states.is_empty()).then_some(states)
}

pub fn delivery_shown(delivery: &Delivery) -> Value {
    let next = (delivery.state == DeliveryState::Ready).then(|| time(delivery.run_at));
    json!({
        "eventId": delivery.happening,
        "eventType": delivery.kind.name(),
        "passId": delivery.pass.as_ref().map(|pass| pass.as_str()),
        "sequence": delivery.seq,
        "state": state_word(delivery.state),
        "createdAt": time(delivery.created_at),
        "nextAttemptAt": next,
        "failedAttempts": delivery.attempts,
        "endedAt": delivery.ended_at.map(time),
        "error": delivery.error,
    })
}
