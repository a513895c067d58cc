//! The edge's store, on a file: the same statements and the edge's own transactions, over a connection that can do what Spin's can.
//!
//! Owns that connection: one call that takes one statement and gives a list of rows, the number of changes asked for afterwards, errors that are
//! nothing but text. Spin's own calls have no body outside of a Spin component (`host/spin/src/adapter`); they are thin, and the suites that run
//! the component are their test.

use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use passerelle_flow::store::{DataKey, Finish, Next, PassWrite, Priority, Sealed, Store as _, StoreError, TaskSubject};
use passerelle_spin::store::EdgeStore;
use passerelle_spin::store::session::Database;
use passerelle_sqlite::{Connection, Fault, Row, Value, statements};
use rusqlite::types::Value as Stored;

use super::{Engine, LEASE, accept, block_on, erasure, finish, new_pass, opera, rows};

pub struct Edge {
    dir: tempfile::TempDir,
    store: Arc<EdgeStore<File>>,
}

impl Edge {
    fn open(dir: &tempfile::TempDir) -> Arc<EdgeStore<File>> {
        Arc::new(EdgeStore::new(File(dir.path().join("store.db"))))
    }
}

/// Nothing of this store waits for another task.
fn at_once<T>(operation: impl Future<Output = T>) -> T {
    match pin!(operation).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("something was awaited, and another request could have stepped into the transaction"),
    }
}

impl Engine for Edge {
    type Store = EdgeStore<File>;

    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Self::open(&dir);
        // An edge makes its tables at the first call; a check may look at them before it makes one.
        at_once(store.ping()).unwrap();
        Self { dir, store }
    }

    fn store(&self) -> &Arc<EdgeStore<File>> {
        &self.store
    }

    fn crash(&mut self) {
        let dir = tempfile::tempdir().unwrap();
        for name in ["store.db", "store.db-wal"] {
            std::fs::copy(self.dir.path().join(name), dir.path().join(name)).unwrap();
        }
        self.store = Self::open(&dir);
        self.dir = dir;
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("store.db")
    }
}

/// Where Spin keeps a database of `type = "spin"`.
pub struct File(PathBuf);

impl Database for File {
    type Connection = Spins;

    fn open(&self) -> Result<Spins, Fault> {
        rusqlite::Connection::open(&self.0).map(Spins).map_err(fault)
    }
}

pub struct Spins(rusqlite::Connection);

impl Spins {
    /// `execute` of `spin:sqlite`.
    fn execute(&self, sql: &str, params: &[Value<'_>]) -> Result<Vec<Vec<Stored>>, Fault> {
        assert_eq!(statements(sql).count(), 1, "Spin runs the first of several statements: {sql}");
        let mut statement = self.0.prepare_cached(sql).map_err(fault)?;
        let width = statement.column_count();
        let mut found = statement.query(rusqlite::params_from_iter(params.iter().map(stored))).map_err(fault)?;
        let mut list = Vec::new();
        while let Some(row) = found.next().map_err(fault)? {
            let values: Result<_, _> = (0..width).map(|at| row.get::<_, Stored>(at)).collect();
            list.push(values.map_err(fault)?);
        }
        Ok(list)
    }
}

impl Connection for Spins {
    fn run(&self, sql: &str, params: &[Value<'_>]) -> Result<usize, Fault> {
        self.execute(sql, params)?;
        Ok(usize::try_from(self.0.changes()).unwrap())
    }

    fn rows(
        &self,
        sql: &str,
        params: &[Value<'_>],
        each: &mut dyn FnMut(&dyn Row) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.execute(sql, params)?.iter().try_for_each(|row| each(&Listed(row)))
    }
}

struct Listed<'a>(&'a [Stored]);

impl Row for Listed<'_> {
    fn value(&self, at: usize) -> Result<Value<'_>, Fault> {
        match self.0.get(at) {
            Some(Stored::Null) => Ok(Value::Null),
            Some(Stored::Integer(number)) => Ok(Value::Integer(*number)),
            Some(Stored::Text(text)) => Ok(Value::Text(text)),
            Some(Stored::Blob(bytes)) => Ok(Value::Blob(bytes)),
            Some(Stored::Real(number)) => Ok(Value::Real(*number)),
            None => Err(Fault::OTHER_TYPE),
        }
    }
}

