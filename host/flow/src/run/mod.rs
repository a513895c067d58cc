//! A run: one leased task from fetch to commit.
//!
//! Owns the sequence (fetch, adopt, classify, plan, commit) and what becomes of the task when a step fails. Does not own what
//! happened (the connector), what the passes look like (`rebuild`) nor sending anything (`effect`). A failed fetch never voids a pass: every
//! path that did not read a whole answer ends before the plan.

pub mod effect;
mod fetch;
mod message;
mod notification;
mod outcome;
mod plan;
mod record;
mod resource;
mod secutix;

use std::collections::HashMap;

use bytes::Bytes;
use passerelle_contract::scenario::{self, Action, Answer, Observation, Verdict};
use passerelle_contract::types::TicketPart;

use crate::flow::Flow;
use crate::identity::{Millis, PassId, TenantId};
use crate::ports::{Connector, Host, SandboxFailure};
use crate::store::{
    Adoption, FileView, Finish, Finished, Next, PassState, PassSubject, PassWrite, RunRecord, Store, StoreResult,
    StoredPass, TaskLease, TaskSubject, VoidLimit,
};
use crate::tenant::Tenant;
use crate::words;

pub use outcome::Outcome;
use plan::Look;
pub use plan::identifiers;
pub use record::{ActionRecord, FindingRecord, RunFindings};

/// One hour: what the void limit is counted over.
const HOUR: Millis = 3_600_000;
/// How long a task waits when its tenant is gone from the configuration: a person has to act, and the task is not to blame.
const PERSON_PAUSE: Millis = 60_000;
/// A pass that changed under a run is read again and the run repeated, this often at most; then the task takes its ordinary backoff.
const CONFLICT_ROUNDS: u32 = 3;

/// What came of a run, for logs, tests and the caller who waited for it.
#[derive(Clone, Debug)]
pub struct RunReport {
    pub tenant: TenantId,
    pub task: String,
    pub subject: TaskSubject,
    pub outcome: Outcome,
    pub error: Option<String>,
    pub findings: RunFindings,
    pub correlations: Vec<String>,
    pub next: Next,
    pub changed: Vec<(PassId, i64)>,
}

/// An answer that somebody has fetched already, and when that fetch was started.
#[derive(Clone)]
pub struct Fetched {
    pub body: Bytes,
    pub started_at: Millis,
}

/// The request that waits for a run.
#[derive(Clone, Default)]
pub struct Request {
    pub correlation: String,
    pub traceparent: Option<String>,
    /// What the one who asks has fetched already.
    pub fetched: Option<Fetched>,
}

/// Why a run could not come to an end, as a code for the record and a decision for the task.
struct Trouble {
    outcome: Outcome,
    error: Option<String>,
    next: Next,
}

/// Runs a leased task, for a request that waits for it or for nobody. `Err` only when the store itself fails: the lease then runs out and
/// the task is claimed again.
pub async fn run<H: Host>(flow: &Flow<H>, lease: TaskLease, request: Option<Request>) -> StoreResult<RunReport> {
    let mut run = Run::new(flow, lease, request);
    let report = run.run().await?;
    tracing::info!(
        tenant = %report.tenant, task = %report.task, outcome = report.outcome.name(), error = report.error.as_deref(),
        findings = %report.findings.codes(), correlations = ?report.correlations, passes = report.changed.len(), "run"
    );
    Ok(report)
}

/// Records that a run was stopped, because it took as long as its lease allows.
pub async fn overran<H: Host>(flow: &Flow<H>, lease: TaskLease) -> StoreResult<RunReport> {
    tracing::warn!(tenant = %lease.tenant, task = %lease.task, "a run took longer than its lease and was stopped");
    let run = Run::new(flow, lease, None);
    run.stop(run.failed(Outcome::Overran, None)).await
}

/// Why each pass changes, in plain words: codes and names of fields, never a value.
fn reasons(passes: &[PassWrite]) -> Vec<(PassId, String)> {
    let told = |write: &PassWrite| Some((write.id.clone(), words::change(write.change.as_ref()?)));
    passes.iter().filter_map(told).collect()
}

