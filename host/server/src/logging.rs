//! What is written while it runs: to standard error, as lines or as JSON. Holds codes, identifiers and times; values of a ticket never reach it,
//! because nothing hands them over.

use std::io::{IsTerminal as _, stderr};

use tracing_subscriber::EnvFilter;

use crate::config::file::{LogFormat, LogLevel, LogTable};

/// For `serve`. `RUST_LOG`, when it is set, decides over the configured level.
pub fn start(log: &LogTable) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level(log.level)));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_ansi(coloured());
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
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(coloured())
        .compact()
        .try_init();
}

/// A file or a journal is searched by people and programs, and colours are in the way. (NO_COLOR: <https://no-color.org>.)
fn coloured() -> bool {
    stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
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
