//! What only the SQLite engine promises: the file, its version, its limits.

use passerelle_flow::store::{Quota, Store, StoreError};
use passerelle_server::store::{OpenError, Options, SqliteStore};
use passerelle_sqlite::OpenError as BeginError;

use super::{accept, block_on, check_invariants, erasure, opera, rows};

fn scratch() -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("store.db");
    (dir, file)
}

#[cfg(unix)]
#[test]
fn the_file_and_its_log_belong_to_their_user_alone() {
    use std::os::unix::fs::PermissionsExt;

    let (dir, file) = scratch();
    std::fs::write(&file, []).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
    let store = SqliteStore::open(&file, Options::default()).unwrap();
    block_on(store.accept(accept(&opera(), "token", "n1", 0))).unwrap();
    let mut files = 0;
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.file_name());
        files += 1;
    }
    assert_eq!(files, 3, "the file, its log and the log's index");
}

#[test]
fn a_file_of_a_newer_version_or_of_another_program_is_refused_and_left_alone() {
    let (_dir, file) = scratch();
    drop(SqliteStore::open(&file, Options::default()).unwrap());
    let conn = rusqlite::Connection::open(&file).unwrap();
    let version: i64 = conn.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    conn.pragma_update(None, "user_version", version + 1).unwrap();
    match SqliteStore::open(&file, Options::default()) {
        Err(OpenError::Begin(BeginError::Newer { found })) => assert_eq!(found, version + 1),
        _ => panic!("it was opened"),
    }
    conn.pragma_update(None, "user_version", version).unwrap();
    assert!(SqliteStore::open(&file, Options::default()).is_ok());

    let (_dir, foreign) = scratch();
    let conn = rusqlite::Connection::open(&foreign).unwrap();
    conn.execute_batch("CREATE TABLE theirs(x)").unwrap();
    assert!(matches!(SqliteStore::open(&foreign, Options::default()), Err(OpenError::Begin(BeginError::Foreign))));
    assert_eq!(rows(&foreign, "SELECT name FROM sqlite_master").len(), 1);

    let (_dir, text) = scratch();
    std::fs::write(&text, "this is no database, but it is long enough to be looked at as one".repeat(40)).unwrap();
    assert!(matches!(SqliteStore::open(&text, Options::default()), Err(OpenError::Sqlite(_))));
}

#[test]
fn a_closed_store_has_everything_in_one_file_and_refuses_what_comes_later() {
    let (_dir, file) = scratch();
    block_on(async {
        let store = SqliteStore::open(&file, Options::default()).unwrap();
        for n in 0..50 {
            store.accept(accept(&opera(), "token", &format!("n{n}"), n)).await.unwrap();
        }
        store.depth().await.unwrap();
        store.close().await;
        store.close().await;
        assert!(matches!(store.depth().await, Err(StoreError::Unavailable(_))));
        assert!(matches!(store.ping().await, Err(StoreError::Unavailable(_))));
        assert!(matches!(store.claim(0, 1, Quota::of(1)).await, Err(StoreError::Unavailable(_))));
        assert!(!file.with_file_name("store.db-wal").exists(), "the log was moved into the file");
    });
    assert_eq!(rows(&file, "SELECT id FROM notification").len(), 50);
}

#[test]
fn a_full_store_refuses_what_is_new_and_keeps_what_it_has_acknowledged() {
    let (_dir, file) = scratch();
    let mut acknowledged = 0;
    block_on(async {
        let options = Options { size_limit: Some(800 * 1024), ..Options::default() };
        let store = std::sync::Arc::new(SqliteStore::open(&file, options).unwrap());
        let mut refused = 0;
        for round in 0..200 {
            // Several at once, so that a group is full in its middle.
            let mut group = tokio::task::JoinSet::new();
            for n in 0..16 {
                let store = store.clone();
                group.spawn(async move {
                    store.accept(accept(&opera(), &format!("t{round}"), &format!("{round}/{n}"), 0)).await
                });
            }
            while let Some(accepted) = group.join_next().await {
                match accepted.unwrap() {
                    Ok(_) => acknowledged += 1,
                    Err(StoreError::Unavailable(_)) => refused += 1,
                    Err(other) => panic!("{other}"),
                }
            }
            if refused > 100 {
                break;
            }
        }
        assert!(acknowledged > 100 && refused > 100, "{acknowledged} {refused}");
        store.depth().await.unwrap();
        store.close().await;
    });
    assert_eq!(rows(&file, "SELECT id FROM notification").len(), acknowledged);
    check_invariants(|sql| rows(&file, sql));
}

#[test]
fn what_is_erased_is_found_in_no_file() {
    use super::{LEASE, finish, new_pass};
    use passerelle_flow::store::{DataKey, Finish, Next, PassWrite, Priority, Sealed, TaskSubject};

    const WRAPPED: &[u8] = b"the wrapped data key, as it lies in the store";
    const BODY: &[u8] = b"the ciphertext of a ticket, as it lies in the store";
    let (dir, file) = scratch();
    let found = |needle: &[u8]| {
        let files = std::fs::read_dir(dir.path()).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
        files.filter(|bytes| bytes.windows(needle.len()).any(|window| window == needle)).count()
    };
    block_on(async {
        let store = SqliteStore::open(&file, Options::default()).unwrap();
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
        // The checkpoint is made before the next write.
        store.ping().await.unwrap();
        assert_eq!((found(WRAPPED), found(BODY)), (0, 0));
        store.close().await;
        assert_eq!((found(WRAPPED), found(BODY)), (0, 0));
    });
}
