//! Why a body is no JSON, in words for whoever pasted it: the examples that Vibes publishes have comments, a doubled brace and `NULL`.
//!
//! Owns the search and the sentences. They name lines and marks and never repeat a value: what was pasted may be a real callback with a slip in it.

/// Sentences about one body; more would only repeat themselves.
const MOST: usize = 8;

/// What keeps the text from being JSON. Never empty for a text that is none.
pub(super) fn why_not_json(text: &str, line: usize, column: usize) -> Vec<String> {
    let found = marks(text);
    let mut told = Vec::new();
    if !found.is_empty() {
        told.push(
            "this is an example of Vibes' documentation rather than a callback: the examples are not JSON, what Vibes sends is".to_owned(),
        );
    }
    told.extend(found.into_iter().take(MOST).map(|(line, what)| format!("line {line}: {what}")));
    if told.is_empty() {
        told.push(match text.trim().is_empty() {
            true => "the body is empty; a callback of Vibes is a JSON object".to_owned(),
            false => format!("the body is not JSON: line {line}, column {column}"),
        });
    }
    told
}

/// Lines with what their examples have and JSON has not, each kind once.
fn marks(text: &str) -> Vec<(usize, &'static str)> {
    let mut found: Vec<(usize, &'static str)> = Vec::new();
    let mut tell = |line: usize, what: &'static str| {
        if found.iter().all(|(_, told)| *told != what) {
            found.push((line, what));
        }
    };
    let (mut line, mut quoted, mut opened) = (1, false, false);
    let mut rest = text.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        let after = text.get(at..).unwrap_or_default();
        match c {
            '\n' => line += 1,
            // The character behind it is text, whatever it is.
            '\\' if quoted => drop(rest.next()),
            '"' => quoted = !quoted,
            _ if quoted => {}
            '/' if after.starts_with("//") || after.starts_with("/*") => {
                tell(line, "a comment; JSON has none");
                while rest.peek().is_some_and(|(_, next)| *next != '\n') {
                    rest.next();
                }
            }
            '{' if opened => tell(line, "a second { directly behind the first; one of them is too many"),
            'N' if after.starts_with("NULL") => tell(line, "NULL; JSON writes null, in small letters"),
            '\u{201c}' | '\u{201d}' => tell(line, "a typographic quotation mark; JSON takes \" alone"),
            _ => {}
        }
        if !c.is_whitespace() {
            opened = c == '{' && !quoted;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As it is published for `wallet_item_install`, shortened.
    const INSTALL: &str = "{\n  {\n  \"event_id\": \"5725c57e\",\n  \"event_type\": \"wallet_item_install\", //deprecated\n  \
        \"wallet_instance\": {\n    \"unregistered_at\": NULL,\n    \"provider\": \"google\"\n  }\n}";

    #[test]
    fn a_pasted_example_is_told_what_of_it_is_not_json_and_where() {
        let told = why_not_json(INSTALL, 2, 3);
        assert_eq!(told.len(), 4, "{told:#?}");
        assert!(told[0].contains("example of Vibes' documentation"), "{told:#?}");
        assert!(told[1].starts_with("line 2: a second {"), "{told:#?}");
        assert!(told[2].starts_with("line 4: a comment"), "{told:#?}");
        assert!(told[3].starts_with("line 6: NULL"), "{told:#?}");
    }

    #[test]
    fn a_slip_in_a_real_one_is_told_by_its_place_and_without_its_values() {
        let told = why_not_json("{\"first_name\": \"Calrissian\" \"url\": \"https://a // NULL {{\\\" \"}", 1, 29);
        assert_eq!(told, ["the body is not JSON: line 1, column 29"]);
        assert_eq!(why_not_json(" \n", 2, 0), ["the body is empty; a callback of Vibes is a JSON object"]);
    }

    #[test]
    fn what_is_json_has_none_of_the_marks() {
        assert_eq!(marks("{\"a\": {\"b\": null, \"c\": \"{{ // NULL \u{201c}\"}, \"d\": [{}, {}]}"), []);
    }
}
