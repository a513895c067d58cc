//! The shop and the back office: selling, and the six use cases that concern a ticket.
//!
//! Owns which ids a use case makes (domain.md §2): that is what the product has to recognise. Does not own catalogue changes and
//! contacts (`upkeep`), nor delivery (`notifier`).

use serde::{Deserialize, Serialize};

use crate::secutix::catalogue::Product;
use crate::secutix::change::{Change, TicketIds, UseCase};
use crate::secutix::model::{File, Holder, Movement, Operation, Order, Origin, Ticket, TicketState, order_secret};
use crate::secutix::notifier::Notice;
use crate::secutix::{Institution, InstitutionError, State};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    pub area: String,
    pub gate: String,
    pub row: String,
    pub seat: String,
    pub category: String,
}

/// What is asked of the shop.
#[derive(Debug, Clone)]
pub struct Purchase {
    /// Product code.
    pub product: String,
    /// None: the product's first.
    pub performance: Option<i64>,
    /// One movement each, in seats side by side.
    pub holders: Vec<Holder>,
    pub origin: Origin,
    /// Another order in this file; none: a new file.
    pub file: Option<i64>,
}

impl Institution {
    /// One ticket.
    pub async fn sell_single(&self, product: &str, holder: Holder, origin: Origin) -> Result<Change, InstitutionError> {
        self.sell_family(product, vec![holder], origin).await
    }

    /// One order, as many tickets as holders.
    pub async fn sell_family(
        &self,
        product: &str,
        holders: Vec<Holder>,
        origin: Origin,
    ) -> Result<Change, InstitutionError> {
        self.sell(Purchase { product: product.to_owned(), performance: None, holders, origin, file: None }).await
    }

    /// The season ticket of the default catalogue: one movement, three performances.
    pub async fn sell_season(&self, holder: Holder, origin: Origin) -> Result<Change, InstitutionError> {
        self.sell_family("SEASON", vec![holder], origin).await
    }

    pub async fn sell(&self, purchase: Purchase) -> Result<Change, InstitutionError> {
        let change = self.state().sell(&purchase)?;
        Ok(self.announce(change).await)
    }

    /// A new ticket with a new barcode for the same movement; the old ticket is dead.
    pub async fn reprint(&self, movement: i64, origin: Origin) -> Result<Change, InstitutionError> {
        let _ = origin; // leaves no trace in the file: no order is made
        let change = self.state().with_new_ticket(UseCase::Reprint, movement, |_| ())?;
        Ok(self.announce(change).await)
    }

    /// Another beneficiary on the same movement, printed on a new ticket.
    pub async fn change_holder(
        &self,
        movement: i64,
        holder: Holder,
        origin: Origin,
    ) -> Result<Change, InstitutionError> {
        let _ = origin;
        let change = self.state().with_new_ticket(UseCase::HolderChange, movement, |found| found.holder = holder)?;
        Ok(self.announce(change).await)
    }

    /// Another attendee in the books; ticket and beneficiary stay.
    pub async fn change_cultural_contact(&self, movement: i64, contact: &str) -> Result<Change, InstitutionError> {
        let change = self.state().change_cultural_contact(movement, contact)?;
        Ok(self.announce(change).await)
    }

    /// Another person in the same seat, under a new movement.
    pub async fn replace_spectator(
        &self,
        movement: i64,
        holder: Holder,
        origin: Origin,
    ) -> Result<Change, InstitutionError> {
        let change = self.state().supersede(UseCase::Replacement, movement, origin, None, Some(holder))?;
        Ok(self.announce(change).await)
    }

    /// The same person, another performance (of any single-entry product) and seat, under a new movement in a new order of the file.
    pub async fn exchange(&self, movement: i64, performance: i64, origin: Origin) -> Result<Change, InstitutionError> {
        let change = self.state().supersede(UseCase::Exchange, movement, origin, Some(performance), None)?;
        Ok(self.announce(change).await)
    }

    /// One ticket of however many; a refund order in the same file. Back office only.
    pub async fn cancel(&self, movement: i64) -> Result<Change, InstitutionError> {
        let change = self.state().cancel(movement)?;
        Ok(self.announce(change).await)
    }

    /// The buyer prints the ticket, or has it sent.
    pub async fn print(&self, movement: i64) -> Result<Change, InstitutionError> {
        let change = self.state().print(movement)?;
        Ok(self.announce(change).await)
    }

    /// The ticket is scanned at the entry.
    pub async fn scan(&self, movement: i64) -> Result<Change, InstitutionError> {
        let change = self.state().scan(movement)?;
        Ok(self.announce(change).await)
    }

    /// The ids around a movement as they are now; an ended movement keeps its last.
    pub fn ticket_ids(&self, movement: i64) -> Option<TicketIds> {
        self.state().ids_of(movement)
    }
}

