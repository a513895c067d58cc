//! Checks of who may run a task, and what becomes of a lease.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::*;

checks! {
    no_tenant_starves_another_within_a_claim,
    a_tenants_own_tasks_go_by_priority_then_time,
    a_lost_worker_is_fenced_and_the_third_makes_the_task_dead,
    a_run_that_ends_forgets_the_workers_lost_before,
    a_person_gets_the_task_before_it_is_due_but_not_from_another_worker,
    a_tokens_task_becomes_the_files_and_the_token_leads_there,
    two_orders_of_a_file_meet_in_one_task,
    a_merge_into_a_running_task_forces_one_more_run,
    nobody_adopts_without_the_lease,
    a_finish_teaches_the_tokens_of_the_file,
    many_acceptors_and_claimers_share_one_live_lease_per_task,
    one_tenants_wave_leaves_workers_to_others,
    a_tokens_sealed_value_goes_when_its_file_is_known,
}

pub async fn no_tenant_starves_another_within_a_claim<E: Engine>(engine: &E) {
    let store = engine.store();
    for n in 0..20 {
        let wave = Accept { priority: Priority::Demand, ..accept(&tenant(1), &format!("t{n}"), &format!("s{n}"), 0) };
        store.accept(wave).await.unwrap();
    }
    let low = Accept { priority: Priority::Low, ..accept(&opera(), "t", "o", 50) };
    store.accept(low).await.unwrap();
    store.accept(accept(&tenant(2), "t", "m", 60)).await.unwrap();
    let leases = store.claim(LATER, LATER + LEASE, Quota::of(4)).await.unwrap();
    let got: BTreeSet<_> = leases.iter().map(|lease| lease.tenant.as_str()).collect();
    assert_eq!(got, BTreeSet::from(["museum", "opera", "stadium"]));
    assert_eq!(leases.len(), 4, "the rest of the room is used");
}

pub async fn a_tenants_own_tasks_go_by_priority_then_time<E: Engine>(engine: &E) {
    let store = engine.store();
    for (id, priority, now) in
        [("a", Priority::Low, 0), ("b", Priority::Normal, 20), ("c", Priority::Normal, 10), ("d", Priority::Demand, 30)]
    {
        store.accept(Accept { priority, ..accept(&opera(), id, id, now) }).await.unwrap();
    }
    let late = accept(&opera(), "late", "late", LATER);
    store.accept(late).await.unwrap();
    let leases = store.claim(LATER, LATER + LEASE, Quota::of(10)).await.unwrap();
    let order: Vec<_> = leases.iter().map(|lease| lease.task.as_str()).collect();
    assert_eq!(order, ["d", "c", "b", "a"]);
}

pub async fn a_lost_worker_is_fenced_and_the_third_makes_the_task_dead<E: Engine>(engine: &E) {
    let store = engine.store();
    store.accept(accept(&opera(), "token", "n1", 0)).await.unwrap();
    let mut now = LATER;
    let first = take_one(engine, now).await;
    nothing_due(engine, now + LEASE - 1).await;
    now += LEASE;
    let second = take_one(engine, now).await;
    assert!(second.lease_token > first.lease_token);
    assert_eq!((names(&second), second.attempts), (vec!["n1"], 0));
    assert_eq!(end(engine, &first, Next::Done, now).await, Finished::LeaseLost);
    assert_eq!(store.adopt(&first, "file", now).await.unwrap(), Adoption::LeaseLost);
    now += LEASE;
    let third = take_one(engine, now).await;
    now += LEASE;
    nothing_due(engine, now).await;
    assert_eq!(end(engine, &third, Next::Done, now).await, Finished::LeaseLost);
    let stuck = store.stuck(None).await.unwrap();
    assert_eq!(stuck.len(), 1);
    assert_eq!(
        (stuck[0].state.as_str(), stuck[0].error.as_deref(), stuck[0].since),
        ("dead", Some("worker-lost"), now)
    );
    let runs = store.runs(&opera(), &TaskSubject::Token("token".to_owned()), 10).await.unwrap();
    assert_eq!(runs.len(), 3);
    assert!(runs.iter().all(|run| run.outcome == "worker-lost"));
    // A new notification is one more chance, not three.
    store.accept(accept(&opera(), "token", "n2", now)).await.unwrap();
    take_one(engine, now + DEBOUNCE).await;
    nothing_due(engine, now + DEBOUNCE + LEASE).await;
    assert_eq!(store.depth().await.unwrap().tasks_dead, 1);
    // A person's replay is a fresh start.
    assert!(store.replay(&opera(), "n1", now).await.unwrap());
    take_one(engine, LATER * 9).await;
    take_one(engine, LATER * 9 + LEASE).await;
}

