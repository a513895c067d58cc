//! SecuTix's dates: read leniently, written as RFC 3339 in seconds with the offset that they came with, which is the venue's.
//!
//! Owns the notations. Does not own the calendar (`payload::date`). Text without an offset is no moment: which one it means would be a guess. A whole
//! number (Java's milliseconds) is a moment without an offset: good for what came first, and not for what a holder reads as the venue's time.

use std::borrow::Cow;

use crate::lenient::{Scalar, parse_id};
use crate::payload::date::Stamp;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// `2026-12-01T20:00:00+01:00`
    pub text: String,
    /// Seconds since 1970 in UTC.
    seconds: i64,
}

impl Moment {
    /// None: absent, or not a moment.
    pub(super) fn read(scalar: &Scalar<'_>) -> Option<Self> {
        let Scalar::Text(text) = scalar else { return None };
        let stamp = parse(text.trim())?;
        let mut text = Vec::with_capacity(25);
        stamp.write_iso(&mut text);
        Some(Self { text: String::from_utf8(text).ok()?, seconds: stamp.instant() })
    }

    /// For the contract, which counts milliseconds and knows nothing before 1970.
    pub(super) fn millis(&self) -> Option<u64> {
        u64::try_from(self.seconds).ok()?.checked_mul(1000)
    }
}

/// Seconds since 1970 in UTC, for an order in time. None: absent, or not a moment.
pub(super) fn seconds(scalar: &Scalar<'_>) -> Option<i64> {
    match scalar {
        Scalar::Whole(millis) => Some(millis.div_euclid(1000)),
        Scalar::Text(text) => {
            let text = text.trim();
            parse(text).map(Stamp::instant).or_else(|| Some(parse_id(text)?.div_euclid(1000)))
        }
        _ => None,
    }
}

fn parse(text: &str) -> Option<Stamp> {
    Stamp::parse(text).or_else(|| Stamp::parse(&with_colon(text)?))
}

/// `+0100`, as Java's `Z` pattern writes an offset, to `+01:00`.
fn with_colon(text: &str) -> Option<Cow<'_, str>> {
    let at = text.len().checked_sub(2)?;
    let sign = text.as_bytes().get(text.len().checked_sub(5)?)?;
    if !matches!(sign, b'+' | b'-') || !text.is_char_boundary(at) {
        return None;
    }
    let (head, minutes) = text.split_at(at);
    Some(Cow::Owned(format!("{head}:{minutes}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<String> {
        Moment::read(&crate::lenient::scalar(json)).map(|moment| moment.text)
    }

    #[test]
    fn every_notation_ends_in_one() {
        for json in [
            "\"2026-12-01T20:00:00.000+01:00\"",
            "\"2026-12-01T20:00:00+01:00\"",
            "\"2026-12-01T20:00+01:00\"",
            "\" 2026-12-01T20:00:00.000+0100 \"",
        ] {
            assert_eq!(read(json).as_deref(), Some("2026-12-01T20:00:00+01:00"), "{json}");
        }
    }

    #[test]
    fn milliseconds_say_what_came_first_and_are_no_time_of_day() {
        let seconds = |json: &str| super::seconds(&crate::lenient::scalar(json));
        assert_eq!(seconds("1796151600000"), Some(1_796_151_600));
        assert_eq!(seconds("\"1796151600000\""), Some(1_796_151_600));
        assert_eq!(seconds("\"2026-12-01T20:00:00.000+0100\""), Some(1_796_151_600));
        assert_eq!(seconds("\"2026-12-01T20:00:00\""), None);
        assert_eq!(seconds("null"), None);
        assert_eq!(read("1796151600000"), None);
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for json in [
            "null",
            "\"\"",
            "\"tomorrow\"",
            "\"2026-12-01T20:00:00\"",
            "\"2026-13-01T20:00:00Z\"",
            "-1",
            "true",
            "\"é+0100\"",
        ] {
            assert_eq!(read(json), None, "{json}");
        }
    }
}
