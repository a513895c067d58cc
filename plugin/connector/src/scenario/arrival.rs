//! Living movements without a pass: what one would be built from, when the holder asks.
//!
//! Owns the offers and the finding `purchase`. A movement that took another's place is part of that exchange or replacement, not a purchase.

use super::departure::{Succession, has_ticket};
use super::living::Run;
use super::matrix::{self, tri};
use super::reason::Reason;
use super::standing::Life;
use crate::contract::scenario::{Action, Confidence, Fault, Operation, UseCase};
use crate::contract::types::{Subject, Tri};
use crate::lenient::parse_id;
use crate::order;

pub(super) fn offers(
    run: &mut Run<'_, '_>,
    succession: &Succession,
    operations: &mut Vec<Operation>,
) -> Result<(), Fault> {
    let file = run.file;
    let passes = run.observation.passes.iter();
    let orders = order::sorted(passes.filter_map(|pass| parse_id(pass.order.as_deref()?)));
    for standing in &file.standings {
        // Nothing to scan yet: a reservation, or an order whose tickets are still being made.
        let ready = matches!(standing.life, Life::Alive { .. }) && has_ticket(standing);
        if !ready || run.known.has(standing.id) {
            continue;
        }
        let fresh = run.fresh(standing)?;
        let movement = standing.id.to_string();
        let reason = if succession.includes(standing.id) {
            Reason::Succeeds
        } else {
            let order = file.order(standing.first);
            let originator = order.and_then(|order| order.originator.as_deref());
            let (ticket_shop, back_office) = matrix::origin(originator);
            let new_order = order.is_none_or(|order| order::find(&orders, order.id).is_none());
            let file = if run.observation.passes.is_empty() { Tri::Unknown } else { Tri::No };
            let new_order = tri(new_order);
            let observed = [
                ticket_shop,
                back_office,
                new_order,
                Tri::Yes,
                Tri::Yes,
                new_order,
                file,
                Tri::Unknown,
                Tri::No,
                Tri::No,
            ];
            run.findings.add(UseCase::Purchase, Confidence::Firm, observed, originator, movement.clone());
            Reason::Purchased
        };
        operations.push(Operation {
            subject: Subject::Movement(movement),
            pass: None,
            order: run.stated_by(standing),
            ticket: fresh.facts.ticket.as_deref().map(str::to_owned),
            successor: None,
            reason: reason.alone(),
            action: Action::Offer(fresh.part()),
        });
    }
    Ok(())
}
