//! `cargo xtask bench sandbox`: what the sandbox costs.
//!
//! Each function of the connector, called natively and in a fresh instance, alternating in one run so that whatever else the machine does
//! touches both. A sandboxed sample is all that a caller waits for: a turn, a store, the instance, the arguments copied in, the function, the
//! answer copied out, the instance taken down. Medians decide; the 95th percentile is beside them. Then the hooks of the example plugin, in each of its
//! three languages.

#![allow(clippy::print_stdout)] // a table is what it is run for

mod inputs;
#[path = "sandbox/plugins.rs"]
mod plugins;

use std::hint::black_box;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use passerelle_flow::ports::Connector as _;
use passerelle_sandbox::{Capacity, Engine, Sandbox};
use passerelle_server::connector::CONNECTOR;
use passerelle_server::report_file;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::inputs::Inputs;

/// Tickets of a batch: what a wave rebuilds per call.
const BATCH: u64 = 64;
/// The aims of the project, in microseconds and as a ratio.
const ADDED_FOR_ONE: f64 = 15.0;
const CLASSIFY_AND_REBUILD_ONE: f64 = 60.0;
const RATIO_OF_A_BATCH: f64 = 1.5;
/// Samples of each side: enough for a steady median, few enough for half a minute in all.
const ROUNDS_OF_ONE: usize = 4000;
const ROUNDS_OF_A_BATCH: usize = 600;
/// The first calls fill caches and the pool's warm slots.
const WARM_UP: usize = 50;

fn main() -> ExitCode {
    let run = || {
        let options = Options::read()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let measured = runtime.block_on(bench(&options));
        report_file::or_failure(options.report.as_deref(), measured)
    };
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[derive(Default)]
struct Options {
    report: Option<PathBuf>,
    /// Another build of the connector than the one that the server embeds.
    connector: Option<PathBuf>,
}

impl Options {
    fn read() -> Result<Self> {
        let mut options = Self::default();
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            let mut file = || args.next().map(PathBuf::from).with_context(|| format!("{arg} needs a file"));
            match arg.as_str() {
                "--report" => options.report = Some(file()?),
                "--connector" => options.connector = Some(file()?),
                // Cargo says so to every bench.
                "--bench" => {}
                other => bail!("`{other}` is not known; there are --report FILE and --connector FILE"),
            }
        }
        Ok(options)
    }
}

/// One function with one number of tickets.
struct Row {
    function: &'static str,
    tickets: u64,
    native: Samples,
    sandboxed: Samples,
}

impl Row {
    fn added(&self) -> f64 {
        self.sandboxed.median() - self.native.median()
    }
    fn ratio(&self) -> f64 {
        self.sandboxed.median() / self.native.median()
    }
}

struct Aim {
    what: String,
    limit: f64,
    actual: f64,
}

impl Aim {
    fn met(&self) -> bool {
        self.actual <= self.limit
    }
}

/// Microseconds, sorted.
struct Samples(Vec<f64>);

impl Samples {
    fn new(mut durations: Vec<Duration>) -> Self {
        durations.sort_unstable();
        Self(durations.into_iter().map(|duration| duration.as_secs_f64() * 1e6).collect())
    }
    fn percentile(&self, percent: usize) -> f64 {
        self.0.get(self.0.len() * percent / 100).copied().unwrap_or(f64::NAN)
    }
    fn median(&self) -> f64 {
        self.percentile(50)
    }
}

/// Alternates between the two. Arguments are cloned before the clock starts: a caller has them and gives them away.
macro_rules! row {
    ($rows:ident, $name:literal, $tickets:expr, $native:expr, $sandboxed:expr) => {{
        let rounds = if $tickets == 1 { ROUNDS_OF_ONE } else { ROUNDS_OF_A_BATCH };
        let (mut native, mut sandboxed) = (Vec::with_capacity(rounds), Vec::with_capacity(rounds));
        for round in 0..WARM_UP + rounds {
            let began = Instant::now();
            drop(black_box($native));
            let natively = began.elapsed();
            let in_sandbox = $sandboxed;
            if round >= WARM_UP {
                native.push(natively);
                sandboxed.push(in_sandbox);
            }
        }
        let (native, sandboxed) = (Samples::new(native), Samples::new(sandboxed));
        $rows.push(Row { function: $name, tickets: $tickets, native, sandboxed });
    }};
}

