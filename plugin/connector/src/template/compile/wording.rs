//! Texts: `Row {ticket.row}`, `{event.start:date}`, `{firstName!}`, `{ticket.gate|–}`, `[, {venue.room}]`, `{t:row}`.
//!
//! Owns their grammar and their classification: constant, the same in every language, or different. Does not own their places in a pass.

use super::context::{Allowed, Context, Reference};
use super::document::Written;
use super::error::{Place, Problem};
use super::spelling::likeliest;
use crate::payload::FORMATS;
use crate::template::vocabulary::Nature;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Optional,
    Demanded,
    Fallback(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    Literal(String),
    /// `format` is the number of the date format.
    Variable {
        reference: Reference,
        format: usize,
        mode: Mode,
    },
    Group(Vec<Segment>),
}

/// A text in all languages of the template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Words {
    /// One list per locale.
    pub lists: Vec<Vec<Segment>>,
    /// Once per event, a line each.
    pub each: bool,
}

/// A date that stands alone: the phone may format it.
#[derive(Clone, Copy)]
pub(super) struct OnlyDate<'w> {
    pub reference: &'w Reference,
    /// The number of the date format.
    pub format: usize,
    pub mode: &'w Mode,
}

const BRACE: &str = "a { has no }: write {{ for a brace of its own";
const BRACKET: &str = "a [ has no ]: write [[ for a bracket of its own";
const NESTED: &str = "optional parts in [ ] cannot stand within each other";
const CLOSING: &str = "a closing } or ] without its beginning: write }} or ]] for one of its own";
const EMPTY: &str = "a variable without a name";
const NESTED_TEXT: &str = "a text of a language file cannot name another one";

impl Words {
    /// The text in each language, if it has no variables.
    pub(super) fn constant(&self) -> Option<Vec<String>> {
        let literal = |list: &Vec<Segment>| match list.as_slice() {
            [] => Some(String::new()),
            [Segment::Literal(text)] => Some(text.clone()),
            _ => None,
        };
        if self.each { None } else { self.lists.iter().map(literal).collect() }
    }

    /// Nothing at all: the author's way to say that a default is not wanted.
    pub(super) fn is_empty(&self) -> bool {
        self.lists.iter().all(Vec::is_empty)
    }

    /// The same in every language, whatever the facts are.
    pub(super) fn is_uniform(&self) -> bool {
        let Some((first, others)) = self.lists.split_first() else { return true };
        others.iter().all(|other| other == first) && first.iter().all(is_uniform)
    }

    /// Exactly one date variable and nothing else, unless it is to be written as it comes.
    pub(super) fn only_date(&self) -> Option<OnlyDate<'_>> {
        match self.lists.first()?.as_slice() {
            [Segment::Variable { reference, format, mode }]
                if self.is_single() && reference.nature() == Nature::Date && *format != crate::payload::ISO =>
            {
                Some(OnlyDate { reference, format: *format, mode })
            }
            _ => None,
        }
    }

    pub(super) fn has_dates(&self) -> bool {
        fn date(segment: &Segment) -> bool {
            match segment {
                Segment::Literal(_) => false,
                Segment::Variable { reference, .. } => reference.nature() == Nature::Date,
                Segment::Group(inner) => inner.iter().any(date),
            }
        }
        self.lists.iter().flatten().any(date)
    }

    /// Every date in it as it comes, for where a moment is wanted and no text.
    pub(super) fn with_iso(mut self) -> Words {
        fn iso(segment: &mut Segment) {
            match segment {
                Segment::Variable { reference, format, .. } if reference.nature() == Nature::Date => {
                    *format = crate::payload::ISO;
                }
                Segment::Group(inner) => inner.iter_mut().for_each(iso),
                Segment::Literal(_) | Segment::Variable { .. } => {}
            }
        }
        self.lists.iter_mut().flatten().for_each(iso);
        self
    }

    /// The text in each language with `value` for each variable, given what stands before it; none where one of them has none.
    pub(super) fn filled(&self, value: &dyn Fn(&Reference, &str) -> Option<String>) -> Option<Vec<String>> {
        fn fill(list: &[Segment], value: &dyn Fn(&Reference, &str) -> Option<String>, text: &mut String) -> Option<()> {
            for segment in list {
                match segment {
                    Segment::Literal(literal) => text.push_str(literal),
                    Segment::Variable { reference, .. } => text.push_str(&value(reference, text)?),
                    Segment::Group(inner) => fill(inner, value, text)?,
                }
            }
            Some(())
        }
        let filled = |list: &Vec<Segment>| {
            let mut text = String::new();
            fill(list, value, &mut text).map(|()| text)
        };
        if self.each { None } else { self.lists.iter().map(filled).collect() }
    }

    fn is_single(&self) -> bool {
        self.lists.iter().all(|list| Some(list) == self.lists.first())
    }

    /// The literal text of each language, without its variables.
    pub(super) fn literals(&self) -> Vec<String> {
        fn literal(list: &[Segment]) -> String {
            list.iter()
                .map(|segment| match segment {
                    Segment::Literal(text) => text.clone(),
                    Segment::Variable { .. } => String::new(),
                    Segment::Group(inner) => literal(inner),
                })
                .collect()
        }
        self.lists.iter().map(|list| literal(list)).collect()
    }
}

