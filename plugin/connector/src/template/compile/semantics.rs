//! What the phone itself understands of a ticket: calendar, maps, suggestions, and the poster layout, which shows nothing else.
//!
//! Owns the members of `semantics` (Apple's "SemanticTags"), what fills them by itself and what `[apple.semantics]` adds or replaces. Names are
//! Apple's own. Values are not translated, because no phone looks them up.

use super::apple::known;
use super::context::{Allowed, Context};
use super::document::{Section, Written};
use super::error::Problem;
use super::tree::{Node, Part, quoted};
use super::wording::Words;
use crate::payload::date::Stamp;
use crate::template::vocabulary::{Nature, Variable};

pub(super) const LIVE_PERFORMANCE: &str = "PKEventTypeLivePerformance";
pub(super) const SPORTS: &str = "PKEventTypeSports";
const EVENT_TYPES: [&str; 8] = [
    "PKEventTypeGeneric",
    LIVE_PERFORMANCE,
    "PKEventTypeMovie",
    SPORTS,
    "PKEventTypeConference",
    "PKEventTypeConvention",
    "PKEventTypeWorkshop",
    "PKEventTypeSocialGathering",
];

/// Texts, and what fills them where the template says nothing.
const TEXTS: [(&str, &str); 27] = [
    ("eventName", "{event.title}"),
    ("venueName", "{venue.name}"),
    ("venueRoom", "{venue.room}"),
    ("venueEntranceGate", "{ticket.gate}"),
    ("attendeeName", "{fullName}"),
    ("confirmationNumber", "{ticket.order}"),
    ("venueRegionName", "{address.city}"),
    ("venuePhoneNumber", ""),
    ("venueEntrance", ""),
    ("venueEntranceDoor", ""),
    ("venueEntrancePortal", ""),
    ("entranceDescription", ""),
    ("admissionLevel", ""),
    ("admissionLevelAbbreviation", ""),
    ("additionalTicketAttributes", ""),
    ("genre", ""),
    ("sportName", ""),
    ("leagueName", ""),
    ("leagueAbbreviation", ""),
    ("homeTeamName", ""),
    ("homeTeamLocation", ""),
    ("homeTeamAbbreviation", ""),
    ("awayTeamName", ""),
    ("awayTeamLocation", ""),
    ("awayTeamAbbreviation", ""),
    ("membershipProgramName", ""),
    ("membershipProgramNumber", ""),
];
const SEAT: [(&str, &str); 9] = [
    ("seatSection", "{ticket.area}"),
    ("seatRow", "{ticket.row}"),
    ("seatNumber", "{ticket.seat}"),
    ("seatType", "{ticket.seatCategory}"),
    ("seatIdentifier", ""),
    ("seatDescription", ""),
    ("seatAisle", ""),
    ("seatLevel", ""),
    ("seatSectionColor", ""),
];
const LISTS: [&str; 4] = ["performerNames", "artistIDs", "albumIDs", "playlistIDs"];
const DATES: [(&str, Option<Variable>); 9] = [
    ("eventStartDate", Some(Variable::EventsStart)),
    ("eventEndDate", Some(Variable::EventsEnd)),
    ("venueDoorsOpenDate", Some(Variable::EventDoors)),
    ("venueOpenDate", None),
    ("venueGatesOpenDate", None),
    ("venueBoxOfficeOpenDate", None),
    ("venueFanZoneOpenDate", None),
    ("venueParkingLotsOpenDate", None),
    ("venueCloseDate", None),
];
const FLAGS: [&str; 2] = ["silenceRequested", "tailgatingAllowed"];
/// A day and a night: no event is longer that is one.
const LONGEST: u32 = 48 * 3600;

/// What the poster layout has to know of them.
pub(super) struct Semantics {
    pub node: Node,
    pub event_type: Option<&'static str>,
    /// Names of the members that `[apple.semantics]` gives.
    pub given: Vec<&'static str>,
    /// The event's or the venue's name was taken out.
    pub nameless: bool,
}