async fn bench(options: &Options) -> Result<bool> {
    let connector = match &options.connector {
        Some(file) => std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?,
        None => CONNECTOR.to_vec(),
    };
    let began = Instant::now();
    let engine = Engine::new(Capacity::default())?;
    let sandbox = Sandbox::load(&engine, &connector)?;
    let load = began.elapsed();

    let mut rows = Vec::new();
    for tickets in [1, BATCH] {
        let native = Inputs::for_tickets(tickets)?;
        if tickets == 1 {
            let argument: passerelle_contract::webhook::Notification = twin(&native.notification)?;
            row!(rows, "validate", tickets, passerelle_connector::webhook::validate(&native.notification), {
                let argument = argument.clone();
                let began = Instant::now();
                drop(black_box(sandbox.validate(argument).await?));
                began.elapsed()
            });
        }
        let argument: passerelle_contract::scenario::Observation = twin(&native.observation)?;
        row!(rows, "classify", tickets, passerelle_connector::scenario::classify(&native.observation), {
            let argument = argument.clone();
            let began = Instant::now();
            drop(black_box(sandbox.classify(argument).await?));
            began.elapsed()
        });
        let argument: passerelle_contract::payload::Job = twin(&native.job)?;
        row!(rows, "rebuild", tickets, passerelle_connector::payload::rebuild(&native.job), {
            let argument = argument.clone();
            let began = Instant::now();
            drop(black_box(sandbox.rebuild(argument).await?));
            began.elapsed()
        });
        let (context, status, signals) = &native.reduce;
        let argument: (passerelle_contract::installation::Context, _, Vec<_>) = twin(&native.reduce)?;
        row!(rows, "reduce", tickets, passerelle_connector::installation::reduce(context, status, signals), {
            let (context, status, signals) = argument.clone();
            let began = Instant::now();
            drop(black_box(sandbox.reduce(context, status, signals).await?));
            began.elapsed()
        });
        built(&native)?;
    }

    let aims = aims(&rows);
    print(&rows, &aims, load);
    let hooks = plugins::measure(&engine).await?;
    hooks.print();
    let ok = aims.iter().all(Aim::met);
    if let Some(file) = &options.report {
        report_file::write(file, &json(&rows, &aims, load, connector.len(), ok, &hooks))?;
    }
    Ok(ok)
}

/// A measured failure would be fast.
fn built(inputs: &Inputs) -> Result<()> {
    match passerelle_connector::payload::rebuild(&inputs.job) {
        Ok(built) if built.passes.iter().all(Result::is_ok) => Ok(()),
        other => bail!("the measured job is not built: {other:?}"),
    }
}

/// The same value in the host's type.
fn twin<A: Serialize, B: DeserializeOwned>(value: &A) -> Result<B> {
    Ok(serde_json::from_value(serde_json::to_value(value)?)?)
}

fn aims(rows: &[Row]) -> Vec<Aim> {
    let of_one = rows.iter().filter(|row| row.tickets == 1);
    let mut aims: Vec<Aim> = of_one
        .clone()
        .map(|row| Aim {
            what: format!("{}, one ticket: us above native", row.function),
            limit: ADDED_FOR_ONE,
            actual: row.added(),
        })
        .collect();
    let both =
        of_one.filter(|row| matches!(row.function, "classify" | "rebuild")).map(|row| row.sandboxed.median()).sum();
    aims.push(Aim {
        what: "classify + rebuild, one ticket: us in all".to_owned(),
        limit: CLASSIFY_AND_REBUILD_ONE,
        actual: both,
    });
    let batches = rows.iter().filter(|row| row.tickets > 1);
    aims.extend(batches.map(|row| Aim {
        what: format!("{}, batch of {BATCH}: times native", row.function),
        limit: RATIO_OF_A_BATCH,
        actual: row.ratio(),
    }));
    aims
}

fn print(rows: &[Row], aims: &[Aim], load: Duration) {
    println!("connector.wasm: {} KB, compiled and loaded in {} ms", CONNECTOR.len().div_ceil(1024), load.as_millis());
    println!("\n{:<10} {:>7}   {:>19}   {:>19}   {:>8} {:>6}", "", "", "native us", "fresh instance us", "", "");
    println!(
        "{:<10} {:>7}   {:>9} {:>9}   {:>9} {:>9}   {:>8} {:>6}",
        "function", "tickets", "median", "p95", "median", "p95", "added", "ratio"
    );
    for row in rows {
        println!(
            "{:<10} {:>7}   {:>9.1} {:>9.1}   {:>9.1} {:>9.1}   {:>8.1} {:>6.2}",
            row.function,
            row.tickets,
            row.native.median(),
            row.native.percentile(95),
            row.sandboxed.median(),
            row.sandboxed.percentile(95),
            row.added(),
            row.ratio(),
        );
    }
    println!();
    for aim in aims {
        let verdict = if aim.met() { "met" } else { "MISSED" };
        println!("{:<46} {:>7.2}   aim {:>5}   {verdict}", aim.what, aim.actual, aim.limit);
    }
}

fn json(
    rows: &[Row],
    aims: &[Aim],
    load: Duration,
    bytes: usize,
    ok: bool,
    hooks: &plugins::Measured,
) -> serde_json::Value {
    let rounded = |number: f64| (number * 100.0).round() / 100.0;
    let rows = rows.iter().map(|row| {
        json!({
            "function": row.function, "tickets": row.tickets,
            "native_us": rounded(row.native.median()), "native_p95_us": rounded(row.native.percentile(95)),
            "sandboxed_us": rounded(row.sandboxed.median()), "sandboxed_p95_us": rounded(row.sandboxed.percentile(95)),
            "added_us": rounded(row.added()), "ratio": rounded(row.ratio()),
        })
    });
    let aims = aims
        .iter()
        .map(|aim| json!({"aim": aim.what, "limit": aim.limit, "actual": rounded(aim.actual), "ok": aim.met()}));
    json!({
        "ok": ok, "component_bytes": bytes, "load_ms": load.as_millis().min(u128::from(u64::MAX)) as u64,
        "functions": rows.collect::<Vec<_>>(), "aims": aims.collect::<Vec<_>>(),
        "tenant": hooks.json(),
    })
}
