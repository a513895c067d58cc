//! Running statements: prepared once per connection, read row by row.
//!
//! Owns nothing but the three shapes that a statement has here. Parameters are always numbered (`?1`): SQLite binds `$2, $1` by first
//! appearance, not by number.

use rusqlite::{Connection, Params, Row};

use super::fault::Fault;

/// Runs a statement that returns no rows; how many it changed.
pub(super) fn run(conn: &Connection, sql: &str, params: impl Params) -> Result<usize, Fault> {
    Ok(conn.prepare_cached(sql)?.execute(params)?)
}

/// The first row, if there is one.
pub(super) fn one<T>(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T, Fault>,
) -> Result<Option<T>, Fault> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    rows.next()?.map(read).transpose()
}

/// Every row.
pub(super) fn all<T>(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut list = Vec::new();
    while let Some(row) = rows.next()? {
        list.push(read(row)?);
    }
    Ok(list)
}

/// A statement that always answers with one number, like `count(*)`.
pub(super) fn number(conn: &Connection, sql: &str, params: impl Params) -> Result<i64, Fault> {
    one(conn, sql, params, |row| Ok(row.get(0)?))?.ok_or(Fault::Corrupt("a count without a row"))
}
