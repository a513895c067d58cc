//! What can go wrong with Vibes' API, told apart by what the caller does about it.
//!
//! Owns the reading of its error bodies, `{"errors": [{"message", "code"}]}`, from which nothing but a code is taken: a message may repeat the
//! address that was sent, and with it the secret in its path.

use std::time::Duration;

use http::StatusCode;
use serde_json::Value;

use crate::identity::Millis;
use crate::ports::{HttpFailure, HttpResponse};
use crate::refusal::code_of;
use crate::retry_after::retry_in;
use crate::store::StoreError;

/// After a 429 without `Retry-After`, which is how Vibes sends it (domain.md 4.1): its limit is counted by the second.
const PAUSE: Duration = Duration::from_secs(2);
/// Longest code that is passed on.
const LONGEST_CODE: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VibesError {
    /// User, password, company or region is wrong.
    #[error("Vibes refuses our credentials ({0}); they are good for one region and one company")]
    CredentialsRefused(VibesCode),
    #[error("Vibes knows no such thing")]
    NotFound,
    /// An identifier that cannot stand in an address.
    #[error("this is no identifier of Vibes'")]
    Identifier,
    #[error("Vibes asks us to slow down")]
    Throttled { after: Duration },
    /// Our own limit, or a pause that Vibes asked for: nothing was sent.
    #[error("the budget of requests to Vibes is spent")]
    BudgetSpent { until: Millis },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("Vibes refuses the request with HTTP {status} ({code})")]
    Refused { status: StatusCode, code: VibesCode },
    #[error("Vibes is unavailable (HTTP {0})")]
    Unavailable(StatusCode),
    #[error("Vibes gives no answer: {0}")]
    Unanswered(HttpFailure),
    #[error("Vibes gives an answer that cannot be read")]
    Unreadable,
}

/// The code of an error, where there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VibesCode(Option<String>);

impl std::fmt::Display for VibesCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.as_deref().unwrap_or("no code given"))
    }
}

/// What an answer that is no success says.
pub(super) fn refusal(response: &HttpResponse, now: Millis) -> VibesError {
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let code = match body.pointer("/errors/0/code") {
        Some(Value::String(code)) => code_of(code, LONGEST_CODE).map(str::to_owned),
        Some(Value::Number(code)) => Some(code.to_string()),
        _ => None,
    };
    let code = VibesCode(code);
    match response.status.as_u16() {
        401 | 403 => VibesError::CredentialsRefused(code),
        404 => VibesError::NotFound,
        429 => VibesError::Throttled { after: retry_in(&response.headers, now).unwrap_or(PAUSE) },
        500.. => VibesError::Unavailable(response.status),
        _ => VibesError::Refused { status: response.status, code },
    }
}
