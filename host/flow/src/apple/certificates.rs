//! Certificates of the shape of Apple's, made for a test: a root, an intermediate, and a Pass Type ID certificate.

use std::collections::BTreeMap;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, date_time_ymd,
};

use crate::ports::ClientIdentity;
use crate::scripted::{Keys, key};
use crate::tenant::{Apple, Tenant};

pub const PASS_TYPE: &str = "pass.org.example.tickets";
pub const TEAM: &str = "A1B2C3D4E5";

pub struct Authority {
    pub root: CertifiedIssuer<'static, KeyPair>,
    pub intermediate: CertifiedIssuer<'static, KeyPair>,
}

pub enum KeyKind {
    Rsa,
    P256,
}

fn named(unit: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Worldwide Developer Relations");
    params.distinguished_name.push(DnType::OrganizationalUnitName, unit);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2049, 1, 1);
    params
}

fn of_authority(unit: &str) -> CertificateParams {
    let mut params = named(unit);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    params
}

impl Authority {
    pub fn new(generation: &str) -> Self {
        let root = CertifiedIssuer::self_signed(of_authority("Root"), KeyPair::generate().unwrap()).unwrap();
        let intermediate =
            CertifiedIssuer::signed_by(of_authority(generation), KeyPair::generate().unwrap(), &root).unwrap();
        Self { root, intermediate }
    }

    /// A Pass Type ID certificate, with Apple's own extended key usage and extensions.
    pub fn issue(&self, pass_type: &str, team: &str, key: &KeyPair) -> Vec<u8> {
        let mut params = named(team);
        params.distinguished_name.push(DnType::from_oid(&[0, 9, 2342, 19_200_300, 100, 1, 1]), pass_type);
        params.not_before = date_time_ymd(2025, 1, 1);
        params.not_after = date_time_ymd(2045, 1, 1);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ClientAuth,
            ExtendedKeyUsagePurpose::Other(vec![1, 2, 840, 113_635, 100, 4, 14]),
        ];
        params.custom_extensions =
            vec![CustomExtension::from_oid_content(&[1, 2, 840, 113_635, 100, 6, 3, 2], vec![5, 0])];
        params.use_authority_key_identifier_extension = true;
        params.signed_by(key, &self.intermediate).unwrap().der().to_vec()
    }

    pub fn chain(&self, pass_type: &str, team: &str, key: &KeyPair) -> Vec<Vec<u8>> {
        vec![self.issue(pass_type, team, key), self.intermediate.der().to_vec()]
    }
}

/// A key and its identity, for the signer to hold.
pub fn identity(authority: &Authority, kind: &KeyKind) -> (ClientIdentity, Keys) {
    let pair = match kind {
        KeyKind::Rsa => KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap(),
        KeyKind::P256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap(),
    };
    let mut keys = Keys { rsa: BTreeMap::new(), p256: BTreeMap::new() };
    match kind {
        KeyKind::Rsa => {
            let pair = aws_lc_rs::rsa::KeyPair::from_pkcs8(&pair.serialize_der()).unwrap();
            keys.rsa.insert("apple".into(), pair);
        }
        KeyKind::P256 => {
            let algorithm = &aws_lc_rs::signature::ECDSA_P256_SHA256_ASN1_SIGNING;
            let pair = aws_lc_rs::signature::EcdsaKeyPair::from_pkcs8(algorithm, &pair.serialize_der()).unwrap();
            keys.p256.insert("apple".into(), pair);
        }
    }
    (ClientIdentity { chain: authority.chain(PASS_TYPE, TEAM, &pair), key: key("apple") }, keys)
}

/// The scripted tenant with that identity.
pub fn tenant(identity: ClientIdentity) -> Tenant {
    let tenant = crate::scripted::tenant();
    let apple = tenant.apple.clone().map(|apple| Apple { identity, signing: Default::default(), ..apple });
    Tenant { apple, ..tenant }
}

/// Asks openssl, which knows nothing of us, whether a detached signature is the content's.
pub fn openssl_accepts(authority: &Authority, signature: &[u8], content: &[u8]) -> bool {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in
        [("signature", signature), ("manifest.json", content), ("root.pem", authority.root.pem().as_bytes())]
    {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let output = std::process::Command::new("openssl")
        .args(["cms", "-verify", "-binary", "-inform", "DER", "-in", "signature", "-content", "manifest.json"])
        .args(["-CAfile", "root.pem", "-purpose", "any", "-out", "out"])
        .current_dir(folder.path())
        .output()
        .expect("openssl is needed to check signatures");
    output.status.success()
}
