//! Compiled plugins on a disk: machine code that this host has made of a component, and will load again.
//!
//! Owns the name of such a file and the only loading of machine code in the project. Does not own when a component is compiled, nor in which process:
//! a server does it in a child with limits, since compiling a hostile component may take any time and memory (wasmtime promises nothing of it).
//!
//! The name says all that must be right: of what it was made, by which compiler and with which settings, and what its bytes are. So a file that was cut
//! off or changed is found out before a byte of it runs, and there is no second file that could be missing or belong to another.

use std::hash::{Hash, Hasher};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use passerelle_flow::plugin::Digest;
use sha2::{Digest as _, Sha256};
use wasmtime::component::Component;

use super::account;
use super::config;
use super::load::{self, Imports, LoadError};
use super::runtime::Engine;

/// How the names of files with machine code end.
const ENDING: &str = ".cwasm";

/// SHA-256: the build that a component is, and what machine code is known by.
pub fn digest(wasm: &[u8]) -> Digest {
    Sha256::digest(wasm).into()
}

/// A file in a folder of the host's own, which holds the machine code of the component with a digest.
#[derive(Clone, Debug)]
pub struct Artefact {
    build: Digest,
    /// SHA-256 of the file.
    code: Digest,
    path: PathBuf,
}

impl Artefact {
    /// How the name begins of whatever is made of a component by this program: with its digest, then what the compiler and its settings are.
    pub fn stem(engine: &Engine, build: &Digest) -> String {
        let mut hasher = Fnv::default();
        engine.wasmtime().precompile_compatibility_hash().hash(&mut hasher);
        format!("{}-{:016x}", hex::encode(build), hasher.finish())
    }

    /// Where the machine code of a component belongs.
    pub fn of(engine: &Engine, folder: &Path, build: Digest, code: Digest) -> Self {
        let name = format!("{}-{}{ENDING}", Self::stem(engine, &build), hex::encode(code));
        Self { build, code, path: folder.join(name) }
    }

    /// The machine code of a component, if it was made already.
    pub fn find(engine: &Engine, folder: &Path, build: Digest) -> std::io::Result<Option<Self>> {
        let entries = match std::fs::read_dir(folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            entries => entries?,
        };
        let stem = Self::stem(engine, &build);
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let code = name.to_str().and_then(|name| name.strip_prefix(&stem)?.strip_prefix('-')?.strip_suffix(ENDING));
            if let Some(code) = code.and_then(|code| hex::decode(code).ok()?.try_into().ok()) {
                return Ok(Some(Self { build, code, path: entry.path() }));
            }
        }
        Ok(None)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn build(&self) -> Digest {
        self.build
    }

    /// The one place where machine code is loaded.
    #[allow(unsafe_code)]
    pub(super) fn open(&self, engine: &Engine) -> Result<Component, LoadError> {
        if let Some(folder) = self.path.parent() {
            account::own(folder)?;
        }
        account::own(&self.path)?;
        // Read, and not mapped: a file that is cut off while its code runs from a mapping ends the whole process (SIGBUS), and what was hashed is what runs.
        let code =
            std::fs::read(&self.path).map_err(|source| LoadError::Unreadable { path: self.path.clone(), source })?;
        if digest(&code) != self.code {
            return Err(LoadError::Damaged(self.path.clone()));
        }
        // SAFETY: these bytes are what a child of this program has compiled from a component that was checked: they are those whose hash this host has
        // put into its name, and file and folder are this account's and nobody else's to write, as was just seen. No byte of a tenant gets there: what a
        // tenant brings and is such a file is refused by `load::look`. Wasmtime checks that its own version and settings wrote it.
        unsafe { Component::deserialize(engine.wasmtime(), code) }.map_err(LoadError::Refused)
    }
}

/// SHA-256 of a file, which may be some hundred megabytes.
pub fn hash(path: &Path) -> std::io::Result<Digest> {
    let (mut file, mut hasher, mut part) = (std::fs::File::open(path)?, Sha256::new(), vec![0; 64 << 10]);
    loop {
        let read = file.read(&mut part)?;
        if read == 0 {
            return Ok(hasher.finalize().into());
        }
        hasher.update(part.get(..read).unwrap_or_default());
    }
}

/// Compiles a component that may be loaded here: to be called in a process that may be killed.
pub fn compile(wasm: &[u8]) -> Result<Vec<u8>, LoadError> {
    load::look(wasm)?;
    // No pool: it is the settings that are compiled for, not the memory that will be run in.
    let engine = wasmtime::Engine::new(&config::config()).map_err(LoadError::Refused)?;
    let component = Component::from_binary(&engine, wasm).map_err(LoadError::Refused)?;
    load::refuse_imports(&engine, &component, Imports::TypesOnly)?;
    component.serialize().map_err(LoadError::Refused)
}

/// FNV-1a: the same in every process, which the standard library does not promise of its own.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
