//! Checks of what others are to be told, and what they have.

use super::*;

checks! {
    a_risen_event_is_wanted_once_of_each_class_that_shows_it,
    a_visible_change_wants_one_push_per_device,
    an_object_is_wanted_where_it_was_saved_and_when_it_differs,
    a_change_while_sending_is_sent_again,
    a_given_up_effect_comes_back_with_something_newer,
    a_failing_effect_counts_and_a_waiting_one_does_not,
    a_lost_sender_is_fenced_and_the_third_makes_the_effect_dead,
    a_gone_target_is_deleted_unless_something_newer_is_wanted,
    no_provider_and_no_tenant_is_in_the_way_of_another,
    what_was_reached_in_passing_is_not_sent_again,
    one_providers_outage_leaves_senders_to_another,
}

pub async fn a_risen_event_is_wanted_once_of_each_class_that_shows_it<E: Engine>(engine: &E) {
    let store = engine.store();
    let of = |n, class: &str, events: &[&str]| PassWrite {
        google_class: Some(class.to_owned()),
        events: events.iter().map(|key| (key.to_string(), "x".to_owned())).collect(),
        ..new_pass(n, "file")
    };
    let passes = vec![of(0, "c1", &["e1", "e2"]), of(1, "c1", &["e1"]), of(2, "c2", &["e2"]), of(3, "c3", &["e3"])];
    let events = vec![event("e1", "x", 1), event("e2", "x", 1), event("e3", "x", 1)];
    write(engine, 0, passes, events).await;
    assert_eq!(effects(engine, LATER).await, [], "a class that nobody saved is wanted of nobody");
    for class in ["c1", "c2", "c3"] {
        store.reached(&opera(), EffectKind::GoogleClass, class, 0, 1).await.unwrap();
    }
    write(engine, 2, vec![], vec![event("e1", "y", 2), event("e2", "y", 2), event("e3", "x", 2)]).await;
    let wanted = effects(engine, 2).await;
    assert_eq!(told(&wanted), [(EffectKind::GoogleClass, "c1", 1), (EffectKind::GoogleClass, "c2", 1)]);
    for lease in &wanted {
        assert!(store.finish_effect(lease, EffectNext::Have(lease.want), 2).await.unwrap());
    }
    assert_eq!(store.effect_level(&opera(), EffectKind::GoogleClass, "c1").await.unwrap(), Some(1));
    // A pass that moves to another class takes its events along, in the same run.
    let moved = PassWrite { expected: Some(1), ..of(2, "c3", &["e2"]) };
    write(engine, 3, vec![moved], vec![event("e2", "z", 3)]).await;
    assert_eq!(
        told(&effects(engine, 3).await),
        [(EffectKind::GoogleClass, "c1", 2), (EffectKind::GoogleClass, "c3", 1)]
    );
}

pub async fn a_visible_change_wants_one_push_per_device<E: Engine>(engine: &E) {
    let store = engine.store();
    write(engine, 0, vec![new_pass(0, "file"), new_pass(1, "file"), new_pass(2, "file")], vec![]).await;
    for (device, pass) in [("phone", 0), ("phone", 1), ("watch", 1)] {
        store.register(register(device, pass, 1)).await.unwrap();
    }
    assert_eq!(effects(engine, LATER).await, [], "registering is no change");
    write(engine, 2, vec![again(0, 1), again(1, 1), again(2, 1)], vec![]).await;
    let wanted = effects(engine, 2).await;
    assert_eq!(told(&wanted), [(EffectKind::ApplePush, "phone", 5), (EffectKind::ApplePush, "watch", 5)]);
    assert_eq!(effects(engine, 2).await, [], "they are leased");
    for lease in &wanted {
        assert!(store.finish_effect(lease, EffectNext::Have(lease.want), 2).await.unwrap());
        assert!(!store.finish_effect(lease, EffectNext::Have(lease.want), 2).await.unwrap(), "a lease ends once");
    }
    assert_eq!(effects(engine, LATER).await, [], "at rest");
    assert_eq!(store.depth().await.unwrap().effects_waiting, 0);
    write(engine, 3, vec![again(0, 2)], vec![]).await;
    assert_eq!(told(&effects(engine, 3).await), [(EffectKind::ApplePush, "phone", 7)]);
}

