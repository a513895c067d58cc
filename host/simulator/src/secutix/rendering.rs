//! The institution's state as the web service writes it: SecuTix's JSON (domain.md 3.4, 3.5).
//!
//! Owns names and nesting of the answers. Does not own transport. Names that no source states are assumptions of ours, listed with
//! the product's assumptions.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::secutix::State;
use crate::secutix::catalogue::{Performance, Product, Texts, Venue, written};
use crate::secutix::model::{Contact, File, Movement, Operation, Order, TicketState};
use crate::secutix::oddities::Oddities;

/// What both file calls answer.
pub(crate) fn file_answer(file: &File, state: &State, oddities: &Oddities) -> Value {
    let late = oddities.newest_order_gap > 0 && file.orders.len() > 1;
    let listed = file.orders.get(..file.orders.len() - usize::from(late)).unwrap_or_default();
    let orders: Vec<Value> = listed.iter().map(|order| order_data(order, state, oddities)).collect();
    let attachments: Vec<Value> = listed
        .iter()
        .flat_map(|order| &order.movements)
        .filter(|movement| !movement.ended)
        .map(|movement| {
            let url = format!("{}/tnci/tickets/{}.pdf", state.url, movement.ticket().map_or(0, |ticket| ticket.id));
            json!({"movementId": movement.id, "url": url, "type": "TICKET"})
        })
        .collect();
    let mut answer = json!({
        "requestId": 1,
        "statusCode": "success",
        "statusDetail": null,
        "fileDetailsData": {
            "fileId": file.id,
            "fileState": file.state,
            "lastModDateTime": written(&file.modified),
            "fileContacts": [{"role": "SALE", "contactNumber": file.buyer}],
            "fileAttachments": attachments,
        },
        "orderDetailsDatas": orders,
    });
    if oddities.missing_orders > 0
        && let Some(answer) = answer.as_object_mut()
    {
        answer.remove("orderDetailsDatas");
    }
    answer
}

fn order_data(order: &Order, state: &State, oddities: &Oddities) -> Value {
    let operations: Vec<Value> =
        order.operations.iter().filter_map(|operation| operation_data(operation, state)).collect();
    let shown = |movement: &&Movement| match movement.ended {
        true => !oddities.cancelled_is_absent,
        false => oddities.missing_movements == 0,
    };
    let taken_back = order.takes_back.iter().filter(|_| oddities.old_movement_listed);
    let taken_back = taken_back.map(|(id, operation)| json!({"movementId": id, "operationId": operation}));
    let stated = order.movements.iter().filter(shown).map(|movement| movement_data(movement, oddities));
    let movements: Vec<Value> = taken_back.chain(stated).collect();
    json!({
        "orderId": order.id,
        "orderSecretId": order.secret,
        "orderType": order.kind,
        "orderState": order.state,
        "orderOriginator": order.originator,
        "creationDateTime": written(&order.created),
        "salesChannelCode": if order.originator == "TICKETSHOP" { "WEB" } else { "BOXOFFICE" },
        "externalReference": null,
        "operationDatas": operations,
        "movementDatas": movements,
    })
}

fn operation_data(operation: &Operation, state: &State) -> Option<Value> {
    let catalogue = &state.catalogue;
    let product = catalogue.products.get(&operation.product)?;
    let performance = operation.performance.and_then(|id| catalogue.performances.get(&id));
    let opened: Vec<Value> = opened(product, &catalogue.performances)
        .map(|performance| performance_data(performance, &catalogue.venues))
        .collect();
    let title = match performance {
        Some(performance) => &performance.name,
        None => &product.title,
    };
    let comfort: Vec<Value> =
        product.comfort.iter().map(|(code, value)| json!({"code": code, "value": value})).collect();
    Some(json!({
        "operationId": operation.id,
        "kind": product.kind.code(),
        "productId": product.id,
        "productCode": product.code,
        "productState": product.state,
        "productFamilySubType": product.family_subtype,
        "productExternalName": translations(title),
        "performanceId": performance.map(|performance| performance.id),
        "performanceStartDate": performance.map(|performance| written(&performance.start)),
        "performanceEndDate": performance.map(|performance| written(&performance.end)),
        "doorsOpenDate": performance.and_then(|performance| performance.doors.as_ref()).map(written),
        "comfortVariableValues": comfort,
        "locations": performance.map(|performance| locations(performance, &catalogue.venues)).unwrap_or_default(),
        "performances": opened,
        "amount": 120_000,
    }))
}

