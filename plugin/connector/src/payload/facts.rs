//! The facts of a job: event and ticket parts, read without copying, and what each variable of a template means in them.
//!
//! Owns the reading of the normalised parts and the answer to "what is `ticket.row`?". Does not own their making (`scenario`). An absent
//! field, a null and an empty text are the same: no value.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use crate::contract::payload::Item;
use crate::contract::types::{EventPart, PassState};
use crate::payload::date::Stamp;
use crate::template::vocabulary::Variable;

/// Text of a part: borrowed unless it holds an escape. (serde borrows a `Cow` only where it is not within an `Option`.)
#[derive(Debug, PartialEq)]
pub(crate) struct Text<'a>(Cow<'a, str>);

impl Text<'_> {
    fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

/// Text by locale, in the order of the part.
#[derive(Debug, PartialEq, Default)]
pub(crate) struct Translations<'a>(Vec<(Text<'a>, Text<'a>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Translations<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TranslationsVisitor;
        impl<'de> Visitor<'de> for TranslationsVisitor {
            type Value = Translations<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text by locale")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::with_capacity(4);
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Translations(entries))
            }
        }
        deserializer.deserialize_map(TranslationsVisitor)
    }
}

impl<'a> Translations<'a> {
    /// Of a host's variables: those whose name is the prefix and a locale.
    pub(crate) fn of_variables(variables: &'a [(String, String)], prefix: &str) -> Self {
        let of = |(name, text): &'a (String, String)| {
            let locale = name.strip_prefix(prefix)?;
            Some((Text(Cow::Borrowed(locale)), Text(Cow::Borrowed(text.as_str()))))
        };
        Self(variables.iter().filter_map(of).filter(|(_, text)| !text.as_str().is_empty()).collect())
    }
}

impl Translations<'_> {
    /// The text for a locale: the same one, else one of the same language, else by the job's order of locales, else any.
    pub(crate) fn best(&self, locale: &str, order: &[String]) -> Option<&str> {
        let texts = || self.0.iter().filter(|(_, text)| !text.as_str().is_empty());
        let exact = |wanted: &str| texts().find(|(locale, _)| locale.as_str().eq_ignore_ascii_case(wanted));
        let language = |wanted: &str| texts().find(|(locale, _)| same_language(locale.as_str(), wanted));
        let fits = |wanted: &str| exact(wanted).or_else(|| language(wanted));
        fits(locale)
            .or_else(|| order.iter().find_map(|other| fits(other)))
            .or_else(|| texts().next())
            .map(|(_, text)| text.as_str())
    }
}

fn same_language(left: &str, right: &str) -> bool {
    let language = |locale: &'_ str| locale.find('-').unwrap_or(locale.len());
    left.get(..language(left))
        .unwrap_or_default()
        .eq_ignore_ascii_case(right.get(..language(right)).unwrap_or_default())
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Venue<'a> {
    name: Option<Translations<'a>>,
    room: Option<Translations<'a>>,
    address: Option<Text<'a>>,
    postal_code: Option<Text<'a>>,
    city: Option<Text<'a>>,
    country: Option<Text<'a>>,
    latitude: Option<f64>,
    longitude: Option<f64>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct EventBody<'a> {
    kind: Option<Text<'a>>,
    product: Option<Text<'a>>,
    title: Option<Translations<'a>>,
    starts_at: Option<Text<'a>>,
    ends_at: Option<Text<'a>>,
    doors_at: Option<Text<'a>>,
    state: Option<Text<'a>>,
    venue: Option<Venue<'a>>,
}

pub(crate) struct Event<'a> {
    pub key: &'a str,
    body: EventBody<'a>,
}

