//! Rows of what is brought as a plugin: files that are none, and components that are dear to compile. All of it in a child, with the limits that it
//! has on a server.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use passerelle_guests::{GOOD, good, long_to_compile, module};
use passerelle_sandbox::{Engine, Plugin, SIZE, artefact};
use passerelle_server::plugins::compiler::Compiler;

use crate::row::{Expected, Once, Table};

/// What a child takes to start, look at bytes and refuse them.
const REFUSAL: Duration = Duration::from_secs(1);

/// The way of a plugin onto a server: compiled by a child, then mapped.
pub struct Loader {
    pub engine: Engine,
    pub compiler: Compiler,
}

impl Loader {
    pub async fn load(&self, wasm: Vec<u8>) -> Result<Plugin> {
        let digest = artefact::digest(&wasm);
        let artefact = self.compiler.compiled(&self.engine, wasm, digest).await?;
        Ok(Plugin::load_compiled(&self.engine, &artefact)?)
    }

    /// Tries to load it; the sentence that says why it is not.
    pub async fn refusal(&self, wasm: Vec<u8>) -> Result<Once> {
        let began = Instant::now();
        let stopped_by = match self.load(wasm).await {
            Ok(_) => "nothing: it was loaded".to_owned(),
            Err(error) => error.to_string(),
        };
        Ok(Once { stopped_by, lived: began.elapsed() })
    }
}

pub async fn rows(table: &mut Table, loader: &Loader) -> Result<()> {
    let whole = good();
    for (case, tried, stopped_by, wasm) in [
        ("core-module", "Brings a core module.", "this is a core module", module(GOOD)),
        (
            "machine-code",
            "Brings machine code, as wasmtime writes it.",
            "this is machine code",
            artefact::compile(&whole)?,
        ),
        (
            "oversize",
            "Brings a component of 32 MB and some KB.",
            "more than the 33554432 that are allowed",
            [&whole[..], &vec![0; SIZE]].concat(),
        ),
        ("no-webassembly", "Brings a zip file.", "this is no WebAssembly", b"PK\x03\x04plugin".to_vec()),
        ("nothing", "Brings an empty file.", "this is no WebAssembly", vec![]),
    ] {
        let (case, tried, stopped_by) = (case.to_owned(), tried.to_owned(), stopped_by.to_owned());
        let expected = Expected { case, tried, stopped_by, within: REFUSAL, room: 0 };
        table.row(expected, async || loader.refusal(wasm.clone()).await).await?;
    }
    cut_short(table, loader, &whole).await?;
    long(table, loader).await
}

/// In this process, because that makes a hundred lengths a second and not ten: the child does the same, and this is where a panic would show.
async fn cut_short(table: &mut Table, loader: &Loader, whole: &[u8]) -> Result<()> {
    let expected = Expected {
        case: "cut-short".to_owned(),
        tried: "Brings a component that ends too early, cut at every length in turn.".to_owned(),
        stopped_by: "refused, or without its names as good as whole".to_owned(),
        within: REFUSAL,
        room: 0,
    };
    let mut length = 0;
    table
        .row(expected, async || {
            let began = Instant::now();
            length = (length + 1) % whole.len();
            let part = whole.get(..length).unwrap_or_default();
            if let Err(error) = Plugin::load(&loader.engine, part)
                && error.to_string().is_empty()
            {
                bail!("refused without a word at {length}");
            }
            Ok(Once { stopped_by: "refused, or without its names as good as whole".to_owned(), lived: began.elapsed() })
        })
        .await
}

async fn long(table: &mut Table, loader: &Loader) -> Result<()> {
    let wasm = long_to_compile();
    let expected = Expected {
        case: "long-to-compile".to_owned(),
        tried: format!(
            "Brings a component of {} MB that is compiled for as long as anybody lets it.",
            wasm.len() >> 20
        ),
        stopped_by: "was stopped".to_owned(),
        // What the child may have by the clock.
        within: Duration::from_secs(150),
        room: 0,
    };
    table.row(expected, async || loader.refusal(wasm.clone()).await).await
}
