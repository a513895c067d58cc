//! What the tenant's plugin adds to passes whose ticket is new or has changed.
//!
//! Owns which passes it is asked about, and what it is told of them. Does not own the asking (`hooks::shape`).

use std::collections::HashMap;

use passerelle_contract::tenant::types::Pass;

use super::build::CurrentEvent;
use super::draft::Draft;
use super::{PlanError, identifiers};
use crate::attribute::Sorted;
use crate::flow::Flow;
use crate::hooks::occasion::{Decision, Occasion};
use crate::hooks::shape::{self, Shaped};
use crate::ports::Host;
use crate::store::Attributes as _;
use crate::tenant::Tenant;

pub(super) async fn shape<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    occasion: &Occasion,
    events: &HashMap<String, CurrentEvent>,
    drafts: &mut [Draft<'_>],
) -> Result<(), PlanError> {
    if shape::is_unwanted(flow, tenant) {
        // The default is none, also for a pass that has those of a plugin that was there before.
        drafts.iter_mut().filter(|draft| draft.fresh).for_each(|draft| draft.variables.clear());
        return Ok(());
    }
    for draft in drafts.iter_mut().filter(|draft| draft.fresh) {
        let Some(ticket) = &draft.ticket else { continue };
        let shaped = Shaped {
            pass: pass(flow, tenant, draft).await?,
            ticket,
            events: ticket.events.iter().filter_map(|key| events.get(key)).map(|event| &event.part).collect(),
            id: draft.subject.identifier().1,
        };
        match shape::shape(flow, tenant, occasion, shaped).await? {
            Decision::Made(variables) => draft.variables = variables,
            Decision::Default | Decision::Undecided => {}
            Decision::Again => return Err(PlanError::Plugin),
        }
    }
    Ok(())
}

async fn pass<H: Host>(flow: &Flow<H>, tenant: &Tenant, draft: &Draft<'_>) -> Result<Pass, PlanError> {
    let mut attributes = match &draft.stored {
        None => vec![],
        Some(_) => flow.host.store().attributes(&tenant.id, &draft.id).await?,
    };
    if let Some(ticket) = &draft.ticket {
        let new = identifiers(flow, tenant, &draft.id, &draft.subject, ticket)?;
        attributes.retain(|known| !new.iter().any(|new| (new.kind, &new.name) == (known.kind, &known.name)));
        attributes.extend(new);
    }
    let sorted = Sorted::of(&tenant.keys, &tenant.id, &draft.id, &attributes);
    Ok(shape::pass(&draft.id, &draft.subject, &draft.template, sorted))
}
