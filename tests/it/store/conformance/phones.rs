//! Checks of devices, tags and installations.

use std::slice;

use passerelle_contract::types::Wallet;

use super::*;

checks! {
    a_device_registers_and_is_forgotten_with_its_last_pass,
    a_phone_is_told_what_changed_since_its_tag,
    a_410_about_an_earlier_life_of_the_token_is_ignored,
    a_device_that_registers_late_is_told_what_it_may_have_missed,
    a_change_of_a_registration_is_signalled_with_it_and_folded_once,
    a_device_that_is_gone_is_signalled_for_each_of_its_passes,
    an_installation_is_saved_by_version_and_a_signal_counts_once,
    counts_that_cross_end_with_the_last_one_committed,
    a_signal_is_folded_when_it_is_due,
    a_status_and_what_follows_from_it_are_written_together,
    a_pass_that_secutix_was_told_of_is_told_of_again_when_it_is_of_another_ticket,
    a_reissue_raises_each_installed_pass_once_and_goes_on_where_it_stopped,
}

pub async fn a_device_registers_and_is_forgotten_with_its_last_pass<E: Engine>(engine: &E) {
    let store = engine.store();
    assert_eq!(store.device(&opera(), "phone").await.unwrap(), None);
    let new = Registered { created: true, active: 1 };
    assert_eq!(store.register(register("phone", 0, 10)).await.unwrap(), new);
    assert_eq!(store.register(register("watch", 0, 10)).await.unwrap(), Registered { created: true, active: 2 });
    let again = Register { push_mac: "other".to_owned(), ..register("phone", 0, 20) };
    assert_eq!(store.register(again).await.unwrap(), Registered { created: false, active: 2 });
    let device = store.device(&opera(), "phone").await.unwrap().unwrap();
    assert_eq!(device, Device { push_sealed: b"push token of phone at 20".to_vec(), push_since: 20 });
    store.register(register("phone", 1, 30)).await.unwrap();
    let left = signal("left", 35);
    assert_eq!(store.unregister(&opera(), "phone", &pass_id(7), &left, 50).await.unwrap(), None);
    assert_eq!(store.unregister(&tenant(1), "phone", &pass_id(0), &left, 50).await.unwrap(), None);
    assert_eq!(store.unregister(&opera(), "phone", &pass_id(0), &left, 50).await.unwrap(), Some(1));
    assert_eq!(store.unregister(&opera(), "phone", &pass_id(0), &left, 50).await.unwrap(), None, "once");
    assert!(store.device(&opera(), "phone").await.unwrap().is_some(), "it has another pass");
    write(engine, 40, vec![new_pass(1, "file")], vec![]).await;
    let left = signal("left for good", 45);
    assert_eq!(store.unregister(&opera(), "phone", &pass_id(1), &left, 50).await.unwrap(), Some(0));
    assert_eq!(store.device(&opera(), "phone").await.unwrap(), None);
    assert_eq!(effects(engine, LATER).await, [], "nobody is left to be told");
}

pub async fn a_phone_is_told_what_changed_since_its_tag<E: Engine>(engine: &E) {
    let store = engine.store();
    let none = store.updated_since(&opera(), "phone", None).await.unwrap();
    assert_eq!(none, UpdatedSince { serials: vec![], tag: 0 });
    write(engine, 0, (0..4).map(|n| new_pass(n, "file")).collect(), vec![]).await;
    for n in [2, 0, 1] {
        store.register(register("phone", n, 0)).await.unwrap();
    }
    let all = store.updated_since(&opera(), "phone", None).await.unwrap();
    assert_eq!(all, UpdatedSince { serials: vec![pass_id(0), pass_id(1), pass_id(2)], tag: 3 });
    let none = store.updated_since(&opera(), "phone", Some(all.tag)).await.unwrap();
    assert_eq!(none, UpdatedSince { serials: vec![], tag: 3 });
    write(engine, 1, vec![again(3, 1), again(1, 1)], vec![]).await;
    let some = store.updated_since(&opera(), "phone", Some(3)).await.unwrap();
    assert_eq!(some, UpdatedSince { serials: vec![pass_id(1)], tag: 6 });
    let stale = store.updated_since(&opera(), "phone", Some(1)).await.unwrap();
    assert_eq!(stale.serials, [pass_id(2), pass_id(1)]);
    assert_eq!(store.updated_since(&tenant(1), "phone", None).await.unwrap().serials, []);
}

