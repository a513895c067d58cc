//! Checks of endpoints and of what is sent to them.

use passerelle_flow::webhook::endpoint::{Format, Settings};
use passerelle_flow::webhook::pattern::Patterns;

use super::*;

checks! {
    an_endpoint_gets_what_it_asks_for_and_what_happens_while_it_is_on,
    those_of_a_pass_go_out_one_by_one_and_passes_do_not_wait_for_each_other,
    a_failure_holds_its_pass_back_until_it_is_given_up,
    an_endpoint_that_hangs_takes_no_slot_from_another,
    an_endpoint_that_fails_is_asked_by_one_and_after_its_pause,
    a_lost_sender_is_fenced_and_the_third_gives_the_delivery_up,
    an_endpoint_is_switched_off_after_failing_for_days_and_others_are_told,
    failures_that_are_far_apart_do_not_add_up,
    one_that_is_gone_is_switched_off_at_once,
    what_is_not_the_endpoints_doing_is_not_counted_against_it,
    what_was_missed_is_sent_since_a_time_and_what_is_on_its_way_is_left,
    one_is_sent_again_in_its_place_before_later_ones,
    a_test_is_for_one_endpoint_and_for_no_other,
    an_endpoint_is_changed_by_version_and_goes_with_its_deliveries,
    deliveries_are_paged_from_the_newest_and_stay_where_they_are,
    what_was_told_is_kept_for_a_while_and_persons_are_forgotten,
    one_tenant_never_sees_anothers_endpoints,
}

const DAY: Millis = 86_400_000;

pub(crate) fn endpoint(id: &str, events: &[&str]) -> WebhookWrite {
    WebhookWrite {
        id: id.to_owned(),
        events: Patterns::parse(events).unwrap(),
        settings: Settings::default(),
        sealed: format!("sealed {id}").into_bytes(),
        enabled: true,
    }
}

async fn made<E: Engine>(engine: &E, webhook: WebhookWrite) {
    let made = engine.store().create_webhook(&opera(), webhook, 16, 0).await.unwrap();
    assert_eq!(made, WebhookMade::Made);
}

/// Writes happenings of passes: each with its id and its kind.
pub(crate) async fn happened<E: Engine>(engine: &E, pass: usize, now: Millis, told: &[(&str, HappeningKind)]) {
    let store = engine.store();
    let version = store.installation(&opera(), &pass_id(pass)).await.unwrap().map_or(0, |known| known.version);
    let happenings = told.iter().map(|(id, kind)| Happening { kind: *kind, ..happening(id, Some(pass)) }).collect();
    let write = InstallationWrite { happenings, now, ..super::phones::status(pass, version, "{}", &[]) };
    assert!(store.save_installation(write).await.unwrap());
}

/// So many as ever.
pub(crate) const QUOTA: DeliveryQuota = DeliveryQuota { limit: 100, per_endpoint: 10, failing: 10, shared: 100 };

async fn claimed<E: Engine>(engine: &E, now: Millis) -> Vec<DeliveryLease> {
    engine.store().claim_deliveries(now, now + LEASE, QUOTA).await.unwrap()
}

fn events(leases: &[DeliveryLease]) -> Vec<(&str, &str)> {
    leases.iter().map(|lease| (lease.webhook.settled.id.as_str(), lease.happening.happening.id.as_str())).collect()
}

pub(crate) fn ended(lease: &DeliveryLease, end: DeliveryEnd, now: Millis) -> DeliveryFinish {
    let n = lease.lease_token;
    DeliveryFinish {
        tenant: lease.webhook.tenant.clone(),
        webhook: lease.webhook.settled.id.clone(),
        happening: lease.happening.happening.id.clone(),
        lease_token: n,
        end,
        attempt: Some(DeliveryAttempt {
            n,
            at: now,
            took_ms: 3,
            status: Some(500),
            error: None,
            response_sealed: None,
        }),
        failing_before: now - 5 * DAY,
        failed_before: now - 36 * 3_600_000,
        notice: Happening {
            kind: HappeningKind::WebhookDisabled,
            ..happening(&format!("notice of {} at {now}", lease.webhook.settled.id), None)
        },
        now,
    }
}

async fn finished<E: Engine>(engine: &E, lease: &DeliveryLease, end: DeliveryEnd, now: Millis) -> DeliveryFinished {
    engine.store().finish_delivery(ended(lease, end, now)).await.unwrap()
}

