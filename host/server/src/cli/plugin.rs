//! The words of `passerelle plugin`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{Configured, Since, TenantName};

/// Whose plugin.
#[derive(Args)]
pub struct PluginOf {
    #[command(flatten)]
    pub configured: Configured,
    /// The tenant.
    pub tenant: TenantName,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Language {
    Rust,
    Js,
    Python,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// The file that `plugin install` takes.
    Server,
    /// Completed with the default of every hook that it does not have, since Spin composes no component with an absent export.
    Spin,
}

/// What a replay compares.
#[derive(Args)]
pub struct Replay {
    /// The component that is tried.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    pub configured: Configured,
    /// Whose events and passes, and whose plugin it is compared with.
    #[arg(long)]
    pub tenant: TenantName,
    /// What was heard of since: a day (2026-11-01), a moment (2026-11-01T20:00:00Z), or days or hours back (7d, 24h).
    #[arg(long, value_name = "WHEN", default_value = "7d")]
    pub since: Since,
    /// What requests are answered with, the same for both: JSON as under `answers` of a case, or a case. Without it, and for a name that is not
    /// there, they fail as unreachable.
    #[arg(long, value_name = "FILE")]
    pub answers: Option<PathBuf>,
    /// Also show what both make the same of.
    #[arg(long)]
    pub all: bool,
    /// Show the values of variables that shape-payload sets, which may name people. Otherwise their names, and whether they differ.
    #[arg(long)]
    pub show_values: bool,
}

#[derive(Subcommand)]
pub enum Plugin {
    /// Begin a plugin: a folder with one hook done, a case to try it with, and the commands to go on. Needs no network.
    New {
        /// The language that it is written in.
        #[arg(long, value_enum)]
        lang: Language,
        /// Its name: small letters, digits and -. Also the folder's.
        name: String,
        /// Where to make the folder. Default: here.
        #[arg(long, value_name = "DIR", default_value = ".")]
        into: PathBuf,
    },

    /// Make a component of a plugin's source, DIR/NAME.wasm. Rust needs cargo with the target wasm32-unknown-unknown, JavaScript Node.js 20, Python
    /// Python 3.10; the compilers of the last two are installed into the folder.
    Build {
        /// The folder: with Cargo.toml, package.json or requirements.txt.
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// Where to write the component. Default: DIR/NAME.wasm, NAME being the folder's.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Where it is to run.
        #[arg(long = "for", value_enum, default_value = "server")]
        target: Target,
    },

    /// Say what a component is: whether it may run here, what it imports, which hooks it has, and what differs from the installed one.
    Check {
        /// The component.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Compare with the plugin of this tenant.
        #[arg(long)]
        tenant: Option<TenantName>,
        #[command(flatten)]
        configured: Configured,
        /// Write the same as JSON, with a top-level `ok`.
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
    },

    /// Play recorded events to a component, without a network: what it asks for is answered from the case, and what it would send is shown.
    Test {
        /// The component.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// A case; repeat for several.
        #[arg(long = "case", value_name = "FILE", required = true)]
        cases: Vec<PathBuf>,
        /// Play them as for this tenant: with its limits, and with what its list of addresses and its credentials do not permit denied, which is no
        /// success. Default: for nobody, and nothing is denied.
        #[arg(long)]
        tenant: Option<TenantName>,
        #[command(flatten)]
        configured: Configured,
        /// Write the same as JSON: {"ok":bool,"cases":[...]}.
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
    },

    /// Show what a component would have made of the last events and passes, beside what the installed one makes of them, as a difference. Nothing
    /// is sent.
    Replay(Replay),

    /// Put a component in force for a tenant. A running server takes it up by itself and loses no event; the one before it is kept.
    Install {
        #[command(flatten)]
        of: PluginOf,
        /// The component; it becomes plugin.wasm in the tenant's folder.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },

    /// Exchange the plugin in force and the one before it.
    Rollback {
        #[command(flatten)]
        of: PluginOf,
    },

    /// Take the plugin out of force: every hook means its default, and what waited for it is given up.
    Remove {
        #[command(flatten)]
        of: PluginOf,
    },

    /// Which plugin a tenant has, what it may do, and what waits for it.
    Status {
        #[command(flatten)]
        of: PluginOf,
    },

    /// Give a plugin events again after it was switched off because it failed for days.
    Enable {
        #[command(flatten)]
        of: PluginOf,
    },

    /// Machine code of the component on standard input. What a server starts to compile a plugin; of no use to a person.
    #[command(hide = true)]
    Compile {
        #[arg(value_name = "FILE")]
        to: PathBuf,
    },
}

impl Plugin {
    pub fn report(&self) -> Option<&std::path::Path> {
        match self {
            Self::Check { report, .. } | Self::Test { report, .. } => report.as_deref(),
            _ => None,
        }
    }
}
