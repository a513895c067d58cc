//! The organiser's upkeep: the catalogue and the contacts.
//!
//! Owns changes that touch many files at once, or none. Does not own sales (`desk`).

use jiff::Zoned;

use crate::secutix::catalogue::{Performance, Product, Texts, Venue, texts};
use crate::secutix::change::{Change, UseCase};
use crate::secutix::model::{Contact, Holder};
use crate::secutix::notifier::Notice;
use crate::secutix::{Institution, InstitutionError, State};

impl Institution {
    /// Adds or replaces.
    pub fn put_product(&self, product: Product) {
        self.state().catalogue.products.insert(product.id, product);
    }

    /// Adds or replaces; announces nothing.
    pub fn put_performance(&self, performance: Performance) {
        self.state().catalogue.performances.insert(performance.id, performance);
    }

    /// The index that `Performance::venue` refers to.
    pub fn add_venue(&self, venue: Venue) -> usize {
        let mut state = self.state();
        state.catalogue.venues.push(venue);
        state.catalogue.venues.len() - 1
    }

    /// Another title of a product and its performances: announced for every order that shows it.
    pub async fn retitle(&self, product: &str, title: Texts) -> Result<Change, InstitutionError> {
        let change = {
            let mut state = self.state();
            let found = state.catalogue.products.values_mut().find(|found| found.code == product);
            let found = found.ok_or(InstitutionError::UnknownProduct)?;
            found.title = title.clone();
            let performances = found.performances.clone();
            let own = !found.kind.opens_several();
            let id = found.id;
            if own {
                for performance in &performances {
                    if let Some(performance) = state.catalogue.performances.get_mut(performance) {
                        performance.name = title.clone();
                    }
                }
            }
            state.event_changed(Some(id), if own { &performances } else { &[] })
        };
        Ok(self.announce(change).await)
    }

    /// Another start of a performance; its end and its doors move along.
    pub async fn reschedule(&self, performance: i64, start: Zoned) -> Result<Change, InstitutionError> {
        let change = {
            let mut state = self.state();
            let found =
                state.catalogue.performances.get_mut(&performance).ok_or(InstitutionError::UnknownPerformance)?;
            let moved = |moment: &Zoned| {
                let distance = found.start.duration_until(moment);
                start.checked_add(distance).unwrap_or_else(|_| start.clone())
            };
            let (end, doors) = (moved(&found.end), found.doors.as_ref().map(moved));
            found.start = start;
            found.end = end;
            found.doors = doors;
            state.event_changed(None, &[performance])
        };
        Ok(self.announce(change).await)
    }

    /// Another state of a product, such as `SUSPENDED` or `CANCELED`.
    pub async fn set_product_state(&self, product: &str, to: &str) -> Result<Change, InstitutionError> {
        let change = {
            let mut state = self.state();
            let found = state.catalogue.products.values_mut().find(|found| found.code == product);
            let found = found.ok_or(InstitutionError::UnknownProduct)?;
            to.clone_into(&mut found.state);
            let id = found.id;
            state.event_changed(Some(id), &[])
        };
        Ok(self.announce(change).await)
    }

    /// A contact; with `member`, one that a member card is made for. The number.
    pub fn create_contact(&self, holder: &Holder, member: bool) -> String {
        let mut state = self.state();
        let number = state.contact(holder);
        if member && let Some(contact) = state.contacts.get_mut(&number) {
            contact.quality =
                Some(("MEMBER".to_owned(), texts(&[("fr", "Membre"), ("en", "Member"), ("de", "Mitglied")])));
        }
        number
    }

    /// Another name of a contact. Announces nothing: the five-field notification speaks of orders only.
    pub fn change_contact(&self, number: &str, holder: &Holder) -> Result<(), InstitutionError> {
        let mut state = self.state();
        let contact = state.contacts.get_mut(number).ok_or(InstitutionError::UnknownContact)?;
        holder.first_name.clone_into(&mut contact.first_name);
        holder.last_name.clone_into(&mut contact.last_name);
        contact.email = email(holder);
        Ok(())
    }
}

impl State {
    /// The contact of that name, made when it does not exist.
    pub(crate) fn contact_of(&mut self, holder: &Holder) -> String {
        let name = (holder.first_name.clone(), holder.last_name.clone());
        match self.contact_of_name.get(&name) {
            Some(number) => number.clone(),
            None => self.contact(holder),
        }
    }

    fn contact(&mut self, holder: &Holder) -> String {
        let number = self.ids.contact();
        let contact = Contact {
            number: number.clone(),
            title: "MRS".to_owned(),
            first_name: holder.first_name.clone(),
            last_name: holder.last_name.clone(),
            email: email(holder),
            quality: None,
        };
        self.contact_of_name.insert((holder.first_name.clone(), holder.last_name.clone()), number.clone());
        self.contacts.insert(number.clone(), contact);
        number
    }

    /// One notice per order with a living movement that shows the product or one of the performances.
    fn event_changed(&self, product: Option<i64>, performances: &[i64]) -> Change {
        let opens: Vec<i64> = self
            .catalogue
            .products
            .values()
            .filter(|found| found.kind.opens_several())
            .filter(|found| found.performances.iter().any(|id| performances.contains(id)))
            .map(|found| found.id)
            .collect();
        let mut change = Change::new(UseCase::EventChange);
        for file in self.files.values() {
            for order in &file.orders {
                let shows = |operation: i64| {
                    order.operations.iter().filter(|found| found.id == operation).any(|found| {
                        Some(found.product) == product
                            || opens.contains(&found.product)
                            || found.performance.is_some_and(|id| performances.contains(&id))
                    })
                };
                let mut concerned =
                    order.movements.iter().filter(|movement| !movement.ended && shows(movement.operation)).peekable();
                if concerned.peek().is_none() {
                    continue;
                }
                change.before.extend(concerned.filter_map(|movement| self.ids_of(movement.id)));
                change.notices.push(Notice::of_order("MODIFIED", &order.secret));
                if !change.files.contains(&file.id) {
                    change.files.push(file.id);
                }
            }
        }
        change.after = change.before.clone();
        // The file itself is untouched: an edit of the catalogue is no transaction, so `lastModDateTime` stays.
        change
    }
}

fn email(holder: &Holder) -> String {
    let plain = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    format!("{}.{}@example.test", plain(&holder.first_name), plain(&holder.last_name))
}
