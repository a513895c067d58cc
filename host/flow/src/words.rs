//! Words for codes: what a person reads in a history, in the demo and in a log.
//!
//! Owns the sentences. The connector gives codes and field names and never a value, so no sentence here can name a person. A code that is
//! not in the table (a newer connector) is shown as it is.

use passerelle_contract::scenario::{Action, Evidence, Operation};
use passerelle_contract::types::Subject;
use serde::Serialize;

use crate::store::Change;

/// What happened, by the code of the use case.
pub fn use_case(code: &str) -> &str {
    match code {
        "event-change" => "Change of the title or schedule of an event",
        "reprint" => "Reprinting of a ticket",
        "holder-change" => "Change of ticket holder's name",
        "cultural-contact-change" => "Change of cultural contact",
        "replacement" => "Replacement of a spectator",
        "exchange" => "Ticket exchange",
        "cancellation" => "Cancellation of a ticket",
        "purchase" => "Purchase",
        "entry-scan" => "Entry scan",
        "nothing" => "Nothing changed",
        "last-minute-message" => "Last-minute message",
        "card-removed" => "Removal of a member card",
        "unknown-change" => "A change that is none of the known use cases",
        other => other,
    }
}

/// Why, by the code of the connector's reason.
pub fn reason(code: &str) -> &str {
    match code {
        "unchanged" => "the pass shows what SecuTix says",
        "event-changed" => "the organiser changed the event",
        "barcode-changed" => "the ticket was printed again, so the earlier barcode is no longer valid",
        "holder-changed" => "the ticket is made out to another person",
        "contact-changed" => "another contact was entered as the one who attends",
        "entered" => "the ticket was scanned at the entry",
        "details-changed" => "details of the ticket changed",
        "card-changed" => "the member's data changed",
        "several-changes" => "several things changed at once",
        "purchased" => "the ticket was bought and is ready",
        "succeeds" => "it takes the place of an earlier ticket",
        "member" => "the contact is a member",
        "exchanged" => "it was exchanged for another ticket",
        "replaced" => "another person took the place",
        "cancelled" => "the ticket was cancelled",
        "file-cancelled" => "the whole order was cancelled",
        "absent" => "SecuTix no longer shows the ticket as sold",
        "alive-again" => "SecuTix shows the ticket as valid again",
        "still-ended" => "the ticket is still invalid",
        "between-tickets" => "the earlier ticket is invalid and the new one not there yet",
        "organiser" => "the organiser asked for it",
        "not-concerned" => "SecuTix's answer does not speak of this ticket",
        other => other,
    }
}

/// What was done to the pass.
pub fn action(code: &str) -> &str {
    match code {
        "created" => "The pass was made",
        "updated" => "The pass was updated",
        "voided" => "The pass was made invalid",
        "revived" => "The pass was made valid again",
        "message" => "A message was put onto the pass",
        "absent" => "The pass stays as it is until a second look agrees",
        "kept" => "The pass was left as it is",
        other => other,
    }
}

/// How a run ended, by the code of its outcome.
pub fn outcome(code: &str) -> &str {
    match code {
        "done" => "passes were written",
        "unchanged" => "every pass shows what SecuTix says",
        "absence-unconfirmed" => "a ticket was missing; a second look decides",
        "between-tickets" => "a ticket is invalid and the new one not there yet; it is looked for again",
        "pass-not-built" => "a template could not be filled; that pass stays as it was",
        "void-limit" => "more passes would have become invalid than an hour allows; a person decides",
        "not-ready" => "SecuTix was still preparing its answer",
        "unreachable" => "SecuTix did not answer",
        "unreadable" => "SecuTix's answer lacked a required part",
        "refused" => "SecuTix refused",
        "not-found" => "SecuTix does not know it",
        "no-file" => "SecuTix's answer named no file",
        "budget-spent" => "the calls of this minute were used up",
        "throttled" => "SecuTix asked for fewer calls",
        "credentials-refused" => "SecuTix refused the credentials",
        "no-such-tenant" => "the tenant was not in the configuration",
        "token-unreadable" => "the order's token was sealed under another key",
        "sealed-part-unreadable" => "what a pass shows was sealed under another key",
        "overran" => "it took as long as its lease allows and was stopped",
        "sandbox" => "the connector failed",
        "sandbox-busy" => "no sandbox was free",
        "worker-lost" => "its worker was not heard of again",
        "conflict" => "a pass changed under it, again and again",
        other => other,
    }
}

