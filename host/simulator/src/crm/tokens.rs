//! Access tokens of the CRM's API: OAuth 2.0 client credentials (RFC 6749 §4.4), by a server that takes the RFC at its word.
//!
//! Owns the judgement of who asks for a token and of who shows one. Does not own what a token opens (`api`).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::json;

use super::Received;
use super::wire::Answer;
use crate::secutix::random_hex;
use crate::{Millis, form};

/// Seconds that a token lasts unless it is told otherwise: short, as for machines, and longer than a demo.
const LIFETIME: u32 = 300;
/// Bytes of randomness of a token, twice the least that RFC 6749 §10.10 asks for.
const RANDOM: usize = 32;

/// A token that was given out, without the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Issued {
    pub at: Millis,
    pub client: String,
    /// As it was asked for.
    pub scope: Option<String>,
}

struct Client {
    secret: String,
    refused: bool,
}

struct Token {
    client: String,
    until: Millis,
}

#[derive(Default)]
pub(super) struct Tokens {
    clients: BTreeMap<String, Client>,
    valid: BTreeMap<String, Token>,
    issued: Vec<Issued>,
    lifetime: Option<u32>,
}

impl Tokens {
    pub fn register(&mut self, client: &str, secret: &str) {
        self.clients.insert(client.to_owned(), Client { secret: secret.to_owned(), refused: false });
    }

    /// What it has bought stays valid: withdrawing is another thing.
    pub fn refuse(&mut self, client: &str, refused: bool) {
        if let Some(client) = self.clients.get_mut(client) {
            client.refused = refused;
        }
    }

    pub fn withdraw(&mut self) {
        self.valid.clear();
    }

    pub fn last(&mut self, seconds: u32) {
        self.lifetime = Some(seconds);
    }

    pub fn issued(&self) -> Vec<Issued> {
        self.issued.clone()
    }

    /// The client that asks for a token. §2.3.1: both parts are form-encoded before they become a user and a password.
    pub fn client(&self, received: &Received) -> Result<String, Answer> {
        let header = authorization(received)?;
        let pair = header.and_then(|header| parameter(header, "basic")).and_then(|text| STANDARD.decode(text).ok());
        let pair = pair.and_then(|pair| String::from_utf8(pair).ok());
        let parts = pair.as_deref().and_then(|pair| pair.split_once(':'));
        let parts = parts.and_then(|(id, secret)| Some((form::unescaped(id)?, form::unescaped(secret)?)));
        let known = |(id, secret): &(String, String)| {
            self.clients.get(id).is_some_and(|client| client.secret == *secret && !client.refused)
        };
        match parts.filter(known) {
            Some((id, _)) => Ok(id),
            None => {
                let challenge = ("www-authenticate", "Basic realm=\"tokens\"".to_owned());
                Err(oauth(401, "invalid_client", "HTTP Basic with a client that is known").with(challenge))
            }
        }
    }

    /// §4.4.2 and §5: the token, or what is wrong with the form.
    pub fn issue(&mut self, client: &str, received: &Received, now: Millis) -> Answer {
        let kind = received.header("content-type").unwrap_or_default();
        if kind.split(';').next().map(str::trim) != Some("application/x-www-form-urlencoded") {
            return oauth(400, "invalid_request", "application/x-www-form-urlencoded expected");
        }
        let fields = std::str::from_utf8(&received.body).ok().and_then(form::pairs);
        let Some(fields) = fields else { return oauth(400, "invalid_request", "not a form") };
        let all = |name: &str| fields.iter().filter(|(known, _)| known == name).collect::<Vec<_>>();
        // §3.2: no parameter twice, and §2.3: one way to authenticate and not two.
        if fields.iter().any(|(name, _)| all(name).len() > 1) {
            return oauth(400, "invalid_request", "a parameter stands there twice");
        }
        if fields.iter().any(|(name, _)| name == "client_id" || name == "client_secret") {
            return oauth(400, "invalid_request", "the client has authenticated already");
        }
        let field = |name: &str| all(name).first().map(|(_, value)| value.clone()).filter(|value| !value.is_empty());
        match field("grant_type").as_deref() {
            Some("client_credentials") => {}
            Some(_) => return oauth(400, "unsupported_grant_type", "client_credentials expected"),
            None => return oauth(400, "invalid_request", "grant_type: missing"),
        }
        let (token, seconds) = (random_hex::<RANDOM>(), self.lifetime.unwrap_or(LIFETIME));
        let until = now + Millis::from(seconds) * 1000;
        self.valid.insert(token.clone(), Token { client: client.to_owned(), until });
        let scope = field("scope");
        let mut body = json!({ "access_token": token, "token_type": "Bearer", "expires_in": seconds });
        if let (Some(scope), Some(body)) = (&scope, body.as_object_mut()) {
            body.insert("scope".to_owned(), json!(scope));
        }
        self.issued.push(Issued { at: now, client: client.to_owned(), scope });
        // §5.1: nobody on the way may keep it.
        Answer::json(200, &body).with(("cache-control", "no-store".to_owned()))
    }

    /// The client whose token this is (RFC 6750 §2.1).
    pub fn bearer(&self, received: &Received, now: Millis) -> Result<String, Answer> {
        let challenge = |text: &str| ("www-authenticate", text.to_owned());
        let Some(header) = authorization(received)? else {
            // §3.1: who shows nothing is told nothing but how.
            return Err(Answer::json(401, &json!({})).with(challenge("Bearer")));
        };
        let token = parameter(header, "bearer").and_then(|token| self.valid.get(token));
        match token.filter(|token| now < token.until) {
            Some(token) => Ok(token.client.clone()),
            None => Err(Answer::json(401, &json!({ "error": "invalid_token" }))
                .with(challenge("Bearer error=\"invalid_token\""))),
        }
    }
}

/// The one header; of two nobody can say which counts.
fn authorization(received: &Received) -> Result<Option<&str>, Answer> {
    match received.headers.iter().filter(|(name, _)| name == "authorization").count() {
        0 | 1 => Ok(received.header("authorization")),
        _ => Err(oauth(400, "invalid_request", "two authorization headers")),
    }
}

/// What stands behind the scheme, whose letters may be small or capital.
fn parameter<'h>(header: &'h str, scheme: &str) -> Option<&'h str> {
    let (named, rest) = header.split_once(' ')?;
    named.eq_ignore_ascii_case(scheme).then(|| rest.trim_start())
}

/// RFC 6749 §5.2.
fn oauth(status: u16, error: &str, description: &str) -> Answer {
    let body = json!({ "error": error, "error_description": description });
    Answer::json(status, &body).with(("cache-control", "no-store".to_owned()))
}
