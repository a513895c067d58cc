//! A single value of an answer.
//!
//! Owns what counts as text, identifier and number. A number may stand where text is expected and the reverse.

use std::borrow::Cow;

use super::json::{Broken, Json, Number};
use crate::scan;

/// A single value.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Scalar<'a> {
    /// Not there, or null.
    #[default]
    Absent,
    Text(Cow<'a, str>),
    Whole(i64),
    /// Fractional, or beyond 64 bits.
    Real(f64),
    Flag(bool),
    /// An object or a list stands here.
    Misfit,
}

impl<'a> Scalar<'a> {
    /// Whatever comes next.
    pub(crate) fn read(json: &mut Json<'a>) -> Result<Self, Broken> {
        Ok(match json.peek()? {
            b'"' => Self::Text(json.text()?),
            b'n' => {
                json.word("null")?;
                Self::Absent
            }
            b't' => {
                json.word("true")?;
                Self::Flag(true)
            }
            b'f' => {
                json.word("false")?;
                Self::Flag(false)
            }
            b'{' | b'[' => {
                json.skip()?;
                Self::Misfit
            }
            _ => match json.number()? {
                Number::Whole(number) => Self::Whole(number),
                Number::Real(number) => Self::Real(number),
            },
        })
    }

    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Text as it can be shown; none when nothing is left of it. Whole numbers are text too.
    pub(crate) fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) => shown(text),
            Self::Whole(number) => Some(Cow::Owned(number.to_string())),
            _ => None,
        }
    }

    /// The same, leaving nothing behind.
    pub(crate) fn into_text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// There is something here that [`Self::text`] does not give: of the wrong kind, not merely empty.
    pub(crate) fn is_misfit(&self) -> bool {
        matches!(self, Self::Real(_) | Self::Flag(_) | Self::Misfit)
    }

    /// A SecuTix identifier: an int64, written as a number or as its decimal text.
    pub(crate) fn id(&self) -> Option<i64> {
        match self {
            Self::Whole(number) => Some(*number),
            Self::Text(text) => parse_id(text.trim()),
            _ => None,
        }
    }

    pub(crate) fn real(&self) -> Option<f64> {
        match self {
            // Exact up to 2^53; a coordinate is far below.
            #[allow(clippy::cast_precision_loss)]
            Self::Whole(number) => Some(*number as f64),
            Self::Real(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
            _ => None,
        }
    }
}

/// Without the space around it, and without control characters, which no wallet shows and some refuse.
fn shown(text: &str) -> Option<Cow<'_, str>> {
    // Nearly all text is printable ASCII, of which nothing but spaces at the ends goes.
    let plain = scan::is_printable(text.as_bytes());
    if plain
        && let [first, .., last] = text.as_bytes()
        && *first != b' '
        && *last != b' '
    {
        return Some(Cow::Borrowed(text));
    }
    let text =
        if plain { text.trim_matches(' ') } else { text.trim_matches(|c: char| c.is_whitespace() || c.is_control()) };
    if text.is_empty() {
        return None;
    }
    if plain || !text.contains(char::is_control) {
        return Some(Cow::Borrowed(text));
    }
    Some(Cow::Owned(text.chars().filter(|c| !c.is_control()).collect()))
}

/// An int64 in decimal digits: no plus sign, no space.
pub(crate) fn parse_id(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}
