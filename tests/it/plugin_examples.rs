//! The example plugin in three languages: one behaviour, and one suite of cases that says which.
//!
//! Owns the comparison. The components are those that `cargo xtask plugins` has built, in the sandbox that a server has.

use std::path::{Path, PathBuf};

use passerelle_flow::plugin::case::Case;
use passerelle_flow::plugin::hook::Hook;
use passerelle_flow::plugin::setup::PluginSetup;
use passerelle_sandbox::{Capacity, Engine, Plugin};

/// The repository, from this crate.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A component of `target/plugin`.
pub fn example(name: &str) -> Vec<u8> {
    let file = root().join("target/plugin").join(name).with_extension("wasm");
    std::fs::read(&file).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; `cargo xtask test` builds it before the tests, by hand: cargo xtask plugins",
            file.display()
        )
    })
}

/// By name, in order.
pub fn cases() -> Vec<(String, Case)> {
    let folder = root().join("plugin/examples/cases");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    let read = |file: PathBuf| {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let case = Case::parse(&std::fs::read(&file).unwrap()).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, case)
    };
    files.into_iter().map(read).collect()
}

async fn all_cases_hold(name: &str) {
    let engine = Engine::new(Capacity::default()).unwrap();
    let plugin = Plugin::load(&engine, &example(name)).unwrap();
    assert_eq!(plugin.hooks(), Hook::ALL.into(), "{name}");
    let (setup, cases) = (PluginSetup::default(), cases());
    assert!(cases.len() > 20, "{} cases", cases.len());
    let mut wrong = Vec::new();
    for (title, case) in &cases {
        let played = case.play(&setup, |call| plugin.call(&setup.limits, call)).await;
        let expected = case.expected.as_ref().unwrap_or_else(|| panic!("{title} expects nothing"));
        let differences = played.differences(case.call.event.hook(), expected);
        wrong.extend(differences.into_iter().map(|difference| format!("{title}: {difference}")));
        // The same call gives the same answer, whatever ran before.
        let again = case.play(&setup, |call| plugin.call(&setup.limits, call)).await;
        assert_eq!(again.told(), played.told(), "{name}: {title}");
    }
    assert!(wrong.is_empty(), "{name}:\n{}", wrong.join("\n"));
}

#[tokio::test]
async fn the_example_in_rust_does_what_every_case_says() {
    all_cases_hold("crm-rust").await;
}

#[tokio::test]
async fn the_example_in_javascript_does_what_every_case_says() {
    all_cases_hold("crm-js").await;
}

#[tokio::test]
async fn the_example_in_python_does_what_every_case_says() {
    all_cases_hold("crm-python").await;
}

#[tokio::test]
async fn the_plugin_of_the_distribution_leaves_everything_to_the_default() {
    let engine = Engine::new(Capacity::default()).unwrap();
    let plugin = Plugin::load(&engine, &example("noop")).unwrap();
    let setup = PluginSetup::default();
    for (title, case) in cases() {
        let played = case.play(&setup, |call| plugin.call(&setup.limits, call)).await;
        let told = played.told();
        let defaults = ["sends nothing\n", "leaves it to the default\n", "sets no variables\n"];
        assert!(defaults.contains(&told.as_str()), "{title}: {told}");
    }
}
