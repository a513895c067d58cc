//! An answer as it is told: columns, and rows of JSON.
//!
//! Owns how each kind is written. Times are RFC 3339 in UTC, timespans `[d.]hh:mm:ss[.fff]`, a dynamic value is the JSON that it is.

use serde::Serialize;
use serde_json::Value;

use super::plan::{Column, Kind};
use crate::store::{Cell, Rows};

#[derive(Serialize)]
pub struct Answer {
    pub columns: Vec<Heading>,
    pub rows: Vec<Vec<Value>>,
    /// There were more rows than an answer holds.
    pub truncated: bool,
}

#[derive(Serialize)]
pub struct Heading {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: &'static str,
}

pub fn answer(columns: &[Column], rows: Rows) -> Answer {
    let told = |row: Vec<Cell>| columns.iter().zip(row).map(|(column, cell)| value(column.kind, cell)).collect();
    Answer {
        columns: columns.iter().map(|column| Heading { name: column.name.clone(), kind: column.kind.name() }).collect(),
        rows: rows.rows.into_iter().map(told).collect(),
        truncated: rows.truncated,
    }
}

fn value(kind: Kind, cell: Cell) -> Value {
    match (kind, cell) {
        (_, Cell::Null) => Value::Null,
        (Kind::Bool, Cell::Integer(yes)) => Value::Bool(yes != 0),
        (Kind::Datetime, Cell::Integer(at)) => {
            jiff::Timestamp::from_millisecond(at).map_or(Value::Null, |time| Value::String(time.to_string()))
        }
        (Kind::Timespan, Cell::Integer(span)) => Value::String(timespan(span)),
        (Kind::Dynamic, Cell::Text(json)) => serde_json::from_str(&json).unwrap_or(Value::String(json)),
        #[allow(clippy::cast_precision_loss)] // a whole number where a real is told
        (Kind::Real, Cell::Integer(number)) => Value::from(number as f64),
        (_, Cell::Integer(number)) => Value::from(number),
        // What JSON cannot write is null.
        (_, Cell::Real(number)) => Value::from(number),
        (_, Cell::Text(text)) => Value::String(text),
    }
}

fn timespan(span: i64) -> String {
    let sign = if span < 0 { "-" } else { "" };
    let span = span.unsigned_abs();
    let (days, hours, minutes) = (span / 86_400_000, span / 3_600_000 % 24, span / 60_000 % 60);
    let (seconds, millis) = (span / 1000 % 60, span % 1000);
    let days = if days > 0 { format!("{days}.") } else { String::new() };
    let millis = if millis > 0 { format!(".{millis:03}") } else { String::new() };
    format!("{sign}{days}{hours:02}:{minutes:02}:{seconds:02}{millis}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_written_as_it_is_documented() {
        let told = |kind, cell| value(kind, cell);
        assert_eq!(told(Kind::Bool, Cell::Integer(1)), Value::Bool(true));
        assert_eq!(told(Kind::Datetime, Cell::Integer(1_773_511_500_000)), "2026-03-14T18:05:00Z");
        assert_eq!(told(Kind::Timespan, Cell::Integer(-(86_400_000 + 3_600_000 + 5))), "-1.01:00:00.005");
        assert_eq!(told(Kind::Timespan, Cell::Integer(90_000)), "00:01:30");
        assert_eq!(told(Kind::Dynamic, Cell::Text(r#"{"a":[1]}"#.to_owned())), serde_json::json!({"a": [1]}));
        assert_eq!(told(Kind::Real, Cell::Real(f64::INFINITY)), Value::Null);
        assert_eq!(told(Kind::Text, Cell::Text("a".to_owned())), "a");
    }
}
