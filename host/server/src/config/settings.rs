//! `passerelle.toml`, resolved: addresses parsed, paths made absolute, certificates read.
//!
//! Owns the values that the server runs by. They are read once, at the start: an address or a path does not change under a running server.
//! Does not own the keys (`file`) nor the tenants (`tenants`), which do change.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use passerelle_flow::access::Environment;
use passerelle_flow::identity::{DAY, Millis};
use passerelle_flow::options::{Backoff, Options, Retention};
use passerelle_flow::tenant::credential;
use passerelle_flow::tenant::load::Defaults;
use passerelle_flow::tenant::problem::{self, Fault, Place, Problem};
use passerelle_flow::tenant::secret::{SecretProblem, SecretReference};
use passerelle_flow::tenant::strict::{self, Positions};

use super::file::{LogTable, RetentionTable, ServerFile, WorkerTable};
use super::secrets::SecretReader;
use super::variables::Variables;

#[derive(Clone, Debug)]
pub struct Settings {
    pub listen: SocketAddr,
    /// Without a final slash.
    pub public_url: Option<String>,
    pub environment: Environment,
    /// None: one per processor.
    pub threads: Option<usize>,
    /// None: the engine decides.
    pub sandboxes: Option<usize>,
    pub store: PathBuf,
    pub tenants: PathBuf,
    pub secret_folders: Vec<PathBuf>,
    /// Of a Spin application whose folder is looked at; the file itself gives none.
    pub variables: Variables,
    pub egress: Egress,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Tasks, effects that run at the same time.
    pub tasks: usize,
    pub effects: usize,
    pub options: Options,
    pub log: LogTable,
}

/// What outbound calls may reach.
#[derive(Clone, Debug, Default)]
pub struct Egress {
    /// Private networks that are allowed all the same.
    pub allow: Vec<IpNet>,
    pub plain_http: bool,
    /// DER.
    pub extra_roots: Vec<Vec<u8>>,
}

impl Settings {
    /// Reads `passerelle.toml`.
    pub fn read(path: &Path) -> Result<Self, Vec<Problem>> {
        let shown = path.display().to_string();
        let content = std::fs::read(path).map_err(|error| {
            let fault = match error.kind() {
                std::io::ErrorKind::NotFound => Fault::NoFile,
                _ => Fault::Unreadable,
            };
            vec![Problem { place: Place::file(&shown), fault }]
        })?;
        // A bare file name has the parent "", which is this folder.
        let base = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Self::parse(&shown, &content, base)
    }

    /// Reads the text of a `passerelle.toml` that lies in `base`.
    pub fn parse(shown: &str, content: &[u8], base: &Path) -> Result<Self, Vec<Problem>> {
        let (file, positions) = strict::read::<ServerFile>(shown, content)?;
        let mut reader = Reader { positions, problems: Vec::new() };

        let listen = reader.parsed(
            "server.listen",
            &file.server.listen,
            "must be an address and a port such as 127.0.0.1:8080 or [::]:8080",
        );
        let public_url = file
            .server
            .public_url
            .as_deref()
            .map(|url| reader.address("server.public_url", url, file.egress.plain_http));
        let environment = Environment::parse(&file.server.environment)
            .map_err(|_| reader.rule("server.environment", "must be 1 to 12 of a-z and 0-9"))
            .ok();
        let allow = file
            .egress
            .allow
            .iter()
            .enumerate()
            .filter_map(|(index, network)| reader.network(&format!("egress.allow[{index}]"), network));
        let allow = allow.collect();
        let trusted_proxies = file.server.trusted_proxies.iter().enumerate();
        let trusted_proxies = trusted_proxies
            .filter_map(|(index, proxy)| reader.network(&format!("server.trusted_proxies[{index}]"), proxy))
            .collect();
        let extra_roots = reader.extra_roots(&file.egress.extra_roots, base);
        reader.backoff(&file.worker);

        let (Some(listen), Some(environment), true) = (listen, environment, reader.problems.is_empty()) else {
            reader.problems.sort_by(|a, b| a.place.cmp(&b.place));
            return Err(reader.problems);
        };
        Ok(Self {
            listen,
            public_url: public_url.flatten(),
            environment,
            threads: at_least_one(file.server.threads),
            sandboxes: at_least_one(file.server.sandboxes),
            store: base.join(&file.store.path),
            tenants: base.join(&file.tenants.folder),
            secret_folders: file.tenants.secret_folders.iter().map(|folder| base.join(folder)).collect(),
            variables: Variables::default(),
            trusted_proxies,
            egress: Egress { allow, plain_http: file.egress.plain_http, extra_roots },
            tasks: size(file.worker.tasks),
            effects: size(file.worker.effects),
            options: options(&file.worker, &file.retention, file.server.body_limit),
            log: file.log,
        })
    }

