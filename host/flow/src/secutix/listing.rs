//! The tickets of a file as SecuTix shows them: for a person who asks where a ticket is, not for a decision.
//!
//! Reads few fields, leniently (numbers as strings, absent fields, unknown ones). What a change means, and whether a ticket lives, is the
//! connector's business (`scenario.classify`) and is never decided from here.

use serde::{Deserialize, Deserializer, Serialize};

use super::SecutixError;

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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default, deserialize_with = "text")]
    status_code: Option<String>,
    file_details_data: Option<File>,
    #[serde(default)]
    order_details_datas: Option<Vec<Order>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    #[serde(default)]
    file_attachments: Option<Vec<Attachment>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attachment {
    #[serde(default, deserialize_with = "text")]
    movement_id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    url: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    #[serde(default, deserialize_with = "text")]
    order_id: Option<String>,
    #[serde(default)]
    operation_datas: Option<Vec<Operation>>,
    #[serde(default)]
    movement_datas: Option<Vec<Movement>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Operation {
    #[serde(default, deserialize_with = "text")]
    operation_id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    product_code: Option<String>,
    #[serde(default, deserialize_with = "text")]
    performance_id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    performance_start_date: Option<String>,
    product_external_name: Option<Translations>,
}

#[derive(Deserialize)]
struct Translations {
    #[serde(default)]
    translations: Vec<Translation>,
}

#[derive(Deserialize)]
struct Translation {
    locale: Option<String>,
    value: Option<String>,
}

impl Translations {
    /// The text in the first of the locales that has one, else any. SecuTix writes `fr_CH` where we write `fr-CH` or `fr`.
    fn text(&self, locales: &[String]) -> Option<String> {
        let texts = || self.translations.iter().filter_map(|one| Some((one.locale.as_deref()?, one.value.as_ref()?)));
        let language = |locale: &str| locale.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        let exact = |wanted: &str| texts().find(|(locale, _)| locale.replace('_', "-").eq_ignore_ascii_case(wanted));
        let near = |wanted: &str| texts().find(|(locale, _)| language(locale) == language(wanted));
        let told = locales.iter().find_map(|wanted| exact(wanted).or_else(|| near(wanted)));
        let any = || self.translations.iter().find_map(|one| one.value.as_ref());
        told.map(|(_, value)| value).or_else(any).cloned()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Movement {
    #[serde(default, deserialize_with = "text")]
    movement_id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    operation_id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    area: Option<String>,
    #[serde(default, deserialize_with = "text")]
    row: Option<String>,
    #[serde(default, deserialize_with = "text")]
    seat: Option<String>,
    #[serde(default, deserialize_with = "text")]
    seat_category: Option<String>,
    #[serde(default)]
    tickets: Option<Vec<RawTicket>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawTicket {
    #[serde(default, deserialize_with = "text")]
    ticket_id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    ticket_state: Option<String>,
    #[serde(default, deserialize_with = "text")]
    ticket_url: Option<String>,
}

/// A text or a number, as text; anything else is as good as absent.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(text) if !text.is_empty() => Some(text),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

impl Listing {
    /// Reads the answer of `getFileDetails`; texts in the first of `locales` that they have.
    ///
    /// # Errors
    /// [`SecutixError::NotFound`] when the envelope is no success, [`SecutixError::Unreadable`] when it is not JSON of that form.
    pub fn read(body: &[u8], locales: &[String]) -> Result<Self, SecutixError> {
        let answer: Answer = serde_json::from_slice(body).map_err(|_| SecutixError::Unreadable)?;
        match answer.status_code.as_deref() {
            Some("success") => {}
            Some("in_progress") => return Err(SecutixError::NotReady),
            // For a well-formed request that is a file that SecuTix does not know, or does not show us [X].
            _ => return Err(SecutixError::NotFound),
        }
        let file = answer.file_details_data.ok_or(SecutixError::Unreadable)?;
        let orders = answer.order_details_datas.ok_or(SecutixError::Unreadable)?;
        let attachments = file.file_attachments.unwrap_or_default();
        let mut tickets: Vec<Ticket> = Vec::new();
        let mut position: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
        for order in orders {
            let operations = order.operation_datas.unwrap_or_default();
            for movement in order.movement_datas.unwrap_or_default() {
                let Some(id) = movement.movement_id.clone() else { continue };
                let operation =
                    operations.iter().find(|it| it.operation_id.is_some() && it.operation_id == movement.operation_id);
                let event = operation.map(|operation| event(operation, locales));
                let ticket = ticket(&id, order.order_id.clone(), movement, event, &attachments);
                match position.get(&id).and_then(|index| tickets.get_mut(*index)) {
                    // Another order speaks of the same movement, and seldom knows more of its seat.
                    Some(known) => known.state = ticket.state.or_else(|| known.state.take()),
                    None => {
                        position.insert(id, tickets.len());
                        tickets.push(ticket);
                    }
                }
            }
        }
        Ok(Self { tickets })
    }
}

fn event(operation: &Operation, locales: &[String]) -> Event {
    Event {
        title: operation.product_external_name.as_ref().and_then(|name| name.text(locales)),
        starts_at: operation.performance_start_date.clone(),
        performance: operation.performance_id.clone(),
        product: operation.product_code.clone(),
    }
}

fn ticket(
    id: &str,
    order: Option<String>,
    movement: Movement,
    event: Option<Event>,
    attachments: &[Attachment],
) -> Ticket {
    let tickets = movement.tickets.unwrap_or_default();
    // The newest, by its number: lists come in any order.
    let newest = tickets.iter().max_by_key(|ticket| ticket.ticket_id.as_deref().and_then(|id| id.parse::<i64>().ok()));
    let attached = attachments.iter().find(|it| it.movement_id.as_deref() == Some(id)).and_then(|it| it.url.clone());
    Ticket {
        movement: id.to_owned(),
        order,
        ticket: newest.and_then(|ticket| ticket.ticket_id.clone()),
        state: newest.and_then(|ticket| ticket.ticket_state.clone()),
        event,
        seat: Some(Seat {
            area: movement.area,
            row: movement.row,
            seat: movement.seat,
            category: movement.seat_category,
        }),
        download_url: newest.and_then(|ticket| ticket.ticket_url.clone()).or(attached),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reprinted_ticket_shows_its_newest_wherever_it_stands_and_every_movement_is_listed_once() {
        let body = serde_json::json!({
            "statusCode": "success",
            "fileDetailsData": {"fileId": 1, "fileState": "SOLDED", "fileAttachments": [{"movementId": "7", "url": "https://x/7.pdf"}]},
            "orderDetailsDatas": [
                {"orderId": 10, "orderType": "SALE", "operationDatas": [{"operationId": 5, "performanceId": "6"}],
                 "movementDatas": [
                    {"movementId": 7, "operationId": "5", "tickets": [
                        {"ticketId": 12, "ticketState": "VALID"}, {"ticketId": "9", "ticketState": "INVALIDATED"}]},
                    {"movementId": 8, "operationId": 5, "tickets": [{"ticketId": 3, "ticketState": "VALID"}]}]},
                {"orderId": 11, "orderType": "REFUND_CLIENT", "movementDatas": [
                    {"movementId": 8, "tickets": [{"ticketId": 3, "ticketState": "CANCELLED"}]}]}]
        });
        let listing = Listing::read(body.to_string().as_bytes(), &[]).unwrap();
        let [first, second] = listing.tickets.as_slice() else { panic!("two tickets are expected") };
        assert_eq!((first.ticket.as_deref(), first.state.as_deref()), (Some("12"), Some("VALID")));
        assert_eq!(first.download_url.as_deref(), Some("https://x/7.pdf"));
        assert_eq!(first.event.as_ref().and_then(|event| event.performance.as_deref()), Some("6"));
        assert_eq!((second.order.as_deref(), second.state.as_deref()), (Some("10"), Some("CANCELLED")));
    }

    #[test]
    fn a_title_is_told_in_the_nearest_language() {
        let title = |locale: &str, wanted: &[&str]| {
            let texts =
                serde_json::json!({"translations": [{"locale": "de", "value": "D"}, {"locale": locale, "value": "F"}]});
            let wanted: Vec<String> = wanted.iter().map(|locale| (*locale).to_owned()).collect();
            serde_json::from_value::<Translations>(texts).unwrap().text(&wanted).unwrap()
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
