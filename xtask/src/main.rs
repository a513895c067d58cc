//! `cargo xtask …`: the commands of this repository, for a machine that has Rust and nothing else.
//!
//! Owns the order of the steps and what is installed for them. Does not own any product behaviour: it builds, runs and counts.
//! Every step is announced with the time since the start, so that a long build is seen to move.

#![allow(clippy::print_stdout)] // a command-line tool: standard output is its interface

mod component;
mod edge;
mod fuzz;
mod google_client;
mod installed;
mod licences;
mod lock_files;
mod module;
mod peer;
mod plugins;
mod rust_plugins;
mod spin_host;
mod step;
mod suite;
mod toolchain;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use crate::step::Steps;

/// The commands of this repository.
///
/// They need a Rust installation (rustup is best: it reads rust-toolchain.toml) and nothing else; what is missing beyond that is
/// installed, and said. Each begins by building the connector as a WebAssembly component, since the server embeds it.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 110)]
struct Command {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Show the main job: sell, change, refund and scan tickets against a simulated SecuTix, and watch the passes follow.
    ///
    /// Starts the server and the simulator on free ports of this machine, performs all use cases and prints a table. Arguments after
    /// `--` go to `passerelle demo`: `cargo xtask demo -- --report demo.json` writes the table as JSON, `-- --stay` leaves everything
    /// running and prints the addresses.
    Demo {
        /// What to play it on: `spin` is the Spin application, on the program that SPIN_BIN names or on the project's own host.
        #[arg(long, value_parser = ["server", "spin"], default_value = "server")]
        on: String,
        /// Show the example plugin in its three languages, too: each is built, installed in turn, and followed from a ticket's sale to what a
        /// simulated CRM hears of its pass.
        #[arg(long)]
        plugins: bool,
        #[command(flatten)]
        passed: Passed,
    },

    /// Run everything that the pipeline runs: format, lints, all tests, the build for the edge, licences.
    ///
    /// `.ci/run` calls this and nothing else. It goes on after a failed step, so that one run shows all that is wrong; the exit code
    /// and the last line say whether every step passed. Arguments after `--` go to `cargo test`.
    Test(Passed),

    /// Build the connector and the `passerelle` binary; or, with `--spin`, the connector and the edge.
    Build {
        /// With optimisation and link-time optimisation: what is shipped (target/release/passerelle). Takes some minutes.
        #[arg(long)]
        release: bool,
        /// The Spin application instead of the binary: target/component/connector.wasm and target/spin/edge.wasm, both as they are shipped.
        /// `spin build` calls this.
        #[arg(long, conflicts_with = "release")]
        spin: bool,
    },

    /// Measure.
    Bench {
        #[command(subcommand)]
        what: Bench,
    },

    /// Everything that means harm to the sandbox, each beside a neighbour that makes an ordinary call all the time.
    ///
    /// Plugins that compute for ever, take memory, trap, lie about their answers or want what they may not have; components that are dear to
    /// compile; servers that never end. In one process, on the server's own engine, compiler and egress; takes some minutes. Prints what stopped
    /// each, how long it lived, how long the neighbour waited meanwhile and what the process held. `--report FILE` writes the same as JSON with a
    /// top-level `ok`; the exit code says it, too.
    SandboxReport {
        /// Where to write the JSON report.
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
        /// Cases whose name contains this, and no others.
        #[arg(long, value_name = "WORDS")]
        only: Option<String>,
    },

    /// Feed what strangers send with made-up input, and see whether every rule holds: notifications, SecuTix's answers, what plugins ask for, addresses.
    ///
    /// libFuzzer on the stable compiler, in target/fuzz; the first build takes some minutes. Begins with the cases, the committed corpus and what earlier
    /// runs here have found. An input that breaks a rule fails the command, which says where it lies. `cargo xtask test` does the same for 20 seconds each.
    Fuzz {
        /// For each target.
        #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
        seconds: u32,
        /// Run this input once instead of searching, as one that an earlier run has written. Needs the one target that it is for.
        #[arg(long, value_name = "FILE")]
        repeat: Option<PathBuf>,
        /// All, when none is named.
        #[arg(value_name = "TARGET", value_parser = fuzz::NAMES)]
        targets: Vec<String>,
    },

    /// What takes seconds once things are built: format, lints, the build for the edge, licences. No test.
    Check,

    /// Build what the server embeds: the connector as a component (target/component/connector.wasm), checked (no import, below its size ceiling), and the
    /// plugin that does nothing.
    Component,

    /// Build the example plugins in Rust, JavaScript and Python (target/plugin/crm-*.wasm) and check them: no import.
    ///
    /// Their compilers are installed into target/plugin-tools (250 MB), in the versions that the examples pin; Node.js and Python where they are
    /// missing. Only what has changed is built again.
    Plugins,
}

