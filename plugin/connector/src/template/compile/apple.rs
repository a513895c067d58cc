//! The Apple part of a template: pass.json as a tree.
//!
//! Owns the members of pass.json and when they stand. Does not own fields (`field`) nor images (`image`). Keys are Apple's own, so that Apple's
//! documentation can be read beside a template. What only a host knows (identifiers, tokens, addresses) is not here.

use super::colour::Colour;
use super::condition::Condition;
use super::context::{Allowed, Context, Reference};
use super::document::Section;
use super::error::Problem;
use super::field::{self, Style};
use super::pass::Common;
use super::tree::{Node, Part, quoted};
use crate::template::program::Kind;
use crate::template::vocabulary::{VOCABULARY, Variable};

const EVENT_TYPES: [&str; 8] = [
    "PKEventTypeGeneric",
    "PKEventTypeLivePerformance",
    "PKEventTypeMovie",
    "PKEventTypeSports",
    "PKEventTypeConference",
    "PKEventTypeConvention",
    "PKEventTypeWorkshop",
    "PKEventTypeSocialGathering",
];

/// The sandbox has no clock; any past date puts a void pass among the expired ones, and a fixed one gives the same bytes each time.
const LONG_PAST: &str = "2000-01-01T00:00:00Z";

/// Apple: "up to ten".
const MAX_LOCATIONS: u32 = 10;

/// Apple names no limit; a season has fewer performances, and the list stays within a page of JSON.
const MAX_RELEVANT_DATES: u32 = 100;

/// An event ticket leaves the pile of current passes this long after the end (or, where no end is known, the start) of its last event,
/// unless the template says otherwise: late enough for the longest encore.
const EXPIRE_HOURS: u32 = 24;

/// A year: nobody means more.
const MAX_EXPIRE_HOURS: u32 = 24 * 366;

/// Apple: metres.
const MAX_DISTANCE: u32 = 100_000;

pub(super) fn known(variable: Variable) -> Reference {
    Reference::Known(VOCABULARY.iter().position(|entry| entry.variable == variable).unwrap_or_default())
}

/// The tree, and the style, which bounds fields and images.
pub(super) fn compile<'s>(
    context: &Context<'s>,
    apple: Section<'s>,
    relevance: Option<&Section<'s>>,
    common: &Common,
) -> (Node, Style) {
    let style = match apple.one_of("style", &Style::NAMES) {
        Some(at) => Style::ALL.get(at).copied().unwrap_or(Style::Generic),
        None if context.kind == Kind::EventTicket => Style::EventTicket,
        None => Style::StoreCard,
    };
    let live = Condition::not(Variable::StateVoid);
    let void = Condition::is(Variable::StateVoid);

    let mut nodes = vec![
        Node::leaf(vec![Part::Raw("\"formatVersion\":1,\"serialNumber\":".to_owned()), Part::Serial]),
        Node::raw(format!("\"voided\":true,\"expirationDate\":{}", quoted(LONG_PAST))).only(&void),
    ];
    if let Some(words) = &common.description {
        nodes.push(Node::member("description", Part::Lookup(words.clone())).demanded());
    }
    if let Some(words) = &common.organization {
        nodes.push(Node::member("organizationName", Part::Lookup(words.clone())).demanded());
    }
    if let Some(words) = apple.written("logoText").and_then(|text| context.words(&text, Allowed::All, false)) {
        nodes.push(Node::member("logoText", Part::Lookup(words)));
    }
    for key in ["backgroundColor", "foregroundColor", "labelColor"] {
        if let Some(colour) = colour(&apple, key) {
            nodes.push(Node::raw(format!("\"{key}\":{}", quoted(&colour.apple()))));
        }
    }
    if let Some(true) = apple.boolean("sharingProhibited") {
        nodes.push(Node::raw("\"sharingProhibited\":true"));
    }
    if let Some(written) = apple.written("groupingIdentifier") {
        if style != Style::EventTicket {
            let problem = Problem::OutOfScope {
                name: "groupingIdentifier".to_owned(),
                reason: "Apple groups event tickets and boarding passes only",
            };
            apple.problem(&apple.place, problem);
        }
        if let Some(words) = context.words(&written, Allowed::All, false) {
            nodes.push(Node::member("groupingIdentifier", Part::Plain(words)));
        }
    }
    nodes.extend(barcodes(common).into_iter().map(|node| node.only(&live)));
    if context.kind == Kind::EventTicket {
        nodes.extend(expiry(relevance).into_iter().map(|node| node.only(&live)));
        nodes.extend(moments(context, relevance).into_iter().map(|node| node.only(&live)));
        // A void pass must put nothing into a calendar.
        nodes.push(semantics(context, &apple).only(&live));
    }
    nodes.push(field::compile(context, &apple, style, common.square_barcode));
    apple.finish();
    (Node::object("", nodes).kept(), style)
}

