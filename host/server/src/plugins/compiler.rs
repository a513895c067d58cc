//! From a component to machine code, in a process of its own with limits.
//!
//! Owns the child, its limits and the folder of what was compiled. Compiling a hostile component may take any time and any memory (wasmtime's policy calls
//! that no vulnerability), so it happens in a process that may be killed, once per build, and never for a request.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use passerelle_flow::plugin::Digest;
use passerelle_sandbox::account::AccountError;
use passerelle_sandbox::artefact::{self, Artefact};
use passerelle_sandbox::{Engine, LoadError, Plugin};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::{Fault, PluginError, durable, machine_code};

/// Of the child, by the clock. CPython compiled takes 15 s on two busy cores; this is ten times as long.
pub const PATIENCE: Duration = Duration::from_secs(150);
/// Seconds of processor time of the child, over all cores.
const PROCESSOR: u64 = 200;
/// Address space of the child: five times what CPython takes.
const ADDRESS_SPACE: u64 = 4 << 30;
/// Bytes of a file that the child writes: machine code is three to five times as long as what it is made of.
const FILE: u64 = 512 << 20;
/// Files that the child has open: its own three, the artefact, and what a runtime needs.
const FILES: u64 = 64;
/// The argument by which this program knows that it is the child.
pub const CHILD: [&str; 2] = ["plugin", "compile"];

#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    #[error("{0}")]
    Refused(String),
    #[error("compiling it took longer than {} seconds and was stopped", PATIENCE.as_secs())]
    TimedOut,
    #[error("compiling it took more memory or processor time than it may, and was stopped")]
    Killed,
    #[error("the process that compiles could not do it: {0}")]
    Failed(String),
    #[error("the process that compiles cannot be started: {0}")]
    Start(#[source] std::io::Error),
    #[error("{} cannot be used for machine code: {source}", path.display())]
    Folder { path: PathBuf, source: std::io::Error },
    #[error("compiling was interrupted")]
    Interrupted,
}

/// How this host compiles.
#[derive(Clone, Debug)]
pub struct Compiler {
    /// This program, or in a test the one that is built beside it.
    pub program: PathBuf,
    /// Where machine code is kept: this account's alone.
    pub folder: PathBuf,
}

impl Compiler {
    /// The machine code of a component, if it was made already.
    pub fn at_hand(&self, engine: &Engine, build: Digest) -> Result<Option<Artefact>, CompileError> {
        Artefact::find(engine, &self.folder, build).map_err(|source| self.in_folder(source))
    }

    /// The machine code of a component, made now if it is not there yet.
    pub async fn compiled(&self, engine: &Engine, wasm: Vec<u8>, build: Digest) -> Result<Artefact, CompileError> {
        if let Some(artefact) = self.at_hand(engine, build)? {
            return Ok(artefact);
        }
        own_folder(&self.folder).map_err(|source| self.in_folder(source))?;
        let unfinished = durable::unfinished(&self.folder.join(Artefact::stem(engine, &build)));
        // There from now on, so that others see that it is being made.
        own_file(&unfinished).map_err(|source| self.in_folder(source))?;
        let _forgotten = Forget(&unfinished);
        self.compile(&wasm, &unfinished).await?;
        let (engine, folder, whole) = (engine.clone(), self.folder.clone(), unfinished.clone());
        // A hundred megabytes to hash and to sync: not on a thread that requests wait for.
        let named = tokio::task::spawn_blocking(move || {
            let artefact = Artefact::of(&engine, &folder, build, artefact::hash(&whole)?);
            std::fs::File::open(&whole)?.sync_all()?;
            durable::rename(&whole, artefact.path()).map(|()| artefact)
        });
        named.await.map_err(|_| CompileError::Interrupted)?.map_err(|source| self.in_folder(source))
    }

    /// The plugin, if it was compiled already: in milliseconds. Machine code that is damaged, or that another account has left or may write, is deleted, and
    /// is none.
    pub async fn ready(&self, engine: &Engine, build: Digest) -> Result<Option<Plugin>, PluginError> {
        let Some(artefact) = self.at_hand(engine, build)? else { return Ok(None) };
        match loaded(engine, artefact).await {
            Err(PluginError::Load(LoadError::Damaged(path))) => {
                tracing::warn!(file = %path.display(), "machine code is not what was compiled: it is deleted, and made again");
                std::fs::remove_file(&path).map_err(|source| self.in_folder(source))?;
                Ok(None)
            }
            // Whose the folder is, is a person's to say; what lies in one that is ours is ours to make again, as after an installation by another account.
            Err(PluginError::Load(LoadError::Account(AccountError::Foreign(path) | AccountError::Open(path))))
                if path != self.folder =>
            {
                tracing::warn!(file = %path.display(), "machine code is another account's, or another may write it: it is deleted, and made again");
                std::fs::remove_file(&path).map_err(|source| self.in_folder(source))?;
                Ok(None)
            }
            plugin => plugin.map(Some),
        }
    }

