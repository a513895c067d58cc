//! Random histories of deliveries against what a receiver may rely on: those of a pass arrive in their order, nothing that was not given up is missing, and
//! nobody sends two of a pass at once.
//!
//! The model is a receiver and a list of what happened. It knows no state of a row.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::conformance::webhooks::{QUOTA, ended, endpoint, happened};
use super::edge::Edge;
use super::*;
use passerelle_flow::store::*;

/// Happenings of a history; half of them are about the same two passes.
#[derive(Clone, Debug)]
enum Step {
    Happens {
        pass: usize,
    },
    Claim,
    /// One that is under way ends: taken, refused, given up.
    End {
        which: usize,
        how: u8,
    },
    /// The workers die, and their leases run out.
    Lose,
    Replay {
        which: usize,
    },
    ReplaySince,
    Later {
        by: Millis,
    },
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3_usize).prop_map(|pass| Step::Happens { pass }),
        5 => Just(Step::Claim),
        6 => (any::<usize>(), 0..6_u8).prop_map(|(which, how)| Step::End { which, how }),
        1 => Just(Step::Lose),
        2 => any::<usize>().prop_map(|which| Step::Replay { which }),
        1 => Just(Step::ReplaySince),
        3 => (1..2_000_i64).prop_map(|by| Step::Later { by }),
        1 => Just(Step::Crash),
    ]
}

const ENDPOINT: &str = "crm";

#[derive(Default)]
struct Play {
    now: Millis,
    /// By number: the pass, and the number among those of the pass.
    happened: Vec<(usize, i64)>,
    /// Leases that somebody holds.
    under_way: Vec<DeliveryLease>,
    /// What was taken at least once.
    taken: BTreeSet<String>,
    given_up: BTreeSet<String>,
    /// Wanted again by somebody since it was taken or given up.
    replayed: BTreeSet<String>,
    /// What the receiver saw first of each pass.
    first_seen: BTreeMap<usize, Vec<i64>>,
}

impl Play {
    async fn claim<E: Engine>(&mut self, engine: &E) {
        let leases = engine.store().claim_deliveries(self.now, self.now + LEASE, QUOTA).await.unwrap();
        for lease in leases {
            let id = lease.happening.happening.id.clone();
            let (pass, seq) = (lease.happening.happening.pass.clone(), lease.happening.seq);
            let same = self.under_way.iter().filter(|other| other.happening.happening.pass == pass);
            assert_eq!(same.count(), 0, "two of a pass are under way");
            // Everything before it has been taken or given up, unless somebody wants it again, which then goes first.
            for (at, (of, number)) in self.happened.iter().enumerate() {
                let other = name(at);
                if Some(pass_id(*of)) == pass && Some(*number) < seq {
                    let ended = self.taken.contains(&other) || self.given_up.contains(&other);
                    assert!(ended && !self.replayed.contains(&other), "{id} goes before {other}");
                }
            }
            self.under_way.push(lease);
        }
    }

    async fn end<E: Engine>(&mut self, engine: &E, which: usize, how: u8) {
        if self.under_way.is_empty() {
            return;
        }
        let lease = self.under_way.remove(which % self.under_way.len());
        let id = lease.happening.happening.id.clone();
        let error = || "HTTP 500".to_owned();
        let end = match how {
            0..=2 => DeliveryEnd::Delivered,
            3 | 4 => DeliveryEnd::Retry { at: self.now + 700, pause: self.now + 50, error: error() },
            _ => DeliveryEnd::Dead { pause: self.now, error: error() },
        };
        let delivered = end == DeliveryEnd::Delivered;
        let dead = matches!(end, DeliveryEnd::Dead { .. });
        let outcome = engine.store().finish_delivery(ended(&lease, end, self.now)).await.unwrap();
        // The receiver has it, whether or not we got to write that down.
        if delivered {
            self.see(&lease);
        }
        match outcome {
            DeliveryFinished::Recorded if delivered => {
                self.taken.insert(id.clone());
                self.replayed.remove(&id);
            }
            DeliveryFinished::Recorded if dead => {
                self.given_up.insert(id.clone());
                self.replayed.remove(&id);
            }
            DeliveryFinished::Recorded => {}
            other => panic!("{other:?}: the lease was held"),
        }
    }

    fn see(&mut self, lease: &DeliveryLease) {
        let pass = (0..3).find(|n| Some(pass_id(*n)) == lease.happening.happening.pass).unwrap();
        let seq = lease.happening.seq.unwrap();
        let seen = self.first_seen.entry(pass).or_default();
        if !seen.contains(&seq) && !self.given_up.contains(&lease.happening.happening.id) {
            seen.push(seq);
        }
    }
}

fn name(at: usize) -> String {
    format!("h{at:03}")
}

