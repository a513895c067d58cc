//! A single value of an answer.
//!
//! Owns what counts as text, identifier and number. A number may stand where text is expected and the reverse.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{skip_list, skip_object};

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
    let plain = text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
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

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ScalarVisitor;
        impl<'de> Visitor<'de> for ScalarVisitor {
            type Value = Scalar<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }
            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Scalar::Absent)
            }
            fn visit_bool<E: Error>(self, flag: bool) -> Result<Self::Value, E> {
                Ok(Scalar::Flag(flag))
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Scalar::Whole(number))
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
                // Beyond int64 there is no identifier; which number it is does not matter.
                #[allow(clippy::cast_precision_loss)]
                Ok(i64::try_from(number).map_or(Scalar::Real(number as f64), Scalar::Whole))
            }
            fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
                Ok(Scalar::Real(number))
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Scalar::Text(Cow::Borrowed(text)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Scalar::Text(Cow::Owned(text.to_owned())))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                skip_list(seq)?;
                Ok(Scalar::Misfit)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                skip_object(map)?;
                Ok(Scalar::Misfit)
            }
        }
        deserializer.deserialize_any(ScalarVisitor)
    }
}
