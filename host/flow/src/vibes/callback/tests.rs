//! What is read of a callback, in the shapes that Vibes really sends.

use serde_json::json;

use super::*;
use crate::scripted::vibes;

/// 2026-03-14T18:38:05.258Z
const EVENT_DATE: Millis = 1_773_513_485_258;

fn installed() -> Value {
    json!({
        "event_id": "7d3b6c52-6b1d-4a3e-8f4e-1c2d3e4f5a6b", "callback_type": "wallet_item_install",
        "event_date": "2026-03-14T19:38:05.258+01:00",
        "wallet_instance": {"registered_at": "2026-03-14T18:38Z", "unregistered_at": null, "wallet_instance_uid": "b1f0", "provider": "apple"},
        "wallet_item": {"uuid": "item-1", "wallet_object_uid": "o-1", "tokens": {"movement": "10228310724999", "first_name": "Ada"}},
        "wallet_campaign": {"wallet_campaign_uid": "c-1", "token": "r3zhm8", "url": "/companies/KEY/campaigns/wallet/r3zhm8/"},
    })
}

fn callback(value: &Value) -> Callback {
    match read(value.to_string().as_bytes(), &vibes()) {
        Ok(Reading::Installation(callback)) => callback,
        Ok(Reading::Other(received)) => panic!("{received:?}"),
        Err(error) => panic!("{error:?}"),
    }
}

fn other(value: &Value) -> Received {
    match read(value.to_string().as_bytes(), &vibes()) {
        Ok(Reading::Other(received)) => received,
        _ => panic!("it was read as an installation, or not at all"),
    }
}

#[test]
fn an_installation_is_read_with_the_joining_token_alone() {
    let read = callback(&installed());
    let expected = Callback {
        event: Some("7d3b6c52-6b1d-4a3e-8f4e-1c2d3e4f5a6b".to_owned()),
        kind: Type::Install,
        at: Some(EVENT_DATE),
        instance: "b1f0".to_owned(),
        wallet: Wallet::Apple,
        campaign: Some("r3zhm8".to_owned()),
        subject: Some(PassSubject::Movement("10228310724999".to_owned())),
    };
    assert_eq!(read, expected);
    assert!(!format!("{read:?}").contains("Ada"));
}

#[test]
fn the_type_may_stand_in_either_field_or_follow_from_the_installation() {
    let with = |callback_type: Value, event_type: Value, unregistered_at: Value| {
        let mut value = installed();
        value["callback_type"] = callback_type;
        value["event_type"] = event_type;
        value["wallet_instance"]["unregistered_at"] = unregistered_at;
        callback(&value).kind
    };
    let (install, remove) = (json!("wallet_item_install"), json!("wallet_item_remove"));
    let ended = json!("2026-03-14T18:39Z");
    assert_eq!(with(remove.clone(), Value::Null, ended.clone()), Type::Remove);
    assert_eq!(with(Value::Null, remove.clone(), Value::Null), Type::Remove);
    assert_eq!(with(remove.clone(), install.clone(), Value::Null), Type::Remove, "the other is deprecated");
    assert_eq!(with(json!(" Wallet_Item_Install "), Value::Null, ended.clone()), Type::Install);
    // As in the capture of 2020.
    assert_eq!(with(Value::Null, Value::Null, Value::Null), Type::Install);
    assert_eq!(with(Value::Null, json!(""), ended), Type::Remove);
}

#[test]
fn the_time_is_the_events_or_that_of_its_installation() {
    let mut value = installed();
    for (date, expected) in [
        (json!("2026-03-14T18:38Z"), Some(1_773_513_480_000)),
        (json!("2026-03-14T18:38:05.258Z"), Some(EVENT_DATE)),
        (json!("2026-03-14T13:38:05.258-05:00"), Some(EVENT_DATE)),
        // What cannot be read leaves the minute that the wallet registered it.
        (json!("soon"), Some(1_773_513_480_000)),
        (Value::Null, Some(1_773_513_480_000)),
    ] {
        value["event_date"] = date.clone();
        assert_eq!(callback(&value).at, expected, "{date}");
    }
    value["wallet_instance"]["registered_at"] = Value::Null;
    assert_eq!(callback(&value).at, None);
    value["callback_type"] = json!("wallet_item_remove");
    value["wallet_instance"]["unregistered_at"] = json!("2026-03-14T19:40Z");
    assert_eq!(callback(&value).at, Some(1_773_517_200_000));
}