pub async fn a_run_that_ends_forgets_the_workers_lost_before<E: Engine>(engine: &E) {
    let store = engine.store();
    store.accept(accept(&opera(), "token", "n1", 0)).await.unwrap();
    let mut now = LATER;
    for _ in 0..3 {
        take_one(engine, now).await;
        now += LEASE;
        let lease = take_one(engine, now).await;
        assert_eq!(end(engine, &lease, Next::Retry { at: now }, now).await, committed());
    }
    assert_eq!(store.depth().await.unwrap().tasks_ready, 1);
}

pub async fn a_person_gets_the_task_before_it_is_due_but_not_from_another_worker<E: Engine>(engine: &E) {
    let store = engine.store();
    store.accept(accept(&opera(), "token", "n1", 0)).await.unwrap();
    let lease = store.claim_task(&opera(), "n1", 1, 1 + LEASE).await.unwrap().unwrap();
    assert_eq!((names(&lease), lease.generation), (vec!["n1"], 1));
    assert_eq!(store.claim_task(&opera(), "n1", 2, 2 + LEASE).await.unwrap(), None);
    assert_eq!(store.claim_task(&tenant(1), "n1", 2, 2 + LEASE).await.unwrap(), None);
    assert_eq!(store.claim_task(&opera(), "nothing", 2, 2 + LEASE).await.unwrap(), None);
    end(engine, &lease, Next::Done, 3).await;
    let lease = store.claim_task(&opera(), "n1", 4, 4 + LEASE).await.unwrap().unwrap();
    assert_eq!((lease.hints.len(), lease.generation), (0, 2), "an idle task gets a generation to answer");
    let after = store.claim_task(&opera(), "n1", 4 + LEASE, 5 + LEASE).await.unwrap().unwrap();
    assert!(after.lease_token > lease.lease_token, "the lease had run out");
}

pub async fn a_tokens_task_becomes_the_files_and_the_token_leads_there<E: Engine>(engine: &E) {
    let store = engine.store();
    store.accept(accept(&opera(), "token", "n1", 0)).await.unwrap();
    let lease = take_one(engine, LATER).await;
    assert_eq!(store.file_of_token(&opera(), "token").await.unwrap(), None);
    assert_eq!(store.adopt(&lease, "file", LATER).await.unwrap(), Adoption::Adopted);
    assert_eq!(store.adopt(&lease, "file", LATER).await.unwrap(), Adoption::Adopted, "twice is once");
    assert_eq!(store.file_of_token(&opera(), "token").await.unwrap().as_deref(), Some("file"));
    assert_eq!(store.file_of_token(&tenant(1), "token").await.unwrap(), None);
    let joined = store.accept(accept(&opera(), "token", "n2", LATER)).await.unwrap();
    assert_eq!(joined, Accepted { task: "n1".to_owned(), joined: true, generation: 2 }, "the same task");
    assert_eq!(end(engine, &lease, Next::Done, LATER).await, committed(), "the lease goes on");
    let lease = take_one(engine, LATER).await;
    assert_eq!(lease.subject, TaskSubject::File("file".to_owned()));
    assert_eq!(names(&lease), ["n2"]);
    let runs = store.runs(&opera(), &TaskSubject::Token("token".to_owned()), 10).await.unwrap();
    assert_eq!(runs, store.runs(&opera(), &TaskSubject::File("file".to_owned()), 10).await.unwrap());
    assert_eq!(runs.len(), 1);
}

