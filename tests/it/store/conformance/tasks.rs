//! Checks of what makes a task due, and when it rests.

use super::*;

checks! {
    a_notification_joins_the_waiting_task_and_every_one_is_a_hint,
    a_burst_is_waited_for_but_not_beyond_the_ceiling,
    a_notification_during_a_run_forces_one_more_run,
    an_answered_task_rests_until_it_is_called_again,
    a_failed_run_counts_and_keeps_its_backoff_whatever_joins,
    what_waits_for_budget_lets_only_something_more_urgent_through,
    the_most_urgent_of_those_that_joined_decides,
    a_second_look_comes_at_its_time_or_with_a_newer_notification,
    a_dead_task_comes_back_by_replay_or_by_a_notification,
    a_held_task_is_released_until_a_run_is_done,
    a_held_task_voids_nothing_until_it_is_released,
    a_held_task_that_would_void_nothing_any_more_is_held_no_longer,
    a_notification_during_the_run_that_gives_up_wakes_the_task,
    a_call_without_a_notification_makes_or_wakes_a_task,
    runs_are_told_newest_first,
    a_wait_that_says_the_same_again_leaves_one_record,
    depth_counts_what_waits,
    stuck_tasks_are_listed_with_their_reason,
}

pub async fn a_notification_joins_the_waiting_task_and_every_one_is_a_hint<E: Engine>(engine: &E) {
    let store = engine.store();
    let first = store.accept(accept(&opera(), "token", "n1", 0)).await.unwrap();
    assert_eq!(first, Accepted { task: "n1".to_owned(), joined: false, generation: 1 });
    let second = store.accept(accept(&opera(), "token", "n2", 10)).await.unwrap();
    assert_eq!(second, Accepted { task: "n1".to_owned(), joined: true, generation: 2 });
    let other = store.accept(accept(&opera(), "another token", "n3", 10)).await.unwrap();
    assert!(!other.joined);
    let mut leases = store.claim(LATER, LATER + LEASE, Quota::of(10)).await.unwrap();
    assert_eq!(leases.len(), 2);
    let lease = leases.remove(0);
    assert_eq!(lease.subject, TaskSubject::Token("token".to_owned()));
    assert_eq!(lease.generation, 2);
    assert_eq!(lease.lease_until, LATER + LEASE);
    assert_eq!(lease.token_sealed.as_deref(), Some(&b"sealed token of n2"[..]), "the newest");
    assert_eq!(
        lease.hints[1],
        Hint {
            notification: "n2".to_owned(),
            correlation: "correlation of n2".to_owned(),
            traceparent: Some("trace of n2".to_owned()),
            state: "MODIFIED".to_owned(),
            movement: Some("4711".to_owned()),
            ticket: None,
            received_at: 10,
        }
    );
    assert_eq!(names(&lease), ["n1", "n2"]);
}

pub async fn a_burst_is_waited_for_but_not_beyond_the_ceiling<E: Engine>(engine: &E) {
    let mut now = 0;
    let mut n = 0;
    while now <= MAX_WAIT {
        engine.store().accept(accept(&opera(), "token", &format!("n{n}"), now)).await.unwrap();
        nothing_due(engine, now.min(MAX_WAIT - 1)).await;
        now += DEBOUNCE - 100;
        n += 1;
    }
    let lease = take_one(engine, MAX_WAIT).await;
    assert_eq!(lease.hints.len(), n);
    assert_eq!(end(engine, &lease, Next::Done, MAX_WAIT).await, committed());
    engine.store().accept(accept(&opera(), "token", "late", LATER)).await.unwrap();
    nothing_due(engine, LATER + DEBOUNCE - 1).await;
    assert_eq!(names(&take_one(engine, LATER + DEBOUNCE).await), ["late"]);
}

pub async fn a_notification_during_a_run_forces_one_more_run<E: Engine>(engine: &E) {
    let store = engine.store();
    store.accept(accept(&opera(), "token", "n1", 0)).await.unwrap();
    let lease = take_one(engine, LATER).await;
    let during = store.accept(accept(&opera(), "token", "n2", LATER)).await.unwrap();
    assert!(during.joined);
    store.accept(accept(&opera(), "token", "n3", LATER)).await.unwrap();
    nothing_due(engine, LATER + MAX_WAIT).await;
    assert_eq!(end(engine, &lease, Next::Done, LATER + 1).await, committed());
    let more = take_one(engine, LATER + 1).await;
    assert_eq!(names(&more), ["n2", "n3"], "both in one run, and n1 in none");
    assert!(more.lease_token > lease.lease_token);
    assert_eq!(end(engine, &more, Next::Done, LATER + 2).await, committed());
    nothing_due(engine, LATER * 2).await;
}

