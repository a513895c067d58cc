//! The folder of machine code: what has become of each build, for this process and for those that only ask.
//!
//! Owns what lies beside an artefact, and when an artefact goes. Does not own their names and their loading (the sandbox), nor how they are made
//! (`compiler`).

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use passerelle_flow::plugin::Digest;
use passerelle_sandbox::Engine;
use passerelle_sandbox::artefact::Artefact;

use super::compiler::PATIENCE;
use super::durable::{self, UNFINISHED};

/// What is younger stays, whoever it belongs to: `passerelle plugin install` has a plugin compiled, three minutes at the most, before the plugin's own file is
/// in its place. An hour is far more than that and far less than what would fill a disk.
const AGE: Duration = Duration::from_secs(3_600);
const REFUSED: &str = ".refused";

/// What is known of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    Compiled,
    UnderWay,
    /// It may not run, in the sentence that says why.
    Refused(String),
    NotYet,
}

impl Standing {
    /// As the folder has it.
    pub fn of(engine: &Engine, folder: &Path, build: Digest) -> io::Result<Self> {
        if Artefact::find(engine, folder, build)?.is_some() {
            return Ok(Self::Compiled);
        }
        if let Some(why) = absent(fs::read_to_string(refusal(engine, folder, &build)))? {
            return Ok(Self::Refused(why));
        }
        let unfinished = format!(".{}.", Artefact::stem(engine, &build));
        let under_way = entries(folder)?.into_iter().any(|entry| {
            // One that is older was left by a process that was killed.
            entry.name.starts_with(&unfinished) && entry.age(SystemTime::now()).is_some_and(|age| age < PATIENCE)
        });
        Ok(if under_way { Self::UnderWay } else { Self::NotYet })
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compiled => f.write_str("compiled"),
            Self::UnderWay => f.write_str("being compiled"),
            Self::Refused(why) => write!(f, "none, it may not run: {why}"),
            Self::NotYet => f.write_str("not compiled yet: a running server does it as soon as it sees the file"),
        }
    }
}

/// Leaves word that a build may not run. A server knows by itself; this is for `passerelle plugin status`.
pub fn refuse(engine: &Engine, folder: &Path, build: &Digest, why: &str) {
    if let Err(error) = durable::write(&refusal(engine, folder, build), why.as_bytes()) {
        tracing::warn!(%error, "`passerelle plugin status` will not say why the plugin may not run");
    }
}

pub fn accept(engine: &Engine, folder: &Path, build: &Digest) {
    durable::forget(&refusal(engine, folder, build));
}

/// What was made, or left, of builds that nobody has any more, and by programs before this one: it may be deleted.
pub fn left(engine: &Engine, folder: &Path, used: &BTreeSet<Digest>, now: SystemTime) -> io::Result<Vec<PathBuf>> {
    let stems: BTreeSet<String> = used.iter().map(|build| Artefact::stem(engine, build)).collect();
    let goes = |entry: &Entry| {
        let whole = entry.name.ends_with(".cwasm") || entry.name.ends_with(REFUSED);
        let kept = whole && stems.iter().any(|stem| entry.name.starts_with(stem));
        let ours = whole || entry.name.ends_with(UNFINISHED);
        ours && !kept && entry.age(now).is_some_and(|age| age >= AGE)
    };
    Ok(entries(folder)?.into_iter().filter(goes).map(|entry| entry.path).collect())
}

fn refusal(engine: &Engine, folder: &Path, build: &Digest) -> PathBuf {
    folder.join(format!("{}{REFUSED}", Artefact::stem(engine, build)))
}

struct Entry {
    name: String,
    path: PathBuf,
    written: Option<SystemTime>,
}

impl Entry {
    /// None: from the future, or of a file system without times, and so of no age.
    fn age(&self, now: SystemTime) -> Option<Duration> {
        now.duration_since(self.written?).ok()
    }
}

fn entries(folder: &Path) -> io::Result<Vec<Entry>> {
    let Some(entries) = absent(fs::read_dir(folder))? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let written = entry.metadata().and_then(|about| about.modified()).ok();
        found.push(Entry { name: entry.file_name().to_string_lossy().into_owned(), path: entry.path(), written });
    }
    Ok(found)
}

fn absent<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        found => found.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine() -> Engine {
        Engine::new(passerelle_sandbox::Capacity::default()).unwrap()
    }

    #[test]
    fn machine_code_goes_an_hour_after_the_last_tenant_has_let_go_of_its_build() {
        let (engine, folder) = (engine(), tempfile::tempdir().unwrap());
        let (used, gone) = ([1; 32], [2; 32]);
        let at = |build| Artefact::of(&engine, folder.path(), build, [9; 32]).path().to_owned();
        let unfinished = durable::unfinished(&folder.path().join(Artefact::stem(&engine, &used)));
        let earlier = folder.path().join(format!("{}-0123456789abcdef-00.cwasm", hex::encode(used)));
        let strange = folder.path().join("README");
        for file in [&at(used), &at(gone), &unfinished, &earlier, &strange] {
            fs::write(file, b"x").unwrap();
        }
        refuse(&engine, folder.path(), &gone, "why");
        let goes = |now| super::left(&engine, folder.path(), &[used].into(), now).unwrap();
        let now = SystemTime::now();
        assert!(goes(now).is_empty(), "young");
        let mut expected = vec![at(gone), unfinished, earlier, refusal(&engine, folder.path(), &gone)];
        let mut found = goes(now + AGE + Duration::from_secs(60));
        expected.sort();
        found.sort();
        assert_eq!(found, expected);
    }

    #[test]
    fn what_has_become_of_a_build_is_read_from_the_folder_by_anybody() {
        let (engine, folder) = (engine(), tempfile::tempdir().unwrap());
        let (build, nowhere) = ([1; 32], folder.path().join("nowhere"));
        let standing = || Standing::of(&engine, folder.path(), build).unwrap();
        assert_eq!(Standing::of(&engine, &nowhere, build).unwrap(), Standing::NotYet);
        assert_eq!(standing(), Standing::NotYet);
        let unfinished = durable::unfinished(&folder.path().join(Artefact::stem(&engine, &build)));
        fs::write(&unfinished, b"").unwrap();
        assert_eq!(standing(), Standing::UnderWay);
        refuse(&engine, folder.path(), &build, "it imports something");
        assert_eq!(standing(), Standing::Refused("it imports something".to_owned()));
        accept(&engine, folder.path(), &build);
        fs::write(Artefact::of(&engine, folder.path(), build, [9; 32]).path(), b"x").unwrap();
        assert_eq!(standing(), Standing::Compiled);
    }
}
