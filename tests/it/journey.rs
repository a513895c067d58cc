//! From a change in SecuTix to what the phones show, over the whole house. The demo plays each use case once; here is what must hold beside it.

use std::time::Duration;

use passerelle_flow::store::{Store as _, TaskSubject};
use passerelle_server::demo::stage::StageOptions;
use passerelle_simulator::{Delivery, Holder, InstitutionConfig, Origin, PhoneEvent, SimulatorConfig};

use crate::house::{House, LIMIT, Package, until};

/// `confirm_absence_after_s` of the example tenant, and a little.
const LOOKED_AGAIN: i64 = 121_000;

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_ends_alike_whichever_of_its_notices_comes_first() {
    for order in [[0, 1], [1, 0]] {
        let house = House::new().await;
        let sold = house.sold("CARMEN", &["Ada"]).await;
        let old = &sold.held[0];
        let link = house.link(&old.serial).await;
        let secutix = house.stage.world.secutix();
        secutix.set_delivery(Delivery::silent());
        let change = secutix.exchange(sold.movement(0), house.performance("ORPHEE"), Origin::TicketShop).await.unwrap();
        for index in order {
            assert!(secutix.notify(change.notices[index].clone()).await.accepted());
            house.stage.rest().await.unwrap();
        }
        house.void(old).await;

        let gone = house.send("GET", &link, &[], "").await;
        assert_eq!(gone.status, 410);
        assert_eq!(gone.json()["type"], "urn:passerelle:problem:void-pass");
        let detail = gone.json()["detail"].as_str().unwrap().to_owned();
        let (_, successor) = detail.split_once("successor: ").unwrap();
        let view = house.stage.iphone.add(&format!("{successor}&device=apple")).await.unwrap();
        assert_eq!(view.barcode.as_deref(), Some(change.after[0].barcode.as_str()));
        assert!(!view.voided && view.serial != old.serial);
        // The dead pass leads there as well, on either phone.
        assert_eq!(house.stage.apple(old).unwrap().field("successor"), Some(successor));
        assert_eq!(house.stage.google(old).unwrap().object["linksModuleData"]["uris"][0]["uri"], successor);
        house.end().await;
    }
}

/// An exchange is two orders, and the first look may come between them.
#[tokio::test(flavor = "multi_thread")]
async fn the_history_of_an_exchange_says_so_though_its_new_order_came_a_look_later() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let old = &sold.held[0];
    let secutix = house.stage.world.secutix();
    secutix.set_delivery(Delivery::silent());
    secutix.oddities(|odd| odd.newest_order_gap = 1);
    let change = secutix.exchange(sold.movement(0), house.performance("ORPHEE"), Origin::TicketShop).await.unwrap();
    assert!(secutix.notify(change.notices[0].clone()).await.accepted());
    house.void(old).await;
    house.stage.rest().await.unwrap();
    assert_eq!(house.stage.apple(old).unwrap().field("successor"), None);
    let pushes = house.pushes().len();

    assert!(secutix.notify(change.notices[1].clone()).await.accepted());
    let linked = |view: &passerelle_simulator::PassView| view.serial == old.serial && view.field("successor").is_some();
    house.stage.iphone.wait_until(linked, LIMIT).await.unwrap();
    house.stage.rest().await.unwrap();
    assert_eq!(house.pushes().len(), pushes + 1);
    let history = house.get(&format!("/api/demo/passes/{}/history", old.serial)).await.json();
    let told: Vec<_> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|it| ["action", "useCase", "reason"].map(|key| it[key].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ["created", "purchase", "purchased"],
            ["voided", "cancellation", "cancelled"],
            ["updated", "exchange", "exchanged"]
        ]
    );
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_one_of_four_leaves_the_other_three_alone_byte_for_byte() {
    let house = House::new().await;
    let sold = house.sold("FLUTE", &["Marie", "Pierre", "Irene", "Helene"]).await;
    let (cancelled, others) = sold.held.split_first().unwrap();
    let mut before = Vec::new();
    for held in others {
        before.push((house.package(&held.serial).await, house.shown(held)));
    }
    let calls = house.stage.world.google().calls().len();

    house.stage.world.secutix().cancel(sold.movement(0)).await.unwrap();
    house.void(cancelled).await;
    house.stage.rest().await.unwrap();

    for (held, (package, shown)) in others.iter().zip(before) {
        let now = house.package(&held.serial).await;
        assert_eq!(now.members["pass.json"], package.members["pass.json"]);
        // The manifest holds the digest of every other member.
        assert_eq!(now.members["manifest.json"], package.members["manifest.json"]);
        assert_eq!(now.last_modified, package.last_modified);
        assert_eq!(house.shown(held), shown);
        house.never_void(held);
        let log = house.stage.iphone.log();
        assert!(
            !log.iter()
                .any(|entry| matches!(&entry.event, PhoneEvent::Replaced { serial, .. } if *serial == held.serial))
        );
        let touched =
            house.stage.world.google().calls().iter().skip(calls).any(|call| call.path.ends_with(&held.object));
        assert!(!touched, "Google was told of {}", held.movement);
    }
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_invalidated_ticket_of_a_reprint_never_voids_and_the_new_one_is_fetched_without_another_word() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let before = house.shown(&sold.held[0]);
    let secutix = house.stage.world.secutix();
    // The next answer has the old ticket as INVALIDATED, and the new one not yet.
    secutix.oddities(|odd| odd.reprint_gap = 1);
    secutix.reprint(sold.movement(0), Origin::BackOffice).await.unwrap();
    house.outcome(sold.file, "between-tickets").await;
    house.nothing_due().await;
    assert_eq!(house.shown(&sold.held[0]), before);

    house.advance(LOOKED_AGAIN).await;
    house.up_to_date(&sold).await;
    house.never_void(&sold.held[0]);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_is_long_on_its_way_is_looked_for_ever_less_often() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let secutix = house.stage.world.secutix();
    secutix.oddities(|odd| odd.reprint_gap = 4);
    let fetches = house.fetches();
    secutix.reprint(sold.movement(0), Origin::BackOffice).await.unwrap();
    house.outcome(sold.file, "between-tickets").await;
    // After two minutes; then each time when it has been waited as long again.
    for (too_soon, then, looks) in
        [(60_000, 70_000, 2), (60_000, 80_000, 3), (200_000, 80_000, 4), (500_000, 60_000, 5)]
    {
        house.advance(too_soon).await;
        house.nothing_due().await;
        assert_eq!(house.fetches(), fetches + looks - 1);
        house.advance(then).await;
        until("another look", async || house.fetches() == fetches + looks).await;
    }
    house.up_to_date(&sold).await;
    house.never_void(&sold.held[0]);
    house.end().await;
}

