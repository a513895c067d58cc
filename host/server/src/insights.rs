//! `passerelle insights query`: the Insights API's questions on the configured store.
//!
//! Owns the three ways in which an answer is written. Does not own the dialect (`passerelle_flow::insights`). The limit of calls is the HTTP
//! interface's; those of a question's size and time hold here as well.

#![allow(clippy::print_stdout)] // the answer is what it is asked for

use std::fmt::Write as _;

use anyhow::{Context as _, bail};
use passerelle_flow::insights::answer::{Answer, answer};
use passerelle_flow::insights::parameter::Parameters;
use passerelle_flow::insights::prepare;
use passerelle_flow::ports::Clock as _;
use passerelle_flow::store::{Bound, Insights as _, Outcome, Question};
use serde_json::{Map, Value};

use crate::cli::{Insights, InsightsQuery};
use crate::commands::{known_tenant, open_store, runtime, settings};
use crate::csv::quoted;
use crate::host::ServerClock;

pub fn insights(arguments: &Insights) -> anyhow::Result<bool> {
    let Insights::Query(query) = arguments;
    let InsightsQuery { configured, tenant, query, parameters, format } = query;
    let settings = settings(configured)?;
    let tenant = known_tenant(&settings, tenant.0.clone())?.0;
    let parameters = Parameters::parse(&named(parameters)?)?;
    let now = ServerClock::default().now();
    let plan = match prepare(query, &parameters, now) {
        Ok(plan) => plan,
        Err(error) => bail!("the query is not valid: {error}"),
    };
    let columns = plan.columns.clone();
    let outcome = runtime(None)?.block_on(async {
        let store = open_store(&settings)?;
        let outcome = store.ask(Question { tenant, now, plan }).await;
        store.close().await;
        anyhow::Ok(outcome?)
    })?;
    let answer = match outcome {
        Outcome::Rows(rows) => answer(&columns, rows),
        Outcome::Beyond(Bound::Time) => bail!("the query took longer than it may; ask for less time, or join less"),
        Outcome::Beyond(Bound::Joined) => {
            bail!("a join makes more than a million rows; filter or summarize both sides before it")
        }
        Outcome::Beyond(Bound::Listed) => {
            bail!("a list would be larger than four megabytes; filter before it, or count instead")
        }
        Outcome::Beyond(Bound::Length) => bail!("the query is too long or too deeply nested; take it apart"),
    };
    match format.as_str() {
        "json" => println!("{}", serde_json::to_string(&answer)?),
        "csv" => print!("{}", csv(&answer)),
        _ => println!("{}", table(&answer)),
    }
    if answer.truncated {
        eprintln!("There are more rows than these {}.", answer.rows.len());
    }
    Ok(true)
}

/// `name=value`; what is JSON's number, true, false or null is that.
fn named(parameters: &[String]) -> anyhow::Result<Map<String, Value>> {
    let read = |text: &String| {
        let (name, value) =
            text.split_once('=').with_context(|| format!("--parameter NAME=VALUE is expected, and not {text}"))?;
        let typed = serde_json::from_str(value)
            .ok()
            .filter(|value: &Value| !matches!(value, Value::Array(_) | Value::Object(_)));
        // A text in quotes is one as well: what looks like a number can be meant as a text.
        Ok((name.to_owned(), typed.unwrap_or_else(|| Value::String(value.to_owned()))))
    };
    parameters.iter().map(read).collect()
}

/// As a person reads it: a text without quotes, nothing for null.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn table(answer: &Answer) -> String {
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::NOTHING);
    table.set_header(answer.columns.iter().map(|column| column.name.as_str()));
    for row in &answer.rows {
        table.add_row(row.iter().map(cell));
    }
    table.to_string()
}

/// RFC 4180, its line ends as well.
fn csv(answer: &Answer) -> String {
    let mut text = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = String>| {
        for (at, cell) in cells.enumerate() {
            // Writing to a String cannot fail.
            let _ = write!(text, "{}{}", if at > 0 { "," } else { "" }, quoted(cell));
        }
        text.push_str("\r\n");
    };
    line(&mut answer.columns.iter().map(|column| column.name.clone()));
    for row in &answer.rows {
        line(&mut row.iter().map(cell));
    }
    text
}

#[cfg(test)]
mod tests {
    use passerelle_flow::insights::answer::Heading;
    use serde_json::json;

    use super::*;

    #[test]
    fn parameters_are_what_they_look_like_and_else_a_text() {
        let given = ["a=1", "b=true", "c=Pass:Installed", "d=\"7\"", "e=1=2", "f=[1]"].map(str::to_owned);
        let expected = json!({"a": 1, "b": true, "c": "Pass:Installed", "d": "7", "e": "1=2", "f": "[1]"});
        assert_eq!(Value::Object(named(&given).unwrap()), expected);
        assert!(named(&["nothing".to_owned()]).is_err());
    }

    #[test]
    fn csv_quotes_what_would_be_read_otherwise() {
        let heading = |name: &str| Heading { name: name.to_owned(), kind: "string" };
        let rows = vec![vec![json!("a,b"), Value::Null], vec![json!("say \"x\""), json!(1.5)]];
        let answer = Answer { columns: vec![heading("one"), heading("two")], rows, truncated: false };
        assert_eq!(csv(&answer), "one,two\r\n\"a,b\",\r\n\"say \"\"x\"\"\",1.5\r\n");
    }
}
