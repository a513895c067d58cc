//! Every use case makes the ids that the matrix says, and no others.

use super::institution;
use crate::secutix::InstitutionError;
use crate::secutix::catalogue::texts;
use crate::secutix::change::{Change, MATRIX, UseCase};
use crate::secutix::desk::Purchase;
use crate::secutix::model::{File, Holder, Origin, TicketState};
use crate::secutix::notifier::Delivery;
use crate::{FIRST_PERFORMANCE, Institution};

fn ada() -> Holder {
    Holder::new("Ada", "Lovelace")
}

fn ben() -> Holder {
    Holder::new("Ben", "Britten")
}

fn family() -> Vec<Holder> {
    ["Ada", "Ben", "Cleo", "Dan"].map(|name| Holder::new(name, "Lovelace")).to_vec()
}

/// Columns 3 to 7, as the files before and after show them.
fn seen(before: &[File], after: &[File]) -> [bool; 5] {
    let orders = |files: &[File]| files.iter().map(|file| file.orders.len()).sum::<usize>();
    let movements =
        |files: &[File]| files.iter().flat_map(|file| &file.orders).map(|order| order.movements.len()).sum::<usize>();
    let tickets = |files: &[File]| {
        let movements = files.iter().flat_map(|file| &file.orders).flat_map(|order| &order.movements);
        movements.map(|movement| movement.tickets.len()).sum::<usize>()
    };
    let newer = orders(after) > orders(before);
    [newer, tickets(after) > tickets(before), movements(after) > movements(before), newer, after.len() > before.len()]
}

async fn perform(secutix: &Institution, case: UseCase, movement: i64, origin: Origin) -> Change {
    match case {
        UseCase::EventChange => secutix.retitle("CARMEN", texts(&[("fr", "Carmen, enfin")])).await,
        UseCase::Reprint => secutix.reprint(movement, origin).await,
        UseCase::HolderChange => secutix.change_holder(movement, ben(), origin).await,
        UseCase::CulturalContactChange => {
            let contact = secutix.create_contact(&ben(), false);
            secutix.change_cultural_contact(movement, &contact).await
        }
        UseCase::Replacement => secutix.replace_spectator(movement, ben(), origin).await,
        UseCase::Exchange => secutix.exchange(movement, FIRST_PERFORMANCE + 2, origin).await,
        UseCase::Cancellation => secutix.cancel(movement).await,
        other => panic!("{other:?} is no row"),
    }
    .unwrap()
}

#[tokio::test]
async fn the_matrix_holds_for_every_row_and_origin() {
    for row in MATRIX {
        let origins = [(row.ticket_shop, Origin::TicketShop), (row.back_office, Origin::BackOffice)];
        for (_, origin) in origins.into_iter().filter(|(possible, _)| *possible) {
            let secutix = institution();
            let sale = secutix.sell_family("CARMEN", family(), Origin::TicketShop).await.unwrap();
            let movement = sale.after[1].movement;
            let before = secutix.files();
            let change = perform(&secutix, row.case, movement, origin).await;
            let columns = [row.new_transaction, row.new_ticket, row.new_movement, row.new_order, row.new_file];
            assert_eq!(seen(&before, &secutix.files()), columns, "{:?} by {origin:?}", row.case);
            assert_eq!(change.case, row.case);
            assert_eq!(change.files, sale.files);
            assert_eq!(change.order.is_some(), row.new_order);

            // 9 or 10: the movement lives on, or it is over; the rest of the family is not touched.
            let file = secutix.file(sale.files[0]).unwrap();
            let ended = |id: i64| {
                let movements = file.orders.iter().flat_map(|order| &order.movements);
                movements.filter(|found| found.id == id).any(|found| found.ended)
            };
            assert_eq!(ended(movement), row.deactivate_pass);
            assert_ne!(row.update_pass, row.deactivate_pass);
            for other in [0, 2, 3] {
                assert!(!ended(sale.after[other].movement));
                assert_eq!(secutix.ticket_ids(sale.after[other].movement).unwrap(), sale.after[other]);
            }
            if let Some(order) = change.order {
                let order = file.orders.iter().find(|found| found.id == order).unwrap();
                assert_eq!(order.originator, origin.originator());
                assert_ne!(order.secret, sale.order_secret.clone().unwrap());
            }
        }
    }
}

