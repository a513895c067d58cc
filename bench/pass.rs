//! `cargo xtask bench pass`: how many passes a second one core packages and signs.
//!
//! Three rates on one machine in one run, on the same pass: ours, from the payload that the connector has built to the finished `.pkpass`; the
//! signatures alone, which no package can do without and which are the limit; and passkit-generator, the most used of the peers. Ours and the
//! limit alternate in blocks, so that whatever else the machine does touches both; medians of the blocks decide. The peer comes after them and is
//! alone, in a process that has warmed up.

#![allow(clippy::print_stdout)] // a table is what it is run for

#[allow(dead_code)] // made for another bench as well
mod inputs;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine as _;
use bytes::Bytes;
use passerelle_contract::payload::ApplePass;
use passerelle_flow::apple::package::pkpass;
use passerelle_flow::identity::{PassId, TenantId};
use passerelle_flow::ports::Clock as _;
use passerelle_flow::tenant::{Template, Tenant};
use passerelle_server::config::{Settings, Tenants};
use passerelle_server::example;
use passerelle_server::host::ServerClock;
use passerelle_server::signer::KeySigner;
use passerelle_simulator::{Simulator, SimulatorConfig};
use serde_json::json;

use crate::inputs::Inputs;

/// Passes in all: enough for a leak of a few bytes per pass to show.
const PASSES: usize = 100_000;
/// Passes of a block, and signatures alone after it: a block takes half a second.
const BLOCK: usize = 1_000;
const SIGNATURES: usize = 200;
/// Different passes that are packaged in turn.
const TICKETS: u64 = 64;
/// The images of the measured pass: nine of 20 KB, an event ticket with icon, logo and strip in three sizes as venues send them. (Those of the
/// example are drawn with a few lines and compress to nothing.)
const IMAGE: usize = 20 * 1024;
/// Blocks before the memory is looked at for the first time: caches are full by then.
const SETTLED: usize = 5;
/// The aims of the project.
const OF_THE_LIMIT: f64 = 0.8;
const TIMES_THE_PEER: f64 = 80.0;
/// Bytes that the process may have grown by over all passes. A leak of one in a thousand packages would be 18 MB.
const GROWTH: i64 = 8 << 20;
/// Seconds for the peer.
const PEER_SECONDS: u64 = 8;

fn main() -> ExitCode {
    let run = || {
        let options = Options::read()?;
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(bench(options))
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
    /// Where `cargo xtask` has installed the peer.
    peer: PathBuf,
    passes: usize,
}

impl Options {
    fn read() -> Result<Self> {
        let peer = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peer");
        let mut options = Self { report: None, peer, passes: PASSES };
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            let mut value = || args.next().with_context(|| format!("{arg} needs a value"));
            match arg.as_str() {
                "--report" => options.report = Some(value()?.into()),
                "--peer" => options.peer = value()?.into(),
                "--passes" => options.passes = value()?.parse().context("--passes needs a number")?,
                // Cargo says so to every bench.
                "--bench" => {}
                other => bail!("`{other}` is not known; there are --report FILE, --peer FOLDER and --passes NUMBER"),
            }
        }
        Ok(options)
    }
}

/// The example tenant, with the keys of an authority that is made for this run.
struct House {
    _folder: tempfile::TempDir,
    tenant: Arc<Tenant>,
    template: Template,
    signer: KeySigner,
    /// `file:apple/pass.key`, in the clear, for who signs without us.
    tenant_folder: PathBuf,
}

