//! Turns: one request per instance at a time, and a sweep only in between.
//!
//! Owns the component model's backpressure. Instances are shared by concurrent requests, a trap ends all of them and a computation stops all of
//! them; with backpressure up, the host gives the next request to another instance. A sweep after an answer takes the turn as well while it
//! runs something, and leaves it while it waits.

use std::cell::Cell;
use std::time::Duration;

use spin_sdk::time::sleep;
use spin_sdk::wit_bindgen::{backpressure_dec, backpressure_inc};

thread_local! {
    /// Turns taken in this instance: more than one only for a request that was on its way when another took it.
    static TAKEN: Cell<u32> = const { Cell::new(0) };
}

/// How often a sweep looks whether the instance is free: a fraction of what the quickest answer takes.
const LOOK: Duration = Duration::from_millis(5);

/// Backpressure, as long as it lives.
pub struct Turn(());

impl Turn {
    pub fn take() -> Self {
        backpressure_inc();
        TAKEN.set(TAKEN.get() + 1);
        Self(())
    }

    /// Waits until no request is being answered.
    pub async fn between_requests() -> Self {
        while TAKEN.get() > 0 {
            sleep(LOOK).await;
        }
        Self::take()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        TAKEN.set(TAKEN.get().saturating_sub(1));
        backpressure_dec();
    }
}
