//! The Apple part of a template: pass.json as a tree.
//!
//! Owns the members of pass.json and when they stand. Does not own fields (`field`), semantics, places, the poster layout nor images. Keys are Apple's own, so that Apple's
//! documentation can be read beside a template. What only a host knows (identifiers, tokens, addresses) is not here.

use super::colour::Colour;
use super::condition::Condition;
use super::context::{Allowed, Context, Reference};
use super::document::Section;
use super::error::Problem;
use super::field::{self, Style};
use super::pass::Common;
use super::tree::{Node, Part, quoted};
use super::{TemplateSource, places, poster, semantics};
use crate::template::program::Kind;
use crate::template::vocabulary::{VOCABULARY, Variable};

/// The sandbox has no clock; any past date puts a void pass among the expired ones, and a fixed one gives the same bytes each time.
const LONG_PAST: &str = "2000-01-01T00:00:00Z";

/// Apple: two at most.
const MAX_ACTIONS: usize = 2;
const ACTIONS: [&str; 14] = [
    "viewSchedule",
    "watchTrailer",
    "listenToMusic",
    "call",
    "place",
    "addToBalance",
    "order",
    "shop",
    "membershipBenefits",
    "bookAppointment",
    "bookCar",
    "bookFlight",
    "bookStay",
    "viewOffersRewards",
];

pub(super) fn known(variable: Variable) -> Reference {
    Reference::Known(VOCABULARY.iter().position(|entry| entry.variable == variable).unwrap_or_default())
}

/// The tree, and the style, which bounds fields and images.
pub(super) fn compile<'s>(
    context: &Context<'s>,
    apple: Section<'s>,
    relevance: Option<&Section<'s>>,
    common: &Common,
    source: &TemplateSource,
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
    for key in ["backgroundColor", "foregroundColor", "labelColor", "stripColor"] {
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
    nodes.extend(links(context, &apple));
    if context.kind == Kind::EventTicket {
        nodes.extend(places::expiry(relevance, LONG_PAST).into_iter().map(|node| node.only(&live)));
        let relevance = places::relevance(context, relevance, &source.venues);
        nodes.extend(relevance.into_iter().map(|node| node.only(&live)));
        let semantics = semantics::compile(context, &apple);
        let poster = poster::compile(context, &apple, style, &semantics, &source.images, source.nfc.as_ref());
        nodes.extend(poster.into_iter().map(|node| node.only(&live)));
        // A void pass must put nothing into a calendar.
        nodes.push(semantics.node.only(&live));
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

/// Apps and shops beside the pass, and what an app finds in it.
fn links<'s>(context: &Context<'s>, apple: &Section<'s>) -> Vec<Node> {
    const HTTPS_OR_CALL: &str = "an action opens an address that begins with https://, or tel: for the type call";
    const PLACE: &str = "an action of the type place has a placeIdentifier and no url";
    let mut nodes = Vec::new();
    let stores = apple.integers_of("associatedStoreIdentifiers");
    if let Some(ids) = &stores {
        let ids: Vec<String> = ids.iter().map(u64::to_string).collect();
        nodes.push(Node::raw(format!("\"associatedStoreIdentifiers\":[{}]", ids.join(","))));
    }
    if let Some(written) = apple.written("appLaunchURL") {
        if stores.is_none_or(|ids| ids.is_empty()) {
            apple.problem(written.place(), Problem::Rule("appLaunchURL needs associatedStoreIdentifiers"));
        }
        let words = context.uniform(&written, Allowed::All);
        nodes.extend(words.map(|words| Node::member("appLaunchURL", Part::Plain(words))));
    }
    nodes.extend(apple.json("userInfo").map(|json| Node::raw(format!("\"userInfo\":{json}"))));

    let sections = apple.sections("featuredActions");
    if sections.len() > MAX_ACTIONS {
        let (what, style) = ("featured actions", "Apple's");
        let problem = Problem::TooMany { what, style, count: sections.len(), limit: MAX_ACTIONS };
        apple.problem(&apple.place, problem);
    }
    let mut actions = Vec::new();
    for action in sections {
        let (identifier, kind) = (action.string("identifier"), action.one_of("type", &ACTIONS));
        let (place, url) = (action.string("placeIdentifier"), action.string("url"));
        for (key, missing) in [("identifier", identifier.is_none()), ("type", kind.is_none())] {
            if missing {
                action.missing(key);
            }
        }
        if let (Some((_, identifier)), Some(kind)) = (identifier, kind.and_then(|at| ACTIONS.get(at))) {
            let target = match (&place, &url) {
                (Some((_, place)), None) if *kind == "place" => Some(("placeIdentifier", *place)),
                (None, Some((_, url))) if *kind != "place" => {
                    let start = if *kind == "call" { "tel:" } else { "https://" };
                    url.starts_with(start).then_some(("url", *url))
                }
                _ => None,
            };
            match target {
                Some((key, value)) => actions.push(Node::raw(format!(
                    "{{\"identifier\":{},\"type\":\"{kind}\",\"{key}\":{}}}",
                    quoted(identifier),
                    quoted(value)
                ))),
                None => {
                    let rule = if *kind == "place" { PLACE } else { HTTPS_OR_CALL };
                    action.problem(&action.place, Problem::Rule(rule));
                }
            }
        }
        action.finish();
    }
    nodes.push(Node::array("\"featuredActions\":", actions));
    nodes
}

/// The list, and the single one that iOS 8 and some Android readers look for.
fn barcodes(common: &Common) -> Vec<Node> {
    let Some(barcode) = &common.barcode else { return Vec::new() };
    let one = |prefix: &str, format: &str| {
        let mut members = vec![
            Node::leaf(vec![Part::Raw(format!("\"format\":\"{format}\",")), Part::Barcode(barcode.message.clone())])
                .demanded(),
        ];
        if let Some(text) = &barcode.text {
            members.push(Node::member("altText", Part::Plain(text.clone())));
        }
        Node::object(prefix, members).only(&barcode.when)
    };
    let format = barcode.format;
    // The phone shows the first that it knows; one of iOS 27 is followed by one that all know.
    let known = format.older.unwrap_or(format.apple);
    let list = std::iter::once(format.apple).chain(format.older).map(|format| one("", format));
    vec![Node::array("\"barcodes\":", list.collect()), one("\"barcode\":", known)]
}
