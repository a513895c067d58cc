//! Fakes: another text of the same shape, from a key, a value and a number of the attempt.
//!
//! Owns what "the same shape" is: length, letter case, digits and their leading zeros, scripts, punctuation; mail addresses and web
//! addresses stay such. Pure. Does not own which fake is taken (`scrub`).

use aws_lc_rs::hmac;
use jiff::civil::DateTime;
use jiff::{Span, ToSpan as _};

/// Attempts of the same length before a longer fake is tried: of the 26 letters, all may be taken.
const SAME_LENGTH: u32 = 64;

/// An endless stream of bytes that only this key makes from this value.
pub(super) struct Stream<'a> {
    key: &'a hmac::Key,
    seed: Vec<u8>,
    block: u64,
    left: Vec<u8>,
}

impl<'a> Stream<'a> {
    pub(super) fn new(key: &'a hmac::Key, value: &str, attempt: u32) -> Self {
        let mut seed = attempt.to_le_bytes().to_vec();
        seed.extend(value.as_bytes());
        Self { key, seed, block: 0, left: Vec::new() }
    }

    /// A number below `below`, which is small: the bias of a byte over 26 letters is nothing that a fake depends on.
    fn below(&mut self, below: u8) -> u8 {
        if self.left.is_empty() {
            let mut context = hmac::Context::with_key(self.key);
            context.update(&self.block.to_le_bytes());
            context.update(&self.seed);
            self.block += 1;
            self.left = context.sign().as_ref().to_vec();
        }
        self.left.pop().unwrap_or(0) % below.max(1)
    }

    fn pick(&mut self, letters: &[u8]) -> char {
        let count = u8::try_from(letters.len()).unwrap_or(u8::MAX);
        let index = usize::from(self.below(count));
        letters.get(index).copied().map_or('x', char::from)
    }
}

/// A number from 0 to `most`, the next of an endless row that only this key makes. (The bias of 64 bits over the room of an identifier is nothing that
/// a fake depends on.)
pub(super) fn draw(key: &hmac::Key, row: &[u8], drawn: &mut u64, most: i64) -> i64 {
    let tag = hmac::sign(key, &[row, &drawn.to_le_bytes()].concat());
    *drawn = drawn.saturating_add(1);
    let bytes = tag.as_ref().first_chunk::<8>().map_or(0, |bytes| i64::from_le_bytes(*bytes) & i64::MAX);
    bytes % most.saturating_add(1).max(1)
}

/// An identifier as SecuTix writes it: above zero, without leading zeros, within 64 bits.
pub(super) fn identifier(text: &str) -> Option<i64> {
    let plain = text.bytes().all(|c| c.is_ascii_digit()) && !text.starts_with('0');
    if plain { text.parse().ok() } else { None }
}

/// Is there anything in it that could tell who it is?
pub(super) fn is_meaningful(text: &str) -> bool {
    text.chars().any(|c| c.is_ascii_alphanumeric() || !c.is_ascii())
}

/// A fake of the same shape; longer by a letter for every [`SAME_LENGTH`] attempts that were not good enough.
pub(super) fn fake(key: &hmac::Key, value: &str, attempt: u32) -> String {
    let mut stream = Stream::new(key, value, attempt);
    let more = usize::try_from(attempt / SAME_LENGTH).unwrap_or(0);
    if let Some((local, _)) = mail(value) {
        return format!("{}@example.org", letters(&mut stream, local, more));
    }
    if let Some((scheme, rest)) = value.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https")) {
        let path = rest.split_once('/').map_or("", |(_, path)| path);
        return format!(
            "{scheme}://example.org/{}",
            letters(&mut stream, path, more.max(usize::from(!is_meaningful(path))))
        );
    }
    letters(&mut stream, value, more)
}

fn mail(value: &str) -> Option<(&str, &str)> {
    value
        .split_once('@')
        .filter(|(local, domain)| !local.is_empty() && domain.contains('.') && !value.contains(char::is_whitespace))
}

fn letters(stream: &mut Stream<'_>, value: &str, more: usize) -> String {
    const CONSONANTS: &[u8] = b"bcdfghjklmnprstvwz";
    const VOWELS: &[u8] = b"aeiou";
    const HEX: &[u8] = b"abcdef";

    let hex = is_hex(value);
    let zeros =
        if value.bytes().all(|c| c.is_ascii_digit()) { value.bytes().take_while(|c| *c == b'0').count() } else { 0 };
    let start = usize::from(stream.below(2));
    let mut fake = String::with_capacity(value.len() + more);
    for (index, letter) in value.chars().enumerate() {
        let new = match letter {
            '0' if index < zeros => '0',
            // Never a zero where a number begins, so that the text and the number stay the same; below 9 so that 19 digits stay an int64.
            c if c.is_ascii_digit() && index == zeros => stream.pick(b"12345678"),
            c if c.is_ascii_digit() => stream.pick(b"0123456789"),
            c if c.is_ascii_alphabetic() => {
                let class = match (hex, (index + start) % 2) {
                    (true, _) => HEX,
                    (false, 0) => CONSONANTS,
                    (false, _) => VOWELS,
                };
                let new = stream.pick(class);
                if c.is_ascii_uppercase() { new.to_ascii_uppercase() } else { new }
            }
            c if c.is_ascii() => c,
            c => neighbour(stream, c),
        };
        fake.push(new);
    }
    let digits = value.chars().any(|c| c.is_ascii_digit()) && !value.chars().any(char::is_alphabetic);
    for _ in 0..more {
        fake.push(if digits { stream.pick(b"0123456789") } else { stream.pick(VOWELS) });
    }
    fake
}

