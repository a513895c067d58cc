//! The facts of one ticket: made from a movement, written as the ticket part, read back from what a pass was last built from, compared.
//!
//! Owns the ticket part's body and the names of its fields. Does not own which of several statements describes a movement (`standing`), nor the
//! event (`event`). Personal: it leaves the connector only as a part that the host seals.

use std::borrow::Cow;

use super::answer::{Movement, Ticket};
use super::envelope::Unread;
use super::moment::Moment;
use crate::canonical::{Object, name};
use crate::contract::types::TicketPart;
use crate::lenient::{List, Scalar, fields};

type Field<'a> = Option<Cow<'a, str>>;

/// What a ticket part says. Empty text and absence are the same.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct TicketFacts<'a> {
    pub movement: Field<'a>,
    pub ticket: Field<'a>,
    pub order: Field<'a>,
    pub barcode: Field<'a>,
    pub first_name: Field<'a>,
    pub last_name: Field<'a>,
    pub contact: Field<'a>,
    pub area: Field<'a>,
    pub gate: Field<'a>,
    pub row: Field<'a>,
    pub seat: Field<'a>,
    pub seat_category: Field<'a>,
    pub audience: Field<'a>,
    pub tariff: Field<'a>,
    pub valid_from: Field<'a>,
    pub valid_to: Field<'a>,
    pub used: bool,
}

fields! {
    /// A ticket part's body, as it was written.
    struct TicketBody<'a> {
        [movement = "movement", ticket = "ticket", order = "order", barcode = "barcode",
            first_name = "firstName", last_name = "lastName", contact = "contact", area = "area",
            gate = "gate", row = "row", seat = "seat", seat_category = "seatCategory", audience = "audience",
            tariff = "tariff", valid_from = "validFrom", valid_to = "validTo", used = "used"]
    }
}

/// The ticket's state within its movement (domain.md 3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TicketState {
    /// VALID, PRINTED, NOT_PRINTED, and every state that is not known: an unknown word is no reason to end a pass.
    Living,
    /// CONTROLLED: scanned. It lives.
    Controlled,
    /// INVALIDATED: superseded by another ticket of the same movement.
    Superseded,
    /// CANCELLED: the right of entry is withdrawn.
    Withdrawn,
}

pub(super) fn state(ticket: &Ticket<'_>) -> TicketState {
    let Some(state) = ticket.ticket_state.text() else { return TicketState::Living };
    let is = |name: &str| state.eq_ignore_ascii_case(name);
    if is("CONTROLLED") {
        TicketState::Controlled
    } else if is("INVALIDATED") {
        TicketState::Superseded
    } else if is("CANCELLED") || is("CANCELED") {
        TicketState::Withdrawn
    } else {
        TicketState::Living
    }
}

/// The ticket that counts: the newest living one, else the newest. Identifiers rise, and the list's order breaks ties.
pub(super) fn current<'m, 'a>(tickets: &'m List<Ticket<'a>>) -> Option<&'m Ticket<'a>> {
    let living = |ticket: &Ticket<'_>| matches!(state(ticket), TicketState::Living | TicketState::Controlled);
    tickets.objects().max_by_key(|(at, ticket)| (living(ticket), ticket.ticket_id.id(), *at)).map(|(_, ticket)| ticket)
}

