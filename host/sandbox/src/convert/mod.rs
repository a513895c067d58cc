//! Between `passerelle_contract`'s types and the bindings': the same names, field by field.
//!
//! Owns no decision. Values are moved: no byte of a body is copied here. A field that is added to the contract and forgotten here does
//! not compile, in either direction.

mod installation;
mod payload;
mod scenario;
mod tenant;
mod types;
mod webhook;

use passerelle_contract as contract;

use super::bindings as guest;

/// A type with a twin on the other side.
pub trait Cross: Sized {
    type Twin;

    fn cross(self) -> Self::Twin;

    /// A list of them. Bytes stay where they are; others are moved one by one.
    fn cross_all(list: Vec<Self>) -> Vec<Self::Twin> {
        list.into_iter().map(Self::cross).collect()
    }
}

impl<T: Cross> Cross for Vec<T> {
    type Twin = Vec<T::Twin>;
    fn cross(self) -> Self::Twin {
        T::cross_all(self)
    }
}

impl<T: Cross> Cross for Option<T> {
    type Twin = Option<T::Twin>;
    fn cross(self) -> Self::Twin {
        self.map(T::cross)
    }
}

impl<T: Cross, E: Cross> Cross for Result<T, E> {
    type Twin = Result<T::Twin, E::Twin>;
    fn cross(self) -> Self::Twin {
        self.map(T::cross).map_err(E::cross)
    }
}

impl<A: Cross, B: Cross> Cross for (A, B) {
    type Twin = (A::Twin, B::Twin);
    fn cross(self) -> Self::Twin {
        (self.0.cross(), self.1.cross())
    }
}

impl<A: Cross, B: Cross, C: Cross> Cross for (A, B, C) {
    type Twin = (A::Twin, B::Twin, C::Twin);
    fn cross(self) -> Self::Twin {
        (self.0.cross(), self.1.cross(), self.2.cross())
    }
}

/// Types that are the same on both sides.
macro_rules! same {
    ($($type:ty),*) => {$(
        impl Cross for $type {
            type Twin = Self;
            fn cross(self) -> Self {
                self
            }
            fn cross_all(list: Vec<Self>) -> Vec<Self> {
                list
            }
        }
    )*};
}

same!(bool, u8, u16, u32, u64, String);

/// A record of an interface, by its fields; both directions.
macro_rules! record {
    ($interface:ident::$name:ident { $($field:ident),* $(,)? }) => {
        impl Cross for contract::$interface::$name {
            type Twin = guest::$interface::$name;
            fn cross(self) -> Self::Twin {
                let Self { $($field),* } = self;
                guest::$interface::$name { $($field: $field.cross()),* }
            }
        }
        impl Cross for guest::$interface::$name {
            type Twin = contract::$interface::$name;
            fn cross(self) -> Self::Twin {
                let Self { $($field),* } = self;
                contract::$interface::$name { $($field: $field.cross()),* }
            }
        }
    };
}

/// A variant or an enumeration of an interface, by its cases; both directions.
macro_rules! variant {
    ($interface:ident::$name:ident { $($case:ident $(($value:ident))?),* $(,)? }) => {
        impl Cross for contract::$interface::$name {
            type Twin = guest::$interface::$name;
            fn cross(self) -> Self::Twin {
                match self { $(Self::$case $(($value))? => guest::$interface::$name::$case $(($value.cross()))?),* }
            }
        }
        impl Cross for guest::$interface::$name {
            type Twin = contract::$interface::$name;
            fn cross(self) -> Self::Twin {
                match self { $(Self::$case $(($value))? => contract::$interface::$name::$case $(($value.cross()))?),* }
            }
        }
    };
}

use {record, variant};
