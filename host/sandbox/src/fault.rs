//! What went wrong in a sandbox, from wasmtime's errors to the flow's.
//!
//! By type, never by text. What a guest says when it panics may name a person, so none of it leaves.

use passerelle_flow::ports::SandboxFailure;
use wasmtime::{PoolConcurrencyLimitError, Trap};

use super::meter::{MemoryDenied, PartsDenied};

pub fn failure(error: &wasmtime::Error) -> SandboxFailure {
    if error.is::<MemoryDenied>() || error.is::<PartsDenied>() {
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
        // An answer that cannot be lifted, or is too large: wasmtime has no type for the one or the other. Or anything that it adds later.
        Some(_) | None => SandboxFailure::Aborted,
    }
}

/// Of an instantiation that failed. Where it is neither a trap of the guest's (its start function runs here) nor one of ours, the component has more
/// instances, memories or tables than the call may have: wasmtime counts them against [`super::meter::Meter`], and says so without a type.
pub fn of_instantiation(error: wasmtime::Error) -> wasmtime::Error {
    let told = error.is::<Trap>() || error.is::<MemoryDenied>() || error.is::<PoolConcurrencyLimitError>();
    if told { error } else { PartsDenied.into() }
}
