//! A caller's place in a budget that is counted by the second.
//!
//! Owns how long a call waits for its turn. Does not own the counting (the store's, since all workers and nodes share it) nor who may spend what.

use std::time::Duration;

use crate::identity::Millis;
use crate::ports::{Clock, Host};
use crate::store::{Spend, Spent, Store, StoreResult};

/// Takes one request, and waits for as many turns where none is left, but for none that is further away than `patience`.
/// None: it is granted. Some: there is none before then.
pub async fn take<H: Host>(
    host: &H,
    turns: u32,
    patience: Millis,
    spend: impl Fn(Millis) -> Spend,
) -> StoreResult<Option<Millis>> {
    let mut turn = 0;
    loop {
        let now = host.clock().now();
        match host.store().spend(spend(now)).await? {
            Spent::Granted => return Ok(None),
            Spent::WaitUntil(until) if turn >= turns || until > now.saturating_add(patience) => return Ok(Some(until)),
            Spent::WaitUntil(until) => {
                let wait = u64::try_from(until.saturating_sub(now)).unwrap_or(0);
                host.clock().wait(Duration::from_millis(wait)).await;
                turn += 1;
            }
        }
    }
}
