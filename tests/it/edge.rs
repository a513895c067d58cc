//! The edge from outside: what is its own and not the flow's. On the program that `SPIN_BIN` names (`cargo xtask test` brings one).

pub mod plugin;
mod sweep;

use std::path::Path;

use http::{Method, StatusCode};
use passerelle_connector::contract::scenario::Answer;
use passerelle_server::demo::client::Caller;
use passerelle_server::demo::edge::{self as spin_edge, EdgeOptions, Spin};
use passerelle_server::demo::stage::{Stage, StageOptions};
use passerelle_server::example;
use passerelle_simulator::{AppleConfig, KeyKind, Simulator, SimulatorConfig};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::agreement::other_side::Wrong;
use crate::agreement::side::Side;
use crate::house::{Reply, copy, until};
use crate::spin::{self, OwnFlag};

/// The least that puts every task and every retry of these tests into the past.
const LATER: i64 = 130_000;

#[tokio::test(flavor = "multi_thread")]
async fn every_scenario_of_the_demo_ends_on_spin_as_on_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let options = StageOptions { spin: Some(spin::with_cache(&spin::program())), ..StageOptions::default() };
    let one = spin::starting().await;
    let stage = Stage::set(folder.path(), options).await.unwrap();
    drop(one);
    let report = passerelle_server::demo::play(&stage).await.unwrap();
    let wrong: Vec<_> = report.scenarios.iter().filter(|scenario| !scenario.ok).collect();
    assert!(wrong.is_empty(), "{}", serde_json::to_string_pretty(&wrong).unwrap());
    stage.strike().await.unwrap();
}

/// An edge with these tenants, and a world around it.
struct Edge {
    world: Simulator,
    side: Side,
    /// Its clock can be put forward.
    clock: bool,
}

impl Edge {
    async fn new(tenants: &[&str]) -> Self {
        Self::with(tenants, &spin::program(), EdgeOptions::default()).await
    }

    async fn with(tenants: &[&str], program: &Spin, more: EdgeOptions) -> Self {
        let apple = AppleConfig { key: KeyKind::P256, ..AppleConfig::default() };
        let world = Simulator::start(SimulatorConfig { apple, ..SimulatorConfig::default() }).await.unwrap();
        let clock = spin::takes(program, OwnFlag::ClockFile);
        let one = spin::starting().await;
        let side = Side::edge(&world, tenants, &spin::with_cache(program), clock, more).await;
        drop(one);
        for tenant in tenants {
            side.other.answer(tenant, Some(Answer::File(purchase())));
        }
        Self { world, side, clock }
    }

    async fn notify(&self, tenant: &str) -> Reply {
        let body = json!({"orderSecretToken": "9f3c0c7e5b", "state": "PAID", "lastUpdate": null}).to_string();
        self.side.ask("POST", &listener(tenant), &[("content-type", "application/json")], body).await
    }

    async fn end(self) {
        self.side.end().await;
        self.world.stop().await;
    }
}

fn listener(tenant: &str) -> String {
    format!("/api/{tenant}/webhooks/listeners/secutix/orders")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_answered_with_every_kind_of_value() {
    let edge = Edge::new(&["opera"]).await;
    assert_eq!(edge.notify("opera").await.status, StatusCode::OK);
    edge.side.advance(LATER);
    edge.side.drive().await;
    let ask = async |query: &str| {
        edge.side
            .post("opera", "/api/opera/insights/query", &json!({"query": query, "parameters": {"half": 0.5}}))
            .await
    };
    let query = "Logs | where eventType == 'Run:Finished' | summarize runs = count(), share = half * count(), last = max(timestamp), \
        states = make_set(message) by known = isnotempty(operationId) | extend nothing = tolong('none'), age = last - last";
    let reply = ask(query).await;
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    let row = reply.json()["rows"][0].clone();
    assert_eq!((&row[0], &row[1], &row[2]), (&json!(true), &json!(1), &json!(0.5)), "{row}");
    assert!(row[3].as_str().unwrap().ends_with('Z') && row[4] == json!(["done"]), "{row}");
    assert_eq!((&row[5], &row[6]), (&Value::Null, &json!("00:00:00")), "{row}");
    // The sweep has kept the hour's figures.
    let figures = ask("Metrics | where metricType == 'Tasks:Dead' | summarize dcount(metricType)").await.json();
    assert_eq!(figures["rows"], json!([[1]]), "{figures}");
    let wrong = ask("Events | cuont").await;
    assert_eq!(wrong.problem(400, "invalid-query")["position"]["column"], 10);
    edge.end().await;
}

/// One ticket, sold.
pub fn purchase() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/purchase-of-one-ticket/after.json");
    std::fs::read(path).unwrap()
}

