//! The stage: the world, the server, two kinds of phones, and what is needed to see what happened.
//!
//! Owns setting up, putting a ticket on phones, waiting for rest, and taking down.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use http::Method;
use passerelle_flow::identity::TenantId;
use passerelle_flow::ports::Clock as _;
use passerelle_flow::run::RunFindings;
use passerelle_flow::store::{Depth, Store as _, TaskSubject};
use passerelle_simulator::{GooglePhone, GoogleView, Iphone, PassView, Simulator, SimulatorConfig};
use tokio::net::TcpListener;

use super::client::Caller;
use super::edge::{Edge, EdgeOptions, Spin};
use crate::config::Settings;
use crate::example;
use crate::host::{ServerClock, SystemRandom};
use crate::keys;
use crate::server::{Server, StartOptions};
use crate::store::SqliteStore;

/// A phone that has not got its pass after this long will not get it; the aim is well below a second.
pub const LIMIT: Duration = Duration::from_secs(20);
/// How often it is asked whether all work is done.
const LOOK: Duration = Duration::from_millis(10);

pub struct Stage {
    pub world: Simulator,
    pub on: On,
    pub settings: Settings,
    pub tenant: TenantId,
    pub iphone: Iphone,
    pub android: GooglePhone,
    pub caller: Caller,
    /// What phones do goes back to SecuTix.
    pub reports: bool,
}

/// A ticket's pass, and where its holder finds it.
pub struct Link {
    pub movement: String,
    pub serial: String,
    pub apple: String,
    pub google: String,
}

/// What the play is on: a server in this process, or an edge in one of its own.
pub enum On {
    Server(Box<Server>),
    Spin(Box<Edge>),
}

impl On {
    pub fn store(&self) -> &SqliteStore {
        match self {
            Self::Server(server) => &server.flow.host.store,
            Self::Spin(edge) => &edge.store,
        }
    }

    pub fn address(&self) -> SocketAddr {
        match self {
            Self::Server(server) => server.address,
            Self::Spin(edge) => edge.address,
        }
    }
}

/// A ticket on both phones.
#[derive(Clone)]
pub struct Held {
    pub movement: String,
    pub serial: String,
    pub object: String,
}

/// What a stage may differ in from the demo's.
#[derive(Default)]
pub struct StageOptions {
    pub connector: Option<Vec<u8>>,
    pub simulator: SimulatorConfig,
    /// Changes `passerelle.toml` as it was read.
    pub settings: Option<fn(&mut Settings)>,
    /// Changes the text of the tenant's `tenant.toml` before it is read.
    pub tenant: Option<fn(String) -> String>,
    /// What phones do goes back to SecuTix. It takes its turn at SecuTix, so a stage may be long at coming to rest.
    pub reports: bool,
    /// What compiles plugins, where this program is not `passerelle` itself.
    pub compiler: Option<PathBuf>,
    /// The application on Spin instead of a server.
    pub spin: Option<Spin>,
}

impl Stage {
    pub async fn set(folder: &Path, options: StageOptions) -> anyhow::Result<Self> {
        let simulator = SimulatorConfig { control: true, ..options.simulator };
        let world = Simulator::start(simulator).await?;
        // The port must be known before the configuration that passes are made from.
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let config = example::write(folder, &world, address)?;
        if options.reports {
            example::report_back(folder, &world)?;
        }
        if let Some(change) = options.tenant {
            let path = folder.join("tenants").join(example::TENANT).join("tenant.toml");
            let text = std::fs::read_to_string(&path)?;
            std::fs::write(&path, change(text))?;
        }
        let mut settings = Settings::read(&config).map_err(problems)?;
        if let Some(change) = options.settings {
            change(&mut settings);
        }
        let tenant = TenantId::parse(example::TENANT)?;
        let on = match &options.spin {
            Some(spin) => {
                // Spin binds it by itself.
                drop(listener);
                On::Spin(Box::new(Edge::start(spin, folder, &world, address, EdgeOptions::default()).await?))
            }
            None => {
                let start = StartOptions {
                    connector: options.connector,
                    listener: Some(listener),
                    compiler: options.compiler,
                    ..StartOptions::default()
                };
                let server = Server::start(&settings, start).await?;
                if server.flow.host.tenants.get(&tenant).is_none() {
                    bail!(
                        "the example tenant is not in force; `passerelle check --config {}` says why",
                        config.display()
                    );
                }
                On::Server(Box::new(server))
            }
        };
        let mut scopes = vec!["Pass.Read", "Pass.Write"];
        if options.reports {
            // A CRM asks to be told.
            scopes.extend(["Webhook.Read", "Webhook.Write"]);
        }
        let key = Self::key(&on, &settings, &tenant, &scopes).await?;
        let base = format!("http://{address}");
        world.secutix().listen_at(&format!("{base}/api/{tenant}/webhooks/listeners/secutix/orders"));
        let iphone = world.iphone("Ada's iPhone");
        let android = world.android("Ada's Android");
        let caller = Caller::new(base, key);
        Ok(Self { iphone, android, caller, world, on, settings, tenant, reports: options.reports })
    }

    /// Makes an API key.
    pub async fn key(on: &On, settings: &Settings, tenant: &TenantId, scopes: &[&str]) -> anyhow::Result<String> {
        let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let new = keys::NewKey {
            environment: settings.environment.clone(),
            tenant: tenant.clone(),
            scopes: &scopes,
            label: "demo",
            expires: None,
        };
        Ok(keys::create(on.store(), &SystemRandom, ServerClock::default().now(), new).await?.to_string())
    }

