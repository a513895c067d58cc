//! Reads what a reference names on a server: a file, a variable of the process's environment, or a given value of a Spin application's.
//!
//! Owns which kinds of secrets a server has, and a command that looks at a Spin application's folder. Does not own which files may be opened (`passerelle_folder`) nor the notation
//! (`passerelle_flow::tenant::secret`).

use std::path::PathBuf;

use passerelle_flow::tenant::secret::{SecretProblem, SecretReference, SecretSource};
use passerelle_folder::FileSecrets;
use zeroize::Zeroizing;

use super::variables::Variables;

/// Opens references on behalf of one folder.
#[derive(Clone, Debug)]
pub struct SecretReader {
    files: FileSecrets,
    variables: Variables,
}

impl SecretReader {
    /// `permitted`: absolute paths must lie below one of these.
    pub fn new(folder: impl Into<PathBuf>, permitted: &[PathBuf]) -> Self {
        Self { files: FileSecrets::new(folder, permitted), variables: Variables::default() }
    }

    /// With the values of a Spin application.
    pub fn with_variables(self, variables: Variables) -> Self {
        Self { variables, ..self }
    }

    /// What the reference names, its `#field` picked.
    pub fn read(&self, reference: &SecretReference) -> Result<Zeroizing<Vec<u8>>, SecretProblem> {
        let content = match &reference.source {
            SecretSource::Env(name) => {
                let value = std::env::var_os(name).ok_or(SecretProblem::NoVariable)?;
                Zeroizing::new(value.into_encoded_bytes())
            }
            SecretSource::File(path) => self.files.read(path)?,
            SecretSource::Variable(_) if self.variables.is_empty() => return Err(SecretProblem::Unsupported),
            SecretSource::Variable(name) => {
                let value = self.variables.get(name).ok_or(SecretProblem::NoSpinVariable)?;
                Zeroizing::new(value.as_bytes().to_vec())
            }
        };
        reference.pick(content)
    }

    /// Where the file of a reference is, links followed; for `check`, which looks at its permissions.
    pub fn locate(&self, reference: &SecretReference) -> Option<PathBuf> {
        match &reference.source {
            SecretSource::File(path) => self.files.locate(path),
            SecretSource::Env(_) | SecretSource::Variable(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_has_files_and_its_environment_and_no_spin_variables() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("key"), b"k").unwrap();
        std::fs::write(root.path().join("empty"), b"").unwrap();
        let reader = SecretReader::new(root.path(), &[]);
        let read =
            |reference: &str| reader.read(&SecretReference::parse(reference).unwrap()).map(|content| content.to_vec());
        assert_eq!(read("file:key").unwrap(), b"k");
        assert_eq!(read("file:empty"), Err(SecretProblem::Empty));
        assert_eq!(read("file:absent"), Err(SecretProblem::NoFile));
        assert_eq!(read("variable:x"), Err(SecretProblem::Unsupported));
        assert_eq!(read("env:PASSERELLE_NO_SUCH_VARIABLE"), Err(SecretProblem::NoVariable));
        assert!(read("env:PATH").is_ok());

        let file = root.path().join("variables.toml");
        std::fs::write(&file, "x = '{\"a\":\"one\"}'").unwrap();
        let reader = reader.with_variables(Variables::read(&file).unwrap());
        let read = |reference: &str| reader.read(&SecretReference::parse(reference).unwrap());
        assert_eq!(read("variable:x#a").unwrap().as_slice(), b"one");
        assert_eq!(read("variable:y"), Err(SecretProblem::NoSpinVariable));
    }
}
