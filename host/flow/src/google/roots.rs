//! Google's root keys: fetched, kept in the store, renewed before they end.
//!
//! Owns how long a fetched document is good (its `Cache-Control`, halved for a quiet renewal), and that there is one fetch at a time over all
//! workers and instances. Does not own their use (`ecv2`). Never fetches because a signature was wrong: whoever posts nonsense would make us
//! call Google as often as they like. A document that cannot be renewed is used until it ends.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AGE, CACHE_CONTROL};
use http::{HeaderMap, Method};

use super::ecv2::{RootKey, root_keys};
use crate::flow::Flow;
use crate::identity::Millis;
use crate::ports::{Clock, Host, Http, HttpFailure, HttpRequest};
use crate::store::{GoogleLedger as _, KeptRoots, Spend, Spent, Store, StoreError};
use crate::tenant::Google;

/// Google's own document says days. Where it says nothing, it is looked at again within the hour.
const DEFAULT_AGE: Millis = 3_600_000;
/// A slip in a header must neither have us call for every callback nor keep a key for ever.
const SHORTEST_AGE: Millis = 60_000;
const LONGEST_AGE: Millis = 30 * 86_400_000;
/// Between two attempts at fetching, whatever came of the first.
const ATTEMPT_EVERY: Millis = 10_000;
/// The document is a few kilobytes at an address that is made for being fetched.
const TIMEOUT: Duration = Duration::from_secs(10);
const RESPONSE_LIMIT: usize = 64 << 10;
/// How long somebody else's fetch is waited for: as long as one may take. Google tries a callback again that got no answer.
const LOOK: Duration = Duration::from_millis(100);
const LOOKS: u32 = 100;

#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("Google's root keys cannot be fetched: {0}")]
    Unanswered(HttpFailure),
    #[error("Google's root keys cannot be fetched: HTTP {0}")]
    Status(http::StatusCode),
    #[error("what Google publishes as root keys has none of ours")]
    Unreadable,
    #[error("somebody else is fetching Google's root keys")]
    UnderWay,
}

/// The root keys that are known now.
pub async fn roots<H: Host>(flow: &Flow<H>, google: &Google) -> Result<Vec<RootKey>, RootsError> {
    let store = flow.host.store();
    for _ in 0..LOOKS {
        let now = flow.now();
        let kept = store.google_roots(&google.keys_url).await?;
        let usable = kept.as_ref().filter(|kept| now < kept.expires_at);
        if let Some(fresh) = usable.filter(|kept| now < kept.renew_at) {
            return root_keys(fresh.document.as_bytes()).ok_or(RootsError::Unreadable);
        }
        let attempt = Spend {
            scope: format!("google-roots/{}", google.keys_url),
            now,
            limit: 1,
            window: ATTEMPT_EVERY,
            reserve: 0,
        };
        if store.spend(attempt).await? == Spent::Granted {
            return match (renew(flow, google).await, usable) {
                (Ok(keys), _) => Ok(keys),
                (Err(RootsError::Store(error)), _) => Err(error.into()),
                (Err(error), Some(old)) => {
                    tracing::warn!(%error, "Google's root keys were not renewed; the old ones are good for now");
                    root_keys(old.document.as_bytes()).ok_or(RootsError::Unreadable)
                }
                (Err(error), None) => Err(error),
            };
        }
        if let Some(old) = usable {
            return root_keys(old.document.as_bytes()).ok_or(RootsError::Unreadable);
        }
        flow.host.clock().wait(LOOK).await;
    }
    Err(RootsError::UnderWay)
}

async fn renew<H: Host>(flow: &Flow<H>, google: &Google) -> Result<Vec<RootKey>, RootsError> {
    let request = HttpRequest {
        method: Method::GET,
        url: google.keys_url.clone(),
        headers: vec![],
        body: Bytes::new(),
        timeout: TIMEOUT,
        response_limit: RESPONSE_LIMIT,
        identity: None,
        on_behalf_of: None,
    };
    let now = flow.now();
    let response = flow.host.http().send(request).await.map_err(RootsError::Unanswered)?;
    if response.status != http::StatusCode::OK {
        return Err(RootsError::Status(response.status));
    }
    let keys = root_keys(&response.body).filter(|keys| !keys.is_empty()).ok_or(RootsError::Unreadable)?;
    let age = good_for(&response.headers);
    let kept = KeptRoots {
        document: String::from_utf8_lossy(&response.body).into_owned(),
        renew_at: now + age / 2,
        expires_at: now + age,
    };
    flow.host.store().keep_google_roots(&google.keys_url, kept).await?;
    Ok(keys)
}

/// `max-age` less what the document has spent in caches on the way.
fn good_for(headers: &HeaderMap) -> Millis {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let directives = text(CACHE_CONTROL).unwrap_or_default().split(',').map(str::trim);
    let seconds: Option<u32> = directives.filter_map(|it| it.strip_prefix("max-age=")).find_map(|it| it.parse().ok());
    let age: u32 = text(AGE).and_then(|age| age.trim().parse().ok()).unwrap_or(0);
    let left = seconds.map_or(DEFAULT_AGE, |seconds| i64::from(seconds.saturating_sub(age)) * 1_000);
    left.clamp(SHORTEST_AGE, LONGEST_AGE)
}

#[cfg(test)]
mod tests;
