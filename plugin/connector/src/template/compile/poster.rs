//! The poster event ticket (iOS 18 and newer): which templates get it, and what only it shows.
//!
//! Owns Apple's rules of that layout and its keys. The phone shows the classic layout where one of the rules fails, so a failed one is a warning and
//! the classic layout is what is asked for; so in a pass that lacks what a template's variables should have brought. The rules are those of
//! Apple's own Pass Builder. Does not own NFC, without which there is no poster (`nfc`).

use super::FILE;
use super::apple::{colour, known};
use super::colour::Colour;
use super::context::{Allowed, Context};
use super::document::Section;
use super::error::Problem;
use super::field::Style;
use super::semantics::{LIVE_PERFORMANCE, SPORTS, Semantics};
use super::tree::{Node, Part, quoted};
use crate::payload::rule::Rule;
use crate::template::vocabulary::Variable;

/// Links of the event guide, which needs two of them.
const GUIDE: [&str; 11] = [
    "bagPolicyURL",
    "orderFoodURL",
    "parkingInformationURL",
    "purchaseParkingURL",
    "directionsInformationURL",
    "merchandiseURL",
    "transitInformationURL",
    "accessibilityURL",
    "addOnURL",
    "contactVenueWebsite",
    "transferURL",
];
const SELL: &str = "sellURL";
const TEXTS: [&str; 3] = ["eventLogoText", "contactVenueEmail", "contactVenuePhoneNumber"];
const FLAGS: [&str; 2] = ["useAutomaticColors", "suppressHeaderDarkening"];
/// A season has fewer performances.
const MAX_UPCOMING: u32 = 100;

const NO_NFC: &str = "it needs NFC: a certificate with Apple's NFC entitlement, and [apple.nfc] in tenant.toml with the key that the readers have";
const NO_PICTURE: &str = "it needs an image `background` or `artwork`";
const NO_PERFORMER: &str = "a live performance needs performerNames in [apple.semantics]";
const NO_TEAMS: &str = "a sports event needs homeTeamAbbreviation and awayTeamAbbreviation in [apple.semantics]";
const NO_NAME: &str = "it needs eventName and venueName in [apple.semantics], which may not be empty";

/// Whether the poster is asked for, and what only it shows.
pub(super) struct Poster {
    /// What must be there in each pass, too; empty where no pass of the template is a poster.
    needs: Vec<Node>,
    members: Vec<Node>,
}

pub(super) fn compile<'s>(
    context: &Context<'s>,
    apple: &Section<'s>,
    style: Style,
    semantics: &Semantics,
    images: &[String],
    nfc: Option<&Node>,
) -> Poster {
    let none = Poster { needs: Vec::new(), members: Vec::new() };
    if style != Style::EventTicket {
        return none;
    }
    let own = apple.section("poster");
    let broken = rules(semantics, images, nfc.is_some());
    // Nobody asked for a poster: that there is none is no news.
    if own.is_some() || nfc.is_some() {
        for rule in &broken {
            context.report.warn(FILE, Problem::NoPoster(rule));
        }
    }
    // Read all the same, so that what is wrong in it is told.
    let own = own.map(|own| {
        let members = members(context, &own);
        own.finish();
        members
    });
    if !broken.is_empty() {
        return none;
    }
    for advice in advice(semantics) {
        context.report.warn(FILE, Problem::Rule(advice));
    }
    let mut members = vec![Node::raw("\"preferredStyleSchemes\":[\"posterEventTicket\",\"eventTicket\"]")];
    members.extend(own.into_iter().flatten());
    let needs = nfc.into_iter().chain(&semantics.needs).cloned().collect();
    Poster { needs, members }
}

impl Poster {
    /// In a pass that lacks what Apple demands the phone would draw the classic layout, so that one is asked for.
    pub(super) fn nodes(&self) -> Option<Node> {
        let (needs, nodes) = (self.needs.clone(), self.members.clone());
        (!nodes.is_empty()).then_some(Node::Guarded { negated: false, needs, nodes })
    }

    /// What stands in every pass but a poster.
    pub(super) fn elsewhere(&self, node: Node) -> Node {
        if self.members.is_empty() {
            return node;
        }
        Node::Guarded { negated: true, needs: self.needs.clone(), nodes: vec![node] }
    }

    pub(super) fn is_asked_for(&self) -> bool {
        !self.members.is_empty()
    }
}

