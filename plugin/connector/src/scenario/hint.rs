//! Hints: what the notifications of a run say about scans. The only hint that adds a fact, because the file may never show it: VALIDATED is sent when a
//! ticket is scanned, while CONTROLLED belongs to other interfaces (domain.md 3.4).
//!
//! Owns which ticket a hint means. Never a reason to end a pass.

use crate::contract::scenario::Hint;
use crate::lenient::parse_id;
use crate::order::{self, Ranked};

const SCANNED: &str = "VALIDATED";

/// Sorted. Few hints come together, but an institution's night batch may name every ticket of a block.
pub(super) struct Scans {
    tickets: Vec<Ranked>,
    /// Movements named without a ticket.
    movements: Vec<Ranked>,
    /// Movements named, with or without.
    named: Vec<Ranked>,
}

impl Scans {
    pub(super) fn of(hints: &[Hint]) -> Self {
        let scanned = || hints.iter().filter(|hint| hint.state.eq_ignore_ascii_case(SCANNED));
        let id = |id: &Option<String>| id.as_deref().and_then(parse_id);
        Self {
            tickets: order::sorted(scanned().filter_map(|hint| id(&hint.ticket))),
            movements: order::sorted(
                scanned().filter(|hint| id(&hint.ticket).is_none()).filter_map(|hint| id(&hint.sale_movement)),
            ),
            named: order::sorted(scanned().filter_map(|hint| id(&hint.sale_movement))),
        }
    }

    /// A hint that names another ticket of the movement is about one that is superseded.
    pub(super) fn names(&self, movement: i64, ticket: Option<i64>) -> bool {
        let names = |list: &[Ranked], number| order::find(list, number).is_some();
        match ticket {
            Some(ticket) => names(&self.tickets, ticket) || names(&self.movements, movement),
            None => names(&self.named, movement),
        }
    }
}
