//! Which packages a phone takes.

use serde_json::{Value, json};

use super::signer::{PASS_TYPE, TEAM, identity, manifest, members, pkpass, sign, ticket, zip};
use crate::apple::package::{Package, PackageError};
use crate::apple::rules;
use crate::apple::signature::{SignatureError, verify};
use crate::apple::view::parse_strings;
use crate::authority::{Authority, KeyKind, PassCertificate};

const URL: &str = "https://passes.example.test/apple/demo";

fn second() -> i64 {
    jiff::Timestamp::now().as_second()
}

fn open(authority: &Authority, bytes: &[u8]) -> Result<Package, PackageError> {
    Package::open(bytes, &authority.pass_trust(), false, second())
}

#[test]
fn a_pass_signed_with_either_kind_of_key_is_taken() {
    let authority = Authority::new().unwrap();
    for key in [KeyKind::Rsa2048, KeyKind::P256] {
        let package = open(&authority, &pkpass(&ticket("S1", URL), &identity(&authority, key))).unwrap();
        assert_eq!(package.strings["fr"]["EVENT"], "Spectacle");
        assert_eq!(package.members.len(), 7);
    }
}

#[test]
fn a_tampered_manifest_is_refused() {
    let authority = Authority::new().unwrap();
    let identity = identity(&authority, KeyKind::P256);
    let members = members(&ticket("S1", URL));
    let signed = manifest(&members);
    let signature = sign(&signed, &identity, second());
    let mut tampered = signed.clone();
    tampered.push(b' ');
    let refused = open(&authority, &zip(members, &tampered, &signature)).unwrap_err();
    assert_eq!(refused, PackageError::Signature(SignatureError::Manifest));
}

#[test]
fn a_member_that_was_changed_added_or_left_out_is_refused() {
    let authority = Authority::new().unwrap();
    let identity = identity(&authority, KeyKind::P256);
    let original = members(&ticket("S1", URL));
    let manifest = manifest(&original);
    let signature = sign(&manifest, &identity, second());

    let mut changed = original.clone();
    changed[1].1.push(0);
    let refused = open(&authority, &zip(changed, &manifest, &signature)).unwrap_err();
    assert_eq!(refused, PackageError::Digest("icon.png".to_owned()));

    let mut added = original.clone();
    added.push(("logo.png".to_owned(), Vec::new()));
    let refused = open(&authority, &zip(added, &manifest, &signature)).unwrap_err();
    assert_eq!(refused, PackageError::Listed("logo.png".to_owned()));

    let mut left_out = original;
    left_out.remove(2);
    let refused = open(&authority, &zip(left_out, &manifest, &signature)).unwrap_err();
    assert_eq!(refused, PackageError::Listed("icon@2x.png".to_owned()));

    assert_eq!(open(&authority, b"PK").unwrap_err(), PackageError::Archive);
}

#[test]
fn the_signature_is_judged_in_every_part() {
    let authority = Authority::new().unwrap();
    let trust = authority.pass_trust();
    let identity = identity(&authority, KeyKind::Rsa2048);
    let manifest = b"{}";
    let now = second();
    let good = sign(manifest, &identity, now);
    assert_eq!(verify(&good, manifest, PASS_TYPE, TEAM, &trust, now), Ok(()));

    let judge = |signature: &[u8]| verify(signature, manifest, PASS_TYPE, TEAM, &trust, now).unwrap_err();
    assert_eq!(judge(b"\x30\x00"), SignatureError::Encoding("ContentInfo"));

    // The last bytes are the signature itself.
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    assert_eq!(judge(&flipped), SignatureError::Signature);

    let other_type = verify(&good, manifest, "pass.example.other", TEAM, &trust, now).unwrap_err();
    assert_eq!(other_type, SignatureError::Identity);
    let other_team = verify(&good, manifest, PASS_TYPE, "TEAM000002", &trust, now).unwrap_err();
    assert_eq!(other_team, SignatureError::Identity);

    let stranger = Authority::new().unwrap().pass_trust();
    let refused = verify(&good, manifest, PASS_TYPE, TEAM, &stranger, now).unwrap_err();
    assert!(matches!(refused, SignatureError::Chain(_)));

    let future = sign(manifest, &identity, now + 3600);
    assert_eq!(judge(&future), SignatureError::Attribute("signingTime"));

    let mut alone = identity.clone();
    alone.chain_der.truncate(1);
    assert_eq!(judge(&sign(manifest, &alone, now)), SignatureError::Chain("the intermediate is not enclosed"));
}

