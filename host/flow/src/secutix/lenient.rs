//! A few fields of somebody else's JSON, for a person to read.
//!
//! Owns leniency: what is of the wrong kind is as good as absent and spoils nothing around it; of a name that stands twice the last one counts.
//! Does not own a decision: the connector has its own reader, which is stricter where passes depend on it.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// An object of which some fields are read.
pub(super) trait Fields: Default {
    /// Reads the field; false, and nothing is read, when there is none of that name.
    fn read<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error>;
}

/// Declares objects by their fields, each with its name in JSON.
macro_rules! fields {
    ($(struct $type:ident { $($field:ident: $kind:ty = $name:literal,)* })+) => {
        $(
            #[derive(Default)]
            struct $type {
                $($field: $kind,)*
            }

            impl $crate::secutix::lenient::Fields for $type {
                fn read<'de, A: serde::de::MapAccess<'de>>(
                    &mut self,
                    name: &str,
                    map: &mut A,
                ) -> Result<bool, A::Error> {
                    match name {
                        $($name => self.$field = map.next_value()?,)*
                        _ => return Ok(false),
                    }
                    Ok(true)
                }
            }
        )+
    };
}
pub(super) use fields;

/// Text that is not empty, or a whole number as text.
#[derive(Clone, Default)]
pub(super) struct Text(pub Option<String>);

/// An object.
pub(super) struct Node<T>(pub Option<T>);

/// The objects of a list. One object stands for a list of one, as services that began as SOAP write it. None: it is no list.
pub(super) struct List<T>(pub Option<Vec<T>>);

impl<T> Default for Node<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> List<T> {
    pub(super) fn items(self) -> Vec<T> {
        self.0.unwrap_or_default()
    }
}

fn object<'de, T: Fields, A: MapAccess<'de>>(mut map: A) -> Result<T, A::Error> {
    let mut object = T::default();
    while let Some(name) = map.next_key::<String>()? {
        if !object.read(&name, &mut map)? {
            map.next_value::<IgnoredAny>()?;
        }
    }
    Ok(object)
}

/// Single values that are never what is wanted.
macro_rules! nothing {
    ($nothing:expr) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("anything")
        }
        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok($nothing)
        }
        fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
            Ok($nothing)
        }
        fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
            Ok($nothing)
        }
    };
}

/// No single value is what is wanted.
macro_rules! no_single {
    ($nothing:expr) => {
        nothing!($nothing);
        fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
            Ok($nothing)
        }
        fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
            Ok($nothing)
        }
        fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
            Ok($nothing)
        }
    };
}

fn skip<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<(), A::Error> {
    while seq.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text;
            nothing!(Text(None));
            fn visit_i64<E: Error>(self, number: i64) -> Result<Text, E> {
                Ok(Text(Some(number.to_string())))
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Text, E> {
                Ok(Text(Some(number.to_string())))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
                let text = text.trim();
                Ok(Text((!text.is_empty()).then(|| text.to_owned())))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Text, A::Error> {
                skip(seq)?;
                Ok(Text(None))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Text, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Text(None))
            }
        }
        deserializer.deserialize_any(TextVisitor)
    }
}

impl<'de, T: Fields> Deserialize<'de> for Node<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NodeVisitor<T>(PhantomData<T>);
        impl<'de, T: Fields> Visitor<'de> for NodeVisitor<T> {
            type Value = Node<T>;
            no_single!(Node(None));
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                skip(seq)?;
                Ok(Node(None))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                object(map).map(|object| Node(Some(object)))
            }
        }
        deserializer.deserialize_any(NodeVisitor(PhantomData))
    }
}

impl<'de, T: Fields> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor<T>(PhantomData<T>);
        impl<'de, T: Fields> Visitor<'de> for ListVisitor<T> {
            type Value = List<T>;
            no_single!(List(None));
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(Node(item)) = seq.next_element()? {
                    items.extend(item);
                }
                Ok(List(Some(items)))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                object(map).map(|one| List(Some(vec![one])))
            }
        }
        deserializer.deserialize_any(ListVisitor(PhantomData))
    }
}