async fn play<E: Engine>(engine: &mut E, steps: &[Step]) {
    let made = engine.store().create_webhook(&opera(), endpoint(ENDPOINT, &["*"]), 16, 0).await.unwrap();
    assert_eq!(made, WebhookMade::Made);
    let mut play = Play::default();
    for step in steps {
        match step {
            Step::Happens { pass } => {
                let id = name(play.happened.len());
                happened(engine, *pass, play.now, &[(&id, HappeningKind::PassInstalled)]).await;
                let before = play.happened.iter().filter(|(of, _)| of == pass).count();
                play.happened.push((*pass, before as i64 + 1));
            }
            Step::Claim => play.claim(engine).await,
            Step::End { which, how } => play.end(engine, *which, *how).await,
            Step::Lose => {
                if !play.under_way.is_empty() {
                    // All of the process's: leases run out together.
                    play.now += LEASE;
                    play.under_way.clear();
                    let expired = engine
                        .rows("SELECT happening, expiries FROM delivery WHERE state = 'leased' AND expiries >= 2");
                    for row in expired {
                        play.given_up.insert(row[0].clone());
                        play.replayed.remove(&row[0]);
                    }
                    play.claim(engine).await;
                }
            }
            Step::Replay { which } => {
                if play.happened.is_empty() {
                    continue;
                }
                let id = name(which % play.happened.len());
                let replayed = engine.store().replay_delivery(&opera(), ENDPOINT, &id, play.now).await.unwrap();
                let under_way = play.under_way.iter().any(|lease| lease.happening.happening.id == id);
                assert_eq!(replayed, if under_way { Replayed::Sending } else { Replayed::Wanted });
                if !under_way {
                    play.replayed.insert(id);
                }
            }
            Step::ReplaySince => {
                let mut after = None;
                loop {
                    let step = ReplaySince { since: 0, after, delivered: false, limit: 3, now: play.now };
                    let step = engine.store().replay_since(&opera(), ENDPOINT, step).await.unwrap().unwrap();
                    after = step.next;
                    if after.is_none() {
                        break;
                    }
                }
                let dead: Vec<String> = play.given_up.iter().filter(|id| !play.taken.contains(*id)).cloned().collect();
                for id in dead {
                    if !play.under_way.iter().any(|lease| lease.happening.happening.id == id) {
                        play.replayed.insert(id);
                    }
                }
            }
            Step::Later { by } => {
                // Not so late that a lease runs out by the way.
                let soonest = engine.rows("SELECT CAST(min(lease_until) AS TEXT) FROM delivery WHERE state = 'leased'");
                let soonest = soonest[0][0].parse::<Millis>().unwrap_or(Millis::MAX);
                play.now = (play.now + by).min(soonest - 1);
            }
            Step::Crash => {
                engine.crash();
                // A process that does nothing opens nothing, and could not crash again.
                engine.store().depth().await.unwrap();
            }
        }
        check_invariants(|sql| engine.rows(sql));
    }
    // Everybody is well from here on: all that happened arrives.
    for _ in 0..2_000 {
        while !play.under_way.is_empty() {
            play.end(engine, 0, 0).await;
        }
        play.now += 1_000;
        play.claim(engine).await;
        if play.under_way.is_empty() && engine.store().depth().await.unwrap().deliveries_waiting == 0 {
            break;
        }
    }
    assert_eq!(engine.store().depth().await.unwrap().deliveries_waiting, 0, "something never went out");
    for at in 0..play.happened.len() {
        let id = name(at);
        assert!(play.taken.contains(&id) || play.given_up.contains(&id), "{id} was lost");
    }
    for (pass, seen) in &play.first_seen {
        assert!(seen.is_sorted(), "{pass}: {seen:?}");
        let all =
            play.happened.iter().enumerate().filter(|(at, (of, _))| of == pass && !play.given_up.contains(&name(*at)));
        let expected: Vec<i64> = all.map(|(_, (_, seq))| *seq).collect();
        let mut got = seen.clone();
        got.retain(|seq| expected.contains(seq));
        assert_eq!(got, expected, "{pass}: a gap that nobody gave up");
    }
    check_invariants(|sql| engine.rows(sql));
}

fn histories<E: Engine>(cases: u32) {
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let strategy = proptest::collection::vec(step(), 1..60);
    let judged = runner.run(&strategy, |steps| {
        let mut engine = E::start();
        block_on(play(&mut engine, &steps));
        Ok(())
    });
    judged.unwrap();
}

#[test]
fn a_receiver_misses_nothing_and_sees_each_pass_in_its_order_on_the_server() {
    histories::<Sqlite>(40);
}

#[test]
fn a_receiver_misses_nothing_and_sees_each_pass_in_its_order_on_the_edge() {
    histories::<Edge>(16);
}
