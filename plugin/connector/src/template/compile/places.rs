//! When and where a pass comes up on the lock screen: `[relevance]`, and the places of the tenant's venues.
//!
//! Owns `relevantDates`, `relevantDate`, `locations`, `maxDistance`, `beacons` and the expiry of a ticket, and the reading of places, out of which
//! `merchant` makes Google's. The phone decides: it takes the smaller of the distance and its own.

use super::apple::known;
use super::condition::{Condition, Test};
use super::context::{Allowed, Context};
use super::document::Section;
use super::error::Problem;
use super::tree::{Node, Part, quoted};
use super::wording::Words;
use crate::template::vocabulary::Variable;

/// Apple: "up to ten".
pub const MAX_LOCATIONS: usize = 10;

/// Apple names no limit; a season has fewer performances, and the list stays within a page of JSON.
const MAX_RELEVANT_DATES: u32 = 100;

/// An event ticket leaves the pile of current passes this long after the end (or, where no end is known, the start) of its last event,
/// unless the template says otherwise: late enough for the longest encore.
const EXPIRE_HOURS: u32 = 24;

/// A year: nobody means more.
const MAX_EXPIRE_HOURS: u32 = 24 * 366;

/// Apple: metres.
const MAX_DISTANCE: u32 = 100_000;

/// Metres around a place, where neither the venue nor the template says otherwise: the venue's doorstep. Venues raise it when they are large.
pub const DISTANCE: u32 = 50;

/// Bounds of latitudes, longitudes, and altitudes (the Dead Sea, Everest).
const LATITUDE: f64 = 90.0;
const LONGITUDE: f64 = 180.0;
const DEEPEST: f64 = -500.0;
const HIGHEST: f64 = 9_000.0;

/// A venue as the tenant knows it: where its holders are when they need the pass.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Venue {
    /// As SecuTix names the site, in the tenant's default language.
    pub name: String,
    /// Metres.
    pub max_distance: u32,
    /// 1 to 10: the building, a station, a car park.
    pub places: Vec<Place>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Place {
    pub latitude: f64,
    pub longitude: f64,
    /// Shown on the lock screen, for all languages; none: the template's text.
    pub text: Option<String>,
}

/// A used ticket expires, too, where the template says so; unlike a void one it is not `voided`.
pub(super) fn expiry(relevance: Option<&Section<'_>>, past: &str) -> Vec<Node> {
    let hours = relevance.and_then(|section| section.integer("expireAfterHours", 0, MAX_EXPIRE_HOURS));
    let minutes = hours.unwrap_or(EXPIRE_HOURS) * 60;
    let date = |variable| Node::member("expirationDate", Part::Date(known(variable), minutes));
    let mut later = vec![
        date(Variable::EventsEnd).only(&Condition::is(Variable::EventsEnd)),
        date(Variable::EventsStart).only(&Condition::not(Variable::EventsEnd)),
    ];
    if relevance.and_then(|section| section.boolean("expireWhenUsed")) == Some(true) {
        later = later.into_iter().map(|node| node.only(&Condition::not(Variable::StateUsed))).collect();
        let now = Node::raw(format!("\"expirationDate\":{}", quoted(past)));
        later.push(now.only(&Condition::is(Variable::StateUsed)));
    }
    later
}

/// iOS 18 documents `date` and reads `relevantDate`; older ones read the single `relevantDate`.
pub(super) fn relevance<'s>(context: &Context<'s>, relevance: Option<&Section<'s>>, venues: &[Venue]) -> Vec<Node> {
    let mut nodes = Vec::new();
    if relevance.and_then(|section| section.boolean("dates")).unwrap_or(true) {
        let start = || Part::Date(known(Variable::EventStart), 0);
        let both = vec![
            Part::Raw("{\"date\":".to_owned()),
            start(),
            Part::Raw(",\"relevantDate\":".to_owned()),
            start(),
            Part::Raw("}".to_owned()),
        ];
        let each = Node::Events { limit: MAX_RELEVANT_DATES, places: false, node: Box::new(Node::leaf(both)) };
        nodes.push(Node::array("\"relevantDates\":", vec![each]));
        nodes.push(Node::member("relevantDate", Part::Date(known(Variable::EventsStart), 0)));
    }
    let text = relevance.and_then(|section| section.written("text"));
    let text = text.and_then(|text| context.words(&text, Allowed::All, false));
    let distance = relevance.and_then(|section| section.integer("maxDistance", 1, MAX_DISTANCE));
    let own = relevance.map(|section| written_places(context, section)).unwrap_or_default();
    let own = own.into_iter().map(OwnPlace::apple).collect();
    if relevance.and_then(|section| section.boolean("locations")).unwrap_or(true) {
        nodes.extend(locations(text.as_ref(), distance, own, venues));
    }
    nodes.extend(relevance.and_then(|section| beacons(context, section)));
    nodes
}

