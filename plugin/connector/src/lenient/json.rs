//! JSON, read from front to back: no tree, no copy of a text that holds no escape.
//!
//! Owns the grammar (RFC 8259). Does not own UTF-8, which its input is, nor what anything means. Not serde's: there each value passes through
//! a visitor and a result as large as the largest of them, which is half of a classification inside the sandbox. A test reads the same texts
//! with both. Bounded: a value that is skipped costs a byte per open bracket, and nothing here calls itself.

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
mod tests {
    use super::*;
    use crate::lenient::{Fields, Node, Scalar, read};
    use proptest::prelude::*;
    use serde_json::Value;

    /// Anything, as a tree: what two readers can be compared by.
    fn value(json: &mut Json<'_>) -> Result<Value, Broken> {
        let mut first = true;
        Ok(match json.peek()? {
            b'"' => Value::String(json.text()?.into_owned()),
            b'n' => json.word("null").map(|()| Value::Null)?,
            b't' => json.word("true").map(|()| Value::Bool(true))?,
            b'f' => json.word("false").map(|()| Value::Bool(false))?,
            b'{' => {
                json.enter();
                let mut object = serde_json::Map::new();
                while let Some(name) = json.name(&mut first)? {
                    object.insert(name.into_owned(), value(json)?);
                }
                Value::Object(object)
            }
            b'[' => {
                json.enter();
                let mut list = Vec::new();
                while json.element(&mut first)? {
                    list.push(value(json)?);
                }
                Value::Array(list)
            }
            _ => match json.number()? {
                Number::Whole(number) => Value::from(number),
                Number::Real(number) => Value::from(number),
            },
        })
    }

    fn whole(text: &str) -> Result<Value, Broken> {
        let mut json = Json::new(text);
        let value = value(&mut json)?;
        json.end()?;
        Ok(value)
    }

    /// Whole numbers beyond int64 are floats here.
    fn theirs(text: &str) -> Result<Value, Broken> {
        fn as_here(value: Value) -> Value {
            match value {
                Value::Number(number) if number.as_i64().is_none() => Value::from(number.as_f64()),
                Value::Array(list) => list.into_iter().map(as_here).collect(),
                Value::Object(map) => map.into_iter().map(|(name, value)| (name, as_here(value))).collect(),
                other => other,
            }
        }
        serde_json::from_str(text).map(as_here).map_err(|_| Broken)
    }

    fn skipped(text: &str) -> Result<(), Broken> {
        let mut json = Json::new(text);
        json.skip()?;
        json.end()
    }

    fn agrees(text: &str) {
        let theirs = theirs(text);
        assert_eq!(whole(text), theirs, "{text}");
        // What can be read can be skipped. (Half a character and a number beyond all floats can be skipped only.)
        assert!(skipped(text).is_ok() || theirs.is_err(), "{text}");
        let ignored = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
        assert_eq!(skipped(text).is_ok(), ignored, "{text}");
    }

    #[test]
    fn both_readers_agree_on_what_is_json() {
        for text in [
            "",
            " ",
            "null",
            " null ",
            "nul",
            "nulll",
            "true",
            "false",
            "tru",
            "TRUE",
            "0",
            "-0",
            "-",
            "01",
            "-01",
            "00",
            "1.",
            ".5",
            "1.5",
            "1e3",
            "1E+3",
            "1e-3",
            "1e",
            "1e+",
            "1.e3",
            "0.0",
            "-0.0",
            "0e9999999999",
            "1e-9999999999",
            "1e309",
            "-1e309",
            "+1",
            "1_0",
            "0x1",
            "1 2",
            "1,",
            "9223372036854775807",
            "9223372036854775808",
            "-9223372036854775808",
            "-9223372036854775809",
            "18446744073709551615",
            "18446744073709551616",
            "123456789012345678901234567890",
            "0.1",
            "46.204391",
            "179769313486231580793728971405301e280",
            r#""""#,
            r#"""#,
            r#""a"#,
            r#""\""#,
            r#""\"""#,
            r#""\\""#,
            r#""\/\b\f\n\r\t""#,
            r#""\a""#,
            r#""\u0041""#,
            r#""\u00e9""#,
            r#""\u00g9""#,
            r#""\u12""#,
            r#""\ud83c\udfad""#,
            r#""\ud83c""#,
            r#""\udfad""#,
            r#""\ud83c\u0041""#,
            r#""\ud83cx""#,
            r#""\u0000""#,
            "\"\u{1}\"",
            "\"\n\"",
            "\"\u{7f}\"",
            "\"é\"",
            "\"東京 🎭\"",
            "[]",
            "[ ]",
            "[1]",
            "[1,]",
            "[,1]",
            "[1 2]",
            "[1,2]",
            "[[],[[]]]",
            "[",
            "]",
            "[1",
            "[1}",
            "[}",
            "{",
            "}",
            "{}",
            "{ }",
            r#"{"a":1}"#,
            r#"{"a":1,}"#,
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{a:1}"#,
            r#"{1:1}"#,
            r#"{"a":1 "b":2}"#,
            r#"{"a":1,"b":[{}]}"#,
            r#"{"a":1]"#,
            r#"{"a":{"b":{"c":[1,{"d":null}]}}}"#,
            "\u{feff}1",
            "/**/1",
            "NaN",
            "Infinity",
            "'a'",
            "\t\r\n [\t1\n,\r2 ] ",
            "\u{a0}1",
        ] {
            agrees(text);
        }
    }

    proptest! {
        #[test]
        fn both_readers_agree_on_anything(text in r#"([\[\]{},:" \\0-9eE.+\-a-fnrtu]|null|true|false|"[a-c]*":?|\\u[0-9a-f]{4}|[é\n\u{1}]){0,24}"#) {
            agrees(&text);
        }

        #[test]
        fn what_is_written_is_read(
            value in prop_oneof![
                any::<i64>().prop_map(Value::from), any::<f64>().prop_map(Value::from), any::<String>().prop_map(Value::from),
            ].prop_recursive(4, 32, 6, |inner| prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..6).prop_map(|map| map.into_iter().collect::<Value>()),
            ]),
            spread in any::<bool>(),
        ) {
            agrees(&if spread { serde_json::to_string_pretty(&value).unwrap() } else { value.to_string() });
        }
    }

    #[test]
    fn depth_costs_a_byte_and_no_stack() {
        let deep = |count: usize| format!("{}{}", "[".repeat(count), "]".repeat(count));
        assert_eq!(skipped(&deep(1_000_000)), Ok(()));
        assert_eq!(skipped(&deep(1_000_000)[1..]), Err(Broken));
        assert_eq!(skipped(&"{\"a\":".repeat(1_000_000)), Err(Broken));
    }

    #[test]
    fn nothing_may_follow() {
        #[derive(Default)]
        struct Nothing;
        impl<'a> Fields<'a> for Nothing {
            fn scalar(&mut self, _: &str) -> Option<&mut Scalar<'a>> {
                None
            }
            fn part(&mut self, _: Cow<'a, str>, _: &mut Json<'a>) -> Result<bool, Broken> {
                Ok(false)
            }
        }
        assert!(matches!(read::<Nothing>("{} "), Ok(Node::Is(Nothing))));
        assert!(matches!(read::<Nothing>("{} {}"), Err(Broken)));
    }
}
