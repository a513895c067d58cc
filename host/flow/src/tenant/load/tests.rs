//! Good and bad configurations. A bad one is a file in `tests/config` with what is said about it beside it; `UPDATE_GOLDEN=1` writes the
//! latter anew, to be read before it is committed.

use std::path::{Path, PathBuf};

use super::*;
use crate::apple::certificates::Authority;
use crate::tenant::credential::CredentialFault;
use crate::tenant::secret::SecretSource;

const SEAL: &str = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=\n";
const ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
const ACCOUNT: &str =
    r#"{"client_email":"wallet@demo.iam.gserviceaccount.com","private_key":"-----BEGIN PRIVATE KEY-----\nAAAA"}"#;

/// The smallest tenant.
const GOOD: &str = r#"
organization = " Opéra "
locales = ["fr", "en"]
[secutix]
url = "https://demo.ws.secutix.com/"
institution = "DEMO"
operator = "DEMO_WALLET"
partner = "Passerelle"
secret = "file:secutix.secret"
[seal]
key = "file:seal.key"
[templates]
default = "event-ticket"
"#;

const APPLE: &str = r#"
[apple]
pass_type = "pass.org.example.demo"
team = "A1B2C3D4E5"
certificate = "file:apple/pass.pem"
intermediate = "file:apple/intermediate.cer"
key = "file:apple/pass.key"
"#;

const GOOGLE: &str = r#"
[google]
issuer = "3388000000000000000"
account = "file:google.json"
"#;

const VIBES: &str = r#"
[vibes]
company = "bi3bwNRk"
username = "opera"
password = "file:vibes.password"
campaigns = ["r3zhm8"]
path_secret = "file:vibes.path"
"#;

fn pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let body = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
}

/// What lies in the tenant's folder besides its text, and what a host says to references that lead nowhere.
fn secrets() -> impl Fn(&SecretReference) -> Result<Zeroizing<Vec<u8>>, SecretProblem> {
    let authority = Authority::new("G4");
    let key = rcgen::KeyPair::generate().unwrap();
    let chain = authority.chain("pass.org.example.demo", "A1B2C3D4E5", &key);
    let (leaf, intermediate) = (chain[0].clone(), chain[1].clone());
    let generations = ["G3", "G5"].map(|generation| pem(Authority::new(generation).intermediate.der()));
    let generations = format!("{}{}{}", generations[0], pem(&intermediate), generations[1]);
    let chain = format!("Bag Attributes\n{}{}", pem(&leaf), pem(&intermediate));
    let files = BTreeMap::from([
        ("seal.key", SEAL.into()),
        ("secutix.secret", "s3cret\r\n".into()),
        ("line-break", "\n".into()),
        ("proof.secret", "sixteen letters.\n".into()),
        ("apple/pass.pem", pem(&leaf).into_bytes()),
        ("apple/generations.pem", generations.into_bytes()),
        ("apple/chain.pem", chain.into_bytes()),
        ("apple/intermediate.cer", intermediate),
        ("apple/pass.key", key.serialize_pem().into()),
        ("apple/other.key", rcgen::KeyPair::generate().unwrap().serialize_pem().into()),
        ("apple/foreign.pem", pem(Authority::new("G3").intermediate.der()).into_bytes()),
        ("apple/pass.p12", b"0\x08no certificates".to_vec()),
        ("apple/passphrase", "open\n".into()),
        ("apple/wrong", "closed".into()),
        ("apple/encrypted.key", ENCRYPTED.into()),
        ("google.json", Vec::<u8>::from(ACCOUNT)),
        ("vibes.password", "s3cret\n".into()),
        ("vibes.path", "0123456789abcdef0123456789abcdef\n".into()),
    ]);
    move |reference| match &reference.source {
        SecretSource::Env(_) => Err(SecretProblem::NoVariable),
        SecretSource::Variable(_) => Err(SecretProblem::Unsupported),
        SecretSource::File(path) => match path.as_str() {
            "locked" => Err(SecretProblem::Denied),
            "outside" => Err(SecretProblem::Outside),
            "large" => Err(SecretProblem::TooLarge),
            path => reference.pick(Zeroizing::new(files.get(path).ok_or(SecretProblem::NoFile)?.clone())),
        },
    }
}

