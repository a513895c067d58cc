//! Checks of lists of passes: each page against a plain filter and sort, the counters against the rows, walks while others write.

mod drawn;
mod known;

use std::collections::{BTreeMap, BTreeSet};

use passerelle_contract::types::Wallet;

use self::drawn::{a_query, a_write, drawn};
use self::known::{House, Known, Write, a_pass, query};
use super::*;

checks! {
    every_page_is_what_a_plain_filter_and_sort_say,
    counters_agree_with_the_rows_through_many_stretches,
    a_walk_by_cursor_sees_what_its_order_promises_whatever_is_written_meanwhile,
    pages_by_number_stay_as_they_are_while_passes_are_made_and_changed,
    passes_that_lack_an_identifier_are_handed_out_in_batches,
    tenants_have_lists_of_their_own,
    an_attribute_that_is_set_again_as_it_was_changes_nothing,
    positions_rise_when_the_clock_goes_back,
}

pub async fn every_page_is_what_a_plain_filter_and_sort_say<E: Engine>(engine: &E) {
    let mut house = House::new(engine);
    let writes = drawn(90, a_write());
    let queries = drawn(900, a_query());
    let mut queries = queries.iter();
    for (n, step) in writes.iter().enumerate() {
        house.write(step).await;
        if n % 10 == 9 {
            check_invariants(|sql| engine.rows(sql));
        }
        if n >= 30 {
            for query in queries.by_ref().take(15) {
                house.check(query).await;
            }
        }
    }
    assert!(house.known.len() > 20);
    // Without any condition, and with each order.
    for order in [Order::Created, Order::Updated, Order::Id, Order::Template, Order::Since(Wallet::Apple)] {
        for descending in [false, true] {
            for offset in [0, 5, 100] {
                house
                    .check(&PassQuery { descending, start: Start::Offset(offset), ..query(vec![], order.clone()) })
                    .await;
            }
        }
    }
}

/// More than two stretches of them, and more than are gathered of one value.
pub async fn counters_agree_with_the_rows_through_many_stretches<E: Engine>(engine: &E) {
    const PASSES: usize = 10_000;
    let mut house = House::new(engine);
    let tier = |value: &str| Attribute {
        kind: AttributeKind::Metadata,
        name: "tier".to_owned(),
        value: KeptValue::Clear(value.to_owned()),
    };
    for first in (0..PASSES).step_by(1_000) {
        let pass = |n: usize| PassWrite {
            attributes: if n.is_multiple_of(2) { vec![tier("a")] } else { vec![] },
            ..a_pass(n, n % 7 % 3, n.is_multiple_of(5))
        };
        house.make((first..first + 1_000).map(pass).collect()).await;
    }
    // Changes that leave holes everywhere, enough of them for stretches to be joined.
    for n in 0..1_500 {
        let n = n * 7 % PASSES;
        house.write(&Write::Install { n, apple: n.is_multiple_of(2), google: n.is_multiple_of(3) }).await;
    }
    // The last two rounds leave neighbours that fit into one: they are joined.
    let rounds: [Vec<usize>; 3] =
        [(0..6_000).collect(), (0..PASSES).step_by(2).collect(), (1..PASSES).step_by(3).collect()];
    for round in rounds {
        let writes = round.iter().map(|n| {
            let known = &house.known[n];
            PassWrite { subject: known.subject.clone(), template: "card".to_owned(), ..again(*n, known.version) }
        });
        let writes = writes.collect();
        house.now += 1;
        for n in &round {
            let place = house.place();
            let known = house.known.get_mut(n).unwrap();
            (known.touched, known.version, known.state) = (place, known.version + 1, PassState::Live);
            known.template = "card".to_owned();
        }
        assert!(matches!(write(engine, house.now, writes, vec![]).await, Finished::Committed { .. }));
        check_invariants(|sql| engine.rows(sql));
    }
    let stretches = engine.rows("SELECT line, count(DISTINCT start) FROM pass_tally GROUP BY line ORDER BY line");
    // Of the line of changes there would be five without a join.
    assert_eq!(stretches, [["born", "Integer(3)"], ["touched", "Integer(4)"]]);

    let apple = Condition::Wallets(vec![Wallets::Apple, Wallets::Both]);
    let tier = Condition::Attribute {
        kind: AttributeKind::Metadata,
        name: "tier".to_owned(),
        test: TextTest::In(vec!["a".to_owned()]),
        macs: vec![],
    };
    let lists = [
        vec![],
        vec![apple.clone()],
        vec![apple, Condition::Template(TextTest::StartsWith("event".to_owned()))],
        vec![tier.clone()],
        vec![tier, Condition::State(vec![PassState::Live])],
        vec![Condition::Created(TimeTest::AtLeast(1_000_020)), Condition::Created(TimeTest::Below(1_000_050))],
        vec![Condition::Updated(TimeTest::Below(1_000_070))],
    ];
    let orders = [
        Order::Created,
        Order::Updated,
        Order::Id,
        Order::Template,
        Order::Since(Wallet::Apple),
        Order::Subject(SubjectKind::Contact),
        Order::Attribute(AttributeKind::Metadata, "tier".to_owned()),
    ];
    for conditions in &lists {
        for order in &orders {
            for (descending, offset) in [(false, 0), (true, 3), (false, 2_990), (true, 5_101), (false, 9_995)] {
                let start = Start::Offset(offset);
                house.check(&PassQuery { descending, start, ..query(conditions.clone(), order.clone()) }).await;
            }
        }
    }
}

