//! The two contracts, held against what was released and against every artefact that claims to keep them (`artefacts`).
//!
//! Owns the frozen texts (`tests/golden/wit`, one per contract and released version) and two questions: is a contract still the one that was released
//! under its version, and does what was built against a released one still run? Does not own the loading (`host/sandbox`).
//!
//! `UPDATE_GOLDEN=1` writes the text of a version that has none yet, and no other: what strangers have compiled against is not made new by a test run.
//! Whoever means to change it deletes the file first, which the change then shows.

mod artefacts;

use std::path::{Path, PathBuf};

use anyhow::Result;
use wit_component::{
    ComponentEncoder, StringEncoding, WitPrinter, dummy_module, embed_component_metadata, semver_check, targets,
};
use wit_parser::{ManglingAndAbi, Resolve, WorldId};

/// By contract, the oldest version first; those that are still served.
const RELEASES: &[(&str, &str)] = &[("tenant", "0.1.0"), ("connector", "0.1.0")];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A package by its folder of `wit/`, and its world of the same name.
struct Contract {
    resolve: Resolve,
    world: WorldId,
}

impl Contract {
    fn of(path: &Path, world: &str) -> Self {
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_path(path).unwrap();
        let world = resolve.select_world(&[package], Some(world)).unwrap();
        Self { resolve, world }
    }

    fn now(name: &str) -> Self {
        Self::of(&folder(name), name)
    }

    /// Resolved, without comments: what types are compared by.
    fn text(&self) -> String {
        let package = self.resolve.worlds[self.world].package.unwrap();
        let mut printer = WitPrinter::default();
        printer.emit_docs(false);
        printer.print(&self.resolve, package, &[]).unwrap();
        printer.output.to_string()
    }

    fn version(&self) -> String {
        let package = self.resolve.worlds[self.world].package.unwrap();
        self.resolve.packages[package].name.version.as_ref().unwrap().to_string()
    }

    /// A component of this world that does nothing.
    fn dummy(&self) -> Vec<u8> {
        let mut module = dummy_module(&self.resolve, self.world, ManglingAndAbi::Standard32);
        embed_component_metadata(&mut module, &self.resolve, self.world, StringEncoding::UTF8).unwrap();
        ComponentEncoder::default().module(&module).unwrap().encode().unwrap()
    }
}

fn folder(name: &str) -> PathBuf {
    root().join("wit").join(name)
}

fn golden(name: &str, version: &str) -> PathBuf {
    root().join(format!("tests/golden/wit/{name}-{version}.wit"))
}

/// The text of a version, which is written once.
fn frozen(file: &Path, text: &str, update: bool) -> String {
    if update && !file.exists() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    std::fs::read_to_string(file).unwrap_or_default()
}

/// Whether what was built against a released text runs where the contract is another text: WIT's own judgement, which looks at types and not at versions.
fn runs_on(name: &str, released: &str, now: &str) -> Result<()> {
    let mut resolve = Resolve::default();
    // Two packages of one name and version do not fit into one place.
    let (first, rest) = released.split_once('\n').unwrap();
    let released = resolve.push_source("released.wit", &format!("package passerelle:{name}@0.0.1;\n{rest}"))?;
    assert!(first.starts_with(&format!("package passerelle:{name}@")), "{first}");
    let now = resolve.push_source("now.wit", now)?;
    let [released, now] = [released, now].map(|package| resolve.select_world(&[package], Some(name)).unwrap());
    semver_check(resolve, released, now)
}

#[test]
fn the_contracts_are_those_that_were_released() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    for name in ["tenant", "connector"] {
        let contract = Contract::now(name);
        let version = contract.version();
        assert!(RELEASES.contains(&(name, version.as_str())), "{name} {version} is not in the list of releases");
        let file = golden(name, &version);
        let (text, released) = (contract.text(), frozen(&file, &contract.text(), update));
        let what_to_do =
            "another contract needs another version, and `UPDATE_GOLDEN=1` then writes its text; this one stays";
        assert_eq!(text, released, "{name} is not {} any more: {what_to_do}", file.display());
    }
}

#[test]
fn a_text_that_was_released_is_never_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wit/tenant-0.1.0.wit");
    assert_eq!(frozen(&file, "one", false), "", "nothing is written unasked");
    assert_eq!(frozen(&file, "one", true), "one");
    assert_eq!(frozen(&file, "another", true), "one");
}

#[test]
fn what_was_built_against_a_release_runs_on_the_contract_of_now() {
    for (name, version) in RELEASES {
        let released = std::fs::read_to_string(golden(name, version)).unwrap();
        runs_on(name, &released, &Contract::now(name).text())
            .unwrap_or_else(|error| panic!("{name} {version}: {error:#}"));
    }
    let now = Contract::now("tenant");
    for (name, version) in RELEASES.iter().filter(|(name, _)| *name == "tenant") {
        let released = Contract::of(&golden(name, version), name);
        targets(&now.resolve, now.world, &released.dummy()).unwrap_or_else(|error| panic!("{version}: {error:#}"));
    }
}

/// The check is one that can fail, and for every kind of change that breaks a component.
#[test]
fn a_contract_that_would_break_what_was_built_is_found() {
    let breaks = [
        ("tenant", "a field more", "template: string,", "template: string, more: string,"),
        ("tenant", "a field less", "    credential: option<string>,\n", ""),
        ("tenant", "a field of another type", "status: u16,", "status: u32,"),
        ("tenant", "a field by another name", "default: string,", "fallback: string,"),
        ("tenant", "a case more", "over-budget,", "over-budget, refused,"),
        ("tenant", "a case without its value", "reject(string),", "reject,"),
        ("tenant", "an argument more", "choose: func(call: call,", "choose: func(again: bool, call: call,"),
        ("tenant", "a function by another name", "shape: func", "form: func"),
        (
            "tenant",
            "a hook that nobody has",
            "world tenant {",
            "interface more { f: func(); }\nworld tenant {\n  export more;",
        ),
        ("connector", "a field more", "token: string,", "token: string, more: string,"),
        ("connector", "a case less", "    not-ready,\n", ""),
        ("connector", "another result", "-> reduction;", "-> option<reduction>;"),
    ];
    for (name, what, from, to) in breaks {
        let released = std::fs::read_to_string(golden(name, "0.1.0")).unwrap();
        assert!(released.contains(from), "{what}: {from:?} is not in the contract");
        let changed = released.replacen(from, to, 1);
        assert!(runs_on(name, &released, &changed).is_err(), "{name}: {what}");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("changed.wit");
        std::fs::write(&file, changed).unwrap();
        assert_ne!(Contract::of(&file, name).text(), released, "{name}: {what}");
    }
    let released = std::fs::read_to_string(golden("tenant", "0.1.0")).unwrap();
    let told = released
        .replacen("record pass {", "/// What a wallet shows.\n  record pass {", 1)
        .replacen("@0.1.0", "@0.1.1", 1);
    runs_on("tenant", &released, &told).unwrap();
}
