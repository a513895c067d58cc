//! What one field does to a notification. Whole notifications are in `tests/cases`.

use proptest::prelude::*;

use super::*;

fn validate_json(body: &str) -> Result<OrderChange, Rejection> {
    validate_bytes(body.as_bytes())
}

fn validate_bytes(body: &[u8]) -> Result<OrderChange, Rejection> {
    validate(&Notification { content_type: Some("application/json".to_owned()), body: body.to_vec() })
}

/// `field code`, in order.
fn violations(body: &str) -> Vec<String> {
    match validate_json(body) {
        Err(Rejection::Invalid(violations)) => {
            violations.into_iter().map(|it| format!("{} {}", it.field, it.code)).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_documented_notification_is_understood() {
    let change = validate_json(
        r#"{"ticketId": 10228305597652, "saleMovementId": 10228310724999, "orderSecretToken": "9f3c0c7e5b",
            "state": "MODIFIED", "lastUpdate": "2026-03-14T19:02:11.000+01:00"}"#,
    )
    .unwrap();
    assert_eq!(change.token, "9f3c0c7e5b");
    assert_eq!(change.ticket.as_deref(), Some("10228305597652"));
    assert_eq!(change.sale_movement.as_deref(), Some("10228310724999"));
    assert_eq!(change.state, "MODIFIED");
    assert!(change.unknown_fields.is_empty());
}

#[test]
fn the_fingerprint_tells_absent_from_empty_and_field_from_field() {
    let print = |body: &str| validate_json(body).unwrap().fingerprint;
    let with = print(r#"{"orderSecretToken":"ab","state":"c","lastUpdate":""}"#);
    assert_eq!(with, print(r#"{"lastUpdate":null,"state":"c","orderSecretToken":"ab","extra":1}"#));
    assert_ne!(with, print(r#"{"orderSecretToken":"a","state":"bc","lastUpdate":""}"#));
    assert_ne!(with, print(r#"{"orderSecretToken":"ab","state":"c","lastUpdate":"","ticketId":0}"#));
    assert_ne!(
        print(r#"{"orderSecretToken":"ab","state":"c","lastUpdate":"","ticketId":7}"#),
        print(r#"{"orderSecretToken":"ab","state":"c","lastUpdate":"","saleMovementId":7}"#)
    );
}

#[test]
fn everything_wrong_is_told_at_once() {
    assert_eq!(
        violations(r#"{"ticketId":1.5,"saleMovementId":9223372036854775808,"orderSecretToken":"","state":[]}"#),
        ["/orderSecretToken length", "/state type", "/lastUpdate missing", "/ticketId type", "/saleMovementId range"]
    );
}

#[test]
fn required_fields_must_be_there_and_only_the_token_must_say_something() {
    assert_eq!(violations("{}"), ["/orderSecretToken missing", "/state missing", "/lastUpdate missing"]);
    assert!(validate_json(r#"{"orderSecretToken":"t","state":null,"lastUpdate":""}"#).is_ok());
    assert_eq!(violations(r#"{"orderSecretToken":null,"state":"","lastUpdate":""}"#), ["/orderSecretToken missing"]);
    assert_eq!(violations(r#"{"orderSecretToken":" ","state":"","lastUpdate":""}"#), ["/orderSecretToken length"]);
    assert_eq!(violations(r#"{"orderSecretToken":7,"state":"","lastUpdate":""}"#), ["/orderSecretToken type"]);
}

#[test]
fn an_identifier_is_an_int64() {
    let with = |ticket: &str| format!(r#"{{"orderSecretToken":"t","state":"","lastUpdate":"","ticketId":{ticket}}}"#);
    for (json, id) in [
        ("null", None),
        ("0", Some("0")),
        ("-9223372036854775808", Some("-9223372036854775808")),
        ("\"007\"", Some("7")),
    ] {
        assert_eq!(validate_json(&with(json)).unwrap().ticket.as_deref(), id, "{json}");
    }
    for (json, code) in [
        ("1.0", "type"),
        ("1e2", "type"),
        ("1e30", "range"),
        ("99999999999999999999999", "range"),
        ("-9223372036854775809", "range"),
        ("\"99999999999999999999999\"", "range"),
        ("\"abc\"", "type"),
        ("\"\"", "type"),
        ("true", "type"),
        ("{}", "type"),
        ("[1]", "type"),
    ] {
        assert_eq!(violations(&with(json)), [format!("/ticketId {code}")], "{json}");
    }
}

#[test]
fn a_name_stands_once() {
    assert_eq!(
        violations(r#"{"orderSecretToken":"a","orderSecretToken":"b","state":"","lastUpdate":"","x":1,"x":2}"#),
        ["/orderSecretToken duplicate", "/x duplicate"]
    );
    assert_eq!(
        violations(r#"{"orderSecretToken":"a","state":"","lastUpdate":"","x":[{"y":1,"y":2}]}"#),
        ["/x duplicate"]
    );
    // The same name in other spelling of the same characters.
    assert_eq!(
        violations("{\"orderSecretToken\":\"a\",\"state\":\"\",\"lastUpdate\":\"\",\"st\\u0061te\":\"\"}"),
        ["/state duplicate"]
    );
}

#[test]
fn unknown_fields_are_named_and_never_valued() {
    let change =
        validate_json(r#"{"orderSecretToken":"a","state":"","lastUpdate":"","holder":{"name":"Ada"},"a/b\u0000":1}"#)
            .unwrap();
    assert_eq!(change.unknown_fields, ["holder", "a/b\u{fffd}"]);
    let many: String = (0..100).map(|n| format!(",\"{}{n}\":0", "n".repeat(200))).collect();
    let change = validate_json(&format!(r#"{{"orderSecretToken":"a","state":"","lastUpdate":""{many}}}"#)).unwrap();
    assert_eq!(change.unknown_fields.len(), 32);
    assert!(change.unknown_fields.iter().all(|name| name.chars().count() == 64));
}

#[test]
fn depth_is_bounded_and_costs_no_stack() {
    let nested = |depth: usize| {
        let value = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        format!(r#"{{"orderSecretToken":"a","state":"","lastUpdate":"","x":{value}}}"#)
    };
    assert!(validate_json(&nested(15)).is_ok());
    assert_eq!(violations(&nested(16)), ["/x depth"]);
    assert_eq!(violations(&nested(30_000)), ["/x depth"]);
}

#[test]
fn text_is_text() {
    let with = |token: &str| format!(r#"{{"orderSecretToken":"{token}","state":"","lastUpdate":""}}"#);
    assert_eq!(violations(&with("a\\u0000b")), ["/orderSecretToken encoding"]);
    assert_eq!(violations(&with("a\\nb")), ["/orderSecretToken encoding"]);
    assert_eq!(violations(&with(&"x".repeat(257))), ["/orderSecretToken length"]);
    assert!(validate_json(&with(&"x".repeat(256))).is_ok());
    assert_eq!(violations(&with("\\ud800")), [" syntax"]);
    // A raw control character is no JSON.
    assert_eq!(violations(&with("a\u{0}b")), [" syntax"]);
}

#[test]
fn bytes_that_are_no_json_object_are_refused_as_such() {
    for (body, violation) in [
        ("", " syntax"),
        ("{", " syntax"),
        ("{}{}", " syntax"),
        ("{\"a\":1,}", " syntax"),
        ("null", " type"),
        ("[]", " type"),
        ("\"x\"", " type"),
        ("1", " type"),
        ("true", " type"),
    ] {
        assert_eq!(violations(body), [violation], "{body}");
    }
    let rejection = validate_bytes(b"{\"orderSecretToken\":\"\xc3\"}").unwrap_err();
    assert!(matches!(rejection, Rejection::Invalid(them) if them[0].code == "encoding"));
    assert!(
        validate_bytes("\u{feff}{\"orderSecretToken\":\"a\",\"state\":\"\",\"lastUpdate\":\"\"}".as_bytes()).is_ok()
    );
}

#[test]
fn size_comes_after_the_media_type() {
    let body = vec![b' '; BODY_LIMIT + 1];
    assert_eq!(validate_bytes(&body).unwrap_err(), Rejection::TooLarge);
    let other = Notification { content_type: Some("application/xml".to_owned()), body };
    assert_eq!(validate(&other).unwrap_err(), Rejection::UnsupportedMediaType);
    let none = Notification { content_type: None, body: b"{}".to_vec() };
    assert_eq!(validate(&none).unwrap_err(), Rejection::UnsupportedMediaType);
}

proptest! {
    #[test]
    fn any_bytes_get_an_answer_that_repeats_none_of_them(body in proptest::collection::vec(any::<u8>(), 0..512)) {
        if let Err(Rejection::Invalid(violations)) = validate_bytes(&body) {
            prop_assert!(!violations.is_empty() && violations.len() <= MOST_VIOLATIONS);
        }
    }

    #[test]
    fn any_media_type_gets_an_answer(content_type in "\\PC{0,60}") {
        let _ = validate(&Notification { content_type: Some(content_type), body: b"{}".to_vec() });
    }

    #[test]
    fn any_object_gets_an_answer_and_hides_its_values(
        token in "[a-z\\u{0}-\\u{1f}\"\\\\]{0,12}",
        value in "zq[0-9]{6}zq",
        names in proptest::collection::vec("[a-z]{1,3}", 0..6),
    ) {
        let mut body = serde_json::Map::new();
        body.insert("orderSecretToken".into(), token.into());
        for name in names {
            body.insert(name, serde_json::json!({"deep": [value.clone()]}));
        }
        let answer = validate_json(&serde_json::Value::Object(body).to_string());
        prop_assert!(answer.is_err());
        let told = format!("{answer:?}");
        prop_assert!(!told.contains(&value));
    }
}
