//! Words for codes: what a person reads in a history, in the demo and in a log.
//!
//! Owns the sentences. The connector gives codes and field names and never a value, so no sentence here can name a person. A code that is
//! not in the table (a newer connector) is shown as it is.

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
        "unknown-change" => "A change that is none of the known use cases",
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
        "absent" => "The ticket is missing in SecuTix; the pass stays until a second look agrees",
        "kept" => "The pass was left as it is",
        other => other,
    }
}

/// One field, as a person would call it.
pub fn field(name: &str) -> &str {
    match name {
        "title" | "event.title" => "title",
        "startsAt" | "event.start" => "start time",
        "endsAt" | "event.end" => "end time",
        "doorsAt" | "event.doors" => "doors",
        "venue" => "venue",
        "barcode" | "barCode" => "barcode",
        "ticket" => "ticket",
        "firstName" | "lastName" => "holder's name",
        "contact" => "cultural contact",
        "seatCategory" => "category",
        other => other,
    }
}

/// A line of a pass's history in plain words.
pub fn change(change: &Change) -> String {
    let mut fields: Vec<&str> = change.fields.iter().map(|name| field(name)).collect();
    fields.dedup();
    let what = if fields.is_empty() { String::new() } else { format!(" What changed: {}.", fields.join(", ")) };
    format!("{}: {}.{what}", use_case(&change.use_case), action(&change.action))
}
