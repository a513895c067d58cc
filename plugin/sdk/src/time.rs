//! Moments as text.
//!
//! Owns their writing. There is no clock to read: `Call::at` is the only moment that a plugin knows.

use crate::Instant;

/// Milliseconds of a day.
const DAY: u64 = 24 * 60 * 60 * 1000;

/// A moment as RFC 3339 has it, in UTC and with milliseconds. Years after 9999, which RFC 3339 does not have, are written out.
///
/// ```
/// use passerelle_plugin::rfc3339;
///
/// assert_eq!(rfc3339(1_800_558_000_000), "2027-01-21T19:00:00.000Z");
/// ```
pub fn rfc3339(at: Instant) -> String {
    let (year, month, day) = date(at / DAY);
    let of_day = at % DAY;
    let (hour, minute, second) = (of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", of_day % 1000)
}

/// Year, month and day of the Gregorian calendar, of days since 1970-01-01.
///
/// Howard Hinnant's `civil_from_days` (<https://howardhinnant.github.io/date_algorithms.html>), without its half for earlier dates: years begin in
/// March, so that the leap day is a year's last, and 400 of them are 146,097 days.
fn date(days: u64) -> (u64, u64, u64) {
    // From 0000-03-01 to 1970-01-01.
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // March is 0. The lengths of months from March on repeat every five: 153 days.
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year_of_era + next, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compared with `date --utc --date=@SECONDS` of GNU coreutils.
    #[test]
    fn moments_are_written_as_others_write_them() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00"),
            (951_782_399, "2000-02-28T23:59:59"),
            (951_782_400, "2000-02-29T00:00:00"),
            (951_868_800, "2000-03-01T00:00:00"),
            (1_709_164_800, "2024-02-29T00:00:00"),
            (1_798_761_599, "2026-12-31T23:59:59"),
            (1_798_761_600, "2027-01-01T00:00:00"),
            (4_107_542_400, "2100-03-01T00:00:00"),
            (253_402_300_799, "9999-12-31T23:59:59"),
        ] {
            assert_eq!(rfc3339(seconds * 1000 + 7), format!("{text}.007Z"));
        }
    }

    #[test]
    fn every_day_of_four_centuries_follows_the_one_before() {
        let leap = |year: u64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for days in 0..146_097 {
            assert_eq!(date(days), (year, month, day));
            let length = match month {
                2 => 28 + u64::from(leap(year)),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            day += 1;
            if day > length {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
    }

    #[test]
    fn the_last_moment_there_is_does_not_trap() {
        assert_eq!(rfc3339(Instant::MAX), "584556019-04-03T14:25:51.615Z");
    }
}
