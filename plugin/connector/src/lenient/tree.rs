//! Objects and lists of an answer.
//!
//! Owns the walk: a type says which fields it has ([`Fields`], by the macro `fields!`), and everything else is skipped. One walk for all types keeps the
//! component small: a derived reader per type would be a third of it.

use std::borrow::Cow;

use super::Scalar;
use super::json::{Broken, Json};

/// An object with known fields.
pub(crate) trait Fields<'a>: Default {
    /// The place of a single value.
    fn scalar(&mut self, name: &str) -> Option<&mut Scalar<'a>>;
    /// Reads an object or a list; false, and nothing is read, when there is no such field.
    fn part(&mut self, name: Cow<'a, str>, json: &mut Json<'a>) -> Result<bool, Broken>;
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
                fn part(
                    &mut self,
                    name: std::borrow::Cow<'a, str>,
                    json: &mut $crate::lenient::Json<'a>,
                ) -> Result<bool, $crate::lenient::Broken> {
                    match &*name {
                        $($part_name => $crate::lenient::Part::read(&mut self.$part, json)?,)*
                        _ => return Ok(false),
                    }
                    Ok(true)
                }
            }
        )+
    };
}
pub(crate) use fields;

/// A part that may be there once.
pub(crate) trait Part<'a> {
    /// A name that stands twice is refused: which one counts would be a guess.
    fn read(&mut self, json: &mut Json<'a>) -> Result<(), Broken>;
}

/// The object that comes next, in its place: the largest have hundreds of bytes, and a file has thousands of them.
fn read_object<'a, T: Fields<'a>>(object: &mut T, json: &mut Json<'a>) -> Result<(), Broken> {
    json.enter();
    let mut first = true;
    while let Some(name) = json.name(&mut first)? {
        if let Some(scalar) = object.scalar(&name) {
            if !scalar.is_absent() {
                return Err(Broken);
            }
            *scalar = Scalar::read(json)?;
        } else if !object.part(name, json)? {
            json.skip()?;
        }
    }
    Ok(())
}

/// The whole text, which is one value.
pub(crate) fn read<'a, T: Fields<'a>>(text: &'a str) -> Result<Node<T>, Broken> {
    let mut json = Json::new(text);
    let mut node = Node::Absent;
    node.fill(&mut json)?;
    json.end()?;
    Ok(node)
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

impl<T> Node<T> {
    /// `self` is absent.
    fn fill<'a>(&mut self, json: &mut Json<'a>) -> Result<(), Broken>
    where
        T: Fields<'a>,
    {
        if json.peek()? == b'{' {
            *self = Self::Is(T::default());
            let Self::Is(object) = self else { return Ok(()) };
            return read_object(object, json);
        }
        if !Scalar::read(json)?.is_absent() {
            *self = Self::Misfit;
        }
        Ok(())
    }
}

impl<'a, T: Fields<'a>> Part<'a> for Node<T> {
    fn read(&mut self, json: &mut Json<'a>) -> Result<(), Broken> {
        if matches!(self, Self::Absent) { self.fill(json) } else { Err(Broken) }
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

    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

impl<'a, T: Fields<'a>> Part<'a> for List<T> {
    fn read(&mut self, json: &mut Json<'a>) -> Result<(), Broken> {
        if !matches!(self, Self::Absent) {
            return Err(Broken);
        }
        let mut nodes = Vec::new();
        let mut next = |json: &mut Json<'a>| {
            nodes.push(Node::Absent);
            nodes.last_mut().map_or(Ok(()), |node| node.fill(json))
        };
        match json.peek()? {
            b'[' => {
                json.enter();
                let mut first = true;
                while json.element(&mut first)? {
                    next(json)?;
                }
            }
            b'{' => next(json)?,
            _ => {
                if !Scalar::read(json)?.is_absent() {
                    *self = Self::Misfit;
                }
                return Ok(());
            }
        }
        *self = Self::Items(nodes);
        Ok(())
    }
}
