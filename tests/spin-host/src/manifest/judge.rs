//! What must hold between the keys of a manifest, and which of Spin's features this host leaves out.
//!
//! All problems at once, each as a sentence that names the place. Files are looked at elsewhere (`check`, `application`).

use std::str::FromStr;

use super::{Component, Dependency, Either, HttpTrigger, Manifest};
use crate::allowed_hosts::AllowedHosts;
use crate::variables::Template;

/// What `[component.X.dependencies]` has on its left side: `ns:package[/interface][@version]`, or a plain name for a plain import.
#[derive(Debug, PartialEq, Eq)]
pub struct DependencyName {
    pub package: String,
    pub interface: Option<String>,
    pub version: Option<String>,
}

impl FromStr for DependencyName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let (path, version) = match name.split_once('@') {
            Some((path, version)) => (path, Some(version.to_owned())),
            None => (name, None),
        };
        let (package, interface) = match path.split_once('/') {
            Some((package, interface)) => (package, Some(interface.to_owned())),
            None => (path, None),
        };
        let words = package.split(':').chain(interface.as_deref());
        let plain = !package.contains(':') && (interface.is_some() || version.is_some());
        if plain || package.split(':').count() > 2 || words.clone().any(|word| !is_kebab(word)) {
            return Err(format!("`{name}` is neither a package, nor an interface, nor a plain import"));
        }
        Ok(Self { package: package.to_owned(), interface, version })
    }
}

impl DependencyName {
    /// As Spin matches: what the name leaves out matches anything, what it states must be equal.
    pub fn matches(&self, import: &str) -> bool {
        let (path, version) = match import.split_once('@') {
            Some((path, version)) => (path, Some(version)),
            None => (import, None),
        };
        let (package, interface) = match path.split_once('/') {
            Some((package, interface)) => (package, Some(interface)),
            None => (path, None),
        };
        package == self.package
            && (self.interface.is_none() || self.interface.as_deref() == interface)
            && (self.version.is_none() || self.version.as_deref() == version)
    }
}

impl Manifest {
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.spin_manifest_version != 2 {
            problems.push(format!("spin_manifest_version must be 2, not {}", self.spin_manifest_version));
        }
        for (name, variable) in &self.variables {
            if !is_lower_snake(name) {
                problems.push(format!("variable `{name}` is not in lower_snake_case"));
            }
            if variable.required == variable.default.is_some() {
                problems.push(format!("variable `{name}` must either be required or have a default"));
            }
        }
        if self.trigger.http.is_empty() {
            problems.push("there is no [[trigger.http]]".to_owned());
        }
        for trigger in &self.trigger.http {
            self.judge_trigger(trigger, &mut problems);
        }
        for (id, component) in &self.component {
            if !is_kebab(id) {
                problems.push(format!("component `{id}` is not in kebab-case"));
            }
            let mut own = Vec::new();
            self.judge_component(component, &mut own);
            problems.extend(own.into_iter().map(|problem| format!("component `{id}`: {problem}")));
        }
        problems
    }

    fn judge_trigger(&self, trigger: &HttpTrigger, problems: &mut Vec<String>) {
        let place = match &trigger.route {
            Either::Text(route) => format!("[[trigger.http]] with route `{route}`"),
            Either::Table(private) => {
                if !private.private {
                    problems.push("a route is a pattern or { private = true }".to_owned());
                }
                "[[trigger.http]] with a private route".to_owned()
            }
        };
        match (&trigger.component, &trigger.static_response) {
            (Some(id), None) if self.component.contains_key(id) => {}
            (Some(id), None) => problems.push(format!("{place}: there is no component `{id}`")),
            (None, Some(_)) => {}
            _ => problems.push(format!("{place} needs a component or a static_response, and not both")),
        }
        if trigger.executor.as_ref().is_some_and(|executor| !matches!(executor.kind.as_str(), "http" | "spin")) {
            problems.push(format!("{place}: this host has the executor `http` only"));
        }
        if trigger.dependencies.as_ref().is_some_and(|dependencies| !dependencies.middleware.is_empty()) {
            problems.push(format!("{place}: this host has no middleware"));
        }
        if !trigger.components.is_empty() {
            problems.push(format!("{place}: this host has no `components`"));
        }
    }

    fn judge_component(&self, component: &Component, problems: &mut Vec<String>) {
        if matches!(component.source, Either::Table(_)) {
            problems.push("this host takes a `source` from a path only".to_owned());
        }
        for (name, text) in &component.variables {
            if !is_lower_snake(name) {
                problems.push(format!("variable `{name}` is not in lower_snake_case"));
            }
            self.judge_template(&format!("variable `{name}`"), text, problems);
        }
        for text in &component.allowed_outbound_hosts {
            self.judge_template("allowed_outbound_hosts", text, problems);
            if Template::parse(text).is_ok_and(|template| template.names().next().is_none())
                && let Err(problem) = AllowedHosts::parse(std::slice::from_ref(text))
            {
                problems.push(format!("allowed_outbound_hosts: {problem}"));
            }
        }
        for (keys, key) in [
            (&component.allowed_http_hosts, "allowed_http_hosts"),
            (&component.key_value_stores, "key_value_stores"),
            (&component.ai_models, "ai_models"),
        ] {
            if !keys.is_empty() {
                problems.push(format!("this host has no `{key}`"));
            }
        }
        for (name, dependency) in &component.dependencies {
            self.judge_dependency(name, dependency, problems);
        }
    }

    fn judge_template(&self, place: &str, text: &str, problems: &mut Vec<String>) {
        match Template::parse(text) {
            Ok(template) => problems.extend(
                template
                    .names()
                    .filter(|name| !self.variables.contains_key(*name))
                    .map(|name| format!("{place} uses `{{{{ {name} }}}}`, and there is no such variable")),
            ),
            Err(problem) => problems.push(format!("{place}: {problem}")),
        }
    }

    fn judge_dependency(&self, name: &str, dependency: &Either<Dependency>, problems: &mut Vec<String>) {
        let parsed = match name.parse::<DependencyName>() {
            Ok(parsed) => parsed,
            Err(problem) => return problems.push(problem),
        };
        let Either::Table(dependency) = dependency else {
            return problems
                .push(format!("dependency `{name}`: this host takes dependencies from a path or a component"));
        };
        match (&dependency.path, &dependency.component) {
            (Some(_), None) => {}
            (None, Some(id)) if self.component.contains_key(id) => {}
            (None, Some(id)) => problems.push(format!("dependency `{name}`: there is no component `{id}`")),
            _ => problems.push(format!("dependency `{name}`: this host takes dependencies from a path or a component")),
        }
        if parsed.package.contains(':') && parsed.interface.is_none() && dependency.export.is_some() {
            problems.push(format!("dependency `{name}` is a whole package and cannot name one `export`"));
        }
    }
}

/// Words of letters and digits with hyphens between them, each all lower or all upper case, as in WIT.
fn is_kebab(text: &str) -> bool {
    text.split('-').all(|word| {
        word.starts_with(|first: char| first.is_ascii_alphabetic())
            && (word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
                || word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit()))
    })
}

pub fn is_lower_snake(text: &str) -> bool {
    text.split('_').all(|word| {
        word.starts_with(|first: char| first.is_ascii_lowercase())
            && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    })
}
