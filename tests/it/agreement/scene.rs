//! A case as something that is played over HTTP.
//!
//! Owns what is posted in each round, which answers SecuTix gives, whom the case is about, and what its `expected.json` says of the passes'
//! histories. Does not own the case's bytes (`case_folder`) nor how either host is reached.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use passerelle_connector::contract::scenario::Answer;
use serde_json::{Value, json};

use crate::case_folder::{Case, Step};

/// The order's secret of nearly every case, for those whose answers hold none.
const TOKEN: &str = "9f3c0c7e5b";
/// Of more subjects than this, as many are looked at: ten thousand say no more.
const SUBJECTS: usize = 8;

/// Cases in which a ticket lacks what the example's template asks for (a seat, a title): no host writes anything of such a pass, so what
/// `expected.json` says of it is not looked for. That both hosts do the same is.
const UNFILLED: [&str; 6] = [
    "answer-with-wrong-types-in-optional-places",
    "exchange-order-is-all-that-names-the-old-movement",
    "exchange-that-names-a-movement-in-the-bare-shape",
    "later-order-that-tells-the-new-ticket-and-not-its-place",
    "refund-that-names-a-movement-in-the-bare-shape",
    "replacement-that-names-a-movement-in-the-bare-shape",
];

/// What a pass is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    Movement(String),
    Contact(String),
}

impl Subject {
    pub fn query(&self) -> String {
        match self {
            Self::Movement(id) => format!("secutix.movementId={id}"),
            Self::Contact(number) => format!("secutix.contactNumber={number}"),
        }
    }

    /// As `expected.json` writes it.
    pub fn told(&self) -> String {
        match self {
            Self::Movement(id) => format!("movement {id}"),
            Self::Contact(number) => format!("contact {number}"),
        }
    }
}

pub struct Scene {
    pub case: Case,
    pub subjects: Vec<Subject>,
    expected: Vec<Value>,
    token: String,
}

/// A request of a round.
pub enum Sent<'a> {
    /// To the listener, with this media type.
    Notification { media_type: Option<&'a str>, body: Vec<u8> },
    /// Somebody asks for a member card.
    Card(String),
    /// SecuTix says that a contact has changed, which has a card.
    Contact(String),
}

/// A line of a pass's history, as far as a case knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub action: String,
    pub reason: String,
    pub fields: Vec<String>,
}

impl Scene {
    pub fn new(case: Case, folder: &Path) -> Self {
        let expected = std::fs::read(folder.join(&case.name).join("expected.json")).unwrap();
        let expected = serde_json::from_slice(&expected).unwrap();
        let answers = case.before.iter().chain(case.steps.iter().filter_map(|step| step.after.as_ref()));
        let mut subjects = BTreeSet::new();
        let mut token = None;
        for answer in answers {
            let (Answer::File(bytes) | Answer::Contact(bytes)) = answer;
            let Ok(value) = serde_json::from_slice::<Value>(bytes) else { continue };
            gather(&value, &mut subjects, &mut token);
        }
        let mut subjects: Vec<Subject> = subjects.into_iter().collect();
        if subjects.len() > SUBJECTS {
            let last = subjects.split_off(subjects.len() - SUBJECTS / 2);
            subjects.truncate(SUBJECTS / 2);
            subjects.extend(last);
        }
        Self { case, subjects, expected, token: token.unwrap_or_else(|| TOKEN.to_owned()) }
    }

    pub fn name(&self) -> &str {
        &self.case.name
    }

