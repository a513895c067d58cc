//! The sandbox: WebAssembly components that import nothing, run in a fresh instance per call: the connector, and tenants' plugins.
//!
//! Owns wasmtime: its configuration, the limits of a call and the conversion of the contract's types. Does not own what a component
//! decides, nor where its bytes come from. A component gets values and returns values; there is no host function to call.
//!
//! | what bounds a call | where |
//! |---|---|
//! | processor time | epoch ticks spent in the guest, [`Limits::cpu`] |
//! | wall time, waiting for a turn included in neither | [`Limits::wall`] |
//! | memory, over all linear memories and tables | [`Limits::memory`] |
//! | size of what it returns | [`Limits::output`] |
//! | instances, memories, tables | constants in `meter` |
//! | calls at a time | [`Capacity::calls`], with a bounded wait in front; half of them plugins', and of these half one tenant's |

pub mod account;
pub mod artefact;
mod bindings;
mod config;
mod connector;
mod convert;
mod fault;
mod load;
mod meter;
mod plugin;
mod runtime;
#[cfg(test)]
mod tests;
mod turns;

pub use connector::Sandbox;
pub use load::{LoadError, SIZE};
pub use meter::Limits;
pub use plugin::Plugin;
pub use runtime::{Engine, EngineError};
pub use turns::Capacity;
