use proptest::prelude::*;
use serde_json::json;

use super::*;

const KEY: [u8; 32] = [7; 32];

fn file(ticket: i64, barcode: &str, first: &str) -> Value {
    json!({
        "requestId": 1, "statusCode": "success", "statusDetail": null,
        "fileDetailsData": {"fileId": 10_000_702_600_i64, "fileState": "SOLDED", "lastModDateTime": "2026-03-14T19:02:11.000+01:00",
            "fileContacts": [{"role": "SALE", "contactNumber": "4711"}]},
        "orderDetailsDatas": [{"orderId": 10_000_702_652_i64, "orderSecretId": "9f3c0c7e5b", "orderType": "SALE",
            "creationDateTime": "2026-03-01T09:00:00.000+01:00",
            "operationDatas": [{"operationId": 10_228_310_724_422_i64, "kind": "SINGLE_ENTRY", "productCode": "CARMEN",
                "productExternalName": {"translations": [{"locale": "fr", "value": "Carmen, de Bizet"}]},
                "performanceStartDate": "2026-12-01T20:00:00.000+01:00",
                "locations": [{"siteAddress": {"locality": "Genève", "latitude": 46.2}}]}],
            "movementDatas": [{"movementId": 10_228_310_724_999_i64, "operationId": 10_228_310_724_422_i64, "barCode": barcode,
                "beneficiaryFirstname": first, "beneficiaryLastname": "Lovelace", "email": "ada@lovelace.example",
                "culturalContactNumber": "4711", "seat": "7", "remark": "sits beside Ada Lovelace",
                "tickets": [{"ticketId": ticket, "barcode": barcode, "ticketState": "VALID"}]}]}]
    })
}

fn at<'v>(value: &'v Value, pointer: &str) -> &'v Value {
    value.pointer(pointer).unwrap()
}

const MOVEMENT: &str = "/orderDetailsDatas/0/movementDatas/0";

#[test]
fn relations_survive_between_documents_and_within_them() {
    let change = json!({"orderSecretToken": "9f3c0c7e5b", "saleMovementId": 10_228_310_724_999_i64, "ticketId": "10228305597652",
        "state": "MODIFIED", "lastUpdate": "2026-03-14T19:02:11.000+01:00"});
    let before = file(10_228_305_597_651, "085035041335220306680098", "Ada");
    let after = file(10_228_305_597_652, "085035041335220306680099", "Ada");
    let [change, before, after] = Scrubber::new(&KEY).scrub(&[change, before, after]).try_into().unwrap();

    let movement = |document, field: &str| at(document, &format!("{MOVEMENT}/{field}")).clone();
    for same in ["movementId", "operationId", "culturalContactNumber", "beneficiaryFirstname", "seat"] {
        assert_eq!(movement(&before, same), movement(&after, same), "{same}");
    }
    // A reprint's ticket has the larger number, and that is how it is told.
    assert!(movement(&before, "tickets/0/ticketId").as_i64() < movement(&after, "tickets/0/ticketId").as_i64());
    assert_ne!(movement(&before, "barCode"), movement(&after, "barCode"));
    assert_eq!(movement(&after, "barCode"), movement(&after, "tickets/0/barcode"));
    assert_eq!(movement(&after, "operationId"), *at(&after, "/orderDetailsDatas/0/operationDatas/0/operationId"));
    assert_eq!(movement(&after, "culturalContactNumber"), *at(&after, "/fileDetailsData/fileContacts/0/contactNumber"));
    assert_eq!(*at(&change, "/orderSecretToken"), *at(&after, "/orderDetailsDatas/0/orderSecretId"));
    assert_eq!(*at(&change, "/saleMovementId"), movement(&after, "movementId"));
    // A number that is sent as a text elsewhere is the same number.
    assert_eq!(at(&change, "/ticketId").as_str().unwrap(), movement(&after, "tickets/0/ticketId").to_string());
    assert_eq!(*at(&change, "/lastUpdate"), *at(&after, "/fileDetailsData/lastModDateTime"));
    assert!(at(&after, &format!("{MOVEMENT}/barCode")).as_str().unwrap().starts_with('0'));
}

