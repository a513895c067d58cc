//! The store's promises, checked on an engine: documented rules one by one, random histories against a model, and crashes.
//!
//! Owns what an engine must offer to be checked, and the data that the checks use. The checks are generic over the engine; only
//! `sqlite`, `edge` and `crash` know the one that they are about. Time is a number that is passed in: nothing here sleeps.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod conformance;
mod crash;
mod edge;
mod insights;
mod model;
mod outbox;
mod sqlite;

use std::path::PathBuf;
use std::sync::Arc;

use passerelle_flow::identity::{Millis, PassId, TenantId};
use passerelle_flow::store::{
    Accept, Change, Erasure, Finish, Happening, HappeningKind, Next, PassState, PassSubject, PassWrite, Priority,
    Register, RunRecord, SignalKey, Store, TaskLease,
};
use passerelle_server::store::{Options, SqliteStore};

/// A store that can be crashed and looked into.
pub trait Engine: Sized {
    type Store: Store + 'static;

    /// An empty store.
    fn start() -> Self;
    fn store(&self) -> &Arc<Self::Store>;
    /// The process dies and another one begins, with nothing but what is on the disk.
    fn crash(&mut self);
    /// What a query finds, as text. The tables are the same on every engine.
    fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        rows(&self.file(), sql)
    }
    /// Where it lies.
    fn file(&self) -> PathBuf;
}

pub struct Sqlite {
    dir: tempfile::TempDir,
    store: Arc<SqliteStore>,
}

impl Sqlite {
    fn lies(dir: &tempfile::TempDir) -> PathBuf {
        dir.path().join("store.db")
    }
}

impl Engine for Sqlite {
    type Store = SqliteStore;

    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(&Self::lies(&dir), Options::default()).unwrap());
        Self { dir, store }
    }

    fn store(&self) -> &Arc<SqliteStore> {
        &self.store
    }

    /// The file and its log are taken as they are, while the old process still has them open: nothing was flushed by a goodbye.
    fn crash(&mut self) {
        let dir = tempfile::tempdir().unwrap();
        for name in ["store.db", "store.db-wal"] {
            std::fs::copy(self.dir.path().join(name), dir.path().join(name)).unwrap();
        }
        self.store = Arc::new(SqliteStore::open(&Self::lies(&dir), Options::default()).unwrap());
        self.dir = dir;
    }

    fn file(&self) -> PathBuf {
        Self::lies(&self.dir)
    }
}

/// What a query finds in a file.
pub fn rows(file: &std::path::Path, sql: &str) -> Vec<Vec<String>> {
    let conn = rusqlite::Connection::open(file).unwrap();
    let mut statement = conn.prepare(sql).unwrap();
    let width = statement.column_count();
    let mut found = statement.query([]).unwrap();
    let mut list = Vec::new();
    while let Some(row) = found.next().unwrap() {
        list.push((0..width).map(|n| text(row.get_ref(n).unwrap())).collect());
    }
    list
}

fn text(value: rusqlite::types::ValueRef<'_>) -> String {
    value.as_str().map_or_else(|_| format!("{value:?}"), str::to_owned)
}

