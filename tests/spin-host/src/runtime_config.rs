//! The file of `--runtime-config-file`, as strictly as Spin reads it: unused keys are refused, and so is what this host does not have.
//!
//! Paths in it are relative to the file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::variables::environment_name;

#[derive(Debug, thiserror::Error)]
pub enum RuntimeConfigError {
    #[error("{path} cannot be read")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path} is not a runtime configuration that this host accepts")]
    Parse { path: PathBuf, source: Box<toml::de::Error> },
    #[error("{path}: {problem}")]
    Invalid { path: PathBuf, problem: String },
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuntimeConfig {
    pub state_dir: Option<PathBuf>,
    pub log_dir: Option<PathBuf>,
    #[serde(default, alias = "config_provider", rename = "variables_provider")]
    pub variables_providers: Vec<VariablesProvider>,
    #[serde(default, rename = "sqlite_database")]
    pub sqlite_databases: BTreeMap<String, SqliteDatabase>,
    #[serde(default)]
    pub client_tls: Vec<ClientTls>,
    #[serde(default)]
    pub outbound_http: OutboundHttp,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case", tag = "type")]
pub enum VariablesProvider {
    Static { values: BTreeMap<String, String> },
    Env { prefix: Option<String> },
}

/// Only files: libsql is somebody else's server.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case", tag = "type")]
pub enum SqliteDatabase {
    Spin { path: Option<PathBuf> },
}

/// For the hosts of these components: whom they trust, and as whom they call.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientTls {
    pub component_ids: Vec<String>,
    /// Without ports.
    pub hosts: Vec<String>,
    pub ca_use_platform_roots: Option<bool>,
    pub ca_use_webpki_roots: Option<bool>,
    pub ca_roots_file: Option<PathBuf>,
    pub client_cert_file: Option<PathBuf>,
    pub client_private_key_file: Option<PathBuf>,
}

/// Spin's own trap is kept: the table without `connection_pooling = true` turns pooling off, no table leaves it on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutboundHttp {
    #[serde(default)]
    pub connection_pooling: bool,
}

impl Default for OutboundHttp {
    fn default() -> Self {
        Self { connection_pooling: true }
    }
}

impl VariablesProvider {
    pub fn value(&self, name: &str, environment: impl Fn(&str) -> Option<String>) -> Option<String> {
        match self {
            Self::Static { values } => values.get(name).cloned(),
            Self::Env { prefix } => match prefix.as_deref() {
                Some(prefix) if !prefix.is_empty() => environment(&environment_name(prefix, name)),
                _ => environment(&name.to_ascii_uppercase()),
            },
        }
    }
}

impl RuntimeConfig {
    pub fn read(path: &Path) -> Result<Self, RuntimeConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| RuntimeConfigError::Read { path: path.to_owned(), source })?;
        let mut config: Self = toml::from_str(&text)
            .map_err(|source| RuntimeConfigError::Parse { path: path.to_owned(), source: Box::new(source) })?;
        config
            .judge()
            .map_err(|problem| RuntimeConfigError::Invalid { path: path.to_owned(), problem: problem.to_owned() })?;
        config.relative_to(path.parent().unwrap_or(Path::new("")));
        Ok(config)
    }

    fn judge(&self) -> Result<(), &'static str> {
        for tls in &self.client_tls {
            if tls.component_ids.is_empty() || tls.hosts.is_empty() {
                return Err("[[client_tls]] needs component_ids and hosts");
            }
            if tls.hosts.iter().any(|host| host.contains([':', '/'])) {
                return Err("[[client_tls]] hosts are names, without scheme and port");
            }
            if tls.client_cert_file.is_some() != tls.client_private_key_file.is_some() {
                return Err("[[client_tls]] needs client_cert_file and client_private_key_file together");
            }
        }
        Ok(())
    }

    fn relative_to(&mut self, folder: &Path) {
        let databases = self.sqlite_databases.values_mut().map(|SqliteDatabase::Spin { path }| path);
        let tls = self
            .client_tls
            .iter_mut()
            .flat_map(|tls| [&mut tls.ca_roots_file, &mut tls.client_cert_file, &mut tls.client_private_key_file]);
        for path in [&mut self.state_dir, &mut self.log_dir].into_iter().chain(databases).chain(tls).flatten() {
            *path = folder.join(&*path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<RuntimeConfig, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runtime.toml");
        std::fs::write(&path, text).unwrap();
        RuntimeConfig::read(&path).map_err(|error| match error {
            RuntimeConfigError::Parse { source, .. } => source.to_string(),
            other => other.to_string(),
        })
    }

    #[test]
    fn the_shipped_one_shows_a_certificate_to_apple_alone() {
        let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/spin/runtime-config.toml");
        let config = RuntimeConfig::read(Path::new(shipped)).unwrap();
        let [tls] = config.client_tls.as_slice() else { panic!("{:?}", config.client_tls) };
        assert_eq!(
            (tls.component_ids.as_slice(), tls.hosts.as_slice()),
            (&["edge".to_owned()][..], &["api.push.apple.com".to_owned()][..])
        );
        assert!(tls.client_cert_file.is_some() && tls.client_private_key_file.is_some());
    }

    #[test]
    fn an_unknown_key_is_named() {
        assert!(read("[outbound_networking]\nblock_networks = []").unwrap_err().contains("outbound_networking"));
        assert!(
            read("[[client_tls]]\ncomponent_ids = [\"a\"]\nhosts = [\"b\"]\nca_root = \"c\"")
                .unwrap_err()
                .contains("ca_root")
        );
        assert!(read("[[variables_provider]]\ntype = \"vault\"").unwrap_err().contains("vault"));
    }

    #[test]
    fn a_certificate_without_its_key_is_refused() {
        let text = "[[client_tls]]\ncomponent_ids = [\"a\"]\nhosts = [\"b\"]\nclient_cert_file = \"c\"";
        assert!(read(text).unwrap_err().contains("together"));
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let config =
            read("[[client_tls]]\ncomponent_ids = [\"a\"]\nhosts = [\"b\"]\nca_roots_file = \"roots.pem\"").unwrap();
        let path = config.client_tls[0].ca_roots_file.clone().unwrap();
        assert!(path.is_absolute() && path.ends_with("roots.pem"), "{path:?}");
    }

    #[test]
    fn pooling_is_on_without_the_table_and_off_with_an_empty_one() {
        assert!(read("").unwrap().outbound_http.connection_pooling);
        assert!(!read("[outbound_http]").unwrap().outbound_http.connection_pooling);
        assert!(read("[outbound_http]\nconnection_pooling = true").unwrap().outbound_http.connection_pooling);
    }
}
