//! A TOML file, walked key by key: what is not asked for is unknown, and everything knows its place.
//!
//! Owns types and places of values. Does not own their meaning. Walking rather than deserialising gives all problems at once, with line,
//! column and the nearest known key.

use std::cell::RefCell;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Place, Problem, Report};
use super::spelling::likeliest;
use super::tree::quoted;

/// A text as written: one for all languages, or one per language.
pub(super) enum Written<'d> {
    One(Place<'d>, &'d str),
    PerLocale(Place<'d>, Vec<(&'d str, Place<'d>, &'d str)>),
}

impl<'d> Written<'d> {
    pub(super) fn place(&self) -> &Place<'d> {
        match self {
            Self::One(place, _) | Self::PerLocale(place, _) => place,
        }
    }
}

/// A table of the file.
pub(super) struct Section<'d> {
    table: &'d DeTable<'d>,
    pub place: Place<'d>,
    report: &'d Report,
    asked: RefCell<Vec<&'static str>>,
}

/// Parses a file; problems go to the report.
pub(super) fn parse<'s>(file: &'s str, source: &'s str, report: &Report) -> Option<Spanned<DeTable<'s>>> {
    let (table, errors) = DeTable::parse_recoverable(source);
    for error in &errors {
        let span = error.span().unwrap_or_default();
        report.at(&Place { file, source, span, key: String::new() }, Problem::Toml(error.message().to_owned()));
    }
    errors.is_empty().then_some(table)
}

impl<'d> Section<'d> {
    pub(super) fn root(file: &'d str, source: &'d str, table: &'d DeTable<'d>, report: &'d Report) -> Section<'d> {
        let place = Place { file, source, span: 0..0, key: String::new() };
        Section { table, place, report, asked: RefCell::default() }
    }

    fn child(&self, key: &str, at: std::ops::Range<usize>) -> Place<'d> {
        let key = if self.place.key.is_empty() { key.to_owned() } else { format!("{}.{key}", self.place.key) };
        Place { span: at, key, ..self.place.clone() }
    }

    fn get(&self, key: &'static str) -> Option<(Place<'d>, &'d DeValue<'d>)> {
        self.asked.borrow_mut().push(key);
        let (_, value) = self.table.iter().find(|(name, _)| name.get_ref() == key)?;
        Some((self.child(key, value.span()), value.get_ref()))
    }

    fn typed<T>(
        &self,
        key: &'static str,
        expected: &'static str,
        read: impl FnOnce(&'d DeValue<'d>) -> Option<T>,
    ) -> Option<(Place<'d>, T)> {
        let (place, value) = self.get(key)?;
        let read = read(value);
        if read.is_none() {
            self.report.at(&place, Problem::Expected(expected));
        }
        read.map(|value| (place, value))
    }

    pub(super) fn string(&self, key: &'static str) -> Option<(Place<'d>, &'d str)> {
        self.typed(key, "a text in quotes", |value| value.as_str())
    }

    pub(super) fn boolean(&self, key: &'static str) -> Option<bool> {
        self.typed(key, "true or false", |value| value.as_bool()).map(|(_, value)| value)
    }

    /// A whole number within the bounds.
    pub(super) fn integer(&self, key: &'static str, least: u32, most: u32) -> Option<u32> {
        let number = |value: &DeValue<'_>| value.as_integer().and_then(|number| number.as_str().parse::<u32>().ok());
        let (place, number) = self.typed(key, "a whole number", number)?;
        if (least..=most).contains(&number) {
            return Some(number);
        }
        self.report.at(&place, Problem::Expected("a smaller or larger number: this one is out of range"));
        None
    }

