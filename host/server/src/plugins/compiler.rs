//! From a component to machine code, in a process of its own with limits.
//!
//! Owns the child, its limits and the folder of what was compiled. Compiling a hostile component may take any time and any memory (wasmtime's policy calls
//! that no vulnerability), so it happens in a process that may be killed, once per build, and never for a request.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use passerelle_flow::plugin::Digest;
use passerelle_sandbox::artefact::{self, Artefact};
use passerelle_sandbox::{Engine, LoadError};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// Of the child, by the clock. CPython compiled takes 15 s on two busy cores; this is ten times as long.
const PATIENCE: Duration = Duration::from_secs(150);
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
    #[error("the process that compiles cannot be started: {0}")]
    Start(#[source] std::io::Error),
    #[error("{} cannot be written: {source}", path.display())]
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
    /// The machine code of a component, made now if it is not there yet.
    pub async fn compiled(&self, engine: &Engine, wasm: Vec<u8>, digest: Digest) -> Result<Artefact, CompileError> {
        let artefact = Artefact::of(engine, &self.folder, digest);
        if artefact.is_there() {
            return Ok(artefact);
        }
        own_folder(&self.folder).map_err(|source| CompileError::Folder { path: self.folder.clone(), source })?;
        // Renamed when it is whole; a number of this process's own, as two may compile the same.
        let unfinished = artefact.path().with_extension(format!("{}.new", std::process::id()));
        let compiled = self.compile(&wasm, &unfinished).await;
        let renamed = compiled.and_then(|()| {
            std::fs::rename(&unfinished, artefact.path())
                .map_err(|source| CompileError::Folder { path: artefact.path().to_owned(), source })
        });
        if renamed.is_err() {
            let _ = std::fs::remove_file(&unfinished);
        }
        renamed.map(|()| artefact)
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
        if let Some(mut stdin) = child.stdin.take() {
            // A child that has refused it already reads no further; its exit says why.
            let _ = stdin.write_all(wasm).await;
        }
        let output = match tokio::time::timeout(PATIENCE, child.wait_with_output()).await {
            Ok(output) => output.map_err(CompileError::Start)?,
            Err(_) => return Err(CompileError::TimedOut),
        };
        match output.status.code() {
            Some(0) => Ok(()),
            Some(REFUSED) => Err(CompileError::Refused(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
            // By a signal, or in a panic that was out of memory.
            Some(_) | None => Err(CompileError::Killed),
        }
    }
}

/// The child's exit when the component is none that may be loaded; what it writes to standard error then is the sentence that says why.
pub const REFUSED: i32 = 3;

/// The child: limits first, then the component from standard input, then its machine code into a file. The exit code.
pub fn child(to: &Path) -> i32 {
    let compiled = limit().map_err(|error| format!("its limits cannot be set: {error}")).and_then(|()| {
        let mut wasm = Vec::new();
        std::io::Read::read_to_end(&mut std::io::stdin().lock(), &mut wasm).map_err(|error| error.to_string())?;
        artefact::compile(&wasm).map_err(|error: LoadError| error.to_string())
    });
    match compiled.and_then(|code| std::fs::write(to, code).map_err(|error| error.to_string())) {
        Ok(()) => 0,
        Err(sentence) => {
            eprintln!("{sentence}");
            REFUSED
        }
    }
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

/// A folder that nobody else can write into, or read from.
fn own_folder(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}
