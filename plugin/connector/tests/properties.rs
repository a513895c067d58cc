//! What must hold for any file that SecuTix could send, and for bytes that it never would.

// Helpers of tests, which clippy's leave for tests does not reach.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "../../../tests/it/case_folder.rs"]
#[allow(dead_code)]
mod case_folder;

use std::collections::{BTreeMap, BTreeSet};

use case_folder::Passes;
use passerelle_connector::contract::scenario::{Action, Answer, Evidence, Hint, UseCase, Verdict};
use passerelle_connector::contract::types::{PassState, Subject};
use passerelle_connector::scenario::{REASONS, classify};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Names that must not leave the connector but in a part.
const FIRST: [&str; 2] = ["Zqada", "Zqmary"];
const LAST: [&str; 2] = ["Zqlovelace", "Zqsomerville"];

fn any_ticket() -> impl Strategy<Value = Value> {
    let states =
        prop::sample::select(vec!["VALID", "PRINTED", "NOT_PRINTED", "CONTROLLED", "INVALIDATED", "CANCELLED", "ODD"]);
    (1..4i64, states, any::<bool>()).prop_map(|(id, state, coded)| {
        let barcode = coded.then(|| format!("000{id}"));
        json!({"ticketId": id, "ticketState": state, "barcode": barcode})
    })
}

fn any_movement() -> impl Strategy<Value = Value> {
    let kind = prop::sample::select(vec![
        json!("SALE"),
        json!("SALE"),
        json!("SALE"),
        json!("CANCELLATION"),
        json!("REFUND"),
        json!(null),
    ]);
    let state = prop::sample::select(vec![json!("VALID"), json!("VALID"), json!(null), json!("CANCELLED")]);
    let first = prop::option::of(prop::sample::select(FIRST.to_vec()));
    let last = prop::option::of(prop::sample::select(LAST.to_vec()));
    let seat = prop::option::of(1..3u8);
    let tickets = prop::collection::vec(any_ticket(), 0..3);
    (1..7i64, 1..4i64, kind, state, first, last, seat, any::<bool>(), tickets).prop_map(
        |(id, operation, kind, state, first, last, seat, coded, tickets)| {
            json!({
                "movementId": id, "operationId": operation, "type": kind, "movementState": state,
                "barCode": coded.then(|| format!("00{id}")), "beneficiaryFirstname": first, "beneficiaryLastname": last,
                "seat": seat, "tickets": tickets, "area": "A", "gate": "G\"1\"", "row": 1, "seatCategory": "C", "audienceSubCategory": "D",
                "tariff": "E", "culturalContactNumber": "4712", "startValidityDate": "2026-12-01T20:00:00.000+01:00",
                "endValidityDate": 1796151600000i64,
            })
        },
    )
}

fn operations(titles: [bool; 3]) -> Value {
    let title = |changed: bool| if changed { "Tosca" } else { "Carmen" };
    json!([
        {"operationId": 1, "kind": "SINGLE_ENTRY", "productId": 1, "productCode": "A", "performanceId": 11,
         "productExternalName": {"translations": [{"locale": "fr", "value": title(titles[0])}]}},
        {"operationId": 2, "kind": "SINGLE_ENTRY", "productId": 1, "productCode": "A", "performanceId": 12,
         "locations": [{"siteName": {"translations": [{"locale": "fr_CH", "value": "Théâtre"}]}, "spaceName": {"translations": []},
           "siteAddress": {"firstAddressLine": "Rue", "zipCode": 1204, "locality": "Genève", "countryCode": "CH", "latitude": "46.2", "longitude": 6}}],
         "performanceEndDate": if titles[1] { "2026-12-01T23:00:00+01:00" } else { "2026-12-02T23:00:00+01:00" }},
        {"operationId": 3, "kind": "SEASONTICKET", "productId": 3, "productCode": "S",
         "performances": [{"performanceId": 11, "performanceName": {"translations": [{"locale": "fr", "value": title(titles[2])}]}},
                          {"performanceId": 12}]},
    ])
}

