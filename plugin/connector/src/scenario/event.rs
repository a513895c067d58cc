//! The facts of events: of a performance, or of the product where there is none. Whitelisted fields that are the same for every ticket.
//!
//! Owns the event part's key and body, and the names of what differs between two of them. Contains nothing of a ticket or a person, which is what
//! lets one file's news update every pass of the performance.

use std::borrow::Cow;

use super::answer::{Address, Location, Operation, Performance};
use super::envelope::Unread;
use super::moment::Moment;
use super::texts::{self, Texts};
use crate::canonical::{Object, name};
use crate::contract::types::EventPart;
use crate::lenient::{List, Node, Scalar, fields, parse_id};

type Field<'a> = Option<Cow<'a, str>>;

/// Where the facts of an event stand in the answer.
#[derive(Clone, Copy)]
pub(super) enum Source<'f> {
    Operation(&'f Operation<'f>),
    /// One of the performances that a season ticket opens.
    Within(&'f Operation<'f>, &'f Performance<'f>, usize),
}

/// The events that an operation's tickets show, in order, by key: the performance, or the season ticket and its performances. `pointer` is the
/// operation's. The same key must have the same body in every file, or two files would overwrite each other's view for ever: so a performance
/// within a season ticket or a package, which is told with other fields than the single entry to it, has a key of its own.
pub(super) fn of_operation<'f>(
    operation: &'f Operation<'f>,
    unread: &mut Unread,
    pointer: &dyn Fn() -> String,
) -> Vec<(String, Source<'f>)> {
    let product =
        operation.product_id.id().map(|id| Cow::Owned(id.to_string())).or_else(|| operation.product_code.text());
    let single = operation.performance_id.id();
    if operation.performance_id.is_misfit() {
        unread.note(|| format!("{}/performanceId", pointer()));
    }
    if operation.performances.is_misfit() {
        unread.note(|| format!("{}/performances", pointer()));
    }
    let within = |id: i64, product: &str| format!("performance:{id}@product:{product}");
    if let Some(id) = single
        && operation.performances.nodes().len() < 2
    {
        let is_single = operation.kind.text().is_none_or(|kind| kind.eq_ignore_ascii_case("SINGLE_ENTRY"));
        let key = match &product {
            Some(product) if !is_single => within(id, product),
            _ => format!("performance:{id}"),
        };
        return vec![(key, Source::Operation(operation))];
    }
    let Some(product) = product else {
        unread.note(|| format!("{}/productId", pointer()));
        return single.map(|id| (format!("performance:{id}"), Source::Operation(operation))).into_iter().collect();
    };
    let mut events = vec![(format!("product:{product}"), Source::Operation(operation))];
    for (at, performance) in operation.performances.objects() {
        match performance.performance_id.id() {
            Some(id) => events.push((within(id, &product), Source::Within(operation, performance, at))),
            None => unread.note(|| format!("{}/performances/{at}/performanceId", pointer())),
        }
    }
    events
}

/// The performance of a key.
pub(super) fn performance_of(key: &str) -> Option<i64> {
    let rest = key.strip_prefix("performance:")?;
    parse_id(rest.split_once('@').map_or(rest, |(performance, _)| performance))
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct EventFacts<'a> {
    kind: Field<'a>,
    product: Field<'a>,
    title: Texts<'a>,
    starts_at: Field<'a>,
    ends_at: Field<'a>,
    doors_at: Field<'a>,
    state: Field<'a>,
    venue: Venue<'a>,
    ends: Option<u64>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Venue<'a> {
    name: Texts<'a>,
    room: Texts<'a>,
    address: Field<'a>,
    postal_code: Field<'a>,
    city: Field<'a>,
    country: Field<'a>,
    /// Millionths of a degree.
    latitude: Option<i64>,
    longitude: Option<i64>,
}

fields! {
    /// An event part's body, as it was written.
    struct EventBody<'a> {
        [kind = "kind", product = "product", starts_at = "startsAt", ends_at = "endsAt", doors_at = "doorsAt",
            state = "state"]
        title: Node<Texts<'a>> = "title",
        venue: Node<VenueBody<'a>> = "venue",
    }

    struct VenueBody<'a> {
        [address = "address", postal_code = "postalCode", city = "city", country = "country",
            latitude = "latitude", longitude = "longitude"]
        name: Node<Texts<'a>> = "name",
        room: Node<Texts<'a>> = "room",
    }
}

