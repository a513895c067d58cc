//! `spin-host check`, and the same refusals at start.

use serde_json::Value;

use crate::app::{Folder, manifest};

fn check(folder: &Folder) -> (Option<i32>, Value) {
    let run = folder.run(&["check", "-f", "spin.toml"]);
    (run.status.code(), serde_json::from_slice(&run.stdout).unwrap())
}

/// One problem, which says all of this.
fn refused(folder: &Folder, saying: &[&str]) {
    let (code, report) = check(folder);
    assert_eq!((code, &report["ok"]), (Some(1), &Value::Bool(false)), "{report:#}");
    let problems = report["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 1, "{report:#}");
    for word in saying {
        assert!(problems[0].as_str().unwrap().contains(word), "{word}: {report:#}");
    }
}

#[test]
fn a_good_application_has_its_imports_listed() {
    let (code, report) = check(&Folder::probe("sqlite_databases = [\"default\"]"));
    assert_eq!((code, &report["ok"], &report["problems"]), (Some(0), &Value::Bool(true), &Value::Array(Vec::new())));
    let probe = &report["components"]["probe"];
    let imports: Vec<&str> =
        probe["imports"].as_array().unwrap().iter().map(|import| import.as_str().unwrap()).collect();
    for import in [
        "spin:sqlite/sqlite@3.1.0",
        "spin:variables/variables@3.0.0",
        "wasi:http/client@0.3.0",
        "probe:arithmetic/sum@0.1.0",
    ] {
        assert!(imports.contains(&import), "{imports:?}");
    }
    assert_eq!(probe["dependencies"]["probe:arithmetic"]["imports"], Value::Array(Vec::new()));
}

#[test]
fn what_is_wrong_is_told_by_name() {
    refused(&Folder::probe(""), &["component `probe`", "spin:sqlite/sqlite@3.1.0", "sqlite_databases"]);
    let sqlite = "sqlite_databases = [\"default\"]\n";
    refused(&Folder::probe(&format!("{sqlite}sources = \"x\"")), &["`sources`"]);
    refused(&Folder::probe(&format!("{sqlite}files = [\"nothing\"]")), &["component `probe`", "nothing"]);
    refused(&Folder::new(&manifest(sqlite).replace("probe.wasm", "prope.wasm")), &["prope.wasm"]);
    refused(&Folder::new(&manifest(sqlite).replace("adder.wasm", "ader.wasm")), &["ader.wasm"]);
    let without = manifest(sqlite).replace("\"probe:arithmetic\" = { path = \"adder.wasm\" }", "");
    refused(&Folder::new(&without), &["probe:arithmetic/sum@0.1.0", "neither by this host nor by a dependency"]);
    refused(
        &Folder::new(&manifest(sqlite).replace("\"probe:arithmetic\"", "\"probe:geometry\"")),
        &["probe:geometry", "matches no import"],
    );
    let folder = Folder::probe(sqlite);
    folder.write("probe.wasm", "not wasm");
    refused(&folder, &["probe.wasm", "not a component"]);
}

#[test]
fn the_start_refuses_an_import_that_nobody_meets() {
    let without = manifest("").replace("\"probe:arithmetic\" = { path = \"adder.wasm\" }", "");
    let run = Folder::new(&without).run(&["up", "--listen", "127.0.0.1:0"]);
    let said = String::from_utf8(run.stderr).unwrap();
    assert_eq!(run.status.code(), Some(1));
    assert!(said.contains("probe:arithmetic/sum@0.1.0") && said.contains("component `probe`"), "{said}");
}

#[test]
fn an_unknown_flag_is_an_error_of_its_own_kind() {
    let run = Folder::probe("").run(&["up", "--buidl"]);
    assert_eq!(run.status.code(), Some(2));
    assert!(String::from_utf8(run.stderr).unwrap().contains("`--buidl`"));
}
