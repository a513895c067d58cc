//! What the phone itself understands of a ticket: calendar, maps, suggestions, and the poster layout, which shows nothing else.
//!
//! Owns the members of `semantics` (Apple's "SemanticTags") of tickets, cards and fields, what fills them by itself and what the template adds or replaces. Names are
//! Apple's own. Values are not translated, because no phone looks them up.

use super::FILE;
use super::apple::known;
use super::context::{Allowed, Context};
use super::document::{Section, Written};
use super::error::{Place, Problem};
use super::tree::{Node, Part, quoted};
use super::wording::{Mode, Words};
use crate::payload::date::Stamp;
use crate::payload::rule::Rule;
use crate::template::program::Kind;
use crate::template::vocabulary::Variable;

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
/// Of a card: what a member has, and where.
const CARD_TEXTS: [(&str, &str); 5] = [
    ("membershipProgramNumber", "{contact.number}"),
    ("membershipProgramName", ""),
    ("venueName", ""),
    ("venueRegionName", ""),
    ("venuePhoneNumber", ""),
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
const AMOUNTS: [&str; 2] = ["totalPrice", "balance"];
const FLAGS: [&str; 2] = ["silenceRequested", "tailgatingAllowed"];
/// A day and a night: no event is longer that is one.
const LONGEST: u32 = 48 * 3600;

/// What the poster layout has to know of them.
pub(super) struct Semantics {
    pub node: Node,
    pub event_type: Option<&'static str>,
    /// Names of the members that `[apple.semantics]` gives.
    pub given: Vec<&'static str>,
    /// What a poster must show, and a pass may lack.
    pub needs: Vec<Node>,
    /// The event's or the venue's name was taken out.
    pub nameless: bool,
    /// So was its start.
    pub startless: bool,
    /// So was all that a seat has.
    pub seatless: bool,
}

/// Those of a ticket.
pub(super) fn compile<'s>(context: &Context<'s>, apple: &Section<'s>) -> Semantics {
    let event_type = apple.one_of("eventType", &EVENT_TYPES).and_then(|at| EVENT_TYPES.get(at)).copied();
    let table = apple.section("semantics");
    let mut reader = Reader { context, own: table.as_ref(), place: &apple.place, defaults: true, members: Vec::new() };
    reader.node(event_type.map(|name| Node::raw(format!("\"eventType\":\"{name}\""))).map(|node| ("eventType", node)));
    reader.event();
    reader.money_and_networks();
    let members = reader.members;
    let written = |name: &str| table.as_ref().is_some_and(|own| own.has(name));
    let there = |name: &str| members.iter().any(|(member, _)| *member == name);
    let needed = ["eventName", "venueName"].into_iter().chain(
        match event_type {
            Some(LIVE_PERFORMANCE) => &["performerNames"][..],
            Some(SPORTS) => &["homeTeamAbbreviation", "awayTeamAbbreviation"][..],
            _ => &[],
        }
        .iter()
        .copied(),
    );
    let needs =
        needed.filter_map(|name| members.iter().find(|(member, _)| *member == name)).map(|(_, node)| node.clone());
    let semantics = Semantics {
        needs: needs.collect(),
        given: members.iter().map(|(name, _)| *name).filter(|name| written(name)).collect(),
        nameless: !there("eventName") || !there("venueName"),
        startless: !there("eventStartDate"),
        seatless: !there("seats"),
        node: Node::object("\"semantics\":", members.into_iter().map(|(_, node)| node).collect()),
        event_type,
    };
    if let Some(own) = table {
        own.finish();
    }
    semantics
}

/// Those of a card, which has no event.
pub(super) fn of_card<'s>(context: &Context<'s>, apple: &Section<'s>) -> Node {
    let table = apple.section("semantics");
    let mut reader = Reader { context, own: table.as_ref(), place: &apple.place, defaults: true, members: Vec::new() };
    reader.texts(&CARD_TEXTS);
    reader.money_and_networks();
    let members = reader.members.into_iter().map(|(_, node)| node).collect();
    if let Some(own) = table {
        own.finish();
    }
    Node::object("\"semantics\":", members)
}

