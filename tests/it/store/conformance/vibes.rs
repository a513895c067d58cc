//! Checks of the devices that Vibes tells of: any order of arrival ends alike.

use std::collections::BTreeMap;

use passerelle_connector::contract::installation::{Context, Kind, Presence, Signal, Status};
use passerelle_connector::contract::types::Wallet as ConnectorWallet;
use passerelle_connector::installation::reduce;
use passerelle_contract::types::Wallet;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::phones::status;
use super::*;

checks! {
    an_event_of_vibes_counts_once_and_wants_its_fold,
    a_wallet_has_a_pass_as_long_as_one_device_has_it,
    a_look_tells_what_no_event_has_told_and_nothing_else,
    devices_are_kept_by_pass_wallet_and_tenant,
    a_device_is_forgotten_when_nobody_counts_it_any_more,
}

/// A stable order of identifiers, which are UUIDs at Vibes.
fn event(device: &str, id: &str, at: Millis, installed: bool) -> InstanceEvent {
    InstanceEvent {
        pass: pass_id(0),
        wallet: Wallet::Apple,
        instance: format!("mac of {device}"),
        key: SignalKey { source: "vibes".to_owned(), event: id.to_owned(), at },
        installed,
    }
}

fn look(id: &str, at: Millis, installed: bool) -> InstanceLook {
    let key = SignalKey { source: "vibes-items".to_owned(), event: id.to_owned(), at };
    InstanceLook { pass: pass_id(0), wallet: Wallet::Apple, key, installed, settled: at - 100 }
}

fn nowhere() -> Status {
    let presence = || Presence { installed: false, count: 0, changed_at: None, event: None, first_at: None };
    Status { apple: presence(), google: presence(), printed: None, written: vec![] }
}

/// A pass's status, folded by the connector from what the store has for it.
struct Folded {
    version: i64,
    status: Status,
}

impl Folded {
    fn new() -> Self {
        Self { version: 0, status: nowhere() }
    }

    async fn fold<E: Engine>(&mut self, engine: &E) {
        let pending = engine.store().pending_signals(&opera(), &pass_id(0), 100).await.unwrap();
        if pending.is_empty() {
            return;
        }
        let signals: Vec<Signal> = pending.iter().map(signal_of).collect();
        let context = Context {
            pass: pass_id(0).to_string(),
            template: "event-ticket".to_owned(),
            ticket: None,
            persist_status: false,
            persist_printed: false,
        };
        self.status = reduce(&context, &self.status, &signals).status;
        let keys: Vec<SignalKey> = pending.into_iter().map(|signal| signal.key).collect();
        assert!(engine.store().save_installation(status(0, self.version, "{}", &keys)).await.unwrap());
        self.version += 1;
    }

    fn apple(&self) -> (bool, u32, Option<u64>, Option<u64>) {
        let it = &self.status.apple;
        (it.installed, it.count, it.changed_at, it.first_at)
    }
}

fn signal_of(pending: &PendingSignal) -> Signal {
    Signal {
        source: pending.key.source.clone(),
        event: pending.key.event.clone(),
        wallet: match pending.wallet {
            Wallet::Apple => ConnectorWallet::Apple,
            Wallet::Google => ConnectorWallet::Google,
        },
        kind: match pending.kind {
            SignalKind::Installed => Kind::Installed,
            SignalKind::Removed => Kind::Removed,
            SignalKind::InferredRemoval => Kind::InferredRemoval,
            SignalKind::Present => Kind::Present,
            SignalKind::Absent => Kind::Absent,
        },
        at: u64::try_from(pending.key.at).unwrap(),
        count: pending.active,
    }
}

pub async fn an_event_of_vibes_counts_once_and_wants_its_fold<E: Engine>(engine: &E) {
    let store = engine.store();
    assert!(store.vibes_event(&opera(), event("phone", "e1", 10, true), 50).await.unwrap());
    for said_otherwise in [event("phone", "e1", 10, true), event("watch", "e1", 99, false)] {
        assert!(!store.vibes_event(&opera(), said_otherwise, 50).await.unwrap(), "it is known by its identifier");
    }
    assert!(
        store.vibes_event(&tenant(1), event("phone", "e1", 10, true), 50).await.unwrap(),
        "another tenant's is its own"
    );
    let (folds, _) = claimed_effects(engine, 49).await;
    assert_eq!(told(&folds), []);
    let (folds, _) = claimed_effects(engine, 50).await;
    let pass = pass_id(0);
    let expected = (EffectKind::Installation, pass.as_str(), 1);
    assert_eq!(told(&folds), [expected, expected], "one for each tenant");
}

