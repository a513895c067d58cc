//! The program that runs Spin applications, for the tests that need one.
//!
//! Owns finding it (`SPIN_BIN`, `SPIN_UP`), what may be asked of the project's own host and of no other, and its name in the tests' output. Does not
//! own starting an edge (`passerelle_server::demo::edge`).

use std::path::{Path, PathBuf};

use passerelle_server::demo::edge::Spin;
use tokio::sync::{Mutex, MutexGuard};

/// Flags of the project's own host that a real Spin does not have.
#[derive(Clone, Copy)]
pub enum OwnFlag {
    ClockFile,
    Cache,
}

impl OwnFlag {
    fn text(self) -> &'static str {
        match self {
            Self::ClockFile => "--clock-file",
            Self::Cache => "--cache",
        }
    }
}

pub fn program() -> Spin {
    let program = std::env::var_os("SPIN_BIN").map(PathBuf::from);
    let words = std::env::var("SPIN_UP").unwrap_or_else(|_| "up".to_owned());
    Spin {
        program: program.expect("SPIN_BIN names the program that runs Spin applications; `cargo xtask test` sets it"),
        words: words.split_whitespace().map(Into::into).collect(),
        manifest: Path::new(env!("CARGO_MANIFEST_DIR")).join("../spin.toml"),
    }
}

/// The project's own host names all its flags in its help.
pub fn takes(spin: &Spin, flag: OwnFlag) -> bool {
    let help = std::process::Command::new(&spin.program).args(&spin.words).arg("--help").output().unwrap();
    let own = help.stdout.starts_with(b"usage: spin-host");
    own && String::from_utf8_lossy(&help.stdout).contains(flag.text())
}

/// Compiled components are kept from one edge to the next.
pub fn with_cache(spin: &Spin) -> Spin {
    let mut spin = spin.clone();
    if takes(&spin, OwnFlag::Cache) {
        spin.words.extend(["--cache".into(), concat!(env!("CARGO_TARGET_TMPDIR"), "/spin-cache").into()]);
    }
    spin
}

/// One starts after the other: the first compiles the component, the others find it.
pub async fn starting() -> MutexGuard<'static, ()> {
    static STARTING: Mutex<()> = Mutex::const_new(());
    STARTING.lock().await
}

/// What the tests ran on, for their output.
pub fn named(spin: &Spin) -> String {
    if takes(spin, OwnFlag::ClockFile) {
        return "the project's own host for Spin applications (SPIN_BIN names no real Spin)".to_owned();
    }
    let version = std::process::Command::new(&spin.program).arg("--version").output().ok();
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    format!("the Spin that SPIN_BIN names: {} {version}", spin.program.display())
}
