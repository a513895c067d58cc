//! The boundary of a folder: does a path end inside, whatever links lie on its way?
//!
//! Owns that question and nothing else. Where the system can resolve links (every Unix), they are followed and judged by where they end. WASI
//! has no such call, so there a link is refused wherever it leads: Spin copies what a link names when it mounts a folder, so only a
//! directly mounted folder can have one at all.

use std::io;
use std::path::{Path, PathBuf};

/// A folder whose inside is known.
#[derive(Clone, Debug)]
pub struct Boundary {
    root: PathBuf,
}

#[cfg(not(target_os = "wasi"))]
impl Boundary {
    pub fn of(folder: &Path) -> io::Result<Self> {
        Ok(Self { root: folder.canonicalize()? })
    }

    /// The path to open, all links resolved; none when it ends outside.
    pub fn inside(&self, path: &Path) -> io::Result<Option<PathBuf>> {
        let real = path.canonicalize()?;
        Ok(real.starts_with(&self.root).then_some(real))
    }
}

#[cfg(target_os = "wasi")]
impl Boundary {
    pub fn of(folder: &Path) -> io::Result<Self> {
        Ok(Self { root: folder.to_owned() })
    }

    /// The path to open; none when it is not below the folder, or a link is on its way.
    pub fn inside(&self, path: &Path) -> io::Result<Option<PathBuf>> {
        without_links(&self.root, path)
    }
}

/// The path itself, when it lies below `root` by its text and no part of it below `root` is a link.
#[cfg(any(target_os = "wasi", test))]
fn without_links(root: &Path, path: &Path) -> io::Result<Option<PathBuf>> {
    use std::path::Component;
    let Ok(rest) = path.strip_prefix(root) else { return Ok(None) };
    let mut walked = root.to_owned();
    for part in rest.components() {
        let Component::Normal(name) = part else { return Ok(None) };
        walked.push(name);
        if std::fs::symlink_metadata(&walked)?.is_symlink() {
            return Ok(None);
        }
    }
    Ok(Some(walked))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn without_resolution_every_link_is_refused_and_what_is_plain_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("tenants/demo");
        std::fs::create_dir_all(root.join("apple")).unwrap();
        std::fs::write(root.join("apple/pass.pem"), "x").unwrap();
        std::fs::write(folder.path().join("theirs"), "x").unwrap();
        symlink(folder.path().join("theirs"), root.join("out")).unwrap();
        symlink("apple", root.join("alias")).unwrap();
        let ask = |path: &str| without_links(&root, &root.join(path));
        assert_eq!(ask("apple/pass.pem").unwrap(), Some(root.join("apple/pass.pem")));
        assert_eq!(ask("out").unwrap(), None);
        assert_eq!(ask("alias/pass.pem").unwrap(), None);
        assert_eq!(ask("apple/../apple/pass.pem").unwrap(), None);
        assert_eq!(ask("/etc/passwd").unwrap(), None);
        assert_eq!(ask("absent").unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
