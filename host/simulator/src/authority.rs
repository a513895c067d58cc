//! A certificate authority that lives as long as the world: one root, and all that hangs from it.
//!
//! Owns keys and certificates in the shapes of the real ones (Apple's Pass Type ID certificate, Google's service account key).
//! Does not own their verification: `apple::signature` and `jws` do that, from the bytes alone. Bounded by: nothing it issues
//! is trusted by anything outside a test, since the root's key dies with the process.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, PublicKeyData, RsaKeySize,
};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::secutix::random_hex;

/// `userId` (RFC 4519), where Apple puts the pass type identifier.
const UID: [u64; 7] = [0, 9, 2342, 19_200_300, 100, 1, 1];
/// Apple's extended key usage of pass certificates.
const PASS_KEY_USAGE: [u64; 7] = [1, 2, 840, 113_635, 100, 4, 14];
/// Apple's marker extension of developer certificates of the push kind; its value is NULL.
const PUSH_MARKER: [u64; 8] = [1, 2, 840, 113_635, 100, 6, 3, 2];
/// Apple's extension that repeats the pass type identifier.
const PASS_TYPE: [u64; 8] = [1, 2, 840, 113_635, 100, 6, 1, 16];
/// Seconds that a certificate is older than its making, for clocks that disagree.
const BACKDATED: i64 = 3600;
/// One year, what Apple gives a Pass Type ID certificate (396 days in practice).
const PASS_LIFETIME: i64 = 396 * 86_400;
/// Of the root, the intermediate and the servers: longer than any run.
const LIFETIME: i64 = 3650 * 86_400;

