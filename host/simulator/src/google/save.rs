//! The save link: a signed JWT in a URL, opened on a phone (wallets.md 2.4).
//!
//! Owns the judgement of the JWT and what it saves for whom. The phone names itself in a header, in place of a Google account.

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::google::resources::{Kind, Refused};
use crate::google::{GoogleService, State};
use crate::jws::{self, Key};
use crate::secutix::random_hex;

/// Who saves.
pub(super) const PHONE: &str = "x-simulated-phone";
/// Google's long-standing advice; browsers truncate.
const LONGEST: usize = 1800;

impl GoogleService {
    pub(super) fn save(&self, jwt: &str, request: &Request<Bytes>) -> Result<Value, Refused> {
        if request.method() != Method::GET {
            return Err(Refused::new(StatusCode::METHOD_NOT_ALLOWED, "invalid_request", "GET expected"));
        }
        let inserted = self.state().inserted.get(jwt).cloned();
        let jwt = inserted.as_deref().unwrap_or(jwt);
        let phone = request.headers().get(PHONE).and_then(|value| value.to_str().ok());
        let phone = phone.ok_or_else(|| Refused::invalid("nobody is signed in"))?;
        let settings = &self.inner.settings;
        let claims =
            jws::verify(jwt, &Key::Rs256(&settings.public_key)).map_err(|error| Refused::invalid(error.to_string()))?;
        for (name, expected) in [("iss", settings.account.as_str()), ("aud", "google"), ("typ", "savetowallet")] {
            if claims.get(name).and_then(Value::as_str) != Some(expected) {
                return Err(Refused::invalid(format!("claim {name}: {expected} expected")));
            }
        }
        if !claims.get("iat").is_some_and(Value::is_i64) {
            return Err(Refused::invalid("claim iat: seconds expected"));
        }
        let payload = claims.get("payload").and_then(Value::as_object);
        let payload = payload.ok_or_else(|| Refused::invalid("claim payload: an object expected"))?;
        let mut state = self.state();
        if inserted.is_none() && jwt.len() > LONGEST {
            state.resources.warnings.push(format!("save link: longer than {LONGEST} characters"));
        }
        // Classes first: an object needs its class.
        for objects in [false, true] {
            for (name, entries) in payload {
                let kind = payload_kind(name).ok_or_else(|| Refused::invalid(format!("payload.{name}: unknown")))?;
                if kind.class().is_some() != objects {
                    continue;
                }
                for entry in entries.as_array().into_iter().flatten() {
                    state.save_entry(kind, entry, &settings.issuer, phone)?;
                }
            }
        }
        let saved = state.saved.get(phone).into_iter().flatten();
        Ok(json!({"saved": saved.map(|(_, id)| id.clone()).collect::<Vec<_>>()}))
    }
}

impl GoogleService {
    /// `POST jwt`: for a JWT that is too long for an address.
    pub(super) fn insert_jwt(&self, request: &Request<Bytes>) -> Result<Value, Refused> {
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let jwt = body.get("jwt").and_then(Value::as_str).ok_or_else(|| Refused::invalid("jwt: required"))?;
        let claims = jws::verify(jwt, &Key::Rs256(&self.inner.settings.public_key));
        claims.map_err(|error| Refused::invalid(error.to_string()))?;
        let name = random_hex::<16>();
        self.state().inserted.insert(name.clone(), jwt.to_owned());
        Ok(json!({"saveUri": format!("{}/{name}", self.save_url()), "resources": {}}))
    }
}

impl State {
    /// What exists is saved as it is: a JWT never updates (wallets.md 2.4). What does not is inserted when it is whole.
    fn save_entry(&mut self, kind: Kind, entry: &Value, issuer: &str, phone: &str) -> Result<(), Refused> {
        let fields = entry.as_object().ok_or_else(|| Refused::invalid("payload: an object expected"))?;
        let id = fields.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        if self.resources.get(kind, &id).is_none() {
            self.resources.insert(kind, fields.clone(), issuer)?;
        }
        if kind.class().is_some() {
            self.resources.set_has_users(kind, &id, true);
            self.saved.entry(phone.to_owned()).or_default().insert((kind, id));
        }
        Ok(())
    }
}

fn payload_kind(name: &str) -> Option<Kind> {
    match name {
        "eventTicketClasses" => Some(Kind::EventTicketClass),
        "eventTicketObjects" => Some(Kind::EventTicketObject),
        "loyaltyClasses" => Some(Kind::LoyaltyClass),
        "loyaltyObjects" => Some(Kind::LoyaltyObject),
        "genericClasses" => Some(Kind::GenericClass),
        "genericObjects" => Some(Kind::GenericObject),
        _ => None,
    }
}