pub async fn a_410_about_an_earlier_life_of_the_token_is_ignored<E: Engine>(engine: &E) {
    let store = engine.store();
    store.register(register("phone", 0, 10)).await.unwrap();
    store.register(register("phone", 1, 100)).await.unwrap();
    store.register(register("watch", 1, 10)).await.unwrap();
    assert_eq!(store.forget_device(&opera(), "phone", 99, "push").await.unwrap(), []);
    assert!(store.device(&opera(), "phone").await.unwrap().is_some());
    write(engine, 101, vec![new_pass(1, "file")], vec![]).await;
    let sending = effects(engine, 101).await;
    assert_eq!(told(&sending), [(EffectKind::ApplePush, "phone", 1), (EffectKind::ApplePush, "watch", 1)]);
    let lost = store.forget_device(&opera(), "phone", 100, "push").await.unwrap();
    assert_eq!(lost, [(pass_id(0), 0), (pass_id(1), 1)]);
    assert_eq!(store.device(&opera(), "phone").await.unwrap(), None);
    assert!(store.finish_effect(&sending[0], EffectNext::Gone, 102).await.unwrap(), "its sender ends in peace");
    assert_eq!(store.forget_device(&opera(), "phone", 100, "push").await.unwrap(), []);
    assert_eq!(store.updated_since(&opera(), "phone", None).await.unwrap().serials, []);
}

/// A status, and the signals that are in it.
pub(super) fn status(n: usize, expected: i64, body: &str, signals: &[SignalKey]) -> InstallationWrite {
    InstallationWrite {
        tenant: opera(),
        pass: pass_id(n),
        expected,
        body: body.to_owned(),
        signals: signals.to_vec(),
        changed_at: 40,
        apple_since: None,
        google_since: None,
        happenings: vec![],
        references: false,
        printed: false,
        now: 50,
    }
}

pub async fn an_installation_is_saved_by_version_and_a_signal_counts_once<E: Engine>(engine: &E) {
    let store = engine.store();
    let (a, b, c) = (signal("a", 1), signal("b", 1), signal("c", 1));
    let pending = async || -> Vec<SignalKey> {
        let list = store.pending_signals(&opera(), &pass_id(0), 10).await.unwrap();
        list.into_iter().map(|signal| signal.key).collect()
    };
    let save = async |expected, body: &str, signals: &[SignalKey]| {
        store.save_installation(status(0, expected, body, signals)).await.unwrap()
    };
    assert_eq!(store.installation(&opera(), &pass_id(0)).await.unwrap(), None);
    assert!(
        google(&**store, &a).await && google(&**store, &b).await && !google(&**store, &a).await,
        "each of them is news once"
    );
    assert_eq!(pending().await, [a.clone(), b.clone()]);
    assert!(!save(1, "{}", &[]).await, "there is no version 1");
    assert!(save(0, "{\"n\":1}", &[a.clone(), b.clone()]).await);
    let saved = store.installation(&opera(), &pass_id(0)).await.unwrap().unwrap();
    assert_eq!(saved, Installation { version: 1, body: "{\"n\":1}".to_owned() });
    assert!(!google(&**store, &a).await, "also after it was folded");
    assert!(google(&**store, &c).await);
    assert!(!save(0, "{}", slice::from_ref(&c)).await);
    assert!(!save(1, "{}", &[c.clone(), b]).await, "b has counted");
    assert_eq!(pending().await, slice::from_ref(&c), "both or neither");
    assert!(save(1, "{\"n\":2}", slice::from_ref(&c)).await);
    assert_eq!(store.installation(&opera(), &pass_id(0)).await.unwrap().unwrap().version, 2);
    assert_eq!(pending().await, []);
}

/// Google tells of the first pass.
async fn google(store: &impl Store, key: &SignalKey) -> bool {
    let signal = PendingSignal { key: key.clone(), wallet: Wallet::Google, kind: SignalKind::Present, active: None };
    store.signal(&opera(), &pass_id(0), signal, 20).await.unwrap()
}

