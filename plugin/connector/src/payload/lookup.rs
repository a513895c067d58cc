//! Apple's translations: pass.json holds the texts of the default language, and each other language looks them up in its `pass.strings`.
//!
//! Owns the rule that one text has one translation within a pass. "Opéra" may be the title (Opera) and the venue (Opera House) of one pass;
//! the second then gets an invisible zero-width space in pass.json and in the key, so that both are found. Texts that happen to equal a
//! translated one (a row called "Place") are told apart in the same way.

use std::ops::Range;

use crate::payload::json;
use crate::payload::text::END;
use crate::template::program::Program;

/// U+200B: drawn by no font.
pub(crate) const MARK: &str = "\u{200b}";

/// More of them than this in one pass is not a pass but an attack on the square of their number.
const MAX_MARKS: u8 = 8;

struct Entry {
    /// In the log: the default text, then, unless it is the same in every language, the others, each ending in [`END`].
    log: Range<usize>,
    uniform: bool,
    marks: u8,
    /// An earlier entry has the same key and the same translations.
    repeated: bool,
}

/// The looked-up texts of one pass.
#[derive(Default)]
pub(crate) struct Lookups {
    entries: Vec<Entry>,
}

/// Too many different translations of one text.
pub(crate) struct Ambiguous;

impl Lookups {
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    /// For taking back an element that turned out to be absent.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        self.entries.truncate(len);
    }

    /// Registers the text at `range` of the log and answers how many marks its key needs.
    pub(crate) fn add(
        &mut self,
        program: &Program<'_>,
        log: &[u8],
        range: Range<usize>,
        uniform: bool,
    ) -> Result<u8, Ambiguous> {
        let mut entry = Entry { log: range, uniform, marks: 0, repeated: false };
        if program.locales.len() > 1 {
            while self.clashes(program, log, &mut entry) {
                entry.marks += 1;
                if entry.marks > MAX_MARKS {
                    return Err(Ambiguous);
                }
            }
        }
        let marks = entry.marks;
        self.entries.push(entry);
        Ok(marks)
    }

    fn clashes(&self, program: &Program<'_>, log: &[u8], new: &mut Entry) -> bool {
        let default = nth(log, new, 0);
        let locales = program.locales.len();
        for constant in program.statics.chunks(locales) {
            // Constant texts were told apart when the template was compiled, so the marks are in their text.
            let Some((key, translations)) = constant.split_first() else { continue };
            let same_key = key.strip_prefix(default).is_some_and(|rest| is_marks(rest, new.marks));
            if same_key {
                let translated = |at: usize| translations.get(at).copied().unwrap_or_default();
                let same = (1..locales).all(|locale| translated(locale - 1) == nth(log, new, locale));
                new.repeated = same;
                return !same;
            }
        }
        for old in &self.entries {
            if old.marks == new.marks && nth(log, old, 0) == default {
                let same = (1..locales).all(|locale| nth(log, old, locale) == nth(log, new, locale));
                new.repeated = same;
                return !same;
            }
        }
        false
    }

    /// The lines of one locale's `pass.strings` for the texts of this pass. A text that is the same in both languages needs none.
    pub(crate) fn write(&self, log: &[u8], locale: usize, out: &mut Vec<u8>) {
        let mut key = Vec::new();
        for entry in self.entries.iter().filter(|entry| !entry.repeated && !(entry.uniform && entry.marks == 0)) {
            let (default, text) = (nth(log, entry, 0), nth(log, entry, locale));
            if entry.marks == 0 && default == text {
                continue;
            }
            key.clear();
            key.extend_from_slice(default);
            for _ in 0..entry.marks {
                key.extend_from_slice(MARK.as_bytes());
            }
            json::strings_line(&key, text, out);
        }
    }
}

fn is_marks(rest: &[u8], marks: u8) -> bool {
    rest.len() == usize::from(marks) * MARK.len() && rest.chunks(MARK.len()).all(|mark| mark == MARK.as_bytes())
}

/// The entry's text in a locale.
fn nth<'l>(log: &'l [u8], entry: &Entry, locale: usize) -> &'l [u8] {
    let texts = log.get(entry.log.clone()).unwrap_or_default();
    let mut texts = texts.split(|byte| *byte == END);
    texts.nth(if entry.uniform { 0 } else { locale }).unwrap_or_default()
}
