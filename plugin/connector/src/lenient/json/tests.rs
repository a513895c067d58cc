//! The grammar, beside serde_json's.

use super::*;
use crate::lenient::{Fields, Node, Scalar, read};
use proptest::prelude::*;
use serde_json::Value;

/// Anything, as a tree: what two readers can be compared by.
fn value(json: &mut Json<'_>) -> Result<Value, Broken> {
    let mut first = true;
    Ok(match json.peek()? {
        b'"' => Value::String(json.text()?.into_owned()),
        b'n' => json.word("null").map(|()| Value::Null)?,
        b't' => json.word("true").map(|()| Value::Bool(true))?,
        b'f' => json.word("false").map(|()| Value::Bool(false))?,
        b'{' => {
            json.enter();
            let mut object = serde_json::Map::new();
            while let Some(name) = json.name(&mut first)? {
                object.insert(name.into_owned(), value(json)?);
            }
            Value::Object(object)
        }
        b'[' => {
            json.enter();
            let mut list = Vec::new();
            while json.element(&mut first)? {
                list.push(value(json)?);
            }
            Value::Array(list)
        }
        _ => match json.number()? {
            Number::Whole(number) => Value::from(number),
            Number::Real(number) => Value::from(number),
        },
    })
}

fn whole(text: &str) -> Result<Value, Broken> {
    let mut json = Json::new(text);
    let value = value(&mut json)?;
    json.end()?;
    Ok(value)
}

/// Whole numbers beyond int64 are floats here.
fn theirs(text: &str) -> Result<Value, Broken> {
    fn as_here(value: Value) -> Value {
        match value {
            Value::Number(number) if number.as_i64().is_none() => Value::from(number.as_f64()),
            Value::Array(list) => list.into_iter().map(as_here).collect(),
            Value::Object(map) => map.into_iter().map(|(name, value)| (name, as_here(value))).collect(),
            other => other,
        }
    }
    serde_json::from_str(text).map(as_here).map_err(|_| Broken)
}

fn skipped(text: &str) -> Result<(), Broken> {
    let mut json = Json::new(text);
    json.skip()?;
    json.end()
}

fn agrees(text: &str) {
    let theirs = theirs(text);
    assert_eq!(whole(text), theirs, "{text}");
    // What can be read can be skipped. (Half a character and a number beyond all floats can be skipped only.)
    assert!(skipped(text).is_ok() || theirs.is_err(), "{text}");
    let ignored = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    assert_eq!(skipped(text).is_ok(), ignored, "{text}");
}

#[test]
fn both_readers_agree_on_what_is_json() {
    for text in [
        "",
        " ",
        "null",
        " null ",
        "nul",
        "nulll",
        "true",
        "false",
        "tru",
        "TRUE",
        "0",
        "-0",
        "-",
        "01",
        "-01",
        "00",
        "1.",
        ".5",
        "1.5",
        "1e3",
        "1E+3",
        "1e-3",
        "1e",
        "1e+",
        "1.e3",
        "0.0",
        "-0.0",
        "0e9999999999",
        "1e-9999999999",
        "1e309",
        "-1e309",
        "+1",
        "1_0",
        "0x1",
        "1 2",
        "1,",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "-9223372036854775809",
        "18446744073709551615",
        "18446744073709551616",
        "123456789012345678901234567890",
        "0.1",
        "46.204391",
        "179769313486231580793728971405301e280",
        r#""""#,
        r#"""#,
        r#""a"#,
        r#""\""#,
        r#""\"""#,
        r#""\\""#,
        r#""\/\b\f\n\r\t""#,
        r#""\a""#,
        r#""\u0041""#,
        r#""\u00e9""#,
        r#""\u00g9""#,
        r#""\u12""#,
        r#""\ud83c\udfad""#,
        r#""\ud83c""#,
        r#""\udfad""#,
        r#""\ud83c\u0041""#,
        r#""\ud83cx""#,
        r#""\u0000""#,
        "\"\u{1}\"",
        "\"\n\"",
        "\"\u{7f}\"",
        "\"é\"",
        "\"東京 🎭\"",
        "[]",
        "[ ]",
        "[1]",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1,2]",
        "[[],[[]]]",
        "[",
        "]",
        "[1",
        "[1}",
        "[}",
        "{",
        "}",
        "{}",
        "{ }",
        r#"{"a":1}"#,
        r#"{"a":1,}"#,
        r#"{"a"}"#,
        r#"{"a":}"#,
        r#"{a:1}"#,
        r#"{1:1}"#,
        r#"{"a":1 "b":2}"#,
        r#"{"a":1,"b":[{}]}"#,
        r#"{"a":1]"#,
        r#"{"a":{"b":{"c":[1,{"d":null}]}}}"#,
        "\u{feff}1",
        "/**/1",
        "NaN",
        "Infinity",
        "'a'",
        "\t\r\n [\t1\n,\r2 ] ",
        "\u{a0}1",
    ] {
        agrees(text);
    }
}

proptest! {
    #[test]
    fn both_readers_agree_on_anything(text in r#"([\[\]{},:" \\0-9eE.+\-a-fnrtu]|null|true|false|"[a-c]*":?|\\u[0-9a-f]{4}|[é\n\u{1}]){0,24}"#) {
        agrees(&text);
    }

    #[test]
    fn what_is_written_is_read(
        value in prop_oneof![
            any::<i64>().prop_map(Value::from), any::<f64>().prop_map(Value::from), any::<String>().prop_map(Value::from),
        ].prop_recursive(4, 32, 6, |inner| prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..6).prop_map(|map| map.into_iter().collect::<Value>()),
        ]),
        spread in any::<bool>(),
    ) {
        agrees(&if spread { serde_json::to_string_pretty(&value).unwrap() } else { value.to_string() });
    }
}

#[test]
fn depth_costs_a_byte_and_no_stack() {
    let deep = |count: usize| format!("{}{}", "[".repeat(count), "]".repeat(count));
    assert_eq!(skipped(&deep(1_000_000)), Ok(()));
    assert_eq!(skipped(&deep(1_000_000)[1..]), Err(Broken));
    assert_eq!(skipped(&"{\"a\":".repeat(1_000_000)), Err(Broken));
}

#[test]
fn nothing_may_follow() {
    #[derive(Default)]
    struct Nothing;
    impl<'a> Fields<'a> for Nothing {
        fn scalar(&mut self, _: &str) -> Option<&mut Scalar<'a>> {
            None
        }
        fn part(&mut self, _: Cow<'a, str>, _: &mut Json<'a>) -> Result<bool, Broken> {
            Ok(false)
        }
    }
    assert!(matches!(read::<Nothing>("{} "), Ok(Node::Is(Nothing))));
    assert!(matches!(read::<Nothing>("{} {}"), Err(Broken)));
}