    /// What a tenant takes from the server when it does not say otherwise.
    pub fn defaults(&self) -> Defaults {
        Defaults {
            public_url: self.public_url.clone(),
            plain_http: self.egress.plain_http,
            pkcs12: Some(crate::pkcs12::open),
        }
    }
}

struct Reader {
    positions: Positions,
    problems: Vec<Problem>,
}

impl Reader {
    fn report(&mut self, key: &str, fault: Fault) {
        self.problems.push(self.positions.problem(key, fault));
    }

    fn rule(&mut self, key: &str, rule: &'static str) {
        self.report(key, Fault::Rule { key: key.to_owned(), rule });
    }

    fn parsed<T: std::str::FromStr>(&mut self, key: &str, text: &str, rule: &'static str) -> Option<T> {
        text.parse().map_err(|_| self.rule(key, rule)).ok()
    }

    fn address(&mut self, key: &str, text: &str, plain_http: bool) -> Option<String> {
        problem::address(text, plain_http)
            .map_err(|why| self.report(key, Fault::Address { key: key.to_owned(), why }))
            .ok()
    }

    /// A network, or one address of it.
    fn network(&mut self, key: &str, text: &str) -> Option<IpNet> {
        match text.parse::<std::net::IpAddr>() {
            Ok(address) => Some(address.into()),
            Err(_) => self.parsed(key, text, "must be a network such as 10.1.2.0/24 or an address such as 10.1.2.3"),
        }
    }

    fn extra_roots(&mut self, references: &[String], base: &Path) -> Vec<Vec<u8>> {
        // The operator's own file: it may name any file of the machine.
        let secrets = SecretReader::new(base, &[PathBuf::from("/")]);
        let mut roots = Vec::new();
        for (index, text) in references.iter().enumerate() {
            let key = format!("egress.extra_roots[{index}]");
            let reference = match SecretReference::parse(text) {
                Ok(reference) => reference,
                Err(source) => {
                    self.report(&key, Fault::Reference { key: key.clone(), source });
                    continue;
                }
            };
            let content = match secrets.read(&reference) {
                Ok(content) => content,
                Err(source) => {
                    self.report(&key, secret_fault(&key, &reference, source));
                    continue;
                }
            };
            match credential::certificates(&content) {
                Ok(found) => roots.extend(found),
                Err(source) => self.report(&key, Fault::Credential { key: key.clone(), source }),
            }
        }
        roots
    }

    fn backoff(&mut self, worker: &WorkerTable) {
        if worker.retry.most_s < worker.retry.first_s {
            self.rule("worker.retry.most_s", "must not be less than first_s");
        }
        if worker.max_wait_ms < worker.debounce_ms {
            self.rule("worker.max_wait_ms", "must not be less than debounce_ms");
        }
    }
}

fn secret_fault(key: &str, reference: &SecretReference, source: SecretProblem) -> Fault {
    Fault::Secret { key: key.to_owned(), reference: reference.to_string(), source }
}

fn options(worker: &WorkerTable, retention: &RetentionTable, body_limit: u32) -> Options {
    let days = |days: u32| Millis::from(days) * DAY;
    Options {
        debounce: worker.debounce_ms.into(),
        max_wait: worker.max_wait_ms.into(),
        removal_quiet: worker.removal_quiet_ms.into(),
        lease: i64::from(worker.lease_s) * 1_000,
        retry: Backoff {
            first: Duration::from_secs(worker.retry.first_s.into()),
            factor: worker.retry.factor,
            most: Duration::from_secs(worker.retry.most_s.into()),
            jitter_percent: worker.retry.jitter_percent,
        },
        dead_after: worker.dead_after.into(),
        effect_dead_after: worker.effect_dead_after.into(),
        tasks_per_tenant: share(worker.tasks, 4),
        effects_per_tenant: share(worker.effects, 4),
        effects_per_kind: share(worker.effects, 2),
        deliveries: worker.deliveries,
        retention: Retention {
            notifications: days(retention.notifications_days),
            runs: days(retention.runs_days),
            history: days(retention.history_days),
        },
        body_limit: size(body_limit),
        ..Options::default()
    }
}

/// What is left when one of so many parts is kept for others; a lone worker is everybody's.
fn share(all: u32, parts: u32) -> u32 {
    (all - all / parts).max(1)
}

fn at_least_one(number: u32) -> Option<usize> {
    (number > 0).then(|| size(number))
}

