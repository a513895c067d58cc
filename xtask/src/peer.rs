//! The peer and oracle of passes: passkit-generator on Node.js, in `target/peer`, in the versions that `tests/peer` pins.
//!
//! Installed from the lock file, with no script of a package run. Installed again only when what is pinned has changed.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::step::{self, Steps};
use crate::toolchain;

const SOURCE: &str = "tests/peer";
const TARGET: &str = "target/peer";
/// Of an installation that came to its end: the lock file that it was made from.
const DONE: &str = "installed-from.json";
const LOCK: &str = "package-lock.json";

/// Makes sure that it is there, with the scripts beside it as they are now. Returns its folder.
pub fn install(steps: &mut Steps) -> Result<PathBuf> {
    toolchain::program(steps, &toolchain::NODE)?;
    let (source, target) = (step::root().join(SOURCE), step::root().join(TARGET));
    std::fs::create_dir_all(&target)?;
    for file in std::fs::read_dir(&source).with_context(|| format!("{SOURCE} cannot be read"))? {
        let file = file?;
        std::fs::copy(file.path(), target.join(file.file_name()))?;
    }
    let lock = std::fs::read(source.join(LOCK))?;
    if std::fs::read(target.join(DONE)).is_ok_and(|done| done == lock) {
        return Ok(target);
    }
    toolchain::program(steps, &toolchain::NPM)?;
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&target);
    steps.must("passkit-generator, for a second opinion", npm)?;
    std::fs::write(target.join(DONE), lock)?;
    Ok(target)
}
