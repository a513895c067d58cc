//! The connector in its sandbox: the flow's port, each call in a fresh instance that is thrown away.
//!
//! A trapped instance is never used again, and no call sees what another one left behind.

use passerelle_contract::{installation, payload, scenario, webhook};
use passerelle_flow::ports::{Connector, SandboxFailure};

use super::bindings::ConnectorPre;
use super::convert::Cross;
use super::load::{self, LoadError};
use super::meter::{Limits, Meter};
use super::runtime::Engine;

/// A loaded connector. Cheap to share, ready for any number of calls.
pub struct Sandbox {
    engine: Engine,
    connector: ConnectorPre<Meter>,
    limits: Limits,
}

impl Sandbox {
    /// Compiles the component; takes a part of a second.
    pub fn load(engine: &Engine, wasm: &[u8]) -> Result<Self, LoadError> {
        Self::load_with(engine, wasm, Limits::CONNECTOR)
    }

    pub fn load_with(engine: &Engine, wasm: &[u8], limits: Limits) -> Result<Self, LoadError> {
        let connector = ConnectorPre::new(load::load(engine, wasm)?).map_err(LoadError::World)?;
        Ok(Self { engine: engine.clone(), connector, limits })
    }
}

impl Connector for Sandbox {
    async fn validate(
        &self,
        notification: webhook::Notification,
    ) -> Result<Result<webhook::OrderChange, webhook::Rejection>, SandboxFailure> {
        let notification = notification.cross();
        let answer = self.engine.call(&self.limits, async |store| {
            let guest = self.connector.instantiate_async(&mut *store).await?;
            guest.passerelle_connector_webhook().call_validate(store, &notification).await
        });
        answer.await.map(Cross::cross)
    }

    async fn classify(
        &self,
        observation: scenario::Observation,
    ) -> Result<Result<scenario::Verdict, scenario::Fault>, SandboxFailure> {
        let observation = observation.cross();
        let answer = self.engine.call(&self.limits, async |store| {
            let guest = self.connector.instantiate_async(&mut *store).await?;
            guest.passerelle_connector_scenario().call_classify(store, &observation).await
        });
        answer.await.map(Cross::cross)
    }

    async fn rebuild(
        &self,
        job: payload::Job,
    ) -> Result<Result<payload::Rebuilt, payload::Fault>, SandboxFailure> {
        let job = job.cross();
        let answer = self.engine.call(&self.limits, async |store| {
            let guest = self.connector.instantiate_async(&mut *store).await?;
            guest.passerelle_connector_payload().call_rebuild(store, &job).await
        });
        answer.await.map(Cross::cross)
    }

    async fn reduce(
        &self,
        context: installation::Context,
        status: installation::Status,
        signals: Vec<installation::Signal>,
    ) -> Result<installation::Reduction, SandboxFailure> {
        let (context, status, signals) = (context.cross(), status.cross(), signals.cross());
        let answer = self.engine.call(&self.limits, async |store| {
            let guest = self.connector.instantiate_async(&mut *store).await?;
            guest.passerelle_connector_installation().call_reduce(store, &context, &status, &signals).await
        });
        answer.await.map(Cross::cross)
    }
}