/// Those of a field: what its template says and nothing else.
pub(super) fn of_field<'s>(context: &Context<'s>, field: &Section<'s>) -> Option<Node> {
    let table = field.section("semantics")?;
    let mut reader = Reader { context, own: Some(&table), place: &field.place, defaults: false, members: Vec::new() };
    match context.kind {
        Kind::EventTicket => reader.event(),
        Kind::MemberCard => reader.texts(&CARD_TEXTS),
    }
    reader.money_and_networks();
    let members = reader.members.into_iter().map(|(_, node)| node).collect();
    table.finish();
    Some(Node::object("\"semantics\":", members))
}

/// Reads a table of semantics, beside what fills them by itself.
struct Reader<'r, 's> {
    context: &'r Context<'s>,
    own: Option<&'r Section<'s>>,
    /// Where what is wrong with a default would be.
    place: &'r Place<'s>,
    /// Whether what SecuTix says stands where the table says nothing.
    defaults: bool,
    members: Vec<(&'static str, Node)>,
}

impl<'s> Reader<'_, 's> {
    fn node(&mut self, member: Option<(&'static str, Node)>) {
        self.members.extend(member);
    }

    fn event(&mut self) {
        self.texts(&TEXTS);
        self.dates();
        if self.defaults {
            let location = Node::object("\"venueLocation\":", vec![Node::leaf(vec![Part::Coordinates])]);
            self.node(Some(("venueLocation", location)));
        }
        self.seat();
        let Some(own) = self.own else { return };
        for name in LISTS {
            self.node(list(self.context, own, name).map(|node| (name, node)));
        }
        for name in FLAGS {
            self.node(own.boolean(name).map(|set| (name, Node::raw(format!("\"{name}\":{set}")))));
        }
        let duration = own.integer("duration", 1, LONGEST);
        self.node(duration.map(|seconds| ("duration", Node::raw(format!("\"duration\":{seconds}")))));
        self.node(start_info(self.context, own).map(|node| ("eventStartDateInfo", node)));
    }

    fn texts(&mut self, names: &[(&'static str, &'static str)]) {
        let texts = texts(self.context, self.own, self.place, self.defaults, names);
        self.members.extend(texts);
    }

    fn dates(&mut self) {
        let (mut start, mut end) = (None, None);
        for (name, variable) in DATES {
            let part = match self.own.and_then(|own| date(self.context, own, name)) {
                Some(own) => own,
                None => variable.filter(|_| self.defaults).map(|variable| Part::date(known(variable))),
            };
            let literal = part.as_ref().and_then(Part::as_stamp).map(Stamp::instant);
            match name {
                "eventStartDate" => start = literal,
                "eventEndDate" => end = literal,
                _ => {}
            }
            self.node(part.map(|part| (name, Node::member(name, part))));
        }
        // What variables bring is not known before there is a pass.
        if start.zip(end).is_some_and(|(start, end)| start > end) {
            self.context.report.warn(FILE, Problem::Rule("eventStartDate is after eventEndDate in [apple.semantics]"));
        }
    }

    fn seat(&mut self) {
        let seat = self.own.and_then(|own| own.section("seat"));
        let members = texts(self.context, seat.as_ref(), self.place, self.defaults, &SEAT);
        let members: Vec<Node> = members.into_iter().map(|(_, node)| node).collect();
        if !members.is_empty() {
            self.node(Some(("seats", Node::array("\"seats\":", vec![Node::object("", members)]))));
        }
        if let Some(seat) = seat {
            seat.finish();
        }
    }

    fn money_and_networks(&mut self) {
        let Some(own) = self.own else { return };
        for name in AMOUNTS {
            self.node(amount(self.context, own, name).map(|node| (name, node)));
        }
        let wifi: Vec<Node> =
            own.sections("wifiAccess").into_iter().filter_map(|access| wifi(self.context, access)).collect();
        if !wifi.is_empty() {
            self.node(Some(("wifiAccess", Node::array("\"wifiAccess\":", wifi))));
        }
    }
}

fn texts<'s>(
    context: &Context<'s>,
    own: Option<&Section<'s>>,
    place: &Place<'s>,
    defaults: bool,
    names: &[(&'static str, &'static str)],
) -> Vec<(&'static str, Node)> {
    let mut members = Vec::new();
    for (name, default) in names {
        let words = match own.and_then(|own| own.written(name)) {
            Some(text) => context.words(&text, Allowed::All, false),
            None if default.is_empty() || !defaults => None,
            None => context.default_words(default, place),
        };
        // An empty text is the author's way to say that a default is not wanted.
        let words = words.filter(|words| !words.is_empty());
        members.extend(words.map(|words| (*name, Node::member(name, Part::Plain(words)))));
    }
    members
}

