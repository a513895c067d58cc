//! When and where a pass comes up on the lock screen: `[relevance]`, and the places of the tenant's venues.
//!
//! Owns `relevantDates`, `relevantDate`, `locations`, `maxDistance`, `beacons` and `expirationDate`, of tickets and of cards, and the reading of places,
//! out of which `merchant` makes Google's. The phone decides: it takes the smaller of the distance and its own.

use super::apple::known;
use super::condition::{Condition, Test};
use super::context::{Allowed, Context};
use super::document::Section;
use super::error::Problem;
use super::semantics::date;
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

const EXPIRATION: &str = "expirationDate";
const DATES: &str = "\"relevantDates\":";

const TWO_EXPIRIES: &str = "a pass has an expirationDate in [apple] or expireAfterHours in [relevance], not both";
const HALF_A_SPAN: &str = "a card has no event: it is relevant from a startDate to an endDate, and needs both";
const NOWHERE: &str =
    "a card has no event and no place of its own: give it [[relevance.places]], or [[venues]] in tenant.toml";
const TOO_MANY_VENUES: &str = "the venues of tenant.toml have more than ten places; the card is given the first ten, or [[relevance.places]] of its own";

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

/// A used ticket expires, too, where the template says so; unlike a void one it is not `voided`. `own`: the date that `[apple]` gives, the inner
/// none being that the pass is not to expire.
pub(super) fn expiry(relevance: Option<&Section<'_>>, own: Option<Option<Part>>, past: &str) -> Vec<Node> {
    let hours = relevance.and_then(|section| section.integer("expireAfterHours", 0, MAX_EXPIRE_HOURS));
    if let (Some(section), Some(_), Some(_)) = (relevance, hours, &own) {
        section.problem(&section.place, Problem::Rule(TWO_EXPIRIES));
    }
    let minutes = hours.unwrap_or(EXPIRE_HOURS) * 60;
    let date = |variable| {
        let part = Part::Date { reference: known(variable), minutes, demanded: false };
        Node::member(EXPIRATION, part)
    };
    let mut later = match own {
        Some(own) => own.into_iter().map(|part| Node::member(EXPIRATION, part)).collect(),
        None => vec![
            date(Variable::EventsEnd).only(&Condition::is(Variable::EventsEnd)),
            date(Variable::EventsStart).only(&Condition::not(Variable::EventsEnd)),
        ],
    };
    if relevance.and_then(|section| section.boolean("expireWhenUsed")) == Some(true) {
        later = later.into_iter().map(|node| node.only(&Condition::not(Variable::StateUsed))).collect();
        let now = Node::raw(format!("\"{EXPIRATION}\":{}", quoted(past)));
        later.push(now.only(&Condition::is(Variable::StateUsed)));
    }
    later
}

/// A ticket's: at its events and around their venues, unless the template says otherwise.
pub(super) fn relevance<'s>(context: &Context<'s>, relevance: Option<&Section<'s>>, venues: &[Venue]) -> Vec<Node> {
    let mut nodes = Vec::new();
    let dates = relevance.and_then(|section| section.boolean("dates")).unwrap_or(true);
    let span = relevance.and_then(|section| span(context, section));
    if dates {
        nodes.extend(event_dates(span));
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

/// A card's: it has no event, so it comes up only where and when its template says so.
pub(super) fn of_card<'s>(context: &Context<'s>, relevance: &Section<'s>, venues: &[Venue]) -> Vec<Node> {
    let mut nodes = Vec::new();
    if let Some(Span { start, end, .. }) = span(context, relevance) {
        match (start, end) {
            (Some(start), Some(end)) => nodes.push(Node::array(DATES, vec![interval(start, end)])),
            _ => relevance.problem(&relevance.place, Problem::Rule(HALF_A_SPAN)),
        }
    }
    let text = relevance.written("text").and_then(|text| context.words(&text, Allowed::All, false));
    let distance = relevance.integer("maxDistance", 1, MAX_DISTANCE);
    let own = written_places(context, relevance);
    let wanted = relevance.boolean("locations").unwrap_or(!own.is_empty());
    if wanted {
        let all = own.is_empty().then(|| venues.iter().flat_map(|venue| &venue.places)).into_iter().flatten();
        let all: Vec<Node> = all.map(|place| at_venue(place, text.as_ref())).collect();
        if all.len() > MAX_LOCATIONS {
            relevance.warn(&relevance.place, Problem::Rule(TOO_MANY_VENUES));
        }
        let farthest = venues.iter().map(|venue| venue.max_distance).max().filter(|_| own.is_empty());
        let own = own.into_iter().map(OwnPlace::apple);
        let places: Vec<Node> = own.chain(all.into_iter().take(MAX_LOCATIONS)).collect();
        if places.is_empty() {
            relevance.problem(&relevance.place, Problem::Rule(NOWHERE));
        }
        nodes.push(Node::array("\"locations\":", places));
        nodes.push(metres(distance.or(farthest).unwrap_or(DISTANCE)));
    }
    nodes.extend(beacons(context, relevance));
    nodes
}

