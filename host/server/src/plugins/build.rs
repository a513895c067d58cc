//! `passerelle plugin build`: from a folder of source to a component that imports nothing.
//!
//! Owns which tool builds which language, and what is made of a core module. Does not own what may be loaded (the sandbox): what was built is loaded once,
//! so that a mistake is told here and not at the installation. The tools of JavaScript and Python are installed into the folder, in the versions that it
//! pins.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use passerelle_sandbox::{Plugin as Component, artefact};
use serde_json::Value;
use wit_component::ComponentEncoder;

use crate::cli::{Language, Target};
use crate::server;

/// The target of Rust plugins: its standard library imports nothing.
const RUST_TARGET: &str = "wasm32-unknown-unknown";
/// The oldest Node.js that runs the compiler of the template: `engines` of oxc-parser 0.76 and commander 14, which it is made of.
const NODE: u32 = 20;

const NO_RUST: &str = "cannot start Rust's tools. A plugin in Rust needs Rust 1.85 or newer: https://rustup.rs";
const NO_NODE: &str =
    "cannot start Node.js or its npm. A plugin in JavaScript needs Node.js 20 or newer: https://nodejs.org";
const NO_PYTHON: &str =
    "cannot start python3. A plugin in Python needs Python 3.10 or newer, with venv: https://www.python.org";
const NOT_INSTALLED: &str =
    "the tools are not installed; why stands above. They come from the network, the first time only";

pub fn build(folder: &Path, out: Option<&Path>, target: Target) -> anyhow::Result<bool> {
    let language = language_of(folder)?;
    let name = name_of(folder)?;
    let component = match language {
        Language::Rust => rust(folder)?,
        Language::Js => js(folder)?,
        Language::Python => python(folder, &name)?,
    };
    let loaded = Component::load(&server::engine(None)?, &component).context("what was built is no plugin")?;
    let component = match target {
        Target::Server => component,
        Target::Spin => super::complete::complete(&component)?,
    };
    let out = out.map_or_else(|| folder.join(name), Path::to_owned);
    std::fs::write(&out, &component).with_context(|| format!("cannot write {}", out.display()))?;
    let hooks: Vec<_> = loaded.hooks().into_iter().map(|hook| hook.name()).collect();
    eprintln!("{}: {} KB, imports nothing, {}", out.display(), component.len().div_ceil(1024), hooks.join(", "));
    if target == Target::Spin {
        eprintln!(
            "It is completed with the default of every other hook. In tenant.toml, [plugin] says which build it is:"
        );
        eprintln!("  version = \"{}\"", hex::encode(artefact::digest(&component)));
    }
    Ok(true)
}

fn language_of(folder: &Path) -> anyhow::Result<Language> {
    let marks =
        [("Cargo.toml", Language::Rust), ("package.json", Language::Js), ("requirements.txt", Language::Python)];
    let found = marks.iter().find(|(mark, _)| folder.join(mark).is_file()).map(|(_, language)| *language);
    found.with_context(|| {
        format!(
            "{} is no plugin's folder: it has neither Cargo.toml nor package.json nor requirements.txt",
            folder.display()
        )
    })
}

/// What the component is called, unless somebody says otherwise: as its folder, which `plugin new` has named.
fn name_of(folder: &Path) -> anyhow::Result<String> {
    let folder = folder.canonicalize().with_context(|| format!("there is no folder {}", folder.display()))?;
    let name = folder.file_name().map_or_else(|| "plugin".to_owned(), |name| name.to_string_lossy().into_owned());
    Ok(format!("{name}.wasm"))
}

fn rust(folder: &Path) -> anyhow::Result<Vec<u8>> {
    rust_target(folder)?;
    let mut cargo = Command::new("cargo");
    cargo.current_dir(folder);
    cargo.args(["build", "--release", "--target", RUST_TARGET, "--message-format", "json-render-diagnostics"]);
    // Two global variables would win over what the folder says.
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    let output = cargo.stderr(Stdio::inherit()).output().context(NO_RUST)?;
    if !output.status.success() {
        bail!("cargo has not built it; what it says stands above. A plugin needs Rust 1.85 or newer (`rustup update`)");
    }
    let module = modules(&output.stdout).pop().with_context(|| {
        format!("{} makes no WebAssembly: `crate-type = [\"cdylib\"]` belongs to [lib] in Cargo.toml", folder.display())
    })?;
    let module = std::fs::read(&module).with_context(|| format!("cannot read {}", module.display()))?;
    ComponentEncoder::default()
        .module(&module)
        .and_then(|encoder| encoder.validate(true).encode())
        .context("it is no component of the contract: passerelle_plugin::export! belongs into its lib.rs")
}

/// The target's standard library is there. Asked first, since cargo says of its absence that it cannot find crate `core`. In the folder, whose
/// `rust-toolchain.toml` may name another compiler.
fn rust_target(folder: &Path) -> anyhow::Result<()> {
    let mut rustc = Command::new("rustc");
    rustc.current_dir(folder).args(["--print", "target-libdir", "--target", RUST_TARGET]);
    let output = rustc.stderr(Stdio::inherit()).output().context(NO_RUST)?;
    let library = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    if output.status.success() && !library.is_dir() {
        bail!(
            "Rust is here, but not its library for WebAssembly. Add it with `rustup target add {RUST_TARGET}`, in {}",
            folder.display()
        );
    }
    Ok(())
}

