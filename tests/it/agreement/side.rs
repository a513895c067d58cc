//! One of the two hosts, with every case as a tenant of its own, reached over its socket.
//!
//! Owns set-up (configuration, folders, keys), the clock, and driving work to its end: a server's workers do it, an edge is swept. A case's world
//! before its first step is made by requests, but for what no request can make (`passes.json`), which is written into the database.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use passerelle_flow::access::Environment;
use passerelle_flow::identity::{Millis, TenantId};
use passerelle_flow::ports::Clock as _;
use passerelle_flow::store::Store as _;
use passerelle_server::config::Settings;
use passerelle_server::demo::application::SWEEP_TOKEN;
use passerelle_server::demo::edge::{Edge, EdgeOptions, Spin};
use passerelle_server::example::{self, PluginClient};
use passerelle_server::host::{ServerClock, SystemRandom};
use passerelle_server::keys::{self, NewKey};
use passerelle_server::server::{Server, StartOptions};
use passerelle_simulator::{AppleConfig, KeyKind, Simulator, SimulatorConfig};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::other_side::OtherSide;
use crate::house::{Reply, copy};
use crate::process;
use crate::spin;

/// What all tasks of a round together take at most, on a loaded machine; nothing waits for it to pass.
const LIMIT: Duration = Duration::from_secs(120);
/// How often it is looked whether the workers are done.
const LOOK: Duration = Duration::from_millis(10);
/// Tasks wait this long for more notifications: longer than posting those of a round takes, so that none runs before all clocks are put forward.
/// The longest that both hosts take.
const DEBOUNCE: Millis = 60_000;
/// A task that fails is tried again at once and given up soon: whoever asks for its pass would otherwise wait for an attempt that no clock brings.
/// As many attempts as a template that cannot be filled gets.
const ATTEMPTS: i64 = 3;
/// As a program asks.
const ACCEPT: (&str, &str) = ("accept", "application/json, application/problem+json");
/// The tenant that has the example plugin, what it is to the CRM, and the product whose passes get its template.
pub const PLUGGED: &str = "plugged";
/// The tenant that has a plugin which traps in both of its hooks.
pub const TRAPPING: &str = "trapping";
const PLUGIN_SECRET: &str = "the plugin's own";
pub const PLUGIN_PRODUCT: &str = "CARMEN";

/// One sweep; it is called again until nothing is left.
const SWEEP_MS: u32 = 20_000;

pub struct Side {
    pub name: &'static str,
    pub base: String,
    pub other: OtherSide,
    host: Host,
    keys: BTreeMap<String, String>,
    pub database: PathBuf,
    client: Client<HttpConnector, Full<Bytes>>,
    folder: TempDir,
}

enum Host {
    Server(Box<Server>),
    /// None: this Spin's clock cannot be put forward.
    Edge {
        edge: Box<Edge>,
        clock: Option<PathBuf>,
        ahead: std::sync::atomic::AtomicI64,
    },
}

impl Side {
    /// A server and an edge that serve the same tenants, in one world.
    pub async fn both(tenants: &[&str], program: &Spin, clock: bool) -> (Simulator, Self, Self) {
        // P-256: an edge signs in its sandbox, where RSA is the dearer by far.
        let apple = AppleConfig { key: KeyKind::P256, ..AppleConfig::default() };
        let world = Simulator::start(SimulatorConfig { apple, ..SimulatorConfig::default() }).await.unwrap();
        let server = Self::server(&world, tenants, clock).await;
        let one = spin::starting().await;
        let edge = Self::edge(&world, tenants, &spin::with_cache(program), clock, EdgeOptions::default()).await;
        drop(one);
        (world, server, edge)
    }

    pub async fn server(world: &Simulator, tenants: &[&str], debounce: bool) -> Self {
        let (folder, other) = (tempfile::tempdir().unwrap(), OtherSide::start().await);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (config, keys) = configure(folder.path(), world, address, &other, tenants, "server");
        let mut settings = Settings::read(&config).unwrap();
        settings.options.debounce = if debounce { DEBOUNCE } else { 0 };
        settings.options.max_wait = settings.options.max_wait.max(DEBOUNCE);
        settings.options.retry.first = Duration::ZERO;
        settings.options.removal_quiet = 0;
        settings.options.dead_after = ATTEMPTS;
        let options =
            StartOptions { listener: Some(listener), compiler: Some(process::binary()), ..StartOptions::default() };
        let server = Server::start(&settings, options).await.unwrap();
        // Its plugins are compiled behind its start.
        server.reload_now().await;
        let database = settings.store.clone();
        Self::new("server", address, other, Host::Server(Box::new(server)), keys, database, folder)
    }

