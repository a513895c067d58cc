//! The facts of a job: event and ticket parts, read without copying, and what each variable of a template means in them.
//!
//! Owns the reading of the normalised parts and the answer to "what is `ticket.row`?". Does not own their making (`scenario`). An absent
//! field, a null and an empty text are the same: no value.

use std::borrow::Cow;

use crate::contract::payload::Item;
use crate::contract::types::{EventPart, PassState};
use crate::lenient::{self, Broken, Fields, Json, Node, Scalar, fields};
use crate::payload::date::Stamp;
use crate::template::vocabulary::Variable;

/// Text by locale, in the order of the part.
#[derive(Debug, PartialEq, Default)]
pub(crate) struct Translations<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Fields<'a> for Translations<'a> {
    fn scalar(&mut self, _: &str) -> Option<&mut Scalar<'a>> {
        None
    }

    /// Every name is a locale.
    fn part(&mut self, name: Cow<'a, str>, json: &mut Json<'a>) -> Result<bool, Broken> {
        if let Some(text) = Scalar::read(json)?.into_text() {
            self.0.push((name, text));
        }
        Ok(true)
    }
}

impl Translations<'_> {
    /// The text for a locale: the same one, else one of the same language, else by the job's order of locales, else any.
    pub(crate) fn best(&self, locale: &str, order: &[String]) -> Option<&str> {
        let exact = |wanted: &str| self.0.iter().find(|(locale, _)| locale.eq_ignore_ascii_case(wanted));
        let language = |wanted: &str| self.0.iter().find(|(locale, _)| same_language(locale, wanted));
        let fits = |wanted: &str| exact(wanted).or_else(|| language(wanted));
        fits(locale)
            .or_else(|| order.iter().find_map(|other| fits(other)))
            .or_else(|| self.0.first())
            .map(|(_, text)| &**text)
    }
}

fn same_language(left: &str, right: &str) -> bool {
    let language = |locale: &'_ str| locale.find('-').unwrap_or(locale.len());
    left.get(..language(left))
        .unwrap_or_default()
        .eq_ignore_ascii_case(right.get(..language(right)).unwrap_or_default())
}

fields! {
    struct Venue<'a> {
        [address = "address", postal_code = "postalCode", city = "city", country = "country",
            latitude = "latitude", longitude = "longitude"]
        name: Node<Translations<'a>> = "name",
        room: Node<Translations<'a>> = "room",
    }

    struct EventBody<'a> {
        [kind = "kind", product = "product", starts_at = "startsAt", ends_at = "endsAt", doors_at = "doorsAt",
            state = "state"]
        title: Node<Translations<'a>> = "title",
        venue: Node<Venue<'a>> = "venue",
    }

    /// A ticket's or a card's own facts: the two kinds share a form.
    struct Holder<'a> {
        [movement = "movement", ticket = "ticket", order = "order", barcode = "barcode",
            first_name = "firstName", last_name = "lastName", contact = "contact", area = "area",
            gate = "gate", row = "row", seat = "seat", seat_category = "seatCategory", audience = "audience",
            tariff = "tariff", valid_from = "validFrom", valid_to = "validTo", used = "used", title = "title",
            quality = "quality"]
        quality_name: Node<Translations<'a>> = "qualityName",
    }
}

impl<'a> Holder<'a> {
    /// None: not what `classify` makes.
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        parse(body)
    }
}

fn parse<'a, T: Fields<'a>>(body: &'a [u8]) -> Option<T> {
    lenient::read(std::str::from_utf8(body).ok()?).ok()?.into_option()
}

pub(crate) struct Event<'a> {
    pub key: &'a str,
    body: EventBody<'a>,
}

impl Event<'_> {
    /// Latitude and longitude, where both are on earth.
    pub(crate) fn coordinates(&self) -> Option<(f64, f64)> {
        let venue = self.body.venue.get()?;
        let (latitude, longitude) = (venue.latitude.real()?, venue.longitude.real()?);
        ((-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude)).then_some((latitude, longitude))
    }

    /// A product that stands for the performances behind it.
    fn is_product(&self) -> bool {
        self.key.starts_with("product:")
    }
}