fn any_order() -> impl Strategy<Value = Value> {
    let kind = prop::sample::select(vec![
        "SALE",
        "SALE",
        "EXCHANGE_CLIENT",
        "EXCHANGE_ORGANIZATION",
        "REFUND_CLIENT",
        "RESERVATION",
        "RENEWAL",
    ]);
    let created = prop::option::of(1..5u8);
    (kind, created, any::<[bool; 3]>(), prop::collection::vec(any_movement(), 0..4)).prop_map(
        |(kind, created, titles, movements)| {
            json!({
                "orderSecretId": "token", "orderType": kind, "orderOriginator": "DESK",
                "creationDateTime": created.map(|day| format!("2026-03-0{day}T09:00:00.000+01:00")),
                "operationDatas": operations(titles), "movementDatas": movements,
            })
        },
    )
}

fn any_file() -> impl Strategy<Value = Value> {
    let state = prop::sample::select(vec!["SOLDED", "SOLDED", "SOLDED", "SOLDED", "SOLDED", "CANCELED"]);
    (state, prop::collection::vec(any_order(), 1..4)).prop_map(|(state, mut orders)| {
        for (at, order) in orders.iter_mut().enumerate() {
            order["orderId"] = json!(100 + at);
        }
        json!({"statusCode": "success", "fileDetailsData": {"fileId": 1, "fileState": state}, "orderDetailsDatas": orders})
    })
}

fn any_hints() -> impl Strategy<Value = Vec<Hint>> {
    let state = prop::sample::select(vec!["PAID", "CANCELLED", "VALIDATED", "MODIFIED", ""]);
    let hint =
        (state, prop::option::of(1..7i64), prop::option::of(1..4i64)).prop_map(|(state, movement, ticket)| Hint {
            state: state.to_owned(),
            sale_movement: movement.map(|id| id.to_string()),
            ticket: ticket.map(|id| id.to_string()),
        });
    prop::collection::vec(hint, 0..3)
}

fn look(passes: &Passes, hints: &[Hint], file: &Value) -> Verdict {
    let answer = Answer::File(serde_json::to_vec(file).unwrap());
    classify(&passes.observe(hints.to_vec(), answer)).unwrap()
}

/// The passes that one look at a file leaves.
fn after_a_look(hints: &[Hint], file: &Value) -> Passes {
    let mut passes = Passes::default();
    passes.apply(&look(&passes, hints, file));
    passes
}

/// What all orders together say of a movement.
#[derive(Default)]
struct Said {
    /// It ended, or its ticket is withdrawn and nothing says that the movement is not.
    ended: bool,
    /// A ticket lives.
    living: bool,
    /// Its tickets are dead, which a reprint explains.
    between: bool,
    /// An order that sells mentions it.
    sold: bool,
    /// A refund or an exchange mentions it, without a living ticket.
    taken_back: bool,
}

/// Movements that must keep their pass, whatever the order of the statements: a judge that knows none.
fn surely_alive(file: &Value) -> BTreeSet<String> {
    let mut all: BTreeMap<String, Said> = BTreeMap::new();
    for order in file["orderDetailsDatas"].as_array().unwrap() {
        let kind = order["orderType"].as_str().unwrap();
        for movement in order["movementDatas"].as_array().unwrap() {
            let said = all.entry(movement["movementId"].to_string()).or_default();
            let tickets = movement["tickets"].as_array().unwrap();
            let any = |state: &str| tickets.iter().any(|ticket| ticket["ticketState"] == state);
            let lives =
                tickets.iter().any(|it| !matches!(it["ticketState"].as_str(), Some("INVALIDATED" | "CANCELLED")));
            let dead = !tickets.is_empty() && !lives;
            said.ended |= movement["movementState"] == "CANCELLED"
                || matches!(movement["type"].as_str(), Some("CANCELLATION" | "REFUND"))
                || dead && any("CANCELLED") && movement["movementState"] != "VALID";
            said.living |= lives;
            said.between |= dead;
            said.sold |= matches!(kind, "SALE" | "RENEWAL") || kind.starts_with("EXCHANGE");
            said.taken_back |= !lives && (kind.starts_with("REFUND") || kind.starts_with("EXCHANGE"));
        }
    }
    if file["fileDetailsData"]["fileState"] == "CANCELED" {
        return BTreeSet::new();
    }
    let alive = |said: &Said| {
        !said.ended && if said.taken_back { said.living && !said.between } else { said.living || said.sold }
    };
    all.into_iter().filter(|(_, said)| alive(said)).map(|(id, _)| id).collect()
}