/// A date variable alone, a date that is written out with its offset, or a text of variables that brings one. The inner none: the empty text, for
/// nothing.
pub(super) fn date<'s>(context: &Context<'s>, section: &Section<'s>, name: &'static str) -> Option<Option<Part>> {
    let written = section.written(name)?;
    let Some(words) = context.words(&written, Allowed::All, false) else { return Some(None) };
    if words.is_empty() {
        return Some(None);
    }
    Some(moment(context, words, &written))
}

/// As [`date`], of a text that is read already.
pub(super) fn moment<'s>(context: &Context<'s>, words: Words, written: &Written<'s>) -> Option<Part> {
    if let Some(only) = words.only_date() {
        let reference = only.reference.clone();
        match only.mode {
            Mode::Optional => return Some(Part::date(reference)),
            Mode::Demanded => return Some(Part::Date { reference, minutes: 0, demanded: true }),
            Mode::Fallback(_) => {}
        }
    }
    // A date with other words around it is none.
    if words.has_dates() && words.lists.iter().any(|list| list.len() > 1) {
        context.report.at(written.place(), Problem::BadDate);
        return None;
    }
    let words = words.with_iso();
    if !words.is_uniform() {
        context.report.at(written.place(), Problem::NotUniform);
        return None;
    }
    context.judge(Rule::Moment, &words, written.place(), Problem::BadDate);
    Some(Part::Checked(Rule::Moment, words))
}

/// What is told of a date that is not known to the minute.
fn start_info<'s>(context: &Context<'s>, own: &Section<'s>) -> Option<Node> {
    let section = own.section("eventStartDateInfo")?;
    let mut members = Vec::new();
    members.extend(date(context, &section, "date").flatten().map(|part| Node::member("date", part)));
    for name in ["ignoreTimeComponents", "unannounced", "undetermined"] {
        members.extend(section.boolean(name).map(|set| Node::raw(format!("\"{name}\":{set}"))));
    }
    let zone = section.string("timeZone");
    members.extend(zone.map(|(_, zone)| Node::raw(format!("\"timeZone\":{}", quoted(zone)))));
    section.finish();
    Some(Node::object("\"eventStartDateInfo\":", members))
}

/// `["Maria Callas", "{settings.orchestra}"]`
fn list<'s>(context: &Context<'s>, own: &Section<'s>, name: &'static str) -> Option<Node> {
    let texts = own.texts_of(name)?;
    let words = texts.iter().filter_map(|text| context.words(text, Allowed::All, false));
    let nodes: Vec<Node> = words.map(|words: Words| Node::leaf(vec![Part::Plain(words)])).collect();
    (!nodes.is_empty()).then(|| Node::array(&format!("\"{name}\":"), nodes))
}

/// Apple wants the amount as a text: `"45.00"`.
fn amount<'s>(context: &Context<'s>, own: &Section<'s>, name: &'static str) -> Option<Node> {
    const AMOUNT: &str = "an amount is digits, with a point before the cents: \"45.00\"";
    const CURRENCY: &str = "a currency is three capital letters (ISO 4217): \"CHF\"";
    let section = own.section(name)?;
    let (amount, currency) = (section.written("amount"), section.string("currencyCode"));
    for (key, missing) in [("amount", amount.is_none()), ("currencyCode", currency.is_none())] {
        if missing {
            section.missing(key);
        }
    }
    section.finish();
    let (amount, (place, currency)) = (amount?, currency?);
    let words = context.uniform(&amount, Allowed::All)?;
    context.judge(Rule::Amount, &words, amount.place(), Problem::Rule(AMOUNT));
    if !is_currency(currency) {
        own.problem(&place, Problem::Rule(CURRENCY));
    }
    Some(Node::leaf(vec![
        Part::Raw(format!("\"{name}\":{{\"amount\":")),
        Part::Checked(Rule::Amount, words),
        Part::Raw(format!(",\"currencyCode\":{}}}", quoted(currency))),
    ]))
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
