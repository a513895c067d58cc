//! `passerelle plugin`, as an operator and an author call it.

use std::path::Path;

use super::{Plugged, component};
use crate::process;

/// Written where a test may write.
fn file(folder: &Path, name: &str, wasm: &[u8]) -> String {
    let file = folder.join(name);
    std::fs::write(&file, wasm).unwrap();
    file.display().to_string()
}

fn refused(arguments: &[&str]) -> String {
    let output = std::process::Command::new(process::binary()).args(arguments).output().unwrap();
    assert!(!output.status.success(), "{arguments:?}");
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("{out}{error}")
}

#[test]
fn a_new_plugin_is_a_folder_with_its_contract_and_needs_no_network() {
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().to_str().unwrap();
    for (lang, source, contract) in [
        ("rust", "src/lib.rs", "passerelle-plugin/wit/tenant.wit"),
        ("js", "plugin.js", "wit/deps/tenant/tenant.wit"),
        ("python", "app.py", "wit/deps/tenant/tenant.wit"),
    ] {
        let name = format!("my-{lang}");
        let printed = process::run(&["plugin", "new", "--lang", lang, &name, "--into", into]);
        let made = folder.path().join(&name);
        assert!(printed.contains(&format!("passerelle plugin build {}", made.display())), "{printed}");
        for path in [source, contract, "case.json", "README.md"] {
            let text =
                std::fs::read_to_string(made.join(path)).unwrap_or_else(|error| panic!("{lang}/{path}: {error}"));
            assert!(!text.contains("{{"), "{lang}/{path} has a placeholder");
        }
        let told = refused(&["plugin", "new", "--lang", lang, &name, "--into", into]);
        assert!(told.contains("is there already"), "{told}");
    }
    for name in ["", "My", "a/b", "../x", "x-", "1x"] {
        let told = refused(&["plugin", "new", "--lang", "js", "--into", into, "--", name]);
        assert!(told.contains("small letters, digits and -"), "{told}");
    }
}

#[test]
fn check_says_what_a_component_is_and_why_another_may_not_run() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let rust = file(folder.path(), "crm.wasm", &component("crm-rust"));
    let printed = process::run(&["plugin", "check", &rust, "--report", report.to_str().unwrap()]);
    assert!(
        printed.contains("choose-template, shape-payload, on-pass-installed, on-pass-uninstalled, on-order-changed")
    );
    let told: serde_json::Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
    assert_eq!(told["ok"], true);
    let core = file(folder.path(), "core.wasm", b"\0asm\x01\0\0\0");
    assert!(refused(&["plugin", "check", &core]).contains("this is a core module, not a component"));
    assert!(refused(&["plugin", "check", "nowhere.wasm"]).contains("there is no file nowhere.wasm"));
}

#[test]
fn test_plays_a_case_without_a_network_and_says_what_is_not_as_expected() {
    let folder = tempfile::tempdir().unwrap();
    let rust = file(folder.path(), "crm.wasm", &component("crm-rust"));
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugin/examples/cases");
    let case = cases.join("the-crm-is-told-who-installed-a-pass.json");
    let printed = process::run(&["plugin", "test", &rust, "--case", case.to_str().unwrap()]);
    assert!(printed.contains("round 1: asks for") && printed.contains("customer: GET "), "{printed}");
    assert!(printed.contains("wallet-event: POST ") && printed.contains("as expected"), "{printed}");
    let text = std::fs::read_to_string(&case).unwrap().replace("\"credential\": \"crm\"", "\"credential\": \"other\"");
    let wrong = folder.path().join("wrong.json");
    std::fs::write(&wrong, text).unwrap();
    let told = refused(&["plugin", "test", &rust, "--case", wrong.to_str().unwrap()]);
    assert!(told.contains("NOT AS EXPECTED"), "{told}");
    std::fs::write(&wrong, "{\"hook\": \"on-pass-installed\"}").unwrap();
    let told = refused(&["plugin", "test", &rust, "--case", wrong.to_str().unwrap()]);
    assert!(told.contains("wrong.json") && told.contains("missing field `call`"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn install_status_rollback_and_remove_do_what_they_say_beside_a_running_server() {
    let plugged = Plugged::without().await;
    let folder = tempfile::tempdir().unwrap();
    let (rust, noop) = (component("crm-rust"), component("noop"));
    let (rust_file, noop_file) = (file(folder.path(), "crm.wasm", &rust), file(folder.path(), "noop.wasm", &noop));
    let config = plugged.house.config();
    let plugin = |words: &[&str]| {
        let all = [&["plugin"], words, &["--config", &config]].concat();
        tokio::task::block_in_place(|| process::run(&all))
    };
    let printed = plugin(&["install", "demo", &rust_file]);
    assert!(printed.contains("is in force for demo: choose-template"), "{printed}");
    plugged.house.stage.server().unwrap().reload_now().await;
    plugged.sell("FLUTE").await;
    plugged.told("created").await;
    plugged.settled().await;
    let status = plugin(&["status", "demo"]);
    assert!(
        status.contains("Pass:Installed") && status.contains("waiting      0") && status.contains("given up     0"),
        "{status}"
    );

    // What another one would have made of what has happened.
    let replayed = plugin(&["replay", &noop_file, "--tenant", "demo", "--since", "1h"]);
    assert!(replayed.contains("+ sends nothing") && replayed.contains("would be handled otherwise"), "{replayed}");
    let replayed = plugin(&["replay", &rust_file, "--tenant", "demo", "--since", "1h"]);
    assert!(replayed.contains("; 0 would be handled otherwise, 0 failed"), "{replayed}");
    assert!(plugin(&["check", &noop_file, "--tenant", "demo"]).contains("the same hooks"));

    plugin(&["install", "demo", &noop_file]);
    assert_eq!(std::fs::read(plugged.folder().plugin()).unwrap(), noop);
    plugin(&["rollback", "demo"]);
    assert_eq!(std::fs::read(plugged.folder().plugin()).unwrap(), rust);
    assert_eq!(std::fs::read(plugged.folder().previous()).unwrap(), noop);
    plugin(&["remove", "demo"]);
    assert!(!plugged.folder().plugin().exists());
    assert!(plugin(&["status", "demo"]).contains("demo has no plugin"));

    let core = file(folder.path(), "core.wasm", b"\0asm\x01\0\0\0");
    let told = tokio::task::block_in_place(|| refused(&["plugin", "install", "demo", &core, "--config", &config]));
    assert!(told.contains("is not installed") && told.contains("this is a core module"), "{told}");
    assert!(!plugged.folder().plugin().exists(), "nothing was put there");
}