pub async fn an_object_is_wanted_where_it_was_saved_and_when_it_differs<E: Engine>(engine: &E) {
    let store = engine.store();
    let id = pass_id(0);
    let object = EffectKind::GoogleObject;
    write(engine, 0, vec![new_pass(0, "file"), new_pass(1, "file")], vec![]).await;
    write(engine, 1, vec![again(0, 1), again(1, 1)], vec![]).await;
    assert_eq!(effects(engine, LATER).await, []);
    assert_eq!(store.effect_level(&opera(), object, id.as_str()).await.unwrap(), None);
    store.reached(&opera(), object, id.as_str(), 2, 2).await.unwrap();
    assert_eq!(store.effect_level(&opera(), object, id.as_str()).await.unwrap(), Some(2));
    assert_eq!(effects(engine, LATER).await, []);
    let only_event = PassWrite { object_changed: false, ..again(0, 2) };
    write(engine, 3, vec![only_event, again(1, 2)], vec![]).await;
    assert_eq!(effects(engine, LATER).await, [], "the class tells it");
    write(engine, 4, vec![again(0, 3)], vec![]).await;
    assert_eq!(told(&effects(engine, 4).await), [(object, id.as_str(), 4)]);
}

pub async fn a_change_while_sending_is_sent_again<E: Engine>(engine: &E) {
    let store = engine.store();
    store.register(register("phone", 0, 0)).await.unwrap();
    write(engine, 0, vec![new_pass(0, "file")], vec![]).await;
    let sending = effects(engine, 0).await.remove(0);
    write(engine, 1, vec![again(0, 1)], vec![]).await;
    assert_eq!(effects(engine, 1).await, [], "one sender at a time");
    assert!(store.finish_effect(&sending, EffectNext::Have(sending.want), 2).await.unwrap());
    let more = effects(engine, 2).await.remove(0);
    assert_eq!((more.want, more.attempts), (2, 0));
    // A sender that read the newer state in time may say so.
    write(engine, 3, vec![again(0, 2)], vec![]).await;
    assert!(store.finish_effect(&more, EffectNext::Have(99), 3).await.unwrap());
    assert_eq!(effects(engine, LATER).await, [], "have is at most want");
    assert_eq!(store.effect_level(&opera(), EffectKind::ApplePush, "phone").await.unwrap(), Some(3));
}

pub async fn a_given_up_effect_comes_back_with_something_newer<E: Engine>(engine: &E) {
    let store = engine.store();
    store.register(register("phone", 0, 0)).await.unwrap();
    write(engine, 0, vec![new_pass(0, "file")], vec![]).await;
    let lease = effects(engine, 0).await.remove(0);
    let dead = || EffectNext::Dead { error: "refused".to_owned() };
    assert!(store.finish_effect(&lease, dead(), 1).await.unwrap());
    assert_eq!(effects(engine, LATER).await, []);
    let depth = store.depth().await.unwrap();
    assert_eq!((depth.effects_dead, depth.effects_waiting), (1, 0));
    write(engine, 2, vec![again(0, 1)], vec![]).await;
    let lease = effects(engine, 2).await.remove(0);
    assert_eq!((lease.want, lease.attempts), (2, 0));
    // What is given up is what was wanted when it was sent.
    write(engine, 3, vec![again(0, 2)], vec![]).await;
    assert!(store.finish_effect(&lease, dead(), 3).await.unwrap());
    assert_eq!(told(&effects(engine, 3).await), [(EffectKind::ApplePush, "phone", 3)]);
}

