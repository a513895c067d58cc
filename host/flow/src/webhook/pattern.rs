//! Which happenings an endpoint asks for: `Pass:Installed`, `Pass:*`, `pass.*`, `store.*.updated`, `*`.
//!
//! Owns both spellings of The Wallet Crew (its guide writes `Category:Name`, its API page dotted names; domain.md 1.13) and the judgement, pure.
//! Letter case says nothing. A `*` at the end stands for whatever follows, one between two marks for one word. A name that nothing has here
//! may still be meant for later, or be one of theirs that we do not have: it is kept, and its owner is told. Bounds: [`LONGEST`], [`MOST`].

use std::fmt;

use crate::store::HappeningKind;

/// Characters of a pattern: the longest name that The Wallet Crew's pages have is half of it.
const LONGEST: usize = 64;
/// Words of a pattern.
const MOST_WORDS: usize = 4;
/// Patterns of an endpoint: more than there are names, fewer than would be a data set.
pub const MOST: usize = 32;

/// A pattern, as it was written, and in small letters with one mark.
#[derive(Clone, PartialEq, Eq)]
pub struct Pattern {
    written: String,
    words: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    #[error(
        "`Category:Name` or `category.name`, of letters, digits, '-' and '_', with `*` for a word or for all that follows, is expected"
    )]
    Form,
    #[error("1 to 32 event patterns are expected")]
    Count,
}

