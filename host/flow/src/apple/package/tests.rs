use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use serde_json::json;
use zip::ZipArchive;

use super::*;
use crate::apple::certificates::{self, Authority, KeyKind, openssl_accepts};
use crate::identity::Millis;
use crate::ports::ClientIdentity;
use crate::scripted::{ScriptedHost, run};

const NOW: Millis = 1_773_511_331_500;

struct Bench {
    authority: Authority,
    host: ScriptedHost,
    tenant: Tenant,
    template: Template,
}

fn bench() -> Bench {
    let authority = Authority::new("G4");
    let (identity, keys) = certificates::identity(&authority, &KeyKind::P256);
    let images = [("icon.png", "1x"), ("icon@2x.png", "2x"), ("logo.png", "logo"), ("fr.lproj/strip.png", "bande")];
    Bench {
        authority,
        host: ScriptedHost::new(NOW, []).with_keys(keys),
        tenant: certificates::tenant(identity),
        template: Template {
            name: "event-ticket".into(),
            kind: "event-ticket",
            compiled: String::new(),
            digest: String::new(),
            images: images.map(|(name, bytes)| (name.to_owned(), Bytes::from(bytes))).into(),
            apple_images: std::sync::OnceLock::new(),
            locales: vec!["fr".into()],
        },
    }
}

fn content() -> ApplePass {
    ApplePass {
        pass_json:
            br#"{"formatVersion":1,"description":"Carmen","eventTicket":{},"barcodes":[{"message":"00850350"}]}"#
                .to_vec(),
        strings: vec![("fr".into(), b"\"SEAT\" = \"Place\";".to_vec()), ("zh-Hant".into(), b"".to_vec())],
        seen: b"Carmen".to_vec(),
    }
}

fn serial() -> PassId {
    PassId::parse("KlnqcxVLA9pS4ol5").unwrap()
}

fn build(bench: &Bench, content: &ApplePass) -> Result<Bytes, PackageError> {
    run(pkpass(&bench.host.signer, NOW, &bench.tenant, &bench.template, &serial(), content))
}

fn files(package: &Bytes) -> BTreeMap<String, Vec<u8>> {
    let mut archive = ZipArchive::new(Cursor::new(package.clone())).unwrap();
    (0..archive.len())
        .map(|index| {
            let mut file = archive.by_index(index).unwrap();
            assert_eq!(file.compression(), zip::CompressionMethod::Stored);
            let mut bytes = vec![];
            // Reading to the end checks the CRC, the copied ones too.
            file.read_to_end(&mut bytes).unwrap();
            (file.name().unwrap().into_owned(), bytes)
        })
        .collect()
}

#[test]
fn the_package_holds_everything_and_the_manifest_says_what() {
    let bench = bench();
    let files = files(&build(&bench, &content()).unwrap());
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "fr.lproj/pass.strings",
            "fr.lproj/strip.png",
            "icon.png",
            "icon@2x.png",
            "logo.png",
            "manifest.json",
            "pass.json",
            "signature",
            "zh-Hant.lproj/pass.strings",
        ]
    );
    assert_eq!(files["logo.png"], b"logo");
    assert_eq!(files["icon@2x.png"], b"2x");
    let manifest: BTreeMap<String, String> = serde_json::from_slice(&files["manifest.json"]).unwrap();
    let expected: BTreeMap<String, String> = files
        .iter()
        .filter(|(name, _)| !["manifest.json", "signature"].contains(&name.as_str()))
        .map(|(name, bytes)| (name.clone(), sha1_hex(bytes)))
        .collect();
    assert_eq!(manifest, expected);
    assert_eq!(manifest["zh-Hant.lproj/pass.strings"], "da39a3ee5e6b4b0d3255bfef95601890afd80709", "SHA-1 of nothing");
    assert!(openssl_accepts(&bench.authority, &files["signature"], &files["manifest.json"]));
}

#[test]
fn other_readers_open_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("pass.pkpass"), build(&bench(), &content()).unwrap()).unwrap();
    let output = std::process::Command::new("python3")
        .args(["-c", "import zipfile,sys; z=zipfile.ZipFile('pass.pkpass'); sys.exit(z.testzip() is not None or len(z.namelist()) != 9)"])
        .current_dir(folder.path())
        .output()
        .expect("python3 is needed to read the package independently");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_host_adds_its_keys_and_its_word_stands() {
    let bench = bench();
    let pass_json = |source: serde_json::Value| -> serde_json::Value {
        let content = ApplePass { pass_json: source.to_string().into_bytes(), ..content() };
        serde_json::from_slice(&files(&build(&bench, &content).unwrap())["pass.json"]).unwrap()
    };
    let token = bench.tenant.keys.apple_token(&bench.tenant.id, &serial());
    let added = json!({
        "passTypeIdentifier": "pass.org.example.tickets",
        "teamIdentifier": "A1B2C3D4E5",
        "serialNumber": "KlnqcxVLA9pS4ol5",
        "organizationName": "Opéra de Démo",
        "authenticationToken": token,
        "webServiceURL": "https://passes.example.org/apple/opera",
    });
    assert_eq!(pass_json(json!({})), added);
    let theirs = json!({
        "passTypeIdentifier": "pass.evil", "teamIdentifier": "EVIL", "authenticationToken": "x", "webServiceURL": "https://evil",
        "serialNumber": "KlnqcxVLA9pS4ol5", "organizationName": "Grand Théâtre",
    });
    let mut expected = added;
    expected["organizationName"] = json!("Grand Théâtre");
    assert_eq!(pass_json(theirs), expected);
}

