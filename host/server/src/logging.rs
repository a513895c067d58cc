//! What is written while it runs: to standard error, as lines or as JSON. Holds codes, identifiers and times; values of a ticket never reach it,
//! because nothing hands them over.

use std::io::stderr;

use tracing_subscriber::EnvFilter;

use crate::config::file::{LogFormat, LogLevel, LogTable};

/// For `serve`. `RUST_LOG`, when it is set, decides over the configured level.
pub fn start(log: &LogTable) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level(log.level)));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    // A second call keeps the first subscriber, which is what tests in one process want.
    let _ = match log.format {
        LogFormat::Json => builder.json().try_init(),
        LogFormat::Text => builder.try_init(),
    };
}

/// For commands whose output is read by the person who typed them: errors only, unless more is asked for.
pub fn for_people(verbose: bool) {
    let level = if verbose { "info" } else { "error" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).compact().try_init();
}

fn level(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    }
}
