//! Reading statements: the first row, every row, a number.
//!
//! Owns nothing but these shapes. Every statement whose first row is asked for finds one row at most, or is limited to one.

use crate::{Connection, Fault, Row, Value};

/// The first row, if there is one.
pub fn one<T>(
    conn: &dyn Connection,
    sql: &str,
    params: &[Value<'_>],
    read: impl FnOnce(&dyn Row) -> Result<T, Fault>,
) -> Result<Option<T>, Fault> {
    let (mut read, mut found) = (Some(read), None);
    conn.rows(sql, params, &mut |row| {
        if let Some(read) = read.take() {
            found = Some(read(row)?);
        }
        Ok(())
    })?;
    Ok(found)
}

/// Every row.
pub fn all<T>(
    conn: &dyn Connection,
    sql: &str,
    params: &[Value<'_>],
    mut read: impl FnMut(&dyn Row) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    let mut list = Vec::new();
    conn.rows(sql, params, &mut |row| {
        list.push(read(row)?);
        Ok(())
    })?;
    Ok(list)
}

/// A statement that always answers with one number, like `count(*)`.
pub fn number(conn: &dyn Connection, sql: &str, params: &[Value<'_>]) -> Result<i64, Fault> {
    one(conn, sql, params, |row| row.get(0))?.ok_or(Fault::Corrupt("a count without a row"))
}
