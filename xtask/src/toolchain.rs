//! What must be on the machine: compiler targets, rustfmt and clippy, and the programs that a test calls.
//!
//! Installs what is missing where it may, and says so; otherwise one sentence says what to do.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::step::Steps;

/// The connector's target: its standard library imports nothing.
pub const COMPONENT: &str = "wasm32-unknown-unknown";
/// The edge's target: the flow must build for it.
pub const EDGE: &str = "wasm32-wasip2";

/// Makes sure that the compiler can build for `target`.
pub fn target(steps: &mut Steps, target: &str) -> Result<()> {
    if has_target(target) {
        return Ok(());
    }
    if !answers("rustup", &["--version"]) {
        bail!(
            "this Rust has no standard library for {target}, and there is no rustup to add it: install rustup from https://rustup.rs, \
             or your distribution's package with the library for that target"
        );
    }
    let mut add = Command::new("rustup");
    add.args(["target", "add", target]);
    steps.must(&format!("installing the compiler's target {target}"), add)
}

fn has_target(target: &str) -> bool {
    let answer =
        Command::new("rustc").args(["--print", "target-libdir", "--target", target]).stderr(Stdio::null()).output();
    answer.is_ok_and(|answer| {
        answer.status.success() && Path::new(String::from_utf8_lossy(&answer.stdout).trim()).is_dir()
    })
}

/// The target that this compiler builds for when nobody names one.
pub fn host() -> Result<String> {
    let answer = Command::new("rustc").arg("-vV").output().context("rustc")?;
    let text = String::from_utf8_lossy(&answer.stdout).into_owned();
    text.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned).context("`rustc -vV` names no host")
}

/// Whether `cargo <subcommand>` exists (rustfmt and clippy are components that a distribution may leave out).
pub fn has_cargo(subcommand: &str) -> bool {
    answers(&std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()), &[subcommand, "--version"])
}

/// A program that a test calls.
pub struct Program {
    pub name: &'static str,
    /// What it answers when it is there, and does nothing else for. There is no argument that all programs take.
    asked: &'static str,
    /// The package that brings it on Debian and Ubuntu.
    package: &'static str,
}

/// The signature tests ask OpenSSL, which has nothing in common with what made the signatures.
pub const OPENSSL: Program = Program { name: "openssl", asked: "version", package: "openssl" };
/// The zip of a pass is read by Python, which has nothing in common with what wrote it.
pub const PYTHON: Program = Program { name: "python3", asked: "--version", package: "python3" };

/// libFuzzer is C++, and is compiled with what the linker has anyway.
pub const CXX: Program = Program { name: "c++", asked: "--version", package: "g++" };

/// What the peers among pass makers, a push service that shares nothing with ours, and the compiler of plugins in JavaScript run on. 18 or newer.
pub const NODE: Program = Program { name: "node", asked: "--version", package: "nodejs" };
pub const NPM: Program = Program { name: "npm", asked: "--version", package: "npm" };
/// What `python3 -m venv` needs, which Debian keeps in a package of its own. Asked by importing it.
pub const PYTHON_VENV: Program =
    Program { name: "python3", asked: "-cimport ensurepip, venv", package: "python3-venv" };

/// Makes sure that a program is there.
pub fn program(steps: &mut Steps, program: &Program) -> Result<()> {
    let Program { name: program, asked, package } = program;
    if answers(program, &[asked]) {
        return Ok(());
    }
    if !answers("apt-get", &["--version"]) {
        bail!(
            "the tests need `{program}`, which is not installed: please install it with this system's package manager"
        );
    }
    // Root in a container has no sudo and needs none.
    let root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout.trim_ascii() == b"0");
    let apt = |args: &[&str]| {
        let mut command = Command::new(if root { "apt-get" } else { "sudo" });
        command.args((!root).then_some("apt-get")).args(args);
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    // A fresh machine has no package lists; a stale one still may install, so a failed update is no verdict.
    steps.try_to("reading the lists of packages", apt(&["update", "-qq"]));
    steps.must(
        &format!("installing the package {package}"),
        apt(&["install", "-y", "-qq", "--no-install-recommends", package]),
    )
}

fn answers(program: &str, args: &[&str]) -> bool {
    Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_on_the_path_is_found_and_another_is_not() {
        let path = std::env::var_os("PATH").unwrap_or_default();
        for program in [OPENSSL, PYTHON, CXX, NODE, NPM] {
            let there = std::env::split_paths(&path).any(|folder| folder.join(program.name).is_file());
            assert_eq!(answers(program.name, &[program.asked]), there, "{} {}", program.name, program.asked);
        }
        assert!(!answers("no-program-of-this-name", &["--version"]));
    }
}