/// From when to when a pass is relevant, as far as the template says.
struct Span {
    start: Option<Part>,
    end: Option<Part>,
}

fn span<'s>(context: &Context<'s>, section: &Section<'s>) -> Option<Span> {
    let (start, end) = (date(context, section, "startDate").flatten(), date(context, section, "endDate").flatten());
    (start.is_some() || end.is_some()).then_some(Span { start, end })
}

fn interval(start: Part, end: Part) -> Node {
    Node::leaf(vec![
        Part::Raw("{\"startDate\":".to_owned()),
        start,
        Part::Raw(",\"endDate\":".to_owned()),
        end,
        Part::Raw("}".to_owned()),
    ])
}

/// iOS 18 documents `date` and reads `relevantDate`; older ones read the single `relevantDate`. An event of which one end of the span is not known
/// has its start alone.
fn event_dates(span: Option<Span>) -> Vec<Node> {
    let start = || Part::date(known(Variable::EventStart));
    let both = Node::leaf(vec![
        Part::Raw("{\"date\":".to_owned()),
        start(),
        Part::Raw(",\"relevantDate\":".to_owned()),
        start(),
        Part::Raw("}".to_owned()),
    ]);
    let one = match span {
        None => vec![both],
        Some(Span { start: from, end }) => {
            let from = from.unwrap_or_else(start);
            let end = end.unwrap_or_else(|| Part::date(known(Variable::EventEnd)));
            let whole = interval(from, end);
            vec![whole.clone(), Node::Guarded { negated: true, needs: vec![whole], nodes: vec![both] }]
        }
    };
    let each = |node| Node::Events { limit: MAX_RELEVANT_DATES, places: false, node: Box::new(node) };
    vec![
        Node::array(DATES, one.into_iter().map(each).collect()),
        Node::member("relevantDate", Part::date(known(Variable::EventsStart))),
    ]
}

fn metres(metres: u32) -> Node {
    Node::raw(format!("\"maxDistance\":{metres}"))
}

fn text_of(words: &Words) -> Node {
    Node::member("relevantText", Part::Lookup(words.clone()))
}

/// A place of the tenant's; its own text, else the template's.
fn at_venue(place: &Place, text: Option<&Words>) -> Node {
    let Place { latitude, longitude, text: own } = place;
    let mut members = vec![Node::raw(format!("\"latitude\":{latitude},\"longitude\":{longitude}"))];
    match own {
        Some(text) => members.push(Node::raw(format!("\"relevantText\":{}", quoted(text)))),
        None => members.extend(text.map(text_of)),
    }
    Node::object("", members)
}

/// The template's own places, else those of the venue that the event is at, else where SecuTix says that the venue is.
fn locations(text: Option<&Words>, distance: Option<u32>, own: Vec<Node>, venues: &[Venue]) -> Vec<Node> {
    if !own.is_empty() {
        return vec![Node::array("\"locations\":", own), metres(distance.unwrap_or(DISTANCE))];
    }
    let mut nodes = Vec::new();
    let mut elsewhere = Condition::default();
    for venue in venues {
        let here = at(venue, false);
        elsewhere = elsewhere.and(&at(venue, true));
        let places = venue.places.iter().take(MAX_LOCATIONS).map(|place| at_venue(place, text));
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