/// The WebAssembly that cargo says it has made: that of the package itself comes last.
fn modules(messages: &[u8]) -> Vec<PathBuf> {
    let messages = messages.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let artefacts =
        messages.filter(|message| message.get("reason").and_then(Value::as_str) == Some("compiler-artifact"));
    let files = artefacts.filter_map(|message| message.get("filenames").and_then(Value::as_array).cloned()).flatten();
    let files = files.filter_map(|file| file.as_str().map(PathBuf::from));
    files.filter(|file| file.extension().is_some_and(|extension| extension == "wasm")).collect()
}

fn js(folder: &Path) -> anyhow::Result<Vec<u8>> {
    node()?;
    // What an interrupted installation leaves behind is a folder without it.
    if !folder.join("node_modules/.bin/componentize-js").exists() {
        eprintln!("installing the tools that package.json pins into node_modules; the first time takes a minute");
        let install = if folder.join("package-lock.json").is_file() { "ci" } else { "install" };
        // None of them needs a script of its own, so none of them runs one here.
        let arguments = [install, "--no-audit", "--no-fund", "--ignore-scripts"];
        run(Command::new("npm").current_dir(folder).args(arguments), NO_NODE, NOT_INSTALLED)?;
    }
    let failed = "the compiler has not built it; what it says stands above";
    run(Command::new("npm").current_dir(folder).args(["run", "--silent", "build"]), NO_NODE, failed)?;
    // The script writes what the package is called.
    let package = std::fs::read(folder.join("package.json")).context("cannot read package.json")?;
    let package: Value = serde_json::from_slice(&package).context("package.json is no JSON")?;
    let name = package.get("name").and_then(Value::as_str).context("package.json has no name")?;
    built(&folder.join(format!("{name}.wasm")))
}

/// Node.js is new enough for the compiler, which says of an older one only that it cannot read its own source.
fn node() -> anyhow::Result<()> {
    let output = Command::new("node").arg("--version").output().context(NO_NODE)?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match major(&version) {
        Some(found) if found < NODE => bail!("this is Node.js {version}, and JavaScript plugins need {NODE} or newer"),
        _ => Ok(()),
    }
}

/// Of `v20.20.2`. None: it is written in another way, and the compiler will say what it thinks of it.
fn major(version: &str) -> Option<u32> {
    version.trim_start_matches('v').split('.').next()?.parse().ok()
}

fn python(folder: &Path, name: &str) -> anyhow::Result<Vec<u8>> {
    let environment = folder.join(".venv");
    let tool = environment.join("bin/componentize-py");
    if !tool.is_file() {
        eprintln!("installing the tools that requirements.txt pins into .venv; the first time takes a minute");
        let failed = "there is no environment for the tools, see above: Python has venv, on Debian and Ubuntu in the package python3-venv";
        run(Command::new("python3").current_dir(folder).args(["-m", "venv", ".venv"]), NO_PYTHON, failed)?;
        let pip = std::path::absolute(environment.join("bin/python3"))?;
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"];
        run(Command::new(pip).current_dir(folder).args(install), NO_PYTHON, NOT_INSTALLED)?;
    }
    let arguments = ["--wit-path", "wit", "--world", "plugin", "componentize", "--stub-wasi", "app", "--output", name];
    let failed = "the compiler has not built it; what it says stands above";
    run(Command::new(std::path::absolute(tool)?).current_dir(folder).args(arguments), NO_PYTHON, failed)?;
    built(&folder.join(name))
}

/// `missing`: the program is not there. `failed`: it has said no, and has told why on this terminal.
fn run(command: &mut Command, missing: &'static str, failed: &'static str) -> anyhow::Result<()> {
    let status = command.status().context(missing)?;
    if !status.success() {
        bail!(failed);
    }
    Ok(())
}

fn built(file: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("the build has made no {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_no_language_is_told_what_a_plugin_s_folder_has() {
        let folder = tempfile::tempdir().unwrap();
        let told = language_of(folder.path()).unwrap_err().to_string();
        assert!(told.contains("neither Cargo.toml nor package.json nor requirements.txt"), "{told}");
    }

    #[test]
    fn a_program_that_is_not_there_is_told_with_what_to_install() {
        let told = run(&mut Command::new("/nowhere/npm"), NO_NODE, NOT_INSTALLED).unwrap_err().to_string();
        assert_eq!(told, NO_NODE);
        let told = run(&mut Command::new("false"), NO_NODE, NOT_INSTALLED).unwrap_err().to_string();
        assert_eq!(told, NOT_INSTALLED);
    }

    #[test]
    fn the_major_version_of_node_is_read_and_any_other_text_is_none() {
        assert_eq!(major("v20.20.2"), Some(20));
        assert_eq!(major("v8"), Some(8));
        assert_eq!(major("nightly"), None);
    }
}
