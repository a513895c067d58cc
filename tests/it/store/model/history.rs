//! Random histories: what workers, phones, people and crashes do in any order, on a store and on the model.
//!
//! Owns the steps and the comparison. Most leases that are used still hold, as with a worker that lives; some were lost long ago.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

const TENANTS: usize = 2;
const TOKENS: usize = 4;
const FILES: usize = 2;
const PASSES: usize = 4;
const EVENTS: usize = 2;
const DEVICES: usize = 2;

#[derive(Clone, Debug)]
struct Write {
    pass: usize,
    stale: bool,
    void: bool,
    visible: bool,
    object: bool,
    class: Option<usize>,
    events: Vec<usize>,
}

#[derive(Clone, Debug)]
enum Step {
    Wait(Millis),
    Accept {
        tenant: usize,
        token: usize,
        priority: usize,
    },
    Enqueue {
        tenant: usize,
        subject: usize,
        priority: usize,
        delay: Millis,
    },
    Claim {
        limit: u32,
        share: u32,
    },
    ClaimTask {
        pick: usize,
    },
    Adopt {
        pick: usize,
        file: usize,
    },
    Finish {
        pick: usize,
        next: usize,
        delay: Millis,
        writes: Vec<Write>,
        events: Vec<(usize, u8, Millis)>,
        most: Option<i64>,
    },
    Alias {
        pick: usize,
        token: usize,
        file: usize,
    },
    Replay {
        pick: usize,
    },
    Register {
        tenant: usize,
        device: usize,
        pass: usize,
    },
    Unregister {
        tenant: usize,
        device: usize,
        pass: usize,
    },
    ClaimEffects {
        limit: u32,
        share: u32,
        kind: u32,
    },
    FinishEffect {
        pick: usize,
        next: usize,
        delay: Millis,
    },
    Reached {
        tenant: usize,
        class: bool,
        target: usize,
        have: i64,
    },
    Spend {
        reserve: i64,
    },
    Pause {
        delay: Millis,
    },
    /// Everything that may go of what is older than this.
    Erase {
        age: Millis,
        batch: u32,
    },
    Crash,
}

fn a_write() -> impl Strategy<Value = Write> {
    let flags = (prop::bool::weighted(0.1), prop::bool::weighted(0.3), prop::bool::weighted(0.8), any::<bool>());
    (0..PASSES, flags, prop::option::of(0..2_usize), vec(0..EVENTS, 0..3)).prop_map(
        |(pass, (stale, void, visible, object), class, events)| Write {
            pass,
            stale,
            void,
            visible,
            object,
            class,
            events,
        },
    )
}

fn a_step() -> impl Strategy<Value = Step> {
    let pick = || 0..8_usize;
    // Mostly one tenant, so that its histories are long.
    let tenant = || prop_oneof![4 => Just(0_usize), 1 => 0..TENANTS];
    prop_oneof![
        4 => prop_oneof![4 => 100..900_i64, 1 => 1_000..6_000_i64, 1 => Just(LEASE)].prop_map(Step::Wait),
        6 => (tenant(), 0..TOKENS, 0..3_usize).prop_map(|(tenant, token, priority)| Step::Accept { tenant, token, priority }),
        2 => (tenant(), 0..FILES + 2, 0..3_usize, 0..2_000_i64)
            .prop_map(|(tenant, subject, priority, delay)| Step::Enqueue { tenant, subject, priority, delay }),
        6 => (1..4_u32, 1..5_u32).prop_map(|(limit, share)| Step::Claim { limit, share }),
        2 => pick().prop_map(|pick| Step::ClaimTask { pick }),
        3 => (pick(), 0..FILES).prop_map(|(pick, file)| Step::Adopt { pick, file }),
        8 => (pick(), 0..8_usize, 0..8_000_i64, vec(a_write(), 0..4), vec((0..EVENTS, 0..3_u8, 0..500_i64), 0..3), prop::option::of(0..3_i64))
            .prop_map(|(pick, next, delay, writes, events, most)| Step::Finish { pick, next, delay, writes, events, most }),
        1 => (pick(), 0..TOKENS, 0..FILES).prop_map(|(pick, token, file)| Step::Alias { pick, token, file }),
        2 => pick().prop_map(|pick| Step::Replay { pick }),
        2 => (tenant(), 0..DEVICES, 0..PASSES).prop_map(|(tenant, device, pass)| Step::Register { tenant, device, pass }),
        1 => (tenant(), 0..DEVICES, 0..PASSES).prop_map(|(tenant, device, pass)| Step::Unregister { tenant, device, pass }),
        4 => (1..5_u32, 1..6_u32, 1..4_u32)
            .prop_map(|(limit, share, kind)| Step::ClaimEffects { limit, share, kind }),
        4 => (pick(), 0..7_usize, 0..3_000_i64).prop_map(|(pick, next, delay)| Step::FinishEffect { pick, next, delay }),
        4 => (tenant(), any::<bool>(), 0..2_usize, 0..3_i64)
            .prop_map(|(tenant, class, target, have)| Step::Reached { tenant, class, target, have }),
        3 => (0..2_i64).prop_map(|reserve| Step::Spend { reserve }),
        1 => (0..2_000_i64).prop_map(|delay| Step::Pause { delay }),
        1 => (0..3_000_i64, 1..9_u32).prop_map(|(age, batch)| Step::Erase { age, batch }),
        1 => Just(Step::Crash),
    ]
}

