//! The calls of the host, and nothing else: what exists only inside a Spin component.
//!
//! Owns the exported handler and one file per interface of Spin's. Everything here is thin, because it cannot be tested natively: the calls have
//! no body outside of a host. The suite that runs the built component is its test.

mod component;
mod connector;
mod database;
mod edge;
mod log;
mod message;
mod outbound;
mod plugins;
mod turn;
mod variables;
mod work;