/// A token such as `9f3c0c7e5b` or a UUID; a name of these letters alone has no digits.
fn is_hex(value: &str) -> bool {
    let hexadecimal = value.bytes().all(|c| c.is_ascii_hexdigit() || c == b'-');
    hexadecimal
        && value.len() >= 8
        && value.bytes().any(|c| c.is_ascii_digit())
        && value.bytes().any(|c| c.is_ascii_alphabetic())
}

/// Another letter of the same script and case: scripts come in blocks of Unicode.
fn neighbour(stream: &mut Stream<'_>, letter: char) -> char {
    /// Blocks begin at multiples of 32 in the scripts that people are named in.
    const BLOCK: u32 = 32;
    let first = u32::from(letter) / BLOCK * BLOCK;
    for _ in 0..BLOCK {
        let candidate = char::from_u32(first + u32::from(stream.below(32))).unwrap_or(letter);
        let same_kind = candidate.is_alphabetic() == letter.is_alphabetic()
            && candidate.is_uppercase() == letter.is_uppercase()
            && candidate.is_control() == letter.is_control();
        if candidate != letter && same_kind {
            return candidate;
        }
    }
    if letter.is_uppercase() { 'X' } else { 'x' }
}

/// A date, with or without a time, moved by a number of seconds; its zone and its fraction stay as they are written. None: not a date.
pub(super) fn moved(value: &str, seconds: i64) -> Option<String> {
    let (day, rest) = value.split_at_checked(10)?;
    let date: jiff::civil::Date = day.parse().ok()?;
    if rest.is_empty() {
        let days = seconds.div_euclid(86_400);
        return date.checked_add(days.days()).ok().map(|date| date.to_string());
    }
    let (time, rest) = rest.strip_prefix('T')?.split_at_checked(8)?;
    let time: jiff::civil::Time = time.parse().ok()?;
    if !rest.bytes().all(|c| c.is_ascii_digit() || matches!(c, b'.' | b':' | b'+' | b'-' | b'Z')) {
        return None;
    }
    let moved: DateTime = date.to_datetime(time).checked_add(Span::new().try_seconds(seconds).ok()?).ok()?;
    Some(format!("{}{rest}", moved.strftime("%Y-%m-%dT%H:%M:%S")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &[byte; 32])
    }

    #[test]
    fn a_fake_has_the_shape_of_its_value() {
        let key = key(1);
        for attempt in 0..SAME_LENGTH {
            for value in
                ["Ada", "LOVELACE", "de la Croix-Rouge", "085035041335220306680099", "+41 22 418 31 30", "A-12"]
            {
                let fake = fake(&key, value, attempt);
                assert_eq!(fake.chars().count(), value.chars().count());
                for (old, new) in value.chars().zip(fake.chars()) {
                    assert_eq!(old.is_ascii_digit(), new.is_ascii_digit(), "{value} {fake}");
                    assert_eq!(old.is_uppercase(), new.is_uppercase(), "{value} {fake}");
                    assert_eq!(old.is_lowercase(), new.is_lowercase(), "{value} {fake}");
                }
            }
            assert!(fake(&key, "000123", attempt).starts_with("000"));
            assert!(!fake(&key, "000123", attempt).starts_with("0000"));
            assert!(fake(&key, "9223372036854775807", attempt).parse::<i64>().is_ok());
            let token = fake(&key, "9f3c0c7e5b", attempt);
            assert!(token.bytes().all(|c| c.is_ascii_hexdigit()), "{token}");
        }
    }

    #[test]
    fn scripts_stay_scripts() {
        let fake = fake(&key(2), "Жанна Émile 李", 0);
        let scripts: Vec<u32> = fake.chars().map(|c| u32::from(c) / 256).collect();
        let original: Vec<u32> = "Жанна Émile 李".chars().map(|c| u32::from(c) / 256).collect();
        assert_eq!(scripts, original);
        assert_ne!(fake, "Жанна Émile 李");
    }

    #[test]
    fn addresses_lose_their_domain_and_stay_addresses() {
        let mail = fake(&key(3), "ada.lovelace@famille.ch", 0);
        assert!(
            mail.ends_with("@example.org") && mail.split_once('.').is_some_and(|(first, _)| first.len() == 3),
            "{mail}"
        );
        let url = fake(&key(3), "https://shop.famille.ch/ticket.pdf?token=abc123", 0);
        assert!(url.starts_with("https://example.org/") && url.contains('?') && !url.contains("abc123"), "{url}");
        assert!(is_meaningful(&fake(&key(3), "https://shop.famille.ch", 0)[20..]));
    }

    #[test]
    fn a_fake_is_one_keys_and_one_values() {
        let long = "Hephaistion";
        assert_eq!(fake(&key(1), long, 0), fake(&key(1), long, 0));
        assert_ne!(fake(&key(1), long, 0), fake(&key(2), long, 0));
        assert_ne!(fake(&key(1), long, 0), fake(&key(1), long, 1));
        assert_eq!(fake(&key(1), "A", SAME_LENGTH).chars().count(), 2);
    }

    #[test]
    fn dates_move_together_and_keep_their_form() {
        assert_eq!(moved("2026-03-14T19:02:11.000+01:00", 86_400).as_deref(), Some("2026-03-15T19:02:11.000+01:00"));
        assert_eq!(moved("2026-03-14T19:02:11Z", -61).as_deref(), Some("2026-03-14T19:01:10Z"));
        assert_eq!(moved("1985-12-31", 86_400).as_deref(), Some("1986-01-01"));
        for no_date in [
            "",
            "2026",
            "2026-13-01",
            "2026-03-14 and more",
            "2026-03-14T25:00:00",
            "2026-03-14T19:02:11 Ada",
            "12345678901",
        ] {
            assert_eq!(moved(no_date, 1), None, "{no_date}");
        }
    }
}
