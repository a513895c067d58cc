//! The CRM's API, as a tenant's plugin uses it: tokens, customers by the movement of their ticket, and what becomes of passes.
//!
//! Owns its three routes, how each is told to answer, and all that it has seen. Does not own the judgement of tokens (`tokens`) nor the socket
//! (`wire`). A careful receiver: it counts an event once by its idempotency key, and refuses a key that comes with another body.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use super::tokens::Issued;
use super::tokens::Tokens;
use super::wire::{Answer, Told};
use super::{Behaviour, Crm, Received};
use crate::{Millis, NotSeen, form};

#[cfg(test)]
mod tests;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApiRoute {
    /// `POST /oauth/token`
    Token,
    /// `GET /customers?movement=…`
    Customers,
    /// `POST /wallet-events`
    WalletEvents,
}

impl ApiRoute {
    const ALL: [Self; 3] = [Self::Token, Self::Customers, Self::WalletEvents];

    const fn path(self) -> &'static str {
        match self {
            Self::Token => "/oauth/token",
            Self::Customers => "/customers",
            Self::WalletEvents => "/wallet-events",
        }
    }

    const fn method(self) -> &'static str {
        match self {
            Self::Customers => "GET",
            Self::Token | Self::WalletEvents => "POST",
        }
    }

    /// None: the path is a desk's, or nobody's.
    pub(super) fn of(path: &str) -> Option<Self> {
        let path = path.split('?').next().unwrap_or_default();
        Self::ALL.into_iter().find(|route| route.path() == path)
    }
}

/// What the body of an event says in every case, each a text that is not empty.
pub const EVENT_TEXTS: [&str; 4] = ["event", "passId", "passType", "at"];

/// Somebody whom the CRM knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Customer {
    pub customer_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
}

/// A request as it came, and who made it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiCall {
    pub route: ApiRoute,
    /// Whose credentials or token it had. None: none that are valid.
    pub client: Option<String>,
    #[serde(flatten)]
    pub received: Received,
}

impl ApiCall {
    /// `event` of the body: `installed`, `removed`, `created` …
    pub fn event(&self) -> &str {
        self.text("event").unwrap_or_default()
    }

    pub fn pass(&self) -> Option<&str> {
        self.text("passId")
    }

    /// A member of the body that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.received.json.get(name).and_then(Value::as_str)
    }

    pub fn key(&self) -> &str {
        self.received.header("idempotency-key").unwrap_or_default()
    }
}

/// How a route is to answer.
#[derive(Default)]
struct Orders {
    behaviour: Behaviour,
    /// Requests since it was set.
    since: u32,
}

/// What was taken under a key.
struct Taken {
    body: Vec<u8>,
    number: usize,
}

#[derive(Default)]
pub(super) struct Api {
    tokens: Tokens,
    customers: BTreeMap<String, Customer>,
    orders: BTreeMap<ApiRoute, Orders>,
    calls: Vec<ApiCall>,
    /// By client and key: two clients know nothing of each other.
    taken: BTreeMap<(String, String), Taken>,
}

impl Api {
    /// Takes a request, and says how it is answered.
    pub fn receive(&mut self, route: ApiRoute, mut received: Received, now: Millis) -> Told {
        received.at = now;
        let client = self.admit(route, &received, now);
        // Whoever is not admitted learns nothing else.
        let behaviour = match &client {
            Ok(_) => {
                let orders = self.orders.entry(route).or_default();
                let behaviour = orders.behaviour.at(orders.since);
                orders.since = orders.since.saturating_add(1);
                behaviour
            }
            Err(_) => Behaviour::Honest,
        };
        let honest = match &client {
            Err(refused) => refused.clone(),
            // What it is told to fail at has not happened.
            Ok(_) if !behaviour.takes() => Answer::default(),
            Ok(client) => match route {
                ApiRoute::Token => self.tokens.issue(client, &received, now),
                ApiRoute::Customers => self.customer(&received),
                ApiRoute::WalletEvents => self.event(client, &mut received),
            },
        };
        received.taken = behaviour.takes() && (200..300).contains(&honest.status);
        received.answered = match behaviour {
            Behaviour::Honest => honest.status.to_string(),
            _ => behaviour.name(),
        };
        self.calls.push(ApiCall { route, client: client.ok(), received });
        Told { behaviour, honest }
    }

    /// The client that asks, or what it is told instead.
    fn admit(&self, route: ApiRoute, received: &Received, now: Millis) -> Result<String, Answer> {
        if received.method != route.method() {
            let allow = ("allow", route.method().to_owned());
            return Err(problem(405, "not this method").with(allow));
        }
        match route {
            ApiRoute::Token => self.tokens.client(received),
            ApiRoute::Customers | ApiRoute::WalletEvents => self.tokens.bearer(received, now),
        }
    }

