//! A run: one leased task from fetch to commit.
//!
//! Owns the sequence (fetch, adopt, classify, plan, commit) and what becomes of the task when a step fails. Does not own what
//! happened (the connector), what the passes look like (`rebuild`) nor sending anything (`effect`). A failed fetch never voids a pass: every
//! path that did not read a whole answer ends before the plan.

pub mod effect;
mod plan;
mod record;

use bytes::Bytes;
use passerelle_contract::scenario::{self, Answer, Observation, Verdict};

use crate::flow::Flow;
use crate::identity::{Millis, PassId, TenantId};
use crate::ports::{Connector, Host, SandboxFailure};
use crate::secutix::{SecutixClient, SecutixError};
use crate::store::{
    Adoption, FileView, Finish, Finished, Next, PassSubject, RunRecord, Store, StoreResult, TaskLease, TaskSubject,
    VoidLimit,
};
use crate::tenant::Tenant;

pub use record::{ActionRecord, FindingRecord, RunFindings};

/// One hour: what the void limit is counted over.
const HOUR: Millis = 3_600_000;
/// How long a task waits when its tenant is gone from the configuration or SecuTix refuses our credentials: a person has to act, and the
/// task is not to blame.
const PERSON_PAUSE: Millis = 60_000;
/// A pass that changed under a run is read again and the run repeated, this often at most; then the task takes its ordinary backoff.
const CONFLICT_ROUNDS: u32 = 3;

/// What came of a run, for logs, tests and the caller who waited for it.
#[derive(Clone, Debug)]
pub struct RunReport {
    pub tenant: TenantId,
    pub task: String,
    pub subject: TaskSubject,
    pub outcome: String,
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

/// Why a run could not come to an end, as a code for the record and a decision for the task.
struct Trouble {
    outcome: &'static str,
    error: Option<String>,
    next: Next,
}

/// Runs a leased task. `Err` only when the store itself fails: the lease then runs out and the task is claimed again.
pub async fn run<H: Host>(flow: &Flow<H>, lease: TaskLease, fetched: Option<Fetched>) -> StoreResult<RunReport> {
    let run_id = flow.uuid();
    let mut run = Run { flow, lease, run_id, fetch_started_at: None, secutix_calls: 0 };
    let report = run.run(fetched).await?;
    tracing::info!(
        tenant = %report.tenant, task = %report.task, outcome = %report.outcome, error = report.error.as_deref(),
        findings = %report.findings.codes(), correlations = ?report.correlations, passes = report.changed.len(), "run"
    );
    Ok(report)
}

struct Run<'a, H: Host> {
    flow: &'a Flow<H>,
    lease: TaskLease,
    run_id: String,
    fetch_started_at: Option<Millis>,
    secutix_calls: i64,
}

