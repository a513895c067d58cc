//! Replaces every personal value of SecuTix's answers with a fake of the same shape, so that a recording can be shown to anybody.
//!
//! Owns the replacing: the same value becomes the same fake everywhere, so that a movement is the same movement before, after and in the
//! notification, and different values stay different. SecuTix's numbers keep their order and its dates their distances, because a verdict goes by
//! them. Pure and deterministic in its key. The key is made for a recording and forgotten: with it, names could be found by trying them. Does not
//! own the list of what is not personal (`known`).

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::hmac;
use serde_json::{Map, Number, Value};

use super::known::{self, Nature};
use super::shape;

/// A personal value of fewer letters occurs in other words by chance.
const TELLING: usize = 4;

/// By how much dates move: up to two years, to either side, to the second.
const LONGEST_MOVE: i64 = 2 * 365 * 86_400;

pub struct Scrubber {
    key: hmac::Key,
    fakes: BTreeMap<String, String>,
    /// Values of `fakes`: none is given twice.
    taken: BTreeSet<String>,
    /// Personal values, in lower case.
    originals: BTreeSet<String>,
    /// Those that tell something wherever they occur, by their beginning: found in a text without trying each.
    telling: BTreeMap<[char; TELLING], BTreeSet<Vec<char>>>,
    /// Chosen with the first date.
    seconds: Option<i64>,
    dates: BTreeSet<String>,
    /// Dates that are written as numbers.
    instants: BTreeSet<i64>,
    /// Identifiers that have no fake yet.
    identifiers: BTreeSet<i64>,
    /// Documents that were handed out: scrubbing one again changes nothing.
    made: Vec<Value>,
}