#[tokio::test]
async fn a_reprint_kills_the_old_barcode_and_keeps_the_movement() {
    let secutix = institution();
    let sale = secutix.sell_single("CARMEN", ada(), Origin::TicketShop).await.unwrap();
    let change = secutix.reprint(sale.movement().unwrap(), Origin::TicketShop).await.unwrap();
    let (before, after) = (&change.before[0], &change.after[0]);
    assert_eq!(before.movement, after.movement);
    assert_ne!(before.ticket, after.ticket);
    assert_ne!(before.barcode, after.barcode);
    assert!(after.barcode.len() == 24 && after.barcode.starts_with('0'), "{}", after.barcode);
    let file = secutix.file(sale.files[0]).unwrap();
    let states: Vec<TicketState> = file.orders[0].movements[0].tickets.iter().map(|ticket| ticket.state).collect();
    assert_eq!(states, [TicketState::Invalidated, TicketState::Valid]);
}

#[tokio::test]
async fn an_exchange_and_a_replacement_differ_in_who_and_where() {
    let secutix = institution();
    let sale = secutix.sell_family("CARMEN", family(), Origin::TicketShop).await.unwrap();
    let find = |id: i64| {
        let orders = secutix.file(sale.files[0]).unwrap().orders;
        let found = orders.iter().find(|order| order.movements.iter().any(|movement| movement.id == id)).unwrap();
        let movement = found.movements.iter().find(|movement| movement.id == id).unwrap().clone();
        let operation = found.operations.iter().find(|found| found.id == movement.operation).unwrap().clone();
        (found.kind.clone(), movement, operation)
    };
    let (_, first, first_operation) = find(sale.after[0].movement);
    let replaced = secutix.replace_spectator(first.id, ben(), Origin::BackOffice).await.unwrap();
    let (kind, successor, operation) = find(replaced.after[0].movement);
    assert_eq!(kind, "EXCHANGE_ORGANIZATION");
    assert_eq!((&successor.seat, operation.performance), (&first.seat, first_operation.performance));
    assert_ne!(successor.holder, first.holder);

    let (_, second, _) = find(sale.after[1].movement);
    let exchanged = secutix.exchange(second.id, FIRST_PERFORMANCE + 2, Origin::TicketShop).await.unwrap();
    let (kind, successor, operation) = find(exchanged.after[0].movement);
    assert_eq!(kind, "EXCHANGE_CLIENT");
    assert_eq!((operation.product, operation.performance), (102, Some(FIRST_PERFORMANCE + 2)));
    assert_eq!(successor.holder, second.holder);
    assert_eq!(exchanged.notices.iter().map(|notice| notice.state.as_str()).collect::<Vec<_>>(), ["CANCELLED", "PAID"]);
    assert_eq!(exchanged.notices[0].order_secret, sale.after[1].order_secret);
    assert_eq!(exchanged.notices[1].order_secret, exchanged.after[0].order_secret);
}

#[tokio::test]
async fn what_is_over_stays_over_and_the_unknown_is_refused() {
    let secutix = institution();
    let sale = secutix.sell_family("CARMEN", vec![ada(), ben()], Origin::TicketShop).await.unwrap();
    let (first, second) = (sale.after[0].movement, sale.after[1].movement);
    secutix.cancel(first).await.unwrap();
    assert_eq!(secutix.file(sale.files[0]).unwrap().state, "PART_SOLDED");
    assert_eq!(secutix.reprint(first, Origin::BackOffice).await.unwrap_err(), InstitutionError::MovementEnded);
    assert_eq!(secutix.cancel(first).await.unwrap_err(), InstitutionError::MovementEnded);
    secutix.cancel(second).await.unwrap();
    assert_eq!(secutix.file(sale.files[0]).unwrap().state, "CANCELED");

    assert_eq!(secutix.scan(1).await.unwrap_err(), InstitutionError::UnknownMovement);
    let nobody = secutix.sell_family("CARMEN", vec![], Origin::TicketShop).await.unwrap_err();
    assert_eq!(nobody, InstitutionError::NoHolder);
    let nothing = secutix.sell_single("NABUCCO", ada(), Origin::TicketShop).await.unwrap_err();
    assert_eq!(nothing, InstitutionError::UnknownProduct);
    let sale = secutix.sell_single("CARMEN", ada(), Origin::TicketShop).await.unwrap();
    let nowhere = secutix.exchange(sale.movement().unwrap(), 1, Origin::TicketShop).await.unwrap_err();
    assert_eq!(nowhere, InstitutionError::UnknownPerformance);
}

