//! The commands, from arguments to an exit code: `Ok(true)` it is good, `Ok(false)` it is not, `Err` it could not be done.
//!
//! Owns what each command prints and which runtime it needs. Does not own what it does.

#![allow(clippy::print_stdout)] // what a command is asked for goes to standard output

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use passerelle_flow::access::Environment;
use passerelle_flow::explain::explain as explain_change;
use passerelle_flow::identity::TenantId;
use passerelle_flow::notification::token_mac;
use passerelle_flow::ports::{Clock as _, Host as _, Random as _};
use passerelle_flow::run::FindingRecord;
use passerelle_flow::store::{Store as _, TaskSubject};
use passerelle_flow::tenant::load::TENANT_FILE;
use passerelle_flow::words;
use tokio::runtime::Runtime;

use crate::check::{CheckOptions, SchemaOf, run_check, schema};
use crate::cli::{Check, Configured, Demo, Explain, Key, Record, Runs, Stuck, TenantName, Whose};
use crate::config::file::ServerTable;
use crate::config::{Settings, Tenants, Variables};
use crate::demo::edge::Spin;
use crate::demo::{self, DemoOptions};
use crate::host::{ServerClock, SystemRandom};
use crate::server::{self, Server, StartOptions};
use crate::store::SqliteStore;
use crate::{file_keys, keys, record as recorder, runs as past};
use crate::{logging, report_file};

/// The bytes of `--connector`, if it was given.
pub fn connector(file: Option<&Path>) -> anyhow::Result<Option<Vec<u8>>> {
    let read =
        |file: &Path| std::fs::read(file).with_context(|| format!("cannot read the connector {}", file.display()));
    file.map(read).transpose()
}

pub(crate) fn settings(configured: &Configured) -> anyhow::Result<Settings> {
    Settings::read(&configured.config).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the configuration is not usable:\n{}", lines.join("\n"))
    })
}

/// Those of `--variables`; none without it.
pub(crate) fn variables(file: Option<&Path>) -> anyhow::Result<Variables> {
    let read = |file: &Path| Variables::read(file).map_err(|error| anyhow::anyhow!("{} {error}", file.display()));
    Ok(file.map(read).transpose()?.unwrap_or_default())
}

pub(crate) fn runtime(threads: Option<usize>) -> anyhow::Result<Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = threads {
        builder.worker_threads(threads);
    }
    Ok(builder.enable_all().build()?)
}

pub fn serve(configured: &Configured, connector: Option<Vec<u8>>) -> anyhow::Result<bool> {
    let settings = settings(configured)?;
    logging::start(&settings.log);
    runtime(settings.threads)?.block_on(async {
        let server = Server::start(&settings, StartOptions { connector, ..StartOptions::default() }).await?;
        if server.flow.host.tenants.all().is_empty() {
            tracing::warn!(folder = %settings.tenants.display(), "no tenant is in force; `passerelle check` says what is wrong, examples/ has one to copy");
        }
        asked_to_stop().await?;
        tracing::info!("stopping: requests and runs in progress are finished first");
        server.stop().await?;
        Ok(true)
    })
}

/// Ctrl-C, or what a service manager sends.
pub(crate) async fn asked_to_stop() -> anyhow::Result<()> {
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminated.recv() => {}
    }
    Ok(())
}

pub fn demo(arguments: Demo, connector: Option<Vec<u8>>) -> anyhow::Result<bool> {
    logging::for_people(arguments.verbose);
    let Demo { report, stay, folder, on, manifest, plugins, .. } = arguments;
    let spin = (on == "spin").then(|| spin(manifest)).transpose()?;
    runtime(None)?.block_on(demo::run(DemoOptions { folder, report, stay, connector, spin, plugins }))
}

/// The program that runs Spin applications, as the environment names it.
fn spin(manifest: PathBuf) -> anyhow::Result<Spin> {
    let program = std::env::var_os("SPIN_BIN").map(PathBuf::from).context(
        "SPIN_BIN must name the program that runs Spin applications, Spin 4.1 or newer; in a clone, `cargo xtask demo --on spin` brings one",
    )?;
    let words = std::env::var("SPIN_UP").unwrap_or_else(|_| "up".to_owned());
    let words = words.split_whitespace().map(std::ffi::OsString::from).collect();
    Ok(Spin { program, words, manifest })
}

