//! `passerelle demo`: the whole product on one machine in half a minute.
//!
//! Owns the order of the play: a simulated world, a server on real sockets, purchases, phones, the seven use cases, a scan, a burst, and the
//! table. Does not own the world (`passerelle_simulator`) nor anything that the server does. What it checks is what the phones show.

pub mod application;
pub mod client;
pub mod edge;
mod installations;
mod plugin_report;
mod plugins;
mod report;
mod scene;
mod scenes;
mod shown;
pub mod stage;

use std::path::{Path, PathBuf};

use anyhow::Context as _;

pub use plugin_report::{PluginEvent, PluginRow};
pub use report::{InstallationStep, Report, Scenario};

use crate::report_file;
use stage::{Stage, StageOptions};

pub struct DemoOptions {
    pub folder: Option<PathBuf>,
    pub report: Option<PathBuf>,
    pub stay: bool,
    pub connector: Option<Vec<u8>>,
    /// On Spin instead of a server.
    pub spin: Option<edge::Spin>,
    /// The folder with the example plugin in its three languages, which are then played, too.
    pub plugins: Option<PathBuf>,
}

/// Plays everything; `Ok(true)` when every scenario ended as the matrix says.
pub async fn run(options: DemoOptions) -> anyhow::Result<bool> {
    anyhow::ensure!(
        options.plugins.is_none() || options.spin.is_none(),
        "plugins are shown on a server: on Spin each is a component that the application is deployed with"
    );
    let temporary;
    let folder = match &options.folder {
        Some(folder) => {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
            folder.clone()
        }
        None => {
            temporary = tempfile::Builder::new().prefix("passerelle-demo-").tempdir()?;
            temporary.path().to_owned()
        }
    };
    let what = if options.spin.is_some() { "the edge" } else { "a server" };
    say(&format!(
        "Starting a simulated SecuTix, Apple, Google and phones, and {what} that knows only their addresses ..."
    ));
    let (connector, spin) = (options.connector.clone(), options.spin.clone());
    let stage = Stage::set(&folder, StageOptions { connector, spin, reports: true, ..StageOptions::default() }).await?;
    let before = started(&stage);
    let mut report = scenes::play(&stage).await;
    if let Some(plugins) = options.plugins.as_ref().filter(|_| report.error.is_none()) {
        report.add(play_plugins(&stage, &folder, plugins).await, stage.world.complaints());
    }
    report.print();
    if let Some(before) = before {
        say(&before);
        say(&format!("Afterwards: {}", memory(&stage).unwrap_or_default()));
    }
    if let Some(path) = &options.report {
        report_file::write(path, &report)?;
        say(&format!("The same as JSON: {}", path.display()));
    }
    if options.stay {
        stage.print_addresses(&folder);
        tokio::signal::ctrl_c().await?;
    }
    stage.strike().await?;
    Ok(report.ok)
}

/// How long the edge took to start, and what it holds; none on a server, which is this process.
fn started(stage: &Stage) -> Option<String> {
    let stage::On::Spin(edge) = &stage.on else { return None };
    Some(format!(
        "The edge answered {} ms after its start, most of it compiling where Spin has no compiled copy yet: {}",
        edge.started_in.as_millis(),
        memory(stage)?
    ))
}

fn memory(stage: &Stage) -> Option<String> {
    let stage::On::Spin(edge) = &stage.on else { return None };
    Some(format!("{} MB of memory", edge.memory()? / 1_000_000))
}

/// The play, on a stage that is set.
///
/// # Errors
/// When it could not be played to its end.
pub async fn play(stage: &Stage) -> anyhow::Result<Report> {
    let report = scenes::play(stage).await;
    match &report.error {
        Some(error) => anyhow::bail!("{error}"),
        None => Ok(report),
    }
}

/// The example plugin of each file in `plugins`, on a stage whose configuration is in `folder`.
///
/// # Errors
/// When it could not be played to its end.
pub async fn play_plugins(stage: &Stage, folder: &Path, plugins: &Path) -> anyhow::Result<Vec<PluginRow>> {
    plugins::play(stage, folder, plugins).await
}

/// Progress for the person in front of it; the table goes to standard output.
fn say(line: &str) {
    eprintln!("{line}");
}
