//! An application, from its manifest to components that can be called.
//!
//! Owns the order of loading. Whatever is wrong is told before anything listens.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use tempfile::TempDir;
use wasmtime_wasi_http::handler::{ProxyHandler, ProxyPre};
use wasmtime_wasi_http::p3::bindings::ServicePre;

use crate::allowed_hosts::AllowedHosts;
use crate::arguments::Up;
use crate::artefact::{Artefacts, engines};
use crate::clock::Clock;
use crate::compose::compose;
use crate::egress::{Egress, Inside, TlsConfigs};
use crate::files;
use crate::guest::{Blueprint, linker};
use crate::instances::Instances;
use crate::manifest::{Component, Manifest};
use crate::output::Output;
use crate::routes::Routes;
use crate::runtime_config::{RuntimeConfig, SqliteDatabase};
use crate::server::Target;
use crate::source::Source;
use crate::variables::Variables;

/// Where Spin keeps an application's state, beside the manifest.
const STATE: &str = ".spin";
/// Where the compiled code is, beside the state.
const CACHE: &str = ".spin-host-cache";
/// Spin's name for the file of the database `default`.
const DEFAULT_DATABASE: &str = "sqlite_db.db";

pub struct Application {
    pub name: String,
    pub version: String,
    pub routes: Routes<Target>,
    pub components: BTreeMap<String, ProxyHandler<Instances>>,
    /// Filled once the address is known.
    pub inside: Arc<OnceLock<Inside>>,
    pub compiling: Duration,
    /// Copies of `files`, which go with it.
    pub copies: TempDir,
}

/// What all components are made from.
struct Workshop<'a> {
    root: PathBuf,
    state: PathBuf,
    up: &'a Up,
    manifest: &'a Manifest,
    config: RuntimeConfig,
    variables: Variables,
    inside: Arc<OnceLock<Inside>>,
    copies: TempDir,
}

impl Application {
    pub fn load(up: &Up) -> anyhow::Result<Self> {
        let manifest = Manifest::read(&up.manifest)?;
        let config = up.runtime_config.as_deref().map(RuntimeConfig::read).transpose()?.unwrap_or_default();
        let mut given = Vec::new();
        for variable in &up.variables {
            given.extend(variable.read()?);
        }
        let variables =
            Variables::settle(&manifest, &given, &config.variables_providers, |name| std::env::var(name).ok())?;
        let root = up.manifest.parent().unwrap_or(Path::new("")).to_owned();
        let state = up.state_dir.clone().or_else(|| config.state_dir.clone()).unwrap_or_else(|| root.join(STATE));
        let cache = up.cache.clone().or_else(|| Some(state.parent()?.join(CACHE)));
        let mut artefacts = Artefacts::new(cache.as_deref())?;
        let workshop = Workshop {
            root,
            state,
            up,
            manifest: &manifest,
            config,
            variables,
            inside: Arc::default(),
            copies: tempfile::tempdir()?,
        };
        let mut components = BTreeMap::new();
        for (id, component) in &manifest.component {
            if !workshop.is_called(id) {
                continue;
            }
            let made = workshop.make(id, component, &mut artefacts).with_context(|| format!("component `{id}`"))?;
            components.insert(id.clone(), made);
        }
        let Workshop { inside, copies, .. } = workshop;
        Ok(Self {
            routes: Routes::new(manifest.trigger.http.iter().filter_map(Target::of)),
            name: manifest.application.name,
            version: manifest.application.version,
            components,
            inside,
            compiling: artefacts.compiling,
            copies,
        })
    }
}

impl Workshop<'_> {
    /// A component that only serves as a dependency is not called by itself.
    fn is_called(&self, id: &str) -> bool {
        self.manifest.trigger.http.iter().any(|trigger| trigger.component.as_deref() == Some(id))
    }

    fn make(
        &self,
        id: &str,
        component: &Component,
        artefacts: &mut Artefacts,
    ) -> anyhow::Result<ProxyHandler<Instances>> {
        let source = Source::read(&self.root, self.manifest, component)?;
        let unmet = source.unmet()?;
        ensure!(unmet.is_empty(), "{}", unmet.join("; "));
        ensure!(
            source.interfaces.is_handler(),
            "exports no HTTP handler that this host can call: {:?}",
            source.interfaces.exports
        );
        let blueprint = Arc::new(self.blueprint(id, component)?);
        let whole = compose(id, source.bytes, &source.plugs)?;
        let compiled = artefacts.load(&whole)?;
        let engine = artefacts.engine().clone();
        let pre = linker(&engine).and_then(|linker| linker.instantiate_pre(&compiled));
        let pre = ProxyPre::P3(pre.and_then(ServicePre::new).map_err(engines)?);
        Ok(ProxyHandler::new(Instances { component: id.to_owned(), engine, blueprint, pre, reuse: self.up.reuse }))
    }

    fn blueprint(&self, id: &str, component: &Component) -> anyhow::Result<Blueprint> {
        let hosts: Vec<String> =
            component.allowed_outbound_hosts.iter().map(|text| self.variables.fill(text)).collect::<Result<_, _>>()?;
        let allowed = AllowedHosts::parse(&hosts).map_err(anyhow::Error::msg).context("allowed_outbound_hosts")?;
        let tls = TlsConfigs::new(id, &self.config.client_tls)?;
        let pooling = self.config.outbound_http.connection_pooling;
        let mounts = if self.up.direct_mounts {
            files::direct(&self.root, component)?
        } else {
            files::copied(&self.root, component, self.copies.path().join(id))?
        };
        let logs = self.up.log_dir.as_deref().or(self.config.log_dir.as_deref());
        let output = |name| Output::new(id, name, self.up.quiet, logs);
        Ok(Blueprint {
            environment: component.environment.clone().into_iter().collect(),
            mounts,
            stdout: output("stdout")?,
            stderr: output("stderr")?,
            clock: self.up.clock_file.clone().map(|file| Clock { file }),
            variables: Arc::new(self.variables.of(component)?),
            databases: Arc::new(self.databases(component)?),
            egress: Arc::new(Egress::new(allowed, tls, pooling, Arc::clone(&self.inside))),
        })
    }

    fn databases(&self, component: &Component) -> anyhow::Result<BTreeMap<String, PathBuf>> {
        let file = |label: &String| {
            let path = match self.config.sqlite_databases.get(label) {
                Some(SqliteDatabase::Spin { path: Some(path) }) => path.clone(),
                Some(SqliteDatabase::Spin { path: None }) => self.state.join(format!("{label}.db")),
                None if label == "default" => self.state.join(DEFAULT_DATABASE),
                None => bail!("the database `{label}` is not in the runtime configuration"),
            };
            Ok((label.clone(), path))
        };
        component.sqlite_databases.iter().map(file).collect()
    }
}