    /// None: the play is on Spin.
    pub fn server(&self) -> Option<&Server> {
        match &self.on {
            On::Server(server) => Some(server),
            On::Spin(_) => None,
        }
    }

    pub async fn strike(self) -> anyhow::Result<()> {
        match self.on {
            On::Server(server) => server.stop().await?,
            On::Spin(edge) => edge.stop().await?,
        }
        self.world.stop().await;
        Ok(())
    }

    /// Every ticket of the file on both phones, through the links that a buyer gets.
    pub async fn put_on_phones(&self, file: i64) -> anyhow::Result<Vec<Held>> {
        let mut held = Vec::new();
        for link in self.links(file).await? {
            held.push(self.add(&link.movement, &link.apple, &link.google).await?);
        }
        Ok(held)
    }

    /// Every ticket of the file that has a pass.
    pub async fn links(&self, file: i64) -> anyhow::Result<Vec<Link>> {
        let path = format!("/api/{}/external/secutix/orders/getTicketsUrl/{file}", self.tenant);
        let tickets = self.caller.json(Method::GET, &path, None).await?;
        let tickets = tickets.get("tickets").and_then(|list| list.as_array()).context("no tickets")?;
        let link = |ticket: &serde_json::Value| {
            let text = |pointer: &str| Some(ticket.pointer(pointer)?.as_str()?.to_owned());
            Some(Link {
                movement: text("/movementId")?,
                serial: text("/pass/id")?,
                apple: text("/pass/links/apple")?,
                google: text("/pass/links/google")?,
            })
        };
        Ok(tickets.iter().filter_map(link).collect())
    }

    /// A member card, made from its contact, on both phones.
    pub async fn put_card(&self, contact: &str) -> anyhow::Result<Held> {
        let body = serde_json::json!({ "identifiers": { "secutix.contactNumber": contact } });
        let made = self.caller.json(Method::POST, &format!("/api/{}/passes", self.tenant), Some(body)).await?;
        let id = made.get("id").and_then(|id| id.as_str()).context("no pass id")?;
        let pass = self.caller.json(Method::GET, &format!("/api/{}/passes/{id}", self.tenant), None).await?;
        let link = |wallet: &str| pass.pointer(&format!("/links/{wallet}")).and_then(|link| link.as_str());
        let (apple, google) = (link("apple").context("no Apple link")?, link("google").context("no Google link")?);
        self.add(contact, apple, google).await
    }

    async fn add(&self, movement: &str, apple: &str, google: &str) -> anyhow::Result<Held> {
        let view = self.iphone.add(apple).await.with_context(|| format!("iPhone, movement {movement}"))?;
        let object = self.save(google).await.with_context(|| format!("Android, movement {movement}"))?;
        Ok(Held { movement: movement.to_owned(), serial: view.serial, object })
    }

    /// A pass on the Android phone, through its holder's link. The new object.
    pub async fn save(&self, google: &str) -> anyhow::Result<String> {
        let before: Vec<String> = self.android.passes().into_iter().map(|view| view.object_id).collect();
        let opened = self.caller.open(google).await?;
        let link = opened
            .location
            .with_context(|| format!("no save link: {} {}", opened.status, String::from_utf8_lossy(&opened.body)))?;
        let saved = self.android.save(&link).await?;
        let object = saved.into_iter().map(|view| view.object_id).find(|id| !before.contains(id));
        object.context("the Android phone got nothing new")
    }

    pub fn apple(&self, held: &Held) -> Option<PassView> {
        self.iphone.pass(&held.serial)
    }

    pub fn google(&self, held: &Held) -> Option<GoogleView> {
        self.android.pass(&held.object)
    }

    /// Waits until nothing is left to do: no task due or running, no effect on its way.
    pub async fn rest(&self) -> anyhow::Result<Depth> {
        let began = Instant::now();
        loop {
            let depth = self.on.store().depth().await?;
            if depth.tasks_ready == 0 && depth.tasks_leased == 0 && depth.effects_waiting == 0 {
                return Ok(depth);
            }
            if began.elapsed() > LIMIT {
                bail!("work is still waiting after {LIMIT:?}: {depth:?}");
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Runs of a file, newest first.
    pub async fn runs(&self, file: i64) -> anyhow::Result<Vec<(String, RunFindings)>> {
        self.runs_of(&TaskSubject::File(file.to_string())).await
    }

    /// Runs of a file or a contact, newest first.
    pub async fn runs_of(&self, subject: &TaskSubject) -> anyhow::Result<Vec<(String, RunFindings)>> {
        let runs = self.on.store().runs(&self.tenant, subject, 50).await?;
        runs.into_iter().map(|run| Ok((run.outcome, serde_json::from_str(&run.findings)?))).collect()
    }

    #[allow(clippy::print_stdout)] // what `--stay` is asked for
    pub fn print_addresses(&self, folder: &Path) {
        let addresses = self.world.addresses();
        println!("\nStill running; Ctrl-C ends it.");
        println!("  Passerelle        http://{}   (/openapi.json, /health/ready)", self.on.address());
        println!("  simulator         {}", addresses.control.as_deref().unwrap_or("-"));
        println!("  SecuTix           {}", addresses.secutix);
        println!("  Apple push        {}", addresses.push);
        println!("  Google Wallet     {}", addresses.google_api);
        println!("  configuration     {}", folder.display());
        println!("  an API key        {}", self.caller.key());
    }
}

fn problems(problems: Vec<passerelle_flow::tenant::problem::Problem>) -> anyhow::Error {
    anyhow::anyhow!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}
