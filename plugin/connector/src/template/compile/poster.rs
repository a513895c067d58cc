//! The poster event ticket (iOS 18 and newer): which templates get it, and what only it shows.
//!
//! Owns Apple's rules of that layout and its keys. The phone shows the classic layout where one of the rules fails, so a failed one is a warning and
//! the classic layout is what is asked for. The rules are those of Apple's own Pass Builder.

use super::FILE;
use super::apple::colour;
use super::colour::Colour;
use super::context::{Allowed, Context};
use super::document::Section;
use super::error::Problem;
use super::field::Style;
use super::semantics::{LIVE_PERFORMANCE, SPORTS, Semantics};
use super::tree::{Node, Part, quoted};
use crate::template::vocabulary::Nature;

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
/// Apple: at most 64 bytes.
const NFC_MESSAGE: usize = 64;
/// A season has fewer performances.
const MAX_UPCOMING: u32 = 100;

const NO_NFC: &str = "it needs NFC: a certificate with Apple's NFC entitlement, and [apple.nfc] in tenant.toml with the key that the readers have";
const NO_PICTURE: &str = "it needs an image `background` or `artwork`";
const NO_PERFORMER: &str = "a live performance needs performerNames in [apple.semantics]";
const NO_TEAMS: &str = "a sports event needs homeTeamAbbreviation and awayTeamAbbreviation in [apple.semantics]";
const NO_NAME: &str = "it needs eventName and venueName in [apple.semantics], which may not be empty";

/// The tenant's part of NFC; a template names the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nfc {
    /// SubjectPublicKeyInfo of a P-256 key, in base64.
    pub encryption_public_key: String,
    pub requires_authentication: bool,
}

/// The poster's own members, and those of NFC, which a classic ticket may have as well.
pub(super) fn compile<'s>(
    context: &Context<'s>,
    apple: &Section<'s>,
    style: Style,
    semantics: &Semantics,
    images: &[String],
    tenant: Option<&Nfc>,
) -> Vec<Node> {
    let mut nodes = Vec::new();
    let nfc = nfc(context, apple, tenant);
    let has_nfc = nfc.is_some();
    nodes.extend(nfc);
    if style != Style::EventTicket {
        return nodes;
    }
    let own = apple.section("poster");
    let broken = rules(semantics, images, has_nfc);
    // Nobody asked for a poster: that there is none is no news.
    if own.is_some() || has_nfc {
        for rule in &broken {
            context.report.warn(FILE, Problem::NoPoster(rule));
        }
    }
    if !broken.is_empty() {
        // Read all the same, so that what is wrong in it is told.
        if let Some(own) = own {
            members(context, &own);
            own.finish();
        }
        return nodes;
    }
    nodes.push(Node::raw("\"preferredStyleSchemes\":[\"posterEventTicket\",\"eventTicket\"]"));
    if let Some(own) = own {
        nodes.extend(members(context, &own));
        own.finish();
    }
    nodes
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

fn nfc<'s>(context: &Context<'s>, apple: &Section<'s>, tenant: Option<&Nfc>) -> Option<Node> {
    let own = apple.section("nfc");
    let message = own.as_ref().and_then(|own| own.written("message"));
    let words = match &message {
        Some(text) => context.uniform(text, Allowed::All),
        None => context.default_words("{barCode}", &apple.place),
    };
    if let (Some(text), Some(words)) = (&message, &words)
        && words.literals().iter().any(|literal| literal.len() > NFC_MESSAGE)
    {
        apple.problem(text.place(), Problem::Rule("an NFC message has at most 64 bytes"));
    }
    if let Some(own) = own {
        own.finish();
    }
    let tenant = tenant?;
    let key = quoted(&tenant.encryption_public_key);
    let authentication = tenant.requires_authentication;
    let raw = format!("\"encryptionPublicKey\":{key},\"requiresAuthentication\":{authentication}");
    let parts =
        vec![Part::Raw("\"nfc\":{\"message\":".to_owned()), Part::Plain(words?), Part::Raw(format!(",{raw}}}"))];
    Some(Node::leaf(parts))
}

fn members<'s>(context: &Context<'s>, own: &Section<'s>) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut guide = 0;
    for name in GUIDE.into_iter().chain([SELL]) {
        if let Some(words) = context.address(own, name, Allowed::All) {
            guide += usize::from(GUIDE.contains(&name));
            nodes.push(Node::member(name, Part::Plain(words)));
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

/// iOS 26: the performances of a season ticket, each with its name and date.
fn upcoming<'s>(context: &Context<'s>, own: &Section<'s>) -> Option<Node> {
    let name = context.default_words("{event.title!}", &own.place)?;
    let start = context.default_words("{event.start}", &own.place)?;
    let start = start.only_variable().filter(|it| it.nature() == Nature::Date)?.clone();
    let event = vec![
        Node::leaf(vec![Part::Raw("\"type\":\"event\",\"identifier\":".to_owned()), Part::EventKey]),
        Node::member("name", Part::Plain(name)),
        Node::object("\"dateInformation\":", vec![Node::member("date", Part::Date(start, 0))]),
    ];
    let each = Node::Events { limit: MAX_UPCOMING, places: false, node: Box::new(Node::object("", event)) };
    Some(Node::array("\"upcomingPassInformation\":", vec![each]))
}