#[test]
fn both_spellings_of_a_wallet_are_known_and_a_third_one_is_somebody_elses() {
    let with = |provider: &str| {
        let mut value = installed();
        value["wallet_instance"]["provider"] = json!(provider);
        value
    };
    for (provider, wallet) in [
        ("apple", Wallet::Apple),
        ("passbook", Wallet::Apple),
        ("google", Wallet::Google),
        ("google_wallet", Wallet::Google),
        ("Google", Wallet::Google),
    ] {
        assert_eq!(callback(&with(provider)).wallet, wallet, "{provider}");
    }
    assert_eq!(other(&with("samsung")), Received::OtherProvider);
    let mut sms = installed();
    sms["callback_type"] = json!("message_mo");
    assert_eq!(other(&sms), Received::OtherType);
}

#[test]
fn the_join_is_a_movement_or_a_contact_and_nothing_that_names_a_person() {
    let subject = |value: Value, kind| super::subject(&value, kind);
    let movement = |id: &str| Some(PassSubject::Movement(id.to_owned()));
    assert_eq!(subject(json!(" 10228310724999 "), VibesSubject::Movement), movement("10228310724999"));
    assert_eq!(subject(json!(10_228_310_724_999_i64), VibesSubject::Movement), movement("10228310724999"));
    assert_eq!(subject(json!("004711"), VibesSubject::Contact), Some(PassSubject::Contact("004711".to_owned())));
    for wrong in [json!("Ada"), json!(null), json!(["1"]), json!(""), json!(true), json!("-1")] {
        assert_eq!(subject(wrong.clone(), VibesSubject::Movement), None, "{wrong}");
    }
    assert_eq!(subject(json!("ada@example.org"), VibesSubject::Contact), None);
}

#[test]
fn a_part_that_is_missing_or_of_the_wrong_kind_spoils_nothing_around_it() {
    let mut value = installed();
    value["wallet_item"]["tokens"] = json!([1, 2]);
    value["wallet_campaign"] = json!("r3zhm8");
    value["event_id"] = json!(7);
    value["wallet_instance"]["wallet_instance_uid"] = Value::Null;
    value["surprise"] = json!({"deep": [[[[]]]]});
    let read = callback(&value);
    assert_eq!((read.subject, read.campaign, read.event), (None, None, None));
    assert_eq!((read.kind, read.at, read.instance.as_str()), (Type::Install, Some(EVENT_DATE), ""));
}

#[test]
fn what_can_never_be_read_says_why() {
    let told = |body: &[u8]| match read(body, &vibes()) {
        Err(CallbackError::Unreadable(told)) => told.join("; "),
        _ => panic!("it was read"),
    };
    assert!(told(b"").contains("empty"));
    assert!(told(b"[]").contains("a JSON object"));
    assert!(told(b"{}").contains("callback_type"));
    assert!(told(b"{\"callback_type\": \"wallet_item_install\"}").contains("provider"));
    assert!(told(b"{\"a\": \"\xff\"}").contains("not JSON"));
    assert!(told("[".repeat(200).as_bytes()).contains("not JSON"), "deeper than any callback");
    assert!(matches!(read(&vec![b' '; LARGEST + 1], &vibes()), Err(CallbackError::TooLarge)));
    let marked = [b"\xef\xbb\xbf", installed().to_string().as_bytes()].concat();
    assert!(matches!(read(&marked, &vibes()), Ok(Reading::Installation(_))), "a byte order mark is no fault");
}
