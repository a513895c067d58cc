//! What one order claims of one movement: that it lives, that it ended, or less.
//!
//! Owns the words of states and types, and what counts as a description. Does not own what several claims make of a movement (`standing`). An
//! unknown word is no reason to end.

use super::answer::Movement;
use super::standing::OrderKind;
use super::ticket::{self, TicketState};
use crate::lenient::Scalar;

/// States and types of a movement that take the right of entry away.
const ENDED_MOVEMENT: [&str; 7] =
    ["CANCELLED", "CANCELED", "CANCELLATION", "REFUND", "REFUNDED", "ABANDONNED", "ABANDONED"];
/// States of a movement that say that it lives: the words that SecuTix has for it elsewhere, of tickets and of products (domain.md 3.4).
const LIVING_MOVEMENT: [&str; 6] = ["VALID", "VALIDATED", "RUNNING", "NOT_PRINTED", "PRINTED", "CONTROLLED"];

/// What a statement claims by itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    Ended,
    Living,
    Between,
    Withdrawn,
    /// There, and nothing more.
    Present,
    Silent,
}

pub(super) fn claim(movement: &Movement<'_>, kind: OrderKind) -> Claim {
    if is_one_of(&ENDED_MOVEMENT, &movement.movement_state) || is_one_of(&ENDED_MOVEMENT, &movement.kind) {
        return Claim::Ended;
    }
    match ticket::current(&movement.tickets).map(ticket::state) {
        Some(TicketState::Living | TicketState::Controlled) => Claim::Living,
        // Domain.md 7.6: a superseded ticket is no end, its successor may be seconds away.
        Some(TicketState::Superseded) => Claim::Between,
        Some(TicketState::Withdrawn) if says_alive(movement) => Claim::Between,
        Some(TicketState::Withdrawn) => Claim::Withdrawn,
        None if matches!(kind, OrderKind::Refund | OrderKind::Hold) => Claim::Silent,
        None if says_alive(movement) => Claim::Living,
        None => Claim::Present,
    }
}

pub(super) fn says_alive(movement: &Movement<'_>) -> bool {
    is_one_of(&LIVING_MOVEMENT, &movement.movement_state)
}

/// What is scanned.
pub(super) fn tells_ticket(movement: &Movement<'_>) -> bool {
    movement.bar_code.text().is_some() || ticket::current(&movement.tickets).is_some()
}

/// Where, or whose.
pub(super) fn tells_place(movement: &Movement<'_>) -> bool {
    let told = [
        &movement.area,
        &movement.row,
        &movement.seat,
        &movement.beneficiary_firstname,
        &movement.beneficiary_lastname,
        &movement.cultural_contact_number,
    ];
    told.into_iter().any(|scalar| scalar.text().is_some())
}

fn is_one_of(words: &[&str], scalar: &Scalar<'_>) -> bool {
    scalar.text().is_some_and(|text| words.iter().any(|word| text.eq_ignore_ascii_case(word)))
}
