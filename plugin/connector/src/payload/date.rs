//! Dates: read from RFC 3339, moved, compared, and written as text in the languages that the product speaks.
//!
//! Owns the calendar arithmetic. Has no clock and no time zones: a date carries its offset, and is shown in it, which is the venue's time.
//! Apple formats dates by itself where a field's value is one; this is for dates within a text and for Google.

/// A moment with its offset. Apple refuses a pass with a date that has none, so text without an offset is no date here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    offset_minutes: i64,
}

/// How a date is written within a text; the number is the one in a compiled template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    DateTime = 0,
    Date = 1,
    Time = 2,
    /// With the day of the week.
    Full = 3,
    /// As received.
    Iso = 4,
}

/// Names of the formats in a template, at the place of their number.
pub(crate) const FORMATS: [(&str, Format); 5] = [
    ("datetime", Format::DateTime),
    ("date", Format::Date),
    ("time", Format::Time),
    ("full", Format::Full),
    ("iso", Format::Iso),
];

const MINUTES_A_DAY: i64 = 24 * 60;

impl Stamp {
    /// `YYYY-MM-DDTHH:MM[:SS[.f…]]` and `Z` or `±HH:MM`, nothing more: what Apple's own decoder takes.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let (year, month, day) = (digits(bytes, 0, 4)?, digits(bytes, 5, 2)?, digits(bytes, 8, 2)?);
        let (hour, minute) = (digits(bytes, 11, 2)?, digits(bytes, 14, 2)?);
        let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':')];
        if marks.iter().any(|(at, mark)| bytes.get(*at) != Some(mark)) {
            return None;
        }
        let mut rest = bytes.get(16..)?;
        let mut second = 0;
        if rest.first() == Some(&b':') {
            second = digits(rest, 1, 2)?;
            rest = rest.get(3..)?;
            if rest.first() == Some(&b'.') {
                let fraction = rest.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count();
                if !(1..=9).contains(&fraction) {
                    return None;
                }
                rest = rest.get(1 + fraction..)?;
            }
        }
        let offset_minutes = match rest.split_first()? {
            (b'Z', []) => 0,
            (sign @ (b'+' | b'-'), offset) if offset.len() == 5 && offset.get(2) == Some(&b':') => {
                let (hours, minutes) = (digits(offset, 0, 2)?, digits(offset, 3, 2)?);
                // 15 hours: the earth's zones end at +14:00 and -12:00.
                if hours > 15 || minutes > 59 {
                    return None;
                }
                let minutes = hours * 60 + minutes;
                if *sign == b'-' { -minutes } else { minutes }
            }
            _ => return None,
        };
        let fits = (1..=12).contains(&month)
            && (1..=month_length(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second < 61;
        fits.then_some(Self { year, month, day, hour, minute, second, offset_minutes })
    }

    /// Seconds since 1970 in UTC.
    pub(crate) fn instant(self) -> i64 {
        let minutes = days_from_civil(self.year, self.month, self.day) * MINUTES_A_DAY + self.hour * 60 + self.minute;
        (minutes - self.offset_minutes) * 60 + self.second
    }

    /// The same offset, `minutes` later.
    pub(crate) fn later(self, minutes: i64) -> Self {
        let total = self.hour * 60 + self.minute + minutes;
        let days = days_from_civil(self.year, self.month, self.day) + total.div_euclid(MINUTES_A_DAY);
        let minute = total.rem_euclid(MINUTES_A_DAY);
        let (year, month, day) = civil_from_days(days);
        Self { year, month, day, hour: minute / 60, minute: minute % 60, ..self }
    }

    pub(crate) fn write_iso(self, out: &mut Vec<u8>) {
        let Self { year, month, day, hour, minute, second, offset_minutes } = self;
        padded(out, year, 4);
        for (mark, number) in [(b'-', month), (b'-', day), (b'T', hour), (b':', minute), (b':', second)] {
            out.push(mark);
            padded(out, number, 2);
        }
        if offset_minutes == 0 {
            out.push(b'Z');
            return;
        }
        out.push(if offset_minutes < 0 { b'-' } else { b'+' });
        padded(out, offset_minutes.abs() / 60, 2);
        out.push(b':');
        padded(out, offset_minutes.abs() % 60, 2);
    }

    /// In the language of `locale` where we speak it, else as `2026-12-01 20:00`, which every reader understands.
    pub(crate) fn write(self, format: Format, locale: &str, out: &mut Vec<u8>) {
        let language = Language::of(locale);
        match format {
            Format::Iso => self.write_iso(out),
            Format::Date => self.write_date(language, false, out),
            Format::Time => self.write_time(language, out),
            Format::DateTime | Format::Full => {
                self.write_date(language, format == Format::Full, out);
                out.extend_from_slice(if language == Language::Other { b" " } else { b", " });
                self.write_time(language, out);
            }
        }
    }

    fn write_time(self, language: Language, out: &mut Vec<u8>) {
        let american = language == Language::EnglishUs;
        let hour = if american { (self.hour + 11) % 12 + 1 } else { self.hour };
        padded(out, hour, if american { 1 } else { 2 });
        out.push(b':');
        padded(out, self.minute, 2);
        if american {
            out.extend_from_slice(if self.hour < 12 { b" AM" } else { b" PM" });
        }
    }

    fn write_date(self, language: Language, weekday: bool, out: &mut Vec<u8>) {
        let mut put = |text: &str| out.extend_from_slice(text.as_bytes());
        let month = name(language.months(), self.month - 1);
        // 1970-01-01 was a Thursday, the fourth name.
        let day_name = name(language.weekdays(), (days_from_civil(self.year, self.month, self.day) + 3).rem_euclid(7));
        if weekday && language != Language::Other {
            put(day_name);
            put(match language {
                Language::German | Language::EnglishUs => ", ",
                _ => " ",
            });
        }
        match language {
            Language::Other => {
                padded(out, self.year, 4);
                out.push(b'-');
                padded(out, self.month, 2);
                out.push(b'-');
                padded(out, self.day, 2);
                return;
            }
            Language::EnglishUs => {
                put(month);
                put(" ");
                padded(out, self.day, 1);
                out.extend_from_slice(b", ");
            }
            Language::French | Language::German | Language::English | Language::Italian => {
                padded(out, self.day, 1);
                out.extend_from_slice(match (language, self.day) {
                    (Language::French, 1) => b"er ",
                    (Language::German, _) => b". ",
                    _ => b" ",
                });
                out.extend_from_slice(month.as_bytes());
                out.push(b' ');
            }
        }
        padded(out, self.year, 4);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    French,
    German,
    English,
    EnglishUs,
    Italian,
    Other,
}

impl Language {
    fn of(locale: &str) -> Self {
        let mut parts = locale.split(['-', '_']);
        let language = parts.next().unwrap_or_default();
        let american = parts.any(|part| part.eq_ignore_ascii_case("US"));
        let is = |tag: &str| language.eq_ignore_ascii_case(tag);
        match () {
            () if is("fr") => Self::French,
            () if is("de") => Self::German,
            () if is("en") && american => Self::EnglishUs,
            () if is("en") => Self::English,
            () if is("it") => Self::Italian,
            () => Self::Other,
        }
    }

    fn months(self) -> &'static str {
        match self {
            Self::French => "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
            Self::German => "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
            Self::English | Self::EnglishUs => {
                "January February March April May June July August September October November December"
            }
            Self::Italian => {
                "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre"
            }
            Self::Other => "",
        }
    }

    fn weekdays(self) -> &'static str {
        match self {
            Self::French => "lundi mardi mercredi jeudi vendredi samedi dimanche",
            Self::German => "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
            Self::English | Self::EnglishUs => "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
            Self::Italian => "lunedì martedì mercoledì giovedì venerdì sabato domenica",
            Self::Other => "",
        }
    }
}

