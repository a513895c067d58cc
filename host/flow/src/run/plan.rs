//! The plan: from a verdict to the rows that one commit writes.
//!
//! Owns which pass is created, updated, voided or revived, when an absence is believed, and what its template makes of it. Does not own
//! the verdict (the connector) nor the commit (`run`). Voids on positive evidence at once, on absence only when a fetch that was
//! started long enough after the first says the same.

use std::collections::{BTreeMap, HashMap};

use passerelle_contract::scenario::{self, Action, Evidence, KnownPass, Operation, Verdict};
use passerelle_contract::types::{EventPart, Subject, TicketPart};
use sha2::{Digest, Sha256};

use super::Fetched;
use super::record::{self, ActionRecord};
use crate::flow::Flow;
use crate::identity::{Millis, PassId};
use crate::options::Options;
use crate::parts::{self, PartError};
use crate::ports::{Host, Random};
use crate::rebuild::{self, Built, RebuildError, Subjected};
use crate::sealing::TenantKeys;
use crate::select::select;
use crate::store::{
    Change, EventWrite, FileView, Hint, Next, OrderAlias, PassState, PassSubject, PassWrite, Store, StoreError,
    StoredPass, TaskLease,
};
use crate::tenant::Tenant;

#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Part(PartError),
    #[error(transparent)]
    Rebuild(RebuildError),
}

impl From<PartError> for PlanError {
    fn from(error: PartError) -> Self {
        match error {
            PartError::Store(error) => Self::Store(error),
            other => Self::Part(other),
        }
    }
}

pub struct Plan {
    pub outcome: &'static str,
    /// Passes that could not be built, and why: variables and templates by name.
    pub error: Option<String>,
    pub aliases: Vec<OrderAlias>,
    pub events: Vec<EventWrite>,
    pub passes: Vec<PassWrite>,
    pub actions: Vec<ActionRecord>,
    /// An absence that needs a second fetch.
    again: Option<Millis>,
}

impl Plan {
    pub fn next(&self, lease: &TaskLease, options: &Options) -> Next {
        // A template that cannot be filled is mended by a person, and `replay` builds what is missing; until then trying again is vain.
        if self.error.is_some() && lease.attempts >= options.dead_after.min(3) {
            return Next::Dead;
        }
        match (self.error.is_some(), self.again) {
            (true, _) => Next::Retry { at: lease.lease_until },
            (false, Some(at)) => Next::Again { at },
            (false, None) => Next::Done,
        }
    }
}

/// What becomes of a task whose attempt failed.
pub fn retry<H: Host>(lease: &TaskLease, options: &Options, flow: &Flow<H>) -> Next {
    if lease.attempts + 1 >= options.dead_after {
        return Next::Dead;
    }
    Next::Retry { at: flow.now() + options.retry.wait(lease.attempts, flow.host.random()) }
}

pub fn contract_hint(hint: &Hint) -> scenario::Hint {
    scenario::Hint { state: hint.state.clone(), sale_movement: hint.movement.clone(), ticket: hint.ticket.clone() }
}

/// The passes of the file as the connector sees them, unsealed for the call.
pub fn known_passes(tenant: &Tenant, view: &FileView) -> Result<Vec<KnownPass>, PartError> {
    let stored: HashMap<_, _> =
        view.events.iter().map(|event| (event.key.as_str(), event.digest.as_str())).collect();
    view.passes
        .iter()
        .map(|pass| {
            Ok(KnownPass {
                pass: pass.id.as_str().to_owned(),
                subject: rebuild::contract_subject(&pass.subject),
                state: rebuild::contract_state(pass.state),
                order: pass.order.clone(),
                file: pass.file.clone(),
                ticket: pass.ticket.clone(),
                snapshot: parts::open(tenant, pass)?,
                shown: pass
                    .events
                    .iter()
                    .map(|(key, digest)| (key.clone(), stored.get(key.as_str()) == Some(&digest.as_str())))
                    .collect(),
            })
        })
        .collect()
}

/// One pass on its way from an operation to a row.
struct Draft<'a> {
    id: PassId,
    subject: PassSubject,
    stored: Option<StoredPass>,
    operation: &'a Operation,
    state: PassState,
    /// What it is built from now; none after erasure.
    ticket: Option<TicketPart>,
    /// `ticket` is new and has to be sealed.
    fresh: bool,
    successor: Option<PassId>,
    template: String,
    absent_since: Option<Millis>,
    action: &'static str,
    built: Option<Built>,
}

