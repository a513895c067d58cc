//! A credential of a tenant: what a request that names it gets, and for which addresses.
//!
//! Owns how each kind is put into a request. Does not own the buying of a token (`token`). The value never comes near the sandbox: a plugin
//! names it, and what it names is added last, after all that the plugin wrote.

use std::fmt;
use std::hash::{Hash, Hasher};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderName;
use http::header::AUTHORIZATION;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::allow::Destination;
use super::request::Vetted;
use crate::identity::Millis;

#[derive(Clone)]
pub struct Credential {
    /// It is added to requests to these, and to no other.
    pub hosts: Vec<Destination>,
    pub kind: Kind,
}

#[derive(Clone)]
pub enum Kind {
    /// An API key in a header of its own.
    Header {
        header: HeaderName,
        value: Zeroizing<String>,
    },
    Bearer {
        token: Zeroizing<String>,
    },
    Basic {
        user: String,
        password: Zeroizing<String>,
    },
    /// OAuth 2.0 client credentials (RFC 6749 §4.4): a token is bought and kept while it lasts.
    OAuth2(OAuth2),
    /// HMAC-SHA256 over time, method, path and body, in hex. See [`signed_text`].
    Hmac {
        header: HeaderName,
        timestamp: HeaderName,
        secret: Zeroizing<Vec<u8>>,
    },
}

#[derive(Clone, PartialEq, Eq)]
pub struct OAuth2 {
    pub token_url: String,
    pub client_id: String,
    pub client_secret: Zeroizing<String>,
    pub scope: Option<String>,
    pub audience: Option<String>,
}

/// Without the secret: two clients that differ in nothing else meet in a bucket and are told apart there.
impl Hash for OAuth2 {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.token_url, &self.client_id, &self.scope, &self.audience).hash(state);
    }
}

/// Without what it is worth.
impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.kind {
            Kind::Header { .. } => "header",
            Kind::Bearer { .. } => "bearer",
            Kind::Basic { .. } => "basic",
            Kind::OAuth2(_) => "oauth2",
            Kind::Hmac { .. } => "hmac",
        };
        f.debug_struct("Credential").field("kind", &kind).field("hosts", &self.hosts).finish()
    }
}

/// The headers that a credential adds to a request. `token`: what was bought, where the kind is `oauth2`.
pub fn headers(
    kind: &Kind,
    request: &Vetted,
    token: Option<&Zeroizing<String>>,
    now: Millis,
) -> Vec<(HeaderName, String)> {
    match kind {
        Kind::Header { header, value } => vec![(header.clone(), value.to_string())],
        Kind::Bearer { token } => vec![(AUTHORIZATION, bearer(token))],
        Kind::OAuth2(_) => token.map(|token| (AUTHORIZATION, bearer(token))).into_iter().collect(),
        Kind::Basic { user, password } => {
            let pair = Zeroizing::new(format!("{user}:{}", password.as_str()));
            vec![(AUTHORIZATION, format!("Basic {}", STANDARD.encode(pair.as_bytes())))]
        }
        Kind::Hmac { header, timestamp, secret } => {
            let seconds = now.div_euclid(1000).to_string();
            let signature = sign(secret, &signed_text(&seconds, request));
            vec![(timestamp.clone(), seconds), (header.clone(), signature)]
        }
    }
}

fn bearer(token: &Zeroizing<String>) -> String {
    format!("Bearer {}", token.as_str())
}

/// What an `hmac` credential signs: Unix seconds, method, path with query and body, joined by a full stop. A receiver makes the same from what it got.
pub fn signed_text(seconds: &str, request: &Vetted) -> Vec<u8> {
    let mut text = format!("{seconds}.{}.{}.", request.method, request.address.path).into_bytes();
    text.extend_from_slice(&request.body);
    text
}

/// HMAC takes a key of any length; there is none that it refuses.
fn sign(secret: &[u8], text: &[u8]) -> String {
    Hmac::<Sha256>::new_from_slice(secret)
        .map(|mac| hex::encode(mac.chain_update(text).finalize().into_bytes()))
        .unwrap_or_default()
}
