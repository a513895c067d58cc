//! The tenants' plugins that are in force: read from their folders, compiled elsewhere, swapped in whole.
//!
//! Owns the set and its replacement. A look is quick: what is compiled already is in force at once, anything else waits to be compiled, one after the other,
//! and the build before it goes on meanwhile. A plugin that cannot be loaded leaves the one before it in force, and the tenant in any case: what the plugin would
//! decide is decided by the default. Calls that are under way end in the build that they began in. Does not own the compiling (`compiler`), nor when it is
//! looked and compiled (`upkeep`), nor what a plugin may do (the tenant's configuration).

mod build;
pub mod command;
pub mod compiler;
pub mod complete;
mod durable;
pub mod folder;
pub mod machine_code;
mod new;
mod replay;
mod slot;
pub mod upkeep;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, UNIX_EPOCH};

use passerelle_flow::identity::TenantId;
use passerelle_flow::plugin::hook::{HookCall, Returned};
use passerelle_flow::plugin::{Digest, Installed, Presence, Until};
use passerelle_flow::ports::{self, Clock as _, SandboxFailure};
use passerelle_flow::tenant::Tenant;
use passerelle_sandbox::{Engine, LoadError, SIZE, artefact};

use self::compiler::{CompileError, Compiler};
use self::folder::{FolderError, PluginFolder};
use self::slot::Slot;
use crate::host::ServerClock;

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

/// Whose fault it is that a plugin is not in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// The build may not run, and would not another time.
    Build,
    /// Something of this machine was in the way.
    Machine,
    /// Compiling took too much, which the build may be to blame for, or a machine that is busy.
    Either,
}

impl PluginError {
    fn fault(&self) -> Fault {
        match self {
            Self::Folder(_)
            | Self::Load(LoadError::Account(_) | LoadError::Damaged(_) | LoadError::Unreadable { .. }) => {
                Fault::Machine
            }
            Self::Load(_) | Self::Compile(CompileError::Refused(_)) => Fault::Build,
            Self::Compile(CompileError::TimedOut | CompileError::Killed) => Fault::Either,
            Self::Compile(
                CompileError::Start(_)
                | CompileError::Folder { .. }
                | CompileError::Failed(_)
                | CompileError::Interrupted,
            ) => Fault::Machine,
        }
    }
}

pub struct Plugins {
    engine: Engine,
    compiler: Compiler,
    /// Of all tenants.
    tenants: PathBuf,
    clock: Arc<ServerClock>,
    slots: RwLock<BTreeMap<TenantId, Slot>>,
    /// Whose plugin has not got its place in the outbox yet, since the store was in the way.
    unsettled: Mutex<BTreeSet<TenantId>>,
    /// One build is compiled at a time: it may take all processors, and the requests need them, too.
    compiling: tokio::sync::Mutex<()>,
}

/// What became of one tenant's plugin at a look.
#[derive(Debug)]
pub enum Look {
    /// As before, be there one or none.
    Same,
    Loaded(Installed),
    /// It is to be compiled first.
    Waits {
        kept: bool,
    },
    /// Its file is gone, which may be the moment between two: what was in force is for a while.
    Missing,
    Removed,
    /// The one before it, if there was one, is still in force.
    Broken {
        kept: bool,
        error: PluginError,
    },
}

impl Plugins {
    /// None is in force until the first look.
    pub fn new(engine: Engine, compiler: Compiler, tenants: PathBuf, clock: Arc<ServerClock>) -> Self {
        let (slots, unsettled, compiling) = (RwLock::default(), Mutex::default(), tokio::sync::Mutex::default());
        Self { engine, compiler, tenants, clock, slots, unsettled, compiling }
    }

    /// Looks at a tenant's folder, and puts in force what is there and compiled already.
    pub async fn look(&self, tenant: &TenantId) -> Look {
        let build = match self.read(tenant).await {
            Ok(Found::File { build, .. }) => build,
            Ok(Found::Nothing { previous }) => {
                let now = self.clock.now();
                return self.slot(tenant, |slot| slot.nothing(previous, now));
            }
            Err(error) => {
                let now = self.clock.now();
                return self.slot(tenant, |slot| slot.refuse(None, error, now));
            }
        };
        let now = self.clock.now();
        if let Some(known) = self.slot(tenant, |slot| slot.known(build, now)) {
            return known;
        }
        match self.compiler.ready(&self.engine, build).await {
            Ok(Some(plugin)) => self.slot(tenant, |slot| slot.put(plugin)),
            Ok(None) => self.slot(tenant, |slot| slot.wait(build)),
            Err(error) => self.slot(tenant, |slot| slot.refuse(Some(build), error, now)),
        }
    }

    /// Compiles the plugin of one of the tenants that wait for it, and puts it in force. None: nobody waits.
    pub async fn compile_next(&self) -> Option<(TenantId, Look)> {
        let _one = self.compiling.lock().await;
        let tenant = self.first(|slot| slot.waits().is_some())?;
        // Read now: it may have become another since it was seen.
        let look = match self.read(&tenant).await {
            Ok(Found::File { wasm, build }) => {
                self.slot(&tenant, |slot| slot.wait(build));
                let made = self.compiler.plugin(&self.engine, wasm, build).await;
                // It may have taken minutes.
                let now = self.clock.now();
                self.slot(&tenant, |slot| slot.compiled(build, made, now))
            }
            Ok(Found::Nothing { .. }) | Err(_) => self.look(&tenant).await,
        };
        Some((tenant, look))
    }

