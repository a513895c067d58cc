//! The edge: Passerelle as a Spin application, run by a program beside this one.
//!
//! Owns what a user of Spin does by hand: starting the program, calling the sweep now and then, and ending it. Does not own what it is started
//! with (`application`) nor the program: a real Spin, or whatever takes the same flags. What the edge has done is read from the file of Spin's
//! SQLite, which has the server's own tables.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use http::{Method, StatusCode};
use passerelle_simulator::Simulator;
use tokio::task::JoinHandle;

use super::application::{self, SWEEP_TOKEN, Written};
use super::client::Caller;
use crate::store::{Options, SqliteStore};

/// A compiled component is cached; without the cache, on a slow machine, compiling takes most of this.
const START: Duration = Duration::from_secs(120);
/// How often it is asked whether the edge answers.
const LOOK: Duration = Duration::from_millis(20);
/// How often the scheduler calls. A minute is usual; a demo is watched.
const SWEEP_EVERY: Duration = Duration::from_millis(500);

/// Which program, and with which words before the flags.
#[derive(Clone, Debug)]
pub struct Spin {
    pub program: PathBuf,
    /// `up`; nothing, where the program takes the flags directly.
    pub words: Vec<OsString>,
    /// The application: `spin.toml`.
    pub manifest: PathBuf,
}

/// What an edge may differ in from the demo's.
#[derive(Default)]
pub struct EdgeOptions {
    /// Names and values that take the place of the demo's, or join them.
    pub variables: Vec<(String, String)>,
    /// Behind the flags that every Spin knows.
    pub flags: Vec<OsString>,
    /// Nobody calls the sweep but whoever has started the edge.
    pub unscheduled: bool,
}

pub struct Edge {
    pub address: SocketAddr,
    pub store: SqliteStore,
    /// Its file.
    pub database: PathBuf,
    /// What the program and the component have written.
    pub log: PathBuf,
    /// From the program's start to the first answer.
    pub started_in: Duration,
    child: Child,
    scheduler: Option<JoinHandle<()>>,
}

impl Edge {
    /// Sets the application up in `folder`, where [`crate::example::write`] has put the tenant, and starts it. It listens on `address`, which must be
    /// known before: passes name it.
    pub async fn start(
        spin: &Spin,
        folder: &Path,
        world: &Simulator,
        address: SocketAddr,
        options: EdgeOptions,
    ) -> anyhow::Result<Self> {
        let Written { manifest, variables, runtime_config, state } =
            application::write(&spin.manifest, folder, world, address, options.variables)?;
        let log_path = folder.join("edge.log");
        let log = std::fs::File::create(&log_path).context("edge.log")?;
        let mut command = Command::new(&spin.program);
        command.args(&spin.words).arg("-f").arg(manifest);
        command.arg("--listen").arg(address.to_string());
        command.arg("--runtime-config-file").arg(runtime_config);
        command.arg("--variable").arg(format!("@{}", variables.display()));
        command.arg("--state-dir").arg(&state).args(&options.flags);
        // A group of its own: Spin starts further processes, and all of them are to end.
        command.process_group(0).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let began = Instant::now();
        let child = command.spawn().with_context(|| format!("cannot start {}", spin.program.display()))?;
        let mut starting = Starting(Some(child));
        let started_in = starting.answers(address, began, folder).await?;
        let database = state.join("sqlite_db.db");
        let store = SqliteStore::open(&database, Options::default()).context("the edge's database")?;
        let child = starting.0.take().context("the edge has ended")?;
        let scheduler = (!options.unscheduled).then(|| tokio::spawn(schedule(address)));
        Ok(Self { address, store, database, log: log_path, started_in, child, scheduler })
    }

    /// Memory of the program and what it has started, in bytes; none where the system does not tell.
    pub fn memory(&self) -> Option<u64> {
        let mut family = vec![self.child.id()];
        let mut sum = 0;
        while let Some(process) = family.pop() {
            let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
            sum += line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? * 1024;
            let children = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
            family
                .extend(children.unwrap_or_default().split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
        Some(sum)
    }

    fn unschedule(&self) {
        if let Some(scheduler) = &self.scheduler {
            scheduler.abort();
        }
    }

    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.unschedule();
        self.store.close().await;
        end(&mut self.child);
        Ok(())
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.unschedule();
        end(&mut self.child);
    }
}

/// Ends the group. Spin knows no graceful end; whatever was accepted is on disk.
fn end(child: &mut Child) {
    let group = format!("-{}", child.id());
    let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
    let _ = child.kill();
    let _ = child.wait();
}

/// A program that has been started and does not answer yet.
struct Starting(Option<Child>);

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            end(child);
        }
    }
}

impl Starting {
    async fn answers(&mut self, address: SocketAddr, began: Instant, folder: &Path) -> anyhow::Result<Duration> {
        let caller = Caller::new(format!("http://{address}"), String::new());
        loop {
            let ready = caller.call(Method::GET, "/health/ready", None).await;
            if ready.is_ok_and(|reply| reply.status == StatusCode::OK) {
                return Ok(began.elapsed());
            }
            let ended = match &mut self.0 {
                Some(child) => child.try_wait()?,
                None => None,
            };
            if ended.is_some() || began.elapsed() > START {
                let log = std::fs::read_to_string(folder.join("edge.log")).unwrap_or_default();
                let last: Vec<&str> = log.lines().rev().take(20).collect();
                let last: Vec<&str> = last.into_iter().rev().collect();
                bail!("the edge does not answer; its last words:\n{}", last.join("\n"));
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// What a scheduler does: it calls, and cares for nothing else.
async fn schedule(address: SocketAddr) {
    let caller = Caller::new(format!("http://{address}"), String::new());
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        if let Err(error) = caller.sweep(SWEEP_TOKEN).await {
            tracing::debug!(%error, "sweep");
        }
    }
}
