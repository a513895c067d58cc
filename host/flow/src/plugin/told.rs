//! What a plugin was told of a person, so that its own words can be held against it.
//!
//! Owns the comparison. A plugin chooses the words that it rejects with, the names of its requests, and their hosts, and any of them may carry a name or a
//! barcode into a log or a row that is not sealed. Words that do are replaced. Errs on the side of silence: a word that the ticket has by chance costs a
//! sentence in a log, and `passerelle plugin test` shows every word.

use std::collections::BTreeSet;

use serde_json::Value;

use super::hook::{Event, HookCall};
use super::request::cut;

/// Letters from which on a value names somebody: there are people called Ada, and two letters are in every word.
const SHORTEST: usize = 3;
/// What stands in the place of words that would name somebody.
const REPLACED: &str = "(its words hold something that it was told of the holder or was answered, and are not kept)";

/// The values of one call.
pub struct Told {
    /// In lower case.
    values: BTreeSet<String>,
    /// Characters that are shown of a plugin's words.
    most: usize,
}

impl Told {
    /// `most`: the tenant's limit of its plugin's words.
    pub fn of(call: &HookCall, most: usize) -> Self {
        let mut told = Self { values: BTreeSet::new(), most };
        match &call.event {
            Event::ChooseTemplate(_) => {}
            Event::ShapePayload(subject) => {
                told.pairs(&subject.pass.identifiers);
                told.pairs(&subject.pass.metadata);
                told.json(&subject.ticket);
            }
            Event::OnPassInstalled(event) => {
                told.pairs(&event.pass.identifiers);
                told.pairs(&event.pass.metadata);
            }
            Event::OnPassUninstalled(event) => {
                told.pairs(&event.pass.identifiers);
                told.pairs(&event.pass.metadata);
            }
            Event::OnOrderChanged(event) => {
                for change in &event.changes {
                    told.pairs(&change.pass.identifiers);
                    told.pairs(&change.pass.metadata);
                }
            }
        }
        for answer in &call.call.answers {
            if let Ok(response) = &answer.outcome {
                told.json(&response.body);
            }
        }
        told
    }

    /// A plugin's words for a log or a list: on one line, cut, and none of somebody's.
    pub fn speak(&self, words: &str) -> String {
        if self.is_in(words) { REPLACED.to_owned() } else { cut(words, self.most) }
    }

    /// Do these words hold a value of the call?
    pub fn is_in(&self, words: &str) -> bool {
        let words = words.to_lowercase();
        self.values.iter().any(|value| words.contains(value.as_str()))
    }

    fn pairs(&mut self, pairs: &[(String, String)]) {
        pairs.iter().for_each(|(_, value)| self.value(value));
    }

    fn value(&mut self, value: &str) {
        let value = value.trim().to_lowercase();
        if value.chars().count() >= SHORTEST {
            self.values.insert(value);
        }
    }

    /// Every text and number of it; of what is no JSON, the whole.
    fn json(&mut self, bytes: &[u8]) {
        match serde_json::from_slice(bytes) {
            Ok(value) => self.leaves(&value),
            Err(_) => self.value(&String::from_utf8_lossy(bytes)),
        }
    }

    fn leaves(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.value(text),
            Value::Number(number) => self.value(&number.to_string()),
            Value::Array(values) => values.iter().for_each(|value| self.leaves(value)),
            Value::Object(object) => object.values().for_each(|value| self.leaves(value)),
            Value::Null | Value::Bool(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use passerelle_contract::tenant::on_order_changed::{Change, OrderChanged};
    use passerelle_contract::tenant::types::{Answer, Call, Pass, Response};

    use super::*;

    fn told() -> Told {
        let pass = Pass {
            id: "p1".to_owned(),
            kind: "eventTicket".to_owned(),
            template: "gala".to_owned(),
            identifiers: vec![("crm.customerId".to_owned(), "C-4711".to_owned())],
            metadata: vec![("seat".to_owned(), "A1".to_owned())],
        };
        let change = Change {
            pass,
            action: "created".to_owned(),
            use_case: "purchase".to_owned(),
            reason: String::new(),
            fields: vec![],
        };
        let body = br#"{"customer": {"first": "Ada", "number": 990012}}"#.to_vec();
        let answers =
            vec![Answer { name: "customer".to_owned(), outcome: Ok(Response { status: 200, headers: vec![], body }) }];
        let call = Call { id: "e".to_owned(), tenant: "demo".to_owned(), at: 0, settings: vec![], answers };
        let event = Event::OnOrderChanged(OrderChanged { file: None, order: None, changes: vec![change] });
        Told::of(&HookCall { call, event }, 20)
    }

    #[test]
    fn words_that_name_somebody_are_replaced_and_others_are_kept_on_one_line() {
        let told = told();
        for words in ["no such customer: c-4711", "ADA is unknown", "990012", "x.ada.example"] {
            assert_eq!(told.speak(words), REPLACED, "{words}");
        }
        assert_eq!(told.speak("no\ncustomer A1"), "no customer A1", "two letters are in every word");
        assert_eq!(told.speak(&"x".repeat(400)).len(), 20);
    }
}
