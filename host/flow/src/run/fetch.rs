//! A run's answer from SecuTix: given by the one who waits, or fetched.
//!
//! Owns whether a given answer may be used, and what a failed fetch means for the task. A failed fetch never voids a pass: it ends the run
//! before there is a plan.

use super::{Fetched, Outcome, Run, Trouble};
use crate::ports::Host;
use crate::secutix::{SecutixClient, SecutixError};
use crate::store::{FileView, Next, Store, StoreResult, TaskSubject};
use crate::tenant::Tenant;

/// Runs that are looked at for a newer fetch: more than can end while one fetch is under way (half a minute, and 60 calls a minute).
const RUNS: u32 = 64;

impl<H: Host> Run<'_, H> {
    /// The answer of the one who waits, when it tells at least as much as one that is fetched now would have to: it was begun after every
    /// notification that the run answers, and after the fetch of every run before, whose passes it would take back.
    pub(super) async fn given(&mut self) -> StoreResult<Option<Fetched>> {
        let Some(fetched) = self.request.as_mut().and_then(|request| request.fetched.take()) else { return Ok(None) };
        if self.lease.hints.iter().any(|hint| hint.received_at >= fetched.started_at) {
            return Ok(None);
        }
        let runs = self.flow.host.store().runs(&self.lease.tenant, &self.lease.subject, RUNS).await?;
        let newest = runs.iter().filter_map(|run| run.fetch_started_at).max();
        Ok(newest.is_none_or(|newest| newest < fetched.started_at).then_some(fetched))
    }

    /// The outer error is the store's.
    pub(super) async fn fetch(&mut self, tenant: &Tenant) -> StoreResult<Result<Fetched, Trouble>> {
        // Of several notifications the newest, and before them the one who waits.
        let asked = self.request.as_ref().and_then(|request| request.traceparent.clone());
        let trace = asked.or_else(|| self.lease.hints.iter().rev().find_map(|hint| hint.traceparent.clone()));
        let client = SecutixClient::new(&self.flow.host, tenant).traced(trace.as_deref());
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
                    None => {
                        return Ok(Err(Trouble { outcome: Outcome::TokenUnreadable, error: None, next: Next::Dead }));
                    }
                }
            }
        };
        match result {
            Ok(body) => {
                self.secutix_calls += 1;
                Ok(Ok(Fetched { body, started_at }))
            }
            Err(SecutixError::Store(error)) => Err(error),
            Err(error) => {
                self.secutix_calls += i64::from(error.was_sent());
                Ok(Err(self.fetch_trouble(&error).await?))
            }
        }
    }

    async fn fetch_trouble(&self, error: &SecutixError) -> StoreResult<Trouble> {
        let wait = |outcome, at| Trouble { outcome, error: None, next: Next::Wait { at } };
        Ok(match error {
            SecutixError::BudgetSpent { until } => wait(Outcome::BudgetSpent, *until),
            SecutixError::Throttled { until } => wait(Outcome::Throttled, *until),
            SecutixError::CredentialsRefused { until, .. } => wait(Outcome::CredentialsRefused, *until),
            SecutixError::NotFound | SecutixError::NoIdentifier => {
                self.denied(&self.view().await?, Outcome::NotFound, None)
            }
            SecutixError::NotReady => self.failed(Outcome::NotReady, None),
            other => self.failed(Outcome::Unreachable, Some(other.to_string())),
        })
    }

    /// SecuTix says that there is no such thing, or no. For a mere question (no notification waits, and no pass is known) that is an
    /// answer; trying again for a day would not make a number right that somebody has mistyped.
    pub(super) fn denied(&self, view: &FileView, outcome: Outcome, error: Option<String>) -> Trouble {
        if self.lease.hints.is_empty() && view.passes.is_empty() {
            return Trouble { outcome, error, next: Next::Done };
        }
        self.failed(outcome, error)
    }
}
