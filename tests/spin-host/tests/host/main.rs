//! The host as a process: started with Spin's flags, asked over HTTP, judged by what comes back and by what other servers saw.

mod app;
mod check;
mod instances;
mod outbound;
mod peer;
mod process;
mod serving;
mod state;
