//! Filters: a field, an operator and a value, as a caller writes them.
//!
//! Owns which field takes which operators, and what a value may be. Names of fields that are ours, operators and directions are read whatever
//! their case, as The Wallet Crew's API reads them; names and values of attributes are compared as they are, since they are somebody's keys. (An
//! e-mail address is normalised, as it was when it was set.)

use passerelle_contract::types::Wallet;

use crate::attribute::{self, AttributeValue};
use crate::identity::{Millis, PassId, contact_number, moment, secutix_id};
use crate::store::{AttributeKind, Condition, PassState, SubjectKind, TextTest, TimeTest, Wallets};

/// Values of one `in`: what fits an address line, with room to spare.
const MOST_VALUES: usize = 100;
/// Characters of a part of a text: as long as the longest value.
const LONGEST: usize = 128;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Id,
    PassType,
    State,
    InstallationStatus,
    CreationDate,
    LastUpdateDate,
    Since(Wallet),
    Subject(SubjectKind),
    Attribute(AttributeKind, String),
}

pub(super) const FIELDS: &str = "id, passType, state, installationStatus, creationDate, lastUpdateDate, apple, google, identifiers.<name> or metadata.<name> is expected";

impl Field {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let lower = text.to_ascii_lowercase();
        Ok(match lower.as_str() {
            "id" => Self::Id,
            "passtype" => Self::PassType,
            "state" => Self::State,
            "installationstatus" => Self::InstallationStatus,
            "creationdate" => Self::CreationDate,
            "lastupdatedate" => Self::LastUpdateDate,
            "apple" => Self::Since(Wallet::Apple),
            "google" => Self::Since(Wallet::Google),
            "identifiers.secutix.movementid" => Self::Subject(SubjectKind::Movement),
            "identifiers.secutix.contactnumber" => Self::Subject(SubjectKind::Contact),
            _ => {
                let kinds = [("identifiers.", AttributeKind::Identifier), ("metadata.", AttributeKind::Metadata)];
                let found = kinds.into_iter().find(|(prefix, _)| lower.starts_with(prefix));
                let (prefix, kind) = found.ok_or_else(|| FIELDS.to_owned())?;
                let name = text.get(prefix.len()..).unwrap_or_default();
                let name = attribute::name(name).map_err(|error| format!("after {prefix}: {error}"))?;
                Self::Attribute(kind, name.to_owned())
            }
        })
    }

    const fn operators(&self) -> &'static [Operator] {
        use Operator as O;
        match self {
            Self::Id => &[O::Equals, O::NotEquals, O::In, O::StartsWith],
            Self::PassType => &[O::Equals, O::NotEquals, O::In, O::Contains, O::StartsWith, O::EndsWith],
            Self::State => &[O::Equals, O::NotEquals, O::In],
            Self::InstallationStatus => &[O::Equals, O::NotEquals, O::In, O::Contains, O::IsEmpty, O::IsNotEmpty],
            Self::CreationDate | Self::LastUpdateDate => {
                &[O::GreaterThan, O::GreaterThanOrEqual, O::LessThan, O::LessThanOrEqual]
            }
            Self::Since(_) => {
                &[O::GreaterThan, O::GreaterThanOrEqual, O::LessThan, O::LessThanOrEqual, O::IsEmpty, O::IsNotEmpty]
            }
            Self::Subject(_) | Self::Attribute(..) => {
                &[O::Equals, O::NotEquals, O::In, O::Contains, O::StartsWith, O::EndsWith, O::IsEmpty, O::IsNotEmpty]
            }
        }
    }

    /// The field takes this operator; else what it takes.
    pub(super) fn operator(&self, text: &str) -> Result<Operator, String> {
        let operators = self.operators();
        let found = operators.iter().find(|operator| operator.name().eq_ignore_ascii_case(text));
        found.copied().ok_or_else(|| {
            let names: Vec<_> = operators.iter().map(|operator| operator.name()).collect();
            format!("this field takes {}", names.join(", "))
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equals,
    NotEquals,
    In,
    Contains,
    StartsWith,
    EndsWith,
    GreaterThan,
    GreaterThanOrEqual,
    LessThan,
    LessThanOrEqual,
    IsEmpty,
    IsNotEmpty,
}

impl Operator {
    const fn name(self) -> &'static str {
        match self {
            Self::Equals => "equals",
            Self::NotEquals => "notEquals",
            Self::In => "in",
            Self::Contains => "contains",
            Self::StartsWith => "startsWith",
            Self::EndsWith => "endsWith",
            Self::GreaterThan => "greaterThan",
            Self::GreaterThanOrEqual => "greaterThanOrEqual",
            Self::LessThan => "lessThan",
            Self::LessThanOrEqual => "lessThanOrEqual",
            Self::IsEmpty => "isEmpty",
            Self::IsNotEmpty => "isNotEmpty",
        }
    }

    pub(super) const fn takes_value(self) -> bool {
        !matches!(self, Self::IsEmpty | Self::IsNotEmpty)
    }
}

/// What a pass must meet. `mac` makes the MAC that an e-mail address is found by.
pub(super) fn condition(
    field: &Field,
    operator: Operator,
    value: &str,
    mac: &dyn Fn(&str) -> String,
) -> Result<Condition, String> {
    match field {
        Field::Id => {
            let id =
                |text: &str| PassId::parse(text).map(|id| id.as_str().to_owned()).map_err(|error| error.to_string());
            text_test(operator, value, &id, &plain).map(Condition::Id)
        }
        Field::PassType => text_test(operator, value, &plain, &plain).map(Condition::Template),
        Field::State => {
            let named = |text: &str| {
                let state = PassState::parse(&text.to_ascii_lowercase());
                state.ok_or_else(|| "live or void is expected".to_owned())
            };
            choice(operator, value, &PassState::ALL, &named).map(Condition::State)
        }
        Field::InstallationStatus => installation(operator, value),
        Field::CreationDate => time_test(operator, value).map(Condition::Created),
        Field::LastUpdateDate => time_test(operator, value).map(Condition::Updated),
        Field::Since(wallet) => time_test(operator, value).map(|test| Condition::Since(*wallet, test)),
        Field::Subject(kind) => {
            let whole = |text: &str| match kind {
                SubjectKind::Movement => {
                    secutix_id(text).ok_or_else(|| "a SecuTix movement id (int64) is expected".to_owned())
                }
                SubjectKind::Contact => contact_number(text)
                    .map(str::to_owned)
                    .ok_or_else(|| "1 to 20 letters, digits, - and _ are expected".to_owned()),
            };
            text_test(operator, value, &whole, &plain).map(|test| Condition::Subject(*kind, test))
        }
        Field::Attribute(kind, name) => attribute_test(*kind, name, operator, value, mac),
    }
}

fn plain(text: &str) -> Result<String, String> {
    if text.chars().count() > LONGEST {
        return Err(format!("at most {LONGEST} characters are expected"));
    }
    Ok(text.to_owned())
}

fn values(text: &str) -> Result<Vec<&str>, String> {
    let list: Vec<_> = text.split(',').map(str::trim).collect();
    if list.len() > MOST_VALUES {
        return Err(format!("at most {MOST_VALUES} values, with commas between them, are expected"));
    }
    if list.contains(&"") {
        Err("values with commas between them are expected, none of them empty".to_owned())
    } else {
        Ok(list)
    }
}

type Read<'a, T> = &'a dyn Fn(&str) -> Result<T, String>;

/// `whole` reads a whole value, `part` a piece of one.
fn text_test(
    operator: Operator,
    value: &str,
    whole: Read<'_, String>,
    part: Read<'_, String>,
) -> Result<TextTest, String> {
    Ok(match operator {
        Operator::Equals => TextTest::In(vec![whole(value)?]),
        Operator::NotEquals => TextTest::NotIn(vec![whole(value)?]),
        Operator::In => TextTest::In(values(value)?.into_iter().map(whole).collect::<Result<_, _>>()?),
        Operator::Contains => TextTest::Contains(part(value)?),
        Operator::StartsWith => TextTest::StartsWith(part(value)?),
        Operator::EndsWith => TextTest::EndsWith(part(value)?),
        Operator::IsEmpty => TextTest::Empty,
        Operator::IsNotEmpty => TextTest::NotEmpty,
        Operator::GreaterThan | Operator::GreaterThanOrEqual | Operator::LessThan | Operator::LessThanOrEqual => {
            return Err("texts have no such order here".to_owned());
        }
    })
}

/// Of a few named things.
fn choice<T: Copy + PartialEq>(
    operator: Operator,
    value: &str,
    all: &[T],
    named: Read<'_, T>,
) -> Result<Vec<T>, String> {
    match operator {
        Operator::NotEquals => {
            let one = named(value)?;
            Ok(all.iter().copied().filter(|other| *other != one).collect())
        }
        Operator::In => values(value)?.into_iter().map(named).collect(),
        _ => Ok(vec![named(value)?]),
    }
}

fn installation(operator: Operator, value: &str) -> Result<Condition, String> {
    let of = |fits: &dyn Fn(Wallets) -> bool| Wallets::ALL.into_iter().filter(|wallets| fits(*wallets)).collect();
    let wallets = match operator {
        Operator::IsEmpty => vec![Wallets::None],
        Operator::IsNotEmpty => of(&|wallets| wallets != Wallets::None),
        Operator::Contains => match value.to_ascii_lowercase().as_str() {
            "apple" => of(&|wallets| wallets.contains(Wallet::Apple)),
            "google" => of(&|wallets| wallets.contains(Wallet::Google)),
            _ => return Err("apple or google is expected".to_owned()),
        },
        _ => {
            let named = |text: &str| {
                // A CRM's word for it (domain.md 1.17); and a + that was written as it is arrives as a blank.
                let text = match text.to_ascii_lowercase().as_str() {
                    "both" | "apple google" => "apple+google".to_owned(),
                    other => other.to_owned(),
                };
                Wallets::parse(&text).ok_or_else(|| "none, apple, google or apple+google is expected".to_owned())
            };
            choice(operator, value, &Wallets::ALL, &named)?
        }
    };
    Ok(Condition::Wallets(wallets))
}

fn time_test(operator: Operator, value: &str) -> Result<TimeTest, String> {
    // Milliseconds are whole, so that later than one is the next one at least.
    Ok(match operator {
        Operator::IsEmpty => TimeTest::Empty,
        Operator::IsNotEmpty => TimeTest::NotEmpty,
        Operator::GreaterThan => TimeTest::AtLeast(time(value)?.saturating_add(1)),
        Operator::LessThan => TimeTest::Below(time(value)?),
        Operator::LessThanOrEqual => TimeTest::Below(time(value)?.saturating_add(1)),
        _ => TimeTest::AtLeast(time(value)?),
    })
}

/// A moment, in UTC where it has no offset; or a day: its beginning in UTC. A + that was written as it is arrives as a blank.
fn time(text: &str) -> Result<Millis, String> {
    moment(&text.trim().replace(' ', "+")).ok_or_else(|| {
        "a date and time (RFC 3339) is expected: 2027-03-31T22:00:00Z; or a day in UTC: 2027-03-31".to_owned()
    })
}

fn attribute_test(
    kind: AttributeKind,
    name: &str,
    operator: Operator,
    value: &str,
    mac: &dyn Fn(&str) -> String,
) -> Result<Condition, String> {
    let (mut macs, mut clear) = (vec![], vec![]);
    let list = match operator {
        Operator::Equals | Operator::NotEquals => vec![value],
        Operator::In => values(value)?,
        _ => vec![],
    };
    for value in list {
        match attribute::value(kind, value).map_err(|error| error.to_string())? {
            AttributeValue::Clear(value) => clear.push(value),
            AttributeValue::Personal(email) => macs.push(mac(&email)),
        }
    }
    let test = match operator {
        Operator::Equals | Operator::In => TextTest::In(clear),
        Operator::NotEquals => TextTest::NotIn(clear),
        Operator::Contains | Operator::StartsWith | Operator::EndsWith if value.contains('@') => {
            return Err("an e-mail address is kept so that it is found as a whole only: use equals".to_owned());
        }
        other => text_test(other, value, &plain, &plain)?,
    };
    Ok(Condition::Attribute { kind, name: name.to_owned(), test, macs })
}