pub async fn an_answered_task_rests_until_it_is_called_again<E: Engine>(engine: &E) {
    let store = engine.store();
    store.accept(accept(&opera(), "token", "n1", 0)).await.unwrap();
    let lease = take_one(engine, LATER).await;
    assert_eq!(end(engine, &lease, Next::Done, LATER).await, committed());
    assert_eq!(end(engine, &lease, Next::Done, LATER).await, Finished::LeaseLost, "a lease ends once");
    assert_eq!(store.depth().await.unwrap(), Depth::default());
    nothing_due(engine, LATER * 10).await;
    let woken = store.accept(accept(&opera(), "token", "n2", LATER)).await.unwrap();
    assert_eq!(woken, Accepted { task: "n1".to_owned(), joined: false, generation: 2 });
    assert_eq!(names(&take_one(engine, LATER + DEBOUNCE).await), ["n2"]);
}

pub async fn a_failed_run_counts_and_keeps_its_backoff_whatever_joins<E: Engine>(engine: &E) {
    let store = engine.store();
    store.accept(accept(&opera(), "token", "n1", 0)).await.unwrap();
    let lease = take_one(engine, LATER).await;
    assert_eq!(lease.attempts, 0);
    end(engine, &lease, Next::Retry { at: LATER + 10_000 }, LATER).await;
    let urgent = Accept { priority: Priority::Demand, ..accept(&opera(), "token", "n2", LATER + 1) };
    store.accept(urgent).await.unwrap();
    nothing_due(engine, LATER + 9_999).await;
    let lease = take_one(engine, LATER + 10_000).await;
    assert_eq!((lease.attempts, lease.priority), (1, Priority::Demand));
    assert_eq!(names(&lease), ["n1", "n2"], "what a failed run did not answer is a hint again");
    end(engine, &lease, Next::Retry { at: LATER + 20_000 }, LATER + 10_000).await;
    let lease = take_one(engine, LATER + 20_000).await;
    assert_eq!(lease.attempts, 2);
    end(engine, &lease, Next::Done, LATER + 20_000).await;
    store.accept(accept(&opera(), "token", "n3", LATER + 20_000)).await.unwrap();
    assert_eq!(take_one(engine, LATER * 2).await.attempts, 0, "a run that ends well forgets the failures");
}

pub async fn what_waits_for_budget_lets_only_something_more_urgent_through<E: Engine>(engine: &E) {
    let store = engine.store();
    let low = |id: &str, now| Accept { priority: Priority::Low, ..accept(&opera(), "token", id, now) };
    store.accept(low("n1", 0)).await.unwrap();
    let lease = take_one(engine, LATER).await;
    end(engine, &lease, Next::Wait { at: LATER + 30_000 }, LATER).await;
    store.accept(low("n2", LATER)).await.unwrap();
    nothing_due(engine, LATER + 29_999).await;
    let urgent = accept(&opera(), "token", "n3", LATER + 1);
    store.accept(urgent).await.unwrap();
    let lease = take_one(engine, LATER + 1 + DEBOUNCE).await;
    assert_eq!((lease.attempts, lease.priority), (0, Priority::Normal));
    assert_eq!(names(&lease), ["n1", "n2", "n3"]);
}

pub async fn the_most_urgent_of_those_that_joined_decides<E: Engine>(engine: &E) {
    let store = engine.store();
    let with = |id: &str, priority| Accept { priority, ..accept(&opera(), "token", id, 0) };
    store.accept(with("n1", Priority::Low)).await.unwrap();
    store.accept(with("n2", Priority::Demand)).await.unwrap();
    store.accept(with("n3", Priority::Normal)).await.unwrap();
    let lease = take_one(engine, LATER).await;
    assert_eq!(lease.priority, Priority::Demand);
    store.accept(with("n4", Priority::Low)).await.unwrap();
    store.accept(with("n5", Priority::Normal)).await.unwrap();
    end(engine, &lease, Next::Done, LATER).await;
    let lease = take_one(engine, LATER).await;
    assert_eq!(lease.priority, Priority::Normal, "what is answered no longer hurries");
    end(engine, &lease, Next::Done, LATER).await;
    store.accept(with("n6", Priority::Low)).await.unwrap();
    assert_eq!(take_one(engine, LATER).await.priority, Priority::Low);
}

