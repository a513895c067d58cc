//! Apple's push service: the empty message that makes a phone ask for its changed passes.
//!
//! Owns the request and the reading of the answer. Does not own the connection (HTTP/2, with the tenant's certificate unless a provider token is the proof; a host's), whose turn it
//! is, nor what becomes of a device whose token is gone.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::identity::Millis;
use crate::ports::{Clock, Host, Http, HttpFailure, HttpRequest, HttpResponse, SignFailure};
use crate::refusal::code_of;
use crate::retry_after::retry_in;
use crate::tenant::Tenant;

/// Wallet wants an empty JSON dictionary.
const BODY: &[u8] = b"{}";
/// The push service answers within a second; ten leave room for a new connection.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of an answer: a reason and a time, less than 100 in practice.
const RESPONSE_LIMIT: usize = 4 << 10;
/// Characters of a push token: 100 bytes in hex are the most that Apple documents.
const LONGEST_TOKEN: usize = 200;
/// Longest reason that is passed on; Apple's longest known has 29 letters.
const LONGEST_REASON: usize = 64;

/// A device's push token: personal data, and a segment of a path. Letters and digits only, so it needs no escaping.
#[derive(Clone, PartialEq, Eq)]
pub struct PushToken(Zeroizing<String>);

impl PushToken {
    /// None: no push service ever gave this out.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=LONGEST_TOKEN).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_alphanumeric());
        fits.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PushToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PushToken(..)")
    }
}

/// What the push service made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushOutcome {
    /// Accepted; whether and when the phone hears of it nobody is told.
    Delivered,
    /// The token is dead for good. With a time: since then, so that a registration made later is not meant.
    Gone { at: Option<Millis> },
    /// Not now; not before this long, where the service says how long.
    Retry { after: Option<Duration>, reason: PushReason },
    /// Never like this: our certificate, topic or request is at fault. An operator has to act.
    Refused { reason: PushReason },
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    #[error("the tenant has no Apple Wallet")]
    NoApple,
    /// The address is not allowed, or the certificate and its key cannot be used.
    #[error("the push cannot be sent: {0}")]
    NotSent(HttpFailure),
    #[error("the push key cannot sign a token: {0}")]
    Key(#[from] SignFailure),
}

/// `reason` of the push service's error answers, as far as a difference is made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushReason {
    BadDeviceToken,
    DeviceTokenNotForTopic,
    Unregistered,
    ExpiredToken,
    BadTopic,
    TopicDisallowed,
    MissingTopic,
    BadCertificate,
    BadCertificateEnvironment,
    Forbidden,
    BadPath,
    PayloadTooLarge,
    TooManyRequests,
    ServiceUnavailable,
    Shutdown,
    InternalServerError,
    /// Another word of Apple's.
    Other(String),
    /// No reason that can be read.
    None,
    /// There was no answer at all.
    NoAnswer(HttpFailure),
}

impl PushReason {
    fn parse(text: &str) -> Self {
        match text {
            "BadDeviceToken" => Self::BadDeviceToken,
            "DeviceTokenNotForTopic" => Self::DeviceTokenNotForTopic,
            "Unregistered" => Self::Unregistered,
            "ExpiredToken" => Self::ExpiredToken,
            "BadTopic" => Self::BadTopic,
            "TopicDisallowed" => Self::TopicDisallowed,
            "MissingTopic" => Self::MissingTopic,
            "BadCertificate" => Self::BadCertificate,
            "BadCertificateEnvironment" => Self::BadCertificateEnvironment,
            "Forbidden" => Self::Forbidden,
            "BadPath" => Self::BadPath,
            "PayloadTooLarge" => Self::PayloadTooLarge,
            "TooManyRequests" => Self::TooManyRequests,
            "ServiceUnavailable" => Self::ServiceUnavailable,
            "Shutdown" => Self::Shutdown,
            "InternalServerError" => Self::InternalServerError,
            other => code_of(other, LONGEST_REASON).map_or(Self::None, |reason| Self::Other(reason.to_owned())),
        }
    }
}

impl fmt::Display for PushReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(reason) => f.write_str(reason),
            Self::None => f.write_str("no reason given"),
            Self::NoAnswer(failure) => failure.fmt(f),
            known => write!(f, "{known:?}"),
        }
    }
}

/// Pushes once, to one device. What cannot be a push token is gone without a call.
pub async fn push<H: Host>(host: &H, tenant: &Tenant, token: &str) -> Result<PushOutcome, PushError> {
    let apple = tenant.apple.as_ref().ok_or(PushError::NoApple)?;
    let Some(token) = PushToken::parse(token) else { return Ok(PushOutcome::Gone { at: None }) };
    let header = |name: &'static str, value: &str| (HeaderName::from_static(name), value.to_owned());
    let mut headers = vec![
        (CONTENT_TYPE, "application/json".to_owned()),
        header("apns-topic", &apple.pass_type),
        header("apns-push-type", "background"),
        // Background pushes have no other priority.
        header("apns-priority", "5"),
    ];
    // One or the other: Apple refuses a token of another team than the certificate's, and needs no second proof.
    let identity = match &apple.push_key {
        Some(key) => {
            let bearer = key.bearer(host.signer(), &apple.team, host.clock().now()).await?;
            headers.push((AUTHORIZATION, bearer.to_string()));
            None
        }
        None => Some(apple.identity.clone()),
    };
    let request = HttpRequest {
        method: Method::POST,
        url: format!("{}/3/device/{}", apple.push_url, token.as_str()),
        headers,
        body: Bytes::from_static(BODY),
        timeout: TIMEOUT,
        response_limit: RESPONSE_LIMIT,
        identity,
        on_behalf_of: None,
    };
    match host.http().send(request).await {
        Ok(response) => Ok(judge(&response, host.clock().now())),
        Err(failure @ (HttpFailure::Unreachable | HttpFailure::TimedOut | HttpFailure::TooLarge)) => {
            Ok(PushOutcome::Retry { after: None, reason: PushReason::NoAnswer(failure) })
        }
        Err(failure @ (HttpFailure::Denied | HttpFailure::Invalid)) => Err(PushError::NotSent(failure)),
    }
}

fn judge(response: &HttpResponse, now: Millis) -> PushOutcome {
    #[derive(Default, Deserialize)]
    struct Answer {
        reason: Option<String>,
        timestamp: Option<Millis>,
    }
    let status = response.status.as_u16();
    if status == 200 {
        return PushOutcome::Delivered;
    }
    let answer: Answer = serde_json::from_slice(&response.body).unwrap_or_default();
    let reason = answer.reason.as_deref().map_or(PushReason::None, PushReason::parse);
    match (status, reason) {
        (410, _) => PushOutcome::Gone { at: answer.timestamp },
        (429 | 500..=599, reason) => PushOutcome::Retry { after: retry_in(&response.headers, now), reason },
        (400..=499, PushReason::BadDeviceToken | PushReason::DeviceTokenNotForTopic) => PushOutcome::Gone { at: None },
        (_, reason) => PushOutcome::Refused { reason },
    }
}

#[cfg(test)]
mod tests;