fn movement(subject: &Subject) -> &str {
    match subject {
        Subject::Movement(id) | Subject::Contact(id) => id,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_movement_that_is_alive_keeps_its_pass(before in any_file(), after in any_file(), hints in any_hints()) {
        let mut passes = Passes::default();
        passes.apply(&look(&passes, &[], &before));
        let verdict = look(&passes, &hints, &after);
        let alive = surely_alive(&after);
        for operation in &verdict.operations {
            if matches!(operation.action, Action::End(_)) {
                prop_assert!(!alive.contains(movement(&operation.subject)), "{operation:?}");
            }
        }
        // And what is nowhere in the file does not stay unnoticed.
        let text = after.to_string();
        for (pass, operation) in passes.known.iter().zip(&verdict.operations) {
            let id = movement(&pass.subject);
            if pass.state == PassState::Live && !text.contains(&format!("\"movementId\":{id},")) {
                prop_assert!(matches!(operation.action, Action::End(Evidence::Absence)), "{operation:?}");
            }
        }
    }

    #[test]
    fn every_pass_has_one_operation_and_every_offer_is_new(before in any_file(), after in any_file(), hints in any_hints()) {
        let mut passes = Passes::default();
        passes.apply(&look(&passes, &[], &before));
        let verdict = look(&passes, &hints, &after);
        let known: Vec<_> = passes.known.iter().map(|pass| Some(pass.pass.clone())).collect();
        let told: Vec<_> = verdict.operations.iter().map(|operation| operation.pass.clone()).take(known.len()).collect();
        prop_assert_eq!(told, known);
        let mut subjects = BTreeSet::new();
        for operation in &verdict.operations {
            prop_assert!(subjects.insert(movement(&operation.subject).to_owned()));
            prop_assert_eq!(operation.pass.is_none(), matches!(operation.action, Action::Offer(_)));
            prop_assert!(REASONS.iter().any(|(code, _)| *code == operation.reason.code));
        }
        // A place is taken once.
        let successors: Vec<_> = verdict.operations.iter().filter_map(|operation| operation.successor.clone()).collect();
        prop_assert_eq!(successors.iter().collect::<BTreeSet<_>>().len(), successors.len());
        let nothing = verdict.findings.iter().any(|finding| finding.use_case == UseCase::Nothing);
        prop_assert_eq!(nothing, verdict.findings.len() == 1 && verdict.findings[0].movements.is_empty());
        let idle = verdict.operations.iter().all(|operation| matches!(operation.action, Action::Keep));
        prop_assert!(!nothing || idle);
        // Parts name only events that the verdict brings.
        for operation in &verdict.operations {
            if let Action::Offer(part) | Action::Update(part) | Action::Revive(part) = &operation.action {
                for key in &part.events {
                    prop_assert!(verdict.events.iter().any(|event| event.key == *key));
                }
            }
        }
    }

    #[test]
    fn the_same_file_again_is_nothing(before in any_file(), after in any_file(), hints in any_hints()) {
        let mut passes = Passes::default();
        passes.apply(&look(&passes, &[], &before));
        passes.apply(&look(&passes, &hints, &after));
        // An absence is believed at the second look.
        passes.apply(&look(&passes, &hints, &after));
        let verdict = look(&passes, &hints, &after);
        prop_assert_eq!(verdict.findings.len(), 1);
        prop_assert_eq!(verdict.findings[0].use_case, UseCase::Nothing);
        for operation in &verdict.operations {
            prop_assert!(matches!(operation.action, Action::Keep), "{operation:?}");
        }
    }

    #[test]
    fn the_order_of_orders_and_movements_is_no_news(file in any_file(), hints in any_hints(), seed in any::<u64>()) {
        let mut shuffled = file.clone();
        let orders = shuffled["orderDetailsDatas"].as_array_mut().unwrap();
        orders.reverse();
        // Of two statements in one order the later counts, so movements are turned only where each is stated once.
        for order in orders {
            let movements = order["movementDatas"].as_array_mut().unwrap();
            let ids: BTreeSet<_> = movements.iter().map(|movement| movement["movementId"].to_string()).collect();
            if ids.len() == movements.len() && seed % 2 == 0 {
                movements.reverse();
            }
        }
        // Seen from nothing, and from the passes that it made.
        for seen in [Passes::default(), after_a_look(&hints, &file)] {
        let left = look(&seen, &hints, &file);
        let right = look(&seen, &hints, &shuffled);
        prop_assert_eq!(left.operations, right.operations);
        prop_assert_eq!(left.events, right.events);
        prop_assert_eq!(left.findings, right.findings);
        }
    }

    #[test]
    fn parts_are_canonical_and_no_name_leaves_but_in_them(before in any_file(), after in any_file(), hints in any_hints()) {
        let mut passes = Passes::default();
        passes.apply(&look(&passes, &[], &before));
        let verdict = look(&passes, &hints, &after);
        // Canonical: what a reader of JSON makes of it and writes again is the same.
        for event in &verdict.events {
            prop_assert_eq!(&serde_json::to_vec(&serde_json::from_slice::<BTreeMap<String, Value>>(&event.body).unwrap()).unwrap(), &event.body);
        }
        for operation in &verdict.operations {
            if let Action::Offer(part) | Action::Update(part) | Action::Revive(part) = &operation.action {
                prop_assert_eq!(&serde_json::to_vec(&serde_json::from_slice::<BTreeMap<String, Value>>(&part.body).unwrap()).unwrap(), &part.body);
            }
        }
        let reasons: Vec<_> = verdict.operations.iter().map(|operation| &operation.reason).collect();
        let told = format!("{:?}{reasons:?}{:?}{:?}", verdict.findings, verdict.unread, verdict.events);
        for name in FIRST.iter().chain(&LAST) {
            prop_assert!(!told.contains(name));
            for event in &verdict.events {
                prop_assert!(!String::from_utf8_lossy(&event.body).contains(name));
            }
        }
    }

    #[test]
    fn any_bytes_get_a_verdict_or_a_fault(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        let passes = Passes::default();
        let _ = classify(&passes.observe(vec![], Answer::File(bytes.clone())));
        let _ = classify(&passes.observe(vec![], Answer::Contact(bytes)));
    }

    #[test]
    fn a_damaged_answer_never_panics_and_never_ends_a_pass_it_does_not_speak_of(
        before in any_file(),
        after in any_file(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut passes = Passes::default();
        passes.apply(&look(&passes, &[], &before));
        let mut bytes = serde_json::to_vec(&after).unwrap();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
            // An object that is not closed is no JSON.
            prop_assert!(classify(&passes.observe(vec![], Answer::File(bytes))).is_err());
        } else {
            let _ = classify(&passes.observe(vec![], Answer::File(bytes)));
        }
    }

    #[test]
    fn a_part_of_the_answer_removed_is_never_a_reason_to_end_at_once(
        file in any_file(),
        pointer in prop::sample::select(vec![
            "/statusCode", "/fileDetailsData", "/fileDetailsData/fileId", "/orderDetailsDatas",
            "/orderDetailsDatas/0/orderId", "/orderDetailsDatas/0/movementDatas/0/movementId",
        ]),
    ) {
        let mut passes = Passes::default();
        passes.apply(&look(&passes, &[], &file));
        let mut damaged = file.clone();
        if let Some(value) = damaged.pointer_mut(pointer) {
            *value = Value::Null;
            let answer = Answer::File(serde_json::to_vec(&damaged).unwrap());
            let fault = classify(&passes.observe(vec![], answer)).unwrap_err();
            prop_assert_eq!(format!("{fault:?}"), format!("Fault::Unreadable({pointer:?})"));
        }
    }
}