pub(super) fn compile<'s>(context: &Context<'s>, apple: &Section<'s>) -> Semantics {
    let event_type = apple.one_of("eventType", &EVENT_TYPES).and_then(|at| EVENT_TYPES.get(at)).copied();
    let table = apple.section("semantics");
    let own = table.as_ref();
    let mut given = Vec::new();
    let mut members = Vec::new();
    members.extend(event_type.map(|name| Node::raw(format!("\"eventType\":\"{name}\""))));
    members.extend(texts(context, apple, own, &TEXTS, &mut given));
    for (name, variable) in DATES {
        match own.and_then(|own| date(context, own, name)) {
            Some(part) => {
                given.push(name);
                members.push(Node::member(name, part));
            }
            None => members.extend(variable.map(|variable| Node::member(name, Part::Date(known(variable), 0)))),
        }
    }
    members.push(Node::object("\"venueLocation\":", vec![Node::leaf(vec![Part::Coordinates])]));
    let seat = own.and_then(|own| own.section("seat"));
    let seats = texts(context, apple, seat.as_ref(), &SEAT, &mut given);
    members.push(Node::array("\"seats\":", vec![Node::object("", seats)]));
    if let Some(own) = own {
        for name in LISTS {
            if let Some(node) = list(context, own, name) {
                given.push(name);
                members.push(node);
            }
        }
        for name in FLAGS {
            members.extend(own.boolean(name).map(|set| Node::raw(format!("\"{name}\":{set}"))));
        }
        let duration = own.integer("duration", 1, LONGEST);
        members.extend(duration.map(|seconds| Node::raw(format!("\"duration\":{seconds}"))));
        members.extend(price(own));
        let wifi: Vec<Node> =
            own.sections("wifiAccess").into_iter().filter_map(|access| wifi(context, access)).collect();
        members.push(Node::array("\"wifiAccess\":", wifi));
    }
    let empty = |own: &Section<'s>, name| matches!(own.written(name), Some(Written::One(_, "")));
    let nameless = own.is_some_and(|own| empty(own, "eventName") || empty(own, "venueName"));
    for section in [seat, table].into_iter().flatten() {
        section.finish();
    }
    Semantics { nameless, node: Node::object("\"semantics\":", members), event_type, given }
}

fn texts<'s>(
    context: &Context<'s>,
    apple: &Section<'s>,
    own: Option<&Section<'s>>,
    names: &[(&'static str, &'static str)],
    given: &mut Vec<&'static str>,
) -> Vec<Node> {
    let mut members = Vec::new();
    for (name, default) in names {
        let words = match own.and_then(|own| own.written(name)) {
            Some(text) => {
                given.push(name);
                context.words(&text, Allowed::All, false)
            }
            None if default.is_empty() => None,
            None => context.default_words(default, &apple.place),
        };
        // An empty text is the author's way to say that a default is not wanted.
        let words = words.filter(|words| !words.is_empty());
        members.extend(words.map(|words| Node::member(name, Part::Plain(words))));
    }
    members
}

/// A date variable alone, or a date that is written out, with its offset.
pub(super) fn date<'s>(context: &Context<'s>, section: &Section<'s>, name: &'static str) -> Option<Part> {
    let written = section.written(name)?;
    let words = context.words(&written, Allowed::All, false)?;
    if let Some(variable) = words.only_variable().filter(|variable| variable.nature() == Nature::Date) {
        return Some(Part::Date(variable.clone(), 0));
    }
    let literal = words.constant().and_then(|texts| texts.first().cloned());
    match literal {
        Some(text) if Stamp::parse(&text).is_some() => Some(Part::Raw(quoted(&text))),
        _ => {
            section.problem(written.place(), Problem::BadDate);
            None
        }
    }
}

/// `["Maria Callas", "{settings.orchestra}"]`
fn list<'s>(context: &Context<'s>, own: &Section<'s>, name: &'static str) -> Option<Node> {
    let texts = own.texts_of(name)?;
    let words = texts.iter().filter_map(|text| context.words(text, Allowed::All, false));
    let nodes: Vec<Node> = words.map(|words: Words| Node::leaf(vec![Part::Plain(words)])).collect();
    Some(Node::array(&format!("\"{name}\":"), nodes))
}

/// Apple wants the amount as a text: `"45.00"`.
fn price(own: &Section<'_>) -> Option<Node> {
    const AMOUNT: &str = "an amount is digits, with a point before the cents: \"45.00\"";
    const CURRENCY: &str = "a currency is three capital letters (ISO 4217): \"CHF\"";
    let section = own.section("totalPrice")?;
    let (amount, currency) = (section.string("amount"), section.string("currencyCode"));
    for (key, value) in [("amount", &amount), ("currencyCode", &currency)] {
        if value.is_none() {
            section.missing(key);
        }
    }
    section.finish();
    let ((amount_place, amount), (currency_place, currency)) = (amount?, currency?);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    let whole = amount.split_once('.').map_or(digits(amount), |(whole, cents)| digits(whole) && digits(cents));
    if !whole {
        own.problem(&amount_place, Problem::Rule(AMOUNT));
    }
    if !is_currency(currency) {
        own.problem(&currency_place, Problem::Rule(CURRENCY));
    }
    let (amount, currency) = (quoted(amount), quoted(currency));
    Some(Node::raw(format!("\"totalPrice\":{{\"amount\":{amount},\"currencyCode\":{currency}}}")))
}

pub(super) fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|c| c.is_ascii_uppercase())
}

fn wifi<'s>(context: &Context<'s>, access: Section<'s>) -> Option<Node> {
    let mut members = Vec::new();
    for key in ["ssid", "password"] {
        match access.written(key) {
            Some(text) => {
                let words = context.words(&text, Allowed::All, false);
                members.extend(words.map(|words| Node::member(key, Part::Plain(words))));
            }
            None => access.missing(key),
        }
    }
    access.finish();
    Some(Node::object("", members))
}