impl<H: Host> Run<'_, H> {
    async fn run(&mut self, fetched: Option<Fetched>) -> StoreResult<RunReport> {
        let Some(tenant) = self.flow.host.tenant(&self.lease.tenant) else {
            let next = Next::Wait { at: self.flow.now() + PERSON_PAUSE };
            return self.stop(Trouble { outcome: "no-such-tenant", error: None, next }).await;
        };
        // A notification is answered only by a fetch that was started after it was accepted.
        let answers_all = |fetched: &Fetched| self.lease.hints.iter().all(|hint| hint.received_at < fetched.started_at);
        let fetched = match fetched.filter(answers_all) {
            Some(fetched) => fetched,
            None => match self.fetch(&tenant).await {
                Ok(fetched) => fetched,
                Err(trouble) => return self.stop(trouble).await,
            },
        };
        self.fetch_started_at = Some(fetched.started_at);

        if let TaskSubject::Token(_) = self.lease.subject {
            let file = match self.classify(&tenant, &fetched, &FileView::empty()).await {
                Ok(Verdict { file: Some(file), .. }) => file,
                Ok(_) => return self.stop(self.failed("no-file", None)).await,
                Err(trouble) => return self.stop(trouble).await,
            };
            match self.flow.host.store().adopt(&self.lease, &file, self.flow.now()).await? {
                Adoption::Adopted => self.lease.subject = TaskSubject::File(file),
                Adoption::Merged => return Ok(self.report("merged", None, RunFindings::default(), Next::Done, vec![])),
                Adoption::LeaseLost => {
                    return Ok(self.report("lease-lost", None, RunFindings::default(), Next::Done, vec![]));
                }
            }
        }

        for _ in 0..CONFLICT_ROUNDS {
            let view = self.view().await?;
            let verdict = match self.classify(&tenant, &fetched, &view).await {
                Ok(verdict) => verdict,
                Err(trouble) => return self.stop(trouble).await,
            };
            let plan = match plan::make(self.flow, &tenant, &self.lease, &fetched, &view, &verdict).await {
                Ok(plan) => plan,
                Err(plan::PlanError::Store(error)) => return Err(error),
                Err(error) => return self.stop(self.failed("not-planned", Some(error.to_string()))).await,
            };
            let findings = RunFindings::of(&verdict, &plan);
            let next = plan.next(&self.lease, &self.flow.options);
            let void_limit = (!self.lease.released)
                .then(|| VoidLimit { most: tenant.safety.voids_per_hour, since: self.flow.now() - HOUR });
            let finish = Finish {
                aliases: plan.aliases,
                events: plan.events,
                passes: plan.passes,
                void_limit,
                ..self.finish(plan.outcome, plan.error.clone(), &findings, next.clone())
            };
            match self.flow.host.store().finish(finish).await? {
                Finished::Committed { changed } => {
                    return Ok(self.report(plan.outcome, plan.error, findings, next, changed));
                }
                Finished::LeaseLost => {
                    return Ok(self.report("lease-lost", None, RunFindings::default(), Next::Done, vec![]));
                }
                Finished::VoidLimit { voids } => {
                    tracing::error!(tenant = %self.lease.tenant, task = %self.lease.task, voids, "more voids in an hour than allowed: the task waits for a person (passerelle stuck list)");
                    let trouble = Trouble {
                        outcome: "void-limit",
                        error: Some(format!("{voids} voids in the hour")),
                        next: Next::Held,
                    };
                    return self.stop_with(trouble, findings).await;
                }
                Finished::Conflict => {}
            }
        }
        self.stop(self.failed("conflict", None)).await
    }

    async fn fetch(&mut self, tenant: &Tenant) -> Result<Fetched, Trouble> {
        let client = SecutixClient::new(&self.flow.host, tenant);
        let started_at = self.flow.now();
        let priority = self.lease.priority;
        let result = match &self.lease.subject {
            TaskSubject::File(file) => client.get_file(file, priority).await,
            TaskSubject::Contact(number) => client.get_contact(number, priority).await,
            TaskSubject::Token(mac) => {
                let sealed = self.lease.token_sealed.as_deref().unwrap_or_default();
                let token = tenant.keys.open_small(sealed, &["task", tenant.id.as_str(), mac]).ok();
                let token = token.and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
                match token {
                    Some(token) => client.get_file_by_token(&token, priority).await,
                    // The tenant's seal key was exchanged: no run will ever read this token.
                    None => return Err(Trouble { outcome: "token-unreadable", error: None, next: Next::Dead }),
                }
            }
        };
        match result {
            Ok(body) => {
                self.secutix_calls += 1;
                Ok(Fetched { body, started_at })
            }
            Err(error) => Err(self.fetch_trouble(&error)),
        }
    }

    fn fetch_trouble(&mut self, error: &SecutixError) -> Trouble {
        self.secutix_calls += i64::from(error.was_sent());
        let wait = |outcome, at| Trouble { outcome, error: None, next: Next::Wait { at } };
        match error {
            SecutixError::BudgetSpent { until } => wait("budget-spent", *until),
            SecutixError::Throttled { until } => wait("throttled", *until),
            SecutixError::CredentialsRefused => {
                tracing::error!(tenant = %self.lease.tenant, "SecuTix refuses our credentials: check institution, operator, partner, secret and the clock");
                wait("credentials-refused", self.flow.now() + PERSON_PAUSE)
            }
            SecutixError::NotFound => self.failed("not-found", None),
            SecutixError::NotReady => self.failed("not-ready", None),
            other => self.failed("unreachable", Some(other.to_string())),
        }
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

    async fn classify(
        &self,
        tenant: &Tenant,
        fetched: &Fetched,
        view: &FileView,
    ) -> Result<Verdict, Trouble> {
        let passes = plan::known_passes(tenant, view)
            .map_err(|error| self.failed("sealed-part-unreadable", Some(error.to_string())))?;
        let body = fetched.body.to_vec();
        let observation = Observation {
            hints: self.lease.hints.iter().map(plan::contract_hint).collect(),
            answer: match self.lease.subject {
                TaskSubject::Contact(_) => Answer::Contact(body),
                TaskSubject::Token(_) | TaskSubject::File(_) => Answer::File(body),
            },
            passes,
            events: view.events.iter().map(crate::rebuild::event_part).collect(),
            observed_at: u64::try_from(fetched.started_at).unwrap_or(0),
        };
        match self.flow.host.connector().classify(observation).await {
            Ok(Ok(verdict)) => Ok(verdict),
            Ok(Err(scenario::Fault::NotReady)) => Err(self.failed("not-ready", None)),
            Ok(Err(scenario::Fault::Refused(code))) => Err(self.failed("refused", Some(code))),
            Ok(Err(scenario::Fault::Unreadable(pointer))) => Err(self.failed("unreadable", Some(pointer))),
            // No sandbox was free: that says nothing about the task.
            Err(SandboxFailure::Busy) => {
                let at = self.flow.now() + self.flow.options.retry.wait(0, self.flow.host.random());
                Err(Trouble { outcome: "sandbox-busy", error: None, next: Next::Wait { at } })
            }
            Err(failure) => Err(self.failed("sandbox", Some(failure.to_string()))),
        }
    }

    /// An attempt that failed: tried again with backoff, and dead in the end.
    fn failed(&self, outcome: &'static str, error: Option<String>) -> Trouble {
        Trouble { outcome, error, next: plan::retry(&self.lease, &self.flow.options, self.flow) }
    }

    async fn stop(&self, trouble: Trouble) -> StoreResult<RunReport> {
        self.stop_with(trouble, RunFindings::default()).await
    }

    async fn stop_with(&self, trouble: Trouble, findings: RunFindings) -> StoreResult<RunReport> {
        let Trouble { outcome, error, next } = trouble;
        if next == Next::Dead {
            tracing::error!(tenant = %self.lease.tenant, task = %self.lease.task, outcome, error, "dead letter");
        }
        let finish = self.finish(outcome, error.clone(), &findings, next.clone());
        match self.flow.host.store().finish(finish).await? {
            Finished::Committed { .. } => Ok(self.report(outcome, error, findings, next, vec![])),
            Finished::LeaseLost | Finished::Conflict | Finished::VoidLimit { .. } => {
                Ok(self.report("lease-lost", None, RunFindings::default(), Next::Done, vec![]))
            }
        }
    }

    /// A finish that changes nothing but the task and its record.
    fn finish(&self, outcome: &str, error: Option<String>, findings: &RunFindings, next: Next) -> Finish {
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
                outcome: outcome.to_owned(),
                error,
                findings: findings.to_json(),
                secutix_calls: self.secutix_calls,
            },
            aliases: vec![],
            events: vec![],
            passes: vec![],
            void_limit: None,
        }
    }

    fn report(
        &self,
        outcome: &str,
        error: Option<String>,
        findings: RunFindings,
        next: Next,
        changed: Vec<(PassId, i64)>,
    ) -> RunReport {
        RunReport {
            tenant: self.lease.tenant.clone(),
            task: self.lease.task.clone(),
            subject: self.lease.subject.clone(),
            outcome: outcome.to_owned(),
            error,
            findings,
            correlations: self.lease.hints.iter().map(|hint| hint.correlation.clone()).collect(),
            next,
            changed,
        }
    }
}
