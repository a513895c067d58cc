//! Finding the bytes of a text that need a second look, eight at a time.
//!
//! Owns the search that reading and writing share. Most texts have no such byte and most are short, so the ends count as much as the middle.
//! In the sandbox each turn of a loop looks at the engine's clock as well.

const fn repeat(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// The high bit of each byte of the word that is this one. It may be set for a byte above such a one as well, never below: the lowest is right.
#[inline(always)]
fn is(word: u64, byte: u8) -> u64 {
    let word = word ^ repeat(byte);
    word.wrapping_sub(repeat(1)) & !word
}

/// The same for control characters of ASCII, but for the last one.
#[inline(always)]
fn is_control(word: u64) -> u64 {
    word.wrapping_sub(repeat(0x20)) & !word
}

/// How many bytes from the front the test does not find. A space is never found.
#[inline(always)]
fn passed_over(text: &[u8], found: impl Fn(u64) -> u64) -> usize {
    let found = |word| found(word) & repeat(0x80);
    let first = |found: u64| (found.trailing_zeros() / 8) as usize;
    let (words, rest) = text.as_chunks::<8>();
    let mut length = 0;
    for word in words {
        let here = found(u64::from_le_bytes(*word));
        if here != 0 {
            return length + first(here);
        }
        length += 8;
    }
    let here = match (text.last_chunk::<8>(), rest.first_chunk::<4>(), rest.last_chunk::<4>()) {
        _ if rest.is_empty() => return length,
        // Once more the end of the last whole word, which has none.
        (Some(last), ..) => found(u64::from_le_bytes(*last)) >> (8 * (8 - rest.len())),
        (None, Some(low), Some(high)) => {
            let high = u64::from(u32::from_le_bytes(*high)) << (8 * (rest.len() - 4));
            found(u64::from(u32::from_le_bytes(*low)) | high | repeat(b' ') << (8 * rest.len()))
        }
        (None, ..) => found(rest.iter().rev().fold(repeat(b' '), |word, byte| word << 8 | u64::from(*byte))),
    };
    length + first(here).min(rest.len())
}

#[inline(always)]
fn is_escaped(word: u64) -> u64 {
    is_control(word) | is(word, b'"') | is(word, b'\\')
}

/// How many bytes from the front stand for themselves in a JSON text: neither control characters nor `"` nor `\`.
#[inline]
pub(crate) fn plain(text: &[u8]) -> usize {
    passed_over(text, is_escaped)
}

/// The same, and the first byte of U+2028 and U+2029 is not among them.
#[inline]
pub(crate) fn plain_on_one_line(text: &[u8]) -> usize {
    passed_over(text, |word| is_escaped(word) | is(word, 0xe2))
}

/// Whether all of it is printable ASCII.
#[inline]
pub(crate) fn is_printable(text: &[u8]) -> bool {
    passed_over(text, |word| is_control(word) | is(word, 0x7f) | word) == text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_first_special_byte_is_found_wherever_it_stands(
            text in prop::collection::vec(prop_oneof![4 => 0x20_u8..0x7f, 1 => any::<u8>(), 1 => 0x20_u8..0x24, 1 => 0x7e_u8..0x81, 1 => 0xe1_u8..0xe4], 0..40)
        ) {
            let is = |byte: &u8| matches!(byte, 0..0x20 | b'"' | b'\\');
            prop_assert_eq!(plain(&text), text.iter().position(is).unwrap_or(text.len()));
            let is = |byte: &u8| is(byte) || *byte == 0xe2;
            prop_assert_eq!(plain_on_one_line(&text), text.iter().position(is).unwrap_or(text.len()));
            prop_assert_eq!(is_printable(&text), text.iter().all(|byte| (0x20..0x7f).contains(byte)));
        }
    }

    #[test]
    fn every_byte_is_judged_alone() {
        for length in 1..20 {
            for at in 0..length {
                for byte in 0..=255 {
                    let mut text = vec![b'a'; length];
                    text[at] = byte;
                    let expected = if matches!(byte, 0..0x20 | b'"' | b'\\') { at } else { length };
                    assert_eq!(plain(&text), expected, "{byte} at {at} of {length}");
                    assert_eq!(is_printable(&text), (0x20..0x7f).contains(&byte), "{byte} at {at} of {length}");
                }
            }
        }
    }
}
