//! Makes passes for the tests: a pass.json, its package, its signature, and broken ones of each.

use std::io::{Cursor, Write};

use aws_lc_rs::digest;
use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos,
};
use der::asn1::{Any, ObjectIdentifier, OctetString, SetOfVec, UtcTime};
use der::{Decode, Encode};
use rcgen::{KeyPair, SigningKey};
use serde_json::{Map, Value, json};
use x509_cert::Certificate;
use x509_cert::attr::Attribute;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_cert::time::Time;

use crate::authority::{Authority, Identity, KeyKind, PassCertificate};

pub const PASS_TYPE: &str = "pass.example.test";
pub const TEAM: &str = "TEAM000001";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\nnothing behind it";

pub fn identity(authority: &Authority, key: KeyKind) -> Identity {
    let wanted =
        PassCertificate { pass_type: PASS_TYPE.to_owned(), team: TEAM.to_owned(), key, ..PassCertificate::default() };
    authority.pass_certificate(&wanted).unwrap()
}

pub fn ticket(serial: &str, url: &str) -> Value {
    json!({
        "formatVersion": 1,
        "passTypeIdentifier": PASS_TYPE,
        "teamIdentifier": TEAM,
        "serialNumber": serial,
        "organizationName": "Opera",
        "description": "Ticket",
        "webServiceURL": url,
        "authenticationToken": "0123456789abcdef",
        "relevantDate": "2027-01-01T20:00:00+01:00",
        "barcodes": [{"format": "PKBarcodeFormatQR", "message": "0850001", "messageEncoding": "iso-8859-1"}],
        "eventTicket": {
            "primaryFields": [{"key": "event", "label": "EVENT", "value": "Carmen"}],
            "secondaryFields": [
                {"key": "seat", "label": "Seat", "value": "12", "changeMessage": "SEAT_CHANGED"},
            ],
        },
    })
}

/// The members of a package, before manifest and signature.
pub fn members(pass: &Value) -> Vec<(String, Vec<u8>)> {
    let strings = "/* words */\n\"EVENT\" = \"Spectacle\";\n\"SEAT_CHANGED\" = \"Nouvelle place : %@\";\n";
    vec![
        ("pass.json".to_owned(), pass.to_string().into_bytes()),
        ("icon.png".to_owned(), PNG.to_vec()),
        ("icon@2x.png".to_owned(), PNG.to_vec()),
        ("icon@3x.png".to_owned(), PNG.to_vec()),
        ("fr.lproj/pass.strings".to_owned(), strings.as_bytes().to_vec()),
    ]
}

pub fn manifest(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let sums: Map<String, Value> = members
        .iter()
        .map(|(name, bytes)| {
            let sum = hex::encode(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes));
            (name.clone(), Value::String(sum))
        })
        .collect();
    Value::Object(sums).to_string().into_bytes()
}

pub fn pkpass(pass: &Value, identity: &Identity) -> Vec<u8> {
    let members = members(pass);
    let manifest = manifest(&members);
    let signature = sign(&manifest, identity, jiff::Timestamp::now().as_second());
    zip(members, &manifest, &signature)
}

pub fn zip(mut members: Vec<(String, Vec<u8>)>, manifest: &[u8], signature: &[u8]) -> Vec<u8> {
    members.push(("manifest.json".to_owned(), manifest.to_vec()));
    members.push(("signature".to_owned(), signature.to_vec()));
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in members {
        archive.start_file(name, stored).unwrap();
        archive.write_all(&bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

pub fn sign(manifest: &[u8], identity: &Identity, second: i64) -> Vec<u8> {
    let oid = ObjectIdentifier::new_unwrap;
    let key = KeyPair::from_pem(&identity.key_pem).unwrap();
    let chain: Vec<Certificate> = identity.chain_der.iter().map(|der| Certificate::from_der(der).unwrap()).collect();
    let sha256 = AlgorithmIdentifierOwned { oid: oid("2.16.840.1.101.3.4.2.1"), parameters: None };
    let time = UtcTime::from_unix_duration(std::time::Duration::from_secs(second.try_into().unwrap())).unwrap();
    let sum = OctetString::new(digest::digest(&digest::SHA256, manifest).as_ref()).unwrap();
    let attributes = SetOfVec::from_iter([
        attribute(oid("1.2.840.113549.1.9.3"), &oid("1.2.840.113549.1.7.1")),
        attribute(oid("1.2.840.113549.1.9.4"), &sum),
        attribute(oid("1.2.840.113549.1.9.5"), &Time::UtcTime(time)),
    ])
    .unwrap();
    let rsa = key.algorithm() == &rcgen::PKCS_RSA_SHA256;
    let algorithm = match rsa {
        true => AlgorithmIdentifierOwned { oid: oid("1.2.840.113549.1.1.1"), parameters: Some(Any::null()) },
        false => AlgorithmIdentifierOwned { oid: oid("1.2.840.10045.4.3.2"), parameters: None },
    };
    let leaf = chain.first().unwrap();
    let signer = SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: leaf.tbs_certificate.issuer.clone(),
            serial_number: leaf.tbs_certificate.serial_number.clone(),
        }),
        digest_alg: sha256.clone(),
        signature: OctetString::new(key.sign(&attributes.to_der().unwrap()).unwrap()).unwrap(),
        signed_attrs: Some(attributes),
        signature_algorithm: algorithm,
        unsigned_attrs: None,
    };
    let data = SignedData {
        version: CmsVersion::V1,
        digest_algorithms: SetOfVec::from_iter([sha256]).unwrap(),
        encap_content_info: EncapsulatedContentInfo { econtent_type: oid("1.2.840.113549.1.7.1"), econtent: None },
        certificates: Some(CertificateSet(
            SetOfVec::from_iter(chain.iter().cloned().map(CertificateChoices::Certificate)).unwrap(),
        )),
        crls: None,
        signer_infos: SignerInfos(SetOfVec::from_iter([signer]).unwrap()),
    };
    let info = ContentInfo {
        content_type: oid("1.2.840.113549.1.7.2"),
        content: Any::from_der(&data.to_der().unwrap()).unwrap(),
    };
    info.to_der().unwrap()
}

fn attribute(oid: ObjectIdentifier, value: &impl Encode) -> Attribute {
    let value = Any::from_der(&value.to_der().unwrap()).unwrap();
    Attribute { oid, values: SetOfVec::from_iter([value]).unwrap() }
}
