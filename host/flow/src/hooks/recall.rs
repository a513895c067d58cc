//! The hooks within a run, for a pass that is there: what they would be called with if its ticket were new today. For a replay, which decides nothing.
//!
//! Owns the calls. What the pass is made of is what was sealed of it, so nobody is asked; a pass whose facts are erased has no such call. The moment is
//! that of its last change, and the id is none that a run has had.

use passerelle_contract::tenant::shape_payload::Subject;
use passerelle_contract::tenant::types::Call;

use super::choose::candidate;
use super::{event, shape};
use crate::attribute::Sorted;
use crate::parts::Opened;
use crate::plugin::hook::{Event, HookCall};
use crate::select::select;
use crate::store::PassView;
use crate::tenant::Tenant;

/// A pass, with what is known of it.
pub struct Recalled<'a> {
    pub tenant: &'a Tenant,
    pub view: &'a PassView,
    pub opened: &'a Opened,
    pub attributes: &'a Sorted,
}

impl Recalled<'_> {
    /// The template that it has without a plugin; none: the configuration names none.
    pub fn default_template(&self) -> Option<&str> {
        select(self.tenant, &self.view.pass.subject, &self.opened.part.selectors).template
    }

    pub fn choose(&self) -> HookCall {
        let (subject, selectors) = (&self.view.pass.subject, &self.opened.part.selectors);
        let candidate = candidate(self.tenant, subject, selectors, self.default_template());
        HookCall { call: self.call("choose"), event: Event::ChooseTemplate(candidate) }
    }

    /// With the template that was chosen for it.
    pub fn shape(&self, template: &str) -> HookCall {
        let pass = &self.view.pass;
        let subject = Subject {
            pass: shape::pass(&pass.id, &pass.subject, template, self.attributes.clone()),
            ticket: self.opened.part.body.clone(),
            events: self.view.events.iter().map(|event| event.body.clone()).collect(),
        };
        HookCall { call: self.call("shape"), event: Event::ShapePayload(subject) }
    }

    fn call(&self, of: &str) -> Call {
        let pass = &self.view.pass;
        event::call(self.tenant, &format!("replay.{of}.{}", pass.id), pass.updated_at)
    }
}
