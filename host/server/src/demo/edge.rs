//! The edge: Passerelle as a Spin application, run by a program beside this one.
//!
//! Owns what a user of Spin does by hand: a copy of the application with its components and the tenant's folder, variables, the runtime
//! configuration, starting the program, calling the sweep now and then, and ending it. Does not own the program: a real Spin, or whatever takes
//! the same flags. What the edge has done is read from the file of Spin's SQLite, which has the server's own tables.

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
use toml_edit::{DocumentMut, Item, Table, value};

use super::client::Caller;
use crate::example;
use crate::store::{Options, SqliteStore};

/// A compiled component is cached; without the cache, on a slow machine, compiling takes most of this.
const START: Duration = Duration::from_secs(120);
/// How often it is asked whether the edge answers.
const LOOK: Duration = Duration::from_millis(20);
/// How often the scheduler calls. A minute is usual; a demo is watched.
const SWEEP_EVERY: Duration = Duration::from_millis(500);
/// The guard of the sweep, for as long as the demo lasts.
const SWEEP_TOKEN: &str = "the-demo-s-own";

/// Which program, and with which words before the flags.
#[derive(Clone, Debug)]
pub struct Spin {
    pub program: PathBuf,
    /// `up`; nothing, where the program takes the flags directly.
    pub words: Vec<OsString>,
    /// The application: `spin.toml`.
    pub manifest: PathBuf,
}

pub struct Edge {
    pub address: SocketAddr,
    pub store: SqliteStore,
    /// From the program's start to the first answer.
    pub started_in: Duration,
    child: Child,
    scheduler: JoinHandle<()>,
}