/// Calls of several phones are dated before they are committed, and Apple dates a 410 back: the last count is the newest word all the same.
pub async fn counts_that_cross_end_with_the_last_one_committed<E: Engine>(engine: &E) {
    let store = engine.store();
    for device in ["phone", "watch", "tablet"] {
        store.register(register(device, 0, 100)).await.unwrap();
    }
    let (late, early) = (signal("late", 205), signal("early", 201));
    assert_eq!(store.unregister(&opera(), "watch", &pass_id(0), &late, 50).await.unwrap(), Some(2));
    assert_eq!(store.unregister(&opera(), "tablet", &pass_id(0), &early, 50).await.unwrap(), Some(1));
    assert_eq!(store.forget_device(&opera(), "phone", 150, "push").await.unwrap(), [(pass_id(0), 0)]);
    let pending = store.pending_signals(&opera(), &pass_id(0), 10).await.unwrap();
    let counts: Vec<_> = pending.iter().map(|signal| signal.active).collect();
    assert_eq!(counts, [Some(1), Some(2), Some(3), Some(2), Some(1), Some(0)]);
    assert!(pending.windows(2).all(|pair| pair[0].key.at < pair[1].key.at), "no two of them tie: {pending:?}");
}

pub async fn a_signal_is_folded_when_it_is_due<E: Engine>(engine: &E) {
    let store = engine.store();
    assert!(google(&**store, &signal("a", 1)).await);
    assert_eq!(told(&folding(engine, 19).await), []);
    assert_eq!(told(&folding(engine, 20).await), [(EffectKind::Installation, pass_id(0).as_str(), 1)]);
}

/// What a status says is listed with the pass, told one by one, and wanted of SecuTix.
pub async fn a_status_and_what_follows_from_it_are_written_together<E: Engine>(engine: &E) {
    let store = engine.store();
    write(engine, 0, vec![new_pass(0, "file")], vec![]).await;
    let pass =
        || engine.rows("SELECT wallets, coalesce(apple_since || '', ''), coalesce(google_since || '', '') FROM pass");
    assert_eq!(pass(), [["none", "", ""]]);
    let happenings = |ids: &[&str]| ids.iter().map(|id| happening(id, Some(0))).collect::<Vec<_>>();
    let first = InstallationWrite {
        apple_since: Some(7),
        happenings: happenings(&["h1", "h2"]),
        references: true,
        printed: true,
        ..status(0, 0, "{}", &[])
    };
    assert!(store.save_installation(first.clone()).await.unwrap());
    assert_eq!(pass(), [["apple", "7", ""]]);
    let wanted = effects(engine, 50).await;
    let id = pass_id(0);
    assert_eq!(
        told(&wanted),
        [(EffectKind::SecutixPrinted, id.as_str(), 1), (EffectKind::SecutixReferences, id.as_str(), 1)]
    );
    assert!(!store.save_installation(first).await.unwrap(), "neither the status nor what happened");
    let second = InstallationWrite {
        apple_since: Some(7),
        google_since: Some(9),
        happenings: happenings(&["h3"]),
        ..status(0, 1, "{}", &[])
    };
    assert!(store.save_installation(second).await.unwrap());
    assert_eq!(pass(), [["apple+google", "7", "9"]]);
    let told = engine.rows("SELECT id, seq || '', recorded_at || '' FROM happening ORDER BY seq");
    assert_eq!(told, [["h1", "1", "50"], ["h2", "2", "50"], ["h3", "3", "50"]]);
}