#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    #[error("a certificate could not be made: {0}")]
    Certificate(#[from] rcgen::Error),
    #[error("a certificate could not be put to use: {0}")]
    Tls(#[from] rustls::Error),
    #[error("a client verifier could not be made")]
    Verifier,
    #[error("PEM that this authority wrote could not be read back")]
    Pem,
    #[error("no randomness")]
    Random,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyKind {
    /// What nearly every Pass Type ID certificate has.
    #[default]
    Rsa2048,
    P256,
}

/// What is asked of the authority for a Pass Type ID certificate.
#[derive(Debug, Clone)]
pub struct PassCertificate {
    pub pass_type: String,
    pub team: String,
    pub key: KeyKind,
    pub not_before: Timestamp,
    /// In the past for an expired one.
    pub not_after: Timestamp,
}

impl Default for PassCertificate {
    fn default() -> Self {
        Self {
            pass_type: String::new(),
            team: String::new(),
            key: KeyKind::default(),
            not_before: from_now(-BACKDATED),
            not_after: from_now(PASS_LIFETIME),
        }
    }
}

/// A certificate with what it hangs from, and its private key.
#[derive(Clone)]
pub struct Identity {
    /// The certificate alone.
    pub certificate_pem: String,
    /// Leaf first, then the intermediate if there is one. Never the root.
    pub chain_pem: String,
    /// PKCS#8.
    pub key_pem: String,
    pub chain_der: Vec<Vec<u8>>,
}

/// A Google service account with its key.
#[derive(Clone)]
pub struct ServiceAccount {
    pub email: String,
    pub key_id: String,
    /// PKCS#8 PEM.
    pub private_key_pem: String,
    pub token_uri: String,
    /// PKCS#1 `RSAPublicKey`, for whoever verifies.
    pub public_key: Vec<u8>,
}

impl ServiceAccount {
    /// The file that Google's console lets one download.
    pub fn json(&self) -> String {
        let encoded = self.email.replace('@', "%40");
        let file = serde_json::json!({
            "type": "service_account",
            "project_id": "passerelle-demo",
            "private_key_id": self.key_id,
            "private_key": self.private_key_pem,
            "client_email": self.email,
            "client_id": "100000000000000000001",
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": self.token_uri,
            "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
            "client_x509_cert_url": format!("https://www.googleapis.com/robot/v1/metadata/x509/{encoded}"),
            "universe_domain": "googleapis.com",
        });
        format!("{file:#}\n")
    }
}

/// `AuthKey_<id>.p8`, and what the push service knows of it.
#[derive(Clone)]
pub struct PushKey {
    /// Ten letters and digits (JWT `kid`).
    pub id: String,
    pub team: String,
    pub private_key_pem: String,
    /// An uncompressed point.
    pub(crate) public_key: Vec<u8>,
}

/// What a phone trusts a pass by.
#[derive(Clone, Default)]
pub struct PassTrust {
    /// DER of Apple's root, or what stands for it.
    pub root: Vec<u8>,
}

pub struct Authority {
    root: CertifiedIssuer<'static, KeyPair>,
    intermediate: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub fn new() -> Result<Self, AuthorityError> {
        let mut params = issuer_params("Passerelle Simulator Root CA", BasicConstraints::Unconstrained)?;
        params.use_authority_key_identifier_extension = false;
        let root = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let params = issuer_params(
            "Passerelle Simulator Worldwide Developer Relations Certification Authority",
            BasicConstraints::Constrained(0),
        )?;
        // As Apple's: a peer that knows no other keys reads the chain.
        let key = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048)?;
        let intermediate = CertifiedIssuer::signed_by(params, key, &root)?;
        Ok(Self { root, intermediate })
    }

    /// The one certificate that a client of this world has to trust.
    pub fn root_pem(&self) -> String {
        self.root.pem()
    }

    pub fn root_der(&self) -> Vec<u8> {
        self.root.der().to_vec()
    }

    /// Stands for Apple's WWDR intermediate.
    pub fn intermediate_pem(&self) -> String {
        self.intermediate.pem()
    }

    pub fn pass_trust(&self) -> PassTrust {
        PassTrust { root: self.root_der() }
    }

    /// A server certificate for these names and addresses, for the simulator's own sockets or for a server under test.
    pub fn server_identity(&self, names: &[&str]) -> Result<Identity, AuthorityError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())?;
        set_validity(&mut params, from_now(-BACKDATED), from_now(LIFETIME));
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, names.first().copied().unwrap_or("localhost"));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.root)?;
        Ok(Identity {
            certificate_pem: certificate.pem(),
            chain_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            chain_der: vec![certificate.der().to_vec()],
        })
    }

    /// A Pass Type ID certificate in the shape of Apple's (wallets.md 1.1): also the client certificate of the push service.
    pub fn pass_certificate(&self, wanted: &PassCertificate) -> Result<Identity, AuthorityError> {
        let key = match wanted.key {
            KeyKind::Rsa2048 => KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048)?,
            KeyKind::P256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?,
        };
        let mut params = CertificateParams::default();
        set_validity(&mut params, wanted.not_before, wanted.not_after);
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CustomDnType(UID.to_vec()), wanted.pass_type.clone());
        params.distinguished_name.push(DnType::CommonName, format!("Pass Type ID: {}", wanted.pass_type));
        params.distinguished_name.push(DnType::OrganizationalUnitName, wanted.team.clone());
        params.distinguished_name.push(DnType::OrganizationName, "Passerelle Simulator");
        params.distinguished_name.push(DnType::CountryName, "CH");
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::Other(PASS_KEY_USAGE.to_vec())];
        params.use_authority_key_identifier_extension = true;
        let mut identifier = vec![0x0c, u8::try_from(wanted.pass_type.len()).unwrap_or(0x7f)];
        identifier.extend_from_slice(wanted.pass_type.as_bytes());
        params.custom_extensions = vec![
            CustomExtension::from_oid_content(&PUSH_MARKER, vec![0x05, 0x00]),
            CustomExtension::from_oid_content(&PASS_TYPE, identifier),
        ];
        let certificate = params.signed_by(&key, &self.intermediate)?;
        Ok(Identity {
            certificate_pem: certificate.pem(),
            chain_pem: format!("{}{}", certificate.pem(), self.intermediate.pem()),
            key_pem: key.serialize_pem(),
            chain_der: vec![certificate.der().to_vec(), self.intermediate.der().to_vec()],
        })
    }

    /// A key for provider tokens, as Apple's developer pages give one out.
    pub fn push_key(&self, team: &str) -> Result<PushKey, AuthorityError> {
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let id = random_hex::<5>().to_ascii_uppercase();
        Ok(PushKey {
            id,
            team: team.to_owned(),
            private_key_pem: key.serialize_pem(),
            public_key: key.der_bytes().to_vec(),
        })
    }

    pub fn service_account(&self, email: &str, token_uri: &str) -> Result<ServiceAccount, AuthorityError> {
        let key = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048)?;
        let mut id = [0; 20];
        SystemRandom::new().fill(&mut id).map_err(|_| AuthorityError::Random)?;
        Ok(ServiceAccount {
            email: email.to_owned(),
            key_id: hex::encode(id),
            private_key_pem: key.serialize_pem(),
            token_uri: token_uri.to_owned(),
            public_key: key.der_bytes().to_vec(),
        })
    }

    pub(crate) fn server_tls(&self, identity: &Identity) -> Result<Arc<ServerConfig>, AuthorityError> {
        let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
        let (chain, key) = parts(identity)?;
        let mut config = builder.with_no_client_auth().with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// HTTP/2 only, and a client certificate that the intermediate issued. The intermediate is the trust anchor, so a server
    /// certificate of the same root is not enough.
    pub(crate) fn push_tls(&self, identity: &Identity) -> Result<Arc<ServerConfig>, AuthorityError> {
        let mut anchors = RootCertStore::empty();
        anchors.add(self.intermediate.der().clone())?;
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(anchors), provider())
            // A provider token may stand in for it; which of both there is, the service asks.
            .allow_unauthenticated()
            .build()
            .map_err(|_| AuthorityError::Verifier)?;
        let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
        let (chain, key) = parts(identity)?;
        let mut config = builder.with_client_cert_verifier(verifier).with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Arc::new(config))
    }

    /// TLS of a client that trusts this root and nothing else.
    pub(crate) fn client_tls(&self) -> Result<Arc<ClientConfig>, AuthorityError> {
        let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
        let mut config = builder.with_root_certificates(self.anchors()?).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    pub(crate) fn anchors(&self) -> Result<RootCertStore, AuthorityError> {
        let mut anchors = RootCertStore::empty();
        anchors.add(self.root.der().clone())?;
        Ok(anchors)
    }
}