impl Edge {
    /// Sets the application up in `folder`, where [`example::write`] has put the tenant, and starts it. It listens on `address`, which must be
    /// known before: passes name it.
    pub async fn start(spin: &Spin, folder: &Path, world: &Simulator, address: SocketAddr) -> anyhow::Result<Self> {
        let tenant = folder.join("tenants").join(example::TENANT);
        let secrets = Secrets::take(&tenant)?;
        application(spin, folder)?;
        runtime_configuration(folder, world, &secrets)?;
        let state = folder.join("state");
        let log = std::fs::File::create(folder.join("edge.log")).context("edge.log")?;
        let mut command = Command::new(&spin.program);
        command.args(&spin.words).arg("-f").arg(folder.join("spin.toml"));
        command.arg("--listen").arg(address.to_string());
        command.arg("--runtime-config-file").arg(folder.join("runtime-config.toml"));
        command.arg("--state-dir").arg(&state);
        for (name, text) in variables(world, address, &secrets) {
            command.env(format!("SPIN_VARIABLE_{}", name.to_uppercase()), text);
        }
        // A group of its own: Spin starts further processes, and all of them are to end.
        command.process_group(0).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let began = Instant::now();
        let child = command.spawn().with_context(|| format!("cannot start {}", spin.program.display()))?;
        let mut starting = Starting(Some(child));
        let started_in = starting.answers(address, began, folder).await?;
        let store =
            SqliteStore::open(&state.join("sqlite_db.db"), Options::default()).context("the edge's database")?;
        let child = starting.0.take().context("the edge has ended")?;
        let scheduler = tokio::spawn(schedule(address));
        Ok(Self { address, store, started_in, child, scheduler })
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

    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.scheduler.abort();
        self.store.close().await;
        end(&mut self.child);
        Ok(())
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.scheduler.abort();
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

/// The tenant's secrets, which are variables of the application and lie in no mounted folder.
struct Secrets(Vec<(&'static str, String)>);

/// Table and key of `tenant.toml`, and the file that `example::write` refers to.
const SECRETS: [(&str, &str, &str); 6] = [
    ("secutix", "secret", "secutix.secret"),
    ("seal", "key", "seal.key"),
    ("apple", "certificate", "apple/pass.pem"),
    ("apple", "intermediate", "apple/intermediate.pem"),
    ("apple", "key", "apple/pass.key"),
    ("google", "account", "google.json"),
];

fn variable(table: &str, key: &str) -> String {
    format!("{}_{table}_{key}", example::TENANT)
}

impl Secrets {
    /// Takes them out of the tenant's folder, and makes the references variables.
    fn take(tenant: &Path) -> anyhow::Result<Self> {
        let file = tenant.join("tenant.toml");
        let mut document: DocumentMut = std::fs::read_to_string(&file)?.parse().context("tenant.toml")?;
        let mut secrets = Vec::new();
        for (table, key, name) in SECRETS {
            let path = tenant.join(name);
            secrets.push((name, std::fs::read_to_string(&path).with_context(|| path.display().to_string())?));
            std::fs::remove_file(&path)?;
            example::set(&mut document, table, key, &format!("variable:{}", variable(table, key)))?;
        }
        std::fs::write(&file, document.to_string())?;
        Ok(Self(secrets))
    }

    fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text)
    }
}

fn variables(world: &Simulator, address: SocketAddr, secrets: &Secrets) -> Vec<(String, String)> {
    let addresses = world.addresses();
    let fixed = [
        ("public_url", format!("http://{address}")),
        ("plain_http", "true".to_owned()),
        ("sweep_token", SWEEP_TOKEN.to_owned()),
        // Twelve notifications take an edge longer than a server, since each is a request with a sweep behind it: with the 50 ms of the demo's
        // server they would not meet.
        ("debounce_ms", "250".to_owned()),
        ("secutix_host", host(&addresses.secutix)),
        ("apple_push_host", host(&addresses.push)),
        ("google_api_host", host(&addresses.google_api)),
        ("google_token_host", host(&addresses.google_token)),
        ("google_keys_host", host(&addresses.google_keys)),
    ];
    let secrets = SECRETS.iter().map(|(table, key, name)| (variable(table, key), secrets.get(name).to_owned()));
    fixed.into_iter().map(|(name, text)| (name.to_owned(), text)).chain(secrets).collect()
}

/// Scheme, host and port of an address.
fn host(address: &str) -> String {
    let (scheme, rest) = address.split_once("://").unwrap_or(("https", address));
    format!("{scheme}://{}", rest.split('/').next().unwrap_or(rest))
}

/// A copy of the application: components beside the manifest, and the demo's tenants mounted instead of the example's.
fn application(spin: &Spin, folder: &Path) -> anyhow::Result<()> {
    let manifest = &spin.manifest;
    let text = std::fs::read_to_string(manifest).with_context(|| format!("cannot read {}", manifest.display()))?;
    let mut document: DocumentMut = text.parse().with_context(|| manifest.display().to_string())?;
    let home = manifest.parent().unwrap_or(Path::new(""));
    let edge = document.get_mut("component").and_then(|component| component.get_mut("edge"));
    let edge = edge.and_then(Item::as_table_mut).context("spin.toml has no component `edge`")?;
    copy_named(edge, "source", home, folder, "edge.wasm")?;
    let dependencies = edge.get_mut("dependencies").and_then(Item::as_table_mut).context("`edge` has no dependency")?;
    for (_, dependency) in dependencies.iter_mut() {
        let dependency = dependency.as_table_like_mut().context("a dependency without a path")?;
        copy_named(dependency, "path", home, folder, "connector.wasm")?;
    }
    let mut mount = toml_edit::InlineTable::new();
    mount.insert("source", "tenants".into());
    mount.insert("destination", "/tenants".into());
    edge.insert("files", value(toml_edit::Array::from_iter([mount])));
    edge.remove("build");
    std::fs::write(folder.join("spin.toml"), document.to_string())?;
    Ok(())
}

/// Copies the file that `key` names and names the copy.
fn copy_named(
    table: &mut dyn toml_edit::TableLike,
    key: &str,
    home: &Path,
    folder: &Path,
    name: &str,
) -> anyhow::Result<()> {
    let path = table.get(key).and_then(Item::as_str).with_context(|| format!("spin.toml: no `{key}`"))?;
    let from = home.join(path);
    std::fs::copy(&from, folder.join(name))
        .with_context(|| format!("cannot copy {}: `cargo xtask build --spin` builds it", from.display()))?;
    table.insert(key, value(name));
    Ok(())
}

/// Names of the hosts of the simulated world, each once.
fn names(world: &Simulator) -> Vec<String> {
    let addresses = world.addresses();
    let all = [&addresses.secutix, &addresses.push, &addresses.google_api, &addresses.google_token];
    let name = |address: &&String| {
        let host = host(address);
        let host = host.split_once("://").map_or(host.as_str(), |(_, host)| host);
        host.rsplit_once(':').map_or(host, |(name, _)| name).to_owned()
    };
    all.iter().map(name).collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

/// The simulated world is certified by an authority of its own, and its push service wants to see the pass's certificate.
fn runtime_configuration(folder: &Path, world: &Simulator, secrets: &Secrets) -> anyhow::Result<()> {
    let tls = folder.join("tls");
    std::fs::create_dir_all(&tls)?;
    let chain = format!("{}\n{}", secrets.get("apple/pass.pem"), secrets.get("apple/intermediate.pem"));
    std::fs::write(tls.join("pass-chain.pem"), chain)?;
    std::fs::write(tls.join("pass.key"), secrets.get("apple/pass.key"))?;
    // Spin tells hosts apart by their name alone, and all of these are this machine: the certificate is shown to who asks for one.
    let mut table = Table::new();
    table.insert("component_ids", value(toml_edit::Array::from_iter(["edge"])));
    table.insert("hosts", value(toml_edit::Array::from_iter(names(world))));
    table.insert("ca_roots_file", value(folder.join("authority.pem").display().to_string()));
    table.insert("client_cert_file", value(tls.join("pass-chain.pem").display().to_string()));
    table.insert("client_private_key_file", value(tls.join("pass.key").display().to_string()));
    let mut document = DocumentMut::new();
    document.insert("client_tls", Item::ArrayOfTables(toml_edit::ArrayOfTables::from_iter([table])));
    std::fs::write(folder.join("runtime-config.toml"), document.to_string())?;
    Ok(())
}
