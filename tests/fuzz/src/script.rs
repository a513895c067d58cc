//! How an input that is more than one text is written: records of fields, between control characters that nothing here needs within a text.
//!
//! Owns the separators and the repetition. Text and not a binary form, so that an input can be read, written by hand, and cut apart and put together
//! by a fuzzer that knows nothing of it.

/// ASCII's own separators.
const RECORD: u8 = 0x1e;
const FIELD: u8 = 0x1f;
/// `abc`, this, `3` is `abcabcabc`: what is large is not a large input.
const TIMES: u8 = 0x1d;

/// Longest text that a repetition makes: above the largest limit that is asked of anything here, the 256 KiB of a request's body.
const LONGEST: usize = 300_000;

/// Each record's kind, its first byte, and what follows.
pub fn records(data: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    data.split(|byte| *byte == RECORD).filter_map(|record| record.split_first()).map(|(kind, rest)| (*kind, rest))
}

pub fn fields(record: &[u8]) -> impl Iterator<Item = &[u8]> {
    record.split(|byte| *byte == FIELD)
}

/// A field as it is meant.
pub fn bytes(field: &[u8]) -> Vec<u8> {
    let mut parts = field.splitn(2, |byte| *byte == TIMES);
    let (once, times) = (parts.next().unwrap_or_default(), parts.next());
    let times =
        times.map_or(1, |times| std::str::from_utf8(times).ok().and_then(|text| text.parse().ok()).unwrap_or(1));
    once.repeat(LONGEST.checked_div(once.len()).map_or(0, |most| most.min(times)))
}

/// The same as text: what is no UTF-8 becomes replacement characters.
pub fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(&bytes(field)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_and_fields_are_what_stands_between_separators() {
        let read: Vec<_> =
            records(b"a1\x1f2\x1e\x1eb").map(|(kind, rest)| (kind, fields(rest).count(), rest)).collect();
        assert_eq!(read, [(b'a', 2, &b"1\x1f2"[..]), (b'b', 1, b"")]);
    }

    #[test]
    fn a_repetition_is_made_up_to_its_limit() {
        for (field, text) in
            [(&b"ab\x1d3"[..], "ababab"), (b"ab", "ab"), (b"ab\x1dx", "ab"), (b"ab\x1d0", ""), (b"\x1d9", "")]
        {
            assert_eq!(super::text(field), text);
        }
        assert_eq!(bytes(b"abc\x1d99999999").len(), LONGEST);
    }
}