fn name(names: &'static str, index: i64) -> &'static str {
    usize::try_from(index).ok().and_then(|index| names.split(' ').nth(index)).unwrap_or_default()
}

fn digits(bytes: &[u8], at: usize, count: usize) -> Option<i64> {
    let digits = bytes.get(at..at.checked_add(count)?)?;
    digits.iter().try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))
}

fn padded(out: &mut Vec<u8>, number: i64, width: usize) {
    let mut reversed = [b'0'; 20];
    let mut used = 0;
    let mut rest = number.unsigned_abs();
    for slot in &mut reversed {
        if rest == 0 && used >= width {
            break;
        }
        *slot = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
        used += 1;
    }
    out.extend(reversed.iter().take(used).rev());
}

fn month_length(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar, years counted from March so that the leap day comes last (the algorithm of
/// Howard Hinnant's `chrono-Compatible Low-Level Date Algorithms`).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// An instant in UTC, RFC 3339 with milliseconds.
pub(crate) fn utc(millis: u64) -> String {
    let (seconds, milli) = (millis / 1000, millis % 1000);
    let second = seconds % 86_400;
    // Milliseconds of 64 bits are far fewer days than 63 bits hold.
    let (year, month, day) = civil_from_days(i64::try_from(seconds / 86_400).unwrap_or_default());
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{milli:03}Z", second / 3600, second / 60 % 60, second % 60)
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(text: &str, format: Format, locale: &str) -> String {
        let mut out = Vec::new();
        Stamp::parse(text).unwrap().write(format, locale, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn dates_are_written_as_each_language_writes_them() {
        let start = "2026-12-01T20:05:00+01:00";
        let cases = [
            (Format::Date, "fr", "1er décembre 2026"),
            (Format::Full, "fr-CH", "mardi 1er décembre 2026, 20:05"),
            (Format::Full, "de", "Dienstag, 1. Dezember 2026, 20:05"),
            (Format::DateTime, "en", "1 December 2026, 20:05"),
            (Format::Full, "en-US", "Tuesday, December 1, 2026, 8:05 PM"),
            (Format::Full, "it", "martedì 1 dicembre 2026, 20:05"),
            (Format::DateTime, "pt", "2026-12-01 20:05"),
            (Format::Time, "fr", "20:05"),
            (Format::Iso, "fr", "2026-12-01T20:05:00+01:00"),
        ];
        for (format, locale, expected) in cases {
            assert_eq!(written(start, format, locale), expected);
        }
        assert_eq!(written("2026-05-02T00:30:00Z", Format::Time, "en-US"), "12:30 AM");
        assert_eq!(written("2026-05-02T12:30:00Z", Format::Time, "en-US"), "12:30 PM");
    }

    #[test]
    fn a_date_without_offset_or_with_trailing_text_is_no_date() {
        let wrong = [
            "",
            "2026-12-01",
            "2026-12-01T20:00:00",
            "2026-12-01 20:00:00Z",
            "2026-12-01T20:00:00Zx",
            "2026-12-01T20:00:00+0100",
            "2026-13-01T20:00:00Z",
            "2026-02-29T20:00:00Z",
            "2026-12-01T24:00:00Z",
            "2026-12-01T20:00:00.Z",
            "2026-12-01T20:00:00+99:00",
        ];
        for text in wrong {
            assert_eq!(Stamp::parse(text), None, "{text}");
        }
        for text in ["2024-02-29T20:00Z", "2026-12-01T20:00:00.123+01:00", "2026-12-01T20:00-03:30"] {
            assert!(Stamp::parse(text).is_some(), "{text}");
        }
    }

    #[test]
    fn instants_are_written_in_utc() {
        assert_eq!(utc(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(utc(1_773_511_331_258), "2026-03-14T18:02:11.258Z");
        assert_eq!(utc(951_782_399_999), "2000-02-28T23:59:59.999Z");
        assert_eq!(utc(951_782_400_000), "2000-02-29T00:00:00.000Z");
    }

    #[test]
    fn the_epoch_is_the_epoch_and_offsets_count() {
        assert_eq!(Stamp::parse("1970-01-01T01:00:00+01:00").unwrap().instant(), 0);
        assert_eq!(Stamp::parse("2026-12-01T20:00:00+01:00").unwrap().instant(), 1_796_151_600);
    }

    proptest! {
        #[test]
        fn moving_a_date_moves_its_instant(days in -300_000_i64..300_000, minutes in -500_000_i64..500_000) {
            let (year, month, day) = civil_from_days(days);
            prop_assert_eq!(days_from_civil(year, month, day), days);
            let stamp = Stamp { year, month, day, hour: 20, minute: 15, second: 7, offset_minutes: 60 };
            prop_assert_eq!(stamp.later(minutes).instant(), stamp.instant() + minutes * 60);
        }

        #[test]
        fn parsing_never_panics(text in "\\PC{0,40}|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}[:.+\\-Z0-9]{0,16}") {
            if let Some(stamp) = Stamp::parse(&text) {
                let mut iso = Vec::new();
                stamp.write_iso(&mut iso);
                prop_assert_eq!(Stamp::parse(std::str::from_utf8(&iso).unwrap()).map(Stamp::instant), Some(stamp.instant()));
            }
        }
    }
}
