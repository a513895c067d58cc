//! Canonical JSON: sorted names, no insignificant space, absent fields omitted. Equal facts give equal bytes, so a comparison of bytes says
//! whether anything changed, on every host.
//!
//! Owns the writing of the normalised parts. Does not own which facts they hold (`scenario`) nor what the wallets show (`payload`).

use crate::scan;

/// An object being written. The caller gives its names in rising order; a property test reads every part back.
pub(crate) struct Object<'o> {
    out: &'o mut Vec<u8>,
}

/// A name as an object takes it: quoted, with its colon, when the connector is compiled.
macro_rules! name {
    ($name:literal) => {
        $crate::canonical::Name(concat!("\"", $name, "\":"))
    };
}
pub(crate) use name;

#[derive(Clone, Copy)]
pub(crate) struct Name(pub(crate) &'static str);

impl<'o> Object<'o> {
    pub(crate) fn open(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out }
    }

    /// The last comma, if there is one, makes room for the end.
    pub(crate) fn close(self) {
        if let Some(last) = self.out.last_mut().filter(|last| **last == b',') {
            *last = b'}';
        } else {
            self.out.push(b'}');
        }
    }

    pub(crate) fn text(&mut self, name: Name, value: &str) {
        self.out.extend_from_slice(name.0.as_bytes());
        quote(self.out, value);
        self.out.push(b',');
    }

    pub(crate) fn optional(&mut self, name: Name, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    /// A text under a name that comes from outside.
    pub(crate) fn entry(&mut self, name: &str, value: &str) {
        quote(self.out, name);
        self.out.push(b':');
        quote(self.out, value);
        self.out.push(b',');
    }

    pub(crate) fn flag(&mut self, name: Name, value: bool) {
        self.out.extend_from_slice(name.0.as_bytes());
        self.out.extend_from_slice(if value { b"true," } else { b"false," });
    }

    /// Millionths as a decimal number without superfluous zeros: a place on earth within 11 cm, and no floating point in the output.
    pub(crate) fn millionths(&mut self, name: Name, value: i64) {
        self.out.extend_from_slice(name.0.as_bytes());
        if value < 0 {
            self.out.push(b'-');
        }
        let value = value.unsigned_abs();
        self.out.extend_from_slice((value / 1_000_000).to_string().as_bytes());
        let fraction = value % 1_000_000;
        if fraction > 0 {
            let digits = format!("{fraction:06}");
            self.out.push(b'.');
            self.out.extend_from_slice(digits.trim_end_matches('0').as_bytes());
        }
        self.out.push(b',');
    }

    pub(crate) fn object(&mut self, name: Name, write: impl FnOnce(&mut Object<'_>)) {
        self.out.extend_from_slice(name.0.as_bytes());
        let mut inner = Object::open(self.out);
        write(&mut inner);
        inner.close();
        self.out.push(b',');
    }
}

/// A JSON string with the escapes that RFC 8785 asks for, and no other.
fn quote(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let (plain, special) = rest.split_at(scan::plain(rest));
        out.extend_from_slice(plain);
        let Some((byte, after)) = special.split_first() else { break };
        escape(out, *byte);
        rest = after;
    }
    out.push(b'"');
}

#[cold]
fn escape(out: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        8 => b'b',
        9 => b't',
        10 => b'n',
        12 => b'f',
        13 => b'r',
        _ => {
            out.extend_from_slice(b"\\u00");
            out.push(b'0' + (byte >> 4));
            let low = byte & 15;
            out.push(if low < 10 { b'0' + low } else { b'a' + low - 10 });
            return;
        }
    };
    out.extend([b'\\', short]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(text: &str) -> String {
        let mut out = Vec::new();
        quote(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn strings_are_read_back_as_they_were() {
        for text in ["", "Ada", "\"\\/", "\u{0}\u{1f}\u{7f}", "a\nb\r\t\u{8}\u{c}", "Opéra — 東京 🎭"] {
            assert_eq!(serde_json::from_str::<String>(&quoted(text)).unwrap(), text);
        }
        assert_eq!(quoted("\u{1f}"), "\"\\u001f\"");
    }

    #[test]
    fn numbers_have_no_superfluous_digit() {
        for (value, text) in
            [(46_200_000, "46.2"), (-6_142_990, "-6.14299"), (0, "0"), (7_000_000, "7"), (-1, "-0.000001")]
        {
            let mut out = Vec::new();
            let mut object = Object::open(&mut out);
            object.millionths(name!("n"), value);
            object.close();
            assert_eq!(String::from_utf8(out).unwrap(), format!("{{\"n\":{text}}}"));
        }
    }
}
