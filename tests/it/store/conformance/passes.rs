//! Checks of what a run writes: passes, their versions, tags, history and void limit.

use super::*;

checks! {
    a_pass_reads_back_in_every_way,
    a_pass_that_is_there_is_not_created_again,
    a_stale_version_conflicts_and_nothing_is_written,
    bookkeeping_raises_neither_version_nor_tag,
    tags_rise_with_commits_and_last_modified_within_a_second,
    tenants_have_their_own_tags_and_passes,
    the_void_limit_counts_the_window_and_stops_only_voids,
    the_void_limit_counts_all_tenants_of_an_institution_together,
    a_history_has_no_gaps,
    a_void_pass_keeps_what_it_showed,
    the_class_of_a_pass_is_found_through_a_live_pass_first,
    an_event_has_versions_and_witnesses,
}

pub async fn a_pass_reads_back_in_every_way<E: Engine>(engine: &E) {
    let store = engine.store();
    store.data_key(&opera(), key("k", LATER)).await.unwrap();
    let shows = |list: &[(&str, &str)]| list.iter().map(|(e, d)| (e.to_string(), d.to_string())).collect::<Vec<_>>();
    let first = PassWrite {
        google_class: Some("class".to_owned()),
        sealed: Some(sealed("k", 7)),
        apple_mac: Some("a1".to_owned()),
        google_mac: Some("g1".to_owned()),
        successor: Some(pass_id(9)),
        events: shows(&[("e2", "x2"), ("e1", "x1"), ("unknown", "x3")]),
        absent_since: Some(3),
        change: Some(change("created")),
        ..new_pass(0, "file")
    };
    let second = PassWrite { events: shows(&[("e1", "x1")]), ..new_pass(1, "file") };
    let events = vec![event("e1", "x1", 1), event("e2", "x2", 1), event("e3", "x3", 1)];
    let finished = write(engine, 1_234_567, vec![first, second], events).await;
    assert_eq!(finished, changed(&[(0, 1), (1, 1)]));
    let view = store.pass(&opera(), &pass_id(0)).await.unwrap().unwrap();
    let expected = StoredPass {
        id: pass_id(0),
        subject: PassSubject::Movement("movement 0".to_owned()),
        version: 1,
        file: Some("file".to_owned()),
        order: Some("order".to_owned()),
        ticket: Some("ticket".to_owned()),
        state: PassState::Live,
        successor: Some(pass_id(9)),
        template: "event-ticket".to_owned(),
        template_digest: "d1".to_owned(),
        google_class: Some("class".to_owned()),
        ticket_mac: "t1".to_owned(),
        apple_mac: Some("a1".to_owned()),
        google_mac: Some("g1".to_owned()),
        tag: 1,
        modified_s: 1_234,
        absent_since: Some(3),
        created_at: 1_234_567,
        updated_at: 1_234_567,
        sealed: Some((sealed("k", 7), key("k", LATER))),
        events: shows(&[("e2", "x2"), ("e1", "x1"), ("unknown", "x3")]),
    };
    assert_eq!(view.pass, expected);
    let keys: Vec<_> = view.events.iter().map(|event| event.key.as_str()).collect();
    assert_eq!(keys, ["e2", "e1"], "in the pass's order, without the unknown one");
    assert_eq!(store.pass_by_subject(&opera(), &expected.subject).await.unwrap().unwrap(), view);
    assert_eq!(store.pass_of_class(&opera(), "class").await.unwrap().unwrap(), view);
    let file = store.file_view(&opera(), "file").await.unwrap();
    assert_eq!(file.passes[0], expected);
    assert_eq!(file.passes.iter().map(|pass| pass.id.clone()).collect::<Vec<_>>(), [pass_id(0), pass_id(1)]);
    let keys: Vec<_> = file.events.iter().map(|event| event.key.as_str()).collect();
    assert_eq!(keys, ["e1", "e2"], "each once, and none that no pass shows");
    assert_eq!(store.file_view(&opera(), "other").await.unwrap(), FileView::empty());
    assert_eq!(store.pass(&opera(), &pass_id(5)).await.unwrap(), None);
    let card = PassSubject::Contact("movement 0".to_owned());
    assert_eq!(store.pass_by_subject(&opera(), &card).await.unwrap(), None, "a contact is no movement");
    let history = store.history(&opera(), &pass_id(0)).await.unwrap();
    let run = history[0].run.clone();
    assert!(run.is_some());
    assert_eq!(history, [StoredChange { seq: 1, at: 1_234_567, run, change: change("created") }]);
}

