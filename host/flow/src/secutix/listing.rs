//! The tickets of a file as SecuTix shows them: for a person who asks where a ticket is, not for a decision.
//!
//! Reads few fields, leniently (numbers as strings, fields that are absent, unknown or of another kind). Several orders of a file may speak of one
//! movement: the later statement is shown, as the connector believes it. What a change means is the connector's business
//! (`scenario.classify`) and is never decided from here.

use std::collections::HashMap;

use passerelle_connector::scenario::{Status, instant, is_living};
use serde::Serialize;

use super::SecutixError;
use super::lenient::{List, Node, Text, fields};

/// Every ticket of a file.
pub struct Listing {
    pub tickets: Vec<Ticket>,
}

/// One movement with its newest ticket.
#[derive(Clone, Debug, Serialize)]
pub struct Ticket {
    #[serde(rename = "movementId")]
    pub movement: String,
    #[serde(rename = "orderId", skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    #[serde(rename = "ticketId", skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// As SecuTix writes it.
    #[serde(rename = "ticketState", skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<Event>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seat: Option<Seat>,
    /// SecuTix's own download address, where the file has one.
    #[serde(rename = "downloadUrl", skip_serializing_if = "Option::is_none")]
    pub download_url: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Event {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(rename = "startsAt", skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<String>,
    #[serde(rename = "performanceId", skip_serializing_if = "Option::is_none")]
    pub performance: Option<String>,
    #[serde(rename = "productCode", skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Seat {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub area: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seat: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
}

fields! {
    struct Answer {
        status_code: Text = "statusCode",
        file: Node<File> = "fileDetailsData",
        orders: List<Order> = "orderDetailsDatas",
    }

    struct File {
        attachments: List<Attachment> = "fileAttachments",
    }

    struct Attachment {
        movement: Text = "movementId",
        url: Text = "url",
    }

    struct Order {
        id: Text = "orderId",
        created: Text = "creationDateTime",
        operations: List<Operation> = "operationDatas",
        movements: List<Movement> = "movementDatas",
    }

    struct Operation {
        id: Text = "operationId",
        product: Text = "productCode",
        performance: Text = "performanceId",
        starts_at: Text = "performanceStartDate",
        title: Node<Translations> = "productExternalName",
    }

    struct Translations {
        translations: List<Translation> = "translations",
    }

    struct Translation {
        locale: Text = "locale",
        value: Text = "value",
    }

    struct Movement {
        id: Text = "movementId",
        operation: Text = "operationId",
        area: Text = "area",
        row: Text = "row",
        seat: Text = "seat",
        category: Text = "seatCategory",
        tickets: List<RawTicket> = "tickets",
    }

    struct RawTicket {
        id: Text = "ticketId",
        state: Text = "ticketState",
        url: Text = "ticketUrl",
    }
}

impl Translations {
    /// The text in the first of the locales that has one, else any. SecuTix writes `fr_CH` where we write `fr-CH` or `fr`.
    fn text(&self, locales: &[String]) -> Option<String> {
        let list = self.translations.0.as_deref().unwrap_or_default();
        let texts = || list.iter().filter_map(|one| Some((one.locale.0.as_deref()?, one.value.0.as_ref()?)));
        let language = |locale: &str| locale.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        let exact = |wanted: &str| texts().find(|(locale, _)| locale.replace('_', "-").eq_ignore_ascii_case(wanted));
        let near = |wanted: &str| texts().find(|(locale, _)| language(locale) == language(wanted));
        let told = locales.iter().find_map(|wanted| exact(wanted).or_else(|| near(wanted)));
        let any = || list.iter().find_map(|one| one.value.0.as_ref());
        told.map(|(_, value)| value).or_else(any).cloned()
    }
}

impl Listing {
    /// Reads the answer of `getFileDetails`; texts in the first of `locales` that they have.
    ///
    /// # Errors
    /// [`SecutixError::NotFound`] when the envelope is no success, [`SecutixError::Unreadable`] when it is not JSON or lacks its file or its
    /// orders.
    pub fn read(body: &[u8], locales: &[String]) -> Result<Self, SecutixError> {
        let answer: Node<Answer> = serde_json::from_slice(body).map_err(|_| SecutixError::Unreadable)?;
        let answer = answer.0.ok_or(SecutixError::Unreadable)?;
        match answer.status_code.0.as_deref().map(Status::of) {
            Some(Status::Success) => {}
            Some(Status::Later) => return Err(SecutixError::NotReady),
            // For a well-formed request that is a file that SecuTix does not know, or does not show us [X].
            Some(Status::Refused) | None => return Err(SecutixError::NotFound),
        }
        let file = answer.file.0.ok_or(SecutixError::Unreadable)?;
        let mut orders = answer.orders.0.ok_or(SecutixError::Unreadable)?;
        let attached = file.attachments.items().into_iter().filter_map(|it| Some((it.movement.0?, it.url.0?)));
        // Of several for one movement the first.
        let attached: HashMap<String, String> = attached.rev().collect();
        // In time, as `scenario/standing.rs` has them; one that does not say when is older than all that do.
        orders.sort_by_cached_key(|order| (order.created.0.as_deref().and_then(instant), number(&order.id)));
        let mut tickets: Vec<Ticket> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for order in orders {
            let operations: HashMap<String, Event> = order
                .operations
                .items()
                .into_iter()
                .filter_map(|operation| Some((operation.id.0.clone()?, event(operation, locales))))
                .collect();
            for movement in order.movements.items() {
                let Some(id) = movement.id.0.clone() else { continue };
                let event = movement.operation.0.as_ref().and_then(|operation| operations.get(operation)).cloned();
                let ticket = ticket(&id, order.id.0.clone(), movement, event, &attached);
                match places.get(&id).and_then(|place| tickets.get_mut(*place)) {
                    Some(known) => known.restate(ticket),
                    None => {
                        places.insert(id, tickets.len());
                        tickets.push(ticket);
                    }
                }
            }
        }
        Ok(Self { tickets })
    }
}

impl Ticket {
    /// A later order speaks of the same movement: its ticket counts as a whole, and of the rest what it knows.
    fn restate(&mut self, later: Self) {
        if later.ticket.is_some() || later.state.is_some() {
            self.order = later.order.or_else(|| self.order.take());
            self.ticket = later.ticket;
            self.state = later.state;
            self.download_url = later.download_url;
        }
        self.event = later.event.or_else(|| self.event.take());
        if later.seat.as_ref().is_some_and(Seat::is_known) {
            self.seat = later.seat;
        }
    }
}

impl Seat {
    fn is_known(&self) -> bool {
        [&self.area, &self.row, &self.seat, &self.category].into_iter().any(Option::is_some)
    }
}

fn number(id: &Text) -> Option<i64> {
    id.0.as_deref().and_then(|id| id.parse().ok())
}

fn event(operation: Operation, locales: &[String]) -> Event {
    Event {
        title: operation.title.0.as_ref().and_then(|title| title.text(locales)),
        starts_at: operation.starts_at.0,
        performance: operation.performance.0,
        product: operation.product.0,
    }
}

fn ticket(
    id: &str,
    order: Option<String>,
    movement: Movement,
    event: Option<Event>,
    attached: &HashMap<String, String>,
) -> Ticket {
    // The newest that lives, else the newest (as `scenario/ticket.rs` has it): lists come in any order.
    let living = |ticket: &RawTicket| ticket.state.0.as_deref().is_none_or(is_living);
    let newest = movement
        .tickets
        .items()
        .into_iter()
        .enumerate()
        .max_by_key(|(at, ticket)| (living(ticket), number(&ticket.id), *at))
        .map(|(_, ticket)| ticket)
        .unwrap_or_default();
    Ticket {
        movement: id.to_owned(),
        order,
        ticket: newest.id.0,
        state: newest.state.0,
        event,
        seat: Some(Seat {
            area: movement.area.0,
            row: movement.row.0,
            seat: movement.seat.0,
            category: movement.category.0,
        }),
        download_url: newest.url.0.or_else(|| attached.get(id).cloned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(body: &Value) -> Vec<Ticket> {
        Listing::read(body.to_string().as_bytes(), &[]).unwrap().tickets
    }

    fn file(orders: &Value) -> Value {
        json!({"statusCode": "success", "fileDetailsData": {"fileId": 1}, "orderDetailsDatas": orders})
    }

    #[test]
    fn a_reprinted_ticket_shows_its_newest_wherever_it_stands_and_every_movement_is_listed_once() {
        let body = json!({
            "statusCode": "success",
            "fileDetailsData": {"fileId": 1, "fileState": "SOLDED", "fileAttachments": [{"movementId": "7", "url": "https://x/7.pdf"}]},
            "orderDetailsDatas": [
                {"orderId": 10, "orderType": "SALE", "operationDatas": [{"operationId": 5, "performanceId": "6"}],
                 "movementDatas": [
                    {"movementId": 7, "operationId": "5", "tickets": [
                        {"ticketId": 12, "ticketState": "VALID"}, {"ticketId": "9", "ticketState": "INVALIDATED"}]},
                    {"movementId": 8, "operationId": 5, "seat": "3", "tickets": [{"ticketId": 3, "ticketState": "VALID"}]}]},
                {"orderId": 11, "orderType": "REFUND_CLIENT", "movementDatas": [
                    {"movementId": 8, "tickets": [{"ticketId": 3, "ticketState": "CANCELLED"}]}]}]
        });
        let listed = read(&body);
        let [first, second] = listed.as_slice() else { panic!("two tickets are expected") };
        assert_eq!((first.ticket.as_deref(), first.state.as_deref()), (Some("12"), Some("VALID")));
        assert_eq!(first.download_url.as_deref(), Some("https://x/7.pdf"));
        assert_eq!(first.event.as_ref().and_then(|event| event.performance.as_deref()), Some("6"));
        assert_eq!((second.order.as_deref(), second.state.as_deref()), (Some("11"), Some("CANCELLED")));
        assert_eq!(second.event.as_ref().and_then(|event| event.performance.as_deref()), Some("6"));
        assert_eq!(second.seat.as_ref().and_then(|seat| seat.seat.as_deref()), Some("3"), "a refund knows no seat");
    }

    #[test]
    fn the_later_order_is_believed_wherever_it_stands_and_its_ticket_is_taken_whole() {
        let order = |id: i64, created: Value, ticket: i64, state: &str| {
            json!({"orderId": id, "creationDateTime": created, "movementDatas": [{"movementId": 7, "tickets": [
                {"ticketId": ticket, "ticketState": state, "ticketUrl": format!("https://x/{ticket}.pdf")}]}]})
        };
        let mut orders = [
            order(10, json!("2026-03-14T19:02:11.000+01:00"), 3, "INVALIDATED"),
            order(9, json!(1_773_600_000_000_i64), 4, "VALID"),
            order(12, json!(null), 2, "VALID"),
        ];
        for _ in 0..orders.len() {
            orders.rotate_left(1);
            let listed = read(&file(&json!(orders)));
            let [ticket] = listed.as_slice() else { panic!("one ticket is expected") };
            assert_eq!(
                [&ticket.order, &ticket.ticket, &ticket.state, &ticket.download_url].map(|it| it.as_deref().unwrap()),
                ["9", "4", "VALID", "https://x/4.pdf"]
            );
        }
    }

    #[test]
    fn of_several_tickets_the_newest_that_lives_is_shown() {
        let shown = |tickets: Value| {
            let order = json!([{"orderId": 1, "movementDatas": [{"movementId": 7, "tickets": tickets}]}]);
            read(&file(&order)).remove(0).ticket.unwrap()
        };
        let ticket = |id: i64, state: &str| json!({"ticketId": id, "ticketState": state});
        assert_eq!(shown(json!([ticket(3, "valid"), ticket(4, "Invalidated")])), "3");
        assert_eq!(shown(json!([ticket(3, "VALID"), ticket(4, "CONTROLLED"), ticket(5, "CANCELLED")])), "4");
        assert_eq!(shown(json!([ticket(4, "CANCELLED"), ticket(3, "INVALIDATED")])), "4");
    }

    #[test]
    fn what_is_of_another_kind_spoils_nothing_around_it() {
        let body = r#"{"statusCode": "SUCCESS", "requestId": {"a": [1, 2]},
            "fileDetailsData": {"fileAttachments": {"movementId": 7, "url": "https://x/7.pdf"}},
            "orderDetailsDatas": [17, {"orderId": 1, "orderId": 2, "operationDatas": [
                {"operationId": 5, "productExternalName": "Carmen", "performanceId": 6},
                {"operationId": 6, "productExternalName": {"translations": null}, "performanceId": true},
                {"operationId": 7, "productExternalName": {"translations": "Carmen"}, "performanceId": [1]}],
              "movementDatas": [
                {"movementId": 7, "operationId": 5, "tickets": "none", "seat": {"a": 1}, "row": 3.5},
                {"movementId": 8, "operationId": 6, "tickets": null, "area": "A"},
                {"movementId": " 9 ", "operationId": 7, "tickets": {"ticketId": 1}},
                {"movementId": null}]}]}"#;
        let listed = Listing::read(body.as_bytes(), &[]).unwrap().tickets;
        let ids: Vec<_> = listed.iter().map(|ticket| ticket.movement.as_str()).collect();
        assert_eq!(ids, ["7", "8", "9"]);
        assert!(listed.iter().all(|ticket| ticket.order.as_deref() == Some("2")));
        assert_eq!(listed[0].download_url.as_deref(), Some("https://x/7.pdf"));
        assert_eq!(listed[0].event.as_ref().unwrap().performance.as_deref(), Some("6"));
        assert!(listed.iter().all(|ticket| ticket.event.as_ref().unwrap().title.is_none()));
        assert_eq!(listed[1].seat.as_ref().unwrap().area.as_deref(), Some("A"));
        assert_eq!(listed[2].ticket.as_deref(), Some("1"));
        let later = Listing::read(br#"{"statusCode": "In_Progress"}"#, &[]);
        assert!(matches!(later, Err(SecutixError::NotReady)));
    }

    #[test]
    fn a_title_is_told_in_the_nearest_language() {
        let title = |locale: &str, wanted: &[&str]| {
            let texts = json!({"translations": [{"locale": "de", "value": "D"}, {"locale": locale, "value": "F"}]});
            let wanted: Vec<String> = wanted.iter().map(|locale| (*locale).to_owned()).collect();
            serde_json::from_value::<Node<Translations>>(texts).unwrap().0.unwrap().text(&wanted).unwrap()
        };
        for locale in ["fr", "fr_CH", "fr-CH", "FR"] {
            assert_eq!(title(locale, &["fr", "de"]), "F", "{locale}");
            assert_eq!(title(locale, &["fr-CH", "de"]), "F", "{locale}");
            assert_eq!(title(locale, &["it", "de"]), "D", "{locale}");
        }
        assert_eq!(title("fr", &["en"]), "D");
    }

    #[test]
    fn an_answer_without_its_orders_is_unreadable_and_not_empty() {
        let read = |text: &str| Listing::read(text.as_bytes(), &[]).map(|listing| listing.tickets.len());
        assert!(matches!(read(r#"{"statusCode":"success","fileDetailsData":{}}"#), Err(SecutixError::Unreadable)));
        assert!(matches!(read(r#"{"statusCode":"no_such_file"}"#), Err(SecutixError::NotFound)));
        assert!(matches!(read("<html>"), Err(SecutixError::Unreadable)));
    }
}
