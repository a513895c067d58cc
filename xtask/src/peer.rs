//! The peer and oracle of passes: passkit-generator on Node.js, in `target/peer`, in the versions that `tests/peer` pins.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::installed;
use crate::step::{self, Steps};

const SOURCE: &str = "tests/peer";
const TARGET: &str = "target/peer";

/// Makes sure that it is there, with the scripts beside it as they are now. Returns its folder.
pub fn install(steps: &mut Steps) -> Result<PathBuf> {
    let (source, target) = (step::root().join(SOURCE), step::root().join(TARGET));
    std::fs::create_dir_all(&target)?;
    for file in std::fs::read_dir(&source).with_context(|| format!("{SOURCE} cannot be read"))? {
        let file = file?;
        std::fs::copy(file.path(), target.join(file.file_name()))?;
    }
    installed::npm(steps, "passkit-generator, for a second opinion", &source, &target)?;
    Ok(target)
}