impl Pattern {
    /// ```
    /// # use passerelle_flow::webhook::pattern::Pattern;
    /// # use passerelle_flow::store::HappeningKind::{PassInstalled, PassUninstalled};
    /// let both = Pattern::parse("pass.*").unwrap();
    /// assert!(both.permits(PassInstalled) && both.permits(PassUninstalled));
    /// assert!(!Pattern::parse("Pass:Installed").unwrap().permits(PassUninstalled));
    /// assert!(Pattern::parse("everything please").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let written = text.trim();
        if written.len() > LONGEST {
            return Err(PatternError::Form);
        }
        let mark = if written.contains(':') { ':' } else { '.' };
        let words: Vec<String> = written.split(mark).map(str::to_ascii_lowercase).collect();
        let last = words.len().saturating_sub(1);
        let plain = |word: &str| {
            !word.is_empty() && word.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'))
        };
        let fits = |(at, word): (usize, &String)| {
            word == "*" || plain(word) || (at == last && word.strip_suffix('*').is_some_and(plain))
        };
        // One word alone is a category without a name, unless it is all of them.
        let whole = written == "*" || (2..=MOST_WORDS).contains(&words.len());
        if whole && words.iter().enumerate().all(fits) {
            Ok(Self { written: written.to_owned(), words })
        } else {
            Err(PatternError::Form)
        }
    }

    /// May whoever asks with this pattern have it?
    pub fn permits(&self, kind: HappeningKind) -> bool {
        let name = kind.name().to_ascii_lowercase();
        let mut rest = Some(name.as_str());
        let last = self.words.len().saturating_sub(1);
        for (at, word) in self.words.iter().enumerate() {
            let Some(here) = rest else { return false };
            if at == last {
                return match word.strip_suffix('*') {
                    Some(beginning) => here.starts_with(beginning),
                    None => here == word,
                };
            }
            let (first, following) = here.split_once(':').map_or((here, None), |(first, rest)| (first, Some(rest)));
            if word != "*" && word != first {
                return false;
            }
            rest = following;
        }
        false
    }

    /// Nothing that happens here has such a name.
    pub fn is_unknown(&self) -> bool {
        !HappeningKind::ALL.into_iter().any(|kind| self.permits(kind))
    }

    pub fn as_str(&self) -> &str {
        &self.written
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// What an endpoint asks for: at least one pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patterns(Vec<Pattern>);

impl Patterns {
    /// `Err` says which ones are none, by their place.
    pub fn parse<S: AsRef<str>>(texts: &[S]) -> Result<Self, Vec<(usize, PatternError)>> {
        if !(1..=MOST).contains(&texts.len()) {
            return Err(vec![(0, PatternError::Count)]);
        }
        let (mut patterns, mut wrong) = (Vec::new(), Vec::new());
        for (at, text) in texts.iter().enumerate() {
            match Pattern::parse(text.as_ref()) {
                Ok(pattern) => patterns.push(pattern),
                Err(error) => wrong.push((at, error)),
            }
        }
        if wrong.is_empty() { Ok(Self(patterns)) } else { Err(wrong) }
    }

    /// By name, as nothing needs a pattern that knows them.
    pub fn of_kinds(kinds: impl IntoIterator<Item = HappeningKind>) -> Self {
        Self(kinds.into_iter().filter_map(|kind| Pattern::parse(kind.name()).ok()).collect())
    }

    pub fn permits(&self, kind: HappeningKind) -> bool {
        self.0.iter().any(|pattern| pattern.permits(kind))
    }

    /// Those that nothing here answers to.
    pub fn unknown(&self) -> impl Iterator<Item = &Pattern> {
        self.0.iter().filter(|pattern| pattern.is_unknown())
    }

    pub fn texts(&self) -> Vec<&str> {
        self.0.iter().map(Pattern::as_str).collect()
    }

    /// As a column has them.
    pub fn column(&self) -> String {
        serde_json::Value::from(self.texts()).to_string()
    }

    /// None: the column holds something else.
    pub fn of_column(text: &str) -> Option<Self> {
        let texts: Vec<String> = serde_json::from_str(text).ok()?;
        Self::parse(&texts).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(pattern: &str) -> Vec<&'static str> {
        let pattern = Pattern::parse(pattern).unwrap();
        HappeningKind::ALL.into_iter().filter(|kind| pattern.permits(*kind)).map(HappeningKind::name).collect()
    }

    #[test]
    fn both_spellings_and_any_case_ask_for_the_same() {
        let all = ["Pass:Created", "Pass:Updated", "Pass:Deactivated", "Pass:Installed", "Pass:Uninstalled"];
        for pattern in ["Pass:*", "pass.*", "PASS:*", "Pass.*", "pAsS:*"] {
            assert_eq!(names(pattern), all, "{pattern}");
        }
        for pattern in
            ["Pass:Installed", "pass.installed", "PASS.INSTALLED", " Pass:Installed ", "*:Installed", "*.installed*"]
        {
            assert_eq!(names(pattern), ["Pass:Installed"], "{pattern}");
        }
        assert_eq!(names("*").len(), HappeningKind::ALL.len());
        assert_eq!(names("pass.un*"), ["Pass:Uninstalled"]);
        assert_eq!(names("webhook:*"), ["Webhook:Test", "Webhook:Disabled"]);
    }

    #[test]
    fn what_nothing_has_is_kept_and_said() {
        for pattern in
            ["Customer:*", "customer.created", "store.*.updated", "Pass:Renamed", "Pass:Installed:Twice", "*.*.*"]
        {
            assert!(Pattern::parse(pattern).unwrap().is_unknown(), "{pattern}");
        }
        assert!(!Pattern::parse("*.*").unwrap().is_unknown());
    }

    #[test]
    fn nonsense_is_refused() {
        let long = format!("pass.{}", "x".repeat(60));
        for text in [
            "",
            "Pass",
            "Pass*",
            "**",
            "Pass:",
            ":Created",
            "Pass::Created",
            "Pass:Cr*d",
            "P*:Created",
            "a.b:c",
            "Pass Created",
            "pass.créé",
            "a.b.c.d.e",
            &long,
        ] {
            assert_eq!(Pattern::parse(text), Err(PatternError::Form), "{text}");
        }
        assert_eq!(Patterns::parse::<&str>(&[]), Err(vec![(0, PatternError::Count)]));
        assert_eq!(
            Patterns::parse(&["*", "", "Pass:*", "x"]),
            Err(vec![(1, PatternError::Form), (3, PatternError::Form)])
        );
        assert_eq!(Patterns::parse(&["Pass:*"; 33]), Err(vec![(0, PatternError::Count)]));
    }

    #[test]
    fn a_column_gives_back_what_was_written() {
        let patterns = Patterns::parse(&["Pass:*", "store.*.updated"]).unwrap();
        assert_eq!(Patterns::of_column(&patterns.column()), Some(patterns.clone()));
        assert_eq!(patterns.unknown().map(Pattern::as_str).collect::<Vec<_>>(), ["store.*.updated"]);
        for text in ["", "[]", "[1]", "[\"x\"]"] {
            assert_eq!(Patterns::of_column(text), None, "{text}");
        }
    }
}