fn stored(value: &Value<'_>) -> Stored {
    match *value {
        Value::Null => Stored::Null,
        Value::Integer(number) => Stored::Integer(number),
        Value::Real(number) => Stored::Real(number),
        Value::Text(text) => Stored::Text(text.to_owned()),
        Value::Blob(bytes) => Stored::Blob(bytes.to_vec()),
    }
}

/// `io(string)`: whatever the engine said, and no code.
fn fault(error: rusqlite::Error) -> Fault {
    Fault::Engine(StoreError::Unavailable(error.to_string()))
}

#[test]
fn instances_that_begin_together_make_one_set_of_tables_and_see_each_other() {
    const INSTANCES: usize = 8;
    for _ in 0..16 {
        let dir = tempfile::tempdir().unwrap();
        let all: [_; INSTANCES] = std::array::from_fn(|_| Edge::open(&dir));
        let together = std::sync::Barrier::new(INSTANCES);
        std::thread::scope(|scope| {
            for (n, store) in all.iter().enumerate() {
                let together = &together;
                scope.spawn(move || {
                    together.wait();
                    block_on(store.accept(accept(&opera(), "token", &format!("n{n}"), 0))).unwrap();
                });
            }
        });
        let depth = block_on(all[0].depth()).unwrap();
        assert_eq!(depth.tasks_ready, 1, "all joined one task");
        assert_eq!(rows(&dir.path().join("store.db"), "SELECT id FROM notification").len(), INSTANCES);
    }
}

#[test]
fn a_statement_that_fails_leaves_nothing_of_its_transaction_and_no_lock() {
    let dir = tempfile::tempdir().unwrap();
    let (store, other) = (Edge::open(&dir), Edge::open(&dir));
    block_on(store.ping()).unwrap();
    let file = dir.path().join("store.db");
    // The third insert of an acceptance has nowhere to go.
    let conn = rusqlite::Connection::open(&file).unwrap();
    conn.execute_batch("ALTER TABLE notification RENAME TO gone").unwrap();
    let refused = block_on(store.accept(accept(&opera(), "token", "n", 0)));
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    conn.execute_batch("ALTER TABLE gone RENAME TO notification").unwrap();
    assert_eq!(rows(&file, "SELECT id FROM task").len(), 0, "a task without its notification");
    block_on(other.accept(accept(&opera(), "token", "n", 0))).unwrap();
    block_on(store.ping()).unwrap();
}

#[test]
fn what_is_erased_is_found_in_no_file() {
    const WRAPPED: &[u8] = b"the wrapped data key, as it lies in the store";
    const BODY: &[u8] = b"the ciphertext of a ticket, as it lies in the store";
    let dir = tempfile::tempdir().unwrap();
    let found = |needle: &[u8]| {
        let files = std::fs::read_dir(dir.path()).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
        files.filter(|bytes| bytes.windows(needle.len()).any(|window| window == needle)).count()
    };
    let store = Edge::open(&dir);
    block_on(async {
        let key = DataKey { id: "k".to_owned(), wrapped: WRAPPED.to_vec(), wrapped_by: "f".to_owned(), erase_at: 10 };
        store.data_key(&opera(), key).await.unwrap();
        let subject = TaskSubject::File("file".to_owned());
        store.enqueue(&opera(), subject, "task", Priority::Normal, 0).await.unwrap();
        let lease = store.claim_task(&opera(), "task", 0, LEASE).await.unwrap().unwrap();
        let sealed = Sealed { data_key: "k".to_owned(), nonce: vec![0; 12], body: BODY.to_vec() };
        let passes = vec![PassWrite { sealed: Some(sealed), ..new_pass(0, "file") }];
        store.finish(Finish { passes, ..finish(&lease, Next::Done, 0) }).await.unwrap();
        assert!(found(WRAPPED) > 0 && found(BODY) > 0, "the search finds what is there");
        assert_eq!(store.erase(erasure(10)).await.unwrap().keys, 1);
        assert_eq!((found(WRAPPED), found(BODY)), (0, 0));
    });
}
