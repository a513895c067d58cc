//! Google's own Python client, for the test that drives the simulator with it.
//!
//! Owns the virtual environment below `target`, made once for the pinned list (`tests/oracle/google/requirements.txt`) and made anew when that changes.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::step::{Steps, root};
use crate::toolchain;

/// The Python that has the client.
pub fn python(steps: &mut Steps) -> Result<PathBuf> {
    let list = root().join("tests/oracle/google/requirements.txt");
    let folder = root().join("target/oracle/google-client");
    let python = folder.join("bin/python");
    let mark = folder.join("requirements.txt");
    let wanted = std::fs::read_to_string(&list).with_context(|| list.display().to_string())?;
    if python.exists() && std::fs::read_to_string(&mark).is_ok_and(|made| made == wanted) {
        return Ok(python);
    }
    toolchain::program(steps, &toolchain::PYTHON_VENV)?;
    let mut make = Command::new("python3");
    make.args(["-m", "venv", "--clear"]).arg(&folder);
    steps.must("a place for Google's Python client", make)?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&list);
    steps.must("Google's Python client", install)?;
    std::fs::write(&mark, wanted).with_context(|| mark.display().to_string())?;
    Ok(python)
}
