//! Reads what a reference names: `file:` below a folder, `env:`.
//!
//! Owns the rule of which files may be opened. A tenant's references reach its own folder and the folders that the operator listed, links
//! followed and judged by where they end. Does not own the notation (`passerelle_flow::tenant::secret`) nor what the bytes mean.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use passerelle_flow::tenant::secret::{SecretProblem, SecretReference, SecretSource};
use zeroize::Zeroizing;

/// A chain of certificates is some 10 KB, a service account's file 2 KB.
const SECRET_LIMIT: u64 = 256 * 1024;

/// Opens references on behalf of one folder.
#[derive(Clone, Debug)]
pub struct SecretReader {
    folder: PathBuf,
    /// Absolute paths must lie below one of these.
    permitted: Vec<PathBuf>,
}

impl SecretReader {
    pub fn new(folder: impl Into<PathBuf>, permitted: &[PathBuf]) -> Self {
        Self { folder: folder.into(), permitted: permitted.to_vec() }
    }

    /// What the reference names, its `#field` picked.
    pub fn read(&self, reference: &SecretReference) -> Result<Zeroizing<Vec<u8>>, SecretProblem> {
        let content = match &reference.source {
            SecretSource::Env(name) => {
                let value = std::env::var_os(name).ok_or(SecretProblem::NoVariable)?;
                Zeroizing::new(value.into_encoded_bytes())
            }
            SecretSource::File(path) => self.file(path)?,
            SecretSource::Variable(_) => return Err(SecretProblem::Unsupported),
        };
        reference.pick(content)
    }

    /// Where the file of a reference is, links followed; for `check`, which looks at its permissions.
    pub fn locate(&self, reference: &SecretReference) -> Option<PathBuf> {
        match &reference.source {
            SecretSource::File(path) => self.resolve(path).ok(),
            SecretSource::Env(_) | SecretSource::Variable(_) => None,
        }
    }

    fn resolve(&self, path: &str) -> Result<PathBuf, SecretProblem> {
        let path = Path::new(path);
        let real = self.folder.join(path).canonicalize().map_err(problem)?;
        let below = |root: &Path| root.canonicalize().is_ok_and(|root| real.starts_with(root));
        // A relative path may end, through a link, in a permitted folder as well: that is how mounted secrets are linked into a folder.
        let allowed = self.permitted.iter().any(|root| below(root)) || (path.is_relative() && below(&self.folder));
        if allowed { Ok(real) } else { Err(SecretProblem::Outside) }
    }

    fn file(&self, path: &str) -> Result<Zeroizing<Vec<u8>>, SecretProblem> {
        let path = self.resolve(path)?;
        // Before it is opened: opening a pipe waits for whoever writes into it.
        let meta = std::fs::metadata(&path).map_err(problem)?;
        if !meta.is_file() {
            return Err(SecretProblem::Denied);
        }
        let file = File::open(path).map_err(problem)?;
        // The whole room at once: a buffer that grows leaves copies of its content behind.
        let mut content =
            Zeroizing::new(Vec::with_capacity(usize::try_from(meta.len().min(SECRET_LIMIT)).unwrap_or(0) + 1));
        file.take(SECRET_LIMIT + 1).read_to_end(&mut content).map_err(problem)?;
        let too_large = u64::try_from(content.len()).is_ok_and(|length| length > SECRET_LIMIT);
        if too_large { Err(SecretProblem::TooLarge) } else { Ok(content) }
    }
}

fn problem(error: std::io::Error) -> SecretProblem {
    match error.kind() {
        std::io::ErrorKind::NotFound => SecretProblem::NoFile,
        _ => SecretProblem::Denied,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(reader: &SecretReader, reference: &str) -> Result<Vec<u8>, SecretProblem> {
        reader.read(&SecretReference::parse(reference).unwrap()).map(|content| content.to_vec())
    }

    #[test]
    fn a_tenant_reads_its_own_folder_and_the_permitted_ones() {
        let root = tempfile::tempdir().unwrap();
        let (own, mounted, other) = (root.path().join("demo"), root.path().join("secrets"), root.path().join("other"));
        for folder in [&own, &mounted, &other] {
            std::fs::create_dir_all(folder.join("apple")).unwrap();
            std::fs::write(folder.join("apple/key"), folder.file_name().unwrap().as_encoded_bytes()).unwrap();
        }
        let reader = SecretReader::new(&own, std::slice::from_ref(&mounted));
        assert_eq!(read(&reader, "file:apple/key").unwrap(), b"demo");
        assert_eq!(read(&reader, &format!("file:{}", mounted.join("apple/key").display())).unwrap(), b"secrets");
        assert_eq!(read(&reader, &format!("file:{}", other.join("apple/key").display())), Err(SecretProblem::Outside));
        // Its own folder by its absolute path would work today and break when the folder moves.
        assert_eq!(read(&reader, &format!("file:{}", own.join("apple/key").display())), Err(SecretProblem::Outside));
        assert_eq!(read(&reader, "file:absent"), Err(SecretProblem::NoFile));
        assert_eq!(read(&reader, "file:apple"), Err(SecretProblem::Denied));
        assert_eq!(read(&reader, "variable:x"), Err(SecretProblem::Unsupported));
        assert_eq!(read(&reader, "env:PASSERELLE_NO_SUCH_VARIABLE"), Err(SecretProblem::NoVariable));
        assert!(read(&reader, "env:PATH").is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_judged_by_where_it_ends() {
        let root = tempfile::tempdir().unwrap();
        let (own, mounted, other) = (root.path().join("demo"), root.path().join("secrets"), root.path().join("other"));
        for folder in [&own, &mounted, &other] {
            std::fs::create_dir_all(folder).unwrap();
            std::fs::write(folder.join("key"), b"k").unwrap();
        }
        std::os::unix::fs::symlink(other.join("key"), own.join("theirs")).unwrap();
        std::os::unix::fs::symlink(mounted.join("key"), own.join("mounted")).unwrap();
        std::os::unix::fs::symlink("key", own.join("mine")).unwrap();
        let reader = SecretReader::new(&own, std::slice::from_ref(&mounted));
        assert_eq!(read(&reader, "file:theirs"), Err(SecretProblem::Outside));
        assert!(read(&reader, "file:mounted").is_ok());
        assert!(read(&reader, "file:mine").is_ok());
    }

    #[test]
    fn a_secret_of_unlikely_size_is_refused() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("large"), vec![b'x'; 300 * 1024]).unwrap();
        std::fs::write(root.path().join("empty"), b"").unwrap();
        let reader = SecretReader::new(root.path(), &[]);
        assert_eq!(read(&reader, "file:large"), Err(SecretProblem::TooLarge));
        assert_eq!(read(&reader, "file:empty"), Err(SecretProblem::Empty));
    }
}
