//! The tables as text: their version, and how a host makes them that takes one statement at a time.
//!
//! Owns the version. Does not own where a host keeps it, nor when it makes the tables.

/// Version of `schema.sql`.
pub const VERSION: i64 = 1;

/// The tables and their indexes, to be made in one transaction in an empty database.
pub const TABLES: &str = include_str!("schema.sql");

/// The statements of a script, without their semicolons, in order. Knows comments, strings and quoted names; a trigger, whose body holds
/// semicolons, is beyond it.
pub fn statements(script: &str) -> impl Iterator<Item = &str> {
    let mut rest = script;
    std::iter::from_fn(move || {
        loop {
            rest = start(rest);
            if rest.is_empty() {
                return None;
            }
            let (statement, after) = rest.split_at(end(rest));
            rest = after.strip_prefix(';').unwrap_or(after);
            if !statement.is_empty() {
                return Some(statement.trim_end());
            }
        }
    })
}

/// What is left after blanks and comments.
fn start(mut text: &str) -> &str {
    loop {
        text = text.trim_start();
        match comment(text) {
            0 => return text,
            length => text = text.get(length..).unwrap_or_default(),
        }
    }
}

/// Where the statement ends that begins here: at its semicolon, or with the text.
fn end(text: &str) -> usize {
    let mut at = 0;
    while let Some(rest) = text.get(at..)
        && let Some(next) = rest.chars().next()
    {
        at += match next {
            ';' => return at,
            // A quote within is written twice: it ends one and begins the next.
            '\'' | '"' | '`' => 1 + until(rest.get(1..).unwrap_or_default(), &next.to_string()),
            _ => comment(rest).max(next.len_utf8()),
        };
    }
    text.len()
}

/// The length of the comment that begins here; 0 when none does.
fn comment(text: &str) -> usize {
    if text.starts_with("--") {
        until(text, "\n")
    } else if text.starts_with("/*") {
        2 + until(text.get(2..).unwrap_or_default(), "*/")
    } else {
        0
    }
}

/// The length up to and with the mark; all of it when there is none.
fn until(text: &str, mark: &str) -> usize {
    text.find(mark).map_or(text.len(), |at| at + mark.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_semicolon_ends_a_statement_unless_it_is_in_a_comment_or_quoted() {
        let script =
            "-- it's; nothing\nA 'x;''y' \"z;\" -- one; two's\n /* ; ' */ B;;\n C/D-E ; /* only this */ -- and this";
        let split: Vec<_> = statements(script).collect();
        assert_eq!(split, ["A 'x;''y' \"z;\" -- one; two's\n /* ; ' */ B", "C/D-E"]);
        assert_eq!(statements("é; ü").collect::<Vec<_>>(), ["é", "ü"]);
        assert_eq!(statements(" -- nothing").count(), 0);
        assert_eq!(statements("/* open").count(), 0);
        assert_eq!(statements("A 'open;").collect::<Vec<_>>(), ["A 'open;"]);
    }

    #[test]
    fn each_statement_of_the_tables_makes_one_thing() {
        for statement in statements(TABLES) {
            assert!(
                statement.starts_with("CREATE TABLE ")
                    || statement.starts_with("CREATE INDEX ")
                    || statement.starts_with("CREATE UNIQUE INDEX "),
                "{statement}"
            );
            assert_eq!(statement.matches("CREATE ").count(), 1, "{statement}");
        }
        assert_eq!(
            statements(TABLES).count(),
            TABLES.matches("\nCREATE TABLE").count()
                + TABLES.matches("\nCREATE INDEX").count()
                + TABLES.matches("\nCREATE UNIQUE INDEX").count()
        );
    }
}
