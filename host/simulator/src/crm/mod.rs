//! A CRM that receives webhooks and has an API, on a real socket: honest, slow, dead, lying, redirecting or hostile, as it is told.
//!
//! Owns its desks (an address each, with its own secrets, behaviour and records) and all that they have seen; what plugins use is in `api`. Verifies signatures with its own reading
//! of Standard Webhooks and shares no code with what it checks. Bounded by [`LARGEST`] of a request and its own drop, which ends every connection.

mod api;
mod behaviour;
mod records;
mod signature;
mod tokens;
mod wire;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use self::api::Api;
pub use self::api::{ApiCall, ApiRoute, CrmApi, Customer, EVENT_TEXTS, Issued};
pub use self::behaviour::Behaviour;
pub use self::records::CrmRecord;
use self::records::Records;
use self::signature::Key;
pub use self::signature::KeyError;
use self::wire::{Answer, Told};
use crate::authority::{Authority, AuthorityError};
use crate::{Millis, NotSeen};

/// Bytes of a request; a webhook has a few thousand.
const LARGEST: usize = 1 << 20;

/// A request as it came.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Received {
    pub at: Millis,
    pub method: String,
    /// With the query.
    pub path: String,
    /// Names in small letters.
    pub headers: Vec<(String, String)>,
    #[serde(skip)]
    pub body: Vec<u8>,
    /// The body, where it is JSON.
    pub json: Value,
    /// A signature that fits one of the desk's keys, and a time that is now. None: the desk has no keys.
    pub verified: Option<bool>,
    /// Whether this id has been taken before: then nothing is done.
    pub repeated: bool,
    /// What it was told.
    pub answered: String,
    /// 2xx, so that the sender may believe it.
    pub taken: bool,
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn id(&self) -> &str {
        self.header("webhook-id").unwrap_or_default()
    }

    /// `type` of the body, or Vibes' word.
    pub fn kind(&self) -> &str {
        let named = self.json.get("type").or_else(|| self.json.get("callback_type"));
        named.and_then(Value::as_str).unwrap_or_default()
    }

    pub fn pass(&self) -> Option<&str> {
        self.json.pointer("/data/properties/passId").and_then(Value::as_str)
    }

    pub fn sequence(&self) -> Option<i64> {
        self.json.pointer("/data/sequence").and_then(Value::as_i64)
    }
}

#[derive(Default)]
struct DeskState {
    behaviour: Behaviour,
    keys: Vec<Key>,
    received: Vec<Received>,
    records: Records,
    /// Requests since the behaviour was set.
    since_told: u32,
}

#[derive(Default)]
struct State {
    desks: BTreeMap<String, DeskState>,
    api: Api,
    ahead: Millis,
    join: Option<String>,
}

/// The CRM. The handle is cheap to clone.
#[derive(Clone)]
pub struct Crm {
    url: Arc<str>,
    state: Arc<Mutex<State>>,
    /// Counts what came, for those who wait.
    changes: watch::Sender<u64>,
}

/// One address of the CRM. The handle is cheap to clone.
#[derive(Clone)]
pub struct CrmDesk {
    crm: Crm,
    name: Arc<str>,
}

/// The socket; dropping it ends every connection.
pub(crate) struct CrmListener(tokio::task::JoinHandle<()>);

impl Drop for CrmListener {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Crm {
    pub(crate) async fn start(
        authority: &Authority,
        identity: &crate::Identity,
        port: u16,
    ) -> Result<(Self, CrmListener), CrmError> {
        let socket = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, port)).await?;
        let port = socket.local_addr()?.port();
        let mut tls = (*authority.server_tls(identity)?).clone();
        // What is answered is written byte by byte, for which there is HTTP/1.1.
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let url = format!("https://localhost:{port}").into();
        let crm = Self { url, state: Arc::default(), changes: watch::Sender::new(0) };
        let (acceptor, serving) = (TlsAcceptor::from(Arc::new(tls)), crm.clone());
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = socket.accept() => if let Ok((stream, _)) = accepted {
                        let (acceptor, crm) = (acceptor.clone(), serving.clone());
                        connections.spawn(async move {
                            let _ = stream.set_nodelay(true);
                            // A failed handshake and a broken connection are the sender's business.
                            if let Ok(stream) = acceptor.accept(stream).await {
                                let _ = wire::serve(crm, stream).await;
                            }
                        });
                    },
                    Some(_) = connections.join_next() => {}
                }
            }
        });
        Ok((crm, CrmListener(task)))
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// The desk of that name; made when it is first asked for.
    pub fn desk(&self, name: &str) -> CrmDesk {
        self.with(|state| {
            state.desks.entry(name.to_owned()).or_default();
        });
        CrmDesk { crm: self.clone(), name: name.into() }
    }

    /// What a plugin calls, beside the desks.
    pub fn api(&self) -> CrmApi {
        CrmApi { crm: self.clone() }
    }

    pub fn desks(&self) -> Vec<String> {
        self.with(|state| state.desks.keys().cloned().collect())
    }

    /// The identifier that records are joined by. Default: `secutix.movementId`.
    pub fn join_by(&self, identifier: &str) {
        self.with(|state| state.join = Some(identifier.to_owned()));
    }

    pub(crate) fn advance(&self, millis: Millis) {
        self.with(|state| state.ahead += millis);
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes a request, and says how it is answered.
    fn receive(&self, received: Received) -> Told {
        let told = self.with(|state| {
            let now = crate::now() + state.ahead;
            match ApiRoute::of(&received.path) {
                Some(route) => state.api.receive(route, received, now),
                None => Told { behaviour: state.at_a_desk(received, now), honest: Answer::default() },
            }
        });
        self.changes.send_modify(|changes| *changes += 1);
        told
    }
}