fn folder(text: &str) -> TenantFiles {
    const TICKET: &str = "kind = \"event-ticket\"\ndescription = \"Billet\"\n[google]\n";
    const CARD: &str = "kind = \"member-card\"\ndescription = \"Carte\"\n[google]\ntype = \"generic\"\ncardTitle = \"Carte\"\nheader = \"{fullName}\"\n";
    let files = [
        ("tenant.toml", text),
        ("templates/event-ticket/template.toml", TICKET),
        ("templates/member-card/template.toml", CARD),
        ("templates/broken/template.toml", "kind = \"event-ticket\"\n"),
    ];
    let mut files: BTreeMap<String, Bytes> =
        files.into_iter().map(|(path, text)| (path.to_owned(), Bytes::from(text.to_owned()))).collect();
    if !text.contains("broken") {
        files.remove("templates/broken/template.toml");
    }
    TenantFiles { shown: "tenants/demo".to_owned(), files }
}

fn defaults() -> Defaults {
    Defaults { public_url: Some("https://passes.example.org".to_owned()), plain_http: false, pkcs12: None }
}

fn load_text(text: &str) -> Result<Loaded, Vec<Problem>> {
    load(TenantId::parse("demo").unwrap(), &folder(text), &secrets(), &defaults())
}

fn good(text: &str) -> Tenant {
    load_text(text).map(|loaded| loaded.tenant).unwrap_or_else(|problems| panic!("{}", lines(&problems)))
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

#[test]
fn bad_configurations_are_told_as_recorded() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(&golden).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    assert!(cases.len() >= 9, "{cases:?}");
    for case in cases {
        let text = std::fs::read_to_string(&case).unwrap();
        let told = load_text(&text).err().map(|problems| lines(&problems)).unwrap_or_default();
        assert!(!told.is_empty(), "{} is accepted", case.display());
        let expected = case.with_extension("err");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&expected, &told).unwrap();
        }
        let expected = std::fs::read_to_string(&expected).unwrap_or_default();
        assert_eq!(told, expected, "{}", case.display());
    }
}

#[test]
fn no_message_repeats_a_value_that_may_be_a_secret() {
    let literal = GOOD.replace("file:secutix.secret", "hunter2").replace("file:seal.key", SEAL.trim());
    let broken = format!("{GOOD}\n[secutix\nsecret = hunter2\n");
    let mistyped = GOOD.replace("\"file:secutix.secret\"", "[\"hunter2\"]");
    let url = GOOD.replace("https://demo.ws.secutix.com/", "https://demo:hunter2@demo.ws.secutix.com/");
    for text in [literal, broken, mistyped, url] {
        let told = lines(&load_text(&text).err().unwrap());
        assert!(!told.contains("hunter2") && !told.contains(SEAL.trim()), "{told}");
    }
}

#[test]
fn the_smallest_tenant_has_neither_wallet_and_all_defaults() {
    let tenant = good(GOOD);
    assert_eq!((tenant.organization.as_str(), tenant.locales), ("Opéra", vec!["fr".to_owned(), "en".to_owned()]));
    assert_eq!(tenant.public_url, "https://passes.example.org");
    assert!(tenant.apple.is_none() && tenant.google.is_none() && tenant.settings.is_empty());
    let secutix = tenant.secutix;
    assert_eq!(secutix.url, "https://demo.ws.secutix.com");
    assert_eq!(secutix.secret.as_slice(), b"s3cret");
    assert_eq!((secutix.order_version.as_str(), secutix.contact_version.as_str()), ("v1_33", "v2_21"));
    assert_eq!((secutix.timeout, secutix.requests_per_minute), (Duration::from_secs(20), 60));
    assert_eq!(
        tenant.keys.fingerprint(),
        TenantKeys::derive(&credential::seal_key(SEAL.as_bytes()).unwrap()).fingerprint()
    );
    assert_eq!(tenant.selection.comfort_variable, "WALLET");
    assert_eq!(tenant.selection.default_card, None);
    let safety = tenant.safety;
    assert_eq!((safety.voids_per_hour, safety.confirm_absence_after), (200, 120_000));
    assert_eq!((safety.erase_after, safety.erase_without_end), (30 * DAY, 400 * DAY));
}

