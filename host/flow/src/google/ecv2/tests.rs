//! The callbacks that Google has really sent, and the cases of Tink's `PaymentMethodTokenRecipientTest` that are about signing only.

use p256::ecdsa::SigningKey;
use p256::ecdsa::signature::Signer as _;
use p256::pkcs8::DecodePrivateKey as _;
use serde_json::{Value, json};

use super::*;

const NOW: Millis = 1_700_000_000_000;
const RECIPIENT: &str = "someRecipient";
/// Tink's own: its senders are Google Pay's.
const TINK: &str = "Google";

fn recorded() -> Value {
    serde_json::from_str(include_str!("../../../../../tests/golden/google/ecv2-callback-vectors.json")).unwrap()
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).unwrap().as_str().unwrap().to_owned()
}

fn root(key: &str, expires_at: Millis) -> RootKey {
    RootKey { key: public_key(key).unwrap(), expires_at }
}

/// What Tink's test is made of: its public test keys, and an envelope that can be spoilt.
struct Tink {
    root: SigningKey,
    intermediate: SigningKey,
    root_public: String,
    intermediate_public: String,
}

impl Tink {
    fn new() -> Self {
        let keys = recorded()["tinkTestKeys"].clone();
        let private = |name: &str| {
            SigningKey::from_pkcs8_der(&STANDARD.decode(text(&keys, &format!("/{name}"))).unwrap()).unwrap()
        };
        Self {
            root: private("rootPrivatePkcs8"),
            intermediate: private("intermediatePrivatePkcs8"),
            root_public: text(&keys, "/rootPublicSpki"),
            intermediate_public: text(&keys, "/intermediatePublicSpki"),
        }
    }

    fn roots(&self) -> Vec<RootKey> {
        vec![root(&self.root_public, NOW + 1)]
    }

    fn signed_key(&self, expires_at: Millis) -> String {
        // As Tink writes it: the sign of equality is an escape, within the text.
        let key = self.intermediate_public.replace('=', "\\u003d");
        format!("{{\"keyValue\":\"{key}\",\"keyExpiration\":\"{expires_at}\"}}")
    }

    fn sealed(&self, sender: &str, recipient: &str, message: &str, key_expires_at: Millis) -> Value {
        let signed_key = self.signed_key(key_expires_at);
        json!({
            "protocolVersion": PROTOCOL,
            "signature": sign(&self.intermediate, &[sender, recipient, PROTOCOL, message]),
            "intermediateSigningKey": {
                "signedKey": signed_key,
                "signatures": [sign(&self.root, &[sender, PROTOCOL, &signed_key])],
            },
            "signedMessage": message,
        })
    }

    fn good(&self) -> Value {
        self.sealed(TINK, RECIPIENT, "blah", NOW + 1)
    }
}

fn sign(key: &SigningKey, texts: &[&str]) -> String {
    let signature: Signature = key.sign(&length_values(texts));
    STANDARD.encode(signature.to_der())
}

fn judge(body: &Value, roots: &[RootKey]) -> Result<String, Ecv2Error> {
    verify(body.to_string().as_bytes(), roots, TINK, RECIPIENT, NOW)
}