#[derive(Subcommand)]
enum Bench {
    /// Each function of the connector, in a fresh sandbox and as native code, for one ticket and for a batch of 64.
    ///
    /// Prints the medians beside the aims. `--report FILE` writes the same as JSON with a top-level `ok`; the exit code says it, too.
    /// Other work on the machine shows in the figures: run it alone.
    Sandbox {
        /// Where to write the JSON report.
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
    },
    /// Passes packaged and signed per second and core, beside the RSA signatures alone (the limit) and beside passkit-generator.
    ///
    /// The same pass in one run of about two minutes; Node.js and the pinned peer are installed into target/ where they are missing.
    /// `--report FILE` writes JSON: `ok`, `passes_per_s`, `rsa_per_s`, `peer_per_s`, `ratio_to_rsa`, `ratio_to_peer`, and by how much the
    /// process grew over 100,000 passes.
    Pass {
        /// Where to write the JSON report.
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
    },
    /// Pages of a list of 1,000,000 passes through the HTTP surface, while a writer changes them: p50 and p99 beside the aim.
    ///
    /// Fills a store of about 2 GB first, which takes some minutes; it is deleted afterwards. `--report FILE` writes JSON with a top-level
    /// `ok`; the exit code says it, too.
    Passes {
        /// Where to write the JSON report.
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
    },
}

#[derive(Args)]
struct Passed {
    /// Passed on as they are.
    #[arg(last = true)]
    args: Vec<String>,
}

fn main() -> ExitCode {
    match run(&Command::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> Result<bool> {
    let mut steps = Steps::start();
    match &command.what {
        What::Component => {
            embedded(&mut steps)?;
            Ok(true)
        }
        What::Plugins => {
            rust_plugins::build(&mut steps)?;
            plugins::build(&mut steps)?;
            Ok(true)
        }
        What::Build { spin: true, .. } => {
            embedded(&mut steps)?;
            edge::build(&mut steps)?;
            Ok(true)
        }
        What::Build { release, spin: false } => {
            embedded(&mut steps)?;
            let mut args = vec!["build", "--package", "passerelle-server"];
            args.extend(release.then_some("--release"));
            steps.must("the passerelle binary", step::cargo(&args))?;
            Ok(true)
        }
        What::Demo { on, plugins, passed: Passed { args } } => {
            anyhow::ensure!(!plugins || on == "server", "plugins are shown on a server, and not on Spin");
            embedded(&mut steps)?;
            steps.must("the passerelle binary", step::cargo(&["build", "--package", "passerelle-server"]))?;
            let mut demo =
                step::cargo(&["run", "--quiet", "--package", "passerelle-server", "--bin", "passerelle", "--", "demo"]);
            if on == "spin" {
                edge::build(&mut steps)?;
                demo.env("SPIN_BIN", spin_host::program(&mut steps)?);
                demo.args(["--on", "spin", "--manifest"]).arg(step::root().join("spin.toml"));
            }
            if *plugins {
                plugins::build(&mut steps)?;
                demo.arg("--plugins").arg(step::root().join("target/plugin"));
            }
            demo.args(args);
            steps.hand_over("the demo", demo)
        }
        What::Bench { what } => {
            embedded(&mut steps)?;
            let (name, report) = match what {
                Bench::Sandbox { report } => {
                    plugins::build(&mut steps)?;
                    ("sandbox", report)
                }
                Bench::Passes { report } => ("passes", report),
                Bench::Pass { report } => {
                    peer::install(&mut steps)?;
                    ("pass", report)
                }
            };
            bench(&mut steps, name, report.as_deref(), &[])
        }
        What::SandboxReport { report, only } => {
            embedded(&mut steps)?;
            let only = only.as_ref().map(|words| ["--only", words]);
            bench(&mut steps, "hostile", report.as_deref(), only.as_ref().map_or(&[], |only| only.as_slice()))
        }
        What::Fuzz { repeat: Some(input), targets, .. } => match targets.as_slice() {
            [target] => fuzz::repeat(&mut steps, target, input),
            _ => anyhow::bail!("--repeat needs the one target that the input is for"),
        },
        What::Fuzz { seconds, repeat: None, targets } => {
            fuzz::run(&mut steps, &fuzz::Feed { seconds: *seconds, targets })?;
            Ok(steps.summary())
        }
        What::Check => suite::check(&mut steps),
        What::Test(Passed { args }) => suite::test(&mut steps, args),
    }
}

/// What the server embeds.
fn embedded(steps: &mut Steps) -> Result<()> {
    component::build(steps)?;
    rust_plugins::build(steps).map(drop)
}

/// Builds a bench, then runs it alone.
fn bench(steps: &mut Steps, name: &str, report: Option<&Path>, args: &[&str]) -> Result<bool> {
    // The dev profile, as everything else: `cargo bench` would compile wasmtime a second time for its own.
    let target = ["bench", "--profile", "dev", "--workspace", "--exclude", "xtask", "--bench", name];
    let mut build = step::cargo(&target);
    steps.must("the bench", step::with(&mut build, &["--no-run"]))?;
    let mut bench = step::cargo(&target);
    bench.args(["--quiet", "--"]);
    if let Some(report) = report {
        // Cargo runs a bench in its package's folder; the caller meant their own.
        bench.arg("--report").arg(std::path::absolute(report)?);
    }
    bench.args(args);
    steps.hand_over("measuring", bench)
}