/// One field, as a person would call it.
pub fn field(name: &str) -> &str {
    match name {
        "address.address" => "address",
        "address.city" => "city",
        "address.country" => "country",
        "address.postalCode" => "postal code",
        "barCode" => "barcode",
        "contact.number" => "contact",
        "contact.quality" => "membership",
        "contact.title" => "form of address",
        "event" => "the event",
        "event.code" => "product code",
        "event.doors" => "doors",
        "event.end" => "end time",
        "event.kind" => "kind of product",
        "event.start" => "start time",
        "event.state" => "state of the event",
        "event.template" => "the choice of the template",
        "event.title" => "title",
        "events" => "performances",
        "firstName" | "lastName" => "holder's name",
        "state.used" => "entry",
        "ticket.area" => "zone",
        "ticket.audience" => "audience",
        "ticket.gate" => "gate",
        "ticket.number" => "ticket number",
        "ticket.order" => "order number",
        "ticket.row" => "row",
        "ticket.seat" => "seat",
        "ticket.seatCategory" => "category",
        "ticket.tariff" => "tariff",
        "ticket.validFrom" => "start of validity",
        "ticket.validTo" => "end of validity",
        "venue.location" => "place on the map",
        "venue.name" => "venue",
        "venue.room" => "room",
        other => other,
    }
}

/// A line of a pass's history in plain words.
pub fn change(change: &Change) -> String {
    let fields: Vec<&str> = change.fields.iter().map(String::as_str).collect();
    sentence(&change.use_case, &change.action, &change.reason, &fields)
}

fn sentence(use_case_code: &str, action_code: &str, reason_code: &str, fields: &[&str]) -> String {
    let mut named: Vec<&str> = fields.iter().map(|name| field(name)).collect();
    named.dedup();
    let what = if named.is_empty() { String::new() } else { format!(" ({})", named.join(", ")) };
    format!("{}: {}, because {}{what}.", use_case(use_case_code), action(action_code), reason(reason_code))
}

/// An operation of a verdict, for `explain`.
#[derive(Debug, Serialize)]
pub struct OperationRecord {
    pub subject: String,
    pub action: &'static str,
    pub reason: String,
    pub fields: Vec<String>,
    pub successor: Option<String>,
}

pub fn operation_record(operation: &Operation) -> OperationRecord {
    let (Subject::Movement(subject) | Subject::Contact(subject)) = &operation.subject;
    OperationRecord {
        subject: subject.clone(),
        action: match &operation.action {
            Action::Offer(_) => "offer",
            Action::Update(_) => "update",
            Action::End(Evidence::Positive) => "end",
            Action::End(Evidence::Absence) => "end-if-a-second-fetch-agrees",
            Action::Revive(_) => "revive",
            Action::Keep => "keep",
        },
        reason: operation.reason.code.clone(),
        fields: operation.reason.fields.clone(),
        successor: operation.successor.clone(),
    }
}

/// One line of `explain`: the movement, what becomes of its pass, why.
pub fn operation(operation: &Operation) -> String {
    let record = operation_record(operation);
    let mut fields: Vec<&str> = record.fields.iter().map(|name| field(name)).collect();
    fields.dedup();
    let what = if fields.is_empty() { String::new() } else { format!(" ({})", fields.join(", ")) };
    let next = record.successor.map(|movement| format!("; successor {movement}")).unwrap_or_default();
    format!("{}: {}: {}{what}{next}", record.subject, record.action, reason(&record.reason))
}

#[cfg(test)]
mod tests {
    use passerelle_connector::scenario::{FIELDS, REASONS};

    #[test]
    fn every_code_and_every_field_of_the_connector_has_words() {
        for (code, _) in REASONS {
            assert_ne!(super::reason(code), *code);
        }
        for name in FIELDS {
            assert_ne!(super::field(name), *name);
        }
    }
}