fn retry(at: Millis) -> DeliveryEnd {
    DeliveryEnd::Retry { at, pause: 0, error: "HTTP 500".to_owned() }
}

use HappeningKind::{PassCreated, PassInstalled, PassUninstalled, PassUpdated};

pub async fn an_endpoint_gets_what_it_asks_for_and_what_happens_while_it_is_on<E: Engine>(engine: &E) {
    made(engine, endpoint("crm", &["Pass:Installed", "pass.uninstalled"])).await;
    made(engine, endpoint("all", &["*"])).await;
    made(engine, WebhookWrite { enabled: false, ..endpoint("off", &["*"]) }).await;
    let settings = Settings { format: Format::Vibes, neostore: None };
    made(engine, WebhookWrite { settings, ..endpoint("vibes", &["*"]) }).await;
    happened(engine, 0, 10, &[("h1", PassCreated)]).await;
    happened(engine, 1, 10, &[("h2", PassInstalled)]).await;
    let leases = claimed(engine, 10).await;
    let mut told = events(&leases);
    told.sort_unstable();
    assert_eq!(told, [("all", "h1"), ("all", "h2"), ("crm", "h2"), ("vibes", "h2")]);
    let one = leases.iter().find(|lease| lease.webhook.settled.id == "crm").unwrap();
    assert_eq!(one.happening, StoredHappening { happening: happening("h2", Some(1)), seq: Some(1), recorded_at: 10 });
    assert_eq!(one.webhook.settled, endpoint("crm", &["Pass:Installed", "pass.uninstalled"]));
}

pub async fn those_of_a_pass_go_out_one_by_one_and_passes_do_not_wait_for_each_other<E: Engine>(engine: &E) {
    made(engine, endpoint("crm", &["*"])).await;
    happened(engine, 0, 10, &[("a1", PassInstalled), ("a2", PassUninstalled)]).await;
    happened(engine, 1, 11, &[("b1", PassInstalled)]).await;
    happened(engine, 0, 12, &[("a3", PassInstalled)]).await;
    let first = claimed(engine, 20).await;
    assert_eq!(events(&first), [("crm", "a1"), ("crm", "b1")]);
    assert_eq!(claimed(engine, 20).await, [], "what is behind another is nobody's yet");
    assert_eq!(finished(engine, &first[0], DeliveryEnd::Delivered, 21).await, DeliveryFinished::Recorded);
    let second = claimed(engine, 21).await;
    assert_eq!(events(&second), [("crm", "a2")]);
    assert_eq!((second[0].happening.seq, second[0].attempts), (Some(2), 0));
    finished(engine, &second[0], DeliveryEnd::Delivered, 22).await;
    assert_eq!(events(&claimed(engine, 22).await), [("crm", "a3")]);
}

