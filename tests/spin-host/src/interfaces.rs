//! What a component imports and exports, and whether this host has it.
//!
//! Read from the bytes, without compiling. The names decide; types are compared by wasmtime when the component is linked.

use wac_graph::types::{Package, Types};

#[derive(Debug)]
pub struct Interfaces {
    pub imports: Vec<String>,
    pub exports: Vec<String>,
}

/// What a component exports to be called over HTTP. Spin also calls handlers of WASI 0.2; nothing of ours is one.
const HANDLER: &str = "wasi:http/handler@0.3.0";
/// Of `wasi:*@0.2.x`, served by wasmtime's own implementation.
const WASI_P2: [&str; 7] =
    ["wasi:cli", "wasi:clocks", "wasi:filesystem", "wasi:http", "wasi:io", "wasi:random", "wasi:sockets"];
/// Of `wasi:*@0.3.0`: no `io` any more.
const WASI_P3: [&str; 6] = ["wasi:cli", "wasi:clocks", "wasi:filesystem", "wasi:http", "wasi:random", "wasi:sockets"];
pub const SQLITE: &str = "spin:sqlite/sqlite@3.1.0";
/// Outbound HTTP.
pub const HTTP_CLIENT: &str = "wasi:http/client@0.3.0";
pub const VARIABLES: &str = "spin:variables/variables@3.0.0";

impl Interfaces {
    pub fn of(bytes: &[u8]) -> anyhow::Result<Self> {
        let mut types = Types::default();
        let package = Package::from_bytes("component", None, bytes, &mut types)?;
        let world = &types[package.ty()];
        Ok(Self { imports: world.imports.keys().cloned().collect(), exports: world.exports.keys().cloned().collect() })
    }

    pub fn is_handler(&self) -> bool {
        self.exports.iter().any(|export| export == HANDLER)
    }
}

/// Whether the host meets this import at all. What a component may do with it is another question, answered when it is called.
pub fn is_met(import: &str) -> bool {
    let (path, version) = import.split_once('@').unwrap_or((import, ""));
    let package = path.split_once('/').map_or(path, |(package, _)| package);
    match import {
        SQLITE | VARIABLES => true,
        _ if version == "0.3.0" => WASI_P3.contains(&package),
        _ if version.starts_with("0.2.") => WASI_P2.contains(&package),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_final_versions_of_what_is_there_are_met() {
        for import in [
            "wasi:cli/environment@0.2.6",
            "wasi:clocks/system-clock@0.3.0",
            "wasi:http/client@0.3.0",
            VARIABLES,
            SQLITE,
        ] {
            assert!(is_met(import), "{import}");
        }
        for import in [
            "wasi:http/types@0.3.0-rc-2026-03-15",
            "wasi:io/poll@0.3.0",
            "wasi:keyvalue/store@0.2.0-draft2",
            "spin:key-value/key-value@3.0.0",
            "spin:sqlite/sqlite@3.0.0",
            "own:thing/it@0.1.0",
            "plain",
        ] {
            assert!(!is_met(import), "{import}");
        }
    }
}