pub async fn a_wallet_has_a_pass_as_long_as_one_device_has_it<E: Engine>(engine: &E) {
    let store = engine.store();
    let mut folded = Folded::new();
    for (device, id, at, installed, expected) in [
        ("phone", "e1", 10, true, (true, 1, Some(10), Some(10))),
        ("watch", "e2", 20, true, (true, 2, Some(20), Some(10))),
        ("phone", "e3", 30, false, (true, 1, Some(30), Some(10))),
        // Late, and it takes nothing back: the phone has let go since.
        ("phone", "e4", 5, true, (true, 1, Some(30), Some(5))),
        // At the same time: the removal, whichever came first.
        ("tablet", "e5", 40, false, (true, 1, Some(40), Some(5))),
        ("tablet", "e0", 40, true, (true, 1, Some(40), Some(5))),
        ("watch", "e6", 50, false, (false, 0, Some(50), Some(5))),
    ] {
        assert!(store.vibes_event(&opera(), event(device, id, at, installed), 60).await.unwrap());
        folded.fold(engine).await;
        assert_eq!(folded.apple(), expected, "{id}");
    }
}

pub async fn a_look_tells_what_no_event_has_told_and_nothing_else<E: Engine>(engine: &E) {
    let store = engine.store();
    let mut folded = Folded::new();
    let looks = async |id: &str, at, installed| store.vibes_look(&opera(), look(id, at, installed), 60).await.unwrap();
    assert!(!looks("i1", 1_000, false).await, "nobody had it");
    assert!(looks("i2", 1_100, true).await, "somebody has it, whom no event has told of");
    assert!(!looks("i3", 1_200, true).await, "that is known");
    folded.fold(engine).await;
    assert_eq!(folded.apple(), (true, 1, Some(1_100), Some(1_100)));
    // A late word of who that was, and then one of the same device: there never were two.
    assert!(store.vibes_event(&opera(), event("phone", "e1", 1_050, true), 60).await.unwrap());
    folded.fold(engine).await;
    assert_eq!(folded.apple(), (true, 1, Some(1_100), Some(1_050)));
    assert!(store.vibes_event(&opera(), event("phone", "e2", 1_300, false), 60).await.unwrap());
    folded.fold(engine).await;
    assert_eq!(folded.apple(), (false, 0, Some(1_300), Some(1_050)));

    assert!(store.vibes_event(&opera(), event("phone", "e3", 1_400, true), 60).await.unwrap());
    assert!(!looks("i4", 1_450, false).await, "it came too lately: the list may lag");
    assert!(looks("i5", 1_500, false).await);
    folded.fold(engine).await;
    assert_eq!(folded.apple(), (false, 0, Some(1_500), Some(1_050)));
    // An event from before the look changes nothing, and one after it does.
    assert!(store.vibes_event(&opera(), event("phone", "e4", 1_490, true), 60).await.unwrap());
    folded.fold(engine).await;
    assert_eq!(folded.apple(), (false, 0, Some(1_500), Some(1_050)));
    assert!(store.vibes_event(&opera(), event("watch", "e5", 1_600, true), 60).await.unwrap());
    folded.fold(engine).await;
    assert_eq!(folded.apple(), (true, 1, Some(1_600), Some(1_050)));
}

pub async fn devices_are_kept_by_pass_wallet_and_tenant<E: Engine>(engine: &E) {
    let store = engine.store();
    let elsewhere = InstanceEvent { wallet: Wallet::Google, ..event("phone", "e2", 10, true) };
    let other = InstanceEvent { pass: pass_id(1), ..event("phone", "e3", 10, true) };
    for it in [event("phone", "e1", 10, true), elsewhere, other] {
        assert!(store.vibes_event(&opera(), it, 50).await.unwrap());
    }
    assert!(store.vibes_event(&tenant(1), event("watch", "e1", 10, true), 50).await.unwrap());
    let counts = engine.rows("SELECT DISTINCT active FROM signal");
    assert_eq!(counts, [["Integer(1)"]], "each of them is one device");
}

