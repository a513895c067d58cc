//! The tenants' plugins that are in force: read from their folders, compiled elsewhere, swapped in whole.
//!
//! Owns the set and its replacement. A plugin that cannot be loaded leaves the one before it in force, and the tenant in any case: what the plugin would
//! decide is decided by the default. Calls that are under way end in the build that they began in. Does not own the compiling (`compiler`), nor what a
//! plugin may do (the tenant's configuration).

mod build;
pub mod command;
pub mod compiler;
pub mod complete;
pub mod folder;
mod new;
mod replay;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use passerelle_flow::identity::TenantId;
use passerelle_flow::plugin::hook::{HookCall, Returned};
use passerelle_flow::plugin::{Digest, Installed, Presence};
use passerelle_flow::ports::{self, SandboxFailure};
use passerelle_flow::tenant::Tenant;
use passerelle_sandbox::{Engine, LoadError, Plugin, SIZE, artefact};

use self::compiler::{CompileError, Compiler};
use self::folder::{FolderError, PluginFolder};

/// Why a plugin is not in force. Each is a sentence for whoever installed it.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    Compile(#[from] CompileError),
}

pub struct Plugins {
    engine: Engine,
    compiler: Compiler,
    /// Of all tenants.
    tenants: PathBuf,
    current: RwLock<HashMap<TenantId, Arc<Plugin>>>,
}

/// What became of one tenant's plugin at a look.
#[derive(Debug)]
pub enum Look {
    /// As before, be there one or none.
    Same,
    Loaded(Installed),
    Removed,
    /// The one before it, if there was one, is still in force.
    Broken {
        kept: bool,
        error: PluginError,
    },
}

impl Plugins {
    /// None is in force until the first look.
    pub fn new(engine: Engine, compiler: Compiler, tenants: PathBuf) -> Self {
        Self { engine, compiler, tenants, current: RwLock::default() }
    }

    /// Looks at a tenant's folder, and puts in force what is there now.
    pub async fn look(&self, tenant: &TenantId) -> Look {
        let before = self.get(tenant);
        match self.load(tenant, before.as_ref()).await {
            Ok(None) if before.is_none() => Look::Same,
            Ok(None) => {
                self.current.write().unwrap_or_else(PoisonError::into_inner).remove(tenant);
                Look::Removed
            }
            Ok(Some(plugin)) if before.as_ref().is_some_and(|before| Arc::ptr_eq(before, &plugin)) => Look::Same,
            Ok(Some(plugin)) => {
                let installed = installed(&plugin);
                self.current.write().unwrap_or_else(PoisonError::into_inner).insert(tenant.clone(), plugin);
                Look::Loaded(installed)
            }
            Err(error) => Look::Broken { kept: before.is_some(), error },
        }
    }

    /// Forgets the plugins of tenants that are not there any more.
    pub fn retain(&self, present: impl Fn(&TenantId) -> bool) {
        self.current.write().unwrap_or_else(PoisonError::into_inner).retain(|tenant, _| present(tenant));
    }

    async fn load(&self, tenant: &TenantId, before: Option<&Arc<Plugin>>) -> Result<Option<Arc<Plugin>>, PluginError> {
        let folder = PluginFolder::of(&self.tenants, tenant);
        let Some(wasm) = folder.read(SIZE)? else { return Ok(None) };
        let digest = artefact::digest(&wasm);
        if let Some(before) = before.filter(|before| before.digest() == digest) {
            return Ok(Some(before.clone()));
        }
        let compiled = self.compiler.compiled(&self.engine, wasm, digest).await?;
        let engine = self.engine.clone();
        // Mapping and linking take milliseconds that the requests should not wait for.
        let loaded = tokio::task::spawn_blocking(move || Plugin::load_compiled(&engine, &compiled)).await;
        let loaded = loaded.map_err(|_| CompileError::Interrupted)??;
        Ok(Some(Arc::new(loaded)))
    }

    fn get(&self, tenant: &TenantId) -> Option<Arc<Plugin>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).get(tenant).cloned()
    }
}

fn installed(plugin: &Plugin) -> Installed {
    Installed { digest: plugin.digest(), hooks: plugin.hooks() }
}

impl ports::Plugins for Plugins {
    fn presence(&self, tenant: &Tenant) -> Presence {
        self.get(&tenant.id).map_or(Presence::None, |plugin| Presence::Installed(installed(&plugin)))
    }

    async fn call(&self, tenant: &Tenant, build: &Digest, call: HookCall) -> Result<Returned, SandboxFailure> {
        // Gone or exchanged since the caller asked whether there is one: as good as a sandbox that is not free, and asked again.
        let plugin = self.get(&tenant.id).filter(|plugin| plugin.digest() == *build).ok_or(SandboxFailure::Busy)?;
        plugin.call(&tenant.plugin.limits, call).await
    }
}
