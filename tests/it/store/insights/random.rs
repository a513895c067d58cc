//! Questions that nobody wrote: no function fails in the store, no text panics, none reaches another tenant.

use proptest::prelude::*;

use super::*;

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
