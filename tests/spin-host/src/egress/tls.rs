//! Whom a component trusts per host, and as whom it calls: `[[client_tls]]` of the runtime configuration.
//!
//! The choices and their defaults are Spin's. Its "platform roots" are read here from where Linux distributions keep them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::runtime_config::ClientTls;

/// Debian and Alpine, Fedora, SUSE. `SSL_CERT_FILE` goes before them, as everywhere.
const PLATFORM: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"];

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{path} holds no usable certificate or key")]
    Pem { path: PathBuf, source: rustls::pki_types::pem::Error },
    #[error("[[client_tls]] for {0} trusts nobody")]
    NoRoots(String),
    #[error("[[client_tls]] cannot be used")]
    Tls(#[from] rustls::Error),
}

/// One component's.
#[derive(Clone)]
pub struct TlsConfigs {
    hosts: Arc<BTreeMap<String, Arc<ClientConfig>>>,
    other: Arc<ClientConfig>,
}

impl TlsConfigs {
    pub fn new(component: &str, configured: &[ClientTls]) -> Result<Self, TlsError> {
        let mut hosts = BTreeMap::new();
        for tls in configured.iter().filter(|tls| tls.component_ids.iter().any(|id| id == component)) {
            let config = Arc::new(config(tls)?);
            for host in &tls.hosts {
                // The first one that names the host wins.
                hosts.entry(host.to_ascii_lowercase()).or_insert_with(|| Arc::clone(&config));
            }
        }
        let other = Arc::new(with_alpn(builder(roots(true, true, None)?)?.with_no_client_auth()));
        Ok(Self { hosts: Arc::new(hosts), other })
    }

    pub fn of(&self, host: &str) -> Arc<ClientConfig> {
        Arc::clone(self.hosts.get(&host.to_ascii_lowercase()).unwrap_or(&self.other))
    }
}

fn config(tls: &ClientTls) -> Result<ClientConfig, TlsError> {
    let (platform, webpki) = match (tls.ca_use_platform_roots, tls.ca_use_webpki_roots) {
        (None, None) => (tls.ca_roots_file.is_none(), false),
        (platform, webpki) => (platform.unwrap_or(false), webpki.unwrap_or(false)),
    };
    let roots = roots(platform, webpki, tls.ca_roots_file.as_deref())?;
    if roots.is_empty() && !platform {
        return Err(TlsError::NoRoots(tls.hosts.join(", ")));
    }
    let builder = builder(roots)?;
    let config = match (&tls.client_cert_file, &tls.client_private_key_file) {
        (Some(chain), Some(key)) => builder.with_client_auth_cert(certificates(chain)?, private_key(key)?)?,
        _ => builder.with_no_client_auth(),
    };
    Ok(with_alpn(config))
}

fn roots(platform: bool, webpki: bool, file: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    if webpki {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    if platform {
        let named = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
        let found = named.or_else(|| PLATFORM.iter().map(PathBuf::from).find(|path| path.is_file()));
        if let Some(path) = found {
            roots.add_parsable_certificates(certificates(&path)?);
        }
    }
    for certificate in file.map(certificates).transpose()?.unwrap_or_default() {
        roots.add(certificate)?;
    }
    Ok(roots)
}

type Builder = rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>;

fn builder(roots: RootCertStore) -> Result<Builder, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(roots))
}

fn with_alpn(mut config: ClientConfig) -> ClientConfig {
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    read.map_err(|source| TlsError::Pem { path: path.to_owned(), source })
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path).map_err(|source| TlsError::Pem { path: path.to_owned(), source })
}
