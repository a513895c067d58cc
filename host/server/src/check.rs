//! `passerelle check`: everything that can be told before the first pass is made, and what to do about it.
//!
//! Owns the questions and the report. It asks what the server itself would ask (`config`), and then what only a person can put right: is the
//! certificate the right one, for how long, does the key belong to it, who else may read the secrets. It calls nobody.

mod plugin;

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};

use passerelle_flow::apple;
use passerelle_flow::identity::{Millis, TenantId};
use passerelle_flow::tenant::config::TenantConfig;
use passerelle_flow::tenant::load::Loaded;
use passerelle_flow::tenant::problem::{Area, Fault, Problem};
use passerelle_flow::tenant::secret::SecretProblem;
use passerelle_flow::tenant::strict;
use serde::Serialize;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use crate::config::file::ServerFile;
use crate::config::{Settings, Tenants, Variables};
use crate::server;

pub struct CheckOptions {
    /// `passerelle.toml`
    pub config: PathBuf,
    /// Values of `variable:` references.
    pub variables: Variables,
    /// Only this one.
    pub tenant: Option<TenantId>,
    /// Certificates are judged by this time.
    pub now: Millis,
    /// The same as JSON.
    pub report: Option<PathBuf>,
}

/// Which JSON Schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaOf {
    Tenant,
    Server,
}

/// The JSON Schema of a configuration file, for editors: pretty-printed, with a final line break.
pub fn schema(of: SchemaOf) -> String {
    let schema = match of {
        SchemaOf::Tenant => strict::schema_of::<TenantConfig>(),
        SchemaOf::Server => strict::schema_of::<ServerFile>(),
    };
    format!("{schema:#}\n")
}

#[derive(Debug, Serialize)]
pub struct CheckReport {
    /// Nothing keeps a pass from being made. Warnings are allowed.
    pub ok: bool,
    pub server: Vec<Finding>,
    pub tenants: BTreeMap<TenantId, Vec<Finding>>,
}

/// The answer to one question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub subject: Subject,
    pub state: State,
    pub says: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    Configuration,
    Secrets,
    Certificate,
    Templates,
    Images,
    Plugin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Good,
    /// Works today.
    Warning,
    Bad,
    /// Cannot be asked before something else is put right.
    Unknown,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Good => "✓",
            Self::Warning => "!",
            Self::Bad => "✗",
            Self::Unknown => "–",
        })
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Configuration => "configuration",
            Self::Secrets => "secrets",
            Self::Certificate => "certificate",
            Self::Templates => "templates",
            Self::Images => "images",
            Self::Plugin => "plugin",
        })
    }
}

/// Checks, prints, and writes the report. The error is about printing and writing only.
pub fn run_check(options: &CheckOptions, out: &mut dyn Write) -> anyhow::Result<CheckReport> {
    let report = examine(options);
    print(&report, &options.config.display().to_string(), out)?;
    if let Some(path) = &options.report {
        crate::report_file::write(path, &report)?;
    }
    Ok(report)
}

fn examine(options: &CheckOptions) -> CheckReport {
    let mut report = CheckReport { ok: false, server: Vec::new(), tenants: BTreeMap::new() };
    let settings = match Settings::read(&options.config) {
        Ok(settings) => Settings { variables: options.variables.clone(), ..settings },
        Err(problems) => {
            report.server = problems.iter().map(|problem| bad(Subject::Configuration, problem)).collect();
            return report;
        }
    };
    report.server.push(good(
        Subject::Configuration,
        format!("listens on {}, data in {}", settings.listen, settings.store.display()),
    ));
    if settings.egress.plain_http {
        let says = "plain_http is on: tickets and credentials can be read on the way".to_owned();
        report.server.push(warning(
            Subject::Configuration,
            says,
            "remove it from [egress] once the trial is over".to_owned(),
        ));
    }

    let tenants = Tenants::new(&settings);
    let (mut names, problems) = tenants.names();
    report.server.extend(problems.iter().map(|problem| bad(Subject::Configuration, problem)));
    if let Some(only) = &options.tenant {
        if !names.contains(only) {
            let known: Vec<&str> = names.iter().map(TenantId::as_str).collect();
            let near = strict::nearest(only.as_str(), known.iter().copied());
            let remedy =
                near.map_or_else(|| format!("known: {}", known.join(", ")), |near| format!("did you mean {near}?"));
            report.server.push(Finding {
                subject: Subject::Configuration,
                state: State::Bad,
                says: format!("there is no tenant {only} in {}", settings.tenants.display()),
                remedy: Some(remedy),
            });
        }
        names.retain(|name| name == only);
    } else if names.is_empty() && problems.is_empty() {
        let remedy = "copy examples/tenants/demo there and change its values".to_owned();
        report.server.push(warning(
            Subject::Configuration,
            format!("no tenant in {}", settings.tenants.display()),
            remedy,
        ));
    }
    for name in names {
        let findings = tenant(&tenants, &name, options.now, &server::compiled_folder(&settings));
        report.tenants.insert(name, findings);
    }
    let mut all = report.server.iter().chain(report.tenants.values().flatten());
    report.ok = all.all(|finding| !matches!(finding.state, State::Bad | State::Unknown));
    report
}

