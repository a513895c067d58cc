//! The reducer's laws, and domain.md 1.11, 1.12, 7.11 to 7.13.

use proptest::prelude::*;

use super::*;
use crate::contract::installation::{Kind, Presence};

fn unknown() -> Status {
    let presence = || Presence { installed: false, count: 0, changed_at: None, event: None, first_at: None };
    Status { apple: presence(), google: presence(), printed: None, written: vec![] }
}

fn context() -> Context {
    Context {
        pass: "KlnqcxVLA9pS4ol5".to_owned(),
        template: "event-ticket".to_owned(),
        ticket: Some("10228305597652".to_owned()),
        persist_status: true,
        persist_printed: true,
    }
}

fn signal(wallet: Wallet, kind: Kind, at: u64) -> Signal {
    Signal { source: "test".to_owned(), event: format!("{wallet:?}-{kind:?}-{at}"), wallet, kind, at, count: None }
}

fn reference<'a>(reduction: &'a Reduction, key: &str) -> Option<&'a str> {
    reduction.references.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
}

/// SecuTix confirms everything that was asked for.
fn confirmed(context: &Context, reduction: Reduction) -> Status {
    let mut status = reduction.status;
    for (key, value) in reduction.references {
        status.written.retain(|(name, _)| *name != key);
        status.written.push((key, value));
    }
    if reduction.print.is_some() {
        status.printed.clone_from(&context.ticket);
    }
    status
}

#[test]
fn a_first_installation_writes_four_references_prints_and_emits() {
    let reduction = reduce(&context(), &unknown(), &[signal(Wallet::Apple, Kind::Installed, 5)]);
    assert!(reduction.changed);
    let all: Vec<_> = reduction.references.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(
        all,
        ["twc.passId=KlnqcxVLA9pS4ol5", "twc.passType=event-ticket", "twc.status=installed", "twc.device=apple"]
    );
    assert_eq!(reduction.print.as_deref(), Some("10228305597652"));
    let emission = Emission { name: "Pass:Installed".to_owned(), wallet: Wallet::Apple, at: 5, count: 1 };
    assert_eq!(reduction.events, [emission]);
    let crm: Vec<_> = reduction.crm.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(
        crm,
        [
            "walletStatus=apple",
            "appleWalletInstalledAt=1970-01-01T00:00:00.005Z",
            "walletLastChangedAt=1970-01-01T00:00:00.005Z",
            "walletLastEvent=installed"
        ]
    );
}

#[test]
fn removing_one_of_two_wallets_leaves_the_other() {
    let both = [signal(Wallet::Apple, Kind::Installed, 1), signal(Wallet::Google, Kind::Installed, 2)];
    let reduction = reduce(&context(), &unknown(), &both);
    assert_eq!(reference(&reduction, "twc.device"), Some("apple+google"));
    let status = confirmed(&context(), reduction);
    let reduction = reduce(&context(), &status, &[signal(Wallet::Apple, Kind::Removed, 3)]);
    // Only what differs is written again.
    assert_eq!(reduction.references, [("twc.device".to_owned(), "google".to_owned())]);
    let status = confirmed(&context(), reduction);
    let reduction = reduce(&context(), &status, &[signal(Wallet::Google, Kind::Removed, 4)]);
    assert_eq!(reference(&reduction, "twc.status"), Some("uninstalled"));
    assert_eq!(reference(&reduction, "twc.device"), Some("-"));
    assert_eq!(reduction.print, None);
}

#[test]
fn one_of_two_devices_removed_leaves_the_pass_installed() {
    let counted = |kind, at, count| Signal { count: Some(count), ..signal(Wallet::Apple, kind, at) };
    let signals = [counted(Kind::Installed, 1, 1), counted(Kind::Installed, 2, 2), counted(Kind::Removed, 3, 1)];
    let reduction = reduce(&context(), &unknown(), &signals);
    assert!(reduction.status.apple.installed);
    assert_eq!(reduction.status.apple.count, 1);
    assert_eq!(reduction.events.len(), 1);
}

#[test]
fn a_late_removal_does_not_undo_a_newer_installation() {
    let status = reduce(&context(), &unknown(), &[signal(Wallet::Google, Kind::Installed, 9)]).status;
    let reduction = reduce(&context(), &status, &[signal(Wallet::Google, Kind::Removed, 8)]);
    assert!(reduction.status.google.installed);
    assert!(reduction.events.is_empty());
}

#[test]
fn a_duplicate_changes_nothing_once_confirmed() {
    let signals = [signal(Wallet::Apple, Kind::Installed, 5)];
    let status = confirmed(&context(), reduce(&context(), &unknown(), &signals));
    let again = reduce(&context(), &status, &signals);
    assert!(!again.changed);
    assert_eq!(again.status, status);
    assert!(again.references.is_empty() && again.events.is_empty() && again.print.is_none());
}

#[test]
fn what_was_not_confirmed_is_asked_for_again() {
    let status = reduce(&context(), &unknown(), &[signal(Wallet::Apple, Kind::Installed, 5)]).status;
    let again = reduce(&context(), &status, &[]);
    assert!(again.changed);
    assert_eq!(again.references.len(), 4);
    assert!(again.print.is_some());
}

#[test]
fn a_reprint_is_printed_again_while_the_pass_is_installed() {
    let status = confirmed(&context(), reduce(&context(), &unknown(), &[signal(Wallet::Apple, Kind::Installed, 5)]));
    let reprinted = Context { ticket: Some("2".to_owned()), ..context() };
    assert_eq!(reduce(&reprinted, &status, &[]).print.as_deref(), Some("2"));
    let removed = reduce(&context(), &status, &[signal(Wallet::Apple, Kind::Removed, 6)]).status;
    assert_eq!(reduce(&reprinted, &removed, &[]).print, None);
}