pub async fn a_failing_effect_counts_and_a_waiting_one_does_not<E: Engine>(engine: &E) {
    let store = engine.store();
    store.register(register("phone", 0, 0)).await.unwrap();
    write(engine, 0, vec![new_pass(0, "file")], vec![]).await;
    let lease = effects(engine, 0).await.remove(0);
    let retry = EffectNext::Retry { at: 1_000, error: "unreachable".to_owned() };
    assert!(store.finish_effect(&lease, retry, 1).await.unwrap());
    write(engine, 2, vec![again(0, 1)], vec![]).await;
    assert_eq!(effects(engine, 999).await, [], "something newer does not shorten a backoff");
    let lease = effects(engine, 1_000).await.remove(0);
    assert_eq!((lease.attempts, lease.want), (1, 2));
    assert!(store.finish_effect(&lease, EffectNext::Wait { at: 2_000 }, 1_000).await.unwrap());
    assert_eq!(effects(engine, 1_999).await, []);
    let lease = effects(engine, 2_000).await.remove(0);
    assert_eq!(lease.attempts, 1);
    assert!(store.finish_effect(&lease, EffectNext::Have(1), 2_000).await.unwrap());
    assert_eq!(effects(engine, 2_000).await[0].attempts, 0, "part of the way is a success");
}

pub async fn a_lost_sender_is_fenced_and_the_third_makes_the_effect_dead<E: Engine>(engine: &E) {
    let store = engine.store();
    store.register(register("phone", 0, 0)).await.unwrap();
    write(engine, 0, vec![new_pass(0, "file")], vec![]).await;
    let mut now = 0;
    let first = effects(engine, now).await.remove(0);
    assert_eq!(effects(engine, now + LEASE - 1).await, []);
    now += LEASE;
    let second = effects(engine, now).await.remove(0);
    assert!(second.lease_token > first.lease_token);
    assert_eq!(second.attempts, 1);
    assert!(!store.finish_effect(&first, EffectNext::Have(1), now).await.unwrap());
    assert_eq!(store.effect_level(&opera(), EffectKind::ApplePush, "phone").await.unwrap(), Some(0));
    now += LEASE;
    assert_eq!(effects(engine, now).await.len(), 1);
    now += LEASE;
    assert_eq!(effects(engine, now).await, []);
    assert_eq!(store.depth().await.unwrap().effects_dead, 1);
}

pub async fn a_gone_target_is_deleted_unless_something_newer_is_wanted<E: Engine>(engine: &E) {
    let store = engine.store();
    store.register(register("phone", 0, 0)).await.unwrap();
    write(engine, 0, vec![new_pass(0, "file")], vec![]).await;
    let lease = effects(engine, 0).await.remove(0);
    write(engine, 1, vec![again(0, 1)], vec![]).await;
    assert!(store.finish_effect(&lease, EffectNext::Gone, 1).await.unwrap());
    let lease = effects(engine, 1).await.remove(0);
    assert_eq!(lease.want, 2, "judged again");
    assert!(store.finish_effect(&lease, EffectNext::Gone, 1).await.unwrap());
    assert_eq!(store.effect_level(&opera(), EffectKind::ApplePush, "phone").await.unwrap(), None);
    assert_eq!(effects(engine, LATER).await, []);
}

pub async fn no_provider_and_no_tenant_is_in_the_way_of_another<E: Engine>(engine: &E) {
    let store = engine.store();
    for n in 0..20 {
        store.register(register(&format!("phone {n:02}"), 0, 0)).await.unwrap();
    }
    store.register(Register { tenant: tenant(1), ..register("watch", 0, 0) }).await.unwrap();
    assert_eq!(effects(engine, 0).await, []);
    store.reached(&opera(), EffectKind::GoogleObject, pass_id(0).as_str(), 0, 0).await.unwrap();
    write(engine, 1, vec![new_pass(0, "file")], vec![]).await;
    let subject = TaskSubject::File("file".to_owned());
    let task = store.enqueue(&tenant(1), subject, "task of file", Priority::Normal, 2).await.unwrap();
    let lease = store.claim_task(&tenant(1), &task, 2, 2 + LEASE).await.unwrap().unwrap();
    store.finish(Finish { passes: vec![new_pass(0, "file")], ..finish(&lease, Next::Done, 2) }).await.unwrap();
    let leases = store.claim_effects(3, 3 + LEASE, Quota::of(4)).await.unwrap();
    let got: Vec<_> = leases.iter().map(|lease| (lease.tenant.as_str(), lease.target.as_str())).collect();
    assert_eq!(
        got,
        [("opera", "phone 00"), ("opera", pass_id(0).as_str()), ("stadium", "watch"), ("opera", "phone 01")]
    );
}

