//! The connector, which Spin composes with this component: `connector.wasm`, byte for byte the server's.
//!
//! Owns four calls. There is no sandbox around a single call here: a trap in the connector ends the instance with all that it holds, the caller
//! reads 500, and what was leased is claimed again when the lease has run out.

use passerelle_contract::{installation, payload, scenario, webhook};
use passerelle_flow::ports::{Connector, SandboxFailure};

pub struct Composed;

impl Connector for Composed {
    async fn validate(
        &self,
        notification: webhook::Notification,
    ) -> Result<Result<webhook::OrderChange, webhook::Rejection>, SandboxFailure> {
        Ok(webhook::validate(&notification))
    }

    async fn classify(
        &self,
        observation: scenario::Observation,
    ) -> Result<Result<scenario::Verdict, scenario::Fault>, SandboxFailure> {
        Ok(scenario::classify(&observation))
    }

    async fn rebuild(&self, job: payload::Job) -> Result<Result<payload::Rebuilt, payload::Fault>, SandboxFailure> {
        Ok(payload::rebuild(&job))
    }

    async fn reduce(
        &self,
        context: installation::Context,
        status: installation::Status,
        signals: Vec<installation::Signal>,
    ) -> Result<installation::Reduction, SandboxFailure> {
        Ok(installation::reduce(&context, &status, &signals))
    }
}
