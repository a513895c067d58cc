//! `spin:sqlite/sqlite@3.1.0`, over files.
//!
//! As Spin does it: every `open` is a connection of its own, with rusqlite's defaults (so another writer is waited for up to five seconds);
//! a statement is prepared once per connection and always *queried*; errors are the database's own words. `BEGIN IMMEDIATE` … `COMMIT`
//! over several calls on one connection is therefore a transaction.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::types::{Value as Stored, ValueRef};
use wasmtime::component::{Accessor, FutureReader, HasData, Resource, ResourceTable, StreamReader};

use crate::bindings::spin::sqlite::sqlite::{
    self as wit, Error, HostConnection, HostConnectionWithStore, QueryResult, RowResult, Value,
};

/// Spin's table holds that many.
const MAX_OPEN: usize = 256;
/// Spin's bound for what a host keeps in memory for a guest.
const MAX_RESULT_BYTES: usize = 128 * 1024 * 1024;

/// One connection, as the guest's handle.
#[derive(Clone)]
pub struct OpenConnection(Arc<Mutex<rusqlite::Connection>>);

/// The databases of one component: label and file.
pub type Databases = Arc<BTreeMap<String, PathBuf>>;

/// The state of one instance.
pub struct Sqlite {
    pub databases: Databases,
    pub open: usize,
}

/// What a call sees.
pub struct SqliteView<'a> {
    pub state: &'a mut Sqlite,
    pub table: &'a mut ResourceTable,
}

pub struct HasSqlite;

impl HasData for HasSqlite {
    type Data<'a> = SqliteView<'a>;
}

impl SqliteView<'_> {
    fn file(&self, database: &str) -> Result<PathBuf, Error> {
        self.state.databases.get(database).cloned().ok_or(Error::AccessDenied)
    }

    fn keep(&mut self, connection: OpenConnection) -> wasmtime::Result<Result<Resource<OpenConnection>, Error>> {
        if self.state.open >= MAX_OPEN {
            return Ok(Err(Error::Io("too many connections opened".to_owned())));
        }
        self.state.open += 1;
        Ok(Ok(self.table.push(connection)?))
    }

    fn connection(&self, handle: &Resource<OpenConnection>) -> wasmtime::Result<OpenConnection> {
        Ok(self.table.get(handle)?.clone())
    }
}

impl OpenConnection {
    async fn open(file: PathBuf) -> Result<Self, Error> {
        blocking(move || {
            if let Some(parent) = file.parent() {
                std::fs::create_dir_all(parent).map_err(|error| Error::Io(error.to_string()))?;
            }
            Ok(Self(Arc::new(Mutex::new(rusqlite::Connection::open(&file).map_err(words)?))))
        })
        .await
    }

    async fn query(self, statement: String, parameters: Vec<Value>) -> Result<(QueryResult, Option<Error>), Error> {
        blocking(move || query(&self.lock(), &statement, parameters)).await
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, rusqlite::Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The rows before a failure, and the failure: the streaming function gives both to the guest, the other one the failure alone.
fn query(
    connection: &rusqlite::Connection,
    statement: &str,
    parameters: Vec<Value>,
) -> Result<(QueryResult, Option<Error>), Error> {
    let mut statement = connection.prepare_cached(statement).map_err(words)?;
    let columns: Vec<String> = statement.column_names().map(ToOwned::to_owned).collect();
    let width = columns.len();
    let mut result = QueryResult { columns, rows: Vec::new() };
    let mut size = 0;
    let mut rows = statement.query(rusqlite::params_from_iter(parameters.into_iter().map(stored))).map_err(words)?;
    let failure = loop {
        match rows.next() {
            Ok(Some(row)) => {
                let values: Result<Vec<Value>, Error> =
                    (0..width).map(|column| given(row.get_ref(column).map_err(words)?)).collect();
                match values {
                    Ok(values) => {
                        size += weight(&values);
                        if size > MAX_RESULT_BYTES {
                            break Some(Error::Io(format!("query result exceeds limit of {MAX_RESULT_BYTES} bytes")));
                        }
                        result.rows.push(RowResult { values });
                    }
                    Err(error) => break Some(error),
                }
            }
            Ok(None) => break None,
            Err(error) => break Some(words(error)),
        }
    };
    Ok((result, failure))
}

fn stored(value: Value) -> Stored {
    match value {
        Value::Integer(number) => Stored::Integer(number),
        Value::Real(number) => Stored::Real(number),
        Value::Text(text) => Stored::Text(text),
        Value::Blob(bytes) => Stored::Blob(bytes),
        Value::Null => Stored::Null,
    }
}

fn given(value: ValueRef<'_>) -> Result<Value, Error> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(text) => {
            Value::Text(String::from_utf8(text.to_vec()).map_err(|error| Error::Io(error.to_string()))?)
        }
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    })
}