#[test]
fn signed_attributes_out_of_order_are_refused() {
    let authority = Authority::new().unwrap();
    let identity = identity(&authority, KeyKind::P256);
    let now = second();
    let mut signature = sign(b"{}", &identity, now);
    // contentType (26 bytes) comes before signingTime (30 bytes) in DER order: swap them where they stand.
    let content_type = b"\x30\x18\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03";
    let at = signature.windows(content_type.len()).position(|window| window == content_type).unwrap();
    signature[at..at + 56].rotate_left(26);
    let refused = verify(&signature, b"{}", PASS_TYPE, TEAM, &authority.pass_trust(), now).unwrap_err();
    assert_eq!(refused, SignatureError::Order);
}

#[test]
fn an_expired_certificate_and_one_for_another_purpose_are_refused() {
    let authority = Authority::new().unwrap();
    let now = jiff::Timestamp::now();
    let day = jiff::SignedDuration::from_hours(24);
    let expired = authority
        .pass_certificate(&PassCertificate {
            pass_type: PASS_TYPE.to_owned(),
            team: TEAM.to_owned(),
            key: KeyKind::P256,
            not_before: now - day - day,
            not_after: now - day,
        })
        .unwrap();
    let trust = authority.pass_trust();
    let signature = sign(b"{}", &expired, now.as_second());
    let refused = verify(&signature, b"{}", PASS_TYPE, TEAM, &trust, now.as_second()).unwrap_err();
    assert_eq!(refused, SignatureError::Validity);

    let server = authority.server_identity(&["localhost"]).unwrap();
    let signature = sign(b"{}", &server, now.as_second());
    let refused = verify(&signature, b"{}", PASS_TYPE, TEAM, &trust, now.as_second()).unwrap_err();
    assert!(matches!(refused, SignatureError::Chain(_)), "{refused}");
}

const BEACON: &str = "f8f589e9-ba34-4d2f-9a7b-0d2c9c2a4b11";
const NFC_KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEs/J7ghdwu4/b6NvqzQebS+Z80FEP8ZlGdAdWDUjfPeBKaV+YOWW0l6U/4IGXnfY9NrsND1fwxAqRq0unR/LCIg==";

fn nfc(message: &str, key: &str) -> Value {
    json!({"message": message, "encryptionPublicKey": key, "requiresAuthentication": false})
}