fn is_uniform(segment: &Segment) -> bool {
    const ISO: usize = crate::payload::ISO;
    match segment {
        Segment::Literal(_) => true,
        Segment::Variable { reference, format, .. } => match reference.nature() {
            Nature::Localised => false,
            Nature::Date => *format == ISO,
            Nature::Plain | Nature::Flag => true,
        },
        Segment::Group(inner) => inner.iter().all(is_uniform),
    }
}

impl<'s> Context<'s> {
    /// None when something is wrong with it, which is then in the report.
    pub(super) fn words(&self, written: &Written<'s>, allowed: Allowed, each: bool) -> Option<Words> {
        let lists = match written {
            Written::One(place, text) => {
                let lists = 0..self.locales.len();
                lists.map(|locale| self.parse(place, text, allowed, Some(locale))).collect::<Option<Vec<_>>>()?
            }
            Written::PerLocale(place, texts) => {
                for (tag, at, _) in texts {
                    if !self.locales.iter().any(|locale| locale.tag == *tag) {
                        let nearest = likeliest(tag, self.tags());
                        self.report.at(at, Problem::UnknownKey { name: (*tag).to_owned(), nearest });
                    }
                }
                let mut lists = Vec::new();
                for (index, locale) in self.locales.iter().enumerate() {
                    match texts.iter().find(|(tag, ..)| *tag == locale.tag) {
                        Some((_, at, text)) => lists.push(self.parse(at, text, allowed, Some(index))),
                        None => {
                            self.report.at(place, Problem::MissingKey(locale.tag.to_owned()));
                            lists.push(None);
                        }
                    }
                }
                lists.into_iter().collect::<Option<Vec<_>>>()?
            }
        };
        Some(Words { lists, each })
    }

    /// A text of ours, for a key that the template leaves out.
    pub(super) fn default_words(&self, text: &'static str, place: &Place<'s>) -> Option<Words> {
        let lists = (0..self.locales.len()).map(|locale| self.parse(place, text, Allowed::All, Some(locale)));
        Some(Words { lists: lists.collect::<Option<_>>()?, each: false })
    }