#[test]
fn apple_gets_a_chain_and_a_key_by_its_name() {
    let apple = good(&format!("{GOOD}{APPLE}")).apple.unwrap();
    assert_eq!((apple.pass_type.as_str(), apple.team.as_str()), ("pass.org.example.demo", "A1B2C3D4E5"));
    assert_eq!(apple.identity.chain.len(), 2);
    assert_eq!(apple.identity.key.reference, "file:apple/pass.key");
    assert_eq!(apple.identity.key.tenant.as_str(), "demo");
    assert_eq!(apple.push_url, "https://api.push.apple.com");
}

#[test]
fn a_certificate_in_both_files_is_in_the_chain_once() {
    let both = APPLE.replace("apple/pass.pem", "apple/chain.pem");
    assert_eq!(good(&format!("{GOOD}{both}")).apple.unwrap().identity.chain.len(), 2);
    let alone = both.replace("intermediate = \"file:apple/intermediate.cer\"\n", "");
    assert_eq!(good(&format!("{GOOD}{alone}")).apple.unwrap().identity.chain.len(), 2);
}

#[test]
fn google_gets_the_accounts_name_and_its_key_by_reference() {
    let google = good(&format!("{GOOD}{GOOGLE}")).google.unwrap();
    assert_eq!(google.account, "wallet@demo.iam.gserviceaccount.com");
    assert_eq!(google.key.reference, "file:google.json#private_key");
    assert_eq!(google.origins, ["passes.example.org"]);
    assert_eq!(google.save_url, "https://pay.google.com/gp/v/save");
    let origins = format!("{GOOD}{GOOGLE}origins = [\"a.example\", \"b.example\"]\n");
    assert_eq!(good(&origins).google.unwrap().origins, ["a.example", "b.example"]);
}

#[test]
fn proofs_are_believed_for_the_identifiers_that_are_named() {
    assert!(good(GOOD).prover.is_none());
    let section = "[identifiers]\nproof_secret = \"file:proof.secret\"\nproven = [\"crm.id\"]\n";
    let text = format!("{GOOD}{section}");
    let prover = good(&text).prover.unwrap();
    assert_eq!(prover.secret.as_slice(), b"sixteen letters.");
    assert_eq!(prover.names, BTreeSet::from(["crm.id".to_owned()]));
    let files = folder(&text);
    let references = draft(&files).unwrap_or_else(|problems| panic!("{}", lines(&problems))).references();
    assert!(references.contains(&SecretReference::parse("file:proof.secret").unwrap()), "a host reads it beforehand");
}

#[test]
fn another_version_of_a_plugin_is_another_build_where_a_host_has_no_bytes_of_it() {
    let plugin = |lines: &str| format!("{GOOD}[plugin]\n{lines}\n");
    let build = |lines: &str| good(&plugin(lines)).plugin.build();
    let (first, second) = (build("version = \"2026-11-01\""), build("version = \"2026-11-02\""));
    assert_eq!(first, build("version = \"2026-11-01\"\nallow = [\"https://crm.example\"]"));
    assert!(first != second && first != build(""));
    assert_eq!(build(""), [0; 32], "what a row without a version has had");
    for wrong in ["", &"é".repeat(65), "two\\nlines"] {
        let told = lines(&load_text(&plugin(&format!("version = \"{wrong}\""))).err().unwrap());
        assert!(told.contains("\"plugin.version\" must "), "{told}");
    }
}

