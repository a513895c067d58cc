//! Passerelle as a Spin component: the same flow as the server's, over what Spin gives a guest.
//!
//! Owns the adapter from Spin's interfaces to the flow's ports, the loading of the one tenant that a request names, and the sweep that does
//! the work for which a server has workers. Does not own any step of the flow, nor the connector, which is a component dependency.
//!
//! All that decides something is ordinary Rust and is tested natively; `adapter` holds the calls of the host and exists for wasm only.
//! Bounds: one request per instance at a time (`adapter::turn`), bodies and answers by size and time, a sweep by its budget. There is no limit
//! on processor time: Spin has none to give.

pub mod clock;
pub mod path;
pub mod private_key;
pub mod secrets;
pub mod settings;
pub mod signer;
pub mod store;
pub mod sweep;
pub mod sweep_token;
pub mod tenants;

#[cfg(target_family = "wasm")]
mod adapter;
