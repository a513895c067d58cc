//! What a filled text must be where a phone takes nothing else: an address, a moment, a number, links, a message for a reader.
//!
//! Owns the rules. The compiler asks them of what a template or a setting says, the filling of what variables bring, so that both judge alike.
//! Does not own what becomes of a text that breaks one (`fill`: it is as good as absent).

use super::date::Stamp;

/// Apple: an NFC message has at most 64 bytes.
const NFC_MESSAGE: usize = 64;

/// Digits of a number. 15 are what a reader of JSON keeps exactly; nobody has more points.
const DIGITS: usize = 15;

/// The number in a compiled template is the place in [`Rule::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// `https://…`
    Address,
    /// `tel:…`
    Call,
    /// An address of any scheme: an app's own.
    App,
    /// RFC 3339 with an offset.
    Moment,
    /// A JSON number, written without quotes.
    Number,
    /// Digits, perhaps with a point and cents: Apple wants amounts as texts.
    Amount,
    /// Text with `<a href="…">…</a>` and no other tag.
    Links,
    /// What a reader gets over NFC.
    Nfc,
}

impl Rule {
    pub(crate) const ALL: [Rule; 8] =
        [Rule::Address, Rule::Call, Rule::App, Rule::Moment, Rule::Number, Rule::Amount, Rule::Links, Rule::Nfc];

    pub(crate) fn of(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// What a history says is missing where the text was demanded.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Address | Self::Call | Self::App => "address",
            Self::Moment => "date",
            Self::Number | Self::Amount => "number",
            Self::Links => "links",
            Self::Nfc => "nfc.message",
        }
    }

    pub(crate) fn holds(self, text: &str) -> bool {
        match self {
            Self::Address => address(text, &["https://"]),
            Self::Call => address(text, &["tel:"]),
            Self::App => is_app(text),
            Self::Moment => Stamp::parse(text).is_some(),
            Self::Number => is_number(text.strip_prefix('-').unwrap_or(text)),
            Self::Amount => is_amount(text),
            Self::Links => has_links_only(text),
            Self::Nfc => text.len() <= NFC_MESSAGE,
        }
    }
}

/// One of the beginnings, and something behind it that may stand in an address.
fn address(text: &str, beginnings: &[&str]) -> bool {
    let rest = beginnings.iter().find_map(|beginning| text.strip_prefix(beginning));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && is_clean(rest))
}

/// RFC 3986 has no spaces, quotes nor angle brackets; letters beyond ASCII are left to the phone.
fn is_clean(text: &str) -> bool {
    text.bytes().all(|byte| byte > b' ' && !matches!(byte, b'"' | b'<' | b'>' | 0x7f))
}

fn is_app(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let first = scheme.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
    first && scheme.bytes().all(letters) && !rest.is_empty() && is_clean(rest)
}

fn is_number(text: &str) -> bool {
    // JSON knows no leading zeros.
    is_amount(text) && text.len() <= DIGITS && (!text.starts_with('0') || text == "0" || text.starts_with("0."))
}

fn is_amount(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('.').map_or(digits(text), |(whole, cents)| digits(whole) && digits(cents))
}

/// Wallet shows links and nothing else of HTML; where one leads is the holder's trust in whoever issued the pass.
fn has_links_only(text: &str) -> bool {
    let mut open = false;
    let mut rest = text;
    while let Some((_, tag)) = rest.split_once('<') {
        let Some((tag, after)) = tag.split_once('>') else { return false };
        let fits = if open { tag == "/a" } else { target(tag).is_some_and(leads_well) };
        if !fits {
            return false;
        }
        open = !open;
        rest = after;
    }
    !open
}

/// What stands between the quotes of `a href="…"`, where there is no second attribute.
fn target(tag: &str) -> Option<&str> {
    let quoted = tag.strip_prefix("a href=")?;
    let inside = |quote: char| quoted.strip_prefix(quote)?.strip_suffix(quote).filter(|text| !text.contains(quote));
    inside('"').or_else(|| inside('\''))
}

fn leads_well(target: &str) -> bool {
    address(target, &["https://", "tel:", "mailto:"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_takes_what_a_phone_takes_and_nothing_else() {
        let good = [
            (Rule::Address, &["https://a", "https://example.org/x?y=1#z", "https://exämple.org"][..]),
            (Rule::Call, &["tel:+41225550100"]),
            (Rule::App, &["https://a", "opera-app:tickets/1"]),
            (Rule::Moment, &["2026-12-01T20:00:00+01:00", "2026-12-01T20:00Z"]),
            (Rule::Number, &["0", "-3", "120.50", "0.5"]),
            (Rule::Amount, &["45", "45.00", "0045"]),
            (
                Rule::Links,
                &["", "a", "<a href=\"https://a\">x</a>, <a href='mailto:a@b'>y</a> or <a href=\"tel:1\">z</a>"],
            ),
            (Rule::Nfc, &["é", "0123456789012345678901234567890123456789012345678901234567890123"]),
        ];
        let bad = [
            (
                Rule::Address,
                &["", "https://", "https:///x", "http://a", "+41 22 555 01 00", "https://a b", "https://a\"b"][..],
            ),
            (Rule::Call, &["tel:", "tel:+41 22", "https://a"]),
            (Rule::App, &["+41 22 555 01 00", "app:", ":x", "1a:x", "a"]),
            (Rule::Moment, &["2026-12-01", "2026-12-01T20:00", "soon"]),
            (Rule::Number, &["", "007", "1,5", "1.", ".5", "1e3", "--1", "1234567890123456"]),
            (Rule::Amount, &["", "45,00", "-1", "1."]),
            (
                Rule::Links,
                &[
                    "<b>x</b>",
                    "a < b",
                    "<a href=\"http://a\">x</a>",
                    "<a href=\"javascript:x\">x</a>",
                    "<a href=\"https://a\" onclick=\"x\">x</a>",
                    "<a href=\"https://a\">x",
                    "x</a>",
                    "<a href=\"https://a\"><a href=\"https://b\">x</a></a>",
                    "<a href=https://a>x</a>",
                ],
            ),
            (Rule::Nfc, &["01234567890123456789012345678901234567890123456789012345678901é4"]),
        ];
        for (wanted, cases) in [(true, good), (false, bad)] {
            for (rule, texts) in cases {
                for text in texts {
                    assert_eq!(rule.holds(text), wanted, "{rule:?} of {text:?}");
                }
            }
        }
    }

    #[test]
    fn a_rule_is_found_by_its_number() {
        for (number, rule) in Rule::ALL.into_iter().enumerate() {
            assert_eq!(Rule::of(u8::try_from(number).unwrap()), Some(rule));
            assert_eq!(rule as usize, number);
        }
        assert_eq!(Rule::of(8), None);
    }
}
