//! The update scenario matrix (domain.md §2) as data: seven rows, ten columns, and how sure each cell is.
//!
//! Owns the published expectation, with which a verdict compares what it observed. Decides nothing: what becomes of a pass follows from ids and
//! states. The original table's cells are lost; these are derived, so a correction is a change of this table and of nothing else.

use crate::contract::scenario::{Confidence, Fact, Facts, UseCase};
use crate::contract::types::Tri;

/// Columns in the matrix's order.
pub(super) const COLUMNS: usize = 10;

/// What was seen, column by column.
pub(super) type Observed = [Tri; COLUMNS];

#[derive(Clone, Copy)]
struct Cell {
    matrix: Tri,
    confidence: Confidence,
}

const fn yes(confidence: Confidence) -> Cell {
    Cell { matrix: Tri::Yes, confidence }
}

const fn no(confidence: Confidence) -> Cell {
    Cell { matrix: Tri::No, confidence }
}

/// Not one of the seven rows: the matrix says nothing.
const SILENT: [Cell; COLUMNS] = [Cell { matrix: Tri::Unknown, confidence: Confidence::Guess }; COLUMNS];

/// Firm: the derivation has one solution for the cell, or the product's own key forces it (new movement, update, deactivate).
/// Likely: one plausible reading among several that fit. Guess: the alternatives are as good; column 8 most of all.
const ROWS: [(UseCase, [Cell; COLUMNS]); 7] = {
    use Confidence::{Firm, Guess, Likely};
    [
        // ticket shop, back office, transaction, ticket, movement, order, file, mail, update, deactivate
        (
            UseCase::EventChange,
            [no(Firm), yes(Firm), no(Firm), no(Firm), no(Firm), no(Firm), no(Firm), no(Likely), yes(Firm), no(Firm)],
        ),
        (
            UseCase::Reprint,
            [yes(Firm), yes(Firm), no(Firm), yes(Firm), no(Firm), no(Firm), no(Firm), no(Likely), yes(Firm), no(Firm)],
        ),
        (
            UseCase::HolderChange,
            [
                yes(Likely),
                yes(Firm),
                no(Likely),
                yes(Guess),
                no(Firm),
                no(Likely),
                no(Firm),
                no(Guess),
                yes(Firm),
                no(Firm),
            ],
        ),
        (
            UseCase::CulturalContactChange,
            [
                no(Likely),
                yes(Firm),
                no(Firm),
                no(Likely),
                no(Firm),
                no(Firm),
                no(Firm),
                no(Likely),
                yes(Likely),
                no(Firm),
            ],
        ),
        (
            UseCase::Replacement,
            [
                yes(Guess),
                yes(Firm),
                yes(Firm),
                yes(Firm),
                yes(Firm),
                yes(Firm),
                no(Likely),
                no(Guess),
                no(Firm),
                yes(Firm),
            ],
        ),
        (
            UseCase::Exchange,
            [
                yes(Firm),
                yes(Firm),
                yes(Firm),
                yes(Firm),
                yes(Firm),
                yes(Firm),
                no(Likely),
                no(Guess),
                no(Firm),
                yes(Firm),
            ],
        ),
        (
            UseCase::Cancellation,
            [
                no(Guess),
                yes(Firm),
                yes(Likely),
                no(Firm),
                no(Firm),
                yes(Likely),
                no(Likely),
                no(Guess),
                no(Firm),
                yes(Firm),
            ],
        ),
    ]
};

/// What was observed beside what the matrix says of the use case.
pub(super) fn facts(use_case: UseCase, observed: Observed) -> Facts {
    let cells = ROWS.iter().find(|(row, _)| *row == use_case).map_or(&SILENT, |(_, cells)| cells);
    let [c1, c2, c3, c4, c5, c6, c7, c8, c9, c10] = *cells;
    let [o1, o2, o3, o4, o5, o6, o7, o8, o9, o10] = observed;
    let fact = |cell: Cell, observed: Tri| Fact { observed, matrix: cell.matrix, confidence: cell.confidence };
    Facts {
        ticket_shop: fact(c1, o1),
        back_office: fact(c2, o2),
        new_transaction: fact(c3, o3),
        new_ticket: fact(c4, o4),
        new_movement: fact(c5, o5),
        new_order: fact(c6, o6),
        new_file: fact(c7, o7),
        email_sent: fact(c8, o8),
        update_pass: fact(c9, o9),
        deactivate_pass: fact(c10, o10),
    }
}

/// Originators of an order (domain.md 3.4) by the side of the counter that they are on. Those that are neither (kiosks, partners' shops, the
/// resale platform) are `no` in both columns; one that is not listed is unknown.
const TICKET_SHOP: [&str; 1] = ["TICKETSHOP"];
const BACK_OFFICE: [&str; 16] = [
    "SALE",
    "DESK",
    "DESK_WITHOUT_PLAN",
    "ADMINISTRATION",
    "SALE_COMPLEMENT",
    "CREDIT_NOTE",
    "TOUCHSCREEN",
    "ST_RENEWAL",
    "ST_TRANSFER",
    "SEATING",
    "SEATING_M",
    "BATCH",
    "REQUEST_ARBITRATION",
    "CENTRAL_PLANNING",
    "PARTIAL_REFUND",
    "OPTION_DISTRIBUTION",
];
const ELSEWHERE: [&str; 5] = ["FLASH", "EXTERNAL_SALE", "EBO", "BORNES", "RESALE_PLATFORM"];

/// Columns 1 and 2 for the order that made the change; unknown where no order did, because SecuTix does not say who edited.
pub(super) fn origin(originator: Option<&str>) -> (Tri, Tri) {
    match originator {
        Some(name) if TICKET_SHOP.contains(&name) => (Tri::Yes, Tri::No),
        Some(name) if BACK_OFFICE.contains(&name) => (Tri::No, Tri::Yes),
        Some(name) if ELSEWHERE.contains(&name) => (Tri::No, Tri::No),
        _ => (Tri::Unknown, Tri::Unknown),
    }
}

/// What is observed when nothing happened; who would have done it is not a question.
pub(super) const NOTHING: Observed = {
    use Tri::{No, Unknown};
    [Unknown, Unknown, No, No, No, No, No, Unknown, No, No]
};

pub(super) const fn tri(answer: bool) -> Tri {
    if answer { Tri::Yes } else { Tri::No }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// domain.md §2: the printed number of Yes per row, and exactly one of update and deactivate.
    #[test]
    fn the_rows_have_as_many_yes_as_the_source_prints() {
        let counts: Vec<_> =
            ROWS.iter().map(|(_, cells)| cells.iter().filter(|cell| cell.matrix == Tri::Yes).count()).collect();
        assert_eq!(counts, [2, 4, 4, 2, 7, 7, 4]);
    }

    #[test]
    fn every_row_either_updates_or_deactivates() {
        for (row, cells) in &ROWS {
            assert_ne!(cells[8].matrix, cells[9].matrix, "{row:?}");
        }
    }

    #[test]
    fn transactions_are_orders_and_new_movements_come_with_both() {
        for (row, cells) in &ROWS {
            assert_eq!(cells[2].matrix, cells[5].matrix, "{row:?}");
            if cells[4].matrix == Tri::Yes {
                assert_eq!((cells[3].matrix, cells[2].matrix), (Tri::Yes, Tri::Yes), "{row:?}");
            }
        }
    }
}
