//! Every component that there is, against the world that it claims to be of.
//!
//! Owns which those are: the connector, the plugins of the distribution and of the examples, the guests that the sandbox loads, and what an author makes
//! of a new plugin's folder. A plugin exports the hooks that it wants, so its world is made of what it exports and says nothing of the others.

use std::path::Path;

use passerelle_guests::{Ends, GUESTS, good_with_imported_types};
use wasmparser::{Parser, Payload};
use wit_component::targets;
use wit_parser::Resolve;

use super::{Contract, folder};
use crate::plugin_examples::example;
use crate::process;

const PREFIX: &str = "passerelle:tenant/";
/// The languages of `passerelle plugin new`, and where each has the contract. A plugin in Rust has its world from the SDK, which is all of it.
const NEW: [(&str, &str, Option<&str>); 3] = [
    ("rust", "passerelle-plugin/wit/tenant.wit", None),
    ("js", "wit/deps/tenant/tenant.wit", Some("wit")),
    ("python", "wit/deps/tenant/tenant.wit", Some("wit")),
];

/// What a component itself exports.
fn exports(component: &[u8]) -> Vec<String> {
    let mut depth = 0_usize;
    let mut names = Vec::new();
    for payload in Parser::new(0).parse_all(component) {
        match payload.unwrap() {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentExportSection(section) if depth == 1 => {
                names.extend(section.into_iter().map(|export| export.unwrap().name.name.to_owned()));
            }
            _ => {}
        }
    }
    names
}

/// Whether a plugin is of the contract, in a world of the hooks that it has.
fn keeps_the_contract(component: &[u8]) -> anyhow::Result<()> {
    let mut resolve = Resolve::default();
    resolve.push_path(folder("tenant"))?;
    let hooks: String = exports(component).iter().map(|name| format!("  export {name};\n")).collect();
    anyhow::ensure!(hooks.contains(PREFIX), "it has no hook");
    let package = resolve.push_source("plugin.wit", &format!("package venue:plugin;\nworld plugin {{\n{hooks}}}\n"))?;
    let world = resolve.select_world(&[package], Some("plugin"))?;
    targets(&resolve, world, component)
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

#[test]
fn every_guest_that_is_loaded_keeps_the_contract() {
    let loaded: Vec<_> = GUESTS.iter().filter(|guest| !matches!(guest.ends, Ends::Refused(_))).collect();
    assert!(loaded.len() > 30, "only {} guests", loaded.len());
    for guest in loaded {
        keeps_the_contract(&guest.component()).unwrap_or_else(|error| panic!("{}: {error:#}", guest.name));
    }
    keeps_the_contract(&good_with_imported_types()).unwrap();
}

#[test]
fn a_guest_of_another_contract_is_found() {
    for name in [
        "other-types",
        "empty-hook",
        "function-for-a-hook",
        "no-such-hook",
        "two-hooks-and-one-strange",
        "version-of-tomorrow",
        "version-before-the-release",
        "no-version",
        "no-hook",
    ] {
        let guest = GUESTS.iter().find(|guest| guest.name == name).unwrap();
        assert!(matches!(guest.ends, Ends::Refused(_)), "{name} is not loaded");
        assert!(keeps_the_contract(&guest.component()).is_err(), "{name}");
    }
}

#[test]
fn a_new_plugin_has_the_contract_of_now_and_a_world_within_it() {
    let made = tempfile::tempdir().unwrap();
    let contract = std::fs::read_to_string(folder("tenant").join("tenant.wit")).unwrap();
    for (language, copy, world) in NEW {
        let name = format!("new-{language}");
        process::run(&["plugin", "new", "--lang", language, &name, "--into", made.path().to_str().unwrap()]);
        let new = made.path().join(name);
        assert_eq!(std::fs::read_to_string(new.join(copy)).unwrap(), contract, "{language}: a copy of the contract");
        if let Some(world) = world {
            is_within_the_contract(language, &new.join(world));
        }
    }
}

/// A component of the world is of the contract; and so it is still when its author wants every hook that the file mentions.
fn is_within_the_contract(language: &str, wit: &Path) {
    keeps_the_contract(&Contract::of(wit, "plugin").dummy()).unwrap_or_else(|error| panic!("{language}: {error:#}"));
    let file = wit.join("world.wit");
    let all = std::fs::read_to_string(&file).unwrap().replace("// export", "export");
    std::fs::write(&file, all).unwrap();
    let full = Contract::of(wit, "plugin").dummy();
    let tenant = Contract::now("tenant");
    targets(&tenant.resolve, tenant.world, &full).unwrap_or_else(|error| panic!("{language}, all hooks: {error:#}"));
}
