//! This server's SQLite, as the statements of `passerelle_sqlite` ask for it.
//!
//! Owns the two bridges: parameters are bound as they were lent, and a row lends what SQLite holds. Statements are prepared once per
//! connection.

use passerelle_sqlite::{Fault, Value};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{ToSql, params_from_iter};

use super::fault::of_sqlite;

pub(super) struct Lent<'a>(pub(super) &'a rusqlite::Connection);

impl passerelle_sqlite::Connection for Lent<'_> {
    fn run(&self, sql: &str, params: &[Value<'_>]) -> Result<usize, Fault> {
        let mut statement = self.0.prepare_cached(sql).map_err(of_sqlite)?;
        statement.execute(params_from_iter(params.iter().map(Bound))).map_err(of_sqlite)
    }

    fn rows(
        &self,
        sql: &str,
        params: &[Value<'_>],
        each: &mut dyn FnMut(&dyn passerelle_sqlite::Row) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut statement = self.0.prepare_cached(sql).map_err(of_sqlite)?;
        let mut rows = statement.query(params_from_iter(params.iter().map(Bound))).map_err(of_sqlite)?;
        while let Some(row) = rows.next().map_err(of_sqlite)? {
            each(&Current(row))?;
        }
        Ok(())
    }
}

struct Bound<'a>(&'a Value<'a>);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self.0 {
            Value::Null => ValueRef::Null,
            Value::Integer(number) => ValueRef::Integer(number),
            Value::Real(number) => ValueRef::Real(number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

struct Current<'a>(&'a rusqlite::Row<'a>);

impl passerelle_sqlite::Row for Current<'_> {
    fn value(&self, at: usize) -> Result<Value<'_>, Fault> {
        match self.0.get_ref(at).map_err(of_sqlite)? {
            ValueRef::Null => Ok(Value::Null),
            ValueRef::Integer(number) => Ok(Value::Integer(number)),
            ValueRef::Text(text) => str::from_utf8(text).map(Value::Text).map_err(|_| Fault::OTHER_TYPE),
            ValueRef::Blob(bytes) => Ok(Value::Blob(bytes)),
            ValueRef::Real(number) => Ok(Value::Real(number)),
        }
    }
}

#[cfg(test)]
mod tests {
    use passerelle_flow::store::StoreError;
    use passerelle_sqlite::{Connection as _, params, statement};

    use super::*;

    #[test]
    fn values_come_back_as_they_went_in_and_nothing_else_does() {
        let conn = rusqlite::Connection::open_in_memory().unwrap();
        let conn = Lent(&conn);
        conn.run("CREATE TABLE t(n BIGINT, i BIGINT, x TEXT, b BLOB, r REAL)", &[]).unwrap();
        let values = params![None::<i64>, i64::MIN, "é'", [0_u8, 255].as_slice(), 0.1_f64];
        assert_eq!(conn.run("INSERT INTO t VALUES(?1, ?2, ?3, ?4, ?5)", values).unwrap(), 1);
        let mut rows = 0;
        conn.rows("SELECT n, i, x, b, r FROM t", &[], &mut |row| {
            rows += 1;
            for (at, value) in values.iter().enumerate() {
                assert_eq!(row.value(at)?, *value);
            }
            assert!(matches!(row.get::<i64>(2), Err(Fault::Corrupt(_))), "a text is no number");
            Ok(())
        })
        .unwrap();
        assert_eq!(rows, 1);
        let read = statement::one(&conn, "SELECT CAST(x'ff' AS TEXT)", &[], |row| row.value(0).map(drop));
        assert!(matches!(read, Err(Fault::Corrupt(_))), "no UTF-8");
    }

    #[test]
    fn a_row_that_is_refused_ends_the_statement_and_no_engine_error_is_lost() {
        let conn = rusqlite::Connection::open_in_memory().unwrap();
        let conn = Lent(&conn);
        let mut seen = 0;
        let ended = conn.rows("VALUES(1), (2), (3)", &[], &mut |_| {
            seen += 1;
            Err(Fault::Refused("enough"))
        });
        assert!(matches!(ended, Err(Fault::Refused("enough"))));
        assert_eq!(seen, 1);
        let unavailable = |outcome| matches!(outcome, Err(Fault::Engine(StoreError::Unavailable(_))));
        assert!(unavailable(conn.run("INSERT INTO nowhere VALUES(1)", &[])));
        assert!(unavailable(conn.run("PRAGMA user_version = ?1", &[])));
        assert!(unavailable(statement::number(&conn, "SELECT ?1 + ?2", params![1_i64]).map(|_| 0)), "one is missing");
    }
}
