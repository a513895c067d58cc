//! The `passerelle` binary: the flow on tokio, wasmtime, SQLite and sockets.

pub mod engine;
