//! The documented oddities of SecuTix's answers, each a switch (domain.md §3.3, §7; "real answers stray from the documentation").
//!
//! Owns the switches and those that rewrite a finished answer. Does not own when an answer is due (`webservice`).

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// All off by default. A count applies to the next so many answers about files and then runs out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Oddities {
    /// Every number travels as a string.
    pub numbers_as_strings: bool,
    /// Fields that no documentation knows, in every object.
    pub unknown_fields: bool,
    /// Null and empty lists are left out altogether.
    pub omit_optional: bool,
    /// Dates in other notations: offsets without a colon, an order's creation in milliseconds, a notice's last update as people write it.
    pub other_dates: bool,
    /// A cancelled or exchanged-away movement is in no order any more, instead of being marked.
    pub cancelled_is_absent: bool,
    /// The ticket that a reprint has superseded is called CANCELLED, as some interfaces do.
    pub superseded_is_cancelled: bool,
    /// Movements without `movementState` and `type`. Together with `tickets_untold` the shape of the one answer that is public.
    pub movement_state_untold: bool,
    /// Movements without `tickets`.
    pub tickets_untold: bool,
    /// An exchange or a refund lists the movement that it takes back, by its number alone.
    pub old_movement_listed: bool,
    /// New tickets are NOT_PRINTED, until they are printed.
    pub tickets_unprinted: bool,
    /// Notices without a state (null) and a last update (empty).
    pub blank_notices: bool,
    /// An external reference that is written is announced as a change of the order.
    pub announce_references: bool,
    /// Answers `in_progress`.
    pub in_progress: u32,
    /// Answers HTTP 200 with this `statusCode`, until taken back.
    pub failure_status: Option<String>,
    /// After a reprint, answers in which the new ticket is not there yet but the old one is already INVALIDATED.
    pub reprint_gap: u32,
    /// Answers in which the newest order of a file is not there yet, though what it takes back has ended already.
    pub newest_order_gap: u32,
    /// Answers in which the living movements are missing.
    pub missing_movements: u32,
    /// Answers that lack `orderDetailsDatas` altogether.
    pub missing_orders: u32,
    /// Answers whose JSON breaks off.
    pub truncated: u32,
    /// Every answer waits this long.
    #[serde(skip)]
    pub slow: Duration,
    /// HTTP 503.
    pub down: bool,
    /// Connections break without an answer.
    pub unreachable: bool,
    /// Our credentials are refused, whatever they are.
    pub refuse_credentials: bool,
}

impl Oddities {
    /// Uses up one of a count; whether there was one.
    pub(crate) fn take(count: &mut u32) -> bool {
        let any = *count > 0;
        *count = count.saturating_sub(1);
        any
    }

    /// The rewriting oddities, on a finished answer.
    pub(crate) fn disfigure(&self, answer: Value) -> Value {
        match answer {
            Value::Object(fields) => {
                let mut odd = Map::new();
                if self.unknown_fields {
                    odd.insert(
                        "zzInternalTrace".to_owned(),
                        json!({"node": "s360-7", "steps": [1, 2, {"deep": null}]}),
                    );
                }
                for (name, value) in fields {
                    if self.other_dates && name == "creationDateTime" {
                        odd.insert(name, self.disfigure(millis(&value)));
                        continue;
                    }
                    let absent = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
                    // An empty list of movements or orders is a statement, not an option that is left out.
                    let stated = matches!(name.as_str(), "movementDatas" | "orderDetailsDatas" | "tickets");
                    if !(self.omit_optional && absent && !stated) {
                        odd.insert(name, self.disfigure(value));
                    }
                }
                Value::Object(odd)
            }
            Value::Array(items) => Value::Array(items.into_iter().map(|item| self.disfigure(item)).collect()),
            Value::Number(number) if self.numbers_as_strings => Value::String(number.to_string()),
            Value::String(text) if self.other_dates => Value::String(without_colon(&text).unwrap_or(text)),
            other => other,
        }
    }

    /// The same for a notice on its way out.
    pub(crate) fn disfigure_notice(&self, mut notice: Value) -> Value {
        if let Some(fields) = notice.as_object_mut() {
            if self.other_dates {
                fields.insert("lastUpdate".to_owned(), json!("14.03.2026, 19:02 h"));
            }
            if self.blank_notices {
                fields.insert("state".to_owned(), Value::Null);
                fields.insert("lastUpdate".to_owned(), json!(""));
            }
        }
        notice
    }
}

/// `2026-03-14T19:02:11.000+01:00` to `…+0100`; none: no such date.
fn without_colon(text: &str) -> Option<String> {
    let (head, minutes) = text.split_at_checked(text.len().checked_sub(3)?)?;
    let minutes = minutes.strip_prefix(':')?;
    (text.parse::<jiff::Timestamp>().is_ok() && text.contains('T')).then(|| format!("{head}{minutes}"))
}

fn millis(date: &Value) -> Value {
    let moment = date.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    moment.map_or(Value::Null, |moment| json!(moment.as_millisecond()))
}
