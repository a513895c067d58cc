//! What can go wrong in a statement, and what the port says of it.
//!
//! Owns the mapping by code. Never by text: SQLite's messages may change. The text passed on is SQLite's name of the code, which holds
//! names of tables at most, never a value.

use passerelle_flow::store::StoreError;
use rusqlite::ErrorCode;

#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// A column holds something that this program never writes. The text names the column.
    #[error("{0}")]
    Corrupt(&'static str),
    /// The request contradicts what is there; a caller that keeps the port's rules never sees it.
    #[error("{0}")]
    Refused(&'static str),
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Corrupt(what) => Self::Corrupt(what.to_owned()),
            Fault::Refused(what) => Self::Unavailable(what.to_owned()),
            Fault::Sqlite(error) => from_sqlite(&error),
        }
    }
}

fn from_sqlite(error: &rusqlite::Error) -> StoreError {
    use rusqlite::Error as E;
    match error {
        E::SqliteFailure(code, _) => match code.code {
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => StoreError::Corrupt(code.to_string()),
            _ => StoreError::Unavailable(code.to_string()),
        },
        E::FromSqlConversionFailure(..)
        | E::IntegralValueOutOfRange(..)
        | E::InvalidColumnType(..)
        | E::Utf8Error(..) => StoreError::Corrupt("a column has another type than this program writes".to_owned()),
        E::QueryReturnedNoRows => StoreError::Corrupt("a row is missing that must be there".to_owned()),
        _ => StoreError::Unavailable("the statement could not be run".to_owned()),
    }
}