#[test]
fn what_a_decision_needs_is_kept() {
    let [scrubbed] = Scrubber::new(&KEY).scrub(&[file(1, "01", "Ada")]).try_into().unwrap();
    let order = "/orderDetailsDatas/0";
    for (pointer, expected) in [
        ("/statusCode".to_owned(), json!("success")),
        ("/statusDetail".to_owned(), json!(null)),
        ("/requestId".to_owned(), json!(1)),
        ("/fileDetailsData/fileState".to_owned(), json!("SOLDED")),
        (format!("{order}/operationDatas/0/productCode"), json!("CARMEN")),
        (format!("{order}/operationDatas/0/performanceStartDate"), json!("2026-12-01T20:00:00.000+01:00")),
        (format!("{order}/operationDatas/0/productExternalName/translations/0/value"), json!("Carmen, de Bizet")),
        (format!("{order}/operationDatas/0/locations/0/siteAddress/locality"), json!("Genève")),
        (format!("{MOVEMENT}/tickets/0/ticketState"), json!("VALID")),
    ] {
        assert_eq!(*at(&scrubbed, &pointer), expected, "{pointer}");
    }
}

#[test]
fn a_date_that_is_a_number_moves_with_those_that_are_texts() {
    let order = |created: i64| json!({"creationDateTime": created, "lastModDateTime": "2026-03-14T19:02:11.000+01:00", "orderId": created});
    let (first, second) = (1_772_352_000_000, 1_773_511_331_000);
    let scrubbed = Scrubber::new(&KEY).scrub(&[order(first), order(second)]);
    let created = |at: usize| scrubbed[at]["creationDateTime"].as_i64().unwrap();
    assert_eq!(created(1) - created(0), second - first);
    let text: jiff::Timestamp = scrubbed[0]["lastModDateTime"].as_str().unwrap().parse().unwrap();
    let original: jiff::Timestamp = "2026-03-14T19:02:11.000+01:00".parse().unwrap();
    assert_eq!(created(0) - first, text.as_millisecond() - original.as_millisecond());
    assert_ne!(created(0), first);
    // The same number under another name is no date.
    assert_ne!(scrubbed[0]["orderId"], json!(created(0)));
}

#[test]
fn a_title_that_names_a_holder_is_replaced_too() {
    let mut gala = file(1, "01", "Ada");
    *gala.pointer_mut("/orderDetailsDatas/0/operationDatas/0/productExternalName/translations/0/value").unwrap() =
        json!("Gala for Mrs LOVELACE");
    let [scrubbed] = Scrubber::new(&KEY).scrub(&[gala]).try_into().unwrap();
    let title = at(&scrubbed, "/orderDetailsDatas/0/operationDatas/0/productExternalName/translations/0/value");
    assert!(!title.as_str().unwrap().to_lowercase().contains("lovelace"), "{title}");
}

#[test]
fn a_sentence_where_a_code_belongs_is_replaced() {
    let odd = json!({"tariff": "Reduced, Ada Lovelace", "orderType": "SALE"});
    let [scrubbed] = Scrubber::new(&KEY).scrub(&[odd]).try_into().unwrap();
    assert!(!at(&scrubbed, "/tariff").as_str().unwrap().contains("Ada"));
    assert_eq!(*at(&scrubbed, "/orderType"), json!("SALE"));
}

#[test]
fn a_key_that_is_a_value_is_replaced() {
    let odd = json!({"10228310724999": {"ada@lovelace.example": true}, "movementId": 10_228_310_724_999_i64});
    let [scrubbed] = Scrubber::new(&KEY).scrub(&[odd]).try_into().unwrap();
    let text = scrubbed.to_string();
    assert!(!text.contains("10228310724999") && !text.contains("lovelace"));
    assert!(scrubbed.get(at(&scrubbed, "/movementId").to_string()).is_some(), "{text}");
}

#[test]
fn many_short_values_stay_different() {
    let seats: Vec<Value> = (1..=200)
        .map(|seat| json!({"seat": seat.to_string(), "row": char::from(b'A' + (seat % 26) as u8).to_string()}))
        .collect();
    let [scrubbed] = Scrubber::new(&KEY).scrub(&[json!(seats)]).try_into().unwrap();
    let fakes: BTreeSet<&str> =
        scrubbed.as_array().unwrap().iter().map(|seat| at(seat, "/seat").as_str().unwrap()).collect();
    assert_eq!(fakes.len(), 200);
    assert!(fakes.iter().all(|fake| !(1..=200).any(|seat: i32| seat.to_string() == *fake)));
}

#[test]
fn another_key_makes_other_fakes() {
    let scrub = |key: [u8; 32]| Scrubber::new(&key).scrub(&[file(1, "01", "Ada")]);
    assert_eq!(scrub(KEY), scrub(KEY));
    assert_ne!(scrub(KEY), scrub([8; 32]));
}

/// Every scalar, as a text.
fn scalars(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.values().for_each(|value| scalars(value, into)),
        Value::Array(items) => items.iter().for_each(|item| scalars(item, into)),
        Value::String(text) => into.push(text.clone()),
        Value::Number(number) => into.push(number.to_string()),
        Value::Bool(_) | Value::Null => {}
    }
}