struct Run<'a, H: Host> {
    flow: &'a Flow<H>,
    lease: TaskLease,
    /// None: nobody waits.
    request: Option<Request>,
    run_id: String,
    fetch_started_at: Option<Millis>,
    secutix_calls: i64,
}

impl<'a, H: Host> Run<'a, H> {
    fn new(flow: &'a Flow<H>, lease: TaskLease, request: Option<Request>) -> Self {
        Self { flow, lease, request, run_id: flow.uuid(), fetch_started_at: None, secutix_calls: 0 }
    }

    async fn run(&mut self) -> StoreResult<RunReport> {
        let Some(tenant) = self.flow.host.tenant(&self.lease.tenant) else {
            let next = Next::Wait { at: self.flow.now() + PERSON_PAUSE };
            return self.stop(Trouble { outcome: Outcome::NoSuchTenant, error: None, next }).await;
        };
        let fetched = match self.given().await? {
            Some(fetched) => fetched,
            None => match self.fetch(&tenant).await? {
                Ok(fetched) => fetched,
                Err(trouble) => return self.stop(trouble).await,
            },
        };
        self.fetch_started_at = Some(fetched.started_at);

        if let TaskSubject::Token(_) = self.lease.subject {
            let file = match self.classify(&tenant, &fetched, &FileView::empty()).await {
                Ok(Verdict { file: Some(file), .. }) => file,
                Ok(_) => return self.stop(self.failed(Outcome::NoFile, None)).await,
                Err(trouble) => return self.stop(trouble).await,
            };
            match self.flow.host.store().adopt(&self.lease, &file, self.flow.now()).await? {
                Adoption::Adopted => self.lease.subject = TaskSubject::File(file),
                Adoption::Merged => {
                    return Ok(self.report(Outcome::Merged, None, RunFindings::default(), Next::Done, vec![]));
                }
                Adoption::LeaseLost => {
                    return Ok(self.report(Outcome::LeaseLost, None, RunFindings::default(), Next::Done, vec![]));
                }
            }
        }

        for _ in 0..CONFLICT_ROUNDS {
            let mut view = self.view().await?;
            let verdict = match self.judge(&tenant, &fetched, &mut view).await? {
                Ok(verdict) => verdict,
                Err(trouble) => return self.stop(trouble).await,
            };
            let recovered = match self.recover(&tenant, &fetched, &view).await {
                Ok(recovered) => recovered,
                Err(trouble) => return self.stop(trouble).await,
            };
            let correlations = self.correlations();
            let look = Look {
                fetched: &fetched,
                view: &view,
                verdict: &verdict,
                recovered: &recovered,
                correlations: &correlations,
            };
            let plan = match plan::make(self.flow, &tenant, &self.lease, &look).await {
                Ok(plan) => plan,
                Err(plan::PlanError::Store(error)) => return Err(error),
                Err(error) => return self.stop(self.failed(Outcome::NotPlanned, Some(error.to_string()))).await,
            };
            let findings = RunFindings::of(&verdict, &plan);
            let next = plan.next(&self.lease, self.flow);
            let told = reasons(&plan.passes);
            let void_limit = (!self.lease.released)
                .then(|| VoidLimit { most: tenant.safety.voids_per_hour, since: self.flow.now() - HOUR });
            let finish = Finish {
                aliases: plan.aliases,
                events: plan.events,
                passes: plan.passes,
                happenings: plan.happenings,
                institution: tenant.secutix.institution.clone(),
                void_limit,
                ..self.finish(plan.outcome, plan.error.clone(), &findings, next.clone())
            };
            match self.flow.host.store().finish(finish).await? {
                Finished::Committed { changed } => {
                    for (pass, reason) in told {
                        tracing::info!(tenant = %self.lease.tenant, task = %self.lease.task, %pass, "{reason}");
                    }
                    return Ok(self.report(plan.outcome, plan.error, findings, next, changed));
                }
                Finished::LeaseLost => {
                    return Ok(self.report(Outcome::LeaseLost, None, RunFindings::default(), Next::Done, vec![]));
                }
                Finished::VoidLimit { voids } => {
                    tracing::error!(tenant = %self.lease.tenant, task = %self.lease.task, voids, "more voids than are allowed without a word: the task waits for a person (passerelle stuck list)");
                    let trouble = Trouble {
                        outcome: Outcome::VoidLimit,
                        error: Some(format!("{voids} voids in the hour")),
                        next: Next::Held,
                    };
                    return self.stop_with(trouble, findings).await;
                }
                Finished::Conflict => {}
            }
        }
        self.stop(self.failed(Outcome::Conflict, None)).await
    }

