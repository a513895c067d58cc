//! Whose a file is: machine code is run from what this account alone may write.
//!
//! Owns the judgement of owner and mode. Where a system has neither, the folder is its administrator's to guard.

use std::path::{Path, PathBuf};

/// Each says what to do, since nothing is run before somebody does.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    #[error("{} cannot be looked at: {source}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error(
        "{} belongs to another account, which could put machine code there for this one to run: delete it, and it is made again",
        .0.display()
    )]
    Foreign(PathBuf),
    #[error(
        "{} may be written by other accounts, which could put machine code there for this one to run: delete it, and it is made again",
        .0.display()
    )]
    Open(PathBuf),
}

/// Is it this account's, and nobody else's to write? Of a symbolic link that is asked of what it leads to.
#[cfg(unix)]
pub fn own(path: &Path) -> Result<(), AccountError> {
    use std::os::unix::fs::MetadataExt as _;
    let about = std::fs::metadata(path).map_err(|source| AccountError::Unreadable { path: path.to_owned(), source })?;
    judge(path, about.uid(), about.mode(), rustix::process::geteuid().as_raw())
}

#[cfg(not(unix))]
pub fn own(_: &Path) -> Result<(), AccountError> {
    Ok(())
}

#[cfg(unix)]
fn judge(path: &Path, owner: u32, mode: u32, account: u32) -> Result<(), AccountError> {
    /// `S_IWGRP` and `S_IWOTH`.
    const OTHERS_WRITE: u32 = 0o022;
    if owner != account {
        return Err(AccountError::Foreign(path.to_owned()));
    }
    if mode & OTHERS_WRITE != 0 {
        return Err(AccountError::Open(path.to_owned()));
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_another_account_or_may_be_written_by_others_is_refused_with_what_to_do() {
        let path = Path::new("/var/lib/passerelle/passerelle.plugins");
        assert!(judge(path, 7, 0o040_700, 7).is_ok());
        assert!(judge(path, 7, 0o100_644, 7).is_ok());
        for (owner, mode, words) in [
            (8, 0o040_700, "belongs to another account"),
            (0, 0o040_700, "belongs to another account"),
            (7, 0o040_770, "by other accounts"),
            (7, 0o100_602, "by other accounts"),
        ] {
            let sentence = judge(path, owner, mode, 7).unwrap_err().to_string();
            assert!(sentence.contains(words) && sentence.contains("delete it"), "{sentence}");
        }
    }
}