/// A reprint is another ticket, which SecuTix is told of where it was told of the first; another template is another `twc.passType`.
pub async fn a_pass_that_secutix_was_told_of_is_told_of_again_when_it_is_of_another_ticket<E: Engine>(engine: &E) {
    let store = engine.store();
    write(engine, 0, vec![new_pass(0, "file"), new_pass(1, "file")], vec![]).await;
    let all = InstallationWrite { references: true, printed: true, ..status(0, 0, "{}", &[]) };
    assert!(store.save_installation(all).await.unwrap());
    for lease in effects(engine, 50).await {
        assert!(store.finish_effect(&lease, EffectNext::Have(1), 50).await.unwrap());
    }
    let reprinted = |n| PassWrite { ticket: Some("another".to_owned()), ..again(n, 1) };
    write(engine, 60, vec![reprinted(0), reprinted(1)], vec![]).await;
    let id = pass_id(0);
    let wanted = effects(engine, 60).await;
    assert_eq!(told(&wanted), [(EffectKind::SecutixPrinted, id.as_str(), 2)], "the other was never installed");
    let other = PassWrite { template: "other".to_owned(), ..reprinted(0) };
    write(engine, 70, vec![PassWrite { expected: Some(2), ..other }], vec![]).await;
    assert_eq!(told(&effects(engine, 70).await), [(EffectKind::SecutixReferences, id.as_str(), 2)]);
}

/// A package is downloaded, the pass changes, and only then the phone registers.
pub async fn a_device_that_registers_late_is_told_what_it_may_have_missed<E: Engine>(engine: &E) {
    let store = engine.store();
    write(engine, 0, vec![new_pass(0, "file"), new_pass(1, "file"), new_pass(2, "file")], vec![]).await;
    store.register(register("phone", 2, 1)).await.unwrap();
    assert_eq!(effects(engine, 1).await, [], "there was one version only");
    write(engine, 2, vec![again(0, 1)], vec![]).await;
    write(engine, 3, vec![again(1, 1), again(2, 1)], vec![]).await;
    let sent = effects(engine, 3).await;
    assert_eq!(told(&sent), [(EffectKind::ApplePush, "phone", 6)]);

    // Its list is at 6, beyond the change of the pass that it registers now; and a push is under way.
    store.register(register("phone", 0, 4)).await.unwrap();
    assert!(store.finish_effect(&sent[0], EffectNext::Have(6), 5).await.unwrap());
    let late = effects(engine, 5).await;
    assert_eq!(told(&late), [(EffectKind::ApplePush, "phone", 7)]);
    let listed = store.updated_since(&opera(), "phone", Some(6)).await.unwrap();
    assert_eq!(listed, UpdatedSince { serials: vec![pass_id(0)], tag: 7 });
    assert!(store.finish_effect(&late[0], EffectNext::Have(7), 6).await.unwrap());
    assert_eq!(store.updated_since(&opera(), "phone", Some(7)).await.unwrap().serials, []);

    // A token that is renewed is no new registration.
    assert!(!store.register(register("phone", 0, 7)).await.unwrap().created);
    assert_eq!(effects(engine, LATER).await, []);
    // The next change has a tag of its own.
    write(engine, 8, vec![again(0, 2)], vec![]).await;
    assert_eq!(told(&effects(engine, LATER).await), [(EffectKind::ApplePush, "phone", 8)]);
}

async fn folding<E: Engine>(engine: &E, now: Millis) -> Vec<EffectLease> {
    claimed_effects(engine, now).await.0
}