fn tenant(tenants: &Tenants, id: &TenantId, now: Millis, compiled: &Path) -> Vec<Finding> {
    let examination = tenants.examine(id);
    let mut findings = match &examination.outcome {
        Ok(loaded) => whole(loaded, examination.references.len(), now),
        Err(problems) => broken(problems),
    };
    findings.extend(plugin::plugin(tenants, id, examination.outcome.as_ref().ok(), compiled));
    let reader = tenants.secrets(id);
    findings.extend(examination.references.iter().filter_map(|reference| exposed(&reader.locate(reference)?)));
    // Equal references of two kinds (a key picked out of the account's file) are one file.
    findings.dedup();
    findings.sort_by_key(|finding| finding.subject);
    findings
}

/// A tenant that loads: what it is, and what will become a problem.
fn whole(loaded: &Loaded, references: usize, now: Millis) -> Vec<Finding> {
    let Loaded { tenant, warnings } = loaded;
    let wallets = match (&tenant.apple, &tenant.google) {
        (Some(_), Some(_)) => "Apple and Google",
        (Some(_), None) => "Apple only",
        (None, Some(_)) => "Google only",
        (None, None) => "no wallet",
    };
    let says = format!("{} ({}), {wallets}, {}", tenant.organization, tenant.locales.join(", "), tenant.public_url);
    let mut findings = vec![good(Subject::Configuration, says)];
    if tenant.apple.is_none() && tenant.google.is_none() {
        let remedy = "add [apple], [google] or both to tenant.toml".to_owned();
        findings.push(warning(Subject::Configuration, "no pass can be given out".to_owned(), remedy));
    }
    findings.push(good(Subject::Secrets, format!("{references} references resolve")));
    if let Some(apple) = &tenant.apple {
        let problems = apple::check_identity(&apple.identity.chain, &apple.pass_type, &apple.team, now);
        for problem in &problems {
            let state = if problem.is_fatal() { State::Bad } else { State::Warning };
            let remedy = "developer.apple.com, Certificates, Identifiers & Profiles".to_owned();
            findings.push(Finding {
                subject: Subject::Certificate,
                state,
                says: problem.to_string(),
                remedy: Some(remedy),
            });
        }
        if problems.is_empty() {
            let until = apple.identity.chain.first().and_then(|leaf| valid_until(leaf)).unwrap_or_default();
            findings.push(good(
                Subject::Certificate,
                format!("{}, team {}, valid until {until}", apple.pass_type, apple.team),
            ));
        }
    }
    let names: Vec<&str> = tenant.templates.keys().map(String::as_str).collect();
    findings.push(good(Subject::Templates, names.join(", ")));
    let images: usize = tenant.templates.values().map(|template| template.images.len()).sum();
    findings.push(good(Subject::Images, images.to_string()));
    for problem in warnings {
        let subject = subject(problem.fault.area());
        findings.push(Finding { subject, state: State::Warning, says: problem.to_string(), remedy: None });
    }
    findings
}

