//! What SecuTix tells a partner about changes: the five-field notification (domain.md 1.10), and the ways in which it arrives.
//!
//! Owns order, duplication, batching and the few retries of the sender. Does not own which changes are announced (`desk`).
//! The sender's retry scheme is documented nowhere: a few attempts with a short, settable wait, on 5xx and on no answer.

use std::time::Duration;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::secutix::Institution;
use crate::secutix::catalogue::written;
use crate::secutix::change::{Change, TicketIds};
use crate::secutix::desk::venue_time;
use crate::{Millis, now};

const USER_AGENT: &str = "SecuTix-S360-simulated";

/// The five fields. `ticket` and `movement` are null where the notice is about an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    pub ticket: Option<i64>,
    pub movement: Option<i64>,
    pub order_secret: String,
    /// `PAID`, `CANCELLED`, `VALIDATED`, `MODIFIED`, or anything: the list is open.
    pub state: String,
    pub last_update: String,
}

impl Notice {
    pub fn of(state: &str, ids: &TicketIds) -> Self {
        Self {
            ticket: Some(ids.ticket),
            movement: Some(ids.movement),
            order_secret: ids.order_secret.clone(),
            state: state.to_owned(),
            last_update: written(&venue_time()),
        }
    }

    pub fn of_order(state: &str, order_secret: &str) -> Self {
        Self {
            ticket: None,
            movement: None,
            order_secret: order_secret.to_owned(),
            state: state.to_owned(),
            last_update: written(&venue_time()),
        }
    }

    /// As it travels.
    pub fn body(&self) -> Value {
        json!({
            "ticketId": self.ticket,
            "saleMovementId": self.movement,
            "orderSecretToken": self.order_secret,
            "state": self.state,
            "lastUpdate": self.last_update,
        })
    }
}

/// How changes are announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub mode: Mode,
    /// How often each notice is sent: 1 is once, 5 is a burst of five equal ones, sent at the same time.
    pub copies: u32,
    /// The notices of a change (or of a batch) in reverse order: an exchange announces its new sale before the old ticket's end, or the reverse.
    pub reversed: bool,
    /// Attempts per notice, at least one.
    pub attempts: u32,
    /// Wait after the first failed attempt; doubled after each further one.
    pub backoff: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// With the change.
    #[default]
    Immediate,
    /// Kept until `flush_batch` or the batch interval.
    Batched,
    /// Not at all.
    Silent,
}

impl Default for Delivery {
    fn default() -> Self {
        Self { mode: Mode::Immediate, copies: 1, reversed: false, attempts: 4, backoff: Duration::from_millis(100) }
    }
}

impl Delivery {
    pub fn batched() -> Self {
        Self { mode: Mode::Batched, ..Self::default() }
    }

    pub fn burst(copies: u32) -> Self {
        Self { copies, ..Self::default() }
    }

    pub fn silent() -> Self {
        Self { mode: Mode::Silent, ..Self::default() }
    }
}

/// What came of one delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Receipt {
    pub notice: Notice,
    /// None: nobody answered.
    pub status: Option<u16>,
    /// The correlation id that the connector gave, from its header or its body.
    pub correlation: Option<String>,
    pub body: String,
    pub attempts: u32,
    /// When the last attempt began.
    pub sent_at: Millis,
    pub answered_at: Millis,
}

impl Receipt {
    pub fn accepted(&self) -> bool {
        self.status == Some(200)
    }
}

/// Notices that wait for the next batch.
#[derive(Default)]
pub(crate) struct Outbox {
    waiting: Vec<Notice>,
}

impl Institution {
    /// Announces a change as the delivery says, and puts into it what came of that.
    pub(crate) async fn announce(&self, mut change: Change) -> Change {
        let delivery = self.state().delivery.clone();
        match delivery.mode {
            Mode::Immediate => change.receipts = self.send(change.notices.clone(), &delivery).await,
            Mode::Batched => self.state().outbox.waiting.extend(change.notices.iter().cloned()),
            Mode::Silent => {}
        }
        change
    }

