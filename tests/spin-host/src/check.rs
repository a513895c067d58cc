//! `spin-host check`: could this application be loaded? Without compiling or starting anything.
//!
//! Every key known, every file there, every import granted or met. One JSON object, all problems at once.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::files;
use crate::interfaces::{HTTP_CLIENT, Interfaces, SQLITE, VARIABLES};
use crate::manifest::{Component, Manifest};
use crate::source::Source;

/// The report, and whether it is a good one.
pub fn check(manifest: &Path) -> (bool, Value) {
    let mut problems = Vec::new();
    let mut components = BTreeMap::new();
    match Manifest::read(manifest) {
        Ok(read) => {
            let root = manifest.parent().unwrap_or(Path::new(""));
            for (id, component) in &read.component {
                let (seen, own) = look(root, &read, component);
                components.insert(id.clone(), seen);
                problems.extend(own.into_iter().map(|problem| format!("component `{id}`: {problem}")));
            }
        }
        Err(error) => problems.push(chain(&error)),
    }
    let ok = problems.is_empty();
    (ok, json!({ "ok": ok, "components": components, "problems": problems }))
}

fn look(root: &Path, manifest: &Manifest, component: &Component) -> (Value, Vec<String>) {
    let mut problems: Vec<String> = component
        .files
        .iter()
        .filter_map(|listed| files::selected(root, listed).err())
        .map(|error| format!("{error:#}"))
        .collect();
    if component.sqlite_databases.iter().any(|label| label != "default") {
        problems.push("sqlite_databases other than `default` need a runtime configuration".to_owned());
    }
    let source = match Source::read(root, manifest, component) {
        Ok(source) => source,
        Err(error) => {
            problems.push(chain(&error));
            return (json!({ "imports": [] }), problems);
        }
    };
    problems.extend(source.unmet().unwrap_or_else(|problem| vec![chain(&problem)]));
    // Spin loads it all the same, and refuses when the component asks: seldom what was meant.
    for (import, key, granted) in [
        (SQLITE, "sqlite_databases", !component.sqlite_databases.is_empty()),
        (VARIABLES, "variables", !component.variables.is_empty()),
        (HTTP_CLIENT, "allowed_outbound_hosts", !component.allowed_outbound_hosts.is_empty()),
    ] {
        if !granted && source.interfaces.imports.iter().any(|name| name == import) {
            problems.push(format!("imports `{import}` and has no {key}"));
        }
    }
    if used_by_a_trigger(manifest, component) && !source.interfaces.is_handler() {
        problems.push("exports no HTTP handler that this host can call".to_owned());
    }
    let dependencies: BTreeMap<&str, Value> = source
        .plugs
        .iter()
        .map(|plug| match Interfaces::of(&plug.bytes) {
            Ok(interfaces) => {
                if !plug.inherits && !interfaces.imports.is_empty() {
                    problems
                        .push(format!("dependency `{}` imports something and inherits no configuration", plug.name));
                }
                (plug.name.as_str(), json!({ "imports": interfaces.imports }))
            }
            Err(error) => {
                problems.push(format!("dependency `{}`: {error:#}", plug.name));
                (plug.name.as_str(), json!({ "imports": [] }))
            }
        })
        .collect();
    (json!({ "imports": source.interfaces.imports, "dependencies": dependencies }), problems)
}

fn used_by_a_trigger(manifest: &Manifest, component: &Component) -> bool {
    let named = manifest.trigger.http.iter().filter_map(|trigger| trigger.component.as_ref());
    named.filter_map(|id| manifest.component.get(id)).any(|used| std::ptr::eq(used, component))
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(found) = cause {
        text = format!("{text}: {}", found.to_string().trim_end().replace('\n', " "));
        cause = found.source();
    }
    text
}
