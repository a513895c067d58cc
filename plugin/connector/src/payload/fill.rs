//! The interpreter of a compiled template's trees: writes JSON, and beside it the log of what the holder sees.
//!
//! Owns the walk over nodes and parts: an absent leaf vanishes with its comma, an empty object or list with its key. Does not own texts
//! (`text`) nor the packing of results (`mod`). Bounded by [`MAX_BODY`], by the depth of the template and by the length of each text.

use crate::payload::facts::Value;
use crate::payload::json;
use crate::payload::lookup::{Ambiguous, Lookups};
use crate::payload::rule::Rule;
use crate::payload::text::{END, Filler, Presence, Reference, Stop, Wording};
use crate::template::format::{MAX_DEPTH, Reader, node, part};

/// Largest JSON body. Apple names no limit, Google's API refuses requests of some hundred KB; a pass of ours has about 4 KB.
pub(crate) const MAX_BODY: usize = 128 * 1024;

/// Longest barcode message. PDF417 and QR hold 1,100 to 2,900 bytes, scanners at a gate far fewer.
const MAX_BARCODE: usize = 1024;

/// Starts the record of a leaf in the log, followed by its number: shows which leaves are there even when they have no variable.
pub(crate) const LEAF: u8 = 0xfe;

/// What is being written.
#[derive(Default)]
pub(crate) struct Sheet {
    pub out: Vec<u8>,
    /// Everything variable that the holder sees, in order.
    pub log: Vec<u8>,
    pub lookups: Lookups,
}

impl Sheet {
    fn clear(&mut self) {
        self.out.clear();
        self.log.clear();
        self.lookups.clear();
    }

    fn mark(&self) -> (usize, usize, usize) {
        (self.out.len(), self.log.len(), self.lookups.len())
    }

    fn back(&mut self, (out, log, lookups): (usize, usize, usize)) {
        self.out.truncate(out);
        self.log.truncate(log);
        self.lookups.truncate(lookups);
    }
}

/// Fills one tree into the sheet, which is emptied before.
pub(crate) fn fill(filler: &Filler<'_, '_>, tree: &[u8], sheet: &mut Sheet) -> Result<(), Stop> {
    sheet.clear();
    let mut walk = Walk { filler, sheet };
    let mut first = true;
    walk.node(&mut Reader::new(tree), 0, 0, &mut first)?;
    if walk.sheet.out.len() > MAX_BODY { Err(Stop::TooLarge) } else { Ok(()) }
}

struct Walk<'w, 'p, 'f> {
    filler: &'w Filler<'p, 'f>,
    sheet: &'w mut Sheet,
}

impl<'p> Walk<'_, 'p, '_> {
    /// `first`: nothing stands before in this object or list, hence no comma.
    fn node(&mut self, reader: &mut Reader<'p>, event: usize, depth: u8, first: &mut bool) -> Result<(), Stop> {
        if depth > MAX_DEPTH {
            return Err(Stop::Corrupt);
        }
        let tag = reader.byte()?;
        if tag == node::EVENTS {
            return self.events(reader, depth, first);
        }
        if tag == node::GUARDED {
            return self.guarded(reader, event, depth, first);
        }
        let wanted = self.filler.holds(reader, event)?;
        let mark = self.sheet.mark();
        let here = match tag {
            node::OBJECT | node::ARRAY => {
                let keep = reader.byte()? != 0;
                let (prefix, nodes) = (reader.chunk()?, reader.chunk()?);
                wanted && {
                    self.comma(*first);
                    self.sheet.out.extend_from_slice(prefix);
                    self.container(Reader::new(nodes), tag == node::OBJECT, event, depth)? || keep
                }
            }
            node::LEAF => {
                let (demanded, number) = (reader.byte()? != 0, reader.number()?);
                let parts = Reader::new(reader.chunk()?);
                wanted && {
                    self.comma(*first);
                    match self.leaf(parts, number, event)? {
                        Presence::Here => true,
                        Presence::Gone(name) if demanded => return Err(Stop::Missing(name.to_owned())),
                        Presence::Gone(_) => false,
                    }
                }
            }
            _ => return Err(Stop::Corrupt),
        };
        if here {
            *first = false;
        } else {
            self.sheet.back(mark);
        }
        Ok(())
    }

