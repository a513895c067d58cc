//! A pass whose movement is in the file and has not ended: what it shows against what it should show.
//!
//! Owns the comparison and its findings. Several changes at once are several findings and one operation. After erasure only the ticket's number and
//! the events can be compared, and the facts say so.

use std::borrow::Cow;

use super::envelope::{Unread, unreadable};
use super::event::EventFacts;
use super::findings::Findings;
use super::hint::Scans;
use super::known::{Known, keep};
use super::matrix::{self, Observed, tri};
use super::programme::{self, Programme};
use super::reason::Reason;
use super::standing::{File, Life, Standing};
use super::ticket::{Difference, TicketFacts};
use crate::contract::scenario::{Action, Confidence, Fault, KnownPass, Observation, Operation, UseCase};
use crate::contract::types::{PassState, TicketPart, Tri};
use crate::lenient::parse_id;

/// Everything that one classification knows.
pub(super) struct Run<'r, 'f> {
    pub observation: &'r Observation,
    pub file: &'r File<'f>,
    pub programme: Programme<'f>,
    pub known: Known,
    pub scans: Scans,
    pub findings: Findings,
    pub unread: Unread,
    /// How sure it is that nothing happened, when nothing was found.
    pub sure: Confidence,
    /// A pass shows a ticket that is dead, and its successor is not there yet.
    pub unsettled: bool,
}

/// What a ticket is to be built from, before it is written.
pub(super) struct Fresh<'f> {
    pub facts: TicketFacts<'f>,
    pub events: Vec<String>,
    pub selectors: String,
}

impl Fresh<'_> {
    pub(super) fn part(self) -> TicketPart {
        let body = self.facts.canonical();
        self.part_of(body)
    }

    /// `body`: the facts, written.
    fn part_of(self, body: Vec<u8>) -> TicketPart {
        TicketPart { body, events: self.events, selectors: self.selectors }
    }
}

