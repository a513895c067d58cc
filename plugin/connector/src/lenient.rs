//! Lenient reading of somebody else's JSON: a part of the wrong kind is noticed where it stands and spoils nothing around it.
//!
//! Owns the reading of single values, objects and lists of a SecuTix answer without copying text. Does not own what they mean
//! (`scenario`) nor strictness (`webhook`). Only broken JSON fails; a number may stand where text is expected and the reverse, null and
//! absence are the same, and one object may stand for a list of one, as services that began as SOAP write it.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

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

    /// Text without the space around it; none when nothing is left. Whole numbers are text too.
    pub(crate) fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) => {
                let text = text.trim();
                (!text.is_empty()).then_some(Cow::Borrowed(text))
            }
            Self::Whole(number) => Some(Cow::Owned(number.to_string())),
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

/// For optional text of a part: borrowed unless it holds an escape. (serde borrows a `Cow` only where it is not within an `Option`.)
pub(crate) fn borrowed<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cow<'a, str>>, D::Error> {
    Ok(match Scalar::deserialize(deserializer)? {
        Scalar::Text(text) if !text.is_empty() => Some(text),
        _ => None,
    })
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

/// An object.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Node<T> {
    #[default]
    Absent,
    Is(T),
    Misfit,
}

impl<T> Node<T> {
    pub(crate) fn get(&self) -> Option<&T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Absent | Self::Misfit => None,
        }
    }

    pub(crate) fn is_misfit(&self) -> bool {
        matches!(self, Self::Misfit)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Node<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor(PhantomData))
    }
}

struct NodeVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for NodeVisitor<T> {
    type Value = Node<T>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }
    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Node::Absent)
    }
    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Node::Misfit)
    }
    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Node::Misfit)
    }
    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Node::Misfit)
    }
    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Node::Misfit)
    }
    fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Node::Misfit)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        skip_list(seq)?;
        Ok(Node::Misfit)
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Node::Is)
    }
}

/// A list of objects.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum List<T> {
    #[default]
    Absent,
    Items(Vec<Node<T>>),
    Misfit,
}

impl<T> List<T> {
    /// Every place of the list, also those that hold no object.
    pub(crate) fn nodes(&self) -> &[Node<T>] {
        match self {
            Self::Items(nodes) => nodes,
            Self::Absent | Self::Misfit => &[],
        }
    }

    /// The objects with their places.
    pub(crate) fn objects(&self) -> impl Iterator<Item = (usize, &T)> {
        self.nodes().iter().enumerate().filter_map(|(at, node)| node.get().map(|value| (at, value)))
    }

    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    pub(crate) fn is_misfit(&self) -> bool {
        matches!(self, Self::Misfit)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListVisitor(PhantomData))
    }
}

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = List<T>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }
    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(List::Absent)
    }
    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(List::Misfit)
    }
    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(List::Misfit)
    }
    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(List::Misfit)
    }
    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(List::Misfit)
    }
    fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(List::Misfit)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = seq.next_element()? {
            nodes.push(node);
        }
        Ok(List::Items(nodes))
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|value| List::Items(vec![Node::Is(value)]))
    }
}

fn skip_list<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<(), A::Error> {
    while seq.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

fn skip_object<'de, A: MapAccess<'de>>(mut map: A) -> Result<(), A::Error> {
    while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(json: &str) -> Scalar<'_> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn an_identifier_is_an_int64_as_number_or_text() {
        for (json, id) in [
            ("10228310724999", Some(10_228_310_724_999)),
            ("\"10228310724999\"", Some(10_228_310_724_999)),
            ("\" 7 \"", Some(7)),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", None),
            ("1e3", None),
            ("1.5", None),
            ("\"+5\"", None),
            ("\"abc\"", None),
            ("\"\"", None),
            ("true", None),
            ("[1]", None),
            ("null", None),
        ] {
            assert_eq!(scalar(json).id(), id, "{json}");
        }
    }

    #[test]
    fn what_is_of_the_wrong_kind_spoils_nothing_around_it() {
        let list: List<Vec<u8>> = serde_json::from_str("7").unwrap();
        assert_eq!(list, List::Misfit);
        let list: List<std::collections::BTreeMap<String, Scalar<'_>>> =
            serde_json::from_str(r#"[{"a":1},"x",null,[2]]"#).unwrap();
        assert_eq!(list.nodes().len(), 4);
        assert_eq!(list.objects().count(), 1);
    }

    #[test]
    fn one_object_stands_for_a_list_of_one() {
        let list: List<std::collections::BTreeMap<String, Scalar<'_>>> = serde_json::from_str(r#"{"a":1}"#).unwrap();
        assert_eq!(list.objects().count(), 1);
    }

    #[test]
    fn coordinates_come_as_numbers_or_text() {
        assert_eq!(scalar("46.2").real(), Some(46.2));
        assert_eq!(scalar("\"46.2\"").real(), Some(46.2));
        assert_eq!(scalar("46").real(), Some(46.0));
        assert_eq!(scalar("\"inf\"").real(), None);
    }
}
