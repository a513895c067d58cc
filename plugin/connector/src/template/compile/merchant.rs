//! Google's `merchantLocations`: where a phone offers the pass.
//!
//! Owns the same order as Apple's `locations` (`places`, which reads them): the template's own places, else those of the venue that the event is
//! at, else where SecuTix says that the venue is. Google takes the bare points: how near is near, and what is said there, is its own.

use super::condition::Condition;
use super::context::Context;
use super::document::Section;
use super::places::{MAX_LOCATIONS, Venue, at, written_places};
use super::tree::{Node, Part};

/// In a class: an event's places are those of all its tickets.
pub(super) fn locations<'s>(context: &Context<'s>, relevance: Option<&Section<'s>>, venues: &[Venue]) -> Vec<Node> {
    let wanted = relevance.and_then(|section| section.boolean("locations")).unwrap_or(true);
    let own = relevance.map(|section| written_places(context, section)).unwrap_or_default();
    if !wanted {
        return Vec::new();
    }
    let point = |latitude: f64, longitude: f64| {
        Node::object("", vec![Node::raw(format!("\"latitude\":{latitude},\"longitude\":{longitude}"))])
    };
    let list = |points| Node::array("\"merchantLocations\":", points);
    if !own.is_empty() {
        return vec![list(own.iter().map(|place| point(place.latitude, place.longitude)).collect())];
    }
    let mut nodes = Vec::new();
    let mut elsewhere = Condition::default();
    for venue in venues {
        // Google refuses an eleventh, and with it the class.
        let points = venue.places.iter().take(MAX_LOCATIONS).map(|place| point(place.latitude, place.longitude));
        nodes.push(list(points.collect()).only(&at(venue, false)));
        elsewhere = elsewhere.and(&at(venue, true));
    }
    let secutix = Node::object("", vec![Node::leaf(vec![Part::Coordinates])]);
    let limit = u32::try_from(MAX_LOCATIONS).unwrap_or(u32::MAX);
    let each = Node::Events { limit, places: true, node: Box::new(secutix) };
    nodes.push(list(vec![each]).only(&elsewhere));
    nodes
}
