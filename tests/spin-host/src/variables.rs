//! Variables: where a value comes from, and what `{{ … }}` becomes.
//!
//! The order is Spin's, as measured and not as documented: `--variable`, then the providers of the runtime configuration, then the
//! environment's `SPIN_VARIABLE_X`, then the default. All values are settled at start: this host has no provider whose values change.

use std::collections::BTreeMap;

use crate::manifest::{Component, Manifest};
use crate::runtime_config::VariablesProvider;

/// Spin's prefix for variables from the environment.
const PREFIX: &str = "SPIN_VARIABLE";

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum VariableError {
    #[error("no value for the required variable(s) {}: give one with --variable or {PREFIX}_NAME", .0.join(", "))]
    Missing(Vec<String>),
    #[error("--variable {0}: the manifest has no such variable")]
    Unknown(String),
    #[error("`{0}` has an opening {{{{ or a closing }}}} without its other half")]
    Braces(String),
    #[error("`{{{{ {0} }}}}` has no value")]
    Undefined(String),
}

/// A text with holes for application variables.
#[derive(Debug)]
pub struct Template(Vec<Part>);

#[derive(Debug)]
enum Part {
    Text(String),
    Hole(String),
}

impl Template {
    pub fn parse(text: &str) -> Result<Self, VariableError> {
        let unbalanced = || VariableError::Braces(text.to_owned());
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, after) = after.split_once("}}").ok_or_else(unbalanced)?;
            if before.contains("}}") || name.contains("{{") {
                return Err(unbalanced());
            }
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Hole(name.trim().to_owned()));
            rest = after;
        }
        if rest.contains("}}") {
            return Err(unbalanced());
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Hole(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }
}

/// The application's variables, with their values.
#[derive(Debug)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    pub fn settle(
        manifest: &Manifest,
        given: &[(String, String)],
        providers: &[VariablesProvider],
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, VariableError> {
        if let Some((name, _)) = given.iter().find(|(name, _)| !manifest.variables.contains_key(name)) {
            return Err(VariableError::Unknown(name.clone()));
        }
        let mut values = BTreeMap::new();
        let mut missing = Vec::new();
        for (name, variable) in &manifest.variables {
            let value = given
                .iter()
                .rev()
                .find(|(given, _)| given == name)
                .map(|(_, value)| value.clone())
                .or_else(|| providers.iter().find_map(|provider| provider.value(name, &environment)))
                .or_else(|| environment(&environment_name(PREFIX, name)))
                .or_else(|| variable.default.clone());
            match value {
                Some(value) => drop(values.insert(name.clone(), value)),
                None => missing.push(name.clone()),
            }
        }
        if missing.is_empty() { Ok(Self(values)) } else { Err(VariableError::Missing(missing)) }
    }

    /// A text of the manifest with its holes filled.
    pub fn fill(&self, text: &str) -> Result<String, VariableError> {
        Template::parse(text)?
            .0
            .into_iter()
            .map(|part| match part {
                Part::Text(text) => Ok(text),
                Part::Hole(name) => self.0.get(&name).cloned().ok_or(VariableError::Undefined(name)),
            })
            .collect()
    }

    /// What the component itself can ask for: its own names, which alone it sees.
    pub fn of(&self, component: &Component) -> Result<BTreeMap<String, String>, VariableError> {
        component.variables.iter().map(|(name, text)| Ok((name.clone(), self.fill(text)?))).collect()
    }
}

pub fn environment_name(prefix: &str, name: &str) -> String {
    format!("{prefix}_{}", name.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"
        spin_manifest_version = 2
        [application]
        name = "a"
        [variables]
        host = { default = "default" }
        token = { required = true, secret = true }
        [[trigger.http]]
        route = "/..."
        component = "c"
        [component.c]
        source = "c.wasm"
        variables = { url = "https://{{ host }}/{{token}}" }
    "#;

    fn settle(
        given: &[(&str, &str)],
        provided: &[(&str, &str)],
        environment: &[(&str, &str)],
    ) -> Result<String, VariableError> {
        let manifest = Manifest::parse(MANIFEST).unwrap();
        let own =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Vec<_>>();
        let providers = [VariablesProvider::Static { values: own(provided).into_iter().collect() }];
        let environment: BTreeMap<String, String> = own(environment).into_iter().collect();
        let variables = Variables::settle(&manifest, &own(given), &providers, |name| environment.get(name).cloned())?;
        Ok(variables.of(&manifest.component["c"])?["url"].clone())
    }

    #[test]
    fn the_command_line_beats_the_provider_beats_the_environment_beats_the_default() {
        let token = ("SPIN_VARIABLE_TOKEN", "t");
        assert_eq!(settle(&[], &[], &[token]).unwrap(), "https://default/t");
        let environment = [token, ("SPIN_VARIABLE_HOST", "environment")];
        assert_eq!(settle(&[], &[], &environment).unwrap(), "https://environment/t");
        assert_eq!(settle(&[], &[("host", "provider")], &environment).unwrap(), "https://provider/t");
        assert_eq!(settle(&[("host", "line")], &[("host", "provider")], &environment).unwrap(), "https://line/t");
    }

    #[test]
    fn a_required_variable_without_a_value_is_named() {
        assert_eq!(settle(&[], &[], &[]), Err(VariableError::Missing(vec!["token".to_owned()])));
    }

    #[test]
    fn a_value_for_a_variable_that_does_not_exist_is_refused() {
        assert_eq!(settle(&[("tocken", "t")], &[], &[]), Err(VariableError::Unknown("tocken".to_owned())));
    }

    #[test]
    fn half_a_hole_is_an_error() {
        for text in ["{{ a", "a }}", "{{ a {{ b }} }}"] {
            assert_eq!(Template::parse(text).unwrap_err(), VariableError::Braces(text.to_owned()));
        }
    }
}
