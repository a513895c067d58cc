//! `choose-template`: the tenant's plugin may give a pass another template than the one that the configuration leads to.
//!
//! Owns what counts as a choice. What is no template of that kind is none: a slip of a plugin costs the special template and not the ticket. Within a
//! run the same facts are asked about once.

use std::collections::HashMap;

use passerelle_contract::tenant::choose_template::Candidate;

use super::event;
use super::occasion::{Decision, Occasion};
use super::round::{Ended, run};
use crate::flow::Flow;
use crate::happening::kind;
use crate::plugin::hook::{Event, Hook, HookCall, Turn};
use crate::plugin::{Presence, Until};
use crate::ports::{Host, Plugins};
use crate::store::{PassSubject, StoreResult};
use crate::tenant::{CARD, TICKET, Tenant};

/// The kind of a pass and its selectors: what is asked about.
type Facts = (&'static str, Vec<(String, String)>);

/// A run's questions and what came of them.
#[derive(Default)]
pub struct Chooser {
    known: HashMap<Facts, Decision<String>>,
}

impl Chooser {
    /// The template that the plugin wants for a pass with these facts, if it is one.
    pub async fn choose<H: Host>(
        &mut self,
        flow: &Flow<H>,
        tenant: &Tenant,
        occasion: &Occasion,
        subject: &PassSubject,
        selectors: &[(String, String)],
        default: Option<&str>,
    ) -> StoreResult<Decision<String>> {
        let installed = match flow.host.plugins().presence(tenant) {
            Presence::Installed(installed) if installed.hooks.contains(&Hook::ChooseTemplate) => installed,
            Presence::Unavailable(Until::Soon) => return Ok(occasion.later()),
            Presence::Unavailable(Until::Mended) => return Ok(Decision::Undecided),
            Presence::Installed(_) | Presence::None => return Ok(Decision::Default),
        };
        let key = (kind(subject), selectors.to_vec());
        if let Some(known) = self.known.get(&key) {
            return Ok(known.clone());
        }
        let candidate = candidate(tenant, subject, selectors, default);
        let templates = candidate.templates.clone();
        let call =
            HookCall { call: event::call(tenant, &occasion.id, occasion.at), event: Event::ChooseTemplate(candidate) };
        let ran = run(flow, tenant, &installed, call, occasion.patience).await?;
        let chosen = match &ran.ended {
            Ended::Decided(Turn::Chosen(name)) if templates.contains(name) => Decision::Made(name.clone()),
            Ended::Decided(Turn::Default) => Decision::Default,
            Ended::Decided(Turn::Chosen(_)) => {
                tracing::warn!(tenant = %tenant.id, "the tenant's plugin chose a template that is not there or of another kind, and was passed over");
                Decision::Default
            }
            Ended::Rejected(words) => {
                let why = ran.told().speak(words);
                tracing::warn!(tenant = %tenant.id, why, "the tenant's plugin rejects to choose a template");
                Decision::Undecided
            }
            other => occasion.undecided(other),
        };
        self.known.insert(key, chosen.clone());
        Ok(chosen)
    }
}

/// What a plugin is told of a pass that needs a template.
pub fn candidate(
    tenant: &Tenant,
    subject: &PassSubject,
    selectors: &[(String, String)],
    default: Option<&str>,
) -> Candidate {
    let of_kind = if matches!(subject, PassSubject::Contact(_)) { CARD } else { TICKET };
    let of_kind = tenant.templates.values().filter(|it| it.kind == of_kind);
    Candidate {
        kind: kind(subject).to_owned(),
        selectors: selectors.to_vec(),
        templates: of_kind.map(|it| it.name.clone()).collect(),
        default: default.unwrap_or_default().to_owned(),
    }
}
