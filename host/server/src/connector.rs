//! The connector that this binary was built with; `--connector FILE` names another one.

/// A component of the world `connector`. `build.rs` says where it was found.
pub const CONNECTOR: &[u8] = include_bytes!(env!("PASSERELLE_CONNECTOR"));
