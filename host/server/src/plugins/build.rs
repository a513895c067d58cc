//! `passerelle plugin build`: from a folder of source to a component that imports nothing.
//!
//! Owns which tool builds which language, and what is made of a core module. Does not own what may be loaded (the sandbox): what was built is loaded once,
//! so that a mistake is told here and not at the installation. The tools of JavaScript and Python are installed into the folder, in the versions that it
//! pins.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use passerelle_sandbox::{Plugin as Component, artefact};
use serde_json::Value;
use wit_component::ComponentEncoder;

use crate::cli::{Language, Target};
use crate::server;

/// The target of Rust plugins: its standard library imports nothing.
const RUST_TARGET: &str = "wasm32-unknown-unknown";

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
    let mut cargo = Command::new("cargo");
    cargo.current_dir(folder);
    cargo.args(["build", "--release", "--target", RUST_TARGET, "--message-format", "json-render-diagnostics"]);
    // Two global variables would win over what the folder says.
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    let output = cargo.stderr(std::process::Stdio::inherit()).output();
    let output = output.context("cannot start cargo: Rust is installed from https://rustup.rs")?;
    if !output.status.success() {
        bail!("cargo has not built it, see above; the compiler's target is added by `rustup target add {RUST_TARGET}`");
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
    const MISSING: &str = "cannot start npm: JavaScript plugins need Node.js 20 or newer";
    if !folder.join("node_modules").is_dir() {
        eprintln!("installing the tools that package.json pins; the first time takes a minute");
        let install = if folder.join("package-lock.json").is_file() { "ci" } else { "install" };
        run(Command::new("npm").current_dir(folder).args([install, "--no-audit", "--no-fund"]), MISSING)?;
    }
    run(Command::new("npm").current_dir(folder).args(["run", "--silent", "build"]), MISSING)?;
    // The script writes what the package is called.
    let package = std::fs::read(folder.join("package.json")).context("cannot read package.json")?;
    let package: Value = serde_json::from_slice(&package).context("package.json is no JSON")?;
    let name = package.get("name").and_then(Value::as_str).context("package.json has no name")?;
    built(&folder.join(format!("{name}.wasm")))
}

fn python(folder: &Path, name: &str) -> anyhow::Result<Vec<u8>> {
    const MISSING: &str = "cannot start python3: Python plugins need Python 3.10 or newer, with venv";
    let environment = folder.join(".venv");
    let tool = environment.join("bin/componentize-py");
    if !tool.is_file() {
        eprintln!("installing the tools that requirements.txt pins; the first time takes a minute");
        run(Command::new("python3").current_dir(folder).args(["-m", "venv", ".venv"]), MISSING)?;
        let pip = std::path::absolute(environment.join("bin/python3"))?;
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"];
        run(Command::new(pip).current_dir(folder).args(install), MISSING)?;
    }
    let arguments = ["--wit-path", "wit", "--world", "plugin", "componentize", "--stub-wasi", "app", "--output", name];
    run(Command::new(std::path::absolute(tool)?).current_dir(folder).args(arguments), MISSING)?;
    built(&folder.join(name))
}

fn run(command: &mut Command, missing: &'static str) -> anyhow::Result<()> {
    let status = command.status().context(missing)?;
    if !status.success() {
        bail!("{} has failed, see above", command.get_program().to_string_lossy());
    }
    Ok(())
}

fn built(file: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("the build has made no {}", file.display()))
}
