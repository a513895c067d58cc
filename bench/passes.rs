//! `cargo xtask bench passes`: how long a page of a million passes takes, while others write.
//!
//! The passes are written through the store's own operations, so that the counters are what they are in a real one, and so that what a write costs is
//! seen on the way. Then pages are asked for through the HTTP surface, key and JSON included, while one writer changes passes as fast as it can. A
//! page is one request; p50 and p99 are over some hundred of each kind.

#![allow(clippy::print_stdout)] // a table is what it is run for

#[path = "passes/fill.rs"]
mod fill;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http::{Request, Response};
use passerelle_flow::flow::Flow;
use passerelle_flow::identity::TenantId;
use passerelle_flow::ports::Clock as _;
use passerelle_server::config::Settings;
use passerelle_server::host::ServerHost;
use passerelle_server::keys::{self, NewKey};
use passerelle_server::{example, server};
use passerelle_simulator::{Simulator, SimulatorConfig};
use serde_json::{Value, json};

use crate::fill::{BIGGEST, Fill, customer, email};

/// Passes of the measured tenant: a large house over some years.
const PASSES: usize = 1_000_000;
/// Of another tenant in the same store, for each hundred of the measured one's.
const OTHERS: usize = 5;
/// Requests of each kind: p99 is the fourth slowest.
const REQUESTS: usize = 400;
/// The aim of the project, for the slowest of a hundred.
const AIM: Duration = Duration::from_millis(20);

