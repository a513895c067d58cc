//! The parameters of a list, read into a query.
//!
//! Owns their names, their limits, and that everything which is wrong is said at once, by parameter. Pure: what it needs of a tenant is handed in.
//! An unknown parameter is refused: a filter that is misspelt and ignored would answer with passes that were not asked for.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::cursor;
use super::filter::{FIELDS, Field, condition};
use crate::store::{Condition, Order, Position, Start};

/// The Wallet Crew's (domain.md 1.15).
const PAGE_SIZE: u32 = 20;
/// About 150 KB of answer: a million passes take 5,000 calls, and no page takes a host more than some milliseconds or any memory to speak of.
pub(super) const MOST: u32 = 200;
/// Filters that are met together: more than there are fields.
const FILTERS: usize = 16;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ListQuery {
    pub conditions: Vec<Condition>,
    pub order: Order,
    pub descending: bool,
    pub start: Start,
    pub limit: u32,
    /// What a cursor belongs to: the filters and the order, as a digest.
    pub list: String,
}

pub(super) type Errors = BTreeMap<String, Vec<String>>;

#[derive(Default)]
struct Filter<'a> {
    field: Option<&'a str>,
    operator: Option<&'a str>,
    value: Option<&'a str>,
}

/// Reads them, or says all that is wrong.
pub(super) fn parse(parameters: &[(String, String)], mac: &dyn Fn(&str) -> String) -> Result<ListQuery, Errors> {
    let mut reading = Reading { errors: Errors::new() };
    let mut plain: BTreeMap<&str, &str> = BTreeMap::new();
    let mut filters: BTreeMap<usize, Filter<'_>> = BTreeMap::new();
    for (name, value) in parameters {
        let Some(known) = Parameter::parse(name) else {
            reading.error(name, "there is no such parameter");
            continue;
        };
        let place = match known {
            Parameter::Plain(known) => {
                if plain.insert(known, value).is_some() {
                    reading.error(name, "is there twice");
                }
                continue;
            }
            Parameter::Field(at) => &mut filters.entry(at).or_default().field,
            Parameter::Operator(at) => &mut filters.entry(at).or_default().operator,
            Parameter::Value(at) => &mut filters.entry(at).or_default().value,
        };
        if place.replace(value.as_str()).is_some() {
            reading.error(name, "is there twice");
        }
    }
    let conditions = filters.iter().filter_map(|(at, filter)| reading.filter(*at, filter, mac)).collect();
    let (order, descending) = reading.order(plain.get(SORT_FIELD).copied(), plain.get(SORT_DIRECTION).copied());
    let limit = reading.number("pageSize", plain.get("pageSize").copied(), 1, MOST).unwrap_or(PAGE_SIZE);
    let index = reading.number("pageIndex", plain.get("pageIndex").copied(), 0, u32::MAX);
    let list = digest(&filters, &order, descending);
    let after = plain.get("after").and_then(|text| reading.after(text, &list, &order));
    if plain.contains_key("after") && index.is_some() {
        reading.error("after", "stands for a place in the list, and so does pageIndex: one of them is expected");
    }
    if !reading.errors.is_empty() {
        return Err(reading.errors);
    }
    let start = match after {
        Some(position) => Start::After(position),
        None => Start::Offset(u64::from(index.unwrap_or(0)).saturating_mul(limit.into())),
    };
    Ok(ListQuery { conditions, order, descending, start, limit, list })
}

const SORT_FIELD: &str = "sortBy[0].field";
const SORT_DIRECTION: &str = "sortBy[0].direction";

enum Parameter {
    Plain(&'static str),
    Field(usize),
    Operator(usize),
    Value(usize),
}

impl Parameter {
    fn parse(name: &str) -> Option<Self> {
        let plain = ["pageIndex", "pageSize", "after", SORT_FIELD, SORT_DIRECTION];
        if let Some(known) = plain.into_iter().find(|known| known.eq_ignore_ascii_case(name)) {
            return Some(Self::Plain(known));
        }
        let lower = name.to_ascii_lowercase();
        let (index, part) = lower.strip_prefix("filter[")?.split_once("].")?;
        let digits = (1..=2).contains(&index.len()) && index.bytes().all(|c| c.is_ascii_digit());
        let at = index.parse().ok().filter(|at| digits && *at < FILTERS)?;
        match part {
            "field" => Some(Self::Field(at)),
            "operator" => Some(Self::Operator(at)),
            "value" => Some(Self::Value(at)),
            _ => None,
        }
    }
}

struct Reading {
    errors: Errors,
}

impl Reading {
    fn error(&mut self, parameter: &str, message: impl Into<String>) {
        self.errors.entry(parameter.to_owned()).or_default().push(message.into());
    }

