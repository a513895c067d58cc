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
use crate::plugins::Plugins;
use crate::plugins::compiler::Compiler;
use crate::plugins::upkeep::{self, Upkeep};
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
    upkeep: Upkeep,
}

impl Server {
    pub async fn start(settings: &Settings, options: StartOptions) -> anyhow::Result<Self> {
        let (host, clock) = host(settings, options.connector.as_deref(), options.clock, options.compiler)?;
        let tenants = host.tenants.clone();
        let flow = Arc::new(Flow::new(host, settings.options));
        // Before anything is served, so that what is compiled is called from the first request on. What is not is compiled behind it.
        upkeep::look(&flow).await;
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
        let upkeep = Upkeep::start(flow.clone());
        let (watched, looked) = (flow.clone(), upkeep.wake());
        let watch = Watch::start(tenants, move || {
            let (flow, looked) = (watched.clone(), looked.clone());
            async move {
                upkeep::look(&flow).await;
                looked.notify_one();
            }
        });
        tracing::info!(%address, "listening");
        Ok(Self { flow, address, clock, wake, stop, serving, working, watch, upkeep })
    }

    /// Looks at the tenants' folders now, and returns when what is in them is in force or known to be unusable.
    pub async fn reload_now(&self) {
        self.watch.reload_now().await;
        self.upkeep.done().await;
    }

    /// Ends in order: no new requests, the running ones answered, the leased work finished, the store synced.
    pub async fn stop(self) -> anyhow::Result<()> {
        let Self { flow, stop, serving, working, watch, upkeep, .. } = self;
        drop((watch, upkeep));
        let _ = stop.send(true);
        serving.await.context("the listener ended by itself")?;
        working.await.context("the workers ended by themselves")?;
        flow.host.store.close().await;
        Ok(())
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
    let clock = clock.unwrap_or_default();
    let plugins = Plugins::new(engine, compiler, settings.tenants.clone(), clock.clone());
    let (tenants, reload) = Tenants::open(settings);
    crate::config::log(&reload);
    let tenants = Arc::new(tenants);
    let signer = Arc::new(KeySigner::new(tenants.clone()));
    let egress = Egress::new(&settings.egress, signer.clone()).context("outbound HTTP")?;
    let store = SqliteStore::open(&settings.store, crate::store::Options::default())
        .with_context(|| format!("cannot open the store {}", settings.store.display()))?;
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
