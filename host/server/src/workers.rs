//! The workers: what is due is claimed, run, and the next is claimed.
//!
//! Owns how much runs at once, when to look, and that work ends before its lease does. Does not own what a task or an effect is
//! (`passerelle_flow::run`). When the store fails, a dispatcher waits and looks again; a lease that was lost on the way runs out and is
//! claimed by somebody else.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use passerelle_flow::flow::Flow;
use passerelle_flow::store::{Erased, StoreResult};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use crate::host::ServerHost;
use crate::listen::stopped;

/// How often an idle dispatcher looks for what has become due (a debounce that ended, a backoff). A claim that finds nothing writes nothing.
const LOOK: Duration = Duration::from_millis(50);
/// After a failure of the store.
const STORE_PAUSE: Duration = Duration::from_secs(1);
/// Retention is counted in days.
const ERASE_EVERY: Duration = Duration::from_secs(3_600);
/// Figures are of an hour; a look that finds them kept costs a few reads.
const FIGURES_EVERY: Duration = Duration::from_secs(300);
/// A warning that is thirty days early needs no better.
const CERTIFICATES_EVERY: Duration = Duration::from_secs(86_400);
/// How often it is asked whether a round has something to look at in Google Wallet. Rounds are a day apart.
const GOOGLE_LOOK: Duration = Duration::from_secs(2);
/// How often it is asked whether a tenant's daily comparison is due or may go on: it waits for SecuTix's minutes.
const COMPARE_LOOK: Duration = Duration::from_secs(10);
/// When the round's share of the budget is spent: Google counts by the second.
const GOOGLE_PAUSE: Duration = Duration::from_secs(1);
/// Claimed in one transaction; more would only wait behind one another while their leases run.
const CLAIM_AT_ONCE: usize = 32;

#[derive(Clone, Copy, Debug)]
pub struct Crew {
    /// Tasks that run at once.
    pub tasks: u32,
    /// Effects that are sent at once.
    pub effects: u32,
    /// Webhooks that are sent at once: they wait for others, and cost little while they do.
    pub deliveries: u32,
}

/// Runs until `stop` turns true; what is leased by then is finished first.
pub async fn work(flow: Arc<Flow<ServerHost>>, crew: Crew, wake: Arc<Notify>, stop: watch::Receiver<bool>) {
    tokio::join!(
        dispatch(crew.tasks, &wake, stop.clone(), |limit| tasks(flow.clone(), wake.clone(), limit)),
        dispatch(crew.effects, &wake, stop.clone(), |limit| effects(flow.clone(), limit)),
        dispatch(crew.deliveries, &wake, stop.clone(), |limit| deliveries(flow.clone(), limit)),
        erase(&flow, stop.clone()),
        keep_figures(&flow, stop.clone()),
        watch_certificates(&flow, stop.clone()),
        look_at_google(&flow, stop.clone()),
        compare_daily(&flow, stop.clone()),
    );
}

/// A claimed piece of work, ready to be spawned.
type Job = Pin<Box<dyn Future<Output = ()> + Send>>;
type Jobs = Vec<Job>;

async fn dispatch<F, C>(at_once: u32, wake: &Notify, mut stop: watch::Receiver<bool>, claim: C)
where
    C: Fn(u32) -> F,
    F: Future<Output = StoreResult<Jobs>>,
{
    let permits = Arc::new(Semaphore::new(usize::try_from(at_once).unwrap_or(1).max(1)));
    let mut running = JoinSet::new();
    while !*stop.borrow() {
        while running.try_join_next().is_some() {}
        let free = permits.available_permits().min(CLAIM_AT_ONCE);
        if free == 0 {
            tokio::select! {
                _ = running.join_next() => {}
                () = stopped(&mut stop) => {}
            }
            continue;
        }
        // Created before the claim, so that what is accepted during it wakes us after it.
        let woken = wake.notified();
        match claim(u32::try_from(free).unwrap_or(1)).await {
            Ok(jobs) if jobs.is_empty() => {
                tokio::select! {
                    () = woken => {}
                    () = tokio::time::sleep(LOOK) => {}
                    () = stopped(&mut stop) => {}
                }
            }
            Ok(jobs) => {
                for job in jobs {
                    let permit = permits.clone().acquire_owned().await;
                    running.spawn(hold(job, permit.ok()));
                }
            }
            Err(error) => {
                tracing::error!(%error, "workers");
                tokio::select! {
                    () = tokio::time::sleep(STORE_PAUSE) => {}
                    () = stopped(&mut stop) => {}
                }
            }
        }
    }
    while let Some(ended) = running.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a worker ended by itself");
        }
    }
}

async fn hold(job: Job, _permit: Option<OwnedSemaphorePermit>) {
    job.await;
}

