//! The command line: what a person can ask of the binary.
//!
//! Owns the words of `--help` and the way from arguments to the module that does it. Every command that decides something says so in its
//! exit code, and `--report FILE` writes the same as JSON with a top-level `ok`.

mod backfill;
mod plugin;
mod webhook;

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};
use passerelle_flow::identity::TenantId;

pub use self::backfill::{Backfill, BackfillTo, Since};
pub use self::plugin::{Language, Plugin, PluginOf, Replay, Target};
pub use self::webhook::{EndpointOptions, Endpoints, Webhook};

/// Keeps Apple Wallet and Google Wallet passes in step with SecuTix.
///
/// SecuTix says that an order changed; Passerelle fetches it, finds out what happened, rebuilds the passes and tells the phones.
/// Try it without any account: `passerelle demo`.
#[derive(Parser)]
#[command(name = "passerelle", version, max_term_width = 120)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// Another connector than the embedded one (a WebAssembly component that imports nothing).
    #[arg(long, global = true, value_name = "FILE", env = "PASSERELLE_CONNECTOR_FILE")]
    pub connector: Option<PathBuf>,
}

#[derive(Subcommand)]
pub enum Command {
    /// Run the server.
    Serve(Configured),
    /// See it work: a server, a simulated SecuTix, simulated phones, and all seven use cases in half a minute.
    Demo(Demo),
    /// Run the simulator alone: a SecuTix institution, Apple, Google, Vibes and phones, to integrate against.
    Simulate(Simulate),
    /// Check configuration, secrets, certificates and templates, and say what to do about each problem.
    Check(Check),
    /// Classify a change offline: what happened between two answers of SecuTix, and why.
    Explain(Explain),
    /// API keys, and the key that seals a tenant's data.
    #[command(subcommand)]
    Key(Key),
    /// Tasks that wait for a person: given up (dead) or stopped by the void limit (held).
    #[command(subcommand)]
    Stuck(Stuck),
    /// Outbound webhooks: endpoints, what was sent to them, and a receiver to try them with.
    #[command(subcommand)]
    Webhook(Webhook),
    /// Plugins of a tenant: begin one, build it, try it with recorded events, install it.
    ///
    /// From nothing to a plugin in force: `new`, `build`, `check`, `test`, `install`. A new version of it: `build`, `test`, `replay`, which shows what it
    /// would do otherwise, `install`, and `rollback` if that was wrong. `passerelle simulate` is a world to try it in. docs/plugins.md has the first steps
    /// and the contract.
    #[command(subcommand)]
    Plugin(Plugin),
    /// What became of a file's notifications: every run, what led to it, what was found, and what was done to which pass.
    Runs(Runs),
    /// Questions in KQL over what happened (Events), what was run (Logs) and hourly figures (Metrics).
    #[command(subcommand)]
    Insights(Insights),
    /// Apple Wallet: have all installed passes fetched again, signed with the certificate of now.
    #[command(subcommand)]
    Apple(Apple),
    /// Vibes Platform: the callbacks that are registered there, and what its list of items says.
    #[command(subcommand)]
    Vibes(Vibes),
    /// Compare what SecuTix, your webhooks and your CRM hold with the passes, and put right what differs.
    ///
    /// The passes are the truth. It may be stopped at any time: run again, it goes on where it stopped.
    Backfill(Backfill),
    /// Save real SecuTix answers as a test case, with every personal value replaced by a fake of the same shape.
    Record(Record),
}

impl Command {
    /// The file of `--report`.
    pub fn report(&self) -> Option<&Path> {
        match self {
            Self::Demo(demo) => demo.report.as_deref(),
            Self::Check(check) => check.report.as_deref(),
            Self::Explain(explain) => explain.report.as_deref(),
            Self::Apple(Apple::Reissue { report, .. }) => report.as_deref(),
            Self::Vibes(vibes) => vibes.report(),
            Self::Plugin(plugin) => plugin.report(),
            Self::Backfill(backfill) => backfill.report.as_deref(),
            Self::Serve(_)
            | Self::Simulate(_)
            | Self::Key(_)
            | Self::Stuck(_)
            | Self::Webhook(_)
            | Self::Runs(_)
            | Self::Insights(_)
            | Self::Record(_) => None,
        }
    }
}

