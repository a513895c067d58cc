//! Work after the answer: the sweep that is asked for, and the edge's own.

use passerelle_server::demo::application::SWEEP_TOKEN;
use passerelle_server::demo::client::Caller;
use passerelle_server::demo::edge::{self as spin_edge, EdgeOptions};
use passerelle_server::example;
use passerelle_simulator::{Simulator, SimulatorConfig};
use serde_json::{Value, json};

use super::{Edge, LATER, tells_nothing};
use crate::house::{Package, until};
use crate::spin;
use crate::store::rows;

/// Longer than any sweep here takes; a sweep ends when nothing is left.
const PLENTY_MS: u32 = 60_000;

#[tokio::test(flavor = "multi_thread")]
async fn the_sweep_opens_to_its_token_alone_and_says_what_it_did() {
    let edge = Edge::new(&["opera"]).await;
    let path = "/internal/sweep?budget_ms=0";
    for shown in
        [None, Some("Bearer"), Some("Bearer "), Some("Bearer x"), Some("Basic the-demo-s-own"), Some("the-demo-s-own")]
    {
        let headers: Vec<(&str, &str)> = shown.map(|shown| ("authorization", shown)).into_iter().collect();
        let reply = edge.side.ask("POST", path, &headers, "").await;
        reply.problem(401, "unauthorised");
        assert_eq!(reply.header("www-authenticate"), "Bearer", "{shown:?}");
        tells_nothing(&edge, &reply);
    }
    let opened = [("authorization", "Bearer the-demo-s-own")];
    edge.side.ask("GET", path, &opened, "").await.problem(405, "method-not-allowed");
    for budget in ["-1", "600001", "soon"] {
        let reply = edge.side.ask("POST", &format!("/internal/sweep?budget_ms={budget}"), &opened, "").await;
        reply.problem(400, "invalid-request");
    }
    let report = edge.side.sweep(0).await;
    let nothing = json!({
        "tasks": 0, "effects": 0, "unrecorded": 0, "tasks_waiting": 0, "effects_waiting": 0, "deliveries": 0,
        "deliveries_waiting": 0, "drained": true, "erased": 0,
        "looked": 0, "compared": 0, "forgotten": 0,
    });
    assert_eq!(report, nothing);
    edge.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_registers_once_an_hour_what_a_tenant_wants_registered_at_the_start() {
    let world = Simulator::start(SimulatorConfig::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    example::write(folder.path(), &world, address).unwrap();
    let file = folder.path().join("tenants/demo/tenant.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("\n[vibes]\n", "\n[vibes]\nregister_at_start = true\n")).unwrap();
    let options = EdgeOptions { unscheduled: true, ..EdgeOptions::default() };
    let one = spin::starting().await;
    let program = spin::with_cache(&spin::program());
    let edge = spin_edge::Edge::start(&program, folder.path(), &world, address, options).await.unwrap();
    drop(one);
    let caller = Caller::new(format!("http://{address}"), String::new());
    for _ in 0..2 {
        assert_eq!(caller.sweep(SWEEP_TOKEN).await.unwrap().status, 200);
    }
    let vibes = world.vibes();
    assert_eq!(vibes.registrations().len(), 2 * vibes.campaigns().len());
    assert_eq!(vibes.calls().iter().filter(|call| call.method == "GET").count(), 1, "the hour is not over");
    // What is registered leads to the edge.
    let item = vibes.item("r3zhm8", serde_json::Map::new());
    vibes.install(&item, "apple").await;
    assert_eq!(vibes.deliveries()[0].statuses, [200]);
    edge.stop().await.unwrap();
    world.stop().await;
}

/// More than a sweep runs at once.
const TENANTS: [&str; 6] = ["t1", "t2", "t3", "t4", "t5", "t6"];

async fn runs(edge: &Edge) -> Vec<(usize, usize)> {
    let mut runs = Vec::new();
    for tenant in TENANTS {
        let found =
            edge.side.get(tenant, &format!("/api/{tenant}/passes/findPass?secutix.movementId=10228310724999")).await;
        let pass = found.json()["id"].as_str().unwrap().to_owned();
        let history = edge.side.get(tenant, &format!("/api/{tenant}/passes/{pass}/history")).await.json();
        runs.push((edge.side.other.asked(tenant), history.as_array().unwrap().len()));
    }
    runs
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sweeps_at_once_do_everything_once() {
    let edge = Edge::new(&TENANTS).await;
    // Neither ends before all has begun: each claims as many as it runs at once, and no more than the others have left.
    edge.side.other.hold(&TENANTS);
    for tenant in TENANTS {
        assert_eq!(edge.notify(tenant).await.status, 200);
    }
    edge.side.advance(LATER);
    let asked = || TENANTS.iter().map(|tenant| edge.side.other.asked(tenant)).sum::<usize>();
    let release = async {
        until("every task is being run", async || asked() >= TENANTS.len()).await;
        edge.side.other.hold(&[]);
    };
    let (first, second, ()) = tokio::join!(edge.side.sweep(PLENTY_MS), edge.side.sweep(PLENTY_MS), release);
    // The edge's own sweeps, after its answers, may have taken some.
    assert!(tasks(&first) + tasks(&second) <= TENANTS.len() as u64, "{first} {second}");
    edge.side.drive().await;
    assert_eq!(runs(&edge).await, [(1, 1); 6], "one fetch and one line of history each");
    edge.end().await;
}

fn tasks(report: &Value) -> u64 {
    report["tasks"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_sweep_leaves_at_the_end_of_its_time_the_next_one_does() {
    let edge = Edge::new(&TENANTS).await;
    edge.side.other.hold(&TENANTS);
    for tenant in TENANTS {
        assert_eq!(edge.notify(tenant).await.status, 200);
    }
    edge.side.advance(LATER);
    assert_eq!(tasks(&edge.side.sweep(0).await), 0, "no time, no claim");
    let running = || TENANTS.iter().filter(|tenant| edge.side.other.asked(tenant) > 0).count();
    // Its time ends while SecuTix lets it wait: what it has begun it finishes, and it claims nothing more although there is room then.
    if edge.clock {
        let over = async {
            until("as many tasks are run as a sweep runs at once", async || running() >= 4).await;
            edge.side.advance(i64::from(PLENTY_MS) + 1);
            edge.side.other.hold(&[]);
        };
        let (cut, ()) = tokio::join!(edge.side.sweep(PLENTY_MS), over);
        assert!(tasks(&cut) <= 4, "{cut}");
        let rest = edge.side.sweep(PLENTY_MS).await;
        assert!(tasks(&rest) <= 6 - tasks(&cut) && rest["drained"] == true, "{cut} {rest}");
    }
    edge.side.other.hold(&[]);
    edge.side.drive().await;
    assert_eq!(runs(&edge).await, [(1, 1); 6]);
    edge.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn passes_follow_and_phones_are_heard_though_nobody_calls_the_sweep() {
    let variables = vec![("debounce_ms".to_owned(), "0".to_owned())];
    let edge = Edge::with(&["opera"], &spin::program(), EdgeOptions { variables, ..EdgeOptions::default() }).await;
    let find = "/api/opera/passes/findPass?secutix.movementId=10228310724999";
    assert_eq!(edge.notify("opera").await.status, 200);
    until("the pass is there", async || edge.side.get("opera", find).await.status == 200).await;
    let described = async || {
        let id = edge.side.get("opera", find).await.json()["id"].as_str().unwrap().to_owned();
        edge.side.get("opera", &format!("/api/opera/passes/{id}")).await.json()
    };
    let pass = described().await;
    let link = pass["links"]["apple"].as_str().unwrap();
    let package = Package::of(&edge.side.ask("GET", link, &[], "").await);
    let proof = format!("ApplePass {}", package.pass["authenticationToken"].as_str().unwrap());
    let serial = pass["id"].as_str().unwrap();
    let device = format!("/apple/opera/v1/devices/0123456789abcdef/registrations/{}/{serial}", edge.world.pass_type());
    // Nothing is asked meanwhile: an answer to a question would start a sweep as well.
    let folded = async |signals: i64| {
        until("the signal is folded", async || {
            rows(&edge.side.database, "SELECT count(*) FROM signal WHERE folded = 1")
                == [[format!("Integer({signals})")]]
        })
        .await;
    };
    for (method, body, signals, installed) in [("POST", r#"{"pushToken":"aa11"}"#, 1, true), ("DELETE", "", 2, false)] {
        assert!(edge.side.ask(method, &device, &[("authorization", &proof)], body).await.status.is_success());
        folded(signals).await;
        assert_eq!(described().await["providers"]["apple"].is_string(), installed, "{method}");
    }
    edge.end().await;
}
