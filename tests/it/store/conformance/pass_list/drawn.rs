//! Lists that are asked for and writes that go on meanwhile, drawn at random.

use passerelle_contract::types::Wallet;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::super::*;
use super::known::{NAMES, VALUES, Write, query};

pub fn a_text() -> impl Strategy<Value = String> {
    proptest::sample::select(["a", "b", "ab", "c", "1", "2", "card", "event", "vip", "pass00"].as_slice())
        .prop_map(str::to_owned)
}

pub fn a_text_test() -> impl Strategy<Value = TextTest> {
    prop_oneof![
        proptest::collection::vec(a_text(), 1..3).prop_map(TextTest::In),
        proptest::collection::vec(a_text(), 1..3).prop_map(TextTest::NotIn),
        a_text().prop_map(TextTest::Contains),
        a_text().prop_map(TextTest::StartsWith),
        a_text().prop_map(TextTest::EndsWith),
        Just(TextTest::Empty),
        Just(TextTest::NotEmpty),
    ]
}

/// Around the times at which passes are made.
pub fn a_time_test() -> impl Strategy<Value = TimeTest> {
    prop_oneof![
        (999_990..1_000_400_i64).prop_map(TimeTest::AtLeast),
        (999_990..1_000_400_i64).prop_map(TimeTest::Below),
        Just(TimeTest::Empty),
        Just(TimeTest::NotEmpty),
    ]
}

pub fn a_wallet() -> impl Strategy<Value = Wallet> {
    prop_oneof![Just(Wallet::Apple), Just(Wallet::Google)]
}

pub fn a_subject_kind() -> impl Strategy<Value = SubjectKind> {
    prop_oneof![Just(SubjectKind::Movement), Just(SubjectKind::Contact)]
}

pub fn a_kind() -> impl Strategy<Value = AttributeKind> {
    prop_oneof![Just(AttributeKind::Identifier), Just(AttributeKind::Metadata)]
}

pub fn a_name() -> impl Strategy<Value = String> {
    proptest::sample::select(NAMES.as_slice()).prop_map(str::to_owned)
}

pub fn a_condition() -> impl Strategy<Value = Condition> {
    let attribute = (a_kind(), a_name(), a_text_test(), proptest::sample::subsequence(VALUES.as_slice(), 0..2))
        .prop_map(|(kind, name, test, macs)| {
            let sought = matches!(test, TextTest::In(_) | TextTest::NotIn(_));
            let macs = macs.iter().filter(|_| sought).map(|value| format!("mac {value}")).collect();
            Condition::Attribute { kind, name, test, macs }
        });
    prop_oneof![
        a_text_test().prop_filter("a pass has an id", |test| *test != TextTest::Empty).prop_map(Condition::Id),
        a_text_test()
            .prop_filter("a pass has a template", |test| *test != TextTest::Empty)
            .prop_map(Condition::Template),
        proptest::sample::subsequence(vec![PassState::Live, PassState::Void], 0..=2).prop_map(Condition::State),
        proptest::sample::subsequence(Wallets::ALL.to_vec(), 0..=4).prop_map(Condition::Wallets),
        a_time_test().prop_map(Condition::Created),
        a_time_test().prop_map(Condition::Updated),
        (a_wallet(), a_time_test()).prop_map(|(wallet, test)| Condition::Since(wallet, test)),
        (a_subject_kind(), a_text_test()).prop_map(|(kind, test)| Condition::Subject(kind, test)),
        attribute,
    ]
}

pub fn an_order() -> impl Strategy<Value = Order> {
    prop_oneof![
        Just(Order::Created),
        Just(Order::Updated),
        Just(Order::Id),
        Just(Order::Template),
        a_wallet().prop_map(Order::Since),
        a_subject_kind().prop_map(Order::Subject),
        (a_kind(), a_name()).prop_map(|(kind, name)| Order::Attribute(kind, name)),
    ]
}

pub fn a_query() -> impl Strategy<Value = PassQuery> {
    (proptest::collection::vec(a_condition(), 0..3), an_order(), any::<bool>(), 0..30_u64, 1..9_u32).prop_map(
        |(conditions, order, descending, offset, limit)| PassQuery {
            descending,
            start: Start::Offset(offset),
            limit,
            ..query(conditions, order)
        },
    )
}

pub fn a_write() -> impl Strategy<Value = Write> {
    let n = || 0..40_usize;
    prop_oneof![
        3 => (0..3_usize, any::<bool>()).prop_map(|(template, contact)| Write::Make { template, contact }),
        2 => (n(), 0..3_usize, any::<bool>(), any::<bool>())
            .prop_map(|(n, template, void, visible)| Write::Change { n, template, void, visible }),
        2 => (n(), any::<bool>(), any::<bool>()).prop_map(|(n, apple, google)| Write::Install { n, apple, google }),
        4 => (n(), any::<bool>(), 0..3_usize, proptest::option::weighted(0.8, 0..4_usize))
            .prop_map(|(n, identifier, name, value)| Write::Give { n, identifier, name, value }),
        1 => n().prop_map(|n| Write::Deactivate { n }),
    ]
}

/// Values of a strategy, the same in every run unless `PROPTEST_CASES` asks for more of them.
pub fn drawn<T: std::fmt::Debug>(count: usize, strategy: impl Strategy<Value = T>) -> Vec<T> {
    let times = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse::<usize>().ok()).unwrap_or(1);
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    (0..count * times).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}
