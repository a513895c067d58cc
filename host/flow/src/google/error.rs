//! What can go wrong with Google, told apart by what the caller does about it.
//!
//! Owns the reading of Google's error bodies, from which nothing but a reason's code is taken: their messages repeat what was sent, a
//! holder's name included.

use std::fmt;
use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;

use crate::identity::Millis;
use crate::ports::{HttpFailure, HttpResponse, SignFailure};
use crate::refusal::code_of;
use crate::retry_after::retry_in;
use crate::store::StoreError;

/// How long we stay silent when Google says 429 and not until when: the window of its limit of 20 requests a second.
const PAUSE: Duration = Duration::from_secs(1);
/// Longest reason that is passed on; those that are known have at most 25 letters.
const LONGEST_REASON: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GoogleError {
    #[error("the tenant has no Google Wallet")]
    NoGoogle,
    /// Service accounts have RSA keys.
    #[error("the service account's key is not RSA")]
    NotRsa,
    #[error("the service account's key: {0}")]
    Key(#[from] SignFailure),
    #[error("the class or object of the connector is no JSON object")]
    Body,
    /// Neither eventTicket, loyalty nor generic.
    #[error("the connector made a kind of pass that is not known here")]
    Kind,
    #[error("the tenant has no template {0}")]
    NoTemplate(String),
    #[error("the template {0} has no image that can be the logo which a loyalty class must have")]
    NoLogo(String),
    /// Account, key, clock or permission is wrong. An alarm for the operator.
    #[error("Google refuses our credentials ({0})")]
    CredentialsRefused(GoogleReason),
    /// An object whose class is not there yet, or a write that another one overtook: try again, the class first.
    #[error("Google is not ready for this write")]
    NotReady,
    #[error("Google asks us to slow down")]
    Throttled { after: Duration },
    /// The second's share is used up, or a pause is on: nothing was sent.
    #[error("the budget of requests to Google is spent")]
    BudgetSpent { until: Millis },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("Google refuses the request with HTTP {status} ({reason})")]
    Refused { status: StatusCode, reason: GoogleReason },
    #[error("Google is unavailable (HTTP {0})")]
    Unavailable(StatusCode),
    #[error("Google gives no answer: {0}")]
    Unanswered(HttpFailure),
    #[error("Google gives an answer that cannot be read")]
    Unreadable,
}

impl GoogleError {
    /// A repetition may succeed without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::NotReady | Self::Throttled { .. } | Self::BudgetSpent { .. } => true,
            Self::Unavailable(_) | Self::Unreadable | Self::Store(_) => true,
            Self::Unanswered(failure) => !matches!(failure, HttpFailure::Denied | HttpFailure::Invalid),
            _ => false,
        }
    }

    /// A person has to change something outside of the pass: the account, its key, its rights, a template, what may be called.
    pub fn needs_person(&self) -> bool {
        match self {
            Self::NoGoogle | Self::NotRsa | Self::Key(_) | Self::NoTemplate(_) | Self::NoLogo(_) => true,
            Self::CredentialsRefused(_) => true,
            Self::Refused { status, .. } => matches!(status.as_u16(), 401 | 403),
            Self::Unanswered(failure) => matches!(failure, HttpFailure::Denied | HttpFailure::Invalid),
            _ => false,
        }
    }

    /// How long Google wants to be left alone, where it says so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled { after } => Some(*after),
            _ => None,
        }
    }
}

/// The reason in an error body, as far as a difference is made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum GoogleReason {
    RateLimited,
    /// Three notifications in 24 hours: the message may still be sent silently.
    NotificationQuota,
    ClassNotFound,
    /// Another code of Google's.
    Other(String),
    /// No reason that can be read.
    None,
}

impl fmt::Display for GoogleReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RateLimited => f.write_str("rate limit"),
            Self::NotificationQuota => f.write_str("notification quota"),
            Self::ClassNotFound => f.write_str("class not found"),
            Self::Other(code) => f.write_str(code),
            Self::None => f.write_str("no reason given"),
        }
    }
}

impl GoogleReason {
    fn parse(code: &str) -> Self {
        match code {
            "rateLimitExceeded" | "userRateLimitExceeded" | "quotaExceeded" | "RESOURCE_EXHAUSTED" => Self::RateLimited,
            "QuotaExceededException" => Self::NotificationQuota,
            "classNotFound" => Self::ClassNotFound,
            other => code_of(other, LONGEST_REASON).map_or(Self::None, |code| Self::Other(code.to_owned())),
        }
    }