#[test]
fn templates_are_compiled_and_chosen() {
    let text = GOOD.replace(
        "default = \"event-ticket\"",
        "default = \"event-ticket\"\ndefault_card = \"member-card\"\ncomfort_variable = \"PASS\"\nfamily_subtypes = { OPERA = \"event-ticket\" }",
    );
    let tenant = good(&text);
    assert_eq!(tenant.templates.keys().collect::<Vec<_>>(), ["event-ticket", "member-card"]);
    let template = tenant.templates.get("event-ticket").unwrap();
    assert_eq!((template.name.as_str(), template.digest.len()), ("event-ticket", 64));
    assert!(!template.compiled.is_empty());
    assert_eq!(template.locales, ["fr", "en"]);
    assert_eq!(tenant.selection.comfort_variable, "PASS");
    assert_eq!(tenant.selection.family_subtypes.get("OPERA").map(String::as_str), Some("event-ticket"));
    assert_eq!(tenant.selection.default_card.as_deref(), Some("member-card"));
}

#[test]
fn an_api_key_of_the_configuration_is_a_row_of_this_tenant() {
    let digest = "0123456789abcdef".repeat(4);
    let keys = format!(
        "[[api_keys]]\nid = \"AbCdEf12\"\nsha256 = \"{digest}\"\nscopes = [\"Pass.Read\", \"Pass.Write\"]\n\
         label = \"ticket shop\"\nexpires = \"2027-03-31T22:00:00Z\"\n\
         [[api_keys]]\nid = \"AbCdEf13\"\nsha256 = \"{digest}\"\nscopes = [\"Insights.Read\"]\n"
    );
    let rows = good(&format!("{GOOD}{keys}")).api_keys;
    let [first, second] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((first.id.as_str(), first.tenant.as_str(), first.label.as_str()), ("AbCdEf12", "demo", "ticket shop"));
    assert_eq!(
        (first.secret_sha256.as_str(), first.scopes.join(" ")),
        (digest.as_str(), "Pass.Read Pass.Write".into())
    );
    assert_eq!((first.expires_at, second.expires_at), (Some(1_806_530_400_000), None));
}

#[test]
fn a_draft_names_what_it_will_ask_for() {
    let files = folder(&format!("{GOOD}{APPLE}{GOOGLE}"));
    let draft = draft(&files).unwrap_or_else(|told| panic!("{}", lines(&told)));
    let named = draft.references();
    let asked = std::cell::RefCell::new(BTreeSet::new());
    let inner = secrets();
    let secrets = |reference: &SecretReference| {
        asked.borrow_mut().insert(SecretReference { field: None, ..reference.clone() });
        inner(reference)
    };
    assert!(draft.load(TenantId::parse("demo").unwrap(), &secrets, &defaults()).is_ok());
    assert_eq!(named, asked.into_inner());
    assert_eq!(named.len(), 6);
}

#[test]
fn a_file_that_nothing_uses_is_mentioned() {
    let mut files = folder(GOOD);
    files.files.insert("templates/event-ticket/it.toml".to_owned(), Bytes::new());
    files.files.insert("templates/event-ticket/notes.txt".to_owned(), Bytes::new());
    let loaded = load(TenantId::parse("demo").unwrap(), &files, &secrets(), &defaults())
        .unwrap_or_else(|told| panic!("{}", lines(&told)));
    let told = lines(&loaded.warnings);
    assert!(
        told.contains("it.toml: the file is not used") && told.contains("notes.txt: the file is not used"),
        "{told}"
    );
}

