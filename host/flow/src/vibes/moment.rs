//! Times as Vibes writes them: to the minute, to the millisecond, in UTC or with an offset (domain.md 4.3).
//!
//! Owns the reading. What is no time is none: a callback whose time cannot be read still says what it says.

use crate::identity::{Millis, moment};

/// Without a zone it is taken for UTC, in which all their examples are.
pub(super) fn millis(text: &str) -> Option<Millis> {
    moment(text.trim()).filter(|at| *at >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_that_vibes_writes_is_read() {
        for (text, expected) in [
            // The minute, in UTC: registered_at, expiration_date.
            ("2017-01-14T14:30Z", 1_484_404_200_000),
            // Milliseconds: event_date of the published examples.
            ("2018-05-07T15:27:33.664Z", 1_525_706_853_664),
            // An offset, as in a real capture.
            ("2026-03-14T19:38:05.258+01:00", 1_773_513_485_258),
            ("2026-03-14T13:38:05.258-0500", 1_773_513_485_258),
            ("2026-03-14T18:38:05Z", 1_773_513_485_000),
            ("2026-03-14T19:38+01:00", 1_773_513_480_000),
            // And what other systems write.
            (" 2026-03-14 18:38:05 ", 1_773_513_485_000),
            ("2026-03-14T18:38", 1_773_513_480_000),
            ("2026-03-14t18:38:05.2581234z", 1_773_513_485_258),
        ] {
            assert_eq!(millis(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in ["", "soon", "NULL", "14.03.2026", "2026-13-01T00:00Z", "1890-01-01T00:00Z", "1773513485"] {
            assert_eq!(millis(text), None, "{text}");
        }
    }
}
