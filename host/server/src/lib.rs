//! The `passerelle` binary: the flow on tokio, wasmtime, SQLite and sockets.

pub mod backfill;
pub mod check;
pub mod cli;
pub mod commands;
pub mod config;
pub mod connector;
pub mod demo;
pub mod egress;
pub mod example;
pub mod file_keys;
pub mod host;
pub mod insights;
pub mod keys;
pub mod listen;
pub mod logging;
pub mod pkcs12;
mod private_key;
pub mod receiver;
pub mod record;
pub mod reissue;
pub mod report_file;
pub mod runs;
pub mod server;
pub mod signer;
pub mod store;
pub mod webhooks;
pub mod workers;
