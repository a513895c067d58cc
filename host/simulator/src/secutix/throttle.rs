//! 60 requests a minute per endpoint, then HTTP 509 (domain.md 3.1): a sliding window.
//!
//! Owns the count. Takes the time as an argument, so that a test moves it. A refused request counts as none, or a busy client would
//! never be let in again; what SecuTix does there is not documented.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(60);

pub(crate) struct Throttle {
    limit: usize,
    served: HashMap<String, VecDeque<Instant>>,
}

impl Throttle {
    pub fn new(requests_per_minute: u32) -> Self {
        Self { limit: usize::try_from(requests_per_minute).unwrap_or(usize::MAX), served: HashMap::new() }
    }

    /// Whether the request is served now.
    pub fn admit(&mut self, endpoint: &str, now: Instant) -> bool {
        let served = self.served.entry(endpoint.to_owned()).or_default();
        while served.front().is_some_and(|first| now.duration_since(*first) >= WINDOW) {
            served.pop_front();
        }
        let admitted = served.len() < self.limit;
        if admitted {
            served.push_back(now);
        }
        admitted
    }
}