pub async fn a_walk_by_cursor_sees_what_its_order_promises_whatever_is_written_meanwhile<E: Engine>(engine: &E) {
    let mut house = House::new(engine);
    house.make((0..30).map(|n| a_pass(n, n % 3, n % 2 == 0)).collect()).await;
    let fixed =
        [Order::Created, Order::Id, Order::Subject(SubjectKind::Movement), Order::Subject(SubjectKind::Contact)];
    let fixed = fixed.into_iter().flat_map(|order| [(order.clone(), false), (order, true)]);
    let moving = [
        (Order::Updated, false),
        (Order::Updated, true),
        (Order::Template, false),
        (Order::Since(Wallet::Apple), true),
        (Order::Attribute(AttributeKind::Metadata, "tier".to_owned()), false),
    ];
    let writes = drawn(600, a_write());
    let mut writes = writes.iter();
    for (order, descending) in fixed.chain(moving) {
        let before = house.known.clone();
        let mut seen: BTreeMap<usize, Vec<Known>> = BTreeMap::new();
        let mut at = PassQuery { descending, limit: 4, ..query(vec![], order.clone()) };
        // Whoever follows changes for ever would never be done.
        let mut quiet = 0;
        loop {
            let page = engine.store().list_passes(at.clone()).await.unwrap();
            for (_, pass) in &page.passes {
                let n: usize = pass.id.as_str()[4..].parse().unwrap();
                seen.entry(n).or_default().push(house.known[&n].clone());
            }
            let Some((position, _)) = page.passes.last() else { break };
            at.start = Start::After(position.clone());
            if !page.more {
                break;
            }
            if quiet < 8 {
                for step in writes.by_ref().take(3) {
                    house.write(step).await;
                }
            }
            quiet += 1;
        }
        for (n, was) in &before {
            let times = seen.get(n).map_or(0, Vec::len);
            let is = &house.known[n];
            match order {
                Order::Created | Order::Id | Order::Subject(_) => assert_eq!(times, 1, "{order:?} {n}"),
                Order::Updated if !descending => {
                    assert!(times >= 1, "{n} was missed");
                    let places: BTreeSet<_> = seen[n].iter().map(|seen| seen.touched).collect();
                    assert_eq!(places.len(), times, "{n} came twice as it was");
                    assert_eq!(seen[n].last().unwrap().touched, is.touched, "{n} was not seen as it is");
                }
                _ if was.touched == is.touched => assert_eq!(times, 1, "{order:?} {n}"),
                _ => {}
            }
        }
    }
    assert!(writes.len() < 400, "there was something to be disturbed by");
}

