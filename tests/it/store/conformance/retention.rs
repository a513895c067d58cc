//! Checks of what is kept, and how long.

use super::phones::status;
use super::*;

checks! {
    what_is_answered_and_old_goes_and_what_is_not_stays,
    the_last_change_of_a_pass_stays_however_old,
    the_past_goes_in_batches_and_says_when_there_is_more,
    a_stadium_under_one_key_is_erased_in_batches_and_the_key_goes_last,
    a_log_tells_runs_and_the_notifications_that_they_took_up,
}

fn before(time: Millis, batch: u32) -> Erasure {
    Erasure { now: 0, notifications_before: time, runs_before: time, changes_before: time, batch }
}

pub async fn what_is_answered_and_old_goes_and_what_is_not_stays<E: Engine>(engine: &E) {
    let store = engine.store();
    // Answered, given up, and waiting.
    store.accept(accept(&opera(), "answered", "n1", 0)).await.unwrap();
    let lease = take_one(engine, LATER).await;
    end(engine, &lease, Next::Done, LATER).await;
    store.accept(accept(&opera(), "dead", "n2", 0)).await.unwrap();
    let lease = take_one(engine, LATER).await;
    end(engine, &lease, Next::Dead, LATER).await;
    store.accept(accept(&opera(), "waiting", "n3", 0)).await.unwrap();
    // Folded, and not.
    store.register(register("phone", 0, 0)).await.unwrap();
    store.register(register("phone", 1, 0)).await.unwrap();
    let folded = store.pending_signals(&opera(), &pass_id(0), 10).await.unwrap().remove(0).key;
    assert!(store.save_installation(status(0, 0, "{}", &[folded])).await.unwrap());

    assert_eq!(store.erase(before(0, 100)).await.unwrap(), Erased::default(), "nothing is older than that");
    let erased = store.erase(before(LATER + 1, 100)).await.unwrap();
    assert_eq!(erased, Erased { keys: 0, records: 3, more: false });
    assert_eq!(engine.rows("SELECT id FROM notification ORDER BY id"), [["n2"], ["n3"]]);
    assert_eq!(engine.rows("SELECT t.subject FROM run r JOIN task t ON t.id = r.task"), [["dead"]]);
    assert_eq!(engine.rows("SELECT pass FROM signal"), [[pass_id(1).as_str()]]);
    assert_eq!(names(&take_one(engine, LATER).await), ["n3"]);
    assert!(store.replay(&opera(), &lease.task, LATER).await.unwrap());
    assert_eq!(names(&take_one(engine, LATER).await), ["n2"]);
}

pub async fn the_last_change_of_a_pass_stays_however_old<E: Engine>(engine: &E) {
    let store = engine.store();
    let told = |write: PassWrite| PassWrite { change: Some(change("updated")), ..write };
    write(engine, 10, vec![told(new_pass(0, "file")), told(new_pass(1, "file"))], vec![]).await;
    write(engine, 20, vec![told(again(0, 1))], vec![]).await;
    write(engine, 30, vec![told(again(0, 2))], vec![]).await;
    store.erase(before(30, 100)).await.unwrap();
    let history = async |n| -> Vec<i64> {
        store.history(&opera(), &pass_id(n)).await.unwrap().iter().map(|change| change.seq).collect()
    };
    assert_eq!((history(0).await, history(1).await), (vec![3], vec![1]));
    store.erase(before(LATER, 100)).await.unwrap();
    assert_eq!((history(0).await, history(1).await), (vec![3], vec![1]));
    write(engine, LATER, vec![told(again(0, 3))], vec![]).await;
    assert_eq!(history(0).await, [3, 4], "it counts on");
}

