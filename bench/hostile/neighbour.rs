//! The tenant next door: its plugin is called all the time, and how long it waits is what harm would show in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use passerelle_flow::plugin::hook::{Hook, Turn};
use passerelle_flow::plugin::setup::PluginLimits;
use passerelle_guests::call;
use passerelle_sandbox::Plugin;

/// How long it is called alone before each row: some thousand calls.
const ALONE: Duration = Duration::from_millis(200);

#[derive(Clone)]
pub struct Neighbour {
    plugin: Arc<Plugin>,
}

/// Calls of the neighbour over some time.
pub struct Calls {
    /// Milliseconds, sorted.
    times: Vec<f64>,
    pub unanswered: usize,
}

impl Calls {
    pub fn p99(&self) -> f64 {
        self.times.get(self.times.len() * 99 / 100).copied().unwrap_or(f64::NAN)
    }

    pub fn number(&self) -> usize {
        self.times.len()
    }
}

impl Neighbour {
    pub fn new(plugin: Plugin) -> Self {
        Self { plugin: Arc::new(plugin) }
    }

    pub async fn alone(&self) -> Result<Calls> {
        let began = Instant::now();
        self.called(move || began.elapsed() < ALONE).await
    }

    /// What is done, and the neighbour's calls meanwhile.
    pub async fn beside<T>(&self, harm: impl Future<Output = T>) -> Result<(T, Calls)> {
        let going = Arc::new(AtomicBool::new(true));
        let (neighbour, still) = (self.clone(), going.clone());
        let calls = tokio::spawn(async move { neighbour.called(move || still.load(Ordering::Relaxed)).await });
        let done = harm.await;
        going.store(false, Ordering::Relaxed);
        Ok((done, calls.await??))
    }

    /// One call after the other, each in a task of its own: it waits for a thread, a turn and the answer, as an event does.
    async fn called(&self, going: impl Fn() -> bool) -> Result<Calls> {
        let (mut times, mut unanswered) = (Vec::new(), 0);
        let limits = PluginLimits::default();
        loop {
            let (plugin, began) = (self.plugin.clone(), Instant::now());
            let answer = tokio::spawn(async move { plugin.call(&limits, call(Hook::ChooseTemplate)).await }).await?;
            times.push(began.elapsed().as_secs_f64() * 1000.0);
            unanswered += usize::from(answer != Ok(Ok(Turn::Chosen("gold".to_owned()))));
            if !going() {
                break;
            }
        }
        times.sort_unstable_by(f64::total_cmp);
        Ok(Calls { times, unanswered })
    }
}