/// What Apple's validator warns of.
fn advice(semantics: &Semantics) -> Vec<&'static str> {
    let artists = semantics.event_type != Some(LIVE_PERFORMANCE) || semantics.given.contains(&"artistIDs");
    let advice = [
        (!semantics.startless, "a poster without eventStartDate in [apple.semantics] shows no date"),
        (!semantics.seatless, "a poster without any key of a seat in [apple.semantics.seat] shows no seat"),
        (artists, "a live performance without artistIDs in [apple.semantics] shows no music on its poster"),
    ];
    advice.into_iter().filter(|(kept, _)| !kept).map(|(_, advice)| advice).collect()
}

fn rules(semantics: &Semantics, images: &[String], has_nfc: bool) -> Vec<&'static str> {
    let given = |name: &str| semantics.given.contains(&name);
    let picture = ["background", "artwork"].iter().any(|name| {
        let file = |image: &String| image.rsplit('/').next().is_some_and(|file| file.starts_with(name));
        images.iter().any(file)
    });
    let performers = semantics.event_type != Some(LIVE_PERFORMANCE) || given("performerNames");
    let teams = semantics.event_type != Some(SPORTS) || given("homeTeamAbbreviation") && given("awayTeamAbbreviation");
    let rules = [
        (has_nfc, NO_NFC),
        (picture, NO_PICTURE),
        (performers, NO_PERFORMER),
        (teams, NO_TEAMS),
        (!semantics.nameless, NO_NAME),
    ];
    rules.into_iter().filter(|(kept, _)| !kept).map(|(_, rule)| rule).collect()
}

fn members<'s>(context: &Context<'s>, own: &Section<'s>) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut guide = 0;
    for name in GUIDE.into_iter().chain([SELL]) {
        if let Some(words) = context.address(own, name, Allowed::All) {
            guide += usize::from(GUIDE.contains(&name));
            nodes.push(Node::member(name, Part::Checked(Rule::Address, words)));
        }
    }
    if guide == 1 {
        context.report.warn(FILE, Problem::Rule("an event guide is shown from two links on; there is one"));
    }
    for name in TEXTS {
        let words = own.written(name).and_then(|text| context.words(&text, Allowed::All, false));
        nodes.extend(words.map(|words| Node::member(name, Part::Lookup(words))));
    }
    for name in FLAGS {
        nodes.extend(own.boolean(name).map(|set| Node::raw(format!("\"{name}\":{set}"))));
    }
    nodes.extend(
        colour(own, "footerBackgroundColor")
            .map(|footer: Colour| Node::raw(format!("\"footerBackgroundColor\":{}", quoted(&footer.apple())))),
    );
    if let Some(ids) = own.integers_of("auxiliaryStoreIdentifiers") {
        let ids: Vec<String> = ids.iter().map(u64::to_string).collect();
        nodes.push(Node::raw(format!("\"auxiliaryStoreIdentifiers\":[{}]", ids.join(","))));
    }
    if own.boolean("upcomingEvents") == Some(true) {
        nodes.extend(upcoming(context, own));
    }
    nodes
}

/// iOS 26: the performances of a season ticket, each with its name, its date and its venue.
fn upcoming<'s>(context: &Context<'s>, own: &Section<'s>) -> Option<Node> {
    let name = context.default_words("{event.title!}", &own.place)?;
    let date = |name, variable| Node::member(name, Part::date(known(variable)));
    let mut semantics = Vec::new();
    for (name, text) in
        [("venueName", "{venue.name}"), ("venueRoom", "{venue.room}"), ("venueRegionName", "{address.city}")]
    {
        let words = context.default_words(text, &own.place);
        semantics.extend(words.map(|words| Node::member(name, Part::Plain(words))));
    }
    semantics.extend([
        date("eventStartDate", Variable::EventStart),
        date("eventEndDate", Variable::EventEnd),
        date("venueDoorsOpenDate", Variable::EventDoors),
        Node::object("\"venueLocation\":", vec![Node::leaf(vec![Part::Coordinates])]),
    ]);
    let event = vec![
        Node::leaf(vec![Part::Raw("\"type\":\"event\",\"identifier\":".to_owned()), Part::EventKey]),
        Node::member("name", Part::Plain(name)),
        Node::object("\"dateInformation\":", vec![date("date", Variable::EventStart)]),
        Node::object("\"semantics\":", semantics),
    ];
    let each = Node::Events { limit: MAX_UPCOMING, places: false, node: Box::new(Node::object("", event)) };
    Some(Node::array("\"upcomingPassInformation\":", vec![each]))
}