#[test]
fn an_image_that_a_phone_would_enlarge_is_used_and_mentioned() {
    let mut files = folder(GOOD);
    let mut icon = std::io::Cursor::new(Vec::new());
    ::image::RgbaImage::new(7, 7).write_to(&mut icon, ::image::ImageFormat::Png).unwrap();
    let name = "icon@3x.png";
    files.files.insert(format!("templates/event-ticket/images/{name}"), icon.into_inner().into());
    let loaded = load(TenantId::parse("demo").unwrap(), &files, &secrets(), &defaults())
        .unwrap_or_else(|told| panic!("{}", lines(&told)));
    assert!(loaded.tenant.templates["event-ticket"].images.contains_key(name));
    let told = lines(&loaded.warnings);
    let expected = "templates/event-ticket/images/icon@3x.png: the image is 7 x 7 pixels and is drawn at 114 x 114";
    assert!(told.contains(expected), "{told}");
}

#[test]
fn an_image_that_is_none_and_a_template_that_is_empty_are_told() {
    let mut files = folder(GOOD);
    files.files.insert("templates/event-ticket/images/icon.png".to_owned(), Bytes::from_static(b"GIF89a"));
    files.files.insert("templates/hall/fr.toml".to_owned(), Bytes::from_static(b"\xff\xfe"));
    let told = load(TenantId::parse("demo").unwrap(), &files, &secrets(), &defaults()).err().unwrap();
    let areas: Vec<_> = told.iter().map(|problem| problem.fault.area()).collect();
    let told = lines(&told);
    assert!(told.contains("templates/event-ticket/images/icon.png: the image is not PNG"), "{told}");
    assert!(told.contains("templates/hall/template.toml: the file is missing"), "{told}");
    assert!(areas.contains(&problem::Area::Images), "{areas:?}");
}

#[test]
fn plain_http_and_a_missing_public_address_depend_on_the_server() {
    let id = || TenantId::parse("demo").unwrap();
    let plain = folder(&GOOD.replace("https://demo", "http://demo"));
    let trial = Defaults { public_url: Some("http://127.0.0.1:8080".to_owned()), plain_http: true, pkcs12: None };
    assert!(load(id(), &plain, &secrets(), &trial).is_ok());
    assert!(load(id(), &plain, &secrets(), &defaults()).is_err());
    let told = lines(&load(id(), &folder(GOOD), &secrets(), &Defaults::default()).err().unwrap());
    assert!(told.contains("\"public_url\" must be set"), "{told}");
    let own = folder(&format!("public_url = \"https://own.example/\"\n{GOOD}"));
    assert_eq!(
        load(id(), &own, &secrets(), &defaults()).map(|loaded| loaded.tenant.public_url).ok().as_deref(),
        Some("https://own.example")
    );
}

#[test]
fn a_folder_without_its_file_is_no_tenant() {
    let files = TenantFiles { shown: "tenants/demo".to_owned(), files: BTreeMap::new() };
    let told = load(TenantId::parse("demo").unwrap(), &files, &secrets(), &defaults()).err().unwrap();
    assert_eq!(lines(&told), "tenants/demo/tenant.toml: the file is missing\n");
}

#[test]
fn the_published_schema_is_the_one_that_is_checked_with() {
    let schema = strict::schema_of::<TenantConfig>();
    assert_eq!(schema.pointer("/additionalProperties"), Some(&false.into()));
    let defs = schema.pointer("/$defs").and_then(serde_json::Value::as_object).unwrap();
    for (name, definition) in defs {
        assert_eq!(definition.get("additionalProperties"), Some(&false.into()), "{name}");
        for (key, property) in definition.get("properties").and_then(serde_json::Value::as_object).unwrap() {
            assert!(property.get("description").is_some(), "{name}.{key} has no documentation");
        }
    }
}

