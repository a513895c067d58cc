//! The vectors of the standard and of Svix, and what must not pass.

use super::*;

struct Counting;
impl Random for Counting {
    fn fill(&self, target: &mut [u8]) {
        for (at, byte) in target.iter_mut().enumerate() {
            *byte = u8::try_from(at * 7 % 251).unwrap();
        }
    }
}

/// From the reference libraries (standard-webhooks, `libraries/*/tests`) and Svix's page on verifying by hand.
const SYMMETRIC_VECTORS: [(&str, &str, i64, &str, &str); 2] = [
    (
        "whsec_plJ3nmyCDGBKInavdOK15jsl",
        "msg_loFOjxBNrRLzqYUf",
        1_731_705_121,
        r#"{"event_type":"ping","data":{"success":true}}"#,
        "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
    ),
    (
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1_614_265_330,
        r#"{"test": 2432232314}"#,
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ),
];

fn received<'a>(id: &'a str, timestamp: &'a str, signature: &'a str) -> Received<'a> {
    Received { id, timestamp, signature }
}

#[test]
fn what_others_have_signed_is_signed_alike_and_verifies() {
    for (secret, id, timestamp, body, signature) in SYMMETRIC_VECTORS {
        assert_eq!(Secret::parse(secret).unwrap().sign(id, timestamp, body.as_bytes()), signature);
        let verifier = Verifier::parse(secret).unwrap();
        let given = timestamp.to_string();
        let now = timestamp * 1000;
        assert_eq!(verify(&verifier, received(id, &given, signature), body.as_bytes(), now, TOLERANCE_S), Ok(()));
        let other = body.replace('2', "3").replace("ping", "pong");
        let forged = verify(&verifier, received(id, &given, signature), other.as_bytes(), now, TOLERANCE_S);
        assert_eq!(forged, Err(VerifyError::Forged));
    }
}

#[test]
fn ed25519_is_that_of_rfc_8032() {
    // RFC 8032, 7.1, test 1: what the standard's `v1a` is made with.
    let seed: [u8; 32] =
        hex::decode("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").unwrap().try_into().unwrap();
    let pair = KeyPair::from_seed(&seed);
    let public = hex::decode("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a").unwrap();
    assert_eq!(pair.public(), format!("whpk_{}", STANDARD.encode(public)));
    let signature = pair.sign("msg_1", 1_700_000_000, b"{}");
    let verifier = Verifier::parse(&pair.public()).unwrap();
    let check = |signature: &str, body: &[u8]| {
        verify(&verifier, received("msg_1", "1700000000", signature), body, 1_700_000_000_000, TOLERANCE_S)
    };
    assert_eq!(check(&signature, b"{}"), Ok(()));
    assert_eq!(check(&signature, b"{ }"), Err(VerifyError::Forged));
    // A signature of the one kind is none of the other.
    assert_eq!(check(&signature.replacen("v1a,", "v1,", 1), b"{}"), Err(VerifyError::Forged));
}

#[test]
fn one_of_several_signatures_is_enough_and_a_list_of_nonsense_is_none() {
    let (old, new) = (Secret::new(&Counting), Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap());
    let list = format!("v9,AAAA {} v1 v1, v1,*** {}", old.sign("a", 10, b"x"), new.sign("a", 10, b"x"));
    for secret in [&old, &new] {
        let verifier = Verifier::Symmetric(secret.clone());
        assert_eq!(verify(&verifier, received("a", "10", &list), b"x", 10_000, TOLERANCE_S), Ok(()));
    }
    let verifier = Verifier::Symmetric(old);
    for list in ["", "v1", "v1,", "v1,AAAA", "v1a,AAAA"] {
        let judged = verify(&verifier, received("a", "10", list), b"x", 10_000, TOLERANCE_S);
        assert_eq!(judged, Err(VerifyError::Forged), "{list}");
    }
}

#[test]
fn an_old_or_early_message_is_refused_whatever_its_signature() {
    let secret = Secret::new(&Counting);
    let signature = secret.sign("a", 1_000, b"x");
    let verifier = Verifier::Symmetric(secret);
    let at = |now_s: i64| verify(&verifier, received("a", "1000", &signature), b"x", now_s * 1000, TOLERANCE_S);
    assert_eq!((at(700), at(1_000), at(1_300)), (Ok(()), Ok(()), Ok(())));
    assert_eq!((at(699), at(1_301)), (Err(VerifyError::Future), Err(VerifyError::Old)));
    for (id, timestamp) in [("", "1000"), ("a.1", "1000"), ("a", ""), ("a", "1e3"), ("a", "1000.5")] {
        let judged = verify(&verifier, received(id, timestamp, &signature), b"x", 1_000_000, TOLERANCE_S);
        assert_eq!(judged, Err(VerifyError::Headers), "{id} {timestamp}");
    }
}

#[test]
fn one_secret_has_two_spellings_and_shows_itself_to_nobody() {
    let secret = Secret::new(&Counting);
    assert_eq!(secret.plain().len(), 64);
    assert_eq!(*secret.standard(), format!("whsec_{}", secret.plain().as_str()));
    assert_eq!(Secret::parse(&secret.plain()).unwrap().sign("a", 1, b"x"), secret.sign("a", 1, b"x"));
    assert_eq!(format!("{secret:?}"), "Secret");
    for text in ["", "whsec_", "whsec_AAAA", "whsec_***", "whpk_AAAA", "whsk_AAAA"] {
        assert!(Verifier::parse(text).is_err(), "{text}");
    }
}

#[test]
fn the_wallet_crews_signature_is_over_the_body_alone_and_read_in_either_encoding() {
    let secret = Secret::new(&Counting);
    for encoding in [Neostore::Hex, Neostore::Base64] {
        let signature = secret.sign_neostore(b"{}", encoding);
        assert!(
            secret.verifies_neostore(b"{}", &signature) && secret.verifies_neostore(b"{}", &format!(" {signature}"))
        );
        assert!(!secret.verifies_neostore(b"{ }", &signature));
    }
    assert!(secret.verifies_neostore(b"{}", &secret.sign_neostore(b"{}", Neostore::Hex).to_uppercase()));
    assert!(!secret.verifies_neostore(b"{}", "") && !secret.verifies_neostore(b"{}", "no"));
}
