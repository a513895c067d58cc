//! What a tenant's hook costs, in each language: the example plugin, in a fresh instance per call.
//!
//! Every hook is called as the flow calls it, in its second round where it asks first, so that what is measured is the hook that decides. The answers
//! are those of a case, and the result is compared with what the case expects: a measured failure would be fast.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use passerelle_flow::plugin::case::Case;
use passerelle_flow::plugin::hook::HookCall;
use passerelle_flow::plugin::setup::PluginLimits;
use passerelle_sandbox::{Engine, Plugin};
use serde_json::{Value, json};

use crate::Samples;

/// Where `cargo xtask plugins` puts them.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/plugin");
const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../plugin/examples/cases");
const LANGUAGES: [(&str, &str); 3] = [("Rust", "crm-rust"), ("JavaScript", "crm-js"), ("Python", "crm-python")];
/// One case for each hook.
const MEASURED: [&str; 5] = [
    "a-listed-product-gets-the-vip-template",
    "a-known-customer-gives-the-pass-a-tier",
    "the-crm-is-told-who-installed-a-pass",
    "the-crm-is-told-who-removed-a-pass",
    "every-change-of-an-order-is-told-in-its-own-request",
];
/// Calls of each, after a few that fill caches and the pool's warm slots.
const ROUNDS: usize = 200;
const WARM_UP: usize = 10;

/// One hook in one language.
pub struct HookRow {
    language: &'static str,
    hook: &'static str,
    samples: Samples,
    memory: usize,
}

pub struct PluginRow {
    language: &'static str,
    bytes: usize,
    load: Duration,
}

pub struct Measured {
    plugins: Vec<PluginRow>,
    hooks: Vec<HookRow>,
}

pub async fn measure(engine: &Engine) -> Result<Measured> {
    let mut measured = Measured { plugins: vec![], hooks: vec![] };
    let limits = PluginLimits::default();
    for (language, name) in LANGUAGES {
        let file = Path::new(FOLDER).join(name).with_extension("wasm");
        let wasm =
            std::fs::read(&file).with_context(|| format!("{} is not built: cargo xtask plugins", file.display()))?;
        let began = Instant::now();
        let plugin = Plugin::load(engine, &wasm).with_context(|| name.to_owned())?;
        measured.plugins.push(PluginRow { language, bytes: wasm.len(), load: began.elapsed() });
        for case in MEASURED {
            let call = last_round(&plugin, &limits, case).await?;
            let (mut times, mut most) = (Vec::with_capacity(ROUNDS), 0);
            for round in 0..WARM_UP + ROUNDS {
                let call = call.clone();
                let began = Instant::now();
                let (answer, memory) = plugin.measured(&limits, call).await;
                let took = began.elapsed();
                drop(black_box(answer?));
                most = most.max(memory);
                if round >= WARM_UP {
                    times.push(took);
                }
            }
            let hook = call.event.hook().name();
            measured.hooks.push(HookRow { language, hook, samples: Samples::new(times), memory: most });
        }
    }
    Ok(measured)
}

/// The call in which the hook decides: with all answers that it has asked for. The case is played first.
async fn last_round(plugin: &Plugin, limits: &PluginLimits, name: &str) -> Result<HookCall> {
    let file = Path::new(CASES).join(name).with_extension("json");
    let text = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let case = Case::parse(&text).with_context(|| name.to_owned())?;
    let last = std::cell::RefCell::new(case.call.clone());
    let setup = Default::default();
    let played = case
        .play(&setup, |call| {
            last.replace(call.clone());
            plugin.call(limits, call)
        })
        .await;
    let expected = case.expected.as_ref().with_context(|| format!("{name} expects nothing"))?;
    let differences = played.differences(case.call.event.hook(), expected);
    if !differences.is_empty() {
        bail!("{name}: {}", differences.join("; "));
    }
    Ok(last.into_inner())
}

impl Measured {
    #[allow(clippy::print_stdout)] // a table is what it is run for
    pub fn print(&self) {
        println!("\n{:<11} {:>9} {:>14}", "plugin", "KB", "compiled in ms");
        for row in &self.plugins {
            println!("{:<11} {:>9} {:>14}", row.language, row.bytes.div_ceil(1024), row.load.as_millis());
        }
        println!("\n{:<11} {:<20} {:>12} {:>9} {:>10}   {:>9}", "", "", "instantiate", "and call", "", "");
        println!(
            "{:<11} {:<20} {:>12} {:>9} {:>10}   {:>9}",
            "language", "hook", "median us", "p95 us", "of Rust's", "memory KB"
        );
        for row in &self.hooks {
            let rust = self.hooks.iter().find(|other| other.language == "Rust" && other.hook == row.hook);
            let ratio = rust.map_or(f64::NAN, |rust| row.samples.median() / rust.samples.median());
            println!(
                "{:<11} {:<20} {:>12.0} {:>9.0} {:>10.1}   {:>9}",
                row.language,
                row.hook,
                row.samples.median(),
                row.samples.percentile(95),
                ratio,
                row.memory.div_ceil(1024)
            );
        }
    }

    pub fn json(&self) -> Value {
        let plugins = self.plugins.iter().map(|row| {
            json!({ "language": row.language, "bytes": row.bytes, "load_ms": u64::try_from(row.load.as_millis()).unwrap_or(u64::MAX) })
        });
        let hooks = self.hooks.iter().map(|row| {
            json!({
                "language": row.language, "hook": row.hook, "median_us": row.samples.median().round(),
                "p95_us": row.samples.percentile(95).round(), "memory_bytes": row.memory,
            })
        });
        json!({ "plugins": plugins.collect::<Vec<_>>(), "hooks": hooks.collect::<Vec<_>>() })
    }
}
