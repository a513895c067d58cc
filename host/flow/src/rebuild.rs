//! From what is stored to what the wallets show: the job for the connector's `rebuild`, and its answer.
//!
//! Owns the joining of sealed part, events and template. Does not own what a template does (the connector) nor the package that is signed
//! (`apple`). Never asks SecuTix.

use passerelle_contract::payload::{self, ApplePass, GoogleClass, GooglePass, Item, Job, PassPayload, Rebuilt};
use passerelle_contract::types::{EventPart, PassState as ContractState, Subject, TicketPart};

use crate::flow::Flow;
use crate::hooks::shape;
use crate::identity::PassId;
use crate::notice::{self, NoticeError};
use crate::parts::{self, PartError};
use crate::ports::{Connector, Host, SandboxFailure};
use crate::store::{PassState, PassSubject, PassView, StoredEvent};
use crate::tenant::{Template, Tenant};

#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    #[error(transparent)]
    Sandbox(#[from] SandboxFailure),
    #[error(transparent)]
    Part(#[from] PartError),
    /// The retention time is over; only a new fetch can bring it back.
    #[error("the ticket's facts are erased")]
    Erased,
    #[error("there is no template {0:?}")]
    NoTemplate(String),
    /// The template and the facts do not fit; the variable is named, its value is not.
    #[error("the template cannot be filled: {0}")]
    Template(String),
}

impl From<payload::Fault> for RebuildError {
    fn from(fault: payload::Fault) -> Self {
        Self::Template(match fault {
            payload::Fault::Template((line, column, code)) => format!("{code} at {line}:{column}"),
            payload::Fault::Missing(variable) => format!("nothing to put for {variable}"),
            payload::Fault::TooLarge => "the pass would be too large".to_owned(),
        })
    }
}

pub fn contract_subject(subject: &PassSubject) -> Subject {
    match subject {
        PassSubject::Movement(id) => Subject::Movement(id.clone()),
        PassSubject::Contact(number) => Subject::Contact(number.clone()),
    }
}

pub fn contract_state(state: PassState) -> ContractState {
    match state {
        PassState::Live => ContractState::Live,
        PassState::Void => ContractState::Void,
    }
}

pub fn event_part(event: &StoredEvent) -> EventPart {
    EventPart {
        key: event.key.clone(),
        body: event.body.clone(),
        ends_at: event.ends_at.and_then(|end| u64::try_from(end).ok()),
    }
}

/// One pass of a job.
pub struct Subjected {
    pub pass: PassId,
    pub subject: PassSubject,
    pub state: PassState,
    pub ticket: TicketPart,
    pub successor: Option<PassId>,
    /// Of the tenant's plugin, as it named them.
    pub variables: Vec<(String, String)>,
    /// `host.message` in each language, where an organiser has sent one.
    pub message: Vec<(String, String)>,
}

/// What the wallets show of one pass.
pub struct Built {
    pub apple: Option<ApplePass>,
    pub google: Option<BuiltGoogle>,
}

/// The object of a pass with the class that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltGoogle {
    pub kind: String,
    pub class_key: String,
    pub class_body: Vec<u8>,
    pub object_body: Vec<u8>,
    /// What the holder sees of the object; personal.
    pub seen: Vec<u8>,
}

/// Passes that are built in one call: 20 KB each are well below what a call may answer, and the call itself is a hundredth of its time.
const AT_ONCE: usize = 256;

