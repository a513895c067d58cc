//! The readers: a few connections that cannot write, used on threads that may block.
//!
//! Owns the pool, and how long a call may take that says so. Each call reads in one transaction, so that what it puts together is of one moment. A reader opens its snapshot when
//! it is called, so it sees every write that was answered before.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use passerelle_flow::store::{StoreError, StoreResult};
use passerelle_sqlite::Fault;
use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connection::Lent;
use super::fault::of_sqlite;
use super::schema;

/// Steps of SQLite's machine between two looks at the time: some ten microseconds of work.
const LOOK: i32 = 1_000;

pub(super) struct Readers {
    pool: Arc<Pool>,
    permits: Arc<Semaphore>,
}

struct Pool {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Pool {
    fn take(&self) -> rusqlite::Result<Connection> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        // None idle: the first calls, or one whose reader was lost to a panic.
        idle.map_or_else(|| schema::reader(&self.path), Ok)
    }

    fn give_back(&self, conn: Connection) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(conn);
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}

fn busy() -> StoreError {
    StoreError::Unavailable("all readers are at work".to_owned())
}

impl Readers {
    pub(super) fn new(path: PathBuf, most: usize) -> Self {
        let pool = Arc::new(Pool { path, idle: Mutex::new(Vec::new()) });
        Self { pool, permits: Arc::new(Semaphore::new(most.max(1))) }
    }

    pub(super) async fn call<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn passerelle_sqlite::Connection) -> Result<T, Fault> + Send + 'static,
    ) -> StoreResult<T> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| closed())?;
        self.on_reader(permit, move |conn| {
            let outcome = in_snapshot(&conn, read);
            Ok((conn, outcome.map_err(StoreError::from)))
        })
        .await
    }

    /// None: it was stopped, because it took longer than this. Whoever waits longer for a reader is told to come again.
    pub(super) async fn call_within<T: Send + 'static>(
        &self,
        time: Duration,
        read: impl FnOnce(&dyn passerelle_sqlite::Connection) -> Result<T, Fault> + Send + 'static,
    ) -> StoreResult<Option<T>> {
        let waited = tokio::time::timeout(time, Arc::clone(&self.permits).acquire_owned()).await;
        let permit = waited.map_err(|_| busy())?.map_err(|_| closed())?;
        self.on_reader(permit, move |mut conn| {
            let (began, late) = (Instant::now(), Arc::new(AtomicBool::new(false)));
            let told = Arc::clone(&late);
            conn.progress_handler(
                LOOK,
                Some(move || {
                    let over = began.elapsed() >= time;
                    if over {
                        told.store(true, Ordering::Relaxed);
                    }
                    over
                }),
            )
            .map_err(of_sqlite)?;
            let outcome = in_snapshot(&conn, read);
            conn.progress_handler(0, None::<fn() -> bool>).map_err(of_sqlite)?;
            let outcome = match outcome {
                Err(_) if late.load(Ordering::Relaxed) => Ok(None),
                outcome => outcome.map(Some).map_err(StoreError::from),
            };
            Ok((conn, outcome))
        })
        .await
    }

    /// Lends a reader. Work that does not hand it back, because it could not be set up or not be reset, loses it.
    async fn on_reader<T: Send + 'static>(
        &self,
        permit: OwnedSemaphorePermit,
        work: impl FnOnce(Connection) -> StoreResult<(Connection, StoreResult<T>)> + Send + 'static,
    ) -> StoreResult<T> {
        let pool = Arc::clone(&self.pool);
        let permits = Arc::clone(&self.permits);
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let conn = pool.take().map_err(of_sqlite)?;
            let (conn, outcome) = work(conn)?;
            // A connection that could not end its transaction is not lent again; a closed pool keeps none.
            if conn.is_autocommit() && !permits.is_closed() {
                pool.give_back(conn);
            }
            outcome
        })
        .await
        .map_err(|_| StoreError::Unavailable("the reader stopped".to_owned()))?
    }

    /// Lends no more. Calls under way end by themselves.
    pub(super) fn close(&self) {
        self.permits.close();
        self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn in_snapshot<T>(
    conn: &Connection,
    read: impl FnOnce(&dyn passerelle_sqlite::Connection) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let transaction = conn.unchecked_transaction().map_err(of_sqlite)?;
    let value = read(&Lent(&transaction))?;
    transaction.finish().map_err(of_sqlite)?;
    Ok(value)
}
