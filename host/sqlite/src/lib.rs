//! The store's operations as SQLite statements, over a connection that a host brings.
//!
//! Owns the tables and every statement on them. Does not own the file, the transaction, threads or retries (a host), nor what the
//! operations promise: that is `passerelle_flow::store`, and the conformance suite holds every store to it. Each operation expects to be
//! called within one transaction, which the host commits when it answers and rolls back when it fails.

pub mod api_keys;
pub mod attributes;
pub mod backfills;
pub mod budget;
pub mod by_hand;
mod column;
mod connection;
pub mod data_keys;
pub mod deliveries;
pub mod devices;
pub mod effects;
mod events;
mod fault;
pub mod figures;
pub mod finish;
pub mod google;
pub mod happenings;
pub mod insights;
pub mod installations;
pub mod leases;
pub mod opening;
pub mod pass_list;
pub mod passes;
pub mod plugin_requests;
pub mod pulse;
pub mod replays;
pub mod retention;
mod schema;
pub mod sent;
pub mod statement;
mod tally;
pub mod tasks;
mod value;
pub mod vibes;
pub mod webhooks;

pub use connection::{Connection, Row};
pub use fault::Fault;
pub use opening::OpenError;
pub use schema::{TABLES, VERSION, statements};
pub use value::{FromValue, Value};
