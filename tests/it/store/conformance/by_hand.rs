//! Checks of what a person does: messages to passes, cards that end.

use super::*;

checks! {
    a_message_is_for_passes_that_live,
    a_message_raises_each_pass_once_and_is_told_what_came_of_it,
    of_two_messages_the_last_is_shown,
    a_pass_that_a_person_ends_is_void_once,
    an_old_message_goes_unless_a_pass_still_shows_it,
}

fn notice(id: &str, now: Millis, passes: &[usize]) -> NoticeWrite {
    NoticeWrite {
        tenant: opera(),
        id: id.to_owned(),
        now,
        body_sealed: format!("sealed {id}").into_bytes(),
        passes: passes.iter().map(|n| pass_id(*n)).collect(),
        change: change("message"),
    }
}

pub async fn a_message_is_for_passes_that_live<E: Engine>(engine: &E) {
    let store = engine.store();
    let of = |n, events: &[&str]| PassWrite {
        events: events.iter().map(|key| (key.to_string(), "x".to_owned())).collect(),
        ..new_pass(n, "file")
    };
    let void = PassWrite { state: PassState::Void, ..of(3, &["performance:1"]) };
    let other =
        PassWrite { template: "season-ticket".to_owned(), ..of(4, &["performance:2", "performance:1@product:P"]) };
    let passes = vec![of(0, &["performance:1"]), of(1, &["performance:11"]), of(2, &["performance:2"]), void, other];
    write(engine, 0, passes, vec![]).await;
    let find = async |audience: Audience| store.audience(&opera(), &audience).await.unwrap();
    assert_eq!(find(Audience::Performance("performance:1".to_owned())).await, [pass_id(0), pass_id(4)]);
    assert_eq!(find(Audience::Template("event-ticket".to_owned())).await, [pass_id(0), pass_id(1), pass_id(2)]);
    let listed = [2, 7, 3, 0, 2].map(pass_id).to_vec();
    assert_eq!(find(Audience::Passes(listed)).await, [pass_id(0), pass_id(2)]);
    assert_eq!(store.audience(&tenant(1), &Audience::Template("event-ticket".to_owned())).await.unwrap(), []);
}

pub async fn a_message_raises_each_pass_once_and_is_told_what_came_of_it<E: Engine>(engine: &E) {
    let store = engine.store();
    write(engine, 0, vec![new_pass(0, "file"), new_pass(1, "file"), new_pass(2, "file")], vec![]).await;
    store.register(register("phone", 0, 1)).await.unwrap();
    store.reached(&opera(), EffectKind::GoogleObject, pass_id(0).as_str(), 1, 1).await.unwrap();
    assert_eq!(store.post_notice(notice("n", 5, &[0, 1])).await.unwrap(), 2);
    assert_eq!(store.post_notice(notice("n", 6, &[0, 1, 2])).await.unwrap(), 1, "two have it already");
    let wanted = effects(engine, 6).await;
    let message = pass_id(0);
    assert_eq!(told(&wanted), [(EffectKind::ApplePush, "phone", 4), (EffectKind::GoogleMessage, message.as_str(), 1)]);
    let versions = async |n| store.pass(&opera(), &pass_id(n)).await.unwrap().unwrap().pass.version;
    assert_eq!((versions(0).await, versions(1).await, versions(2).await), (2, 2, 2));
    assert_eq!(store.history(&opera(), &pass_id(0)).await.unwrap().last().unwrap().change.action, "message");
    let results = async || store.notice(&opera(), "n").await.unwrap().unwrap().results;
    let seen: Vec<_> = results().await.iter().map(|it| (it.apple, it.google, it.failed)).collect();
    let nobody = (AppleNotice::None, GoogleNotice::None, false);
    assert_eq!(seen, [(AppleNotice::Waiting, GoogleNotice::Waiting, false), nobody, nobody]);
    store.settle_notice(&opera(), &pass_id(0), 1, GoogleNotice::Notified).await.unwrap();
    for lease in &wanted {
        assert!(store.finish_effect(lease, EffectNext::Have(lease.want), 7).await.unwrap());
    }
    assert_eq!((results().await[0].apple, results().await[0].google), (AppleNotice::Pushed, GoogleNotice::Notified));
    // A run that has read a pass before meets a conflict.
    assert_eq!(write(engine, 8, vec![again(0, 1)], vec![]).await, Finished::Conflict);
    assert_eq!(store.notice(&opera(), "other").await.unwrap(), None);
}