pub(crate) fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

pub(crate) fn parts(
    identity: &Identity,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), AuthorityError> {
    let chain = identity.chain_der.iter().map(|der| CertificateDer::from(der.clone())).collect();
    let key = PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes()).map_err(|_| AuthorityError::Pem)?;
    Ok((chain, key))
}

fn issuer_params(name: &str, constraints: BasicConstraints) -> Result<CertificateParams, AuthorityError> {
    let mut params = CertificateParams::new(Vec::new())?;
    set_validity(&mut params, from_now(-BACKDATED), from_now(LIFETIME));
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.distinguished_name.push(DnType::OrganizationName, "Passerelle Simulator");
    params.is_ca = IsCa::Ca(constraints);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn from_now(seconds: i64) -> Timestamp {
    let now = Timestamp::now().as_second();
    Timestamp::from_second(now.saturating_add(seconds)).unwrap_or(Timestamp::MAX)
}

/// By addition to a date, because rcgen's type of time belongs to a crate that this one does not name.
fn set_validity(params: &mut CertificateParams, from: Timestamp, to: Timestamp) {
    let since_epoch = |moment: Timestamp| Duration::from_secs(u64::try_from(moment.as_second()).unwrap_or(0));
    params.not_before = rcgen::date_time_ymd(1970, 1, 1) + since_epoch(from);
    params.not_after = rcgen::date_time_ymd(1970, 1, 1) + since_epoch(to);
}