/// A tenant that does not load: every problem, and which questions could not be asked because of it.
fn broken(problems: &[Problem]) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        problems.iter().map(|problem| bad(subject(problem.fault.area()), problem)).collect();
    let concerns = |subject: Subject| findings.iter().any(|finding| finding.subject == subject);
    let after = match (concerns(Subject::Configuration), concerns(Subject::Secrets)) {
        (true, _) => "the configuration is right",
        (false, true) => "the secrets are there",
        (false, false) => "the rest is right",
    };
    let unasked: Vec<Subject> = [Subject::Secrets, Subject::Certificate, Subject::Templates, Subject::Images]
        .into_iter()
        .filter(|subject| !concerns(*subject))
        .collect();
    findings.extend(unasked.into_iter().map(|subject| Finding {
        subject,
        state: State::Unknown,
        says: format!("to be looked at when {after}"),
        remedy: None,
    }));
    findings
}

fn subject(area: Area) -> Subject {
    match area {
        Area::Configuration => Subject::Configuration,
        Area::Secrets => Subject::Secrets,
        Area::Certificates => Subject::Certificate,
        Area::Templates => Subject::Templates,
        Area::Images => Subject::Images,
    }
}

fn good(subject: Subject, says: String) -> Finding {
    Finding { subject, state: State::Good, says, remedy: None }
}

fn warning(subject: Subject, says: String, remedy: String) -> Finding {
    Finding { subject, state: State::Warning, says, remedy: Some(remedy) }
}

fn bad(subject: Subject, problem: &Problem) -> Finding {
    Finding { subject, state: State::Bad, says: problem.to_string(), remedy: remedy(&problem.fault) }
}

/// Where the sentence says what is wrong and not yet what to do.
fn remedy(fault: &Fault) -> Option<String> {
    match fault {
        Fault::Secret { key, reference, source: SecretProblem::NoFile } if key == "seal.key" => {
            let file = reference.strip_prefix("file:").unwrap_or("seal.key");
            Some(format!("`passerelle key seal {file}` makes one; run it in the tenant's folder"))
        }
        Fault::Secret { source: SecretProblem::NoVariable, .. } => {
            Some("set it for the service (systemd: EnvironmentFile=, Docker: --env-file)".to_owned())
        }
        Fault::Secret { source: SecretProblem::Outside, .. } => {
            Some("move the file into the tenant's folder, or add its folder to secret_folders under [tenants] in passerelle.toml".to_owned())
        }
        Fault::NoFile => Some("examples/passerelle.toml and examples/tenants/demo are there to be copied".to_owned()),
        _ => None,
    }
}

/// A secret that every account of the machine may read.
#[cfg(unix)]
fn exposed(path: &std::path::Path) -> Option<Finding> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    let content = std::fs::read(path).ok()?;
    // A certificate is public; what has no private part may be read by anybody.
    let public = passerelle_flow::tenant::credential::certificates(&content).is_ok()
        && passerelle_flow::tenant::credential::private_key_armour(&content).is_err();
    let open = mode & 0o004 != 0 && !public;
    open.then(|| {
        let says = format!("{} can be read by every account of this machine", path.display());
        warning(
            Subject::Secrets,
            says,
            format!("chmod 640 {0}, or 600 when it belongs to the account that runs this", path.display()),
        )
    })
}

#[cfg(not(unix))]
fn exposed(_: &std::path::Path) -> Option<Finding> {
    None
}

fn valid_until(certificate: &[u8]) -> Option<String> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let seconds = certificate.tbs_certificate.validity.not_after.to_unix_duration().as_secs();
    let at = jiff::Timestamp::from_second(i64::try_from(seconds).ok()?).ok()?;
    Some(at.strftime("%Y-%m-%d").to_string())
}

fn print(report: &CheckReport, config: &str, out: &mut dyn Write) -> std::io::Result<()> {
    section(config, &report.server, out)?;
    for (tenant, findings) in &report.tenants {
        section(tenant.as_str(), findings, out)?;
    }
    let bad = report
        .server
        .iter()
        .chain(report.tenants.values().flatten())
        .filter(|finding| finding.state == State::Bad)
        .count();
    match bad {
        0 if report.ok => writeln!(out, "Everything is in order."),
        1 => writeln!(out, "1 thing to put right."),
        bad => writeln!(out, "{bad} things to put right."),
    }
}

fn section(title: &str, findings: &[Finding], out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "{title}")?;
    for finding in findings {
        writeln!(out, "  {} {:<13}  {}", finding.state, finding.subject, finding.says)?;
        if let Some(remedy) = &finding.remedy {
            writeln!(out, "    {:<13}  → {remedy}", "")?;
        }
    }
    writeln!(out)
}

#[cfg(test)]
mod tests;
