//! Keeps the tenants' plugins in force: when it is looked, and what is compiled behind the requests' backs.
//!
//! Owns the moments, the log, and that each plugin that is in force, or is gone, has its place in the outbox: never one of which that is not known yet.

use std::sync::Arc;
use std::time::Duration;

use passerelle_flow::flow::Flow;
use passerelle_flow::identity::TenantId;
use passerelle_flow::plugin::Presence;
use passerelle_flow::ports::Plugins as _;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::Look;
use crate::host::ServerHost;

/// How often it is asked whether something is due by the clock: a fraction of the minute that a file may be gone, and of what is waited after a failure.
const TICK: Duration = Duration::from_secs(5);

/// Looks at all folders: quickly, since what is not compiled yet is left to wait.
pub async fn look(flow: &Flow<ServerHost>) {
    let tenants = flow.host.tenants.all();
    flow.host.plugins.retain(|tenant| tenants.contains_key(tenant));
    for id in tenants.keys() {
        let look = flow.host.plugins.look(id).await;
        tell(id, &look);
        settle(flow, id).await;
    }
    flow.host.plugins.tidy().await;
}

/// Compiles what waits, one after the other, until it is dropped.
pub struct Upkeep {
    wake: Arc<Notify>,
    ask: mpsc::Sender<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        // A child that compiles ends with it.
        self.task.abort();
    }
}

impl Upkeep {
    pub fn start(flow: Arc<Flow<ServerHost>>) -> Self {
        let wake = Arc::new(Notify::new());
        let (ask, asked) = mpsc::channel(1);
        let task = tokio::spawn(run(flow, wake.clone(), asked));
        Self { wake, ask, task }
    }

    /// To be notified after a look.
    pub fn wake(&self) -> Arc<Notify> {
        self.wake.clone()
    }

    /// Returns when nothing waits to be compiled any more.
    pub async fn done(&self) {
        let (tell, told) = oneshot::channel();
        // Both fail only when the runtime is shutting down.
        if self.ask.send(tell).await.is_ok() {
            let _ = told.await;
        }
    }
}

async fn run(flow: Arc<Flow<ServerHost>>, wake: Arc<Notify>, mut asked: mpsc::Receiver<oneshot::Sender<()>>) {
    let plugins = &flow.host.plugins;
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let waiting = tokio::select! {
            request = asked.recv() => match request {
                Some(request) => Some(request),
                None => return,
            },
            () = wake.notified() => None,
            _ = tick.tick() => None,
        };
        // Each look puts off the next one, so that this ends.
        while let Some(tenant) = plugins.due() {
            tell(&tenant, &plugins.look(&tenant).await);
            settle(&flow, &tenant).await;
        }
        while let Some((tenant, look)) = plugins.compile_next().await {
            tell(&tenant, &look);
            settle(&flow, &tenant).await;
        }
        for tenant in plugins.unsettled() {
            settle(&flow, &tenant).await;
        }
        if let Some(waiting) = waiting {
            let _ = waiting.send(());
        }
    }
}

/// Gives the plugin its place in the outbox. What waits for one that cannot be called now is not given up because of that.
async fn settle(flow: &Flow<ServerHost>, id: &TenantId) {
    let plugins = &flow.host.plugins;
    // What is not there, or is not known yet, is settled by the look that finds it.
    let Some(tenant) = flow.host.tenants.get(id) else { return plugins.settled(id, true) };
    if let Presence::Unavailable(_) = plugins.presence(&tenant) {
        return plugins.settled(id, true);
    }
    let done = flow.settle_plugin(&tenant).await;
    plugins.settled(id, done.is_ok());
    if let Err(error) = done {
        let seconds = TICK.as_secs();
        tracing::error!(tenant = %id, %error, "the plugin has no place in the outbox yet; it is tried again in {seconds} seconds");
    }
}

fn tell(tenant: &TenantId, look: &Look) {
    let then = |kept: &bool| {
        if *kept { "the one before it stays in force" } else { "the defaults decide, and what it is told waits" }
    };
    match look {
        Look::Same => {}
        Look::Loaded(installed) => {
            let hooks: Vec<_> = installed.hooks.iter().map(|hook| hook.name()).collect();
            let digest = hex::encode(installed.digest);
            tracing::info!(%tenant, digest, ?hooks, "the tenant's plugin is in force");
        }
        Look::Waits { kept } => {
            tracing::info!(%tenant, "the tenant's plugin is to be compiled; until then {}", then(kept))
        }
        Look::Missing => {
            tracing::warn!(%tenant, "the file of the tenant's plugin is gone: the plugin stays in force for a minute")
        }
        Look::Removed => tracing::info!(%tenant, "the tenant's plugin was removed"),
        Look::Broken { kept, error } => {
            tracing::error!(%tenant, %error, "the tenant's plugin is not usable; {}", then(kept))
        }
    }
}