pub async fn a_second_look_comes_at_its_time_or_with_a_newer_notification<E: Engine>(engine: &E) {
    let store = engine.store();
    store.accept(accept(&opera(), "token", "n1", 0)).await.unwrap();
    let lease = take_one(engine, LATER).await;
    end(engine, &lease, Next::Again { at: LATER + 1_000 }, LATER).await;
    nothing_due(engine, LATER + 999).await;
    // A notification may bring it forward, but not put it off.
    store.accept(accept(&opera(), "token", "n2", LATER + 900)).await.unwrap();
    let lease = take_one(engine, LATER + 1_000).await;
    assert_eq!(names(&lease), ["n2"]);
    store.accept(accept(&opera(), "token", "n3", LATER + 1_000)).await.unwrap();
    end(engine, &lease, Next::Again { at: LATER * 9 }, LATER + 1_001).await;
    assert_eq!(names(&take_one(engine, LATER + 1_001).await), ["n3"]);
}

pub async fn a_dead_task_comes_back_by_replay_or_by_a_notification<E: Engine>(engine: &E) {
    let store = engine.store();
    store.accept(accept(&opera(), "token", "n1", 0)).await.unwrap();
    let lease = take_one(engine, LATER).await;
    assert!(!store.replay(&opera(), "n1", LATER).await.unwrap(), "it runs");
    end(engine, &lease, Next::Retry { at: LATER }, LATER).await;
    let lease = take_one(engine, LATER).await;
    assert_eq!(lease.attempts, 1);
    end(engine, &lease, Next::Dead, LATER).await;
    nothing_due(engine, LATER * 9).await;
    assert_eq!(store.claim_task(&opera(), "n1", LATER, LATER + LEASE).await.unwrap(), None);
    assert!(!store.replay(&tenant(1), "n1", LATER).await.unwrap(), "another tenant's");
    assert!(store.replay(&opera(), "n1", LATER).await.unwrap());
    assert!(!store.replay(&opera(), "n1", LATER).await.unwrap(), "once");
    let lease = take_one(engine, LATER).await;
    assert_eq!((names(&lease), lease.attempts, lease.released), (vec!["n1"], 0, false));
    end(engine, &lease, Next::Dead, LATER).await;
    let woken = store.accept(accept(&opera(), "token", "n2", LATER)).await.unwrap();
    assert!(!woken.joined);
    assert_eq!(names(&take_one(engine, LATER + DEBOUNCE).await), ["n1", "n2"]);
}

pub async fn a_held_task_is_released_until_a_run_is_done<E: Engine>(engine: &E) {
    let store = engine.store();
    store.accept(accept(&opera(), "token", "n1", 0)).await.unwrap();
    let lease = take_one(engine, LATER).await;
    assert!(!lease.released);
    end(engine, &lease, Next::Held, LATER).await;
    nothing_due(engine, LATER * 9).await;
    assert!(store.replay(&opera(), "n1", LATER).await.unwrap());
    let lease = take_one(engine, LATER).await;
    assert!(lease.released);
    end(engine, &lease, Next::Retry { at: LATER }, LATER).await;
    let lease = take_one(engine, LATER).await;
    assert!(lease.released, "a failed run has used nothing");
    end(engine, &lease, Next::Done, LATER).await;
    store.accept(accept(&opera(), "token", "n2", LATER)).await.unwrap();
    assert!(!take_one(engine, LATER * 2).await.released);
}

/// The lease's run, which would void pass 0 of an institution that voided nothing else in the window.
fn voiding(lease: &TaskLease, now: Millis) -> Finish {
    Finish {
        passes: vec![PassWrite { state: PassState::Void, ..again(0, 1) }],
        void_limit: (!lease.released).then_some(VoidLimit { most: 9, since: now }),
        ..finish(lease, Next::Done, now)
    }
}

