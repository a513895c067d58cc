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

#[test]
fn a_number_beyond_floating_point_is_wrong_where_a_number_is_read_and_nowhere_else() {
    for number in ["1e400", "-1E+99999", &"9".repeat(400), &format!("{}.5", "9".repeat(310))] {
        let with = |name: &str| {
            format!(
                r#"{{"orderSecretToken":"a\"1e400","state":"","lastUpdate":"","x":[1e400,{{"y":-1e400}}],"{name}":{number}}}"#
            )
        };
        assert_eq!(validate_json(&with("amount")).unwrap().token, "a\"1e400");
        assert_eq!(violations(&with("ticketId")), ["/ticketId range"], "{number}");
        assert_eq!(violations(&with("saleMovementId")), ["/saleMovementId range"], "{number}");
    }
    for broken in ["1e400.5", "1e400e5", "01e400", "+1e400", "1e", "1e400 1", "-"] {
        let body = format!(r#"{{"orderSecretToken":"a","state":"","lastUpdate":"","x":{broken}}}"#);
        assert_eq!(violations(&body), [" syntax"], "{broken}");
    }
}

/// Any JSON, with values that stand nowhere else: marked texts, and numbers of seven digits.
fn any_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        (7_000_000..7_999_999_i64).prop_map(Into::into),
        (7_000_000..7_999_999_i64).prop_map(|number| (number as f64 / 8.0).into()),
        "zq[0-9]{6}zq".prop_map(Into::into),
        "zq[0-9]{6}zq".prop_map(|text| text.repeat(40).into()),
        "zq[0-9]{6}zq".prop_map(|text| format!("{text}\u{1}").into()),
    ];
    leaf.prop_recursive(20, 64, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            proptest::collection::btree_map("[a-z]{1,3}", inner, 0..4)
                .prop_map(|fields| serde_json::Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Members of a body as they are written: names may stand twice.
fn any_body() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("orderSecretToken".to_owned()),
        Just("state".to_owned()),
        Just("lastUpdate".to_owned()),
        Just("ticketId".to_owned()),
        Just("saleMovementId".to_owned()),
        "[a-z~/]{1,4}",
    ];
    proptest::collection::vec((name, any_value()), 0..8).prop_map(|members| {
        let members: Vec<_> =
            members.iter().map(|(name, value)| format!("{}:{value}", serde_json::json!(name))).collect();
        format!("{{{}}}", members.join(","))
    })
}

proptest! {
    #[test]
    fn any_bytes_get_an_answer(body in proptest::collection::vec(any::<u8>(), 0..512)) {
        if let Err(Rejection::Invalid(violations)) = validate_bytes(&body) {
            prop_assert!(!violations.is_empty() && violations.len() <= MOST_VIOLATIONS);
        }
    }

    #[test]
    fn what_is_wrong_with_a_body_is_told_without_its_values(body in any_body()) {
        match validate_json(&body) {
            Err(rejection) => {
                let told = format!("{rejection:?}");
                prop_assert!(!told.contains("zq"), "{told}");
                prop_assert!(!told.chars().filter(char::is_ascii_digit).collect::<String>().contains('7'), "{told}");
            }
            Ok(change) => prop_assert!(!change.unknown_fields.concat().contains("zq")),
        }
    }

    #[test]
    fn replacing_numbers_keeps_a_body_that_needs_none(body in any_body()) {
        prop_assert_eq!(body::numbers_in_range(&body), None);
    }

    #[test]
    fn any_media_type_gets_an_answer(content_type in "\\PC{0,60}") {
        let _ = validate(&Notification { content_type: Some(content_type), body: b"{}".to_vec() });
    }

}
