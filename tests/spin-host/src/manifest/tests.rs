//! Tests of the manifest's reader.

use super::*;

const GOOD: &str = r#"
spin_manifest_version = 2
[application]
name = "edge"
version = "1.0.0"
authors = ["a"]
[application.tool.x]
y = 1
[variables]
token = { required = true, secret = true, description = "d" }
api = { default = "https://api.example.com" }
[[trigger.http]]
id = "main"
route = "/v1/:id/..."
component = "edge"
executor = { type = "http" }
[[trigger.http]]
route = { private = true }
component = "worker"
[[trigger.http]]
route = "/robots.txt"
static_response = { status_code = 200, headers = { content-type = "text/plain" }, body = "x" }
[component.edge]
source = "edge.wasm"
description = "d"
allowed_outbound_hosts = ["{{ api }}", "http://worker.spin.internal", "http://self"]
sqlite_databases = ["default"]
environment = { MODE = "prod" }
files = ["a/*", { source = "b", destination = "/b" }]
exclude_files = ["a/x"]
variables = { token = "{{ token }}" }
[component.edge.build]
command = ["a", "b"]
workdir = "c"
watch = ["d"]
[component.edge.dependencies]
"demo:sign/signer@0.1.0" = { path = "s.wasm", inherit_configuration = ["variables"] }
"demo:core" = { component = "worker" }
[component.edge.profile.debug]
source = "edge-debug.wasm"
build.command = "x"
[component.edge.tool.spin-test]
source = "t"
[component.worker]
source = "worker.wasm"
"#;

fn problems(text: &str) -> Vec<String> {
    match Manifest::parse(text) {
        Ok(manifest) => manifest.problems(),
        Err(error) => vec![error.to_string()],
    }
}

/// One problem, which says this.
fn refused(text: &str, saying: &str) {
    let found = problems(text);
    assert!(found.len() == 1 && found[0].contains(saying), "expected one problem about `{saying}`: {found:?}");
}

#[test]
fn what_spin_takes_is_taken() {
    assert_eq!(problems(GOOD), Vec::<String>::new());
}

#[test]
fn an_unknown_key_is_refused_with_its_name_wherever_it_stands() {
    for (after, key) in [
        ("spin_manifest_version = 2", "top_key"),
        ("[application]", "application_key"),
        ("[variables]\ntoken = {", "variable_key"),
        ("id = \"main\"", "trigger_key"),
        ("executor = {", "executor_key"),
        ("route = {", "route_key"),
        ("static_response = {", "response_key"),
        ("[component.edge]", "component_key"),
        ("files = [\"a/*\", {", "placement_key"),
        ("[component.edge.build]", "build_key"),
        ("\"demo:core\" = {", "dependency_key"),
        ("[component.edge.profile.debug]", "profile_key"),
    ] {
        let comma = if after.ends_with('{') { ", " } else { "\n" };
        let space = if after.ends_with('{') { " " } else { "\n" };
        let text = GOOD.replacen(after, &format!("{after}{space}{key} = 1{comma}"), 1);
        assert_ne!(text, GOOD, "{after}");
        refused(&text, &format!("`{key}`"));
    }
}

#[test]
fn another_trigger_type_is_refused_by_name() {
    refused(&format!("{GOOD}\n[[trigger.redis]]\nchannel = \"x\"\ncomponent = \"edge\""), "`redis`");
}

#[test]
fn what_contradicts_itself_is_refused() {
    for (from, to, saying) in [
        ("spin_manifest_version = 2", "spin_manifest_version = 1", "must be 2"),
        ("{ required = true, secret = true, description = \"d\" }", "{ secret = true }", "`token` must either"),
        ("{ default = \"https://api.example.com\" }", "{ default = \"\", required = true }", "`api` must either"),
        ("api = {", "Api = {", "`Api` is not in lower_snake_case"),
        ("component = \"edge\"", "component = \"egde\"", "no component `egde`"),
        ("{ private = true }\n", "{ private = false }\n", "{ private = true }"),
        ("route = \"/robots.txt\"", "route = \"/robots.txt\"\ncomponent = \"edge\"", "not both"),
        ("{{ token }}", "{{ tocken }}", "{{ tocken }}"),
        ("{{ token }}", "{{ token", "other half"),
        ("\"http://self\"", "\"self\"", "has no scheme"),
        ("\"demo:core\" = {", "\"demo core\" = {", "`demo core`"),
        ("{ component = \"worker\" }", "{ component = \"wroker\" }", "no component `wroker`"),
        ("{ component = \"worker\" }", "{ component = \"worker\", export = \"x\" }", "whole package"),
        ("{ component = \"worker\" }", "\"1.0\"", "from a path or a component"),
        ("source = \"edge.wasm\"", "source = { url = \"u\", digest = \"d\" }", "from a path only"),
        ("sqlite_databases", "key_value_stores", "no `key_value_stores`"),
        ("{ type = \"http\" }", "{ type = \"wagi\" }", "`http` only"),
    ] {
        assert!(GOOD.contains(from), "{from}");
        let found = problems(&GOOD.replacen(from, to, 1));
        assert!(found.iter().any(|problem| problem.contains(saying)), "{to}: expected `{saying}`, found {found:?}");
    }
}

#[test]
fn names_of_dependencies_are_told_apart() {
    let name = |text: &str| text.parse::<DependencyName>();
    let whole = name("demo:core@0.1.0").unwrap();
    assert_eq!(
        (whole.package.as_str(), whole.interface.as_deref(), whole.version.as_deref()),
        ("demo:core", None, Some("0.1.0"))
    );
    let one = name("demo:core/logic").unwrap();
    assert_eq!(
        (one.package.as_str(), one.interface.as_deref(), one.version.as_deref()),
        ("demo:core", Some("logic"), None)
    );
    assert_eq!(name("plain-name").unwrap().package, "plain-name");
    for text in ["plain/x", "plain@1", "a:b:c", "", "A_b"] {
        assert!(name(text).is_err(), "{text}");
    }
}
