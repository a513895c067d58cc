//! TLS on the way out: whom we believe, and who we say we are.
//!
//! Owns the roots and the client certificates. The private key stays in the signer: rustls is handed something that signs.

use std::sync::Arc;

use passerelle_flow::ports::{ClientIdentity, SignFailure};
use rustls::client::ResolvesClientCert;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore};

use crate::signer::KeySigner;

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("one of the extra roots is not a certificate that can be trusted")]
    Root(#[source] rustls::Error),
    #[error("TLS cannot be set up")]
    Provider(#[source] rustls::Error),
    #[error("the client certificate cannot be used: {0}")]
    Key(#[from] SignFailure),
    #[error("the client certificate and its private key do not belong together")]
    Mismatch(#[source] rustls::Error),
}

/// The public web's authorities, and those that the operator adds.
pub fn roots(extra: &[Vec<u8>]) -> Result<Arc<RootCertStore>, TlsError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for der in extra {
        roots.add(CertificateDer::from_slice(der)).map_err(TlsError::Root)?;
    }
    Ok(Arc::new(roots))
}

/// For calls without a client certificate: HTTP/2 where the server has it.
pub fn anonymous(roots: Arc<RootCertStore>) -> Result<ClientConfig, TlsError> {
    let mut config = builder(roots)?.with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// For calls with one: Apple's push service, which speaks HTTP/2 only.
pub fn identified(
    roots: Arc<RootCertStore>,
    identity: &ClientIdentity,
    signer: &KeySigner,
) -> Result<ClientConfig, TlsError> {
    let chain = identity.chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
    let certified = CertifiedKey::new(chain, signer.tls_key(&identity.key)?);
    certified.keys_match().map_err(TlsError::Mismatch)?;
    let resolver: Arc<dyn ResolvesClientCert> = Arc::new(SingleCertAndKey::from(certified));
    let mut config = builder(roots)?.with_client_cert_resolver(resolver);
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

type Builder = rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>;

fn builder(roots: Arc<RootCertStore>) -> Result<Builder, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(builder.map_err(TlsError::Provider)?.with_root_certificates(roots))
}
