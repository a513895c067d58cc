//! The port: what a host's SQLite must be able to do.
//!
//! Owns the two shapes that a statement has here, and how a column is read. Does not own the connection, its transaction or its settings:
//! they are the host's. Behind `dyn`, so that the operations are compiled once; a call through a table is nothing beside a statement.

use crate::fault::Fault;
use crate::value::{FromValue, Value};

/// One connection, within the transaction that the host has begun.
///
/// Parameters are numbered (`?1`) and there are exactly as many as the statement's highest number. What a host makes of its engine's
/// error is [`Fault::Engine`], by code and never by text.
pub trait Connection {
    /// Runs a statement that returns no rows; how many rows it changed.
    fn run(&self, sql: &str, params: &[Value<'_>]) -> Result<usize, Fault>;

    /// Gives every row to `each`, which ends the statement when it fails.
    fn rows(
        &self,
        sql: &str,
        params: &[Value<'_>],
        each: &mut dyn FnMut(&dyn Row) -> Result<(), Fault>,
    ) -> Result<(), Fault>;
}

/// One row, as long as it is the statement's current one.
pub trait Row {
    /// The column at this place, counted from 0. One that holds none of [`Value`]'s kinds is [`Fault::OTHER_TYPE`].
    fn value(&self, at: usize) -> Result<Value<'_>, Fault>;
}

impl dyn Row + '_ {
    /// The column as a type of Rust.
    pub fn get<'a, T: FromValue<'a>>(&'a self, at: usize) -> Result<T, Fault> {
        T::from_value(self.value(at)?).ok_or(Fault::OTHER_TYPE)
    }
}
