//! The commands as a person types them: the real binary, its exit code, what it prints and what it writes.
//!
//! Owns what no test of the library can see: arguments, exit codes, `--report`, and the end that a service manager asks for.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use http::Method;
use passerelle_simulator::{Holder, Origin};
use serde_json::Value;

use crate::house::until;
use crate::process::{Process, binary};

/// `passerelle` with these arguments, to its end, with nothing to read.
fn passerelle(arguments: &[&str]) -> Output {
    Command::new(binary()).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn case(name: &str, file: &str) -> String {
    root().join("tests/cases").join(name).join(file).display().to_string()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn told(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn report(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Asks a process to end, as a service manager does.
fn terminate(child: &Child) {
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn explain_tells_a_change_in_words_and_says_in_its_report_when_it_cannot() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("explain.json");
    let file = path.display().to_string();
    let (before, after) = (case("reprint", "before.json"), case("reprint", "after.json"));
    let change = case("reprint", "notification.json");
    let good = passerelle(&["explain", "--before", &before, "--after", &after, "--change", &change, "--report", &file]);
    assert_eq!(good.status.code(), Some(0), "{}", told(&good.stderr));
    let text = told(&good.stdout);
    assert!(text.contains("Reprinting of a ticket") && text.contains("printed again"), "{text}");
    let written = report(&path);
    assert_eq!(written["ok"], true);
    assert_eq!(written["findings"][0]["use_case"], "reprint");

    for unreadable in [case("answer-without-orders", "after.json"), "/nowhere/after.json".to_owned()] {
        std::fs::remove_file(&path).unwrap();
        let bad = passerelle(&["explain", "--after", &unreadable, "--report", &file]);
        assert_eq!(bad.status.code(), Some(2));
        let written = report(&path);
        assert_eq!(written["ok"], false);
        assert!(told(&bad.stderr).contains(written["error"].as_str().unwrap()), "{written}");
    }
}

#[test]
fn another_connector_than_the_embedded_one_is_used_when_a_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let none = folder.path().join("none.wasm");
    std::fs::write(&none, b"no component").unwrap();
    let after = case("reprint", "after.json");
    let refused = passerelle(&["explain", "--after", &after, "--connector", &none.display().to_string()]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(told(&refused.stderr).contains("the connector"), "{}", told(&refused.stderr));
    let (nowhere, path) = ("/nowhere/connector.wasm", folder.path().join("explain.json"));
    let file = path.display().to_string();
    let missing = passerelle(&["--connector", nowhere, "explain", "--after", &after, "--report", &file]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(told(&missing.stderr).contains(nowhere), "{}", told(&missing.stderr));
    assert_eq!(report(&path)["ok"], false);

    let built = folder.path().join("copy.wasm");
    std::fs::write(&built, passerelle_server::connector::CONNECTOR).unwrap();
    let used = passerelle(&["explain", "--after", &after, "--connector", &built.display().to_string()]);
    assert_eq!(used.status.code(), Some(0), "{}", told(&used.stderr));
    assert_eq!(used.stdout, passerelle(&["explain", "--after", &after]).stdout);
}

/// What is documented of `demo --report`, and that nothing of the play was left out.
#[test]
fn the_demo_plays_everything_and_reports_it_in_the_documented_form() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("demo.json");
    let played = passerelle(&["demo", "--report", &path.display().to_string()]);
    let text = told(&played.stdout);
    assert_eq!(played.status.code(), Some(0), "{text}{}", told(&played.stderr));
    let report = report(&path);
    assert_eq!(report["ok"], true);
    let scenarios = report["scenarios"].as_array().unwrap();
    let cases: Vec<&str> = scenarios.iter().map(|scenario| scenario["case"].as_str().unwrap()).collect();
    for sold in ["single ticket", "family of four", "season ticket", "member card"] {
        assert!(cases.contains(&sold), "{sold} was not played: {cases:?}");
    }
    assert_eq!(cases.len(), 4 + 7 + 2, "sales, use cases, a scan and a burst: {cases:?}");
    for scenario in scenarios {
        assert_eq!(scenario["ok"], true, "{scenario}");
        assert!(["case", "recognised"].iter().all(|name| scenario[name].is_string()), "{scenario}");
        assert!(scenario["facts"].is_object() && scenario["passes"].is_array(), "{scenario}");
        assert!(scenario["secutix_calls"].is_u64(), "{scenario}");
        assert!(scenario["notification_to_phone_ms"].is_null() || scenario["notification_to_phone_ms"].is_i64());
        assert_eq!(scenario["facts"].as_object().unwrap().len(), 10, "{scenario}");
        let why = scenario["explanation"].as_str().unwrap();
        assert!(why.contains(", because ") && why.ends_with('.'), "{why}");
        // On the terminal its words are broken into lines.
        let last = why.trim_end_matches('.').rsplit(' ').next().unwrap();
        assert!(text.contains(last), "{last}: {text}");
        for pass in scenario["passes"].as_array().unwrap() {
            for name in ["phone", "movement", "before", "after"] {
                assert!(pass[name].is_string(), "{pass}");
            }
        }
    }
    let family = scenarios.iter().find(|scenario| scenario["case"] == "family of four").unwrap();
    assert_eq!(family["passes"].as_array().unwrap().len(), 4 * 2, "each ticket on both phones");
}

#[test]
fn a_demo_that_cannot_begin_says_so_in_its_report() {
    let folder = tempfile::tempdir().unwrap();
    let (path, occupied) = (folder.path().join("demo.json"), folder.path().join("occupied"));
    std::fs::write(&occupied, b"a file where a folder is to be").unwrap();
    let arguments = ["demo", "--folder", &occupied.display().to_string(), "--report", &path.display().to_string()];
    assert_eq!(passerelle(&arguments).status.code(), Some(2));
    let report = report(&path);
    assert_eq!(report["ok"], false);
    assert!(report["error"].as_str().unwrap().contains("occupied"), "{report}");
}

#[test]
fn simulate_writes_a_configuration_that_check_finds_in_order_and_ends_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let simulated = folder.path().join("simulated").display().to_string();
    let mut child = Command::new(binary())
        .args(["simulate", "--folder", &simulated, "--port", "0"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let printed: Vec<String> = lines.take_while(|line| !line.contains("make a new API key")).collect();
    let config = format!("{simulated}/passerelle.toml");
    assert!(printed.iter().any(|line| line.contains(&format!("passerelle serve --config {config}"))), "{printed:?}");

    let path = folder.path().join("check.json");
    let check = || passerelle(&["check", "--config", &config, "--report", &path.display().to_string()]);
    let good = check();
    assert_eq!(good.status.code(), Some(0), "{}", told(&good.stdout));
    assert_eq!(report(&path)["ok"], true);
    let tenant = format!("{simulated}/tenants/demo/tenant.toml");
    let text = std::fs::read_to_string(&tenant).unwrap();
    std::fs::write(&tenant, text.replace("operator =", "operater =")).unwrap();
    let bad = check();
    assert_eq!(bad.status.code(), Some(1));
    assert!(told(&bad.stdout).contains("operater") && told(&bad.stdout).contains("operator"), "{}", told(&bad.stdout));
    assert_eq!(report(&path)["ok"], false);

    terminate(&child);
    assert!(child.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn record_saves_an_answer_without_anybodys_name_and_overwrites_nothing() {
    let process = Process::new().await;
    let holder = Holder::new("Augustina", "Lovelace");
    let sale = process.world.secutix().sell_single("CARMEN", holder, Origin::TicketShop).await.unwrap();
    let (file, config) = (sale.file().unwrap().to_string(), process.config());
    let out = process.folder.path().join("recorded");
    let into = out.display().to_string();
    let arguments = ["record", "--config", &config, "--tenant", "demo", "--file", &file, "--out", &into];
    // Nothing is typed: one answer is enough.
    let recorded = passerelle(&arguments);
    assert_eq!(recorded.status.code(), Some(0), "{}", told(&recorded.stderr));
    let written: Vec<PathBuf> = std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!written.is_empty());
    for path in &written {
        assert!(told(&recorded.stdout).contains(&path.display().to_string()), "{}", told(&recorded.stdout));
        let text = std::fs::read_to_string(path).unwrap();
        assert!(!text.contains("Augustina") && !text.contains("Lovelace"), "{text}");
    }
    assert_eq!(passerelle(&arguments).status.code(), Some(2), "a recording was overwritten");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_and_a_run_that_are_under_way_are_finished_before_the_server_ends() {
    let mut process = Process::new().await;
    let secutix = process.world.secutix().clone();
    let sale = secutix.sell_single("CARMEN", Holder::new("Ada", "Lovelace"), Origin::TicketShop).await.unwrap();
    process.rest().await;
    let file = sale.file().unwrap();
    process.put_on_phones(file).await;
    process.rest().await;
    let runs = count(&process, DONE);
    let began = jiff::Timestamp::now().as_millisecond();
    let asked = || count(&process, &format!("SELECT coalesce(sum(spent), 0) FROM spending WHERE at >= {began}"));
    // Long enough to be asked to stop in the middle of it.
    secutix.oddities(|odd| odd.slow = std::time::Duration::from_secs(2));
    secutix.reprint(sale.movements()[0], Origin::TicketShop).await.unwrap();
    let path = format!("/api/demo/external/secutix/orders/getTicketsUrl/{file}");
    let request = process.caller().json(Method::GET, &path, None);
    let stop = async {
        until("the run and the request are with SecuTix", async || asked() == 2).await;
        terminate(process.child());
    };
    let (answer, ()) = tokio::join!(request, stop);
    assert_eq!(answer.unwrap()["tickets"].as_array().unwrap().len(), 1);
    assert!(process.ended().success());
    assert_eq!(count(&process, DONE), runs + 1);
    assert_eq!(count(&process, "SELECT count(*) FROM task WHERE state <> 'idle'"), 0);
    let log = std::fs::read_to_string(process.log()).unwrap();
    assert!(log.contains("requests and runs in progress are finished first"));
}

/// Runs that changed passes.
const DONE: &str = "SELECT count(*) FROM run WHERE outcome = 'done'";

fn count(process: &Process, sql: &str) -> i64 {
    let database = rusqlite::Connection::open(process.store()).unwrap();
    database.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// The build script, where no component has been built.
#[test]
fn a_plain_cargo_build_without_the_connector_ends_in_a_sentence_that_says_what_to_run() {
    let folder = tempfile::tempdir().unwrap();
    let crate_folder = folder.path().join("host/server");
    std::fs::create_dir_all(&crate_folder).unwrap();
    let script = folder.path().join("script");
    let compiled = Command::new("rustc")
        .args(["--edition", "2024", "-o"])
        .arg(&script)
        .arg(root().join("host/server/build.rs"))
        .env("CARGO_MANIFEST_DIR", &crate_folder)
        .status()
        .unwrap();
    assert!(compiled.success());
    let said = || told(&Command::new(&script).output().unwrap().stdout);
    let error = said().lines().find_map(|line| line.strip_prefix("cargo::error=").map(str::to_owned)).unwrap();
    assert!(error.contains("is not built yet") && error.contains("cargo xtask build"), "{error}");

    for file in ["target/component/connector.wasm", "target/plugin/noop.wasm"] {
        let file = folder.path().join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, b"").unwrap();
    }
    assert!(!said().contains("cargo::error=") && said().contains("PASSERELLE_CONNECTOR="), "{}", said());
}
