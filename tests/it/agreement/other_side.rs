//! Whom a case's host talks to: a SecuTix that answers with the case's bytes, and a Google that takes what it is sent.
//!
//! Owns one plain socket for all tenants of one host, told apart by the first segment of the path, and the record of what was sent. Unlike the
//! simulator it knows no rules: a case may hold an answer that no SecuTix would give. Apple's side is the simulator's, which checks.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{Method, StatusCode, Uri, header};
use passerelle_connector::contract::scenario::Answer;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

type Tenants = Arc<Mutex<BTreeMap<String, Institution>>>;

#[derive(Clone)]
struct Shared {
    tenants: Tenants,
    /// Whom SecuTix lets wait.
    held: watch::Receiver<BTreeSet<String>>,
}

/// What one tenant's counterparts have to say, and have heard.
#[derive(Default)]
struct Institution {
    answer: Option<Answer>,
    wrong: Option<Wrong>,
    /// Classes and objects that are there.
    known: BTreeSet<String>,
    /// Objects that somebody has in Google Wallet.
    held: BTreeSet<String>,
    written: Vec<Written>,
    /// Calls to SecuTix.
    asked: usize,
}

/// What SecuTix does instead of answering.
#[derive(Clone, Debug)]
pub enum Wrong {
    /// Sends so many bytes.
    Floods(usize),
    /// Sends the caller to another address.
    Redirects(String),
}

/// A class or an object as Google got it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub method: String,
    /// `eventTicketClass`, …
    pub collection: String,
    pub status: u16,
    pub body: Bytes,
}

pub struct OtherSide {
    pub address: SocketAddr,
    tenants: Tenants,
    gate: watch::Sender<BTreeSet<String>>,
    serving: JoinHandle<()>,
}

impl Drop for OtherSide {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl OtherSide {
    pub async fn start() -> Self {
        let (tenants, gate) = (Tenants::default(), watch::Sender::new(BTreeSet::new()));
        let shared = Shared { tenants: tenants.clone(), held: gate.subscribe() };
        let routes = Router::new().fallback(serve).with_state(shared);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { address, tenants, gate, serving }
    }

    pub fn url(&self, tenant: &str, part: &str) -> String {
        format!("http://{}/{tenant}/{part}", self.address)
    }

    /// From now on SecuTix says this of every file or contact. None: it knows nothing.
    pub fn answer(&self, tenant: &str, answer: Option<Answer>) {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        tenants.entry(tenant.to_owned()).or_default().answer = answer;
    }

    /// From now on SecuTix does this.
    pub fn go_wrong(&self, tenant: &str, wrong: Wrong) {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        tenants.entry(tenant.to_owned()).or_default().wrong = Some(wrong);
    }

    /// Calls of these tenants to SecuTix, and of no others, wait from now on for their answers.
    pub fn hold(&self, held: &[&str]) {
        self.gate.send_replace(held.iter().map(|tenant| (*tenant).to_owned()).collect());
    }

    /// How often SecuTix was called.
    pub fn asked(&self, tenant: &str) -> usize {
        let tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        tenants.get(tenant).map_or(0, |institution| institution.asked)
    }

    /// From now on somebody has this object, or nobody.
    pub fn holds(&self, tenant: &str, object: &str, held: bool) {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        let all = &mut tenants.entry(tenant.to_owned()).or_default().held;
        _ = if held { all.insert(object.to_owned()) } else { all.remove(object) };
    }

    /// What Google got since the last call.
    pub fn written(&self, tenant: &str) -> Vec<Written> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        tenants.get_mut(tenant).map(|institution| std::mem::take(&mut institution.written)).unwrap_or_default()
    }
}