pub async fn two_orders_of_a_file_meet_in_one_task<E: Engine>(engine: &E) {
    let store = engine.store();
    // The file's task has answered one notification and rests.
    store.accept(accept(&opera(), "first order", "f1", 0)).await.unwrap();
    let lease = take_one(engine, LATER).await;
    store.adopt(&lease, "file", LATER).await.unwrap();
    end(engine, &lease, Next::Done, LATER).await;
    // The second order's task has answered one as well, failed, and has two more.
    store.accept(accept(&opera(), "second order", "s1", LATER)).await.unwrap();
    let lease = take_one(engine, LATER * 2).await;
    end(engine, &lease, Next::Done, LATER * 2).await;
    store.accept(accept(&opera(), "second order", "s2", LATER * 2)).await.unwrap();
    let lease = take_one(engine, LATER * 3).await;
    let urgent = Accept { priority: Priority::Demand, ..accept(&opera(), "second order", "s3", LATER * 3) };
    store.accept(urgent).await.unwrap();
    assert_eq!(store.adopt(&lease, "file", LATER * 3).await.unwrap(), Adoption::Merged);
    assert_eq!(end(engine, &lease, Next::Done, LATER * 3).await, Finished::LeaseLost);
    assert_eq!(store.adopt(&lease, "file", LATER * 3).await.unwrap(), Adoption::LeaseLost);
    let merged = take_one(engine, LATER * 3).await;
    assert_eq!((merged.task.as_str(), merged.priority), ("f1", Priority::Demand));
    assert_eq!(names(&merged), ["s2", "s3"], "what was answered stays answered");
    let late = store.accept(accept(&opera(), "second order", "s4", LATER * 3)).await.unwrap();
    assert_eq!(late.task, "f1");
    assert_eq!(end(engine, &merged, Next::Done, LATER * 3).await, committed());
    let runs = store.runs(&opera(), &TaskSubject::File("file".to_owned()), 10).await.unwrap();
    assert_eq!(runs.len(), 3, "the merged task's runs are told with the file's");
    assert_eq!(store.depth().await.unwrap().tasks_ready, 1);
}

pub async fn a_merge_into_a_running_task_forces_one_more_run<E: Engine>(engine: &E) {
    let store = engine.store();
    let running = lease_of(engine, "file", 0).await;
    store.accept(accept(&opera(), "token", "n1", 0)).await.unwrap();
    let lease = take_one(engine, 1_000).await;
    assert_eq!(store.adopt(&lease, "file", 1_000).await.unwrap(), Adoption::Merged);
    nothing_due(engine, 1_000).await;
    end(engine, &running, Next::Done, 1_001).await;
    let more = take_one(engine, 1_001).await;
    assert_eq!(more.task, running.task);
    assert_eq!(names(&more), ["n1"], "its fetch starts after the notification");
}

pub async fn nobody_adopts_without_the_lease<E: Engine>(engine: &E) {
    let store = engine.store();
    store.accept(accept(&opera(), "token", "n1", 0)).await.unwrap();
    let lease = take_one(engine, LATER).await;
    let stale = TaskLease { lease_token: lease.lease_token - 1, ..lease.clone() };
    assert_eq!(store.adopt(&stale, "file", LATER).await.unwrap(), Adoption::LeaseLost);
    end(engine, &lease, Next::Done, LATER).await;
    assert_eq!(store.adopt(&lease, "file", LATER).await.unwrap(), Adoption::LeaseLost);
    assert_eq!(store.file_of_token(&opera(), "token").await.unwrap(), None);
}

pub async fn a_finish_teaches_the_tokens_of_the_file<E: Engine>(engine: &E) {
    let store = engine.store();
    let lease = lease_of(engine, "file", 0).await;
    let alias = |token: &str, file: &str| OrderAlias {
        token_mac: token.to_owned(),
        order: "order".to_owned(),
        file: file.to_owned(),
    };
    let aliases = vec![alias("a", "file"), alias("b", "file")];
    store.finish(Finish { aliases, ..finish(&lease, Next::Done, 0) }).await.unwrap();
    let accepted = store.accept(accept(&opera(), "b", "n1", 0)).await.unwrap();
    assert_eq!(accepted.task, lease.task);
    let lease = take_one(engine, LATER).await;
    store.finish(Finish { aliases: vec![alias("a", "other")], ..finish(&lease, Next::Done, 0) }).await.unwrap();
    assert_eq!(store.file_of_token(&opera(), "a").await.unwrap().as_deref(), Some("other"));
    assert_eq!(store.file_of_token(&opera(), "b").await.unwrap().as_deref(), Some("file"));
}