pub(super) fn colour(section: &Section<'_>, key: &'static str) -> Option<Colour> {
    let (place, text) = section.string(key)?;
    let colour = Colour::parse(text);
    if colour.is_none() {
        section.problem(&place, Problem::BadColour(text.to_owned()));
    }
    colour
}

/// The list, and the single one that iOS 8 and some Android readers look for.
fn barcodes(common: &Common) -> Vec<Node> {
    let Some(barcode) = &common.barcode else { return Vec::new() };
    let one = |prefix: &str| {
        let mut members = vec![
            Node::leaf(vec![
                Part::Raw(format!("\"format\":\"{}\",", barcode.format.apple)),
                Part::Barcode(barcode.message.clone()),
            ])
            .demanded(),
        ];
        if let Some(text) = &barcode.text {
            members.push(Node::member("altText", Part::Plain(text.clone())));
        }
        Node::object(prefix, members).only(&barcode.when)
    };
    vec![Node::array("\"barcodes\":", vec![one("")]), one("\"barcode\":")]
}

fn expiry(relevance: Option<&Section<'_>>) -> Vec<Node> {
    let hours = relevance.and_then(|section| section.integer("expireAfterHours", 0, MAX_EXPIRE_HOURS));
    let minutes = hours.unwrap_or(EXPIRE_HOURS) * 60;
    let date = |variable| Node::member("expirationDate", Part::Date(known(variable), minutes));
    vec![
        date(Variable::EventsEnd).only(&Condition::is(Variable::EventsEnd)),
        date(Variable::EventsStart).only(&Condition::not(Variable::EventsEnd)),
    ]
}

/// When and where the pass comes up on the lock screen. iOS 18 documents `date` and reads `relevantDate`; older ones read the single
/// `relevantDate`.
fn moments<'s>(context: &Context<'s>, relevance: Option<&Section<'s>>) -> Vec<Node> {
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
    if relevance.and_then(|section| section.boolean("locations")).unwrap_or(true) {
        let mut members = vec![Node::leaf(vec![Part::Coordinates])];
        members.extend(text.map(|words| Node::member("relevantText", Part::Lookup(words))));
        let place = Node::object("", members);
        let each = Node::Events { limit: MAX_LOCATIONS, places: true, node: Box::new(place) };
        nodes.push(Node::array("\"locations\":", vec![each]));
        nodes.extend(distance.map(|metres| Node::raw(format!("\"maxDistance\":{metres}"))));
    }
    nodes
}

/// What the phone itself understands of the event: calendar, maps, suggestions. Not shown, so not translated.
fn semantics<'s>(context: &Context<'s>, apple: &Section<'s>) -> Node {
    let text = |name: &str, text: &'static str| {
        context.default_words(text, &apple.place).map(|words| Node::member(name, Part::Plain(words)))
    };
    let date = |name: &str, variable| Some(Node::member(name, Part::Date(known(variable), 0)));
    let event_type = apple.one_of("eventType", &EVENT_TYPES).and_then(|at| EVENT_TYPES.get(at));
    let seat = [
        text("seatSection", "{ticket.area}"),
        text("seatRow", "{ticket.row}"),
        text("seatNumber", "{ticket.seat}"),
        text("seatType", "{ticket.seatCategory}"),
    ];
    let members = [
        event_type.map(|name| Node::raw(format!("\"eventType\":\"{name}\""))),
        text("eventName", "{event.title}"),
        date("eventStartDate", Variable::EventsStart),
        date("eventEndDate", Variable::EventsEnd),
        text("venueName", "{venue.name}"),
        text("venueRoom", "{venue.room}"),
        Some(Node::object("\"venueLocation\":", vec![Node::leaf(vec![Part::Coordinates])])),
        date("venueDoorsOpenDate", Variable::EventDoors),
        text("venueEntranceGate", "{ticket.gate}"),
        Some(Node::array("\"seats\":", vec![Node::object("", seat.into_iter().flatten().collect())])),
        text("attendeeName", "{fullName}"),
        text("confirmationNumber", "{ticket.order}"),
    ];
    Node::object("\"semantics\":", members.into_iter().flatten().collect())
}
