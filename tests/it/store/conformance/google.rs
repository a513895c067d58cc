//! Checks of what is kept for Google's sake: root keys, rounds of looks, notifications.

use super::*;

checks! {
    root_keys_are_kept_by_address,
    a_round_hands_out_every_saved_pass_once_and_goes_on_where_it_was_left,
    a_round_that_is_ended_leaves_its_rest_to_the_next,
    a_look_that_was_asked_for_comes_first_and_once,
    three_notifications_are_there_in_any_day,
    what_was_brought_to_google_is_kept_by_tenant_and_resource,
}

const DAY: Millis = 86_400_000;

pub async fn root_keys_are_kept_by_address<E: Engine>(engine: &E) {
    let store = engine.store();
    let kept = |document: &str| KeptRoots { document: document.to_owned(), renew_at: 5, expires_at: 9 };
    assert_eq!(store.google_roots("https://a").await.unwrap(), None);
    for document in ["one", "two"] {
        store.keep_google_roots("https://a", kept(document)).await.unwrap();
    }
    assert_eq!(store.google_roots("https://a").await.unwrap(), Some(kept("two")));
    assert_eq!(store.google_roots("https://b").await.unwrap(), None);
}

/// Passes with a sealed part, of which Google has an object.
async fn saved<E: Engine>(engine: &E, numbers: std::ops::Range<usize>) {
    let store = engine.store();
    store.data_key(&opera(), key("k", LATER * 1000)).await.unwrap();
    let of = |n| PassWrite { sealed: Some(sealed("k", 1)), ..new_pass(n, "file") };
    write(engine, 0, numbers.clone().map(of).collect(), vec![]).await;
    for n in numbers {
        store.reached(&opera(), EffectKind::GoogleObject, pass_id(n).as_str(), 1, 0).await.unwrap();
    }
}

pub async fn a_round_hands_out_every_saved_pass_once_and_goes_on_where_it_was_left<E: Engine>(engine: &E) {
    let store = engine.store();
    saved(engine, 0..5).await;
    // Neither saved nor whole: nobody asks for them.
    write(engine, 1, vec![new_pass(5, "file"), new_pass(6, "file")], vec![]).await;
    store.reached(&opera(), EffectKind::GoogleObject, pass_id(6).as_str(), 1, 0).await.unwrap();
    assert_eq!(store.claim_presence(0, DAY, 2).await.unwrap(), None, "the first round is a day away");
    assert_eq!(store.claim_presence(DAY - 1, DAY, 2).await.unwrap(), None);
    let batch = |passes: &[usize]| Some((opera(), passes.iter().map(|n| pass_id(*n)).collect::<Vec<_>>()));
    for expected in [batch(&[0, 1]), batch(&[2, 3]), batch(&[4]), None] {
        assert_eq!(store.claim_presence(DAY, DAY, 2).await.unwrap(), expected);
    }
    assert_eq!(store.claim_presence(2 * DAY - 1, DAY, 2).await.unwrap(), None);
    assert_eq!(store.claim_presence(2 * DAY, DAY, 9).await.unwrap(), batch(&[0, 1, 2, 3, 4]));
}

pub async fn a_round_that_is_ended_leaves_its_rest_to_the_next<E: Engine>(engine: &E) {
    let store = engine.store();
    saved(engine, 0..3).await;
    store.claim_presence(0, DAY, 2).await.unwrap();
    let both = Some((opera(), vec![pass_id(0), pass_id(1)]));
    assert_eq!(store.claim_presence(DAY, DAY, 2).await.unwrap(), both);
    store.end_presence_round(&opera()).await.unwrap();
    assert_eq!(store.claim_presence(2 * DAY - 1, DAY, 2).await.unwrap(), None);
    assert_eq!(store.claim_presence(2 * DAY, DAY, 2).await.unwrap(), both);
}

pub async fn a_look_that_was_asked_for_comes_first_and_once<E: Engine>(engine: &E) {
    let store = engine.store();
    saved(engine, 0..2).await;
    store.claim_presence(0, DAY, 9).await.unwrap();
    for at in [50, 30, 40] {
        store.recheck_presence(&opera(), &pass_id(1), at).await.unwrap();
    }
    assert_eq!(store.claim_presence(29, DAY, 9).await.unwrap(), None);
    assert_eq!(store.claim_presence(30, DAY, 9).await.unwrap(), Some((opera(), vec![pass_id(1)])));
    assert_eq!(store.claim_presence(60, DAY, 9).await.unwrap(), None, "three requests were one");
}

pub async fn three_notifications_are_there_in_any_day<E: Engine>(engine: &E) {
    let store = engine.store();
    let take = async |n, now| {
        let (pass, class) = (pass_id(n), "class.a");
        store.take_google_notification(&opera(), pass.as_str(), Some(class), now, DAY, 3).await.unwrap()
    };
    for (now, expected) in [(0, true), (10, true), (10, true), (11, false), (DAY - 1, false), (DAY, true), (DAY, false)]
    {
        assert_eq!(take(0, now).await, expected, "{now}");
    }
    assert!(take(1, 11).await, "a pass has its own");
    // One of the two at 10 was not sent: it is there again.
    store.give_back_google_notification(&opera(), pass_id(0).as_str(), 10).await.unwrap();
    assert!(take(0, DAY + 1).await);
    assert!(!take(0, DAY + 1).await);
    // Of the class all its holders are notified: it counts for each of them, and theirs do not for the others.
    for now in [2 * DAY + 2, 2 * DAY + 3] {
        assert!(store.take_google_notification(&opera(), "class.a", None, now, DAY, 3).await.unwrap());
    }
    assert!(take(2, 2 * DAY + 4).await);
    assert!(!take(2, 2 * DAY + 4).await);
    assert!(store.take_google_notification(&opera(), "class.a", None, 2 * DAY + 5, DAY, 3).await.unwrap());
    assert!(!take(3, 2 * DAY + 6).await);
    assert!(take(3, 3 * DAY + 3).await, "a day later there is room again");
}

pub async fn what_was_brought_to_google_is_kept_by_tenant_and_resource<E: Engine>(engine: &E) {
    let store = engine.store();
    let brought = |body: &str| Brought { body: body.to_owned(), told: "told".to_owned(), template: "t".to_owned() };
    assert_eq!(store.google_brought(&opera(), "eventTicketClass/33.a").await.unwrap(), None);
    for body in ["one", "two"] {
        store.keep_google_brought(&opera(), "eventTicketClass/33.a", brought(body)).await.unwrap();
    }
    assert_eq!(store.google_brought(&opera(), "eventTicketClass/33.a").await.unwrap(), Some(brought("two")));
    assert_eq!(store.google_brought(&opera(), "eventTicketClass/44.a").await.unwrap(), None);
}