    /// The plugin, compiled now if it was not yet. Why one may not run is left beside the machine code of the others.
    pub async fn plugin(&self, engine: &Engine, wasm: Vec<u8>, build: Digest) -> Result<Plugin, PluginError> {
        if let Some(plugin) = self.ready(engine, build).await? {
            return Ok(plugin);
        }
        let made = async { loaded(engine, self.compiled(engine, wasm, build).await?).await }.await;
        match &made {
            Ok(_) => machine_code::accept(engine, &self.folder, &build),
            // Also of one that a server will try again: until then this is why there is none.
            Err(error) if error.fault() != Fault::Machine => {
                machine_code::refuse(engine, &self.folder, &build, &error.to_string());
            }
            Err(_) => {}
        }
        made
    }

    fn in_folder(&self, source: std::io::Error) -> CompileError {
        CompileError::Folder { path: self.folder.clone(), source }
    }

    async fn compile(&self, wasm: &[u8], to: &Path) -> Result<(), CompileError> {
        let mut child = Command::new(&self.program)
            .args(CHILD)
            .arg(to)
            // Neither secrets nor settings: what is compiled might be made to read them.
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(CompileError::Start)?;
        let made = async {
            if let Some(mut stdin) = child.stdin.take() {
                // A child that has refused it already reads no further; its exit says why.
                let _ = stdin.write_all(wasm).await;
            }
            child.wait_with_output().await
        };
        let output = match tokio::time::timeout(PATIENCE, made).await {
            Ok(output) => output.map_err(CompileError::Start)?,
            Err(_) => return Err(CompileError::TimedOut),
        };
        match output.status.code() {
            Some(0) => Ok(()),
            Some(REFUSED) => Err(CompileError::Refused(sentence(&output.stderr))),
            Some(FAILED) => Err(CompileError::Failed(sentence(&output.stderr))),
            // By a signal, or in a panic that was out of memory.
            Some(_) | None => Err(CompileError::Killed),
        }
    }
}

/// What a child says.
fn sentence(stderr: &[u8]) -> String {
    String::from_utf8_lossy(stderr).trim().to_owned()
}

/// Reading, hashing and linking take milliseconds that the requests should not wait for.
async fn loaded(engine: &Engine, artefact: Artefact) -> Result<Plugin, PluginError> {
    let engine = engine.clone();
    let loaded = tokio::task::spawn_blocking(move || Plugin::load_compiled(&engine, &artefact)).await;
    Ok(loaded.map_err(|_| CompileError::Interrupted)??)
}

/// The child's exit when the component is none that may be loaded; what it writes to standard error then is the sentence that says why.
pub const REFUSED: i32 = 3;
/// And its exit when something else was in the way, a full disk or limits that cannot be set, which says nothing of the component.
pub const FAILED: i32 = 4;

/// The child: limits first, then the component from standard input, then its machine code into a file. The exit code.
pub fn child(to: &Path) -> i32 {
    let (code, sentence) = match machine_code_of_input() {
        Ok(Ok(code)) => match std::fs::write(to, code) {
            Ok(()) => return 0,
            Err(error) => (FAILED, format!("its machine code cannot be written: {error}")),
        },
        Ok(Err(refused)) => (REFUSED, refused.to_string()),
        Err(sentence) => (FAILED, sentence),
    };
    eprintln!("{sentence}");
    code
}

/// Within the limits. The outer error is none of the component's.
fn machine_code_of_input() -> Result<Result<Vec<u8>, LoadError>, String> {
    limit().map_err(|error| format!("its limits cannot be set: {error}"))?;
    let mut wasm = Vec::new();
    let read = std::io::Read::read_to_end(&mut std::io::stdin().lock(), &mut wasm);
    read.map_err(|error| format!("the component cannot be read: {error}"))?;
    Ok(artefact::compile(&wasm))
}

#[cfg(unix)]
fn limit() -> std::io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limits = [
        (Resource::Cpu, PROCESSOR),
        (Resource::As, ADDRESS_SPACE),
        (Resource::Fsize, FILE),
        (Resource::Nofile, FILES),
        (Resource::Core, 0),
    ];
    for (resource, most) in limits {
        // Whoever started the server may allow less already, and more than that cannot be asked for.
        let most = getrlimit(resource).maximum.map_or(most, |given| given.min(most));
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}

/// Elsewhere the parent's patience is the only limit.
#[cfg(not(unix))]
fn limit() -> std::io::Result<()> {
    Ok(())
}

/// Whatever the account's usual mode is: machine code that others may write is not loaded.
fn own_file(path: &Path) -> std::io::Result<()> {
    let mut made = std::fs::OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut made, 0o600);
    made.write(true).create_new(true).open(path).map(drop)
}

/// A file that did not get its name when this is dropped, be it because nobody waits for it any more.
struct Forget<'a>(&'a Path);

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        durable::forget(self.0);
    }
}

/// A folder that nobody else can write into, or read from. One that is there already stays as it is: whether it may be used is judged by who loads from it.
fn own_folder(folder: &Path) -> std::io::Result<()> {
    let mut made = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut made, 0o700);
    made.recursive(true).create(folder)
}
