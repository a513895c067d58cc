//! The answers about files, and their documented oddities.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Partner;
use crate::secutix::model::{Holder, Origin};

fn numbers(value: &Value) -> usize {
    match value {
        Value::Number(_) => 1,
        Value::Array(items) => items.iter().map(numbers).sum(),
        Value::Object(fields) => fields.values().map(numbers).sum(),
        _ => 0,
    }
}

fn nulls(value: &Value) -> usize {
    match value {
        Value::Null => 1,
        Value::Array(items) => items.iter().map(nulls).sum(),
        Value::Object(fields) => fields.values().map(nulls).sum(),
        _ => 0,
    }
}

#[tokio::test]
async fn a_single_ticket_reads_as_documented() {
    let partner = Partner::meet().await;
    let sale =
        partner.secutix().sell_single("CARMEN", Holder::new("Ada", "Lovelace"), Origin::TicketShop).await.unwrap();
    let (_, file) = partner.file(sale.files[0]).await;
    assert_eq!(file["statusCode"], "success");
    let order = &file["orderDetailsDatas"][0];
    let (operation, movement) = (&order["operationDatas"][0], &order["movementDatas"][0]);
    let text = |value: &Value, pointer: &str| value.pointer(pointer).unwrap().as_str().unwrap().to_owned();
    assert_eq!(text(order, "/orderOriginator"), "TICKETSHOP");
    assert_eq!(text(operation, "/kind"), "SINGLE_ENTRY");
    assert_eq!(text(operation, "/productFamilySubType"), "OPERA");
    assert_eq!(text(operation, "/comfortVariableValues/0/code"), "WALLET");
    assert_eq!(text(operation, "/locations/0/siteAddress/locality"), "Genève");
    assert_eq!(text(operation, "/productExternalName/translations/0/value"), "Carmen");
    let start = text(operation, "/performanceStartDate");
    assert!(start.contains("T20:00:00.000+0"), "{start}");
    assert_eq!(text(movement, "/beneficiaryLastname"), "Lovelace");
    assert_eq!(movement["barCode"], movement["tickets"][0]["barcode"]);
    assert_eq!(movement["operationId"], operation["operationId"]);
    assert_eq!(movement["movementId"], json!(sale.movement().unwrap()));
    assert_eq!(partner.secutix().file_json(sale.files[0]).unwrap(), file);
}

