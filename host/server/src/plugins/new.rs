//! `passerelle plugin new`: a folder to begin with, from what this binary carries.
//!
//! Owns the copying and the name. What is in the folder lies under `templates/plugin`; beside it go the contract and, for Rust, the SDK, neither of
//! which is published anywhere.

#![allow(clippy::print_stdout)] // what a command is asked for goes to standard output

use std::path::Path;

use anyhow::{Context as _, bail};
use include_dir::{Dir, include_dir};

use crate::cli::Language;

static RUST: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates/plugin/rust");
static JS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates/plugin/js");
static PYTHON: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates/plugin/python");
static SDK: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../plugin/sdk");
const WIT: &str = include_str!("../../../../wit/tenant/tenant.wit");

/// What stands for the name in a template.
const NAME: &str = "{{name}}";
/// Letters of a name: it becomes a crate's, a package's and a file's.
const LONGEST: usize = 40;

pub fn make(language: Language, name: &str, into: &Path) -> anyhow::Result<bool> {
    let fits = (1..=LONGEST).contains(&name.len())
        && name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-');
    if !fits {
        bail!("a name is 1 to {LONGEST} small letters, digits and -, beginning with a letter: {name:?} is none");
    }
    // `./name` would be what everybody shortens.
    let folder = if into == Path::new(".") { Path::new(name).to_owned() } else { into.join(name) };
    if folder.exists() {
        bail!("{} is there already", folder.display());
    }
    let template = match language {
        Language::Rust => &RUST,
        Language::Js => &JS,
        Language::Python => &PYTHON,
    };
    copy(template, &folder, name)?;
    match language {
        Language::Rust => {
            let sdk = folder.join("passerelle-plugin");
            copy(&SDK, &sdk, name)?;
            write(&sdk.join("wit/tenant.wit"), WIT.as_bytes())?;
            // There the contract lies beside the SDK's sources, and not in another folder of this repository.
            let bindings = sdk.join("src/bindings.rs");
            let text = std::fs::read_to_string(&bindings).context("the SDK's bindings")?;
            write(&bindings, text.replace("../../wit/tenant", "wit").as_bytes())?;
        }
        Language::Js | Language::Python => write(&folder.join("wit/deps/tenant/tenant.wit"), WIT.as_bytes())?,
    }
    println!("{} is made. README.md in it says how to go on; the first step is", folder.display());
    println!("  passerelle plugin build {}", folder.display());
    Ok(true)
}

fn copy(from: &Dir<'_>, to: &Path, name: &str) -> anyhow::Result<()> {
    for entry in from.entries() {
        let file_name = entry.path().file_name().context("an entry has a name")?;
        let at = to.join(file_name);
        match (entry.as_dir(), entry.as_file()) {
            (Some(dir), _) => copy(dir, &at, name)?,
            (None, Some(file)) => {
                let content = match file.contents_utf8() {
                    Some(text) => text.replace(NAME, name).into_bytes(),
                    None => file.contents().to_vec(),
                };
                write(&at, &content)?;
            }
            (None, None) => {}
        }
    }
    Ok(())
}

fn write(file: &Path, content: &[u8]) -> anyhow::Result<()> {
    let folder = file.parent().context("a file has a folder")?;
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    std::fs::write(file, content).with_context(|| format!("cannot write {}", file.display()))
}