    pub(crate) async fn flush(&self) -> Vec<Receipt> {
        let (waiting, delivery) = {
            let mut state = self.state();
            // Nobody is told yet, so nothing is lost yet.
            if state.listener.is_none() {
                return Vec::new();
            }
            (std::mem::take(&mut state.outbox.waiting), state.delivery.clone())
        };
        self.send(waiting, &delivery).await
    }

    /// How many notices wait for the next batch.
    pub fn waiting_notices(&self) -> usize {
        self.state().outbox.waiting.len()
    }

    pub(crate) fn flush_every(&self, every: Duration) -> tokio::task::AbortHandle {
        let institution = self.clone();
        let flushing = async move {
            let mut ticks = tokio::time::interval(every);
            ticks.tick().await;
            loop {
                ticks.tick().await;
                institution.flush().await;
            }
        };
        tokio::spawn(flushing).abort_handle()
    }

    /// Notices one after the other, the copies of one at the same time.
    async fn send(&self, mut notices: Vec<Notice>, delivery: &Delivery) -> Vec<Receipt> {
        if self.state().listener.is_none() {
            return Vec::new();
        }
        if delivery.reversed {
            notices.reverse();
        }
        let mut receipts = Vec::new();
        for notice in notices {
            let mut copies = tokio::task::JoinSet::new();
            for _ in 0..delivery.copies.max(1) {
                let (institution, notice) = (self.clone(), notice.clone());
                copies.spawn(async move { institution.deliver(notice).await });
            }
            receipts.extend(copies.join_all().await);
        }
        receipts
    }

    /// Says that a contact has changed, as a contact webhook is set up: its number in the address, no body, at the place beside the orders'. What was
    /// answered; none: nobody listens. One attempt: what SecuTix does about a failure is documented for orders only.
    pub async fn announce_contact(&self, number: &str) -> Option<u16> {
        let listener = self.state().listener.clone()?;
        let url = format!("{}/contacts?contactNumber={number}", listener.strip_suffix("/orders")?);
        let answer = self.caller().call(Method::POST, &url, &[("user-agent", USER_AGENT)], "").await.ok()?;
        Some(answer.status.as_u16())
    }

    pub(crate) async fn deliver(&self, notice: Notice) -> Receipt {
        let (listener, attempts, mut wait, body) = {
            let state = self.state();
            let body = state.oddities.disfigure_notice(notice.body()).to_string();
            (state.listener.clone(), state.delivery.attempts.max(1), state.delivery.backoff, body)
        };
        let mut receipt = Receipt {
            notice,
            status: None,
            correlation: None,
            body: String::new(),
            attempts: 0,
            sent_at: now(),
            answered_at: now(),
        };
        let Some(listener) = listener else { return receipt };
        let headers = [("content-type", "application/json"), ("user-agent", USER_AGENT)];
        while receipt.attempts < attempts {
            if receipt.attempts > 0 {
                tokio::time::sleep(wait).await;
                wait *= 2;
            }
            receipt.attempts += 1;
            receipt.sent_at = now();
            let answer = self.caller().call(Method::POST, &listener, &headers, body.clone()).await;
            receipt.answered_at = now();
            let Ok(answer) = answer else {
                receipt.status = None;
                continue;
            };
            receipt.status = Some(answer.status.as_u16());
            receipt.body = String::from_utf8_lossy(&answer.body).into_owned();
            receipt.correlation = correlation(&answer);
            if !answer.status.is_server_error() {
                break;
            }
        }
        receipt
    }
}

fn correlation(answer: &crate::caller::Reply) -> Option<String> {
    if let Some(header) = answer.header("x-correlation-id") {
        return Some(header.to_owned());
    }
    let body: Value = serde_json::from_slice(&answer.body).ok()?;
    ["correlationId", "correlation_id", "correlation"]
        .iter()
        .find_map(|name| body.get(*name).and_then(Value::as_str))
        .map(str::to_owned)
}