    /// `locale`: where `{t:…}` is looked up; none within a language file.
    fn parse(&self, place: &Place<'s>, text: &str, allowed: Allowed, locale: Option<usize>) -> Option<Vec<Segment>> {
        let wrong = |offset: usize, what: &'static str| {
            self.report.at(&place.within(text, offset), Problem::Syntax(what));
            None
        };
        let mut outer: Vec<Segment> = Vec::new();
        let mut group: Option<(usize, Vec<Segment>)> = None;
        let mut rest = text;
        let mut known = true;
        while let Some(next) = rest.chars().next() {
            let at = text.len() - rest.len();
            let doubled = rest.get(next.len_utf8()..).is_some_and(|after| after.starts_with(next));
            let in_group = group.is_some();
            let list = group.as_mut().map_or(&mut outer, |(_, list)| list);
            match next {
                '{' | '}' | '[' | ']' if doubled => {
                    push(list, Segment::Literal(next.to_string()));
                    rest = rest.get(2..).unwrap_or_default();
                    continue;
                }
                '{' => {
                    let Some(end) = rest.find('}') else { return wrong(at, BRACE) };
                    let inside = rest.get(1..end).unwrap_or_default();
                    let segments = self.variable_segments(inside, &place.within(text, at + 1), allowed, locale);
                    // Read on after a mistake: there may be another.
                    known &= segments.is_some();
                    for segment in segments.into_iter().flatten() {
                        push(list, segment);
                    }
                    rest = rest.get(end + 1..).unwrap_or_default();
                    continue;
                }
                '[' if in_group => return wrong(at, NESTED),
                '[' => group = Some((at, Vec::new())),
                ']' => match group.take() {
                    Some((_, inner)) => outer.push(Segment::Group(inner)),
                    None => return wrong(at, CLOSING),
                },
                '}' => return wrong(at, CLOSING),
                _ => {
                    let end = rest.find(['{', '}', '[', ']']).unwrap_or(rest.len());
                    push(list, Segment::Literal(rest.get(..end).unwrap_or_default().to_owned()));
                    rest = rest.get(end..).unwrap_or_default();
                    continue;
                }
            }
            rest = rest.get(1..).unwrap_or_default();
        }
        match group {
            Some((at, _)) => wrong(at, BRACKET),
            None => known.then_some(outer),
        }
    }

    /// What stands between braces: a variable, or a text of the language file.
    fn variable_segments(
        &self,
        inside: &str,
        place: &Place<'s>,
        allowed: Allowed,
        locale: Option<usize>,
    ) -> Option<Vec<Segment>> {
        if let Some(key) = inside.strip_prefix("t:") {
            let Some(locale) = locale.and_then(|at| self.locales.get(at)) else {
                self.report.at(place, Problem::Syntax(NESTED_TEXT));
                return None;
            };
            let Some((at, text)) = locale.text(key) else {
                let known = self.locales.iter().flat_map(|locale| locale.texts.iter().map(|(key, ..)| *key));
                let elsewhere = self.locales.iter().any(|locale| locale.text(key).is_some());
                if elsewhere {
                    self.report.file(locale.file, Problem::MissingKey(key.to_owned()));
                } else {
                    let problem = Problem::UnknownText { name: key.to_owned(), nearest: likeliest(key, known) };
                    self.report.at(place, problem);
                }
                return None;
            };
            return self.parse(at, text, allowed, None);
        }
        let (name, fallback) = match inside.split_once('|') {
            Some((name, fallback)) => (name, Some(fallback)),
            None => (inside, None),
        };
        let (name, demanded) = name.strip_suffix('!').map_or((name, false), |name| (name, true));
        let (name, format) = name.split_once(':').map_or((name, None), |(name, format)| (name, Some(format)));
        if name.is_empty() {
            self.report.at(place, Problem::Syntax(EMPTY));
            return None;
        }
        let reference = self.variable(name, place, allowed, fallback.is_some())?;
        let format = match format {
            None => 0,
            Some(_) if reference.nature() != Nature::Date => {
                self.report.at(place, Problem::NotADate { name: name.to_owned() });
                return None;
            }
            Some(format) => match FORMATS.iter().position(|(known, _)| *known == format) {
                Some(at) => at,
                None => {
                    let nearest = likeliest(format, FORMATS.iter().map(|(name, _)| *name));
                    self.report.at(place, Problem::UnknownFormat { name: format.to_owned(), nearest });
                    return None;
                }
            },
        };
        let mode = match fallback {
            Some(fallback) => Mode::Fallback(fallback.to_owned()),
            None if demanded => Mode::Demanded,
            None => Mode::Optional,
        };
        Some(vec![Segment::Variable { reference, format, mode }])
    }
}

/// Literals beside each other are one. A group within a list is left alone.
fn push(list: &mut Vec<Segment>, segment: Segment) {
    match (list.last_mut(), segment) {
        (Some(Segment::Literal(before)), Segment::Literal(text)) => before.push_str(&text),
        (_, segment) => list.push(segment),
    }
}
