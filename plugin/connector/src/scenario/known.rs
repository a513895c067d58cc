//! The passes of the file, found by movement.
//!
//! Owns the lookup and the operation that changes nothing.

use super::reason::Reason;
use crate::contract::scenario::{Action, KnownPass, Operation};
use crate::contract::types::Subject;
use crate::lenient::parse_id;
use crate::order::{self, Ranked};

pub(super) struct Known {
    /// Movement by place; none: a card, or no SecuTix identifier.
    movements: Vec<Option<i64>>,
    /// Movements with a pass.
    sorted: Vec<Ranked>,
}

impl Known {
    pub(super) fn of(passes: &[KnownPass]) -> Self {
        let movement = |pass: &KnownPass| match &pass.subject {
            Subject::Movement(id) => parse_id(id),
            Subject::Contact(_) => None,
        };
        let movements: Vec<_> = passes.iter().map(movement).collect();
        let sorted = order::sorted(movements.iter().copied().flatten());
        Self { movements, sorted }
    }

    pub(super) fn movement(&self, place: usize) -> Option<i64> {
        self.movements.get(place).copied().flatten()
    }

    pub(super) fn has(&self, movement: i64) -> bool {
        order::find(&self.sorted, movement).is_some()
    }
}

/// The pass stays as it is.
pub(super) fn keep(pass: &KnownPass, reason: Reason) -> Operation {
    Operation {
        subject: pass.subject.clone(),
        pass: Some(pass.pass.clone()),
        order: pass.order.clone(),
        ticket: pass.ticket.clone(),
        successor: None,
        action: Action::Keep,
        reason: reason.alone(),
    }
}

/// A card among tickets, or a ticket among cards: the answer says nothing of it.
pub(super) fn not_concerned(pass: &KnownPass) -> Operation {
    keep(pass, Reason::NotConcerned)
}