/// Sixteen tasks accept and sixteen claim, on two threads. Each task may have one worker at a time, and every notification ends in
/// exactly one run.
pub async fn many_acceptors_and_claimers_share_one_live_lease_per_task<E: Engine>(engine: &E) {
    const TOKENS: usize = 7;
    const EACH: usize = 25;
    const CLIENTS: usize = 16;
    let running = Arc::new(std::sync::Mutex::new(BTreeSet::new()));
    let answered = Arc::new(std::sync::Mutex::new(Vec::new()));
    let accepted = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        let (store, accepted) = (Arc::clone(engine.store()), Arc::clone(&accepted));
        clients.spawn(async move {
            for n in 0..EACH {
                let token = format!("token {}", (client + n) % TOKENS);
                let notification = Accept { debounce: 0, ..accept(&opera(), &token, &format!("{client}/{n}"), 0) };
                store.accept(notification).await.unwrap();
                accepted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            }
        });
    }
    for _ in 0..CLIENTS {
        let store = Arc::clone(engine.store());
        let (running, answered, accepted) = (Arc::clone(&running), Arc::clone(&answered), Arc::clone(&accepted));
        clients.spawn(async move {
            loop {
                let all = accepted.load(std::sync::atomic::Ordering::SeqCst) == CLIENTS * EACH;
                let leases = store.claim(0, LEASE, Quota::of(2)).await.unwrap();
                for lease in &leases {
                    assert!(running.lock().unwrap().insert(lease.task.clone()), "a second live lease");
                }
                for lease in &leases {
                    tokio::task::yield_now().await;
                    answered.lock().unwrap().extend(lease.hints.iter().map(|hint| hint.notification.clone()));
                    assert!(running.lock().unwrap().remove(&lease.task));
                    assert_eq!(store.finish(finish(lease, Next::Done, 0)).await.unwrap(), committed());
                }
                if all && leases.is_empty() && store.depth().await.unwrap() == Depth::default() {
                    return;
                }
                // A store whose operations are ready at once would keep this thread from those who accept.
                tokio::task::yield_now().await;
            }
        });
    }
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    let mut answered = answered.lock().unwrap().clone();
    assert_eq!(answered.len(), CLIENTS * EACH, "every notification once");
    answered.sort();
    answered.dedup();
    assert_eq!(answered.len(), CLIENTS * EACH, "no notification twice");
}

pub async fn one_tenants_wave_leaves_workers_to_others<E: Engine>(engine: &E) {
    let store = engine.store();
    let quota = |limit, per_tenant| Quota { per_tenant, ..Quota::of(limit) };
    let whose = |leases: &[TaskLease]| -> Vec<String> { leases.iter().map(|lease| lease.tenant.to_string()).collect() };
    for n in 0..9 {
        store.accept(accept(&opera(), &format!("t{n}"), &format!("n{n}"), 0)).await.unwrap();
    }
    let wave = store.claim(LATER, LATER + LEASE, quota(8, 3)).await.unwrap();
    assert_eq!(whose(&wave), ["opera"; 3]);
    assert_eq!(store.claim(LATER, LATER + LEASE, quota(5, 3)).await.unwrap(), [], "it has its share");
    for n in 0..2 {
        store.accept(accept(&tenant(1), &format!("t{n}"), &format!("m{n}"), 0)).await.unwrap();
    }
    // A run that ends makes room; whoever has least in flight goes first.
    end(engine, &wave[0], Next::Done, LATER).await;
    let next = store.claim(LATER, LATER + LEASE, quota(5, 3)).await.unwrap();
    assert_eq!(whose(&next), ["stadium", "stadium", "opera"]);
    // A person who waits is let through.
    let ready = engine.rows("SELECT id FROM task WHERE state = 'ready' AND tenant = 'opera' LIMIT 1");
    assert!(store.claim_task(&opera(), &ready[0][0], LATER, LATER + LEASE).await.unwrap().is_some());
    // Lost workers do not keep a share for ever.
    let later = LATER + LEASE;
    assert_eq!(store.claim(later, later + LEASE, quota(8, 3)).await.unwrap().len(), 5);
}

pub async fn a_tokens_sealed_value_goes_when_its_file_is_known<E: Engine>(engine: &E) {
    let store = engine.store();
    let tokens = || engine.rows("SELECT id FROM task WHERE token_sealed IS NOT NULL");
    store.accept(accept(&opera(), "one", "n1", 0)).await.unwrap();
    let lease = take_one(engine, LATER).await;
    assert!(lease.token_sealed.is_some() && tokens().len() == 1);
    assert_eq!(store.adopt(&lease, "file", LATER).await.unwrap(), Adoption::Adopted);
    assert_eq!(tokens().len(), 0);
    end(engine, &lease, Next::Done, LATER).await;
    // A later notification joins the file, with another order of it as well.
    store.accept(accept(&opera(), "one", "n2", LATER)).await.unwrap();
    assert_eq!(tokens().len(), 0);
    store.accept(accept(&opera(), "two", "n3", LATER)).await.unwrap();
    let leases = store.claim(LATER * 2, LATER * 2 + LEASE, Quota::of(9)).await.unwrap();
    let other = leases.iter().find(|lease| lease.token_sealed.is_some()).unwrap();
    assert_eq!(store.adopt(other, "file", LATER * 2).await.unwrap(), Adoption::Merged);
    assert_eq!(tokens().len(), 0);
}
