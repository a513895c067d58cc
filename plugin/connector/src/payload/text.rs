//! Texts of a compiled template, filled with facts.
//!
//! Owns variables, optional groups, fallbacks, lists and conditions. Does not own what becomes of a text (`fill`). What is filled goes straight
//! into the log of what the holder sees, which tells whether a pass changed: records end in [`END`], which UTF-8 never contains.

use crate::payload::date::{FORMATS, Format};
use crate::payload::facts::{Facts, Value};
use crate::template::format::{self, Corrupt, Reader, mode, segment, test};
use crate::template::program::Program;
use crate::template::vocabulary::{NAMED, VOCABULARY, Variable};

/// Ends a record of the log.
pub(crate) const END: u8 = 0xff;

/// Longest text of one field, in bytes. A season ticket lists some hundred events at about 80 bytes; nobody reads more on a pass.
pub(crate) const MAX_TEXT: usize = 16 * 1024;

/// Why a pass cannot be built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    Corrupt,
    /// The name of a variable, never its value.
    Missing(String),
    TooLarge,
}

impl From<Corrupt> for Stop {
    fn from(_: Corrupt) -> Self {
        Self::Corrupt
    }
}

/// A variable as a compiled template names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reference<'p> {
    Known(Variable, &'static str),
    Named(&'p str),
}

impl<'p> Reference<'p> {
    pub(crate) fn read(reader: &mut Reader<'p>, names: &[&'p str]) -> Result<Self, Corrupt> {
        let number = reader.byte()?;
        if number == NAMED {
            let index = usize::try_from(reader.number()?).map_err(|_| Corrupt)?;
            return names.get(index).copied().map(Self::Named).ok_or(Corrupt);
        }
        let entry = VOCABULARY.get(usize::from(number)).ok_or(Corrupt)?;
        Ok(Self::Known(entry.variable, entry.name))
    }

    pub(crate) fn name(self) -> &'p str {
        match self {
            Self::Known(_, name) => name,
            Self::Named(name) => name,
        }
    }

    pub(crate) fn value<'f>(self, facts: &Facts<'f>, event: usize) -> Value<'f> {
        match self {
            Self::Known(variable, _) => facts.value(variable, event),
            Self::Named(name) => facts.named(name),
        }
    }
}

/// Whether something is there to be shown; if not, for want of which variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence<'p> {
    Here,
    Gone(&'p str),
}

/// A text of a compiled template, still in bytes: one list of segments, or one per locale.
#[derive(Clone, Copy)]
pub(crate) struct Wording<'p> {
    flags: u8,
    segments: Reader<'p>,
}

impl<'p> Wording<'p> {
    pub(crate) fn read(reader: &mut Reader<'p>, locales: usize) -> Result<Self, Corrupt> {
        let flags = reader.byte()?;
        let segments = *reader;
        for _ in 0..if flags & format::text::UNIFORM != 0 { 1 } else { locales } {
            reader.chunk()?;
        }
        Ok(Self { flags, segments })
    }

    /// The same in every language.
    pub(crate) fn is_uniform(self) -> bool {
        self.flags & format::text::UNIFORM != 0
    }

    fn segments(self, locale: usize) -> Result<Reader<'p>, Corrupt> {
        let mut lists = self.segments;
        for _ in 0..if self.is_uniform() { 0 } else { locale } {
            lists.chunk()?;
        }
        Ok(Reader::new(lists.chunk()?))
    }
}

/// Facts and template together: what a text needs to be filled.
pub(crate) struct Filler<'p, 'f> {
    pub program: &'p Program<'p>,
    pub facts: Facts<'f>,
    /// The job's locales: in which order to look for a fact's text where the wanted language is missing.
    pub locales: &'f [String],
}