#[test]
fn another_serial_is_refused() {
    for pass_json in [r#"{"serialNumber":"KlnqcxVLA9pS4ol6"}"#, r#"{"serialNumber":1}"#] {
        let content = ApplePass { pass_json: pass_json.into(), ..content() };
        assert!(matches!(build(&bench(), &content), Err(PackageError::OtherSerial)));
    }
    for no_object in ["[]", "[\"KlnqcxVLA9pS4ol5\"]", "", "{", "{}}", "{\"a\":}", "null"] {
        let content = ApplePass { pass_json: no_object.into(), ..content() };
        assert!(matches!(build(&bench(), &content), Err(PackageError::PassJson)), "{no_object}");
    }
    // Whoever reads the first one sees another pass than whoever reads the last.
    let twice = r#"{"serialNumber":"KlnqcxVLA9pS4ol5","a":1,"serialNumber":"KlnqcxVLA9pS4ol6"}"#;
    let content = ApplePass { pass_json: twice.into(), ..content() };
    assert!(matches!(build(&bench(), &content), Err(PackageError::PassJson)));
}

#[test]
fn what_the_connector_wrote_is_not_written_again() {
    let bench = bench();
    let written = " { \"description\" : \"Op\\u00e9ra\", \"locations\":[{\"latitude\":46.20,\"longitude\":6.1e0}] } \n";
    let content = ApplePass { pass_json: written.into(), ..content() };
    let package = files(&build(&bench, &content).unwrap());
    let text = std::str::from_utf8(&package["pass.json"]).unwrap();
    assert!(text.starts_with(written.trim().trim_end_matches(" }")), "{text}");
    let read: serde_json::Value = serde_json::from_str(text).unwrap();
    assert_eq!(read.as_object().unwrap().len(), 2 + 6);
}

#[test]
fn equal_inputs_are_equal_but_for_the_signature() {
    let bench = bench();
    let [mut one, mut two] = [(); 2].map(|()| files(&build(&bench, &content()).unwrap()));
    // ECDSA is randomised.
    assert!(one.remove("signature").is_some() && two.remove("signature").is_some());
    assert_eq!(one, two);
    // RSA is not, and nothing else of a package is: not its dates either.
    let (identity, keys) = certificates::identity(&bench.authority, &KeyKind::Rsa);
    let rsa =
        Bench { host: ScriptedHost::new(NOW, []).with_keys(keys), tenant: certificates::tenant(identity), ..bench };
    assert_eq!(build(&rsa, &content()).unwrap(), build(&rsa, &content()).unwrap());
}

#[test]
fn a_locale_of_the_sandbox_does_not_become_a_path_unchecked() {
    let bench = bench();
    for locale in ["", "..", "fr/..", "fr.lproj"] {
        let content = ApplePass { strings: vec![(locale.into(), vec![])], ..content() };
        assert!(matches!(build(&bench, &content), Err(PackageError::Path(_))), "{locale}");
    }
    let twice = ApplePass { strings: vec![("fr".into(), vec![]), ("fr".into(), vec![])], ..content() };
    assert!(matches!(build(&bench, &twice), Err(PackageError::Path(_))));
}

#[test]
fn a_certificate_that_is_not_the_tenants_signs_nothing() {
    let mut bench = bench();
    bench.tenant.apple.as_mut().unwrap().pass_type = "pass.org.example.other".into();
    assert!(matches!(build(&bench, &content()), Err(PackageError::Identity(IdentityProblem::OtherPassType { .. }))));
    let apple = bench.tenant.apple.as_mut().unwrap();
    apple.identity = ClientIdentity { chain: vec![], key: crate::scripted::key("apple") };
    apple.signing = SigningIdentity::default();
    assert!(matches!(build(&bench, &content()), Err(PackageError::Identity(IdentityProblem::Empty))));
    bench.tenant.apple = None;
    assert!(matches!(build(&bench, &content()), Err(PackageError::NoApple)));
}

#[test]
fn images_are_hashed_once_for_all_passes_of_a_template() {
    let bench = bench();
    assert!(bench.template.apple_images.get().is_none());
    build(&bench, &content()).unwrap();
    let first: *const TemplateImages = bench.template.apple_images.get().unwrap();
    build(&bench, &content()).unwrap();
    assert!(std::ptr::eq(first, bench.template.apple_images.get().unwrap()));
}