/// Each query finds what must not be.
const INVARIANTS: &[(&str, &str)] = &[
    ("done <= claimed <= wanted", "SELECT * FROM task WHERE done > claimed OR claimed > wanted"),
    ("a task that rests has answered everything", "SELECT * FROM task WHERE state = 'idle' AND done <> wanted"),
    (
        "a task that does not rest has something to answer",
        "SELECT * FROM task WHERE state <> 'idle' AND done >= wanted",
    ),
    ("a held task says so", "SELECT * FROM task WHERE state = 'held' AND held = 0"),
    ("a task that rests waits for nobody's release", "SELECT * FROM task WHERE state = 'idle' AND held = 1"),
    (
        "an unanswered notification has a task that will answer it",
        "SELECT n.* FROM notification n LEFT JOIN task t ON t.tenant = n.tenant AND t.id = n.task \
         WHERE t.id IS NULL OR n.gen > t.wanted OR n.gen < 0 OR (n.gen > t.done AND t.state = 'idle')",
    ),
    (
        "no two unanswered notifications share a generation",
        "SELECT n.task FROM notification n JOIN task t ON t.tenant = n.tenant AND t.id = n.task WHERE n.gen > t.done \
         GROUP BY n.tenant, n.task, n.gen HAVING count(*) > 1",
    ),
    (
        "a run belongs to a task",
        "SELECT * FROM run r WHERE NOT EXISTS (SELECT 1 FROM task t WHERE t.tenant = r.tenant AND t.id = r.task)",
    ),
    (
        "a token is kept while its file is not known, and no longer",
        "SELECT * FROM task WHERE kind <> 'token' AND token_sealed IS NOT NULL",
    ),
    ("have <= want", "SELECT * FROM effect WHERE have > want"),
    (
        "an effect that rests has what is wanted, another has not",
        "SELECT * FROM effect WHERE (state = 'idle' AND have <> want) OR (state IN ('ready', 'dead') AND have >= want)",
    ),
    (
        "a tag is given once",
        "SELECT tenant, tag FROM (SELECT tenant, tag FROM pass UNION ALL SELECT tenant, tag FROM registration WHERE tag > 0) \
         GROUP BY tenant, tag HAVING count(*) > 1",
    ),
    (
        "no pass has a tag that was not given",
        "SELECT p.id FROM pass p LEFT JOIN tag t ON t.tenant = p.tenant WHERE t.value IS NULL OR p.tag > t.value OR p.tag < 1",
    ),
    (
        "history has no gaps",
        "SELECT tenant, pass FROM pass_change GROUP BY tenant, pass HAVING count(*) <> max(seq) - min(seq) + 1",
    ),
    (
        "a registration has a device",
        "SELECT * FROM registration r WHERE NOT EXISTS (SELECT 1 FROM device d WHERE d.tenant = r.tenant AND d.id = r.device)",
    ),
    (
        "a device has a registration",
        "SELECT * FROM device d WHERE NOT EXISTS (SELECT 1 FROM registration r WHERE r.tenant = d.tenant AND r.device = d.id)",
    ),
    (
        "a sealed part has its key",
        "SELECT * FROM sealed_part s WHERE NOT EXISTS (SELECT 1 FROM data_key k WHERE k.tenant = s.tenant AND k.id = s.data_key)",
    ),
    (
        "what happened to a pass is numbered without a gap",
        "SELECT tenant, pass FROM happening WHERE pass IS NOT NULL GROUP BY tenant, pass HAVING min(seq) <> 1 OR max(seq) <> count(*)",
    ),
    (
        "of a pass one delivery to an endpoint is to go or under way",
        "SELECT tenant, webhook, pass FROM delivery WHERE pass IS NOT NULL AND state IN ('ready', 'leased') \
         GROUP BY tenant, webhook, pass HAVING count(*) > 1",
    ),
    (
        "who is queued is behind somebody who goes, and an earlier one of the pass goes first",
        "SELECT * FROM delivery q WHERE q.state = 'queued' AND NOT EXISTS (SELECT 1 FROM delivery h WHERE h.tenant = q.tenant \
         AND h.webhook = q.webhook AND h.pass = q.pass AND (h.state = 'leased' OR (h.state = 'ready' AND h.seq < q.seq)))",
    ),
    (
        "a delivery has its endpoint and its happening",
        "SELECT * FROM delivery d WHERE NOT EXISTS (SELECT 1 FROM webhook w WHERE w.tenant = d.tenant AND w.id = d.webhook) \
         OR NOT EXISTS (SELECT 1 FROM happening h WHERE h.tenant = d.tenant AND h.id = d.happening AND h.pass IS d.pass AND h.seq IS d.seq)",
    ),
    (
        "nothing waits for an endpoint that is off",
        "SELECT * FROM delivery d JOIN webhook w ON w.tenant = d.tenant AND w.id = d.webhook \
         WHERE w.enabled = 0 AND d.state IN ('ready', 'queued')",
    ),
    (
        "the class beside a shown event is the pass's",
        "SELECT * FROM pass_event e JOIN pass p ON p.tenant = e.tenant AND p.id = e.pass WHERE coalesce(e.google_class, '') <> coalesce(p.google_class, '')",
    ),
    (
        "the counters of each stretch are those of its passes",
        "SELECT tenant, line, start, template, state, wallets, sum(n) FROM \
         (SELECT p.tenant, 'born' AS line, (SELECT max(start) FROM pass_tally t WHERE t.tenant = p.tenant AND t.line = 'born' AND t.start <= p.born) AS start, \
            template, state, wallets, 1 AS n FROM pass p \
          UNION ALL SELECT p.tenant, 'touched', (SELECT max(start) FROM pass_tally t WHERE t.tenant = p.tenant AND t.line = 'touched' AND t.start <= p.touched), \
            template, state, wallets, 1 FROM pass p \
          UNION ALL SELECT tenant, line, start, template, state, wallets, -passes FROM pass_tally) \
         GROUP BY tenant, line, start, template, state, wallets HAVING sum(n) <> 0",
    ),
    (
        "the counter of an attribute's name is that of the passes that have it",
        "SELECT tenant, kind, name, sum(n) FROM (SELECT tenant, kind, name, 1 AS n FROM pass_attribute \
         UNION ALL SELECT tenant, kind, name, -passes FROM pass_attribute_tally) GROUP BY tenant, kind, name HAVING sum(n) <> 0",
    ),
    (
        "a position is given once, and none is behind the clock",
        "SELECT p.id FROM pass p LEFT JOIN pass_clock c ON c.tenant = p.tenant WHERE c.value IS NULL OR p.touched > c.value OR p.born > p.touched \
         UNION ALL SELECT max(id) FROM pass GROUP BY tenant, touched HAVING count(*) > 1 \
         UNION ALL SELECT max(id) FROM pass GROUP BY tenant, born HAVING count(*) > 1",
    ),
    (
        "the wallets of a pass are those that it was put into",
        "SELECT id FROM pass WHERE wallets <> CASE WHEN apple_since IS NULL THEN CASE WHEN google_since IS NULL THEN 'none' ELSE 'google' END \
         ELSE CASE WHEN google_since IS NULL THEN 'apple' ELSE 'apple+google' END END",
    ),
];

