//! That a ticket was retrieved, as an external printing system reports it: the two known ways (domain.md 3.5).
//!
//! Owns their bodies and what they do to a ticket. Does not own transport, credentials and limits (`webservice`). What is public of either way is its
//! name; the shapes are our assumptions (docs/assumptions.md), and strict here, so that a change of ours is a decision.

use serde::Serialize;
use serde_json::Value;

use crate::Millis;
use crate::secutix::model::TicketState;
use crate::secutix::{Institution, State};

/// The interface of external printing systems.
pub(crate) const EXTERNAL: &str = "/tnseb/external-printing/updatePrintingStatus";
/// The file interface "Import Printing Status".
pub(crate) const IMPORT: &str = "/tnai/file-interface/importPrintingStatus";
const HEADER: &str = "ticketId;printingStatus";

/// One ticket that was reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PrintReport {
    pub at: Millis,
    /// Last segment of the path.
    pub way: String,
    pub ticket: i64,
}

pub(crate) fn is_printing(path: &str) -> bool {
    [EXTERNAL, IMPORT].contains(&path)
}

/// The tickets that a body reports, or what was expected.
pub(crate) fn tickets(path: &str, query: Option<&str>, body: &[u8]) -> Result<Vec<i64>, &'static str> {
    if path == IMPORT {
        const EXPECTED: &str = "ticketId;printingStatus, a ticket per line, with ?updateToPrintedState=true";
        let text = std::str::from_utf8(body).map_err(|_| EXPECTED)?;
        let mut lines = text.split("\r\n").filter(|line| !line.is_empty());
        if query != Some("updateToPrintedState=true") || lines.next() != Some(HEADER) {
            return Err(EXPECTED);
        }
        let ticket = |line: &str| line.strip_suffix(";PRINTED").and_then(|ticket| ticket.parse().ok()).ok_or(EXPECTED);
        return lines.map(ticket).collect();
    }
    const EXPECTED: &str = "{\"tickets\": [{\"ticketId\": …, \"ticketState\": \"PRINTED\"}]}";
    let body: Value = serde_json::from_slice(body).map_err(|_| EXPECTED)?;
    let list = body.get("tickets").and_then(Value::as_array).ok_or(EXPECTED)?;
    let ticket = |ticket: &Value| {
        let printed = ticket.get("ticketState").and_then(Value::as_str) == Some("PRINTED");
        ticket.get("ticketId").and_then(Value::as_i64).filter(|_| printed).ok_or(EXPECTED)
    };
    list.iter().map(ticket).collect()
}

impl State {
    /// False: there is no such ticket. One that is dead or scanned stays what it is.
    pub(crate) fn report_printed(&mut self, ticket: i64, way: &str, at: Millis) -> bool {
        let movements =
            self.files.values_mut().flat_map(|file| &mut file.orders).flat_map(|order| &mut order.movements);
        let Some(found) = movements.flat_map(|movement| &mut movement.tickets).find(|found| found.id == ticket) else {
            return false;
        };
        if matches!(found.state, TicketState::NotPrinted | TicketState::Valid) {
            found.state = TicketState::Printed;
        }
        self.prints.push(PrintReport { at, way: way.to_owned(), ticket });
        true
    }
}

impl Institution {
    /// Tickets that were reported printed, oldest first, each as often as it was.
    pub fn prints(&self) -> Vec<PrintReport> {
        self.state().prints.clone()
    }

    pub fn ticket_state(&self, ticket: i64) -> Option<TicketState> {
        let state = self.state();
        let orders = state.files.values().flat_map(|file| &file.orders);
        let mut tickets = orders.flat_map(|order| &order.movements).flat_map(|movement| &movement.tickets);
        tickets.find(|found| found.id == ticket).map(|found| found.state)
    }

    /// Address of the interface of external printing systems.
    pub fn external_printing_url(&self) -> String {
        format!("{}{EXTERNAL}", self.url())
    }

    /// Address of the file interface "Import Printing Status".
    pub fn import_printing_url(&self) -> String {
        format!("{}{IMPORT}", self.url())
    }
}