pub fn check(arguments: &Check) -> anyhow::Result<bool> {
    match arguments.schema.as_deref() {
        Some("tenant") => print!("{}", schema(SchemaOf::Tenant)),
        Some(_) => print!("{}", schema(SchemaOf::Server)),
        None => {
            let options = CheckOptions {
                config: arguments.configured.config.clone(),
                variables: variables(arguments.variables.as_deref())?,
                tenant: arguments.tenant.as_ref().map(|name| name.0.clone()),
                now: ServerClock::default().now(),
                report: arguments.report.clone(),
            };
            return Ok(run_check(&options, &mut std::io::stdout().lock())?.ok);
        }
    }
    Ok(true)
}

pub fn explain(arguments: &Explain, connector: Option<&[u8]>) -> anyhow::Result<bool> {
    let read = |path: &Path| std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let before = arguments.before.as_deref().map(read).transpose()?;
    let after = read(&arguments.after)?;
    let change = arguments.change.as_deref().map(read).transpose()?;
    let sandbox = server::sandbox(&server::engine(None)?, connector)?;
    let verdict = runtime(None)?.block_on(explain_change(&sandbox, before.as_deref(), &after, change.as_deref()))?;
    for finding in verdict.findings.iter().map(FindingRecord::of) {
        println!("{}  ({} confidence)", words::use_case(&finding.use_case), finding.confidence);
        println!("  movements: {}", finding.movements.join(", "));
        if let Some(successor) = &finding.successor {
            println!("  successor: {successor}");
        }
        let seen = finding.facts.iter().filter(|fact| fact.observed == "yes").map(|fact| fact.name.as_str());
        println!("  seen: {}", seen.collect::<Vec<_>>().join(", "));
        for fact in finding
            .facts
            .iter()
            // That it is possible elsewhere as well is no disagreement.
            .filter(|fact| !fact.is_place())
            .filter(|fact| fact.observed != fact.matrix && fact.observed != "unknown" && fact.matrix != "unknown")
        {
            println!("  the matrix says {} for {} ({})", fact.matrix, fact.name, fact.confidence);
        }
    }
    println!("Passes:");
    for operation in &verdict.operations {
        println!("  {}", words::operation(operation));
    }
    for pointer in &verdict.unread {
        println!("Not understood: {pointer}");
    }
    if let Some(path) = &arguments.report {
        let findings: Vec<FindingRecord> = verdict.findings.iter().map(FindingRecord::of).collect();
        let operations: Vec<_> = verdict.operations.iter().map(words::operation_record).collect();
        let report = serde_json::json!({ "ok": true, "file": verdict.file, "findings": findings, "operations": operations, "unread": verdict.unread });
        report_file::write(path, &report)?;
    }
    Ok(true)
}

pub(crate) fn open_store(settings: &Settings) -> anyhow::Result<SqliteStore> {
    SqliteStore::open(&settings.store, crate::store::Options::default())
        .with_context(|| format!("cannot open the store {}", settings.store.display()))
}