fn weight(values: &[Value]) -> usize {
    let own = |value: &Value| match value {
        Value::Text(text) => text.len(),
        Value::Blob(bytes) => bytes.len(),
        _ => 0,
    };
    values.iter().map(|value| size_of::<Value>() + own(value)).sum()
}

fn words(error: rusqlite::Error) -> Error {
    Error::Io(error.to_string())
}

/// SQLite blocks; the threads of the runtime are for guests.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(Error::Io(error.to_string())))
}

impl wit::Host for SqliteView<'_> {}

impl HostConnection for SqliteView<'_> {
    async fn open(&mut self, database: String) -> wasmtime::Result<Result<Resource<OpenConnection>, Error>> {
        let file = match self.file(&database) {
            Ok(file) => file,
            Err(error) => return Ok(Err(error)),
        };
        match OpenConnection::open(file).await {
            Ok(connection) => self.keep(connection),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn execute(
        &mut self,
        handle: Resource<OpenConnection>,
        statement: String,
        parameters: Vec<Value>,
    ) -> wasmtime::Result<Result<QueryResult, Error>> {
        let connection = self.connection(&handle)?;
        Ok(connection.query(statement, parameters).await.and_then(|(result, failure)| failure.map_or(Ok(result), Err)))
    }

    async fn last_insert_rowid(&mut self, handle: Resource<OpenConnection>) -> wasmtime::Result<i64> {
        Ok(self.connection(&handle)?.lock().last_insert_rowid())
    }

    async fn changes(&mut self, handle: Resource<OpenConnection>) -> wasmtime::Result<u64> {
        Ok(self.connection(&handle)?.lock().changes())
    }

    async fn drop(&mut self, handle: Resource<OpenConnection>) -> wasmtime::Result<()> {
        self.state.open = self.state.open.saturating_sub(1);
        self.table.delete(handle)?;
        Ok(())
    }
}

impl<T: Send> HostConnectionWithStore<T> for HasSqlite {
    async fn open_async(
        accessor: &Accessor<T, Self>,
        database: String,
    ) -> wasmtime::Result<Result<Resource<OpenConnection>, Error>> {
        let file = match accessor.with(|mut access| access.get().file(&database)) {
            Ok(file) => file,
            Err(error) => return Ok(Err(error)),
        };
        match OpenConnection::open(file).await {
            Ok(connection) => accessor.with(|mut access| access.get().keep(connection)),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn execute_async(
        accessor: &Accessor<T, Self>,
        handle: Resource<OpenConnection>,
        statement: String,
        parameters: Vec<Value>,
    ) -> wasmtime::Result<Result<(Vec<String>, StreamReader<RowResult>, FutureReader<Result<(), Error>>), Error>> {
        let connection = accessor.with(|mut access| access.get().connection(&handle))?;
        let (result, failure) = match connection.query(statement, parameters).await {
            Ok(done) => done,
            Err(error) => return Ok(Err(error)),
        };
        accessor.with(|mut access| {
            let rows = StreamReader::new(&mut access, result.rows)?;
            let end = async move { wasmtime::error::Ok(failure.map_or(Ok(()), Err)) };
            let end = FutureReader::new(&mut access, end)?;
            Ok(Ok((result.columns, rows, end)))
        })
    }

    async fn last_insert_rowid_async(
        accessor: &Accessor<T, Self>,
        handle: Resource<OpenConnection>,
    ) -> wasmtime::Result<i64> {
        let connection = accessor.with(|mut access| access.get().connection(&handle))?;
        Ok(connection.lock().last_insert_rowid())
    }

    async fn changes_async(accessor: &Accessor<T, Self>, handle: Resource<OpenConnection>) -> wasmtime::Result<u64> {
        let connection = accessor.with(|mut access| access.get().connection(&handle))?;
        Ok(connection.lock().changes())
    }
}