/// The template's own places, else those of the venue that the event is at, else where SecuTix says that the venue is.
fn locations(text: Option<&Words>, distance: Option<u32>, own: Vec<Node>, venues: &[Venue]) -> Vec<Node> {
    let metres = |metres: u32| Node::raw(format!("\"maxDistance\":{metres}"));
    let text_of = |words: &Words| Node::member("relevantText", Part::Lookup(words.clone()));
    if !own.is_empty() {
        return vec![Node::array("\"locations\":", own), metres(distance.unwrap_or(DISTANCE))];
    }
    let mut nodes = Vec::new();
    let mut elsewhere = Condition::default();
    for venue in venues {
        let here = at(venue, false);
        elsewhere = elsewhere.and(&at(venue, true));
        let places = venue.places.iter().take(MAX_LOCATIONS).map(|place| {
            let Place { latitude, longitude, text: own } = place;
            let mut members = vec![Node::raw(format!("\"latitude\":{latitude},\"longitude\":{longitude}"))];
            match own {
                Some(text) => members.push(Node::raw(format!("\"relevantText\":{}", quoted(text)))),
                None => members.extend(text.map(text_of)),
            }
            Node::object("", members)
        });
        nodes.push(Node::array("\"locations\":", places.collect()).only(&here));
        nodes.push(metres(venue.max_distance).only(&here));
    }
    let mut members = vec![Node::leaf(vec![Part::Coordinates])];
    members.extend(text.map(text_of));
    let each = Node::Events { limit: MAX_LOCATIONS as u32, places: true, node: Box::new(Node::object("", members)) };
    nodes.push(Node::array("\"locations\":", vec![each]).only(&elsewhere));
    nodes.push(metres(distance.unwrap_or(DISTANCE)).only(&elsewhere));
    nodes
}

/// The pass's event is at the venue, or is not.
pub(super) fn at(venue: &Venue, negated: bool) -> Condition {
    let name = Test { negated, reference: known(Variable::VenueName), equals: Some(venue.name.clone()) };
    Condition(vec![vec![name]])
}

/// A place of the template's own, `[[relevance.places]]`.
pub(super) struct OwnPlace {
    pub latitude: f64,
    pub longitude: f64,
    altitude: Option<f64>,
    text: Option<Words>,
}

impl OwnPlace {
    fn apple(self) -> Node {
        let mut raw = format!("\"latitude\":{},\"longitude\":{}", self.latitude, self.longitude);
        raw.extend(self.altitude.map(|altitude| format!(",\"altitude\":{altitude}")));
        let mut members = vec![Node::raw(raw)];
        members.extend(self.text.map(|words| Node::member("relevantText", Part::Lookup(words))));
        Node::object("", members)
    }
}

pub(super) fn written_places<'s>(context: &Context<'s>, section: &Section<'s>) -> Vec<OwnPlace> {
    let sections = section.sections("places");
    if sections.len() > MAX_LOCATIONS {
        let (what, style) = ("places", "Apple's");
        let problem = Problem::TooMany { what, style, count: sections.len(), limit: MAX_LOCATIONS };
        section.problem(&section.place, problem);
    }
    let mut places = Vec::new();
    for place in sections {
        let latitude = place.number("latitude", -LATITUDE, LATITUDE);
        let longitude = place.number("longitude", -LONGITUDE, LONGITUDE);
        let altitude = place.number("altitude", DEEPEST, HIGHEST);
        for (key, there) in [("latitude", latitude), ("longitude", longitude)] {
            if there.is_none() {
                place.missing(key);
            }
        }
        let text = place.written("relevantText").and_then(|text| context.words(&text, Allowed::All, false));
        if let (Some(latitude), Some(longitude)) = (latitude, longitude) {
            places.push(OwnPlace { latitude, longitude, altitude, text });
        }
        place.finish();
    }
    places
}

fn beacons<'s>(context: &Context<'s>, section: &Section<'s>) -> Option<Node> {
    const UUID: &str = "a beacon's proximityUUID is written as 8-4-4-4-12 hexadecimal digits";
    let mut nodes = Vec::new();
    for beacon in section.sections("beacons") {
        let uuid = beacon.string("proximityUUID");
        if uuid.is_none() {
            beacon.missing("proximityUUID");
        }
        let (major, minor) = (beacon.integer("major", 0, u16::MAX.into()), beacon.integer("minor", 0, u16::MAX.into()));
        let text = beacon.written("relevantText").and_then(|text| context.words(&text, Allowed::All, false));
        if let Some((place, uuid)) = uuid {
            if !is_uuid(uuid) {
                beacon.problem(&place, Problem::Rule(UUID));
            }
            let mut raw = format!("\"proximityUUID\":{}", quoted(uuid));
            raw.extend(major.map(|major| format!(",\"major\":{major}")));
            raw.extend(minor.map(|minor| format!(",\"minor\":{minor}")));
            let mut members = vec![Node::raw(raw)];
            members.extend(text.map(|words| Node::member("relevantText", Part::Lookup(words))));
            nodes.push(Node::object("", members));
        }
        beacon.finish();
    }
    (!nodes.is_empty()).then(|| Node::array("\"beacons\":", nodes))
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let digits = groups.iter().all(|group| group.bytes().all(|c| c.is_ascii_hexdigit()));
    digits && groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
}