    /// Google has two shapes: the API's `{"error": {"status", "errors": [{"reason"}]}}` and the token endpoint's `{"error": "code"}`.
    pub(super) fn of(body: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Answer {
            error: Error,
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Error {
            Code(String),
            Api {
                status: Option<String>,
                #[serde(default)]
                errors: Vec<Detail>,
            },
        }
        #[derive(Deserialize)]
        struct Detail {
            reason: Option<String>,
        }
        let code = match serde_json::from_slice::<Answer>(body) {
            Ok(Answer { error: Error::Code(code) }) => Some(code),
            Ok(Answer { error: Error::Api { status, errors } }) => {
                errors.into_iter().find_map(|detail| detail.reason).or(status)
            }
            Err(_) => None,
        };
        code.map_or(Self::None, |code| Self::parse(&code))
    }
}

/// What an answer other than success means, wherever it comes from. 401 is left to the caller.
pub(super) fn refusal(response: &HttpResponse, now: Millis) -> GoogleError {
    let reason = GoogleReason::of(&response.body);
    let throttled = || GoogleError::Throttled { after: retry_in(&response.headers, now).unwrap_or(PAUSE) };
    match (response.status.as_u16(), reason) {
        (429, reason) if reason != GoogleReason::NotificationQuota => throttled(),
        (403, GoogleReason::RateLimited) => throttled(),
        (408 | 500..=599, _) => GoogleError::Unavailable(response.status),
        (_, reason) => GoogleError::Refused { status: response.status, reason },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::answer;

    fn judge(status: u16, headers: &[(&'static str, &str)], body: &str) -> GoogleError {
        refusal(&answer(status, headers, body).unwrap(), 5000)
    }

    #[test]
    fn a_reason_is_taken_when_it_is_a_code_and_not_otherwise() {
        let body = r#"{"error":{"code":400,"message":"Invalid name Ada","status":"INVALID_ARGUMENT","errors":[{"message":"Ada","reason":"invalid value: Ada L"}]}}"#;
        let GoogleError::Refused { status, reason } = judge(400, &[], body) else { panic!() };
        assert_eq!((status.as_u16(), reason), (400, GoogleReason::None));
        assert_eq!(
            GoogleReason::of(br#"{"error":{"status":"PERMISSION_DENIED"}}"#),
            GoogleReason::Other("PERMISSION_DENIED".into())
        );
        assert_eq!(GoogleReason::of(br#"{"error":"invalid_grant"}"#), GoogleReason::Other("invalid_grant".into()));
        for unreadable in ["", "<html>", "{}", "[]", r#"{"error":7}"#, r#"{"error":{}}"#] {
            assert_eq!(GoogleReason::of(unreadable.as_bytes()), GoogleReason::None, "{unreadable}");
        }
    }

    #[test]
    fn a_rate_limit_is_one_under_either_status() {
        assert_eq!(judge(429, &[("retry-after", "3")], ""), GoogleError::Throttled { after: Duration::from_secs(3) });
        assert_eq!(judge(429, &[], ""), GoogleError::Throttled { after: PAUSE });
        let body = r#"{"error":{"code":403,"errors":[{"reason":"rateLimitExceeded"}]}}"#;
        assert_eq!(judge(403, &[], body), GoogleError::Throttled { after: PAUSE });
        let body = r#"{"error":{"code":403,"status":"PERMISSION_DENIED"}}"#;
        assert!(matches!(judge(403, &[], body), GoogleError::Refused { .. }));
    }

    #[test]
    fn a_fault_of_the_configuration_waits_for_a_person_and_one_of_the_body_does_not() {
        let needs = |error: GoogleError| error.needs_person() && !error.is_transient();
        assert!(needs(judge(403, &[], r#"{"error":{"status":"PERMISSION_DENIED"}}"#)));
        assert!(needs(GoogleError::CredentialsRefused(GoogleReason::None)));
        assert!(needs(GoogleError::Key(SignFailure::Missing)) && needs(GoogleError::NoGoogle));
        assert!(needs(GoogleError::Unanswered(HttpFailure::Denied)));
        for error in [judge(400, &[], ""), judge(503, &[], ""), judge(429, &[], ""), GoogleError::Body] {
            assert!(!error.needs_person(), "{error}");
        }
    }

    #[test]
    fn a_server_error_is_transient_and_a_refusal_is_not() {
        assert!(judge(503, &[], "").is_transient());
        assert!(judge(429, &[], "").is_transient());
        assert!(!judge(400, &[], "").is_transient());
        assert!(!judge(302, &[], "").is_transient());
        assert!(GoogleError::Unanswered(HttpFailure::TimedOut).is_transient());
        assert!(!GoogleError::Unanswered(HttpFailure::Denied).is_transient());
    }
}