fn main() -> ExitCode {
    let run = || {
        let options = Options::read()?;
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(bench(options))
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

struct Options {
    report: Option<PathBuf>,
    /// A folder whose store is filled once and measured again.
    keep: Option<PathBuf>,
    passes: usize,
}

impl Options {
    fn read() -> Result<Self> {
        let mut options = Self { report: None, keep: None, passes: PASSES };
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            let mut value = || args.next().with_context(|| format!("{arg} needs a value"));
            match arg.as_str() {
                "--report" => options.report = Some(value()?.into()),
                "--keep" => options.keep = Some(value()?.into()),
                "--passes" => options.passes = value()?.parse().context("--passes needs a number")?,
                // Cargo says so to every bench.
                "--bench" => {}
                other => bail!("`{other}` is not known; there are --report FILE, --keep FOLDER and --passes NUMBER"),
            }
        }
        if options.passes < 10_000 {
            bail!("fewer than 10000 passes have no deep page");
        }
        Ok(options)
    }
}

/// What is asked for, again and again.
struct Kind {
    name: &'static str,
    /// The n-th request.
    query: Box<dyn Fn(usize) -> String>,
    /// Whether the next request is the link of the last answer.
    follows: bool,
    /// None: told, and no aim.
    aim: Option<Duration>,
}

fn filter(field: &str, operator: &str, value: &str) -> String {
    format!("filter[0].field={field}&filter[0].operator={operator}&filter[0].value={value}")
}

fn kinds(passes: usize) -> Vec<Kind> {
    let asked = |name, aim, query: Box<dyn Fn(usize) -> String>| Kind { name, query, follows: false, aim };
    let apple = format!("{}&sortBy[0].field=lastUpdateDate", filter("installationStatus", "contains", "apple"));
    let newest = format!("{apple}&sortBy[0].direction=DESC");
    let of_type = filter("passType", "equals", BIGGEST);
    let (middle, deep, newest_deep) = (passes / 40, passes / 100, newest.clone());
    let synced = apple.clone();
    vec![
        asked("first page", Some(AIM), Box::new(|_| String::new())),
        asked("page in the middle", Some(AIM), Box::new(move |n| format!("pageIndex={}", middle - n % 100))),
        asked("last pages", Some(AIM), Box::new(move |n| format!("pageIndex={}", 2 * middle - 1 - n % 100))),
        asked("contains apple, newest change first", Some(AIM), Box::new(move |_| newest.clone())),
        asked("the same, deep", Some(AIM), Box::new(move |n| format!("{newest_deep}&pageIndex={}", deep - n % 100))),
        asked("passType, deep", Some(AIM), Box::new(move |n| format!("{of_type}&pageIndex={}", deep - n % 100))),
        asked(
            "identifier equals",
            Some(AIM),
            Box::new(move |n| filter("identifiers.customerId", "equals", &customer(n * 997 % passes))),
        ),
        asked(
            "e-mail equals",
            Some(AIM),
            Box::new(move |n| filter("identifiers.email", "equals", &email(n * 997 % passes))),
        ),
        asked(
            "movement equals",
            Some(AIM),
            Box::new(|n| {
                filter("identifiers.secutix.movementId", "equals", &format!("{}", 10_000_000_000_u64 + n as u64))
            }),
        ),
        Kind {
            name: "by cursor, from the middle",
            query: Box::new(move |_| format!("pageIndex={middle}")),
            follows: true,
            aim: Some(AIM),
        },
        Kind {
            name: "by cursor, 200 changes of apple at a time",
            query: Box::new(move |_| format!("{synced}&pageSize=200")),
            follows: true,
            aim: Some(AIM),
        },
        asked(
            "sorted by id, page in the middle",
            None,
            Box::new(move |n| format!("sortBy[0].field=id&pageIndex={}", middle - n % 100)),
        ),
        asked(
            "sorted by apple, first page",
            None,
            Box::new(|_| "sortBy[0].field=apple&sortBy[0].direction=DESC".to_owned()),
        ),
        asked(
            "sorted by an identifier, first page",
            None,
            Box::new(|_| "sortBy[0].field=identifiers.customerId".to_owned()),
        ),
        asked(
            "identifier is empty",
            None,
            Box::new(move |_| "filter[0].field=identifiers.customerId&filter[0].operator=isEmpty".to_owned()),
        ),
        asked(
            "metadata equals, met by a third",
            None,
            Box::new(move |_| {
                "filter[0].field=metadata.tier&filter[0].operator=equals&filter[0].value=gold".to_owned()
            }),
        ),
    ]
}

struct Measured {
    name: &'static str,
    p50: f64,
    p99: f64,
    aim: Option<Duration>,
}

impl Measured {
    fn ok(&self) -> bool {
        self.aim.is_none_or(|aim| self.p99 <= aim.as_secs_f64() * 1000.0)
    }
}

async fn bench(options: Options) -> Result<bool> {
    let made;
    let folder = match &options.keep {
        Some(folder) => {
            std::fs::create_dir_all(folder)?;
            folder.as_path()
        }
        None => {
            made = tempfile::tempdir()?;
            made.path()
        }
    };
    let config = folder.join("passerelle.toml");
    let fresh = !config.exists();
    if fresh {
        let world = Simulator::start(SimulatorConfig::default()).await?;
        example::write(folder, &world, ([127, 0, 0, 1], 1).into())?;
        world.stop().await;
    }
    let settings = Settings::read(&config).map_err(|problems| anyhow::anyhow!("{problems:?}"))?;
    let (host, clock) = server::host(&settings, None, None, None)?;
    let id = TenantId::parse(example::TENANT).context("the example's name")?;
    let flow = Arc::new(Flow::new(host, settings.options));
    let scopes = ["Pass.Read".to_owned()];
    let new = NewKey {
        environment: settings.environment.clone(),
        tenant: id.clone(),
        scopes: &scopes,
        label: "bench",
        expires: None,
    };
    let key = keys::create(&flow.host.store, &flow.host.random, clock.now(), new).await?.to_string();
    let fill = Fill::new(&flow, id)?;
    let mut filled = None;
    if fresh {
        fill.other(options.passes * OTHERS / 100).await?;
        filled = Some(fill.tenant(options.passes).await?);
    }

    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let writer = {
        let (fill, stop, written) = (fill.clone(), stop.clone(), written.clone());
        let passes = options.passes;
        tokio::spawn(async move {
            let mut n = 0;
            while !stop.load(Ordering::Relaxed) {
                n = (n + 7_919) % passes;
                fill.change(n).await?;
                written.fetch_add(1, Ordering::Relaxed);
            }
            anyhow::Ok(())
        })
    };
    let asker = Asker { flow: &flow, key: &key };
    let began = Instant::now();
    let mut all = Vec::new();
    for kind in kinds(options.passes) {
        all.push(asker.measure(&kind).await?);
    }
    let writes = written.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    writer.await??;
    flow.host.store.close().await;
    tell(&options, &all, writes, filled)
}

struct Asker<'a> {
    flow: &'a Flow<ServerHost>,
    key: &'a str,
}