pub fn key(arguments: Key) -> anyhow::Result<bool> {
    let now = ServerClock::default().now();
    match arguments {
        Key::Seal { file } => {
            keys::seal(&file, &SystemRandom)?;
            println!(
                "Written: {}. Keep a copy apart from the database: without it nothing that it sealed can be read.",
                file.display()
            );
        }
        Key::Create { configured, tenant, scopes, label, expires, print: true, environment } => {
            let environment = match environment {
                Some(name) => Environment::parse(&name)?,
                // The edge has no passerelle.toml.
                None if configured.is_absent() => Environment::parse(&ServerTable::default().environment)?,
                None => settings(&configured)?.environment,
            };
            let expires = expires.as_deref();
            let new = keys::NewKey { environment, tenant: tenant.0, scopes: &scopes, label: &label, expires };
            let (key, table) = keys::print(&SystemRandom, now, new)?;
            println!("{}\n\n{table}", key.as_str());
            eprintln!(
                "The key, for X-API-KEY, is shown once. Nothing is stored: append the table to the tenant's tenant.toml."
            );
        }
        Key::Create { configured, tenant, scopes, label, expires, print: false, environment: _ } => {
            let settings = settings(&configured)?;
            let TenantIs(tenant) = known_tenant(&settings, tenant.0)?;
            runtime(None)?.block_on(async {
                let store = open_store(&settings)?;
                let new = keys::NewKey {
                    environment: settings.environment.clone(),
                    tenant,
                    scopes: &scopes,
                    label: &label,
                    expires: expires.as_deref(),
                };
                let key = keys::create(&store, &SystemRandom, now, new).await?;
                store.close().await;
                println!("{}", key.as_str());
                eprintln!("This key is shown once. Send it as X-API-KEY.");
                anyhow::Ok(())
            })?;
        }
        Key::List { configured, whose: Whose { tenant, file } } => {
            let out = &mut std::io::stdout();
            match (tenant, file) {
                (Some(TenantName(tenant)), _) => {
                    let settings = settings(&configured)?;
                    let in_file = file_keys::read(&tenant_file(&settings, &tenant))?;
                    runtime(None)?.block_on(async {
                        let store = open_store(&settings)?;
                        keys::list(&store, &tenant, &in_file, now, out).await?;
                        store.close().await;
                        anyhow::Ok(())
                    })?;
                }
                (None, file) => keys::list_file(&file_keys::read(&file.unwrap_or_default())?, now, out)?,
            }
        }
        Key::Revoke { configured, whose: Whose { tenant, file }, id } => {
            match (tenant, file) {
                (Some(TenantName(tenant)), _) => {
                    let settings = settings(&configured)?;
                    let out_of_file = file_keys::revoke(&tenant_file(&settings, &tenant), &id)?;
                    runtime(None)?.block_on(async {
                        let store = open_store(&settings)?;
                        match keys::revoke(&store, &tenant, &id, now).await {
                            Err(keys::KeyError::NoSuchKey) if out_of_file => {}
                            ended => ended?,
                        }
                        store.close().await;
                        anyhow::Ok(())
                    })?;
                }
                (None, file) => {
                    if !file_keys::revoke(&file.unwrap_or_default(), &id)? {
                        return Err(keys::KeyError::NoSuchKey.into());
                    }
                }
            }
            println!("Revoked: {id}");
        }
    }
    Ok(true)
}

/// A tenant that has a folder: a key for a name with a typing error would look like a working one.
pub(crate) struct TenantIs(pub(crate) TenantId);

pub(crate) fn known_tenant(settings: &Settings, tenant: TenantId) -> anyhow::Result<TenantIs> {
    let folder = settings.tenants.join(tenant.as_str());
    if !folder.join("tenant.toml").is_file() {
        bail!("there is no tenant {tenant} in {}", settings.tenants.display());
    }
    Ok(TenantIs(tenant))
}

fn tenant_file(settings: &Settings, tenant: &TenantId) -> PathBuf {
    settings.tenants.join(tenant.as_str()).join(TENANT_FILE)
}

pub fn stuck(arguments: Stuck) -> anyhow::Result<bool> {
    let now = ServerClock::default().now();
    match arguments {
        Stuck::List { configured, tenant } => {
            let settings = settings(&configured)?;
            let tasks = runtime(None)?.block_on(async {
                let store = open_store(&settings)?;
                let tasks = store.stuck(tenant.as_ref().map(|name| &name.0)).await?;
                store.close().await;
                anyhow::Ok(tasks)
            })?;
            if tasks.is_empty() {
                println!("Nothing waits for a person.");
                return Ok(true);
            }
            let mut table = comfy_table::Table::new();
            table
                .load_preset(comfy_table::presets::NOTHING)
                .set_header(["TENANT", "TASK", "SUBJECT", "STATE", "ATTEMPTS", "WHY"]);
            for task in tasks {
                let subject = match task.subject {
                    TaskSubject::File(file) => format!("file {file}"),
                    TaskSubject::Contact(_) => "contact".to_owned(),
                    TaskSubject::Token(_) => "order not seen yet".to_owned(),
                };
                table.add_row([
                    task.tenant.to_string(),
                    task.task,
                    subject,
                    task.state,
                    task.attempts.to_string(),
                    task.error.unwrap_or_default(),
                ]);
            }
            println!("{table}\n\n`passerelle stuck release --tenant T TASK` lets one go on.");
        }
        Stuck::Release { configured, tenant, task } => {
            let settings = settings(&configured)?;
            let released = runtime(None)?.block_on(async {
                let store = open_store(&settings)?;
                let released = store.replay(&tenant.0, &task, now).await?;
                store.close().await;
                anyhow::Ok(released)
            })?;
            if !released {
                bail!("{} has no task {task} that waits for a person; `passerelle stuck list` shows them", tenant.0);
            }
            println!("Released: the server takes it up within a second.");
        }
    }
    Ok(true)
}