#[tokio::test]
async fn what_is_sold_into_a_cancelled_file_lives() {
    let secutix = institution();
    let sale = secutix.sell_single("CARMEN", ada(), Origin::TicketShop).await.unwrap();
    secutix.cancel(sale.movement().unwrap()).await.unwrap();
    assert_eq!(secutix.file(sale.files[0]).unwrap().state, "CANCELED");
    let purchase = Purchase {
        product: "CARMEN".to_owned(),
        performance: None,
        holders: vec![ben()],
        origin: Origin::TicketShop,
        file: Some(sale.files[0]),
    };
    let again = secutix.sell(purchase).await.unwrap();
    assert_eq!(secutix.file(sale.files[0]).unwrap().state, "PART_SOLDED");
    secutix.reprint(again.movement().unwrap(), Origin::TicketShop).await.unwrap();
}

#[tokio::test]
async fn a_ticket_that_is_not_printed_yet_is_printed_once() {
    let secutix = institution();
    secutix.oddities(|odd| odd.tickets_unprinted = true);
    let sale = secutix.sell_single("CARMEN", ada(), Origin::TicketShop).await.unwrap();
    let state = || {
        let file = secutix.file_json(sale.files[0]).unwrap();
        file.pointer("/orderDetailsDatas/0/movementDatas/0/tickets/0/ticketState").unwrap().clone()
    };
    assert_eq!(state(), "NOT_PRINTED");
    let change = secutix.print(sale.movement().unwrap()).await.unwrap();
    assert_eq!((state(), change.after), ("PRINTED".into(), sale.after));
}

#[tokio::test]
async fn a_scan_controls_the_ticket_and_says_validated() {
    let secutix = institution();
    let sale = secutix.sell_single("CARMEN", ada(), Origin::TicketShop).await.unwrap();
    let change = secutix.scan(sale.movement().unwrap()).await.unwrap();
    assert_eq!(change.notices[0].state, "VALIDATED");
    assert_eq!(change.after, sale.after);
    let file = secutix.file_json(sale.files[0]).unwrap();
    let state = file.pointer("/orderDetailsDatas/0/movementDatas/0/tickets/0/ticketState").unwrap();
    assert_eq!(state, "CONTROLLED");
}

#[tokio::test]
async fn a_reschedule_reaches_every_order_that_shows_it_season_tickets_too() {
    let secutix = institution();
    let carmen = secutix.sell_single("CARMEN", ada(), Origin::TicketShop).await.unwrap();
    let season = secutix.sell_season(ben(), Origin::TicketShop).await.unwrap();
    let flute = secutix.sell_single("FLUTE", ada(), Origin::TicketShop).await.unwrap();
    let performance = secutix.catalogue().performances[&FIRST_PERFORMANCE].clone();
    let later = performance.start.checked_add(jiff::SignedDuration::from_hours(1)).unwrap();
    let change = secutix.reschedule(FIRST_PERFORMANCE, later.clone()).await.unwrap();
    assert_eq!(change.files, [carmen.files[0], season.files[0]]);
    assert!(!change.files.contains(&flute.files[0]));
    let moved = secutix.catalogue().performances[&FIRST_PERFORMANCE].clone();
    assert_eq!(moved.start, later);
    assert_eq!(moved.end.duration_since(&moved.start), performance.end.duration_since(&performance.start));
    assert!(moved.doors.unwrap() > performance.doors.unwrap());
    assert!(change.notices.iter().all(|notice| notice.ticket.is_none() && notice.movement.is_none()));
}

#[tokio::test]
async fn a_file_takes_further_orders_and_goods_have_no_movements() {
    let secutix = institution();
    secutix.set_delivery(Delivery::silent());
    let sale = secutix.sell_single("CARMEN", ada(), Origin::TicketShop).await.unwrap();
    let more = secutix
        .sell(Purchase {
            product: "BOOKLET".to_owned(),
            performance: None,
            holders: vec![ada()],
            origin: Origin::BackOffice,
            file: Some(sale.files[0]),
        })
        .await
        .unwrap();
    assert_eq!(more.files, sale.files);
    assert!(more.after.is_empty());
    assert_eq!(more.notices.len(), 1);
    let file = secutix.file(sale.files[0]).unwrap();
    assert_eq!(file.orders.iter().map(|order| order.movements.len()).collect::<Vec<_>>(), [1, 0]);
}
