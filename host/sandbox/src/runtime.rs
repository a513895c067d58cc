//! The engine that all sandboxes of the process share: wasmtime's engine, its clock, and a call from its turn to its end.
//!
//! Does not own how many calls run at a time (`turns`), nor what a call may use (`meter`).

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use passerelle_flow::ports::SandboxFailure;
use tokio::runtime::{Handle, RuntimeFlavor};
use wasmtime::Store;

use super::config;
use super::fault::failure;
use super::meter::{Limits, Meter, TICK};
use super::turns::{Caller, Capacity, Share, Turns};

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("this machine cannot run compiled WebAssembly")]
    Unsupported(#[source] wasmtime::Error),
    #[error("the thread of the sandbox's clock cannot be started")]
    Clock(#[source] std::io::Error),
}

/// One per process.
#[derive(Clone)]
pub struct Engine {
    engine: wasmtime::Engine,
    turns: Arc<Turns>,
}

impl Engine {
    pub fn new(capacity: Capacity) -> Result<Self, EngineError> {
        let mut pooled = config::config();
        pooled.allocation_strategy(config::pool(capacity.calls));
        let engine = wasmtime::Engine::new(&pooled).or_else(|error| {
            // Some containers, gVisor and 39-bit processors have too little address space for a pool of 4 GiB reservations. Without it all
            // limits hold and a call takes longer.
            tracing::warn!(%error, "no pool of sandboxes on this machine: each call maps its own memory");
            wasmtime::Engine::new(&config::config())
        });
        let engine = engine.map_err(EngineError::Unsupported)?;
        start_clock(&engine)?;
        Ok(Self { engine, turns: Arc::new(Turns::new(capacity)) })
    }

    pub(super) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.engine
    }

    /// What one plugin may have of the turns.
    pub(super) fn share(&self) -> Share {
        self.turns.share()
    }

    /// One call of the connector: a turn, a fresh store, what the guest does with it, and an end to it in any case. Dropping the future ends it, too.
    pub(super) async fn call<T>(
        &self,
        limits: &Limits,
        guest: impl AsyncFnOnce(&mut Store<Meter>) -> wasmtime::Result<T>,
    ) -> Result<T, SandboxFailure> {
        self.measured(Caller::Connector, limits, guest).await.0
    }

    /// The same for anybody, and the bytes of memory that the guest had at the end.
    pub(super) async fn measured<T>(
        &self,
        caller: Caller<'_>,
        limits: &Limits,
        guest: impl AsyncFnOnce(&mut Store<Meter>) -> wasmtime::Result<T>,
    ) -> (Result<T, SandboxFailure>, usize) {
        let _turn = match self.turns.take(caller).await {
            Ok(turn) => turn,
            Err(busy) => return (Err(busy), 0),
        };
        let mut store = self.store(limits);
        let answer = match aside(tokio::time::timeout(limits.wall, guest(&mut store))).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(failure(&error)),
            Err(_) => Err(SandboxFailure::TimedOut),
        };
        let memory = limits.memory.saturating_sub(store.data().memory_left());
        (answer, memory)
    }

    /// A fresh store with its budgets.
    fn store(&self, limits: &Limits) -> Store<Meter> {
        let mut store = Store::new(&self.engine, Meter::new(limits));
        store.limiter(|meter| meter);
        store.set_hostcall_fuel(limits.output);
        store.set_max_component_handles(limits.parts.handles as usize);
        store.epoch_deadline_callback(|mut store| Ok(store.data_mut().tick()));
        store.set_epoch_deadline(1);
        store
    }
}

/// Runs a call on a thread of its own from its first tick on. Most calls end before it, and never know. What computes for longer would keep a thread of the
/// executor busy, tick after tick, and neighbours wait for that thread's turn; so the executor gets another thread, and the machine's scheduler shares
/// the processors between them. Bounded by the turns. An executor of one thread has no other to give, and goes round.
///
/// From then on nobody stops the call from outside: the thread is in here, and whoever would drop the future waits for it. So a call's own limits are what
/// ends it, and those of a tenant's plugin are shorter than what a lease has left when its work is stopped
/// ([`passerelle_flow::plugin::setup::LONGEST_CALL`]); the connector's processor time is, too.
async fn aside<F: Future>(call: F) -> F::Output {
    let mut call = pin!(call);
    if let Poll::Ready(answer) = poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await {
        return answer;
    }
    let executor = Handle::current();
    match executor.runtime_flavor() {
        RuntimeFlavor::MultiThread => tokio::task::block_in_place(|| executor.block_on(call)),
        _ => call.await,
    }
}

/// Ticks until the engine is gone. A thread of its own: the executor's timers stand still while a guest keeps the executor busy.
fn start_clock(engine: &wasmtime::Engine) -> Result<(), EngineError> {
    let engine = engine.weak();
    let tick = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(TICK);
        }
    };
    std::thread::Builder::new().name("sandbox-clock".to_owned()).spawn(tick).map(drop).map_err(EngineError::Clock)
}
