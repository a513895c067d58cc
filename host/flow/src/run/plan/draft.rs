//! A pass on its way from an operation to a row.
//!
//! Owns which state the pass is to have, what it is built from, and when an absence is believed. Does not own what its template makes
//! of it (`build`) nor the row (`write`).

use std::collections::{HashMap, HashSet};

use passerelle_contract::scenario::{Action, Evidence, Operation};
use passerelle_contract::types::TicketPart;

use super::{Look, PlanError, subject_of};
use crate::flow::Flow;
use crate::hooks::choose::Chooser;
use crate::hooks::occasion::{Decision, Occasion};
use crate::identity::{Millis, PassId};
use crate::parts;
use crate::ports::{Host, Random as _};
use crate::rebuild::Built;
use crate::select::{Choice, Stray, select};
use crate::store::{FileView, PassState, PassSubject, StoredPass};
use crate::tenant::Tenant;

/// What is done to a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassAction {
    Created,
    Updated,
    Voided,
    Revived,
    /// Its movement was absent for the first time.
    Absent,
    Kept,
}

impl PassAction {
    /// As a history has it; `words::action` has the sentence.
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Voided => "voided",
            Self::Revived => "revived",
            Self::Absent => "absent",
            Self::Kept => "kept",
        }
    }
}

/// One pass on its way from an operation to a row.
pub(super) struct Draft<'a> {
    pub id: PassId,
    pub subject: PassSubject,
    pub stored: Option<StoredPass>,
    pub operation: &'a Operation,
    pub state: PassState,
    /// What it is built from now; none after erasure.
    pub ticket: Option<TicketPart>,
    /// What the tenant's plugin has added to it.
    pub variables: Vec<(String, String)>,
    /// `ticket` is new and has to be sealed.
    pub fresh: bool,
    /// Its template is another one than the pass was last built with, by name or by content.
    pub retemplated: bool,
    pub successor: Option<PassId>,
    pub template: String,
    pub absent_since: Option<Millis>,
    pub action: PassAction,
    pub stray: Option<Stray>,
    pub built: Option<Built>,
}

impl Draft<'_> {
    /// Nothing is written of it unless its template has made something of it: what is sealed is what the next look compares with, so a
    /// pass that the holder never got would look up to date for ever. A pass that ends does so whatever its template says.
    fn is_unbuilt(&self) -> bool {
        let nothing_else = self.action == PassAction::Kept && self.retemplated;
        (self.fresh || nothing_else) && self.built.is_none()
    }

    /// It leads to another pass than before.
    pub(super) fn is_led_elsewhere(&self) -> bool {
        self.stored.as_ref().is_some_and(|stored| stored.successor != self.successor)
    }

    /// Leaves what was seen without any template: that the movement is there. Otherwise one more absence would be taken for the second one.
    /// False: there is nothing to write down.
    fn reduce(&mut self) -> bool {
        let Some(stored) = self.stored.as_ref().filter(|stored| stored.absent_since.is_some()) else { return false };
        (self.action, self.state, self.template) = (PassAction::Kept, stored.state, stored.template.clone());
        (self.ticket, self.fresh, self.retemplated) = (None, false, false);
        true
    }
}

