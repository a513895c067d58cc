//! The file: how it is made, opened and recognised.
//!
//! Owns the settings of a connection and who may read the file. Does not own the tables (`passerelle_sqlite`).

use std::path::Path;
use std::time::Duration;

use passerelle_sqlite::opening::{begin_log, make_tables};
use rusqlite::{Connection, OpenFlags};

use super::connection::Lent;

/// How long a statement waits for another process (`passerelle key create` beside the server). Longer than any group takes, shorter than
/// a caller waits.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// More than the statements of `passerelle_sqlite`, so that none is prepared twice.
const STATEMENTS: usize = 256;

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the store's file cannot be opened: {0}")]
    Io(#[from] std::io::Error),
    #[error("the store's file cannot be opened: {0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("the store's file: {0}")]
    Begin(#[from] passerelle_sqlite::OpenError),
}

/// Opens the file for writing, and makes it and its tables when they are not there.
pub(super) fn writer(path: &Path, size_limit: Option<u64>) -> Result<Connection, OpenError> {
    keep_private(path)?;
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    configure(&conn)?;
    begin_log(&Lent(&conn))?;
    // FULL: the log is synced at every commit, before anybody is answered. With group commit it costs almost nothing under load.
    conn.pragma_update(None, "synchronous", "FULL")?;
    // Deleted rows are overwritten: an erased data key must not be found in a free page.
    conn.query_row("PRAGMA secure_delete=ON", [], |_| Ok(()))?;
    // Pages in the log before a commit pays for moving them into the file: 16 MB of 4 KB pages, four times SQLite's own, because
    // a checkpoint syncs twice and makes a whole group wait.
    conn.query_row("PRAGMA wal_autocheckpoint=4000", [], |_| Ok(()))?;
    make_tables(&Lent(&conn))?;
    if let Some(bytes) = size_limit {
        let page: i64 = conn.query_row("PRAGMA page_size", [], |row| row.get(0))?;
        let pages = i64::try_from(bytes).unwrap_or(i64::MAX) / page.max(1);
        conn.query_row(&format!("PRAGMA max_page_count={}", pages.max(1)), [], |_| Ok(()))?;
    }
    Ok(conn)
}

/// Another connection to the same file, which cannot write.
pub(super) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    configure(&conn)?;
    conn.pragma_update(None, "query_only", true)?;
    Ok(conn)
}

fn configure(conn: &Connection) -> rusqlite::Result<()> {
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    conn.busy_timeout(BUSY_TIMEOUT)?;
    // The bundled SQLite turns them on; PostgreSQL has none declared, and the two must behave alike.
    conn.pragma_update(None, "foreign_keys", false)?;
    // 16 MB of pages per connection: the indexes of a venue's season.
    conn.pragma_update(None, "cache_size", -16_384)
}

/// The file belongs to its user alone: it holds MACs, wrapped keys and ciphertext. SQLite gives the log the mode of the file.
/// A file that is there is not opened here: closing it would drop the locks that this process may hold on it (POSIX, `fcntl`).
fn keep_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => restrict(path),
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
fn restrict(path: &Path) -> std::io::Result<()> {
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
}

#[cfg(not(unix))]
fn restrict(_: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use passerelle_sqlite::TABLES;

    use super::*;

    #[test]
    fn every_commit_is_synced_and_a_reader_cannot_write() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let conn = writer(&path, None).unwrap();
        let synchronous: i64 = conn.query_row("PRAGMA synchronous", [], |row| row.get(0)).unwrap();
        assert_eq!(synchronous, 2, "FULL");
        let secure: i64 = conn.query_row("PRAGMA secure_delete", [], |row| row.get(0)).unwrap();
        assert_eq!(secure, 1);
        let reader = reader(&path).unwrap();
        assert!(reader.execute_batch("INSERT INTO pulse(name, beats) VALUES('x', 1)").is_err());
    }

    #[test]
    fn processes_that_meet_a_new_file_at_once_all_open_it() {
        const PROCESSES: usize = 8;
        for _ in 0..16 {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("store.db");
            let together = std::sync::Barrier::new(PROCESSES);
            std::thread::scope(|scope| {
                for _ in 0..PROCESSES {
                    scope.spawn(|| {
                        together.wait();
                        writer(&path, None).unwrap();
                    });
                }
            });
        }
    }

    #[test]
    fn the_tables_made_one_statement_at_a_time_are_the_tables_made_at_once() {
        let made = |make: &dyn Fn(&Connection)| {
            let conn = Connection::open_in_memory().unwrap();
            make(&conn);
            let mut statement =
                conn.prepare("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name").unwrap();
            let column = |row: &rusqlite::Row<'_>, at| row.get::<_, Option<String>>(at);
            let rows =
                statement.query_map([], |row| Ok([column(row, 0)?, column(row, 1)?, column(row, 2)?, column(row, 3)?]));
            rows.unwrap().collect::<Result<Vec<_>, _>>().unwrap()
        };
        let at_once = made(&|conn| conn.execute_batch(TABLES).unwrap());
        let one_by_one = made(&|conn| {
            for statement in passerelle_sqlite::statements(TABLES) {
                assert_eq!(conn.execute(statement, []).unwrap(), 0);
            }
        });
        assert!(at_once.len() > 20);
        assert_eq!(one_by_one, at_once);
    }
}
