//! SecuTix's dates: read leniently, written as RFC 3339 in seconds with the offset that they came with, which is the venue's.
//!
//! Owns the notations. Does not own the calendar (`payload::date`). Text without an offset is no moment: which one it means would be a guess.

use std::borrow::Cow;

use crate::lenient::Scalar;
use crate::payload::date::Stamp;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// `2026-12-01T20:00:00+01:00`
    pub text: String,
    /// Seconds since 1970 in UTC.
    pub seconds: i64,
}

impl Moment {
    /// None: absent, or not a moment.
    pub(super) fn read(scalar: &Scalar<'_>) -> Option<Self> {
        let stamp = match scalar {
            Scalar::Whole(millis) => of_epoch_millis(*millis)?,
            Scalar::Text(text) => parse(text.trim())?,
            _ => return None,
        };
        let mut text = Vec::with_capacity(25);
        stamp.write_iso(&mut text);
        Some(Self { text: String::from_utf8(text).ok()?, seconds: stamp.instant() })
    }

    /// For the contract, which counts milliseconds and knows nothing before 1970.
    pub(super) fn millis(&self) -> Option<u64> {
        u64::try_from(self.seconds).ok()?.checked_mul(1000)
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

/// Java's usual number for a date, to the minute: an event does not start at a second.
fn of_epoch_millis(millis: i64) -> Option<Stamp> {
    // Up to the year 9999, which four digits can write.
    const LAST: i64 = 253_402_300_799_999;
    if !(0..=LAST).contains(&millis) {
        return None;
    }
    Some(Stamp::parse("1970-01-01T00:00:00Z")?.later(millis / 60_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<String> {
        Moment::read(&serde_json::from_str(json).unwrap()).map(|moment| moment.text)
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
        assert_eq!(read("1796151600000").as_deref(), Some("2026-12-01T19:00:00Z"));
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
