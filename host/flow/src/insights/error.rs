//! What is wrong with a query, and where: for the person who wrote it.
//!
//! Owns the shape and the words around a place. The text of the query is the caller's own, so a piece of it may be repeated to the caller; it
//! goes to no log, since a query may hold what it looks for.

use std::fmt;

/// Bytes of the text, from and to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub from: usize,
    pub to: usize,
}

impl Span {
    pub fn to(self, end: Self) -> Self {
        Self { from: self.from, to: end.to.max(self.from) }
    }
}

/// Characters of the offending text that are repeated: enough to find it again.
const NEAR: usize = 40;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueryError {
    /// From 1; 0 when it is the whole text.
    pub line: usize,
    /// Characters from the line's beginning, from 1.
    pub column: usize,
    /// The text that is meant; empty at the end of the query.
    pub near: String,
    /// What is wrong, without a place.
    pub message: String,
    /// What could stand there instead.
    pub expected: Vec<String>,
    /// What the writer may have meant.
    pub hint: Option<String>,
}

impl QueryError {
    pub(super) fn whole(message: String) -> Self {
        Self { message, ..Self::default() }
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}, column {}: ", self.line, self.column)?;
        }
        f.write_str(&self.message)?;
        match self.expected.as_slice() {
            [] => {}
            [one] => write!(f, "; expected: {one}")?,
            several => write!(f, "; expected one of: {}", several.join(", "))?,
        }
        if let Some(hint) = &self.hint {
            write!(f, "; {hint}")?;
        }
        Ok(())
    }
}

/// The same while the text is not at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub span: Span,
    pub message: String,
    pub expected: Vec<String>,
    pub hint: Option<String>,
}

pub(super) type Checked<T> = Result<T, Fault>;

impl Fault {
    pub fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), expected: vec![], hint: None }
    }

    pub fn expected(mut self, expected: &[&str]) -> Self {
        self.expected = expected.iter().map(|text| (*text).to_owned()).collect();
        self
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says which of the known names is nearest, or all of them where they are few.
    pub fn known<'a>(self, name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        match nearest(name, &known) {
            Some(near) => self.hint(format!("did you mean `{near}`?")),
            // A list that fits on a line or two.
            None if known.len() <= 16 => self.expected(&known),
            None => self,
        }
    }

    pub fn told(self, text: &str) -> QueryError {
        let before = text.get(..self.span.from).unwrap_or(text);
        let line_begins = before.rfind('\n').map_or(0, |at| at + 1);
        let rest = text.get(self.span.from..self.span.to).unwrap_or_default();
        QueryError {
            line: before.matches('\n').count() + 1,
            column: before.get(line_begins..).unwrap_or_default().chars().count() + 1,
            near: rest.lines().next().unwrap_or_default().chars().take(NEAR).collect(),
            message: self.message,
            expected: self.expected,
            hint: self.hint,
        }
    }
}

/// By Damerau and Levenshtein, two letters of five at most.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let lower = name.to_ascii_lowercase();
    let distance = |other: &str| strsim::damerau_levenshtein(&lower, &other.to_ascii_lowercase());
    let best = known.iter().copied().min_by_key(|other| distance(other))?;
    (distance(best) * 5 <= name.chars().count().max(3) * 2).then_some(best)
}