#[test]
fn the_issuer_is_picked_and_a_certificate_of_another_pass_type_refused() {
    let apple = |from: &str, to: &str| format!("{GOOD}{}", APPLE.replace(from, to));
    let several = good(&apple("intermediate.cer", "generations.pem"));
    assert_eq!(several.apple.unwrap().identity.chain.len(), 2);
    for (from, to, key, words) in [
        ("org.example.demo", "org.example.other", "apple.certificate", "is for the pass type pass.org.example.demo"),
        ("A1B2C3D4E5", "Z1B2C3D4E5", "apple.certificate", "is of the team A1B2C3D4E5"),
        (
            "intermediate = \"file:apple/intermediate.cer\"\n",
            "",
            "apple.certificate",
            "the intermediate certificate is missing",
        ),
        ("intermediate.cer", "foreign.pem", "apple.intermediate", "another generation of Apple's intermediate?"),
    ] {
        let problems = load_text(&apple(from, to)).err().unwrap();
        let told = lines(&problems);
        assert!(problems.len() == 1 && told.contains(words) && told.contains(&format!("\"{key}\"")), "{told}");
    }
}

#[test]
fn a_p12_file_holds_both_and_needs_its_passphrase() {
    fn open(content: &[u8], passphrase: &str) -> Result<credential::Pkcs12, CredentialFault> {
        if passphrase != "open" {
            return Err(CredentialFault::Passphrase);
        }
        let certificates = content[2..].chunks(content[1].into()).map(<[u8]>::to_vec).collect();
        Ok(credential::Pkcs12 { certificates, key: Zeroizing::default() })
    }
    let text = format!(
        "{GOOD}[apple]\npass_type = \"pass.org.example.demo\"\nteam = \"A1B2C3D4E5\"\ncertificate = \"file:apple/pass.p12\"\npassphrase = \"file:apple/passphrase\"\n\
         intermediate = \"file:apple/intermediate.cer\"\n"
    );
    let here = Defaults { pkcs12: Some(open), ..defaults() };
    let told = |text: &str, defaults: &Defaults| {
        let loaded = load(TenantId::parse("demo").unwrap(), &folder(text), &secrets(), defaults);
        lines(&loaded.err().unwrap_or_default())
    };
    // What a file of the operator's looks like is OpenSSL's affair (the server's tests); here is the way of it.
    assert!(told(&text, &here).contains("\"apple.certificate\": certificate 0 of the chain is not X.509"));
    assert!(told(&text.replace("file:apple/passphrase", "file:apple/wrong"), &here).contains("does not open the .p12"));
    assert!(told(&text, &defaults()).contains("opened by the server only"));
    let pem = text.replace("pass.p12", "pass.pem");
    assert!(told(&pem, &here).contains("\"apple.key\" must be set, unless"), "{}", told(&pem, &here));
}

#[test]
fn places_of_a_venue_are_up_to_ten_on_earth_and_fifty_metres_by_default() {
    let venue = |places: &str| format!("{GOOD}[[venues]]\nname = \"Grand Théâtre\"\nplaces = [{places}]\n");
    let place = "{ latitude = 46, longitude = 6.14 },";
    let tenant = good(&venue(place));
    assert_eq!((tenant.venues[0].max_distance, tenant.venues[0].places[0].latitude), (50, 46.0));
    for (places, words) in [
        (place.repeat(11), "\"venues[0].places\" must be ten places at most"),
        ("{ latitude = 91, longitude = 0 }".to_owned(), "\"venues[0].places[0]\" must be degrees"),
        (
            "{ latitude = \"46.2\", longitude = 0 }".to_owned(),
            "\"venues[0].places[0].latitude\" must be a number, without quotes",
        ),
        (String::new(), "\"venues[0].places\" must not be empty"),
    ] {
        let told = lines(&load_text(&venue(&places)).err().unwrap());
        assert!(told.contains(words), "{told}");
    }
    let twice = venue(place) + "[[venues]]\nname = \"Grand Théâtre\"\nplaces = [{ latitude = 1, longitude = 2 }]\n";
    assert!(lines(&load_text(&twice).err().unwrap()).contains("\"venues[1].name\" is there twice"));
}

