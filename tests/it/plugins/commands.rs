//! `passerelle plugin`, as an operator and an author call it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use http::Method;
use passerelle_contract::tenant::types::{Method as Verb, Request};
use passerelle_flow::identity::TenantId;
use passerelle_flow::plugin::case::Case;
use passerelle_flow::plugin::request::judge;
use passerelle_server::config::{Settings, Tenants};
use passerelle_server::demo::client::Caller;
use passerelle_server::example;
use passerelle_simulator::{EVENT_TEXTS, Simulator, SimulatorConfig};
use serde_json::{Value, json};

use super::{Plugged, component};
use crate::house::until;
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

    assert!(status.contains("machine code compiled") && status.contains("passerelle_plugin_left_alone"), "{status}");

    // What another one would have made of what has happened.
    let replayed = plugin(&["replay", &noop_file, "--tenant", "demo", "--since", "1h"]);
    assert!(replayed.contains("+ sends nothing") && replayed.contains("would be handled otherwise"), "{replayed}");
    let replayed = plugin(&["replay", &rust_file, "--tenant", "demo", "--since", "1h"]);
    assert!(replayed.contains(": 0 of ") && replayed.contains("would be handled otherwise, 0 failed"), "{replayed}");
    // Of the pass as well; what the CRM would say stands in a file, and what it says of a person is not shown to who does not ask.
    let said = br#"{"customer": {"status": 200, "body": {"customerId": "C-7", "tier": "gold"}}}"#;
    let answers = file(folder.path(), "answers.json", said);
    let words = ["replay", &noop_file, "--tenant", "demo", "--answers", &answers];
    let replayed = plugin(&words);
    assert!(replayed.contains("- tenant.tier\n") && !replayed.contains("tier = gold"), "{replayed}");
    assert!(replayed.contains("shape-payload") && replayed.contains("1 of 1 differ, 0 failed"), "{replayed}");
    let replayed = plugin(&[&words[..], &["--show-values"]].concat());
    assert!(replayed.contains("- tenant.tier = gold\n"), "{replayed}");
    assert!(plugin(&["check", &noop_file, "--tenant", "demo"]).contains("the same hooks"));

    plugin(&["install", "demo", &noop_file]);
    assert_eq!(std::fs::read(plugged.folder().plugin()).unwrap(), noop);
    plugin(&["rollback", "demo"]);
    assert_eq!(std::fs::read(plugged.folder().plugin()).unwrap(), rust);
    assert_eq!(std::fs::read(plugged.folder().previous()).unwrap(), noop);
    plugin(&["remove", "demo"]);
    assert!(!plugged.folder().plugin().exists());
    assert!(plugin(&["status", "demo"]).contains("demo has no plugin"));
    let told = tokio::task::block_in_place(|| refused(&["plugin", "enable", "demo", "--config", &config]));
    assert!(told.contains("demo has no plugin, so there is nothing to switch on"), "{told}");

    // The case has addresses of its own, which are not on this tenant's list.
    let case = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../plugin/examples/cases/the-crm-is-told-who-installed-a-pass.json");
    let words =
        ["plugin", "test", &rust_file, "--case", case.to_str().unwrap(), "--tenant", "demo", "--config", &config];
    let told = tokio::task::block_in_place(|| refused(&words));
    assert!(told.contains("denied: request customer") && told.contains("0 of 1 cases are fine"), "{told}");

    let core = file(folder.path(), "core.wasm", b"\0asm\x01\0\0\0");
    let told = tokio::task::block_in_place(|| refused(&["plugin", "install", "demo", &core, "--config", &config]));
    assert!(told.contains("is not installed") && told.contains("this is a core module"), "{told}");
    assert!(!plugged.folder().plugin().exists(), "nothing was put there");
}

/// What `passerelle plugin new` copies.
fn template(lang: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/server/templates/plugin").join(lang)
}