/// Where the configuration is.
#[derive(Args, Clone)]
pub struct Configured {
    /// The server's configuration.
    #[arg(long, value_name = "FILE", default_value = Self::DEFAULT, env = "PASSERELLE_CONFIG")]
    pub config: PathBuf,
}

impl Configured {
    const DEFAULT: &'static str = "passerelle.toml";

    /// Nobody named a file, and the usual one is not there.
    pub fn is_absent(&self) -> bool {
        self.config.as_os_str() == Self::DEFAULT && !self.config.exists()
    }
}

#[derive(Args)]
pub struct Demo {
    /// Write the table as JSON too: {"ok":bool,"scenarios":[...]}.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Show the example plugin, too: crm-rust.wasm, crm-js.wasm and crm-python.wasm of this folder, each installed in turn, with a CRM that it asks
    /// and tells. In a clone, `cargo xtask demo --plugins` builds them first. The report then has "plugins":[...].
    #[arg(long, value_name = "FOLDER")]
    pub plugins: Option<PathBuf>,
    /// What to run it on. `spin`: the application of --manifest, by the program that the environment variable SPIN_BIN names (SPIN_UP: the
    /// words before its flags, `up` unless it says otherwise).
    #[arg(long, value_name = "WHAT", value_parser = ["server", "spin"], default_value = "server")]
    pub on: String,
    /// The Spin application.
    #[arg(long, value_name = "FILE", default_value = "spin.toml")]
    pub manifest: PathBuf,
    /// Leave everything running afterwards, print the addresses, and end with Ctrl-C.
    #[arg(long)]
    pub stay: bool,
    /// Keep the demo's files (configuration, certificates, database) in this folder instead of a temporary one.
    #[arg(long, value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
    /// Show the server's log lines as well.
    #[arg(long, short)]
    pub verbose: bool,
}

#[derive(Args)]
pub struct Simulate {
    /// Write a ready configuration (passerelle.toml and the demo tenant) for a server that shall talk to this simulator.
    #[arg(long, value_name = "FOLDER", default_value = "simulated")]
    pub folder: PathBuf,
    /// Where that server, or that edge, will listen.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub server: std::net::SocketAddr,
    /// Write a Spin application that shall talk to this simulator instead: a copy of this manifest with its components, the demo tenant, the
    /// variables and the runtime configuration for `spin up`.
    #[arg(long, value_name = "MANIFEST", num_args = 0..=1, default_missing_value = "spin.toml")]
    pub spin: Option<PathBuf>,
    /// Port of the control interface (its index page explains it); 0 takes a free one.
    #[arg(long, default_value_t = 8090)]
    pub port: u16,
    /// Announce changes in batches this many seconds apart, as SecuTix's default set-up does every 600. Default: at once.
    #[arg(long, value_name = "SECONDS")]
    pub batch: Option<u64>,
}