    fn comma(&mut self, first: bool) {
        if !first {
            self.sheet.out.push(b',');
        }
    }

    /// Whether anything is in it.
    fn container(&mut self, mut nodes: Reader<'p>, object: bool, event: usize, depth: u8) -> Result<bool, Stop> {
        self.sheet.out.push(if object { b'{' } else { b'[' });
        let mut first = true;
        while !nodes.is_empty() {
            self.node(&mut nodes, event, depth + 1, &mut first)?;
        }
        self.sheet.out.push(if object { b'}' } else { b']' });
        Ok(!first)
    }

    /// The same node for each event, at most `limit` times; with `places`, once for each place.
    fn events(&mut self, reader: &mut Reader<'p>, depth: u8, first: &mut bool) -> Result<(), Stop> {
        let (mut left, places) = (reader.number()?, reader.byte()? != 0);
        let body = reader.chunk()?;
        let facts = &self.filler.facts;
        for event in facts.listed() {
            if left == 0 {
                break;
            }
            let place = |event: usize| facts.event(event).and_then(|event| event.coordinates());
            if places
                && (place(event).is_none()
                    || facts.listed().take_while(|e| *e < event).any(|e| place(e) == place(event)))
            {
                continue;
            }
            self.node(&mut Reader::new(body), event, depth + 1, first)?;
            left -= 1;
        }
        Ok(())
    }

    /// What is needed is written and taken back; only whether it was there counts.
    fn guarded(&mut self, reader: &mut Reader<'p>, event: usize, depth: u8, first: &mut bool) -> Result<(), Stop> {
        let negated = reader.byte()? != 0;
        let (mut needs, mut nodes) = (Reader::new(reader.chunk()?), Reader::new(reader.chunk()?));
        let mark = self.sheet.mark();
        let mut met = true;
        while met && !needs.is_empty() {
            let mut nothing = true;
            self.node(&mut needs, event, depth + 1, &mut nothing)?;
            met = !nothing;
        }
        self.sheet.back(mark);
        while met != negated && !nodes.is_empty() {
            self.node(&mut nodes, event, depth + 1, first)?;
        }
        Ok(())
    }

