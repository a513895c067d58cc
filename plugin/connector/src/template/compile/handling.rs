//! What Google does with a pass besides showing it: how it is unlocked, tapped and captured, how long it is valid, what it belongs to.
//!
//! Owns these keys, which are Google's own. Does not own what is shown (`google`, `module`, `picture`).

use super::document::{Section, Written};
use super::error::Problem;
use super::google::Resource;
use super::semantics::{is_currency, moment};
use super::tree::{Node, Part, quoted};
use super::wording::Words;
use crate::template::vocabulary::Variable;

const UNLOCKING: [&str; 2] = ["UNLOCK_NOT_REQUIRED", "UNLOCK_REQUIRED_TO_VIEW"];
const ANIMATIONS: [&str; 1] = ["FOIL_SHIMMER"];
const SCREENSHOTS: [&str; 2] = ["ELIGIBLE", "INELIGIBLE"];
const NFC: [&str; 2] = ["BLOCK_PAYMENT", "BLOCK_CLOSED_LOOP_TRANSIT"];

const COUNTRY: &str = "a country is two capital letters (ISO 3166-1): \"CH\"";
const CURRENCY: &str = "a currency is three capital letters (ISO 4217): \"CHF\"";
const AMOUNT: &str = "an amount is digits, with at most six behind a point: \"45.00\"";
const TAP: &str =
    "enableSmartTap and redemptionIssuers need each other: only an issuer who is named there can read the pass";
const ISSUER: &str = "a redemption issuer is the number of an issuer, in quotes";

/// Google counts money in millionths.
const MICRO_DIGITS: usize = 6;

/// Labels that Google has in every language of its own: key in a template, the label's member, Google's words, and the member for a text of the
/// template's.
pub(super) const LABELS: [(&str, &str, &[&str], &str); 5] = [
    ("seat", "seatLabel", &["SEAT"], "customSeatLabel"),
    ("row", "rowLabel", &["ROW"], "customRowLabel"),
    ("section", "sectionLabel", &["SECTION", "THEATER"], "customSectionLabel"),
    ("gate", "gateLabel", &["GATE", "DOOR", "ENTRANCE"], "customGateLabel"),
    (
        "confirmationCode",
        "confirmationCodeLabel",
        &["CONFIRMATION_CODE", "CONFIRMATION_NUMBER", "ORDER_NUMBER", "RESERVATION_NUMBER"],
        "customConfirmationCodeLabel",
    ),
];
/// The one that stands beside the dates.
pub(super) const DOORS: (&str, &str, &[&str], &str) =
    ("doorsOpen", "doorsOpenLabel", &["DOORS_OPEN", "GATES_OPEN"], "customDoorsOpenLabel");

