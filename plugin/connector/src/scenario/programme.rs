//! The programme of a file: its events, each built once, as the latest order tells it.
//!
//! Owns which operation describes an event when several do, and the selectors that an operation contributes. Only events that a living ticket
//! shows are built, and each is compared once with what the host had stored of it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::answer::Operation;
use super::envelope::Unread;
use super::event::{self, EventFacts, Source};
use super::standing::{File, OperationView};
use super::texts::Texts;
use super::ticket::TicketFacts;
use crate::contract::types::EventPart;
use crate::lenient;

pub(super) struct Programme<'f> {
    /// By place of the operation, in order.
    keys: Vec<Vec<String>>,
    events: BTreeMap<String, Event<'f>>,
    /// As the host has them, by key.
    stored: BTreeMap<&'f str, &'f EventPart>,
}

enum Event<'f> {
    /// As the latest operation that tells of it, which has this pointer.
    Told(Source<'f>, usize, usize),
    /// And whether the host has it with the same body.
    Built(EventPart, bool),
}

impl<'f> Programme<'f> {
    pub(super) fn of(file: &File<'f>, stored: &'f [EventPart], unread: &mut Unread) -> Self {
        let mut programme = Self {
            keys: Vec::with_capacity(file.operations.len()),
            events: BTreeMap::new(),
            stored: stored.iter().map(|part| (part.key.as_str(), part)).collect(),
        };
        for operation in &file.operations {
            let mut keys = Vec::new();
            for (key, source) in event::of_operation(operation.raw, unread, &|| operation.pointer()) {
                keys.push(key.clone());
                programme.events.insert(key, Event::Told(source, operation.order_at, operation.at));
            }
            programme.keys.push(keys);
        }
        programme
    }

    /// The events that tickets of the operation show, in order.
    pub(super) fn shown_by(&mut self, operation: usize, unread: &mut Unread) -> Vec<String> {
        let Some(keys) = self.keys.get(operation) else { return Vec::new() };
        for key in keys {
            if let Some(event) = self.events.get_mut(key)
                && let Event::Told(source, order_at, at) = *event
            {
                let pointer = || OperationView::pointer_of(order_at, at);
                let part = EventFacts::of(source, unread, &pointer).part(key.clone());
                let same = self.stored.get(key.as_str()).is_some_and(|stored| stored.body == part.body);
                *event = Event::Built(part, same);
            }
        }
        keys.clone()
    }

    pub(super) fn part(&self, key: &str) -> Option<&EventPart> {
        match self.events.get(key)? {
            Event::Built(part, _) => Some(part),
            Event::Told(..) => None,
        }
    }

    /// The event is what the host has stored.
    pub(super) fn is_as_stored(&self, key: &str) -> bool {
        matches!(self.events.get(key), Some(Event::Built(_, true)))
    }

    pub(super) fn stored(&self, key: &str) -> Option<&'f EventPart> {
        self.stored.get(key).copied()
    }

    /// By key.
    pub(super) fn into_parts(self) -> Vec<EventPart> {
        let built = |event| match event {
            Event::Built(part, _) => Some(part),
            Event::Told(..) => None,
        };
        self.events.into_values().filter_map(built).collect()
    }
}

/// Inputs of template selection, by name: a JSON object of texts, none of them personal.
pub(super) fn selectors(operation: &Operation<'_>, facts: &TicketFacts<'_>) -> String {
    // Sorted, so that the order of SecuTix's list is no change; of two values for one variable the first stands.
    let mut selectors = Texts::default();
    let mut select = |name: Cow<'static, str>, value| {
        if let Some(value) = value {
            selectors.keep(name, value);
        }
    };
    select("audience".into(), facts.audience.as_deref().map(Cow::Borrowed));
    for (_, variable) in operation.comfort_variable_values.objects() {
        if let Some(code) = variable.code.text() {
            select(["comfort.", &code].concat().into(), variable.value.text());
        }
    }
    select("familySubtype".into(), operation.product_family_sub_type.text());
    select("kind".into(), operation.kind.text());
    select("product".into(), product(operation));
    select("tariff".into(), facts.tariff.as_deref().map(Cow::Borrowed));
    selectors.object()
}

/// As [`selectors`] wrote them; none where another version wrote something else.
pub(super) fn read_selectors(text: &str) -> Texts<'_> {
    lenient::read::<Texts<'_>>(text).ok().and_then(lenient::Node::into_option).unwrap_or_default()
}

/// The product by its code, which people know; by its number where there is none.
pub(super) fn product<'f>(operation: &'f Operation<'_>) -> Option<Cow<'f, str>> {
    operation.product_code.text().or_else(|| operation.product_id.text())
}
