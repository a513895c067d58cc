//! Reads the files that a folder's references name.
//!
//! Owns the rule of which files may be opened: a tenant's references reach its own folder and the folders that the operator listed, links
//! followed and judged by where they end. Does not own the notation (`passerelle_flow::tenant::secret`) nor what the bytes mean.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use passerelle_flow::tenant::secret::SecretProblem;
use zeroize::Zeroizing;

use crate::boundary::Boundary;

/// A chain of certificates is some 10 KB, a service account's file 2 KB.
const SECRET_LIMIT: u64 = 256 * 1024;

/// Opens files on behalf of one folder.
#[derive(Clone, Debug)]
pub struct FileSecrets {
    folder: PathBuf,
    /// Absolute paths must lie below one of these.
    permitted: Vec<PathBuf>,
}

impl FileSecrets {
    pub fn new(folder: impl Into<PathBuf>, permitted: &[PathBuf]) -> Self {
        Self { folder: folder.into(), permitted: permitted.to_vec() }
    }

    /// The content of the file at `path`, as a `file:` reference writes it.
    pub fn read(&self, path: &str) -> Result<Zeroizing<Vec<u8>>, SecretProblem> {
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

    /// Where the file is, links followed; for who looks at its permissions.
    pub fn locate(&self, path: &str) -> Option<PathBuf> {
        self.resolve(path).ok()
    }

    fn resolve(&self, path: &str) -> Result<PathBuf, SecretProblem> {
        let path = Path::new(path);
        let full = self.folder.join(path);
        // A relative path may end, through a link, in a permitted folder as well: that is how mounted secrets are linked into a folder.
        let own = path.is_relative().then_some(&self.folder);
        for root in own.into_iter().chain(&self.permitted) {
            // A permitted folder that is not there permits nothing.
            let Ok(root) = Boundary::of(root) else { continue };
            if let Some(real) = root.inside(&full).map_err(problem)? {
                return Ok(real);
            }
        }
        match full.symlink_metadata() {
            Ok(_) => Err(SecretProblem::Outside),
            Err(error) => Err(problem(error)),
        }
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

    fn read(reader: &FileSecrets, path: &str) -> Result<Vec<u8>, SecretProblem> {
        reader.read(path).map(|content| content.to_vec())
    }

    #[test]
    fn a_tenant_reads_its_own_folder_and_the_permitted_ones() {
        let root = tempfile::tempdir().unwrap();
        let (own, mounted, other) = (root.path().join("demo"), root.path().join("secrets"), root.path().join("other"));
        for folder in [&own, &mounted, &other] {
            std::fs::create_dir_all(folder.join("apple")).unwrap();
            std::fs::write(folder.join("apple/key"), folder.file_name().unwrap().as_encoded_bytes()).unwrap();
        }
        let reader = FileSecrets::new(&own, std::slice::from_ref(&mounted));
        assert_eq!(read(&reader, "apple/key").unwrap(), b"demo");
        assert_eq!(read(&reader, &format!("{}", mounted.join("apple/key").display())).unwrap(), b"secrets");
        assert_eq!(read(&reader, &format!("{}", other.join("apple/key").display())), Err(SecretProblem::Outside));
        // Its own folder by its absolute path would work today and break when the folder moves.
        assert_eq!(read(&reader, &format!("{}", own.join("apple/key").display())), Err(SecretProblem::Outside));
        assert_eq!(read(&reader, "absent"), Err(SecretProblem::NoFile));
        assert_eq!(read(&reader, "apple"), Err(SecretProblem::Denied));
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
        let reader = FileSecrets::new(&own, std::slice::from_ref(&mounted));
        assert_eq!(read(&reader, "theirs"), Err(SecretProblem::Outside));
        assert!(read(&reader, "mounted").is_ok());
        assert!(read(&reader, "mine").is_ok());
    }

    #[test]
    fn a_secret_of_unlikely_size_is_refused() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("large"), vec![b'x'; 300 * 1024]).unwrap();
        std::fs::write(root.path().join("empty"), b"").unwrap();
        let reader = FileSecrets::new(root.path(), &[]);
        assert_eq!(read(&reader, "large"), Err(SecretProblem::TooLarge));
        assert_eq!(read(&reader, "empty"), Ok(Vec::new()));
    }
}
