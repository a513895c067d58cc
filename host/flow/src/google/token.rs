//! The service account's access token: bought with a signed assertion, kept while it lasts.
//!
//! Owns the exchange (RFC 7523). Does not own the keeping (`token_cache`).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::error::{GoogleError, GoogleReason, refusal};
use super::jwt::rs256;
use crate::identity::Millis;
use crate::ports::{Clock, Host, Http, HttpRequest, KeyRef};
use crate::tenant::Google;
use crate::token_cache::{self, AccessToken};

/// What the token may do: classes and objects of the issuer.
const SCOPE: &str = "https://www.googleapis.com/auth/wallet_object.issuer";
/// Seconds an assertion is valid; Google allows an hour at most, and ours is used at once.
const ASSERTION_LIFETIME: i64 = 300;
/// A token is not used in its last minute: clocks differ, and requests take time.
const MARGIN: Millis = 60_000;
/// The token endpoint answers within a second.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of an answer: a token of a KB or two.
const RESPONSE_LIMIT: usize = 16 << 10;

/// Access tokens of all service accounts.
pub type TokenCache = token_cache::TokenCache<Account, GoogleError>;

/// Whose token, and from where: a tenant whose configuration changed asks anew.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Account {
    name: String,
    key: KeyRef,
    token_url: String,
}

/// A token that is good for another minute at least.
pub(super) async fn get<H: Host>(cache: &TokenCache, host: &H, google: &Google) -> Result<AccessToken, GoogleError> {
    let account =
        Account { name: google.account.clone(), key: google.key.clone(), token_url: google.token_url.clone() };
    cache.get(&account, || host.clock().now(), || fetch(host, google)).await
}

/// Buys a token. With it, the time until which it may be used.
async fn fetch<H: Host>(host: &H, google: &Google) -> Result<(AccessToken, Millis), GoogleError> {
    #[derive(Deserialize)]
    struct Answer {
        access_token: String,
        /// Seconds. Absent: good for this request only.
        #[serde(default)]
        expires_in: u32,
    }
    let now = host.clock().now();
    let iat = now.div_euclid(1000);
    let claims = json!({
        "iss": google.account,
        "scope": SCOPE,
        "aud": google.token_url,
        "iat": iat,
        "exp": iat + ASSERTION_LIFETIME,
    });
    let assertion = rs256(host.signer(), &google.key, &claims).await?;
    // Of the two values only the grant type has characters to be escaped.
    let form = format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}");
    let request = HttpRequest {
        method: Method::POST,
        url: google.token_url.clone(),
        headers: vec![(CONTENT_TYPE, "application/x-www-form-urlencoded".to_owned())],
        body: Bytes::from(form),
        timeout: TIMEOUT,
        response_limit: RESPONSE_LIMIT,
        identity: None,
        on_behalf_of: None,
    };
    let response = host.http().send(request).await.map_err(GoogleError::Unanswered)?;
    match response.status.as_u16() {
        200 => {}
        // `invalid_grant` (the clock, the key), `invalid_client` (the account): all of them 400 or 401.
        400 | 401 => return Err(GoogleError::CredentialsRefused(GoogleReason::of(&response.body))),
        _ => return Err(refusal(&response, now)),
    }
    let answer: Answer = serde_json::from_slice(&response.body).map_err(|_| GoogleError::Unreadable)?;
    let token = Zeroizing::new(answer.access_token);
    // It goes into a header.
    if token.is_empty() || !token.bytes().all(|c| c.is_ascii_graphic()) {
        return Err(GoogleError::Unreadable);
    }
    let until = now.saturating_add(i64::from(answer.expires_in) * 1000 - MARGIN);
    Ok((Arc::new(token), until))
}

#[cfg(test)]
mod tests;
