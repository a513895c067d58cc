//! A tenant's plugin as files: the one in force, and the one before it.
//!
//! Owns their names and that a change is whole: a file is written beside and renamed, so that no reader sees half of it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use passerelle_flow::identity::TenantId;

/// In the tenant's folder.
pub const PLUGIN: &str = "plugin.wasm";
/// What a rollback brings back.
pub const PREVIOUS: &str = "plugin.previous.wasm";
const NEW: &str = ".plugin.new";

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

    /// Puts a plugin in force. The one before it is kept.
    pub fn install(&self, wasm: &[u8]) -> Result<(), FolderError> {
        let (plugin, previous, new) = (self.plugin(), self.previous(), self.folder.join(NEW));
        let write = |path: &Path, done: std::io::Result<()>| {
            done.map_err(|source| FolderError::Write { path: path.to_owned(), source })
        };
        write(&new, std::fs::write(&new, wasm))?;
        if plugin.is_file() {
            // A copy, so that there is a plugin in force at any moment.
            let copy = self.folder.join(".plugin.previous");
            write(&copy, std::fs::copy(&plugin, &copy).map(drop))?;
            write(&previous, std::fs::rename(&copy, &previous))?;
        }
        write(&plugin, std::fs::rename(&new, &plugin))
    }

    /// Exchanges the plugin in force and the one before it, so that going back can be taken back.
    pub fn roll_back(&self) -> Result<(), FolderError> {
        let previous = self.previous();
        if !previous.is_file() {
            return Err(FolderError::NoPrevious(previous));
        }
        let wasm = std::fs::read(&previous).map_err(|source| FolderError::Read { path: previous, source })?;
        self.install(&wasm)
    }

    /// Takes the plugin out of force. False: there was none.
    pub fn remove(&self) -> Result<bool, FolderError> {
        let plugin = self.plugin();
        if !plugin.is_file() {
            return Ok(false);
        }
        let previous = self.previous();
        std::fs::rename(&plugin, &previous).map_err(|source| FolderError::Write { path: previous, source })?;
        Ok(true)
    }
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
