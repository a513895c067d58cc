//! The Apple part of a template: pass.json as a tree.
//!
//! Owns the members of pass.json and when they stand. Does not own fields (`field`), semantics, places, NFC, the poster layout nor images. Keys are Apple's own, so that Apple's
//! documentation can be read beside a template. What only a host knows (identifiers, tokens, addresses) is not here.

use super::colour::Colour;
use super::condition::Condition;
use super::context::{Allowed, Context, Reference};
use super::document::Section;
use super::error::Problem;
use super::field::{self, Style};
use super::pass::Common;
use super::tree::{Node, Part, quoted};
use super::wording::Segment;
use super::{FILE, TemplateSource, nfc, places, poster, semantics};
use crate::payload::rule::Rule;
use crate::template::program::Kind;
use crate::template::vocabulary::{VOCABULARY, Variable};

/// The sandbox has no clock; any past date puts a void pass among the expired ones, and a fixed one gives the same bytes each time.
const LONG_PAST: &str = "2000-01-01T00:00:00Z";

/// Apple: two at most.
const MAX_ACTIONS: usize = 2;
const ACTIONS_KEY: &str = "\"featuredActions\":";
const NO_ACTIONS: &str =
    "featuredActions are left out of a poster, which does not show them; the classic layout has them";
const APP: &str = "appLaunchURL is an address: it begins with an app's own scheme, or with https://, and has no spaces";
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
    let actions = actions(context, &apple);
    let nfc = nfc::compile(context, &apple, source.nfc.as_ref());
    let expires = semantics::date(context, &apple, "expirationDate");
    // A void pass must put nothing into a calendar nor on a lock screen, and open no door.
    let mut of_the_living = Vec::new();
    match context.kind {
        Kind::EventTicket => {
            let semantics = semantics::compile(context, &apple);
            let poster = poster::compile(context, &apple, style, &semantics, &source.images, nfc.as_ref());
            if poster.is_asked_for() && !actions.is_empty() {
                context.report.warn(FILE, Problem::Rule(NO_ACTIONS));
            }
            nodes.push(poster.elsewhere(Node::array(ACTIONS_KEY, actions)));
            of_the_living.extend(places::expiry(relevance, expires, LONG_PAST));
            of_the_living.extend(places::relevance(context, relevance, &source.venues));
            of_the_living.extend(nfc);
            of_the_living.extend(poster.nodes());
            of_the_living.push(semantics.node);
        }
        Kind::MemberCard => {
            nodes.push(Node::array(ACTIONS_KEY, actions));
            of_the_living.extend(expires.flatten().map(|part| Node::member("expirationDate", part)));
            of_the_living.extend(
                relevance.map(|section| places::of_card(context, section, &source.venues)).into_iter().flatten(),
            );
            of_the_living.extend(nfc);
            of_the_living.push(semantics::of_card(context, &apple));
        }
    }
    nodes.extend(of_the_living.into_iter().map(|node| node.only(&live)));
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
        if let Some(words) = context.uniform(&written, Allowed::All) {
            context.judge(Rule::App, &words, written.place(), Problem::Rule(APP));
            nodes.push(Node::member("appLaunchURL", Part::Checked(Rule::App, words)));
        }
    }
    nodes.extend(apple.json("userInfo").map(|json| Node::raw(format!("\"userInfo\":{json}"))));

    nodes
}

/// Buttons beneath a pass, iOS 27; a poster has none.
fn actions<'s>(context: &Context<'s>, apple: &Section<'s>) -> Vec<Node> {
    let sections = apple.sections("featuredActions");
    if sections.len() > MAX_ACTIONS {
        let (what, style) = ("featured actions", "Apple's");
        let problem = Problem::TooMany { what, style, count: sections.len(), limit: MAX_ACTIONS };
        apple.problem(&apple.place, problem);
    }
    let mut nodes = Vec::new();
    for section in sections {
        nodes.extend(action(context, &section));
        section.finish();
    }
    nodes
}

fn action<'s>(context: &Context<'s>, section: &Section<'s>) -> Option<Node> {
    const HTTPS_OR_CALL: &str =
        "an action opens an address that begins with https://, or tel: for the type call, and has no spaces";
    const PLACE: &str = "an action of the type place has a placeIdentifier and no url";
    let (identifier, kind) = (section.string("identifier"), section.one_of("type", &ACTIONS));
    let (place, url) = (section.string("placeIdentifier"), section.written("url"));
    for (key, missing) in [("identifier", identifier.is_none()), ("type", kind.is_none())] {
        if missing {
            section.missing(key);
        }
    }
    let ((_, identifier), kind) = (identifier?, *ACTIONS.get(kind?)?);
    let head = format!("{{\"identifier\":{},\"type\":\"{kind}\",", quoted(identifier));
    match (place, url) {
        (Some((_, place)), None) if kind == "place" => {
            Some(Node::raw(format!("{head}\"placeIdentifier\":{}}}", quoted(place))))
        }
        (None, Some(url)) if kind != "place" => {
            let (rule, start) = if kind == "call" { (Rule::Call, "tel:") } else { (Rule::Address, "https://") };
            let words = context.uniform(&url, Allowed::All)?;
            match words.lists.first().and_then(|list| list.first()) {
                Some(Segment::Literal(text)) if !text.starts_with(start) => {
                    section.problem(url.place(), Problem::Rule(HTTPS_OR_CALL));
                }
                _ => context.judge(rule, &words, url.place(), Problem::Rule(HTTPS_OR_CALL)),
            }
            let url = Part::Checked(rule, words);
            Some(Node::leaf(vec![Part::Raw(format!("{head}\"url\":")), url, Part::Raw("}".to_owned())]))
        }
        _ => {
            section.problem(&section.place, Problem::Rule(if kind == "place" { PLACE } else { HTTPS_OR_CALL }));
            None
        }
    }
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