pub async fn a_device_is_forgotten_when_nobody_counts_it_any_more<E: Engine>(engine: &E) {
    let store = engine.store();
    store.data_key(&opera(), key("k", 1_000)).await.unwrap();
    let shown = PassWrite { sealed: Some(sealed("k", 1)), ..new_pass(0, "file") };
    write(engine, 0, vec![shown], vec![]).await;
    let mut folded = Folded::new();
    for (device, id, installed) in [("phone", "e1", true), ("watch", "e2", true), ("watch", "e3", false)] {
        assert!(store.vibes_event(&opera(), event(device, id, 10, installed), 50).await.unwrap());
    }
    folded.fold(engine).await;
    let erase = async |now, before| {
        let erasure = Erasure { now, notifications_before: before, runs_before: 0, changes_before: 0, batch: 100 };
        store.erase(erasure).await.unwrap();
        engine.rows("SELECT instance FROM vibes_instance ORDER BY instance")
    };
    assert_eq!(erase(0, 10).await.len(), 2, "nothing is older than that");
    assert_eq!(erase(0, 11).await, [["mac of phone"]], "what has let go is forgotten");
    assert_eq!(erase(1_000, 11).await, Vec::<Vec<String>>::new(), "and what is left, with what the pass showed");
}

#[derive(Clone, Debug)]
struct Told {
    device: usize,
    at: Millis,
    installed: bool,
}

/// What is told, in which order it comes (some of it twice), and after which arrivals it is folded.
fn histories() -> impl Strategy<Value = (Vec<Told>, Vec<usize>, Vec<bool>)> {
    let told = (0..3_usize, 1..6_i64, any::<bool>()).prop_map(|(device, at, installed)| Told { device, at, installed });
    vec(told, 1..9).prop_flat_map(|told| {
        let once: Vec<usize> = (0..told.len()).collect();
        let more = vec(0..told.len(), 0..4);
        let order = (Just(once), more).prop_map(|(once, more)| [once, more].concat()).prop_shuffle();
        (Just(told), order, vec(any::<bool>(), 16))
    })
}

/// The newest word of each device counts, and who is left has the pass.
fn expected(told: &[Told]) -> (bool, u32, Option<u64>, Option<u64>) {
    let mut newest: BTreeMap<usize, (Millis, bool, String)> = BTreeMap::new();
    for (id, it) in told.iter().enumerate() {
        let word = (it.at, !it.installed, format!("{id:04}"));
        let known = newest.entry(it.device).or_insert_with(|| word.clone());
        *known = word.max(known.clone());
    }
    let count = newest.values().filter(|(_, removed, _)| !removed).count();
    let at = |at: Option<Millis>| at.map(|at| u64::try_from(at).unwrap());
    let times = || told.iter().map(|it| it.at);
    (count > 0, u32::try_from(count).unwrap(), at(times().max()), at(times().min()))
}

fn any_order_ends_alike<E: Engine>() {
    let config = Config { cases: 64, failure_persistence: None, ..Config::default() };
    let checked = TestRunner::new(config).run(&histories(), |(told, order, folds)| {
        let engine = E::start();
        let found = crate::store::block_on(async {
            let mut folded = Folded::new();
            for (step, id) in order.iter().enumerate() {
                let it = &told[*id];
                let event = event(&it.device.to_string(), &format!("{id:04}"), it.at, it.installed);
                engine.store().vibes_event(&opera(), event, 50).await.unwrap();
                if folds[step % folds.len()] {
                    folded.fold(&engine).await;
                }
            }
            folded.fold(&engine).await;
            folded.apple()
        });
        prop_assert_eq!(found, expected(&told));
        Ok(())
    });
    checked.unwrap();
}

#[test]
fn events_of_vibes_end_alike_in_any_order_on_the_server() {
    any_order_ends_alike::<crate::store::Sqlite>();
}

#[test]
fn events_of_vibes_end_alike_in_any_order_on_the_edge() {
    any_order_ends_alike::<crate::store::edge::Edge>();
}
