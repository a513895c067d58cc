//! What one call may use, and what it has used.
//!
//! Owns the numbers and the store's data. Bounded itself: a few words per call.

use std::time::Duration;

use passerelle_flow::plugin::setup::{Parts, PluginLimits};
use wasmtime::{ResourceLimiter, Result, UpdateDeadline};

/// Length of a tick of the epoch clock. A budget is exact to two of them.
pub const TICK: Duration = Duration::from_millis(5);

/// No single memory is larger, whatever the limits of a call say.
pub const MEMORY_CEILING: usize = 256 * 1024 * 1024;
/// What the connector has from its start, where the pages that a call wrote are known.
pub const KEEP_RESIDENT: usize = 1024 * 1024;
/// Where they are not. Measured with `cargo xtask bench sandbox`: 1 MiB costs more in clearing than it saves in page faults, 0 is a fault
/// per page.
pub const KEEP_RESIDENT_BLINDLY: usize = 256 * 1024;

/// The limits of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time spent in the guest, rounded up to ticks.
    pub cpu: Duration,
    /// From instantiation to the last byte of the answer. The future yields at every tick, so this is seen to in time.
    pub wall: Duration,
    /// Bytes over all linear memories and tables.
    pub memory: usize,
    /// Bytes that are lifted out of the guest in one call.
    pub output: usize,
    /// What the component may be made of.
    pub parts: Parts,
}

impl Limits {
    /// For the connector. The largest file that is meant to work has 10,000 movements, some 8 MB of JSON: the figures are several times
    /// what it takes.
    pub const CONNECTOR: Self = Self {
        cpu: Duration::from_secs(2),
        wall: Duration::from_secs(10),
        memory: 192 << 20,
        output: 64 << 20,
        parts: Parts::MOST,
    };

    /// A tenant's.
    pub fn of(limits: &PluginLimits) -> Self {
        let PluginLimits { cpu, wall, memory, output, parts, .. } = *limits;
        Self { cpu, wall, memory, output, parts }
    }

    fn ticks(&self) -> u64 {
        // The first tick comes at any moment within the current period, so one more than the division says.
        u64::try_from(self.cpu.as_nanos() / TICK.as_nanos().max(1)).unwrap_or(u64::MAX).saturating_add(1)
    }
}

/// Asked for more memory than [`Limits::memory`]. Ends the call at once: a guest that is told "no" aborts with a panic that says less.
#[derive(Debug, thiserror::Error)]
#[error("more memory than the call may have")]
pub struct MemoryDenied;

/// The component has more of something ([`Parts`]) than the call may have, or asked for it.
#[derive(Debug, thiserror::Error)]
#[error("more instances, memories, tables or elements than the call may have")]
pub struct PartsDenied;

/// The data of a store: budgets, counted down.
pub struct Meter {
    ticks: u64,
    memory: usize,
    parts: Parts,
}

impl Meter {
    pub fn new(limits: &Limits) -> Self {
        Self { ticks: limits.ticks(), memory: limits.memory, parts: limits.parts }
    }

    /// Bytes that the guest may still ask for.
    pub fn memory_left(&self) -> usize {
        self.memory
    }

    /// Called at a tick that finds the guest running, so that time in the host, or waiting for a processor between two polls, is free.
    pub fn tick(&mut self) -> UpdateDeadline {
        self.ticks = self.ticks.saturating_sub(1);
        if self.ticks == 0 {
            return UpdateDeadline::Interrupt;
        }
        // Yielding lets the executor poll others, and the wall clock's timer. In the executor's own way: it looks at its sockets before it comes back
        // here. wasmtime's plain yield is back in the queue at once, and an executor all of whose threads have such guests looks at its sockets after
        // 61 turns of 5 ms each: `cargo xtask sandbox-report` has seen neighbours wait for as long as the guests computed.
        UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now()))
    }

    fn take(&mut self, current: usize, desired: usize, unit: usize) -> Result<()> {
        let more = desired.saturating_sub(current).saturating_mul(unit);
        self.memory = self.memory.checked_sub(more).ok_or(MemoryDenied)?;
        Ok(())
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        // Beyond the module's own maximum the instruction fails by itself; that is the guest's affair and costs nothing.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        self.take(current, desired, 1)?;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> Result<()> {
        Err(error)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        // As above; but a table in a pool has the pool's room for its maximum where it has none of its own, and that is the host's affair.
        if maximum.is_some_and(|maximum| desired > maximum && maximum < Parts::MOST.table_elements as usize) {
            return Ok(false);
        }
        if desired > self.parts.table_elements as usize {
            return Err(PartsDenied.into());
        }
        // An element is a pointer of the host.
        self.take(current, desired, size_of::<usize>())?;
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.parts.instances as usize
    }

    fn tables(&self) -> usize {
        self.parts.tables as usize
    }

    fn memories(&self) -> usize {
        self.parts.memories as usize
    }
}