    /// A number, whole or not, within the bounds.
    pub(super) fn number(&self, key: &'static str, least: f64, most: f64) -> Option<f64> {
        let number = |value: &DeValue<'_>| {
            let text = value.as_integer().map(|number| number.as_str().replace('_', ""));
            let text = text.or_else(|| value.as_float().map(|number| number.as_str().replace('_', "")));
            text.and_then(|text| text.parse::<f64>().ok()).filter(|number| number.is_finite())
        };
        let (place, number) = self.typed(key, "a number, without quotes", number)?;
        if (least..=most).contains(&number) {
            return Some(number);
        }
        self.report.at(&place, Problem::Expected("a smaller or larger number: this one is out of range"));
        None
    }

    /// Whether the key is there, whatever stands there. It counts as asked for only by whoever reads it.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.iter().any(|(name, _)| name.get_ref() == key)
    }

    /// Whether a number stands there. The key counts as asked for only by whoever reads it.
    pub(super) fn is_number(&self, key: &str) -> bool {
        let value = self.table.iter().find(|(name, _)| name.get_ref() == key);
        value.is_some_and(|(_, value)| matches!(value.get_ref(), DeValue::Integer(_) | DeValue::Float(_)))
    }

    /// `["…", "…"]`
    pub(super) fn texts_of(&self, key: &'static str) -> Option<Vec<Written<'d>>> {
        let (place, array) = self.typed(key, "texts in quotes, between [ and ]", |value| value.as_array())?;
        let mut texts = Vec::new();
        for (index, value) in array.iter().enumerate() {
            let at = Place { span: value.span(), key: format!("{}[{index}]", place.key), ..place.clone() };
            match value.get_ref().as_str() {
                Some(text) => texts.push(Written::One(at, text)),
                None => self.report.at(&at, Problem::Expected("a text in quotes")),
            }
        }
        Some(texts)
    }

    /// `[1, 2]`, whole numbers.
    pub(super) fn integers_of(&self, key: &'static str) -> Option<Vec<u64>> {
        let (place, array) = self.typed(key, "whole numbers, between [ and ]", |value| value.as_array())?;
        let mut numbers = Vec::new();
        for (index, value) in array.iter().enumerate() {
            match value.get_ref().as_integer().and_then(|number| number.as_str().parse().ok()) {
                Some(number) => numbers.push(number),
                None => {
                    let at = Place { span: value.span(), key: format!("{}[{index}]", place.key), ..place.clone() };
                    self.report.at(&at, Problem::Expected("a whole number, without quotes"));
                }
            }
        }
        Some(numbers)
    }

    /// A table of the author's own, as JSON.
    pub(super) fn json(&self, key: &'static str) -> Option<String> {
        let (_, value) = self.typed(key, "a table", |value| value.as_table().map(|_| value))?;
        Some(as_json(value))
    }

    /// One of a closed set of words; the answer is its place in the set.
    pub(super) fn one_of(&self, key: &'static str, words: &[&'static str]) -> Option<usize> {
        let (place, written) = self.string(key)?;
        let found = words.iter().position(|word| *word == written);
        if found.is_none() {
            let allowed = words.iter().map(|word| (*word).to_owned()).collect();
            let nearest = likeliest(written, words.iter().copied());
            self.report.at(&place, Problem::UnknownValue { value: written.to_owned(), allowed, nearest });
        }
        found
    }

    /// A text, or `{ fr = "…", en = "…" }`.
    pub(super) fn written(&self, key: &'static str) -> Option<Written<'d>> {
        let (place, value) = self.get(key)?;
        match value {
            DeValue::String(text) => Some(Written::One(place, text)),
            DeValue::Table(table) => {
                let mut texts = Vec::new();
                for (locale, value) in table.iter() {
                    let at = Place {
                        span: value.span(),
                        key: format!("{}.{}", place.key, locale.get_ref()),
                        ..place.clone()
                    };
                    match value.get_ref().as_str() {
                        Some(text) => texts.push((locale.get_ref().as_ref(), at, text)),
                        None => self.report.at(&at, Problem::Expected("a text in quotes")),
                    }
                }
                Some(Written::PerLocale(place, texts))
            }
            _ => {
                self.report
                    .at(&place, Problem::Expected("a text in quotes, or one per language: { fr = \"…\", en = \"…\" }"));
                None
            }
        }
    }

    pub(super) fn section(&self, key: &'static str) -> Option<Section<'d>> {
        let (place, table) = self.typed(key, "a table", |value| value.as_table())?;
        Some(Section { table, place, report: self.report, asked: RefCell::default() })
    }

    /// `[[key]]`, in order.
    pub(super) fn sections(&self, key: &'static str) -> Vec<Section<'d>> {
        let Some((place, array)) = self.typed(key, "tables, each headed [[…]]", |value| value.as_array()) else {
            return Vec::new();
        };
        let mut sections = Vec::new();
        for (index, value) in array.iter().enumerate() {
            let at = Place { span: value.span(), key: format!("{}[{index}]", place.key), ..place.clone() };
            match value.get_ref().as_table() {
                Some(table) => {
                    sections.push(Section { table, place: at, report: self.report, asked: RefCell::default() });
                }
                None => self.report.at(&at, Problem::Expected("a table")),
            }
        }
        sections
    }

    /// Unless it is there and of a wrong type, which was told already.
    pub(super) fn missing(&self, key: &str) {
        if !self.table.iter().any(|(name, _)| name.get_ref() == key) {
            self.report.at(&self.place, Problem::MissingKey(key.to_owned()));
        }
    }

    pub(super) fn problem(&self, place: &Place<'_>, problem: Problem) {
        self.report.at(place, problem);
    }

    pub(super) fn warn(&self, place: &Place<'_>, problem: Problem) {
        self.report.warn_at(place, problem);
    }

    /// Every key that nobody asked for is a mistake.
    pub(super) fn finish(self) {
        let asked = self.asked.borrow();
        for (name, _) in self.table.iter() {
            let key: &str = name.get_ref();
            if !asked.contains(&key) {
                let problem =
                    Problem::UnknownKey { name: key.to_owned(), nearest: likeliest(key, asked.iter().copied()) };
                self.report.at(&self.child(key, name.span()), problem);
            }
        }
    }

    /// All entries of a file of texts, which has no keys of its own.
    pub(super) fn texts(&self) -> Vec<(&'d str, Place<'d>, &'d str)> {
        let mut texts = Vec::new();
        for (name, value) in self.table.iter() {
            let place = self.child(name.get_ref(), value.span());
            match value.get_ref().as_str() {
                Some(text) => texts.push((name.get_ref().as_ref(), place, text)),
                None => self.report.at(&place, Problem::Expected("a text in quotes")),
            }
        }
        texts
    }
}

fn as_json(value: &DeValue<'_>) -> String {
    let list = |parts: Vec<String>| parts.join(",");
    match value {
        DeValue::Integer(number) => number.as_str().parse::<i64>().map(|it| it.to_string()).unwrap_or_default(),
        DeValue::Float(number) => {
            let number = number.as_str().parse::<f64>().unwrap_or_default();
            if number.is_finite() { number.to_string() } else { "null".to_owned() }
        }
        DeValue::Boolean(value) => value.to_string(),
        DeValue::String(text) => quoted(text),
        // JSON has no dates.
        DeValue::Datetime(date) => quoted(&date.to_string()),
        DeValue::Array(values) => format!("[{}]", list(values.iter().map(|value| as_json(value.get_ref())).collect())),
        DeValue::Table(table) => {
            let member = |key: &str, value| format!("{}:{}", quoted(key), as_json(value));
            format!("{{{}}}", list(table.iter().map(|(key, value)| member(key.get_ref(), value.get_ref())).collect()))
        }
    }
}
