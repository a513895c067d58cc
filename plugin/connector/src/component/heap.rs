//! The component's memory as the allocator's source: what the module has from its start, and what the host adds.
//!
//! Owns the step in which memory is asked for.

// The linker's symbol marks where data and stack end.
#![allow(unsafe_code)]

use core::arch::wasm32::{memory_grow, memory_size};

use crate::arena::{Arena, Source};

/// A page of WebAssembly.
const PAGE: usize = 65_536;

/// Pages asked for at a time. Each time is a system call of the host, and a file of ten thousand movements takes some 100 MB.
const STEP: usize = 16;

#[global_allocator]
static HEAP: Arena<Heap> = Arena::new(Heap);

struct Heap;

unsafe extern "C" {
    static __heap_base: u8;
}

impl Source for Heap {
    fn room(&self) -> (usize, usize) {
        // Only its address means anything.
        let start = (&raw const __heap_base).expose_provenance();
        (start, memory_size::<0>().saturating_mul(PAGE))
    }

    fn grow(&self, end: usize) -> Option<usize> {
        let has = memory_size::<0>();
        let lacking = end.div_ceil(PAGE).checked_sub(has)?;
        // Rather a little than nothing, near the limit.
        [lacking.max(STEP), lacking].into_iter().find_map(|pages| {
            (memory_grow::<0>(pages) != usize::MAX).then(|| has.saturating_add(pages).saturating_mul(PAGE))
        })
    }
}
