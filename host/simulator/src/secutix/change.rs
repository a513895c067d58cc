//! What a use case did: the ids before and after, and what was announced. And the update matrix, as the other side states it.
//!
//! Owns the record and the table (domain.md §2). Does not own the doing.

use serde::{Deserialize, Serialize};

use crate::secutix::notifier::{Notice, Receipt};
use crate::{Millis, now};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, PartialOrd, Ord)]
#[serde(rename_all = "kebab-case")]
pub enum UseCase {
    EventChange,
    Reprint,
    HolderChange,
    CulturalContactChange,
    Replacement,
    Exchange,
    Cancellation,
    Purchase,
    EntryScan,
    Printing,
    ContactChange,
}

/// One row of the matrix: the ten columns in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MatrixRow {
    pub case: UseCase,
    pub ticket_shop: bool,
    pub back_office: bool,
    pub new_transaction: bool,
    pub new_ticket: bool,
    pub new_movement: bool,
    pub new_order: bool,
    pub new_file: bool,
    pub email: bool,
    pub update_pass: bool,
    pub deactivate_pass: bool,
}

const fn row(case: UseCase, cells: [u8; 10]) -> MatrixRow {
    let [c1, c2, c3, c4, c5, c6, c7, c8, c9, c10] = cells;
    MatrixRow {
        case,
        ticket_shop: c1 == 1,
        back_office: c2 == 1,
        new_transaction: c3 == 1,
        new_ticket: c4 == 1,
        new_movement: c5 == 1,
        new_order: c6 == 1,
        new_file: c7 == 1,
        email: c8 == 1,
        update_pass: c9 == 1,
        deactivate_pass: c10 == 1,
    }
}

/// The seven rows (domain.md §2).
pub const MATRIX: [MatrixRow; 7] = [
    row(UseCase::EventChange, [0, 1, 0, 0, 0, 0, 0, 0, 1, 0]),
    row(UseCase::Reprint, [1, 1, 0, 1, 0, 0, 0, 0, 1, 0]),
    row(UseCase::HolderChange, [1, 1, 0, 1, 0, 0, 0, 0, 1, 0]),
    row(UseCase::CulturalContactChange, [0, 1, 0, 0, 0, 0, 0, 0, 1, 0]),
    row(UseCase::Replacement, [1, 1, 1, 1, 1, 1, 0, 0, 0, 1]),
    row(UseCase::Exchange, [1, 1, 1, 1, 1, 1, 0, 0, 0, 1]),
    row(UseCase::Cancellation, [0, 1, 1, 0, 0, 1, 0, 0, 0, 1]),
];

impl UseCase {
    /// None for what the matrix does not list: a purchase, a scan, a change of a contact.
    pub fn matrix(self) -> Option<MatrixRow> {
        MATRIX.into_iter().find(|row| row.case == self)
    }
}

/// The ids around one movement at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TicketIds {
    pub file: i64,
    pub order: i64,
    pub order_secret: String,
    pub movement: i64,
    pub ticket: i64,
    pub barcode: String,
}

/// What a use case did.
#[derive(Debug, Clone, Serialize)]
pub struct Change {
    pub case: UseCase,
    pub at: Millis,
    /// Files that it touched: one, or those of a performance.
    pub files: Vec<i64>,
    /// The order that it made, if it made one.
    pub order: Option<i64>,
    pub order_secret: Option<String>,
    /// The movements concerned, as they were.
    pub before: Vec<TicketIds>,
    /// The movements concerned, as they are: the same, or their successors. Empty after a cancellation.
    pub after: Vec<TicketIds>,
    /// What was announced, or waits to be.
    pub notices: Vec<Notice>,
    /// What came of it; empty while it waits.
    pub receipts: Vec<Receipt>,
}

impl Change {
    pub fn file(&self) -> Option<i64> {
        self.files.first().copied()
    }

    /// The movement that lives after it.
    pub fn movement(&self) -> Option<i64> {
        self.after.first().map(|ids| ids.movement)
    }

    pub fn movements(&self) -> Vec<i64> {
        self.after.iter().map(|ids| ids.movement).collect()
    }

    pub(crate) fn new(case: UseCase) -> Self {
        Self {
            case,
            at: now(),
            files: Vec::new(),
            order: None,
            order_secret: None,
            before: Vec::new(),
            after: Vec::new(),
            notices: Vec::new(),
            receipts: Vec::new(),
        }
    }
}
