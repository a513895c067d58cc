//! Sorting by numbers. One sort for everything that is ordered by identifiers and times: each further instance of the standard library's
//! would add 10 kB to the component.

/// Up to three numbers by which to sort, and a place.
pub(crate) type Ranked = (i64, i64, i64, usize);

pub(crate) fn sort(ranked: &mut [Ranked]) {
    ranked.sort_unstable();
}

/// Sorted, without doubles of the first number.
pub(crate) fn sorted(numbers: impl Iterator<Item = i64>) -> Vec<Ranked> {
    let mut ranked: Vec<Ranked> = numbers.map(|number| (number, 0, 0, 0)).collect();
    sort(&mut ranked);
    ranked
}

/// The first place of a number in a sorted list.
pub(crate) fn find(ranked: &[Ranked], number: i64) -> Option<usize> {
    let at = ranked.partition_point(|entry| entry.0 < number);
    ranked.get(at).filter(|entry| entry.0 == number).map(|entry| entry.3)
}

/// A place as a number. Answers are far below 2^63 entries.
pub(crate) fn number(place: usize) -> i64 {
    i64::try_from(place).unwrap_or(i64::MAX)
}