pub async fn a_held_task_voids_nothing_until_it_is_released<E: Engine>(engine: &E) {
    let store = engine.store();
    write(engine, 0, vec![new_pass(0, "file")], vec![]).await;
    let lease = lease_of(engine, "file", 1).await;
    end(engine, &lease, Next::Held, 1).await;
    let mut now = 1;
    // However often it is announced, and however long after the hour that was counted.
    for next in [Next::Held, Next::Retry { at: LATER }, Next::Held] {
        now += LATER;
        let lease = lease_of(engine, "file", now).await;
        assert_eq!(store.finish(voiding(&lease, now)).await.unwrap(), Finished::VoidLimit { voids: 1 });
        end(engine, &lease, next, now).await;
        let stuck = store.stuck(None).await.unwrap();
        assert_eq!(stuck.iter().map(|task| (task.state.as_str(), task.since)).collect::<Vec<_>>(), [("held", 1)]);
    }
    let task = lease.task;
    // Not while it runs; but when it has been woken and could not be run yet.
    let lease = lease_of(engine, "file", now).await;
    assert!(!store.replay(&opera(), &task, now).await.unwrap());
    end(engine, &lease, Next::Retry { at: now + LATER }, now).await;
    assert!(store.replay(&opera(), &task, now).await.unwrap());
    let lease = take_one(engine, now).await;
    assert!(lease.released);
    assert_eq!(store.finish(voiding(&lease, now)).await.unwrap(), changed(&[(0, 2)]));
    assert_eq!(store.stuck(None).await.unwrap(), []);
}

pub async fn a_held_task_that_would_void_nothing_any_more_is_held_no_longer<E: Engine>(engine: &E) {
    let store = engine.store();
    write(engine, 0, vec![new_pass(0, "file")], vec![]).await;
    let lease = lease_of(engine, "file", 1).await;
    end(engine, &lease, Next::Held, 1).await;
    // A failure says nothing.
    let lease = lease_of(engine, "file", 2).await;
    end(engine, &lease, Next::Retry { at: 3 }, 2).await;
    assert_eq!(store.stuck(None).await.unwrap().len(), 1);
    let lease = take_one(engine, 3).await;
    end(engine, &lease, Next::Done, 3).await;
    assert_eq!(store.stuck(None).await.unwrap(), []);
    let lease = lease_of(engine, "file", 4).await;
    assert_eq!(store.finish(voiding(&lease, 4)).await.unwrap(), changed(&[(0, 2)]), "an ordinary void");
}

pub async fn a_notification_during_the_run_that_gives_up_wakes_the_task<E: Engine>(engine: &E) {
    let store = engine.store();
    for (next, id) in [(Next::Dead, "dead"), (Next::Held, "held")] {
        store.accept(accept(&opera(), "token", id, 0)).await.unwrap();
        let lease = take_one(engine, LATER).await;
        store.accept(accept(&opera(), "token", &format!("{id} again"), LATER)).await.unwrap();
        end(engine, &lease, next, LATER).await;
        let lease = take_one(engine, LATER).await;
        assert_eq!((lease.hints.len(), lease.released, lease.attempts), (2, false, 0));
        end(engine, &lease, Next::Done, LATER).await;
    }
}

pub async fn a_call_without_a_notification_makes_or_wakes_a_task<E: Engine>(engine: &E) {
    let store = engine.store();
    let contact = TaskSubject::Contact("4711".to_owned());
    let task = store.enqueue(&opera(), contact.clone(), "t1", Priority::Low, 100).await.unwrap();
    assert_eq!(task, "t1");
    nothing_due(engine, 99).await;
    let task = store.enqueue(&opera(), contact.clone(), "t2", Priority::Demand, 50).await.unwrap();
    assert_eq!(task, "t1", "it joined");
    let lease = take_one(engine, 50).await;
    assert_eq!((lease.subject.clone(), lease.priority, lease.generation), (contact.clone(), Priority::Demand, 2));
    assert_eq!((lease.token_sealed.clone(), lease.hints.len()), (None, 0));
    store.enqueue(&opera(), contact.clone(), "t3", Priority::Low, 60).await.unwrap();
    end(engine, &lease, Next::Done, 70).await;
    let lease = take_one(engine, 70).await;
    end(engine, &lease, Next::Done, 70).await;
    nothing_due(engine, LATER).await;
    store.enqueue(&opera(), contact, "t4", Priority::Normal, LATER).await.unwrap();
    assert_eq!(take_one(engine, LATER).await.priority, Priority::Normal);
    // A demand is not put off by a notification's debounce.
    let file = TaskSubject::Token("token".to_owned());
    store.enqueue(&opera(), file, "t5", Priority::Demand, LATER).await.unwrap();
    store.accept(accept(&opera(), "token", "n1", LATER)).await.unwrap();
    assert_eq!(names(&take_one(engine, LATER).await), ["n1"]);
}

