//! What went wrong in a sandbox, from wasmtime's errors to the flow's.
//!
//! By type, never by text. What a guest says when it panics may name a person, so none of it leaves.

use passerelle_flow::ports::SandboxFailure;
use wasmtime::{PoolConcurrencyLimitError, Trap};

use super::meter::MemoryDenied;

pub fn failure(error: &wasmtime::Error) -> SandboxFailure {
    if error.is::<MemoryDenied>() {
        return SandboxFailure::Memory;
    }
    if error.is::<PoolConcurrencyLimitError>() {
        return SandboxFailure::Busy;
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => SandboxFailure::Cpu,
        // `unreachable` is how a panic ends; the others are what unsound or endlessly recursive code runs into.
        Some(
            Trap::UnreachableCodeReached
            | Trap::StackOverflow
            | Trap::MemoryOutOfBounds
            | Trap::TableOutOfBounds
            | Trap::IndirectCallToNull
            | Trap::BadSignature
            | Trap::IntegerOverflow
            | Trap::IntegerDivisionByZero
            | Trap::BadConversionToInteger,
        ) => SandboxFailure::Panicked,
        // An answer that cannot be lifted, is too large, or anything that wasmtime adds later.
        Some(_) | None => SandboxFailure::Aborted,
    }
}