#[derive(Args)]
pub struct Check {
    #[command(flatten)]
    pub configured: Configured,
    /// Only this tenant.
    #[arg(long)]
    pub tenant: Option<TenantName>,
    /// For the folder of a Spin application: the values of its variables, the file of `spin up --variable @FILE`.
    #[arg(long, value_name = "FILE")]
    pub variables: Option<PathBuf>,
    /// Print a JSON Schema instead, for an editor: of tenant.toml or of passerelle.toml.
    #[arg(long, value_name = "WHICH", value_parser = ["tenant", "server"])]
    pub schema: Option<String>,
    /// Write the outcome as JSON: {"ok":bool, ...}.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}

#[derive(Args)]
pub struct Explain {
    /// SecuTix's answer (getFileDetails) before the change. Without it, nothing was known.
    #[arg(long, value_name = "FILE")]
    pub before: Option<PathBuf>,
    /// SecuTix's answer after the change.
    #[arg(long, value_name = "FILE")]
    pub after: PathBuf,
    /// The notification, if there was one.
    #[arg(long, value_name = "FILE")]
    pub change: Option<PathBuf>,
    /// Write the verdict as JSON: {"ok":bool, ...}.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}

#[derive(Subcommand)]
pub enum Key {
    /// Make an API key. It is shown once and kept as a hash.
    Create {
        #[command(flatten)]
        configured: Configured,
        #[arg(long)]
        tenant: TenantName,
        /// What it may do; repeat for several: Pass.Read, Pass.Write, Webhook.Read, Webhook.Write, Insights.Read.
        #[arg(long = "scope", required = true)]
        scopes: Vec<String>,
        /// What it is for.
        #[arg(long, default_value = "")]
        label: String,
        /// When it ends: 90d, 12h. Default: never.
        #[arg(long)]
        expires: Option<String>,
        /// Store nothing: print the key, and the table for tenant.toml that makes it valid on every host that has the file. Needs neither a
        /// store nor a configuration.
        #[arg(long)]
        print: bool,
        /// The name of the installation inside the printed key. Default: that of passerelle.toml; live where there is none.
        #[arg(long, value_name = "NAME", requires = "print")]
        environment: Option<String>,
    },
    /// List a tenant's API keys: those of its tenant.toml and those of the store.
    List {
        #[command(flatten)]
        configured: Configured,
        #[command(flatten)]
        whose: Whose,
    },
    /// End an API key now. One that stands in tenant.toml is taken out of the file; an edge hears of it with its next deployment.
    Revoke {
        #[command(flatten)]
        configured: Configured,
        #[command(flatten)]
        whose: Whose,
        /// The public part of the key, as `list` shows it.
        id: String,
    },
    /// Make the key that seals a tenant's data ([seal] key = "file:..."). Losing it is losing what it sealed.
    Seal {
        /// Where to write it. An existing file is never overwritten.
        file: PathBuf,
    },
}

/// Whose keys.
#[derive(Args)]
pub struct Whose {
    #[arg(long, required_unless_present = "file")]
    pub tenant: Option<TenantName>,
    /// This tenant.toml alone: needs neither a store nor a configuration.
    #[arg(long, value_name = "FILE", conflicts_with = "tenant")]
    pub file: Option<PathBuf>,
}

#[derive(Subcommand)]
pub enum Stuck {
    /// What waits, and why.
    List {
        #[command(flatten)]
        configured: Configured,
        #[arg(long)]
        tenant: Option<TenantName>,
    },
    /// Give a dead task another chance, or release a held one from the void limit.
    Release {
        #[command(flatten)]
        configured: Configured,
        #[arg(long)]
        tenant: TenantName,
        task: String,
    },
}

#[derive(Subcommand)]
pub enum Apple {
    /// After a renewal of the certificate: raise the update tag of every installed pass, and push, so that phones fetch what is signed anew.
    ///
    /// The running server sends the pushes; this may be stopped at any time. It prints a number: with it in --until it goes on where it
    /// stopped, without it it begins again.
    Reissue {
        #[command(flatten)]
        configured: Configured,
        #[arg(long)]
        tenant: TenantName,
        /// The number that the interrupted run printed.
        #[arg(long, value_name = "NUMBER")]
        until: Option<i64>,
        /// Passes a second. Every push makes a phone come back for its pass, which is signed then.
        #[arg(long, value_name = "NUMBER", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        per_second: u32,
        /// Write what was done as JSON: {"ok":bool,"passes":number,"until":number}.
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
    },
}

#[derive(Subcommand)]
pub enum Vibes {
    /// What is registered for the company, and which of it leads here. Secrets in addresses are not shown.
    List {
        #[command(flatten)]
        venue: Venue,
    },
    /// Register what [vibes] configures: two callbacks for each campaign. What is there already is left or corrected, what is no longer configured
    /// is removed, and what others have registered is not touched. Doing it again does nothing.
    Register {
        #[command(flatten)]
        venue: Venue,
        /// Write what was done as JSON: {"ok":bool,"created":number, ...}.
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
    },
    /// Point one registration to this server, with the secret of now.
    Change {
        #[command(flatten)]
        venue: Venue,
        #[command(flatten)]
        which: Which,
        /// The method that Vibes shall call with. `register` makes it POST again.
        #[arg(long, value_parser = ["POST", "PUT"], default_value = "POST")]
        method: String,
    },
    /// Remove one registration.
    Remove {
        #[command(flatten)]
        venue: Venue,
        #[command(flatten)]
        which: Which,
    },
    /// Have Vibes send an invented callback. It is counted as unmatched: /metrics, and a line in the log.
    Test {
        #[command(flatten)]
        venue: Venue,
        /// Which of the two.
        #[arg(long, value_name = "WHICH", value_parser = ["install", "remove"], default_value = "install")]
        kind: String,
    },
    /// Compare Vibes' list of items with what callbacks have told, and make good what was lost. The list has the latest fifty items of a
    /// campaign or so and no second page, so this is no census. The running server folds what is found.
    Backfill {
        #[command(flatten)]
        venue: Venue,
        /// This campaign alone. Default: all that are configured.
        #[arg(long, value_name = "TOKEN")]
        campaign: Option<String>,
        /// Write what was found as JSON: {"ok":bool,"campaigns":{...}}.
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
    },
}

impl Vibes {
    fn report(&self) -> Option<&Path> {
        match self {
            Self::Register { report, .. } | Self::Backfill { report, .. } => report.as_deref(),
            Self::List { .. } | Self::Change { .. } | Self::Remove { .. } | Self::Test { .. } => None,
        }
    }
}

/// Whose account it is about.
#[derive(Args)]
pub struct Venue {
    #[command(flatten)]
    pub configured: Configured,
    #[arg(long)]
    pub tenant: TenantName,
    /// For the folder of a Spin application: the values of its variables, the file of `spin up --variable @FILE`.
    #[arg(long, value_name = "FILE")]
    pub variables: Option<PathBuf>,
}

/// One registration.
#[derive(Args)]
pub struct Which {
    /// Its identifier, as `list` shows it.
    pub id: String,
    /// Although it does not lead to this server: somebody else may depend on it.
    #[arg(long)]
    pub foreign: bool,
}

#[derive(Args)]
pub struct Runs {
    #[command(flatten)]
    pub configured: Configured,
    #[arg(long)]
    pub tenant: TenantName,
    /// The SecuTix file.
    #[arg(long, value_name = "ID", group = "runs_of", required_unless_present_any = ["contact", "token"])]
    pub file: Option<String>,
    /// Or an order's secret token whose file SecuTix has not told yet. (Once it has, the file has the runs.)
    #[arg(long, group = "runs_of")]
    pub token: Option<String>,
    /// Or a contact, by its number: the runs of its member card.
    #[arg(long, value_name = "NUMBER", group = "runs_of")]
    pub contact: Option<String>,
    /// So many of the newest.
    #[arg(long, default_value_t = 20)]
    pub limit: u32,
}

#[derive(Subcommand)]
pub enum Insights {
    /// Ask, without the HTTP interface and its limit of calls: `passerelle insights query --tenant T 'Events | summarize count() by eventType'`.
    Query(InsightsQuery),
}

#[derive(Args)]
pub struct InsightsQuery {
    #[command(flatten)]
    pub configured: Configured,
    #[arg(long)]
    pub tenant: TenantName,
    /// The query. docs/insights.md has the dialect.
    pub query: String,
    /// A value that the query names. A number, true and false are what they are; anything else is a text.
    #[arg(long = "parameter", value_name = "NAME=VALUE")]
    pub parameters: Vec<String>,
    /// How the answer is written. json: as the HTTP interface answers.
    #[arg(long, value_name = "FORMAT", value_parser = ["table", "json", "csv"], default_value = "table")]
    pub format: String,
}

#[derive(Args)]
pub struct Record {
    #[command(flatten)]
    pub configured: Configured,
    #[arg(long)]
    pub tenant: TenantName,
    /// For the folder of a Spin application: the values of its variables, the file of `spin up --variable @FILE`.
    #[arg(long, value_name = "FILE")]
    pub variables: Option<PathBuf>,
    /// The SecuTix file to look at.
    #[arg(long, value_name = "ID", group = "subject", required_unless_present_any = ["token", "contact"])]
    pub file: Option<String>,
    /// Or the order's secret token.
    #[arg(long, group = "subject")]
    pub token: Option<String>,
    /// Or a contact, by its number.
    #[arg(long, value_name = "NUMBER", group = "subject")]
    pub contact: Option<String>,
    /// The notification that led to it, as it was received: it becomes part of the case.
    #[arg(long, value_name = "FILE")]
    pub change: Option<PathBuf>,
    /// Folder of the case, `tests/cases/NAME`. Files in it are never overwritten.
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
}

/// A tenant's name, checked while the arguments are read.
#[derive(Clone, Debug)]
pub struct TenantName(pub TenantId);

impl std::str::FromStr for TenantName {
    type Err = passerelle_flow::identity::IdentityError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        TenantId::parse(text).map(Self)
    }
}
