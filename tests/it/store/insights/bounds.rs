//! What bounds a question, and that it keeps nobody waiting.

use std::time::Duration;

use passerelle_server::store::{Options, SqliteStore};

use super::*;

#[test]
fn an_answer_that_is_cut_says_so_and_no_more_is_read() {
    let engine = Sqlite::start();
    let now = load(&engine.file());
    let conn = rusqlite::Connection::open(engine.file()).unwrap();
    let many = "INSERT INTO happening(tenant, id, type, at, recorded_at, properties) \
         WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1) SELECT 'demo', 'x' || n, 'Many:Ones', n, n, '{}' FROM n";
    conn.execute(many, [i64::try_from(limit::ROWS).unwrap() + 1]).unwrap();
    let found = block_on(ask(&engine, "demo", "Events | where eventType == 'Many:Ones'", &json!({}), now)).unwrap();
    assert_eq!((found.rows.len(), found.truncated), (limit::ROWS, true));
    let exact = format!("Events | where eventType == 'Many:Ones' | take {}", limit::ROWS);
    let found = block_on(ask(&engine, "demo", &exact, &json!({}), now)).unwrap();
    assert_eq!((found.rows.len(), found.truncated), (limit::ROWS, false));

    // Bytes, too: a text that doubles in every line ends at its limit.
    let doubled = " | extend text = strcat(text, text, text, text)".repeat(6);
    let large = format!("Events | where eventType == 'Many:Ones' | extend text = eventType{doubled} | project text");
    let found = block_on(ask(&engine, "demo", &large, &json!({}), now)).unwrap();
    assert!(found.truncated && found.rows.len() < 3_000, "{}", found.rows.len());
    assert_eq!(found.rows[0][0].as_str().unwrap().chars().count(), limit::CONCATENATED);
}

/// Ten thousand rows with one key.
fn crowd(file: &Path) -> Millis {
    let now = load(file);
    let conn = rusqlite::Connection::open(file).unwrap();
    let many = "INSERT INTO happening(tenant, id, type, at, recorded_at, properties) \
         WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 10000) SELECT 'demo', 'x' || n, 'Many:Ones', n, n, '{}' FROM n";
    conn.execute(many, []).unwrap();
    now
}

fn too_large<E: Engine>() {
    let engine = E::start();
    let now = crowd(&engine.file());
    let refused = |query: &str| block_on(ask(&engine, "demo", query, &json!({}), now)).err();
    assert_eq!(refused("Events | join kind=inner (Events) on tenantId | count").as_deref(), Some("Joined"));
    // What doubles in every level of one expression.
    let nested = format!("Events | extend x = {}eventType{}", "tostring(parse_json(".repeat(12), "))".repeat(12));
    assert_eq!(refused(&nested).as_deref(), Some("Length"));
    assert_eq!(refused("Events | join kind=leftsemi (Events) on tenantId | count"), None, "it makes no pairs");
}

#[test]
fn what_would_make_too_many_rows_is_refused_on_the_servers_store() {
    too_large::<Sqlite>();
}

#[test]
fn what_would_make_too_many_rows_is_refused_on_the_edges_store() {
    too_large::<Edge>();
}

#[test]
fn a_question_ends_with_its_time_and_keeps_nobody_else_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("store.db");
    let options = Options { patience: Duration::ZERO, questions: 1, ..Options::default() };
    let store = SqliteStore::open(&file, options).unwrap();
    let now = crowd(&file);
    block_on(async {
        use passerelle_flow::store::Store as _;
        let plan = || {
            prepare(
                "Events | join kind=inner (Events | take 90) on tenantId | summarize count() by eventId",
                &Parameters::default(),
                now,
            )
        };
        let question = || Question { tenant: tenant("demo"), now, plan: plan().unwrap() };
        for _ in 0..3 {
            let (asked, depth) = tokio::join!(store.ask(question()), store.depth());
            assert!(depth.is_ok());
            assert_eq!(asked, Ok(Outcome::Beyond(Bound::Time)));
        }
        store.ping().await.unwrap();
        assert!(store.figures(0).await.is_ok(), "the reader is whole");
    });
}
