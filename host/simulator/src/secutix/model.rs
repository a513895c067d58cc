//! Files, orders, operations, movements, tickets and contacts, as SecuTix relates them (domain.md 3.4).
//!
//! Owns the shapes and the numbering. Does not own what may happen to them (`desk`).

use std::collections::BTreeMap;

use jiff::Zoned;
use serde::{Deserialize, Serialize};

use crate::secutix::random_hex;

/// Whose hand it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    TicketShop,
    BackOffice,
}

impl Origin {
    /// `orderOriginator`
    pub fn originator(self) -> &'static str {
        match self {
            Self::TicketShop => "TICKETSHOP",
            Self::BackOffice => "DESK",
        }
    }

    pub(crate) fn exchange_type(self) -> &'static str {
        match self {
            Self::TicketShop => "EXCHANGE_CLIENT",
            Self::BackOffice => "EXCHANGE_ORGANIZATION",
        }
    }

    pub(crate) fn refund_type(self) -> &'static str {
        match self {
            Self::TicketShop => "REFUND_CLIENT",
            Self::BackOffice => "REFUND_ORGANIZATION",
        }
    }
}

/// The person whom a ticket names: the movement's beneficiary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub first_name: String,
    pub last_name: String,
}

impl Holder {
    pub fn new(first_name: &str, last_name: &str) -> Self {
        Self { first_name: first_name.to_owned(), last_name: last_name.to_owned() }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct File {
    pub id: i64,
    /// `SOLDED`, `PART_SOLDED`, `CANCELED`, ... SecuTix's spelling.
    pub state: String,
    #[serde(serialize_with = "crate::secutix::catalogue::as_text")]
    pub modified: Zoned,
    pub buyer: String,
    pub orders: Vec<Order>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Order {
    pub id: i64,
    /// A credential: whoever knows it may fetch the file.
    pub secret: String,
    pub kind: String,
    pub state: String,
    pub originator: String,
    #[serde(serialize_with = "crate::secutix::catalogue::as_text")]
    pub created: Zoned,
    pub operations: Vec<Operation>,
    pub movements: Vec<Movement>,
    /// Movements of earlier orders that an exchange or a refund ends, with their operations.
    pub takes_back: Vec<(i64, i64)>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Operation {
    pub id: i64,
    pub product: i64,
    /// None where the product opens several, or none.
    pub performance: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Movement {
    pub id: i64,
    pub operation: i64,
    pub holder: Holder,
    /// The contact who attends, by number: the cultural contact.
    pub cultural_contact: String,
    pub seat: crate::secutix::desk::Seat,
    pub audience: String,
    pub tariff: String,
    pub tickets: Vec<Ticket>,
    pub ended: bool,
}

impl Movement {
    /// The newest ticket.
    pub fn ticket(&self) -> Option<&Ticket> {
        self.tickets.last()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ticket {
    pub id: i64,
    pub barcode: String,
    pub state: TicketState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TicketState {
    NotPrinted,
    Valid,
    Printed,
    /// Scanned at the entry.
    Controlled,
    /// Superseded by another ticket of the same movement.
    Invalidated,
    /// The right to enter is withdrawn.
    Cancelled,
}

impl TicketState {
    pub fn code(self) -> &'static str {
        match self {
            Self::NotPrinted => "NOT_PRINTED",
            Self::Valid => "VALID",
            Self::Printed => "PRINTED",
            Self::Controlled => "CONTROLLED",
            Self::Invalidated => "INVALIDATED",
            Self::Cancelled => "CANCELLED",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    pub number: String,
    pub title: String,
    pub first_name: String,
    pub last_name: String,
    pub email: String,
    /// Code and name of the quality that makes a member of a contact.
    pub quality: Option<(String, BTreeMap<String, String>)>,
}

/// Counters per kind of thing. They start where SecuTix's examples are, above 2^33, so that a 32-bit reader fails.
pub(crate) struct Ids {
    file: i64,
    order: i64,
    operation: i64,
    movement: i64,
    ticket: i64,
    contact: i64,
}

impl Default for Ids {
    fn default() -> Self {
        Self {
            file: 10_000_702_600,
            order: 10_000_702_652,
            operation: 10_228_310_724_422,
            movement: 10_228_310_724_999,
            ticket: 10_228_305_597_652,
            contact: 4711,
        }
    }
}

impl Ids {
    fn next(counter: &mut i64) -> i64 {
        let id = *counter;
        *counter += 1;
        id
    }

    pub fn file(&mut self) -> i64 {
        Self::next(&mut self.file)
    }

    pub fn order(&mut self) -> i64 {
        Self::next(&mut self.order)
    }

    pub fn operation(&mut self) -> i64 {
        Self::next(&mut self.operation)
    }

    pub fn movement(&mut self) -> i64 {
        Self::next(&mut self.movement)
    }

    pub fn contact(&mut self) -> String {
        Self::next(&mut self.contact).to_string()
    }

    /// A new ticket, with a barcode of 24 digits that begins with a zero: leading zeros are part of it.
    pub fn ticket(&mut self) -> Ticket {
        let id = Self::next(&mut self.ticket);
        let random = u64::from_str_radix(&random_hex::<7>(), 16).unwrap_or_default() % 1_000_000_000;
        Ticket { id, barcode: format!("0{id:014}{random:09}"), state: TicketState::Valid }
    }
}

/// Ten hex digits, as SecuTix's order tokens are written.
pub(crate) fn order_secret() -> String {
    random_hex::<5>()
}