struct History<E> {
    engine: E,
    model: Model,
    now: Millis,
    count: usize,
    /// Leases that were given out, the newest last; many of them long lost.
    leases: Vec<TaskLease>,
    sending: Vec<EffectLease>,
}

fn picked<T: Clone>(list: &[T], pick: usize) -> Option<T> {
    list.iter().rev().nth(pick % list.len().max(1)).cloned()
}

/// Mostly one that still holds, as a worker would; sometimes any, as a worker that was away.
fn picked_lease<T: Clone>(list: &[T], pick: usize, holds: impl Fn(&T) -> bool) -> Option<T> {
    let live: Vec<_> = list.iter().filter(|lease| holds(lease)).cloned().collect();
    if pick < 6 && !live.is_empty() { picked(&live, pick) } else { picked(list, pick) }
}

const PRIORITIES: [Priority; 3] = [Priority::Demand, Priority::Normal, Priority::Low];
const BUDGET: (i64, Millis) = (3, 1_000);

impl<E: Engine> History<E> {
    fn new() -> Self {
        Self { engine: E::start(), model: Model::default(), now: 1_000_000, count: 0, leases: vec![], sending: vec![] }
    }

    async fn step(&mut self, step: Step) {
        let store = self.engine.store().clone();
        let now = self.now;
        self.count += 1;
        match step {
            Step::Wait(time) => self.now += time,
            Step::Accept { tenant: t, token, priority } => {
                let id = format!("n{:04}", self.count);
                let a = Accept {
                    priority: PRIORITIES[priority],
                    ..accept(&tenant(t), &format!("token {token}"), &id, now)
                };
                assert_eq!(store.accept(a.clone()).await.unwrap(), self.model.accept(&a));
            }
            Step::Enqueue { tenant: t, subject, priority, delay } => {
                let subject = match subject {
                    0 => TaskSubject::Token("token 0".to_owned()),
                    1 => TaskSubject::Contact("4711".to_owned()),
                    n => TaskSubject::File(format!("file {}", n - 2)),
                };
                let (t, id, p, at) = (tenant(t), format!("e{:04}", self.count), PRIORITIES[priority], now + delay);
                let resolved = self.model.subject(&t, subject.clone());
                let (expected, _) = self.model.call(&t, resolved, &id, p, at, at, false, 1);
                assert_eq!(store.enqueue(&t, subject, &id, p, at).await.unwrap(), expected);
            }
            Step::Claim { limit, share } => {
                let quota = Quota { per_tenant: share, ..Quota::of(limit) };
                let got = store.claim(now, now + LEASE, quota).await.unwrap();
                assert_eq!(got, self.model.claim(now, now + LEASE, quota));
                self.leases.extend(got);
            }
            Step::ClaimTask { pick } => {
                let tasks: Vec<_> = self.model.tasks.keys().cloned().collect();
                let Some((t, id)) = picked(&tasks, pick) else { return };
                let got = store.claim_task(&t, &id, now, now + LEASE).await.unwrap();
                assert_eq!(got, self.model.claim_task(&t, &id, now, now + LEASE));
                self.leases.extend(got);
            }
            Step::Adopt { pick, file } => {
                let token = |lease: &TaskLease| matches!(lease.subject, TaskSubject::Token(_));
                let holds = |lease: &TaskLease| token(lease) && self.model.holds(lease);
                let Some(lease) = picked_lease(&self.leases, pick, holds) else { return };
                let file = format!("file {file}");
                if token(&lease) {
                    let got = store.adopt(&lease, &file, now).await.unwrap();
                    assert_eq!(got, self.model.adopt(&lease, &file, now));
                }
            }
            Step::Finish { pick, next, delay, writes, events, most } => {
                let Some(lease) = picked_lease(&self.leases, pick, |lease| self.model.holds(lease)) else { return };
                let f = self.finish(&lease, next, delay, &writes, &events, most);
                assert_eq!(store.finish(f.clone()).await.unwrap(), self.model.finish(&f));
            }
            Step::Alias { pick, token, file } => {
                let Some(lease) = picked_lease(&self.leases, pick, |lease| self.model.holds(lease)) else { return };
                let alias = OrderAlias {
                    token_mac: format!("token {token}"),
                    order: "order".to_owned(),
                    file: format!("file {file}"),
                };
                let f = Finish { aliases: vec![alias], ..finish(&lease, Next::Done, now) };
                assert_eq!(store.finish(f.clone()).await.unwrap(), self.model.finish(&f));
            }
            Step::Replay { pick } => {
                let tasks: Vec<_> = self.model.tasks.keys().cloned().collect();
                let Some((t, id)) = picked(&tasks, pick) else { return };
                assert_eq!(store.replay(&t, &id, now).await.unwrap(), self.model.replay(&t, &id, now));
            }
            Step::Register { tenant: t, device, pass } => {
                let r = Register { tenant: tenant(t), ..register(&format!("device {device}"), pass, now) };
                let r = Register { signal: signal(&format!("signal {}", self.count), now), ..r };
                assert_eq!(store.register(r.clone()).await.unwrap(), self.model.register(&r));
            }
            Step::Unregister { tenant: t, device, pass } => {
                let (t, device, pass) = (tenant(t), format!("device {device}"), pass_id(pass));
                let expected = self.model.unregister(&t, &device, &pass, now);
                let signal = signal(&format!("signal {}", self.count), now);
                assert_eq!(store.unregister(&t, &device, &pass, &signal, now).await.unwrap(), expected);
            }
            Step::ClaimEffects { limit, share, kind } => {
                let quota = Quota { limit, per_tenant: share, per_kind: kind };
                let got = store.claim_effects(now, now + LEASE, quota).await.unwrap();
                assert_eq!(got, self.model.claim_effects(now, now + LEASE, quota));
                self.sending.extend(got);
            }
            Step::FinishEffect { pick, next, delay } => {
                let Some(lease) = picked_lease(&self.sending, pick, |lease| self.model.sends(lease)) else { return };
                let next = match next {
                    0 | 1 => EffectNext::Have(lease.want),
                    2 => EffectNext::Have(lease.want - 1),
                    3 => EffectNext::Retry { at: now + delay, error: "unreachable".to_owned() },
                    4 => EffectNext::Wait { at: now + delay },
                    5 => EffectNext::Dead { error: "refused".to_owned() },
                    _ => EffectNext::Gone,
                };
                let expected = self.model.finish_effect(&lease, &next, now);
                assert_eq!(store.finish_effect(&lease, next, now).await.unwrap(), expected);
            }
            Step::Reached { tenant: t, class, target, have } => {
                let (kind, target) = match class {
                    true => (EffectKind::GoogleClass, format!("class {target}")),
                    false => (EffectKind::GoogleObject, pass_id(target).as_str().to_owned()),
                };
                self.model.reached(&tenant(t), kind, &target, have);
                store.reached(&tenant(t), kind, &target, have, now).await.unwrap();
            }
            Step::Spend { reserve } => {
                let spend = Spend { scope: "scope".to_owned(), now, limit: BUDGET.0, window: BUDGET.1, reserve };
                assert_eq!(store.spend(spend.clone()).await.unwrap(), self.model.spend(&spend));
            }
            Step::Pause { delay } => {
                let until = self.model.pauses.entry("scope".to_owned()).or_default();
                *until = (*until).max(now + delay);
                store.pause("scope", now + delay).await.unwrap();
            }
            Step::Erase { age, batch } => {
                // The model keeps no record of the past: what is left must still be what every later step needs.
                let before = now - age;
                let erasure = Erasure {
                    notifications_before: before,
                    runs_before: before,
                    changes_before: before,
                    batch,
                    ..erasure(0)
                };
                while store.erase(erasure).await.unwrap().more {}
                let last = "SELECT p.id FROM pass p WHERE NOT EXISTS (SELECT 1 FROM pass_change c WHERE c.tenant = p.tenant AND c.pass = p.id)";
                assert_eq!(self.engine.rows(last), Vec::<Vec<String>>::new(), "each pass tells its last change");
            }
            Step::Crash => {
                drop(store);
                self.engine.crash();
            }
        }
    }

