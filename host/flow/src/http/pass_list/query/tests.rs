use passerelle_contract::types::Wallet;

use super::*;
use crate::identity::HOUR;
use crate::store::{AttributeKind, PassState, SubjectKind, TextTest, TimeTest, Wallets};

fn read(query: &str) -> Result<ListQuery, Errors> {
    parse(&crate::http::caller::query(query), &|email| format!("mac of {email}"))
}

fn filter(field: &str, operator: &str, value: &str) -> String {
    format!("filter[0].field={field}&filter[0].operator={operator}&filter[0].value={value}")
}

fn one(field: &str, operator: &str, value: &str) -> Condition {
    let mut query =
        read(&filter(field, operator, value)).unwrap_or_else(|errors| panic!("{field} {operator}: {errors:?}"));
    assert_eq!(query.conditions.len(), 1);
    query.conditions.remove(0)
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn without_parameters_it_is_the_first_twenty_as_they_were_made() {
    let query = read("").unwrap();
    assert_eq!(
        (query.order, query.descending, query.start, query.limit),
        (Order::Created, false, Start::Offset(0), 20)
    );
    assert_eq!(query.conditions, []);
    let query = read("pageindex=25000&PAGESIZE=200").unwrap();
    assert_eq!((query.start, query.limit), (Start::Offset(5_000_000), 200));
}

#[test]
fn every_field_is_read_with_every_operator_that_it_takes() {
    let attribute = |kind, name: &str, test, macs: &[&str]| Condition::Attribute {
        kind,
        name: name.to_owned(),
        test,
        macs: texts(macs),
    };
    let (identifier, metadata) = (AttributeKind::Identifier, AttributeKind::Metadata);
    let id = "AAAAAAAAAAAAAAAA";
    let at = 1_806_530_400_000; // 2027-03-31T22:00:00Z, a second before the hour below
    let movement = |test| Condition::Subject(SubjectKind::Movement, test);
    for (field, operator, value, expected) in [
        ("id", "equals", id, Condition::Id(TextTest::In(texts(&[id])))),
        ("id", "startsWith", "AA", Condition::Id(TextTest::StartsWith("AA".to_owned()))),
        ("passType", "notEquals", "a b", Condition::Template(TextTest::NotIn(texts(&["a b"])))),
        ("PassType", "CONTAINS", "ticket", Condition::Template(TextTest::Contains("ticket".to_owned()))),
        ("state", "equals", "Live", Condition::State(vec![PassState::Live])),
        ("state", "notEquals", "live", Condition::State(vec![PassState::Void])),
        ("installationStatus", "contains", "apple", Condition::Wallets(vec![Wallets::Apple, Wallets::Both])),
        ("installationStatus", "equals", "apple%2Bgoogle", Condition::Wallets(vec![Wallets::Both])),
        ("installationStatus", "equals", "apple+google", Condition::Wallets(vec![Wallets::Both])),
        ("installationStatus", "equals", "both", Condition::Wallets(vec![Wallets::Both])),
        ("installationStatus", "in", "none, google", Condition::Wallets(vec![Wallets::None, Wallets::Google])),
        (
            "installationStatus",
            "notEquals",
            "none",
            Condition::Wallets(vec![Wallets::Apple, Wallets::Google, Wallets::Both]),
        ),
        ("installationStatus", "isEmpty", "", Condition::Wallets(vec![Wallets::None])),
        ("creationDate", "greaterThan", "2027-03-31T22:00:00Z", Condition::Created(TimeTest::AtLeast(at + 1))),
        ("creationDate", "greaterThanOrEqual", "2027-04-01T00:00:00+02:00", Condition::Created(TimeTest::AtLeast(at))),
        ("lastUpdateDate", "lessThan", "2027-04-01T00:00:00%2B02:00", Condition::Updated(TimeTest::Below(at))),
        ("lastUpdateDate", "lessThanOrEqual", "2027-03-31T22:00:00Z", Condition::Updated(TimeTest::Below(at + 1))),
        ("apple", "isNotEmpty", "", Condition::Since(Wallet::Apple, TimeTest::NotEmpty)),
        ("google", "lessThan", "2027-03-31", Condition::Since(Wallet::Google, TimeTest::Below(at - 79_200_000))),
        ("identifiers.secutix.movementId", "equals", "007", movement(TextTest::In(texts(&["7"])))),
        ("identifiers.secutix.movementId", "startsWith", "102", movement(TextTest::StartsWith("102".to_owned()))),
        (
            "identifiers.secutix.contactNumber",
            "isNotEmpty",
            "",
            Condition::Subject(SubjectKind::Contact, TextTest::NotEmpty),
        ),
        ("identifiers.crm.Id", "in", "a1,B2", attribute(identifier, "crm.Id", TextTest::In(texts(&["a1", "B2"])), &[])),
        (
            "identifiers.email",
            "equals",
            "Ada@Example.org",
            attribute(identifier, "email", TextTest::In(vec![]), &["mac of ada@example.org"]),
        ),
        (
            "identifiers.email",
            "notEquals",
            "ada@example.org",
            attribute(identifier, "email", TextTest::NotIn(vec![]), &["mac of ada@example.org"]),
        ),
        ("identifiers.crm", "isEmpty", "", attribute(identifier, "crm", TextTest::Empty, &[])),
        ("metadata.tier", "endsWith", "ld", attribute(metadata, "tier", TextTest::EndsWith("ld".to_owned()), &[])),
    ] {
        assert_eq!(one(field, operator, value), expected, "{field} {operator} {value}");
    }
}

#[test]
fn a_time_without_an_offset_is_in_utc_and_a_day_begins_at_its_midnight() {
    let at = 1_806_530_400_000; // 2027-03-31T22:00:00Z
    for (text, expected) in [
        ("2027-03-31T22:00:00Z", at),
        ("2027-03-31T22:00:00", at),
        ("2027-03-31T22:00", at),
        ("2027-03-31", at - 22 * HOUR),
    ] {
        let read = one("creationDate", "greaterThanOrEqual", text);
        assert_eq!(read, Condition::Created(TimeTest::AtLeast(expected)), "{text}");
    }
}

#[test]
fn several_filters_are_met_together_and_every_order_is_known() {
    let both = format!(
        "{}&filter[3].field=passType&filter[3].operator=equals&filter[3].value=x",
        filter("state", "equals", "live")
    );
    assert_eq!(read(&both).unwrap().conditions.len(), 2);
    for (field, order) in [
        ("id", Order::Id),
        ("passType", Order::Template),
        ("creationDate", Order::Created),
        ("LASTUPDATEDATE", Order::Updated),
        ("apple", Order::Since(Wallet::Apple)),
        ("google", Order::Since(Wallet::Google)),
        ("identifiers.secutix.contactNumber", Order::Subject(SubjectKind::Contact)),
        ("identifiers.crm", Order::Attribute(AttributeKind::Identifier, "crm".to_owned())),
        ("metadata.tier", Order::Attribute(AttributeKind::Metadata, "tier".to_owned())),
    ] {
        let query = read(&format!("sortBy[0].field={field}&sortBy[0].direction=desc")).unwrap();
        assert_eq!((query.order, query.descending), (order, true), "{field}");
    }
}

#[test]
fn all_that_is_wrong_is_said_at_once_by_the_name_of_its_parameter() {
    let query = "pageIndex=-1&pageSize=201&pagesise=3&filter[0].field=nothing&filter[0].operator=equals&filter[0].value=x\
        &filter[1].field=state&filter[1].operator=contains&filter[1].value=l\
        &filter[2].field=apple&filter[2].operator=lessThan&filter[2].value=yesterday\
        &filter[3].field=passType&filter[3].operator=equals\
        &filter[4].field=metadata.a%20b&filter[4].operator=equals&filter[4].value=x\
        &filter[5].value=x&filter[16].field=id&sortBy[0].field=state&sortBy[0].direction=up&sortBy[1].field=id&after=x";
    let errors = read(query).unwrap_err();
    let names: Vec<_> = errors.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "after",
            "filter[0].field",
            "filter[16].field",
            "filter[1].operator",
            "filter[2].value",
            "filter[3].value",
            "filter[4].field",
            "filter[5].field",
            "filter[5].operator",
            "pageIndex",
            "pageSize",
            "pagesise",
            "sortBy[0].direction",
            "sortBy[0].field",
            "sortBy[1].field",
        ]
    );
    assert_eq!(errors["filter[1].operator"], ["this field takes equals, notEquals, in"]);
    for (field, operator, value) in [
        ("identifiers.secutix.movementId", "equals", "abc"),
        ("identifiers.secutix.contactNumber", "equals", "ada@example.org"),
        ("identifiers.email", "contains", "ada@"),
        ("metadata.email", "equals", "ada@example.org"),
        ("identifiers.crm", "equals", "Ada Lovelace"),
        ("identifiers.crm", "in", "a,,b"),
        ("id", "equals", "short"),
        ("installationStatus", "contains", "none"),
        ("installationStatus", "isEmpty", "x"),
        ("passType", "isEmpty", ""),
        ("creationDate", "equals", "2027-03-31"),
    ] {
        let errors = read(&filter(field, operator, value)).unwrap_err();
        assert!(!format!("{errors:?}").contains("Lovelace"), "a refusal repeats no value");
        assert_eq!(errors.len(), 1, "{field} {operator} {value}: {errors:?}");
    }
    let twice = read("pageSize=1&pageSize=2").unwrap_err();
    assert_eq!(twice.keys().collect::<Vec<_>>(), ["pageSize"]);
}

#[test]
fn a_cursor_leads_back_into_its_own_list_and_into_no_other() {
    let list = format!("{}&sortBy[0].field=identifiers.crm", filter("state", "equals", "live"));
    let pass = crate::identity::PassId::parse("AAAAAAAAAAAAAAAA").unwrap();
    let places = [Position::Value("x".repeat(128), pass.clone()), Position::Without(pass.clone())];
    for place in places {
        let cursor = cursor::write(&place, &read(&list).unwrap().list);
        assert!(cursor.len() < 400);
        assert_eq!(read(&format!("{list}&after={cursor}")).unwrap().start, Start::After(place));
        for other in [
            format!("after={cursor}"),
            format!("{}&after={cursor}", list.replace("live", "void")),
            format!("{list}&sortBy[0].direction=DESC&after={cursor}"),
            format!("{list}&pageIndex=0&after={cursor}"),
            format!("{list}&after={}", &cursor[1..]),
        ] {
            assert_eq!(read(&other).unwrap_err().keys().collect::<Vec<_>>(), ["after"], "{other}");
        }
    }
    // Of the right list, and no place of its order.
    let forged = cursor::write(&Position::Line(1), &read(&list).unwrap().list);
    assert!(read(&format!("{list}&after={forged}")).is_err());
}