#[tokio::test]
async fn a_season_ticket_is_one_movement_with_several_performances() {
    let partner = Partner::meet().await;
    let sale = partner.secutix().sell_season(Holder::new("Ada", "L"), Origin::BackOffice).await.unwrap();
    let (_, file) = partner.file(sale.files[0]).await;
    let order = &file["orderDetailsDatas"][0];
    assert_eq!(order["orderOriginator"], "DESK");
    assert_eq!(order["movementDatas"].as_array().unwrap().len(), 1);
    assert_eq!(order["operationDatas"][0]["kind"], "SEASONTICKET");
    assert_eq!(order["operationDatas"][0]["performanceId"], Value::Null);
    assert_eq!(order["operationDatas"][0]["performances"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn forms_stray_when_they_are_told_to() {
    let partner = Partner::meet().await;
    let sale = partner.secutix().sell_single("CARMEN", Holder::new("Ada", "L"), Origin::TicketShop).await.unwrap();
    let (_, plain) = partner.file(sale.files[0]).await;
    assert!(numbers(&plain) > 5 && nulls(&plain) > 3);

    partner.secutix().oddities(|oddities| oddities.numbers_as_strings = true);
    let (_, file) = partner.file(sale.files[0]).await;
    assert_eq!(numbers(&file), 0);
    assert_eq!(file["fileDetailsData"]["fileId"], sale.files[0].to_string());

    partner.secutix().behave();
    partner.secutix().oddities(|oddities| oddities.omit_optional = true);
    let (_, file) = partner.file(sale.files[0]).await;
    assert_eq!(nulls(&file), 0);
    assert!(numbers(&file) > 5);

    partner.secutix().behave();
    partner.secutix().oddities(|oddities| oddities.unknown_fields = true);
    let (_, file) = partner.file(sale.files[0]).await;
    assert!(file["orderDetailsDatas"][0]["movementDatas"][0]["zzInternalTrace"].is_object());

    partner.secutix().behave();
    assert_eq!(partner.file(sale.files[0]).await.1, plain);
}

#[tokio::test]
async fn dates_and_notices_have_other_forms_too() {
    let partner = Partner::meet().await;
    let secutix = partner.secutix();
    let sale = secutix.sell_single("CARMEN", Holder::new("Ada", "L"), Origin::TicketShop).await.unwrap();
    let (_, plain) = partner.file(sale.files[0]).await;
    secutix.oddities(|odd| odd.other_dates = true);
    let (_, file) = partner.file(sale.files[0]).await;
    let order = |file: &Value| file["orderDetailsDatas"][0].clone();
    let created: jiff::Timestamp = order(&plain)["creationDateTime"].as_str().unwrap().parse().unwrap();
    assert_eq!(order(&file)["creationDateTime"], json!(created.as_millisecond()));
    let start = |file: &Value| order(file)["operationDatas"][0]["performanceStartDate"].as_str().unwrap().to_owned();
    let (head, minutes) = start(&plain).rsplit_once(':').map(|(head, end)| (head.to_owned(), end.to_owned())).unwrap();
    assert_eq!(start(&file), head + &minutes);
    // Nothing that only looks like it.
    assert_eq!(order(&file)["movementDatas"], order(&plain)["movementDatas"]);

    let sent = |secutix: &crate::Institution| secutix.state().oddities.disfigure_notice(sale.notices[0].body());
    assert_eq!(sent(secutix)["lastUpdate"], "14.03.2026, 19:02 h");
    secutix.behave();
    assert_eq!(sent(secutix), sale.notices[0].body());
    secutix.oddities(|odd| odd.blank_notices = true);
    assert_eq!((&sent(secutix)["state"], &sent(secutix)["lastUpdate"]), (&Value::Null, &json!("")));
}

#[tokio::test]
async fn what_became_of_a_movement_may_be_said_in_fewer_words() {
    let partner = Partner::meet().await;
    let secutix = partner.secutix();
    let holders = ["Ada", "Ben"].map(|name| Holder::new(name, "L")).to_vec();
    let sale = secutix.sell_family("CARMEN", holders, Origin::TicketShop).await.unwrap();
    let (first, second) = (sale.after[0].movement, sale.after[1].movement);
    secutix.reprint(first, Origin::TicketShop).await.unwrap();
    let exchanged = secutix.exchange(second, crate::FIRST_PERFORMANCE + 2, Origin::TicketShop).await.unwrap();
    secutix.oddities(|odd| {
        odd.superseded_is_cancelled = true;
        odd.movement_state_untold = true;
    });
    let (_, file) = partner.file(sale.files[0]).await;
    let movement = &file["orderDetailsDatas"][0]["movementDatas"][0];
    assert_eq!(
        (&movement["tickets"][0]["ticketState"], &movement["tickets"][1]["ticketState"]),
        (&json!("CANCELLED"), &json!("VALID"))
    );
    assert!(movement.get("movementState").is_none() && movement.get("type").is_none());

    secutix.oddities(|odd| {
        odd.tickets_untold = true;
        odd.old_movement_listed = true;
    });
    let (_, file) = partner.file(sale.files[0]).await;
    assert!(file["orderDetailsDatas"][0]["movementDatas"][1].get("tickets").is_none());
    let listed = file["orderDetailsDatas"][1]["movementDatas"].as_array().unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!(
        listed[0],
        json!({"movementId": second, "operationId": file["orderDetailsDatas"][0]["operationDatas"][0]["operationId"]})
    );
    assert_eq!(listed[1]["movementId"], json!(exchanged.after[0].movement));
}

#[tokio::test]
async fn failures_come_as_often_as_they_were_ordered() {
    let partner = Partner::meet().await;
    let secutix = partner.secutix();
    let sale = secutix.sell_single("CARMEN", Holder::new("Ada", "L"), Origin::TicketShop).await.unwrap();
    let file = sale.files[0];
    secutix.oddities(|oddities| oddities.in_progress = 2);
    for expected in ["in_progress", "in_progress", "success"] {
        let (status, answer) = partner.file(file).await;
        assert_eq!((status, &answer["statusCode"]), (200, &json!(expected)));
    }
    secutix.oddities(|oddities| oddities.truncated = 1);
    assert_eq!(partner.file(file).await, (200, Value::Null));
    assert_eq!(partner.file(file).await.1["statusCode"], "success");

    secutix.oddities(|oddities| oddities.missing_orders = 1);
    assert_eq!(partner.file(file).await.1.get("orderDetailsDatas"), None);
    secutix.oddities(|oddities| oddities.missing_movements = 1);
    let (_, answer) = partner.file(file).await;
    assert_eq!(answer["orderDetailsDatas"][0]["movementDatas"], json!([]));
    let (_, answer) = partner.file(file).await;
    assert_eq!(answer["orderDetailsDatas"][0]["movementDatas"].as_array().unwrap().len(), 1);

    secutix.oddities(|oddities| oddities.failure_status = Some("error".to_owned()));
    assert_eq!(partner.file(file).await.1["statusCode"], "error");
    secutix.behave();
    secutix.oddities(|oddities| oddities.refuse_credentials = true);
    assert_eq!(partner.file(file).await.0, 401);
    secutix.behave();
    secutix.oddities(|oddities| oddities.down = true);
    assert_eq!(partner.file(file).await.0, 503);
    secutix.behave();
    secutix.oddities(|oddities| oddities.unreachable = true);
    let bearer = format!("Bearer {}", partner.token());
    assert!(partner.call_with(super::ORDERS, &bearer, "{}").await.is_err());
    secutix.behave();
    let slow = Duration::from_millis(50);
    secutix.oddities(|oddities| oddities.slow = slow);
    let start = Instant::now();
    assert_eq!(partner.file(file).await.0, 200);
    assert!(start.elapsed() >= slow);
}

#[tokio::test]
async fn an_ended_movement_is_marked_or_absent() {
    let partner = Partner::meet().await;
    let secutix = partner.secutix();
    let holders = vec![Holder::new("Ada", "L"), Holder::new("Ben", "L")];
    let sale = secutix.sell_family("CARMEN", holders, Origin::TicketShop).await.unwrap();
    secutix.cancel(sale.after[0].movement).await.unwrap();
    let (_, file) = partner.file(sale.files[0]).await;
    let movements = file["orderDetailsDatas"][0]["movementDatas"].as_array().unwrap();
    assert_eq!(movements.len(), 2);
    assert_eq!(movements[0]["movementState"], "CANCELLED");
    assert_eq!(movements[0]["tickets"][0]["ticketState"], "CANCELLED");
    assert_eq!(movements[1]["movementState"], "VALID");
    assert_eq!(file["orderDetailsDatas"][1]["orderType"], "REFUND_ORGANIZATION");
    assert_eq!(file["orderDetailsDatas"][1]["movementDatas"], json!([]));

    secutix.oddities(|oddities| oddities.cancelled_is_absent = true);
    let (_, file) = partner.file(sale.files[0]).await;
    let movements = file["orderDetailsDatas"][0]["movementDatas"].as_array().unwrap();
    assert_eq!(movements.len(), 1);
    assert_eq!(movements[0]["movementId"], json!(sale.after[1].movement));
}

#[tokio::test]
async fn a_reprint_may_show_the_dead_ticket_before_the_new_one() {
    let partner = Partner::meet().await;
    let secutix = partner.secutix();
    let sale = secutix.sell_single("CARMEN", Holder::new("Ada", "L"), Origin::TicketShop).await.unwrap();
    secutix.oddities(|oddities| oddities.reprint_gap = 1);
    let change = secutix.reprint(sale.movement().unwrap(), Origin::BackOffice).await.unwrap();
    let (_, file) = partner.file(sale.files[0]).await;
    let movement = &file["orderDetailsDatas"][0]["movementDatas"][0];
    assert_eq!(movement["tickets"].as_array().unwrap().len(), 1);
    assert_eq!(movement["tickets"][0]["ticketState"], "INVALIDATED");
    assert_eq!(movement["movementState"], "VALID");
    let (_, file) = partner.file(sale.files[0]).await;
    let movement = &file["orderDetailsDatas"][0]["movementDatas"][0];
    assert_eq!(movement["barCode"], json!(change.after[0].barcode));
    assert_eq!(movement["tickets"][1]["ticketState"], "VALID");
}