#[tokio::test]
async fn what_the_plugin_of_each_template_sends_is_allowed_where_simulate_writes_and_taken_by_its_crm() {
    let world = Simulator::start(SimulatorConfig::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = example::write(folder.path(), &world, "127.0.0.1:8080".parse().unwrap()).unwrap();
    example::let_plugins_and_shop_in(folder.path(), &world).unwrap();
    let (tenants, _) = Tenants::open(&Settings::read(&config).unwrap());
    let tenant = tenants.get(&TenantId::parse(example::TENANT).unwrap()).unwrap();
    let setup = &tenant.plugin;
    for lang in ["rust", "js", "python"] {
        let case = Case::parse(&std::fs::read(template(lang).join("case.json")).unwrap()).unwrap();
        // Its settings are those of the configuration, whose CRM has another address.
        let [(name, example)] = case.call.call.settings.as_slice() else { panic!("{lang}: another setting") };
        let (_, crm) = setup.settings.iter().find(|(known, _)| known == name).unwrap();
        let expected = case.expected.unwrap().result;
        for request in expected["deliver"].as_array().unwrap() {
            let text = |name: &str| request[name].as_str().unwrap().to_owned();
            let headers = request["headers"].as_object().unwrap().iter();
            let wanted = Request {
                name: text("name"),
                method: Verb::Post,
                url: text("url").replace(example, crm),
                headers: headers.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect(),
                body: request["body"].to_string().into_bytes(),
                credential: Some(text("credential")),
            };
            let judged = judge(vec![wanted], setup).unwrap();
            assert!(judged[0].is_ok(), "{lang}: {:?}", judged[0].as_ref().err());
            for name in EVENT_TEXTS {
                assert!(request["body"][name].as_str().is_some_and(|text| !text.is_empty()), "{lang}: no {name}");
            }
        }
    }
    world.stop().await;
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_simulate_one_call_sells_a_ticket_onto_a_phone_and_the_installed_plugin_tells_the_crm() {
    let folder = tempfile::tempdir().unwrap();
    let simulated = folder.path().join("simulated").display().to_string();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let mut simulator = Command::new(process::binary());
    simulator.args(["simulate", "--folder", &simulated, "--port", "0", "--server", &address]);
    let mut simulator = Running(simulator.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut said = BufReader::new(simulator.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    let control = said.find_map(|line| line.trim().strip_prefix("what to do with them").map(|it| it.trim().to_owned()));
    let control = Caller::new(control.unwrap(), String::new());
    assert!(said.any(|line| line.contains("make a new API key")), "the configuration is written");

    let config = format!("{simulated}/passerelle.toml");
    let file = file(folder.path(), "crm.wasm", &component("crm-rust"));
    let plugin = |words: &[&str]| process::run(&[&["plugin"], words, &["--config", &config]].concat());
    plugin(&["install", "demo", &file]);
    let mut server = Command::new(process::binary());
    server.args(["serve", "--config", &config]).stdout(Stdio::null()).stderr(Stdio::null());
    let _server = Running(server.spawn().unwrap());
    until("the plugin is in force", async || {
        tokio::task::block_in_place(|| plugin(&["status", "demo"])).contains("Pass:Installed")
    })
    .await;

    let path = "/control/iphone/ada/buy";
    let bought = control.json(Method::POST, path, Some(json!({"product": "CARMEN"}))).await.unwrap();
    let serial = bought["pass"]["serial"].as_str().unwrap().to_owned();
    let told = async || {
        let events = control.json(Method::GET, "/control/crm-api/events", None).await.unwrap();
        let of = |entry: &Value| entry["event"]["event"] == "installed" && entry["event"]["passId"] == serial.as_str();
        events.as_array().unwrap().iter().any(|entry| of(entry) && entry["from"] == "plugin")
    };
    until("the CRM was told", told).await;
    // The terminal of the simulator has it too.
    let shown = said.find(|line| line.contains("/wallet-events -> 200") && line.contains("\"installed\""));
    assert!(shown.is_some_and(|line| line.contains(&serial)));

    let wrong = control.call(Method::POST, path, Some(json!({"product": "NOTHING"}))).await.unwrap();
    assert_eq!(wrong.status, 400);
}