pub async fn make<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    lease: &TaskLease,
    fetched: &Fetched,
    view: &FileView,
    verdict: &Verdict,
) -> Result<Plan, PlanError> {
    let mut errors = Vec::new();
    let mut again = None;
    let mut drafts = Vec::new();
    for operation in &verdict.operations {
        match draft(flow, tenant, fetched, view, operation, &mut again).await? {
            Ok(Some(draft)) => drafts.push(draft),
            Ok(None) => {}
            Err(problem) => errors.push(problem),
        }
    }
    link_successors(&mut drafts, view);
    let events = current_events(fetched, view, verdict);
    build(flow, tenant, &events, &mut drafts, &mut errors).await?;

    let mut passes = Vec::new();
    let mut actions = Vec::new();
    for draft in drafts {
        let write = write(flow, tenant, lease, verdict, &events, draft).await?;
        actions.push(ActionRecord::of(&write));
        passes.push(write);
    }
    let outcome = match (errors.is_empty(), again, passes.iter().any(|pass| pass.change.is_some())) {
        (false, _, _) => "pass-not-built",
        (true, Some(_), _) => "absence-unconfirmed",
        (true, None, true) => "done",
        (true, None, false) => "unchanged",
    };
    errors.dedup();
    Ok(Plan {
        outcome,
        error: (!errors.is_empty()).then(|| errors.join("; ")),
        aliases: aliases(&tenant.keys, verdict),
        events: verdict.events.iter().map(|event| event_write(event, fetched.started_at)).collect(),
        passes,
        actions,
        again,
    })
}

/// The outer error stops the run, the inner one only this pass.
async fn draft<'a, H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    fetched: &Fetched,
    view: &FileView,
    operation: &'a Operation,
    again: &mut Option<Millis>,
) -> Result<Result<Option<Draft<'a>>, String>, PlanError> {
    let subject = match &operation.subject {
        Subject::Movement(id) => PassSubject::Movement(id.clone()),
        Subject::Contact(number) => PassSubject::Contact(number.clone()),
    };
    let stored = match &operation.pass {
        Some(id) => view.passes.iter().find(|pass| pass.id.as_str() == id).cloned(),
        // The movement may have come from another file, and its pass with it.
        None => flow.host.store().pass_by_subject(&tenant.id, &subject).await?.map(|found| found.pass),
    };
    let (ticket, fresh) = match (&operation.action, &stored) {
        (Action::Offer(part) | Action::Update(part) | Action::Revive(part), _) => (Some(part.clone()), true),
        (Action::End(_) | Action::Keep, Some(stored)) => (parts::open(tenant, stored)?, false),
        (Action::End(_) | Action::Keep, None) => return Ok(Ok(None)),
    };
    let mut absent_since = None;
    let (state, action) = match (&operation.action, &stored) {
        (Action::Offer(_), None) => (PassState::Live, "created"),
        (Action::Offer(_) | Action::Update(_), Some(stored)) => (stored.state, "updated"),
        (Action::Update(_), None) => (PassState::Live, "created"),
        (Action::Revive(_), _) => (PassState::Live, "revived"),
        (Action::End(Evidence::Positive), _) => (PassState::Void, "voided"),
        (Action::End(Evidence::Absence), Some(stored)) => {
            let wait = tenant.safety.confirm_absence_after;
            match stored.absent_since {
                Some(first) if first + wait <= fetched.started_at => (PassState::Void, "voided"),
                earlier => {
                    let first = earlier.unwrap_or(fetched.started_at);
                    absent_since = Some(first);
                    *again = Some(again.unwrap_or(Millis::MAX).min(first + wait));
                    (stored.state, "absent")
                }
            }
        }
        (Action::End(Evidence::Absence), None) => return Ok(Ok(None)),
        (Action::Keep, Some(stored)) => (stored.state, "kept"),
        (Action::Keep, None) => return Ok(Ok(None)),
    };
    if action == "kept" {
        let links = operation.successor.is_some() && stored.as_ref().is_some_and(|pass| pass.successor.is_none());
        let seen_again = stored.as_ref().is_some_and(|pass| pass.absent_since.is_some());
        if !links && !seen_again {
            return Ok(Ok(None));
        }
    }
    let template = match (&ticket, &stored) {
        (Some(part), _) if fresh => select(tenant, &subject, &part.selectors).map(str::to_owned),
        (_, Some(stored)) => Some(stored.template.clone()),
        _ => None,
    };
    let Some(template) = template else {
        return Ok(Err(format!("no template for {}", subject.identifier().0)));
    };
    let id = match &stored {
        Some(stored) => stored.id.clone(),
        None => PassId::from_random(flow.host.random().bytes()),
    };
    let successor = stored.as_ref().and_then(|pass| pass.successor.clone());
    Ok(Ok(Some(Draft {
        id,
        subject,
        stored,
        operation,
        state,
        ticket,
        fresh,
        successor,
        template,
        absent_since,
        action,
        built: None,
    })))
}

