//! The application on Spin: the same play, on the program that `SPIN_BIN` names (`cargo xtask test` brings one).

use std::path::{Path, PathBuf};

use passerelle_server::demo::edge::Spin;
use passerelle_server::demo::stage::{Stage, StageOptions};

fn spin() -> Spin {
    let program = std::env::var_os("SPIN_BIN").map(PathBuf::from);
    let words = std::env::var("SPIN_UP").unwrap_or_else(|_| "up".to_owned());
    Spin {
        program: program.expect("SPIN_BIN names the program that runs Spin applications; `cargo xtask test` sets it"),
        words: words.split_whitespace().map(Into::into).collect(),
        manifest: Path::new(env!("CARGO_MANIFEST_DIR")).join("../spin.toml"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_scenario_of_the_demo_ends_on_spin_as_on_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let options = StageOptions { spin: Some(spin()), ..StageOptions::default() };
    let stage = Stage::set(folder.path(), options).await.unwrap();
    let report = passerelle_server::demo::play(&stage).await.unwrap();
    let wrong: Vec<_> = report.scenarios.iter().filter(|scenario| !scenario.ok).collect();
    assert!(wrong.is_empty(), "{}", serde_json::to_string_pretty(&wrong).unwrap());
    stage.strike().await.unwrap();
}