impl<'a> TicketFacts<'a> {
    /// `pointer` is the movement's own.
    pub(super) fn of<'m: 'a>(
        movement: &'m Movement<'_>,
        id: String,
        order: String,
        unread: &mut Unread,
        pointer: &dyn Fn() -> String,
    ) -> Self {
        let ticket = current(&movement.tickets);
        let mut text = |scalar: &'m Scalar<'_>, name: &str| -> Field<'a> {
            unread.check(scalar, || format!("{}/{name}", pointer()));
            scalar.text()
        };
        let mut facts = Self {
            movement: Some(Cow::Owned(id)),
            ticket: ticket.and_then(|ticket| ticket.ticket_id.id()).map(|id| Cow::Owned(id.to_string())),
            order: Some(Cow::Owned(order)),
            // The living ticket's own barcode; the movement's where tickets are not told apart.
            barcode: ticket
                .and_then(|ticket| text(&ticket.barcode, "tickets"))
                .or_else(|| text(&movement.bar_code, "barCode")),
            first_name: text(&movement.beneficiary_firstname, "beneficiaryFirstname"),
            last_name: text(&movement.beneficiary_lastname, "beneficiaryLastname"),
            contact: text(&movement.cultural_contact_number, "culturalContactNumber"),
            area: text(&movement.area, "area"),
            gate: text(&movement.gate, "gate"),
            row: text(&movement.row, "row"),
            seat: text(&movement.seat, "seat"),
            seat_category: text(&movement.seat_category, "seatCategory"),
            audience: text(&movement.audience_sub_category, "audienceSubCategory"),
            tariff: text(&movement.tariff, "tariff"),
            valid_from: None,
            valid_to: None,
            used: ticket.is_some_and(|ticket| state(ticket) == TicketState::Controlled),
        };
        let mut date = |scalar: &Scalar<'_>, name: &str| -> Field<'a> {
            let moment = Moment::read(scalar);
            if moment.is_none() && (scalar.text().is_some() || scalar.is_misfit()) {
                unread.note(|| format!("{}/{name}", pointer()));
            }
            moment.map(|moment| Cow::Owned(moment.text))
        };
        facts.valid_from = date(&movement.start_validity_date, "startValidityDate");
        facts.valid_to = date(&movement.end_validity_date, "endValidityDate");
        facts
    }

    /// What a pass was last built from; none when another version wrote something that this one cannot read.
    pub(super) fn of_part(part: &'a TicketPart) -> Option<Self> {
        let body: TicketBody<'a> = super::read(&part.body)?;
        Some(Self {
            movement: body.movement.into_text(),
            ticket: body.ticket.into_text(),
            order: body.order.into_text(),
            barcode: body.barcode.into_text(),
            first_name: body.first_name.into_text(),
            last_name: body.last_name.into_text(),
            contact: body.contact.into_text(),
            area: body.area.into_text(),
            gate: body.gate.into_text(),
            row: body.row.into_text(),
            seat: body.seat.into_text(),
            seat_category: body.seat_category.into_text(),
            audience: body.audience.into_text(),
            tariff: body.tariff.into_text(),
            valid_from: body.valid_from.into_text(),
            valid_to: body.valid_to.into_text(),
            used: body.used == Scalar::Flag(true),
        })
    }

    pub(super) fn canonical(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(448);
        let mut object = Object::open(&mut out);
        object.optional(name!("area"), self.area.as_deref());
        object.optional(name!("audience"), self.audience.as_deref());
        object.optional(name!("barcode"), self.barcode.as_deref());
        object.optional(name!("contact"), self.contact.as_deref());
        object.optional(name!("firstName"), self.first_name.as_deref());
        object.optional(name!("gate"), self.gate.as_deref());
        object.text(name!("kind"), "ticket");
        object.optional(name!("lastName"), self.last_name.as_deref());
        object.optional(name!("movement"), self.movement.as_deref());
        object.optional(name!("order"), self.order.as_deref());
        object.optional(name!("row"), self.row.as_deref());
        object.optional(name!("seat"), self.seat.as_deref());
        object.optional(name!("seatCategory"), self.seat_category.as_deref());
        object.optional(name!("tariff"), self.tariff.as_deref());
        object.optional(name!("ticket"), self.ticket.as_deref());
        object.flag(name!("used"), self.used);
        object.optional(name!("validFrom"), self.valid_from.as_deref());
        object.optional(name!("validTo"), self.valid_to.as_deref());
        object.close();
        out
    }

    /// The same ticket: by number where both have one, else by barcode.
    pub(super) fn is_same_ticket(&self, other: &Self) -> bool {
        match (&self.ticket, &other.ticket) {
            (Some(this), Some(that)) => this == that,
            _ => self.barcode.is_some() && self.barcode == other.barcode,
        }
    }

    pub(super) fn has_holder(&self) -> bool {
        self.first_name.is_some() || self.last_name.is_some()
    }
}

