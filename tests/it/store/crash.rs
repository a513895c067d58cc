//! A real process, really killed: what it has said to be accepted or finished is there afterwards.
//!
//! The child is this test binary, told by an environment variable; it accepts, claims and finishes as fast as it can and tells each
//! answer in one write of a whole line, so that a line is there or not. SIGKILL comes after some number of lines, in the midst of
//! whatever the child is doing. Bounds: a killed process keeps its page cache, so this says nothing of a power cut; that each commit is
//! synced is checked where the file is opened.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use passerelle_flow::store::*;
use passerelle_server::store::{Options, SqliteStore};

use super::*;

const FILE: &str = "PASSERELLE_TEST_CRASH_FILE";
const ROUND: &str = "PASSERELLE_TEST_CRASH_ROUND";

/// Lines after which the child is killed: early (while the file is made), then at ever other places.
const KILLS: [usize; 8] = [1, 17, 60, 131, 255, 256, 400, 733];

#[test]
fn what_was_acknowledged_survives_sigkill() {
    if let (Ok(file), Ok(round)) = (std::env::var(FILE), std::env::var(ROUND)) {
        return block_on(live(Path::new(&file), &round));
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("store.db");
    let (mut accepted, mut registered) = (0, 0);
    let mut finished = BTreeMap::new();
    for (round, lines) in KILLS.into_iter().enumerate() {
        for line in kill_after(&file, round, lines) {
            let words: Vec<_> = line.split(' ').collect();
            match words[..] {
                ["accepted", id, task, generation] => {
                    let query = format!(
                        "SELECT n.id FROM notification n JOIN task t ON t.tenant = n.tenant AND t.id = n.task \
                         WHERE n.id = '{id}' AND n.task = '{task}' AND n.gen = {generation} AND t.wanted >= {generation}"
                    );
                    assert_eq!(rows(&file, &query).len(), 1, "round {round}: {line}");
                    accepted += 1;
                }
                ["finished", task, generation, version] => {
                    finished.insert(task.to_owned(), (generation.to_owned(), version.parse::<i64>().unwrap()));
                }
                ["registered", device] => {
                    let query = format!("SELECT device FROM registration WHERE device = '{device}'");
                    assert_eq!(rows(&file, &query).len(), 1, "round {round}: {line}");
                    registered += 1;
                }
                _ => panic!("{line}"),
            }
        }
        check_invariants(|sql| rows(&file, sql));
        assert_eq!(rows(&file, "PRAGMA integrity_check"), [["ok"]]);
        for (task, (generation, version)) in &finished {
            let done = format!("SELECT id FROM task WHERE id = '{task}' AND done >= {generation}");
            assert_eq!(rows(&file, &done).len(), 1, "round {round}: {task} was finished");
            let pass = format!("SELECT id FROM pass WHERE subject = '{task}' AND version >= {version}");
            assert_eq!(rows(&file, &pass).len(), 1, "round {round}: the pass of {task} was written");
        }
        // A finish is whole: the pass, its history and its run are there together or not at all.
        let torn = "SELECT p.id FROM pass p WHERE p.version <> (SELECT count(*) FROM pass_change c WHERE c.pass = p.id) \
                    OR p.version <> (SELECT count(*) FROM run r WHERE r.task = p.subject AND r.outcome = 'done')";
        assert!(rows(&file, torn).is_empty(), "round {round}");
        // So is a registration: its signal is there with it, and somebody is going to fold it.
        let torn = "SELECT device FROM registration r WHERE NOT EXISTS (SELECT 1 FROM signal s WHERE s.pass = r.pass AND s.folded = 0 \
                    AND s.event = r.device || ' has 0 at ' || r.created_at)";
        assert!(rows(&file, torn).is_empty(), "round {round}");
        let torn = "SELECT target FROM effect e WHERE kind = 'installation' AND \
                    (have = want OR want <> (SELECT count(*) FROM signal s WHERE s.pass = e.target))";
        assert!(rows(&file, torn).is_empty(), "round {round}");
    }
    assert!(accepted > 500 && finished.len() > 3 && registered > 20, "{accepted} {} {registered}", finished.len());
}

/// Starts the child, kills it after so many lines, and returns every line that it wrote.
fn kill_after(file: &Path, round: usize, lines: usize) -> Vec<String> {
    let (_, path) = module_path!().split_once("::").unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([&format!("{path}::what_was_acknowledged_survives_sigkill"), "--exact", "--nocapture"])
        .env(FILE, file)
        .env(ROUND, round.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut all = Vec::new();
    for _ in 0..lines {
        all.push(told.next().expect("the child died by itself").unwrap());
    }
    child.kill().unwrap();
    all.extend(told.map(Result::unwrap));
    let status = child.wait().unwrap();
    assert!(!status.success(), "it was killed, not finished");
    all
}

/// The child: eight clients accept without end, phones register, two workers run what is due.
async fn live(file: &Path, round: &str) {
    const TASKS: usize = 10;
    // Time stands still in a round, and by the next one every lease of a killed worker has run out.
    let now = round.parse::<Millis>().unwrap() * 2 * LEASE;
    let store = Arc::new(SqliteStore::open(file, Options::default()).unwrap());
    let mut all = tokio::task::JoinSet::new();
    for client in 0..8 {
        let (store, round) = (Arc::clone(&store), round.to_owned());
        all.spawn(async move {
            for n in 0_usize.. {
                let (token, id) = (format!("token{}", (client + n) % TASKS), format!("{round}/{client}/{n}"));
                let notification = Accept { debounce: 0, ..accept(&opera(), &token, &id, now) };
                let accepted = store.accept(notification).await.unwrap();
                tell(&format!("accepted {id} {} {}\n", accepted.task, accepted.generation));
            }
        });
    }
    let (phones, of) = (Arc::clone(&store), round.to_owned());
    all.spawn(async move {
        for n in 0_usize.. {
            let device = format!("{of}/{n}");
            assert!(phones.register(register(&device, 0, now)).await.unwrap().created);
            tell(&format!("registered {device}\n"));
        }
    });
    for _ in 0..2 {
        let store = Arc::clone(&store);
        all.spawn(async move {
            loop {
                for lease in store.claim(now, now + LEASE, Quota::of(2)).await.unwrap() {
                    work(&store, &lease, now).await;
                }
            }
        });
    }
    while let Some(ended) = all.join_next().await {
        ended.unwrap();
    }
}

/// One run: the task's pass gets one more version.
async fn work(store: &SqliteStore, lease: &TaskLease, now: Millis) {
    let TaskSubject::Token(token) = &lease.subject else { panic!("{lease:?}") };
    let number = token.strip_prefix("token").unwrap().parse().unwrap();
    let subject = PassSubject::Movement(lease.task.clone());
    let known = store.pass_by_subject(&opera(), &subject).await.unwrap().map(|view| view.pass.version);
    let write = PassWrite { subject, expected: known, change: Some(change("updated")), ..new_pass(number, "file") };
    let end = Finish { passes: vec![write], ..finish(lease, Next::Done, now) };
    match store.finish(end).await.unwrap() {
        Finished::Committed { changed } => {
            tell(&format!("finished {} {} {}\n", lease.task, lease.generation, changed[0].1));
        }
        other => panic!("{other:?}"),
    }
}

/// One write of a whole line, so that a kill leaves no half of one.
fn tell(line: &str) {
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}