    /// A tenant at whose folder it is to be looked again though nothing has stirred there: its plugin's file has been gone for longer than a file is that is
    /// exchanged, or this machine was in the way the last time.
    pub fn due(&self) -> Option<TenantId> {
        let now = self.clock.now();
        self.first(|slot| slot.due(now))
    }

    /// Whose plugins are to get their place in the outbox once more.
    fn unsettled(&self) -> BTreeSet<TenantId> {
        self.unsettled.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn settled(&self, tenant: &TenantId, done: bool) {
        let mut unsettled = self.unsettled.lock().unwrap_or_else(PoisonError::into_inner);
        if done {
            unsettled.remove(tenant);
        } else {
            unsettled.insert(tenant.clone());
        }
    }

    /// Forgets the plugins of tenants that are not there any more.
    pub fn retain(&self, present: impl Fn(&TenantId) -> bool) {
        self.slots.write().unwrap_or_else(PoisonError::into_inner).retain(|tenant, _| present(tenant));
    }

    /// Deletes machine code that no tenant's plugin has any more, be it the one in force or the one before it.
    pub async fn tidy(&self) {
        let mut used: BTreeSet<Digest> = {
            let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
            slots.values().flat_map(Slot::builds).collect()
        };
        let (engine, folder, tenants) = (self.engine.clone(), self.compiler.folder.clone(), self.tenants.clone());
        let now = UNIX_EPOCH + Duration::from_millis(self.clock.now().unsigned_abs());
        let tidied = tokio::task::spawn_blocking(move || {
            // Mostly there is nothing, and then nothing has to be read.
            if machine_code::left(&engine, &folder, &used, now)?.is_empty() {
                return Ok(0);
            }
            // Of all folders, also of tenants that are not in force now.
            for entry in std::fs::read_dir(&tenants)? {
                let Ok(tenant) = TenantId::parse(&entry?.file_name().to_string_lossy()) else { continue };
                let of = PluginFolder::of(&tenants, &tenant);
                // What cannot be read now may be somebody's all the same, so that nothing is deleted then.
                for file in [of.plugin(), of.previous()] {
                    used.extend(folder::read(&file, SIZE)?.map(|wasm| artefact::digest(&wasm)));
                }
            }
            let left = machine_code::left(&engine, &folder, &used, now)?;
            left.iter().try_for_each(std::fs::remove_file)?;
            anyhow::Ok(left.len())
        });
        match tidied.await {
            Ok(Ok(0)) => {}
            Ok(Ok(files)) => tracing::info!(files, "machine code of plugins that nobody has any more is deleted"),
            Ok(Err(error)) => tracing::warn!(%error, "machine code of earlier plugins stays"),
            Err(error) => tracing::warn!(%error, "machine code of earlier plugins stays"),
        }
    }

    /// Some megabytes, and their hash: not on a thread that requests wait for.
    async fn read(&self, tenant: &TenantId) -> Result<Found, PluginError> {
        let folder = PluginFolder::of(&self.tenants, tenant);
        let read = tokio::task::spawn_blocking(move || match folder.read(SIZE)? {
            Some(wasm) => Ok(Found::File { build: artefact::digest(&wasm), wasm }),
            None => {
                // Only a hint, so it may be unreadable.
                let previous = folder::read(&folder.previous(), SIZE).ok().flatten();
                Ok(Found::Nothing { previous: previous.map(|wasm| artefact::digest(&wasm)) })
            }
        });
        read.await.map_err(|_| CompileError::Interrupted)?
    }

    fn slot<T>(&self, tenant: &TenantId, change: impl FnOnce(&mut Slot) -> T) -> T {
        change(self.slots.write().unwrap_or_else(PoisonError::into_inner).entry(tenant.clone()).or_default())
    }

    fn first(&self, which: impl Fn(&Slot) -> bool) -> Option<TenantId> {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        slots.iter().find(|(_, slot)| which(slot)).map(|(tenant, _)| tenant.clone())
    }
}

/// What is in a tenant's folder.
enum Found {
    File {
        wasm: Vec<u8>,
        build: Digest,
    },
    /// No plugin; but perhaps one that is kept as the one before it.
    Nothing {
        previous: Option<Digest>,
    },
}

impl ports::Plugins for Plugins {
    fn presence(&self, tenant: &Tenant) -> Presence {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        // Nobody has looked: that is not to say that there is none.
        slots.get(&tenant.id).map_or(Presence::Unavailable(Until::Soon), Slot::presence)
    }

    async fn call(&self, tenant: &Tenant, build: &Digest, call: HookCall) -> Result<Returned, SandboxFailure> {
        let in_force = {
            let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
            slots.get(&tenant.id).and_then(Slot::in_force)
        };
        // Gone or exchanged since the caller asked whether there is one: as good as a sandbox that is not free, and asked again.
        let plugin = in_force.filter(|plugin| plugin.digest() == *build).ok_or(SandboxFailure::Busy)?;
        plugin.call(&tenant.plugin.limits, call).await
    }
}
