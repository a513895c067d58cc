//! The documented rules, one by one. Each check is a sentence and runs on an empty store of the engine.
//!
//! Owns the steps that many checks share. An engine is added by one more module in the macro.

use passerelle_flow::identity::Millis;
use passerelle_flow::store::*;

use super::*;

/// One `#[test]` per check of a file, for each engine.
macro_rules! checks {
    ($($name:ident,)*) => {
        mod sqlite {
            use crate::store::{Engine, Sqlite, block_on, check_invariants};

            $(#[test]
            fn $name() {
                let engine = Sqlite::start();
                block_on(super::$name(&engine));
                check_invariants(|sql| engine.rows(sql));
            })*
        }

        mod edge {
            use crate::store::edge::Edge;
            use crate::store::{Engine, block_on, check_invariants};

            $(#[test]
            fn $name() {
                let engine = Edge::start();
                block_on(super::$name(&engine));
                check_invariants(|sql| engine.rows(sql));
            })*
        }
    };
}

mod budget;
mod by_hand;
mod effects;
mod google;
mod keys;
mod leases;
mod pass_list;
mod passes;
mod phones;
mod plugin_requests;
mod retention;
mod tasks;
mod vibes;
pub(super) mod webhooks;

/// Long after every debounce.
const LATER: Millis = 100_000;

async fn take_one<E: Engine>(engine: &E, now: Millis) -> TaskLease {
    let mut leases = engine.store().claim(now, now + LEASE, Quota::of(10)).await.unwrap();
    assert_eq!(leases.len(), 1, "one task is due");
    leases.remove(0)
}

async fn nothing_due<E: Engine>(engine: &E, now: Millis) {
    assert_eq!(engine.store().claim(now, now + LEASE, Quota::of(10)).await.unwrap(), []);
}

fn names(lease: &TaskLease) -> Vec<&str> {
    lease.hints.iter().map(|hint| hint.notification.as_str()).collect()
}

async fn end<E: Engine>(engine: &E, lease: &TaskLease, next: Next, now: Millis) -> Finished {
    engine.store().finish(finish(lease, next, now)).await.unwrap()
}

fn committed() -> Finished {
    Finished::Committed { changed: vec![] }
}

/// A lease on the task of a file, made for it.
async fn lease_of<E: Engine>(engine: &E, file: &str, now: Millis) -> TaskLease {
    let subject = TaskSubject::File(file.to_owned());
    let id = format!("task of {file}");
    let task = engine.store().enqueue(&opera(), subject, &id, Priority::Normal, now).await.unwrap();
    engine.store().claim_task(&opera(), &task, now, now + LEASE).await.unwrap().unwrap()
}

/// A run of a file that ends well with these writes.
async fn write<E: Engine>(engine: &E, now: Millis, passes: Vec<PassWrite>, events: Vec<EventWrite>) -> Finished {
    let lease = lease_of(engine, "file", now).await;
    let finish = Finish { passes, events, ..finish(&lease, Next::Done, now) };
    let finished = engine.store().finish(finish).await.unwrap();
    if !matches!(finished, Finished::Committed { .. }) {
        assert_eq!(end(engine, &lease, Next::Done, now).await, committed(), "the lease still holds");
    }
    finished
}

fn changed(list: &[(usize, i64)]) -> Finished {
    Finished::Committed { changed: list.iter().map(|(n, version)| (pass_id(*n), *version)).collect() }
}

fn again(n: usize, expected: i64) -> PassWrite {
    PassWrite { expected: Some(expected), ..new_pass(n, "file") }
}

fn event(key: &str, digest: &str, observed_at: Millis) -> EventWrite {
    EventWrite {
        key: key.to_owned(),
        body: format!("facts {digest}").into_bytes(),
        digest: digest.to_owned(),
        observed_at,
        ends_at: Some(observed_at + 1),
    }
}

fn key(id: &str, erase_at: Millis) -> DataKey {
    DataKey { id: id.to_owned(), wrapped: vec![1, 2, 3], wrapped_by: "k1".to_owned(), erase_at }
}

fn sealed(key: &str, byte: u8) -> Sealed {
    Sealed { data_key: key.to_owned(), nonce: vec![byte; 12], body: vec![byte; 40] }
}

/// What others are to be told. Folds of what phones told are ended at once.
async fn effects<E: Engine>(engine: &E, now: Millis) -> Vec<EffectLease> {
    let (folds, others) = claimed_effects(engine, now).await;
    for lease in folds {
        assert!(engine.store().finish_effect(&lease, EffectNext::Have(lease.want), now).await.unwrap());
    }
    others
}

/// Folds, and others.
async fn claimed_effects<E: Engine>(engine: &E, now: Millis) -> (Vec<EffectLease>, Vec<EffectLease>) {
    let leases = engine.store().claim_effects(now, now + LEASE, Quota::of(100)).await.unwrap();
    leases.into_iter().partition(|lease| lease.kind == EffectKind::Installation)
}

fn told(leases: &[EffectLease]) -> Vec<(EffectKind, &str, i64)> {
    leases.iter().map(|lease| (lease.kind, lease.target.as_str(), lease.want)).collect()
}