/// Lossless on every machine that this runs on.
fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Settings, String> {
        let lines = |problems: Vec<Problem>| problems.iter().map(|problem| format!("{problem}\n")).collect();
        Settings::parse("passerelle.toml", text.as_bytes(), Path::new("/etc/passerelle")).map_err(lines)
    }

    #[test]
    fn an_empty_file_is_a_trial_on_this_machine() {
        let settings = parse("").unwrap();
        assert!(settings.listen.ip().is_loopback());
        assert_eq!(settings.store, Path::new("/etc/passerelle/passerelle.sqlite"));
        assert_eq!(settings.tenants, Path::new("/etc/passerelle/tenants"));
        assert!(settings.egress.allow.is_empty() && !settings.egress.plain_http);
        let (own, flows) = (settings.options, Options::default());
        assert_eq!(
            (own.debounce, own.max_wait, own.lease, own.dead_after, own.effect_dead_after, own.body_limit),
            (flows.debounce, flows.max_wait, flows.lease, flows.dead_after, flows.effect_dead_after, flows.body_limit)
        );
        assert_eq!(
            (own.tasks_per_tenant, own.effects_per_tenant, own.effects_per_kind, own.retention),
            (flows.tasks_per_tenant, flows.effects_per_tenant, flows.effects_per_kind, flows.retention)
        );
        assert_eq!(
            (own.retry.first, own.retry.factor, own.retry.most, own.removal_quiet),
            (flows.retry.first, flows.retry.factor, flows.retry.most, flows.removal_quiet)
        );
        assert_eq!(settings.threads, None);
    }

    #[test]
    fn every_value_arrives_where_it_belongs() {
        let settings = parse(
            r#"
            server = { listen = "[::]:9000", public_url = "https://passes.example.org/", environment = "staging", threads = 3, sandboxes = 5, body_limit = 8192, trusted_proxies = ["10.0.0.2", "fd00::/8"] }
            store.path = "/var/lib/passerelle/store.sqlite"
            tenants = { folder = "venues", secret_folders = ["/etc/secrets"] }
            egress = { allow = ["127.0.0.0/8", "10.1.2.3"], plain_http = true }
            log = { format = "json", level = "debug" }
            retention = { notifications_days = 1, runs_days = 7, history_days = 3 }
            [worker]
            tasks = 4
            effects = 6
            debounce_ms = 10
            max_wait_ms = 20
            removal_quiet_ms = 30
            lease_s = 90
            dead_after = 7
            effect_dead_after = 9
            retry = { first_s = 1, factor = 3, most_s = 60, jitter_percent = 0 }
            "#,
        )
        .unwrap();
        assert_eq!(settings.listen.port(), 9000);
        assert_eq!(settings.public_url.as_deref(), Some("https://passes.example.org"));
        assert_eq!(settings.environment.as_str(), "staging");
        assert_eq!((settings.threads, settings.sandboxes), (Some(3), Some(5)));
        assert_eq!(settings.store, Path::new("/var/lib/passerelle/store.sqlite"));
        assert_eq!(settings.tenants, Path::new("/etc/passerelle/venues"));
        assert_eq!(settings.secret_folders, [Path::new("/etc/secrets")]);
        assert_eq!(settings.egress.allow, ["127.0.0.0/8".parse::<IpNet>().unwrap(), "10.1.2.3/32".parse().unwrap()]);
        assert_eq!(settings.trusted_proxies, ["10.0.0.2/32".parse::<IpNet>().unwrap(), "fd00::/8".parse().unwrap()]);
        assert_eq!((settings.tasks, settings.effects), (4, 6));
        let options = settings.options;
        assert_eq!((options.debounce, options.max_wait, options.lease), (10, 20, 90_000));
        assert_eq!(options.removal_quiet, 30);
        assert_eq!((options.dead_after, options.effect_dead_after, options.body_limit), (7, 9, 8192));
        assert_eq!((options.tasks_per_tenant, options.effects_per_tenant, options.effects_per_kind), (3, 5, 3));
        assert_eq!(options.retention, Retention { notifications: DAY, runs: 7 * DAY, history: 3 * DAY });
        assert_eq!(options.retry.most, Duration::from_secs(60));
        assert_eq!((options.retry.factor, options.retry.jitter_percent), (3, 0));
        assert_eq!(settings.log.format, super::super::file::LogFormat::Json);
    }

    #[test]
    fn all_mistakes_are_told_at_once_with_their_lines() {
        let told = parse(
            "[server]\nlisten = \"everywhere\"\npublic_url = \"http://x.example\"\nenvironment = \"Live\"\n[egress]\nallow = [\"10.0.0.0/8\", \"lan\"]\n\
             extra_roots = [\"file:absent.pem\", \"-----BEGIN\"]\n[worker]\nmax_wait_ms = 1\nretry = { first_s = 9, most_s = 8 }\n",
        )
        .unwrap_err();
        let starts: Vec<&str> = told.lines().filter_map(|line| line.split(' ').next()).collect();
        let expected = ["2:10:", "3:14:", "4:15:", "6:24:", "7:16:", "7:35:", "9:15:", "10:33:"]
            .map(|place| format!("passerelle.toml:{place}"));
        assert_eq!(starts, expected, "{told}");
    }
}
