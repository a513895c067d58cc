//! Questions over a fixed data set: every case of `tests/insights`, on the server's store and on the edge's; and that no question reaches another
//! tenant or stalls anybody.
//!
//! Owns the loading of the data set. The expected rows are computed by `tests/insights/compute.py`, which knows neither SQL nor KQL; that they are
//! is checked here as well.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use passerelle_flow::insights::answer::{Answer, answer};
use passerelle_flow::insights::parameter::Parameters;
use passerelle_flow::insights::{limit, prepare};
use passerelle_flow::store::{Bound, Insights as _, Outcome, Question};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::edge::Edge;
use super::{Engine, Sqlite, block_on, opera};
use crate::store::{Options, SqliteStore};
use passerelle_flow::identity::{Millis, TenantId};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("insights")
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

/// The data set in an empty store; its time.
fn load(file: &Path) -> Millis {
    let data = read(&folder().join("data.json"));
    let mut conn = rusqlite::Connection::open(file).unwrap();
    let transaction = conn.transaction().unwrap();
    let put = |table: &str, row: &Value, more: &[(&str, Value)]| {
        let mut columns: Vec<(String, Value)> =
            row.as_object().unwrap().iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        columns.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
        let marks: Vec<String> = (1..=columns.len()).map(|n| format!("?{n}")).collect();
        let sql = format!("INSERT INTO {table}({}) VALUES({})", names.join(", "), marks.join(", "));
        let values = columns.iter().map(|(name, value)| match value {
            Value::Null => rusqlite::types::Value::Null,
            Value::Number(number) => number.as_i64().unwrap().into(),
            Value::String(text) => text.clone().into(),
            properties => {
                assert_eq!(name, "properties");
                properties.to_string().into()
            }
        });
        transaction.execute(&sql, rusqlite::params_from_iter(values)).unwrap();
    };
    for row in data["happening"].as_array().unwrap() {
        put("happening", row, &[("recorded_at", row["at"].clone())]);
    }
    for row in data["notification"].as_array().unwrap() {
        put("notification", row, &[("unknown_fields", json!("[]"))]);
    }
    for row in data["run"].as_array().unwrap() {
        put("run", row, &[("lease_token", json!(1)), ("findings", json!("{}"))]);
    }
    for row in data["delivery_attempt"].as_array().unwrap() {
        put("delivery_attempt", row, &[]);
    }
    for row in data["metric"].as_array().unwrap() {
        put("metric", row, &[]);
    }
    transaction.commit().unwrap();
    data["now"].as_i64().unwrap()
}

async fn ask<E: Engine>(engine: &E, of: &str, query: &str, parameters: &Value, now: Millis) -> Result<Answer, String> {
    let parameters = Parameters::parse(parameters.as_object().unwrap()).map_err(|error| error.to_string())?;
    let plan = prepare(query, &parameters, now).map_err(|error| error.to_string())?;
    let columns = plan.columns.clone();
    match engine.store().ask(Question { tenant: tenant(of), now, plan }).await.unwrap() {
        Outcome::Rows(rows) => Ok(answer(&columns, rows)),
        Outcome::Beyond(bound) => Err(format!("{bound:?}")),
    }
}

fn same(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            (a - b).abs() <= 1e-9 * b.abs().max(1.0)
        }
        (a, b) => a == b,
    }
}

/// Without an order of its own an answer is a set of rows.
fn sorted(mut rows: Vec<Value>) -> Value {
    rows.sort_by_key(Value::to_string);
    Value::Array(rows)
}