/// Personal values as they come: names, numbers, tokens, addresses, dates, in any script.
fn personal() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Z][a-zéèüß]{1,11}",
        "[A-Z]{2,12}",
        "[А-Я][а-я]{2,9}",
        "\\p{Han}{2,4}",
        "0{0,3}[1-9][0-9]{3,22}",
        "[0-9a-f]{10}",
        "[a-z]{2,8}\\.[a-z]{2,8}@[a-z]{3,8}\\.(ch|fr)",
        "\\+41 [1-9][0-9] [0-9]{3} [0-9]{2} [0-9]{2}",
        "19[0-9]{2}-0[1-9]-[12][0-9]",
        "https://[a-z]{4,8}\\.ch/[a-z0-9]{4,12}\\.pdf",
        "\\PC{1,20}",
    ]
}

fn document() -> impl Strategy<Value = Value> {
    let field = prop_oneof![
        Just("beneficiaryFirstname"),
        Just("beneficiaryLastname"),
        Just("contactNumber"),
        Just("barCode"),
        Just("unheardOf"),
        Just("seat"),
    ];
    let fields = proptest::collection::btree_map(
        field,
        prop_oneof![
            personal().prop_map(Value::from),
            (1000_i64..).prop_map(Value::from),
            Just(json!("")),
            Just(json!(null)),
            Just(json!(true)),
        ],
        1..6,
    );
    proptest::collection::vec(fields, 1..6)
        .prop_map(|movements| json!({"orderDetailsDatas": [{"orderType": "SALE", "movementDatas": movements}]}))
}

proptest! {
    #[test]
    fn no_personal_value_survives(documents in proptest::collection::vec(document(), 1..4), key in any::<[u8; 32]>()) {
        let scrubbed = Scrubber::new(&key).scrub(&documents);
        let (mut originals, mut fakes) = (Vec::new(), Vec::new());
        documents.iter().for_each(|document| scalars(document, &mut originals));
        scrubbed.iter().for_each(|document| scalars(document, &mut fakes));
        prop_assert_eq!(originals.len(), fakes.len());
        let personal: BTreeSet<&String> = originals.iter().filter(|text| *text != "SALE" && shape::is_meaningful(text)).collect();
        for fake in fakes.iter().filter(|text| *text != "SALE") {
            prop_assert!(!personal.contains(fake), "{} survived", fake);
            for original in &personal {
                let telling = original.chars().count() >= TELLING && shape::moved(original, 0).is_none();
                prop_assert!(!telling || !fake.to_lowercase().contains(&original.to_lowercase()), "{} survived in {}", original, fake);
            }
        }
        // Equal stays equal, different stays different.
        for (a, b) in originals.iter().zip(&fakes) {
            for (c, d) in originals.iter().zip(&fakes) {
                prop_assert_eq!(a == c, b == d, "{} {} / {} {}", a, b, c, d);
            }
        }
    }

    #[test]
    fn identifiers_keep_their_order(ids in proptest::collection::vec((1_i64.., any::<bool>()), 1..40), small in proptest::collection::vec(1_i64..40, 0..20), key in any::<[u8; 32]>()) {
        let documents: Vec<Value> = ids
            .into_iter()
            .chain(small.into_iter().map(|id| (id, false)))
            .map(|(id, text)| json!({"movementId": if text { json!(id.to_string()) } else { json!(id) }, "contactNumber": "4711"}))
            .collect();
        let scrubbed = Scrubber::new(&key).scrub(&documents);
        let number = |document: &Value| {
            let id = &document["movementId"];
            id.as_i64().unwrap_or_else(|| id.as_str().unwrap().parse().unwrap())
        };
        let originals: BTreeSet<i64> = documents.iter().map(number).collect();
        for (left, new_left) in documents.iter().zip(&scrubbed) {
            prop_assert!(!originals.contains(&number(new_left)));
            prop_assert_eq!(left["movementId"].is_string(), new_left["movementId"].is_string());
            for (right, new_right) in documents.iter().zip(&scrubbed) {
                prop_assert_eq!(number(left).cmp(&number(right)), number(new_left).cmp(&number(new_right)));
            }
        }
    }

    #[test]
    fn a_scrubbed_recording_is_left_as_it_is(documents in proptest::collection::vec(document(), 1..4), key in any::<[u8; 32]>()) {
        let mut scrubber = Scrubber::new(&key);
        let once = scrubber.scrub(&documents);
        prop_assert_eq!(&scrubber.scrub(&once), &once);
        prop_assert_eq!(Scrubber::new(&key).scrub(&documents), once);
    }
}