async fn tasks(flow: Arc<Flow<ServerHost>>, wake: Arc<Notify>, limit: u32) -> StoreResult<Jobs> {
    let leases = flow.claim(limit).await?;
    Ok(leases
        .into_iter()
        .map(|lease| {
            let (flow, wake) = (flow.clone(), wake.clone());
            Box::pin(async move {
                // Stopped before its lease ends: two that work at one task would each undo what the other does.
                let ended = match tokio::time::timeout(flow.patience(), flow.run(lease.clone())).await {
                    Ok(ended) => ended,
                    Err(_) => flow.overran(lease).await,
                };
                match ended {
                    // What a run changed is to be sent now.
                    Ok(_) => wake.notify_waiters(),
                    Err(error) => tracing::error!(%error, "a run was not recorded; its lease runs out"),
                }
            }) as Job
        })
        .collect())
}

async fn deliveries(flow: Arc<Flow<ServerHost>>, limit: u32) -> StoreResult<Jobs> {
    let leases = flow.claim_deliveries(limit).await?;
    Ok(leases
        .into_iter()
        .map(|lease| {
            let flow = flow.clone();
            Box::pin(async move {
                let ended = match tokio::time::timeout(flow.patience(), flow.deliver(lease.clone())).await {
                    Ok(ended) => ended,
                    Err(_) => flow.overran_delivery(lease).await,
                };
                if let Err(error) = ended {
                    tracing::error!(%error, "a delivery was not recorded; its lease runs out");
                }
            }) as Job
        })
        .collect())
}

async fn effects(flow: Arc<Flow<ServerHost>>, limit: u32) -> StoreResult<Jobs> {
    let leases = flow.claim_effects(limit).await?;
    Ok(leases
        .into_iter()
        .map(|lease| {
            let flow = flow.clone();
            Box::pin(async move {
                let ended = match tokio::time::timeout(flow.patience(), flow.send(lease.clone())).await {
                    Ok(ended) => ended,
                    Err(_) => flow.overran_effect(lease).await,
                };
                if let Err(error) = ended {
                    tracing::error!(%error, "an effect was not recorded; its lease runs out");
                }
            }) as Job
        })
        .collect())
}

/// Goes on with the round of looks at what Google Wallet holds, a batch at a time; the budget sets the pace.
async fn look_at_google(flow: &Flow<ServerHost>, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        let looked = match flow.claim_look().await {
            Ok(Some(batch)) => flow.look(batch).await.map(Some),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        let wait = match looked {
            Ok(Some(looked)) => {
                if looked.corrected > 0 {
                    tracing::info!(
                        passes = looked.passes,
                        corrected = looked.corrected,
                        "Google Wallet holds others than we believed"
                    );
                }
                looked.wait_until.map(|_| GOOGLE_PAUSE)
            }
            Ok(None) => Some(GOOGLE_LOOK),
            Err(error) => {
                tracing::error!(%error, "looking at Google Wallet");
                Some(GOOGLE_LOOK)
            }
        };
        let Some(wait) = wait else { continue };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stopped(&mut stop) => {}
        }
    }
}

/// Goes on with what tenants have compared once a day, a step at a time; SecuTix's budget sets the pace.
async fn compare_daily(flow: &Flow<ServerHost>, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        let wait = match flow.backfill_due().await {
            Ok(true) => continue,
            Ok(false) => COMPARE_LOOK,
            Err(error) => {
                tracing::error!(%error, "comparing with the other side");
                COMPARE_LOOK
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stopped(&mut stop) => {}
        }
    }
}

async fn erase(flow: &Flow<ServerHost>, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        match flow.erase_due().await {
            Ok(Erased { keys: 0, records: 0, .. }) => {}
            Ok(Erased { keys, records, more }) => {
                tracing::info!(keys, records, more, "erased what the retention time is over for");
            }
            Err(error) => tracing::error!(%error, "erase"),
        }
        tokio::select! {
            () = tokio::time::sleep(ERASE_EVERY) => {}
            () = stopped(&mut stop) => {}
        }
    }
}

/// The hour's figures, soon after it has begun, whoever of several nodes comes first.
async fn keep_figures(flow: &Flow<ServerHost>, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        match flow.keep_figures().await {
            Ok(0) => {}
            Ok(figures) => tracing::debug!(figures, "kept the hour's figures"),
            Err(error) => tracing::error!(%error, "the hour's figures"),
        }
        tokio::select! {
            () = tokio::time::sleep(FIGURES_EVERY) => {}
            () = stopped(&mut stop) => {}
        }
    }
}

/// Certificates that end soon, told at the start and once a day.
async fn watch_certificates(flow: &Flow<ServerHost>, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        flow.tell_of_certificates();
        tokio::select! {
            () = tokio::time::sleep(CERTIFICATES_EVERY) => {}
            () = stopped(&mut stop) => {}
        }
    }
}