/// All events of a job, parsed once, by key. None where the body is not what `classify` makes.
pub(crate) struct Events<'a>(Vec<(&'a str, Option<Event<'a>>)>);

impl<'a> Events<'a> {
    pub(crate) fn parse(parts: &'a [EventPart]) -> Self {
        let mut events: Vec<_> = parts
            .iter()
            .map(|part| {
                let body = parse(&part.body);
                (part.key.as_str(), body.map(|body| Event { key: &part.key, body }))
            })
            .collect();
        events.sort_by_key(|(key, _)| *key);
        Self(events)
    }

    fn get(&self, key: &str) -> Option<&Event<'a>> {
        let at = self.0.binary_search_by_key(&key, |(key, _)| key).ok()?;
        self.0.get(at)?.1.as_ref()
    }

    /// The events of a ticket, in its order; none when one of them is missing.
    pub(crate) fn select<'s>(&'s self, keys: &[String]) -> Option<Vec<&'s Event<'a>>> {
        keys.iter().map(|key| self.get(key)).collect()
    }
}

/// What a variable stands for.
#[derive(Clone, Copy)]
pub(crate) enum Value<'f> {
    Absent,
    Plain(&'f str),
    /// Two texts with a space between.
    Joined(&'f str, &'f str),
    Localised(&'f Translations<'f>),
    Date(&'f str, Stamp),
}

/// What is behind one pass.
pub(crate) struct Facts<'f> {
    pub item: &'f Item,
    pub(super) holder: &'f Holder<'f>,
    pub events: &'f [&'f Event<'f>],
    pub settings: &'f [(String, String)],
}

