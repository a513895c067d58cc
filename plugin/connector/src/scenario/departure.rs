//! A pass whose movement is gone: stated to have ended, or in no order any more.
//!
//! Owns the evidence, the successor and the finding: exchange, replacement, cancellation. Positive evidence ends at once, absence is the host's to
//! confirm. Whatever it is called, the pass ends; and only who held it is led to what took its place.

use super::event::{self, EventFacts};
use super::known::keep;
use super::living::Run;
use super::matrix::{self, tri};
use super::programme;
use super::reason::Reason;
use super::standing::{File, Life, OrderKind, Standing};
use super::succession::{self, Arrival, Bond, Departed, Match, Place};
use super::ticket::TicketFacts;
use crate::contract::scenario::{Action, Confidence, Evidence, KnownPass, Operation, UseCase};
use crate::contract::types::{PassState, Tri};
use crate::lenient::parse_id;
use crate::order::{self, Ranked};

/// Who took whose place.
#[derive(Default)]
pub(super) struct Succession {
    /// By place of the pass.
    by_pass: Vec<Option<Successor>>,
    /// Movements that took a place, sorted.
    movements: Vec<Ranked>,
}

/// The movement that took a pass's place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Successor {
    movement: i64,
    /// Rank of its order.
    rank: usize,
    bond: Bond,
    another_person: bool,
    /// Known to be the same person's.
    same_person: bool,
    /// Known since an earlier run.
    settled: bool,
}

impl Successor {
    /// The movement, for whoever holds the old pass. Another person's pass has their name and their barcode; where it is not known who held the
    /// old one, nobody is led there.
    fn to_the_holder(self) -> Option<String> {
        self.same_person.then(|| self.movement.to_string())
    }
}

impl Succession {
    pub(super) fn of_pass(&self, place: usize) -> Option<Successor> {
        self.by_pass.get(place).copied().flatten()
    }

    pub(super) fn includes(&self, movement: i64) -> bool {
        order::find(&self.movements, movement).is_some()
    }
}

/// Pairs what is gone with what came, over the whole file.
pub(super) fn succession(run: &Run<'_, '_>) -> Succession {
    let file = run.file;
    let mut departed = Vec::new();
    let mut places = Vec::new();
    for (place, pass) in run.observation.passes.iter().enumerate() {
        let Some(id) = run.known.movement(place) else { continue };
        let standing = file.standing(id);
        if standing.is_none_or(|standing| standing.life.is_gone()) {
            places.push(place);
            departed.push(gone(run, pass, standing));
        }
    }
    if departed.is_empty() {
        return Succession::default();
    }
    let passes = run.observation.passes.iter().enumerate();
    let void = order::sorted(
        passes
            .filter(|(_, pass)| matches!(pass.state, PassState::Void))
            .filter_map(|(place, _)| run.known.movement(place)),
    );
    let mut arrivals = Vec::new();
    let mut movements = Vec::new();
    for standing in &file.standings {
        let alive = matches!(standing.life, Life::Alive { .. });
        if alive && order::find(&void, standing.id).is_none() && has_ticket(standing) {
            let exchange = file.order(standing.first).is_some_and(|order| order.kind == OrderKind::Exchange);
            let place = place_of(file, standing);
            arrivals.push(Arrival { place, rank: standing.first, exchange, known: run.known.has(standing.id) });
            movements.push(standing.id);
        }
    }
    let mut succession = Succession { by_pass: vec![None; run.observation.passes.len()], movements: Vec::new() };
    let matches = succession::pair(&departed, &arrivals);
    for ((found, place), gone) in matches.into_iter().zip(places).zip(&departed) {
        let Some(Match { arrival, bond, settled }) = found else { continue };
        if let (Some(movement), Some(new), Some(slot)) =
            (movements.get(arrival), arrivals.get(arrival), succession.by_pass.get_mut(place))
        {
            let another_person = succession::is_another_person(&gone.place, &new.place);
            let erased = run.observation.passes.get(place).is_none_or(|pass| pass.snapshot.is_none());
            let same_person = !erased && gone.place.holder == new.place.holder;
            *slot = Some(Successor { movement: *movement, rank: new.rank, bond, another_person, same_person, settled });
            succession.movements.push((*movement, 0, 0, 0));
        }
    }
    order::sort(&mut succession.movements);
    succession
}

/// There is something to scan, so that a pass can be made of it.
pub(super) fn has_ticket(standing: &Standing<'_>) -> bool {
    standing.movement.bar_code.text().is_some() || super::ticket::current(&standing.movement.tickets).is_some()
}

fn gone<'a>(run: &Run<'a, 'a>, pass: &'a KnownPass, standing: Option<&Standing<'a>>) -> Departed<'a> {
    let by_pass = pass.order.as_deref().and_then(parse_id).and_then(|order| run.file.rank_of_order(order));
    Departed {
        place: place_of_pass(run, pass)
            .or_else(|| standing.map(|standing| place_of(run.file, standing)))
            .unwrap_or_default(),
        rank: by_pass.or_else(|| standing.map(|standing| standing.first)),
        left_by: standing.and_then(|standing| standing.left_by),
        void: matches!(pass.state, PassState::Void),
        absent: standing.is_none_or(|standing| standing.life != Life::Ended),
    }
}

