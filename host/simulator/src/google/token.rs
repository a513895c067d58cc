//! Google's token endpoint for service accounts (wallets.md 2.5).
//!
//! Owns the judgement of an assertion. Does not own what a token opens.

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::form::unescaped;
use crate::google::GoogleService;
use crate::google::resources::Refused;
use crate::jws::{self, Key};
use crate::secutix::random_hex;

const SCOPE: &str = "https://www.googleapis.com/auth/wallet_object.issuer";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// Google's own clients name this audience whatever `token_uri` is.
const GOOGLE_AUDIENCE: &str = "https://oauth2.googleapis.com/token";
/// Longest life of an assertion, and the life of what it is exchanged for.
const HOUR: i64 = 3600;
/// Clocks disagree by this much.
const SKEW: i64 = 60;

impl GoogleService {
    pub(super) fn token(&self, request: &Request<Bytes>) -> Result<Value, Refused> {
        let refused = |message: &str| Refused::new(StatusCode::BAD_REQUEST, "invalid_grant", message);
        if request.method() != Method::POST {
            return Err(Refused::new(StatusCode::METHOD_NOT_ALLOWED, "invalid_request", "POST expected"));
        }
        let content_type = request.headers().get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if !content_type.is_some_and(|value| value.starts_with("application/x-www-form-urlencoded")) {
            return Err(Refused::invalid("application/x-www-form-urlencoded expected"));
        }
        let body = std::str::from_utf8(request.body()).map_err(|_| refused("not a form"))?;
        let field = |name: &str| {
            let mut pairs = body.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(found, _)| *found == name).and_then(|(_, value)| unescaped(value))
        };
        if field("grant_type").as_deref() != Some(GRANT) {
            return Err(refused("grant_type: the JWT bearer grant expected"));
        }
        let assertion = field("assertion").ok_or_else(|| refused("assertion: missing"))?;
        let settings = &self.inner.settings;
        let claims =
            jws::verify(&assertion, &Key::Rs256(&settings.public_key)).map_err(|error| refused(&error.to_string()))?;
        let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
        let number = |name: &str| claims.get(name).and_then(Value::as_i64).unwrap_or_default();
        if text("iss") != settings.account {
            return Err(refused("iss: not the service account"));
        }
        if !text("scope").split(' ').any(|scope| scope == SCOPE) {
            return Err(refused("scope: wallet_object.issuer expected"));
        }
        if text("aud") != self.token_url() && text("aud") != GOOGLE_AUDIENCE {
            return Err(refused("aud: not the token endpoint"));
        }
        let second = self.second();
        let (issued, expires) = (number("iat"), number("exp"));
        if issued > second + SKEW || expires <= second || expires > issued + HOUR {
            return Err(refused("iat or exp: not within an hour of now"));
        }
        let token = format!("ya29.{}", random_hex::<24>());
        self.state().tokens.insert(token.clone(), second + HOUR);
        Ok(json!({"access_token": token, "expires_in": HOUR - 1, "token_type": "Bearer"}))
    }
}