impl<'a> EventFacts<'a> {
    pub(super) fn of(source: Source<'a>, unread: &mut Unread, pointer: &dyn Fn() -> String) -> Self {
        let (operation, performance, pointer): (_, _, &dyn Fn() -> String) = match source {
            Source::Operation(operation) => (operation, None, pointer),
            Source::Within(operation, performance, at) => {
                (operation, Some(performance), &move || format!("{}/performances/{at}", pointer()))
            }
        };
        let mut facts = Self { kind: operation.kind.text(), product: operation.product_code.text(), ..Self::default() };
        let (starts, ends, doors) = match performance {
            None => {
                facts.title = texts::of(&operation.product_external_name, unread, || {
                    format!("{}/productExternalName", pointer())
                });
                facts.state = operation.product_state.text();
                (&operation.performance_start_date, &operation.performance_end_date, &operation.doors_open_date)
            }
            Some(performance) => {
                facts.title =
                    texts::of(&performance.performance_name, unread, || format!("{}/performanceName", pointer()));
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
        let body: EventBody<'a> = super::read(&part.body)?;
        let venue = body.venue.into_option().unwrap_or_default();
        Some(Self {
            kind: body.kind.into_text(),
            product: body.product.into_text(),
            title: body.title.into_option().unwrap_or_default(),
            starts_at: body.starts_at.into_text(),
            ends_at: body.ends_at.into_text(),
            doors_at: body.doors_at.into_text(),
            state: body.state.into_text(),
            venue: Venue {
                name: venue.name.into_option().unwrap_or_default(),
                room: venue.room.into_option().unwrap_or_default(),
                address: venue.address.into_text(),
                postal_code: venue.postal_code.into_text(),
                city: venue.city.into_text(),
                country: venue.country.into_text(),
                latitude: venue.latitude.real().and_then(millionths),
                longitude: venue.longitude.real().and_then(millionths),
            },
            ends: part.ends_at,
        })
    }

    pub(super) fn part(&self, key: String) -> EventPart {
        let mut body = Vec::with_capacity(512);
        let mut object = Object::open(&mut body);
        object.optional(name!("doorsAt"), self.doors_at.as_deref());
        object.optional(name!("endsAt"), self.ends_at.as_deref());
        object.text(name!("key"), &key);
        object.optional(name!("kind"), self.kind.as_deref());
        object.optional(name!("product"), self.product.as_deref());
        object.optional(name!("startsAt"), self.starts_at.as_deref());
        object.optional(name!("state"), self.state.as_deref());
        self.title.write(&mut object, name!("title"));
        if self.venue != Venue::default() {
            object.object(name!("venue"), |venue| self.venue.write(venue));
        }
        object.close();
        EventPart { key, body, ends_at: self.ends }
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
        compare((old.latitude, old.longitude) == (new.latitude, new.longitude), "venue.location");
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
            venue.name = texts::of(&location.site_name, unread, || format!("{}/locations/{at}/siteName", pointer()));
            venue.room = texts::of(&location.space_name, unread, || format!("{}/locations/{at}/spaceName", pointer()));
        }
        if let Some(address) = location.and_then(|location| location.site_address.get()).or(address) {
            venue.address = address.first_address_line.text();
            venue.postal_code = address.zip_code.text();
            venue.city = address.locality.text();
            venue.country = address.country_code.text();
            // Both or none: half a place is none.
            let place = |scalar: &Scalar<'_>| scalar.real().and_then(millionths);
            if let (Some(latitude), Some(longitude)) = (place(&address.latitude), place(&address.longitude)) {
                venue.latitude = Some(latitude);
                venue.longitude = Some(longitude);
            }
        }
        venue
    }

    fn write(&self, object: &mut Object<'_>) {
        object.optional(name!("address"), self.address.as_deref());
        object.optional(name!("city"), self.city.as_deref());
        object.optional(name!("country"), self.country.as_deref());
        if let Some(latitude) = self.latitude {
            object.millionths(name!("latitude"), latitude);
        }
        if let Some(longitude) = self.longitude {
            object.millionths(name!("longitude"), longitude);
        }
        self.name.write(object, name!("name"));
        object.optional(name!("postalCode"), self.postal_code.as_deref());
        self.room.write(object, name!("room"));
    }
}

/// Degrees to millionths; none when it is no angle.
fn millionths(degrees: f64) -> Option<i64> {
    let sane = (-180.0..=180.0).contains(&degrees);
    // At most 180 million: exact in both.
    #[allow(clippy::cast_possible_truncation)]
    sane.then(|| (degrees * 1e6).round() as i64)
}
