//! The way of a notification, written once over ports.
//!
//! Owns the steps, the ports, the HTTP surface (`Request<Bytes> -> Response<Bytes>`) and the protocols of the providers (SecuTix, Apple,
//! Google, Vibes, webhooks). Does no I/O of its own: it builds for `wasm32-wasip2` and knows neither wasmtime, nor axum, nor spin-sdk, nor a SQL driver.

pub mod access;
pub mod address;
mod alarm;
pub mod apple;
pub mod attribute;
pub mod google;
pub mod identity;
pub mod maybe_send;
pub mod plugin;
pub mod ports;
pub mod proof;
pub mod refusal;
pub mod retry_after;
pub mod sealing;
pub mod secutix;
pub mod store;
pub mod tally;
pub mod tenant;
pub mod token_cache;
pub mod turn;
pub mod vibes;

pub mod backfill;
pub mod explain;
pub mod flow;
pub mod happening;
pub mod hooks;
pub mod http;
pub mod insights;
pub mod installation;
pub mod notice;
pub mod notification;
pub mod options;
pub mod parts;
pub mod rebuild;
pub mod run;
#[cfg(test)]
mod scripted;
pub mod select;
pub mod webhook;
pub mod words;
