//! A connection of Spin's SQLite: opened, recognised, and lent for one transaction at a time.
//!
//! Owns the settings of a connection, and BEGIN to COMMIT. Does not own the statements between, nor the tables
//! (`passerelle_sqlite`). Every call of the host is a synchronous one: nothing is awaited inside a transaction, so no request that is cancelled
//! can leave one open, and no other request of the instance can step into it.

use std::sync::{Mutex, PoisonError};

use passerelle_flow::maybe_send::{MaybeSend, MaybeSync};
use passerelle_flow::store::{StoreError, StoreResult};
use passerelle_sqlite::opening::{begin_log, execute, make_tables};
use passerelle_sqlite::{Connection, Fault, OpenError};

/// Where connections come from: Spin, or a file in a test.
pub trait Database: MaybeSync + 'static {
    type Connection: Connection + MaybeSend;

    fn open(&self) -> Result<Self::Connection, Fault>;
}

/// How long a statement waits for another instance's transaction: the server's time for another process. Longer than any transaction takes,
/// shorter than a caller waits.
const BUSY_TIMEOUT: &str = "PRAGMA busy_timeout=5000";

/// FULL: the log is synced at every commit, before anybody is answered. Deleted rows are overwritten, so that an erased data key is not found in
/// a free page. Foreign keys are off as on the server: PostgreSQL has none declared, and all must behave alike.
const SETTINGS: [&str; 4] =
    [BUSY_TIMEOUT, "PRAGMA synchronous=FULL", "PRAGMA secure_delete=ON", "PRAGMA foreign_keys=OFF"];

/// The one connection of an instance. It is made at the first call, and made anew after it failed to end a transaction.
pub struct Session<D: Database> {
    database: D,
    idle: Mutex<Option<D::Connection>>,
}

impl<D: Database> Session<D> {
    pub fn new(database: D) -> Self {
        Self { database, idle: Mutex::new(None) }
    }

    /// Reads of one moment.
    pub fn read<T>(&self, read: impl FnOnce(&dyn Connection) -> Result<T, Fault>) -> StoreResult<T> {
        self.transaction("BEGIN", read)
    }

    /// A change, whole or not at all. IMMEDIATE: the right to write is waited for at the beginning, since a reader that becomes a writer
    /// cannot wait for it.
    pub fn write<T>(&self, write: impl FnOnce(&dyn Connection) -> Result<T, Fault>) -> StoreResult<T> {
        self.transaction("BEGIN IMMEDIATE", write)
    }

    /// A statement that is no part of a transaction.
    pub fn outside<T>(&self, run: impl FnOnce(&dyn Connection) -> Result<T, Fault>) -> StoreResult<T> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let conn = self.take(&mut idle)?;
        let value = run(&conn)?;
        *idle = Some(conn);
        Ok(value)
    }

    fn transaction<T>(&self, begin: &str, run: impl FnOnce(&dyn Connection) -> Result<T, Fault>) -> StoreResult<T> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // Taken out: a connection that is not put back is closed, and closing rolls back.
        let conn = self.take(&mut idle)?;
        execute(&conn, begin)?;
        let outcome = run(&conn).and_then(|value| execute(&conn, "COMMIT").map(|()| value));
        if outcome.is_ok() || execute(&conn, "ROLLBACK").is_ok() {
            *idle = Some(conn);
        }
        Ok(outcome?)
    }

    fn take(&self, idle: &mut Option<D::Connection>) -> StoreResult<D::Connection> {
        if let Some(conn) = idle.take() {
            return Ok(conn);
        }
        self.open().map_err(|error| {
            tracing::error!(%error, "the store");
            match error {
                OpenError::Engine(error) => error,
                other => StoreError::Unavailable(other.to_string()),
            }
        })
    }

    fn open(&self) -> Result<D::Connection, OpenError> {
        let conn = self.database.open()?;
        for setting in SETTINGS {
            execute(&conn, setting)?;
        }
        begin_log(&conn)?;
        make_tables(&conn)?;
        Ok(conn)
    }
}
