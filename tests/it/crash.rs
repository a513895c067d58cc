//! The real server, really killed in the midst of its work, over and over: what it has acknowledged reaches the phones all the same, nothing is
//! left behind, and no phone is taken back to an older state.
//!
//! Bounds: a killed process keeps its page cache, so this says nothing of a power cut. The leases of a dead process run for two minutes; here the
//! server comes up so much later, by moving the leases back while nobody runs.

use std::time::Duration;

use passerelle_server::demo::stage::Held;
use passerelle_simulator::{Delivery, Holder, Origin, PhoneEvent};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::house::{LIMIT, until};
use crate::process::{Process, run};

/// Tickets, each in a file of its own: so many tasks at once.
const TICKETS: usize = 6;
/// `lease_s`, whose default the configuration leaves.
const LEASE: i64 = 120_000;

/// When the server is killed: so many of these have been seen since the changes began.
#[derive(Clone, Copy, Debug)]
enum Kill {
    /// Notifications that were answered with 200.
    Acknowledged(usize),
    /// Requests that reached SecuTix.
    Fetches(u64),
    Pushes(usize),
    /// Calls that reached Google.
    Patches(usize),
}

const KILLS: [Kill; 8] = [
    Kill::Acknowledged(1),
    Kill::Fetches(1),
    Kill::Pushes(1),
    Kill::Patches(1),
    Kill::Acknowledged(TICKETS + 1),
    Kill::Fetches(4),
    Kill::Patches(4),
    Kill::Pushes(2),
];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_was_acknowledged_reaches_the_phones_however_often_the_server_is_killed() {
    let mut process = Process::new().await;
    let secutix = process.world.secutix().clone();
    // The sender is patient: it tries again until the server is back.
    let patient = Delivery { attempts: 11, backoff: Duration::from_millis(20), ..Delivery::default() };
    secutix.set_delivery(patient);
    let mut held = Vec::new();
    for index in 0..TICKETS {
        let holder = Holder::new(&format!("Holder{index}"), "Lovelace");
        let sale = secutix.sell_single("CARMEN", holder, Origin::TicketShop).await.unwrap();
        process.rest().await;
        held.extend(process.put_on_phones(sale.file().unwrap()).await);
    }
    process.rest().await;

    let mut sold = Vec::new();
    for kill in KILLS {
        let seen_before =
            (secutix.call_count(), process.world.push().records().len(), process.world.google().calls().len());
        let log = process.iphone.log().len();
        let mut changes = JoinSet::new();
        for ticket in &held {
            let (secutix, movement) = (secutix.clone(), number(ticket));
            changes.spawn(async move { secutix.reprint(movement, Origin::TicketShop).await.unwrap() });
        }
        let seller = secutix.clone();
        changes.spawn(async move {
            seller.sell_single("FLUTE", Holder::new("Late", "Comer"), Origin::TicketShop).await.unwrap()
        });
        let mut done = Vec::new();
        match kill {
            Kill::Acknowledged(count) => {
                while done.len() < count {
                    done.push(changes.join_next().await.unwrap().unwrap());
                }
            }
            Kill::Fetches(count) => {
                until("the fetches", async || secutix.call_count() >= seen_before.0 + count).await;
            }
            Kill::Pushes(count) => {
                let pushes = || process.world.push().records().len();
                // Pushes of one wave meet in one: there may be fewer than hoped for, but then all is over.
                until("the pushes", async || pushes() >= seen_before.1 + count || all_shown(&process, &held)).await;
            }
            Kill::Patches(count) => {
                let calls = || process.world.google().calls().len();
                until("the patches", async || calls() >= seen_before.2 + count).await;
            }
        }
        process.kill();
        two_minutes_later(&process);
        process.start().await;

        while let Some(change) = changes.join_next().await {
            done.push(change.unwrap());
        }
        assert_eq!(done.len(), TICKETS + 1);
        for change in &done {
            assert!(
                change.receipts.iter().all(passerelle_simulator::Receipt::accepted),
                "{kill:?}: {:?}",
                change.receipts
            );
            sold.extend(change.movement().filter(|_| change.order.is_some()));
        }
        let health = process.rest().await;
        for count in ["tasks_dead", "tasks_held", "effects_dead"] {
            assert_eq!(health[count], 0, "{kill:?}: {count}");
        }
        // A real phone goes on trying when the server did not answer its question; this one gives up after some seconds, and is only then
        // allowed to ask again by itself.
        let gave_up = process
            .iphone
            .log()
            .iter()
            .skip(log)
            .any(|entry| matches!(entry.event, PhoneEvent::Failed { step: "list" | "fetch", .. }));
        if gave_up {
            process.iphone.refresh().await;
        }
        for ticket in &held {
            let barcode = Some(secutix.ticket_ids(number(ticket)).unwrap().barcode);
            let apple =
                process.iphone.wait_until(|view| view.serial == ticket.serial && view.barcode == barcode, LIMIT);
            let view =
                apple.await.unwrap_or_else(|_| panic!("{kill:?}: the iPhone was left behind: {:#?}", tail(&process)));
            assert!(!view.voided);
            let google =
                process.android.wait_until(|view| view.object_id == ticket.object && view.barcode == barcode, LIMIT);
            assert!(google.await.unwrap_or_else(|_| panic!("{kill:?}: the Android phone was left behind")).is_active());
        }
        for movement in &sold {
            let path = format!("/api/demo/passes/findPass?secutix.movementId={movement}");
            let found = process.caller().call(http::Method::GET, &path, None).await.unwrap();
            assert_eq!(found.status, 200, "{kill:?}: the pass of a sale was left behind");
        }
        never_back(&process, &held);
    }
    let stuck = run(&["stuck", "list", "--config", &process.config()]);
    assert!(stuck.contains("Nothing waits for a person"), "{stuck}");
}