pub async fn a_pass_that_is_there_is_not_created_again<E: Engine>(engine: &E) {
    assert_eq!(write(engine, 0, vec![new_pass(0, "file")], vec![]).await, changed(&[(0, 1)]));
    assert_eq!(write(engine, 1, vec![new_pass(0, "file")], vec![]).await, Finished::Conflict, "the id");
    let same_subject = PassWrite { subject: new_pass(0, "file").subject, ..new_pass(1, "file") };
    assert_eq!(write(engine, 1, vec![same_subject.clone()], vec![]).await, Finished::Conflict, "the subject");
    let moved = PassWrite { subject: new_pass(5, "file").subject, ..again(0, 1) };
    assert_eq!(write(engine, 1, vec![moved], vec![]).await, Finished::Conflict, "a pass keeps its subject");
    assert_eq!(write(engine, 1, vec![again(7, 1)], vec![]).await, Finished::Conflict, "an update of nothing");
    let twice = vec![new_pass(2, "file"), new_pass(2, "file")];
    assert_eq!(write(engine, 1, twice, vec![]).await, Finished::Conflict, "one write each");
    let twice = vec![new_pass(2, "file"), PassWrite { subject: new_pass(2, "file").subject, ..new_pass(3, "file") }];
    assert_eq!(write(engine, 1, twice, vec![]).await, Finished::Conflict, "one write per subject");
    assert_eq!(engine.rows("SELECT id FROM pass").len(), 1);
}

pub async fn a_stale_version_conflicts_and_nothing_is_written<E: Engine>(engine: &E) {
    let store = engine.store();
    write(engine, 0, vec![new_pass(0, "file"), new_pass(1, "file")], vec![]).await;
    assert_eq!(write(engine, 1, vec![again(0, 1)], vec![]).await, changed(&[(0, 2)]));
    let before = store.file_view(&opera(), "file").await.unwrap();
    let lease = lease_of(engine, "file", 2).await;
    let stale = Finish {
        passes: vec![again(1, 1), again(0, 1)],
        events: vec![event("e", "x", 1)],
        aliases: vec![OrderAlias { token_mac: "m".to_owned(), order: "o".to_owned(), file: "file".to_owned() }],
        ..finish(&lease, Next::Done, 2)
    };
    assert_eq!(store.finish(stale.clone()).await.unwrap(), Finished::Conflict);
    assert_eq!(store.file_view(&opera(), "file").await.unwrap(), before);
    assert_eq!(store.file_of_token(&opera(), "m").await.unwrap(), None);
    assert_eq!(engine.rows("SELECT key FROM event").len(), 0);
    assert_eq!(store.runs(&opera(), &lease.subject, 10).await.unwrap().len(), 2, "no record either");
    let right = Finish { passes: vec![again(1, 1), again(0, 2)], ..stale };
    assert_eq!(store.finish(right).await.unwrap(), changed(&[(1, 2), (0, 3)]), "the lease still holds");
}

pub async fn bookkeeping_raises_neither_version_nor_tag<E: Engine>(engine: &E) {
    let store = engine.store();
    store.register(register("phone", 0, 0)).await.unwrap();
    assert_eq!(effects(engine, 0).await, []);
    write(engine, 0, vec![PassWrite { visible: false, ..new_pass(0, "file") }], vec![]).await;
    let before = store.pass(&opera(), &pass_id(0)).await.unwrap().unwrap().pass;
    assert_eq!((before.version, before.tag), (1, 1), "a new pass is always visible");
    let sent = store.claim_effects(1, 1 + LEASE, Quota::of(10)).await.unwrap();
    store.finish_effect(&sent[0], EffectNext::Have(1), 1).await.unwrap();
    let quiet = PassWrite { visible: false, absent_since: Some(77), ticket_mac: "t2".to_owned(), ..again(0, 1) };
    assert_eq!(write(engine, 5_000, vec![quiet], vec![]).await, changed(&[]));
    let after = store.pass(&opera(), &pass_id(0)).await.unwrap().unwrap().pass;
    assert_eq!(after, StoredPass { absent_since: Some(77), ticket_mac: "t2".to_owned(), ..before });
    assert_eq!(store.claim_effects(LATER, LATER + LEASE, Quota::of(10)).await.unwrap(), []);
}

