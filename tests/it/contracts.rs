//! The two contracts, held against what was released and against every artefact that claims to keep them.
//!
//! Owns the golden texts (`tests/golden/wit`, one per released version; `UPDATE_GOLDEN=1` writes those of the version of now) and the question that strangers
//! have: does a plugin that was built against a released contract still run? Does not own the loading (`host/sandbox`).

use std::path::{Path, PathBuf};

use wit_component::{ComponentEncoder, StringEncoding, WitPrinter, dummy_module, embed_component_metadata, targets};
use wit_parser::{ManglingAndAbi, Resolve, WorldId};

use crate::plugin_examples::example;

/// Of the contract of plugins, the oldest first; those that are still served.
const RELEASES: &[&str] = &["tenant-0.1.0"];

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
        Self::of(&root().join("wit").join(name), name)
    }

    /// Resolved, without comments: what types are compared by.
    fn text(&self) -> String {
        let package = self.resolve.worlds[self.world].package.unwrap();
        let mut printer = WitPrinter::default();
        printer.emit_docs(false);
        printer.print(&self.resolve, package, &[]).unwrap();
        printer.output.to_string()
    }

    /// A component of this world that does nothing.
    fn dummy(&self) -> Vec<u8> {
        let mut module = dummy_module(&self.resolve, self.world, ManglingAndAbi::Standard32);
        embed_component_metadata(&mut module, &self.resolve, self.world, StringEncoding::UTF8).unwrap();
        ComponentEncoder::default().module(&module).unwrap().encode().unwrap()
    }
}

fn golden(name: &str) -> PathBuf {
    root().join(format!("tests/golden/wit/{name}.wit"))
}

#[test]
fn the_contracts_are_those_that_were_released() {
    for (name, file) in [("tenant", "tenant-0.1.0"), ("connector", "connector-0.1.0")] {
        let (contract, golden) = (Contract::now(name), golden(file));
        let text = contract.text();
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::create_dir_all(golden.parent().unwrap()).unwrap();
            std::fs::write(&golden, &text).unwrap();
        }
        let released = std::fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(
            text,
            released,
            "{name} is another contract than {}: a new one needs a version of its own",
            golden.display()
        );
    }
}

#[test]
fn a_plugin_built_against_a_released_contract_still_fits() {
    let now = Contract::now("tenant");
    for release in RELEASES {
        let released = Contract::of(&golden(release), "tenant");
        targets(&now.resolve, now.world, &released.dummy()).unwrap_or_else(|error| panic!("{release}: {error:#}"));
    }
}

/// The check is one that can fail: a contract whose types differ in one field is another one.
#[test]
fn a_contract_with_one_field_more_is_not_taken_for_the_same() {
    let text = std::fs::read_to_string(golden("tenant-0.1.0")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("tenant.wit");
    assert!(text.contains("template: string,"));
    std::fs::write(&other, text.replacen("template: string,", "template: string, more: string,", 1)).unwrap();
    let now = Contract::now("tenant");
    assert!(targets(&now.resolve, now.world, &Contract::of(&other, "tenant").dummy()).is_err());
}

#[test]
fn every_artefact_keeps_the_contract_that_it_is_of() {
    let tenant = Contract::now("tenant");
    for name in ["crm-rust", "crm-js", "crm-python", "noop"] {
        targets(&tenant.resolve, tenant.world, &example(name)).unwrap_or_else(|error| panic!("{name}: {error:#}"));
    }
    let connector = Contract::now("connector");
    targets(&connector.resolve, connector.world, passerelle_server::connector::CONNECTOR).unwrap();
    assert!(targets(&connector.resolve, connector.world, &example("noop")).is_err(), "another world is another");
}