/// Builds many passes of one template. The outer error is the job's, an inner one a single pass's.
pub async fn rebuild<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    template: &Template,
    events: Vec<EventPart>,
    passes: Vec<Subjected>,
) -> Result<Vec<Result<Built, RebuildError>>, RebuildError> {
    let mut all = Vec::with_capacity(passes.len());
    let mut passes = passes.into_iter().map(|pass| item(tenant, pass)).peekable();
    while passes.peek().is_some() {
        let job = Job {
            template: template.compiled.clone(),
            locales: template.locales.clone(),
            settings: tenant.settings.clone(),
            events: events.clone(),
            items: passes.by_ref().take(AT_ONCE).collect(),
        };
        let asked = job.items.len();
        let Rebuilt { classes, passes } = flow.host.connector().rebuild(job).await??;
        // What follows would be taken for somebody else's.
        if passes.len() != asked {
            return Err(SandboxFailure::Aborted.into());
        }
        all.extend(passes.into_iter().map(|one| with_class(one?, &classes)));
    }
    Ok(all)
}

fn with_class(pass: PassPayload, classes: &[GoogleClass]) -> Result<Built, RebuildError> {
    let google = |GooglePass { class, object_body, seen }| {
        // A place that is none is a breach of the contract.
        let class = usize::try_from(class).ok().and_then(|class| classes.get(class)).ok_or(SandboxFailure::Aborted)?;
        let GoogleClass { kind, key, body } = class.clone();
        Ok::<_, SandboxFailure>(BuiltGoogle { kind, class_key: key, class_body: body, object_body, seen })
    };
    Ok(Built { apple: pass.apple, google: pass.google.map(google).transpose()? })
}

fn item(tenant: &Tenant, pass: Subjected) -> Item {
    let mut variables = vec![("host.organization".to_owned(), tenant.organization.clone())];
    if let Some(successor) = &pass.successor {
        variables.push(("host.successor".to_owned(), link(tenant, successor)));
    }
    variables.extend(shape::named(&pass.variables));
    variables.extend(pass.message);
    Item {
        pass: pass.pass.as_str().to_owned(),
        subject: contract_subject(&pass.subject),
        state: contract_state(pass.state),
        ticket: pass.ticket,
        variables,
    }
}

/// The address of a pass for its holder: it carries its own proof, so that no key is needed and no pass can be guessed.
pub fn link(tenant: &Tenant, pass: &PassId) -> String {
    format!("{}/api/{}/passes/{pass}?token={}", tenant.public_url, tenant.id, tenant.keys.link_token(&tenant.id, pass))
}

/// The last message of a pass that lives, for the template.
async fn message<H: Host>(
    flow: &Flow<H>,
    tenant: &Tenant,
    view: &PassView,
) -> Result<Vec<(String, String)>, RebuildError> {
    if view.pass.state == PassState::Void {
        return Ok(vec![]);
    }
    match notice::of_pass(flow, tenant, &view.pass.id).await {
        Ok(shown) => Ok(shown.map(|shown| shown.text.variables().collect()).unwrap_or_default()),
        Err(NoticeError::Store(error)) => Err(RebuildError::Part(PartError::Store(error))),
        // The ticket is worth more than the message beside it.
        Err(error) => {
            tracing::error!(tenant = %tenant.id, pass = %view.pass.id, %error, "a message is not shown");
            Ok(vec![])
        }
    }
}

/// Builds one stored pass as it is now.
pub async fn rebuild_view<H: Host>(flow: &Flow<H>, tenant: &Tenant, view: &PassView) -> Result<Built, RebuildError> {
    let opened = parts::open(tenant, &view.pass)?.ok_or(RebuildError::Erased)?;
    let template = tenant
        .templates
        .get(&view.pass.template)
        .ok_or_else(|| RebuildError::NoTemplate(view.pass.template.clone()))?;
    let subjected = Subjected {
        pass: view.pass.id.clone(),
        subject: view.pass.subject.clone(),
        state: view.pass.state,
        ticket: opened.part,
        variables: opened.variables,
        successor: view.pass.successor.clone(),
        message: message(flow, tenant, view).await?,
    };
    let events = view.events.iter().map(event_part).collect();
    let mut built = rebuild(flow, tenant, template, events, vec![subjected]).await?;
    built.pop().unwrap_or(Err(RebuildError::Sandbox(SandboxFailure::Aborted)))
}
