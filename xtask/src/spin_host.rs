//! The project's own host for Spin applications: built where `SPIN_BIN` names no real Spin, and tested; its judgement of `spin.toml`.
//!
//! It is a workspace of its own (`tests/spin-host`): its wasmtime has features that the server's must not have.

use std::path::PathBuf;

use anyhow::Result;

use crate::step::{self, Outcome, Steps, cargo};
use crate::toolchain;

const MANIFEST: &str = "tests/spin-host/Cargo.toml";
/// That of the main workspace: what both are made of is compiled once.
const TARGET: &str = "target";

fn own(subcommand: &str, more: &[&str]) -> std::process::Command {
    let target = step::root().join(TARGET);
    let mut command = cargo(&[subcommand, "--manifest-path", MANIFEST, "--target-dir"]);
    command.arg(target).args(more);
    // A target folder that the caller has set for the other workspace is not this one's.
    command.env_remove("CARGO_TARGET_DIR");
    command
}

/// The program that runs Spin applications, `SPIN_BIN` or else our own, built.
pub fn program(steps: &mut Steps) -> Result<PathBuf> {
    if let Some(program) = std::env::var_os("SPIN_BIN") {
        // A test runs in its package's folder; the caller meant their own. A bare name is looked for on the path.
        let program = PathBuf::from(program);
        return Ok(if program.components().count() > 1 { std::path::absolute(program)? } else { program });
    }
    steps.must("a host for the edge (SPIN_BIN names no Spin)", own("build", &[]))?;
    Ok(step::root().join(TARGET).join("debug/spin-host"))
}

/// Could `spin.toml` be loaded? Every key is one of Spin's, every file there, every import of the components met and granted.
pub fn manifest(steps: &mut Steps) -> Result<()> {
    steps.run("the manifest of the Spin application", own("run", &["--quiet", "--", "check", "-f", "spin.toml"]))?;
    Ok(())
}

/// Its tests and lints, and a word on which Spin the others ran on.
pub fn test(steps: &mut Steps) -> Result<()> {
    toolchain::target(steps, toolchain::EDGE)?;
    steps.run("tests of the edge's own host", own("test", &["--no-fail-fast"]))?;
    if toolchain::has_cargo("clippy") {
        steps.run("lints of the edge's own host", own("clippy", &["--all-targets", "--", "--deny", "warnings"]))?;
    }
    if std::env::var_os("SPIN_BIN").is_none() {
        steps.inline("the tests on a real Spin", |_| {
            Ok(Outcome::Skipped("SPIN_BIN names none; they ran on the project's own host".to_owned()))
        });
    } else {
        steps.say(format_args!(
            "the tests of the edge ran on the Spin that SPIN_BIN names, not on the project's own host"
        ));
    }
    Ok(())
}
