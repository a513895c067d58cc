//! Apple's translations: pass.json holds the texts of the default language, and each other language looks them up in its `pass.strings`.
//!
//! Owns the rule that one text has one translation within a pass. "Opéra" may be the title (Opera) and the venue (Opera House) of one pass;
//! the second then gets an invisible zero-width space in pass.json and in the key, so that both are found. Texts that happen to equal a
//! translated one (a row called "Place") are told apart in the same way.

use std::ops::Range;

use crate::payload::json;
use crate::payload::text::END;
use crate::template::program::{Program, length_bit};

/// U+200B: drawn by no font.
pub(crate) const MARK: &str = "\u{200b}";

/// More of them than this in one pass is not a pass but an attack on the square of their number.
const MAX_MARKS: u8 = 8;

struct Entry {
    /// In the log: the default text.
    default: Range<usize>,
    /// In the log, after the default text: the others, each ending in [`END`]; nothing where it is the same in every language.
    others: Range<usize>,
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

    /// Registers the text at `default` of the log, its translations behind it up to the end, and answers how many marks its key needs.
    pub(crate) fn add(
        &mut self,
        program: &Program<'_>,
        log: &[u8],
        default: Range<usize>,
        uniform: bool,
    ) -> Result<u8, Ambiguous> {
        let others = default.end + 1..log.len();
        let mut entry = Entry { default, others, uniform, marks: 0, repeated: false };
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

    /// Whether another text of the pass has the same key and means something else.
    fn clashes(&self, program: &Program<'_>, log: &[u8], new: &mut Entry) -> bool {
        let default = slice(log, &new.default);
        let others = program.locales.len() - 1;
        // With marks the lengths differ by those.
        let may_be_constant = new.marks > 0 || program.lengths & length_bit(default) != 0;
        let constants = if may_be_constant { program.statics.as_slice() } else { &[] };
        for constant in constants.chunks(others + 1) {
            // Constant texts were told apart when the template was compiled, so the marks are in their text.
            let Some((key, translations)) = constant.split_first() else { continue };
            if key.len() >= default.len() && key.strip_prefix(default).is_some_and(|rest| is_marks(rest, new.marks)) {
                new.repeated = translations.iter().copied().eq(translated(log, new).take(others));
                return !new.repeated;
            }
        }
        for old in &self.entries {
            if old.default.len() == new.default.len() && old.marks == new.marks && slice(log, &old.default) == default {
                new.repeated = translated(log, old).take(others).eq(translated(log, new).take(others));
                return !new.repeated;
            }
        }
        false
    }

    /// The lines of one locale's `pass.strings` for the texts of this pass. A text that is the same in both languages needs none.
    pub(crate) fn write(&self, log: &[u8], locale: usize, out: &mut Vec<u8>) {
        let mut key = Vec::new();
        for entry in self.entries.iter().filter(|entry| !entry.repeated && (!entry.uniform || entry.marks > 0)) {
            let default = slice(log, &entry.default);
            let text = locale.checked_sub(1).and_then(|at| translated(log, entry).nth(at)).unwrap_or(default);
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

fn slice<'l>(log: &'l [u8], range: &Range<usize>) -> &'l [u8] {
    log.get(range.clone()).unwrap_or_default()
}

/// The entry's text in each language but the default; endless, so to be taken from.
fn translated<'l>(log: &'l [u8], entry: &Entry) -> impl Iterator<Item = &'l [u8]> + use<'l> {
    let same = entry.uniform.then(|| slice(log, &entry.default));
    let others = slice(log, &entry.others);
    same.into_iter().cycle().chain(others.split(|byte| *byte == END))
}
