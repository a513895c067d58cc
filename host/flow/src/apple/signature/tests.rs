use cms::signed_data::SignedData;

use super::*;
use crate::apple::certificates::{Authority, KeyKind, identity, openssl_accepts};
use crate::scripted::{Keys, run};

const MANIFEST: &[u8] = br#"{"icon.png":"da39a3ee5e6b4b0d3255bfef95601890afd80709","pass.json":"bf21a9e8fbc5a3846fb05b4fa0859e0917b2202f"}"#;
/// 2026-03-14T18:02:11Z
const NOW: Millis = 1_773_511_331_500;

fn signed(signature: &[u8]) -> SignedData {
    let info = ContentInfo::from_der(signature).unwrap();
    assert_eq!(info.content_type, ID_SIGNED_DATA);
    info.content.decode_as().unwrap()
}

#[test]
fn openssl_accepts_an_rsa_signature_and_no_other_content() {
    let authority = Authority::new("G4");
    let (identity, keys) = identity(&authority, &KeyKind::Rsa);
    let signature = run(sign(&keys, &identity, MANIFEST, NOW)).unwrap();
    assert!(openssl_accepts(&authority, &signature, MANIFEST));
    assert!(!openssl_accepts(&authority, &signature, b"{}"));
    assert!(!openssl_accepts(&Authority::new("G4"), &signature, MANIFEST));
}

#[test]
fn openssl_accepts_an_ecdsa_signature() {
    let authority = Authority::new("G4");
    let (identity, keys) = identity(&authority, &KeyKind::P256);
    let signature = run(sign(&keys, &identity, MANIFEST, NOW)).unwrap();
    assert!(openssl_accepts(&authority, &signature, MANIFEST));
    let info = signed(&signature).signer_infos.0.get(0).unwrap().clone();
    assert_eq!(info.signature_algorithm, AlgorithmIdentifierOwned { oid: ECDSA_WITH_SHA_256, parameters: None });
}

#[test]
fn openssl_refuses_a_signature_by_a_key_that_is_not_the_certificates() {
    let authority = Authority::new("G4");
    let (identity, _) = identity(&authority, &KeyKind::Rsa);
    let signature = run(sign(&Keys::rsa("apple"), &identity, MANIFEST, NOW)).unwrap();
    assert!(!openssl_accepts(&authority, &signature, MANIFEST));
}

#[test]
fn the_structure_is_what_wallet_expects() {
    let authority = Authority::new("G4");
    let (identity, keys) = identity(&authority, &KeyKind::Rsa);
    let signed = signed(&run(sign(&keys, &identity, MANIFEST, NOW)).unwrap());
    assert_eq!(signed.version, CmsVersion::V1);
    assert_eq!(signed.encap_content_info.econtent_type, ID_DATA);
    assert!(signed.encap_content_info.econtent.is_none(), "detached");
    let mut certificates: Vec<Vec<u8>> =
        signed.certificates.unwrap().0.iter().map(|certificate| certificate.to_der().unwrap()).collect();
    let mut chain = identity.chain.clone();
    certificates.sort();
    chain.sort();
    assert_eq!(certificates, chain, "leaf and intermediate, byte for byte");

    assert_eq!(signed.signer_infos.0.len(), 1);
    let info = signed.signer_infos.0.get(0).unwrap();
    assert_eq!(info.version, CmsVersion::V1);
    let SignerIdentifier::IssuerAndSerialNumber(signer) = &info.sid else { panic!("not by issuer and serial") };
    let leaf = Certificate::from_der(&identity.chain[0]).unwrap();
    assert_eq!(signer.serial_number, leaf.tbs_certificate.serial_number);
    assert_eq!(info.signature_algorithm.oid, RSA_ENCRYPTION);
    assert_eq!(info.digest_alg, sha_256());
}

#[test]
fn the_attributes_are_three_sorted_and_signed_as_they_are() {
    let authority = Authority::new("G4");
    let (identity, keys) = identity(&authority, &KeyKind::Rsa);
    let signed = signed(&run(sign(&keys, &identity, MANIFEST, NOW)).unwrap());
    let info = signed.signer_infos.0.get(0).unwrap();
    let attributes = info.signed_attrs.as_ref().unwrap();
    let encoded: Vec<Vec<u8>> = attributes.iter().map(|attribute| attribute.to_der().unwrap()).collect();
    assert!(encoded.is_sorted());
    let oids: Vec<_> = attributes.iter().map(|attribute| attribute.oid).collect();
    assert_eq!(oids, [CONTENT_TYPE, SIGNING_TIME, MESSAGE_DIGEST]);

    let values: Vec<&Any> = attributes.iter().map(|attribute| attribute.values.get(0).unwrap()).collect();
    assert_eq!(values[1].value(), b"260314180211Z");
    assert_eq!(values[2].value(), Sha256::digest(MANIFEST).as_slice());

    use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, keys.rsa["apple"].public_key().as_ref())
        .verify(&attributes.to_der().unwrap(), info.signature.as_bytes())
        .unwrap();
}

#[test]
fn a_signing_time_after_2049_is_a_generalized_time() {
    let time = |seconds: Millis| time(seconds * 1000).unwrap();
    assert!(matches!(time(2_524_607_999), Time::UtcTime(_)));
    assert!(matches!(time(2_524_608_000), Time::GeneralTime(_)));
    assert!(matches!(super::time(-1000), Err(SignatureError::Encoding)));
}

#[test]
fn what_cannot_sign_says_so() {
    let authority = Authority::new("G4");
    let (identity, keys) = identity(&authority, &KeyKind::Rsa);
    let try_sign = |identity: &ClientIdentity, keys: &Keys| run(sign(keys, identity, MANIFEST, NOW)).unwrap_err();
    assert!(matches!(try_sign(&identity, &Keys::default()), SignatureError::Key(SignFailure::Missing)));
    let empty = ClientIdentity { chain: vec![], ..identity.clone() };
    assert!(matches!(try_sign(&empty, &keys), SignatureError::Chain));
    let garbage = ClientIdentity { chain: vec![b"-----BEGIN CERTIFICATE-----".to_vec()], ..identity };
    assert!(matches!(try_sign(&garbage, &keys), SignatureError::Chain));
}
