//! `spin.toml` against the code that it is for and the documentation that lists it.
//!
//! That its keys are Spin's, its files there and the component's imports granted is checked elsewhere, on the built components: `spin-host check`, a
//! step of `cargo xtask test`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use passerelle_flow::tenant::config::TenantConfig;
use passerelle_flow::tenant::strict;
use passerelle_spin::settings;
use toml::{Table, Value};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

fn manifest() -> Table {
    read("spin.toml").parse().unwrap()
}

fn edge() -> Table {
    manifest()["component"]["edge"].as_table().unwrap().clone()
}

/// The variables that the mounted example refers to, each with the key that does.
fn of_the_example() -> BTreeMap<String, String> {
    fn gather(value: &Value, place: &str, into: &mut BTreeMap<String, String>) {
        match value {
            Value::Table(table) => table.iter().for_each(|(key, value)| gather(value, &format!("{place}.{key}"), into)),
            Value::String(text) => {
                if let Some(name) = text.strip_prefix("variable:") {
                    into.insert(name.to_owned(), place.trim_start_matches('.').to_owned());
                }
            }
            _ => {}
        }
    }
    let mut found = BTreeMap::new();
    gather(&Value::Table(read("examples/spin/demo/tenant.toml").parse().unwrap()), "", &mut found);
    found
}

/// `{{ name }}` and nothing else.
fn name_in(template: &str) -> &str {
    template.strip_prefix("{{ ").and_then(|rest| rest.strip_suffix(" }}")).unwrap_or_else(|| panic!("{template}"))
}

fn hosts() -> Vec<String> {
    let hosts = edge()["allowed_outbound_hosts"].as_array().unwrap().clone();
    hosts.iter().map(|host| name_in(host.as_str().unwrap()).to_owned()).collect()
}

#[test]
fn the_component_is_given_every_variable_that_it_reads_and_no_other() {
    let given: BTreeMap<String, String> = edge()["variables"].clone().try_into().unwrap();
    for (name, template) in &given {
        assert_eq!(name, name_in(template), "one name for one thing");
    }
    let mut read: BTreeSet<String> = settings::VARIABLES.map(str::to_owned).into();
    read.extend(of_the_example().into_keys());
    assert_eq!(given.into_keys().collect::<BTreeSet<_>>(), read);
}

#[test]
fn every_variable_is_declared_as_what_it_is() {
    let declared = manifest()["variables"].as_table().unwrap().clone();
    let example = of_the_example();
    let mut used: BTreeSet<String> = settings::VARIABLES.map(str::to_owned).into();
    used.extend(example.keys().cloned());
    used.extend(hosts());
    assert_eq!(declared.keys().cloned().collect::<BTreeSet<_>>(), used, "declared, and used");
    for (name, variable) in &declared {
        let flag = |key: &str| variable.get(key).and_then(Value::as_bool).unwrap_or(false);
        // A tenant does not work without any of its own; the edge works without all of its own.
        assert_eq!(flag("required"), example.contains_key(name), "{name}");
        // Certificates are shown to everybody.
        let place = example.get(name).map(String::as_str).unwrap_or_default();
        let secret =
            name == "sweep_token" || ["secutix.secret", "seal.key", "apple.key", "google.account"].contains(&place);
        assert_eq!(flag("secret"), secret, "{name}");
        assert!(!variable["description"].as_str().unwrap().is_empty(), "{name}");
    }
}

#[test]
fn who_may_be_called_is_who_is_called() {
    let declared = manifest()["variables"].as_table().unwrap().clone();
    let example = read("examples/spin/demo/tenant.toml");
    let (tenant, _) = strict::read::<TenantConfig>("tenant.toml", example.as_bytes()).unwrap();
    let (apple, google) = (tenant.apple.unwrap(), tenant.google.unwrap());
    let called = [
        ("secutix_host", tenant.secutix.url),
        ("apple_push_host", apple.push_url),
        ("google_api_host", google.api_url),
        ("google_token_host", google.token_url),
        ("google_keys_host", google.keys_url),
        // The example's venue is not at Vibes; one that is calls the default, or Europe's.
        ("vibes_host", "https://public-api.vibescm.com".to_owned()),
        ("webhook_host", "https://webhooks.invalid".to_owned()),
    ];
    assert_eq!(hosts(), called.clone().map(|(name, _)| name));
    for (name, url) in called {
        let allowed = declared[name]["default"].as_str().unwrap();
        let host = url.strip_prefix("https://").unwrap().split('/').next().unwrap();
        let permits = match allowed.strip_prefix("https://").unwrap().strip_prefix("*.") {
            // Of SecuTix each institution has a name of its own.
            Some(domain) => name == "secutix_host" && host.ends_with(&format!(".{domain}")),
            None => allowed == format!("https://{host}"),
        };
        assert!(permits, "{name} allows {allowed}, and {url} is called");
    }
}

#[test]
fn everything_is_routed_to_the_edge_and_what_it_needs_is_mounted() {
    let manifest = manifest();
    let routes = manifest["trigger"]["http"].as_array().unwrap().clone();
    assert_eq!(routes.len(), 1);
    assert_eq!((routes[0]["route"].as_str(), routes[0]["component"].as_str()), (Some("/..."), Some("edge")));
    let edge = edge();
    assert_eq!(edge["sqlite_databases"].as_array().unwrap(), &[Value::from("default")]);
    let mounts = edge["files"].as_array().unwrap();
    for mount in mounts {
        let to = mount["destination"].as_str().unwrap();
        assert!(to.starts_with("/tenants/"), "the edge looks below /tenants only: {to}");
        assert!(root().join(mount["source"].as_str().unwrap()).is_dir(), "{mount}");
    }
    // What is mounted is packed into the image.
    let names = ["pem", "key", "json"];
    let secrets = std::fs::read_dir(root().join("examples/spin/demo")).unwrap().map(|entry| entry.unwrap().path());
    let secrets: Vec<_> =
        secrets.filter(|path| path.extension().is_some_and(|it| names.iter().any(|name| it == *name))).collect();
    assert!(secrets.is_empty(), "{secrets:?}");
}

/// Rows of the table below a heading of docs/spin.md, by cells without their code marks.
fn table_below(heading: &str) -> Vec<Vec<String>> {
    let text = read("docs/spin.md");
    let section = text.split(&format!("\n## {heading}\n")).nth(1).unwrap_or_else(|| panic!("no {heading}"));
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with('|')).skip(2);
    let cells = |line: &str| {
        let cells = line.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
    };
    rows.map(cells).collect()
}

#[test]
fn the_documentation_lists_every_variable_as_it_is_declared() {
    let declared = manifest()["variables"].as_table().unwrap().clone();
    let rows = table_below("Variables");
    let listed: BTreeSet<&String> = rows.iter().map(|row| &row[0]).collect();
    assert_eq!(listed, declared.keys().collect::<BTreeSet<_>>());
    for row in &rows {
        let variable = &declared[row[0].as_str()];
        let flag = |key: &str| variable.get(key).and_then(Value::as_bool).unwrap_or(false);
        let default = match variable.get("default").and_then(Value::as_str) {
            None => "required",
            Some("") => "empty",
            Some(text) => text,
        };
        assert_eq!(row[1], default, "{}", row[0]);
        assert_eq!(row[2], if flag("secret") { "secret" } else { "" }, "{}", row[0]);
    }
}