impl House {
    async fn build() -> Result<Self> {
        let world = Simulator::start(SimulatorConfig::default()).await?;
        let folder = tempfile::tempdir()?;
        let config = example::write(folder.path(), &world, ([127, 0, 0, 1], 1).into())?;
        world.stop().await;
        let settings = Settings::read(&config).map_err(|problems| anyhow::anyhow!("{problems:?}"))?;
        let (tenants, reload) = Tenants::open(&settings);
        if !reload.is_clean() {
            bail!("the example tenant does not load: {:?}", reload.broken);
        }
        let id = TenantId::parse(example::TENANT).context("the example's name")?;
        let tenant = tenants.get(&id).context("the example tenant is not in force")?;
        let drawn = tenant.templates.get("event-ticket").context("the example has an event ticket")?;
        let images: BTreeMap<String, Bytes> =
            drawn.images.keys().zip(0_u32..).map(|(name, seed)| (name.clone(), noise(seed))).collect();
        let template = Template {
            name: drawn.name.clone(),
            kind: drawn.kind,
            compiled: drawn.compiled.clone(),
            digest: drawn.digest.clone(),
            images,
            apple_images: OnceLock::new(),
            locales: drawn.locales.clone(),
        };
        let tenant_folder = settings.tenants.join(example::TENANT);
        let signer = KeySigner::new(Arc::new(tenants));
        Ok(Self { _folder: folder, tenant, template, signer, tenant_folder })
    }

    async fn package(&self, now: i64, (id, pass): &(PassId, ApplePass)) -> Result<Bytes> {
        Ok(pkpass(&self.signer, now, &self.tenant, &self.template, id, pass).await?)
    }
}

/// The head of a PNG and bytes that do not compress (xorshift): nobody decodes them here.
fn noise(seed: u32) -> Bytes {
    let mut image = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut state = seed.wrapping_mul(2_654_435_769).max(1);
    while image.len() < IMAGE {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        image.extend(state.to_le_bytes());
    }
    image.into()
}

/// Passes as the connector builds them.
fn payloads() -> Result<Vec<(PassId, ApplePass)>> {
    let job = Inputs::for_tickets(TICKETS)?.job;
    let built = passerelle_connector::payload::rebuild(&job);
    let built = built.map_err(|fault| anyhow::anyhow!("the measured passes are not built: {fault:?}"))?;
    let one = |pass: Result<passerelle_connector::contract::payload::PassPayload, _>| {
        let Ok(pass) = pass else { bail!("a measured pass is not built") };
        let id = PassId::parse(&pass.pass).ok().context("the identifier of a measured pass")?;
        let apple = pass.apple.context("the template has an Apple part")?;
        Ok((id, serde_json::from_value(serde_json::to_value(apple)?)?))
    };
    built.passes.into_iter().map(one).collect()
}

struct Rates {
    passes: f64,
    rsa: f64,
    grown: i64,
    package: Bytes,
}

