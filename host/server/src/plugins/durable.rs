//! Files that are whole or not there, also after the power failed.
//!
//! Owns the order that makes them so: written beside under a name of its own, synced, renamed, and the folder synced after it. Two who write the same
//! file at the same time write two; the last to rename wins.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// How the names of files end that are not whole yet.
pub const UNFINISHED: &str = ".new";

/// A name beside a file that nobody else uses: this process's id, and how many it has made.
pub fn unfinished(file: &Path) -> PathBuf {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    // A dot in front: such a file is nobody's plugin and no part of a tenant.
    let dot = if name.starts_with('.') { "" } else { "." };
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    file.with_file_name(format!("{dot}{name}.{}-{number}{UNFINISHED}", std::process::id()))
}

/// A file that is whole, and has not taken its place yet. Dropped, it is gone.
pub struct Beside {
    path: PathBuf,
    to: PathBuf,
}

impl Beside {
    pub fn written(to: &Path, content: &[u8]) -> io::Result<Self> {
        let beside = Self { path: unfinished(to), to: to.to_owned() };
        let mut file = OpenOptions::new().write(true).create_new(true).open(&beside.path)?;
        file.write_all(content)?;
        file.sync_all()?;
        Ok(beside)
    }

    pub fn copied(from: &Path, to: &Path) -> io::Result<Self> {
        let beside = Self { path: unfinished(to), to: to.to_owned() };
        fs::copy(from, &beside.path)?;
        File::open(&beside.path)?.sync_all()?;
        Ok(beside)
    }

    pub fn take_place(self) -> io::Result<()> {
        rename(&self.path, &self.to)
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // Nothing has this name any more where it has taken its place.
        forget(&self.path);
    }
}

pub fn write(to: &Path, content: &[u8]) -> io::Result<()> {
    Beside::written(to, content)?.take_place()
}

/// Two files get each other's names, at once. False: this file system, or this system, has no such thing.
#[cfg(target_os = "linux")]
pub fn exchange(one: &Path, other: &Path) -> io::Result<bool> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE) {
        Ok(()) => sync_folder(one).map(|()| true),
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(target_os = "linux"))]
pub fn exchange(_: &Path, _: &Path) -> io::Result<bool> {
    Ok(false)
}

/// To another name in the same folder; what had it is gone.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    sync_folder(to)
}

/// What did not become whole is in nobody's way; where it stays, it is only room.
pub fn forget(unfinished: &Path) {
    let _ = fs::remove_file(unfinished);
}

#[cfg(unix)]
fn sync_folder(of: &Path) -> io::Result<()> {
    of.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// Elsewhere a folder cannot be opened to be synced.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_who_write_one_file_at_a_time_leave_one_of_the_two_whole_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("plugin.wasm");
        std::thread::scope(|scope| {
            for content in [[1; 10_000], [2; 10_000]] {
                let file = &file;
                scope.spawn(move || (0..20).for_each(|_| write(file, &content).unwrap()));
            }
        });
        let whole = fs::read(&file).unwrap();
        assert!(whole == [1; 10_000] || whole == [2; 10_000]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_ne!(unfinished(&file), unfinished(&file));
    }

    #[test]
    fn what_cannot_take_its_place_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("plugin.wasm");
        fs::create_dir(&taken).unwrap();
        assert!(write(&taken, b"x").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