    fn finish(
        &self,
        lease: &TaskLease,
        next: usize,
        delay: Millis,
        writes: &[Write],
        events: &[(usize, u8, Millis)],
        most: Option<i64>,
    ) -> Finish {
        let now = self.now;
        let at = now + delay;
        let next = match next {
            0..=2 => Next::Done,
            3 => Next::Again { at },
            4 => Next::Retry { at },
            5 => Next::Wait { at },
            6 => Next::Dead,
            _ => Next::Held,
        };
        let passes = writes.iter().map(|write| {
            let known = self.model.passes.get(&(lease.tenant.clone(), pass_id(write.pass)));
            let expected = known.map(|pass| pass.version - i64::from(write.stale));
            PassWrite {
                expected: if write.stale && expected.is_none() { Some(1) } else { expected },
                state: if write.void { PassState::Void } else { PassState::Live },
                google_class: write.class.map(|class| format!("class {class}")),
                events: write.events.iter().map(|event| (format!("event {event}"), "shown".to_owned())).collect(),
                visible: write.visible,
                object_changed: write.object && write.visible,
                change: Some(change("updated")),
                ..new_pass(write.pass, &format!("file {}", write.pass % FILES))
            }
        });
        let events = events.iter().map(|(event, digest, age)| EventWrite {
            key: format!("event {event}"),
            body: vec![*digest],
            digest: format!("digest {digest}"),
            observed_at: now - age,
            ends_at: Some(now + age),
        });
        let mut seen = BTreeSet::new();
        Finish {
            passes: passes.collect(),
            events: events.filter(|event| seen.insert(event.key.clone())).collect(),
            void_limit: most.map(|most| VoidLimit { most, since: now - 10_000 }),
            run: RunRecord { id: format!("run {}", self.count), ..finish(lease, Next::Done, now).run },
            ..finish(lease, next, now)
        }
    }

