use std::fs;
use std::path::Path;

use super::*;

const NOW: Millis = 1_790_000_000_000;
const PASS_TYPE: &str = "pass.org.example.demo";
const TEAM: &str = "A1B2C3D4E5";

/// A certificate of Apple's shape, signed by an intermediate, with its key.
struct Issued {
    certificate: String,
    intermediate: String,
    key: String,
}

fn issue(pass_type: &str, until: i32) -> Issued {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
    let mut authority = CertificateParams::default();
    authority.distinguished_name.push(DnType::CommonName, "Worldwide Developer Relations");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let mut leaf = CertificateParams::default();
    leaf.distinguished_name.push(DnType::from_oid(&[0, 9, 2342, 19_200_300, 100, 1, 1]), pass_type);
    leaf.distinguished_name.push(DnType::OrganizationalUnitName, TEAM);
    leaf.not_before = date_time_ymd(2025, 1, 1);
    leaf.not_after = date_time_ymd(until, 1, 1);
    let key = KeyPair::generate().unwrap();
    Issued {
        certificate: leaf.signed_by(&key, &authority).unwrap().pem(),
        intermediate: authority.pem(),
        key: key.serialize_pem(),
    }
}

/// The shipped example with secrets that are made for it.
fn example(issued: &Issued) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    fs::copy(examples.join("passerelle.toml"), folder.path().join("passerelle.toml")).unwrap();
    let demo = folder.path().join("tenants/demo");
    copy(&examples.join("tenants/demo"), &demo);
    fs::create_dir_all(demo.join("apple")).unwrap();
    crate::keys::seal(&demo.join("seal.key"), &crate::host::SystemRandom).unwrap();
    let account =
        serde_json::json!({ "client_email": "wallet@demo.iam.gserviceaccount.com", "private_key": issued.key });
    for (name, content) in [
        ("secutix.secret", "s3cret"),
        ("apple/pass.pem", &issued.certificate),
        ("apple/intermediate.pem", &issued.intermediate),
        ("apple/pass.key", &issued.key),
        ("google.json", &account.to_string()),
    ] {
        fs::write(demo.join(name), content).unwrap();
        private(&demo.join(name));
    }
    folder
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)
        } else {
            fs::copy(entry.path(), target).map(drop).unwrap()
        }
    }
}

fn private(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    #[cfg(not(unix))]
    let _ = path;
}

fn check(folder: &Path, tenant: Option<&str>) -> (CheckReport, String) {
    let options = CheckOptions {
        config: folder.join("passerelle.toml"),
        variables: Variables::default(),
        tenant: tenant.map(|name| TenantId::parse(name).unwrap()),
        now: NOW,
        report: Some(folder.join("report.json")),
    };
    let mut out = Vec::new();
    let report = run_check(&options, &mut out).unwrap();
    (report, String::from_utf8(out).unwrap())
}

fn says(report: &CheckReport, subject: Subject, state: State, part: &str) -> bool {
    let mut all = report.server.iter().chain(report.tenants.values().flatten());
    all.any(|finding| finding.subject == subject && finding.state == state && finding.says.contains(part))
}

#[test]
fn the_shipped_example_is_in_order() {
    let folder = example(&issue(PASS_TYPE, 2040));
    let (report, printed) = check(folder.path(), None);
    assert!(report.ok, "{printed}");
    assert!(report.tenants.values().flatten().all(|finding| finding.state == State::Good), "{printed}");
    for part in [
        "✓ configuration",
        "✓ secrets",
        "✓ certificate",
        "valid until 2040-01-01",
        "✓ templates",
        "✓ images",
        "Everything is in order.",
    ] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    let written: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.path().join("report.json")).unwrap()).unwrap();
    assert_eq!(written.get("ok"), Some(&true.into()));
    assert!(written.pointer("/tenants/demo/0/state").is_some_and(|state| state == "good"), "{written}");
}

#[test]
fn a_certificate_of_another_pass_type_or_key_or_age_is_told() {
    let (report, printed) = check(example(&issue("pass.org.example.other", 2040)).path(), None);
    assert!(!report.ok && says(&report, Subject::Certificate, State::Bad, "pass.org.example.other"), "{printed}");

    let (report, printed) = check(example(&issue(PASS_TYPE, 2026)).path(), None);
    assert!(!report.ok && says(&report, Subject::Certificate, State::Bad, "invalid since"), "{printed}");

    let foreign = Issued { key: issue(PASS_TYPE, 2040).key, ..issue(PASS_TYPE, 2040) };
    let (report, printed) = check(example(&foreign).path(), None);
    assert!(
        !report.ok
            && says(&report, Subject::Certificate, State::Bad, "not the one that the certificate was requested with"),
        "{printed}"
    );
}

