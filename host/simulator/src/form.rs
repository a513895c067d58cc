//! `application/x-www-form-urlencoded` and queries, as the other side reads them.
//!
//! Owns the decoding. A broken escape is none, and not a text that stands for itself: whoever sends one is told.

/// Names and values in their order. None: a broken escape, or not UTF-8.
pub(crate) fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((unescaped(name)?, unescaped(value)?))
    };
    text.split('&').filter(|text| !text.is_empty()).map(pair).collect()
}

pub(crate) fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone_and_broken_ones_refused() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(pairs("a=b+c&%64=%C3%A9%2B&e"), Some(vec![pair("a", "b c"), pair("d", "é+"), pair("e", "")]));
        assert_eq!(pairs(""), Some(vec![]));
        for broken in ["a=%", "a=%4", "a=%zz", "a=%+1", "a=%ff"] {
            assert_eq!(pairs(broken), None, "{broken}");
        }
    }
}