pub async fn runs_are_told_newest_first<E: Engine>(engine: &E) {
    let store = engine.store();
    let mut lease = lease_of(engine, "file", 0).await;
    let subject = lease.subject.clone();
    for n in 0..4 {
        let mut end = finish(&lease, Next::Retry { at: n }, n);
        end.run.outcome = format!("outcome {n}");
        end.run.error = Some("secutix.timeout".to_owned());
        store.finish(end).await.unwrap();
        lease = take_one(engine, n).await;
    }
    let runs = store.runs(&opera(), &subject, 3).await.unwrap();
    let outcomes: Vec<_> = runs.iter().map(|run| run.outcome.as_str()).collect();
    assert_eq!(outcomes, ["outcome 3", "outcome 2", "outcome 1"]);
    assert_eq!((runs[0].fetch_started_at, runs[0].error.as_deref()), (Some(2), Some("secutix.timeout")));
    let nobody = TaskSubject::File("nothing".to_owned());
    assert_eq!(store.runs(&opera(), &nobody, 3).await.unwrap(), []);
}

pub async fn a_wait_that_says_the_same_again_leaves_one_record<E: Engine>(engine: &E) {
    let store = engine.store();
    let mut lease = lease_of(engine, "file", 0).await;
    let subject = lease.subject.clone();
    for (n, outcome) in (1..).zip(["failed", "budget-spent", "budget-spent", "paused", "budget-spent", "budget-spent"])
    {
        let waits = outcome != "failed";
        let next = if waits { Next::Wait { at: n } } else { Next::Retry { at: n } };
        let mut end = finish(&lease, next, n);
        end.run.outcome = outcome.to_owned();
        end.run.secutix_calls = i64::from(!waits);
        store.finish(end).await.unwrap();
        lease = take_one(engine, n).await;
    }
    let runs = store.runs(&opera(), &subject, 10).await.unwrap();
    let outcomes: Vec<_> = runs.iter().map(|run| run.outcome.as_str()).collect();
    assert_eq!(outcomes, ["budget-spent", "paused", "budget-spent", "failed"]);
    assert_eq!(runs[0].fetch_started_at, Some(5), "the last word");
}

pub async fn depth_counts_what_waits<E: Engine>(engine: &E) {
    let store = engine.store();
    assert_eq!(store.depth().await.unwrap(), Depth::default());
    store.ping().await.unwrap();
    for (n, next) in (0..).zip([Some(Next::Done), Some(Next::Dead), Some(Next::Held), None]) {
        let lease = lease_of(engine, &format!("file {n}"), n).await;
        if let Some(next) = next {
            end(engine, &lease, next, n).await;
        }
    }
    store.accept(accept(&opera(), "a", "n1", 1_000)).await.unwrap();
    store.accept(accept(&tenant(1), "b", "n2", 2_000)).await.unwrap();
    store.register(register("phone", 0, 0)).await.unwrap();
    assert_eq!(effects(engine, 0).await, []);
    write(engine, 50, vec![new_pass(0, "file")], vec![]).await;
    let depth = Depth {
        tasks_ready: 2,
        tasks_leased: 1,
        tasks_dead: 1,
        tasks_held: 1,
        effects_waiting: 1,
        effects_dead: 0,
        oldest_due: Some(1_000 + DEBOUNCE),
        next_effect: Some(50),
        ..Depth::default()
    };
    assert_eq!(store.depth().await.unwrap(), depth);
    effects(engine, 50).await;
    let sent = Depth { next_effect: Some(50 + LEASE), ..depth };
    assert_eq!(store.depth().await.unwrap(), sent, "what is being sent still waits");
}

pub async fn stuck_tasks_are_listed_with_their_reason<E: Engine>(engine: &E) {
    let store = engine.store();
    for (n, next, error) in [(1, Next::Held, None), (2, Next::Dead, Some("secutix.refused")), (3, Next::Done, None)] {
        let lease = lease_of(engine, &format!("file {n}"), n).await;
        let mut end = finish(&lease, next, n * 10);
        end.run.outcome = "void-limit".to_owned();
        end.run.error = error.map(str::to_owned);
        store.finish(end).await.unwrap();
    }
    let stuck = store.stuck(Some(&opera())).await.unwrap();
    let told: Vec<_> = stuck.iter().map(|s| (s.state.as_str(), s.error.as_deref(), s.since)).collect();
    assert_eq!(told, [("held", Some("void-limit"), 10), ("dead", Some("secutix.refused"), 20)]);
    assert_eq!(stuck[0].subject, TaskSubject::File("file 1".to_owned()));
    assert_eq!(store.stuck(None).await.unwrap(), stuck);
    assert_eq!(store.stuck(Some(&tenant(1))).await.unwrap(), []);
    assert!(store.replay(&opera(), &stuck[0].task, 30).await.unwrap());
    assert_eq!(store.stuck(None).await.unwrap().len(), 1);
}