impl<'f> Facts<'f> {
    /// The events that a list shows: the performances, without the product that they were sold as.
    pub(crate) fn listed(&self) -> impl Iterator<Item = usize> + use<'f> {
        let events = self.events;
        let only_products = events.iter().all(|event| event.is_product());
        events.iter().enumerate().filter(move |(_, event)| only_products || !event.is_product()).map(|(at, _)| at)
    }

    pub(crate) fn event(&self, at: usize) -> Option<&'f Event<'f>> {
        self.events.get(at).copied()
    }

    /// `at`: the event that `event.*` and `venue.*` speak of.
    pub(crate) fn value(&self, variable: Variable, at: usize) -> Value<'f> {
        use Variable as V;
        let holder = self.holder;
        let event = self.event(at).map(|event| &event.body);
        let venue = event.and_then(|event| event.venue.get());
        match variable {
            V::FirstName => plain(Some(&holder.first_name)),
            V::LastName => plain(Some(&holder.last_name)),
            V::FullName => match (plain(Some(&holder.first_name)), plain(Some(&holder.last_name))) {
                (Value::Plain(first), Value::Plain(last)) => Value::Joined(first, last),
                (Value::Absent, last) => last,
                (first, _) => first,
            },
            V::BarCode => plain(Some(&holder.barcode)),
            V::Area => plain(Some(&holder.area)),
            V::SeatCategory => plain(Some(&holder.seat_category)),
            V::Row => plain(Some(&holder.row)),
            V::Seat => plain(Some(&holder.seat)),
            V::Gate => plain(Some(&holder.gate)),
            V::Audience => plain(Some(&holder.audience)),
            V::Tariff => plain(Some(&holder.tariff)),
            V::TicketNumber => plain(Some(&holder.ticket)),
            V::Movement => plain(Some(&holder.movement)),
            V::Order => plain(Some(&holder.order)),
            V::ValidFrom => date(Some(&holder.valid_from)),
            V::ValidTo => date(Some(&holder.valid_to)),
            V::EventTitle => localised(event.and_then(|event| event.title.get())),
            V::EventStart => date(event.map(|event| &event.starts_at)),
            V::EventEnd => date(event.map(|event| &event.ends_at)),
            V::EventDoors => date(event.map(|event| &event.doors_at)),
            V::EventState => plain(event.map(|event| &event.state)),
            V::EventCode => plain(event.map(|event| &event.product)),
            V::EventKind => plain(event.map(|event| &event.kind)),
            V::EventsStart => self.edge(|body| &body.starts_at, |new, old| new < old),
            V::EventsEnd if self.events.iter().all(|event| event.body.ends_at.is_absent()) => Value::Absent,
            V::EventsEnd => self.edge(
                |body| if body.ends_at.is_absent() { &body.starts_at } else { &body.ends_at },
                |new, old| new > old,
            ),
            V::VenueName => localised(venue.and_then(|venue| venue.name.get())),
            V::VenueRoom => localised(venue.and_then(|venue| venue.room.get())),
            V::Country => plain(venue.map(|venue| &venue.country)),
            V::Address => plain(venue.map(|venue| &venue.address)),
            V::City => plain(venue.map(|venue| &venue.city)),
            V::PostalCode => plain(venue.map(|venue| &venue.postal_code)),
            V::ContactNumber => plain(Some(&holder.contact)),
            V::ContactTitle => plain(Some(&holder.title)),
            V::ContactQuality => match holder.quality_name.get() {
                Some(names) if !names.0.is_empty() => Value::Localised(names),
                _ => plain(Some(&holder.quality)),
            },
            V::ContactQualityCode => plain(Some(&holder.quality)),
            V::StateVoid => flag(self.item.state == PassState::Void),
            V::StateLive => flag(self.item.state == PassState::Live),
            V::StateUsed => flag(holder.used == Scalar::Flag(true)),
        }
    }

    /// `settings.*` of the tenant, `host.*` and `tenant.*` of the pass.
    pub(crate) fn named(&self, name: &str) -> Value<'f> {
        let (list, key) = match name.strip_prefix("settings.") {
            Some(key) => (self.settings, key),
            None => (self.item.variables.as_slice(), name),
        };
        // The tenant's settings may come with or without the prefix.
        let found = list.iter().find(|(entry, _)| entry == key || entry == name);
        found.map_or(Value::Absent, |(_, value)| text(value))
    }

    /// The first or last date of all events of the pass.
    fn edge(
        &self,
        choose: impl Fn(&'f EventBody<'f>) -> &'f Scalar<'f>,
        better: impl Fn(i64, i64) -> bool,
    ) -> Value<'f> {
        let mut best: Option<(&str, Stamp)> = None;
        for event in self.events {
            if let Value::Date(text, stamp) = date(Some(choose(&event.body)))
                && best.is_none_or(|(_, old)| better(stamp.instant(), old.instant()))
            {
                best = Some((text, stamp));
            }
        }
        best.map_or(Value::Absent, |(text, stamp)| Value::Date(text, stamp))
    }
}

fn text(text: &str) -> Value<'_> {
    if text.is_empty() { Value::Absent } else { Value::Plain(text) }
}

fn plain<'f>(value: Option<&'f Scalar<'f>>) -> Value<'f> {
    match value {
        Some(Scalar::Text(value)) => text(value),
        _ => Value::Absent,
    }
}

fn localised<'f>(value: Option<&'f Translations<'f>>) -> Value<'f> {
    value.map_or(Value::Absent, Value::Localised)
}

fn flag(set: bool) -> Value<'static> {
    if set { Value::Plain("true") } else { Value::Absent }
}

fn date<'f>(value: Option<&'f Scalar<'f>>) -> Value<'f> {
    match value {
        Some(Scalar::Text(text)) => Stamp::parse(text).map_or(Value::Absent, |stamp| Value::Date(text, stamp)),
        _ => Value::Absent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The part's form is written three times: by its maker, by the maker's reader, and here. A field that is added there is missed here.
    #[test]
    fn every_field_of_a_ticket_part_is_read() {
        let part = crate::scenario::full_ticket_part();
        let holder = Holder::parse(&part.body).unwrap();
        let read = format!("{holder:?}");
        let body: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&part.body).unwrap();
        assert!(body.len() > 15, "{body:?}");
        for (name, value) in body.iter().filter(|(name, _)| *name != "kind") {
            let value = value.as_str().map_or_else(|| value.to_string(), |text| format!("{text:?}"));
            assert!(read.contains(&value), "{name} is not read: {read}");
        }
    }
}
