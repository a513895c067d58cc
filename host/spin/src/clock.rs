//! The time of day and randomness, both from the host of the component.
//!
//! Owns two ports and nothing else. The clock is not to be moved: what tests put forward is the host's.

use std::time::{SystemTime, UNIX_EPOCH};

use passerelle_flow::identity::Millis;
use passerelle_flow::ports::{Clock, Random};

#[derive(Clone, Copy, Default)]
pub struct HostClock;

impl Clock for HostClock {
    fn now(&self) -> Millis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
    }
}

#[derive(Clone, Copy, Default)]
pub struct HostRandom;

impl Random for HostRandom {
    fn fill(&self, target: &mut [u8]) {
        // WASI's randomness cannot fail by its contract; a key made without it would be worse than no instance.
        if getrandom::fill(target).is_err() {
            tracing::error!("the host has no randomness");
            std::process::abort();
        }
    }
}
