//! The wasm files that a manifest names: read, looked at, judged against what is granted.

use std::path::{Path, PathBuf};

use crate::compose::{ComposeError, Plug, matches};
use crate::interfaces::{Interfaces, is_met};
use crate::manifest::{Component, Dependency, Either, Manifest};

#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("{path} cannot be read")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path} is not a component")]
    Component { path: PathBuf, source: anyhow::Error },
    /// Refused by the manifest's judge before it comes here.
    #[error("only paths can be read")]
    NotAPath,
}

/// One component's files.
#[derive(Debug)]
pub struct Source {
    pub bytes: Vec<u8>,
    pub interfaces: Interfaces,
    pub plugs: Vec<Plug>,
}

impl Source {
    pub fn read(root: &Path, manifest: &Manifest, component: &Component) -> Result<Self, SourceError> {
        let bytes = read(root, &component.source)?;
        let path = root.join(name(&component.source));
        let interfaces = Interfaces::of(&bytes).map_err(|source| SourceError::Component { path, source })?;
        let everything = component.dependencies_inherit_configuration == Some(true);
        let plugs = component.dependencies.iter().map(|(name, dependency)| {
            let Either::Table(dependency) = dependency else { return Err(SourceError::NotAPath) };
            Ok(Plug {
                name: name.clone(),
                bytes: read_dependency(root, manifest, dependency)?,
                export: dependency.export.clone(),
                inherits: everything || dependency.inherits(),
            })
        });
        let plugs = plugs.collect::<Result<_, _>>()?;
        Ok(Self { bytes, interfaces, plugs })
    }

    /// Imports that nothing meets: neither the host nor a dependency. With one of them a component does not run.
    pub fn unmet(&self) -> Result<Vec<String>, ComposeError> {
        let met = matches(&self.interfaces.imports, &self.plugs)?;
        let own = self.interfaces.imports.iter().filter(|import| !met.contains_key(import.as_str()) && !is_met(import));
        let mut unmet: Vec<String> = own.map(|import| format!("import `{import}` {NEITHER}")).collect();
        for plug in self.plugs.iter().filter(|plug| plug.inherits) {
            let imports = Interfaces::of(&plug.bytes).map(|interfaces| interfaces.imports).unwrap_or_default();
            let imports = imports.iter().filter(|import| !is_met(import));
            unmet.extend(imports.map(|import| format!("import `{import}` of dependency `{}` {NEITHER}", plug.name)));
        }
        Ok(unmet)
    }
}

const NEITHER: &str = "is met neither by this host nor by a dependency";

fn read_dependency(root: &Path, manifest: &Manifest, dependency: &Dependency) -> Result<Vec<u8>, SourceError> {
    if let Some(path) = &dependency.path {
        return read_file(root.join(path));
    }
    let other = dependency.component.as_ref().and_then(|id| manifest.component.get(id)).ok_or(SourceError::NotAPath)?;
    read(root, &other.source)
}

fn read<T>(root: &Path, source: &Either<T>) -> Result<Vec<u8>, SourceError> {
    match source {
        Either::Text(path) => read_file(root.join(path)),
        Either::Table(_) => Err(SourceError::NotAPath),
    }
}

fn read_file(path: PathBuf) -> Result<Vec<u8>, SourceError> {
    std::fs::read(&path).map_err(|source| SourceError::Read { path, source })
}

fn name<T>(source: &Either<T>) -> &str {
    match source {
        Either::Text(path) => path,
        Either::Table(_) => "",
    }
}
