//! `cargo xtask sandbox-report`: everything that means harm, each beside a neighbour that makes an ordinary call all the time.
//!
//! One process, on the server's own engine, pool, compiler and egress. Each row is one way to do harm, done again and again for half a second, a
//! plugin's by three at a time; beside it another tenant's well-behaved plugin is called in a task of its own, as an event's is, and its slowest calls are told beside those that it has when it
//! is alone, measured just before. A row is `ok` when what should have stopped it did, in time, when every call of the neighbour was answered, and
//! when the process has given back what it took.
//!
//! Owns the rows' order and the verdict. Does not own the guests and the servers (`passerelle-guests`), which the tests use as well.

#![allow(clippy::print_stdout)] // a table is what it is run for

#[path = "hostile/compiled.rs"]
mod compiled;
#[path = "hostile/memory.rs"]
mod memory;
#[path = "hostile/neighbour.rs"]
mod neighbour;
#[path = "hostile/plugins.rs"]
mod plugins;
#[path = "hostile/row.rs"]
mod row;
#[path = "hostile/upstreams.rs"]
mod upstreams;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use passerelle_guests::good;
use passerelle_sandbox::{Capacity, Engine};
use passerelle_server::plugins::compiler::{self, Compiler};
use passerelle_server::report_file;
use serde_json::json;

use crate::compiled::Loader;
use crate::neighbour::Neighbour;
use crate::row::Table;

/// As many as the server has on a small machine.
const THREADS: u32 = 2;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    // The server's compiler starts its own program once more, and here that is this one.
    if let [first, second, to] = args.as_slice()
        && [first.as_str(), second.as_str()] == compiler::CHILD
    {
        return ExitCode::from(u8::try_from(compiler::child(to.as_ref())).unwrap_or(u8::MAX));
    }
    let run = || {
        let options = Options::read(args)?;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS as usize).enable_all().build()?;
        report_file::or_failure(options.report.as_deref(), runtime.block_on(report(&options)))
    };
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("sandbox-report: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[derive(Default)]
struct Options {
    report: Option<PathBuf>,
    /// Rows whose name contains this, and no others.
    only: Option<String>,
}

impl Options {
    fn read(args: Vec<String>) -> Result<Self> {
        let (mut options, mut args) = (Self::default(), args.into_iter());
        while let Some(arg) = args.next() {
            let mut value = || args.next().with_context(|| format!("{arg} needs a value"));
            match arg.as_str() {
                "--report" => options.report = Some(value()?.into()),
                "--only" => options.only = Some(value()?),
                // Cargo says so to every bench.
                "--bench" => {}
                other => bail!("`{other}` is not known; there are --report FILE and --only WORDS"),
            }
        }
        Ok(options)
    }
}

async fn report(options: &Options) -> Result<bool> {
    let folder = tempfile::tempdir()?;
    let engine = Engine::new(Capacity { calls: plugins::CALLS, ..Capacity::default() })?;
    let compiler = Compiler { program: std::env::current_exe()?, folder: folder.path().join("compiled") };
    let loader = Loader { engine, compiler };
    let neighbour = Neighbour::new(loader.load(good()).await.context("the neighbour")?).await?;
    let mut table = Table::new(neighbour, options.only.clone());
    plugins::rows(&mut table, &loader).await?;
    compiled::rows(&mut table, &loader).await?;
    upstreams::rows(&mut table).await?;
    let ok = table.ok();
    table.sum_up();
    if let Some(file) = &options.report {
        report_file::write(file, &json!({ "ok": ok, "cases": table.json() }))?;
    }
    Ok(ok)
}
