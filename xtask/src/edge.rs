//! The edge: the Spin component, built, checked, put where `spin.toml` names it.
//!
//! Owns how `target/spin/edge.wasm` comes about and what it must be: importing what is documented and nothing else, and telling nothing of the
//! machine that built it. Does not own the connector, which the application composes with it (`component`).

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::step::{self, Steps};
use crate::{component, toolchain};

/// All that a host has to give. The documentation has the same list (`docs/spin.md`), and a test compares the two.
///
/// `wasi:*@0.2.6` is what the standard library asks for: files, time, randomness, standard error. It also names the terminal and standard input,
/// which nothing here uses. `wasi:*@0.3.0` is HTTP in and out, and the clock that time limits are waited for with.
pub const IMPORTS: [&str; 30] = [
    "passerelle:connector/installation@0.1.0",
    "passerelle:connector/payload@0.1.0",
    "passerelle:connector/scenario@0.1.0",
    "passerelle:connector/types@0.1.0",
    "passerelle:connector/webhook@0.1.0",
    "spin:sqlite/sqlite@3.1.0",
    "spin:variables/variables@3.0.0",
    "wasi:cli/environment@0.2.6",
    "wasi:cli/exit@0.2.6",
    "wasi:cli/stderr@0.2.6",
    "wasi:cli/stdin@0.2.6",
    "wasi:cli/stdout@0.2.6",
    "wasi:cli/terminal-input@0.2.6",
    "wasi:cli/terminal-output@0.2.6",
    "wasi:cli/terminal-stderr@0.2.6",
    "wasi:cli/terminal-stdin@0.2.6",
    "wasi:cli/terminal-stdout@0.2.6",
    "wasi:clocks/monotonic-clock@0.2.6",
    "wasi:clocks/monotonic-clock@0.3.0",
    "wasi:clocks/types@0.3.0",
    "wasi:clocks/wall-clock@0.2.6",
    "wasi:filesystem/preopens@0.2.6",
    "wasi:filesystem/types@0.2.6",
    "wasi:http/client@0.3.0",
    "wasi:http/types@0.3.0",
    "wasi:io/error@0.2.6",
    "wasi:io/poll@0.2.6",
    "wasi:io/streams@0.2.6",
    "wasi:random/insecure-seed@0.2.6",
    "wasi:random/random@0.2.6",
];

/// What a plugin exports, on Spin all of it: a partial one is completed.
const HOOKS: [&str; 5] =
    ["choose-template", "shape-payload", "on-pass-installed", "on-pass-uninstalled", "on-order-changed"];

/// `target/spin/edge.wasm`, as `spin.toml` names it.
pub fn build(steps: &mut Steps) -> Result<PathBuf> {
    toolchain::target(steps, toolchain::EDGE)?;
    let target_dir = step::root().join("target");
    // Both in one go: chosen alone, each has its dependencies with other features, and the flow would be compiled again for the other.
    let mut cargo = step::cargo(&["build", "--package", "passerelle-spin", "--package", "passerelle-spin-plugin"]);
    cargo.args(["--profile", "component"]);
    cargo.args(["--target", toolchain::EDGE]).arg("--target-dir").arg(&target_dir);
    cargo.env("CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS", component::flags(&[]));
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    steps.must("the edge", cargo)?;

    let built = target_dir.join(toolchain::EDGE).join("component/passerelle_spin.wasm");
    let edge = std::fs::read(&built).with_context(|| format!("cannot read {}", built.display()))?;
    check(&edge)?;
    let file = target_dir.join("spin/edge.wasm");
    let new = component::write_if_changed(&file, &edge)?;
    steps.say(format_args!(
        "target/spin/edge.wasm: {} KB, {} imports{}",
        edge.len().div_ceil(1024),
        IMPORTS.len(),
        if new { "" } else { ", unchanged" }
    ));
    plugin_host(steps, &target_dir)?;
    Ok(file)
}

/// `target/spin/plugin-host.wasm`: the component that stands in front of a tenant's plugin.
fn plugin_host(steps: &Steps, target_dir: &Path) -> Result<()> {
    let built = target_dir.join(toolchain::EDGE).join("component/passerelle_spin_plugin.wasm");
    let host = std::fs::read(&built).with_context(|| format!("cannot read {}", built.display()))?;
    for hook in HOOKS {
        let import = format!("passerelle:tenant/{hook}@0.1.0");
        ensure!(component::imports(&host)?.contains(&import), "the host of plugins does not import `{import}`");
    }
    component::write_if_changed(&target_dir.join("spin/plugin-host.wasm"), &host)?;
    steps.say(format_args!("target/spin/plugin-host.wasm: {} KB", host.len().div_ceil(1024)));
    Ok(())
}

fn check(edge: &[u8]) -> Result<()> {
    let mut imports = component::imports(edge).context("the edge is not a component")?;
    imports.sort();
    let differing: Vec<String> = imports
        .iter()
        .filter(|import| !IMPORTS.contains(&import.as_str()))
        .map(|import| format!("it imports `{import}`, which is not on the list"))
        .chain(
            IMPORTS
                .iter()
                .filter(|listed| !imports.iter().any(|import| import == *listed))
                .map(|listed| format!("it does not import `{listed}`, which is on the list")),
        )
        .collect();
    if !differing.is_empty() {
        bail!("the edge's imports are not those that are documented:\n{}", differing.join("\n"));
    }
    let home = std::env::home_dir().filter(|home| home.parent().is_some());
    for path in [Some(step::root()), home].into_iter().flatten() {
        ensure!(!names(edge, &path), "the edge names {}, a folder of this machine", path.display());
    }
    Ok(())
}

/// With a separator behind it: `/root` alone may stand in any text.
fn names(bytes: &[u8], folder: &Path) -> bool {
    let wanted = format!("{}/", folder.display()).into_bytes();
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_lists_every_import_and_no_other() {
        let text = std::fs::read_to_string(step::root().join("docs/spin.md")).unwrap();
        let listed: Vec<&str> = text
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|code| code.contains(':') && code.contains('/') && code.contains('@') && !code.contains(' '))
            .collect();
        for import in IMPORTS {
            assert!(listed.contains(&import), "docs/spin.md does not name {import}");
        }
        for code in listed {
            assert!(IMPORTS.contains(&code), "docs/spin.md names {code}, which is not imported");
        }
    }
}