#[test]
fn a_secret_that_everybody_may_read_is_a_warning() {
    let folder = example(&issue(PASS_TYPE, 2040));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let key = folder.path().join("tenants/demo/apple/pass.key");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
        // A certificate is public.
        fs::set_permissions(folder.path().join("tenants/demo/apple/pass.pem"), fs::Permissions::from_mode(0o644))
            .unwrap();
        let (report, printed) = check(folder.path(), None);
        assert!(
            report.ok && says(&report, Subject::Secrets, State::Warning, "apple/pass.key can be read"),
            "{printed}"
        );
        assert!(!printed.contains("apple/pass.pem can be read"), "{printed}");
    }
}

#[test]
fn a_missing_sealing_key_comes_with_the_command_that_makes_one() {
    let folder = example(&issue(PASS_TYPE, 2040));
    fs::remove_file(folder.path().join("tenants/demo/seal.key")).unwrap();
    let (report, printed) = check(folder.path(), None);
    assert!(!report.ok && printed.contains("passerelle key seal seal.key"), "{printed}");
    assert!(says(&report, Subject::Certificate, State::Unknown, "when the secrets are there"), "{printed}");
}

#[test]
fn a_broken_configuration_leaves_the_rest_unasked() {
    let folder = example(&issue(PASS_TYPE, 2040));
    let path = folder.path().join("tenants/demo/tenant.toml");
    let text = fs::read_to_string(&path).unwrap().replace("institution =", "institutoin =");
    fs::write(&path, text).unwrap();
    let (report, printed) = check(folder.path(), None);
    assert!(!report.ok, "{printed}");
    assert!(printed.contains("unknown key \"secutix.institutoin\"; did you mean \"institution\"?"), "{printed}");
    assert!(says(&report, Subject::Templates, State::Unknown, "when the configuration is right"), "{printed}");
}

#[test]
fn one_tenant_may_be_asked_for_and_must_be_there() {
    let folder = example(&issue(PASS_TYPE, 2040));
    copy(&folder.path().join("tenants/demo"), &folder.path().join("tenants/other"));
    let (report, _) = check(folder.path(), Some("demo"));
    assert!(report.ok && report.tenants.len() == 1);
    let (report, printed) = check(folder.path(), Some("dmo"));
    assert!(!report.ok && printed.contains("did you mean demo?"), "{printed}");
}

#[test]
fn a_server_configuration_that_is_missing_or_wrong_is_told_with_all_its_problems() {
    let folder = tempfile::tempdir().unwrap();
    let (report, printed) = check(folder.path(), None);
    assert!(!report.ok && printed.contains("the file is missing"), "{printed}");
    fs::write(folder.path().join("passerelle.toml"), "[server]\nlisten = \"x\"\n[sever]\n").unwrap();
    let (report, printed) = check(folder.path(), None);
    assert!(!report.ok && printed.contains("unknown key \"sever\"; did you mean \"server\"?"), "{printed}");
}

/// The published schemas are the types' own. `UPDATE_GOLDEN=1` writes them.
#[test]
fn the_published_schemas_are_fresh() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema");
    for (of, name) in [(SchemaOf::Tenant, "tenant.schema.json"), (SchemaOf::Server, "server.schema.json")] {
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::create_dir_all(&docs).unwrap();
            fs::write(docs.join(name), schema(of)).unwrap();
        }
        let published = fs::read_to_string(docs.join(name)).unwrap_or_default();
        assert!(published == schema(of), "docs/schema/{name} is stale; run the tests with UPDATE_GOLDEN=1");
    }
}

#[test]
fn a_plugin_is_told_with_what_has_become_of_its_machine_code() {
    use crate::plugins::machine_code;
    let folder = example(&issue(PASS_TYPE, 2040));
    let wasm = passerelle_guests::good();
    fs::write(folder.path().join("tenants/demo/plugin.wasm"), &wasm).unwrap();
    let (report, printed) = check(folder.path(), None);
    assert!(
        says(&report, Subject::Plugin, State::Warning, "choose-template; machine code: not compiled yet"),
        "{printed}"
    );
    let settings = Settings::read(&folder.path().join("passerelle.toml")).unwrap();
    let compiled = server::compiled_folder(&settings);
    fs::create_dir_all(&compiled).unwrap();
    let build = passerelle_sandbox::artefact::digest(&wasm);
    machine_code::refuse(&server::engine(None).unwrap(), &compiled, &build, "compiling it took too long");
    let (report, printed) = check(folder.path(), None);
    assert!(says(&report, Subject::Plugin, State::Bad, "plugin.wasm: compiling it took too long"), "{printed}");
}
