//! A tenant's plugin as files: the one in force, and the one before it.
//!
//! Owns their names and what each change does to them. That a change is whole is `durable`'s.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use passerelle_flow::identity::TenantId;

use super::durable::{self, Beside};

/// In the tenant's folder.
pub const PLUGIN: &str = "plugin.wasm";
/// What a rollback brings back.
pub const PREVIOUS: &str = "plugin.previous.wasm";

#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("{} cannot be read: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{} cannot be written: {source}", path.display())]
    Write { path: PathBuf, source: std::io::Error },
    #[error("{} has {size} bytes, more than the {most} that a plugin may have", path.display())]
    TooLarge { path: PathBuf, size: u64, most: usize },
    #[error("{} is no file", .0.display())]
    NoFile(PathBuf),
    #[error("there is no earlier plugin to go back to ({})", .0.display())]
    NoPrevious(PathBuf),
}

pub struct PluginFolder {
    folder: PathBuf,
}

impl PluginFolder {
    pub fn of(tenants: &Path, tenant: &TenantId) -> Self {
        Self { folder: tenants.join(tenant.as_str()) }
    }

    pub fn plugin(&self) -> PathBuf {
        self.folder.join(PLUGIN)
    }

    pub fn previous(&self) -> PathBuf {
        self.folder.join(PREVIOUS)
    }

    /// None: the tenant has no plugin. A larger file is not even read.
    pub fn read(&self, most: usize) -> Result<Option<Vec<u8>>, FolderError> {
        read(&self.plugin(), most)
    }

    /// Puts a plugin in force. The one before it is kept; the very same again changes nothing, so that the one before it stays the one before it.
    pub fn install(&self, wasm: &[u8]) -> Result<(), FolderError> {
        let (plugin, previous) = (self.plugin(), self.previous());
        if self.read(wasm.len()).is_ok_and(|current| current.is_some_and(|current| current == wasm)) {
            return Ok(());
        }
        // All that takes long, or may fail for want of room, comes before the first name changes: an interruption finds both builds as they were.
        let new = written(&plugin, Beside::written(&plugin, wasm))?;
        if plugin.is_file() {
            // A copy, so that there is a plugin in force at any moment.
            written(&previous, Beside::copied(&plugin, &previous).and_then(Beside::take_place))?;
        }
        written(&plugin, new.take_place())
    }

    /// Exchanges the plugin in force and the one before it, so that going back can be taken back. One that was removed comes back, and is none that is
    /// kept any more.
    pub fn roll_back(&self) -> Result<(), FolderError> {
        let (plugin, previous) = (self.plugin(), self.previous());
        if !previous.is_file() {
            return Err(FolderError::NoPrevious(previous));
        }
        if !plugin.is_file() {
            return written(&plugin, durable::rename(&previous, &plugin));
        }
        if written(&plugin, durable::exchange(&previous, &plugin))? {
            return Ok(());
        }
        let wasm = std::fs::read(&previous).map_err(|source| FolderError::Read { path: previous, source })?;
        self.install(&wasm)
    }

    /// Takes the plugin out of force: it becomes the one before. A server knows by that that it was meant, where a file that is merely gone may be about
    /// to be written anew. False: there was none.
    pub fn remove(&self) -> Result<bool, FolderError> {
        let plugin = self.plugin();
        if !plugin.is_file() {
            return Ok(false);
        }
        let previous = self.previous();
        written(&previous, durable::rename(&plugin, &previous)).map(|()| true)
    }
}

fn written<T>(path: &Path, done: std::io::Result<T>) -> Result<T, FolderError> {
    done.map_err(|source| FolderError::Write { path: path.to_owned(), source })
}

/// None: there is no such file.
pub fn read(path: &Path, most: usize) -> Result<Option<Vec<u8>>, FolderError> {
    let failed = |source| FolderError::Read { path: path.to_owned(), source };
    let about = match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        about => about.map_err(failed)?,
    };
    if !about.is_file() {
        return Err(FolderError::NoFile(path.to_owned()));
    }
    if about.len() > most as u64 {
        return Err(FolderError::TooLarge { path: path.to_owned(), size: about.len(), most });
    }
    std::fs::read(path).map(Some).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, PluginFolder) {
        let tenants = tempfile::tempdir().unwrap();
        let tenant = TenantId::parse("opera").unwrap();
        std::fs::create_dir(tenants.path().join("opera")).unwrap();
        let folder = PluginFolder::of(tenants.path(), &tenant);
        (tenants, folder)
    }

    fn builds(folder: &PluginFolder) -> [Vec<u8>; 2] {
        [folder.plugin(), folder.previous()].map(|file| std::fs::read(file).unwrap())
    }

    #[test]
    fn going_back_exchanges_the_two_and_can_be_taken_back() {
        let (_tenants, folder) = folder();
        folder.install(b"one").unwrap();
        folder.install(b"two").unwrap();
        assert_eq!(builds(&folder), [b"two", b"one"]);
        folder.roll_back().unwrap();
        assert_eq!(builds(&folder), [b"one", b"two"]);
        folder.roll_back().unwrap();
        assert_eq!(builds(&folder), [b"two", b"one"]);
        assert_eq!(std::fs::read_dir(&folder.folder).unwrap().count(), 2);
    }

    #[test]
    fn what_cannot_be_written_leaves_both_builds_as_they_were() {
        let (_tenants, folder) = folder();
        // Where the one before belongs there is a folder: it fails after the new one is written.
        folder.install(b"one").unwrap();
        std::fs::create_dir(folder.previous()).unwrap();
        assert!(matches!(folder.install(b"two"), Err(FolderError::Write { .. })));
        assert_eq!(std::fs::read(folder.plugin()).unwrap(), b"one");
        assert_eq!(std::fs::read_dir(&folder.folder).unwrap().count(), 2, "and nothing is left beside");
    }
}