fn place_of<'f>(file: &File<'f>, standing: &Standing<'f>) -> Place<'f> {
    let movement = standing.movement;
    let seat = movement
        .seat
        .text()
        .map(|seat| (movement.area.text().unwrap_or_default(), movement.row.text().unwrap_or_default(), seat));
    let (first, last) = (movement.beneficiary_firstname.text(), movement.beneficiary_lastname.text());
    let holder = (first.is_some() || last.is_some()).then(|| (first.unwrap_or_default(), last.unwrap_or_default()));
    let operation = file.operation(standing).map(|operation| operation.raw);
    Place {
        performance: operation.and_then(|operation| operation.performance_id.id()),
        product: operation.and_then(programme::product),
        seat,
        holder,
    }
}

/// From what the pass was last built from; after erasure from the events that it shows, without seat and holder.
fn place_of_pass<'a>(run: &Run<'a, 'a>, pass: &'a KnownPass) -> Option<Place<'a>> {
    let performance = pass.shown.first().and_then(|(key, _)| event::performance_of(key));
    let Some(snapshot) = &pass.snapshot else {
        let (key, _) = pass.shown.first()?;
        let event = run.observation.events.iter().find(|event| event.key == *key)?;
        let product = EventFacts::of_part(event)?.into_product();
        return Some(Place { performance, product, seat: None, holder: None });
    };
    let facts = TicketFacts::of_part(snapshot)?;
    let product = programme::read_selectors(&snapshot.selectors).take("product");
    let holder = facts
        .has_holder()
        .then(|| (facts.first_name.clone().unwrap_or_default(), facts.last_name.clone().unwrap_or_default()));
    let seat = facts
        .seat
        .clone()
        .map(|seat| (facts.area.clone().unwrap_or_default(), facts.row.clone().unwrap_or_default(), seat));
    Some(Place { performance, product, seat, holder })
}

/// What becomes of the pass.
pub(super) fn departed(
    run: &mut Run<'_, '_>,
    pass: &KnownPass,
    id: i64,
    standing: Option<&Standing<'_>>,
    successor: Option<Successor>,
) -> Operation {
    let is_void = matches!(pass.state, PassState::Void);
    let heir = successor.and_then(Successor::to_the_holder);
    if is_void && successor.is_none_or(|successor| successor.settled) {
        return Operation { successor: heir, ..keep(pass, Reason::StillEnded) };
    }
    let stated = standing.is_some_and(|standing| standing.life == Life::Ended);
    let (action, deactivates) = match (is_void, stated) {
        (true, _) => (Action::Keep, Tri::No),
        (false, true) => (Action::End(Evidence::Positive), Tri::Yes),
        // A second look decides.
        (false, false) => (Action::End(Evidence::Absence), Tri::Unknown),
    };
    let reason = match successor {
        Some(successor) => succeeded(run, pass, id, standing, successor, deactivates),
        None => cancelled(run, pass, id, standing, deactivates),
    };
    Operation { successor: heir, action, ..keep(pass, reason) }
}

fn succeeded(
    run: &mut Run<'_, '_>,
    pass: &KnownPass,
    id: i64,
    standing: Option<&Standing<'_>>,
    successor: Successor,
    deactivates: Tri,
) -> Reason {
    let order = run.file.order(successor.rank);
    let originator = order.and_then(|order| order.originator.as_deref());
    let (ticket_shop, back_office) = matrix::origin(originator);
    let new_order = match (order, pass.order.as_deref().and_then(parse_id)) {
        (Some(order), Some(old)) => tri(order.id != old),
        _ => Tri::Unknown,
    };
    let observed = [
        ticket_shop,
        back_office,
        new_order,
        Tri::Yes,
        Tri::Yes,
        new_order,
        run.new_file(pass),
        Tri::Unknown,
        Tri::No,
        deactivates,
    ];
    let same_order = standing.and_then(|standing| standing.left_by) == Some(successor.rank);
    let sure = same_order || successor.bond == Bond::SameSeat;
    let confidence = if sure { Confidence::Firm } else { Confidence::Likely };
    let (use_case, reason) = if successor.another_person {
        (UseCase::Replacement, Reason::Replaced)
    } else {
        (UseCase::Exchange, Reason::Exchanged)
    };
    run.findings.add_pair(use_case, confidence, observed, originator, (id.to_string(), successor.movement.to_string()));
    reason
}

fn cancelled(
    run: &mut Run<'_, '_>,
    pass: &KnownPass,
    id: i64,
    standing: Option<&Standing<'_>>,
    deactivates: Tri,
) -> Reason {
    let sold = pass.order.as_deref().and_then(parse_id).and_then(|order| run.file.rank_of_order(order));
    let sold = sold.or_else(|| standing.map(|standing| standing.first));
    let by = standing
        .and_then(|standing| standing.left_by)
        .or_else(|| sold.and_then(|rank| run.file.refund_after(rank)))
        .and_then(|rank| run.file.order(rank));
    let originator = by.and_then(|order| order.originator.as_deref());
    let (ticket_shop, back_office) = matrix::origin(originator);
    let observed = [
        ticket_shop,
        back_office,
        tri(by.is_some()),
        Tri::No,
        Tri::No,
        tri(by.is_some()),
        run.new_file(pass),
        Tri::Unknown,
        Tri::No,
        deactivates,
    ];
    let refunded = |rank: usize| run.file.order(rank).is_some_and(|order| order.kind == OrderKind::Refund);
    let told = standing.is_some_and(|standing| standing.life == Life::Ended || standing.left_by.is_some_and(refunded));
    let confidence = if told { Confidence::Firm } else { Confidence::Likely };
    run.findings.add(UseCase::Cancellation, confidence, observed, originator, id.to_string());
    match standing {
        Some(_) if run.file.cancelled => Reason::FileCancelled,
        Some(standing) if matches!(standing.life, Life::Ended | Life::Withdrawn) => Reason::Cancelled,
        Some(_) | None => Reason::Absent,
    }
}