#[test]
fn nfc_needs_a_key_that_readers_can_have_and_a_push_key_its_number() {
    let with = |lines: &str| format!("{GOOD}{APPLE}{lines}");
    let key = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEs/J7ghdwu4/b6NvqzQebS+Z80FEP8ZlGdAdWDUjfPeBKaV+YOWW0l6U/4IGXnfY9NrsND1fwxAqRq0unR/LCIg==";
    good(&with(&format!("[apple.nfc]\nencryption_public_key = \"{key}\"\n")));
    let told = lines(&load_text(&with("[apple.nfc]\nencryption_public_key = \"MFkw\"\n")).err().unwrap());
    assert!(told.contains("\"apple.nfc.encryption_public_key\" must be a P-256 public key"), "{told}");
    let push = |id: &str| with(&format!("[apple.push_key]\nid = \"{id}\"\nkey = \"file:apple/pass.key\"\n"));
    assert_eq!(good(&push("ABC123DEFG")).apple.unwrap().push_key.unwrap().id, "ABC123DEFG");
    let told = lines(&load_text(&push("abc")).err().unwrap());
    assert!(told.contains("\"apple.push_key.id\" must be a Key ID"), "{told}");
}

#[test]
fn vibes_is_read_with_its_defaults_and_its_secrets_end_before_the_line_break() {
    let vibes = good(&format!("{GOOD}{VIBES}")).vibes.unwrap();
    assert_eq!((vibes.url.as_str(), vibes.join.as_str()), ("https://public-api.vibescm.com", "movement"));
    assert_eq!((vibes.subject, vibes.register_at_start), (crate::tenant::VibesSubject::Movement, false));
    assert!(vibes.sources.is_empty() && vibes.previous_path_secret.is_none());
    assert_eq!(vibes.password.as_slice(), b"s3cret");
    assert!(vibes.path_secret.admits("0123456789abcdef0123456789abcdef"));
    let more = "subject = \"contact\"\nsources = [\"192.0.2.1\", \"2001:db8::/32\"]\nprevious_path_secret = \"file:vibes.path\"\n";
    let vibes = good(&format!("{GOOD}{VIBES}{more}")).vibes.unwrap();
    assert_eq!(vibes.subject, crate::tenant::VibesSubject::Contact);
    assert_eq!(vibes.sources, ["192.0.2.1/32".parse().unwrap(), "2001:db8::/32".parse().unwrap()]);
    assert!(vibes.previous_path_secret.is_some());
    let files = folder(&format!("{GOOD}{VIBES}{more}"));
    let asked: Vec<String> = draft(&files).unwrap().references().iter().map(ToString::to_string).collect();
    assert!(
        ["file:vibes.password", "file:vibes.path"].iter().all(|it| asked.iter().any(|asked| asked == it)),
        "{asked:?}"
    );
}

#[test]
fn a_plugins_limits_are_those_of_a_sandbox_and_end_before_a_lease_does() {
    use crate::plugin::setup::{Parts, PluginLimits};
    let limits = |lines: &str| good(&format!("{GOOD}[plugin.limits]\n{lines}")).plugin.limits;
    assert_eq!(limits(""), PluginLimits::default());
    let longest = std::time::Duration::from_millis(crate::options::LEASE_MARGIN as u64);
    assert!(limits("wall_ms = 4000\ncpu_ms = 4000\n").wall < longest && PluginLimits::default().wall < longest);
    let few = limits("instances = 1\nmemories = 2\ntables = 3\ntable_elements = 4\nhandles = 5\n");
    assert_eq!(few.parts, Parts { instances: 1, memories: 2, tables: 3, table_elements: 4, handles: 5 });
    for beyond in [
        "wall_ms = 4001",
        "cpu_ms = 4001",
        "instances = 51",
        "memories = 9",
        "tables = 33",
        "table_elements = 100001",
        "handles = 10001",
        "handles = 0",
    ] {
        let told = lines(&load_text(&format!("{GOOD}[plugin.limits]\n{beyond}\n")).err().unwrap());
        assert!(told.contains(beyond.split(' ').next().unwrap()), "{beyond}: {told}");
    }
}