impl Event<'_> {
    /// Latitude and longitude, where both are on earth.
    pub(crate) fn coordinates(&self) -> Option<(f64, f64)> {
        let venue = self.body.venue.as_ref()?;
        let (latitude, longitude) = (venue.latitude?, venue.longitude?);
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
                let body = serde_json::from_slice(&part.body).ok();
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

/// A ticket's or a card's own facts: the two kinds share a form.
#[derive(Deserialize, Debug, Default)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(crate) struct Holder<'a> {
    movement: Option<Text<'a>>,
    ticket: Option<Text<'a>>,
    order: Option<Text<'a>>,
    barcode: Option<Text<'a>>,
    first_name: Option<Text<'a>>,
    last_name: Option<Text<'a>>,
    contact: Option<Text<'a>>,
    area: Option<Text<'a>>,
    gate: Option<Text<'a>>,
    row: Option<Text<'a>>,
    seat: Option<Text<'a>>,
    seat_category: Option<Text<'a>>,
    audience: Option<Text<'a>>,
    tariff: Option<Text<'a>>,
    valid_from: Option<Text<'a>>,
    valid_to: Option<Text<'a>>,
    used: Option<bool>,
    title: Option<Text<'a>>,
    quality: Option<Text<'a>>,
    quality_name: Option<Translations<'a>>,
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
    pub holder: &'f Holder<'f>,
    pub events: &'f [&'f Event<'f>],
    pub settings: &'f [(String, String)],
    /// What an organiser has sent to the holder, by locale.
    pub message: &'f Translations<'f>,
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
        let venue = event.and_then(|event| event.venue.as_ref());
        match variable {
            V::FirstName => plain(holder.first_name.as_ref()),
            V::LastName => plain(holder.last_name.as_ref()),
            V::FullName => match (plain(holder.first_name.as_ref()), plain(holder.last_name.as_ref())) {
                (Value::Plain(first), Value::Plain(last)) => Value::Joined(first, last),
                (Value::Absent, last) => last,
                (first, _) => first,
            },
            V::BarCode => plain(holder.barcode.as_ref()),
            V::Area => plain(holder.area.as_ref()),
            V::SeatCategory => plain(holder.seat_category.as_ref()),
            V::Row => plain(holder.row.as_ref()),
            V::Seat => plain(holder.seat.as_ref()),
            V::Gate => plain(holder.gate.as_ref()),
            V::Audience => plain(holder.audience.as_ref()),
            V::Tariff => plain(holder.tariff.as_ref()),
            V::TicketNumber => plain(holder.ticket.as_ref()),
            V::Movement => plain(holder.movement.as_ref()),
            V::Order => plain(holder.order.as_ref()),
            V::ValidFrom => date(holder.valid_from.as_ref()),
            V::ValidTo => date(holder.valid_to.as_ref()),
            V::EventTitle => localised(event.and_then(|event| event.title.as_ref())),
            V::EventStart => date(event.and_then(|event| event.starts_at.as_ref())),
            V::EventEnd => date(event.and_then(|event| event.ends_at.as_ref())),
            V::EventDoors => date(event.and_then(|event| event.doors_at.as_ref())),
            V::EventState => plain(event.and_then(|event| event.state.as_ref())),
            V::EventCode => plain(event.and_then(|event| event.product.as_ref())),
            V::EventKind => plain(event.and_then(|event| event.kind.as_ref())),
            V::EventsStart => self.edge(|body| body.starts_at.as_ref(), |new, old| new < old),
            V::EventsEnd if self.events.iter().all(|event| event.body.ends_at.is_none()) => Value::Absent,
            V::EventsEnd => self.edge(|body| body.ends_at.as_ref().or(body.starts_at.as_ref()), |new, old| new > old),
            V::VenueName => localised(venue.and_then(|venue| venue.name.as_ref())),
            V::VenueRoom => localised(venue.and_then(|venue| venue.room.as_ref())),
            V::Country => plain(venue.and_then(|venue| venue.country.as_ref())),
            V::Address => plain(venue.and_then(|venue| venue.address.as_ref())),
            V::City => plain(venue.and_then(|venue| venue.city.as_ref())),
            V::PostalCode => plain(venue.and_then(|venue| venue.postal_code.as_ref())),
            V::ContactNumber => plain(holder.contact.as_ref()),
            V::ContactTitle => plain(holder.title.as_ref()),
            V::ContactQuality => match &holder.quality_name {
                Some(names) if names.0.iter().any(|(_, name)| !name.as_str().is_empty()) => Value::Localised(names),
                _ => plain(holder.quality.as_ref()),
            },
            V::ContactQualityCode => plain(holder.quality.as_ref()),
            V::StateVoid => flag(self.item.state == PassState::Void),
            V::StateLive => flag(self.item.state == PassState::Live),
            V::StateUsed => flag(holder.used == Some(true)),
            V::HostMessage if self.message.0.is_empty() => Value::Absent,
            V::HostMessage => Value::Localised(self.message),
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
        choose: impl Fn(&'f EventBody<'f>) -> Option<&'f Text<'f>>,
        better: impl Fn(i64, i64) -> bool,
    ) -> Value<'f> {
        let mut best: Option<(&str, Stamp)> = None;
        for event in self.events {
            if let Value::Date(text, stamp) = date(choose(&event.body))
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

fn plain<'f>(value: Option<&'f Text<'f>>) -> Value<'f> {
    value.map_or(Value::Absent, |value| text(value.as_str()))
}

fn localised<'f>(value: Option<&'f Translations<'f>>) -> Value<'f> {
    value.map_or(Value::Absent, Value::Localised)
}

fn flag(set: bool) -> Value<'static> {
    if set { Value::Plain("true") } else { Value::Absent }
}

fn date<'f>(value: Option<&'f Text<'f>>) -> Value<'f> {
    value
        .and_then(|value| Stamp::parse(value.as_str()).map(|stamp| Value::Date(value.as_str(), stamp)))
        .unwrap_or(Value::Absent)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The part's form is written three times: by its maker, by the maker's reader, and here. A field that is added there is missed here.
    #[test]
    fn every_field_of_a_ticket_part_is_read() {
        let part = crate::scenario::full_ticket_part();
        let holder: Holder<'_> = serde_json::from_slice(&part.body).unwrap();
        let read = format!("{holder:?}");
        let body: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&part.body).unwrap();
        assert!(body.len() > 15, "{body:?}");
        for (name, value) in body.iter().filter(|(name, _)| *name != "kind") {
            let value = value.as_str().map_or_else(|| value.to_string(), |text| format!("{text:?}"));
            assert!(read.contains(&value), "{name} is not read: {read}");
        }
    }
}
