//! Why another system refuses, as far as it may be told: its code, never its words.
//!
//! Owns what counts as a code. What others write into an error may repeat what they were sent, a holder's name included; cutting out what
//! is no letter would leave the name in one word. So a text is taken whole or not at all.

/// The text, when it is a code: letters, digits, `_`, `-` and `.`, and no longer than `most`.
pub fn code_of(text: &str, most: usize) -> Option<&str> {
    let fits = (1..=most).contains(&text.len())
        && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-' | b'.'));
    fits.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_a_code_as_a_whole_or_not_at_all() {
        for code in ["INVALID_ARGUMENT", "file_not_found", "BadDeviceToken", "a.b-c", "7"] {
            assert_eq!(code_of(code, 20), Some(code));
        }
        for text in
            ["", "invalid value: Ada L", "Ada Lovelace", "name=Ada", "Zoé", "no\n", "<html>", "a_code_that_is_too_long"]
        {
            assert_eq!(code_of(text, 20), None, "{text}");
        }
    }
}