pub async fn pages_by_number_stay_as_they_are_while_passes_are_made_and_changed<E: Engine>(engine: &E) {
    let mut house = House::new(engine);
    house.make((0..25).map(|n| a_pass(n, n % 3, false)).collect()).await;
    let writes = drawn(120, a_write());
    let mut writes = writes.iter();
    let mut seen = Vec::new();
    for index in 0.. {
        let page = PassQuery { start: Start::Offset(index * 5), limit: 5, ..query(vec![], Order::Created) };
        let page = engine.store().list_passes(page).await.unwrap();
        seen.extend(page.passes.into_iter().map(|(_, pass)| pass.id));
        if !page.more {
            break;
        }
        for step in writes.by_ref().take(12) {
            house.write(step).await;
        }
    }
    let all: Vec<PassId> = (0..house.known.len()).map(pass_id).collect();
    assert!(seen.len() > 25);
    assert_eq!(seen, all);
}

pub async fn passes_that_lack_an_identifier_are_handed_out_in_batches<E: Engine>(engine: &E) {
    let mut house = House::new(engine);
    house.make((0..23).map(|n| a_pass(n, 0, false)).collect()).await;
    for n in [0, 3, 4, 11, 22] {
        house.write(&Write::Give { n, identifier: true, name: 0, value: Some(n % 4) }).await;
    }
    // Metadata of the same name is something else.
    house.write(&Write::Give { n: 7, identifier: false, name: 0, value: Some(0) }).await;
    let lacking = Condition::Attribute {
        kind: AttributeKind::Identifier,
        name: "crm".to_owned(),
        test: TextTest::Empty,
        macs: vec![],
    };
    let mut found = Vec::new();
    let mut next = PassQuery { limit: 4, count: Count::Never, ..query(vec![lacking.clone()], Order::Created) };
    loop {
        let page = engine.store().list_passes(next.clone()).await.unwrap();
        assert_eq!(page.total, None);
        let Some((position, _)) = page.passes.last() else { break };
        next.start = Start::After(position.clone());
        for (_, pass) in &page.passes {
            let n: usize = pass.id.as_str()[4..].parse().unwrap();
            found.push(n);
            // Given what it lacks, as a backfill does: the rest is handed out all the same.
            house.write(&Write::Give { n, identifier: true, name: 0, value: Some(0) }).await;
        }
    }
    assert_eq!(found, (0..23).filter(|n| ![0, 3, 4, 11, 22].contains(n)).collect::<Vec<_>>());
    house.check(&query(vec![lacking], Order::Created)).await;
}

pub async fn tenants_have_lists_of_their_own<E: Engine>(engine: &E) {
    let mut house = House::new(engine);
    house.make((0..3).map(|n| a_pass(n, n, false)).collect()).await;
    let other = PassQuery { tenant: tenant(1), ..query(vec![], Order::Created) };
    let page = engine.store().list_passes(other).await.unwrap();
    assert_eq!((page.passes, page.more, page.total), (vec![], false, Some(0)));
    assert!(!engine.store().set_attributes(&tenant(1), &pass_id(0), vec![], vec![], 5).await.unwrap());
}

pub async fn an_attribute_that_is_set_again_as_it_was_changes_nothing<E: Engine>(engine: &E) {
    let mut house = House::new(engine);
    house.make((0..2).map(|n| a_pass(n, 0, false)).collect()).await;
    let give = Write::Give { n: 0, identifier: true, name: 2, value: Some(1) };
    house.write(&give).await;
    let touched = house.known[&0].touched;
    house.write(&give).await;
    assert_eq!(house.known[&0].touched, touched);
    house.check(&query(vec![], Order::Updated)).await;
    house.write(&Write::Give { n: 0, identifier: true, name: 2, value: None }).await;
    house.write(&Write::Give { n: 0, identifier: true, name: 2, value: None }).await;
    house.check(&query(vec![], Order::Updated)).await;
}

pub async fn positions_rise_when_the_clock_goes_back<E: Engine>(engine: &E) {
    let mut house = House::new(engine);
    house.make(vec![a_pass(0, 0, false)]).await;
    house.now = 10;
    write(engine, 10, vec![a_pass(1, 0, false)], vec![]).await;
    let page = engine.store().list_passes(query(vec![], Order::Created)).await.unwrap();
    let got: Vec<_> = page.passes.iter().map(|(_, pass)| (pass.id.clone(), pass.created_at)).collect();
    let at = house.known[&0].born.0;
    assert_eq!(got, [(pass_id(0), at), (pass_id(1), at)], "a date never precedes that of what was made before");
}