pub async fn the_past_goes_in_batches_and_says_when_there_is_more<E: Engine>(engine: &E) {
    let store = engine.store();
    for n in 0..5 {
        store.accept(accept(&opera(), "token", &format!("n{n}"), n)).await.unwrap();
    }
    let lease = take_one(engine, LATER).await;
    end(engine, &lease, Next::Done, LATER).await;
    let mut left = vec![];
    for (records, more) in [(2, true), (2, true), (1, false), (0, false)] {
        let erased = store.erase(before(LATER, 2)).await.unwrap();
        assert_eq!(erased, Erased { keys: 0, records, more });
        left.push(engine.rows("SELECT id FROM notification ORDER BY id"));
    }
    assert_eq!(left[0], [["n2"], ["n3"], ["n4"]], "the oldest go first");
}

pub async fn a_stadium_under_one_key_is_erased_in_batches_and_the_key_goes_last<E: Engine>(engine: &E) {
    let store = engine.store();
    store.data_key(&opera(), key("k", 100)).await.unwrap();
    let with = |n| PassWrite { sealed: Some(sealed("k", 1)), ..new_pass(n, "file") };
    write(engine, 0, (0..5).map(with).collect(), vec![]).await;
    for (keys, left) in [(0, 3), (0, 1), (1, 0), (0, 0)] {
        let erased = store.erase(Erasure { batch: 2, ..erasure(100) }).await.unwrap();
        assert_eq!((erased.keys, erased.more), (keys, left > 0));
        assert_eq!(engine.rows("SELECT pass FROM sealed_part").len(), left);
        check_invariants(|sql| engine.rows(sql));
    }
}

pub async fn a_log_tells_runs_and_the_notifications_that_they_took_up<E: Engine>(engine: &E) {
    let store = engine.store();
    let file = TaskSubject::File("file".to_owned());
    assert_eq!(store.log(&opera(), &file, 9).await.unwrap(), SubjectLog::default());
    for (id, at) in [("n1", 0), ("n2", 100)] {
        store.accept(accept(&opera(), "token", id, at)).await.unwrap();
    }
    let lease = take_one(engine, LATER).await;
    assert_eq!(store.adopt(&lease, "file", LATER).await.unwrap(), Adoption::Adopted);
    end(engine, &lease, Next::Retry { at: LATER + 10 }, LATER + 1).await;
    let lease = take_one(engine, LATER + 10).await;
    // During the run, and of another order of the file.
    store.accept(accept(&opera(), "token", "n3", LATER + 11)).await.unwrap();
    end(engine, &lease, Next::Done, LATER + 12).await;
    store.accept(accept(&opera(), "other", "n4", LATER + 13)).await.unwrap();
    let mut leases = store.claim(LATER * 2, LATER * 2 + LEASE, Quota::of(9)).await.unwrap();
    leases.sort_by_key(|lease| lease.subject == file);
    assert_eq!(store.adopt(&leases[0], "file", LATER * 2).await.unwrap(), Adoption::Merged);

    let log = store.log(&opera(), &file, 9).await.unwrap();
    let (runs, waiting) = log.by_run();
    let names = |list: &[&LoggedNotification]| -> Vec<String> {
        list.iter().map(|logged| logged.hint.notification.clone()).collect()
    };
    let told: Vec<_> = runs.iter().map(|(run, mine)| (run.finished_at, names(mine))).collect();
    let first = ["n1", "n2"].map(str::to_owned).to_vec();
    assert_eq!(told, [(LATER + 12, vec![]), (LATER + 1, first)]);
    assert_eq!(names(&waiting), ["n3", "n4"]);
    end(engine, &leases[1], Next::Done, LATER * 2 + 1).await;
    let log = store.log(&opera(), &file, 9).await.unwrap();
    let (runs, waiting) = log.by_run();
    assert_eq!((names(&runs[0].1), names(&waiting)), (vec!["n3".to_owned()], vec!["n4".to_owned()]));
    let newest = store.log(&opera(), &file, 1).await.unwrap();
    assert_eq!((newest.runs.len(), newest.notifications[0].hint.notification.as_str()), (1, "n4"));
}
