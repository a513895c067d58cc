//! What the pipeline runs, and its quick part.
//!
//! Owns which checks there are and their order: quick ones first, so that a slip is seen before the long build.
//!
//! xtask is built apart from the other packages: its encoder asks for other features of crates that wasmtime is built on, and wasmtime would be
//! compiled a second time.

use anyhow::Result;

use crate::step::{Outcome, Steps, cargo};
use crate::{edge, embedded, fuzz, google_client, licences, lock_files, peer, plugins, spin_host, step, toolchain};

/// All packages but xtask, in every step, so that their dependencies have the same features in each.
const SELECTION: [&str; 3] = ["--workspace", "--exclude", "xtask"];

/// Everything but the tests.
pub fn check(steps: &mut Steps) -> Result<bool> {
    format(steps)?;
    licences::steps(steps)?;
    lock_files::steps(steps);
    embedded(steps)?;
    lints(steps)?;
    edge(steps)?;
    Ok(steps.summary())
}

/// Everything.
pub fn test(steps: &mut Steps, args: &[String]) -> Result<bool> {
    toolchain::program(steps, &toolchain::OPENSSL)?;
    toolchain::program(steps, &toolchain::PYTHON)?;
    toolchain::program(steps, &toolchain::CXX)?;
    peer::install(steps)?;
    format(steps)?;
    licences::steps(steps)?;
    lock_files::steps(steps);
    embedded(steps)?;
    plugins::build(steps)?;
    // The program with the tests, because some start it as a process of its own; and in one go, because chosen alone its dependencies have fewer
    // features, and half of them would be compiled again for the tests.
    steps.run("the server and the tests", step::with(&mut cargo(&["build", "--bins", "--tests"]), &SELECTION))?;
    // Others run the same application on Spin.
    edge::build(steps)?;
    let spin = spin_host::program(steps)?;
    spin_host::manifest(steps)?;
    let python = google_client::python(steps)?;
    let mut tests = step::with(&mut cargo(&["test", "--no-fail-fast"]), &SELECTION);
    if !args.is_empty() {
        tests.arg("--").args(args);
    }
    tests.env("SPIN_BIN", spin).env("GOOGLE_CLIENT_PYTHON", python);
    steps.run("tests", tests)?;
    spin_host::test(steps)?;
    steps.run("tests of xtask", cargo(&["test", "--package", "xtask"]))?;
    fuzz::run(steps, &fuzz::Feed { seconds: fuzz::IN_TEST, targets: &[] })?;
    lints(steps)?;
    edge(steps)?;
    Ok(steps.summary())
}

fn format(steps: &mut Steps) -> Result<()> {
    if toolchain::has_cargo("fmt") {
        steps.run("format", cargo(&["fmt", "--all", "--check"]))?;
        steps.run("format of the fuzz targets", cargo(&["fmt", "--manifest-path", fuzz::MANIFEST, "--check"]))?;
    } else {
        steps.inline("format", |_| Ok(Outcome::Skipped("rustfmt is not installed".to_owned())));
    }
    Ok(())
}

fn lints(steps: &mut Steps) -> Result<()> {
    if toolchain::has_cargo("clippy") {
        let deny = ["--all-targets", "--", "--deny", "warnings"];
        steps.run("lints", step::with(&mut step::with(&mut cargo(&["clippy"]), &SELECTION), &deny))?;
        steps.run("lints of xtask", step::with(&mut cargo(&["clippy", "--package", "xtask"]), &deny))?;
    } else {
        steps.inline("lints", |_| Ok(Outcome::Skipped("clippy is not installed".to_owned())));
    }
    Ok(())
}

/// The edge's own code exists for its target only, so its lints are asked for there.
fn edge(steps: &mut Steps) -> Result<()> {
    edge::build(steps)?;
    if toolchain::has_cargo("clippy") {
        // In the profile of its build, whose macros and build scripts are there.
        let clippy = ["clippy", "--package", "passerelle-spin", "--package", "passerelle-spin-plugin"];
        let clippy = [&clippy[..], &["--profile", "component", "--target", toolchain::EDGE]].concat();
        steps.run("lints of the edge", step::with(&mut cargo(&clippy), &["--", "--deny", "warnings"]))?;
    }
    Ok(())
}