    async fn view(&self) -> StoreResult<FileView> {
        let store = self.flow.host.store();
        match &self.lease.subject {
            TaskSubject::File(file) => store.file_view(&self.lease.tenant, file).await,
            TaskSubject::Contact(number) => {
                let subject = PassSubject::Contact(number.clone());
                let view = store.pass_by_subject(&self.lease.tenant, &subject).await?;
                Ok(view.map_or_else(FileView::empty, |view| FileView { passes: vec![view.pass], events: view.events }))
            }
            TaskSubject::Token(_) => Ok(FileView::empty()),
        }
    }

    /// The verdict about all passes that the answer concerns. The view grows by those that were in another file before.
    async fn judge(
        &self,
        tenant: &Tenant,
        fetched: &Fetched,
        view: &mut FileView,
    ) -> StoreResult<Result<Verdict, Trouble>> {
        let verdict = self.classify(tenant, fetched, view).await;
        if let Ok(verdict) = &verdict
            && self.join_passes_of_other_files(view, verdict).await?
        {
            return Ok(self.classify(tenant, fetched, view).await);
        }
        Ok(verdict)
    }

    /// A movement may have come from another file, and its pass with it: it is that pass that a change is told of, and the next row of its
    /// history. True: the view has grown, and the verdict was about less.
    async fn join_passes_of_other_files(&self, view: &mut FileView, verdict: &Verdict) -> StoreResult<bool> {
        let known = view.passes.len();
        for operation in verdict.operations.iter().filter(|operation| operation.pass.is_none()) {
            let subject = plan::subject_of(&operation.subject);
            let Some(found) = self.flow.host.store().pass_by_subject(&self.lease.tenant, &subject).await? else {
                continue;
            };
            if view.passes.iter().any(|pass| pass.id == found.pass.id) {
                continue;
            }
            for event in found.events {
                if view.events.iter().all(|known| known.key != event.key) {
                    view.events.push(event);
                }
            }
            view.passes.push(found.pass);
        }
        Ok(view.passes.len() > known)
    }

    async fn classify(&self, tenant: &Tenant, fetched: &Fetched, view: &FileView) -> Result<Verdict, Trouble> {
        let passes = plan::known_passes(tenant, view)
            .map_err(|error| self.failed(Outcome::SealedPartUnreadable, Some(error.to_string())))?;
        let body = fetched.body.to_vec();
        let observation = Observation {
            hints: self.lease.hints.iter().map(plan::contract_hint).collect(),
            answer: match self.lease.subject {
                TaskSubject::Contact(_) => Answer::Contact(body),
                TaskSubject::Token(_) | TaskSubject::File(_) => Answer::File(body),
            },
            passes,
            events: view.events.iter().map(crate::rebuild::event_part).collect(),
        };
        match self.flow.host.connector().classify(observation).await {
            Ok(Ok(verdict)) => Ok(verdict),
            Ok(Err(scenario::Fault::NotReady)) => Err(self.failed(Outcome::NotReady, None)),
            Ok(Err(scenario::Fault::Refused(code))) => Err(self.denied(view, Outcome::Refused, Some(code))),
            Ok(Err(scenario::Fault::Unreadable(pointer))) => Err(self.failed(Outcome::Unreadable, Some(pointer))),
            // No sandbox was free: that says nothing about the task.
            Err(SandboxFailure::Busy) => {
                let at = self.flow.now() + self.flow.options.retry.wait(0, self.flow.host.random());
                Err(Trouble { outcome: Outcome::SandboxBusy, error: None, next: Next::Wait { at } })
            }
            Err(failure) => Err(self.failed(Outcome::Sandbox, Some(failure.to_string()))),
        }
    }

