//! An OAuth 2.0 access token by client credentials (RFC 6749 §4.4): what a credential of the kind `oauth2` is worth for a while.
//!
//! Owns the exchange. Does not own the keeping (`token_cache`). The client authenticates with HTTP Basic, which every server must take (§2.3.1);
//! both parts are form-encoded first, as that section says.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{Method, StatusCode};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::credential::OAuth2;
use crate::identity::{Millis, TenantId};
use crate::ports::{Clock, Host, Http, HttpFailure, HttpRequest};
use crate::store::{Spend, Spent, Store as _, StoreError};
use crate::tenant::Tenant;
use crate::token_cache::{self, AccessToken};

const MINUTE: Millis = 60_000;
/// Tokens that a tenant buys of one client in a minute: one lasts an hour as a rule, and is bought again when a receiver refuses it. A receiver that refuses
/// every token gets no further than this.
const PURCHASES: i64 = 6;

/// A token is not used in its last half minute: clocks differ, and requests take time.
const MARGIN: Millis = 30_000;
/// How long a token without a lifetime is used: it "should" have one (§5.1), and a refused one is bought anew.
const WITHOUT_LIFETIME: Millis = 300_000;
/// A token endpoint answers within a second or two.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of an answer: a token of some KB with claims.
const RESPONSE_LIMIT: usize = 64 << 10;

/// Whose token: two tenants with the same client share nothing.
pub type TokenCache = token_cache::TokenCache<(TenantId, OAuth2), TokenError>;

/// Why there is no token. In words for whoever set the credential up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("the token endpoint does not answer: {0}")]
    Http(#[from] HttpFailure),
    #[error("the token endpoint refuses the client: HTTP {0}")]
    Refused(u16),
    #[error("the token endpoint answers HTTP {0}")]
    Status(u16),
    #[error("the token endpoint's answer is none: access_token and a token_type of Bearer are expected")]
    Unreadable,
    #[error("as many tokens as a minute has room for were bought")]
    OverBudget { until: Millis },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl TokenError {
    /// A person has to act: trying again is vain.
    pub const fn needs_person(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Http(HttpFailure::Denied | HttpFailure::Invalid))
    }
}

pub async fn get<H: Host>(
    cache: &TokenCache,
    host: &H,
    tenant: &Tenant,
    client: &OAuth2,
    patience: Duration,
) -> Result<AccessToken, TokenError> {
    let account = (tenant.id.clone(), client.clone());
    cache.get(&account, || host.clock().now(), || fetch(host, tenant, client, patience)).await
}

async fn fetch<H: Host>(
    host: &H,
    tenant: &Tenant,
    client: &OAuth2,
    patience: Duration,
) -> Result<(AccessToken, Millis), TokenError> {
    #[derive(Deserialize)]
    struct Answer {
        access_token: String,
        token_type: String,
        /// Seconds: a number (§5.1), and a text in the hands of some.
        expires_in: Option<serde_json::Value>,
    }
    let scope = format!("plugin/{}/token/{}/{}", tenant.id, client.token_url, client.client_id);
    let now = host.clock().now();
    let spend = Spend { scope, now, limit: PURCHASES, window: MINUTE, reserve: 0 };
    if let Spent::WaitUntil(until) = host.store().spend(spend).await? {
        return Err(TokenError::OverBudget { until });
    }
    let pair = Zeroizing::new(format!("{}:{}", encoded(&client.client_id), encoded(&client.client_secret)));
    let mut form = "grant_type=client_credentials".to_owned();
    for (name, value) in [("scope", &client.scope), ("audience", &client.audience)] {
        if let Some(value) = value {
            form.push_str(&format!("&{name}={}", encoded(value)));
        }
    }
    let request = HttpRequest {
        method: Method::POST,
        url: client.token_url.clone(),
        headers: vec![
            (AUTHORIZATION, format!("Basic {}", STANDARD.encode(pair.as_bytes()))),
            (CONTENT_TYPE, "application/x-www-form-urlencoded".to_owned()),
            (ACCEPT, "application/json".to_owned()),
        ],
        body: Bytes::from(form),
        timeout: TIMEOUT.min(patience),
        response_limit: RESPONSE_LIMIT,
        identity: None,
        on_behalf_of: Some(tenant.id.clone()),
    };
    let response = host.http().send(request).await?;
    match response.status {
        StatusCode::OK => {}
        // §5.2: a client that is not known is a 400 or a 401.
        status @ (StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            return Err(TokenError::Refused(status.as_u16()));
        }
        status => return Err(TokenError::Status(status.as_u16())),
    }
    let answer: Answer = serde_json::from_slice(&response.body).map_err(|_| TokenError::Unreadable)?;
    let printable = !answer.access_token.is_empty() && answer.access_token.bytes().all(|c| c.is_ascii_graphic());
    if !printable || !answer.token_type.eq_ignore_ascii_case("bearer") {
        return Err(TokenError::Unreadable);
    }
    let lifetime = answer.expires_in.as_ref().and_then(seconds);
    let lifetime = lifetime.map_or(WITHOUT_LIFETIME, |seconds| Millis::from(seconds) * 1000 - MARGIN);
    Ok((Arc::new(Zeroizing::new(answer.access_token)), now.saturating_add(lifetime)))
}

/// What is no number of seconds is no lifetime: the token is good all the same.
fn seconds(value: &serde_json::Value) -> Option<u32> {
    match value {
        serde_json::Value::Number(number) => number.as_u64().and_then(|seconds| u32::try_from(seconds).ok()),
        serde_json::Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// `application/x-www-form-urlencoded`: what is no letter, digit or one of four marks is escaped.
fn encoded(text: &str) -> String {
    let mut form = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => form.push(char::from(byte)),
            b' ' => form.push('+'),
            byte => form.push_str(&format!("%{byte:02X}")),
        }
    }
    form
}
