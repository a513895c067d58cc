//! Questions over a fixed data set: every case of `tests/insights`, on the server's store and on the edge's; and that no question reaches another
//! tenant or stalls anybody.
//!
//! Owns the loading of the data set. The expected rows are computed by `tests/insights/compute.py`, which knows neither SQL nor KQL; that they are
//! is checked here as well.

mod bounds;
mod cases;
mod figures;
mod random;

use std::path::{Path, PathBuf};

use passerelle_flow::identity::{Millis, TenantId};
use passerelle_flow::insights::answer::{Answer, answer};
use passerelle_flow::insights::parameter::Parameters;
use passerelle_flow::insights::{limit, prepare};
use passerelle_flow::store::{Bound, Insights as _, Outcome, Question};
use serde_json::{Value, json};

use super::edge::Edge;
use super::{Engine, Sqlite, block_on, opera};

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
