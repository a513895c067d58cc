//! The two lock files, held against each other: the main workspace's and that of the tests' host for Spin.
//!
//! Owns one rule: what both have, they have in the same version. Both build into one folder, and cranelift is compiled once for both only as long
//! as everything below it is the same.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::step::{self, Outcome, Steps};

/// The one that decides, and the one that follows.
const FILES: [&str; 2] = ["Cargo.lock", "tests/spin-host/Cargo.lock"];

#[derive(Deserialize)]
struct Lock {
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
}

pub fn steps(steps: &mut Steps) {
    steps.inline("the two lock files", |steps| {
        let [main, own] = FILES.map(read);
        let differing = differing(&main?, &own?);
        for line in &differing {
            steps.say(line);
        }
        Ok(if differing.is_empty() { Outcome::Passed } else { Outcome::Failed })
    });
}

type Versions = BTreeMap<String, BTreeSet<String>>;

fn read(file: &str) -> Result<Versions> {
    let text = std::fs::read_to_string(step::root().join(file)).with_context(|| format!("cannot read {file}"))?;
    parse(&text).context(file.to_owned())
}

fn parse(text: &str) -> Result<Versions> {
    let lock: Lock = toml::from_str(text)?;
    let mut versions = Versions::new();
    for Package { name, version } in lock.package {
        versions.entry(name).or_default().insert(version);
    }
    Ok(versions)
}

/// What the second file has in another version than the first, where one of them would do for both, and the command that mends it.
fn differing(main: &Versions, own: &Versions) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, versions) in own {
        let Some(mains) = main.get(name) else { continue };
        for version in versions.difference(mains) {
            if let Some(other) = mains.iter().find(|other| compatible(other) == compatible(version)) {
                lines.push(format!(
                    "{name}: {version} here, {other} in the main workspace: cargo update --manifest-path tests/spin-host/Cargo.toml -p {name}@{version} --precise {other}"
                ));
            }
        }
    }
    lines
}

/// The part of a version that cargo keeps: the first number that is not zero, and what stands before it.
fn compatible(version: &str) -> &str {
    let mut zero = true;
    let end = version.char_indices().find(|(_, c)| {
        if *c == '.' && !zero {
            return true;
        }
        zero &= matches!(c, '0' | '.');
        false
    });
    end.and_then(|(at, _)| version.get(..at)).unwrap_or(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_one_version_could_serve_is_told() {
        let lock = |packages: &[(&str, &str)]| {
            let text: String = packages
                .iter()
                .map(|(name, version)| format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n"))
                .collect();
            parse(&text).unwrap()
        };
        let main = lock(&[("log", "0.4.35"), ("syn", "2.0.119"), ("syn", "3.0.9"), ("toml", "1.2.1+spec-1.1.0")]);
        let own = lock(&[("log", "0.3.1"), ("syn", "3.0.10"), ("toml", "1.2.1+spec-1.1.0"), ("glob", "0.3.4")]);
        let told = differing(&main, &own);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("syn: 3.0.10 here, 3.0.9") && told[0].ends_with("-p syn@3.0.10 --precise 3.0.9"));
    }

    #[test]
    fn the_compatible_part_is_what_cargo_keeps() {
        for (version, part) in
            [("1.2.3", "1"), ("0.4.35", "0.4"), ("0.0.2", "0.0.2"), ("10.0.0", "10"), ("0.10.9", "0.10")]
        {
            assert_eq!(compatible(version), part);
        }
    }
}
