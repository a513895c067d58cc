//! What the templates make of drafts.
//!
//! Owns which version of an event a pass shows, and the grouping: one call per template, whatever the number of passes.

use std::collections::{BTreeMap, HashMap};

use passerelle_contract::scenario::Verdict;
use passerelle_contract::types::EventPart;
use sha2::{Digest, Sha256};

use super::PlanError;
use super::draft::Draft;
use crate::flow::Flow;
use crate::ports::Host;
use crate::rebuild::{self, RebuildError, Subjected};
use crate::run::Fetched;
use crate::store::FileView;
use crate::tenant::Tenant;

/// An event as passes are to show it.
pub(super) struct CurrentEvent {
    pub part: EventPart,
    /// Hex.
    pub digest: String,
}

/// Every event by key: as this fetch shows it, unless the store has it from a later one.
pub(super) fn current_events(fetched: &Fetched, view: &FileView, verdict: &Verdict) -> HashMap<String, CurrentEvent> {
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

/// Fills the templates for those that are not built yet, all passes of one template in one call.
pub(super) async fn build<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    events: &HashMap<String, CurrentEvent>,
    drafts: &mut [Draft<'_>],
    errors: &mut Vec<String>,
) -> Result<(), PlanError> {
    let mut by_template: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, draft) in drafts.iter().enumerate() {
        if draft.ticket.is_some() && draft.built.is_none() {
            by_template.entry(draft.template.clone()).or_default().push(index);
        }
    }
    for (name, indexes) in by_template {
        let Some(template) = tenant.templates.get(&name) else {
            tell(errors, format!("there is no template {name:?}"));
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
                variables: draft.variables.clone(),
                successor: draft.successor.clone(),
                // What is compared is the ticket; a message stands beside it.
                message: vec![],
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
                        Err(error) => tell(errors, format!("template {name:?}: {error}")),
                    }
                }
            }
            Err(RebuildError::Sandbox(failure)) => return Err(PlanError::Rebuild(failure.into())),
            Err(error) => tell(errors, format!("template {name:?}: {error}")),
        }
    }
    Ok(())
}

/// Each once, however many passes it is about.
fn tell(errors: &mut Vec<String>, error: String) {
    if !errors.contains(&error) {
        errors.push(error);
    }
}

/// Tells whether an event is still what it was. Of canonical JSON, so equal facts have equal digests.
pub(super) fn event_digest(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}
