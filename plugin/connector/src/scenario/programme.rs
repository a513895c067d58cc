//! The programme of a file: its events, each built once, as the latest order tells it.
//!
//! Owns which operation describes an event when several do, and the selectors that an operation contributes. Only events that a living ticket
//! shows are built.

use std::collections::BTreeMap;

use super::answer::Operation;
use super::envelope::Unread;
use super::event::{self, EventFacts, EventKey, Source};
use super::standing::{File, OperationView};
use super::ticket::TicketFacts;
use crate::contract::types::EventPart;

pub(super) struct Programme<'f> {
    /// The latest operation that tells of an event, and the pointer's two numbers.
    sources: BTreeMap<EventKey<'f>, (Source<'f>, usize, usize)>,
    parts: BTreeMap<String, EventPart>,
}

impl<'f> Programme<'f> {
    pub(super) fn of(file: &File<'f>, unread: &mut Unread) -> Self {
        let mut sources = BTreeMap::new();
        for operation in &file.operations {
            for (key, source) in event::of_operation(operation.raw, unread, &|| operation.pointer()) {
                sources.insert(key, (source, operation.order_at, operation.at));
            }
        }
        Self { sources, parts: BTreeMap::new() }
    }

    /// The events that tickets of the operation show, in order.
    pub(super) fn shown_by(&mut self, operation: &OperationView<'f>, unread: &mut Unread) -> Vec<String> {
        let keys = event::of_operation(operation.raw, unread, &|| operation.pointer());
        keys.into_iter()
            .map(|(key, _)| {
                let text = key.text();
                if !self.parts.contains_key(&text)
                    && let Some((source, order_at, at)) = self.sources.get(&key)
                {
                    let pointer = || format!("/orderDetailsDatas/{order_at}/operationDatas/{at}");
                    let part = EventFacts::of(*source, unread, &pointer).part(text.clone());
                    self.parts.insert(text.clone(), part);
                }
                text
            })
            .collect()
    }

    pub(super) fn part(&self, key: &str) -> Option<&EventPart> {
        self.parts.get(key)
    }

    /// By key.
    pub(super) fn into_parts(self) -> Vec<EventPart> {
        self.parts.into_values().collect()
    }
}

/// Inputs of template selection, by name; none of them personal.
pub(super) fn selectors(operation: &Operation<'_>, facts: &TicketFacts<'_>) -> Vec<(String, String)> {
    let mut selectors = Vec::with_capacity(8);
    let mut select = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            selectors.push((name.to_owned(), value.to_owned()));
        }
    };
    for (_, variable) in operation.comfort_variable_values.objects() {
        if let Some(code) = variable.code.text() {
            select(&format!("comfort.{code}"), variable.value.text().as_deref());
        }
    }
    select("audience", facts.audience.as_deref());
    select("familySubtype", operation.product_family_sub_type.text().as_deref());
    select("kind", operation.kind.text().as_deref());
    select("product", product(operation).as_deref());
    select("tariff", facts.tariff.as_deref());
    selectors.sort_unstable();
    selectors.dedup_by(|later, first| later.0 == first.0);
    selectors
}

/// The product by its code, which people know; by its number where there is none.
pub(super) fn product<'f>(operation: &'f Operation<'_>) -> Option<std::borrow::Cow<'f, str>> {
    operation.product_code.text().or_else(|| operation.product_id.text())
}
