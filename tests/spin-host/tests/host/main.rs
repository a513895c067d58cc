//! The host as a process: started with Spin's flags, asked over HTTP, judged by what comes back and by what other servers saw.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, also in its helpers"
)]

mod app;
mod check;
mod instances;
mod outbound;
mod peer;
mod process;
mod serving;
mod state;
