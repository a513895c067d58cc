//! Configuration on disk: `passerelle.toml`, the tenants' folders, and what they refer to.
//!
//! Owns the server's file and the set of tenants that is in force. Does not own how a tenant's folder is read (`passerelle_folder`) nor what its
//! files mean (`passerelle_flow::tenant`): both are the same on every host.

pub mod file;
pub mod secrets;
pub mod settings;
pub mod tenants;
pub mod variables;
pub mod watch;

pub use settings::{Egress, Settings};
pub use tenants::{Reload, Tenants};
pub use variables::Variables;
pub use watch::{Watch, log};
