//! Licences and sources of everything that is built in, against the lists of `deny.toml`.
//!
//! The part of cargo-deny that must hold on every machine: installing cargo-deny means compiling some hundreds of crates, which is left to the
//! pipeline that also asks for advisories. Where it is installed, it runs as well.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::step::{self, Outcome, Steps};
use crate::toolchain;

pub fn steps(steps: &mut Steps) -> Result<()> {
    steps.inline("licences and sources: the lists of deny.toml", |steps| {
        let checked = check()?;
        steps.say(format_args!("{checked} packages, all of them allowed"));
        Ok(Outcome::Passed)
    });
    if toolchain::has_cargo("deny") {
        steps.run("cargo deny", step::cargo(&["deny", "check", "licenses", "bans", "sources"]))?;
    }
    Ok(())
}

fn check() -> Result<usize> {
    let deny: toml::Table = std::fs::read_to_string(step::root().join("deny.toml"))?.parse().context("deny.toml")?;
    let list = |table: &str, key: &str| {
        let list = deny.get(table).and_then(|table| table.get(key)).and_then(toml::Value::as_array);
        let texts = list.into_iter().flatten().filter_map(|entry| entry.as_str().or(entry.get("name")?.as_str()));
        texts.map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let (allowed, banned, registries) =
        (list("licenses", "allow"), list("bans", "deny"), list("sources", "allow-registry"));

    let metadata = step::cargo(&["metadata", "--format-version", "1", "--locked"]).output()?;
    if !metadata.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&metadata.stderr).trim());
    }
    let metadata: Value = serde_json::from_slice(&metadata.stdout)?;
    let packages = metadata.get("packages").and_then(Value::as_array).context("cargo metadata lists packages")?;

    let mut wrong = BTreeMap::new();
    for package in packages {
        let text = |key: &str| package.get(key).and_then(Value::as_str);
        let name = text("name").context("a package has a name")?;
        let licence = text("license").unwrap_or("none stated");
        if !permitted(licence, &allowed) {
            wrong.insert(name, format!("its licence is {licence}"));
        }
        if banned.contains(name) {
            wrong.insert(name, "it is banned".to_owned());
        }
        // Without a source it is one of ours.
        if let Some(source) = text("source")
            && !source.strip_prefix("registry+").is_some_and(|registry| registries.contains(registry))
        {
            wrong.insert(name, format!("it comes from {source}"));
        }
    }
    if !wrong.is_empty() {
        let lines: Vec<String> = wrong.into_iter().map(|(name, why)| format!("  {name}: {why}")).collect();
        bail!("deny.toml does not allow\n{}", lines.join("\n"));
    }
    Ok(packages.len())
}

/// An SPDX expression: OR asks for one side, AND for both; `/` is how OR was written once.
fn permitted(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    any_of(&mut rest, allowed) && rest.is_empty()
}

fn any_of(words: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut permitted = all_of(words, allowed);
    while take(words, "OR") {
        permitted |= all_of(words, allowed);
    }
    permitted
}

fn all_of(words: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut permitted = one(words, allowed);
    while take(words, "AND") {
        permitted &= one(words, allowed);
    }
    permitted
}

fn one(words: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    if take(words, "(") {
        return any_of(words, allowed) & take(words, ")");
    }
    let Some((licence, rest)) = words.split_first() else { return false };
    *words = rest;
    if !take(words, "WITH") {
        return allowed.contains(*licence);
    }
    let Some((exception, rest)) = words.split_first() else { return false };
    *words = rest;
    allowed.contains(&format!("{licence} WITH {exception}"))
}

fn take(words: &mut &[&str], expected: &str) -> bool {
    match words.split_first() {
        Some((word, rest)) if *word == expected => {
            *words = rest;
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_permitted_when_what_it_asks_for_is() {
        let allowed = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned).into();
        for expression in [
            "MIT",
            "GPL-3.0 OR MIT",
            "GPL-3.0/MIT",
            "MIT AND ISC",
            "ISC AND (GPL-3.0 OR MIT)",
            "Apache-2.0 WITH LLVM-exception OR GPL-3.0",
            "(MIT)",
        ] {
            assert!(permitted(expression, &allowed), "{expression}");
        }
        for expression in [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "ISC AND (GPL-3.0 OR Apache-2.0)",
            "Apache-2.0",
            "MIT OR",
            "(MIT",
            "MIT)",
            "MIT ISC",
            "none stated",
        ] {
            assert!(!permitted(expression, &allowed), "{expression}");
        }
    }
}
