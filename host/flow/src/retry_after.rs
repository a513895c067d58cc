//! `Retry-After` (RFC 9110, 10.2.3): when the other side wants to be asked again.
//!
//! Owns the two forms of the header and the bound on what is believed. Does not own what waits (a task, an effect, a budget).

use std::time::Duration;

use http::HeaderMap;
use http::header::RETRY_AFTER;
use jiff::fmt::rfc2822;

use crate::identity::Millis;

/// A longer wait is not believed: a header with a slip in it must not stop an institution for a day. Whoever is still not ready then says so again.
const LONGEST: Millis = 3_600_000;

/// The time that the answer names, between `now` and an hour later; none when it names none that can be read.
pub fn retry_after(headers: &HeaderMap, now: Millis) -> Option<Millis> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let at = match text.parse::<u32>() {
        Ok(seconds) => now.saturating_add(i64::from(seconds) * 1000),
        Err(_) => rfc2822::parse(text).ok()?.timestamp().as_millisecond(),
    };
    Some(at.clamp(now, now.saturating_add(LONGEST)))
}

/// The same as a time from now on.
pub fn retry_in(headers: &HeaderMap, now: Millis) -> Option<Duration> {
    let at = retry_after(headers, now)?;
    Some(Duration::from_millis(u64::try_from(at.saturating_sub(now)).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1994-11-06T08:49:37Z, the example of RFC 9110.
    const THEN: Millis = 784_111_777_000;

    fn read(text: &str, now: Millis) -> Option<Millis> {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
        retry_after(&headers, now)
    }

    #[test]
    fn seconds_and_dates_are_read() {
        assert_eq!(read("120", 5000), Some(125_000));
        assert_eq!(read(" 0 ", 5000), Some(5000));
        let headers = HeaderMap::from_iter([(RETRY_AFTER, "120".parse().unwrap())]);
        assert_eq!(retry_in(&headers, 5000), Some(Duration::from_secs(120)));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT", THEN - 30_000), Some(THEN));
    }

    #[test]
    fn the_past_is_now_and_more_than_an_hour_is_an_hour() {
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT", THEN + 30_000), Some(THEN + 30_000));
        assert_eq!(read("86400", 5000), Some(5000 + LONGEST));
        assert_eq!(read("4294967295", Millis::MAX - 10), Some(Millis::MAX));
    }

    #[test]
    fn what_cannot_be_read_is_not_guessed() {
        for text in ["", "soon", "-5", "1.5", "99999999999"] {
            assert_eq!(read(text, 5000), None, "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), 5000), None);
    }
}
