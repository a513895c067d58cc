//! Google's own Python client, for the test that drives the simulator with it, in the versions that `tests/oracle/google` pins.

use std::path::PathBuf;

use anyhow::Result;

use crate::installed;
use crate::step::{Steps, root};

/// The Python that has the client.
pub fn python(steps: &mut Steps) -> Result<PathBuf> {
    let (list, folder) = (root().join("tests/oracle/google"), root().join("target/oracle/google-client"));
    Ok(installed::pip(steps, "Google's Python client", &list, &folder, &[])?.join("python"))
}