fn every_case<E: Engine>() {
    let engine = E::start();
    let now = load(&engine.file());
    let mut cases: Vec<PathBuf> =
        std::fs::read_dir(folder().join("cases")).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() > 40);
    let mut wrong = Vec::new();
    for case in cases {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let query = std::fs::read_to_string(case.join("query.kql")).unwrap();
        let parameters = case.join("parameters.json");
        let parameters = if parameters.exists() { read(&parameters) } else { json!({}) };
        let expected = read(&case.join("expected.json"));
        let found = match block_on(ask(&engine, "demo", &query, &parameters, now)) {
            Ok(found) => serde_json::to_value(&found).unwrap(),
            Err(error) => {
                wrong.push(format!("{name}: {error}"));
                continue;
            }
        };
        let rows = |value: &Value| {
            let rows = value["rows"].as_array().unwrap().clone();
            if expected["ordered"] == true { Value::Array(rows) } else { sorted(rows) }
        };
        if found["columns"] != expected["columns"] {
            wrong.push(format!("{name}: columns {}", found["columns"]));
        }
        if !same(&rows(&found), &rows(&expected)) || found["truncated"] == true {
            wrong.push(format!("{name}:\n  found    {}\n  expected {}", rows(&found), rows(&expected)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_case_answers_what_was_computed_apart_on_the_servers_store() {
    every_case::<Sqlite>();
}

#[test]
fn every_case_answers_what_was_computed_apart_on_the_edges_store() {
    every_case::<Edge>();
}

#[test]
fn the_expected_rows_are_what_the_program_apart_computes() {
    let ran = Command::new("python3").arg(folder().join("compute.py")).output().unwrap();
    assert!(ran.status.success(), "{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
}

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
            // Stopped, or the only reader was at work: never an answer, and never for long.
            assert!(matches!(asked, Ok(Outcome::Beyond(Bound::Time)) | Err(_)), "{asked:?}");
        }
        store.ping().await.unwrap();
        assert!(store.figures(0).await.is_ok(), "the reader is whole");
    });
}

fn figures<E: Engine>() {
    const HOUR: Millis = 3_600_000;
    let engine = E::start();
    let store = engine.store().clone();
    block_on(async {
        use passerelle_flow::store::{Priority, Store as _, TaskSubject};
        assert_eq!(store.figures(HOUR).await.unwrap(), [], "nobody is there");
        store.enqueue(&opera(), TaskSubject::File("1".to_owned()), "t", Priority::Normal, 0).await.unwrap();
        let counted = store.figures(HOUR).await.unwrap();
        let again = store.figures(HOUR).await.unwrap();
        assert_eq!(counted, again);
        assert!(counted.iter().any(|figure| figure.kind == "Tasks:Waiting" && figure.value == 1));
        assert!(counted.iter().any(|figure| figure.kind == "Deliveries:Dead" && figure.value == 0));
        let kept = store.keep_figures(HOUR, counted.clone()).await.unwrap();
        assert_eq!(kept, counted.len() as u64);
        assert_eq!(store.keep_figures(HOUR, again).await.unwrap(), 0, "another node was first");
        assert_eq!(store.figures(HOUR).await.unwrap(), [], "the hour is kept");
        assert_eq!(store.figures(2 * HOUR).await.unwrap(), counted);
    });
    let query = "Metrics | where metricType == 'Tasks:Waiting' | project tenantId, value, timestamp, metricId";
    let found = block_on(ask(&engine, opera().as_str(), query, &json!({}), 2 * HOUR)).unwrap();
    assert_eq!(json!(found.rows), json!([["opera", 1, "1970-01-01T01:00:00Z", "Tasks:Waiting/3600000/{}"]]));
}

#[test]
fn an_hours_figures_are_kept_once_on_the_servers_store() {
    figures::<Sqlite>();
}

#[test]
fn an_hours_figures_are_kept_once_on_the_edges_store() {
    figures::<Edge>();
}

/// Every function and every sign over values of every kind, ends of ranges among them: refused when it is checked, or answered.
fn everything<E: Engine>() {
    const VALUES: [&str; 22] = [
        "eventType",
        "timestamp",
        "properties",
        "properties.price",
        "properties.seats",
        "properties.nothing",
        "properties.seats[0]",
        "''",
        "'1'",
        "'é[*?'",
        "'{bad'",
        "0",
        "(9223372036854775807)",
        "(-9223372036854775807 - 1)",
        "0.0",
        "-1.7e308",
        "true",
        "1d",
        "datetime(0001-01-01)",
        "long(null)",
        "tolong('x')",
        "todatetime(properties.price)",
    ];
    const ONE: [&str; 42] = [
        "tostring({})",
        "tolong({})",
        "todouble({})",
        "tobool({})",
        "todatetime({})",
        "totimespan({})",
        "isnull({})",
        "isempty({})",
        "not({})",
        "-{}",
        "abs({})",
        "round({})",
        "round({}, 2)",
        "bin({}, 7)",
        "bin({}, 0.1)",
        "bin({}, 7d)",
        "strlen({})",
        "tolower({})",
        "toupper({})",
        "substring({}, 2)",
        "substring({}, -1, 3)",
        "substring(eventType, {}, {})",
        "strcat({}, {})",
        "parse_json({})",
        "array_length({})",
        "startofday({})",
        "startofweek({})",
        "startofmonth({})",
        "startofyear({})",
        "hourofday({})",
        "dayofweek({})",
        "dayofmonth({})",
        "monthofyear({})",
        "getyear({})",
        "format_datetime({}, 'yyyy-MM-dd HH:mm:ss')",
        "{} has 'a*['",
        "{} contains ''",
        "{} in~ ('a', 'B')",
        "coalesce({}, {})",
        "iff({} == {}, {}, {})",
        "{} between ({} .. {})",
        "case(isnull({}), {}, true, {}, {})",
    ];
    const SIGNS: [&str; 13] =
        ["+", "-", "*", "/", "%", "==", "!=", "<", ">=", "=~", "contains", "startswith", "endswith"];
    const AGGREGATES: [&str; 10] = [
        "dcount({})",
        "sum({})",
        "avg({})",
        "min({})",
        "max({})",
        "percentile({}, 50)",
        "make_list({})",
        "make_set({})",
        "any({})",
        "sumif({}, true)",
    ];
    let engine = E::start();
    let now = load(&engine.file());
    let mut queries = Vec::new();
    for value in VALUES {
        queries.extend(ONE.iter().map(|one| format!("Events | take 40 | project x = {}", one.replace("{}", value))));
        queries.extend(
            AGGREGATES
                .iter()
                .map(|of| format!("Events | take 40 | summarize x = {} by eventType", of.replace("{}", value))),
        );
        queries.extend(
            AGGREGATES.iter().map(|of| format!("Events | where false | summarize {}", of.replace("{}", value))),
        );
        for other in VALUES {
            queries.extend(
                SIGNS.iter().map(|sign| {
                    format!("Events | take 8 | extend x = {value} {sign} {other} | sort by x | where x == x")
                }),
            );
        }
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (mut answered, all) = (0, queries.len());
    for query in queries {
        let parameters = Parameters::default();
        let Ok(plan) = prepare(&query, &parameters, now) else { continue };
        let width = plan.columns.len();
        match runtime.block_on(engine.store().ask(Question { tenant: tenant("demo"), now, plan })) {
            Ok(Outcome::Rows(rows)) => assert!(rows.rows.iter().all(|row| row.len() == width), "{query}"),
            other => panic!("{query}: {other:?}"),
        }
        answered += 1;
    }
    assert!(answered > 1_500, "{answered} of {all}");
}

#[test]
fn every_function_answers_for_every_kind_on_the_servers_store() {
    everything::<Sqlite>();
}

#[test]
fn every_function_answers_for_every_kind_on_the_edges_store() {
    everything::<Edge>();
}

/// Pieces of queries, put together at random; most of what comes out is valid. None makes the other tenant's name of nothing.
fn pipelines() -> impl Strategy<Value = String> {
    let table = prop::sample::select(vec!["Events", "Logs", "Metrics"]);
    let truth = prop::sample::select(vec![
        "tenantId == 'annex'",
        "tenantId != 'demo'",
        "true",
        "1 == 1 or tenantId == 'annex'",
        "not(tenantId == 'demo')",
        "isnotempty(tenantId)",
        "tenantId in ('annex', 'demo')",
        "tenantId has 'annex'",
        "tenantId startswith \"a\"",
        "tenantId !contains 'demo'",
        "timestamp > ago(9d)",
        "properties.passId == 'annex0001'",
        "tostring(properties) contains 'annex'",
        "tenantId == name",
        "tenantId =~ 'ANNEX'",
    ]);
    let operator = prop_oneof![
        truth.clone().prop_map(|truth| format!("where {truth}")),
        truth.clone().prop_map(|truth| format!(
            "summarize n = countif({truth}), a = make_set(tenantId), m = max(tenantId) by tenantId"
        )),
        truth.prop_map(|truth| format!("extend x = iff({truth}, tenantId, tostring(properties))")),
        prop::sample::select(vec![
            "sort by timestamp",
            "take 7",
            "distinct tenantId",
            "project-away timestamp",
            "project tenantId, properties, timestamp",
            "project-rename t = tenantId",
            "extend tenantId = strcat(tenantId, '')",
            "count",
            "top 3 by timestamp",
        ])
        .prop_map(str::to_owned),
    ];
    let pipeline = (table, prop::collection::vec(operator, 0..5)).prop_map(|(table, operators)| {
        std::iter::once(table.to_owned()).chain(operators).collect::<Vec<_>>().join(" | ")
    });
    let kind = prop::sample::select(vec![
        "innerunique",
        "inner",
        "leftouter",
        "rightouter",
        "fullouter",
        "leftsemi",
        "leftanti",
    ]);
    (pipeline.clone(), prop::option::of((kind, pipeline))).prop_map(|(left, join)| match join {
        None => left,
        Some((kind, right)) => format!("{left} | join kind={kind} ({right}) on tenantId | take 100"),
    })
}

#[test]
fn no_query_reaches_another_tenant() {
    let engine = Sqlite::start();
    let now = load(&engine.file());
    let asked = std::cell::Cell::new(0);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let parameters = json!({"name": "annex"});
    runner
        .run(&pipelines(), |query| {
            if let Ok(found) = runtime.block_on(ask(&engine, "demo", &query, &parameters, now)) {
                asked.set(asked.get() + 1);
                let told = serde_json::to_string(&found).unwrap();
                prop_assert!(!told.contains("annex"), "{query}: {told}");
            }
            Ok(())
        })
        .unwrap();
    assert!(asked.get() > 150, "only {} of the queries were valid", asked.get());
    // The other tenant has what is looked for.
    let found = block_on(ask(&engine, "annex", "Events | where tenantId == 'annex' | count", &json!({}), now)).unwrap();
    assert!(found.rows[0][0].as_i64().unwrap() > 20);
    let nobody = block_on(ask(&engine, "nobody", "Events | union Logs", &json!({}), now));
    assert!(nobody.is_err());
    for table in ["Events", "Logs", "Metrics"] {
        assert!(block_on(ask(&engine, "nobody", table, &json!({}), now)).unwrap().rows.is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_has_a_plan_or_an_error_with_a_place(text in "\\PC{0,80}") {
        told(&text)?;
    }

    #[test]
    fn words_in_any_order_have_a_plan_or_an_error_with_a_place(words in prop::collection::vec(prop::sample::select(vec![
        "Events", "Logs", "|", "where", "(", ")", ",", "==", "and", "or", "not", "summarize", "count()", "by", "bin(timestamp, 1d)", "eventType",
        "'a'", "\"b", "1", "2.5", "1d", "..", "between", "in", "!in~", "has_any", "join", "kind", "=", "on", "$left", ".", "properties", "[", "]", "0",
        "-", "+", "*", "/", "%", "let", "x", ";", "sort", "desc", "nulls", "first", "take", "top", "datetime(2026-01-01)", "iff(", "case(", "strcat(", "\n",
        "//", "project-away", "extend", "distinct", "ago(", "tostring(", "percentile(",
    ]), 0..30)) {
        told(&words.join(" "))?;
    }
}

fn told(text: &str) -> Result<(), TestCaseError> {
    if let Err(error) = prepare(text, &Parameters::default(), 0) {
        prop_assert!(error.line > 0 && error.column > 0 && !error.message.is_empty(), "{error:?}");
        prop_assert!(text.contains(&error.near), "{error:?}");
    }
    Ok(())
}
