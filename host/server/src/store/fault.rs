//! What SQLite's errors say to whoever asked the store.
//!
//! Owns the mapping by code; what a column holds is judged where it is read (`connection`). Never by text: SQLite's messages may change. The text passed on is SQLite's name of the code, which holds
//! names of tables at most, never a value.

use passerelle_flow::store::StoreError;
use passerelle_sqlite::Fault;
use rusqlite::{Error, ErrorCode};

pub(super) fn of_sqlite(error: Error) -> Fault {
    match error {
        Error::SqliteFailure(code, _) => Fault::Engine(match code.code {
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => StoreError::Corrupt(code.to_string()),
            _ => StoreError::Unavailable(code.to_string()),
        }),
        _ => Fault::Engine(StoreError::Unavailable("the statement could not be run".to_owned())),
    }
}