#[test]
fn callbacks_that_google_has_sent_are_believed_at_their_time_and_for_their_issuer_only() {
    let recorded = recorded();
    let roots = [root(&text(&recorded, "/rootKeys/keys/0/keyValue"), Millis::MAX)];
    let vectors = recorded["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 2);
    for vector in vectors {
        let body = vector["body"].to_string();
        let message: Value = serde_json::from_str(&text(vector, "/body/signedMessage")).unwrap();
        let just_before = message["expTimeMillis"].as_i64().unwrap() - 1;
        let issuer = text(vector, "/issuer");
        let judged = |recipient: &str, now| verify(body.as_bytes(), &roots, SENDER, recipient, now);
        assert_eq!(judged(&issuer, just_before), Ok(text(vector, "/body/signedMessage")));
        assert_eq!(judged("3388000000022334455", just_before), Err(Ecv2Error::Forged), "foreign");
        // The intermediate key ends a week after the message: then nothing that it signs is believed.
        assert_eq!(judged(&issuer, just_before + 8 * 86_400_000), Err(Ecv2Error::ExpiredKey));
        let other_sender = verify(body.as_bytes(), &roots, "GoogleWalletPasses", &issuer, just_before);
        assert_eq!(other_sender, Err(Ecv2Error::UntrustedKey));
    }
}

#[test]
fn lengths_are_bytes_lowest_first() {
    assert_eq!(length_values(&["é", ""]), [2, 0, 0, 0, 0xc3, 0xa9, 0, 0, 0, 0]);
    // A message with letters of two bytes verifies: counted in letters it would not.
    let tink = Tink::new();
    let body = tink.sealed(TINK, RECIPIENT, "{\"eventType\":\"é\"}", NOW + 1);
    assert_eq!(judge(&body, &tink.roots()), Ok("{\"eventType\":\"é\"}".to_owned()));
}

#[test]
fn a_message_that_is_signed_right_is_believed() {
    let tink = Tink::new();
    assert_eq!(judge(&tink.good(), &tink.roots()), Ok("blah".to_owned()));
}

#[test]
fn a_changed_message_is_not() {
    let tink = Tink::new();
    let mut body = tink.good();
    body["signedMessage"] = json!("blah!");
    assert_eq!(judge(&body, &tink.roots()), Err(Ecv2Error::Forged));
    let mut body = tink.good();
    body["signature"] = tink.sealed(TINK, RECIPIENT, "other", NOW + 1)["signature"].clone();
    assert_eq!(judge(&body, &tink.roots()), Err(Ecv2Error::Forged));
}

#[test]
fn another_sender_or_recipient_is_not() {
    let tink = Tink::new();
    let other = tink.sealed("not ", RECIPIENT, "blah", NOW + 1);
    assert_eq!(judge(&other, &tink.roots()), Err(Ecv2Error::UntrustedKey));
    let other = tink.sealed(TINK, "not someRecipient", "blah", NOW + 1);
    assert_eq!(judge(&other, &tink.roots()), Err(Ecv2Error::Forged));
}

#[test]
fn another_root_key_is_not() {
    let tink = Tink::new();
    assert_eq!(judge(&tink.good(), &[root(&tink.intermediate_public, NOW + 1)]), Err(Ecv2Error::UntrustedKey));
    assert_eq!(judge(&tink.good(), &[]), Err(Ecv2Error::UntrustedKey));
}

#[test]
fn a_root_key_that_has_expired_is_not() {
    let tink = Tink::new();
    assert_eq!(judge(&tink.good(), &[root(&tink.root_public, NOW)]), Err(Ecv2Error::UntrustedKey));
}

#[test]
fn several_root_keys_are_tried() {
    let tink = Tink::new();
    let roots = [root(&tink.intermediate_public, NOW + 1), root(&tink.root_public, NOW + 1)];
    assert_eq!(judge(&tink.good(), &roots), Ok("blah".to_owned()));
}

#[test]
fn a_changed_intermediate_key_is_not() {
    let tink = Tink::new();
    let mut body = tink.good();
    let changed = text(&body, "/intermediateSigningKey/signedKey") + " ";
    body["intermediateSigningKey"]["signedKey"] = json!(changed);
    assert_eq!(judge(&body, &tink.roots()), Err(Ecv2Error::UntrustedKey));
}

#[test]
fn a_wrong_signature_of_the_intermediate_key_is_not() {
    let tink = Tink::new();
    for wrong in [json!([]), json!(["bogus"]), json!([sign(&tink.intermediate, &[TINK, PROTOCOL, "other"])])] {
        let mut body = tink.good();
        body["intermediateSigningKey"]["signatures"] = wrong;
        assert_eq!(judge(&body, &tink.roots()), Err(Ecv2Error::UntrustedKey));
    }
}

#[test]
fn several_signatures_of_the_intermediate_key_are_tried() {
    let tink = Tink::new();
    let mut body = tink.good();
    let good = body["intermediateSigningKey"]["signatures"][0].clone();
    let wrong = sign(&tink.intermediate, &[TINK, PROTOCOL, "other"]);
    body["intermediateSigningKey"]["signatures"] = json!(["bogus", wrong, good]);
    assert_eq!(judge(&body, &tink.roots()), Ok("blah".to_owned()));
    // So many that no honest sender has them are not.
    let many = std::iter::repeat_n(json!(wrong), SIGNATURES).chain([good]).collect();
    body["intermediateSigningKey"]["signatures"] = Value::Array(many);
    assert_eq!(judge(&body, &tink.roots()), Err(Ecv2Error::UntrustedKey));
}

#[test]
fn an_intermediate_key_that_has_expired_is_not() {
    let tink = Tink::new();
    assert_eq!(judge(&tink.sealed(TINK, RECIPIENT, "blah", NOW), &tink.roots()), Err(Ecv2Error::ExpiredKey));
}

#[test]
fn an_envelope_has_exactly_its_members() {
    let tink = Tink::new();
    for name in ["protocolVersion", "signature", "intermediateSigningKey", "signedMessage"] {
        let mut body = tink.good();
        body.as_object_mut().unwrap().remove(name);
        assert_eq!(judge(&body, &tink.roots()), Err(Ecv2Error::Malformed), "without {name}");
    }
    let mut more = tink.good();
    more["extra"] = json!(1);
    assert_eq!(judge(&more, &tink.roots()), Err(Ecv2Error::Malformed));
    let mut more = tink.good();
    more["intermediateSigningKey"]["extra"] = json!(1);
    assert_eq!(judge(&more, &tink.roots()), Err(Ecv2Error::Malformed));
    let mut other = tink.good();
    other["protocolVersion"] = json!("ECv2");
    assert_eq!(judge(&other, &tink.roots()), Err(Ecv2Error::Malformed));
    for body in ["", "{}", "[]", "null", "{\"signature\":1}"] {
        assert_eq!(verify(body.as_bytes(), &tink.roots(), TINK, RECIPIENT, NOW), Err(Ecv2Error::Malformed), "{body}");
    }
}

#[test]
fn a_second_spelling_of_a_signature_is_none() {
    let tink = Tink::new();
    let mut body = tink.good();
    let mut der = STANDARD.decode(text(&body, "/signature")).unwrap();
    der.push(0);
    body["signature"] = json!(STANDARD.encode(&der));
    assert_eq!(judge(&body, &tink.roots()), Err(Ecv2Error::Forged), "a byte behind it");
    der.pop();
    // The length in two bytes, where one is enough.
    let long: Vec<u8> = [&[0x30, 0x81][..], &der[1..]].concat();
    body["signature"] = json!(STANDARD.encode(long));
    assert_eq!(judge(&body, &tink.roots()), Err(Ecv2Error::Forged), "not DER");
}

#[test]
fn of_published_keys_those_of_our_protocol_with_an_end_are_taken() {
    let tink = Tink::new();
    let key = |protocol: Value, end: Value| json!({"keyValue": tink.root_public, "protocolVersion": protocol, "keyExpiration": end});
    let document = json!({"keys": [
        key(json!("ECv1"), json!("2000000000000")),
        key(json!("ECv2"), json!("2000000000000")),
        key(json!(PROTOCOL), Value::Null),
        key(json!(PROTOCOL), json!("soon")),
        json!({"keyValue": "bogus", "protocolVersion": PROTOCOL, "keyExpiration": "2000000000000"}),
        key(json!(PROTOCOL), json!("2000000000000")),
    ]});
    let keys = root_keys(document.to_string().as_bytes()).unwrap();
    assert_eq!(keys.iter().map(|key| key.expires_at).collect::<Vec<_>>(), [2_000_000_000_000]);
    assert!(root_keys(b"<html>").is_none() && root_keys(b"{}").is_none());
}

#[test]
fn signatures_are_judged_as_wycheproof_judges_them() {
    #[derive(serde::Deserialize)]
    struct Group {
        key: String,
        /// Number, message, signature, verdict.
        tests: Vec<(u32, String, String, bool)>,
    }
    let cases = include_str!("../../../../../tests/golden/wycheproof/ecdsa-p256-sha256.json");
    let groups: Vec<Group> = serde_json::from_str(cases).unwrap();
    let mut judged = 0;
    for Group { key, tests } in groups {
        let key = public_key(&STANDARD.encode(hex::decode(key).unwrap())).unwrap();
        for (number, message, signature, valid) in tests {
            let (message, signature) = (hex::decode(message).unwrap(), hex::decode(signature).unwrap());
            let good = decoded(&STANDARD.encode(signature)).is_some_and(|it| key.verify(&message, &it).is_ok());
            assert_eq!(good, valid, "case {number}");
            judged += 1;
        }
    }
    assert_eq!(judged, 484);
}
