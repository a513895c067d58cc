//! How a database is begun: its write-ahead log, then its tables.
//!
//! Owns what two who meet a new file at once do to each other. Does not own the connection's settings, which are a host's; but a busy timeout
//! must be among them.

use passerelle_flow::store::StoreError;

use crate::statement::number;
use crate::{Connection, Fault, TABLES, VERSION, statements};

/// Whoever is refused has lost to one who was not, and nobody loses to the same one twice: enough for as many as begin at once.
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
    #[error("the database has no write-ahead log: it must be a file on a local disk (network file systems have none)")]
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

/// Turns the write-ahead log on. Of those who find a new file at once, SQLite refuses all but one, and without a wait: each reads before it
/// writes, and such a wait could last for ever. Whoever is refused waits for the writer in the way that SQLite has for it, and looks again.
pub fn begin_log(conn: &dyn Connection) -> Result<(), OpenError> {
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

/// Makes the tables where there are none. Two may come here at once: the second finds the tables of the first.
pub fn make_tables(conn: &dyn Connection) -> Result<(), OpenError> {
    execute(conn, "BEGIN")?;
    let found = version(conn)?;
    execute(conn, "COMMIT").map_err(|_| OpenError::NoTransaction)?;
    if found == VERSION {
        return Ok(());
    }
    // Whatever is refused below ends with its connection, which its caller drops.
    execute(conn, "BEGIN IMMEDIATE")?;
    let found = version(conn)?;
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

fn version(conn: &dyn Connection) -> Result<i64, Fault> {
    number(conn, "PRAGMA user_version", &[])
}

/// A statement of which neither rows nor counts matter: some PRAGMAs answer with a row.
pub fn execute(conn: &dyn Connection, sql: &str) -> Result<(), Fault> {
    conn.rows(sql, &[], &mut |_| Ok(()))
}
