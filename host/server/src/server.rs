//! A running server: settings in, sockets and workers out, and an orderly end.
//!
//! Owns the order of start and stop. Nothing is served before the tenants are read and the store is open; on the way down requests end first,
//! then what the workers hold, then the store.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use passerelle_flow::flow::Flow;
use passerelle_sandbox::{Capacity, Engine, Sandbox};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::config::{Settings, Tenants, Watch};
use crate::egress::Egress;
use crate::host::{ServerClock, ServerHost, SystemRandom};
use crate::listen;
use crate::plugins::compiler::Compiler;
use crate::plugins::{Look, Plugins};
use crate::signer::KeySigner;
use crate::store::SqliteStore;
use crate::workers::{self, Crew};

/// What a start may differ in from `passerelle.toml`.
#[derive(Default)]
pub struct StartOptions {
    /// Another connector than the embedded one.
    pub connector: Option<Vec<u8>>,
    /// A clock that can be put forward.
    pub clock: Option<Arc<ServerClock>>,
    /// A listener that is bound already (the demo must know its port before it writes the configuration).
    pub listener: Option<TcpListener>,
    /// What compiles plugins, where this program is not `passerelle` itself.
    pub compiler: Option<PathBuf>,
    /// Answer requests only; somebody else runs the tasks.
    pub without_workers: bool,
}

pub struct Server {
    pub flow: Arc<Flow<ServerHost>>,
    pub address: SocketAddr,
    pub clock: Arc<ServerClock>,
    /// Puts workers to work now, for who has moved the clock.
    pub wake: Arc<Notify>,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
    working: JoinHandle<()>,
    watch: Watch,
}

impl Server {
    pub async fn start(settings: &Settings, options: StartOptions) -> anyhow::Result<Self> {
        let (host, clock) = host(settings, options.connector.as_deref(), options.clock, options.compiler)?;
        let tenants = host.tenants.clone();
        let flow = Arc::new(Flow::new(host, settings.options));
        // Before anything is served: what would happen without a plugin would not be told to it.
        look_at_plugins(&flow).await;
        let listener = match options.listener {
            Some(listener) => listener,
            None => TcpListener::bind(settings.listen)
                .await
                .with_context(|| format!("cannot listen on {} (server.listen)", settings.listen))?,
        };
        let address = listener.local_addr().context("the listener has no address")?;
        let (stop, stopped) = watch::channel(false);
        let wake = Arc::new(Notify::new());
        let crew = Crew {
            tasks: u32::try_from(settings.tasks).unwrap_or(u32::MAX),
            effects: u32::try_from(settings.effects).unwrap_or(u32::MAX),
            deliveries: settings.options.deliveries,
        };
        let working = if options.without_workers {
            tokio::spawn(std::future::ready(()))
        } else {
            tokio::spawn(workers::work(flow.clone(), crew, wake.clone(), stopped.clone()))
        };
        let proxies = settings.trusted_proxies.clone().into();
        let serving = tokio::spawn(listen::serve(listener, flow.clone(), wake.clone(), proxies, stopped));
        let watched = flow.clone();
        let watch = Watch::start(tenants, move || {
            let flow = watched.clone();
            async move { look_at_plugins(&flow).await }
        });
        tracing::info!(%address, "listening");
        Ok(Self { flow, address, clock, wake, stop, serving, working, watch })
    }

    /// Looks at the tenants' folders now.
    pub async fn reload_now(&self) {
        self.watch.reload_now().await;
    }

    /// Ends in order: no new requests, the running ones answered, the leased work finished, the store synced.
    pub async fn stop(self) -> anyhow::Result<()> {
        let Self { flow, stop, serving, working, watch, .. } = self;
        drop(watch);
        let _ = stop.send(true);
        serving.await.context("the listener ended by itself")?;
        working.await.context("the workers ended by themselves")?;
        flow.host.store.close().await;
        Ok(())
    }
}

/// Puts the tenants' plugins in force as they are in their folders now, and gives each its place in the outbox.
async fn look_at_plugins(flow: &Flow<ServerHost>) {
    let tenants = flow.host.tenants.all();
    flow.host.plugins.retain(|tenant| tenants.contains_key(tenant));
    for (id, tenant) in tenants.iter() {
        match flow.host.plugins.look(id).await {
            Look::Same => {}
            Look::Loaded(installed) => {
                let hooks: Vec<_> = installed.hooks.iter().map(|hook| hook.name()).collect();
                let digest = hex::encode(installed.digest);
                tracing::info!(tenant = %id, digest, ?hooks, "the tenant's plugin is in force");
            }
            Look::Removed => tracing::info!(tenant = %id, "the tenant's plugin was removed"),
            Look::Broken { kept, error } => {
                let then = if kept { "the one before it stays in force" } else { "the defaults decide" };
                tracing::error!(tenant = %id, %error, "the tenant's plugin is not usable; {then}");
                // What waits for it is not given up because of a slip.
                continue;
            }
        }
        if let Err(error) = flow.settle_plugin(tenant).await {
            tracing::error!(tenant = %id, %error, "the plugin has no place in the outbox yet; the next look tries again");
        }
    }
}

/// The ports, put together. Also for commands that need no sockets.
pub fn host(
    settings: &Settings,
    connector: Option<&[u8]>,
    clock: Option<Arc<ServerClock>>,
    compiler: Option<PathBuf>,
) -> anyhow::Result<(ServerHost, Arc<ServerClock>)> {
    let engine = engine(settings.sandboxes)?;
    let sandbox = sandbox(&engine, connector)?;
    let program = match compiler {
        Some(program) => program,
        None => std::env::current_exe().context("this program's own file")?,
    };
    let compiler = Compiler { program, folder: compiled_folder(settings) };
    let plugins = Plugins::new(engine, compiler, settings.tenants.clone());
    let (tenants, reload) = Tenants::open(settings);
    crate::config::log(&reload);
    let tenants = Arc::new(tenants);
    let signer = Arc::new(KeySigner::new(tenants.clone()));
    let egress = Egress::new(&settings.egress, signer.clone()).context("outbound HTTP")?;
    let store = SqliteStore::open(&settings.store, crate::store::Options::default())
        .with_context(|| format!("cannot open the store {}", settings.store.display()))?;
    let clock = clock.unwrap_or_default();
    let host =
        ServerHost { clock: clock.clone(), random: SystemRandom, egress, signer, sandbox, plugins, store, tenants };
    Ok((host, clock))
}

/// Where compiled plugins are kept: beside the store, which is this account's alone as well.
pub fn compiled_folder(settings: &Settings) -> PathBuf {
    settings.store.with_extension("plugins")
}

/// One for the process: the connector and the plugins take turns.
pub fn engine(calls: Option<usize>) -> anyhow::Result<Engine> {
    let mut capacity = Capacity::default();
    if let Some(calls) = calls {
        capacity.calls = u32::try_from(calls).unwrap_or(u32::MAX);
    }
    Ok(Engine::new(capacity)?)
}

/// The connector in its sandbox: the embedded one, or the one of `--connector`.
pub fn sandbox(engine: &Engine, connector: Option<&[u8]>) -> anyhow::Result<Sandbox> {
    Sandbox::load(engine, connector.unwrap_or(crate::connector::CONNECTOR)).context("the connector")
}
