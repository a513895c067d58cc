//! What the other side holds, compared with the passes and put right.

use std::path::Path;

use passerelle_flow::backfill::{self, Comparison};
use passerelle_flow::ports::Clock as _;
use passerelle_flow::tenant::BackfillTarget;
use passerelle_server::demo::stage::StageOptions;
use serde_json::Value;

use crate::house::{House, until};
use crate::installation_status::{Sale, reporting};
use crate::process;

const DAY: i64 = 86_400_000;

impl House {
    /// `passerelle backfill` beside the running server. What it printed, and its report.
    fn backfill(&self, arguments: &[&str]) -> (String, Value) {
        let report = self.folder.path().join("report.json");
        let more = [&["--report", report.to_str().unwrap()], arguments].concat();
        let printed = self.command(&["backfill"], &more);
        (printed, serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap())
    }

    async fn installed(&self, first_name: &str) -> Sale {
        let sale = self.sale(first_name).await;
        self.stage.iphone.add(&sale.apple).await.unwrap();
        self.stage.rest().await.unwrap();
        sale
    }
}

fn repairs<'a>(report: &'a Value, target: &str) -> Vec<(&'a str, &'a str, Option<&'a str>, &'a str)> {
    let list = report["targets"][target]["repairs"].as_array().unwrap();
    let text = |repair: &'a Value, name: &str| repair[name].as_str();
    list.iter()
        .map(|repair| {
            let must = |name| text(repair, name).unwrap();
            (must("pass"), must("what"), text(repair, "was"), must("now"))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_secutix_has_otherwise_is_written_again_and_said() {
    let house = House::with(reporting()).await;
    let (ada, grace) = (house.installed("Ada").await, house.installed("Grace").await);
    let secutix = house.stage.world.secutix();
    secutix.meddle(ada.movement, "twc.status", Some("uninstalled"));
    secutix.meddle(ada.movement, "twc.device", None);
    secutix.meddle(ada.movement, "loyalty", Some("gold"));
    let before = house.references(&grace).await;

    let (printed, report) = house.backfill(&["--since", "7d", "--to", "secutix"]);
    assert!(printed.contains("twc.status: had uninstalled, is told installed"), "{printed}");
    assert!(printed.contains("secutix: 2 passes compared, 2 repairs"), "{printed}");
    let mut told = repairs(&report, "secutix");
    told.sort_unstable();
    let id = ada.serial.as_str();
    assert_eq!(told, [(id, "twc.device", None, "apple"), (id, "twc.status", Some("uninstalled"), "installed")]);
    let after = house.references(&ada).await;
    let standing = ["twc.status", "twc.device", "loyalty"].map(|key| after[key].as_str());
    assert_eq!(standing, ["installed", "apple", "gold"], "what is somebody else's is left alone");
    assert_eq!(house.references(&grace).await, before);

    let (printed, _) = house.backfill(&["--since", "7d", "--to", "secutix"]);
    assert!(printed.contains("secutix: 2 passes compared, 0 repairs"), "{printed}");
    house.end().await;
}

/// More passes than one step, and more than SecuTix's budget lets through at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_that_was_stopped_goes_on_where_it_was() {
    let house = House::with(reporting()).await;
    house.sold_quietly(40).await;
    let server = house.stage.server().unwrap();
    let tenant = server.flow.host.tenants.get(&house.stage.tenant).unwrap();
    let flow = &server.flow;
    until("all of them are counted", async || {
        let store = rusqlite::Connection::open(&house.stage.settings.store).unwrap();
        store.query_row("SELECT count(*) FROM installation", [], |row| row.get::<_, i64>(0)).unwrap() == 40
    })
    .await;
    // What is on its way is not compared; SecuTix would take four minutes for it.
    let settled = || {
        until("no report is on its way", async || {
            let store = rusqlite::Connection::open(&house.stage.settings.store).unwrap();
            store.busy_timeout(crate::house::LIMIT).unwrap();
            store
                .execute(
                    "UPDATE effect SET state = 'idle', have = want WHERE kind LIKE 'secutix-%' AND state = 'ready'",
                    [],
                )
                .unwrap();
            let sql = "SELECT count(*) FROM effect WHERE (kind LIKE 'secutix-%' AND state <> 'idle') OR (kind = 'installation' AND state <> 'idle')";
            store.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap() == 0
        })
    };
    settled().await;
    let reads = || {
        let calls = house.stage.world.secutix().calls();
        calls.iter().filter(|call| call.endpoint == "getExternalReference" && call.status == 200).count()
    };
    let target = Comparison { target: BackfillTarget::Secutix, daily: false, again: false };
    let since = server.clock.now() - DAY;
    let mut state = backfill::begin(flow, &tenant, target, since, false).await.unwrap();
    let step = backfill::step(flow, &tenant, target, &mut state).await.unwrap();
    assert_eq!((step.looked, step.done, reads()), (32, false, 32));

    // Another process, later, which asks for less.
    let mut state = backfill::begin(flow, &tenant, target, since + 1_000, false).await.unwrap();
    assert_eq!((state.looked, state.since), (32, since));
    let step = backfill::step(flow, &tenant, target, &mut state).await.unwrap();
    assert_eq!((step.looked, step.done, reads()), (8, true, 40), "nobody is asked about twice");
    assert!(state.ended_at.is_some());
    settled().await;
    // The next one begins anew, and the budget stops it in its midst.
    let mut state = backfill::begin(flow, &tenant, target, since, false).await.unwrap();
    assert_eq!((state.looked, state.position.clone()), (0, None));
    let step = backfill::step(flow, &tenant, target, &mut state).await.unwrap();
    assert_eq!((step.looked, step.done), (8, false));
    assert!(step.wait_until.is_some_and(|until| until > server.clock.now()));
    assert!(house.stage.world.secutix().calls().iter().all(|call| call.status != 509));
    house.stage.strike().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_secutix_stops_a_comparison_and_loses_nothing_of_it() {
    let house = House::with(reporting()).await;
    let ada = house.installed("Ada").await;
    let secutix = house.stage.world.secutix();
    secutix.meddle(ada.movement, "twc.status", None);
    let server = house.stage.server().unwrap();
    let tenant = server.flow.host.tenants.get(&house.stage.tenant).unwrap();
    let since = server.clock.now() - DAY;
    let target = Comparison { target: BackfillTarget::Secutix, daily: false, again: false };
    secutix.oddities(|odd| odd.down = true);
    let mut state = backfill::begin(&server.flow, &tenant, target, since, false).await.unwrap();
    let told = backfill::step(&server.flow, &tenant, target, &mut state).await.unwrap().stopped.unwrap().to_string();
    assert!(told.contains("SecuTix could not be read"), "{told}");
    secutix.behave();
    let mut state = backfill::begin(&server.flow, &tenant, target, since, false).await.unwrap();
    let step = backfill::step(&server.flow, &tenant, target, &mut state).await.unwrap();
    assert_eq!(step.repaired.len(), 1);
    assert_eq!(house.references(&ada).await["twc.status"], "installed");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_wants_it_is_compared_once_a_day() {
    let daily = |text: String| format!("{text}\n[backfill]\ndaily = [\"secutix\"]\nat = \"03:30\"\n");
    let house = House::with(StageOptions { tenant: Some(daily), ..reporting() }).await;
    let ada = house.installed("Ada").await;
    let flow = &house.stage.server().unwrap().flow;
    let secutix = house.stage.world.secutix();
    let reads = || secutix.calls().iter().filter(|call| call.endpoint == "getExternalReference").count();
    // The day's was due when the server started, and found nothing yet.
    assert!(!flow.backfill_due().await.unwrap());
    assert_eq!(reads(), 0, "once a day");
    secutix.meddle(ada.movement, "twc.device", Some("nonsense"));
    house.advance(DAY).await;
    until("the next day's has read it", async || {
        while flow.backfill_due().await.unwrap() {}
        reads() == 1
    })
    .await;
    assert_eq!(house.references(&ada).await["twc.device"], "apple");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crm_is_given_every_pass_as_it_stands() {
    let house = House::with(reporting()).await;
    let (ada, grace) = (house.installed("Ada").await, house.installed("Grace").await);
    house.save(&grace).await;
    assert!(house.stage.iphone.remove(&ada.serial).await);
    house.stage.rest().await.unwrap();
    let out = house.folder.path().join("crm.csv");
    let ids = house.folder.path().join("ids.csv");
    std::fs::write(&ids, format!("secutix.movementId,email\n{}, Ada@Example.ORG \n", ada.movement)).unwrap();
    let out_text = out.to_str().unwrap();
    let (printed, _) = house.backfill(&[
        "--since",
        "2026-01-01",
        "--to",
        "file",
        "--out",
        out_text,
        "--identifiers",
        ids.to_str().unwrap(),
    ]);
    assert!(printed.contains("file: 2 passes written to"), "{printed}");
    assert!(!printed.contains("example.org"), "{printed}");

    let table = rows(&out);
    let (header, lines) = table.split_first().unwrap();
    let column = |name: &str| header.iter().position(|column| column == name).unwrap();
    let line = |sale: &Sale| lines.iter().find(|line| line[column("passId")] == sale.serial).unwrap();
    let of = |sale: &Sale, name: &str| line(sale)[column(name)].clone();
    assert_eq!((of(&ada, "walletStatus"), of(&ada, "walletLastEvent")), ("none".to_owned(), "uninstalled".to_owned()));
    assert_eq!(
        (of(&grace, "walletStatus"), of(&grace, "walletLastEvent")),
        ("both".to_owned(), "installed".to_owned())
    );
    assert_eq!((of(&ada, "email"), of(&grace, "email")), ("ada@example.org".to_owned(), String::new()));
    assert_eq!(of(&ada, "secutix.movementId"), ada.movement.to_string());
    assert!(of(&grace, "googleWalletInstalledAt").parse::<jiff::Timestamp>().is_ok());
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(std::fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600, "it may name persons");
    house.end().await;
}

fn rows(file: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_cannot_be_used_are_told_and_the_others_are_done() {
    let house = House::with(reporting()).await;
    let ada = house.installed("Ada").await;
    let ids = house.folder.path().join("ids.csv");
    let text = format!(
        "\"secutix.movementId\";\"customerId\"\n{};4711\n1;4712\nx;4713\n{};Ada Lovelace\nalone\n",
        ada.movement, ada.movement
    );
    std::fs::write(&ids, text).unwrap();
    let config = house.config();
    let arguments = ["backfill", "--config", &config, "--tenant", "demo", "--identifiers", ids.to_str().unwrap()];
    let output = std::process::Command::new(process::binary()).args(arguments).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(
        printed.contains("1 passes found, 1 got customerId, 1 lines are of no pass, 3 cannot be used"),
        "{printed}"
    );
    for line in ["line 4: a movement is a whole number", "line 5: a value is", "line 6: two columns are expected"] {
        assert!(printed.contains(line), "{printed}");
    }
    assert!(told.contains("3 lines of"), "{told}");
    // What is told next has it.
    assert!(house.stage.iphone.remove(&ada.serial).await);
    house.stage.rest().await.unwrap();
    assert_eq!(house.happened(&ada).last().unwrap().2["identifiers"]["customerId"], "4711");
    house.end().await;
}
