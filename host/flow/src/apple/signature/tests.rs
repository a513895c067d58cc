use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{SignedData, SignerIdentifier};
use der::asn1::ObjectIdentifier;
use der::{Any, Tag, Tagged as _};
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::*;
use crate::apple::certificates::{Authority, KeyKind, identity, openssl_accepts};
use crate::scripted::{Keys, run};

const MANIFEST: &[u8] = br#"{"icon.png":"da39a3ee5e6b4b0d3255bfef95601890afd80709","pass.json":"bf21a9e8fbc5a3846fb05b4fa0859e0917b2202f"}"#;
/// 2026-03-14T18:02:11Z
const NOW: Millis = 1_773_511_331_500;

/// Read with another library than what wrote it: that has none.
const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

async fn sign(keys: &Keys, identity: &ClientIdentity, content: &[u8], at: Millis) -> Result<Vec<u8>, SignatureError> {
    Signatory::of(&identity.chain)?.sign(keys, identity, content, at).await
}

fn signed(signature: &[u8]) -> SignedData {
    let info = ContentInfo::from_der(signature).unwrap();
    assert_eq!(info.content_type, oid("1.2.840.113549.1.7.2"));
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
    assert_eq!(
        info.signature_algorithm,
        AlgorithmIdentifierOwned { oid: oid("1.2.840.10045.4.3.2"), parameters: None }
    );
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
    assert_eq!(signed.encap_content_info.econtent_type, oid("1.2.840.113549.1.7.1"));
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
    assert_eq!(info.signature_algorithm.oid, oid("1.2.840.113549.1.1.1"));
    assert_eq!(info.signature_algorithm.parameters, Some(Any::null()));
    let sha_256 = AlgorithmIdentifierOwned { oid: oid("2.16.840.1.101.3.4.2.1"), parameters: None };
    assert_eq!(info.digest_alg, sha_256);
    assert_eq!(signed.digest_algorithms.get(0), Some(&sha_256));
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
    assert_eq!(oids, ["1.2.840.113549.1.9.3", "1.2.840.113549.1.9.5", "1.2.840.113549.1.9.4"].map(oid));

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
    let read = |seconds: Millis| Any::from_der(&time(seconds * 1000).unwrap()).unwrap();
    let (before, after) = (read(2_524_607_999), read(2_524_608_000));
    assert_eq!((before.tag(), before.value()), (Tag::UtcTime, b"491231235959Z".as_slice()));
    assert_eq!((after.tag(), after.value()), (Tag::GeneralizedTime, b"20500101000000Z".as_slice()));
    assert!(matches!(time(-1000), Err(SignatureError::Encoding)));
    // The attributes stay sorted then.
    let attributes: der::asn1::SetOfVec<Any> =
        der::Decode::from_der(&signed_attributes(MANIFEST, 2_524_608_000_000).unwrap()).unwrap();
    assert_eq!(attributes.len(), 3);
}

#[test]
fn lengths_are_written_as_der_has_them() {
    for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536, 70_000] {
        let content = vec![7; length];
        let any = Any::new(Tag::OctetString, content.as_slice()).unwrap();
        assert_eq!(tlv(OCTET_STRING, &[&content]).unwrap(), any.to_der().unwrap(), "{length}");
    }
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
