//! The books: a movement, an operation, the ids around them, found by number.
//!
//! Owns the lookups that the desk makes. Does not own what may be done to what is found (`desk`).

use crate::secutix::change::TicketIds;
use crate::secutix::desk::venue_time;
use crate::secutix::model::{File, Movement, Operation, Order};
use crate::secutix::{InstitutionError, State};

impl State {
    /// The ids of a movement that lives.
    pub(super) fn living(&self, movement: i64) -> Result<TicketIds, InstitutionError> {
        let (file, _, found) = self.find(movement).ok_or(InstitutionError::UnknownMovement)?;
        if found.ended || file.state == "CANCELED" {
            return Err(InstitutionError::MovementEnded);
        }
        self.ids_of(movement).ok_or(InstitutionError::UnknownMovement)
    }

    pub(crate) fn ids_of(&self, movement: i64) -> Option<TicketIds> {
        let (file, order, found) = self.find(movement)?;
        let ticket = found.ticket()?;
        Some(TicketIds {
            file: file.id,
            order: order.id,
            order_secret: order.secret.clone(),
            movement,
            ticket: ticket.id,
            barcode: ticket.barcode.clone(),
        })
    }

    pub(super) fn find(&self, movement: i64) -> Option<(&File, &Order, &Movement)> {
        let file = self.files.get(self.file_of_movement.get(&movement)?)?;
        file.orders.iter().find_map(|order| {
            let found = order.movements.iter().find(|found| found.id == movement)?;
            Some((file, order, found))
        })
    }

    pub(super) fn movement_mut(&mut self, id: i64) -> Option<&mut Movement> {
        let file = self.files.get_mut(self.file_of_movement.get(&id)?)?;
        file.orders.iter_mut().flat_map(|order| &mut order.movements).find(|movement| movement.id == id)
    }

    pub(super) fn operation(&self, file: i64, id: i64) -> Option<&Operation> {
        let orders = &self.files.get(&file)?.orders;
        orders.iter().flat_map(|order| &order.operations).find(|operation| operation.id == id)
    }

    pub(crate) fn touch(&mut self, file: i64) {
        if let Some(file) = self.files.get_mut(&file) {
            file.modified = venue_time();
        }
    }
}
