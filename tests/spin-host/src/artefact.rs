//! Machine code: made once per component and engine, and kept.
//!
//! The cache is executable code, so it is believed only in a folder that this user owns and nobody else can write to; in any other folder
//! everything is compiled afresh and nothing is kept. Files appear under their final name only when they are whole.

use std::hash::{Hash as _, Hasher};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};
use wasmtime::component::Component;
use wasmtime::{Config, Engine};

pub struct Artefacts {
    engine: Engine,
    folder: Option<PathBuf>,
    /// What compiling has cost so far, for `--measure`.
    pub compiling: Duration,
}

impl Artefacts {
    pub fn new(folder: Option<&Path>) -> anyhow::Result<Self> {
        let mut config = Config::new();
        config.wasm_component_model_async(true);
        let engine = Engine::new(&config).map_err(engines)?;
        let folder = match folder {
            None => None,
            Some(folder) => match own(folder) {
                Ok(()) => Some(folder.to_owned()),
                Err(problem) => {
                    eprintln!("the cache {} is not used: {problem:#}", folder.display());
                    None
                }
            },
        };
        Ok(Self { engine, folder, compiling: Duration::ZERO })
    }

    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    pub fn load(&mut self, bytes: &[u8]) -> anyhow::Result<Component> {
        let Some(path) = self.folder.as_ref().map(|folder| folder.join(self.key(bytes))) else {
            return self.timed(|engine| Component::from_binary(engine, bytes).map_err(engines));
        };
        if path.is_file() {
            match deserialize(&self.engine, &path) {
                Ok(component) => return Ok(component),
                Err(problem) => eprintln!("{} is made again: {problem:#}", path.display()),
            }
        }
        let code = self.timed(|engine| engine.precompile_component(bytes).map_err(engines))?;
        keep(&path, &code).with_context(|| format!("{} cannot be written", path.display()))?;
        deserialize(&self.engine, &path)
    }

    fn timed<T>(&mut self, work: impl FnOnce(&Engine) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let began = Instant::now();
        let made = work(&self.engine);
        self.compiling += began.elapsed();
        made
    }

    /// The component's bytes, and all of wasmtime's version and settings on which the code depends.
    fn key(&self, bytes: &[u8]) -> String {
        struct Fed(Sha256);
        impl Hasher for Fed {
            fn write(&mut self, bytes: &[u8]) {
                self.0.update(bytes);
            }
            fn finish(&self) -> u64 {
                0
            }
        }
        let mut fed = Fed(Sha256::new_with_prefix(Sha256::digest(bytes)));
        self.engine.precompile_compatibility_hash().hash(&mut fed);
        let digest = fed.0.finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).chain([".cwasm".to_owned()]).collect()
    }
}

/// Makes the folder, or sees to it that an existing one is ours alone.
fn own(folder: &Path) -> anyhow::Result<()> {
    if let Some(parent) = folder.parent() {
        std::fs::create_dir_all(parent)?;
    }
    match std::fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error.into()),
        _ => {}
    }
    let found = std::fs::symlink_metadata(folder)?;
    // A file that this process makes belongs to whom this process runs as.
    let me = tempfile::tempfile()?.metadata()?.uid();
    anyhow::ensure!(found.is_dir(), "it is not a folder");
    anyhow::ensure!(found.uid() == me, "it belongs to somebody else");
    anyhow::ensure!(found.mode() & 0o022 == 0, "others can write to it");
    Ok(())
}

fn keep(path: &Path, code: &[u8]) -> anyhow::Result<()> {
    let folder = path.parent().context("a file without a folder")?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(code)?;
    // Whole on the disk before it has its name: after a power cut the name must not stand for half a file.
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// wasmtime's errors are anyhow's only with a feature that would make cranelift another crate than the main workspace's.
pub fn engines(error: wasmtime::Error) -> anyhow::Error {
    anyhow::Error::from_boxed(error.into_boxed_dyn_error())
}

#[allow(
    unsafe_code,
    reason = "wasmtime cannot check machine code; only files that `keep` wrote into a folder that `own` vouches for come here"
)]
fn deserialize(engine: &Engine, path: &Path) -> anyhow::Result<Component> {
    // SAFETY: the file is in a folder that only this user can write to, was written whole by `keep`, and its name is the hash of what it
    // was made from and of the engine's settings.
    unsafe { Component::deserialize_file(engine, path) }.map_err(engines)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    #[test]
    fn what_was_compiled_once_is_not_compiled_again() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("cache");
        let mut first = Artefacts::new(Some(&cache)).unwrap();
        first.load(EMPTY).unwrap();
        assert!(first.compiling > Duration::ZERO);
        let mut second = Artefacts::new(Some(&cache)).unwrap();
        second.load(EMPTY).unwrap();
        assert_eq!(second.compiling, Duration::ZERO);
    }

    #[test]
    fn a_file_that_is_not_what_it_should_be_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("cache");
        let mut artefacts = Artefacts::new(Some(&cache)).unwrap();
        std::fs::write(cache.join(artefacts.key(EMPTY)), b"half").unwrap();
        artefacts.load(EMPTY).unwrap();
        assert!(artefacts.compiling > Duration::ZERO);
    }

    #[test]
    fn a_folder_that_others_can_write_to_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        let mut artefacts = Artefacts::new(Some(folder.path())).unwrap();
        artefacts.load(EMPTY).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
