//! How a callback reaches whoever has registered: at least once, with the documented consequences of an answer (domain.md 4.4).
//!
//! Owns attempts, their times and their end: 2XX is done, 4XX has failed for good, anything else is tried again by the schedule, and an address that
//! fails too often is left alone for a while. Time is the simulator's, put forward by whoever owns it; [`VibesService::deliver_due`] sends what is due.

use bytes::Bytes;
use http::Method;
use serde::Serialize;
use serde_json::Map;

use super::{Instance, Item, REMOVE, VibesService, message};
use crate::Millis;

const MINUTE: Millis = 60_000;
/// Failures in a row after which an address counts as down, and for how long. Vibes says "repeated" and "a while".
const DOWN_AFTER: u32 = 10;
const DOWN_FOR: Millis = 15 * MINUTE;

/// What became of a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum VibesOutcome {
    /// Made, and held back.
    Held,
    /// Waits for its next attempt.
    Waiting,
    Done,
    /// In the failure queue: refused for good, or tried too often.
    Failed,
}

/// One callback to one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VibesDelivery {
    pub event: String,
    pub kind: String,
    pub url: String,
    pub body: String,
    /// Of each attempt; 0: no answer.
    pub statuses: Vec<u16>,
    pub outcome: VibesOutcome,
}

pub(super) struct Pending {
    told: VibesDelivery,
    method: Method,
    content_type: String,
    due: Millis,
}

/// Failures of an address in a row, and until when it is left alone.
#[derive(Default)]
pub(super) struct Downed {
    failures: u32,
    until: Millis,
}

impl VibesService {
    /// Every callback that was made, oldest first.
    pub fn deliveries(&self) -> Vec<VibesDelivery> {
        self.state().deliveries.iter().map(|pending| pending.told.clone()).collect()
    }

    /// Lets go of what is held, in the order in which it happened or the other way round.
    pub async fn release(&self, reversed: bool) {
        {
            let mut state = self.state();
            state.quirks.held = false;
            if reversed {
                let (held, mut others): (Vec<_>, Vec<_>) =
                    state.deliveries.drain(..).partition(|it| it.told.outcome == VibesOutcome::Held);
                others.extend(held.into_iter().rev());
                state.deliveries = others;
            }
            for pending in &mut state.deliveries {
                if pending.told.outcome == VibesOutcome::Held {
                    pending.told.outcome = VibesOutcome::Waiting;
                }
            }
        }
        self.deliver_due().await;
    }

    /// Sends what is due by now, one after the other.
    pub async fn deliver_due(&self) {
        let _one = self.inner.sending.lock().await;
        let now = self.now();
        let mut at = 0;
        loop {
            let next = {
                let state = self.state();
                let due = |it: &Pending| {
                    let down = state.downed.get(&it.told.url).is_some_and(|downed| downed.until > now);
                    it.told.outcome == VibesOutcome::Waiting && it.due <= now && !down
                };
                let found = state.deliveries.iter().enumerate().skip(at).find(|(_, it)| due(it));
                found.map(|(index, it)| {
                    (index, it.method.clone(), it.told.url.clone(), it.content_type.clone(), it.told.body.clone())
                })
            };
            let Some((index, method, url, content_type, body)) = next else { return };
            let headers = [("content-type", content_type.as_str())];
            let reply = self.inner.caller.call(method, &url, &headers, Bytes::from(body)).await;
            self.answered(index, reply.map_or(0, |reply| reply.status.as_u16()), now);
            at = index + 1;
        }
    }

    fn answered(&self, index: usize, status: u16, now: Millis) {
        let mut state = self.state();
        let retries = state.quirks.retries.clone();
        let Some(pending) = state.deliveries.get_mut(index) else { return };
        pending.told.statuses.push(status);
        let attempts = pending.told.statuses.len();
        let (outcome, due) = match (status, retries.get(attempts - 1)) {
            (200..300, _) => (VibesOutcome::Done, now),
            (400..500, _) | (_, None) => (VibesOutcome::Failed, now),
            (_, Some(minutes)) => (VibesOutcome::Waiting, now + Millis::from(*minutes) * MINUTE),
        };
        (pending.told.outcome, pending.due) = (outcome, due);
        let url = pending.told.url.clone();
        let downed = state.downed.entry(url).or_default();
        downed.failures = if outcome == VibesOutcome::Waiting { downed.failures + 1 } else { 0 };
        if downed.failures >= DOWN_AFTER {
            (downed.failures, downed.until) = (0, now + DOWN_FOR);
        }
    }

    pub(super) async fn announce(&self, kind: &str, item: &Item, uid: &str, instance: &Instance, at: Millis) {
        let event = message::uuid();
        self.make(kind, &event, item, uid, instance, at);
        self.deliver_due().await;
    }

    /// A callback about nothing that there is, sent soon; its identifier.
    pub(super) fn invent(&self, kind: &str) -> String {
        let (event, at) = (message::uuid(), self.now());
        let campaigns = {
            let state = self.state();
            state.registrations.values().filter(|it| it.kind == kind).map(|it| it.campaign.clone()).collect::<Vec<_>>()
        };
        for campaign in campaigns {
            let mut tokens = Map::new();
            tokens.insert("first_name".to_owned(), "Calrissian".into());
            let item = Item { uuid: "item-uuid".to_owned(), number: 0, campaign, tokens, created_at: at };
            let unregistered_at = (kind == REMOVE).then_some(at);
            let instance =
                Instance { item: item.uuid.clone(), provider: "google".to_owned(), registered_at: at, unregistered_at };
            self.make(kind, &event, &item, "test", &instance, at);
        }
        let vibes = self.clone();
        tokio::spawn(async move { vibes.deliver_due().await });
        event
    }

    fn make(&self, kind: &str, event: &str, item: &Item, uid: &str, instance: &Instance, at: Millis) {
        let mut state = self.state();
        let quirks = state.quirks.clone();
        let body = message::body(&self.inner.company, &quirks, (kind, event, at), item, uid, instance);
        let outcome = if quirks.held { VibesOutcome::Held } else { VibesOutcome::Waiting };
        let of_kind: Vec<_> = state
            .registrations
            .values()
            .filter(|it| it.kind == kind && it.campaign == item.campaign)
            .cloned()
            .collect();
        for registered in of_kind {
            for _ in 0..quirks.copies {
                let told = VibesDelivery {
                    event: event.to_owned(),
                    kind: kind.to_owned(),
                    url: registered.url.clone(),
                    body: body.clone(),
                    statuses: vec![],
                    outcome,
                };
                let (method, content_type) = (registered.method.clone(), registered.content_type.clone());
                state.deliveries.push(Pending { told, method, content_type, due: at });
            }
        }
    }
}