pub async fn tags_rise_with_commits_and_last_modified_within_a_second<E: Engine>(engine: &E) {
    let store = engine.store();
    write(engine, 10_000, vec![new_pass(0, "file"), new_pass(1, "file")], vec![]).await;
    let mut last = 2;
    let mut seconds = 10;
    for version in 1..5 {
        assert_eq!(write(engine, 10_500, vec![again(0, version)], vec![]).await, changed(&[(0, version + 1)]));
        let pass = store.pass(&opera(), &pass_id(0)).await.unwrap().unwrap().pass;
        assert!(pass.tag > last && pass.modified_s > seconds, "{} {}", pass.tag, pass.modified_s);
        (last, seconds) = (pass.tag, pass.modified_s);
    }
    write(engine, 99_000, vec![again(0, 5)], vec![]).await;
    let pass = store.pass(&opera(), &pass_id(0)).await.unwrap().unwrap().pass;
    assert_eq!((pass.modified_s, pass.created_at, pass.updated_at), (99, 10_000, 99_000));
}

pub async fn tenants_have_their_own_tags_and_passes<E: Engine>(engine: &E) {
    let store = engine.store();
    write(engine, 0, vec![new_pass(0, "file"), new_pass(1, "file")], vec![event("e", "x", 1)]).await;
    let subject = TaskSubject::File("file".to_owned());
    let task = store.enqueue(&tenant(1), subject, "task of file", Priority::Normal, 0).await.unwrap();
    let lease = store.claim_task(&tenant(1), &task, 0, LEASE).await.unwrap().unwrap();
    let mine = Finish { passes: vec![new_pass(0, "file")], ..finish(&lease, Next::Done, 0) };
    assert_eq!(store.finish(mine).await.unwrap(), changed(&[(0, 1)]), "the same id and subject elsewhere");
    let pass = store.pass(&tenant(1), &pass_id(0)).await.unwrap().unwrap().pass;
    assert_eq!(pass.tag, 1);
    assert_eq!(store.file_view(&tenant(1), "file").await.unwrap().passes.len(), 1);
    assert_eq!(store.file_view(&opera(), "file").await.unwrap().passes.len(), 2);
    assert_eq!(store.pass(&tenant(1), &pass_id(1)).await.unwrap(), None);
}