/// What differs between two readings of one movement.
#[derive(Debug, Default)]
pub(super) struct Difference {
    pub ticket: bool,
    pub holder: bool,
    pub contact: bool,
    pub details: bool,
    pub entered: bool,
    /// Template-level names of all of it.
    pub fields: Vec<&'static str>,
}

impl Difference {
    pub(super) fn between(old: &TicketFacts<'_>, new: &TicketFacts<'_>) -> Self {
        let mut found = Self::default();
        let Self { ticket, holder, contact, details, entered, fields } = &mut found;
        // A number that becomes known, with the barcode that it had, is no new ticket.
        let renumbered = old.ticket != new.ticket;
        let another_number = renumbered && old.ticket.is_some() && new.ticket.is_some();
        let another_barcode = old.barcode != new.barcode;
        *ticket = another_number || another_barcode;
        *details |= renumbered && !*ticket;
        let mut compare = |old: &Field<'_>, new: &Field<'_>, name: &'static str, flag: &mut bool| {
            if old != new {
                *flag = true;
                fields.push(name);
            }
        };
        let mut told = false;
        compare(&old.ticket, &new.ticket, "ticket.number", &mut told);
        compare(&old.barcode, &new.barcode, "barCode", &mut told);
        compare(&old.first_name, &new.first_name, "firstName", holder);
        compare(&old.last_name, &new.last_name, "lastName", holder);
        compare(&old.contact, &new.contact, "contact.number", contact);
        compare(&old.order, &new.order, "ticket.order", details);
        compare(&old.area, &new.area, "ticket.area", details);
        compare(&old.gate, &new.gate, "ticket.gate", details);
        compare(&old.row, &new.row, "ticket.row", details);
        compare(&old.seat, &new.seat, "ticket.seat", details);
        compare(&old.seat_category, &new.seat_category, "ticket.seatCategory", details);
        compare(&old.audience, &new.audience, "ticket.audience", details);
        compare(&old.tariff, &new.tariff, "ticket.tariff", details);
        compare(&old.valid_from, &new.valid_from, "ticket.validFrom", details);
        compare(&old.valid_to, &new.valid_to, "ticket.validTo", details);
        if old.used != new.used {
            *entered = new.used;
            fields.push("state.used");
        }
        found
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A ticket with all that a ticket can have, each value another one. No `..`: a new field is missed here.
    fn full() -> TicketFacts<'static> {
        let field = |text: &'static str| Some(Cow::Borrowed(text));
        TicketFacts {
            movement: field("the movement"),
            ticket: field("the ticket"),
            order: field("the order"),
            barcode: field("the barcode"),
            first_name: field("the first name"),
            last_name: field("the last name"),
            contact: field("the contact"),
            area: field("the area"),
            gate: field("the gate"),
            row: field("the row"),
            seat: field("the seat"),
            seat_category: field("the category"),
            audience: field("the audience"),
            tariff: field("the tariff"),
            valid_from: field("2026-12-01T20:00:00+01:00"),
            valid_to: field("2026-12-01T23:00:00+01:00"),
            used: true,
        }
    }

    pub(crate) fn full_part() -> TicketPart {
        TicketPart { body: full().canonical(), events: Vec::new(), selectors: String::new() }
    }

    #[test]
    fn what_is_written_is_read_back_and_every_difference_has_a_name() {
        let part = full_part();
        assert_eq!(TicketFacts::of_part(&part), Some(full()));
        let empty = TicketFacts::default();
        let named = Difference::between(&empty, &full()).fields;
        let body: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&part.body).unwrap();
        // `kind` is the part's, and the movement is what the comparison is about.
        assert_eq!(named.len(), body.len() - 2, "{named:?}");
        for name in named {
            assert!(super::super::FIELDS.contains(&name), "{name}");
        }
    }
}
