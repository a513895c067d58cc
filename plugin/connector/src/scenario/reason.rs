//! Reasons as codes: the closed list that hosts turn into words. A reason never holds a value of a ticket, so that history, logs and metrics
//! cannot name a person.

use crate::contract::scenario;

macro_rules! reasons {
    ($($(#[doc = $meaning:literal])+ $variant:ident = $code:literal,)+) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Reason { $($(#[doc = $meaning])+ $variant,)+ }

        impl Reason {
            const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }
        }

        /// Every code that a verdict can carry, with its meaning. Hosts have words for each of them.
        pub const REASONS: &[(&str, &str)] = &[$(($code, concat!($($meaning),+).trim_ascii()),)+];
    };
}

reasons! {
    /// The pass shows what SecuTix says.
    Unchanged = "unchanged",
    /// Title, date, venue or another fact of the event.
    EventChanged = "event-changed",
    /// The ticket was printed again: another ticket or barcode, the same holder.
    BarcodeChanged = "barcode-changed",
    /// Another beneficiary under the same movement.
    HolderChanged = "holder-changed",
    /// Another cultural contact under the same movement.
    ContactChanged = "contact-changed",
    /// The ticket was scanned at the venue.
    Entered = "entered",
    /// Seat, category, tariff or another detail of the ticket.
    DetailsChanged = "details-changed",
    /// Data of the member card.
    CardChanged = "card-changed",
    /// Several of the above; the fields say which.
    SeveralChanges = "several-changes",
    /// A ticket that is ready and has no pass.
    Purchased = "purchased",
    /// A ticket that took the place of another, and has no pass.
    Succeeds = "succeeds",
    /// A member whose card has no pass.
    Member = "member",
    /// Exchanged for another ticket.
    Exchanged = "exchanged",
    /// Another person took the place.
    Replaced = "replaced",
    /// The file says that the ticket is cancelled.
    Cancelled = "cancelled",
    /// The whole file is cancelled.
    FileCancelled = "file-cancelled",
    /// The movement is in no order of the file any more, or a refund or an exchange names it and nothing says that it lives.
    Absent = "absent",
    /// The movement of a void pass is alive.
    AliveAgain = "alive-again",
    /// The pass is void, and its movement is not alive.
    StillEnded = "still-ended",
    /// The old ticket is invalid and the new one not there yet.
    BetweenTickets = "between-tickets",
    /// The answer does not speak of this pass.
    NotConcerned = "not-concerned",
}

/// Every field that a reason can name, as templates name them where they can. Hosts have words for each of them.
pub const FIELDS: &[&str] = &[
    "address.address",
    "address.city",
    "address.country",
    "address.postalCode",
    "barCode",
    "contact.number",
    "contact.quality",
    "contact.title",
    "event",
    "event.code",
    "event.doors",
    "event.end",
    "event.kind",
    "event.start",
    "event.state",
    "event.template",
    "event.title",
    "events",
    "firstName",
    "lastName",
    "state.used",
    "ticket.area",
    "ticket.audience",
    "ticket.gate",
    "ticket.number",
    "ticket.order",
    "ticket.row",
    "ticket.seat",
    "ticket.seatCategory",
    "ticket.tariff",
    "ticket.validFrom",
    "ticket.validTo",
    "venue.location",
    "venue.name",
    "venue.room",
];

impl Reason {
    pub(super) fn alone(self) -> scenario::Reason {
        self.with(&[])
    }

    /// With the template-level names of what differs, sorted and without doubles.
    pub(super) fn with(self, fields: &[&'static str]) -> scenario::Reason {
        let mut sorted: Vec<String> = Vec::with_capacity(fields.len());
        // A few dozen names at most: each to its place.
        for field in fields {
            debug_assert!(FIELDS.contains(field), "{field} is not in the list of fields");
            let at = sorted.partition_point(|known| known.as_str() < *field);
            if sorted.get(at).is_none_or(|known| known != field) {
                sorted.insert(at, (*field).to_owned());
            }
        }
        scenario::Reason { code: self.code().to_owned(), fields: sorted }
    }
}