    fn leaf(&mut self, parts: Reader<'p>, number: u32, event: usize) -> Result<Presence<'p>, Stop> {
        self.sheet.log.push(LEAF);
        self.sheet.log.extend_from_slice(&number.to_le_bytes());
        self.parts(parts, event, false)
    }

    /// `within`: they are within a part already, which keeps the stack bounded.
    fn parts(&mut self, mut parts: Reader<'p>, event: usize, within: bool) -> Result<Presence<'p>, Stop> {
        while !parts.is_empty() {
            if let Presence::Gone(name) = self.part(&mut parts, event, within)? {
                return Ok(Presence::Gone(name));
            }
        }
        Ok(Presence::Here)
    }

    fn part(&mut self, parts: &mut Reader<'p>, event: usize, within: bool) -> Result<Presence<'p>, Stop> {
        let locales = self.filler.program.locales.len();
        match parts.byte()? {
            part::RAW => {
                self.sheet.out.extend_from_slice(parts.chunk()?);
                Ok(Presence::Here)
            }
            part::LOOKUP => self.lookup(Wording::read(parts, locales)?, event),
            part::PLAIN => self.plain(Wording::read(parts, locales)?, event),
            part::LOCALIZED => self.localized(Wording::read(parts, locales)?, event),
            part::BARCODE => self.barcode(Wording::read(parts, locales)?, event),
            part::DATE => {
                let reference = Reference::read(parts, &self.filler.program.names)?;
                let (minutes, demanded) = (i64::from(parts.number()?), parts.byte()? != 0);
                let Value::Date(text, stamp) = reference.value(&self.filler.facts, event) else {
                    let name = reference.name();
                    return if demanded { Err(Stop::Missing(name.to_owned())) } else { Ok(Presence::Gone(name)) };
                };
                let start = self.sheet.log.len();
                match minutes {
                    0 => self.sheet.log.extend_from_slice(text.as_bytes()),
                    minutes => stamp.later(minutes).write_iso(&mut self.sheet.log),
                }
                self.quote_logged(start);
                Ok(Presence::Here)
            }
            part::COORDINATES => {
                let Some((latitude, longitude)) = self.filler.facts.event(event).and_then(|event| event.coordinates())
                else {
                    return Ok(Presence::Gone("venue.latitude"));
                };
                // The shortest digits that read back the same: one text for one number, natively and in the sandbox.
                let text = format!("\"latitude\":{latitude},\"longitude\":{longitude}");
                self.sheet.out.extend_from_slice(text.as_bytes());
                self.sheet.log.extend_from_slice(text.as_bytes());
                self.sheet.log.push(END);
                Ok(Presence::Here)
            }
            part::SERIAL => {
                json::string(self.filler.facts.item.pass.as_bytes(), &mut self.sheet.out);
                Ok(Presence::Here)
            }
            part::EVENT_KEY => {
                let Some(event) = self.filler.facts.event(event) else { return Ok(Presence::Gone("event")) };
                let start = self.sheet.log.len();
                identifier(event.key, &mut self.sheet.log);
                self.quote_logged(start);
                Ok(Presence::Here)
            }
            part::CHECKED => self.checked(parts, event),
            part::MAYBE if !within => {
                let mark = self.sheet.mark();
                if self.parts(Reader::new(parts.chunk()?), event, true)? != Presence::Here {
                    self.sheet.back(mark);
                }
                Ok(Presence::Here)
            }
            _ => Err(Stop::Corrupt),
        }
    }

    /// Judged by the records of the log, which are the text in each language.
    fn checked(&mut self, parts: &mut Reader<'p>, event: usize) -> Result<Presence<'p>, Stop> {
        let rule = Rule::of(parts.byte()?).ok_or(Stop::Corrupt)?;
        let (out, log, _) = self.sheet.mark();
        let presence = match parts.byte()? {
            part::LOOKUP => self.lookup(Wording::read(parts, self.filler.program.locales.len())?, event)?,
            part::PLAIN => self.plain(Wording::read(parts, self.filler.program.locales.len())?, event)?,
            _ => return Err(Stop::Corrupt),
        };
        if presence != Presence::Here {
            return Ok(presence);
        }
        let mut texts = self.sheet.log.get(log..).unwrap_or_default().split(|byte| *byte == END);
        if !texts.clone().all(|text| text.is_empty() || std::str::from_utf8(text).is_ok_and(|text| rule.holds(text))) {
            return Ok(Presence::Gone(rule.name()));
        }
        if rule == Rule::Number {
            self.sheet.out.truncate(out);
            self.sheet.out.extend_from_slice(texts.next().unwrap_or_default());
        }
        Ok(Presence::Here)
    }

    /// Ends the record that began at `start` of the log and writes it as a JSON string.
    fn quote_logged(&mut self, start: usize) {
        let Sheet { out, log, .. } = &mut *self.sheet;
        json::string(log.get(start..).unwrap_or_default(), out);
        log.push(END);
    }

    fn plain(&mut self, text: Wording<'p>, event: usize) -> Result<Presence<'p>, Stop> {
        let start = self.sheet.log.len();
        let presence = self.filler.text(text, 0, event, &mut self.sheet.log)?;
        if presence == Presence::Here {
            self.quote_logged(start);
        }
        Ok(presence)
    }

    /// The text in every other locale as well; where one of them lacks it, the default text.
    fn translations(&mut self, text: Wording<'p>, start: usize, event: usize) -> Result<(), Stop> {
        let end = self.sheet.log.len();
        self.sheet.log.push(END);
        for locale in 1..self.filler.program.locales.len() {
            if self.filler.text(text, locale, event, &mut self.sheet.log)? != Presence::Here {
                self.sheet.log.extend_from_within(start..end);
            }
            self.sheet.log.push(END);
        }
        Ok(())
    }

    fn lookup(&mut self, text: Wording<'p>, event: usize) -> Result<Presence<'p>, Stop> {
        let start = self.sheet.log.len();
        if let Presence::Gone(name) = self.filler.text(text, 0, event, &mut self.sheet.log)? {
            return Ok(Presence::Gone(name));
        }
        let end = self.sheet.log.len();
        if text.is_uniform() {
            self.sheet.log.push(END);
        } else {
            self.translations(text, start, event)?;
        }
        let Sheet { out, log, lookups } = &mut *self.sheet;
        let marks =
            lookups.add(self.filler.program, log, start..end, text.is_uniform()).map_err(|Ambiguous| Stop::TooLarge)?;
        out.push(b'"');
        json::escape(log.get(start..end).unwrap_or_default(), out);
        for _ in 0..marks {
            out.extend_from_slice(crate::payload::lookup::MARK.as_bytes());
        }
        out.push(b'"');
        Ok(Presence::Here)
    }

    fn localized(&mut self, text: Wording<'p>, event: usize) -> Result<Presence<'p>, Stop> {
        let start = self.sheet.log.len();
        if let Presence::Gone(name) = self.filler.text(text, 0, event, &mut self.sheet.log)? {
            return Ok(Presence::Gone(name));
        }
        if text.is_uniform() {
            self.sheet.log.push(END);
        } else {
            self.translations(text, start, event)?;
        }
        let Sheet { out, log, .. } = &mut *self.sheet;
        let mut texts = log.get(start..).unwrap_or_default().split(|byte| *byte == END);
        let default = texts.next().unwrap_or_default();
        // Only what is written in several languages has others; the last record of the log ends in a mark of its own.
        let others = if text.is_uniform() { 0 } else { self.filler.program.locales.len() };
        localized_string(&self.filler.program.locales, default, texts.take(others), out);
        Ok(Presence::Here)
    }

    fn barcode(&mut self, text: Wording<'p>, event: usize) -> Result<Presence<'p>, Stop> {
        self.sheet.out.extend_from_slice(b"\"message\":");
        let start = self.sheet.log.len();
        let presence = self.plain(text, event)?;
        let message = self.sheet.log.get(start..).unwrap_or_default();
        if message.len() > MAX_BARCODE {
            return Err(Stop::TooLarge);
        }
        // Latin 1 is what scanners expect by default, and the same bytes as long as they are ASCII; the rest (END aside) needs UTF-8.
        let ascii = message.iter().all(|byte| byte.is_ascii() || *byte == END);
        let encoding: &[u8] =
            if ascii { b",\"messageEncoding\":\"iso-8859-1\"" } else { b",\"messageEncoding\":\"utf-8\"" };
        self.sheet.out.extend_from_slice(encoding);
        Ok(presence)
    }
}

/// Google's `LocalizedString`. Translations that equal the default text are left out: a phone falls back to it.
pub(crate) fn localized_string<'t>(
    locales: &[&str],
    default: &[u8],
    others: impl Iterator<Item = &'t [u8]>,
    out: &mut Vec<u8>,
) {
    let value = |language: &str, text: &[u8], out: &mut Vec<u8>| {
        out.extend_from_slice(b"{\"language\":");
        json::string(language.as_bytes(), out);
        out.extend_from_slice(b",\"value\":");
        json::string(text, out);
        out.push(b'}');
    };
    out.extend_from_slice(b"{\"defaultValue\":");
    value(locales.first().copied().unwrap_or_default(), default, out);
    let mut opened = false;
    for (locale, text) in locales.iter().skip(1).zip(others).filter(|(_, text)| *text != default) {
        out.extend_from_slice(if opened { b"," } else { b",\"translatedValues\":[" });
        opened = true;
        value(locale, text, out);
    }
    out.extend_from_slice(if opened { b"]}" } else { b"}" });
}

/// A key in the letters of Google's identifiers, `[A-Za-z0-9._-]`: `:` as `.`, any other byte as `_` and its two hexadecimal digits, so
/// that different keys stay different.
pub(crate) fn identifier(key: &str, out: &mut Vec<u8>) {
    for byte in key.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => out.push(byte),
            b':' => out.push(b'.'),
            _ => {
                let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
                out.push(b'_');
                out.extend([digit(byte >> 4), digit(byte & 15)].map(|c| c as u8));
            }
        }
    }
}