impl Scrubber {
    pub fn new(key: &[u8; 32]) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
            fakes: BTreeMap::new(),
            taken: BTreeSet::new(),
            originals: BTreeSet::new(),
            telling: BTreeMap::new(),
            seconds: None,
            dates: BTreeSet::new(),
            instants: BTreeSet::new(),
            identifiers: BTreeSet::new(),
            made: Vec::new(),
        }
    }

    /// Scrubs documents that belong together. Give all of them at once: a fake is never equal to a personal value of any of them, which can
    /// only be kept for those that are known by then.
    pub fn scrub(&mut self, documents: &[Value]) -> Vec<Value> {
        let new: Vec<&Value> = documents.iter().filter(|document| !self.made.contains(document)).collect();
        for document in &new {
            self.learn(&mut Vec::new(), document);
        }
        self.number_anew();
        let scrubbed: Vec<Value> =
            documents
                .iter()
                .map(|document| {
                    if self.made.contains(document) { document.clone() } else { self.value(&mut Vec::new(), document) }
                })
                .collect();
        for document in &scrubbed {
            if !self.made.contains(document) {
                self.made.push(document.clone());
            }
        }
        scrubbed
    }

    fn learn<'v>(&mut self, path: &mut Vec<&'v str>, value: &'v Value) {
        match value {
            Value::Object(fields) => {
                for (key, value) in fields {
                    if is_personal_key(key) {
                        self.learn_text(key);
                    }
                    path.push(key);
                    self.learn(path, value);
                    path.pop();
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.learn(path, item)),
            Value::String(text) => match known::nature(path) {
                Nature::Kept | Nature::Text => {}
                Nature::Code if known::is_code(text) => {}
                Nature::Code | Nature::Personal if shape::moved(text, 0).is_some() => {
                    self.dates.insert(text.clone());
                }
                Nature::Code | Nature::Personal if shape::is_meaningful(text) => {
                    if known::is_identifier(path) {
                        self.identifiers.extend(shape::identifier(text));
                    }
                    self.learn_text(text);
                }
                Nature::Code | Nature::Personal => {}
            },
            Value::Number(number) if known::nature(path) != Nature::Kept => {
                let text = number.to_string();
                if let Some(instant) = number.as_i64().filter(|number| is_instant(path, *number)) {
                    self.instants.insert(instant);
                    return;
                }
                if known::is_identifier(path) {
                    self.identifiers.extend(shape::identifier(&text));
                }
                self.learn_text(text.trim_start_matches('-'));
            }
            Value::Number(_) | Value::Bool(_) | Value::Null => {}
        }
    }

    fn learn_text(&mut self, text: &str) {
        let lower = text.to_lowercase();
        let letters: Vec<char> = lower.chars().collect();
        if let Some(beginning) = letters.first_chunk::<TELLING>() {
            self.telling.entry(*beginning).or_default().insert(letters);
        }
        self.originals.insert(lower);
    }

    fn value<'v>(&mut self, path: &mut Vec<&'v str>, value: &'v Value) -> Value {
        match value {
            Value::Object(fields) => {
                let mut scrubbed = Map::new();
                for (key, value) in fields {
                    path.push(key);
                    let value = self.value(path, value);
                    path.pop();
                    let key = if is_personal_key(key) { self.fake(key) } else { key.clone() };
                    scrubbed.insert(key, value);
                }
                Value::Object(scrubbed)
            }
            Value::Array(items) => Value::Array(items.iter().map(|item| self.value(path, item)).collect()),
            Value::String(text) => Value::String(self.text(known::nature(path), text)),
            Value::Number(number) if known::nature(path) != Nature::Kept => {
                match number.as_i64().filter(|number| is_instant(path, *number)) {
                    Some(instant) => Value::from(instant + self.seconds() * 1000),
                    None => self.number(number),
                }
            }
            Value::Number(_) | Value::Bool(_) | Value::Null => value.clone(),
        }
    }

    /// Fakes for the identifiers, in the order of what they stand for. Drawn and not shifted: whoever knows one of them (a performance's number is in
    /// the shop's addresses) learns nothing of the others but their order.
    fn number_anew(&mut self) {
        let mut waiting: Vec<i64> = std::mem::take(&mut self.identifiers)
            .into_iter()
            .filter(|id| !self.fakes.contains_key(&id.to_string()))
            .collect();
        let (mut floor, mut drawn) = (1, 0_u64);
        while let Some(first) = waiting.first() {
            let digits = first.to_string().len();
            let same = waiting.partition_point(|id| id.to_string().len() == digits);
            let class: Vec<i64> = waiting.drain(..same).collect();
            // Of the same length where there is room for all of them and for what must be avoided, else longer.
            let room = i64::try_from(class.len() + self.originals.len()).unwrap_or(i64::MAX).saturating_mul(8);
            let low = floor.max(power_of_ten(digits - 1));
            let mut high = power_of_ten(digits).saturating_sub(1);
            while high.saturating_sub(low) < room && high < i64::MAX {
                high = high.saturating_mul(10).saturating_add(9);
            }
            let mut fakes = BTreeSet::new();
            while fakes.len() < class.len() {
                let candidate = low + shape::draw(&self.key, b"identifiers", &mut drawn, high.saturating_sub(low));
                let text = candidate.to_string();
                // As in `fake`: the bound is for the reader.
                let fresh =
                    !self.taken.contains(&text) && !self.originals.contains(&text) && !self.mentions_somebody(&text);
                if fresh || drawn == u64::MAX {
                    fakes.insert(candidate);
                }
            }
            floor = fakes.last().map_or(floor, |last| last.saturating_add(1));
            for (id, fake) in class.into_iter().zip(fakes) {
                self.taken.insert(fake.to_string());
                self.fakes.insert(id.to_string(), fake.to_string());
            }
        }
    }

    fn text(&mut self, nature: Nature, text: &str) -> String {
        match nature {
            Nature::Kept => return text.to_owned(),
            Nature::Code if known::is_code(text) => return text.to_owned(),
            Nature::Text if !self.mentions_somebody(text) => return text.to_owned(),
            Nature::Code | Nature::Text | Nature::Personal => {}
        }
        if !shape::is_meaningful(text) {
            return text.to_owned();
        }
        let seconds = self.seconds();
        match shape::moved(text, seconds) {
            Some(moved) => moved,
            None => self.fake(text),
        }
    }

    fn number(&mut self, number: &Number) -> Value {
        let text = number.to_string();
        // Nothing, none, off: it names nobody, and whether it is there decides more than any other number.
        if number.as_f64() == Some(0.0) {
            return Value::Number(number.clone());
        }
        let fake = match text.strip_prefix('-') {
            Some(digits) => format!("-{}", self.fake(digits)),
            None => self.fake(&text),
        };
        let number = if number.is_f64() { fake.parse().ok().and_then(Number::from_f64) } else { integer(&fake) };
        number.map_or(Value::String(fake), Value::Number)
    }

    fn fake(&mut self, value: &str) -> String {
        if let Some(fake) = self.fakes.get(value) {
            return fake.clone();
        }
        let mut attempt = 0;
        let fake = loop {
            let candidate = shape::fake(&self.key, value, attempt);
            let fresh = !self.taken.contains(&candidate)
                && !self.originals.contains(&candidate.to_lowercase())
                && !self.mentions_somebody(&candidate);
            // Every further round adds a letter, and there are fewer originals than texts that avoid them; the bound is for the reader.
            if fresh || attempt == u32::MAX {
                break candidate;
            }
            attempt += 1;
        };
        self.taken.insert(fake.clone());
        self.fakes.insert(value.to_owned(), fake.clone());
        fake
    }

    fn mentions_somebody(&self, text: &str) -> bool {
        let letters: Vec<char> = text.to_lowercase().chars().collect();
        (0..letters.len()).filter_map(|start| letters.get(start..)).any(|rest| {
            let originals = rest.first_chunk::<TELLING>().and_then(|beginning| self.telling.get(beginning));
            originals.is_some_and(|originals| originals.iter().any(|original| rest.starts_with(original)))
        })
    }

    /// One distance for all dates, so that their order and their intervals stay; none lands on another date of the recording.
    fn seconds(&mut self) -> i64 {
        if let Some(seconds) = self.seconds {
            return seconds;
        }
        let mut attempt = 0_u32;
        let seconds = loop {
            let drawn = hmac::sign(&self.key, &[b"dates".as_slice(), &attempt.to_le_bytes()].concat());
            let drawn = drawn.as_ref().first_chunk::<8>().map_or(1, |bytes| i64::from_le_bytes(*bytes));
            let seconds = drawn % LONGEST_MOVE;
            // At least a day, so that a date without a time moves as well.
            let lands = |date: &String| shape::moved(date, seconds).is_some_and(|moved| self.dates.contains(&moved));
            let meets = |instant: &i64| self.instants.contains(&(instant + seconds * 1000));
            let clear = !self.dates.iter().any(lands) && !self.instants.iter().any(meets);
            if (seconds.abs() >= 86_400 && clear) || attempt == u32::MAX {
                break seconds;
            }
            attempt += 1;
        };
        self.seconds = Some(seconds);
        seconds
    }
}

/// Milliseconds since 1970, between 1973 and 2286: what is shorter or longer is something else.
fn is_instant(path: &[&str], number: i64) -> bool {
    known::is_date(path) && (100_000_000_000..10_000_000_000_000).contains(&number)
}

fn power_of_ten(digits: usize) -> i64 {
    u32::try_from(digits).ok().and_then(|digits| 10_i64.checked_pow(digits)).unwrap_or(i64::MAX)
}

/// Digits that outgrew an int64 stay a text, which SecuTix sends for some of its numbers anyway.
fn integer(text: &str) -> Option<Number> {
    text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from)).ok()
}

/// A key that is a value: an identifier, an address. SecuTix's own keys are one word with few digits.
fn is_personal_key(key: &str) -> bool {
    let digits = key.bytes().filter(u8::is_ascii_digit).count();
    digits >= TELLING || !key.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-' | b'.'))
}

#[cfg(test)]
mod tests;