    /// `clock`: the program takes `--clock-file`.
    pub async fn edge(world: &Simulator, tenants: &[&str], spin: &Spin, clock: bool, more: EdgeOptions) -> Self {
        let (folder, other) = (tempfile::tempdir().unwrap(), OtherSide::start().await);
        let address = free_address();
        let (_, keys) = configure(folder.path(), world, address, &other, tenants, "edge");
        let theirs = format!("http://{}", other.address);
        let debounce = if clock { DEBOUNCE.to_string() } else { "0".to_owned() };
        let mut variables = vec![
            ("debounce_ms".to_owned(), debounce),
            ("removal_quiet_ms".to_owned(), "0".to_owned()),
            ("retry_first_s".to_owned(), "0".to_owned()),
            ("dead_after".to_owned(), ATTEMPTS.to_string()),
        ];
        for name in ["secutix_host", "google_api_host", "google_token_host"] {
            variables.push((name.to_owned(), theirs.clone()));
        }
        variables.extend(more.variables);
        let clock = clock.then(|| folder.path().join("clock"));
        let own = clock.iter().flat_map(|file| [OsString::from("--clock-file"), file.clone().into_os_string()]);
        let flags = own.chain(more.flags).collect();
        let options = EdgeOptions { variables, flags, unscheduled: true };
        let edge = Edge::start(spin, folder.path(), world, address, options).await.unwrap();
        let database = edge.database.clone();
        let host = Host::Edge { edge: Box::new(edge), clock, ahead: 0.into() };
        Self::new("edge", address, other, host, keys, database, folder)
    }

