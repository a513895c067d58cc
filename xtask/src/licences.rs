//! Licences, bans and sources of everything that is linked, held against `deny.toml`.
//!
//! Owns a small reading of that file: the same three questions that `cargo deny check licenses bans sources` asks, without a tool that takes
//! minutes to install. Does not own advisories: their database needs the network, and the public pipeline asks `cargo deny` itself.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::lock_files::{self, Lock, Locked};
use crate::step::{self, Outcome, Steps};
use crate::toolchain;

#[derive(Deserialize)]
struct Policy {
    licenses: Licences,
    bans: Bans,
    sources: Sources,
}

#[derive(Deserialize)]
struct Licences {
    allow: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Banned>,
}

#[derive(Deserialize)]
struct Banned {
    name: String,
    /// Packages that may depend on it all the same.
    #[serde(default)]
    wrappers: BTreeSet<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    allow_registry: Vec<String>,
}

pub fn steps(steps: &mut Steps) -> Result<()> {
    steps.inline("licences, bans and sources", |_| check());
    // Reads the licence texts as well, where somebody has it.
    if toolchain::has_cargo("deny") {
        steps.run("cargo deny", step::cargo(&["deny", "check", "licenses", "bans", "sources"]))?;
    }
    Ok(())
}

fn check() -> Result<Outcome> {
    let text = std::fs::read_to_string(step::root().join("deny.toml")).context("cannot read deny.toml")?;
    let policy: Policy = toml::from_str(&text).context("deny.toml")?;
    // The packages that are really built, on any platform; the lock file has those of features that nobody switches on as well.
    let tree = ["tree", "--workspace", "--locked", "--edges", "normal,build,dev", "--target", "all"];
    let lines = ["--prefix", "none", "--no-dedupe", "--format", "{p}|{l}"];
    let output = step::cargo(&tree).args(lines).output().context("cargo tree")?;
    anyhow::ensure!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    let listed = String::from_utf8(output.stdout).context("cargo tree")?;
    let packages: BTreeSet<&str> = listed.lines().filter(|line| !line.is_empty()).collect();
    let lock = lock_files::read(lock_files::MAIN)?;
    let mut problems: Vec<String> = packages.iter().flat_map(|package| built(&policy, &lock, package)).collect();
    problems.extend(lock.package.iter().filter_map(|package| foreign(&policy, package)));
    for problem in &problems {
        eprintln!("{problem}");
    }
    Ok(if problems.is_empty() { Outcome::Passed } else { Outcome::Failed })
}

/// A line of the tree: `name v1.2.3 (notes)|licence`.
fn built(policy: &Policy, lock: &Lock, line: &str) -> Vec<String> {
    let (package, licence) = line.split_once('|').unwrap_or((line, ""));
    // A package that is its own dependency, for its tests, is marked where the tree would begin again.
    let licence = licence.strip_suffix(" (*)").unwrap_or(licence);
    let mut problems = Vec::new();
    if !permits(&policy.licenses.allow, licence) {
        problems.push(format!("{package}: the licence {licence:?} is not allowed"));
    }
    let name = package.split(' ').next().unwrap_or_default();
    if policy.bans.deny.iter().any(|banned| banned.name == name && !is_wrapped(banned, lock)) {
        problems.push(format!("{package}: banned"));
    }
    problems
}

/// Nobody depends on it but those who may.
fn is_wrapped(banned: &Banned, lock: &Lock) -> bool {
    let depends = |package: &&Locked| {
        package.dependencies.iter().any(|dependency| dependency.split(' ').next() == Some(banned.name.as_str()))
    };
    lock.package.iter().filter(depends).all(|package| banned.wrappers.contains(&package.name))
}

fn foreign(policy: &Policy, package: &Locked) -> Option<String> {
    let source = package.source.as_deref()?;
    let registry = source.strip_prefix("registry+").or_else(|| source.strip_prefix("sparse+"));
    let known =
        registry.is_some_and(|registry| policy.sources.allow_registry.iter().any(|allowed| allowed == registry));
    (!known).then(|| format!("{}: comes from {source}", package.name))
}

/// Is an SPDX expression satisfied by the allowed licences? `OR` binds weaker than `AND`; the old `/` means `OR`.
fn permits(allowed: &BTreeSet<String>, expression: &str) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Expression { words: &words, at: 0, allowed };
    parser.any() && parser.at == words.len()
}

struct Expression<'a> {
    words: &'a [&'a str],
    at: usize,
    allowed: &'a BTreeSet<String>,
}

impl Expression<'_> {
    fn next_is(&mut self, word: &str) -> bool {
        let is = self.words.get(self.at) == Some(&word);
        self.at += usize::from(is);
        is
    }

    // Both sides are always read, so that the position stays right.
    fn any(&mut self) -> bool {
        let mut good = self.all();
        while self.next_is("OR") {
            good |= self.all();
        }
        good
    }

    fn all(&mut self) -> bool {
        let mut good = self.one();
        while self.next_is("AND") {
            good &= self.one();
        }
        good
    }

    fn one(&mut self) -> bool {
        if self.next_is("(") {
            return self.any() & self.next_is(")");
        }
        let Some(name) = self.words.get(self.at) else {
            // An operator without its right side: no position is the end any more, so the whole expression is refused.
            self.at = self.words.len() + 1;
            return false;
        };
        self.at += 1;
        let mut name = (*name).to_owned();
        if self.next_is("WITH") {
            let exception = self.words.get(self.at).copied().unwrap_or_default();
            self.at += 1;
            name = format!("{name} WITH {exception}");
        }
        self.allowed.contains(&name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_banned_package_passes_under_its_wrappers_and_nowhere_else() {
        let lock = |text: &str| toml::from_str::<Lock>(text).unwrap();
        let banned = Banned { name: "rsa".to_owned(), wrappers: ["edge".to_owned()].into() };
        let edge = "[[package]]\nname = \"edge\"\nversion = \"0.1.0\"\ndependencies = [\"rsa 0.10.0\"]\n\
                    [[package]]\nname = \"rsa\"\nversion = \"0.10.0\"\nsource = \"x\"\n";
        assert!(is_wrapped(&banned, &lock(edge)));
        let server = format!("{edge}[[package]]\nname = \"server\"\nversion = \"0.1.0\"\ndependencies = [\"rsa\"]\n");
        assert!(!is_wrapped(&banned, &lock(&server)));
        assert!(!is_wrapped(&Banned { name: "rsa".to_owned(), wrappers: BTreeSet::new() }, &lock(edge)));
    }

    #[test]
    fn an_expression_is_judged_by_its_operators() {
        let allowed = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned).into();
        for good in [
            "MIT",
            "MIT/Apache-2.0",
            "GPL-3.0 OR MIT",
            "(MIT OR GPL-3.0) AND Apache-2.0",
            "Apache-2.0 WITH LLVM-exception",
        ] {
            assert!(permits(&allowed, good), "{good}");
        }
        for bad in [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "(MIT OR GPL-3.0) AND GPL-3.0",
            "MIT OR",
            "(MIT",
            "GPL-3.0 WITH LLVM-exception",
        ] {
            assert!(!permits(&allowed, bad), "{bad}");
        }
    }
}
