//! `spin-host check`, and the same refusals at start.

use serde_json::Value;

use crate::app::{Folder, manifest};

/// What the probe's imports ask for.
const GRANTED: &str = "sqlite_databases = [\"default\"]\nvariables = { some = \"text\" }\nallowed_outbound_hosts = [\"https://example.org\"]\n";

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
    let (code, report) = check(&Folder::probe(GRANTED));
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
    for (key, import) in [
        ("sqlite_databases", "spin:sqlite/sqlite@3.1.0"),
        ("variables", "spin:variables/variables@3.0.0"),
        ("allowed_outbound_hosts", "wasi:http/client@0.3.0"),
    ] {
        let others: Vec<&str> = GRANTED.lines().filter(|line| !line.starts_with(key)).collect();
        refused(&Folder::probe(&others.join("\n")), &["component `probe`", import, &format!("has no {key}")]);
    }
    refused(&Folder::probe(&format!("{GRANTED}sources = \"x\"")), &["`sources`"]);
    refused(&Folder::probe(&format!("{GRANTED}files = [\"nothing\"]")), &["component `probe`", "nothing"]);
    refused(&Folder::new(&manifest(GRANTED).replace("probe.wasm", "prope.wasm")), &["prope.wasm"]);
    refused(&Folder::new(&manifest(GRANTED).replace("adder.wasm", "ader.wasm")), &["ader.wasm"]);
    let without = manifest(GRANTED).replace("\"probe:arithmetic\" = { path = \"adder.wasm\" }", "");
    refused(&Folder::new(&without), &["probe:arithmetic/sum@0.1.0", "neither by this host nor by a dependency"]);
    refused(
        &Folder::new(&manifest(GRANTED).replace("\"probe:arithmetic\"", "\"probe:geometry\"")),
        &["probe:geometry", "matches no import"],
    );
    let folder = Folder::probe(GRANTED);
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

/// The application of this repository, where it was built: `cargo xtask test` builds it before.
#[test]
fn the_edge_is_an_application_that_spin_loads_and_every_slip_in_its_manifest_is_told() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let text = std::fs::read_to_string(format!("{root}/spin.toml")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    // Where it is named from: beside this folder's manifest.
    let check = |text: &str| {
        for link in ["target", "examples"] {
            _ = std::os::unix::fs::symlink(format!("{root}/{link}"), folder.path().join(link));
        }
        std::fs::write(folder.path().join("spin.toml"), text).unwrap();
        let run = std::process::Command::new(env!("CARGO_BIN_EXE_spin-host"))
            .args(["check", "-f"])
            .arg(folder.path().join("spin.toml"))
            .output()
            .unwrap();
        serde_json::from_slice::<Value>(&run.stdout).unwrap()["problems"].clone()
    };
    assert_eq!(check(&text), Value::Array(Vec::new()), "`cargo xtask build --spin` builds its components");
    for (from, to, saying) in [
        ("[component.edge]\n", "[component.edge]\nallowed_outbund_hosts = []\n", "`allowed_outbund_hosts`"),
        ("secret = true", "secrets = true", "`secrets`"),
        ("[application]\n", "[application]\nautor = \"x\"\n", "`autor`"),
        ("target/spin/edge.wasm", "target/spin/egde.wasm", "egde.wasm"),
        ("target/component/connector.wasm", "target/component/conector.wasm", "conector.wasm"),
        ("\"examples/spin/demo\"", "\"examples/spin/opera\"", "examples/spin/opera"),
        ("sqlite_databases = [\"default\"]", "", "spin:sqlite/sqlite@3.1.0"),
        ("allowed_outbound_hosts = [", "allowed_outbound_hosts = [] # [", "wasi:http/client@0.3.0"),
        ("\"passerelle:connector@0.1.0\" =", "# ", "passerelle:connector/"),
        ("passerelle:connector@0.1.0", "passerelle:conector@0.1.0", "passerelle:conector"),
        ("{{ secutix_host }}", "{{ secutix_hosts }}", "secutix_hosts"),
        ("component = \"edge\"", "component = \"egde\"", "egde"),
        ("default = \"500\"", "default = \"500\", required = true", "debounce_ms"),
    ] {
        assert!(text.contains(from), "{from}");
        let problems = check(&text.replacen(from, to, 1));
        let told = |problem: &Value| problem.as_str().unwrap().contains(saying);
        assert!(problems.as_array().unwrap().iter().any(told), "{to}: {problems:#}");
    }
}