impl State {
    fn sell(&mut self, purchase: &Purchase) -> Result<Change, InstitutionError> {
        let product = self.catalogue.product(&purchase.product).cloned().ok_or(InstitutionError::UnknownProduct)?;
        let performance = choose_performance(&product, purchase.performance)?;
        let Some(first) = purchase.holders.first() else { return Err(InstitutionError::NoHolder) };
        let buyer = self.contact_of(first);
        let operation = Operation { id: self.ids.operation(), product: product.id, performance };
        let mut movements = Vec::new();
        if product.kind.has_movements() {
            for holder in &purchase.holders {
                let cultural_contact = self.contact_of(holder);
                movements.push(self.movement(&operation, holder.clone(), cultural_contact));
            }
        }
        let order = self.order("SALE", purchase.origin.originator(), vec![operation], movements);
        let file = match purchase.file {
            Some(id) => {
                let file = self.files.get_mut(&id).ok_or(InstitutionError::UnknownFile)?;
                // What is sold into a file that was cancelled is not cancelled with it.
                if file.state == "CANCELED" {
                    "PART_SOLDED".clone_into(&mut file.state);
                }
                id
            }
            None => {
                let id = self.ids.file();
                let state = "SOLDED".to_owned();
                let modified = order.created.clone();
                self.files.insert(id, File { id, state, modified, buyer, orders: Vec::new() });
                id
            }
        };
        let (secret, sold) =
            (order.secret.clone(), order.movements.iter().map(|movement| movement.id).collect::<Vec<_>>());
        let mut change = self.file_order(UseCase::Purchase, file, order)?;
        change.after = sold.iter().filter_map(|movement| self.ids_of(*movement)).collect();
        change.notices = change.after.iter().map(|ids| Notice::of("PAID", ids)).collect();
        if change.notices.is_empty() {
            change.notices.push(Notice::of_order("PAID", &secret));
        }
        Ok(change)
    }

    fn with_new_ticket(
        &mut self,
        case: UseCase,
        movement: i64,
        alter: impl FnOnce(&mut Movement),
    ) -> Result<Change, InstitutionError> {
        let before = self.living(movement)?;
        let ticket = self.new_ticket();
        let found = self.movement_mut(movement).ok_or(InstitutionError::UnknownMovement)?;
        for old in &mut found.tickets {
            old.state = TicketState::Invalidated;
        }
        found.tickets.push(ticket);
        alter(found);
        self.modified(case, before)
    }

    fn change_cultural_contact(&mut self, movement: i64, contact: &str) -> Result<Change, InstitutionError> {
        let before = self.living(movement)?;
        if !self.contacts.contains_key(contact) {
            return Err(InstitutionError::UnknownContact);
        }
        let found = self.movement_mut(movement).ok_or(InstitutionError::UnknownMovement)?;
        contact.clone_into(&mut found.cultural_contact);
        self.modified(UseCase::CulturalContactChange, before)
    }

    fn supersede(
        &mut self,
        case: UseCase,
        movement: i64,
        origin: Origin,
        performance: Option<i64>,
        holder: Option<Holder>,
    ) -> Result<Change, InstitutionError> {
        let before = self.living(movement)?;
        let old = self.movement_mut(movement).cloned().ok_or(InstitutionError::UnknownMovement)?;
        let old_operation =
            self.operation(before.file, old.operation).cloned().ok_or(InstitutionError::UnknownMovement)?;
        let operation = match performance {
            Some(performance) => {
                let sells =
                    |product: &&Product| !product.kind.opens_several() && product.performances.contains(&performance);
                let product = self.catalogue.products.values().find(sells).map(|product| product.id);
                let product = product.ok_or(InstitutionError::UnknownPerformance)?;
                Operation { id: self.ids.operation(), product, performance: Some(performance) }
            }
            None => Operation { id: self.ids.operation(), ..old_operation },
        };
        let contact = match &holder {
            Some(holder) => self.contact_of(holder),
            None => old.cultural_contact.clone(),
        };
        let mut successor = self.movement(&operation, holder.unwrap_or_else(|| old.holder.clone()), contact);
        if performance.is_none() {
            successor.seat = old.seat.clone();
        }
        successor.audience.clone_from(&old.audience);
        successor.tariff.clone_from(&old.tariff);
        let successor_id = successor.id;
        self.end(movement);
        let mut order = self.order(origin.exchange_type(), origin.originator(), vec![operation], vec![successor]);
        order.takes_back = vec![(old.id, old.operation)];
        let mut change = self.file_order(case, before.file, order)?;
        let after = self.ids_of(successor_id).ok_or(InstitutionError::UnknownMovement)?;
        change.notices = vec![Notice::of("CANCELLED", &before), Notice::of("PAID", &after)];
        change.before = vec![before];
        change.after = vec![after];
        Ok(change)
    }

