//! The connector in its sandbox: the flow's port, each call in a fresh instance that is thrown away.
//!
//! A trapped instance is never used again, and no call sees what another one left behind.

use passerelle_contract::{installation, payload, scenario, webhook};
use passerelle_flow::ports::{Connector, SandboxFailure};
use wasmtime::component::InstancePre;

use super::bindings;
use super::convert::Cross;
use super::load::{self, Imports, LoadError};
use super::meter::{Limits, Meter};
use super::runtime::Engine;

/// A loaded connector. Cheap to share, ready for any number of calls.
pub struct Sandbox {
    engine: Engine,
    connector: InstancePre<Meter>,
    exports: Exports,
    limits: Limits,
}

/// Where each interface's function is. A call looks up its own only: each look-up compares the function's type with the contract's, which
/// takes as long as a small call.
struct Exports {
    webhook: bindings::webhook::GuestIndices,
    scenario: bindings::scenario::GuestIndices,
    payload: bindings::payload::GuestIndices,
    installation: bindings::installation::GuestIndices,
}

impl Exports {
    fn of(connector: &InstancePre<Meter>) -> wasmtime::Result<Self> {
        Ok(Self {
            webhook: bindings::webhook::GuestIndices::new(connector)?,
            scenario: bindings::scenario::GuestIndices::new(connector)?,
            payload: bindings::payload::GuestIndices::new(connector)?,
            installation: bindings::installation::GuestIndices::new(connector)?,
        })
    }
}

impl Sandbox {
    /// Compiles the component; takes a part of a second.
    pub fn load(engine: &Engine, wasm: &[u8]) -> Result<Self, LoadError> {
        Self::load_with(engine, wasm, Limits::CONNECTOR)
    }

    pub fn load_with(engine: &Engine, wasm: &[u8], limits: Limits) -> Result<Self, LoadError> {
        let connector = load::load(engine, wasm, Imports::None)?;
        let exports = Exports::of(&connector).map_err(LoadError::World)?;
        Ok(Self { engine: engine.clone(), connector, exports, limits })
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
            self.exports.webhook.load(&mut *store, &guest)?.call_validate(store, &notification).await
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
            self.exports.scenario.load(&mut *store, &guest)?.call_classify(store, &observation).await
        });
        answer.await.map(Cross::cross)
    }

    async fn rebuild(&self, job: payload::Job) -> Result<Result<payload::Rebuilt, payload::Fault>, SandboxFailure> {
        let job = job.cross();
        let answer = self.engine.call(&self.limits, async |store| {
            let guest = self.connector.instantiate_async(&mut *store).await?;
            self.exports.payload.load(&mut *store, &guest)?.call_rebuild(store, &job).await
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
            self.exports.installation.load(&mut *store, &guest)?.call_reduce(store, &context, &status, &signals).await
        });
        answer.await.map(Cross::cross)
    }
}