    /// Why it cannot be played over HTTP; none where it can.
    pub fn excuse(&self, clock: bool) -> Option<&'static str> {
        // Ten thousand tickets take a host a minute, and pass through the connector's own suite in a second.
        if self.name().starts_with("hostile-ten-thousand") && std::env::var_os("CASE").is_none() {
            return Some("ten thousand tickets take both hosts more than a minute; CASE=name plays one");
        }
        if !clock && (self.case.steps.len() > 1 || self.case.passes.is_some()) {
            return Some("several looks: the clock of this Spin cannot be put forward");
        }
        None
    }

    pub fn rounds(&self) -> usize {
        self.case.steps.len()
    }

    fn step(&self, round: usize) -> Option<&Step> {
        round.checked_sub(1).and_then(|index| self.case.steps.get(index))
    }

    /// What SecuTix says in this round; round 0 is before the case begins.
    pub fn answer(&self, round: usize) -> Option<Answer> {
        match self.step(round) {
            Some(step) => step.after.clone(),
            None => self.case.before.clone(),
        }
    }

    pub fn sent(&self, round: usize) -> Vec<Sent<'_>> {
        let mut sent = Vec::new();
        let mut heard = false;
        if let Some(notification) = self.step(round).and_then(|step| step.notification.as_ref()) {
            heard = self.rejected(round).is_none();
            sent.push(Sent::Notification {
                media_type: notification.content_type.as_deref(),
                body: notification.body.clone(),
            });
        }
        match self.answer(round) {
            Some(Answer::Contact(_)) => {
                let contact = self.subjects.iter().find_map(|subject| match subject {
                    Subject::Contact(number) => Some(number.clone()),
                    Subject::Movement(_) => None,
                });
                let known = round > 0 && matches!(self.case.before, Some(Answer::Contact(_)));
                sent.extend(contact.map(if known { Sent::Contact } else { Sent::Card }));
            }
            // A case without a notification is a look without a hint.
            Some(Answer::File(_)) if !heard => {
                let body = json!({"ticketId": null, "saleMovementId": null, "orderSecretToken": self.token, "state": null, "lastUpdate": null});
                sent.push(Sent::Notification {
                    media_type: Some("application/json"),
                    body: body.to_string().into_bytes(),
                });
            }
            _ => {}
        }
        sent
    }

    fn told(&self, round: usize) -> &Value {
        round.checked_sub(1).and_then(|index| self.expected.get(index)).unwrap_or(&Value::Null)
    }

    /// What the case says against its notification: the kind of refusal, or every violation.
    pub fn rejected(&self, round: usize) -> Option<&Value> {
        self.told(round).pointer("/notification/rejected")
    }

    /// What the verdict does to each subject's history. `absent` are those that one look has missed.
    pub fn lines(&self, round: usize, absent: &mut BTreeSet<String>) -> BTreeMap<String, Line> {
        let mut lines = BTreeMap::new();
        let operations = self.told(round).pointer("/verdict/operations");
        // A long list is told by its first two.
        let operations = operations.map(|list| list.get("first").unwrap_or(list)).and_then(Value::as_array);
        for operation in operations.into_iter().flatten() {
            let text =
                |pointer: &str| operation.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
            let subject = text("/subject");
            let action = match text("/action").as_str() {
                "offer" => "created",
                "update" => "updated",
                "revive" => "revived",
                "end (positive)" => "voided",
                "end (absence)" if !absent.insert(subject.clone()) => "voided",
                "end (absence)" => continue,
                // It ended before its successor was seen, and is led on now.
                "keep" if text("/reason/code") == "exchanged" && !text("/successor").is_empty() => "updated",
                // Seen again.
                _ => {
                    absent.remove(&subject);
                    continue;
                }
            };
            absent.remove(&subject);
            let fields = operation.pointer("/reason/fields").and_then(Value::as_array);
            let fields = fields.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
            lines.insert(subject, Line { action: action.to_owned(), reason: text("/reason/code"), fields });
        }
        lines
    }

    /// Its answers say enough for the example's template: a pass comes of what the verdict offers.
    pub fn fills_template(&self) -> bool {
        !UNFILLED.contains(&self.name())
    }

    /// The verdict's operations are all in `expected.json`.
    pub fn told_whole(&self, round: usize) -> bool {
        self.told(round).pointer("/verdict/operations/first").is_none()
    }
}

/// Movements, contacts and the first order's secret, wherever they are.
fn gather(value: &Value, subjects: &mut BTreeSet<Subject>, token: &mut Option<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let text = match member {
                    Value::String(text) => text.clone(),
                    Value::Number(number) => number.to_string(),
                    _ => String::new(),
                };
                let plain = !text.is_empty() && text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit());
                match name.as_str() {
                    "movementId" if plain => _ = subjects.insert(Subject::Movement(text)),
                    // Of the answer itself: contacts of a file have no card.
                    "contactData" => {
                        let number = &member["contactNumber"];
                        let number = number.as_str().map_or_else(|| number.to_string(), str::to_owned);
                        if number != "null" {
                            subjects.insert(Subject::Contact(number));
                        }
                    }
                    "orderSecretId" if !text.is_empty() => _ = token.get_or_insert(text),
                    _ => {}
                }
                gather(member, subjects, token);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, subjects, token)),
        _ => {}
    }
}
