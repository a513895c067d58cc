//! The connector as a component: built for a target without an operating system, encoded, checked, put where the server embeds it.
//!
//! Owns how `target/component/connector.wasm` comes about and what it must be: importing nothing, and small.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use wasmparser::{Encoding, Parser, Payload};
use wit_component::ComponentEncoder;

use crate::module;
use crate::step::{self, Steps};
use crate::toolchain;

/// The ceiling of the issue. A component that grows past it has drawn in something that it should not need.
const CEILING: usize = 600_000;

/// `-zstack-size=65536`: the linker's 1 MiB of stack lies below the data, and a fresh instance pays for the distance between the pages
/// that it touches. The parsers limit their depth and stay within 64 KiB; an overflow runs below address zero and traps.
///
/// `--initial-memory`: what a call of some tickets needs, there from the start: growing is a system call each time, and one more to take it
/// back. Pages that are not touched cost nothing.
///
/// `simd128` is all that the compiler's defaults for this target lack of what every engine with components has.
///
/// `inline-threshold`: a third of the compiler's default makes 13 % less code that is as fast: what fits no register is spilled either way.
const FLAGS: [&str; 4] = [
    "-Clink-arg=-zstack-size=65536",
    "-Clink-arg=--initial-memory=1048576",
    "-Ctarget-feature=+simd128",
    "-Cllvm-args=-inline-threshold=80",
];

/// Builds, encodes and checks. The file is only rewritten when its bytes differ, so that the server is not built again for nothing.
pub fn build(steps: &mut Steps) -> Result<PathBuf> {
    toolchain::target(steps, toolchain::COMPONENT)?;
    let target_dir = step::root().join("target");

    let mut cargo = step::cargo(&[
        "build",
        "--package",
        "passerelle-connector",
        "--features",
        "component",
        "--profile",
        "component",
    ]);
    cargo.args(["--target", toolchain::COMPONENT]).arg("--target-dir").arg(&target_dir);
    // Flags of this one target: the fingerprint of native builds stays as it is. The two global variables would win over it.
    cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", flags(&FLAGS));
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    steps.must("the connector", cargo)?;

    let module = target_dir.join(toolchain::COMPONENT).join("component/passerelle_connector.wasm");
    let module = std::fs::read(&module).with_context(|| format!("cannot read {}", module.display()))?;
    let module = module::keep_copies_inside(&module)?;
    let component = encode(&module).context("the connector")?;
    ensure!(
        component.len() <= CEILING,
        "the connector has {} KB, {} more than its ceiling",
        component.len().div_ceil(1024),
        (component.len() - CEILING).div_ceil(1024)
    );

    let file = target_dir.join("component/connector.wasm");
    let new = write_if_changed(&file, &component)?;
    let shown = file.strip_prefix(step::root()).unwrap_or(&file).display().to_string();
    steps.say(format_args!(
        "{shown}: {} KB, no imports{}",
        component.len().div_ceil(1024),
        if new { "" } else { ", unchanged" }
    ));
    Ok(file)
}

/// Flags, and what keeps this machine out of the bytes: panic messages name source files. The same source then gives the same bytes in every
/// folder and for every user.
pub fn flags(own: &[&str]) -> String {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let home = home.map(|home| format!("--remap-path-prefix={}=cargo", home.display()));
    let root = format!("--remap-path-prefix={}=passerelle", step::root().display());
    own.iter().map(|flag| (*flag).to_owned()).chain(home).chain([root]).collect::<Vec<_>>().join(" ")
}

/// Makes a component of a core module, by the world that its bindings have written into it. It is valid and imports nothing.
pub fn encode(module: &[u8]) -> Result<Vec<u8>> {
    let component = ComponentEncoder::default()
        .module(module)
        .and_then(|encoder| encoder.validate(true).encode())
        .context("it is no component of its world")?;
    if let Some(import) = imports(&component)?.first() {
        bail!("it imports `{import}`; it must import nothing");
    }
    Ok(component)
}

/// The names of what a component imports: what a host has to give.
pub fn imports(component: &[u8]) -> Result<Vec<String>> {
    let mut imports = Vec::new();
    outermost(component, |payload| {
        if let Payload::ComponentImportSection(section) = payload {
            for import in section {
                imports.push(import?.name.name.to_owned());
            }
        }
        Ok(())
    })?;
    Ok(imports)
}

/// The names of what a component exports.
pub fn exports(component: &[u8]) -> Result<Vec<String>> {
    let mut exports = Vec::new();
    outermost(component, |payload| {
        if let Payload::ComponentExportSection(section) = payload {
            for export in section {
                exports.push(export?.name.name.to_owned());
            }
        }
        Ok(())
    })?;
    Ok(exports)
}

/// Shows the sections of the outermost level. Modules and components inside import from each other, which is nobody else's concern.
fn outermost<'c>(component: &'c [u8], mut look: impl FnMut(Payload<'c>) -> Result<()>) -> Result<()> {
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => bail!("it is a core module"),
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            payload if depth == 0 => look(payload)?,
            _ => {}
        }
    }
    Ok(())
}

pub fn write_if_changed(file: &Path, bytes: &[u8]) -> Result<bool> {
    if std::fs::read(file).is_ok_and(|old| old == bytes) {
        return Ok(false);
    }
    let folder = file.parent().context("a file has a folder")?;
    std::fs::create_dir_all(folder)?;
    // Renamed into place: a build that reads it at this moment sees the old file or the new one.
    let temporary = file.with_extension("wasm.new");
    std::fs::write(&temporary, bytes)?;
    std::fs::rename(&temporary, file)?;
    Ok(true)
}