pub async fn the_void_limit_counts_the_window_and_stops_only_voids<E: Engine>(engine: &E) {
    let store = engine.store();
    let live: Vec<_> = (0..6).map(|n| new_pass(n, "file")).collect();
    write(engine, 0, live, vec![]).await;
    let voids = |list: &[(usize, i64)]| {
        let void = |(n, version): &(usize, i64)| PassWrite { state: PassState::Void, ..again(*n, *version) };
        list.iter().map(void).collect::<Vec<_>>()
    };
    let lease = lease_of(engine, "file", 100).await;
    let limited = |passes, since| Finish {
        passes,
        void_limit: Some(VoidLimit { most: 2, since }),
        ..finish(&lease, Next::Done, 1_000)
    };
    let three = limited(voids(&[(0, 1), (1, 1), (2, 1)]), 0);
    assert_eq!(store.finish(three).await.unwrap(), Finished::VoidLimit { voids: 3 });
    assert_eq!(store.pass(&opera(), &pass_id(0)).await.unwrap().unwrap().pass.state, PassState::Live);
    let two = limited(voids(&[(0, 1), (1, 1)]), 0);
    assert_eq!(store.finish(two).await.unwrap(), changed(&[(0, 2), (1, 2)]));

    let lease = lease_of(engine, "file", 1_500).await;
    let limited = |passes, since, most| Finish {
        passes,
        void_limit: Some(VoidLimit { most, since }),
        ..finish(&lease, Next::Again { at: 2_000 }, 2_000)
    };
    let one = limited(voids(&[(2, 1)]), 1_000, 2);
    assert_eq!(store.finish(one).await.unwrap(), Finished::VoidLimit { voids: 3 }, "those of earlier runs count");
    // A void pass that stays void, a revival and an ordinary change are no voids, however full the window is.
    let others = vec![
        PassWrite { state: PassState::Void, ..again(0, 2) },
        PassWrite { state: PassState::Live, ..again(1, 2) },
        again(3, 1),
        PassWrite { state: PassState::Void, ..new_pass(8, "file") },
    ];
    assert_eq!(store.finish(limited(others, 0, 0)).await.unwrap(), changed(&[(0, 3), (1, 3), (3, 2), (8, 1)]));

    let lease = take_one(engine, 2_000).await;
    let limited = |passes, since| Finish {
        passes,
        void_limit: Some(VoidLimit { most: 2, since }),
        ..finish(&lease, Next::Done, 3_000)
    };
    let later = limited(voids(&[(2, 1), (3, 2)]), 1_001);
    assert_eq!(store.finish(later).await.unwrap(), changed(&[(2, 2), (3, 3)]), "the window has moved on");
    let lease = lease_of(engine, "file", 4_000).await;
    let released = Finish { passes: voids(&[(4, 1), (5, 1)]), ..finish(&lease, Next::Done, 4_000) };
    assert_eq!(store.finish(released).await.unwrap(), changed(&[(4, 2), (5, 2)]), "no limit, no question");
}

pub async fn the_void_limit_counts_all_tenants_of_an_institution_together<E: Engine>(engine: &E) {
    let store = engine.store();
    let mut leases = Vec::new();
    for n in 0..3 {
        let subject = TaskSubject::File("file".to_owned());
        let task = store.enqueue(&tenant(n), subject, "task", Priority::Normal, 0).await.unwrap();
        let lease = store.claim_task(&tenant(n), &task, 0, LEASE).await.unwrap().unwrap();
        let made = Finish { passes: vec![new_pass(n, "file")], ..finish(&lease, Next::Again { at: 1 }, 0) };
        assert_eq!(store.finish(made).await.unwrap(), changed(&[(n, 1)]));
        leases.push(store.claim_task(&tenant(n), &task, 1, LEASE).await.unwrap().unwrap());
    }
    let voids = |n: usize, institution: &str| Finish {
        passes: vec![PassWrite { state: PassState::Void, ..again(n, 1) }],
        institution: institution.to_owned(),
        void_limit: Some(VoidLimit { most: 1, since: 0 }),
        ..finish(&leases[n], Next::Done, 1)
    };
    assert_eq!(store.finish(voids(0, "ONE")).await.unwrap(), changed(&[(0, 2)]));
    assert_eq!(store.finish(voids(1, "ONE")).await.unwrap(), Finished::VoidLimit { voids: 2 });
    assert_eq!(store.finish(voids(2, "TWO")).await.unwrap(), changed(&[(2, 2)]));
}

pub async fn a_history_has_no_gaps<E: Engine>(engine: &E) {
    let store = engine.store();
    let first = PassWrite { change: Some(change("created")), ..new_pass(0, "file") };
    write(engine, 1, vec![first, PassWrite { change: Some(change("created")), ..new_pass(1, "file") }], vec![]).await;
    write(engine, 2, vec![again(0, 1)], vec![]).await;
    let quiet = PassWrite { visible: false, change: Some(change("updated")), ..again(0, 2) };
    write(engine, 3, vec![quiet], vec![]).await;
    write(engine, 4, vec![PassWrite { change: Some(change("voided")), ..again(0, 2) }], vec![]).await;
    let history = store.history(&opera(), &pass_id(0)).await.unwrap();
    let told: Vec<_> = history.iter().map(|h| (h.seq, h.at, h.change.action.as_str())).collect();
    assert_eq!(told, [(1, 1, "created"), (2, 3, "updated"), (3, 4, "voided")]);
    assert_eq!(store.history(&opera(), &pass_id(1)).await.unwrap().len(), 1);
    assert_eq!(store.history(&tenant(1), &pass_id(0)).await.unwrap(), []);
}

