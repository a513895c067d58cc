//! Packages of npm and pip, in folders below `target`, in the versions that a list in the repository pins.
//!
//! Owns when they are installed: when the list is another one than last time, or the last time did not come to its end. Does not own the lists,
//! nor what the packages are for.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::step::Steps;
use crate::toolchain;

const MANIFEST: &str = "package.json";
pub const LOCK: &str = "package-lock.json";
/// Of an installation that came to its end: the lock file that it was made from.
const DONE: &str = "installed-from.json";
const REQUIREMENTS: &str = "requirements.txt";

/// Installs what the lock file in `source` names into `folder`. No script of a package is run.
pub fn npm(steps: &mut Steps, what: &str, source: &Path, folder: &Path) -> Result<()> {
    toolchain::program(steps, &toolchain::NODE)?;
    std::fs::create_dir_all(folder)?;
    for file in [MANIFEST, LOCK] {
        std::fs::copy(source.join(file), folder.join(file)).with_context(|| source.join(file).display().to_string())?;
    }
    let lock = std::fs::read(source.join(LOCK))?;
    if std::fs::read(folder.join(DONE)).is_ok_and(|done| done == lock) {
        return Ok(());
    }
    toolchain::program(steps, &toolchain::NPM)?;
    let mut npm = Command::new("npm");
    // Those for development, too, whatever NODE_ENV says: of a plugin that is all there is.
    npm.args(["ci", "--ignore-scripts", "--include=dev", "--no-audit", "--no-fund"]).current_dir(folder);
    steps.must(what, npm)?;
    std::fs::write(folder.join(DONE), lock)?;
    Ok(())
}

/// Makes `folder` a virtual environment with the packages that `requirements.txt` in `source` names; its programs are in the folder returned.
pub fn pip(steps: &mut Steps, what: &str, source: &Path, folder: &Path, options: &[&str]) -> Result<PathBuf> {
    let list = source.join(REQUIREMENTS);
    let wanted = std::fs::read_to_string(&list).with_context(|| list.display().to_string())?;
    let (programs, mark) = (folder.join("bin"), folder.join(REQUIREMENTS));
    let python = programs.join("python");
    if python.exists() && std::fs::read_to_string(&mark).is_ok_and(|made| made == wanted) {
        return Ok(programs);
    }
    toolchain::program(steps, &toolchain::PYTHON_VENV)?;
    let mut make = Command::new("python3");
    make.args(["-m", "venv", "--clear"]).arg(folder);
    steps.must(&format!("a place for {what}"), make)?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(options);
    install.arg("--requirement").arg(&list);
    steps.must(what, install)?;
    std::fs::write(&mark, wanted).with_context(|| mark.display().to_string())?;
    Ok(programs)
}
