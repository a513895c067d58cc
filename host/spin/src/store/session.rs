//! A connection of Spin's SQLite: opened, recognised, and lent for one transaction at a time.
//!
//! Owns the settings of a connection, the making of the tables, and BEGIN to COMMIT. Does not own the statements between
//! (`passerelle_sqlite`). Every call of the host is a synchronous one: nothing is awaited inside a transaction, so no request that is cancelled
//! can leave one open, and no other request of the instance can step into it.

use std::sync::{Mutex, PoisonError};

use passerelle_flow::maybe_send::{MaybeSend, MaybeSync};
use passerelle_flow::store::{StoreError, StoreResult};
use passerelle_sqlite::statement::number;
use passerelle_sqlite::{Connection, Fault, TABLES, VERSION, statements};

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

/// Whoever is refused has lost to one who was not, and nobody loses to the same one twice: enough for as many instances as begin at once.
const LOG_ATTEMPTS: u32 = 16;

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the database cannot be opened: {0}")]
    Engine(#[from] StoreError),
    #[error(
        "the database was written by a newer version: its tables are version {found}, this program knows {VERSION}"
    )]
    Newer { found: i64 },
    #[error("the database is another program's")]
    Foreign,
    /// In memory, or on a file system without shared memory.
    #[error(
        "the database has no write-ahead log: it must be a file on a local disk, which is `type = \"spin\"` with a path"
    )]
    NoLog,
    /// libSQL over HTTP runs every statement by itself.
    #[error(
        "the database does not keep a transaction from one statement to the next, so nothing could be changed as a whole"
    )]
    NoTransaction,
}

impl From<Fault> for OpenError {
    fn from(fault: Fault) -> Self {
        Self::Engine(fault.into())
    }
}

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
        execute(&conn, "BEGIN")?;
        let found = number(&conn, "PRAGMA user_version", &[])?;
        execute(&conn, "COMMIT").map_err(|_| OpenError::NoTransaction)?;
        if found != VERSION {
            create(&conn)?;
        }
        Ok(conn)
    }
}

/// Turns the write-ahead log on. Of instances that find a new file at once, SQLite refuses all but one, and without a wait: each reads before it
/// writes, and such a wait could last for ever. Whoever is refused waits for the writer in the way that SQLite has for it, and looks again.
fn begin_log(conn: &dyn Connection) -> Result<(), OpenError> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let mut logged = false;
        let asked = conn.rows("PRAGMA journal_mode=WAL", &[], &mut |row| {
            logged = row.get::<&str>(0)?.eq_ignore_ascii_case("wal");
            Ok(())
        });
        match asked {
            Ok(()) if logged => return Ok(()),
            Ok(()) => return Err(OpenError::NoLog),
            Err(fault) if attempts == LOG_ATTEMPTS => return Err(fault.into()),
            Err(_) => {
                execute(conn, "BEGIN IMMEDIATE")?;
                execute(conn, "COMMIT").map_err(|_| OpenError::NoTransaction)?;
            }
        }
    }
}

/// Makes the tables where there are none. Two instances may come here at once: the second finds the tables of the first.
fn create(conn: &dyn Connection) -> Result<(), OpenError> {
    execute(conn, "BEGIN IMMEDIATE")?;
    let found = number(conn, "PRAGMA user_version", &[])?;
    if found > VERSION {
        return Err(OpenError::Newer { found });
    }
    if found == 0 {
        if number(conn, "SELECT count(*) FROM sqlite_master", &[])? > 0 {
            return Err(OpenError::Foreign);
        }
        for statement in statements(TABLES) {
            execute(conn, statement)?;
        }
        execute(conn, &format!("PRAGMA user_version={VERSION}"))?;
    }
    execute(conn, "COMMIT")?;
    Ok(())
}

/// A statement of which neither rows nor counts matter: some PRAGMAs answer with a row.
pub fn execute(conn: &dyn Connection, sql: &str) -> Result<(), Fault> {
    conn.rows(sql, &[], &mut |_| Ok(()))
}