/// A voided pass leads to the one that took its place, be that older or made in this run; a pass that lives again leads nowhere.
fn link_successors(drafts: &mut [Draft<'_>], view: &FileView) {
    let mut by_movement: HashMap<String, PassId> = HashMap::new();
    let stored = view.passes.iter().map(|pass| (&pass.subject, &pass.id));
    for (subject, id) in stored.chain(drafts.iter().map(|draft| (&draft.subject, &draft.id))) {
        if let PassSubject::Movement(movement) = subject {
            by_movement.insert(movement.clone(), id.clone());
        }
    }
    for draft in drafts {
        if draft.state == PassState::Live {
            draft.successor = None;
        } else if let Some(movement) = &draft.operation.successor {
            draft.successor = by_movement.get(movement).cloned().or_else(|| draft.successor.take());
        }
    }
}

/// An event as passes are to show it.
struct CurrentEvent {
    part: EventPart,
    /// Hex.
    digest: String,
}

/// Every event by key: as this fetch shows it, unless the store has it from a later one.
fn current_events(fetched: &Fetched, view: &FileView, verdict: &Verdict) -> HashMap<String, CurrentEvent> {
    let fresh = |part: &EventPart| CurrentEvent { part: part.clone(), digest: event_digest(&part.body) };
    let mut events: HashMap<_, _> = verdict.events.iter().map(|part| (part.key.clone(), fresh(part))).collect();
    for stored in &view.events {
        if stored.observed_at > fetched.started_at || !events.contains_key(&stored.key) {
            let current = CurrentEvent { part: rebuild::event_part(stored), digest: stored.digest.clone() };
            events.insert(stored.key.clone(), current);
        }
    }
    events
}

/// Fills the templates, all passes of one template in one call.
async fn build<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    events: &HashMap<String, CurrentEvent>,
    drafts: &mut [Draft<'_>],
    errors: &mut Vec<String>,
) -> Result<(), PlanError> {
    let mut by_template: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, draft) in drafts.iter().enumerate() {
        if draft.ticket.is_some() {
            by_template.entry(draft.template.clone()).or_default().push(index);
        }
    }
    for (name, indexes) in by_template {
        let Some(template) = tenant.templates.get(&name) else {
            errors.push(format!("there is no template {name:?}"));
            continue;
        };
        let mut needed: Vec<EventPart> = Vec::new();
        let mut passes = Vec::with_capacity(indexes.len());
        for draft in indexes.iter().filter_map(|index| drafts.get(*index)) {
            let Some(ticket) = draft.ticket.clone() else { continue };
            for event in ticket.events.iter().filter_map(|key| events.get(key)) {
                if !needed.iter().any(|known| known.key == event.part.key) {
                    needed.push(event.part.clone());
                }
            }
            passes.push(Subjected {
                pass: draft.id.clone(),
                subject: draft.subject.clone(),
                state: draft.state,
                ticket,
                successor: draft.successor.clone(),
            });
        }
        match rebuild::rebuild(flow, tenant, template, needed, passes).await {
            Ok(built) => {
                for (index, built) in indexes.into_iter().zip(built) {
                    match built {
                        Ok(built) => {
                            if let Some(draft) = drafts.get_mut(index) {
                                draft.built = Some(built);
                            }
                        }
                        Err(error) => errors.push(format!("template {name:?}: {error}")),
                    }
                }
            }
            Err(RebuildError::Sandbox(failure)) => return Err(PlanError::Rebuild(failure.into())),
            Err(error) => errors.push(format!("template {name:?}: {error}")),
        }
    }
    Ok(())
}

