//! Objects and lists of an answer.
//!
//! Owns the walk: a type says which fields it has ([`Fields`], by the macro `fields!`), and everything else is skipped. One walk for all types keeps the
//! component small: a derived reader per type would be a third of it.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Scalar, skip_list};

/// An object with known fields.
pub(crate) trait Fields<'a>: Default {
    /// The place of a single value.
    fn scalar(&mut self, name: &str) -> Option<&mut Scalar<'a>>;
    /// Reads an object or a list; false, and nothing is read, when there is no such field.
    fn part<A: MapAccess<'a>>(&mut self, name: &Name<'a>, map: &mut A) -> Result<bool, A::Error>;
}

/// A field's name: borrowed unless it holds an escape.
pub(crate) struct Name<'a>(pub(crate) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(text)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(NameVisitor)
    }
}

/// Declares objects by their fields, each with its name in JSON: first the single values, then objects and lists with their kind.
macro_rules! fields {
    ($(
        $(#[$meta:meta])*
        struct $type:ident<'a> {
            [$($scalar:ident = $scalar_name:literal),*]
            $($(#[$note:meta])* $part:ident: $kind:ty = $part_name:literal,)*
        }
    )+) => {
        $(
            $(#[$meta])*
            #[derive(Debug, Default)]
            pub(super) struct $type<'a> {
                $(pub $scalar: $crate::lenient::Scalar<'a>,)*
                $($(#[$note])* pub $part: $kind,)*
            }

            impl<'a> $crate::lenient::Fields<'a> for $type<'a> {
                fn scalar(&mut self, name: &str) -> Option<&mut $crate::lenient::Scalar<'a>> {
                    match name {
                        $($scalar_name => Some(&mut self.$scalar),)*
                        _ => None,
                    }
                }

                // An object of single values has no parts.
                #[allow(unused_variables, unreachable_code)]
                fn part<A: serde::de::MapAccess<'a>>(
                    &mut self,
                    name: &$crate::lenient::Name<'a>,
                    map: &mut A,
                ) -> Result<bool, A::Error> {
                    match &*name.0 {
                        $($part_name => $crate::lenient::read_part(&mut self.$part, map)?,)*
                        _ => return Ok(false),
                    }
                    Ok(true)
                }
            }
        )+
    };
}
pub(crate) use fields;

/// A name that stands twice is refused: which one counts would be a guess.
fn twice<E: Error>() -> E {
    E::custom("a name stands twice")
}

/// A part that may be there once.
pub(crate) trait Part {
    fn is_absent(&self) -> bool;
}

pub(crate) fn read_part<'de, P: Part + Deserialize<'de>, A: MapAccess<'de>>(
    part: &mut P,
    map: &mut A,
) -> Result<(), A::Error> {
    if !part.is_absent() {
        return Err(twice());
    }
    *part = map.next_value()?;
    Ok(())
}

fn read_object<'de, T: Fields<'de>, A: MapAccess<'de>>(mut map: A) -> Result<T, A::Error> {
    let mut object = T::default();
    while let Some(name) = map.next_key::<Name<'de>>()? {
        if let Some(scalar) = object.scalar(&name.0) {
            if !scalar.is_absent() {
                return Err(twice());
            }
            *scalar = map.next_value()?;
        } else if !object.part(&name, &mut map)? {
            map.next_value::<IgnoredAny>()?;
        }
    }
    Ok(object)
}

/// Single values, where none is expected.
macro_rules! misfits {
    ($misfit:expr, $absent:expr) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("anything")
        }
        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok($absent)
        }
        fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
            Ok($misfit)
        }
        fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
            Ok($misfit)
        }
        fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
            Ok($misfit)
        }
        fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
            Ok($misfit)
        }
        fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
            Ok($misfit)
        }
    };
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

    pub(crate) fn into_option(self) -> Option<T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Absent | Self::Misfit => None,
        }
    }

    pub(crate) fn is_misfit(&self) -> bool {
        matches!(self, Self::Misfit)
    }
}

impl<T> Part for Node<T> {
    fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

impl<'de, T: Fields<'de>> Deserialize<'de> for Node<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NodeVisitor<T>(PhantomData<T>);
        impl<'de, T: Fields<'de>> Visitor<'de> for NodeVisitor<T> {
            type Value = Node<T>;
            misfits!(Node::Misfit, Node::Absent);
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                skip_list(seq)?;
                Ok(Node::Misfit)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                read_object(map).map(Node::Is)
            }
        }
        deserializer.deserialize_any(NodeVisitor(PhantomData))
    }
}

/// A list of objects. One object stands for a list of one, as services that began as SOAP write it.
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

    pub(crate) fn is_misfit(&self) -> bool {
        matches!(self, Self::Misfit)
    }
}

impl<T> Part for List<T> {
    fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

impl<'de, T: Fields<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor<T>(PhantomData<T>);
        impl<'de, T: Fields<'de>> Visitor<'de> for ListVisitor<T> {
            type Value = List<T>;
            misfits!(List::Misfit, List::Absent);
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut nodes = Vec::new();
                while let Some(node) = seq.next_element()? {
                    nodes.push(node);
                }
                Ok(List::Items(nodes))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                read_object(map).map(|value| List::Items(vec![Node::Is(value)]))
            }
        }
        deserializer.deserialize_any(ListVisitor(PhantomData))
    }
}
