//! The turnstile in front of the pool: who may run now, and who waits.
//!
//! Owns how many calls run at a time, how many of these may be plugins', and how many one tenant's. Does not own what a call may use (`meter`). Whoever
//! waits, waits in line, and for a bounded time.

use std::sync::Arc;
use std::time::Duration;

use passerelle_flow::ports::SandboxFailure;
use tokio::sync::{Semaphore, SemaphorePermit};

/// How many calls run at a time, and how long the next one waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Calls at a time; each has a slot of the pool.
    pub calls: u32,
    /// A call that gets no turn within this time is refused: its caller would have given up.
    pub patience: Duration,
}

impl Default for Capacity {
    /// A guest waits for nothing, so more calls than processors only take turns: twice as many keep the processors busy while others are
    /// set up and taken down.
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self { calls: u32::try_from(processors * 2).unwrap_or(64).clamp(4, 64), patience: Duration::from_secs(5) }
    }
}

impl Capacity {
    /// Of the calls, those that plugins may make: half, so that the connector, without which no pass changes, always finds the other half.
    fn plugins(self) -> usize {
        (self.calls as usize / 2).max(1)
    }

    /// Of the plugins', those of one tenant: half again, so that one whose plugin computes for as long as it may leaves the others theirs.
    fn share(self) -> usize {
        (self.plugins() / 2).max(1)
    }
}

/// One for the process.
pub struct Turns {
    capacity: Capacity,
    all: Semaphore,
    plugins: Semaphore,
}

/// The turns that one tenant's plugin may have at a time. Clones are the same.
#[derive(Clone)]
pub struct Share(Arc<Semaphore>);

/// Who wants a turn.
#[derive(Clone, Copy)]
pub enum Caller<'a> {
    Connector,
    Plugin(&'a Share),
}

/// Given back when it is dropped.
pub struct Turn<'a> {
    _one: SemaphorePermit<'a>,
    _of_the_plugins: Option<(SemaphorePermit<'a>, SemaphorePermit<'a>)>,
}

impl Turns {
    pub fn new(capacity: Capacity) -> Self {
        Self { capacity, all: Semaphore::new(capacity.calls as usize), plugins: Semaphore::new(capacity.plugins()) }
    }

    pub fn share(&self) -> Share {
        Share(Arc::new(Semaphore::new(self.capacity.share())))
    }

    /// A turn, at once or after a wait.
    pub async fn take<'a>(&'a self, caller: Caller<'a>) -> Result<Turn<'a>, SandboxFailure> {
        if let Some(turn) = self.at_once(caller) {
            return Ok(turn);
        }
        let turn = tokio::time::timeout(self.capacity.patience, self.in_line(caller)).await;
        turn.ok().flatten().ok_or(SandboxFailure::Busy)
    }

    fn at_once<'a>(&'a self, caller: Caller<'a>) -> Option<Turn<'a>> {
        let of_the_plugins = match caller {
            Caller::Connector => None,
            Caller::Plugin(share) => Some((share.0.try_acquire().ok()?, self.plugins.try_acquire().ok()?)),
        };
        Some(Turn { _one: self.all.try_acquire().ok()?, _of_the_plugins: of_the_plugins })
    }

    /// First among its own, then among the plugins, then among all: in each line stand only those who could go on, so that however many calls of one
    /// tenant wait, another tenant's does not wait behind them.
    ///
    /// None: nobody closes a semaphore; if somebody did, there would be no turn either.
    async fn in_line<'a>(&'a self, caller: Caller<'a>) -> Option<Turn<'a>> {
        let of_the_plugins = match caller {
            Caller::Connector => None,
            Caller::Plugin(share) => Some((share.0.acquire().await.ok()?, self.plugins.acquire().await.ok()?)),
        };
        Some(Turn { _one: self.all.acquire().await.ok()?, _of_the_plugins: of_the_plugins })
    }
}