/// Neither the host's own headers nor a secret.
fn tells_nothing(edge: &Edge, reply: &Reply) {
    assert!(reply.headers.keys().all(|name| !name.as_str().starts_with("spin-")), "{:?}", reply.headers);
    let whole = format!("{:?} {}", reply.headers, String::from_utf8_lossy(&reply.body));
    for secret in edge.side.secrets() {
        assert!(!whole.contains(&secret), "{whole}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_is_believed_nothing_in_the_hosts_name_and_heard_up_to_a_limit() {
    let edge = Edge::new(&["opera"]).await;
    let forged = [
        ("spin-path-info", "/internal/sweep"),
        ("spin-full-url", "http://evil.example/internal/sweep"),
        ("spin-raw-component-route", "/internal/..."),
        ("spin-client-addr", "127.0.0.1:1"),
        ("spin-client-addr", "6.6.6.6:6"),
    ];
    for (method, path) in [("GET", "/api/opera/passes/AAAAAAAAAAAAAAAA"), ("POST", "/internal/sweep"), ("GET", "/no")] {
        let plain = edge.side.ask(method, path, &[("x-correlation-id", "the-same-one")], "").await;
        let headers = [&forged[..], &[("x-correlation-id", "the-same-one")]].concat();
        let reply = edge.side.ask(method, path, &headers, "").await;
        assert_eq!((plain.status, &plain.body), (reply.status, &reply.body), "{path}");
        assert!(reply.status.is_client_error(), "{path}");
        tells_nothing(&edge, &reply);
    }

    // What flow and connector may say of it is behind the limit.
    let limit = 256 * 1024;
    let below = edge.side.post("opera", "/api/opera/passes", &Value::from("x".repeat(limit - 2))).await;
    below.problem(400, "invalid-request");
    let above = edge.side.post("opera", "/api/opera/passes", &Value::from("x".repeat(limit - 1))).await;
    above.problem(413, "too-large");
    tells_nothing(&edge, &above);

    // An answer after I/O has nothing to say, and says it without a body.
    let accepted = edge.notify("opera").await;
    assert_eq!((accepted.status, accepted.body.len()), (StatusCode::OK, 0));
    assert_eq!(accepted.header("content-length"), "0");
    tells_nothing(&edge, &accepted);
    edge.side.advance(LATER);
    edge.side.drive().await;
    let found = edge.side.get("opera", "/api/opera/passes/findPass?secutix.movementId=10228310724999").await;
    let pass = found.json()["id"].as_str().unwrap().to_owned();
    let described = edge.side.get("opera", &format!("/api/opera/passes/{pass}")).await;
    tells_nothing(&edge, &described);
    let link = described.json()["links"]["apple"].as_str().unwrap().to_owned();
    let package = crate::house::Package::of(&edge.side.ask("GET", &link, &[], "").await);
    let proof = format!("ApplePass {}", package.pass["authenticationToken"].as_str().unwrap());
    let device = format!("/apple/opera/v1/devices/0123456789abcdef/registrations/{}/{pass}", edge.world.pass_type());
    for (method, body, expected) in
        [("POST", r#"{"pushToken":"aa11"}"#, 201), ("POST", r#"{"pushToken":"aa11"}"#, 200), ("DELETE", "", 200)]
    {
        let reply = edge.side.ask(method, &device, &[("authorization", &proof)], body).await;
        assert_eq!((reply.status.as_u16(), reply.body.len()), (expected, 0), "{method}");
    }
    let path = format!("/apple/opera/v1/passes/{}/{pass}", edge.world.pass_type());
    let known = [("authorization", proof.as_str()), ("if-modified-since", package.last_modified.as_str())];
    let unchanged = edge.side.ask("GET", &path, &known, "").await;
    assert_eq!((unchanged.status, unchanged.body.len()), (StatusCode::NOT_MODIFIED, 0));
    edge.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_to_a_server_is_told_and_everything_else_is_served() {
    let world = Simulator::start(SimulatorConfig::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    example::write(folder.path(), &world, address).unwrap();
    // A tenant as a server may have it: its secret is in the environment of the process.
    let home = folder.path().join("tenants");
    copy(&home.join("demo"), &home.join("vault"));
    let file = home.join("vault/tenant.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("\"file:secutix.secret\""));
    std::fs::write(&file, text.replace("\"file:secutix.secret\"", "\"env:PATH\"")).unwrap();
    // And nobody has set the sweep's token.
    let variables = vec![("sweep_token".to_owned(), String::new())];
    let options = EdgeOptions { variables, unscheduled: true, ..EdgeOptions::default() };
    let one = spin::starting().await;
    let program = spin::with_cache(&spin::program());
    let edge = spin_edge::Edge::start(&program, folder.path(), &world, address, options).await.unwrap();
    drop(one);
    let caller = Caller::new(format!("http://{address}"), "x".to_owned());
    let ask = async |method: &str, path: &str| {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let reply = caller.call(method, path, None).await.unwrap();
        (reply.status.as_u16(), serde_json::from_slice::<Value>(&reply.body).unwrap_or_default()["type"].clone())
    };

    let document = caller.json(Method::GET, "/openapi.json", None).await.unwrap();
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in
            item.as_object().unwrap().keys().filter(|key| ["get", "post", "put", "delete"].contains(&key.as_str()))
        {
            let filled = |tenant: &str| {
                let segments = path.split('/').map(|segment| match segment {
                    "{tenantId}" => tenant,
                    segment if segment.starts_with('{') => "AAAAAAAAAAAAAAAA",
                    segment => segment,
                });
                segments.collect::<Vec<_>>().join("/")
            };
            let (status, kind) = ask(&method.to_uppercase(), &filled("demo")).await;
            assert!(status < 500 && kind != "urn:passerelle:problem:unknown-path", "{method} {path}: {status} {kind}");
            if path.contains("{tenantId}") {
                let left = ask(&method.to_uppercase(), &filled("vault")).await;
                assert_eq!(left, (501, json!("urn:passerelle:problem:server-only")), "{method} {path}");
                asked += 1;
            }
        }
    }
    assert!(asked >= 10, "only {asked} paths name a tenant");
    for shown in ["GET", "POST"] {
        let unknown = (404, json!("urn:passerelle:problem:unknown-path"));
        assert_eq!(ask(shown, "/internal/sweep").await, unknown, "a sweep that nobody guards");
    }
    edge.stop().await.unwrap();
    world.stop().await;
}

/// The application, with a connector that traps as soon as it is to judge a notification.
fn trapping(program: &Spin) -> (TempDir, Spin) {
    let folder = tempfile::tempdir().unwrap();
    let home = program.manifest.parent().unwrap();
    for file in ["spin.toml", "target/spin/edge.wasm", "target/component/connector.wasm"] {
        let to = folder.path().join(file);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(home.join(file), to).unwrap();
    }
    let file = folder.path().join("target/component/connector.wasm");
    let mut bytes = std::fs::read(&file).unwrap();
    let first = first_instruction(&bytes, "passerelle:connector/webhook@0.1.0#validate");
    // `unreachable`, as often as it takes; whatever follows is valid behind it.
    bytes[first].fill(0);
    std::fs::write(&file, bytes).unwrap();
    let manifest = folder.path().join("spin.toml");
    (folder, Spin { manifest, ..program.clone() })
}

/// Where the first instruction of an exported core function is that opens no block.
fn first_instruction(component: &[u8], export: &str) -> std::ops::Range<usize> {
    use wasmparser::{ExternalKind, Operator, Parser, Payload, TypeRef};
    let (mut imported, mut wanted, mut body) = (0, None, 0);
    for payload in Parser::new(0).parse_all(component) {
        match payload.unwrap() {
            Payload::Version { .. } => (imported, wanted, body) = (0, None, 0),
            Payload::ImportSection(section) => {
                let imports = section.into_imports().map(Result::unwrap);
                imported = imports.filter(|import| matches!(import.ty, TypeRef::Func(_))).count();
            }
            Payload::ExportSection(section) => {
                let mut exports = section.into_iter().map(Result::unwrap);
                let found = exports.find(|it| it.kind == ExternalKind::Func && it.name.ends_with(export));
                wanted = found.map(|export| usize::try_from(export.index).unwrap() - imported);
            }
            Payload::CodeSectionEntry(code) => {
                if wanted == Some(body) {
                    let operators: Vec<_> =
                        code.get_operators_reader().unwrap().into_iter_with_offsets().map(Result::unwrap).collect();
                    let opens = |operator: &Operator<'_>| {
                        matches!(operator, Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. })
                    };
                    let at = operators.iter().position(|(operator, _)| !opens(operator)).unwrap();
                    return operators[at].1..operators[at + 1].1;
                }
                body += 1;
            }
            _ => {}
        }
    }
    panic!("no core function is exported as {export}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_traps_takes_no_other_one_with_it() {
    let (_folder, program) = trapping(&spin::program());
    let edge = Edge::with(&["opera"], &program, EdgeOptions::default()).await;
    edge.side.other.hold(&["opera"]);
    let path = "/api/opera/external/secutix/orders/getTicketsUrl/10000702600";
    let traps = async {
        until("SecuTix is being asked", async || edge.side.other.asked("opera") == 1).await;
        for _ in 0..3 {
            let trapped = edge.notify("opera").await;
            assert_eq!((trapped.status, trapped.body.len()), (StatusCode::INTERNAL_SERVER_ERROR, 0));
        }
        assert_eq!(edge.side.ask("GET", "/health/ready", &[], "").await.status, 200);
        edge.side.other.hold(&[]);
    };
    let (tickets, ()) = tokio::join!(edge.side.get("opera", path), traps);
    assert_eq!(tickets.status, 200, "{}", String::from_utf8_lossy(&tickets.body));
    assert_eq!(tickets.json()["tickets"][0]["pass"]["state"], "live");
    edge.end().await;
}

/// A process and what it has started, gone when this is.
pub struct Family(std::process::Child);

impl Drop for Family {
    fn drop(&mut self) {
        let group = format!("-{}", self.0.id());
        _ = std::process::Command::new("kill").args(["-KILL", "--", &group]).status();
        _ = self.0.wait();
    }
}

impl Family {
    pub fn start(command: &mut std::process::Command) -> Self {
        use std::os::unix::process::CommandExt as _;
        Self(command.process_group(0).stdin(std::process::Stdio::null()).spawn().unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_simulator_writes_for_spin_runs_with_the_words_that_it_prints() {
    use std::io::BufRead as _;
    let program = spin::with_cache(&spin::program());
    let folder = tempfile::tempdir().unwrap();
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut simulator = Family::start(
        std::process::Command::new(crate::process::binary())
            .args(["simulate", "--port", "0", "--server", &address, "--spin"])
            .arg(&program.manifest)
            .arg("--folder")
            .arg(folder.path().join("simulated"))
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null()),
    );
    let said = std::io::BufReader::new(simulator.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut said = said.skip_while(|line| !line.starts_with("  spin up "));
    let mut words = String::new();
    for line in said.by_ref() {
        words.push_str(line.trim_end_matches('\\'));
        if !line.ends_with('\\') {
            break;
        }
    }
    let sweep = said.find(|line| line.trim_start().starts_with("curl ")).unwrap();
    let token = sweep.split("Bearer ").nth(1).and_then(|rest| rest.split('\'').next()).unwrap();

    let one = spin::starting().await;
    // Without `spin up`, which the test's own program may be called by other words.
    let words = words.split_whitespace().skip(2);
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    let edge = Family::start(
        std::process::Command::new(&program.program)
            .args(&program.words)
            .args(words)
            .stdout(log.try_clone().unwrap())
            .stderr(log),
    );
    let caller = Caller::new(format!("http://{address}"), String::new());
    let ready = async || caller.call(Method::GET, "/health/ready", None).await.is_ok_and(|reply| reply.status == 200);
    let began = std::time::Instant::now();
    while !ready().await {
        let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
        assert!(began.elapsed() < std::time::Duration::from_secs(120), "{log}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    drop(one);
    let swept = caller.sweep(token).await.unwrap();
    assert_eq!(swept.status, 200, "{}", String::from_utf8_lossy(&swept.body));
    // The tenant is in force: its key is asked for, not its name.
    assert_eq!(caller.call(Method::GET, "/api/demo/passes/AAAAAAAAAAAAAAAA", None).await.unwrap().status, 401);
    // Its folder is looked at where a person sits, with the same variables.
    let config = folder.path().join("check.toml");
    std::fs::write(
        &config,
        "server.public_url = \"http://localhost\"\ntenants.folder = \"simulated/tenants\"\negress.plain_http = true\n",
    )
    .unwrap();
    let check = |more: &[&std::ffi::OsStr]| {
        let mut command = std::process::Command::new(crate::process::binary());
        let output = command.arg("check").arg("--config").arg(&config).args(more).output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    let (good, told) = check(&["--variables".as_ref(), folder.path().join("simulated/variables.toml").as_os_str()]);
    assert!(good && told.contains("certificate") && !told.contains('✗'), "{told}");
    let (good, told) = check(&[]);
    assert!(!good && told.contains("this host has no secrets of that kind"), "{told}");
    drop((edge, simulator));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secutix_that_floods_or_sends_elsewhere_is_given_up() {
    let edge = Edge::new(&["opera", "other"]).await;
    let path = "/api/opera/external/secutix/orders/getTicketsUrl/10000702600";
    for wrong in [Wrong::Floods(64 << 20), Wrong::Redirects(edge.side.other.url("other", "secutix/getFileDetails"))] {
        edge.side.other.go_wrong("opera", wrong.clone());
        let reply = edge.side.get("opera", path).await;
        assert_eq!(reply.status, StatusCode::BAD_GATEWAY, "{wrong:?}");
        tells_nothing(&edge, &reply);
    }
    assert_eq!(edge.side.other.asked("other"), 0, "nobody is sent elsewhere");
    edge.end().await;
}
