//! Two texts, line by line, as a difference: ` ` in both, `-` in the installed plugin's alone, `+` in the new one's alone.
//!
//! Owns the lines and their marks. The order is that of the texts, and the same for the same two texts.

#![allow(clippy::print_stdout)] // a comparison is what it is run for

/// Pairs of lines that are compared at most. What is longer, which is a plugin that sends bodies of many lines, is shown as one whole in place of
/// the other: a table of all pairs would take more memory than the plugin.
const PAIRS: usize = 1 << 20;

pub fn print(was: &str, is: &str) {
    let (was, is): (Vec<&str>, Vec<&str>) = (was.lines().collect(), is.lines().collect());
    for (mark, line) in lines(&was, &is) {
        println!("{mark} {}", plain(line));
    }
    println!();
}

/// What came from a plugin has no say over the terminal.
pub fn plain(line: &str) -> String {
    line.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Removed lines stand before those that took their place.
pub fn lines<'a>(was: &[&'a str], is: &[&'a str]) -> Vec<(char, &'a str)> {
    if was.len().saturating_mul(is.len()) > PAIRS {
        let removed = was.iter().map(|line| ('-', *line));
        return removed.chain(is.iter().map(|line| ('+', *line))).collect();
    }
    // Of each pair of ends: the length of the longest sequence that both have.
    let mut common = vec![vec![0_usize; is.len() + 1]; was.len() + 1];
    let at = |common: &[Vec<usize>], i: usize, j: usize| common.get(i).and_then(|row| row.get(j)).copied().unwrap_or(0);
    for (i, old) in was.iter().enumerate().rev() {
        for (j, new) in is.iter().enumerate().rev() {
            let length = if old == new {
                at(&common, i + 1, j + 1) + 1
            } else {
                at(&common, i + 1, j).max(at(&common, i, j + 1))
            };
            if let Some(place) = common.get_mut(i).and_then(|row| row.get_mut(j)) {
                *place = length;
            }
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut marked = Vec::with_capacity(was.len().max(is.len()));
    loop {
        match (was.get(i), is.get(j)) {
            (Some(old), Some(new)) if old == new => {
                marked.push((' ', *old));
                (i, j) = (i + 1, j + 1);
            }
            (Some(old), new) if new.is_none() || at(&common, i + 1, j) >= at(&common, i, j + 1) => {
                marked.push(('-', *old));
                i += 1;
            }
            (_, Some(new)) => {
                marked.push(('+', *new));
                j += 1;
            }
            (_, None) => return marked,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(was: &str, is: &str) -> String {
        let (was, is): (Vec<&str>, Vec<&str>) = (was.split(' ').collect(), is.split(' ').collect());
        lines(&was, &is).into_iter().map(|(mark, line)| format!("{mark}{line}")).collect::<Vec<_>>().join(",")
    }

    #[test]
    fn what_both_have_stays_in_its_place_and_a_removed_line_stands_before_its_successor() {
        assert_eq!(marked("a b c", "a x c"), " a,-b,+x, c");
        assert_eq!(marked("a b", "a b"), " a, b");
        assert_eq!(marked("a b c", "c a b"), "+c, a, b,-c");
    }

    #[test]
    fn a_line_that_stands_there_twice_is_counted_twice() {
        assert_eq!(marked("a", "a a"), " a,+a");
        assert_eq!(marked("a b a", "a"), " a,-b,-a");
    }

    #[test]
    fn texts_of_very_many_lines_are_shown_whole() {
        let many: Vec<&str> = std::iter::repeat_n("a", 1100).collect();
        let marked = lines(&many, &many);
        assert_eq!(marked.len(), 2200);
        assert_eq!(marked.first(), Some(&('-', "a")));
    }

    #[test]
    fn a_plugin_s_text_cannot_steer_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb"), "a\u{fffd}[2Jb");
    }
}
