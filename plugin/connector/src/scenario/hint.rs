//! Hints: what the notifications of a run say about scans. The only hint that adds a fact, because the file may never show it: VALIDATED is sent when a
//! ticket is scanned, while CONTROLLED belongs to other interfaces (domain.md 3.4).
//!
//! Owns which ticket a hint means. Never a reason to end a pass.

use std::collections::BTreeSet;

use crate::contract::scenario::Hint;
use crate::lenient::parse_id;

const SCANNED: &str = "VALIDATED";

#[derive(Default)]
pub(super) struct Scans {
    tickets: BTreeSet<i64>,
    /// Movements named without a ticket.
    movements: BTreeSet<i64>,
    /// Movements named, with or without.
    named: BTreeSet<i64>,
}

impl Scans {
    pub(super) fn of(hints: &[Hint]) -> Self {
        let mut scans = Self::default();
        for hint in hints.iter().filter(|hint| hint.state.eq_ignore_ascii_case(SCANNED)) {
            let ticket = hint.ticket.as_deref().and_then(parse_id);
            let movement = hint.sale_movement.as_deref().and_then(parse_id);
            scans.tickets.extend(ticket);
            scans.named.extend(movement);
            if ticket.is_none() {
                scans.movements.extend(movement);
            }
        }
        scans
    }

    /// A hint that names another ticket of the movement is about one that is superseded.
    pub(super) fn names(&self, movement: i64, ticket: Option<i64>) -> bool {
        match ticket {
            Some(ticket) => self.tickets.contains(&ticket) || self.movements.contains(&movement),
            None => self.named.contains(&movement),
        }
    }
}
