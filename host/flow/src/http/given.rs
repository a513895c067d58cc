//! Attributes that a caller gives a pass: read out of JSON, judged, and put into the form in which they are kept.
//!
//! Owns what the members of a body may be, and that everything which is wrong is said at once. Does not own the rules of a name and a value
//! (`attribute`). Numbers are taken for their digits, since a CRM's keys often are numbers; nothing else is guessed.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Problem, caller};
use crate::attribute::{self, AttributeError, AttributeValue, MOST};
use crate::flow::Flow;
use crate::identity::PassId;
use crate::ports::Host;
use crate::store::{Attribute, AttributeKind, Attributes as _};
use crate::tenant::Tenant;

/// `secutix.movementId` for tickets, `secutix.contactNumber` for cards.
pub const MOVEMENT: &str = "secutix.movementId";
pub const CONTACT: &str = "secutix.contactNumber";

pub type Errors = BTreeMap<String, Vec<String>>;

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Given {
    pub set: Vec<(AttributeKind, String, AttributeValue)>,
    /// Names that are taken away.
    pub without: Vec<(AttributeKind, String)>,
}

impl Given {
    pub const fn is_empty(&self) -> bool {
        self.set.is_empty() && self.without.is_empty()
    }

    /// Reads the members of one kind. `null` takes away, where that makes sense.
    pub fn read(&mut self, kind: AttributeKind, members: &Map<String, Value>, errors: &mut Errors, may_take: bool) {
        let of = member(kind);
        for (name, value) in members {
            let judged = match (attribute::name(name), value) {
                (Err(error), _) => Err(error.to_string()),
                (Ok(MOVEMENT | CONTACT), _) if kind == AttributeKind::Identifier => {
                    Err(AttributeError::Subject.to_string())
                }
                (Ok(name), Value::Null) if may_take => {
                    self.without.push((kind, name.to_owned()));
                    continue;
                }
                (Ok(name), value) => text(value).and_then(|text| {
                    let value = attribute::value(kind, &text).map_err(|error| error.to_string())?;
                    Ok((name, value))
                }),
            };
            match judged {
                Ok((name, value)) => self.set.push((kind, name.to_owned(), value)),
                Err(message) => errors.entry(format!("{of}.{name}")).or_default().push(message),
            }
        }
        if members.len() > MOST {
            errors.entry(of.to_owned()).or_default().push(format!("at most {MOST} at a time are expected"));
        }
    }

    /// Gives them to the pass.
    pub async fn keep<H: Host>(self, flow: &Flow<H>, tenant: &Tenant, pass: &PassId) -> Result<(), Problem> {
        if self.is_empty() {
            return Ok(());
        }
        let mut kept = Vec::with_capacity(self.set.len());
        for (kind, name, value) in self.set {
            let value = attribute::keep(&tenant.keys, flow.host.random(), &tenant.id, pass, &name, &value);
            kept.push(Attribute { kind, name, value: value.map_err(caller::internal)? });
        }
        let set = flow.host.store().set_attributes(&tenant.id, pass, kept, self.without, flow.now());
        if set.await.map_err(caller::unavailable)? { Ok(()) } else { Err(Problem::not_found("pass")) }
    }
}

pub const fn member(kind: AttributeKind) -> &'static str {
    match kind {
        AttributeKind::Identifier => "identifiers",
        AttributeKind::Metadata => "metadata",
    }
}

/// A text, or a whole number's digits.
pub fn text(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) if number.is_i64() || number.is_u64() => Ok(number.to_string()),
        _ => Err("a text is expected".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_that_is_wrong_is_said_at_once_and_by_name() {
        let (mut given, mut errors) = (Given::default(), Errors::new());
        let body = json!({"crm.id": 4711, "email": "Ada@Example.org", "a b": "x", "name": "Ada Lovelace", "old": null,
            "secutix.movementId": "1", "list": ["x"]});
        given.read(AttributeKind::Identifier, body.as_object().unwrap(), &mut errors, true);
        assert_eq!(
            given.set,
            [
                (AttributeKind::Identifier, "crm.id".to_owned(), AttributeValue::Clear("4711".to_owned())),
                (AttributeKind::Identifier, "email".to_owned(), AttributeValue::Personal("ada@example.org".to_owned())),
            ]
        );
        assert_eq!(given.without, [(AttributeKind::Identifier, "old".to_owned())]);
        let wrong: Vec<_> = errors.keys().map(String::as_str).collect();
        assert_eq!(
            wrong,
            ["identifiers.a b", "identifiers.list", "identifiers.name", "identifiers.secutix.movementId"]
        );
        assert!(!format!("{errors:?}").contains("Lovelace"), "a refusal repeats no value");
    }

    #[test]
    fn nothing_is_taken_away_where_nothing_can_be() {
        let (mut given, mut errors) = (Given::default(), Errors::new());
        given.read(AttributeKind::Metadata, json!({"a": null}).as_object().unwrap(), &mut errors, false);
        assert!(given.is_empty());
        assert_eq!(errors.keys().collect::<Vec<_>>(), ["metadata.a"]);
        let many: Map<_, _> = (0..=MOST).map(|n| (format!("n{n}"), json!("x"))).collect();
        given.read(AttributeKind::Metadata, &many, &mut errors, false);
        assert!(errors.contains_key("metadata"));
    }
}