impl<'s> Resource<'_, 's> {
    /// Google takes one of the two, never both.
    pub(super) fn label(
        &self,
        labels: Option<&Section<'s>>,
        (key, own, words, custom): (&'static str, &str, &[&str], &str),
    ) -> Option<Node> {
        let text = self.words(labels, key, "")?;
        let word = text.constant().and_then(|texts| words.iter().find(|word| texts.iter().all(|text| text == *word)));
        Some(match word {
            Some(word) => Node::raw(format!("\"{own}\":\"{word}\"")),
            None => Node::member(custom, Part::Localized(text)),
        })
    }

    /// Of every class.
    pub(super) fn class_handling(&mut self) {
        self.word("viewUnlockRequirement", &UNLOCKING);
        if let Some(name) = self.google.one_of("securityAnimation", &ANIMATIONS).and_then(|at| ANIMATIONS.get(at)) {
            self.nodes.push(Node::raw(format!("\"securityAnimation\":{{\"animationType\":\"{name}\"}}")));
        }
        let tap = self.google.boolean("enableSmartTap").unwrap_or(false);
        let issuers = self.google.texts_of("redemptionIssuers").unwrap_or_default();
        if tap == issuers.is_empty() {
            self.google.problem(&self.google.place, Problem::Rule(TAP));
        }
        let mut ids = Vec::new();
        for written in &issuers {
            let Written::One(place, id) = written else { continue };
            if id.is_empty() || !id.bytes().all(|digit| digit.is_ascii_digit()) {
                self.google.problem(place, Problem::Rule(ISSUER));
            }
            ids.push(quoted(id));
        }
        if tap {
            self.nodes.push(Node::raw(format!("\"enableSmartTap\":true,\"redemptionIssuers\":[{}]", ids.join(","))));
        }
    }

    /// Of the classes that have an issuer.
    pub(super) fn country(&mut self) {
        let Some((place, code)) = self.google.string("countryCode") else { return };
        if code.len() != 2 || !code.bytes().all(|letter| letter.is_ascii_uppercase()) {
            self.google.problem(&place, Problem::Rule(COUNTRY));
        }
        self.nodes.push(Node::raw(format!("\"countryCode\":{}", quoted(code))));
    }

    /// Of every object.
    pub(super) fn object_handling(&mut self) {
        self.plain("smartTapRedemptionValue", "");
        let linked = self.google.texts_of("linkedObjectIds").unwrap_or_default();
        let ids = linked.iter().filter_map(|written| self.context.uniform(written, self.allowed));
        let ids = ids.map(|words| Node::leaf(vec![Part::Plain(words)])).collect();
        self.nodes.push(Node::array("\"linkedObjectIds\":", ids));
        self.constraints();
        self.validity();
    }

    fn word(&mut self, key: &'static str, words: &[&'static str]) {
        if let Some(word) = self.google.one_of(key, words).and_then(|at| words.get(at)) {
            self.nodes.push(Node::raw(format!("\"{key}\":\"{word}\"")));
        }
    }

    fn constraints(&mut self) {
        let Some(section) = self.google.section("passConstraints") else { return };
        let mut members = Vec::new();
        let screenshot = section.one_of("screenshotEligibility", &SCREENSHOTS).and_then(|at| SCREENSHOTS.get(at));
        members.extend(screenshot.map(|word| Node::raw(format!("\"screenshotEligibility\":\"{word}\""))));
        if let Some(at) = section.one_of("nfcConstraint", &NFC).and_then(|at| NFC.get(at)) {
            members.push(Node::raw(format!("\"nfcConstraint\":[\"{at}\"]")));
        }
        section.finish();
        self.nodes.push(Node::object("\"passConstraints\":", members));
    }

    /// Google moves the pass to the expired ones within a day of its end. A ticket's own end, where SecuTix gives one: an event's is the class's,
    /// which Google follows by itself.
    fn validity(&mut self) {
        let section = self.google.section("validTimeInterval");
        let mut members = Vec::new();
        for key in ["start", "end"] {
            let written = section.as_ref().and_then(|section| section.written(key));
            let part = match written {
                Some(written) => self.moment(&written),
                None if key == "end" && self.is_ticket() => Some(Part::date(super::apple::known(Variable::ValidTo))),
                None => None,
            };
            let member = |part| Node::object(&format!("\"{key}\":"), vec![Node::member("date", part)]);
            members.extend(part.map(member));
        }
        if let Some(section) = section {
            section.finish();
        }
        self.nodes.push(Node::object("\"validTimeInterval\":", members));
    }

    /// A date variable alone, or a date that is written out, with its offset; an empty text is none.
    fn moment(&self, written: &Written<'s>) -> Option<Part> {
        let words = self.context.words(written, self.allowed, false)?;
        if words.is_empty() { None } else { moment(self.context, words, written) }
    }

    /// What was paid: `{ amount = "45.00", currencyCode = "CHF" }`.
    pub(super) fn face_value(&mut self) {
        let Some(section) = self.google.section("faceValue") else { return };
        let (amount, currency) = (section.string("amount"), section.string("currencyCode"));
        for (key, missing) in [("amount", amount.is_none()), ("currencyCode", currency.is_none())] {
            if missing {
                section.missing(key);
            }
        }
        if let (Some((place, amount)), Some((currency_place, currency))) = (amount, currency) {
            let micros = micros(amount);
            if micros.is_none() {
                section.problem(&place, Problem::Rule(AMOUNT));
            }
            if !is_currency(currency) {
                section.problem(&currency_place, Problem::Rule(CURRENCY));
            }
            let micros = micros.unwrap_or_default();
            self.nodes.push(Node::raw(format!(
                "\"faceValue\":{{\"micros\":\"{micros}\",\"currencyCode\":{}}}",
                quoted(currency)
            )));
        }
        section.finish();
    }

    /// `loyaltyPoints = { label = "…", balance = "…" }`.
    pub(super) fn points(&mut self) {
        let Some(section) = self.google.section("loyaltyPoints") else { return };
        let (label, balance) = (self.words(Some(&section), "label", ""), self.words(Some(&section), "balance", ""));
        if balance.is_none() {
            section.missing("balance");
        }
        if let Some(balance) = balance {
            let mut parts = vec![Part::Raw("\"loyaltyPoints\":{\"balance\":{\"string\":".to_owned())];
            parts.extend([Part::Plain(balance), Part::Raw("}".to_owned())]);
            parts.extend(label.map(labelled).unwrap_or_default());
            parts.push(Part::Raw("}".to_owned()));
            self.nodes.push(Node::leaf(parts));
        }
        section.finish();
    }

    /// Of generic passes: Google's own reminders.
    pub(super) fn reminders(&mut self) {
        let Some(section) = self.google.section("notifications") else { return };
        let mut members = Vec::new();
        for key in ["expiryNotification", "upcomingNotification"] {
            let wanted = section.boolean(key);
            members.extend(wanted.map(|on| Node::raw(format!("\"{key}\":{{\"enableNotification\":{on}}}"))));
        }
        section.finish();
        self.nodes.push(Node::object("\"notifications\":", members));
    }
}

fn labelled(label: Words) -> Vec<Part> {
    let mut parts = vec![Part::Raw(",\"label\":".to_owned()), Part::Plain(label.clone())];
    if !label.is_uniform() {
        parts.extend([Part::Raw(",\"localizedLabel\":".to_owned()), Part::Localized(label)]);
    }
    parts
}

fn micros(amount: &str) -> Option<u64> {
    let (whole, rest) = amount.split_once('.').unwrap_or((amount, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    if !digits(whole) || !digits(rest) || rest.len() > MICRO_DIGITS {
        return None;
    }
    format!("{whole}{rest:0<width$}", width = MICRO_DIGITS).parse().ok()
}