    /// Facts of living passes that were erased, fetched anew because somebody asks for one of them. The connector has nothing to compare
    /// such a pass with, so it is asked what it would offer if there were none.
    async fn recover(
        &self,
        tenant: &Tenant,
        fetched: &Fetched,
        view: &FileView,
    ) -> Result<HashMap<PassSubject, TicketPart>, Trouble> {
        let erased = |pass: &StoredPass| pass.state == PassState::Live && pass.sealed.is_none();
        if self.request.is_none() || !view.passes.iter().any(erased) {
            return Ok(HashMap::new());
        }
        let others = view.passes.iter().filter(|pass| !erased(pass)).cloned().collect();
        let verdict = self.classify(tenant, fetched, &FileView { passes: others, events: view.events.clone() }).await?;
        let offers = verdict.operations.into_iter().filter_map(|operation| match operation.action {
            Action::Offer(part) => Some((plan::subject_of(&operation.subject), part)),
            _ => None,
        });
        Ok(offers.collect())
    }

    /// An attempt that failed: tried again with backoff, and dead in the end.
    fn failed(&self, outcome: Outcome, error: Option<String>) -> Trouble {
        Trouble { outcome, error, next: plan::retry(&self.lease, &self.flow.options, self.flow) }
    }

    async fn stop(&self, trouble: Trouble) -> StoreResult<RunReport> {
        self.stop_with(trouble, RunFindings::default()).await
    }

    async fn stop_with(&self, trouble: Trouble, findings: RunFindings) -> StoreResult<RunReport> {
        let Trouble { outcome, error, next } = trouble;
        if next == Next::Dead {
            tracing::error!(tenant = %self.lease.tenant, task = %self.lease.task, outcome = outcome.name(), error, "dead letter");
        }
        let finish = self.finish(outcome, error.clone(), &findings, next.clone());
        match self.flow.host.store().finish(finish).await? {
            Finished::Committed { .. } => Ok(self.report(outcome, error, findings, next, vec![])),
            Finished::LeaseLost | Finished::Conflict | Finished::VoidLimit { .. } => {
                Ok(self.report(Outcome::LeaseLost, None, RunFindings::default(), Next::Done, vec![]))
            }
        }
    }

    /// A finish that changes nothing but the task and its record.
    fn finish(&self, outcome: Outcome, error: Option<String>, findings: &RunFindings, next: Next) -> Finish {
        Finish {
            tenant: self.lease.tenant.clone(),
            task: self.lease.task.clone(),
            lease_token: self.lease.lease_token,
            generation: self.lease.generation,
            now: self.flow.now(),
            next,
            run: RunRecord {
                id: self.run_id.clone(),
                fetch_started_at: self.fetch_started_at,
                outcome: outcome.name().to_owned(),
                error,
                findings: findings.to_json(),
                secutix_calls: self.secutix_calls,
            },
            aliases: vec![],
            events: vec![],
            passes: vec![],
            happenings: vec![],
            // No passes, nothing to count.
            institution: String::new(),
            void_limit: None,
        }
    }

    fn report(
        &self,
        outcome: Outcome,
        error: Option<String>,
        findings: RunFindings,
        next: Next,
        changed: Vec<(PassId, i64)>,
    ) -> RunReport {
        RunReport {
            tenant: self.lease.tenant.clone(),
            task: self.lease.task.clone(),
            subject: self.lease.subject.clone(),
            outcome,
            error,
            findings,
            correlations: self.correlations(),
            next,
            changed,
        }
    }

    /// Whom the run answers: the notifications, and the request that waits for it.
    fn correlations(&self) -> Vec<String> {
        let hints = self.lease.hints.iter().map(|hint| &hint.correlation);
        hints.chain(self.request.as_ref().map(|request| &request.correlation)).cloned().collect()
    }
}
