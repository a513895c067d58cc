//! The facts of events: of a performance, or of the product where there is none. Whitelisted fields that are the same for every ticket.
//!
//! Owns the event part's key and body, and the names of what differs between two of them. Contains nothing of a ticket or a person, which is what
//! lets one file's news update every pass of the performance.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

use super::answer::{Address, Label, Location, Operation, Performance};
use super::envelope::Unread;
use super::moment::Moment;
use crate::canonical::{self, Object};
use crate::contract::types::EventPart;
use crate::lenient::{List, Node, Scalar};

type Field<'a> = Option<Cow<'a, str>>;
type Texts<'a> = BTreeMap<Cow<'a, str>, Cow<'a, str>>;

/// Which event. The same key must have the same body in every file, or two files would overwrite each other's view for ever: so a
/// performance within a season ticket, which is told with other fields than the single entry to it, has a key of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum EventKey<'a> {
    Performance(i64),
    Product(Cow<'a, str>),
    Within { product: Cow<'a, str>, performance: i64 },
}

impl EventKey<'_> {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Performance(id) => format!("performance:{id}"),
            Self::Product(id) => format!("product:{id}"),
            Self::Within { product, performance } => format!("performance:{performance}@product:{product}"),
        }
    }
}

/// Where the facts of an event stand in the answer.
#[derive(Clone, Copy)]
pub(super) enum Source<'f> {
    Operation(&'f Operation<'f>),
    /// One of the performances that a season ticket opens.
    Within(&'f Operation<'f>, &'f Performance<'f>, usize),
}

/// The events that an operation's tickets show, in order: the performance, or the season ticket and its performances. `pointer` is the operation's.
pub(super) fn of_operation<'f>(
    operation: &'f Operation<'f>,
    unread: &mut Unread,
    pointer: &dyn Fn() -> String,
) -> Vec<(EventKey<'f>, Source<'f>)> {
    let product = operation.product_id.id().map(|id| Cow::Owned(id.to_string())).or_else(|| operation.product_code.text());
    let single = operation.performance_id.id();
    if operation.performance_id.is_misfit() {
        unread.note(|| format!("{}/performanceId", pointer()));
    }
    if operation.performances.is_misfit() {
        unread.note(|| format!("{}/performances", pointer()));
    }
    if let Some(id) = single
        && operation.performances.nodes().len() < 2
    {
        return vec![(EventKey::Performance(id), Source::Operation(operation))];
    }
    let Some(product) = product else {
        unread.note(|| format!("{}/productId", pointer()));
        return single.map(|id| (EventKey::Performance(id), Source::Operation(operation))).into_iter().collect();
    };
    let mut events = vec![(EventKey::Product(product.clone()), Source::Operation(operation))];
    for (at, performance) in operation.performances.objects() {
        match performance.performance_id.id() {
            Some(id) => events.push((
                EventKey::Within { product: product.clone(), performance: id },
                Source::Within(operation, performance, at),
            )),
            None => unread.note(|| format!("{}/performances/{at}/performanceId", pointer())),
        }
    }
    events
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct EventFacts<'a> {
    kind: Field<'a>,
    product: Field<'a>,
    title: Texts<'a>,
    starts_at: Field<'a>,
    ends_at: Field<'a>,
    doors_at: Field<'a>,
    state: Field<'a>,
    venue: Venue<'a>,
    #[serde(skip)]
    ends: Option<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Venue<'a> {
    name: Texts<'a>,
    room: Texts<'a>,
    address: Field<'a>,
    postal_code: Field<'a>,
    city: Field<'a>,
    country: Field<'a>,
    latitude: Option<f64>,
    longitude: Option<f64>,
}