pub async fn of_two_messages_the_last_is_shown<E: Engine>(engine: &E) {
    let store = engine.store();
    write(engine, 0, vec![new_pass(0, "file")], vec![]).await;
    store.reached(&opera(), EffectKind::GoogleObject, pass_id(0).as_str(), 1, 1).await.unwrap();
    assert_eq!(store.newest_notice(&opera(), &pass_id(0)).await.unwrap(), None);
    store.post_notice(notice("one", 5, &[0])).await.unwrap();
    store.post_notice(notice("two", 6, &[0])).await.unwrap();
    let newest = store.newest_notice(&opera(), &pass_id(0)).await.unwrap().unwrap();
    assert_eq!((newest.id.as_str(), newest.seq, newest.google), ("two", 2, GoogleNotice::Waiting));
    assert_eq!(newest.body_sealed, b"sealed two");
    let superseded = async |id| store.notice(&opera(), id).await.unwrap().unwrap().results[0].superseded;
    assert!(superseded("one").await && !superseded("two").await);
    let pass = pass_id(0);
    assert_eq!(told(&effects(engine, 6).await), [(EffectKind::GoogleMessage, pass.as_str(), 2)]);
}

pub async fn a_pass_that_a_person_ends_is_void_once<E: Engine>(engine: &E) {
    let store = engine.store();
    write(engine, 0, vec![new_pass(0, "file")], vec![]).await;
    store.register(register("phone", 0, 1)).await.unwrap();
    store.reached(&opera(), EffectKind::GoogleObject, pass_id(0).as_str(), 1, 1).await.unwrap();
    let end = async |n| {
        let told = happening(&format!("ended {n}"), Some(n));
        store.deactivate(&opera(), &pass_id(n), change("voided"), Some(told), 5).await.unwrap()
    };
    assert_eq!(
        [end(0).await, end(0).await, end(7).await],
        [Deactivated::Done, Deactivated::Already, Deactivated::Unknown]
    );
    assert_eq!(engine.rows("SELECT id FROM happening"), [["ended 0"]]);
    let view = store.pass(&opera(), &pass_id(0)).await.unwrap().unwrap();
    assert_eq!((view.pass.state, view.pass.version), (PassState::Void, 2));
    let pass = pass_id(0);
    let wanted = effects(engine, 5).await;
    assert_eq!(told(&wanted), [(EffectKind::ApplePush, "phone", 2), (EffectKind::GoogleObject, pass.as_str(), 2)]);
    assert_eq!(store.post_notice(notice("n", 6, &[0])).await.unwrap(), 0, "what has ended is told nothing");
}

pub async fn an_old_message_goes_unless_a_pass_still_shows_it<E: Engine>(engine: &E) {
    let store = engine.store();
    store.data_key(&opera(), key("k", 1_000_000)).await.unwrap();
    let shown = PassWrite { sealed: Some(sealed("k", 1)), ..new_pass(0, "file") };
    // The second pass shows nothing any more.
    write(engine, 0, vec![shown, new_pass(1, "file")], vec![]).await;
    store.post_notice(notice("one", 5, &[0, 1])).await.unwrap();
    store.post_notice(notice("two", 6, &[0])).await.unwrap();
    let before = |time| Erasure { now: 0, notifications_before: 0, runs_before: 0, changes_before: time, batch: 100 };
    assert_eq!(store.erase(before(5)).await.unwrap().records, 0, "nothing is older than that");
    // Its place on both passes, the message itself, and a line of the first pass's history.
    assert_eq!(store.erase(before(6)).await.unwrap().records, 4);
    assert_eq!(store.notice(&opera(), "one").await.unwrap(), None);
    store.erase(before(LATER)).await.unwrap();
    let newest = store.newest_notice(&opera(), &pass_id(0)).await.unwrap();
    assert_eq!(newest.map(|newest| newest.id).as_deref(), Some("two"), "it is shown as long as its ticket is");
}