    fn new(
        name: &'static str,
        address: SocketAddr,
        other: OtherSide,
        host: Host,
        keys: BTreeMap<String, String>,
        database: PathBuf,
        folder: TempDir,
    ) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { name, base: format!("http://{address}"), other, host, keys, database, client, folder }
    }

    pub async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Reply {
        let url = if path.starts_with('/') { format!("{}{path}", self.base) } else { path.to_owned() };
        let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.client.request(request.body(Full::new(body.into())).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        Reply { status: parts.status, headers: parts.headers, body: body.collect().await.unwrap().to_bytes() }
    }

    /// With the tenant's API key.
    pub async fn get(&self, tenant: &str, path: &str) -> Reply {
        self.ask("GET", path, &[("x-api-key", &self.keys[tenant]), ACCEPT], Bytes::new()).await
    }

    pub async fn post(&self, tenant: &str, path: &str, body: &Value) -> Reply {
        let headers = [("x-api-key", self.keys[tenant].as_str()), ACCEPT, ("content-type", "application/json")];
        self.ask("POST", path, &headers, body.to_string()).await
    }

    pub async fn patch(&self, tenant: &str, path: &str, body: &Value) -> Reply {
        let headers = [("x-api-key", self.keys[tenant].as_str()), ACCEPT, ("content-type", "application/json")];
        self.ask("PATCH", path, &headers, body.to_string()).await
    }

    /// Under a correlation id of the caller's, so that both hosts' histories name the same one.
    pub async fn post_as(&self, correlation: &str, tenant: &str, path: &str, body: &Value) -> Reply {
        let key = ("x-api-key", self.keys[tenant].as_str());
        let headers = [key, ACCEPT, ("content-type", "application/json"), ("x-correlation-id", correlation)];
        self.ask("POST", path, &headers, body.to_string()).await
    }

    /// Puts the host's clock forward.
    pub fn advance(&self, millis: Millis) {
        match &self.host {
            Host::Server(server) => {
                server.clock.advance(millis);
                server.wake.notify_waiters();
            }
            Host::Edge { clock, ahead, .. } => {
                let Some(file) = clock else { return };
                let ahead = ahead.fetch_add(millis, std::sync::atomic::Ordering::SeqCst) + millis;
                // In one step: the guests read it at every look.
                let next = file.with_extension("next");
                std::fs::write(&next, ahead.to_string()).unwrap();
                std::fs::rename(next, file).unwrap();
            }
        }
    }

    /// As a scheduler calls it; what the sweep reports.
    pub async fn sweep(&self, budget_ms: u32) -> Value {
        let token = format!("Bearer {SWEEP_TOKEN}");
        let path = format!("/internal/sweep?budget_ms={budget_ms}");
        let reply = self.ask("POST", &path, &[("authorization", &token)], "").await;
        assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
        reply.json()
    }

    /// The end of the address that Vibes calls.
    pub fn vibes_secret(&self, tenant: &str) -> String {
        std::fs::read_to_string(self.folder.path().join("tenants").join(tenant).join("vibes.path")).unwrap()
    }

    /// Which build of its plugin the tenant's configuration says it has.
    pub fn plugin_version(&self, tenant: &str) -> String {
        let file = self.folder.path().join("tenants").join(tenant).join("tenant.toml");
        let text: toml::Table = std::fs::read_to_string(file).unwrap().parse().unwrap();
        text["plugin"]["version"].as_str().unwrap().to_owned()
    }

    /// Secrets of the installation, none of which may be in an answer.
    pub fn secrets(&self) -> Vec<String> {
        let secret = |file: &str| std::fs::read_to_string(self.folder.path().join("tenants").join(file)).unwrap();
        let own =
            self.keys.keys().flat_map(|tenant| [format!("{tenant}/secutix.secret"), format!("{tenant}/seal.key")]);
        own.map(|file| secret(&file).trim().to_owned()).chain([SWEEP_TOKEN.to_owned()]).collect()
    }

    /// The round of looks at Google Wallet, when one is due.
    pub async fn look_at_google(&self) {
        match &self.host {
            Host::Server(server) => {
                while let Some(batch) = server.flow.claim_look().await.unwrap() {
                    server.flow.look(batch).await.unwrap();
                }
            }
            Host::Edge { .. } => _ = self.sweep(SWEEP_MS).await,
        }
    }

    /// Until nothing is due and nothing is on its way.
    pub async fn drive(&self) {
        let began = Instant::now();
        loop {
            let done = match &self.host {
                Host::Server(server) => {
                    let depth = server.flow.host.store.depth().await.unwrap();
                    let due = depth.oldest_due.is_some_and(|due| due <= server.clock.now());
                    !due && depth.tasks_leased == 0 && !self.sends(server.clock.now())
                }
                Host::Edge { ahead, .. } => {
                    let report = self.sweep(SWEEP_MS).await;
                    assert_eq!(report["unrecorded"], 0, "{report}");
                    let now = ServerClock::default().now() + ahead.load(std::sync::atomic::Ordering::SeqCst);
                    report["drained"] == true && !self.sends(now)
                }
            };
            if done {
                return;
            }
            assert!(began.elapsed() < LIMIT, "the {} is not at rest after {LIMIT:?}:\n{}", self.name, self.unrest());
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Something is being sent, or is to be sent now. What waits for a person (a template that makes no class) waits longer than any round.
    fn sends(&self, now: Millis) -> bool {
        let database = rusqlite::Connection::open(&self.database).unwrap();
        let sql = "SELECT EXISTS(SELECT 1 FROM effect WHERE state = 'leased' OR (state = 'ready' AND run_at <= ?1)) \
                   OR EXISTS(SELECT 1 FROM delivery d JOIN webhook w ON w.tenant = d.tenant AND w.id = d.webhook \
                   WHERE d.state = 'leased' OR (d.state = 'ready' AND max(d.run_at, coalesce(w.not_before, 0)) <= ?1))";
        database.query_row(sql, [now], |row| row.get(0)).unwrap()
    }

    /// Tasks and effects that are due or on their way, for a person who reads why a run has failed.
    fn unrest(&self) -> String {
        let database = rusqlite::Connection::open(&self.database).unwrap();
        let sql = "SELECT tenant || ' ' || kind || ' ' || state || ' attempts ' || attempts || ' at ' || run_at || ' ' || coalesce(last_error, '') \
                   FROM task WHERE state IN ('ready', 'leased') \
                   UNION ALL SELECT tenant || ' ' || kind || ' ' || target || ' ' || state || ' attempts ' || attempts || ' ' || coalesce(last_error, '') \
                   FROM effect WHERE state IN ('ready', 'leased')";
        let mut statement = database.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        rows.map(Result::unwrap).take(20).collect::<Vec<_>>().join("\n")
    }

    /// What `passes.json` says has happened to the passes meanwhile, in the tables that both hosts share.
    pub fn edit(&self, tenant: &str, edits: &Value) {
        let database = rusqlite::Connection::open(&self.database).unwrap();
        database.busy_timeout(LIMIT).unwrap();
        let run = |sql: &str, value: &str| database.execute(sql, [tenant, value]).unwrap();
        let listed = |name: &str| edits[name].as_array().into_iter().flatten().filter_map(Value::as_str);
        for subject in listed("erased") {
            let own = "SELECT id FROM pass WHERE tenant = ?1 AND subject = ?2";
            assert_eq!(run(&format!("DELETE FROM sealed_part WHERE tenant = ?1 AND pass IN ({own})"), subject), 1);
        }
        for subject in listed("void") {
            assert_eq!(run("UPDATE pass SET state = 'void' WHERE tenant = ?1 AND subject = ?2", subject), 1);
            // What is counted of passes is counted with their rows, and nobody else's hand does it here.
            database.execute("DELETE FROM pass_tally WHERE tenant = ?1", [tenant]).unwrap();
            for line in ["born", "touched"] {
                let sql = format!(
                    "INSERT INTO pass_tally SELECT tenant, '{line}', (SELECT min({line}) FROM pass WHERE tenant = ?1), template, state, \
                     wallets, count(*) FROM pass WHERE tenant = ?1 GROUP BY tenant, template, state, wallets"
                );
                database.execute(&sql, [tenant]).unwrap();
            }
        }
        if let Some(file) = edits["file"].as_str() {
            assert!(run("UPDATE pass SET file = ?2 WHERE tenant = ?1", file) > 0);
        }
        assert_eq!(edits["forgotten"], Value::Null, "no case needs it, so nothing here can do it");
    }

    pub async fn end(self) {
        match self.host {
            Host::Server(server) => server.stop().await.unwrap(),
            Host::Edge { edge, .. } => edge.stop().await.unwrap(),
        }
    }
}

/// The port is chosen before Spin binds it: another process could take it in between; nothing on a test machine does.
fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// `passerelle.toml`, and a copy of the example tenant for each case; their API keys.
fn configure(
    folder: &Path,
    world: &Simulator,
    address: SocketAddr,
    other: &OtherSide,
    tenants: &[&str],
    client: &str,
) -> (PathBuf, BTreeMap<String, String>) {
    let config = example::write(folder, world, address).unwrap();
    let home = folder.join("tenants");
    let model = home.join(example::TENANT);
    let text = std::fs::read_to_string(model.join("tenant.toml")).unwrap();
    let scopes = ["Pass.Read", "Pass.Write", "Webhook.Read", "Webhook.Write", "Insights.Read"].map(str::to_owned);
    let mut keys = BTreeMap::new();
    for tenant in tenants {
        let own = home.join(tenant);
        copy(&model, &own);
        let new = NewKey {
            environment: Environment::parse("demo").unwrap(),
            tenant: TenantId::parse(tenant).unwrap(),
            scopes: &scopes,
            label: "",
            expires: None,
        };
        let (key, table) = keys::print(&SystemRandom, 0, new).unwrap();
        keys.insert((*tenant).to_owned(), key.to_string());
        let mut file: toml::Table = text.parse().unwrap();
        for (table, name, value) in [
            ("secutix", "url", other.url(tenant, "secutix").into()),
            // The budget of calls belongs to an institution.
            ("secutix", "institution", (*tenant).into()),
            ("secutix", "requests_per_minute", 6_000.into()),
            ("google", "api_url", other.url(tenant, "google").into()),
            ("google", "token_url", other.url(tenant, "token").into()),
            // One project for all cases, whose requests of a second would be shared.
            ("google", "requests_per_second", 1_000.into()),
            ("safety", "voids_per_hour", 100_000.into()),
            // Where the tests are: a host that cannot tell a caller's address takes no callback.
            ("vibes", "sources", vec!["127.0.0.0/8"].into()),
        ] {
            let value: toml::Value = value;
            file[table].as_table_mut().unwrap().insert(name.to_owned(), value);
        }
        file.extend(table.parse::<toml::Table>().unwrap());
        std::fs::write(own.join("tenant.toml"), toml::to_string(&file).unwrap()).unwrap();
        // Where the edge has it from is `demo::application`'s to arrange.
        if *tenant == TRAPPING {
            std::fs::write(own.join("plugin.wasm"), crate::edge::plugin::trapping()).unwrap();
        }
        if *tenant == PLUGGED {
            std::fs::write(own.join("plugin.wasm"), crate::plugin_examples::example("crm-rust")).unwrap();
            let client = PluginClient { id: client, secret: PLUGIN_SECRET, product: PLUGIN_PRODUCT };
            world.crm().api().register(client.id, client.secret);
            example::let_plugin_call(&own, world, &client).unwrap();
        }
    }
    (config, keys)
}
