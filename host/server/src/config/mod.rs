//! Configuration on disk: `passerelle.toml`, the tenants' folders, and what they refer to.
//!
//! Owns the reading of files and the set of tenants that is in force. Does not own what a tenant's files mean: that is pure, and the same on
//! every host (`passerelle_flow::tenant`).

pub mod file;
pub mod folder;
pub mod secrets;
pub mod settings;
pub mod tenants;
pub mod watch;

pub use settings::{Egress, Settings};
pub use tenants::{Reload, Tenants};
pub use watch::{Watch, log};
