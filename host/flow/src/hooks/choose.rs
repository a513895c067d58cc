//! `choose-template`: the tenant's plugin may give a pass another template than the one that the configuration leads to.
//!
//! Owns what counts as a choice. What is no template of that kind is none: a slip of a plugin costs the special template and not the ticket. Within a
//! run the same facts are asked about once.

use std::collections::HashMap;

use passerelle_contract::tenant::choose_template::Candidate;

use super::event;
use super::round::{Ended, run};
use crate::flow::Flow;
use crate::happening::kind;
use crate::identity::Millis;
use crate::plugin::hook::{Event, Hook, HookCall, Turn};
use crate::ports::{Host, Plugins};
use crate::store::{PassSubject, StoreResult};
use crate::tenant::{CARD, TICKET, Tenant};

/// A hook within a run asks to be tried again: so often the run is, and then the default is taken. The buyer waits meanwhile.
pub const RETRIES: i64 = 3;

/// What a hook within a run came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Decision<T> {
    Made(T),
    Default,
    /// The run is to be tried again later.
    Again,
}

/// The kind of a pass and its selectors: what is asked about.
type Facts = (&'static str, Vec<(String, String)>);

/// A run's questions and what came of them.
pub struct Chooser {
    /// Of the run: the same for each of its attempts.
    pub id: String,
    pub at: Millis,
    /// Attempts of the run that failed.
    pub attempts: i64,
    known: HashMap<Facts, Option<String>>,
}

impl Chooser {
    pub fn new(id: String, at: Millis, attempts: i64) -> Self {
        Self { id, at, attempts, known: HashMap::new() }
    }

    /// The template that the plugin wants for a pass with these facts, if it is one.
    pub async fn choose<H: Host>(
        &mut self,
        flow: &Flow<H>,
        tenant: &Tenant,
        subject: &PassSubject,
        selectors: &[(String, String)],
        default: Option<&str>,
    ) -> StoreResult<Decision<String>> {
        let Some(installed) = flow.host.plugins().presence(tenant).installed() else { return Ok(Decision::Default) };
        if !installed.hooks.contains(&Hook::ChooseTemplate) {
            return Ok(Decision::Default);
        }
        let key = (kind(subject), selectors.to_vec());
        if let Some(known) = self.known.get(&key) {
            return Ok(known.clone().map_or(Decision::Default, Decision::Made));
        }
        let candidate = candidate(tenant, subject, selectors, default);
        let templates = candidate.templates.clone();
        let call = HookCall { call: event::call(tenant, &self.id, self.at), event: Event::ChooseTemplate(candidate) };
        let chosen = match run(flow, tenant, &installed, call).await? {
            Ended::Decided(Turn::Chosen(name)) if templates.contains(&name) => Some(name),
            Ended::Decided(Turn::Chosen(_)) => {
                tracing::warn!(tenant = %tenant.id, "the tenant's plugin chose a template that is not there or of another kind, and was passed over");
                None
            }
            Ended::Retry if self.attempts < RETRIES => return Ok(Decision::Again),
            Ended::Rejected(why) => {
                tracing::warn!(tenant = %tenant.id, why, "the tenant's plugin rejects to choose a template");
                None
            }
            Ended::Decided(_) | Ended::Retry | Ended::Failed(_) | Ended::Broken { .. } => None,
        };
        self.known.insert(key, chosen.clone());
        Ok(chosen.map_or(Decision::Default, Decision::Made))
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