pub async fn a_failure_holds_its_pass_back_until_it_is_given_up<E: Engine>(engine: &E) {
    made(engine, endpoint("crm", &["*"])).await;
    happened(engine, 0, 10, &[("a1", PassInstalled), ("a2", PassUninstalled)]).await;
    let first = claimed(engine, 10).await;
    finished(engine, &first[0], retry(500), 11).await;
    assert_eq!(claimed(engine, 499).await, [], "neither before its time, nor what is behind it");
    let again = claimed(engine, 500).await;
    assert_eq!((events(&again), again[0].attempts), (vec![("crm", "a1")], 1));
    assert!(again[0].webhook.failing_since == Some(11));
    finished(engine, &again[0], DeliveryEnd::Dead { pause: 0, error: "HTTP 500".to_owned() }, 501).await;
    let next = claimed(engine, 501).await;
    assert_eq!(events(&next), [("crm", "a2")], "one that is given up is in nobody's way");
    finished(engine, &next[0], DeliveryEnd::Delivered, 502).await;
    let (delivery, attempts) = engine.store().delivery(&opera(), "crm", "a1").await.unwrap().unwrap();
    assert_eq!((delivery.state, delivery.attempts, delivery.ended_at), (DeliveryState::Dead, 2, Some(501)));
    assert_eq!(attempts.iter().map(|attempt| attempt.n).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(engine.store().webhook(&opera(), "crm").await.unwrap().unwrap().failing_since, None);
    let depth = engine.store().depth().await.unwrap();
    assert_eq!((depth.deliveries_waiting, depth.deliveries_dead, depth.oldest_delivery), (0, 1, None));
}

pub async fn an_endpoint_that_hangs_takes_no_slot_from_another<E: Engine>(engine: &E) {
    let store = engine.store();
    for id in ["dead1", "dead2", "well1"] {
        made(engine, endpoint(id, &["*"])).await;
    }
    for n in 0..20 {
        happened(engine, n, 10, &[(&format!("h{n}"), PassInstalled)]).await;
    }
    let quota = DeliveryQuota { limit: 8, per_endpoint: 8, failing: 2, shared: 6 };
    let first = store.claim_deliveries(10, 10 + LEASE, quota).await.unwrap();
    let mut to: Vec<&str> = events(&first).into_iter().map(|(to, _)| to).collect();
    to.sort_unstable();
    assert_eq!(to, ["dead1", "dead1", "dead2", "dead2", "well1", "well1"], "one after the other, and two are kept");
    // Two hang until they are given up; the third takes what it gets, all the time.
    for lease in &first {
        let end = if lease.webhook.settled.id == "well1" { DeliveryEnd::Delivered } else { retry(20) };
        finished(engine, lease, end, 11).await;
    }
    let second = store.claim_deliveries(30, 30 + LEASE, quota).await.unwrap();
    let count = |leases: &[DeliveryLease], id: &str| events(leases).iter().filter(|(to, _)| *to == id).count();
    assert_eq!((count(&second, "dead1"), count(&second, "dead2"), count(&second, "well1")), (1, 1, 4));
    // Both hang again. What becomes free is for the one that is well, and nobody else's.
    for lease in second.iter().filter(|lease| lease.webhook.settled.id == "well1") {
        finished(engine, lease, DeliveryEnd::Delivered, 31).await;
    }
    let third = store.claim_deliveries(31, 31 + LEASE, quota).await.unwrap();
    assert_eq!((count(&third, "dead1"), count(&third, "dead2"), count(&third, "well1")), (0, 0, 4));
}

pub async fn an_endpoint_that_fails_is_asked_by_one_and_after_its_pause<E: Engine>(engine: &E) {
    made(engine, endpoint("crm", &["*"])).await;
    for n in 0..4 {
        happened(engine, n, 10, &[(&format!("h{n}"), PassInstalled)]).await;
    }
    let first = claimed(engine, 10).await;
    assert_eq!(first.len(), 4);
    let pause = DeliveryEnd::Retry { at: 20, pause: 100, error: "HTTP 503".to_owned() };
    finished(engine, &first[0], pause, 11).await;
    // One that was under way already arrives: the pause is over no sooner.
    finished(engine, &first[1], DeliveryEnd::Delivered, 12).await;
    assert_eq!(engine.store().webhook(&opera(), "crm").await.unwrap().unwrap().not_before, Some(100));
    for lease in &first[2..] {
        finished(engine, lease, retry(20), 13).await;
    }
    assert_eq!(engine.store().depth().await.unwrap().next_delivery, Some(100));
    assert_eq!(claimed(engine, 99).await, [], "the pause is the endpoint's, whatever is due");
    let probe = claimed(engine, 100).await;
    assert_eq!(probe.len(), 1);
    assert_eq!(claimed(engine, 100).await, []);
    finished(engine, &probe[0], DeliveryEnd::Delivered, 101).await;
    assert_eq!(claimed(engine, 101).await.len(), 2, "it is well again");
}

pub async fn a_lost_sender_is_fenced_and_the_third_gives_the_delivery_up<E: Engine>(engine: &E) {
    made(engine, endpoint("crm", &["*"])).await;
    happened(engine, 0, 10, &[("a1", PassInstalled), ("a2", PassInstalled)]).await;
    let mut now = 10;
    for round in 0..3 {
        let leases = claimed(engine, now).await;
        assert_eq!(events(&leases), [("crm", "a1")], "{round}");
        now += LEASE;
        if round == 0 {
            assert_eq!(claimed(engine, now - 1).await, []);
            let again = claimed(engine, now).await;
            assert_eq!(events(&again), [("crm", "a1")]);
            let late = finished(engine, &leases[0], DeliveryEnd::Delivered, now).await;
            assert_eq!(late, DeliveryFinished::Lost, "who lost the lease changes nothing");
            now += LEASE;
            break;
        }
    }
    let third = claimed(engine, now).await;
    assert_eq!((events(&third), third[0].attempts), (vec![("crm", "a1")], 2));
    now += LEASE;
    assert_eq!(events(&claimed(engine, now).await), [("crm", "a2")]);
    let (delivery, _) = engine.store().delivery(&opera(), "crm", "a1").await.unwrap().unwrap();
    assert_eq!((delivery.state, delivery.error.as_deref()), (DeliveryState::Dead, Some("worker-lost")));
}

pub async fn an_endpoint_is_switched_off_after_failing_for_days_and_others_are_told<E: Engine>(engine: &E) {
    let store = engine.store();
    made(engine, endpoint("dead", &["*"])).await;
    made(engine, endpoint("watch", &["Webhook:Disabled"])).await;
    happened(engine, 0, 0, &[("a1", PassInstalled), ("a2", PassInstalled)]).await;
    happened(engine, 1, 0, &[("b1", PassInstalled)]).await;
    let mut now = 0;
    let off = loop {
        let leases = claimed(engine, now).await;
        let mut outcome = DeliveryFinished::Recorded;
        for lease in &leases {
            outcome = finished(engine, lease, retry(now + DAY), now).await;
        }
        if outcome != DeliveryFinished::Recorded {
            break outcome;
        }
        assert!(now < 6 * DAY, "it is still on after six days");
        now += DAY;
    };
    assert_eq!((off, now), (DeliveryFinished::Disabled(DisabledFor::Failing), 5 * DAY));
    let row = store.webhook(&opera(), "dead").await.unwrap().unwrap();
    assert_eq!((row.settled.enabled, row.disabled), (false, Some((5 * DAY, DisabledFor::Failing))));
    let states =
        engine.rows("SELECT happening, state, last_error FROM delivery WHERE webhook = 'dead' ORDER BY happening");
    let waiting = states.iter().filter(|row| row[1] != "dead" && row[1] != "leased");
    assert_eq!(waiting.count(), 0, "{states:?}");
    assert_eq!(store.depth().await.unwrap().webhooks_off, 1);
    // Told to who wants to know; and what happens from now on is not for who is off.
    happened(engine, 2, now, &[("c1", PassInstalled)]).await;
    let told = claimed(engine, now).await;
    assert_eq!(events(&told), [("watch", format!("notice of dead at {now}").as_str())]);
    assert_eq!(told[0].happening.seq, None);
}

pub async fn failures_that_are_far_apart_do_not_add_up<E: Engine>(engine: &E) {
    made(engine, endpoint("crm", &["*"])).await;
    for (n, now) in [(0, 0), (1, 3 * DAY), (2, 6 * DAY), (3, 9 * DAY)] {
        happened(engine, n, now, &[(&format!("h{n}"), PassInstalled)]).await;
        let leases = claimed(engine, now).await;
        assert_eq!(leases.len(), 1);
        let dead = DeliveryEnd::Dead { pause: 0, error: "HTTP 500".to_owned() };
        assert_eq!(finished(engine, &leases[0], dead, now).await, DeliveryFinished::Recorded);
        let row = engine.store().webhook(&opera(), "crm").await.unwrap().unwrap();
        assert_eq!(row.failing_since, Some(now), "nothing was tried in between");
    }
}

pub async fn one_that_is_gone_is_switched_off_at_once<E: Engine>(engine: &E) {
    made(engine, endpoint("gone", &["*"])).await;
    happened(engine, 0, 0, &[("a1", PassInstalled), ("a2", PassInstalled)]).await;
    happened(engine, 1, 0, &[("b1", PassInstalled)]).await;
    let leases = claimed(engine, 0).await;
    assert_eq!(events(&leases), [("gone", "a1"), ("gone", "b1")]);
    let gone = DeliveryEnd::Gone { error: "HTTP 410".to_owned() };
    assert_eq!(finished(engine, &leases[0], gone, 1).await, DeliveryFinished::Disabled(DisabledFor::Gone));
    // What was under way ends as it ends, and is not tried again.
    assert_eq!(finished(engine, &leases[1], retry(2), 2).await, DeliveryFinished::Recorded);
    assert_eq!(engine.rows("SELECT DISTINCT state FROM delivery"), [["dead"]]);
    assert_eq!(claimed(engine, LATER).await, []);
}

pub async fn what_is_not_the_endpoints_doing_is_not_counted_against_it<E: Engine>(engine: &E) {
    made(engine, endpoint("crm", &["*"])).await;
    happened(engine, 0, 0, &[("a1", PassInstalled), ("a2", PassInstalled)]).await;
    let leases = claimed(engine, 0).await;
    let wait = DeliveryEnd::Wait { at: 7, error: "no tenant".to_owned() };
    finished(engine, &leases[0], wait, 1).await;
    let again = claimed(engine, 7).await;
    assert_eq!((events(&again), again[0].attempts, again[0].webhook.failing_since), (vec![("crm", "a1")], 0, None));
    finished(engine, &again[0], DeliveryEnd::Pointless { error: "no such event".to_owned() }, 8).await;
    let next = claimed(engine, 8).await;
    assert_eq!((events(&next), next[0].webhook.failing_since), (vec![("crm", "a2")], None));
}

fn since(since: Millis, now: Millis) -> ReplaySince {
    ReplaySince { since, after: None, delivered: false, limit: 2, now }
}

/// All steps.
async fn replayed<E: Engine>(engine: &E, id: &str, step: ReplaySince) -> u64 {
    let (mut wanted, mut after) = (0, None);
    loop {
        let step = ReplaySince { after, ..step.clone() };
        let done = engine.store().replay_since(&opera(), id, step).await.unwrap().expect("an endpoint that is on");
        wanted += done.wanted;
        after = done.next;
        if after.is_none() {
            return wanted;
        }
    }
}

pub async fn what_was_missed_is_sent_since_a_time_and_what_is_on_its_way_is_left<E: Engine>(engine: &E) {
    let store = engine.store();
    happened(engine, 0, 5, &[("a1", PassInstalled)]).await;
    made(engine, endpoint("crm", &["Pass:Installed"])).await;
    happened(engine, 0, 10, &[("a2", PassInstalled), ("a3", PassUpdated), ("a4", PassInstalled)]).await;
    let leases = claimed(engine, 10).await;
    finished(engine, &leases[0], DeliveryEnd::Delivered, 11).await;
    // Off, and what waited with it.
    let row = store.webhook(&opera(), "crm").await.unwrap().unwrap();
    let off = WebhookWrite { enabled: false, ..row.settled.clone() };
    assert!(store.update_webhook(&opera(), row.version, off.clone(), 12).await.unwrap());
    happened(engine, 1, 13, &[("b1", PassInstalled)]).await;
    assert_eq!(store.replay_since(&opera(), "crm", since(0, 14)).await.unwrap(), None, "it is off");
    assert_eq!(store.replay_delivery(&opera(), "crm", "a4", 14).await.unwrap(), Replayed::Disabled);
    assert_eq!(claimed(engine, LATER).await, []);
    let on = WebhookWrite { enabled: true, ..off };
    assert!(store.update_webhook(&opera(), row.version + 1, on, 15).await.unwrap());
    assert_eq!(claimed(engine, LATER).await, [], "what was given up stays so until somebody asks");
    assert_eq!(replayed(engine, "crm", since(10, 16)).await, 2);
    assert_eq!(replayed(engine, "crm", since(10, 16)).await, 0, "it is on its way");
    let leases = claimed(engine, 16).await;
    assert_eq!(events(&leases), [("crm", "a4"), ("crm", "b1")]);
    for lease in &leases {
        finished(engine, lease, DeliveryEnd::Delivered, 17).await;
    }
    assert_eq!(replayed(engine, "crm", since(0, 18)).await, 1, "what happened before it was there");
    assert_eq!(replayed(engine, "crm", ReplaySince { delivered: true, ..since(0, 18) }).await, 3);
    let first = claimed(engine, 18).await;
    assert_eq!(events(&first), [("crm", "a1"), ("crm", "b1")], "from the first on, in their order");
}

pub async fn one_is_sent_again_in_its_place_before_later_ones<E: Engine>(engine: &E) {
    let store = engine.store();
    made(engine, endpoint("crm", &["*"])).await;
    happened(engine, 0, 0, &[("a1", PassInstalled), ("a2", PassInstalled), ("a3", PassInstalled)]).await;
    let first = claimed(engine, 0).await;
    finished(engine, &first[0], DeliveryEnd::Delivered, 1).await;
    // The second waits for its next attempt, and the first is wanted again: it goes before.
    let second = claimed(engine, 1).await;
    finished(engine, &second[0], retry(5), 2).await;
    assert_eq!(store.replay_delivery(&opera(), "crm", "a1", 3).await.unwrap(), Replayed::Wanted);
    assert_eq!(store.replay_delivery(&opera(), "crm", "a1", 3).await.unwrap(), Replayed::Wanted, "twice is once");
    let again = claimed(engine, 10).await;
    assert_eq!((events(&again), again[0].lease_token), (vec![("crm", "a1")], 2));
    assert_eq!(store.replay_delivery(&opera(), "crm", "a1", 11).await.unwrap(), Replayed::Sending);
    finished(engine, &again[0], DeliveryEnd::Delivered, 11).await;
    // One that is under way is not overtaken by an earlier one either.
    let under_way = claimed(engine, 12).await;
    assert_eq!(events(&under_way), [("crm", "a2")]);
    assert_eq!(store.replay_delivery(&opera(), "crm", "a1", 12).await.unwrap(), Replayed::Wanted);
    assert_eq!(claimed(engine, 13).await, []);
    finished(engine, &under_way[0], DeliveryEnd::Delivered, 13).await;
    assert_eq!(events(&claimed(engine, 13).await), [("crm", "a1")]);
    for (webhook, event) in [("crm", "nothing"), ("nobody", "a1")] {
        assert_eq!(store.replay_delivery(&opera(), webhook, event, 14).await.unwrap(), Replayed::Unknown);
    }
}

pub async fn a_test_is_for_one_endpoint_and_for_no_other<E: Engine>(engine: &E) {
    let store = engine.store();
    made(engine, endpoint("crm", &["Pass:Created"])).await;
    made(engine, endpoint("all", &["*"])).await;
    let test = |id: &str| Happening { kind: HappeningKind::WebhookTest, ..happening(id, None) };
    assert!(store.test_webhook(&opera(), "crm", test("t1"), 5).await.unwrap());
    assert!(!store.test_webhook(&opera(), "nobody", test("t2"), 5).await.unwrap());
    assert_eq!(events(&claimed(engine, 5).await), [("crm", "t1")], "whatever it asks for");
    assert_eq!(replayed(engine, "all", since(0, 6)).await, 0);
    assert_eq!(store.replay_delivery(&opera(), "all", "t1", 6).await.unwrap(), Replayed::Unknown);
}

pub async fn an_endpoint_is_changed_by_version_and_goes_with_its_deliveries<E: Engine>(engine: &E) {
    let store = engine.store();
    made(engine, endpoint("crm", &["*"])).await;
    let again = store.create_webhook(&opera(), endpoint("crm", &["*"]), 16, 1).await.unwrap();
    assert_eq!(again, WebhookMade::Taken);
    assert_eq!(store.create_webhook(&opera(), endpoint("b", &["*"]), 1, 1).await.unwrap(), WebhookMade::Full);
    let change = endpoint("crm", &["Pass:Created"]);
    assert!(!store.update_webhook(&opera(), 7, change.clone(), 2).await.unwrap());
    assert!(store.update_webhook(&opera(), 1, change.clone(), 2).await.unwrap());
    assert!(!store.update_webhook(&opera(), 1, change.clone(), 3).await.unwrap());
    let row = store.webhook(&opera(), "crm").await.unwrap().unwrap();
    assert_eq!((row.settled, row.version, row.created_at, row.updated_at), (change, 2, 0, 2));
    happened(engine, 0, 5, &[("a1", PassCreated), ("a2", PassCreated)]).await;
    let leases = claimed(engine, 5).await;
    finished(engine, &leases[0], retry(6), 5).await;
    let under_way = claimed(engine, 6).await;
    assert!(store.delete_webhook(&opera(), "crm").await.unwrap());
    assert!(!store.delete_webhook(&opera(), "crm").await.unwrap());
    assert_eq!(finished(engine, &under_way[0], DeliveryEnd::Delivered, 7).await, DeliveryFinished::Lost);
    assert_eq!(engine.rows("SELECT happening FROM delivery UNION ALL SELECT happening FROM delivery_attempt").len(), 0);
    assert_eq!(claimed(engine, LATER).await, [], "nothing of it poisons the queue");
    assert_eq!(store.webhooks(&opera()).await.unwrap(), []);
}

pub async fn deliveries_are_paged_from_the_newest_and_stay_where_they_are<E: Engine>(engine: &E) {
    let store = engine.store();
    made(engine, endpoint("crm", &["*"])).await;
    for n in 0..5 {
        happened(engine, n, n as Millis / 2, &[(&format!("h{n}"), PassInstalled)]).await;
    }
    let page = async |states: Option<Vec<DeliveryState>>, after: Option<&Delivery>| {
        let after = after.map(|last| (last.created_at, last.happening.clone()));
        store.deliveries(&opera(), "crm", DeliveryPage { states, after, limit: 2 }).await.unwrap()
    };
    let ids = |page: &[Delivery]| page.iter().map(|delivery| delivery.happening.clone()).collect::<Vec<_>>();
    let first = page(None, None).await;
    assert_eq!(ids(&first), ["h4", "h3"]);
    // What comes meanwhile shifts nothing.
    happened(engine, 9, 9, &[("h9", PassInstalled)]).await;
    let second = page(None, first.last()).await;
    assert_eq!(ids(&second), ["h2", "h1"]);
    let third = page(None, second.last()).await;
    assert_eq!(ids(&third), ["h0"]);
    assert_eq!((third[0].kind, third[0].pass.clone(), third[0].seq), (PassInstalled, Some(pass_id(0)), Some(1)));
    let leases = claimed(engine, 9).await;
    let one = leases.iter().find(|lease| lease.happening.happening.id == "h1").unwrap();
    finished(engine, one, DeliveryEnd::Delivered, 9).await;
    assert_eq!(ids(&page(Some(vec![DeliveryState::Delivered]), None).await), ["h1"]);
    assert_eq!(ids(&page(Some(vec![DeliveryState::Ready, DeliveryState::Queued]), None).await), Vec::<String>::new());
}

pub async fn what_was_told_is_kept_for_a_while_and_persons_are_forgotten<E: Engine>(engine: &E) {
    let store = engine.store();
    made(engine, endpoint("crm", &["Pass:Installed"])).await;
    let sealed = |id: &str, pass, kind| Happening { kind, sealed: Some(b"ada".to_vec()), ..happening(id, Some(pass)) };
    for (n, id, kind) in [(0, "told", PassInstalled), (1, "waits", PassInstalled), (2, "nobodys", PassUpdated)] {
        let happenings = vec![sealed(id, n, kind)];
        let write = InstallationWrite { happenings, now: 10, ..super::phones::status(n, 0, "{}", &[]) };
        assert!(store.save_installation(write).await.unwrap());
    }
    let leases = claimed(engine, 10).await;
    assert_eq!(events(&leases), [("crm", "told"), ("crm", "waits")]);
    finished(engine, &leases[0], DeliveryEnd::Delivered, 10).await;
    finished(engine, &leases[1], retry(LATER), 10).await;
    let before = |time| Erasure { now: 0, notifications_before: time, runs_before: 0, changes_before: 0, batch: 100 };
    let who = || engine.rows("SELECT id FROM happening WHERE sealed IS NOT NULL ORDER BY id");
    assert_eq!(store.erase(before(10)).await.unwrap().records, 0);
    assert_eq!(who().len(), 3);
    // Two attempts, one delivery, and two who are known no more.
    assert_eq!(store.erase(before(11)).await.unwrap().records, 5);
    assert_eq!(who(), [["waits"]], "who is still to be told is told whole");
    assert_eq!(engine.rows("SELECT happening FROM delivery"), [["waits"]]);
    assert_eq!(engine.rows("SELECT id FROM happening").len(), 3, "what happened stays");
}

pub async fn one_tenant_never_sees_anothers_endpoints<E: Engine>(engine: &E) {
    let store = engine.store();
    made(engine, endpoint("crm", &["*"])).await;
    happened(engine, 0, 0, &[("a1", PassInstalled)]).await;
    let other = tenant(1);
    assert_eq!(store.webhook(&other, "crm").await.unwrap(), None);
    assert_eq!(store.webhooks(&other).await.unwrap(), []);
    assert_eq!(store.delivery(&other, "crm", "a1").await.unwrap(), None);
    assert_eq!(store.replay_delivery(&other, "crm", "a1", 1).await.unwrap(), Replayed::Unknown);
    assert!(!store.delete_webhook(&other, "crm").await.unwrap());
    assert!(!store.update_webhook(&other, 1, endpoint("crm", &["*"]), 1).await.unwrap());
    let made = store.create_webhook(&other, endpoint("crm", &["*"]), 16, 1).await.unwrap();
    assert_eq!(made, WebhookMade::Made, "an id is a tenant's own");
    assert_eq!(events(&claimed(engine, 1).await).len(), 1);
}
