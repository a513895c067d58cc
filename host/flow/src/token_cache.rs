//! Access tokens that are bought once and shared: kept while they last, and one exchange at a time per account.
//!
//! Owns the waiting: who comes while a token is bought waits for it and shares the outcome, a failure too. Knows no runtime: waiting is a list of
//! wakers, so that it works on any executor. Does not own the exchange, nor how soon to try again after a failure, which is not kept.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use zeroize::Zeroizing;

use crate::identity::Millis;

/// A bearer token. Shared by the requests of an hour, wiped when the last one is done with it.
pub type AccessToken = Arc<Zeroizing<String>>;

/// Tokens by account. Kept beside the host for as long as the process runs.
pub struct TokenCache<K, E> {
    slots: Mutex<HashMap<K, Slot<E>>>,
}

impl<K, E> Default for TokenCache<K, E> {
    fn default() -> Self {
        Self { slots: Mutex::default() }
    }
}

enum Slot<E> {
    Held { token: AccessToken, until: Millis },
    Fetching(Arc<Exchange<E>>),
}

/// One exchange under way, for those who wait for it.
struct Exchange<E> {
    state: Mutex<Progress<E>>,
}

struct Progress<E> {
    /// Inner none: whoever fetched was dropped, and somebody else has to.
    ended: Option<Option<Result<AccessToken, E>>>,
    wakers: Vec<Waker>,
}

enum Turn<E> {
    Use(AccessToken),
    Wait(Arc<Exchange<E>>),
    Fetch(Arc<Exchange<E>>),
}

impl<K: Clone + Eq + Hash, E: Clone> TokenCache<K, E> {
    /// The account's token. `fetch` buys one, and says until when it may be used.
    pub async fn get<F: Future<Output = Result<(AccessToken, Millis), E>>>(
        &self,
        account: &K,
        now: impl Fn() -> Millis,
        fetch: impl Fn() -> F,
    ) -> Result<AccessToken, E> {
        loop {
            match self.turn(account, now()) {
                Turn::Use(token) => return Ok(token),
                Turn::Wait(exchange) => {
                    if let Some(outcome) = exchange.ended().await {
                        return outcome;
                    }
                }
                Turn::Fetch(exchange) => {
                    let fetching = Fetching { cache: self, account, exchange, result: None };
                    return fetching.end(fetch().await);
                }
            }
        }
    }

    /// It was not accepted: nobody is given it again.
    pub fn forget(&self, refused: &AccessToken) {
        lock(&self.slots).retain(|_, slot| !matches!(slot, Slot::Held { token, .. } if Arc::ptr_eq(token, refused)));
    }

    fn turn(&self, account: &K, now: Millis) -> Turn<E> {
        let mut slots = lock(&self.slots);
        match slots.get(account) {
            Some(Slot::Held { token, until }) if now < *until => return Turn::Use(token.clone()),
            Some(Slot::Fetching(exchange)) => return Turn::Wait(exchange.clone()),
            Some(Slot::Held { .. }) | None => {}
        }
        // Nobody asks again for a client that is gone or has another secret, so nobody else would forget it.
        slots.retain(|_, slot| !matches!(slot, Slot::Held { until, .. } if *until <= now));
        let exchange = Arc::new(Exchange { state: Mutex::new(Progress { ended: None, wakers: vec![] }) });
        slots.insert(account.clone(), Slot::Fetching(exchange.clone()));
        Turn::Fetch(exchange)
    }
}

impl<E: Clone> Exchange<E> {
    async fn ended(&self) -> Option<Result<AccessToken, E>> {
        poll_fn(|context| {
            let mut progress = lock(&self.state);
            if let Some(ended) = &progress.ended {
                return Poll::Ready(ended.clone());
            }
            if !progress.wakers.iter().any(|waker| waker.will_wake(context.waker())) {
                progress.wakers.push(context.waker().clone());
            }
            Poll::Pending
        })
        .await
    }
}

/// A token, and until when it may be used; or why there is none.
type Bought<E> = (Result<AccessToken, E>, Millis);

/// The duty to tell those who wait, kept even when the fetching future is dropped half-way.
struct Fetching<'a, K: Clone + Eq + Hash, E: Clone> {
    cache: &'a TokenCache<K, E>,
    account: &'a K,
    exchange: Arc<Exchange<E>>,
    result: Option<Bought<E>>,
}

impl<K: Clone + Eq + Hash, E: Clone> Fetching<'_, K, E> {
    fn end(mut self, fetched: Result<(AccessToken, Millis), E>) -> Result<AccessToken, E> {
        let (outcome, until) = match fetched {
            Ok((token, until)) => (Ok(token), until),
            Err(error) => (Err(error), Millis::MIN),
        };
        self.result = Some((outcome.clone(), until));
        outcome
    }
}

impl<K: Clone + Eq + Hash, E: Clone> Drop for Fetching<'_, K, E> {
    fn drop(&mut self) {
        let result = self.result.take();
        {
            let mut slots = lock(&self.cache.slots);
            match &result {
                Some((Ok(token), until)) => {
                    slots.insert(self.account.clone(), Slot::Held { token: token.clone(), until: *until });
                }
                Some((Err(_), _)) | None => {
                    slots.remove(self.account);
                }
            }
        }
        let mut progress = lock(&self.exchange.state);
        progress.ended = Some(result.map(|(outcome, _)| outcome));
        let wakers = std::mem::take(&mut progress.wakers);
        drop(progress);
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// A panic elsewhere does not spoil what is in here: every change is one assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