pub async fn what_was_reached_in_passing_is_not_sent_again<E: Engine>(engine: &E) {
    let store = engine.store();
    let (object, id) = (EffectKind::GoogleObject, pass_id(0));
    let id = id.as_str();
    write(engine, 0, vec![new_pass(0, "file")], vec![]).await;
    store.reached(&opera(), object, id, 0, 0).await.unwrap();
    write(engine, 1, vec![again(0, 1)], vec![]).await;
    store.reached(&opera(), object, id, 2, 1).await.unwrap();
    assert_eq!(effects(engine, LATER).await, []);
    store.reached(&opera(), object, id, 1, 1).await.unwrap();
    assert_eq!(store.effect_level(&opera(), object, id).await.unwrap(), Some(2), "levels only rise");
    // A change between reading and sending stays wanted.
    write(engine, 2, vec![again(0, 2)], vec![]).await;
    store.reached(&opera(), object, id, 2, 2).await.unwrap();
    let lease = effects(engine, 2).await.remove(0);
    assert_eq!(lease.want, 3);
    // Reached while somebody sends: whatever comes of the sending, there is nothing left to do.
    store.reached(&opera(), object, id, 3, 3).await.unwrap();
    let retry = EffectNext::Retry { at: 4, error: "unreachable".to_owned() };
    assert!(store.finish_effect(&lease, retry, 3).await.unwrap());
    assert_eq!(effects(engine, LATER).await, []);
    write(engine, 4, vec![again(0, 3)], vec![]).await;
    let lease = effects(engine, 4).await.remove(0);
    store.reached(&opera(), object, id, 4, 4).await.unwrap();
    assert!(store.finish_effect(&lease, EffectNext::Have(1), 4).await.unwrap());
    assert_eq!(store.effect_level(&opera(), object, id).await.unwrap(), Some(4), "a sender does not take it back");
    // Also after it was given up.
    write(engine, 5, vec![again(0, 4)], vec![]).await;
    let lease = effects(engine, 5).await.remove(0);
    store.finish_effect(&lease, EffectNext::Dead { error: "refused".to_owned() }, 5).await.unwrap();
    store.reached(&opera(), object, id, 5, 5).await.unwrap();
    assert_eq!(store.depth().await.unwrap().effects_dead, 0);
}

pub async fn one_providers_outage_leaves_senders_to_another<E: Engine>(engine: &E) {
    let store = engine.store();
    let quota = |limit, per_tenant, per_kind| Quota { limit, per_tenant, per_kind };
    write(engine, 0, vec![new_pass(0, "file")], vec![]).await;
    for n in 0..5 {
        store.register(register(&format!("phone {n}"), 0, 0)).await.unwrap();
    }
    assert_eq!(effects(engine, 0).await, []);
    store.reached(&opera(), EffectKind::GoogleObject, pass_id(0).as_str(), 1, 0).await.unwrap();
    write(engine, 1, vec![again(0, 1)], vec![]).await;
    let kinds = |leases: &[EffectLease]| -> Vec<EffectKind> { leases.iter().map(|lease| lease.kind).collect() };
    let first = store.claim_effects(2, 2 + LEASE, quota(9, 9, 2)).await.unwrap();
    assert_eq!(kinds(&first), [EffectKind::ApplePush, EffectKind::GoogleObject, EffectKind::ApplePush]);
    assert_eq!(store.claim_effects(2, 2 + LEASE, quota(9, 9, 2)).await.unwrap(), [], "two pushes are under way");
    assert_eq!(store.claim_effects(2, 2 + LEASE, quota(9, 4, 9)).await.unwrap().len(), 1, "four of one tenant");
    assert!(store.finish_effect(&first[0], EffectNext::Have(2), 3).await.unwrap());
    assert_eq!(kinds(&store.claim_effects(3, 3 + LEASE, quota(9, 4, 9)).await.unwrap()), [EffectKind::ApplePush]);
}
