//! Compiled plugins on a disk: machine code that this host has made of a component, and will load again.
//!
//! Owns the name of such a file and the only loading of machine code in the project. Does not own when a component is compiled, nor in which process:
//! a server does it in a child with limits, since compiling a hostile component may take any time and memory (wasmtime promises nothing of it).

use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

use passerelle_flow::plugin::Digest;
use sha2::{Digest as _, Sha256};
use wasmtime::component::Component;

use super::config;
use super::load::{self, Imports, LoadError};
use super::runtime::Engine;

/// The build that a component is.
pub fn digest(wasm: &[u8]) -> Digest {
    Sha256::digest(wasm).into()
}

/// A file in a folder of the host's own, which holds the machine code of the component with a digest.
#[derive(Clone, Debug)]
pub struct Artefact {
    digest: Digest,
    path: PathBuf,
}

impl Artefact {
    /// Where the machine code of a component is, or would be: the name says of what it was made, by which compiler and with which settings.
    pub fn of(engine: &Engine, folder: &Path, digest: Digest) -> Self {
        let mut hasher = Fnv::default();
        engine.wasmtime().precompile_compatibility_hash().hash(&mut hasher);
        let name = format!("{}-{:016x}.cwasm", hex::encode(digest), hasher.finish());
        Self { digest, path: folder.join(name) }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn digest(&self) -> Digest {
        self.digest
    }

    pub fn is_there(&self) -> bool {
        self.path.is_file()
    }

    /// The one place where machine code is loaded.
    #[allow(unsafe_code)]
    pub(super) fn open(&self, engine: &Engine) -> Result<Component, LoadError> {
        // SAFETY: the file is what a child of this program has compiled from a component that was checked, under a name that only this host makes, in a
        // folder that only this host's account may write (0700, seen to when it is made). No byte of a tenant gets there: what a tenant brings and
        // is such a file is refused by `load::look`. Wasmtime checks that its own version and settings wrote it.
        unsafe { Component::deserialize_file(engine.wasmtime(), &self.path) }.map_err(LoadError::Refused)
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
