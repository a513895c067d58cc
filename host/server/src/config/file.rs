//! `passerelle.toml`, as it is written.
//!
//! Owns the keys, their defaults and their documentation, from which the published JSON Schema is made. Does not own what they become
//! (`settings`) nor how mistakes are told (`passerelle_flow::tenant::strict`).

use passerelle_flow::identity::{DAY, Millis};
use passerelle_flow::options::Options;
use schemars::JsonSchema;
use serde::Deserialize;

/// One installation: where it listens, where it keeps its data, what it may call. Every key has a default; an empty file is a valid one for
/// a trial on one machine. Relative paths are relative to this file.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Passerelle: passerelle.toml")]
pub struct ServerFile {
    /// Where requests come in.
    pub server: ServerTable,
    /// Where everything is kept.
    pub store: StoreTable,
    /// The venues.
    pub tenants: TenantsTable,
    /// What the server may call.
    pub egress: EgressTable,
    /// How tasks are worked off.
    pub worker: WorkerTable,
    /// How long the record of the past is kept.
    pub retention: RetentionTable,
    /// What is written about it.
    pub log: LogTable,
}

/// Where requests come in.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ServerTable {
    /// Address and port. Default: 127.0.0.1:8080, this machine only, because TLS is ended by a reverse proxy in front.
    pub listen: String,

    /// Where phones, buyers and SecuTix reach this server from outside: `https://passes.example.org`. No default: a wrong one would be written
    /// into every pass. A tenant may have its own instead.
    pub public_url: Option<String>,

    /// Name of this installation inside its API keys (`psk_<environment>_…`), so that a key of staging is told from one of production at sight.
    /// Default: live. 1 to 12 of a-z and 0-9.
    #[schemars(regex(pattern = r"^[a-z0-9]{1,12}$"))]
    pub environment: String,

    /// Threads that answer requests and run tasks. Default: 0, one per processor.
    #[schemars(range(min = 0, max = 1024))]
    pub threads: u32,

    /// Sandboxed calls at the same time. Default: 0, twice the processors (4 to 64): a call waits for nothing, so more of them would only take
    /// turns.
    #[schemars(range(min = 0, max = 4096))]
    pub sandboxes: u32,

    /// Bytes that a request's body may have. Default: 262144. SecuTix's notification is 200 bytes; what is longer than its own limit of 64 KiB must
    /// still be read so far that the answer says so.
    #[schemars(range(min = 4096, max = 16_777_216))]
    pub body_limit: u32,

    /// Proxies in front whose `X-Forwarded-For` is believed about who called them: addresses and networks, `["10.0.0.2"]`. Only a tenant that names the
    /// `sources` of callbacks asks for a caller's address. Default: none, and the caller is the other end of the connection.
    #[schemars(inner(length(min = 1)))]
    pub trusted_proxies: Vec<String>,
}

impl Default for ServerTable {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            public_url: None,
            environment: "live".to_owned(),
            threads: 0,
            sandboxes: 0,
            body_limit: whole(Options::default().body_limit),
            trusted_proxies: vec![],
        }
    }
}

/// Where everything is kept.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StoreTable {
    /// The SQLite file. Default: passerelle.sqlite beside this file. It must lie on a local disk: SQLite's write-ahead log does not work over a
    /// network file system.
    #[schemars(length(min = 1))]
    pub path: String,
}

impl Default for StoreTable {
    fn default() -> Self {
        Self { path: "passerelle.sqlite".to_owned() }
    }
}

/// The venues.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TenantsTable {
    /// The folder with one folder per tenant. Default: tenants beside this file.
    #[schemars(length(min = 1))]
    pub folder: String,

    /// Folders outside of a tenant's own that its `file:` references may name, with an absolute path. Default: /run/secrets, where Docker and
    /// Podman put secrets. A short list keeps a tenant's folder from naming the files of another.
    #[schemars(inner(length(min = 1)))]
    pub secret_folders: Vec<String>,
}

impl Default for TenantsTable {
    fn default() -> Self {
        Self { folder: "tenants".to_owned(), secret_folders: vec!["/run/secrets".to_owned()] }
    }
}

/// What the server may call. Public addresses over https are allowed; private and local ones are refused, so that nothing that somebody
/// writes into a tenant's folder reaches the inside of your network.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EgressTable {
    /// Networks that may be called although they are private: `["10.1.2.0/24"]`. Default: none.
    #[schemars(inner(length(min = 1)))]
    pub allow: Vec<String>,

    /// Addresses may begin with http://. Default: false. For trials on one machine: tickets and credentials would be readable on the way.
    pub plain_http: bool,

    /// Certificates of authorities that are trusted besides the public ones, PEM: `["file:company-ca.pem"]`. Default: none.
    #[schemars(inner(regex(pattern = r"^(env|file):.+$")))]
    pub extra_roots: Vec<String>,
}