    fn customer(&self, received: &Received) -> Answer {
        let query = received.path.split_once('?').map_or("", |(_, query)| query);
        let fields = form::pairs(query).unwrap_or_default();
        let movement = match fields.as_slice() {
            [(name, value)] if name == "movement" && !value.is_empty() => value,
            _ => return problem(400, "movement expected, and nothing else"),
        };
        match self.customers.get(movement) {
            Some(customer) => Answer::json(200, &json!(customer)),
            None => problem(404, "nobody has this movement"),
        }
    }

    fn event(&mut self, client: &str, received: &mut Received) -> Answer {
        let kind = received.header("content-type").unwrap_or_default();
        if kind.split(';').next().map(str::trim) != Some("application/json") {
            return problem(415, "application/json expected");
        }
        let text = |name: &str| received.json.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
        if let Some(missing) = EVENT_TEXTS.into_iter().find(|name| !text(name)) {
            return problem(400, &format!("{missing}: missing"));
        }
        let Some(key) = received.header("idempotency-key").filter(|key| !key.is_empty()) else {
            return problem(400, "idempotency-key: missing");
        };
        let number = self.taken.len() + 1;
        match self.taken.get(&(client.to_owned(), key.to_owned())) {
            Some(taken) if taken.body != received.body => problem(422, "another body under a key that was used"),
            Some(taken) => {
                received.repeated = true;
                Answer::json(200, &json!({ "number": taken.number }))
            }
            None => {
                let taken = Taken { body: received.body.clone(), number };
                self.taken.insert((client.to_owned(), key.to_owned()), taken);
                Answer::json(200, &json!({ "number": number }))
            }
        }
    }
}

fn problem(status: u16, why: &str) -> Answer {
    Answer::json(status, &json!({ "error": why }))
}

/// The API of the CRM. The handle is cheap to clone.
#[derive(Clone)]
pub struct CrmApi {
    pub(super) crm: Crm,
}

impl CrmApi {
    /// What its paths begin with.
    pub fn url(&self) -> &str {
        self.crm.url()
    }

    pub fn token_url(&self) -> String {
        format!("{}{}", self.crm.url(), ApiRoute::Token.path())
    }

    /// A client that may buy tokens; one of that name gets another secret.
    pub fn register(&self, client: &str, secret: &str) {
        self.with(|api| api.tokens.register(client, secret));
    }

    /// Whether a client is sent away when it wants a token. What it has bought stays valid.
    pub fn refuse(&self, client: &str, refused: bool) {
        self.with(|api| api.tokens.refuse(client, refused));
    }

    /// Every token that was given out is none any more, before its time.
    pub fn withdraw_tokens(&self) {
        self.with(|api| api.tokens.withdraw());
    }

    /// How many seconds the tokens last that are bought from now on.
    pub fn tokens_last(&self, seconds: u32) {
        self.with(|api| api.tokens.last(seconds));
    }

    /// Whom the ticket of a movement belongs to.
    pub fn know(&self, movement: &str, customer: Customer) {
        self.with(|api| api.customers.insert(movement.to_owned(), customer));
    }

    pub fn forget(&self, movement: &str) {
        self.with(|api| api.customers.remove(movement));
    }

    /// How a route answers from the next request on whose client is admitted.
    pub fn behave(&self, route: ApiRoute, behaviour: Behaviour) {
        self.with(|api| api.orders.insert(route, Orders { behaviour, since: 0 }));
    }

    /// Everything that came, in order.
    pub fn calls(&self) -> Vec<ApiCall> {
        self.with(|api| api.calls.clone())
    }

    pub fn calls_to(&self, route: ApiRoute) -> Vec<ApiCall> {
        let mut calls = self.calls();
        calls.retain(|call| call.route == route);
        calls
    }

    /// Events that were taken, each once, in order.
    pub fn events(&self) -> Vec<ApiCall> {
        let mut calls = self.calls_to(ApiRoute::WalletEvents);
        calls.retain(|call| call.received.taken && !call.received.repeated);
        calls
    }

    /// Every token that was given out, in order.
    pub fn issued(&self) -> Vec<Issued> {
        self.with(|api| api.tokens.issued())
    }

    /// Waits until what came is as expected.
    pub async fn wait_until(
        &self,
        seen: impl Fn(&[ApiCall]) -> bool,
        limit: Duration,
    ) -> Result<Vec<ApiCall>, NotSeen> {
        crate::seen(&self.crm.changes, move || Some(self.calls()).filter(|all| seen(all)), limit).await
    }

    fn with<T>(&self, work: impl FnOnce(&mut Api) -> T) -> T {
        self.crm.with(|state| work(&mut state.api))
    }
}
