//! `spin:sqlite`, through its synchronous functions.
//!
//! Owns two bridges: parameters are handed over as values, rows are read from the host's list. The SDK's own connection is asynchronous, and a
//! transaction must not be awaited in: so the bindings beneath it are used, which the SDK hides from its documentation and keeps public.

use passerelle_flow::store::StoreError;
use passerelle_sqlite::{Connection, Fault, Row, Value};
use spin_sdk::sqlite::wit::sqlite as spin;

use crate::store::session::Database;

/// The label in `sqlite_databases` of spin.toml, and in the runtime configuration.
const LABEL: &str = "default";

pub struct SpinDatabase;

impl Database for SpinDatabase {
    type Connection = SpinConnection;

    fn open(&self) -> Result<SpinConnection, Fault> {
        spin::Connection::open(LABEL).map(SpinConnection).map_err(fault)
    }
}

pub struct SpinConnection(spin::Connection);

impl SpinConnection {
    fn execute(&self, sql: &str, params: &[Value<'_>]) -> Result<spin::QueryResult, Fault> {
        let params: Vec<spin::Value> = params.iter().map(bound).collect();
        self.0.execute(sql, &params).map_err(fault)
    }
}

impl Connection for SpinConnection {
    fn run(&self, sql: &str, params: &[Value<'_>]) -> Result<usize, Fault> {
        self.execute(sql, params)?;
        Ok(usize::try_from(self.0.changes()).unwrap_or(usize::MAX))
    }

    fn rows(
        &self,
        sql: &str,
        params: &[Value<'_>],
        each: &mut dyn FnMut(&dyn Row) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.execute(sql, params)?.rows.iter().try_for_each(|row| each(&Listed(&row.values)))
    }
}

fn bound(value: &Value<'_>) -> spin::Value {
    match *value {
        Value::Null => spin::Value::Null,
        Value::Integer(number) => spin::Value::Integer(number),
        Value::Real(number) => spin::Value::Real(number),
        Value::Text(text) => spin::Value::Text(text.to_owned()),
        Value::Blob(bytes) => spin::Value::Blob(bytes.to_vec()),
    }
}

struct Listed<'a>(&'a [spin::Value]);

impl Row for Listed<'_> {
    fn value(&self, at: usize) -> Result<Value<'_>, Fault> {
        match self.0.get(at) {
            Some(spin::Value::Null) => Ok(Value::Null),
            Some(spin::Value::Integer(number)) => Ok(Value::Integer(*number)),
            Some(spin::Value::Text(text)) => Ok(Value::Text(text)),
            Some(spin::Value::Blob(bytes)) => Ok(Value::Blob(bytes)),
            Some(spin::Value::Real(number)) => Ok(Value::Real(*number)),
            None => Err(Fault::OTHER_TYPE),
        }
    }
}

/// By variant alone. `io` holds whatever the engine said, from a full disk to a syntax error; the text is for the log, and nothing is decided by
/// it.
fn fault(error: spin::Error) -> Fault {
    let text = match error {
        spin::Error::NoSuchDatabase => "spin.toml gives the component no database of that label".to_owned(),
        spin::Error::AccessDenied => "the component may not use the database".to_owned(),
        spin::Error::InvalidConnection => "the connection is not one".to_owned(),
        spin::Error::DatabaseFull => "the database is full".to_owned(),
        spin::Error::Io(text) => text,
    };
    Fault::Engine(StoreError::Unavailable(text))
}
