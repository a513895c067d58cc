//! Text as JSON and as the strings files of Apple.
//!
//! Owns the two escapings. Input is UTF-8 by construction; nothing is stripped.

use crate::scan;

/// A JSON string with its quotes. U+2028 and U+2029 are escaped as well: they end a line for a JavaScript reader.
pub(crate) fn string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    escape(text, out);
    out.push(b'"');
}

/// The inside of a JSON string.
pub(crate) fn escape(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    loop {
        let (plain, special) = rest.split_at(scan::plain_on_one_line(rest));
        out.extend_from_slice(plain);
        let Some(byte) = special.first() else { return };
        let (escaped, length): (&[u8], usize) = match special {
            [b'"', ..] => (b"\\\"", 1),
            [b'\\', ..] => (b"\\\\", 1),
            [b'\n', ..] => (b"\\n", 1),
            [b'\r', ..] => (b"\\r", 1),
            [b'\t', ..] => (b"\\t", 1),
            [0xe2, 0x80, 0xa8, ..] => (b"\\u2028", 3),
            [0xe2, 0x80, 0xa9, ..] => (b"\\u2029", 3),
            [0xe2, ..] => (&[0xe2], 1),
            _ => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                out.extend_from_slice(b"\\u00");
                out.extend([byte >> 4, byte & 15].iter().filter_map(|nibble| HEX.get(usize::from(*nibble))));
                (b"", 1)
            }
        };
        out.extend_from_slice(escaped);
        rest = special.get(length..).unwrap_or_default();
    }
}

/// A quoted string of a `.strings` file. Its parser knows the escapes of C; other characters stand for themselves.
pub(crate) fn strings_string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text;
    loop {
        // What is special in JSON and not here only costs a second look.
        let (plain, special) = rest.split_at(scan::plain(rest));
        out.extend_from_slice(plain);
        let Some((byte, after)) = special.split_first() else { break };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0 => out.extend_from_slice(b"\\U0000"),
            _ => out.push(*byte),
        }
        rest = after;
    }
    out.push(b'"');
}

/// A line of a `.strings` file.
pub(crate) fn strings_line(key: &[u8], value: &[u8], out: &mut Vec<u8>) {
    strings_string(key, out);
    out.extend_from_slice(b" = ");
    strings_string(value, out);
    out.extend_from_slice(b";\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_text_comes_back(text in any::<String>()) {
            let mut out = Vec::new();
            string(text.as_bytes(), &mut out);
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }

        #[test]
        fn no_line_of_a_strings_file_is_broken_by_its_text(text in any::<String>()) {
            let mut out = Vec::new();
            strings_line(text.as_bytes(), text.as_bytes(), &mut out);
            prop_assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 1);
        }
    }

    #[test]
    fn line_separators_and_controls_are_escaped() {
        let mut out = Vec::new();
        string("a\u{2028}b\u{2029}c\u{1}\u{2027}\u{1f}é\"\\".as_bytes(), &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "\"a\\u2028b\\u2029c\\u0001\u{2027}\\u001fé\\\"\\\\\"");
    }
}