impl<'a> EventFacts<'a> {
    pub(super) fn of(source: Source<'a>, unread: &mut Unread, pointer: &dyn Fn() -> String) -> Self {
        let (operation, performance, pointer): (_, _, &dyn Fn() -> String) = match source {
            Source::Operation(operation) => (operation, None, pointer),
            Source::Within(operation, performance, at) => {
                (operation, Some(performance), &move || format!("{}/performances/{at}", pointer()))
            }
        };
        let mut facts = Self {
            kind: operation.kind.text(),
            product: operation.product_code.text(),
            ..Self::default()
        };
        let (starts, ends, doors) = match performance {
            None => {
                facts.title = texts(&operation.product_external_name, unread, || format!("{}/productExternalName", pointer()));
                facts.state = operation.product_state.text();
                (&operation.performance_start_date, &operation.performance_end_date, &operation.doors_open_date)
            }
            Some(performance) => {
                facts.title = texts(&performance.performance_name, unread, || format!("{}/performanceName", pointer()));
                (&performance.performance_start_date, &performance.performance_end_date, &performance.doors_open_date)
            }
        };
        let mut date = |scalar: &Scalar<'_>, name: &str| {
            let moment = Moment::read(scalar);
            if moment.is_none() && (scalar.text().is_some() || scalar.is_misfit()) {
                unread.note(|| format!("{}/{name}", pointer()));
            }
            moment
        };
        let text = |moment: &Option<Moment>| moment.as_ref().map(|moment| Cow::Owned(moment.text.clone()));
        facts.starts_at = text(&date(starts, "performanceStartDate"));
        facts.doors_at = text(&date(doors, "doorsOpenDate"));
        let ends = date(ends, "performanceEndDate");
        facts.ends_at = text(&ends);
        facts.ends = ends.and_then(|moment| moment.millis());
        let (locations, address) = match performance {
            None => (&operation.locations, operation.site_address.get()),
            Some(performance) => (&performance.locations, None),
        };
        facts.venue = Venue::of(locations, address, unread, pointer);
        facts
    }

    /// The body of a part that was stored earlier; none when another version wrote something that this one cannot read.
    pub(super) fn of_part(part: &'a EventPart) -> Option<Self> {
        serde_json::from_slice(&part.body).ok()
    }

    pub(super) fn part(&self, key: String) -> EventPart {
        let mut body = Vec::with_capacity(512);
        let mut object = Object::open(&mut body);
        object.optional("doorsAt", self.doors_at.as_deref());
        object.optional("endsAt", self.ends_at.as_deref());
        object.text("key", &key);
        object.optional("kind", self.kind.as_deref());
        object.optional("product", self.product.as_deref());
        object.optional("startsAt", self.starts_at.as_deref());
        object.optional("state", self.state.as_deref());
        write_texts(&mut object, "title", &self.title);
        if self.venue != Venue::default() {
            object.object("venue", |venue| self.venue.write(venue));
        }
        object.close();
        EventPart { key, digest: canonical::digest(&body), body, ends_at: self.ends }
    }

    /// The product's code.
    pub(super) fn into_product(self) -> Field<'a> {
        self.product
    }

    /// Template-level names of what differs.
    pub(super) fn difference(&self, new: &EventFacts<'_>, fields: &mut Vec<&'static str>) {
        let mut compare = |same: bool, name: &'static str| {
            if !same {
                fields.push(name);
            }
        };
        compare(self.title == new.title, "event.title");
        compare(self.starts_at == new.starts_at, "event.start");
        compare(self.ends_at == new.ends_at, "event.end");
        compare(self.doors_at == new.doors_at, "event.doors");
        compare(self.state == new.state, "event.state");
        compare(self.product == new.product, "event.code");
        compare(self.kind == new.kind, "event.kind");
        let (old, new) = (&self.venue, &new.venue);
        compare(old.name == new.name, "venue.name");
        compare(old.room == new.room, "venue.room");
        compare(old.address == new.address, "address.address");
        compare(old.postal_code == new.postal_code, "address.postalCode");
        compare(old.city == new.city, "address.city");
        compare(old.country == new.country, "address.country");
        let place = |venue: &Venue<'_>| (venue.latitude.and_then(millionths), venue.longitude.and_then(millionths));
        compare(place(old) == place(new), "venue.location");
    }
}

impl<'a> Venue<'a> {
    /// The first location: SecuTix lists the site and its spaces from the outside in, and tickets of one performance share the first.
    fn of(
        locations: &'a List<Location<'a>>,
        address: Option<&'a Address<'a>>,
        unread: &mut Unread,
        pointer: &dyn Fn() -> String,
    ) -> Self {
        if locations.is_misfit() {
            unread.note(|| format!("{}/locations", pointer()));
        }
        let location = locations.objects().next();
        let at = location.map_or(0, |(at, _)| at);
        let location = location.map(|(_, location)| location);
        let mut venue = Self::default();
        if let Some(location) = location {
            venue.name = texts(&location.site_name, unread, || format!("{}/locations/{at}/siteName", pointer()));
            venue.room = texts(&location.space_name, unread, || format!("{}/locations/{at}/spaceName", pointer()));
        }
        if let Some(address) = location.and_then(|location| location.site_address.get()).or(address) {
            venue.address = address.first_address_line.text();
            venue.postal_code = address.zip_code.text();
            venue.city = address.locality.text();
            venue.country = address.country_code.text();
            // Both or none: half a place is none.
            let place = |scalar: &Scalar<'_>| scalar.real().filter(|number| millionths(*number).is_some());
            if let (Some(latitude), Some(longitude)) = (place(&address.latitude), place(&address.longitude)) {
                venue.latitude = Some(latitude);
                venue.longitude = Some(longitude);
            }
        }
        venue
    }

    fn write(&self, object: &mut Object<'_>) {
        object.optional("address", self.address.as_deref());
        object.optional("city", self.city.as_deref());
        object.optional("country", self.country.as_deref());
        if let Some(latitude) = self.latitude.and_then(millionths) {
            object.millionths("latitude", latitude);
        }
        if let Some(longitude) = self.longitude.and_then(millionths) {
            object.millionths("longitude", longitude);
        }
        write_texts(object, "name", &self.name);
        object.optional("postalCode", self.postal_code.as_deref());
        write_texts(object, "room", &self.room);
    }
}

/// Degrees to millionths; none when it is no angle.
fn millionths(degrees: f64) -> Option<i64> {
    let sane = (-180.0..=180.0).contains(&degrees);
    // At most 180 million: exact in both.
    #[allow(clippy::cast_possible_truncation)]
    sane.then(|| (degrees * 1e6).round() as i64)
}

fn write_texts(object: &mut Object<'_>, name: &str, texts: &Texts<'_>) {
    if !texts.is_empty() {
        object.object(name, |inner| {
            for (locale, text) in texts {
                inner.text(locale, text);
            }
        });
    }
}

/// Texts by BCP 47 locale; SecuTix writes `fr_CH`. Of two texts for one locale the last stands.
pub(super) fn texts<'a>(label: &'a Label<'a>, unread: &mut Unread, pointer: impl Fn() -> String) -> Texts<'a> {
    let Node::Is(label) = label else {
        if label.is_misfit() {
            unread.note(pointer);
        }
        return Texts::new();
    };
    let mut texts = Texts::new();
    for (_, translation) in label.translations.objects() {
        let (Some(locale), Some(value)) = (translation.locale.text(), translation.value.text()) else { continue };
        let locale = if locale.contains('_') { Cow::Owned(locale.replace('_', "-")) } else { locale };
        texts.insert(locale, value);
    }
    texts
}