impl<'r, 'f> Run<'r, 'f> {
    /// Reads a living movement. Without its operation there is no event to show: that is unreadable, not a ticket without an event.
    pub(super) fn fresh(&mut self, standing: &Standing<'f>) -> Result<Fresh<'f>, Fault> {
        let pointer = || self.file.pointer(standing);
        let (place, operation) = self
            .file
            .place_of_operation(standing)
            .and_then(|place| Some((place, self.file.operations.get(place)?)))
            .ok_or_else(|| unreadable(format!("{}/operationId", pointer())))?;
        let order = self.file.order(standing.first).map(|order| order.id.to_string()).unwrap_or_default();
        let mut facts = TicketFacts::of(standing.movement, standing.id.to_string(), order, &mut self.unread, &pointer);
        let ticket = facts.ticket.as_deref().and_then(parse_id);
        facts.used |= self.scans.names(standing.id, ticket);
        let events = self.programme.shown_by(place, &mut self.unread);
        let selectors = programme::selectors(operation.raw, &facts);
        Ok(Fresh { facts, events, selectors })
    }

    pub(super) fn living(&mut self, pass: &KnownPass, id: i64, standing: &Standing<'f>) -> Result<Operation, Fault> {
        if standing.life == Life::Silent {
            return Ok(keep(pass, Reason::NotConcerned));
        }
        if let Some(pointer) = self.file.doubt(standing) {
            self.unread.note(|| pointer);
            self.sure = Confidence::Guess;
        }
        self.unsettled |= standing.life == Life::Between;
        let mut fresh = self.fresh(standing)?;
        let body = fresh.facts.canonical();
        if standing.life != Life::Between && self.shows(pass, &fresh, &body) {
            return Ok(Operation {
                order: self.stated_by(standing),
                ticket: fresh.facts.ticket.map(Cow::into_owned),
                ..keep(pass, Reason::Unchanged)
            });
        }
        let old = pass.snapshot.as_ref().and_then(TicketFacts::of_part);
        let carried = old.as_ref().is_some_and(|old| self.carry_over(&mut fresh.facts, old, standing));
        let body = if carried { fresh.facts.canonical() } else { body };
        if matches!(pass.state, PassState::Void) {
            return Ok(self.void(pass, id, standing, fresh));
        }
        let order = self.stated_by(standing);
        let change = match &old {
            Some(old) => self.compare(Change::of(pass, id), old, &fresh, standing),
            None => self.compare_erased(Change::of(pass, id), &fresh, standing),
        };
        let operation = |action, reason| Operation {
            subject: pass.subject.clone(),
            pass: Some(pass.pass.clone()),
            order: order.clone(),
            ticket: fresh.facts.ticket.as_deref().map(str::to_owned).or_else(|| pass.ticket.clone()),
            successor: None,
            action,
            reason,
        };
        let reason = match change.reasons.as_slice() {
            [] if standing.life == Life::Between => {
                return Ok(operation(Action::Keep, Reason::BetweenTickets.alone()));
            }
            [] => return Ok(operation(Action::Keep, Reason::Unchanged.alone())),
            [one] => *one,
            _ => Reason::SeveralChanges,
        };
        let reason = reason.with(&change.fields);
        let mut operation = operation(Action::Keep, reason);
        operation.action = Action::Update(fresh.part_of(body));
        Ok(operation)
    }

    /// The latest order that says what the ticket is.
    pub(super) fn stated_by(&self, standing: &Standing<'_>) -> Option<String> {
        self.file.order(standing.rank).map(|order| order.id.to_string())
    }

    /// The live pass shows this to the byte: most passes of most runs, told without reading what they show.
    fn shows(&self, pass: &KnownPass, fresh: &Fresh<'_>, body: &[u8]) -> bool {
        let Some(snapshot) = &pass.snapshot else { return false };
        matches!(pass.state, PassState::Live)
            && snapshot.selectors == fresh.selectors
            && pass.shown.iter().map(|(key, _)| key).eq(&fresh.events)
            && pass.shown.iter().all(|(key, as_stored)| *as_stored && self.programme.is_as_stored(key))
            && snapshot.body == body
    }

    /// What the answer does not repeat and the pass must not lose: a barcode, the ticket's number, that it was used. Whether it was anything.
    fn carry_over(&mut self, new: &mut TicketFacts<'f>, old: &TicketFacts<'_>, standing: &Standing<'_>) -> bool {
        let owned = |field: &Option<Cow<'_, str>>| field.as_deref().map(|text| Cow::Owned(text.to_owned()));
        let between = standing.life == Life::Between;
        let mut carried = false;
        if old.barcode.is_some() && (between || new.barcode.is_none()) {
            if !between {
                self.unread.note(|| format!("{}/barCode", self.file.pointer(standing)));
            }
            new.barcode = owned(&old.barcode);
            new.ticket = owned(&old.ticket);
            carried = true;
        } else if new.ticket.is_none() && new.barcode == old.barcode {
            new.ticket = owned(&old.ticket);
            carried = true;
        }
        // One way while the ticket is the same; a reprint is a ticket that was not scanned.
        if old.used && !new.used && new.is_same_ticket(old) {
            new.used = true;
            carried = true;
        }
        carried
    }

    /// A void pass whose movement is alive after all. A ticket must say so, or, where SecuTix tells no tickets, the movement's being there.
    fn void(&mut self, pass: &KnownPass, id: i64, standing: &Standing<'f>, fresh: Fresh<'f>) -> Operation {
        let alive = match standing.life {
            Life::Alive { stated } => stated || pass.ticket.is_none(),
            _ => false,
        };
        if !alive {
            return keep(pass, Reason::StillEnded);
        }
        let (observed, originator) = self.observed(pass, Some(standing), Tri::Unknown);
        self.findings.add(UseCase::UnknownChange, Confidence::Likely, observed, originator, id.to_string());
        Operation {
            subject: pass.subject.clone(),
            pass: Some(pass.pass.clone()),
            order: self.stated_by(standing),
            ticket: fresh.facts.ticket.as_deref().map(str::to_owned),
            successor: None,
            reason: Reason::AliveAgain.alone(),
            action: Action::Revive(fresh.part()),
        }
    }

    fn compare<'p>(
        &mut self,
        mut change: Change<'p>,
        old: &TicketFacts<'_>,
        new: &Fresh<'_>,
        standing: &Standing<'_>,
    ) -> Change<'p> {
        let found = Difference::between(old, &new.facts);
        let mut event_fields = self.event_fields(change.pass, new);
        event_fields.extend(selector_fields(change.pass, new));
        self.event_change(&mut change, &event_fields, standing);
        let order = Some(standing);
        // A ticket under a new name is printed anew: that belongs to the name.
        if found.ticket && !found.holder {
            let confidence =
                if old.ticket.is_some() && new.facts.ticket.is_some() { Confidence::Firm } else { Confidence::Likely };
            self.find(&mut change, UseCase::Reprint, confidence, order, Tri::Yes, Reason::BarcodeChanged);
        }
        if found.holder {
            let new_ticket = tri(found.ticket);
            self.find(&mut change, UseCase::HolderChange, Confidence::Firm, order, new_ticket, Reason::HolderChanged);
        }
        if found.contact {
            let use_case = UseCase::CulturalContactChange;
            self.find(&mut change, use_case, Confidence::Firm, order, Tri::No, Reason::ContactChanged);
        }
        if found.entered {
            let stated = standing
                .movement
                .tickets
                .objects()
                .any(|(_, ticket)| matches!(super::ticket::state(ticket), super::ticket::TicketState::Controlled));
            let confidence = if stated { Confidence::Firm } else { Confidence::Likely };
            self.find(&mut change, UseCase::EntryScan, confidence, None, Tri::No, Reason::Entered);
        }
        if found.details {
            self.find(&mut change, UseCase::UnknownChange, Confidence::Guess, order, Tri::No, Reason::DetailsChanged);
        }
        change.fields.extend(found.fields);
        change.fields.extend(event_fields);
        change
    }

    /// Nothing is left of the ticket's facts but its number.
    fn compare_erased<'p>(&mut self, mut change: Change<'p>, new: &Fresh<'_>, standing: &Standing<'_>) -> Change<'p> {
        self.sure = self.sure.max(Confidence::Likely);
        let pass = change.pass;
        let event_fields = self.event_fields(pass, new);
        self.event_change(&mut change, &event_fields, standing);
        let another =
            matches!((&pass.ticket, &new.facts.ticket), (Some(old), Some(new)) if old.as_str() != new.as_ref());
        if another && standing.life != Life::Between {
            // The same holder or another: cannot be told any more.
            let order = Some(standing);
            self.find(&mut change, UseCase::Reprint, Confidence::Guess, order, Tri::Yes, Reason::BarcodeChanged);
            change.fields.push("ticket.number");
        }
        let ticket = new.facts.ticket.as_deref().and_then(parse_id);
        if self.scans.names(change.id, ticket) {
            self.find(&mut change, UseCase::EntryScan, Confidence::Likely, None, Tri::No, Reason::Entered);
            change.fields.push("state.used");
        }
        change.fields.extend(event_fields);
        change
    }

    /// Names of what differs between the events that the pass shows and those that it should.
    fn event_fields(&self, pass: &KnownPass, new: &Fresh<'_>) -> Vec<&'static str> {
        let mut fields = Vec::new();
        let same_list = pass.shown.iter().map(|(key, _)| key).eq(new.events.iter());
        if !same_list {
            fields.push("events");
        }
        for (at, key) in new.events.iter().enumerate() {
            let Some(part) = self.programme.part(key) else { continue };
            // A ticket that moved to another performance: its event against the one in the same place.
            let shown =
                pass.shown.iter().find(|(shown, _)| shown == key).or_else(|| pass.shown.get(at).filter(|_| !same_list));
            let Some((shown_key, as_stored)) = shown else { continue };
            let stored = if *as_stored { self.programme.stored(shown_key) } else { None };
            if stored.is_some_and(|stored| stored.body == part.body) {
                continue;
            }
            let before = fields.len();
            if let (Some(old), Some(new)) = (stored.and_then(EventFacts::of_part), EventFacts::of_part(part)) {
                old.difference(&new, &mut fields);
            }
            if fields.len() == before {
                // Something differs, and what it was is not known any more.
                fields.push("event");
            }
        }
        fields
    }

    /// An event is edited without an order; a ticket that moved to another event is another matter.
    fn event_change(&mut self, change: &mut Change<'_>, fields: &[&'static str], standing: &Standing<'_>) {
        if !fields.is_empty() {
            let order = fields.contains(&"events").then_some(standing);
            self.find(change, UseCase::EventChange, Confidence::Firm, order, Tri::No, Reason::EventChanged);
        }
    }

    /// `order`: the standing whose order may have made the change; none where no order does.
    fn find(
        &mut self,
        change: &mut Change<'_>,
        use_case: UseCase,
        confidence: Confidence,
        order: Option<&Standing<'_>>,
        new_ticket: Tri,
        reason: Reason,
    ) {
        let (observed, originator) = self.observed(change.pass, order, new_ticket);
        self.findings.add(use_case, confidence, observed, originator, change.id.to_string());
        change.reasons.push(reason);
    }

    /// A change under the same movement, and the originator of the order that made it: the latest that says what the ticket is, unless the pass
    /// was built from it. Where no order did, nothing says who.
    fn observed(&self, pass: &KnownPass, order: Option<&Standing<'_>>, new_ticket: Tri) -> (Observed, Option<&'r str>) {
        use Tri::{No, Unknown, Yes};
        let order = order.and_then(|standing| self.file.order(standing.rank));
        let (made, order) = match (order, pass.order.as_deref().and_then(parse_id)) {
            (None, _) => (No, None),
            (Some(_), None) => (Unknown, None),
            (Some(order), Some(known)) if order.id == known => (No, None),
            (Some(order), Some(_)) => (Yes, Some(order)),
        };
        let originator = order.and_then(|order| order.originator.as_deref());
        let (ticket_shop, back_office) = matrix::origin(originator);
        let file = self.new_file(pass);
        ([ticket_shop, back_office, made, new_ticket, No, made, file, Unknown, Yes, No], originator)
    }

    /// Is the file another one than the pass was last seen in?
    pub(super) fn new_file(&self, pass: &KnownPass) -> Tri {
        pass.file.as_ref().map_or(Tri::Unknown, |file| tri(*file != self.file.id))
    }
}

/// What changed of one pass.
struct Change<'p> {
    pass: &'p KnownPass,
    id: i64,
    reasons: Vec<Reason>,
    fields: Vec<&'static str>,
}

impl<'p> Change<'p> {
    fn of(pass: &'p KnownPass, id: i64) -> Self {
        Self { pass, id, reasons: Vec::new(), fields: Vec::new() }
    }
}

/// Selectors that come from the event, so that another template is chosen when the organiser says so. Those of the ticket are in its body.
fn selector_fields(pass: &KnownPass, new: &Fresh<'_>) -> Option<&'static str> {
    let snapshot = pass.snapshot.as_ref()?;
    if snapshot.selectors == new.selectors {
        return None;
    }
    let (old, new) = (programme::read_selectors(&snapshot.selectors), programme::read_selectors(&new.selectors));
    let of_event = |(name, _): &(&str, &str)| !matches!(*name, "audience" | "tariff");
    let same = old.iter().filter(of_event).eq(new.iter().filter(of_event));
    (!same && !old.is_empty()).then_some("event.template")
}