    /// What can be read agrees, and nothing is there that must not be.
    async fn compare(&self) {
        let store = self.engine.store();
        assert_eq!(store.depth().await.unwrap(), self.model.depth());
        for t in (0..TENANTS).map(tenant) {
            for id in (0..PASSES).map(pass_id) {
                assert_eq!(store.pass(&t, &id).await.unwrap(), self.model.pass(&t, &id));
            }
            for device in (0..DEVICES).map(|n| format!("device {n}")) {
                for tag in [0, 3] {
                    let got = store.updated_since(&t, &device, Some(tag)).await.unwrap();
                    assert_eq!(got, self.model.updated_since(&t, &device, tag));
                }
            }
        }
        for ((t, kind, target), effect) in &self.model.effects {
            assert_eq!(store.effect_level(t, *kind, target).await.unwrap(), Some(effect.have));
        }
        for ((t, token), file) in &self.model.aliases {
            assert_eq!(store.file_of_token(t, token).await.unwrap().as_ref(), Some(file));
        }
        check_invariants(|sql| self.engine.rows(sql));
    }
}

fn random_histories_agree_with_the_model<E: Engine>(cases: u32) {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(cases);
    let config = Config { cases, failure_persistence: None, max_shrink_time: 60_000, ..Config::default() };
    let outcome = TestRunner::new(config).run(&vec(a_step(), 20..140), |steps| {
        super::block_on(async {
            let mut history = History::<E>::new();
            for step in steps {
                history.step(step).await;
                history.compare().await;
            }
        });
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

#[test]
fn sqlite_agrees_with_the_model() {
    // About 3,000 operations, each committed and compared: the better part of a minute. `PROPTEST_CASES` asks for more.
    random_histories_agree_with_the_model::<Sqlite>(64);
}

#[test]
fn the_edges_store_agrees_with_the_model() {
    // Its statements are those above; what is its own (connection, transactions, a fresh start after a crash) needs fewer.
    random_histories_agree_with_the_model::<crate::store::edge::Edge>(16);
}
