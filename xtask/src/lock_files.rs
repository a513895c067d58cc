//! The lock files: the main workspace's and those of the tests' host for Spin and of the fuzz targets, held against it, and those of npm.
//!
//! Owns the reading of a lock file, and two rules. What a workspace has of the main one's, it has in the same version: Spin's host builds into the same
//! folder, and cranelift is compiled once for both only as long as everything below it is the same; and what is fuzzed is what ships. And what npm installs has a checksum and no address: the
//! machine that wrote the file may have its packages from elsewhere than the one that reads it. Does not own where crates may come from (`licences`).

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::step::{self, Outcome, Steps};

/// The one that decides.
pub const MAIN: &str = "Cargo.lock";
/// Those that follow.
const OTHERS: [&str; 2] = ["tests/spin-host/Cargo.lock", "tests/fuzz/targets/Cargo.lock"];

/// Those of npm: of a peer in the tests, and of the compiler of plugins in JavaScript.
const NPM: [&str; 2] = ["tests/peer/package-lock.json", "plugin/examples/crm-js/package-lock.json"];

/// A lock file, as far as anything here asks.
#[derive(Deserialize)]
pub struct Lock {
    pub package: Vec<Locked>,
}

#[derive(Deserialize)]
pub struct Locked {
    pub name: String,
    version: String,
    /// None: a package of the workspace.
    pub source: Option<String>,
    /// `name`, or `name version`.
    #[serde(default)]
    pub dependencies: Vec<String>,
}

/// Reads one of the project's lock files.
pub fn read(file: &str) -> Result<Lock> {
    let text = std::fs::read_to_string(step::root().join(file)).with_context(|| format!("cannot read {file}"))?;
    toml::from_str(&text).with_context(|| file.to_owned())
}

pub fn steps(steps: &mut Steps) {
    steps.inline("the lock files", |steps| {
        let main = versions(read(MAIN)?);
        let mut outcome = Outcome::Passed;
        for file in OTHERS {
            for line in differing(&main, &versions(read(file)?), file) {
                steps.say(line);
                outcome = Outcome::Failed;
            }
        }
        Ok(outcome)
    });
    steps.inline("the lock files of npm", |steps| {
        let mut outcome = Outcome::Passed;
        for file in NPM {
            let text = std::fs::read_to_string(step::root().join(file)).with_context(|| file.to_owned())?;
            for problem in ill_pinned(&text) {
                steps.say(format_args!("{file}: {problem}"));
                outcome = Outcome::Failed;
            }
        }
        Ok(outcome)
    });
}

/// What is wrong with a lock file of npm. It is npm's own writing: a key stands on a line of its own.
fn ill_pinned(text: &str) -> Vec<String> {
    let count = |key: &str| text.lines().filter(|line| line.trim_start().starts_with(key)).count();
    let (packages, checksums) = (count("\"node_modules/"), count("\"integrity\": \"sha512-"));
    let addresses = count("\"resolved\"");
    let mut problems = Vec::new();
    if packages == 0 || packages != checksums {
        problems.push(format!("{packages} packages and {checksums} checksums"));
    }
    if addresses > 0 {
        problems.push(format!(
            "{addresses} addresses: npm install --package-lock-only --omit-lockfile-registry-resolved leaves them out"
        ));
    }
    problems
}

type Versions = BTreeMap<String, BTreeSet<String>>;

fn versions(lock: Lock) -> Versions {
    let mut versions = Versions::new();
    for Locked { name, version, .. } in lock.package {
        versions.entry(name).or_default().insert(version);
    }
    versions
}

/// What the second file has in another version than the first, where one of them would do for both, and the command that mends it.
fn differing(main: &Versions, own: &Versions, file: &str) -> Vec<String> {
    let manifest = file.replace(".lock", ".toml");
    let mut lines = Vec::new();
    for (name, versions) in own {
        let Some(mains) = main.get(name) else { continue };
        for version in versions.difference(mains) {
            if let Some(other) = mains.iter().find(|other| compatible(other) == compatible(version)) {
                lines.push(format!(
                    "{name}: {version} in {file}, {other} in the main workspace: cargo update --manifest-path {manifest} -p {name}@{version} --precise {other}"
                ));
            }
        }
    }
    lines
}

/// The part of a version that cargo keeps: the first number that is not zero, and what stands before it.
fn compatible(version: &str) -> &str {
    let first = version.find(|c| c != '0' && c != '.').unwrap_or(version.len());
    let end = version.get(first..).and_then(|rest| rest.find('.')).map_or(version.len(), |at| first + at);
    version.get(..end).unwrap_or(version)
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
            versions(toml::from_str(&text).unwrap())
        };
        let main = lock(&[("log", "0.4.35"), ("syn", "2.0.119"), ("syn", "3.0.9"), ("toml", "1.2.1+spec-1.1.0")]);
        let own = lock(&[("log", "0.3.1"), ("syn", "3.0.10"), ("toml", "1.2.1+spec-1.1.0"), ("glob", "0.3.4")]);
        let told = differing(&main, &own, "a/Cargo.lock");
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].starts_with("syn: 3.0.10 in a/Cargo.lock, 3.0.9")
                && told[0].ends_with("a/Cargo.toml -p syn@3.0.10 --precise 3.0.9")
        );
    }

    #[test]
    fn a_package_of_npm_has_a_checksum_and_no_address() {
        let package = |more: &str| {
            format!(
                "\"node_modules/tar\": {{\n  \"version\": \"7.5.23\",\n{more}  \"integrity\": \"sha512-aa==\"\n}}\n"
            )
        };
        assert_eq!(ill_pinned(&package("")), [""; 0]);
        assert_eq!(ill_pinned(&package("  \"resolved\": \"https://packages.example/tar.tgz\",\n")).len(), 1);
        assert_eq!(
            ill_pinned(&format!("{}\"node_modules/pathe\": {{}}\n", package(""))),
            ["2 packages and 1 checksums"]
        );
        assert_eq!(ill_pinned("").len(), 1, "an empty one pins nothing");
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