#[test]
fn nothing_is_written_of_a_pass_that_never_was_on_a_phone() {
    let reduction = reduce(&context(), &unknown(), &[signal(Wallet::Google, Kind::Absent, 5)]);
    assert!(reduction.references.is_empty() && reduction.print.is_none() && reduction.events.is_empty());
    // A removal that comes first proves that it had been there.
    let reduction = reduce(&context(), &unknown(), &[signal(Wallet::Google, Kind::Removed, 5)]);
    assert_eq!(reference(&reduction, "twc.status"), Some("uninstalled"));
    assert!(reduction.print.is_some());
}

#[test]
fn the_two_switches_switch() {
    let off = Context { persist_status: false, persist_printed: false, ..context() };
    let reduction = reduce(&off, &unknown(), &[signal(Wallet::Apple, Kind::Installed, 5)]);
    assert!(reduction.changed && reduction.references.is_empty() && reduction.print.is_none());
    assert_eq!(reduction.events.len(), 1);
}

#[test]
fn a_quick_reinstallation_is_nothing_to_tell() {
    let status = reduce(&context(), &unknown(), &[signal(Wallet::Apple, Kind::Installed, 1)]).status;
    let back = [signal(Wallet::Apple, Kind::Removed, 2), signal(Wallet::Apple, Kind::Installed, 3)];
    let reduction = reduce(&context(), &status, &back);
    assert!(reduction.events.is_empty());
    assert!(reduction.status.apple.installed);
}

#[test]
fn a_second_device_is_told_and_its_removal_is_not() {
    let counted = |kind, at, count| Signal { count: Some(count), ..signal(Wallet::Apple, kind, at) };
    let one = reduce(&context(), &unknown(), &[counted(Kind::Installed, 1, 1)]);
    let two = reduce(&context(), &one.status, &[counted(Kind::Installed, 2, 2)]);
    let told: Vec<_> = two.events.iter().map(|event| (event.name.as_str(), event.count)).collect();
    assert_eq!(told, [("Pass:Installed", 2)]);
    let left = reduce(&context(), &two.status, &[counted(Kind::Removed, 3, 1)]);
    assert!(left.events.is_empty());
    let gone = reduce(&context(), &left.status, &[counted(Kind::Removed, 4, 0)]);
    let told: Vec<_> = gone.events.iter().map(|event| (event.name.as_str(), event.count)).collect();
    assert_eq!(told, [("Pass:Uninstalled", 0)]);
}

fn any_signal() -> impl Strategy<Value = Signal> {
    let kinds = prop_oneof![
        Just(Kind::Installed),
        Just(Kind::Removed),
        Just(Kind::InferredRemoval),
        Just(Kind::Present),
        Just(Kind::Absent)
    ];
    // Few times and ids, so that ties are frequent: events within the same second.
    (any::<bool>(), kinds, 0..4u64, 0..3u8, proptest::option::of(0..3u32)).prop_map(
        |(apple, kind, at, event, count)| Signal {
            source: "test".to_owned(),
            event: event.to_string(),
            wallet: if apple { Wallet::Apple } else { Wallet::Google },
            kind,
            at,
            count,
        },
    )
}

proptest! {
    #[test]
    fn any_order_of_arrival_ends_in_the_same_state(
        (signals, shuffled) in proptest::collection::vec(any_signal(), 0..12)
            .prop_flat_map(|signals| (Just(signals.clone()), Just(signals).prop_shuffle())),
    ) {
        let left = reduce(&context(), &unknown(), &signals);
        let right = reduce(&context(), &unknown(), &shuffled);
        prop_assert_eq!(&left.status, &right.status);
        prop_assert_eq!(&left.references, &right.references);
        prop_assert_eq!(&left.print, &right.print);
        prop_assert_eq!(&left.crm, &right.crm);
    }

    #[test]
    fn a_batch_is_its_signals_one_after_the_other(
        signals in proptest::collection::vec(any_signal(), 0..12),
        cut in any::<proptest::sample::Index>(),
    ) {
        let at = if signals.is_empty() { 0 } else { cut.index(signals.len()) };
        let (first, second) = signals.split_at(at);
        let whole = reduce(&context(), &unknown(), &signals);
        let one = reduce(&context(), &unknown(), first);
        let two = reduce(&context(), &one.status, second);
        prop_assert_eq!(&whole.status, &two.status);
        prop_assert_eq!(&whole.references, &two.references);
        prop_assert_eq!(&whole.print, &two.print);
    }

    #[test]
    fn what_was_told_last_of_a_wallet_is_how_it_stands(
        batches in proptest::collection::vec(proptest::collection::vec(any_signal(), 0..4), 0..6),
    ) {
        let mut status = unknown();
        let mut told = [false; 2];
        for batch in &batches {
            let reduction = reduce(&context(), &status, batch);
            prop_assert!(reduction.events.is_sorted_by_key(|event| event.at));
            for event in &reduction.events {
                told[usize::from(event.wallet == Wallet::Google)] = event.name == "Pass:Installed";
            }
            status = reduction.status;
        }
        prop_assert_eq!(told, [status.apple.installed, status.google.installed]);
    }

    #[test]
    fn what_came_before_may_come_again(signals in proptest::collection::vec(any_signal(), 0..12)) {
        let once = reduce(&context(), &unknown(), &signals);
        let twice = reduce(&context(), &once.status, &signals);
        prop_assert_eq!(once.status, twice.status);
        prop_assert!(twice.events.is_empty());
    }
}
