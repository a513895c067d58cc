//! Every case of `tests/insights`.

use std::process::Command;

use super::*;

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
fn the_guides_queries_are_answered() {
    let guide = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/insights.md")).unwrap();
    let block = guide.split("```kusto\n").nth(1).unwrap().split("```").next().unwrap();
    let queries: Vec<&str> = block.split("\n\n").collect();
    assert_eq!(queries.len(), 10);
    let engine = Sqlite::start();
    let now = load(&engine.file());
    for query in queries {
        let found = block_on(ask(&engine, "demo", query, &json!({"correlation": "demo-op1"}), now));
        let rows = found.unwrap_or_else(|error| panic!("{query}: {error}")).rows;
        assert!(!rows.is_empty() || query.contains("startofday"), "{query}");
    }
}