impl State {
    fn at_a_desk(&mut self, mut received: Received, now: Millis) -> Behaviour {
        let join = self.join.clone().unwrap_or_else(|| "secutix.movementId".to_owned());
        let name = received.path.split('?').next().unwrap_or_default().trim_start_matches("/hooks/").to_owned();
        let Some(desk) = self.desks.get_mut(&name) else {
            return Behaviour::Status { status: 404, retry_after: None };
        };
        received.at = now;
        let keys = &desk.keys;
        received.verified = (!keys.is_empty()).then(|| signature::verify(keys, &received, now));
        let behaviour = desk.behaviour.at(desk.since_told);
        desk.since_told = desk.since_told.saturating_add(1);
        // Whoever forges learns nothing else.
        let behaviour = match received.verified {
            Some(false) => Behaviour::Status { status: 401, retry_after: None },
            _ => behaviour,
        };
        received.answered = behaviour.name();
        received.taken = behaviour.takes();
        received.repeated = desk.records.knows(received.id());
        if received.taken {
            desk.records.apply(&join, &received);
        }
        desk.received.push(received);
        behaviour
    }
}

impl CrmDesk {
    /// Where webhooks are to be sent.
    pub fn url(&self) -> String {
        format!("{}/hooks/{}", self.crm.url, self.name)
    }

    /// From the next request on.
    pub fn behave(&self, behaviour: Behaviour) {
        self.with(|desk| {
            desk.behaviour = behaviour;
            desk.since_told = 0;
        });
    }

    /// Verifies with this key too: `whsec_…`, the 64 characters, or `whpk_…`. Without any key nothing is verified.
    pub fn trust(&self, key: &str) -> Result<(), KeyError> {
        let key = Key::parse(key)?;
        self.with(|desk| desk.keys.push(key));
        Ok(())
    }

    /// Forgets its keys.
    pub fn distrust(&self) {
        self.with(|desk| desk.keys.clear());
    }

    /// Everything that came, in order.
    pub fn received(&self) -> Vec<Received> {
        self.with(|desk| desk.received.clone())
    }

    /// What was taken, each once, in order.
    pub fn taken(&self) -> Vec<Received> {
        let mut received = self.received();
        received.retain(|received| received.taken && !received.repeated);
        received
    }

    /// Records by the value of the identifier that joins.
    pub fn records(&self) -> BTreeMap<String, CrmRecord> {
        self.with(|desk| desk.records.all())
    }

    /// What could not be joined to a record.
    pub fn unmatched(&self) -> u64 {
        self.with(|desk| desk.records.unmatched())
    }

    /// Waits until what came is as expected.
    pub async fn wait_until(
        &self,
        seen: impl Fn(&[Received]) -> bool,
        limit: Duration,
    ) -> Result<Vec<Received>, NotSeen> {
        crate::seen(&self.crm.changes, move || Some(self.received()).filter(|all| seen(all)), limit).await
    }

    fn with<T>(&self, work: impl FnOnce(&mut DeskState) -> T) -> T {
        self.crm.with(|state| work(state.desks.entry(self.name.to_string()).or_default()))
    }
}

#[derive(Debug, thiserror::Error)]
pub enum CrmError {
    #[error("the CRM's port cannot be bound: {0}")]
    Bind(#[from] std::io::Error),
    #[error(transparent)]
    Authority(#[from] AuthorityError),
}