pub async fn a_void_pass_keeps_what_it_showed<E: Engine>(engine: &E) {
    let store = engine.store();
    store.data_key(&opera(), key("k", LATER)).await.unwrap();
    let shown = vec![("e".to_owned(), "x".to_owned())];
    let first = PassWrite { sealed: Some(sealed("k", 1)), events: shown.clone(), ..new_pass(0, "file") };
    write(engine, 0, vec![first], vec![]).await;
    let void = PassWrite { state: PassState::Void, sealed: None, events: shown.clone(), ..again(0, 1) };
    write(engine, 1, vec![void], vec![]).await;
    let pass = store.pass(&opera(), &pass_id(0)).await.unwrap().unwrap().pass;
    assert_eq!((pass.state, pass.events), (PassState::Void, shown));
    assert_eq!(pass.sealed.unwrap().0, sealed("k", 1));
    let revived = PassWrite { sealed: Some(sealed("k", 2)), events: vec![], ..again(0, 2) };
    write(engine, 2, vec![revived], vec![]).await;
    let pass = store.pass(&opera(), &pass_id(0)).await.unwrap().unwrap().pass;
    assert_eq!((pass.state, pass.events.len()), (PassState::Live, 0));
    assert_eq!(pass.sealed.unwrap().0, sealed("k", 2));
}

pub async fn the_class_of_a_pass_is_found_through_a_live_pass_first<E: Engine>(engine: &E) {
    let store = engine.store();
    let of = |n, state| PassWrite { google_class: Some("class".to_owned()), state, ..new_pass(n, "file") };
    write(engine, 0, vec![of(0, PassState::Void)], vec![]).await;
    assert_eq!(store.pass_of_class(&opera(), "class").await.unwrap().unwrap().pass.id, pass_id(0));
    write(engine, 1, vec![of(1, PassState::Live), of(2, PassState::Void)], vec![]).await;
    assert_eq!(store.pass_of_class(&opera(), "class").await.unwrap().unwrap().pass.id, pass_id(1));
    assert_eq!(store.pass_of_class(&opera(), "other").await.unwrap(), None);
    assert_eq!(store.pass_of_class(&tenant(1), "class").await.unwrap(), None);
}

pub async fn an_event_has_versions_and_witnesses<E: Engine>(engine: &E) {
    let store = engine.store();
    let shown = PassWrite { events: vec![("e".to_owned(), "a".to_owned())], ..new_pass(0, "file") };
    write(engine, 0, vec![shown], vec![event("e", "a", 100)]).await;
    let facts = async || {
        let event = store.pass(&opera(), &pass_id(0)).await.unwrap().unwrap().events.remove(0);
        assert_eq!(event.body, format!("facts {}", event.digest).into_bytes());
        (event.version, event.digest, event.witnesses, event.observed_at, event.ends_at)
    };
    let is = |version, digest: &str, witnesses, at: Millis| (version, digest.to_owned(), witnesses, at, Some(at + 1));
    assert_eq!(facts().await, is(1, "a", 1, 100));
    write(engine, 0, vec![], vec![event("e", "a", 90)]).await;
    assert_eq!(facts().await, is(1, "a", 2, 100), "an older fetch that agrees is a witness");
    write(engine, 0, vec![], vec![event("e", "b", 99)]).await;
    assert_eq!(facts().await, is(1, "a", 2, 100), "an older fetch never overwrites");
    write(engine, 0, vec![], vec![event("e", "b", 100)]).await;
    assert_eq!(facts().await, is(1, "a", 2, 100), "nor one of the same moment");
    write(engine, 0, vec![], vec![event("e", "b", 110)]).await;
    assert_eq!(facts().await, is(2, "b", 1, 110));
    write(engine, 0, vec![], vec![event("e", "b", 120)]).await;
    assert_eq!(facts().await, is(2, "b", 2, 120));
    write(engine, 0, vec![], vec![event("e", "a", 130)]).await;
    assert_eq!(facts().await, is(3, "a", 1, 130), "a reversal is a version of its own");
}
