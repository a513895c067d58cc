//! The plugins that are written in Rust, as components: the example, and the one that has every default.
//!
//! Owns how `target/plugin/crm-rust.wasm` and `target/plugin/noop.wasm` come about and what they must be: exporting the whole world `tenant` and
//! importing nothing. Does not own plugins in other languages, whose toolchains are others.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::step::{self, Steps};
use crate::{component, toolchain};

/// Package, and the name of the component.
const PLUGINS: [(&str, &str); 2] = [("crm-rust", "crm-rust"), ("passerelle-noop", "noop")];

/// The world `tenant` of `wit/tenant`.
const EXPORTS: [&str; 6] = [
    "passerelle:tenant/types@0.1.0",
    "passerelle:tenant/choose-template@0.1.0",
    "passerelle:tenant/shape-payload@0.1.0",
    "passerelle:tenant/on-pass-installed@0.1.0",
    "passerelle:tenant/on-pass-uninstalled@0.1.0",
    "passerelle:tenant/on-order-changed@0.1.0",
];

/// As for the connector, less stack than the linker's 1 MiB, which lies below the data and keeps the pages that a call touches apart.
const FLAGS: [&str; 1] = ["-Clink-arg=-zstack-size=131072"];

/// A plugin decides little and is called seldom: small counts more than fast, and 40 % of the code goes. Not a profile of its own, which would have
/// its own folder, and macros compiled for it once more.
const SMALL: &str = "profile.component.opt-level=\"z\"";

/// Builds, encodes and checks; the paths of the components.
pub fn build(steps: &mut Steps) -> Result<Vec<PathBuf>> {
    toolchain::target(steps, toolchain::COMPONENT)?;
    let target_dir = step::root().join("target");
    let mut cargo =
        step::cargo(&["build", "--profile", "component", "--target", toolchain::COMPONENT, "--config", SMALL]);
    cargo.arg("--target-dir").arg(&target_dir);
    for (package, _) in PLUGINS {
        cargo.args(["--package", package]);
    }
    cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", component::flags(&FLAGS));
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    steps.must("the plugins in Rust", cargo)?;
    PLUGINS.into_iter().map(|(package, name)| finish(steps, &target_dir, package, name)).collect()
}

fn finish(steps: &Steps, target_dir: &Path, package: &str, name: &str) -> Result<PathBuf> {
    let built = format!("component/{}.wasm", package.replace('-', "_"));
    let module = target_dir.join(toolchain::COMPONENT).join(built);
    let module = std::fs::read(&module).with_context(|| format!("cannot read {}", module.display()))?;
    let component = component::encode(&module).with_context(|| format!("the plugin {name}"))?;
    let exports = component::exports(&component)?;
    for export in EXPORTS {
        ensure!(exports.iter().any(|there| there == export), "the plugin {name} does not export `{export}`");
    }
    let file = target_dir.join("plugin").join(name).with_extension("wasm");
    let new = component::write_if_changed(&file, &component)?;
    steps.say(format_args!(
        "target/plugin/{name}.wasm: {} KB, no imports{}",
        component.len().div_ceil(1024),
        if new { "" } else { ", unchanged" }
    ));
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(path: &str) -> toml::Table {
        toml::from_str(&std::fs::read_to_string(step::root().join(path)).unwrap()).unwrap()
    }

    #[test]
    fn the_sdk_can_be_copied_out_of_the_workspace_and_says_the_same_as_it() {
        let (workspace, sdk) = (manifest("Cargo.toml"), manifest("plugin/sdk/Cargo.toml"));
        let workspace = &workspace["workspace"];
        assert!(!sdk.iter().any(|(_, value)| value.to_string().contains("workspace")), "nothing to inherit from there");
        for key in ["version", "edition", "license"] {
            assert_eq!(sdk["package"][key], workspace["package"][key], "{key}");
        }
        assert_eq!(sdk["dependencies"]["wit-bindgen"], workspace["dependencies"]["wit-bindgen"]);
        for tool in ["rust", "clippy"] {
            let own = sdk["lints"][tool].as_table().unwrap();
            for (lint, level) in workspace["lints"][tool].as_table().unwrap() {
                assert_eq!(own.get(lint), Some(level), "{lint}");
            }
        }
        let bindings = std::fs::read_to_string(step::root().join("plugin/sdk/src/bindings.rs")).unwrap();
        assert_eq!(bindings.matches("\"../../wit/tenant\"").count(), 1, "the one place that a copy changes");
    }

    #[test]
    fn the_exports_are_those_of_the_world() {
        let contract = std::fs::read_to_string(step::root().join("wit/tenant/tenant.wit")).unwrap();
        let (_, world) = contract.split_once("world tenant {").unwrap();
        let listed = world.lines().filter_map(|line| line.trim().strip_prefix("export ")?.strip_suffix(';'));
        assert!(listed.map(|name| format!("passerelle:tenant/{name}@0.1.0")).eq(EXPORTS));
    }
}
