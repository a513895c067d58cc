use serde_json::json;

use super::plan::{Expr, Function, Kind, Literal, Node, Step};
use super::*;

/// 2026-03-20T12:00:00Z
const NOW: Millis = 1_774_008_000_000;

fn parameters() -> Parameters {
    let values = json!({"name": "Pass:Installed", "since": "2026-03-01", "back": "2d", "count": 5, "yes": true});
    Parameters::parse(values.as_object().unwrap()).unwrap()
}

fn planned(text: &str) -> Plan {
    prepare(text, &parameters(), NOW).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn condition(text: &str) -> Expr {
    match planned(&format!("Events | where {text}")).steps.remove(0) {
        Step::Where(expr) => expr,
        other => panic!("{other:?}"),
    }
}

fn columns(text: &str) -> Vec<(String, &'static str)> {
    planned(text).columns.into_iter().map(|column| (column.name, column.kind.name())).collect()
}

/// Query, line, column, the text that is meant, and words that the answer holds.
const WRONG: &[(&str, usize, usize, &str, &[&str])] = &[
    ("", 1, 1, "", &["the query ends here", "a table: Events, Logs or Metrics"]),
    ("  // nothing\n", 2, 1, "", &["the query ends here"]),
    ("Evnts | count", 1, 1, "Evnts", &["no table `Evnts`", "did you mean `Events`?"]),
    ("events", 1, 1, "events", &["did you mean `Events`?"]),
    ("happening", 1, 1, "happening", &["no table", "Events, Logs, Metrics"]),
    ("Events | where evenType == 'x'", 1, 16, "evenType", &["no column `evenType`", "did you mean `eventType`?"]),
    ("Events\n| where eventType = 'x'", 2, 19, "=", &["a single = gives a name", "=="]),
    ("Events | where eventType", 1, 16, "eventType", &["a condition is true or false", "a string"]),
    ("Events | were true", 1, 10, "were", &["no operator `were`", "did you mean `where`?"]),
    ("Events | render timechart", 1, 10, "render", &["no operator `render`", "a chart is the caller's"]),
    ("Events | where", 1, 15, "", &["the query ends here", "a column"]),
    ("Events | where eventType ==", 1, 28, "", &["the query ends here"]),
    ("Events | where (eventType == 'a'", 1, 33, "", &["the query ends here", "expected: )"]),
    ("Events | where eventType == \"a", 1, 29, "\"a", &["does not end", "the closing quotation mark"]),
    ("Events | where eventType == 'a\\q'", 1, 29, "'a\\q'", &["escape"]),
    ("Events | where timestamp > ago(7x)", 1, 32, "7x", &["no number and no timespan", "1d"]),
    ("Events | where timestamp > datetime(2026-13-01)", 1, 28, "datetime(2026-13-01)", &["this is no time"]),
    ("Events | where timestamp > 'yesterday'", 1, 26, ">", &["no datetime", "2026-03-14"]),
    ("Events | where timestamp > 5", 1, 26, ">", &["a datetime and a long cannot be compared"]),
    ("Events | where eventType > 'a'", 1, 26, ">", &["a string has no order"]),
    (
        "Events | where eventType matches regex 'a.*'",
        1,
        26,
        "matches",
        &["regular expressions are not here", "contains"],
    ),
    ("Events | where eventType !have 'a'", 1, 26, "!have", &["no operator `!have`", "did you mean `!has`?"]),
    ("Events | where eventType in 'a'", 1, 29, "'a'", &["cannot stand here", "expected: ("]),
    ("Events | where eventType in (eventId)", 1, 30, "eventId", &["values that are known"]),
    ("Events | where eventType has eventId", 1, 30, "eventId", &["a word that is known", "contains"]),
    ("Events | where eventType.name == 'a'", 1, 16, "eventType", &["only a dynamic value has properties"]),
    ("Events | where properties.a + 'b' == 1", 1, 29, "+", &["not for a real and a string", "strcat"]),
    (
        "Events | summarize count() by properties.device",
        1,
        31,
        "properties.device",
        &["cannot be grouped by", "tostring"],
    ),
    ("Events | sort by properties", 1, 18, "properties", &["cannot be sorted by"]),
    ("Events | summarize eventType", 1, 20, "eventType", &["many values", "an aggregate"]),
    ("Events | summarize n = cuont()", 1, 24, "cuont()", &["no function `cuont`", "did you mean `count`?"]),
    ("Events | where count() > 1", 1, 16, "count()", &["stands in summarize alone"]),
    ("Events | summarize count(eventType)", 1, 20, "count(eventType)", &["does not take 1 argument", "dcount"]),
    ("Events | summarize sum(eventType)", 1, 24, "eventType", &["for numbers", "tolong"]),
    ("Events | summarize percentile(timestamp, 101)", 1, 42, "101", &["no percentage", "0 to 100"]),
    ("Events | summarize count() by bin(timestamp, 0d)", 1, 46, "0d", &["above 0"]),
    ("Events | summarize count() by bin(timestamp, 5)", 1, 46, "5", &["not binned by this", "1h"]),
    ("Events | summarize n = count(), n = count()", 1, 32, "n", &["two columns `n`"]),
    ("Events | take many", 1, 15, "many", &["no value `many`"]),
    ("Events | take -1", 1, 15, "-1", &["no number of rows"]),
    ("Events | top 5", 1, 15, "", &["the query ends here", "by"]),
    ("Events | project eventId eventType", 1, 26, "eventType", &["cannot stand here", ","]),
    ("Events | project-away nothing", 1, 23, "nothing", &["no column `nothing`"]),
    ("Events | join Logs", 1, 19, "", &["the query ends here", "on"]),
    ("Events | join kind=cross (Logs) on eventId", 1, 20, "cross", &["no kind of join", "leftouter"]),
    ("Events | join (Logs) on metricId", 1, 25, "metricId", &["on the left side"]),
    (
        "Events | join (Metrics) on $left.timestamp == $right.value",
        1,
        54,
        "value",
        &["a datetime on the left and a long"],
    ),
    ("Events | join (Logs) on $left.eventId == $left.eventId", 1, 42, "$left", &["a column of each side"]),
    ("Events | where tenantId == 'a' | ", 1, 34, "", &["the query ends here", "an operator"]),
    (
        "declare query_parameters(a: string); Events",
        1,
        1,
        "declare",
        &["nothing is declared", "names its parameters as they are"],
    ),
    ("let a = 1; let a = 2; Events", 1, 16, "a", &["bound already"]),
    ("let a = Events | where x == 1; Events", 1, 24, "x", &["no column `x`"]),
    ("Events | extend a = #", 1, 21, "#", &["begins no word"]),
    ("Events; Logs", 1, 9, "Logs", &["left over"]),
    ("Events | where 99999999999999999999 == 1", 1, 16, "99999999999999999999", &["larger than a long"]),
    ("Events | extend x = iff(true, 1, 'a')", 1, 31, "1", &["the other value is a string"]),
    ("Events | extend x = substring(eventType)", 1, 21, "substring(eventType)", &["substring(text, from, length)"]),
    ("Events | extend x = format_datetime(timestamp, 'dddd')", 1, 48, "'dddd'", &["yyyy"]),
    ("Events | extend é = 1", 1, 17, "é", &["begins no word"]),
    ("Events\r\n|\r\n  where eventType == 'ä' and\r\n  foo", 4, 3, "foo", &["no column `foo`"]),
];

#[test]
fn what_is_wrong_is_told_with_its_place_and_what_was_expected() {
    let mut wrong = Vec::new();
    for (text, line, column, near, words) in WRONG {
        let error = prepare(text, &parameters(), NOW).expect_err(text);
        let told = error.to_string();
        if (error.line, error.column, error.near.as_str()) != (*line, *column, *near)
            || words.iter().any(|word| !told.contains(word))
        {
            wrong.push(format!("{text}\n    {told} (near {:?})", error.near));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn names_that_nobody_gave_are_kustos() {
    let query = "Events | summarize count(), dcount(eventId), max(timestamp), percentile(tolong(properties.ms), 95), \
         countif(true), make_set(eventType), any(operationId), 1 + count(), count() by bin(timestamp, 1d), tostring(properties['a.b'])";
    let expected = [
        ("timestamp", "datetime"),
        ("properties_a_b", "string"),
        ("count_", "long"),
        ("dcount_eventId", "long"),
        ("max_timestamp", "datetime"),
        ("percentile_properties_ms_95", "long"),
        ("countif_", "long"),
        ("set_eventType", "dynamic"),
        ("operationId", "string"),
        ("Column1", "long"),
        ("count_1", "long"),
    ];
    assert_eq!(columns(query), expected.map(|(name, kind)| (name.to_owned(), kind)));
    assert_eq!(columns("Events | count"), [("Count".to_owned(), "long")]);
    let joined = columns("Events | project eventId | join kind=leftouter (Logs | project eventId, level) on eventId");
    assert_eq!(joined.into_iter().map(|(name, _)| name).collect::<Vec<_>>(), ["eventId", "eventId1", "level"]);
}

#[test]
fn a_parameter_is_a_value_and_read_as_what_is_needed() {
    let equal = condition("eventType == name");
    let Node::Call(Function::Equal, sides) = equal.node else { panic!() };
    assert_eq!(sides[1], Expr::text("Pass:Installed"));
    let Node::Call(Function::Greater, sides) = condition("timestamp > since").node else { panic!() };
    assert_eq!(sides[1], Expr::literal(Kind::Datetime, Literal::Whole(1_772_323_200_000)));
    let Node::Call(_, sides) = condition("timestamp > ago(back)").node else { panic!() };
    assert_eq!(sides[1], Expr::literal(Kind::Datetime, Literal::Whole(NOW - 2 * 86_400_000)));
    assert_eq!(planned("Events | take count").steps, [Step::Take(5)]);
    for (bad, word) in [
        (json!({"a b": 1}), "`a b` is no name"),
        (json!({"a": [1]}), "`a` is a text"),
        (json!({"a": {"b": 1}}), "`a` is a text"),
    ] {
        assert!(Parameters::parse(bad.as_object().unwrap()).unwrap_err().to_string().contains(word), "{bad}");
    }
}

#[test]
fn times_and_timespans_are_read_in_every_form() {
    let day = 86_400_000;
    for (text, expected) in [
        ("1d", day),
        ("1.5h", 5_400_000),
        ("90min", 5_400_000),
        ("250ms", 250),
        ("1e1s", 10_000),
        ("timespan(1.02:30:00)", day + 9_000_000),
        ("time(00:00:01.5)", 1_500),
        ("totimespan('-2h')", -7_200_000),
        ("-3m", -180_000),
    ] {
        let Node::Call(_, sides) = condition(&format!("now() - timestamp > {text}")).node else { panic!() };
        assert_eq!(sides[1], Expr::literal(Kind::Timespan, Literal::Whole(expected)), "{text}");
    }
    for text in [
        "datetime(2026-03-20)",
        "datetime(2026-03-20T01:00:00+01:00)",
        "todatetime('2026-03-20 00:00')",
        "startofday(now())",
    ] {
        let Node::Call(_, sides) = condition(&format!("timestamp >= {text}")).node else { panic!() };
        if !text.starts_with("start") {
            assert_eq!(sides[1], Expr::literal(Kind::Datetime, Literal::Whole(NOW - day / 2)), "{text}");
        }
    }
}

#[test]
fn a_long_condition_is_no_deep_one_and_a_deep_one_is_refused() {
    let terms: Vec<String> = (0..limit::TERMS).map(|n| format!("eventType == 'x{n}'")).collect();
    assert!(condition(&terms.join(" or ")).depth() < 5);
    let too_many = format!("Events | where {} or true", terms.join(" or "));
    assert!(prepare(&too_many, &parameters(), NOW).unwrap_err().message.contains("more than 250 terms"));
    for (open, close) in [("(", ")"), ("not(", ")"), ("-", ""), ("(Events | where ", ")")] {
        let text = format!("Events | where {}1 == 1{}", open.repeat(3_000), close.repeat(3_000));
        let error = prepare(&text[..text.len().min(limit::TEXT)], &parameters(), NOW).unwrap_err();
        assert!(error.line > 0, "{error}");
    }
    let sum = format!("Events | where {} > 0", vec!["1"; 3_000].join("+"));
    assert!(prepare(&sum, &parameters(), NOW).unwrap_err().message.contains("more than 32 terms"));
}

#[test]
fn names_that_use_one_another_do_not_double_for_ever() {
    let mut tables = "let t0 = Events;".to_owned();
    let mut values = "let v0 = 1;".to_owned();
    for n in 1..60 {
        let before = n - 1;
        tables.push_str(&format!("let t{n} = t{before} | join (t{before}) on eventId;"));
        values.push_str(&format!("let v{n} = v{before} + v{before};"));
    }
    let error = prepare(&format!("{tables} t59"), &parameters(), NOW).unwrap_err();
    assert!(error.message.contains("more than 4 joins"), "{error}");
    let error = prepare(&format!("{values} Events | take v59"), &parameters(), NOW).unwrap_err();
    assert!(error.message.contains("too large when its names are written out"), "{error}");
    let many = format!("Events{}", " | where true".repeat(51));
    assert!(prepare(&many, &parameters(), NOW).unwrap_err().message.contains("more than 50 operators"));
    let long = format!("Events // {}", "x".repeat(limit::TEXT));
    let error = prepare(&long, &parameters(), NOW).unwrap_err();
    assert_eq!((error.line, error.to_string().contains("16384 at most")), (0, true));
}