/// A token is kept as a MAC by the tenant's keys.
fn order(settings: &Settings, tenant: &TenantId, token: &str) -> anyhow::Result<TaskSubject> {
    let (tenants, _) = Tenants::open(settings);
    let tenant = tenants.get(tenant).context("the tenant is not in force; `passerelle check` says why")?;
    Ok(TaskSubject::Token(token_mac(&tenant.keys, token)))
}

pub fn runs(arguments: Runs) -> anyhow::Result<bool> {
    let settings = settings(&arguments.configured)?;
    let TenantIs(tenant) = known_tenant(&settings, arguments.tenant.0)?;
    let subject = match (arguments.file, arguments.contact, arguments.token) {
        (Some(file), ..) => TaskSubject::File(file),
        (_, Some(number), _) => TaskSubject::Contact(number),
        (.., Some(token)) => order(&settings, &tenant, &token)?,
        (None, None, None) => bail!("--file, --contact or --token says whose runs"),
    };
    let log = runtime(None)?.block_on(async {
        let store = open_store(&settings)?;
        let log = store.log(&tenant, &subject, arguments.limit).await?;
        store.close().await;
        anyhow::Ok(log)
    })?;
    if log.runs.is_empty() && log.notifications.is_empty() {
        println!("Nothing is known of it: no notification came, or it was kept long enough ([retention]).");
        return Ok(false);
    }
    print!("{}", past::told(&log));
    Ok(true)
}

pub fn record(arguments: Record) -> anyhow::Result<bool> {
    let settings =
        Settings { variables: variables(arguments.variables.as_deref())?, ..settings(&arguments.configured)? };
    logging::for_people(false);
    runtime(None)?.block_on(async {
        let (host, _) = server::host(&settings, None, None, None)?;
        let tenant = host.tenant(&arguments.tenant.0).with_context(|| {
            format!("the tenant {} is not in force; `passerelle check` says why", arguments.tenant.0)
        })?;
        let subject = match (arguments.file, arguments.token, arguments.contact) {
            (Some(file), ..) => recorder::Subject::File(file),
            (_, Some(token), _) => recorder::Subject::Token(token),
            (_, _, Some(contact)) => recorder::Subject::Contact(contact),
            (None, None, None) => bail!("--file, --token or --contact is needed"),
        };
        let change = arguments
            .change
            .map(|path| std::fs::read(&path).with_context(|| format!("cannot read {}", path.display())))
            .transpose()?;
        let options = recorder::RecordOptions { subject, out: arguments.out, change: change.map(Into::into) };
        let answers = recorder::Live::new(&host, &tenant);
        let recorded = recorder::record(&answers, &SystemRandom.bytes::<32>(), &options, wait_for_the_change).await?;
        for file in &recorded.files {
            println!("Written: {}", file.display());
        }
        if recorded.unchanged {
            println!("SecuTix answers the same as before the change.");
        }
        host.store.close().await;
        Ok(true)
    })
}

/// Return fetches again; anything typed before it is content with one answer.
async fn wait_for_the_change() -> std::io::Result<bool> {
    eprintln!("Saved what SecuTix says now. Make the change in SecuTix, then press Return (or type n to stop here).");
    tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        let read = std::io::stdin().read_line(&mut line)?;
        Ok(read > 0 && line.trim().is_empty())
    })
    .await
    .map_err(std::io::Error::other)?
}