pub async fn a_change_of_a_registration_is_signalled_with_it_and_folded_once<E: Engine>(engine: &E) {
    let (store, t, pass) = (engine.store(), opera(), pass_id(0));
    store.register(register("phone", 0, 10)).await.unwrap();
    store.register(register("phone", 0, 11)).await.unwrap();
    store.register(register("watch", 0, 12)).await.unwrap();
    store.unregister(&t, "phone", &pass, &signal("phone left", 13), 50).await.unwrap();
    assert_eq!(store.unregister(&t, "phone", &pass, &signal("again", 14), 50).await.unwrap(), None);
    let pending = store.pending_signals(&t, &pass, 10).await.unwrap();
    let expected = [
        PendingSignal {
            key: signal("phone has 0 at 10", 10),
            wallet: Wallet::Apple,
            kind: SignalKind::Installed,
            active: Some(1),
        },
        PendingSignal {
            key: signal("watch has 0 at 12", 12),
            wallet: Wallet::Apple,
            kind: SignalKind::Installed,
            active: Some(2),
        },
        PendingSignal {
            key: signal("phone left", 13),
            wallet: Wallet::Apple,
            kind: SignalKind::Removed,
            active: Some(1),
        },
    ];
    assert_eq!(pending, expected);
    assert_eq!(store.pending_signals(&t, &pass, 2).await.unwrap(), expected[..2]);
    assert_eq!(store.pending_signals(&tenant(1), &pass, 10).await.unwrap(), []);
    let leases = folding(engine, 20).await;
    assert_eq!(told(&leases), [(EffectKind::Installation, pass.as_str(), 3)]);

    // The worker dies after the fold and before its end: the next one finds nothing to fold.
    let keys: Vec<_> = pending.into_iter().map(|pending| pending.key).collect();
    assert!(store.save_installation(status(0, 0, "{}", &keys)).await.unwrap());
    assert_eq!(store.pending_signals(&t, &pass, 10).await.unwrap(), []);
    assert!(!store.save_installation(status(0, 1, "{}", &keys)).await.unwrap(), "they have counted");
    let again = folding(engine, 20 + LEASE).await;
    assert_eq!(told(&again), [(EffectKind::Installation, pass.as_str(), 3)]);
    assert!(store.finish_effect(&again[0], EffectNext::Have(3), 21 + LEASE).await.unwrap());
    assert_eq!(folding(engine, LATER * 2).await, []);
    store.register(register("phone", 0, 30)).await.unwrap();
    assert_eq!(told(&folding(engine, LATER * 2).await), [(EffectKind::Installation, pass.as_str(), 4)]);
}

pub async fn a_device_that_is_gone_is_signalled_for_each_of_its_passes<E: Engine>(engine: &E) {
    let store = engine.store();
    store.register(register("phone", 0, 10)).await.unwrap();
    store.register(register("phone", 1, 10)).await.unwrap();
    store.register(register("watch", 1, 10)).await.unwrap();
    store.forget_device(&opera(), "phone", 100, "push").await.unwrap();
    for (pass, active) in [(0, 0), (1, 1)] {
        let pending = store.pending_signals(&opera(), &pass_id(pass), 10).await.unwrap();
        let last = pending.last().unwrap();
        assert_eq!((last.kind, last.active, last.key.at), (SignalKind::InferredRemoval, Some(active), 100));
        assert_eq!(last.key.source, "push");
    }
}

pub async fn a_reissue_raises_each_installed_pass_once_and_goes_on_where_it_stopped<E: Engine>(engine: &E) {
    let store = engine.store();
    write(engine, 1_000_000, (0..4).map(|number| new_pass(number, "file")).collect(), vec![]).await;
    for number in 0..3 {
        store.register(register("phone", number, 10)).await.unwrap();
    }
    let before = store.pass(&opera(), &pass_id(0)).await.unwrap().unwrap().pass;
    let step = async |until| store.reissue(&opera(), until, 2, 1_000_000).await;
    let first = step(None).await.unwrap();
    assert_eq!(first, Reissued { until: 4, raised: 2, left: 1 });
    assert_eq!(step(Some(first.until)).await.unwrap(), Reissued { until: 4, raised: 1, left: 0 });
    assert_eq!(step(Some(first.until)).await.unwrap(), Reissued { until: 4, raised: 0, left: 0 });
    let after = store.pass(&opera(), &pass_id(0)).await.unwrap().unwrap().pass;
    assert!(after.tag > 4 && after.modified_s == before.modified_s + 1, "a phone would be told 304");
    assert_eq!(
        (after.version, after.updated_at),
        (before.version, before.updated_at),
        "nothing that it shows has changed"
    );
    let listed = store.updated_since(&opera(), "phone", Some(4)).await.unwrap();
    assert_eq!((listed.serials.len(), listed.tag), (3, 7));
    let pushes = effects(engine, 2_000_000).await;
    assert_eq!(told(&pushes), [(EffectKind::ApplePush, "phone", 7)], "one push for all of them");
    // The pass that no phone has is fetched when it is installed.
    assert_eq!(store.pass(&opera(), &pass_id(3)).await.unwrap().unwrap().pass.tag, 4);
    assert_eq!(store.reissue(&opera(), Some(0), 2, 1_000_000).await.unwrap().raised, 0);
}
