//! Log lines, to standard error, where Spin takes a component's from.
//!
//! Owns the subscriber. What is written is the flow's: codes and identifiers, no value of a ticket.

use tracing::Level;

/// `environment = { PASSERELLE_LOG = "debug" }` of the component in spin.toml. Default: info, one line per run and per refused request.
const LEVEL: &str = "PASSERELLE_LOG";

/// Called once per instance; a second call changes nothing.
pub fn start() {
    let level = std::env::var(LEVEL).ok().and_then(|level| level.parse().ok()).unwrap_or(Level::INFO);
    let _ = tracing_subscriber::fmt().with_max_level(level).with_ansi(false).with_writer(std::io::stderr).try_init();
}