pub fn check_invariants(find: impl Fn(&str) -> Vec<Vec<String>>) {
    for (name, query) in INVARIANTS {
        let found = find(query);
        assert!(found.is_empty(), "{name}: {found:?}");
    }
}

/// Runs a check on threads, as the server does.
fn block_on<F: Future>(check: F) -> F::Output {
    let mut output = None;
    run(Box::pin(async { output = Some(check.await) }));
    output.unwrap()
}

/// Of one type whatever the check: the runtime, compiled anew for each of two hundred, was a seventh of the binary.
fn run(check: std::pin::Pin<Box<dyn Future<Output = ()> + '_>>) {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(check);
}

// Data.

pub const DEBOUNCE: Millis = 500;
pub const MAX_WAIT: Millis = 5_000;
pub const LEASE: Millis = 60_000;

pub fn tenant(n: usize) -> TenantId {
    TenantId::parse(["opera", "stadium", "museum"][n]).unwrap()
}

pub fn opera() -> TenantId {
    tenant(0)
}

pub fn pass_id(n: usize) -> PassId {
    PassId::parse(&format!("pass{n:012}")).unwrap()
}

pub fn accept(tenant: &TenantId, token: &str, id: &str, now: Millis) -> Accept {
    Accept {
        tenant: tenant.clone(),
        id: id.to_owned(),
        correlation: format!("correlation of {id}"),
        traceparent: Some(format!("trace of {id}")),
        token_mac: token.to_owned(),
        token_sealed: format!("sealed {token} of {id}").into_bytes(),
        state: "MODIFIED".to_owned(),
        movement: Some("4711".to_owned()),
        ticket: None,
        unknown_fields: vec!["mood".to_owned()],
        priority: Priority::Normal,
        now,
        debounce: DEBOUNCE,
        max_wait: MAX_WAIT,
    }
}

/// The end of a run that changes no pass.
pub fn finish(lease: &TaskLease, next: Next, now: Millis) -> Finish {
    Finish {
        tenant: lease.tenant.clone(),
        task: lease.task.clone(),
        lease_token: lease.lease_token,
        generation: lease.generation,
        now,
        next,
        run: RunRecord {
            id: format!("run {} {}", lease.task, lease.lease_token),
            fetch_started_at: Some(now - 1),
            outcome: "done".to_owned(),
            error: None,
            findings: "[]".to_owned(),
            secutix_calls: 1,
        },
        aliases: vec![],
        events: vec![],
        passes: vec![],
        happenings: vec![],
        institution: "DEMO".to_owned(),
        void_limit: None,
    }
}

/// A live ticket's pass, to be created: movement `n` of the file, showing no event.
pub fn new_pass(n: usize, file: &str) -> PassWrite {
    PassWrite {
        id: pass_id(n),
        subject: PassSubject::Movement(format!("movement {n}")),
        expected: None,
        file: Some(file.to_owned()),
        order: Some("order".to_owned()),
        ticket: Some("ticket".to_owned()),
        state: PassState::Live,
        successor: None,
        template: "event-ticket".to_owned(),
        template_digest: "d1".to_owned(),
        google_class: None,
        sealed: None,
        ticket_mac: "t1".to_owned(),
        apple_mac: None,
        google_mac: None,
        events: vec![],
        absent_since: None,
        visible: true,
        object_changed: true,
        attributes: vec![],
        change: None,
    }
}

pub fn change(action: &str) -> Change {
    Change {
        action: action.to_owned(),
        use_case: "schedule".to_owned(),
        reason: "event-changed".to_owned(),
        fields: vec!["event.start".to_owned()],
        correlations: vec!["c1".to_owned(), "c2".to_owned()],
    }
}

/// Something that happened, of a pass or of none.
pub fn happening(id: &str, pass: Option<usize>) -> Happening {
    Happening {
        id: id.to_owned(),
        kind: HappeningKind::PassInstalled,
        at: 40,
        operation: Some("c1".to_owned()),
        pass: pass.map(pass_id),
        properties: "{}".to_owned(),
        sealed: None,
    }
}

pub fn register(device: &str, pass: usize, now: Millis) -> Register {
    Register {
        tenant: opera(),
        device: device.to_owned(),
        push_mac: "push".to_owned(),
        push_sealed: format!("push token of {device} at {now}").into_bytes(),
        pass: pass_id(pass),
        now,
        signal: signal(&format!("{device} has {pass} at {now}"), now),
    }
}

pub fn signal(event: &str, at: Millis) -> SignalKey {
    SignalKey { source: "apple".to_owned(), event: event.to_owned(), at }
}

/// Erases data keys that are due by `now`, and no records.
pub fn erasure(now: Millis) -> Erasure {
    Erasure { now, notifications_before: 0, runs_before: 0, changes_before: 0, batch: 100 }
}