    fn number(&mut self, name: &str, text: Option<&str>, least: u32, most: u32) -> Option<u32> {
        let text = text?;
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        if number.is_none() {
            self.error(name, format!("a whole number from {least} to {most} is expected"));
        }
        number
    }

    fn filter(&mut self, at: usize, filter: &Filter<'_>, mac: &dyn Fn(&str) -> String) -> Option<Condition> {
        let name = |part: &str| format!("filter[{at}].{part}");
        let field = match filter.field.map(Field::parse) {
            None => Err(FIELDS.to_owned()),
            Some(field) => field,
        };
        let field = field.map_err(|message| self.error(&name("field"), message)).ok();
        let operator = match (filter.operator, &field) {
            (None, _) => {
                self.error(&name("operator"), "is missing");
                None
            }
            // Which operators there are depends on the field.
            (Some(_), None) => None,
            (Some(operator), Some(field)) => {
                field.operator(operator).map_err(|message| self.error(&name("operator"), message)).ok()
            }
        };
        let value = filter.value.unwrap_or_default();
        match operator {
            None => {
                if filter.value.is_none() && filter.operator.is_none() {
                    self.error(&name("value"), "is missing");
                }
                None
            }
            Some(operator) if operator.takes_value() && value.is_empty() => {
                self.error(&name("value"), "is missing; to find what has none, use isEmpty where the field takes it");
                None
            }
            Some(operator) if !operator.takes_value() && !value.is_empty() => {
                self.error(&name("value"), "this operator takes no value");
                None
            }
            Some(operator) => condition(field.as_ref()?, operator, value, mac)
                .map_err(|message| self.error(&name("value"), message))
                .ok(),
        }
    }

    fn order(&mut self, field: Option<&str>, direction: Option<&str>) -> (Order, bool) {
        let descending = match direction.map(str::to_ascii_uppercase).as_deref() {
            None | Some("ASC") => false,
            Some("DESC") => true,
            Some(_) => {
                self.error(SORT_DIRECTION, "ASC or DESC is expected");
                false
            }
        };
        let Some(field) = field else {
            if direction.is_some() {
                self.error(SORT_FIELD, "a direction needs a field");
            }
            return (Order::Created, false);
        };
        let sorted = match Field::parse(field) {
            Ok(Field::Id) => Ok(Order::Id),
            Ok(Field::PassType) => Ok(Order::Template),
            Ok(Field::CreationDate) => Ok(Order::Created),
            Ok(Field::LastUpdateDate) => Ok(Order::Updated),
            Ok(Field::Since(wallet)) => Ok(Order::Since(wallet)),
            Ok(Field::Subject(kind)) => Ok(Order::Subject(kind)),
            Ok(Field::Attribute(kind, name)) => Ok(Order::Attribute(kind, name)),
            Ok(Field::State | Field::InstallationStatus) => {
                Err("passes are filtered by this, and not sorted".to_owned())
            }
            Err(message) => Err(message),
        };
        let order = sorted.unwrap_or_else(|message| {
            self.error(SORT_FIELD, message);
            Order::Created
        });
        (order, descending)
    }

    fn after(&mut self, text: &str, list: &str, order: &Order) -> Option<Position> {
        match cursor::read(text, list).filter(|position| order.has(position)) {
            Some(position) => Some(position),
            None => {
                self.error(
                    "after",
                    "this is no cursor of this list: a cursor goes with the filters and the order that it came with",
                );
                None
            }
        }
    }
}

/// Of the text, not of what it was read into: a cursor is kept for days and must live through a new version of this program.
fn digest(filters: &BTreeMap<usize, Filter<'_>>, order: &Order, descending: bool) -> String {
    let mut text = String::new();
    for filter in filters.values() {
        for part in [filter.field, filter.operator, filter.value] {
            text.push_str(part.unwrap_or_default());
            text.push('\0');
        }
    }
    let order = match order {
        Order::Created => "creationDate".to_owned(),
        Order::Updated => "lastUpdateDate".to_owned(),
        Order::Id => "id".to_owned(),
        Order::Template => "passType".to_owned(),
        Order::Since(wallet) => format!("{wallet:?}"),
        Order::Subject(kind) => format!("{kind:?}"),
        Order::Attribute(kind, name) => format!("{kind:?}.{name}"),
    };
    text.push_str(&order);
    text.push_str(if descending { "-" } else { "+" });
    // 32 bits are enough: it tells lists apart for those who mix them up, and keeps nobody out.
    hex::encode(Sha256::digest(text).get(..4).unwrap_or_default())
}

#[cfg(test)]
mod tests;