async fn serve(shared: State<Shared>, method: Method, uri: Uri, body: Bytes) -> Response {
    let wrong = {
        let tenants = shared.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        let tenant = uri.path().split('/').nth(1).and_then(|tenant| tenants.get(tenant));
        tenant.and_then(|institution| institution.wrong.clone()).filter(|_| uri.path().contains("/secutix/"))
    };
    match wrong {
        None => answered(shared, method, uri, body).await.into_response(),
        Some(Wrong::Floods(bytes)) => vec![b' '; bytes].into_response(),
        Some(Wrong::Redirects(to)) => (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response(),
    }
}

async fn answered(State(shared): State<Shared>, method: Method, uri: Uri, body: Bytes) -> (StatusCode, Bytes) {
    let Shared { tenants, mut held } = shared;
    let path: Vec<&str> = uri.path().split('/').skip(1).collect();
    let [tenant, part, rest @ ..] = path.as_slice() else { return (StatusCode::NOT_FOUND, Bytes::new()) };
    let with = |act: &mut dyn FnMut(&mut Institution) -> (StatusCode, Bytes)| {
        let mut tenants = tenants.lock().unwrap_or_else(PoisonError::into_inner);
        tenants.get_mut(*tenant).map_or((StatusCode::NOT_FOUND, Bytes::new()), act)
    };
    match (*part, rest) {
        ("secutix", [.., call]) => {
            with(&mut |institution| {
                institution.asked += 1;
                (StatusCode::OK, Bytes::new())
            });
            held.wait_for(|held| !held.contains(*tenant)).await.unwrap();
            with(&mut |institution| institution.tell(call))
        }
        ("token", _) => {
            (StatusCode::OK, text(&json!({"access_token": "t", "expires_in": 3599, "token_type": "Bearer"})))
        }
        ("google", [collection, id]) if method == Method::GET => {
            with(&mut |institution| institution.show(collection, id))
        }
        ("google", [collection, rest @ ..]) => {
            with(&mut |institution| institution.take(&method, collection, rest, body.clone()))
        }
        _ => (StatusCode::NOT_FOUND, Bytes::new()),
    }
}

impl Institution {
    fn tell(&self, call: &str) -> (StatusCode, Bytes) {
        match (call, &self.answer) {
            ("getFileDetails" | "getFileDetailsFromOrderSecretId", Some(Answer::File(body)))
            | ("getContactData", Some(Answer::Contact(body))) => (StatusCode::OK, Bytes::from(body.clone())),
            ("updateExternalReferences", _) => (StatusCode::OK, text(&json!({"statusCode": "success"}))),
            _ => (StatusCode::NOT_FOUND, Bytes::new()),
        }
    }

    fn show(&self, collection: &str, id: &str) -> (StatusCode, Bytes) {
        if !self.known.contains(&format!("{collection}/{id}")) {
            return (StatusCode::NOT_FOUND, Bytes::new());
        }
        (StatusCode::OK, text(&json!({"id": id, "hasUsers": self.held.contains(id)})))
    }

    /// As Google answers: what is there is not inserted, what is not there is not updated.
    fn take(&mut self, method: &Method, collection: &str, path: &[&str], body: Bytes) -> (StatusCode, Bytes) {
        let sent = serde_json::from_slice::<Value>(&body).unwrap_or_default();
        let id = path.first().copied().or_else(|| sent["id"].as_str()).unwrap_or_default();
        let (name, adds) = (format!("{collection}/{id}"), path.get(1) == Some(&"addMessage"));
        let status = match (method.as_str(), self.known.contains(&name)) {
            ("POST", known) if adds => {
                if known {
                    StatusCode::OK
                } else {
                    StatusCode::NOT_FOUND
                }
            }
            ("POST", false) | ("PUT", true) => StatusCode::OK,
            ("POST", true) => StatusCode::CONFLICT,
            _ => StatusCode::NOT_FOUND,
        };
        if status == StatusCode::OK {
            self.known.insert(name);
        }
        self.written.push(Written {
            method: method.to_string(),
            collection: if adds { format!("{collection} addMessage") } else { collection.to_owned() },
            status: status.as_u16(),
            body: body.clone(),
        });
        (status, body)
    }
}

fn text(value: &Value) -> Bytes {
    Bytes::from(value.to_string())
}
