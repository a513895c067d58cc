//! JSON, read from front to back: no tree, no copy of a text that holds no escape.
//!
//! Owns the grammar (RFC 8259). Does not own UTF-8, which its input is, nor what anything means. Not serde's: there each value passes through
//! a visitor and a result as large as the largest of them, and objects are moved to their place. A test reads the same texts with both.
//! Bounded: a value that is skipped costs a byte per open bracket, and nothing here calls itself.

use std::borrow::Cow;

use crate::scan;

/// The text is no JSON, or a name stands twice where one could be taken for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken;

/// The rest of a text.
pub(crate) struct Json<'a> {
    text: &'a str,
    at: usize,
}

/// A number, as far as anybody here cares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Whole(i64),
    /// Fractional, or beyond 64 bits.
    Real(f64),
}

impl<'a> Json<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    #[inline]
    fn here(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn byte(&mut self) -> Result<u8, Broken> {
        let byte = self.here().ok_or(Broken)?;
        self.at += 1;
        Ok(byte)
    }

    /// The first byte of what comes next, which stays.
    #[inline]
    pub(crate) fn peek(&mut self) -> Result<u8, Broken> {
        loop {
            match self.here() {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                Some(byte) => return Ok(byte),
                None => return Err(Broken),
            }
        }
    }

    #[inline]
    fn take(&mut self, wanted: u8) -> Result<(), Broken> {
        if self.peek()? != wanted {
            return Err(Broken);
        }
        self.at += 1;
        Ok(())
    }

    /// Nothing follows.
    pub(crate) fn end(&mut self) -> Result<(), Broken> {
        if self.peek().is_err() { Ok(()) } else { Err(Broken) }
    }

    /// Whether another entry follows in the object or the list that ends with `close`; past the comma or the end. `first`: none was read.
    #[inline]
    fn more(&mut self, close: u8, first: &mut bool) -> Result<bool, Broken> {
        let byte = self.peek()?;
        let was_first = std::mem::replace(first, false);
        if byte == close {
            self.at += 1;
            return Ok(false);
        }
        if !was_first {
            if byte != b',' {
                return Err(Broken);
            }
            self.at += 1;
        }
        Ok(true)
    }

    /// Into the object that [`Self::peek`] saw, or the list.
    #[inline]
    pub(crate) fn enter(&mut self) {
        self.at += 1;
    }

    /// The next name of an object, past its colon; none: past the object's end.
    #[inline]
    pub(crate) fn name(&mut self, first: &mut bool) -> Result<Option<Cow<'a, str>>, Broken> {
        if !self.more(b'}', first)? {
            return Ok(None);
        }
        let name = self.text()?;
        self.take(b':')?;
        Ok(Some(name))
    }

    /// Whether a list has another element, which comes next.
    #[inline]
    pub(crate) fn element(&mut self, first: &mut bool) -> Result<bool, Broken> {
        self.more(b']', first)
    }

    fn plain(&mut self) {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        self.at += scan::plain(rest);
    }

    pub(crate) fn text(&mut self) -> Result<Cow<'a, str>, Broken> {
        self.take(b'"')?;
        let start = self.at;
        self.plain();
        if self.here() != Some(b'"') {
            return self.escaped(start).map(Cow::Owned);
        }
        let text = self.text.get(start..self.at).ok_or(Broken)?;
        self.at += 1;
        Ok(Cow::Borrowed(text))
    }

    #[cold]
    fn escaped(&mut self, start: usize) -> Result<String, Broken> {
        let mut text = String::new();
        let mut from = start;
        loop {
            text.push_str(self.text.get(from..self.at).ok_or(Broken)?);
            match self.byte()? {
                b'"' => return Ok(text),
                b'\\' => text.push(self.escape()?),
                _ => return Err(Broken),
            }
            from = self.at;
            self.plain();
        }
    }

    fn escape(&mut self) -> Result<char, Broken> {
        Ok(match self.byte()? {
            mark @ (b'"' | b'\\' | b'/') => char::from(mark),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let mut code = self.unit()?;
                // The first half of a pair; a half alone is no character.
                if (0xd800..0xdc00).contains(&code) {
                    if (self.byte()?, self.byte()?) != (b'\\', b'u') {
                        return Err(Broken);
                    }
                    let low = self.unit()?;
                    if !(0xdc00..0xe000).contains(&low) {
                        return Err(Broken);
                    }
                    code = 0x1_0000 + ((code - 0xd800) << 10 | (low - 0xdc00));
                }
                char::from_u32(code).ok_or(Broken)?
            }
            _ => return Err(Broken),
        })
    }

    /// Four hexadecimal digits.
    fn unit(&mut self) -> Result<u32, Broken> {
        let mut unit = 0;
        for _ in 0..4 {
            unit = unit << 4 | char::from(self.byte()?).to_digit(16).ok_or(Broken)?;
        }
        Ok(unit)
    }

    /// `null`, `true` or `false`, the first letter of which was seen.
    pub(crate) fn word(&mut self, word: &str) -> Result<(), Broken> {
        if !self.text.as_bytes().get(self.at..).is_some_and(|rest| rest.starts_with(word.as_bytes())) {
            return Err(Broken);
        }
        self.at += word.len();
        Ok(())
    }

    pub(crate) fn number(&mut self) -> Result<Number, Broken> {
        let start = self.at;
        let negative = self.here() == Some(b'-');
        self.at += usize::from(negative);
        // Digits as they come; none: more than 64 bits hold.
        let mut value = Some(0_u64);
        let first = self.here();
        let digits = self.digits(|digit| {
            value = value.and_then(|value| value.checked_mul(10)?.checked_add(u64::from(digit)));
        })?;
        if first == Some(b'0') && digits > 1 {
            return Err(Broken);
        }
        if self.fraction()? {
            return self.real(start);
        }
        let whole = match (value, negative) {
            (Some(value), false) => i64::try_from(value).ok(),
            // There is a zero below zero, and it is no whole number.
            (Some(value), true) => 0_i64.checked_sub_unsigned(value).filter(|value| *value != 0),
            (None, _) => None,
        };
        whole.map_or_else(|| self.real(start), |whole| Ok(Number::Whole(whole)))
    }

    /// At least one digit; how many.
    #[inline]
    fn digits(&mut self, mut each: impl FnMut(u8)) -> Result<usize, Broken> {
        let start = self.at;
        while let Some(digit @ b'0'..=b'9') = self.here() {
            each(digit - b'0');
            self.at += 1;
        }
        if self.at == start { Err(Broken) } else { Ok(self.at - start) }
    }

    /// Past a fraction and an exponent; whether there is either.
    #[inline]
    fn fraction(&mut self) -> Result<bool, Broken> {
        if !matches!(self.here(), Some(b'.' | b'e' | b'E')) {
            return Ok(false);
        }
        if self.here() == Some(b'.') {
            self.at += 1;
            self.digits(|_| ())?;
        }
        if let Some(b'e' | b'E') = self.here() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.here() {
                self.at += 1;
            }
            self.digits(|_| ())?;
        }
        Ok(true)
    }

    /// The number that began at `start`, as a float; beyond all floats it is none that means anything.
    #[cold]
    fn real(&self, start: usize) -> Result<Number, Broken> {
        let number: f64 = self.text.get(start..self.at).and_then(|text| text.parse().ok()).ok_or(Broken)?;
        if number.is_finite() { Ok(Number::Real(number)) } else { Err(Broken) }
    }

    /// Past the next value, whatever it is.
    pub(crate) fn skip(&mut self) -> Result<(), Broken> {
        // What closes the objects and lists that are open.
        let mut open: Vec<u8> = Vec::new();
        loop {
            match self.peek()? {
                b'"' => self.skip_text()?,
                b'n' => self.word("null")?,
                b't' => self.word("true")?,
                b'f' => self.word("false")?,
                bracket @ (b'{' | b'[') => {
                    self.at += 1;
                    // The two brackets of a pair are two apart in ASCII.
                    let close = bracket + 2;
                    if self.peek()? != close {
                        open.push(close);
                        if bracket == b'{' {
                            self.skip_name()?;
                        }
                        continue;
                    }
                    self.at += 1;
                }
                _ => self.skip_number()?,
            }
            loop {
                let Some(close) = open.last().copied() else { return Ok(()) };
                let byte = self.peek()?;
                self.at += 1;
                if byte == close {
                    open.pop();
                } else if byte == b',' {
                    if close == b'}' {
                        self.skip_name()?;
                    }
                    break;
                } else {
                    return Err(Broken);
                }
            }
        }
    }

    fn skip_name(&mut self) -> Result<(), Broken> {
        self.skip_text()?;
        self.take(b':')
    }

    fn skip_text(&mut self) -> Result<(), Broken> {
        self.take(b'"')?;
        loop {
            self.plain();
            match self.byte()? {
                b'"' => return Ok(()),
                b'\\' => match self.byte()? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                    // Nobody reads it, so whether it is half of a character does not matter.
                    b'u' => {
                        self.unit()?;
                    }
                    _ => return Err(Broken),
                },
                _ => return Err(Broken),
            }
        }
    }

    fn skip_number(&mut self) -> Result<(), Broken> {
        self.at += usize::from(self.here() == Some(b'-'));
        let first = self.here();
        if self.digits(|_| ())? > 1 && first == Some(b'0') {
            return Err(Broken);
        }
        self.fraction().map(drop)
    }
}

#[cfg(test)]
mod tests;