/// The outer error stops the run, the inner one only this pass.
pub(super) async fn draft<'a, H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    look: &Look<'_>,
    operation: &'a Operation,
    again: &mut Option<Millis>,
    (chooser, occasion): (&mut Chooser, &Occasion),
) -> Result<Result<Option<Draft<'a>>, String>, PlanError> {
    let subject = subject_of(&operation.subject);
    let stored =
        operation.pass.as_ref().and_then(|id| look.view.passes.iter().find(|pass| pass.id.as_str() == id).cloned());
    let before = stored.as_ref().map(|stored| parts::open(tenant, stored)).transpose()?.flatten();
    let (before, variables) = before.map_or((None, vec![]), |opened| (Some(opened.part), opened.variables));
    // A ticket that was erased here and has not changed in SecuTix keeps its template.
    let mut chosen_before = false;
    let (ticket, fresh) = match (&operation.action, &stored) {
        (Action::Offer(part) | Action::Update(part) | Action::Revive(part), _) => (Some(part.clone()), true),
        (Action::Keep, Some(stored)) if stored.sealed.is_none() && look.recovered.contains_key(&subject) => {
            chosen_before = true;
            (look.recovered.get(&subject).cloned(), true)
        }
        (Action::End(_) | Action::Keep, Some(_)) => (before, false),
        (Action::End(_) | Action::Keep, None) => return Ok(Ok(None)),
    };
    let mut absent_since = None;
    let (state, action) = match (&operation.action, &stored) {
        (Action::Offer(_), None) => (PassState::Live, PassAction::Created),
        (Action::Offer(_) | Action::Update(_), Some(stored)) => (stored.state, PassAction::Updated),
        (Action::Update(_), None) => (PassState::Live, PassAction::Created),
        (Action::Revive(_), _) => (PassState::Live, PassAction::Revived),
        (Action::End(Evidence::Positive), _) => (PassState::Void, PassAction::Voided),
        (Action::End(Evidence::Absence), Some(stored)) => {
            let wait = tenant.safety.confirm_absence_after;
            match stored.absent_since {
                Some(first) if first + wait <= look.fetched.started_at => (PassState::Void, PassAction::Voided),
                earlier => {
                    let first = earlier.unwrap_or(look.fetched.started_at);
                    absent_since = Some(first);
                    *again = Some(again.unwrap_or(Millis::MAX).min(first + wait));
                    (stored.state, PassAction::Absent)
                }
            }
        }
        (Action::End(Evidence::Absence), None) => return Ok(Ok(None)),
        (Action::Keep, Some(stored)) => (stored.state, PassAction::Kept),
        (Action::Keep, None) => return Ok(Ok(None)),
    };
    let Choice { template, stray } = match (&ticket, &stored) {
        (Some(part), _) if fresh && !chosen_before => select(tenant, &subject, &part.selectors),
        (_, Some(stored)) => Choice { template: Some(&stored.template), stray: None },
        _ => Choice { template: None, stray: None },
    };
    let mut template = template.map(str::to_owned);
    if fresh
        && !chosen_before
        && let Some(part) = &ticket
    {
        let wanted = chooser.choose(flow, tenant, occasion, &subject, &part.selectors, template.as_deref()).await?;
        match wanted {
            Decision::Made(name) => template = Some(name),
            Decision::Default => {}
            // Its plugin is down, not of another mind: a pass keeps the template that it has.
            Decision::Undecided => {
                let before = stored.as_ref().map(|stored| &stored.template);
                if let Some(before) = before.filter(|name| tenant.templates.contains_key(*name)) {
                    template = Some(before.clone());
                }
            }
            Decision::Again => return Err(PlanError::Plugin),
        }
    }
    let Some(template) = template else {
        return Ok(Err(format!("no template for {}", subject.identifier().0)));
    };
    let digest = tenant.templates.get(&template).map(|template| &template.digest);
    let retemplated = stored
        .as_ref()
        .is_some_and(|stored| ticket.is_some() && digest.is_some_and(|it| *it != stored.template_digest));
    if let (PassAction::Kept, Some(stored)) = (action, &stored) {
        let links = operation.successor.is_some() && stored.successor.is_none();
        let seen_again = stored.absent_since.is_some();
        if !links && !seen_again && !fresh && !retemplated {
            return Ok(Ok(None));
        }
    }
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
        variables,
        fresh,
        retemplated,
        successor,
        template,
        absent_since,
        action,
        stray,
        built: None,
    })))
}

/// Drops what was not built and needs to be. True: a pass led to one that is not made now, and has to be linked and built again.
pub(super) fn drop_unbuilt(drafts: &mut Vec<Draft<'_>>) -> bool {
    let new = drafts.iter().filter(|draft| draft.is_unbuilt() && draft.stored.is_none());
    let never: HashSet<PassId> = new.map(|draft| draft.id.clone()).collect();
    drafts.retain_mut(|draft| !draft.is_unbuilt() || draft.reduce());
    let mut led = false;
    for draft in drafts.iter_mut().filter(|draft| draft.successor.as_ref().is_some_and(|to| never.contains(to))) {
        draft.successor = draft.stored.as_ref().and_then(|stored| stored.successor.clone());
        draft.built = None;
        led = true;
    }
    led
}

/// A voided pass leads to the one that took its place, be that older or made in this run; a pass that lives again leads nowhere.
pub(super) fn link_successors(drafts: &mut [Draft<'_>], view: &FileView) {
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