async fn bench(options: Options) -> Result<bool> {
    let house = House::build().await?;
    let payloads = payloads()?;
    let rates = measure(&house, &payloads, options.passes).await?;
    let peer = peer(&house, &rates.package, &options.peer)?;

    let (of_limit, times_peer) = (rates.passes / rates.rsa, rates.passes / peer);
    let flat = rates.grown <= GROWTH;
    let ok = of_limit >= OF_THE_LIMIT && times_peer >= TIMES_THE_PEER && flat;
    let verdict = |met: bool| if met { "met" } else { "MISSED" };
    println!("{} passes of {} KB, RSA-2048, one core\n", options.passes, rates.package.len().div_ceil(1024));
    println!("{:<46} {:>9.1} per second", "packaged and signed", rates.passes);
    println!("{:<46} {:>9.1} per second", "RSA-2048 signatures alone", rates.rsa);
    println!("{:<46} {:>9.1} per second", "passkit-generator, the same pass", peer);
    println!();
    println!("{:<46} {of_limit:>9.2}   aim ≥ {OF_THE_LIMIT:<5} {}", "of the limit", verdict(of_limit >= OF_THE_LIMIT));
    println!(
        "{:<46} {times_peer:>9.1}   aim ≥ {TIMES_THE_PEER:<5} {}",
        "times the peer",
        verdict(times_peer >= TIMES_THE_PEER)
    );
    println!("{:<46} {:>9}   aim ≤ {:<5} {}", "memory grown by, KB", rates.grown / 1024, GROWTH / 1024, verdict(flat));
    if let Some(file) = options.report {
        let rounded = |number: f64| (number * 1000.0).round() / 1000.0;
        let report = json!({
            "ok": ok, "passes": options.passes, "package_bytes": rates.package.len(),
            "passes_per_s": rounded(rates.passes), "rsa_per_s": rounded(rates.rsa), "peer_per_s": rounded(peer),
            "ratio_to_rsa": rounded(of_limit), "ratio_to_peer": rounded(times_peer), "memory_grown_bytes": rates.grown,
            "aims": {"ratio_to_rsa": OF_THE_LIMIT, "ratio_to_peer": TIMES_THE_PEER, "memory_grown_bytes": GROWTH},
        });
        std::fs::write(&file, format!("{report:#}\n")).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(ok)
}

async fn measure(house: &House, payloads: &[(PassId, ApplePass)], passes: usize) -> Result<Rates> {
    let clock = ServerClock::default();
    let key = pem(&std::fs::read_to_string(house.tenant_folder.join("apple/pass.key"))?)?;
    let key = KeyPair::from_pkcs8(&key).context("the key of the pass certificate is RSA")?;
    let random = SystemRandom::new();
    // As long as the attributes that are signed for a pass.
    let message = [7_u8; 109];
    let mut signature = vec![0; key.public_modulus_len()];

    let first = payloads.first().context("there are passes")?;
    let package = house.package(clock.now(), first).await?;
    let (mut ours, mut limit) = (Vec::new(), Vec::new());
    let mut settled = 0;
    let mut turns = payloads.iter().cycle();
    let blocks = passes.div_ceil(BLOCK).max(SETTLED + 1);
    for block in 0..blocks {
        let began = Instant::now();
        for payload in turns.by_ref().take(BLOCK) {
            // The time is asked for each, as for a phone.
            black_box(house.package(clock.now(), payload).await?);
        }
        ours.push(BLOCK as f64 / began.elapsed().as_secs_f64());
        let began = Instant::now();
        for _ in 0..SIGNATURES {
            key.sign(&RSA_PKCS1_SHA256, &random, black_box(&message), black_box(&mut signature))?;
        }
        limit.push(SIGNATURES as f64 / began.elapsed().as_secs_f64());
        if block + 1 == SETTLED {
            settled = resident()?;
        }
    }
    Ok(Rates { passes: median(ours), rsa: median(limit), grown: resident()? - settled, package })
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Bytes of this process in memory.
fn resident() -> Result<i64> {
    let status = std::fs::read_to_string("/proc/self/status").context("memory is read from /proc: on Linux only")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("/proc/self/status has VmRSS")?;
    let kib: i64 = line.trim().trim_end_matches("kB").trim().parse().context("VmRSS is a number of kB")?;
    Ok(kib * 1024)
}

/// The only block of a PEM file.
fn pem(text: &str) -> Result<Vec<u8>> {
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    base64::engine::general_purpose::STANDARD
        .decode(body)
        .map_err(|error| anyhow::anyhow!("the key is not PEM: {error}"))
}

/// Passes a second of passkit-generator, of the members of one of our packages.
fn peer(house: &House, package: &Bytes, peer: &Path) -> Result<f64> {
    let model = tempfile::tempdir()?;
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(package.clone()))?;
    for index in 0..archive.len() {
        let mut member = archive.by_index(index)?;
        let path = model.path().join(&*member.name()?);
        std::fs::create_dir_all(path.parent().context("a member has a folder")?)?;
        let mut content = Vec::new();
        member.read_to_end(&mut content)?;
        std::fs::write(path, content)?;
    }
    let output = Command::new("node")
        .arg("bench.mjs")
        .args([model.path(), &house.tenant_folder.join("apple")])
        .arg(PEER_SECONDS.to_string())
        .current_dir(peer)
        .output()
        .with_context(|| format!("node and {} are needed; `cargo xtask bench pass` installs both", peer.display()))?;
    if !output.status.success() {
        bail!("passkit-generator fails: {}", String::from_utf8_lossy(&output.stderr));
    }
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).context("the peer's report is JSON")?;
    report.get("passes_per_s").and_then(serde_json::Value::as_f64).context("the peer's report has its rate")
}
