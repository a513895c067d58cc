//! The names that a template may use, and what each of them is.
//!
//! Owns names, natures and scopes. Does not own values (`payload::facts`). The position in [`VOCABULARY`] is the variable's number in a compiled
//! template, so a change of the order is a change of [`super::format::VERSION`].

/// A variable with a meaning of its own. `settings.*`, `tenant.*` and the other `host.*` are [`Reference::Named`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variable {
    FirstName,
    LastName,
    /// First and last name, or the one that there is.
    FullName,
    BarCode,
    Area,
    SeatCategory,
    Row,
    Seat,
    Gate,
    Audience,
    Tariff,
    TicketNumber,
    Movement,
    Order,
    ValidFrom,
    ValidTo,
    EventTitle,
    EventStart,
    EventEnd,
    EventDoors,
    EventState,
    EventCode,
    EventKind,
    /// Start of the earliest event, end of the latest: a season ticket has several.
    EventsStart,
    EventsEnd,
    VenueName,
    VenueRoom,
    Country,
    Address,
    City,
    PostalCode,
    ContactNumber,
    ContactTitle,
    ContactQuality,
    ContactQualityCode,
    StateVoid,
    StateUsed,
    StateLive,
    /// What an organiser has sent to the holders.
    HostMessage,
}

/// What a value is, and hence where it may stand and how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nature {
    /// The same in every language.
    Plain,
    /// May differ from language to language.
    Localised,
    /// RFC 3339 with an offset.
    Date,
    /// Present or not.
    Flag,
}

/// Whose fact it is. Google keeps what belongs to the event in a class and what belongs to a ticket in an object, and a change of
/// one must not touch the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "compile"),
    allow(dead_code, reason = "no variable of the vocabulary is a constant; those of the compiler are")
)]
pub(crate) enum Scope {
    Event,
    Holder,
    /// Neither: the same for every pass of the tenant.
    Constant,
}

/// Which kind of pass has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bearer {
    Ticket,
    Card,
    Both,
}

/// One variable. What it is and whose, the compiler asks alone: to a compiled template it is a number.
#[cfg_attr(
    not(feature = "compile"),
    allow(dead_code, reason = "the reader of a compiled template asks for the variable only")
)]
pub(crate) struct Entry {
    pub name: &'static str,
    pub variable: Variable,
    pub nature: Nature,
    pub scope: Scope,
    pub bearer: Bearer,
}

const fn entry(name: &'static str, variable: Variable, nature: Nature, scope: Scope, bearer: Bearer) -> Entry {
    Entry { name, variable, nature, scope, bearer }
}

/// Names of The Wallet Crew's field mapping where it has one (`firstName`, `ticket.zone3`, `address.city`), ours in the same style otherwise.
pub(crate) const VOCABULARY: &[Entry] = {
    use Bearer::{Both, Card, Ticket};
    use Nature::{Date, Flag, Localised, Plain};
    use Scope::{Event, Holder};
    use Variable as V;
    &[
        entry("firstName", V::FirstName, Plain, Holder, Both),
        entry("lastName", V::LastName, Plain, Holder, Both),
        entry("fullName", V::FullName, Plain, Holder, Both),
        entry("barCode", V::BarCode, Plain, Holder, Both),
        entry("ticket.zone3", V::Area, Plain, Holder, Ticket),
        entry("ticket.area", V::Area, Plain, Holder, Ticket),
        entry("ticket.seatCategory", V::SeatCategory, Plain, Holder, Ticket),
        entry("ticket.row", V::Row, Plain, Holder, Ticket),
        entry("ticket.seat", V::Seat, Plain, Holder, Ticket),
        entry("ticket.gate", V::Gate, Plain, Holder, Ticket),
        entry("ticket.audience", V::Audience, Plain, Holder, Ticket),
        entry("ticket.tariff", V::Tariff, Plain, Holder, Ticket),
        entry("ticket.number", V::TicketNumber, Plain, Holder, Ticket),
        entry("ticket.movement", V::Movement, Plain, Holder, Ticket),
        entry("ticket.order", V::Order, Plain, Holder, Ticket),
        entry("ticket.validFrom", V::ValidFrom, Date, Holder, Ticket),
        entry("ticket.validTo", V::ValidTo, Date, Holder, Ticket),
        entry("event.title", V::EventTitle, Localised, Event, Ticket),
        entry("event.start", V::EventStart, Date, Event, Ticket),
        entry("event.end", V::EventEnd, Date, Event, Ticket),
        entry("event.doors", V::EventDoors, Date, Event, Ticket),
        entry("event.state", V::EventState, Plain, Event, Ticket),
        entry("event.code", V::EventCode, Plain, Event, Ticket),
        entry("event.kind", V::EventKind, Plain, Event, Ticket),
        entry("events.start", V::EventsStart, Date, Event, Ticket),
        entry("events.end", V::EventsEnd, Date, Event, Ticket),
        entry("venue.name", V::VenueName, Localised, Event, Ticket),
        entry("venue.room", V::VenueRoom, Localised, Event, Ticket),
        entry("address.country", V::Country, Plain, Event, Ticket),
        entry("address.address", V::Address, Plain, Event, Ticket),
        entry("address.city", V::City, Plain, Event, Ticket),
        entry("address.postalCode", V::PostalCode, Plain, Event, Ticket),
        entry("contact.number", V::ContactNumber, Plain, Holder, Both),
        entry("contact.title", V::ContactTitle, Plain, Holder, Card),
        entry("contact.quality", V::ContactQuality, Localised, Holder, Card),
        entry("contact.qualityCode", V::ContactQualityCode, Plain, Holder, Card),
        entry("state.void", V::StateVoid, Flag, Holder, Both),
        entry("state.used", V::StateUsed, Flag, Holder, Ticket),
        entry("state.live", V::StateLive, Flag, Holder, Both),
        entry("host.message", V::HostMessage, Localised, Holder, Both),
    ]
};

/// What a host hands over for every pass; `host.successor` only where another pass took this one's place.
#[cfg(feature = "compile")]
pub(crate) const HOST_NAMES: [&str; 2] = [ORGANIZATION, "host.successor"];

/// The tenant's name: the only `host.*` that is the same for every pass, hence allowed in Google's class.
pub(crate) const ORGANIZATION: &str = "host.organization";

/// Before a locale, in the host's names: a message of the organiser's in that language. Templates say `host.message`.
pub(crate) const MESSAGE: &str = "host.message.";

/// Number of a reference by name in a compiled template; a place that [`VOCABULARY`] never reaches.
pub(crate) const NAMED: u8 = 127;