    fn cancel(&mut self, movement: i64) -> Result<Change, InstitutionError> {
        let before = self.living(movement)?;
        let old = self.movement_mut(movement).cloned().ok_or(InstitutionError::UnknownMovement)?;
        let sold = self.operation(before.file, old.operation).cloned().ok_or(InstitutionError::UnknownMovement)?;
        self.end(movement);
        let operation = Operation { id: self.ids.operation(), ..sold };
        let origin = Origin::BackOffice;
        let mut order = self.order(origin.refund_type(), origin.originator(), vec![operation], Vec::new());
        order.takes_back = vec![(old.id, old.operation)];
        let mut change = self.file_order(UseCase::Cancellation, before.file, order)?;
        if let Some(file) = self.files.get_mut(&before.file) {
            let none_left = file.orders.iter().flat_map(|order| &order.movements).all(|movement| movement.ended);
            if none_left { "CANCELED" } else { "PART_SOLDED" }.clone_into(&mut file.state);
        }
        change.notices = vec![Notice::of("CANCELLED", &before)];
        change.before = vec![before];
        Ok(change)
    }

    fn print(&mut self, movement: i64) -> Result<Change, InstitutionError> {
        let before = self.living(movement)?;
        let found = self.movement_mut(movement).ok_or(InstitutionError::UnknownMovement)?;
        if let Some(ticket) = found.tickets.last_mut() {
            ticket.state = TicketState::Printed;
        }
        self.modified(UseCase::Printing, before)
    }

    fn scan(&mut self, movement: i64) -> Result<Change, InstitutionError> {
        let before = self.living(movement)?;
        let found = self.movement_mut(movement).ok_or(InstitutionError::UnknownMovement)?;
        if let Some(ticket) = found.tickets.last_mut() {
            ticket.state = TicketState::Controlled;
        }
        let mut change = self.modified(UseCase::EntryScan, before)?;
        for notice in &mut change.notices {
            "VALIDATED".clone_into(&mut notice.state);
        }
        Ok(change)
    }

    fn modified(&mut self, case: UseCase, before: TicketIds) -> Result<Change, InstitutionError> {
        self.touch(before.file);
        let after = self.ids_of(before.movement).ok_or(InstitutionError::UnknownMovement)?;
        let mut change = Change::new(case);
        change.files = vec![before.file];
        change.notices = vec![Notice::of("MODIFIED", &after)];
        change.before = vec![before];
        change.after = vec![after];
        Ok(change)
    }

    fn file_order(&mut self, case: UseCase, file: i64, order: Order) -> Result<Change, InstitutionError> {
        let mut change = Change::new(case);
        change.files = vec![file];
        change.order = Some(order.id);
        change.order_secret = Some(order.secret.clone());
        self.file_of_secret.insert(order.secret.clone(), file);
        self.file_of_movement.extend(order.movements.iter().map(|movement| (movement.id, file)));
        self.files.get_mut(&file).ok_or(InstitutionError::UnknownFile)?.orders.push(order);
        self.touch(file);
        Ok(change)
    }

    fn end(&mut self, movement: i64) {
        if let Some(movement) = self.movement_mut(movement) {
            movement.ended = true;
            // A ticket that a reprint has superseded stays INVALIDATED: only the right that lived is withdrawn.
            for ticket in movement.tickets.iter_mut().filter(|ticket| ticket.state != TicketState::Invalidated) {
                ticket.state = TicketState::Cancelled;
            }
        }
    }

    fn order(&mut self, kind: &str, by: &str, operations: Vec<Operation>, movements: Vec<Movement>) -> Order {
        Order {
            id: self.ids.order(),
            secret: order_secret(),
            kind: kind.to_owned(),
            state: "CLOSED".to_owned(),
            originator: by.to_owned(),
            created: venue_time(),
            operations,
            movements,
            takes_back: Vec::new(),
        }
    }

    fn movement(&mut self, operation: &Operation, holder: Holder, cultural_contact: String) -> Movement {
        let id = self.ids.movement();
        let place = id % 600;
        Movement {
            id,
            operation: operation.id,
            holder,
            cultural_contact,
            seat: Seat {
                area: "Parterre".to_owned(),
                gate: format!("Porte {}", 1 + place % 4),
                row: (1 + place / 30).to_string(),
                seat: (1 + place % 30).to_string(),
                category: "CAT1".to_owned(),
            },
            audience: "Adult".to_owned(),
            tariff: "FULL".to_owned(),
            tickets: vec![self.new_ticket()],
            ended: false,
        }
    }

    fn new_ticket(&mut self) -> Ticket {
        let unprinted = self.oddities.tickets_unprinted;
        let ticket = self.ids.ticket();
        Ticket { state: if unprinted { TicketState::NotPrinted } else { ticket.state }, ..ticket }
    }
}

fn choose_performance(product: &Product, wanted: Option<i64>) -> Result<Option<i64>, InstitutionError> {
    match wanted {
        Some(wanted) if product.performances.contains(&wanted) && !product.kind.opens_several() => Ok(Some(wanted)),
        Some(_) => Err(InstitutionError::UnknownPerformance),
        None if product.kind.opens_several() => Ok(None),
        None => Ok(product.performances.first().copied()),
    }
}

pub(crate) fn venue_time() -> jiff::Zoned {
    let now = jiff::Zoned::now();
    now.in_tz("Europe/Zurich").unwrap_or(now)
}