/// How tasks are worked off.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WorkerTable {
    /// Tasks that run at the same time. Default: 8. A task mostly waits for SecuTix, which answers one a second and endpoint in the long run.
    /// One tenant has three quarters of them at most, so that another's buyer finds one free.
    #[schemars(range(min = 1, max = 256))]
    pub tasks: u32,

    /// Pushes and patches that are under way at the same time. Default: 16: Google takes 20 calls a second, each takes about half a second.
    /// One tenant has three quarters of them at most, and half of them for one kind, so that Apple's outage does not keep Google waiting.
    #[schemars(range(min = 1, max = 256))]
    pub effects: u32,

    /// Webhooks that are under way at the same time. Default: 64: each waits up to 30 seconds for its endpoint. Endpoints that fail have half of them
    /// at most, and a quarter is kept for endpoints that have none under way, so that none that hangs is in the way of another.
    #[schemars(range(min = 4, max = 1024))]
    pub deliveries: u32,

    /// Milliseconds that a task waits after its newest notification. Default: 500, since SecuTix sends several for one change within a blink.
    #[schemars(range(min = 0, max = 60_000))]
    pub debounce_ms: u32,

    /// Milliseconds after which it counts that a pass was taken out of a wallet. Default: 5000: who puts it back by then, or switches automatic
    /// updates off and on, has done nothing that anybody is told of.
    #[schemars(range(min = 0, max = 600_000))]
    pub removal_quiet_ms: u32,

    /// Milliseconds after its first notification when a task runs in any case. Default: 5000, what a person in front of a desk puts up with.
    #[schemars(range(min = 0, max = 600_000))]
    pub max_wait_ms: u32,

    /// Seconds that a run, a push or a patch is nobody else's; five seconds before its end it is stopped and tried again later. Default: 120.
    /// At least 90: a run must get through one slow fetch (30) and its sandbox calls (15 each).
    #[schemars(range(min = 90, max = 3600))]
    pub lease_s: u32,

    /// Attempts after which a task waits for a person. Default: 30, with the default waiting times 19 hours after the first: an outage of SecuTix
    /// over a night heals by itself.
    #[schemars(range(min = 1, max = 1000))]
    pub dead_after: u32,

    /// Attempts after which a push or a patch is given up until something newer is to be sent. Default: 16, with the default waiting times 5
    /// hours after the first: the phone asks by itself when it is opened.
    #[schemars(range(min = 1, max = 1000))]
    pub effect_dead_after: u32,

    /// Waiting times after a failure.
    pub retry: RetryTable,
}

impl Default for WorkerTable {
    fn default() -> Self {
        let options = Options::default();
        Self {
            tasks: 8,
            effects: 16,
            deliveries: options.deliveries,
            debounce_ms: whole(options.debounce),
            removal_quiet_ms: whole(options.removal_quiet),
            max_wait_ms: whole(options.max_wait),
            lease_s: whole(options.lease / 1_000),
            dead_after: whole(options.dead_after),
            effect_dead_after: whole(options.effect_dead_after),
            retry: RetryTable::default(),
        }
    }
}

/// Waiting times after a failure: each is `factor` times the one before, up to `most_s`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetryTable {
    /// Seconds before the second attempt. Default: 2: most failures are over by then.
    #[schemars(range(min = 1, max = 3600))]
    pub first_s: u32,

    /// Default: 2, so that the load on a system that recovers stays low.
    #[schemars(range(min = 1, max = 10))]
    pub factor: u32,

    /// Longest wait in seconds. Default: 3600, so that a recovered SecuTix is noticed within the hour.
    #[schemars(range(min = 1, max = 86_400))]
    pub most_s: u32,

    /// Share of a wait that is random, in percent: 20 means 80 % to 120 %. Default: 20: a thousand tasks that failed together do not come back
    /// together.
    #[schemars(range(min = 0, max = 100))]
    pub jitter_percent: u32,
}

impl Default for RetryTable {
    fn default() -> Self {
        let retry = Options::default().retry;
        Self {
            first_s: whole(retry.first.as_secs()),
            factor: retry.factor,
            most_s: whole(retry.most.as_secs()),
            jitter_percent: retry.jitter_percent,
        }
    }
}

/// How long the record of the past is kept: what support and auditors ask for. What a phone still needs, what no run has answered yet and the
/// last change of each pass are kept without end. What names a person goes sooner, by each tenant's `safety.erase_after_days`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionTable {
    /// Days that a notification is kept after it came. Default: 90: longer than people ask what led to a change.
    #[schemars(range(min = 1, max = 36_500))]
    pub notifications_days: u32,

    /// Days that a run is kept after it ended. Default: 90, like the notifications that it answered. At least 7: a ticket that is late is looked
    /// for over five days, and each look reads the runs before it.
    #[schemars(range(min = 7, max = 36_500))]
    pub runs_days: u32,

    /// Days that a pass's history is kept, but for its last change, which stays. Default: 400: a season, and the time after it in which it is
    /// disputed.
    #[schemars(range(min = 1, max = 36_500))]
    pub history_days: u32,
}

impl Default for RetentionTable {
    fn default() -> Self {
        let retention = Options::default().retention;
        let days = |time: Millis| whole(time / DAY);
        Self {
            notifications_days: days(retention.notifications),
            runs_days: days(retention.runs),
            history_days: days(retention.history),
        }
    }
}

/// What is written about it, to standard error. Nothing that names a person is ever written.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LogTable {
    /// Default: text, for people. `json` for machines.
    pub format: LogFormat,

    /// Default: info, one line per accepted notification, per run and per refused request.
    pub level: LogLevel,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

/// The flow's defaults are small positive numbers; one that outgrew its key would show in the schema, which is kept under version control.
fn whole<N: TryInto<u32>>(number: N) -> u32 {
    number.try_into().unwrap_or(u32::MAX)
}