impl<'p> Filler<'p, '_> {
    /// Appends the text in one locale. Where it is gone, `out` is as before.
    pub(crate) fn text(
        &self,
        text: Wording<'p>,
        locale: usize,
        event: usize,
        out: &mut Vec<u8>,
    ) -> Result<Presence<'p>, Stop> {
        let start = out.len();
        let presence = self.filled(text, locale, event, out)?;
        // A text that consists of vanished groups shows nothing, so there is nothing to show.
        Ok(if out.len() == start && presence == Presence::Here { Presence::Gone("text") } else { presence })
    }

    fn filled(&self, text: Wording<'p>, locale: usize, event: usize, out: &mut Vec<u8>) -> Result<Presence<'p>, Stop> {
        let start = out.len();
        let segments = text.segments(locale)?;
        if text.flags & format::text::EACH == 0 {
            return self.segments(segments, locale, event, start, out);
        }
        let mut presence = Presence::Gone("event.title");
        for event in self.facts.listed() {
            let mark = out.len();
            if mark > start {
                out.push(b'\n');
            }
            match self.segments(segments, locale, event, start, out)? {
                Presence::Here => presence = Presence::Here,
                gone if mark == start => presence = gone,
                Presence::Gone(_) => out.truncate(mark),
            }
        }
        Ok(presence)
    }

    /// `start`: where the whole text began, for its bound.
    fn segments(
        &self,
        mut reader: Reader<'p>,
        locale: usize,
        event: usize,
        start: usize,
        out: &mut Vec<u8>,
    ) -> Result<Presence<'p>, Stop> {
        let mark = out.len();
        while !reader.is_empty() {
            match reader.byte()? {
                segment::LITERAL => out.extend_from_slice(reader.chunk()?),
                segment::VARIABLE => {
                    if let Presence::Gone(name) = self.variable(&mut reader, locale, event, out)? {
                        out.truncate(mark);
                        return Ok(Presence::Gone(name));
                    }
                }
                segment::GROUP => {
                    let mut group = Reader::new(reader.chunk()?);
                    self.group(&mut group, locale, event, out)?;
                }
                _ => return Err(Stop::Corrupt),
            }
            if out.len() - start > MAX_TEXT {
                return Err(Stop::TooLarge);
            }
        }
        Ok(Presence::Here)
    }

    /// Groups do not nest, which keeps this off the stack.
    fn group(&self, reader: &mut Reader<'p>, locale: usize, event: usize, out: &mut Vec<u8>) -> Result<(), Stop> {
        let mark = out.len();
        while !reader.is_empty() {
            match reader.byte()? {
                segment::LITERAL => out.extend_from_slice(reader.chunk()?),
                segment::VARIABLE => {
                    if let Presence::Gone(_) = self.variable(reader, locale, event, out)? {
                        out.truncate(mark);
                        return Ok(());
                    }
                }
                _ => return Err(Stop::Corrupt),
            }
        }
        Ok(())
    }

    fn variable(
        &self,
        reader: &mut Reader<'p>,
        locale: usize,
        event: usize,
        out: &mut Vec<u8>,
    ) -> Result<Presence<'p>, Stop> {
        let reference = Reference::read(reader, &self.program.names)?;
        let (_, format) = FORMATS.get(usize::from(reader.byte()?)).ok_or(Corrupt)?;
        let mode = reader.byte()?;
        let fallback = if mode == mode::FALLBACK { reader.chunk()? } else { b"" };
        if self.write(reference, *format, locale, event, out) {
            return Ok(Presence::Here);
        }
        match mode {
            mode::OPTIONAL => Ok(Presence::Gone(reference.name())),
            mode::DEMANDED => Err(Stop::Missing(reference.name().to_owned())),
            mode::FALLBACK => {
                out.extend_from_slice(fallback);
                Ok(Presence::Here)
            }
            _ => Err(Stop::Corrupt),
        }
    }

    fn write(&self, reference: Reference<'p>, format: Format, locale: usize, event: usize, out: &mut Vec<u8>) -> bool {
        let name = self.program.locales.get(locale).copied().unwrap_or_default();
        match reference.value(&self.facts, event) {
            Value::Absent => return false,
            Value::Plain(text) => out.extend_from_slice(text.as_bytes()),
            Value::Joined(first, second) => {
                out.extend_from_slice(first.as_bytes());
                out.push(b' ');
                out.extend_from_slice(second.as_bytes());
            }
            Value::Localised(texts) => match texts.best(name, self.locales) {
                Some(text) => out.extend_from_slice(text.as_bytes()),
                None => return false,
            },
            Value::Date(text, _) if format == Format::Iso => out.extend_from_slice(text.as_bytes()),
            Value::Date(_, stamp) => stamp.write(format, name, out),
        }
        true
    }

    /// Reads a condition to its end and judges it.
    pub(crate) fn holds(&self, reader: &mut Reader<'p>, event: usize) -> Result<bool, Corrupt> {
        let alternatives = reader.number()?;
        let mut any = alternatives == 0;
        for _ in 0..alternatives {
            let mut all = true;
            for _ in 0..reader.number()? {
                let flags = reader.byte()?;
                let value = Reference::read(reader, &self.program.names)?.value(&self.facts, event);
                let default = self.program.locales.first().copied().unwrap_or_default();
                let text = match value {
                    Value::Absent => None,
                    Value::Plain(text) | Value::Joined(text, _) | Value::Date(text, _) => Some(text),
                    Value::Localised(texts) => texts.best(default, self.locales),
                };
                let met = if flags & test::EQUALS != 0 {
                    let wanted = reader.chunk()?;
                    text.is_some_and(|text| text.as_bytes() == wanted)
                } else {
                    text.is_some()
                };
                all &= met != (flags & test::NOT != 0);
            }
            any |= all;
        }
        Ok(any)
    }
}
