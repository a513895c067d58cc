//! `spin.toml`, manifest version 2, exactly as Spin reads it: a key that Spin would refuse is refused here, by name.
//!
//! Owns the keys and their shapes, also of those that this host does not act on (`targets`, `build`, `tool`, …). What the values mean
//! together is judged in `manifest/judge.rs`; nothing here opens a file that the manifest names.

mod either;
mod judge;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use either::Either;
pub use judge::{DependencyName, is_lower_snake};

#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    #[error("{path} cannot be read")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path} is not a manifest that Spin accepts")]
    Parse { path: PathBuf, source: Box<toml::de::Error> },
    #[error("{path}: {}", .problems.join("; "))]
    Invalid { path: PathBuf, problems: Vec<String> },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub spin_manifest_version: u32,
    pub application: Application,
    #[serde(default)]
    pub variables: BTreeMap<String, Variable>,
    pub trigger: Triggers,
    #[serde(default)]
    pub component: BTreeMap<String, Component>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "known keys that a host has no use for")]
pub struct Application {
    pub name: String,
    #[serde(default)]
    pub version: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub authors: Vec<String>,
    #[serde(default)]
    pub targets: Vec<toml::Value>,
    #[serde(default)]
    pub trigger: BTreeMap<String, toml::Table>,
    #[serde(default)]
    pub tool: BTreeMap<String, toml::Table>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "known keys that a host has no use for")]
pub struct Variable {
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub required: bool,
    pub default: Option<String>,
    /// A mark for people: Spin treats such a variable like any other, and so does this host.
    #[serde(default)]
    pub secret: bool,
}

/// Each trigger type is a process of its own in Spin; this host is the one for HTTP.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Triggers {
    #[serde(default)]
    pub http: Vec<HttpTrigger>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpTrigger {
    #[serde(default)]
    pub id: String,
    pub route: Either<PrivateRoute>,
    pub component: Option<String>,
    pub static_response: Option<StaticResponse>,
    pub executor: Option<Executor>,
    /// "Reserved for future use", says Spin.
    #[serde(default)]
    pub components: BTreeMap<String, toml::Value>,
    pub dependencies: Option<TriggerDependencies>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrivateRoute {
    pub private: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StaticResponse {
    pub status_code: Option<u16>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    pub body: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "known keys that a host has no use for")]
pub struct Executor {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub argv: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TriggerDependencies {
    #[serde(default)]
    pub middleware: Vec<toml::Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "known keys that a host has no use for")]
pub struct Component {
    pub source: Either<RemoteSource>,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    #[serde(default)]
    pub files: Vec<Either<Placement>>,
    #[serde(default)]
    pub exclude_files: Vec<String>,
    #[serde(default)]
    pub allowed_http_hosts: Vec<String>,
    #[serde(default)]
    pub allowed_outbound_hosts: Vec<String>,
    #[serde(default)]
    pub key_value_stores: Vec<String>,
    #[serde(default)]
    pub sqlite_databases: Vec<String>,
    #[serde(default)]
    pub ai_models: Vec<String>,
    pub targets: Option<Vec<toml::Value>>,
    pub build: Option<Build>,
    #[serde(default)]
    pub tool: BTreeMap<String, toml::Table>,
    pub dependencies_inherit_configuration: Option<bool>,
    #[serde(default)]
    pub dependencies: BTreeMap<String, Either<Dependency>>,
    #[serde(default)]
    pub profile: BTreeMap<String, Profile>,
}

/// Spin fetches these; this host has no network of its own and refuses them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "known keys that a host has no use for")]
pub struct RemoteSource {
    pub url: Option<String>,
    pub digest: Option<String>,
    pub registry: Option<String>,
    pub package: Option<String>,
    pub version: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Placement {
    pub source: String,
    pub destination: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "known keys that a host has no use for")]
pub struct Build {
    pub command: either::OneOrMany,
    pub workdir: Option<String>,
    #[serde(default)]
    pub watch: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "known keys that a host has no use for")]
pub struct Dependency {
    pub path: Option<PathBuf>,
    pub component: Option<String>,
    pub export: Option<String>,
    pub inherit_configuration: Option<either::FlagOrMany>,
    pub version: Option<String>,
    pub registry: Option<String>,
    pub package: Option<String>,
    pub url: Option<String>,
    pub digest: Option<String>,
}

impl Dependency {
    /// Whether anything of the component's configuration is for the dependency as well. Which part is not told apart here: composed code
    /// shares one set of imports.
    pub fn inherits(&self) -> bool {
        match &self.inherit_configuration {
            None => false,
            Some(either::FlagOrMany::Flag(all)) => *all,
            Some(either::FlagOrMany::Many(keys)) => !keys.is_empty(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "known keys that a host has no use for")]
pub struct Profile {
    pub source: Option<Either<RemoteSource>>,
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    #[serde(default)]
    pub dependencies: BTreeMap<String, Either<Dependency>>,
    pub build: Option<ProfileBuild>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "known keys that a host has no use for")]
pub struct ProfileBuild {
    pub command: either::OneOrMany,
}

impl Manifest {
    /// Read, parsed and judged.
    pub fn read(path: &Path) -> Result<Self, ManifestError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| ManifestError::Read { path: path.to_owned(), source })?;
        let manifest = Self::parse(&text)
            .map_err(|source| ManifestError::Parse { path: path.to_owned(), source: Box::new(source) })?;
        match manifest.problems() {
            problems if problems.is_empty() => Ok(manifest),
            problems => Err(ManifestError::Invalid { path: path.to_owned(), problems }),
        }
    }

    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }
}
