//! Checks of calls per window, reserves and pauses.

use super::*;

checks! {
    a_budget_is_an_exact_sliding_window,
    a_reserve_is_left_for_others,
    a_pause_stops_one_scope,
}

fn call(now: Millis, reserve: i64) -> Spend {
    Spend { scope: "secutix/opera/getFileDetails".to_owned(), now, limit: 5, window: 1_000, reserve }
}

pub async fn a_budget_is_an_exact_sliding_window<E: Engine>(engine: &E) {
    let store = engine.store();
    for now in [900, 900, 950, 990, 999] {
        assert_eq!(store.spend(call(now, 0)).await.unwrap(), Spent::Granted);
    }
    // A counter per full second would begin anew at 1,000.
    assert_eq!(store.spend(call(1_000, 0)).await.unwrap(), Spent::WaitUntil(1_900));
    assert_eq!(store.spend(call(1_899, 0)).await.unwrap(), Spent::WaitUntil(1_900));
    assert_eq!(store.spend(call(1_900, 0)).await.unwrap(), Spent::Granted);
    assert_eq!(store.spend(call(1_900, 0)).await.unwrap(), Spent::Granted);
    assert_eq!(store.spend(call(1_900, 0)).await.unwrap(), Spent::WaitUntil(1_950));
    let other = Spend { scope: "secutix/stadium/getFileDetails".to_owned(), ..call(1_900, 0) };
    assert_eq!(store.spend(other).await.unwrap(), Spent::Granted, "a scope is its own");
}

pub async fn a_reserve_is_left_for_others<E: Engine>(engine: &E) {
    let store = engine.store();
    for now in [0, 10, 20] {
        assert_eq!(store.spend(call(now, 2)).await.unwrap(), Spent::Granted);
    }
    assert_eq!(store.spend(call(30, 2)).await.unwrap(), Spent::WaitUntil(1_000));
    assert_eq!(store.spend(call(30, 0)).await.unwrap(), Spent::Granted);
    assert_eq!(store.spend(call(30, 2)).await.unwrap(), Spent::WaitUntil(1_010), "two must leave");
    assert_eq!(store.spend(call(40, 5)).await.unwrap(), Spent::WaitUntil(1_040), "never enough: ask again");
}

pub async fn a_pause_stops_one_scope<E: Engine>(engine: &E) {
    let store = engine.store();
    let scope = call(0, 0).scope;
    assert_eq!(store.paused(&scope, 0).await.unwrap(), None);
    store.pause(&scope, 500).await.unwrap();
    store.pause(&scope, 300).await.unwrap();
    assert_eq!(store.paused(&scope, 499).await.unwrap(), Some(500));
    assert_eq!(store.paused(&scope, 500).await.unwrap(), None);
    assert_eq!(store.spend(call(299, 0)).await.unwrap(), Spent::WaitUntil(500));
    assert_eq!(store.spend(call(499, 0)).await.unwrap(), Spent::WaitUntil(500));
    assert_eq!(store.spend(call(500, 0)).await.unwrap(), Spent::Granted);
    store.pause(&scope, 700).await.unwrap();
    let other = Spend { scope: "other".to_owned(), ..call(600, 0) };
    assert_eq!(store.spend(other).await.unwrap(), Spent::Granted);
}