impl Asker<'_> {
    async fn ask(&self, address: &str) -> Result<Response<Bytes>> {
        // As a client writes it.
        let address = address.replace('[', "%5B").replace(']', "%5D");
        let request = Request::get(address).header("x-api-key", self.key).body(Bytes::new())?;
        let response = self.flow.handle(request).await;
        if !response.status().is_success() {
            bail!("{}", String::from_utf8_lossy(response.body()));
        }
        Ok(response)
    }

    async fn measure(&self, kind: &Kind) -> Result<Measured> {
        // What has no aim may take seconds.
        let requests = if kind.aim.is_some() { REQUESTS } else { REQUESTS / 20 };
        let mut times = Vec::with_capacity(requests);
        let mut link = None;
        for n in 0..requests {
            let first = format!("/api/{}/passes?{}", example::TENANT, (kind.query)(n));
            let address = link.take().filter(|_| kind.follows).unwrap_or(first);
            let began = Instant::now();
            let response = self.ask(&address).await?;
            times.push(began.elapsed().as_secs_f64() * 1000.0);
            link = next(&response);
            if n == 0 {
                let items: Vec<Value> = serde_json::from_slice(response.body())?;
                if items.is_empty() {
                    bail!("{}: the page is empty, so nothing is measured", kind.name);
                }
            }
        }
        times.sort_by(f64::total_cmp);
        let at =
            |share: f64| times.get(((times.len() - 1) as f64 * share).round() as usize).copied().unwrap_or(f64::NAN);
        let measured = Measured { name: kind.name, p50: at(0.5), p99: at(0.99), aim: kind.aim };
        println!("{:<44} {:>9.2} {:>9.2}", measured.name, measured.p50, measured.p99);
        Ok(measured)
    }
}

/// Where the page's `Link` leads.
fn next(response: &Response<Bytes>) -> Option<String> {
    let link = response.headers().get("link")?.to_str().ok()?;
    Some(link.strip_prefix('<')?.split_once('>')?.0.to_owned())
}

fn tell(options: &Options, all: &[Measured], writes: f64, filled: Option<fill::Filled>) -> Result<bool> {
    let ok = all.iter().all(Measured::ok);
    println!("\n{} passes; one writer beside, {writes:.0} changes a second", options.passes);
    if let Some(filled) = &filled {
        println!("a pass written in {:.0} µs, an installation in {:.0} µs", filled.pass_us, filled.installation_us);
    }
    println!("\n{:<44} {:>9} {:>9} {:>9}", "", "p50 ms", "p99 ms", "of aim");
    for one in all {
        let aim = match one.aim {
            None => String::new(),
            Some(aim) => {
                let share = one.p99 / (aim.as_secs_f64() * 1000.0);
                format!("{share:>9.2}   aim ≤ {} ms {}", aim.as_millis(), if one.ok() { "met" } else { "MISSED" })
            }
        };
        println!("{:<44} {:>9.2} {:>9.2} {aim}", one.name, one.p50, one.p99);
    }
    if let Some(file) = &options.report {
        let rounded = |number: f64| (number * 1000.0).round() / 1000.0;
        let pages: Vec<Value> = all
            .iter()
            .map(|one| {
                json!({
                    "name": one.name, "ok": one.ok(), "p50_ms": rounded(one.p50), "p99_ms": rounded(one.p99),
                    "aim_ms": one.aim.map(|aim| aim.as_millis() as u64),
                    "ratio_to_aim": one.aim.map(|aim| rounded(one.p99 / (aim.as_secs_f64() * 1000.0))),
                })
            })
            .collect();
        let report = json!({
            "ok": ok, "passes": options.passes, "writes_per_s": rounded(writes), "pages": pages,
            "pass_written_us": filled.as_ref().map(|filled| rounded(filled.pass_us)),
            "installation_written_us": filled.as_ref().map(|filled| rounded(filled.installation_us)),
            "aims": {"p99_ms": AIM.as_millis() as u64},
        });
        std::fs::write(file, format!("{report:#}\n")).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(ok)
}