fn number(held: &Held) -> i64 {
    held.movement.parse().unwrap()
}

fn all_shown(process: &Process, held: &[Held]) -> bool {
    held.iter().all(|ticket| {
        let newest = process.world.secutix().ticket_ids(number(ticket)).map(|ids| ids.barcode);
        process.iphone.pass(&ticket.serial).is_some_and(|view| view.barcode == newest)
    })
}

/// Nobody runs, and time passes: the leases of the dead process end.
fn two_minutes_later(process: &Process) {
    let database = rusqlite::Connection::open(process.store()).unwrap();
    for table in ["task", "effect"] {
        let sql = format!("UPDATE {table} SET lease_until = lease_until - {LEASE} WHERE state = 'leased'");
        database.execute(&sql, []).unwrap();
    }
}

fn tail(process: &Process) -> Vec<passerelle_simulator::PhoneEntry> {
    let log = process.iphone.log();
    log.into_iter().rev().take(20).collect()
}

/// Barcodes in the order in which SecuTix made them are never shown in another.
fn never_back(process: &Process, held: &[Held]) {
    let files = process.world.secutix().files();
    let movements = || files.iter().flat_map(|file| &file.orders).flat_map(|order| &order.movements);
    for ticket in held {
        let movement = movements().find(|movement| movement.id == number(ticket)).unwrap();
        let place = |barcode: &str| movement.tickets.iter().position(|ticket| ticket.barcode == barcode).unwrap();
        let mut on_iphone = Vec::new();
        for entry in process.iphone.log() {
            let PhoneEvent::Replaced { serial, changes, .. } = entry.event else { continue };
            if serial == ticket.serial {
                let barcodes = changes.iter().filter(|change| change.key == "barcode");
                on_iphone.extend(barcodes.map(|change| place(change.after.as_deref().unwrap())));
            }
        }
        let mut at_google = Vec::new();
        for call in process.world.google().calls() {
            if call.path.ends_with(&ticket.object) && call.status == 200 {
                let body: Value = serde_json::from_str(&call.body).unwrap();
                at_google.push(place(body["barcode"]["value"].as_str().unwrap()));
            }
        }
        assert!(on_iphone.is_sorted(), "the iPhone went back: {on_iphone:?}");
        assert!(at_google.is_sorted(), "Google was taken back: {at_google:?}");
    }
}