#[test]
fn each_rule_for_pass_json_is_enforced() {
    let good = ticket("S1", URL);
    let members: std::collections::BTreeMap<String, Vec<u8>> = members(&good).into_iter().collect();
    assert_eq!(rules::broken(&good, &members, false), Vec::<String>::new());
    let set = |pointer: &str, value: Value| {
        let mut pass = good.clone();
        *pass.pointer_mut(pointer).unwrap() = value;
        rules::broken(&pass, &members, false)
    };
    let add = |key: &str, value: Value| {
        let mut pass = good.clone();
        pass[key] = value;
        rules::broken(&pass, &members, false)
    };
    let cases = [
        set("/formatVersion", json!("1")),
        set("/serialNumber", json!("")),
        set("/webServiceURL", json!("http://passes.example.test")),
        set("/authenticationToken", json!("short")),
        set("/relevantDate", json!("2027-01-01T20:00:00")),
        set("/relevantDate", json!("2027-01-01T20:00:00+01:00[Europe/Zurich]")),
        set("/relevantDate", json!("2027-01-01")),
        set("/barcodes/0/format", json!("QR")),
        set("/barcodes/0/message", json!(850_001)),
        set("/eventTicket/secondaryFields/0/key", json!("event")),
        set("/eventTicket/secondaryFields/0/value", json!(null)),
        add("generic", json!({})),
        add("maxDistance", json!("50")),
        add("voided", json!("true")),
        add("backgroundColor", json!("red")),
        add("backgroundColor", json!("rgb(1,2,300)")),
        add("locations", json!(vec![json!({"latitude": 1.0, "longitude": 2.0}); 11])),
        add("locations", json!([{"latitude": "1.0", "longitude": 2.0}])),
        set("/barcodes/0/format", json!("PKBarcodeFormatEAN13")),
        add("beacons", json!([])),
        add("beacons", json!([{"proximityUUID": "f8f589e9"}])),
        add("beacons", json!([{"proximityUUID": BEACON, "major": 65_536}])),
        add("semantics", json!({"eventStartDate": "2027-01-01T20:00:00"})),
        add("semantics", json!({"eventStartDateInfo": {"date": "2027-01-01"}})),
        add("semantics", json!({"balance": {"amount": 20, "currencyCode": "CHF"}})),
        add("nfc", nfc(&"é".repeat(33), NFC_KEY)),
        add("nfc", nfc("085", "MFkw")),
        add("bagPolicyURL", json!("+41 22 555 01 00")),
        set("/eventTicket/secondaryFields/0/changeMessage", json!("Changed")),
    ];
    for (index, broken) in cases.iter().enumerate() {
        assert_eq!(broken.len(), 1, "case {index}: {broken:?}");
    }
    let mut without_token = good.clone();
    without_token.as_object_mut().unwrap().remove("authenticationToken");
    assert_eq!(rules::broken(&without_token, &members, false).len(), 1);
    for (key, value) in [
        ("backgroundColor", json!("#00aaFF")),
        ("beacons", json!([{"proximityUUID": BEACON, "major": 1, "minor": 65_535}])),
        ("nfc", nfc("085", NFC_KEY)),
        (
            "semantics",
            json!({"venueCloseDate": "2027-01-01T20:00Z", "totalPrice": {"amount": "4.50", "currencyCode": "CHF"}}),
        ),
    ] {
        assert_eq!(add(key, value), Vec::<String>::new(), "{key}");
    }
    // An older phone needs one that it knows beside those of iOS 27.
    let mut newer = good.clone();
    let barcodes = newer["barcodes"].as_array_mut().unwrap();
    barcodes.insert(0, barcodes[0].clone());
    newer["barcodes"][0]["format"] = json!("PKBarcodeFormatEAN13");
    assert_eq!(rules::broken(&newer, &members, false), Vec::<String>::new());
    let poster = json!(["posterEventTicket", "eventTicket"]);
    assert_eq!(add("preferredStyleSchemes", poster).len(), 3, "NFC and both names");
    // The placeholder is looked for in every language.
    let mut words = members.clone();
    words.insert("de.lproj/pass.strings".to_owned(), b"\"SEAT_CHANGED\" = \"Neuer Platz\";".to_vec());
    let told = rules::broken(&good, &words, false);
    assert_eq!(told, ["changeMessage \"SEAT_CHANGED\": no %@ in de.lproj/pass.strings"]);
    words.remove("icon@2x.png");
    assert_eq!(rules::broken(&good, &words, false).len(), 2, "and a scale of the icon");
    assert_eq!(add("expirationDate", json!("2027-01-01T20:00Z")).len(), 0);
}

#[test]
fn strings_are_read_in_all_their_encodings() {
    let text = "/* a */ \"k\" = \"a \\\"b\\\"\\n\";\n\"é\"=\"ü\";";
    let table = parse_strings(text.as_bytes()).unwrap();
    assert_eq!(table["k"], "a \"b\"\n");
    assert_eq!(table["é"], "ü");
    let little: Vec<u8> = [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    assert_eq!(parse_strings(&little), Some(table));
    for broken in ["\"k\" = \"v\"", "\"k\" \"v\";", "k = v;", "/* open", "\"k\" = \"v;"] {
        assert_eq!(parse_strings(broken.as_bytes()), None, "{broken}");
    }
}