/// Interfaces differ in what they call the old ticket of a reprint; where nothing else is said the first look is no proof of anything.
#[tokio::test(flavor = "multi_thread")]
async fn a_reprint_whose_old_ticket_is_called_cancelled_never_voids() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let secutix = house.stage.world.secutix();
    secutix.oddities(|odd| {
        odd.superseded_is_cancelled = true;
        odd.movement_state_untold = true;
        odd.reprint_gap = 1;
    });
    secutix.reprint(sold.movement(0), Origin::TicketShop).await.unwrap();
    house.outcome(sold.file, "absence-unconfirmed").await;
    house.advance(LOOKED_AGAIN).await;
    house.up_to_date(&sold).await;
    house.never_void(&sold.held[0]);
    house.end().await;
}

/// The one answer of SecuTix that is public has neither tickets nor states: what became of a movement is told by the orders alone.
#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_and_a_refund_end_their_passes_when_only_the_orders_tell() {
    let house = House::new().await;
    let secutix = house.stage.world.secutix();
    secutix.oddities(|odd| {
        odd.movement_state_untold = true;
        odd.tickets_untold = true;
        odd.old_movement_listed = true;
        odd.cancelled_is_absent = true;
    });
    let sold = house.sold("FLUTE", &["Marie", "Pierre", "Irene"]).await;
    secutix.exchange(sold.movement(0), house.performance("ORPHEE"), Origin::TicketShop).await.unwrap();
    secutix.cancel(sold.movement(1)).await.unwrap();
    house.outcome(sold.file, "absence-unconfirmed").await;
    house.nothing_due().await;
    for held in &sold.held {
        house.never_void(held);
    }
    house.advance(LOOKED_AGAIN).await;
    house.void(&sold.held[0]).await;
    house.void(&sold.held[1]).await;
    house.stage.rest().await.unwrap();
    house.never_void(&sold.held[2]);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_that_stray_from_the_documentation_change_nothing_of_a_journey() {
    let house = House::new().await;
    let secutix = house.stage.world.secutix();
    secutix.oddities(|odd| {
        odd.numbers_as_strings = true;
        odd.unknown_fields = true;
        odd.omit_optional = true;
        odd.other_dates = true;
        odd.blank_notices = true;
        odd.tickets_unprinted = true;
    });
    let sold = house.sold("CARMEN", &["Ada", "Grace"]).await;
    let before = house.shown(&sold.held[1]);
    secutix.print(sold.movement(1)).await.unwrap();
    house.stage.rest().await.unwrap();
    assert_eq!(house.shown(&sold.held[1]), before);

    let change = secutix.exchange(sold.movement(0), house.performance("ORPHEE"), Origin::TicketShop).await.unwrap();
    house.void(&sold.held[0]).await;
    let successor = house.stage.apple(&sold.held[0]).unwrap().field("successor").unwrap().to_owned();
    let view = house.stage.iphone.add(&format!("{successor}&device=apple")).await.unwrap();
    assert_eq!(view.barcode.as_deref(), Some(change.after[0].barcode.as_str()));

    secutix.cancel(sold.movement(1)).await.unwrap();
    house.void(&sold.held[1]).await;
    house.stage.rest().await.unwrap();
    let unread: Vec<_> = house.stage.runs(sold.file).await.unwrap().into_iter().flat_map(|run| run.1.unread).collect();
    assert_eq!(unread, Vec::<String>::new());
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_announced_in_batches_reaches_the_phones_with_the_batch() {
    // Soon, since nobody waits ten minutes for a test.
    let institution =
        InstitutionConfig { batch_interval: Some(Duration::from_millis(200)), ..InstitutionConfig::default() };
    let simulator = SimulatorConfig { institution, ..SimulatorConfig::default() };
    let house = House::with(StageOptions { simulator, ..StageOptions::default() }).await;
    let sold = house.sold("CARMEN", &["Ada", "Grace"]).await;
    let secutix = house.stage.world.secutix();
    for index in [0, 1] {
        let change = secutix.reprint(sold.movement(index), Origin::TicketShop).await.unwrap();
        assert!(change.receipts.is_empty(), "it was announced at once");
    }
    house.up_to_date(&sold).await;
    assert_eq!(secutix.waiting_notices(), 0);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_replaced_is_not_led_to_the_pass_of_the_other() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let old = &sold.held[0];
    let link = house.link(&old.serial).await;
    let secutix = house.stage.world.secutix();
    let grace = Holder::new("Grace", "Hopper");
    let change = secutix.replace_spectator(sold.movement(0), grace, Origin::TicketShop).await.unwrap();
    house.void(old).await;
    house.stage.rest().await.unwrap();
    // The finding keeps the pair, for those who may see both.
    let findings = house.stage.runs(sold.file).await.unwrap();
    let replacement = findings.iter().flat_map(|run| &run.1.findings).find(|it| it.use_case == "replacement").unwrap();
    assert_eq!(replacement.successor, Some(change.after[0].movement.to_string()));

    let successor = change.after[0].movement.to_string();
    let pass = house.get(&format!("/api/demo/passes/findPass?secutix.movementId={successor}")).await;
    let pass = String::from_utf8(pass.body.to_vec()).unwrap();
    assert!(!pass.is_empty());
    assert_eq!(house.described(&old.serial).await.get("successor"), None);
    let gone = house.send("GET", &link, &[], "").await;
    let (apple, google) = house.shown(old);
    for told in [gone.json(), apple, google] {
        let told = told.to_string();
        assert!(!told.contains(&pass) && !told.contains("Grace") && !told.contains(&change.after[0].barcode), "{told}");
    }
    assert_eq!(gone.status, 410);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_announced_during_a_run_forces_exactly_one_more() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let secutix = house.stage.world.secutix();
    let (fetches, runs) = (house.fetches(), house.outcomes(sold.file).await.len());
    // SecuTix takes its time, so that what follows happens in the middle of a run.
    secutix.oddities(|odd| odd.slow = std::time::Duration::from_secs(2));
    secutix.reprint(sold.movement(0), Origin::TicketShop).await.unwrap();
    until("the run has begun", async || house.depth().await.tasks_leased == 1).await;
    secutix.set_delivery(Delivery::burst(3));
    secutix.reprint(sold.movement(0), Origin::TicketShop).await.unwrap();
    secutix.reprint(sold.movement(0), Origin::TicketShop).await.unwrap();
    assert_eq!(house.depth().await.tasks_leased, 1, "this machine is too slow for this test: the run is over already");

    house.up_to_date(&sold).await;
    house.stage.rest().await.unwrap();
    assert_eq!(house.fetches() - fetches, 2);
    assert_eq!(house.outcomes(sold.file).await.len() - runs, 2);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twelve_equal_notices_make_two_fetches_at_most_and_one_push() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let (fetches, pushes) = (house.fetches(), house.pushes().len());
    let secutix = house.stage.world.secutix();
    secutix.set_delivery(Delivery::burst(12));
    let change = secutix.reprint(sold.movement(0), Origin::TicketShop).await.unwrap();
    assert_eq!(change.receipts.iter().filter(|receipt| receipt.accepted()).count(), 12);
    house.up_to_date(&sold).await;
    house.stage.rest().await.unwrap();
    assert!(house.fetches() - fetches <= 2, "{} fetches", house.fetches() - fetches);
    assert_eq!(house.pushes().len() - pushes, 1);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_download_has_the_new_barcode_and_a_newer_date() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let serial = &sold.held[0].serial;
    let first = house.package(serial).await;
    assert_eq!(first.barcode(), Some(house.barcode(sold.movement(0)).as_str()));
    house.stage.world.secutix().reprint(sold.movement(0), Origin::TicketShop).await.unwrap();
    house.up_to_date(&sold).await;
    let second = house.package(serial).await;
    assert_eq!(second.barcode(), Some(house.barcode(sold.movement(0)).as_str()));
    assert_ne!(second.barcode(), first.barcode());
    assert!(second.modified() > first.modified(), "{} then {}", first.last_modified, second.last_modified);
    // What makes the phone accept the newer one as the same pass.
    for key in ["serialNumber", "authenticationToken", "passTypeIdentifier", "webServiceURL"] {
        assert_eq!(first.pass[key], second.pass[key], "{key}");
    }
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_ticket_has_no_successor_and_its_links_are_gone() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada", "Grace"]).await;
    let held = &sold.held[0];
    let links = house.described(&held.serial).await["links"].clone();
    house.stage.world.secutix().cancel(sold.movement(0)).await.unwrap();
    house.void(held).await;
    for wallet in ["apple", "google"] {
        let gone = house.send("GET", links[wallet].as_str().unwrap(), &[], "").await;
        assert_eq!(gone.status, 410, "{wallet}");
        assert!(!gone.json()["detail"].as_str().unwrap().contains("http"), "{wallet}");
    }
    assert_eq!(house.described(&held.serial).await["state"], "void");
    assert_eq!(house.described(&held.serial).await.get("successor"), None);
    // The phone that has it may still fetch what it is now: void, and without a barcode.
    let pass = &house.stage.apple(held).unwrap().raw;
    let url = format!(
        "{}/v1/passes/{}/{}",
        pass["webServiceURL"].as_str().unwrap(),
        house.stage.world.pass_type(),
        held.serial
    );
    let proof = format!("ApplePass {}", pass["authenticationToken"].as_str().unwrap());
    let package = Package::of(&house.send("GET", &url, &[("authorization", &proof)], "").await);
    assert_eq!((package.pass["voided"].as_bool(), package.barcode()), (Some(true), None));
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scanned_ticket_is_completed_and_never_void() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let held = &sold.held[0];
    let barcode = house.barcode(sold.movement(0));
    assert_eq!(house.stage.apple(held).unwrap().field("used"), None);
    house.stage.world.secutix().scan(sold.movement(0)).await.unwrap();
    let completed =
        |view: &passerelle_simulator::GoogleView| view.object_id == held.object && view.state == "COMPLETED";
    house.stage.android.wait_until(completed, LIMIT).await.unwrap();
    let used = |view: &passerelle_simulator::PassView| view.serial == held.serial && view.field("used").is_some();
    let view = house.stage.iphone.wait_until(used, LIMIT).await.unwrap();
    assert_eq!((view.voided, view.barcode), (false, Some(barcode)));
    house.stage.rest().await.unwrap();
    house.never_void(held);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn support_reads_what_became_of_every_notification() {
    let house = House::new().await;
    let sold = house.sold("CARMEN", &["Ada"]).await;
    let secutix = house.stage.world.secutix();
    secutix.set_delivery(Delivery::burst(3));
    secutix.reprint(sold.movement(0), Origin::BackOffice).await.unwrap();
    house.up_to_date(&sold).await;
    house.stage.rest().await.unwrap();

    let store = &house.stage.server().unwrap().flow.host.store;
    let log = store.log(&house.stage.tenant, &TaskSubject::File(sold.file.to_string()), 20).await.unwrap();
    let told = passerelle_server::runs::told(&log);
    assert!(log.notifications.len() >= 4, "the sale and three of the reprint: {told}");
    for notification in &log.notifications {
        let line = format!("correlation {}", notification.hint.correlation);
        assert_eq!(told.matches(&line).count(), 1, "{line}: {told}");
    }
    assert!(told.contains(", joined run ") && !told.contains("Waiting"), "{told}");
    let pass = &sold.held[0].serial;
    for line in ["Reprinting of a ticket (firm)", "Purchase (firm)", &format!("pass {pass} of {}", sold.movement(0))] {
        assert!(told.contains(line), "{line}: {told}");
    }
    for secret in ["Ada", "Lovelace", &house.barcode(sold.movement(0))] {
        assert!(!told.contains(secret), "{secret}: {told}");
    }
    house.end().await;
}