fn opened<'a>(
    product: &'a Product,
    performances: &'a BTreeMap<i64, Performance>,
) -> impl Iterator<Item = &'a Performance> {
    let ids: &[i64] = if product.kind.opens_several() { &product.performances } else { &[] };
    ids.iter().filter_map(|id| performances.get(id))
}

fn performance_data(performance: &Performance, venues: &[Venue]) -> Value {
    json!({
        "performanceId": performance.id,
        "performanceName": translations(&performance.name),
        "performanceStartDate": written(&performance.start),
        "performanceEndDate": written(&performance.end),
        "doorsOpenDate": performance.doors.as_ref().map(written),
        "locations": locations(performance, venues),
    })
}

fn locations(performance: &Performance, venues: &[Venue]) -> Vec<Value> {
    let venue = venues.get(performance.venue);
    let location = |venue: &Venue| {
        json!({
            "siteName": translations(&venue.site),
            "spaceName": translations(&venue.space),
            "siteAddress": {
                "firstAddressLine": venue.address,
                "secondAddressLine": null,
                "zipCode": venue.zip_code,
                "locality": venue.locality,
                "countryCode": venue.country,
                "latitude": venue.latitude,
                "longitude": venue.longitude,
            },
        })
    };
    venue.map(location).into_iter().collect()
}

fn movement_data(movement: &Movement, oddities: &Oddities) -> Value {
    let gap = oddities.reprint_gap > 0 && movement.tickets.len() > 1 && !movement.ended;
    let visible = movement.tickets.len() - usize::from(gap);
    let tickets: Vec<Value> = movement
        .tickets
        .iter()
        .take(visible)
        .map(|ticket| {
            json!({
                "ticketId": ticket.id,
                "barcode": ticket.barcode,
                "ticketState": match ticket.state {
                    TicketState::Invalidated if oddities.superseded_is_cancelled => TicketState::Cancelled,
                    state => state,
                }
                .code(),
                "ticketUrl": null,
            })
        })
        .collect();
    let newest = movement.tickets.iter().take(visible).next_back();
    let cancelled = movement.ended || newest.is_none_or(|ticket| ticket.state == TicketState::Cancelled);
    let mut data = json!({
        "movementId": movement.id,
        "operationId": movement.operation,
        "type": "SALE",
        "movementState": if cancelled { "CANCELLED" } else { "VALID" },
        "barCode": newest.map(|ticket| &ticket.barcode),
        "beneficiaryFirstname": movement.holder.first_name,
        "beneficiaryLastname": movement.holder.last_name,
        "culturalContactNumber": movement.cultural_contact,
        "area": movement.seat.area,
        "gate": movement.seat.gate,
        "row": movement.seat.row,
        "seat": movement.seat.seat,
        "seatCategory": movement.seat.category,
        "audienceSubCategory": movement.audience,
        "tariff": movement.tariff,
        "startValidityDate": null,
        "endValidityDate": null,
        "instanceNumber": 1,
        "tickets": tickets,
    });
    if let Some(fields) = data.as_object_mut() {
        fields.retain(|name, _| match name.as_str() {
            "movementState" | "type" => !oddities.movement_state_untold,
            "tickets" => !oddities.tickets_untold,
            _ => true,
        });
    }
    data
}

pub(crate) fn contact_answer(contact: &Contact) -> Value {
    let qualities: Vec<Value> =
        contact.quality.iter().map(|(code, name)| json!({"code": code, "name": translations(name)})).collect();
    json!({
        "requestId": 1,
        "statusCode": "success",
        "statusDetail": null,
        "contactData": {
            "contactNumber": contact.number,
            "individualContact": {
                "firstname": contact.first_name,
                "lastname": contact.last_name,
                "title": contact.title,
            },
            "contactQualities": qualities,
            "communicationMeans": [{"type": "EMAIL", "value": contact.email}],
        },
    })
}

fn translations(texts: &Texts) -> Value {
    let list: Vec<Value> = texts.iter().map(|(locale, value)| json!({"locale": locale, "value": value})).collect();
    json!({ "translations": list })
}
