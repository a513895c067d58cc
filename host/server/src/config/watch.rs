//! Looks for changes of the tenants' folders: when files change, and on SIGHUP.
//!
//! Owns the moment. What a reload does is [`Tenants::reload`]. The watcher sees the folder and what lies in it; a secret elsewhere
//! (`/run/secrets`) and an environment variable are not watched: SIGHUP is for those, and for file systems that announce nothing (NFS).

use std::sync::Arc;
use std::time::Duration;

use notify::{RecursiveMode, Watcher as _};
use tokio::sync::{mpsc, oneshot, watch};

use super::tenants::{Reload, Tenants};

/// A copied folder is a hundred events within milliseconds, and a file is seen half-written meanwhile: look when it has been quiet.
const QUIET: Duration = Duration::from_millis(300);

/// A folder that changes all the time is looked at all the same.
const LONGEST: Duration = Duration::from_secs(5);

/// Watches until it is dropped.
pub struct Watch {
    ask: mpsc::Sender<oneshot::Sender<()>>,
    looks: watch::Receiver<u64>,
    // Dropping it ends the watching.
    _watcher: Option<notify::RecommendedWatcher>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Watch {
    /// Begins to watch. When the system refuses (no inotify instances left, a file system without events), SIGHUP still works, and the
    /// log says so.
    ///
    /// `then`: what is done after each look, before who asked for it is told.
    pub fn start<F: Future<Output = ()> + Send + 'static>(
        tenants: Arc<Tenants>,
        then: impl Fn() -> F + Send + 'static,
    ) -> Self {
        // One waiting event is enough: a look sees everything.
        let (change, changed) = mpsc::channel(1);
        let (ask, asked) = mpsc::channel(1);
        let (tell, looks) = watch::channel(0);
        let watcher = watcher(&tenants, change);
        let task = tokio::spawn(run(tenants, then, changed, asked, tell));
        Self { ask, looks, _watcher: watcher, task }
    }

    /// Looks now, whether or not a change was seen, and returns when that look is over.
    pub async fn reload_now(&self) {
        let (tell, told) = oneshot::channel();
        // Both fail only when the runtime is shutting down, and then nobody needs the tenants.
        if self.ask.send(tell).await.is_ok() {
            let _ = told.await;
        }
    }

    /// Counts finished looks.
    pub fn looks(&self) -> watch::Receiver<u64> {
        self.looks.clone()
    }
}

fn watcher(tenants: &Tenants, change: mpsc::Sender<()>) -> Option<notify::RecommendedWatcher> {
    let changed = move |event: notify::Result<notify::Event>| {
        // Reading is no change; an error (an overflowing queue) may hide one.
        if event.is_ok_and(|event| event.kind.is_access()) {
            return;
        }
        // Full: a look is about to begin anyway.
        let _ = change.try_send(());
    };
    let watcher = notify::recommended_watcher(changed).and_then(|mut watcher| {
        watcher.watch(tenants.folder(), RecursiveMode::Recursive)?;
        Ok(watcher)
    });
    watcher
        .map_err(|error| tracing::warn!(%error, "the tenants' folders are not watched; send SIGHUP after a change"))
        .ok()
}

async fn run<F: Future<Output = ()> + Send + 'static>(
    tenants: Arc<Tenants>,
    then: impl Fn() -> F + Send + 'static,
    mut changed: mpsc::Receiver<()>,
    mut asked: mpsc::Receiver<oneshot::Sender<()>>,
    tell: watch::Sender<u64>,
) {
    let mut hangup = Hangup::new();
    loop {
        let waiting = tokio::select! {
            Some(()) = changed.recv() => {
                until_quiet(&mut changed).await;
                None
            }
            request = asked.recv() => match request {
                Some(request) => Some(request),
                None => return,
            },
            () = hangup.recv() => None,
        };
        let looked_at = Arc::clone(&tenants);
        // Reading and compiling take milliseconds that the requests should not wait for.
        match tokio::task::spawn_blocking(move || looked_at.reload()).await {
            Ok(report) => log(&report),
            Err(error) => tracing::error!(%error, "the tenants could not be reloaded"),
        }
        then().await;
        tell.send_modify(|count| *count += 1);
        if let Some(waiting) = waiting {
            let _ = waiting.send(());
        }
    }
}

async fn until_quiet(changed: &mut mpsc::Receiver<()>) {
    let deadline = tokio::time::Instant::now() + LONGEST;
    while let Ok(Some(())) = tokio::time::timeout(QUIET, changed.recv()).await {
        if tokio::time::Instant::now() >= deadline {
            break;
        }
    }
}

/// Says what changed. Problems name keys and files, never values.
pub fn log(report: &Reload) {
    for tenant in &report.added {
        tracing::info!(%tenant, "tenant added");
    }
    for tenant in &report.changed {
        tracing::info!(%tenant, "tenant changed");
    }
    for tenant in &report.removed {
        tracing::warn!(%tenant, "tenant removed: its folder is gone");
    }
    for broken in &report.broken {
        let kept = if broken.kept { "the earlier configuration stays in force" } else { "the tenant is not served" };
        for problem in &broken.problems {
            tracing::error!(tenant = %broken.tenant, %problem, "the configuration is broken; {kept}");
        }
    }
    for problem in &report.problems {
        tracing::error!(%problem, "the tenants' folder");
    }
}

/// SIGHUP, where there is one.
struct Hangup {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
}

impl Hangup {
    #[cfg(unix)]
    fn new() -> Self {
        let signal = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup());
        Self { signal: signal.map_err(|error| tracing::warn!(%error, "SIGHUP is not listened to")).ok() }
    }

    #[cfg(not(unix))]
    fn new() -> Self {
        Self {}
    }

    async fn recv(&mut self) {
        #[cfg(unix)]
        {
            if let Some(signal) = &mut self.signal
                && signal.recv().await.is_some()
            {
                return;
            }
        }
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tenants::tests::Folder;

    /// Far longer than a look takes; reached only when none comes.
    const PATIENCE: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn a_changed_file_becomes_a_changed_tenant() {
        let folder = Folder::with(&["demo"]);
        let tenants = Arc::new(folder.tenants());
        let watch = Watch::start(Arc::clone(&tenants), async || {});
        let mut looks = watch.looks();
        folder.rename("demo", "Renamed");
        let renamed =
            looks.wait_for(|_| tenants.get(&Folder::id("demo")).is_some_and(|tenant| tenant.organization == "Renamed"));
        tokio::time::timeout(PATIENCE, renamed).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_reload_that_is_asked_for_is_over_when_it_returns() {
        let folder = Folder::with(&["demo"]);
        let tenants = Arc::new(folder.tenants());
        let watch = Watch::start(Arc::clone(&tenants), async || {});
        for name in ["First", "Second"] {
            folder.rename("demo", name);
            watch.reload_now().await;
            assert_eq!(tenants.get(&Folder::id("demo")).unwrap().organization, name);
        }
    }
}
