//! How long an instance lives and how much it is given, with Spin's defaults and Spin's notation.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::str::FromStr;
use std::time::Duration;

/// One value, or a range (end excluded) from which each instance draws its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span<T> {
    start: T,
    end: Option<T>,
}

#[derive(Debug, Clone, Copy)]
pub struct Reuse {
    /// Requests per instance.
    pub count: Span<usize>,
    /// Requests at once per instance.
    pub concurrent: Span<usize>,
    pub idle: Span<Duration>,
    pub request: Option<Span<Duration>>,
}

impl Default for Reuse {
    fn default() -> Self {
        let of = |start| Span { start, end: None };
        Self {
            count: of(128),
            concurrent: of(16),
            idle: Span { start: Duration::from_secs(1), end: None },
            request: None,
        }
    }
}

impl Span<usize> {
    pub fn draw(self) -> usize {
        let width = self.end.map_or(1, |end| end.saturating_sub(self.start).max(1));
        // A hasher with random keys is all the chance that a test host needs.
        self.start + usize::try_from(RandomState::new().hash_one(0u8)).unwrap_or(0) % width
    }
}

impl Span<Duration> {
    pub fn draw(self) -> Duration {
        let nanos = |duration: Duration| usize::try_from(duration.as_nanos()).unwrap_or(usize::MAX);
        let drawn = Span { start: nanos(self.start), end: self.end.map(nanos) }.draw();
        Duration::from_nanos(u64::try_from(drawn).unwrap_or(u64::MAX))
    }
}

fn span<T>(text: &str, parse: impl Fn(&str) -> Option<T>) -> Option<Span<T>> {
    match text.split_once("..") {
        Some((start, end)) => Some(Span { start: parse(start)?, end: Some(parse(end)?) }),
        None => Some(Span { start: parse(text)?, end: None }),
    }
}

impl FromStr for Span<usize> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        span(text, |part| part.parse().ok())
            .ok_or_else(|| format!("`{text}` is neither a number nor a range like 1..8"))
    }
}

impl FromStr for Span<Duration> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let duration = |part: &str| {
            let number = |suffix: &str| part.strip_suffix(suffix).and_then(|number| number.parse::<u64>().ok());
            None.or_else(|| number("ms").map(Duration::from_millis))
                .or_else(|| number("us").map(Duration::from_micros))
                .or_else(|| number("ns").map(Duration::from_nanos))
                .or_else(|| number("s").map(Duration::from_secs))
                .or_else(|| number("").map(Duration::from_secs))
        };
        span(text, duration).ok_or_else(|| format!("`{text}` is not a time like 1s, 500ms or 1..8s"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_read_as_spin_reads_them() {
        assert_eq!("7".parse::<Span<usize>>().unwrap().draw(), 7);
        assert_eq!("500ms".parse::<Span<Duration>>().unwrap().draw(), Duration::from_millis(500));
        assert_eq!("2".parse::<Span<Duration>>().unwrap().draw(), Duration::from_secs(2));
        for text in ["", "a", "1..", "-1"] {
            assert!(text.parse::<Span<usize>>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_range_is_drawn_from_without_its_end() {
        let drawn: std::collections::BTreeSet<usize> =
            (0..200).map(|_| "1..4".parse::<Span<usize>>().unwrap().draw()).collect();
        assert_eq!(drawn, [1, 2, 3].into());
    }
}
