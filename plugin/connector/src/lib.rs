//! What the product decides, as pure functions: is this a notification, what happened to the file, what do the wallets show, what did the
//! phones do. Compiled twice: as the sandboxed component (feature `component`) and as an ordinary library, so that the same code is
//! tested, compared with its sandboxed self, and used by offline commands.
//!
//! Owns no I/O, no clock and no randomness; the component built from it imports nothing. Bounded by `wit/connector`: what is not in the
//! contract does not cross.

#[cfg(any(feature = "component", test))]
mod arena;
pub mod bindings;
#[cfg(all(feature = "component", target_family = "wasm"))]
mod component;

pub(crate) mod canonical;
pub mod installation;
pub(crate) mod lenient;
pub(crate) mod order;
pub mod payload;
pub(crate) mod scan;
pub mod scenario;
pub mod template;
pub mod webhook;

/// The contract's types, as this crate's functions take and return them.
pub use bindings::exports::passerelle::connector as contract;
