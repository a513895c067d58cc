//! wasmtime's switches, each with its reason. No other file names `Config`.

use passerelle_flow::plugin::setup::Parts;
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::meter;

/// The switches that do not depend on the machine.
pub fn config() -> Config {
    let mut config = Config::new();

    // A guest that computes for ever is stopped by ticks. About 10 % slower code; fuel, the alternative, is two to three times.
    config.epoch_interruption(true);
    // No component-model async: the features are not compiled in, and a store without them is cheaper to make.
    config.concurrency_support(false);
    // Compiling uses all cores; components are compiled at start or at upload, never for a request.
    config.parallel_compilation(true);
    // The connector's answer is compared byte for byte with its native self and with Spin's: leave no room to the processor.
    config.cranelift_nan_canonicalization(true);
    config.relaxed_simd_deterministic(true);
    // 64-bit memories cannot elide bounds checks; several memories in one module are what no compiler in use emits. Fewer features,
    // fewer advisories.
    config.wasm_memory64(false);
    config.wasm_multi_memory(false);
    // The guest's stack. Host frames live on the same fiber above it: keep wasmtime's gap to the 2 MiB of the fiber.
    config.max_wasm_stack(512 * 1024);
    config
}

/// Slots for `calls` calls at a time, each of which may be of a component that has as much of everything as a component may have: whatever a plugin is
/// made of, it takes no slot of anybody else's call. A component of ours has one core instance, one memory and one table; those made from Python have
/// some forty instances.
pub fn pool(calls: u32) -> InstanceAllocationStrategy {
    let most = Parts::MOST;
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(calls);
    pool.total_stacks(calls);
    pool.total_core_instances(calls.saturating_mul(most.instances));
    pool.total_memories(calls.saturating_mul(most.memories));
    pool.total_tables(calls.saturating_mul(most.tables));
    pool.max_core_instances_per_component(most.instances);
    pool.max_memories_per_component(most.memories);
    pool.max_tables_per_component(most.tables);
    // What Spin allows: JavaScript engines need it.
    pool.table_elements(most.table_elements as usize);
    // A hard stop behind `Limits::memory`.
    pool.max_memory_size(meter::MEMORY_CEILING);
    // Slots that are kept warm for the component that used them last.
    pool.max_unused_warm_slots(calls);
    // Pages that stay mapped when a slot is given back: the next instance writes them without a page fault. Linux from 6.7 on tells which
    // ones were written, so that only those are cleared; elsewhere all that is kept must be, and a little is best.
    let scan = PoolingAllocationConfig::is_pagemap_scan_available();
    pool.pagemap_scan(if scan { Enabled::Yes } else { Enabled::No });
    pool.linear_memory_keep_resident(if scan { meter::KEEP_RESIDENT } else { meter::KEEP_RESIDENT_BLINDLY });
    pool.table_keep_resident(64 * 1024);
    InstanceAllocationStrategy::Pooling(pool)
}
