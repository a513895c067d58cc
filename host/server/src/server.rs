//! A running server: settings in, sockets and workers out, and an orderly end.
//!
//! Owns the order of start and stop. Nothing is served before the tenants are read and the store is open; on the way down requests end first,
//! then what the workers hold, then the store.

use std::net::SocketAddr;
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
        let (host, clock) = host(settings, options.connector.as_deref(), options.clock)?;
        let tenants = host.tenants.clone();
        let flow = Arc::new(Flow::new(host, settings.options));
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
        let watch = Watch::start(tenants);
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

/// The ports, put together. Also for commands that need no sockets.
pub fn host(
    settings: &Settings,
    connector: Option<&[u8]>,
    clock: Option<Arc<ServerClock>>,
) -> anyhow::Result<(ServerHost, Arc<ServerClock>)> {
    let sandbox = sandbox(settings.sandboxes, connector)?;
    let (tenants, reload) = Tenants::open(settings);
    crate::config::log(&reload);
    let tenants = Arc::new(tenants);
    let signer = Arc::new(KeySigner::new(tenants.clone()));
    let egress = Egress::new(&settings.egress, signer.clone()).context("outbound HTTP")?;
    let store = SqliteStore::open(&settings.store, crate::store::Options::default())
        .with_context(|| format!("cannot open the store {}", settings.store.display()))?;
    let clock = clock.unwrap_or_default();
    let host = ServerHost { clock: clock.clone(), random: SystemRandom, egress, signer, sandbox, store, tenants };
    Ok((host, clock))
}

/// The connector in its sandbox: the embedded one, or the one of `--connector`.
pub fn sandbox(calls: Option<usize>, connector: Option<&[u8]>) -> anyhow::Result<Sandbox> {
    let mut capacity = Capacity::default();
    if let Some(calls) = calls {
        capacity.calls = u32::try_from(calls).unwrap_or(u32::MAX);
    }
    let engine = Engine::new(capacity)?;
    Sandbox::load(&engine, connector.unwrap_or(crate::connector::CONNECTOR)).context("the connector")
}
