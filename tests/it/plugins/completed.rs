//! A partial plugin with every export that Spin asks for: what it has answers as before, what it lacks is the default.
//!
//! Owns the shapes that the toolchains make: with the contract's types exported, as in Rust, and imported, as in JavaScript and Python. That Spin composes
//! such a component, the edge's tests show.

use passerelle_flow::plugin::hook::Hook;
use passerelle_flow::plugin::setup::PluginSetup;
use passerelle_guests::Form;
use passerelle_sandbox::{Capacity, Engine, Plugin};
use passerelle_server::plugins::complete::complete;
use wasmparser::{Parser, Payload};

use super::component;
use crate::plugin_examples::cases;

/// What a plugin that has no hook would be told to do, in the words of a case.
const DEFAULTS: [&str; 3] = ["sends nothing\n", "leaves it to the default\n", "sets no variables\n"];

fn interface(name: &str) -> String {
    format!("passerelle:tenant/{name}@0.1.0")
}

/// The names on a component's outermost level: what it imports, what it exports.
fn outline(component: &[u8]) -> (Vec<String>, Vec<String>) {
    let (mut depth, mut imports, mut exports) = (0, vec![], vec![]);
    for payload in Parser::new(0).parse_all(component) {
        match payload.unwrap() {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 0 => {
                imports.extend(section.into_iter().map(|import| import.unwrap().name.name.to_owned()));
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                exports.extend(section.into_iter().map(|export| export.unwrap().name.name.to_owned()));
            }
            _ => {}
        }
    }
    (imports, exports)
}

/// The same component, of whose hooks only these are the contract's: the others are another package's affair.
fn only(mut component: Vec<u8>, kept: &[Hook]) -> Vec<u8> {
    for hook in Hook::ALL.into_iter().filter(|hook| !kept.contains(hook)) {
        let name = interface(hook.name());
        let other = name.replace("passerelle:", "passerella:");
        let mut at = 0;
        while let Some(found) = component[at..].windows(name.len()).position(|window| window == name.as_bytes()) {
            at += found;
            component[at..at + name.len()].copy_from_slice(other.as_bytes());
        }
        assert!(at > 0, "the component has no {name}");
    }
    component
}

/// Completes it, and looks at what came out as a stranger would.
fn completed(plugin: &[u8]) -> Plugin {
    let completed = complete(plugin).unwrap();
    let (imports, exports) = outline(&completed);
    let types = std::iter::once(interface("types"));
    let world: Vec<String> = types.chain(Hook::ALL.map(|hook| interface(hook.name()))).collect();
    assert_eq!((imports, exports), (vec![], world));
    let plugin = Plugin::load(&Engine::new(Capacity::default()).unwrap(), &completed).unwrap();
    assert_eq!(plugin.hooks(), Hook::ALL.into());
    plugin
}

/// Of the example: these hooks are its own, and do what the cases say; of the others every answer is the default.
async fn of_the_example(name: &str, kept: &[Hook]) {
    let plugin = completed(&only(component(name), kept));
    let (setup, mut own) = (PluginSetup::default(), 0);
    for (title, case) in cases() {
        let hook = case.call.event.hook();
        let played = case.play(&setup, |call| plugin.call(&setup.limits, call)).await;
        if kept.contains(&hook) {
            let differences = played.differences(hook, case.expected.as_ref().unwrap());
            assert!(differences.is_empty(), "{name}, {title}: {differences:?}");
            own += 1;
        } else {
            assert!(DEFAULTS.contains(&played.told().as_str()), "{name}, {title}: {}", played.told());
        }
    }
    assert!(own > 0, "no case is about {kept:?}");
}

#[tokio::test]
async fn a_plugin_in_rust_with_one_hook_or_two_is_completed_with_the_default_of_the_others() {
    of_the_example("crm-rust", &[Hook::OnPassInstalled]).await;
    of_the_example("crm-rust", &[Hook::ShapePayload, Hook::OnOrderChanged]).await;
    // One that has every hook is the same plugin in another shell.
    of_the_example("crm-rust", &Hook::ALL).await;
}

#[tokio::test]
async fn a_plugin_in_javascript_with_one_hook_is_completed_though_it_imports_the_types() {
    of_the_example("crm-js", &[Hook::OnPassInstalled]).await;
}

#[tokio::test]
async fn a_plugin_in_python_with_two_hooks_is_completed_though_it_imports_the_types() {
    of_the_example("crm-python", &[Hook::ChooseTemplate, Hook::OnPassUninstalled]).await;
}

/// A second hook beside the good plugin's one: it always wants to be asked again later.
const LATER: &str = r#"
  (func (export "passerelle:tenant/on-order-changed@0.1.0#notify") (param i32) (result i32)
    (i32.store8 (i32.const 0) (i32.const 1))
    (i32.store8 (i32.const 4) (i32.const 1))
    (i32.const 0)))"#;

#[tokio::test]
async fn a_world_of_one_hook_or_two_is_completed_whether_it_exports_the_types_or_imports_them() {
    let good = passerelle_guests::GOOD.trim_end().strip_suffix(')').unwrap();
    let two = passerelle_guests::component(&format!("{good}{LATER}"), Form::Module);
    assert!(!outline(&passerelle_guests::good_with_imported_types()).0.is_empty(), "it imports them");
    let plugins = [passerelle_guests::good(), passerelle_guests::good_with_imported_types(), two];
    let setup = PluginSetup::default();
    for (plugin, later) in plugins.iter().zip([false, false, true]) {
        let plugin = completed(plugin);
        for (title, case) in cases() {
            let told = case.play(&setup, |call| plugin.call(&setup.limits, call)).await.told();
            match case.call.event.hook() {
                Hook::ChooseTemplate => assert!(told.starts_with("chooses the template "), "{title}: {told}"),
                Hook::OnOrderChanged if later => assert_eq!(told, "asks to be tried again later\n", "{title}"),
                _ => assert!(DEFAULTS.contains(&told.as_str()), "{title}: {told}"),
            }
        }
    }
}

#[test]
fn what_would_be_no_component_of_the_world_is_not_made() {
    let other = passerelle_guests::GUESTS.iter().find(|guest| guest.name == "other-types").unwrap().component();
    let why = format!("{:#}", complete(&other).unwrap_err());
    assert!(why.starts_with("it cannot be completed: its hooks are not those of the contract"), "{why}");
    assert!(complete(b"\0asm\x01\0\0\0").unwrap_err().to_string().contains("core module"));
}
