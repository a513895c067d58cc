//! From drafts to the rows that are written.
//!
//! Owns what counts as a difference that the holder sees, and what is sealed.

use std::collections::HashMap;

use passerelle_contract::scenario::Verdict;
use passerelle_contract::types::EventPart;

use super::build::{CurrentEvent, event_digest};
use super::draft::{Draft, PassAction};
use super::{Look, PlanError, identifiers};
use crate::flow::Flow;
use crate::identity::Millis;
use crate::notification::token_mac;
use crate::parts::{self, Opened};
use crate::ports::Host;
use crate::run::record;
use crate::sealing::TenantKeys;
use crate::store::{Change, EventWrite, OrderAlias, PassWrite};
use crate::tenant::Tenant;

/// The organiser's own change: neither a row of the update matrix nor a reason of the connector's.
const TEMPLATE_CHANGE: &str = "template-change";
const TEMPLATE_CHANGED: &str = "template-changed";

pub(super) async fn write<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    look: &Look<'_>,
    events: &HashMap<String, CurrentEvent>,
    draft: Draft<'_>,
) -> Result<PassWrite, PlanError> {
    let (keys, verdict) = (&tenant.keys, look.verdict);
    let stored = draft.stored.as_ref();
    let built = draft.built.as_ref();
    let apple_mac = built.and_then(|built| built.apple.as_ref()).map(|apple| keys.mac("apple", &[&apple.seen]));
    let google_mac =
        built.and_then(|built| built.google.as_ref()).map(|google| keys.mac("google-object", &[&google.seen]));
    let state_changed = stored.is_some_and(|stored| stored.state != draft.state);
    let differs = |new: &Option<String>, old: Option<&String>| new.as_ref().is_some_and(|new| Some(new) != old);
    let apple_changed = stored.is_some_and(|stored| differs(&apple_mac, stored.apple_mac.as_ref()));
    let class = built.and_then(|built| built.google.as_ref()).map(|google| google.class_key.clone());
    // The object names its class: another class is another object, although it shows the same.
    let object_changed = stored.is_some_and(|stored| {
        differs(&google_mac, stored.google_mac.as_ref()) || differs(&class, stored.google_class.as_ref())
    });
    // Also what is no text of a pass: its images.
    let retemplated = draft.retemplated && built.is_some();

    let sealed = match &draft.ticket {
        Some(part) if draft.fresh => {
            let ends =
                part.events.iter().filter_map(|key| events.get(key)).filter_map(|event| event.part.ends_at).max();
            let ends = ends.and_then(|end| Millis::try_from(end).ok());
            let opened = Opened { part: part.clone(), variables: draft.variables.clone() };
            Some(parts::seal(flow, tenant, &draft.id, &draft.subject, &opened, ends).await?)
        }
        _ => None,
    };
    let ticket_mac = match (&draft.ticket, stored) {
        (Some(part), _) => keys.mac("ticket-part", &[&part.body]),
        (None, Some(stored)) => stored.ticket_mac.clone(),
        (None, None) => String::new(),
    };
    let shown = match (&draft.ticket, stored) {
        (Some(part), _) if built.is_some() => part
            .events
            .iter()
            .map(|key| (key.clone(), events.get(key).map(|event| event.digest.clone()).unwrap_or_default()))
            .collect(),
        (_, Some(stored)) => stored.events.clone(),
        (_, None) => vec![],
    };
    let attributes = match &draft.ticket {
        Some(part) if draft.fresh => identifiers(flow, tenant, &draft.id, &draft.subject, part)?,
        _ => vec![],
    };
    let operation = draft.operation;
    let keep = |new: &Option<String>, old: Option<&Option<String>>| new.clone().or_else(|| old.cloned().flatten());
    let visible = state_changed || apple_changed || object_changed || retemplated;
    let digest = |name: &str| tenant.templates.get(name).map(|template| template.digest.clone());
    Ok(PassWrite {
        expected: stored.map(|stored| stored.version),
        file: keep(&verdict.file, stored.map(|stored| &stored.file)),
        order: keep(&operation.order, stored.map(|stored| &stored.order)),
        ticket: keep(&operation.ticket, stored.map(|stored| &stored.ticket)),
        state: draft.state,
        template_digest: match (built, stored) {
            (None, Some(stored)) => stored.template_digest.clone(),
            _ => digest(&draft.template).unwrap_or_default(),
        },
        google_class: keep(&class, stored.map(|stored| &stored.google_class)),
        ticket_mac,
        apple_mac: keep(&apple_mac, stored.map(|stored| &stored.apple_mac)),
        google_mac: keep(&google_mac, stored.map(|stored| &stored.google_mac)),
        events: shown,
        visible,
        object_changed: state_changed || object_changed,
        attributes,
        change: cause(&draft, visible).map(|(action, reason)| Change {
            action: action.name().to_owned(),
            use_case: match reason {
                Some(_) => TEMPLATE_CHANGE.to_owned(),
                None => record::use_case_of(verdict, operation),
            },
            reason: reason.unwrap_or(&operation.reason.code).to_owned(),
            fields: operation.reason.fields.clone(),
            correlations: look.correlations.to_vec(),
        }),
        id: draft.id,
        subject: draft.subject,
        successor: draft.successor,
        template: draft.template,
        sealed,
        absent_since: draft.absent_since,
    })
}

/// What a line of the history says was done, and why when that is not what SecuTix said. None: nothing that a person would ask about.
fn cause(draft: &Draft<'_>, visible: bool) -> Option<(PassAction, Option<&'static str>)> {
    match draft.action {
        // It ended before, and is led on only now: an exchange whose new ticket came later.
        PassAction::Kept if visible && draft.is_led_elsewhere() => Some((PassAction::Updated, None)),
        PassAction::Kept if visible && draft.retemplated => Some((PassAction::Updated, Some(TEMPLATE_CHANGED))),
        PassAction::Kept | PassAction::Absent => None,
        action @ (PassAction::Created | PassAction::Updated | PassAction::Voided | PassAction::Revived) => {
            Some((action, None))
        }
    }
}

pub(super) fn event_write(event: &EventPart, observed_at: Millis) -> EventWrite {
    EventWrite {
        key: event.key.clone(),
        body: event.body.clone(),
        digest: event_digest(&event.body),
        observed_at,
        ends_at: event.ends_at.and_then(|end| Millis::try_from(end).ok()),
    }
}

/// Every order of the file leads to it from now on: two orders of one file must meet in one task.
pub(super) fn aliases(keys: &TenantKeys, verdict: &Verdict) -> Vec<OrderAlias> {
    let Some(file) = &verdict.file else { return vec![] };
    verdict
        .orders
        .iter()
        .filter(|(_, token)| !token.is_empty())
        .map(|(order, token)| OrderAlias {
            token_mac: token_mac(keys, token),
            order: order.clone(),
            file: file.clone(),
        })
        .collect()
}
