//! The way of a notification, written once over ports.
//!
//! Owns the steps, the ports, the HTTP surface (`Request<Bytes> -> Response<Bytes>`) and the protocols of the providers (SecuTix, Apple,
//! Google). Does no I/O of its own: it builds for `wasm32-wasip2` and knows neither wasmtime, nor axum, nor spin-sdk, nor a SQL driver.

pub mod identity;
pub mod maybe_send;
pub mod ports;
pub mod store;
pub mod tenant;
