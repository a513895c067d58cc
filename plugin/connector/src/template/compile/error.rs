//! What is wrong with a template, where, and what was probably meant.
//!
//! Owns the words. All problems of a template are reported at once, so that its author corrects them in one go.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;

/// A problem and its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct TemplateError {
    /// Within the template's folder: `template.toml`, `fr.toml`, `images`.
    pub file: String,
    /// `apple.primary[0].value`; empty for the whole file.
    pub key: String,
    /// From 1; 0 where no line is meant.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    pub problem: Problem,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.problem)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    #[error("this is not TOML: {0}")]
    Toml(String),
    #[error("unknown key `{name}`{}", suggestion(.nearest))]
    UnknownKey { name: String, nearest: Option<String> },
    #[error("the key `{0}` is missing")]
    MissingKey(String),
    #[error("expected {0}")]
    Expected(&'static str),
    #[error("unknown variable `{name}`{}", suggestion(.nearest))]
    UnknownVariable { name: String, nearest: Option<String> },
    #[error("`{name}` cannot be used here: {reason}")]
    OutOfScope { name: String, reason: &'static str },
    #[error("`{name}` is no date, so it has no format")]
    NotADate { name: String },
    #[error("unknown date format `{name}`{}", suggestion(.nearest))]
    UnknownFormat { name: String, nearest: Option<String> },
    #[error("no text has the key `{name}`{}", suggestion(.nearest))]
    UnknownText { name: String, nearest: Option<String> },
    #[error("`{value}` is not one of {}{}", .allowed.join(", "), suggestion(.nearest))]
    UnknownValue { value: String, allowed: Vec<String>, nearest: Option<String> },
    #[error(
        "the key `{0}` is used twice; keys are unique within a pass, unless `state.…` shows one field or the other"
    )]
    DuplicateKey(String),
    #[error("a change message needs `%@` where the new value goes{0}")]
    NoPlaceholder(Language),
    #[error("`{0}` is no colour: write #RRGGBB or rgb(r, g, b)")]
    BadColour(String),
    #[error("{count} {what} can be shown at once, a pass of style {style} has room for {limit}")]
    TooMany { what: &'static str, style: &'static str, count: usize, limit: usize },
    #[error("{0}")]
    Syntax(&'static str),
    /// One of Apple's or Google's rules.
    #[error("{0}")]
    Rule(&'static str),
    #[error(
        "this is no date of a pass: write one with its offset, \"2026-12-01T20:00:00+01:00\", or a date variable alone"
    )]
    BadDate,
    #[error("the poster layout is not shown, but the classic one: {0}")]
    NoPoster(&'static str),
    #[error("this must be the same in every language, hence without translations and without localised variables")]
    NotUniform,
    #[error("an address must begin with https:// or with a variable that brings one, and has no spaces")]
    NotHttps,
    #[error(
        "`{name}` is neither an address, which begins with https://, nor an image of the template's folder{}",
        suggestion(.nearest)
    )]
    NoImageFile { name: String, nearest: Option<String> },
    #[error("there is no `{0}`; a pass without an icon is refused by the phone")]
    NoIcon(String),
    #[error("there is no `{0}`; without it the phone scales another size of the icon")]
    IconScale(String),
    #[error("`{name}` is no image of a pass{}", suggestion(.nearest))]
    UnknownImage { name: String, nearest: Option<String> },
    #[error("{0}")]
    ImageConflict(&'static str),
    #[error("`{0}` is no name for a template: write a-z, 0-9 and -")]
    BadName(String),
    #[error("`{0}` is no language: write a tag such as fr, en or de-CH")]
    BadLocale(String),
    #[error("a template needs at least one language")]
    NoLocale,
    #[error("a template needs an [apple] part, a [google] part or both")]
    NoWallet,
}

/// Ends a sentence about a text that differs by language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Language(pub Option<String>);

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |locale| write!(f, " (in {locale})"))
    }
}

fn suggestion(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|name| format!(", did you mean `{name}`?")).unwrap_or_default()
}

/// A place in a file of the template.
#[derive(Clone, Debug)]
pub(super) struct Place<'s> {
    pub file: &'s str,
    pub source: &'s str,
    pub span: Range<usize>,
    pub key: String,
}

impl<'s> Place<'s> {
    /// The place of a byte of the string that stands here. Exact where the string is written without escapes, else its beginning.
    pub(super) fn within(&self, string: &str, offset: usize) -> Place<'s> {
        let start = self.span.start + 1;
        let literal = self.source.get(start..).is_some_and(|rest| rest.starts_with(string));
        let start = if literal { start + offset } else { self.span.start };
        Place { span: start..start, ..self.clone() }
    }

    fn error(&self, problem: Problem) -> TemplateError {
        let before = self.source.get(..self.span.start).unwrap_or(self.source);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        TemplateError {
            file: self.file.to_owned(),
            key: self.key.clone(),
            line: number(line),
            column: number(column),
            problem,
        }
    }
}

/// Collects what is wrong.
#[derive(Default)]
pub(super) struct Report {
    errors: RefCell<Vec<TemplateError>>,
    warnings: RefCell<Vec<TemplateError>>,
}

impl Report {
    pub(super) fn at(&self, place: &Place<'_>, problem: Problem) {
        push(&self.errors, place.error(problem));
    }

    /// About a whole file or folder.
    pub(super) fn file(&self, file: &str, problem: Problem) {
        push(&self.errors, whole(file, problem));
    }

    pub(super) fn warn(&self, file: &str, problem: Problem) {
        push(&self.warnings, whole(file, problem));
    }

    pub(super) fn warn_at(&self, place: &Place<'_>, problem: Problem) {
        push(&self.warnings, place.error(problem));
    }

    /// Errors and warnings.
    pub(super) fn into_parts(self) -> (Vec<TemplateError>, Vec<TemplateError>) {
        (self.errors.into_inner(), self.warnings.into_inner())
    }
}

fn whole(file: &str, problem: Problem) -> TemplateError {
    TemplateError { file: file.to_owned(), key: String::new(), line: 0, column: 0, problem }
}

/// A text that serves several languages is looked at once for each; its problem is one.
fn push(list: &RefCell<Vec<TemplateError>>, error: TemplateError) {
    let mut list = list.borrow_mut();
    if !list.contains(&error) {
        list.push(error);
    }
}