async fn write<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    lease: &TaskLease,
    verdict: &Verdict,
    events: &HashMap<String, CurrentEvent>,
    draft: Draft<'_>,
) -> Result<PassWrite, PlanError> {
    let keys = &tenant.keys;
    let stored = draft.stored.as_ref();
    let built = draft.built.as_ref();
    let apple_mac = built.and_then(|built| built.apple.as_ref()).map(|apple| keys.mac("apple", &[&apple.seen]));
    let google_mac =
        built.and_then(|built| built.google.as_ref()).map(|google| keys.mac("google-object", &[&google.seen]));
    let state_changed = stored.is_some_and(|stored| stored.state != draft.state);
    let differs = |new: &Option<String>, old: Option<&String>| new.as_ref().is_some_and(|new| Some(new) != old);
    let apple_changed = stored.is_some_and(|stored| differs(&apple_mac, stored.apple_mac.as_ref()));
    let object_changed = stored.is_some_and(|stored| differs(&google_mac, stored.google_mac.as_ref()));

    let sealed = match &draft.ticket {
        Some(part) if draft.fresh => {
            let ends = part.events.iter().filter_map(|key| events.get(key)).filter_map(|event| event.part.ends_at).max();
            let ends = ends.and_then(|end| Millis::try_from(end).ok());
            Some(parts::seal(flow, tenant, &draft.id, &draft.subject, part, ends).await?)
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
    let operation = draft.operation;
    let keep = |new: &Option<String>, old: Option<&Option<String>>| new.clone().or_else(|| old.cloned().flatten());
    let is_change = !matches!(draft.action, "kept" | "absent");
    Ok(PassWrite {
        expected: stored.map(|stored| stored.version),
        file: keep(&verdict.file, stored.map(|stored| &stored.file)),
        order: keep(&operation.order, stored.map(|stored| &stored.order)),
        ticket: keep(&operation.ticket, stored.map(|stored| &stored.ticket)),
        state: draft.state,
        template_digest: tenant.templates.get(&draft.template).map(|it| it.digest.clone()).unwrap_or_default(),
        google_class: keep(
            &built.and_then(|built| built.google.as_ref()).map(|google| google.class_key.clone()),
            stored.map(|stored| &stored.google_class),
        ),
        ticket_mac,
        apple_mac: keep(&apple_mac, stored.map(|stored| &stored.apple_mac)),
        google_mac: keep(&google_mac, stored.map(|stored| &stored.google_mac)),
        events: shown,
        visible: state_changed || apple_changed || object_changed,
        object_changed: state_changed || object_changed,
        change: is_change.then(|| Change {
            action: draft.action.to_owned(),
            use_case: record::use_case_of(verdict, operation),
            reason: operation.reason.code.clone(),
            fields: operation.reason.fields.clone(),
            correlations: lease.hints.iter().map(|hint| hint.correlation.clone()).collect(),
        }),
        id: draft.id,
        subject: draft.subject,
        successor: draft.successor,
        template: draft.template,
        sealed,
        absent_since: draft.absent_since,
    })
}

/// Tells whether an event is still what it was. Of canonical JSON, so equal facts have equal digests.
fn event_digest(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}

fn event_write(event: &EventPart, observed_at: Millis) -> EventWrite {
    EventWrite {
        key: event.key.clone(),
        body: event.body.clone(),
        digest: event_digest(&event.body),
        observed_at,
        ends_at: event.ends_at.and_then(|end| Millis::try_from(end).ok()),
    }
}

/// Every order of the file leads to it from now on: two orders of one file must meet in one task.
fn aliases(keys: &TenantKeys, verdict: &Verdict) -> Vec<OrderAlias> {
    let Some(file) = &verdict.file else { return vec![] };
    verdict
        .orders
        .iter()
        .filter(|(_, token)| !token.is_empty())
        .map(|(order, token)| OrderAlias {
            token_mac: keys.mac("order-token", &[token.as_bytes()]),
            order: order.clone(),
            file: file.clone(),
        })
        .collect()
}
